"""The documents as the published schema and documentation describe them, for the simulator alone.

Written apart from `safehold.cybertip.document` on purpose: a mistake made there is not made here too.
A line is `type: child:its-type<times> ...` in the schema's order; times are ! once, ? at most once,
* any number, + at least once. `( a | b )` is a choice. Types in capitals are simple, see `simple`;
a number behind one is the documented greatest length.

Others in this package use `PUBLISHED` (the schema of November 2025) and `NEWER` (with the elements that only
readers of the 2026 documentation report), both a `Grammar`; tests read the tables of `PUBLISHED` by their names.

Sources: NCMEC XSD of November 2025; ISPWS documentation of 2025-06-11; for `NEWER`, three second-hand readings of 2026.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Child(NamedTuple):
    """One place in a sequence: the elements that may stand there, each with its type, and how often."""

    names: dict[str, str]
    least: int
    most: int | None


@dataclass(frozen=True)
class Grammar:
    """Types by name. A type is in exactly one of `sequence`, `text` (simple content) and `flags`."""

    sequence: dict[str, list[Child]]
    attribute: dict[str, dict[str, tuple[str, bool]]]  # name of the attribute -> its type, and whether it must be there
    text: dict[str, str]  # type -> simple type of its own text
    flags: dict[str, tuple[str, ...]]  # presence flags: any order, each at most once, empty or `true`

    def complex_types(self) -> Iterator[str]:
        """The name of every type that is not simple."""
        yield from self.sequence
        yield from self.text
        yield from self.flags


_SEQUENCES = """
report: batchedReport:batched? incidentSummary:summary! internetDetails:details* lawEnforcement:police?
 reporter:reporter! personOrUserReported:reported* intendedRecipient:recipient* victim:victim* additionalInfo:TEXT?
batched:
summary: incidentType:INCIDENT! platform:TEXT256? escalateToHighPriority:FILLED3000? reportAnnotations:marks?
 incidentDateTime:TIME! incidentDateTimeDescription:TEXT3000?
details: ( webPageIncident:web | emailIncident:mail | newsgroupIncident:news | chatImIncident:chat
 | onlineGamingIncident:game | cellPhoneIncident:cell | nonInternetIncident:offline | peer2peerIncident:p2p )!
web: url:URL* additionalInfo:TEXT?
mail: emailAddress:EMAIL* content:TEXT? additionalInfo:TEXT?
news: name:TEXT255? emailAddress:EMAIL* content:TEXT? additionalInfo:TEXT?
chat: chatClient:TEXT255? chatRoomName:TEXT255? content:TEXT? additionalInfo:TEXT?
game: gameName:TEXT255? console:TEXT255? content:TEXT? additionalInfo:TEXT?
cell: phoneNumber:phone? latitude:NUMBER? longitude:NUMBER? additionalInfo:TEXT?
offline: locationName:TEXT255? incidentAddress:address* additionalInfo:TEXT?
p2p: client:TEXT255? ipCaptureEvent:ip* fileNames:TEXT? additionalInfo:TEXT?
police: agencyName:TEXT255! caseNumber:TEXT100? officerContact:contact? reportedToLe:BOOL?
 servedLegalProcessDomestic:BOOL? servedLegalProcessInternational:abroad?
reporter: reportingPerson:person! contactPerson:contact? companyTemplate:TEXT? termsOfService:TEXT? legalURL:URL?
person: firstName:TEXT100? lastName:TEXT100? phone:phone* email:email* address:address* age:AGE? dateOfBirth:DAY?
contact: firstName:TEXT100? lastName:TEXT100? phone:phone* email:email* address:address*
address: address:TEXT255? city:TEXT100? zipCode:TEXT20? state:STATE? nonUsaState:TEXT100? country:COUNTRY?
ip: ipAddress:IP! eventName:EVENT? dateTime:TIME? possibleProxy:BOOL? port:PORT?
device: idType:TEXT255! idValue:TEXT2083! eventName:EVENT? dateTime:TIME?
place: city:TEXT255? region:TEXT255? countryCode:COUNTRY?
reported: personOrUserReportedPerson:person? vehicleDescription:TEXT300? espIdentifier:TEXT255? espService:TEXT100?
 compromisedAccount:BOOL? screenName:TEXT256? displayName:TEXT255* profileUrl:URL* profileBio:TEXT? ipCaptureEvent:ip*
 deviceId:device* thirdPartyUserReported:BOOL? priorCTReports:ID* groupIdentifier:TEXT255?
 accountTemporarilyDisabled:paused? accountPermanentlyDisabled:closed? estimatedLocation:place?
 allEmailsReported:BOOL? associatedAccount:associated* additionalInfo:TEXT?
recipient: intendedRecipientPerson:person? espIdentifier:TEXT255? espService:TEXT100? compromisedAccount:BOOL?
 screenName:TEXT256? displayName:TEXT255* profileUrl:URL* profileBio:TEXT? ipCaptureEvent:ip* deviceId:device*
 priorCTReports:ID* groupIdentifier:TEXT255? accountTemporarilyDisabled:paused? accountPermanentlyDisabled:closed?
 estimatedLocation:place? allEmailsReported:BOOL? additionalInfo:TEXT*
victim: victimPerson:person! espIdentifier:TEXT255? espService:TEXT100? compromisedAccount:BOOL? screenName:TEXT256?
 displayName:TEXT255* profileUrl:URL* profileBio:TEXT? ipCaptureEvent:ip* deviceId:device* schoolName:TEXT255?
 priorCTReports:ID* accountTemporarilyDisabled:paused? accountPermanentlyDisabled:closed? estimatedLocation:place?
 allEmailsReported:BOOL? associatedAccount:associated* additionalInfo:TEXT?
