"""The published schema as a table: written for the tests alone, apart from the models and from the simulator.

A line is `type: element:type<times>…` in the schema's order (! once, ? at most once, * any number, + at least once,
`|` between elements that exclude one another), then the attributes after `@` (! = required). A type in small letters
is another line; `-` is a plain value. Source: NCMEC XSD of November 2025; `NEWER` as second-hand readers of 2026 tell.
"""

import re
from collections.abc import Iterator

TABLE = """
report: batchedReport:batched? incidentSummary:summary! internetDetails:details* lawEnforcement:agency?
  reporter:reporter! personOrUserReported:suspect* intendedRecipient:recipient* victim:victim* additionalInfo:-?
batched: @reason!
summary: incidentType:-! platform:-? escalateToHighPriority:-? reportAnnotations:flags? incidentDateTime:-!
  incidentDateTimeDescription:-?
flags: sextortion:-?|csamSolicitation:-?|minorToMinorInteraction:-?|spam:-?|sadisticOnlineExploitation:-?
details: webPageIncident:web?|emailIncident:mail?|newsgroupIncident:news?|chatImIncident:chat?
  |onlineGamingIncident:game?|cellPhoneIncident:cell?|nonInternetIncident:offline?|peer2peerIncident:peer?
web: url:-* additionalInfo:-? @thirdPartyHostedContent
mail: emailAddress:-* content:-? additionalInfo:-?
news: name:-? emailAddress:-* content:-? additionalInfo:-?
chat: chatClient:-? chatRoomName:-? content:-? additionalInfo:-?
game: gameName:-? console:-? content:-? additionalInfo:-?
cell: phoneNumber:phone? latitude:-? longitude:-? additionalInfo:-?
offline: locationName:-? incidentAddress:address* additionalInfo:-?
peer: client:-? ipCaptureEvent:ip* fileNames:-? additionalInfo:-?
agency: agencyName:-! caseNumber:-? officerContact:contact? reportedToLe:-? servedLegalProcessDomestic:-?
  servedLegalProcessInternational:abroad?
abroad: @fleaCountry
reporter: reportingPerson:person! contactPerson:contact? companyTemplate:-? termsOfService:-? legalURL:-?
person: firstName:-? lastName:-? phone:phone* email:email* address:address* age:-? dateOfBirth:-?
contact: firstName:-? lastName:-? phone:phone* email:email* address:address*
phone: @type @verified @verificationDate @countryCallingCode @extension
email: @type @verified @verificationDate
address: address:-? city:-? zipCode:-? state:-? nonUsaState:-? country:-? @type
ip: ipAddress:-! eventName:-? dateTime:-? possibleProxy:-? port:-?
device: idType:-! idValue:-! eventName:-? dateTime:-?
place: city:-? region:-? countryCode:-? @verified @timestamp
paused: @disabledDate @userNotified @userNotifiedDate @reenabledDate
closed: @disabledDate @userNotified @userNotifiedDate
suspect: personOrUserReportedPerson:person? vehicleDescription:-? espIdentifier:-? espService:-? compromisedAccount:-?
  screenName:-? displayName:-* profileUrl:-* profileBio:-? ipCaptureEvent:ip* deviceId:device* thirdPartyUserReported:-?
  priorCTReports:-* groupIdentifier:-? accountTemporarilyDisabled:paused? accountPermanentlyDisabled:closed?
  estimatedLocation:place? allEmailsReported:-? associatedAccount:associated* additionalInfo:-?
recipient: intendedRecipientPerson:person? espIdentifier:-? espService:-? compromisedAccount:-? screenName:-?
  displayName:-* profileUrl:-* profileBio:-? ipCaptureEvent:ip* deviceId:device* priorCTReports:-* groupIdentifier:-?
  accountTemporarilyDisabled:paused? accountPermanentlyDisabled:closed? estimatedLocation:place? allEmailsReported:-?
  additionalInfo:-*
victim: victimPerson:person! espIdentifier:-? espService:-? compromisedAccount:-? screenName:-? displayName:-*
  profileUrl:-* profileBio:-? ipCaptureEvent:ip* deviceId:device* schoolName:-? priorCTReports:-*
  accountTemporarilyDisabled:paused? accountPermanentlyDisabled:closed? estimatedLocation:place? allEmailsReported:-?
  associatedAccount:associated* additionalInfo:-?
associated: platform:where? firstName:-? middleName:-? lastName:-? approximateAge:-? dateOfBirth:-? phone:phone*
  email:email* allEmailsReported:-? address:address* espService:-? espIdentifier:-? profileUrl:-* screenName:-?
  displayName:-* profileBio:-? groupIdentifier:-? compromisedAccount:-? accountTemporarilyDisabled:paused?
  accountPermanentlyDisabled:closed? ipCaptureEvent:ip* deviceId:device* priorCTReport:-* additionalInfo:-? @type!
where: @thirdPartyUser
fileDetails: reportId:-! fileId:-! fileName:-? originalFileName:-? uploadedToEspTimestamp:-? locationOfFile:-?
  fileViewedByEsp:-? exifViewedByEsp:-? publiclyAvailable:-? fileRelevance:-? potentialMeme:-?|fileAnnotations:marks?
  industryClassification:-? originalFileHash:hash* ipCaptureEvent:ip? deviceId:device* details:exif* additionalInfo:-*
marks: animeDrawingVirtualHentai:-?|potentialMeme:-?|viral:-?|possibleSelfProduction:-?|physicalHarm:-?|violenceGore:-?
  |bestiality:-?|liveStreaming:-?|infant:-?|generativeAi:-?
hash: @hashType!
exif: nameValuePair:pair+ @type
pair: name:-! value:-!
"""
NEWER = (
    "reportAnnotations/informational", "reportAnnotations/potentialAggravatingFactors",
    "reportAnnotations/instrumentalUse", "person/ageAssertionDiscrepancy", "associatedAccount/ageAssertionDiscrepancy",
)  # fmt: skip

Child = tuple[str, str, str]  # element, its type, how often


def _read() -> tuple[dict[str, list[Child]], dict[str, dict[str, bool]]]:
    children: dict[str, list[Child]] = {}
    attributes: dict[str, dict[str, bool]] = {}
    for line in TABLE.strip().replace("\n  ", " ").splitlines():
        name, _colon, rest = line.partition(": ")
        children[name] = re.findall(r"(\w+):([\w-]+)([!?*+])", rest)
        attributes[name] = {one: bool(must) for one, must in re.findall(r"@(\w+)(!?)", rest)}
    return children, attributes


CHILDREN, ATTRIBUTES = _read()


def places(root: str) -> Iterator[tuple[str, str]]:
    """Path and type of every place below a root, such as `report/victim/victimPerson/age` and `-`."""

    def below(path: str, kind: str) -> Iterator[tuple[str, str]]:
        yield path, kind
        for name, child, _often in CHILDREN.get(kind, ()):
            yield from below(f"{path}/{name}", child)

    yield from below(root, root)