associated: platform:where? firstName:TEXT256? middleName:TEXT256? lastName:TEXT256? approximateAge:AGE?
 dateOfBirth:DAY? phone:phone* email:email* allEmailsReported:BOOL? address:address* espService:TEXT256?
 espIdentifier:TEXT256? profileUrl:URL* screenName:TEXT256? displayName:TEXT255* profileBio:TEXT?
 groupIdentifier:TEXT256? compromisedAccount:BOOL? accountTemporarilyDisabled:paused?
 accountPermanentlyDisabled:closed? ipCaptureEvent:ip*
 deviceId:device* priorCTReport:ID* additionalInfo:TEXT?
fileDetails: reportId:ID! fileId:TOKEN! fileName:TEXT? originalFileName:TEXT2056? uploadedToEspTimestamp:TIME?
 locationOfFile:URL? fileViewedByEsp:BOOL? exifViewedByEsp:BOOL? publiclyAvailable:BOOL?
 fileRelevance:RELEVANCE? ( potentialMeme:BOOL | fileAnnotations:fileMarks )?
 industryClassification:CLASSIFICATION? originalFileHash:hash* ipCaptureEvent:ip? deviceId:device*
 details:exif* additionalInfo:TEXT*
exif: nameValuePair:pair+
pair: name:TEXT64! value:TEXT!
"""

# Attributes of a type; ! = required. `=` names the type of the element's own text.
_ATTRIBUTES = """
batched: reason:BATCH!
web: thirdPartyHostedContent:BOOL
abroad: =BOOL fleaCountry:COUNTRY
phone: =TEXT50 type:PHONETYPE verified:BOOL verificationDate:TIME countryCallingCode:CALLING extension:EXTENSION10
email: =EMAIL type:EMAILTYPE verified:BOOL verificationDate:TIME
address: type:ADDRESSTYPE
place: verified:BOOL timestamp:TIME
paused: =BOOL disabledDate:TIME userNotified:BOOL userNotifiedDate:TIME reenabledDate:TIME
closed: =BOOL disabledDate:TIME userNotified:BOOL userNotifiedDate:TIME
associated: type:ASSOCIATION!
where: =TEXT256 thirdPartyUser:BOOL
hash: =TEXT hashType:TEXT64!
exif: type:DETAILS
"""

_FLAGS = """
marks: sextortion csamSolicitation minorToMinorInteraction spam sadisticOnlineExploitation
fileMarks: animeDrawingVirtualHentai potentialMeme viral possibleSelfProduction physicalHarm violenceGore bestiality
 liveStreaming infant generativeAi
"""

# What three readers of the 2026 documentation report, one of them alone for the last two flags: not in the schema read.
_NEWER_FLAGS = " informational potentialAggravatingFactors instrumentalUse"
_NEWER_ELEMENTS = (
    (" age:AGE? dateOfBirth:DAY?", " age:AGE? ageAssertionDiscrepancy:BOOL? dateOfBirth:DAY?"),
    (" approximateAge:AGE?\n", " approximateAge:AGE? ageAssertionDiscrepancy:BOOL?\n"),
)

_TIMES = {"!": (1, 1), "?": (0, 1), "*": (0, None), "+": (1, None)}
_PLACE = re.compile(r"\((?P<choice>[^)]*)\)(?P<how>[!?*+])|(?P<one>[\w]+:\w+)(?P<often>[!?*+])")


def _lines(text: str) -> dict[str, str]:
    """Each type's line, continuation lines joined."""
    found: dict[str, str] = {}
    for line in text.strip().replace("\n ", " ").splitlines():
        name, _colon, rest = line.partition(":")
        found[name] = rest
    return found


def _sequence(text: str) -> list[Child]:
    places = []
    for match in _PLACE.finditer(text):
        names = match["choice"].split("|") if match["choice"] else [match["one"]]
        pairs = dict(name.strip().split(":") for name in names)
        places.append(Child(pairs, *_TIMES[match["how"] or match["often"]]))
    return places


def _grammar(sequences: str, flags: str) -> Grammar:
    """The tables of one edition."""
    text: dict[str, str] = {}
    attribute: dict[str, dict[str, tuple[str, bool]]] = {}
    for name, words in _lines(_ATTRIBUTES).items():
        attribute[name] = {}
        for word in words.split():
            if word.startswith("="):
                text[name] = word[1:]
            else:
                own, kind = word.rstrip("!").split(":")
                attribute[name][own] = (kind, word.endswith("!"))
    return Grammar(
        sequence={name: _sequence(line) for name, line in _lines(sequences).items()},
        attribute=attribute,
        text=text,
        flags={name: tuple(words.split()) for name, words in _lines(flags).items()},
    )


def _newer() -> Grammar:
    sequences = _SEQUENCES
    for old, new in _NEWER_ELEMENTS:
        if sequences.count(old) != 1:
            raise AssertionError(f"The newer elements have lost their place: {old!r}.")
        sequences = sequences.replace(old, new)
    marks = "sadisticOnlineExploitation"
    return _grammar(sequences, _FLAGS.replace(marks, marks + _NEWER_FLAGS))


PUBLISHED = _grammar(_SEQUENCES, _FLAGS)
NEWER = _newer()
SEQUENCE, ATTRIBUTE, FLAGS = PUBLISHED.sequence, PUBLISHED.attribute, PUBLISHED.flags
