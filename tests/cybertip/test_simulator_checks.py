"""What the simulator refuses, by rule and by path: each kind of fault in a document that is otherwise whole."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from safehold.cybertip.simulator import checks
from tests.cybertip.specimens import GOOD, NOW, batched, batched_file, document, serialised

AT = datetime.fromtimestamp(NOW, UTC)
PERSON = "/report/personOrUserReported/personOrUserReportedPerson"
LATER = "2026-01-02T12:00:01Z"


def problems(root: Any) -> list[str]:
    arrived = checks.parse(serialised(root))
    return checks.problems(arrived, str(root.tag), AT)


def at(root: Any, path: str) -> Any:
    found = root.getroottree().xpath(path)
    assert len(found) == 1, (path, found)
    return found[0]


def set_text(path: str, value: str) -> Callable[[Any], None]:
    return lambda root: setattr(at(root, path), "text", value)


def set_attribute(path: str, name: str, value: str) -> Callable[[Any], None]:
    return lambda root: at(root, path).set(name, value)


def remove(path: str) -> Callable[[Any], None]:
    return lambda root: at(root, path).getparent().remove(at(root, path))


def unset(path: str, name: str) -> Callable[[Any], None]:
    return lambda root: at(root, path).attrib.pop(name)


def put(path: str, place: int, markup: str) -> Callable[[Any], None]:
    return lambda root: at(root, path).insert(place, etree.fromstring(markup))


def both(*changes: Callable[[Any], None]) -> Callable[[Any], None]:
    def all_of(root: Any) -> None:
        for change in changes:
            change(root)

    return all_of


# What the published schema was seen to refuse, and where its own rules say so. -----------------------------------

SCHEMA: list[tuple[str, Callable[[Any], None], str, str, str]] = [
    ("report", remove("/report/incidentSummary"), "2.4.a", "/report/internetDetails[1]",
     "{batchedReport, incidentSummary}"),
    ("report", remove("/report/reporter"), "2.4.a", "/report/personOrUserReported", "{reporter}"),
    ("report", remove("/report/incidentSummary/incidentType"), "2.4.a", "/report/incidentSummary/platform",
     "{incidentType}"),
    ("report", remove("/report/incidentSummary/incidentDateTime"), "2.4.a",
     "/report/incidentSummary/incidentDateTimeDescription", "{incidentDateTime}"),
    ("report", put("/report", 0, "<internetDetails/>"), "2.4.a", "/report/internetDetails[1]",
     "{batchedReport, incidentSummary}"),
    ("report", put("/report", 2, "<internetDetails/>"), "2.4.b", "/report/internetDetails[2]", "webPageIncident"),
    ("report", put("/report/internetDetails[1]", 1, "<webPageIncident/>"), "2.4.d",
     "/report/internetDetails[1]/webPageIncident[2]", "no further element"),
    ("report", put(PERSON, 0, "<email>user-17@example.net</email>"), "2.4.a", PERSON + "/firstName", "email, address"),
    ("report", put("/report/personOrUserReported", 0, "<email>user-17@example.net</email>"), "2.4.a",
     "/report/personOrUserReported/email", "personOrUserReportedPerson"),
    ("report", put("/report/reporter", 0, "<companyTemplate/>"), "2.4.a", "/report/reporter/companyTemplate[1]",
     "{reportingPerson}"),
    ("report", put("/report/victim[1]", 9, "<groupIdentifier>g</groupIdentifier>"), "2.4.a",
     "/report/victim[1]/groupIdentifier", "ipCaptureEvent"),
    ("report", put("/report/intendedRecipient[1]", 19, "<associatedAccount type='Other'/>"), "2.4.a",
     "/report/intendedRecipient[1]/associatedAccount", "additionalInfo"),
    ("report", remove("/report/victim[1]/victimPerson"), "2.4.a", "/report/victim[1]/espIdentifier", "{victimPerson}"),
    ("report", put("/report/personOrUserReported/personOrUserReportedPerson/address[1]", 0, "<street>1</street>"),
     "2.4.a", PERSON + "/address[1]/street", "{address, city"),
    ("report", lambda root: setattr(root[-1], "tag", "unknown"), "2.4.a", "/report/unknown",
     "{victim, additionalInfo}"),
    ("fileDetails", remove("/fileDetails/reportId"), "2.4.a", "/fileDetails/fileId", "{reportId}"),
    ("fileDetails", put("/fileDetails", 10, "<potentialMeme>true</potentialMeme>"), "2.4.a",
     "/fileDetails/fileAnnotations", "{industryClassification"),
    ("fileDetails", put("/fileDetails", 14, "<ipCaptureEvent><ipAddress>192.0.2.1</ipAddress></ipCaptureEvent>"),
     "2.4.a", "/fileDetails/ipCaptureEvent[2]", "{deviceId, details, additionalInfo}"),
    ("fileDetails", remove("/fileDetails/details[1]/nameValuePair[1]/value"), "2.4.b",
     "/fileDetails/details[1]/nameValuePair[1]", "{value}"),
    ("report", put("/report", 0, "<batchedReport/>"), "4", "/report/batchedReport", "'reason'"),
    ("report", unset("/report/personOrUserReported/associatedAccount[1]", "type"), "4",
     "/report/personOrUserReported/associatedAccount[1]", "'type'"),
    ("fileDetails", unset("/fileDetails/originalFileHash[1]", "hashType"), "4", "/fileDetails/originalFileHash[1]",
     "'hashType'"),
    ("report", set_attribute("/report/personOrUserReported/associatedAccount[1]", "accountType", "Other"), "3.2.2",
     "/report/personOrUserReported/associatedAccount[1]/@accountType", "does not know"),
    ("report", set_attribute("/report/lawEnforcement", "fleaCountry", "NZ"), "3.2.2",
     "/report/lawEnforcement/@fleaCountry", "does not know"),
    ("fileDetails", set_attribute("/fileDetails/details[1]/nameValuePair[1]", "type", "EXIF"), "3.2.2",
     "/fileDetails/details[1]/nameValuePair[1]/@type", "does not know"),
    ("report", lambda root: setattr(at(root, "/report/reporter"), "text", "Placeholder"), "2.3", "/report/reporter",
     "elements alone"),
    ("report", lambda root: etree.SubElement(root[-1], "b"), "2.2", "/report/additionalInfo", "text alone"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "rule", "path", "says"), SCHEMA, ids=[f"{c[2]} {c[3]}" for c in SCHEMA])
def test_faults_of_structure(name: str, change: Callable[[Any], None], rule: str, path: str, says: str) -> None:
    root = document(name)
    change(root)
    first = problems(root)[0]
    assert first.startswith(f"cvc-complex-type.{rule}: {path} (line "), first
    assert says in first


VALUES = [
    ("report", "/report/incidentSummary/incidentType", "Other", "cvc-enumeration-valid"),
    ("report", "/report/incidentSummary/incidentType", "Child Sexual Molestation (not by family member)",
     "cvc-enumeration-valid"),
    ("report", "/report/incidentSummary/incidentDateTime", "2026-01-02", "cvc-datatype-valid.1.2.1"),
    ("report", "/report/incidentSummary/reportAnnotations/spam", "false", "cvc-elt.5.2.2.2.2"),
    ("report", "/report/lawEnforcement/reportedToLe", "yes", "cvc-datatype-valid.1.2.1"),
    ("report", "/report/lawEnforcement/servedLegalProcessInternational", "", "cvc-datatype-valid.1.2.1"),
    ("report", "/report/lawEnforcement/servedLegalProcessInternational/@fleaCountry", "UK", "cvc-enumeration-valid"),
    ("report", PERSON + "/phone[1]/@type", "mobile", "cvc-enumeration-valid"),
    ("report", PERSON + "/phone[1]/@countryCallingCode", "1", "cvc-pattern-valid"),
    ("report", PERSON + "/phone[1]/@countryCallingCode", "+1234", "cvc-pattern-valid"),
    ("report", PERSON + "/phone[1]/@extension", "x1", "cvc-pattern-valid"),
    ("report", PERSON + "/phone[1]/@verified", "yes", "cvc-datatype-valid.1.2.1"),
    ("report", PERSON + "/email[1]/@type", "Mobile", "cvc-enumeration-valid"),
    ("report", PERSON + "/address[1]/@type", "Other", "cvc-enumeration-valid"),
    ("report", PERSON + "/address[1]/state", "Illinois", "cvc-enumeration-valid"),
    ("report", PERSON + "/address[1]/country", "us", "cvc-enumeration-valid"),
    ("report", PERSON + "/age", "forty", "cvc-datatype-valid.1.2.1"),
    ("report", PERSON + "/dateOfBirth", "1985-02-30", "cvc-datatype-valid.1.2.1"),
    ("report", "/report/personOrUserReported/ipCaptureEvent[1]/eventName", "login", "cvc-enumeration-valid"),
    ("report", "/report/personOrUserReported/ipCaptureEvent[1]/port", "", "cvc-datatype-valid.1.2.1"),
    ("report", "/report/personOrUserReported/priorCTReports[1]", "12a", "cvc-datatype-valid.1.2.1"),
    ("report", "/report/personOrUserReported/associatedAccount[1]/@type", "Parent", "cvc-enumeration-valid"),
    ("report", "/report/internetDetails[6]/cellPhoneIncident/latitude", "12,5", "cvc-datatype-valid.1.2.1"),
    ("fileDetails", "/fileDetails/reportId", "x", "cvc-datatype-valid.1.2.1"),
    ("fileDetails", "/fileDetails/fileRelevance", "reported", "cvc-enumeration-valid"),
    ("fileDetails", "/fileDetails/industryClassification", "C1", "cvc-enumeration-valid"),
    ("fileDetails", "/fileDetails/details[1]/@type", "XMP", "cvc-enumeration-valid"),
    ("fileDetails", "/fileDetails/fileAnnotations/viral", "0", "cvc-elt.5.2.2.2.2"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "value", "rule"), VALUES, ids=[f"{v[1]}={v[2]}" for v in VALUES])
def test_values_outside_their_type(name: str, path: str, value: str, rule: str) -> None:
    root = document(name)
    place(root, path, value)
    found = problems(root)
    assert len(found) == 1, found
    assert found[0].startswith(f"{rule}: {path} (line "), found
    assert value not in found[0].split(") ", 1)[1].split("{")[0] or len(value) < 3  # a value is never repeated


def place(root: Any, path: str, value: str) -> None:
    """Put a value into an element or an attribute."""
    parent, slash, own = path.rpartition("/@")
    if slash:
        at(root, parent).set(own, value)
    else:
        at(root, path).text = value


# What the documentation asks. ------------------------------------------------------------------------------------

LENGTHS = [
    ("report", "/report/incidentSummary/platform", 256), ("report", "/report/incidentSummary/escalateToHighPriority",
     3000),
    ("report", "/report/incidentSummary/incidentDateTimeDescription", 3000),
    ("report", "/report/internetDetails[3]/newsgroupIncident/name", 255),
    ("report", "/report/internetDetails[4]/chatImIncident/chatClient", 255),
    ("report", "/report/internetDetails[4]/chatImIncident/chatRoomName", 255),
    ("report", "/report/internetDetails[5]/onlineGamingIncident/gameName", 255),
    ("report", "/report/internetDetails[5]/onlineGamingIncident/console", 255),
    ("report", "/report/internetDetails[7]/nonInternetIncident/locationName", 255),
    ("report", "/report/internetDetails[8]/peer2peerIncident/client", 255),
    ("report", "/report/lawEnforcement/agencyName", 255), ("report", "/report/lawEnforcement/caseNumber", 100),
    ("report", PERSON + "/firstName", 100), ("report", PERSON + "/lastName", 100), ("report", PERSON + "/phone[1]", 50),
    ("report", PERSON + "/address[1]/address", 255), ("report", PERSON + "/address[1]/city", 100),
    ("report", PERSON + "/address[1]/zipCode", 20), ("report", PERSON + "/address[1]/nonUsaState", 100),
    ("report", "/report/personOrUserReported/vehicleDescription", 300),
    ("report", "/report/personOrUserReported/espIdentifier", 255), ("report", "/report/victim[1]/espService", 100),
    ("report", "/report/intendedRecipient[1]/screenName", 256),
    ("report", "/report/personOrUserReported/displayName[1]", 255),
    ("report", "/report/personOrUserReported/groupIdentifier", 255), ("report", "/report/victim[1]/schoolName", 255),
    ("report", "/report/personOrUserReported/deviceId[1]/idType", 255),
    ("report", "/report/personOrUserReported/deviceId[1]/idValue", 2083),
    ("report", "/report/victim[1]/estimatedLocation/city", 255), ("report",
     "/report/victim[1]/estimatedLocation/region", 255),
    *(("report", f"/report/victim[1]/associatedAccount[1]/{name}", 256) for name in (
        "platform", "firstName", "middleName", "lastName", "espService", "espIdentifier", "screenName",
        "groupIdentifier")),
    ("report", "/report/victim[1]/associatedAccount[1]/displayName[1]", 255),
    ("fileDetails", "/fileDetails/originalFileName", 2056), ("fileDetails",
     "/fileDetails/originalFileHash[1]/@hashType", 64),
    ("fileDetails", "/fileDetails/details[1]/nameValuePair[1]/name", 64),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "most"), LENGTHS, ids=[one[1] for one in LENGTHS])
def test_documented_lengths_hold_at_the_limit_and_not_beyond(name: str, path: str, most: int) -> None:
    root = document(name)
    place(root, path, "5" * most)
    assert problems(root) == []
    place(root, path, "5" * (most + 1))
    (found,) = problems(root)
    assert found.startswith(f"documentation: {path} (line ")
    assert f"{most} characters" in found


@pytest.mark.parametrize(
    "path",
    ["/report/additionalInfo", "/report/reporter/companyTemplate", "/report/reporter/termsOfService",
     "/report/victim[1]/profileBio", "/report/internetDetails[4]/chatImIncident/content"],
)  # fmt: skip
def test_texts_without_a_documented_length_have_none(path: str) -> None:
    root = document("report")
    place(root, path, "x" * 100_000)
    assert problems(root) == []


TIMES = [
    "/report/incidentSummary/incidentDateTime", PERSON + "/phone[1]/@verificationDate",
    PERSON + "/email[1]/@verificationDate", "/report/personOrUserReported/ipCaptureEvent[1]/dateTime",
    "/report/personOrUserReported/deviceId[1]/dateTime", "/report/victim[1]/estimatedLocation/@timestamp",
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "says"),
    [(LATER, "past"), ("2026-01-02T07:00:01-05:00", "past"), ("12026-01-02T00:00:00Z", "years"),
     ("2026-01-02T03:04:05", "zone"), ("-2026-01-02T03:04:05Z", "years")],
)  # fmt: skip
@pytest.mark.parametrize("path", TIMES)
def test_times_have_a_zone_and_lie_in_the_past(path: str, value: str, says: str) -> None:
    root = document("report")
    place(root, path, value)
    (found,) = problems(root)
    assert found.startswith(f"documentation: {path} (line ")
    assert says in found


@pytest.mark.parametrize(
    "value",
    ["2026-01-02T12:00:00Z", "2026-01-02T14:00:00+02:00", "2026-01-01T24:00:00Z", "1999-12-31T23:59:59.999999-14:00"],
)
def test_times_up_to_now_pass_in_any_zone(value: str) -> None:
    root = document("report")
    place(root, TIMES[0], value)
    assert problems(root) == []


def test_a_date_of_birth_lies_in_the_past() -> None:
    root = document("report")
    place(root, PERSON + "/dateOfBirth", "2026-01-03")
    assert problems(root)[0].startswith(f"documentation: {PERSON}/dateOfBirth")
    place(root, PERSON + "/dateOfBirth", "2026-01-02")
    assert problems(root) == []


FORMS = [
    ("report", "/report/incidentSummary/escalateToHighPriority", [" ", "\n"], ["Placeholder"]),
    ("report", "/report/reporter/legalURL", ["example.org", "ftp://example.org/", "https://", "https://exämple.org/",
     "https://example.org/a b", "https://example.org:x/", "https://example.org/" + "x" * 2083],
     ["https://example.org", "http://example.org:8080/a?b=c#d", "https://[2001:db8::1]/"]),
    ("report", "/report/personOrUserReported/profileUrl[1]", ["@user-17", "javascript:alert(1)"],
     ["https://a.test/@u"]),
    ("report", PERSON + "/email[1]", ["user-17", "user-17@", "@example.net", "a b@example.net", "u@localhost",
     "x" * 65 + "@example.net", "u@" + "x" * 255 + ".net"], ["x" * 64 + "@example.net", "user+17@mail.example.net"]),
    ("report", "/report/personOrUserReported/ipCaptureEvent[1]/ipAddress", ["192.0.2.300", "example.test", "",
     "fe80::1%eth0"],
     ["2001:db8::1", "::ffff:192.0.2.1", "192.0.2.1"]),
    ("report", "/report/personOrUserReported/ipCaptureEvent[1]/port", ["0", "65536", "-1"], ["1", "65535"]),
    ("report", PERSON + "/age", ["-1", "151"], ["0", "150"]),
    ("report", "/report/victim[1]/associatedAccount[1]/approximateAge", ["-1", "151"], ["0", "150"]),
    ("report", "/report/internetDetails[6]/cellPhoneIncident/latitude", ["NaN", "INF", "-INF"], ["-33.9", "1e1"]),
    ("report", "/report/personOrUserReported/priorCTReports[1]", ["0", "-5"], ["1234567"]),
    ("report", PERSON + "/phone[1]/@extension", ["1" * 11], ["1" * 10]),
    ("fileDetails", "/fileDetails/locationOfFile", ["/o/1"], ["https://cdn.example.test/o/1"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "bad", "good"), FORMS, ids=[one[1] for one in FORMS])
def test_forms_of_values(name: str, path: str, bad: list[str], good: list[str]) -> None:
    for value in good:
        root = document(name)
        place(root, path, value)
        assert [one for one in problems(root) if "/emailAddress" not in one] == [], value
    for value in bad:
        root = document(name)
        place(root, path, value)
        found = [one for one in problems(root) if "/emailAddress" not in one]
        assert len(found) == 1, (value, found)
        assert found[0].startswith(f"documentation: {path} (line "), found


PLACE = "/report/victim[1]/estimatedLocation"
PAUSED = "/report/personOrUserReported/accountTemporarilyDisabled"
CLOSED = "/report/victim[1]/associatedAccount[1]/accountPermanentlyDisabled"
BETWEEN: list[tuple[str, str, Callable[[Any], None], str]] = [
    ("reporter without e-mail", "report", lambda root: [node.getparent().remove(node) for node in root.findall(
        "reporter/reportingPerson/email")], "/report/reporter/reportingPerson"),
    ("date without verified", "report", unset(PERSON + "/phone[1]", "verified"), PERSON + "/phone[1]/@verified"),
    ("date and not verified", "report", set_attribute(PERSON + "/email[1]", "verified", "false"),
     PERSON + "/email[1]/@verified"),
    ("number with its code", "report", set_text(PERSON + "/phone[1]", "+12025550100"), PERSON + "/phone[1]"),
    ("incident's number with its code", "report",
     set_text("/report/internetDetails[6]/cellPhoneIncident/phoneNumber", "+1 202"),
     "/report/internetDetails[6]/cellPhoneIncident/phoneNumber"),
    ("e-mail of nobody", "report", set_text("/report/internetDetails[2]/emailIncident/emailAddress[2]",
     "x@example.net"),
     "/report/internetDetails[2]/emailIncident/emailAddress[2]"),
    ("newsgroup's e-mail of nobody", "report",
     set_text("/report/internetDetails[3]/newsgroupIncident/emailAddress[1]", "x@example.net"),
     "/report/internetDetails[3]/newsgroupIncident/emailAddress[1]"),
    ("two reported", "report", put("/report", 12, "<personOrUserReported/>"), "/report/personOrUserReported[2]"),
    ("age and birth", "report",
     put("/report/victim[1]/associatedAccount[1]", 5, f"<dateOfBirth>{GOOD['DAY']}</dateOfBirth>"),
     "/report/victim[1]/associatedAccount[1]/approximateAge"),
    ("place without country", "report", remove(PLACE + "/countryCode"), PLACE),
    ("place with an empty country", "report", set_text(PLACE + "/countryCode", ""), PLACE),
    ("US region in words", "report", set_text(PLACE + "/countryCode", "US"), PLACE + "/region"),
    ("US city without state", "report",
     both(set_text(PLACE + "/countryCode", "US"), remove(PLACE + "/region")), PLACE),
    ("told before it was disabled", "report", set_attribute(PAUSED, "userNotifiedDate", "2025-11-30T23:59:59Z"),
     PAUSED + "/@userNotifiedDate"),
    ("told before it was closed", "report", set_attribute(CLOSED, "userNotifiedDate", "2025-12-01T00:59:00+01:00"),
     CLOSED + "/@userNotifiedDate"),
    ("enabled as it was disabled", "report", set_attribute(PAUSED, "reenabledDate", "2025-12-01T00:00:00Z"),
     PAUSED + "/@reenabledDate"),
    ("EXIF seen, file not", "fileDetails", set_text("/fileDetails/exifViewedByEsp", "1"),
     "/fileDetails/exifViewedByEsp"),
    ("EXIF seen, file not told", "fileDetails",
     both(set_text("/fileDetails/exifViewedByEsp", "true"), remove("/fileDetails/fileViewedByEsp")),
     "/fileDetails/exifViewedByEsp"),
    ("supplemental meme", "fileDetails",
     both(set_text("/fileDetails/fileRelevance", "Supplemental Reported"),
     remove("/fileDetails/industryClassification")),
     "/fileDetails/fileAnnotations/potentialMeme"),
    ("supplemental and classified", "fileDetails",
     both(set_text("/fileDetails/fileRelevance", "Supplemental Reported"), remove("/fileDetails/fileAnnotations")),
     "/fileDetails/industryClassification"),
    ("supplemental with the old flag", "fileDetails",
     both(set_text("/fileDetails/fileRelevance", "Supplemental Reported"),
     remove("/fileDetails/industryClassification"),
          remove("/fileDetails/fileAnnotations"), put("/fileDetails", 10, "<potentialMeme>true</potentialMeme>")),
     "/fileDetails/potentialMeme"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "path"), [one[1:] for one in BETWEEN], ids=[one[0] for one in BETWEEN])
def test_rules_between_fields(name: str, change: Callable[[Any], None], path: str) -> None:
    root = document(name)
    change(root)
    (found,) = problems(root)
    assert found.startswith(f"documentation: {path} (line "), found


ALLOWED: list[tuple[str, str, Callable[[Any], None]]] = [
    ("US city with its state", "report", both(set_text(PLACE + "/countryCode", "US"), set_text(PLACE + "/region",
     "IL"))),
    ("a number without its plus", "report", set_text(PERSON + "/phone[1]", "12025550100")),
    ("an empty state", "report", set_text(PERSON + "/address[1]/state", "")),
    ("told as it was disabled", "report", set_attribute(PAUSED, "userNotifiedDate", "2025-12-01T00:00:00Z")),
    ("victim without a person's data", "report",
     lambda root: at(root, "/report/victim[1]/victimPerson").clear()),
    ("the old flag says no on a supplemental file", "fileDetails",
     both(set_text("/fileDetails/fileRelevance", "Supplemental Reported"),
     remove("/fileDetails/industryClassification"),
          remove("/fileDetails/fileAnnotations"), put("/fileDetails", 10, "<potentialMeme>false</potentialMeme>"))),
    ("EXIF and file seen", "fileDetails",
     both(set_text("/fileDetails/exifViewedByEsp", "true"), set_text("/fileDetails/fileViewedByEsp", "true"))),
    ("another internetDetails", "report",
     put("/report", 2, "<internetDetails><webPageIncident/></internetDetails>")),
    ("a schema's address on the root", "report", lambda root: root.set(
        "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation", "https://report.example.test/xsd")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change"), [one[1:] for one in ALLOWED], ids=[one[0] for one in ALLOWED])
def test_what_is_allowed_passes(name: str, change: Callable[[Any], None]) -> None:
    root = document(name)
    change(root)
    assert problems(root) == []


# Batched reports. ------------------------------------------------------------------------------------------------


FORBIDDEN = [
    "incidentSummary/escalateToHighPriority", "internetDetails", "lawEnforcement", "intendedRecipient", "victim",
    "additionalInfo",
]  # fmt: skip


def test_a_batched_report_holds_several_people_by_their_identifier() -> None:
    assert problems(batched()) == []


@pytest.mark.parametrize("path", FORBIDDEN)
def test_what_a_batched_report_must_not_hold(path: str) -> None:
    root = document("report")
    for more in root.findall("personOrUserReported"):
        root.remove(more)
    root.insert(0, etree.Element("batchedReport", reason="VIRAL_POTENTIAL_MEME"))
    for other in FORBIDDEN:
        for node in root.findall(other) if other != path else ():
            node.getparent().remove(node)
    found = problems(root)
    paths = [root.getroottree().getpath(node) for node in root.findall(path)]
    assert paths
    assert [one.split(" ")[1] for one in found if "batched" in one] == paths
    assert [one for one in found if "batched" not in one and "/emailAddress" not in one] == []


def test_people_of_a_batched_report_have_an_identifier_alone() -> None:
    root = batched()
    etree.SubElement(root[-1], "screenName").text = "user-17"
    (found,) = problems(root)
    assert found.startswith("documentation: /report/personOrUserReported[3]/screenName (line ")


@pytest.mark.parametrize("left", [("viral",), ("potentialMeme",), ("viral", "potentialMeme")])
def test_the_file_of_a_batched_report_is_marked(left: tuple[str, ...]) -> None:
    root = batched_file()
    for mark in list(root.find("fileAnnotations")):
        if mark.tag not in left:
            root.find("fileAnnotations").remove(mark)
    assert problems(root) == []
    assert checks.batch_file(root) == []


def test_the_old_flag_marks_the_file_as_well() -> None:
    root = batched_file()
    place_of = list(root).index(root.find("fileAnnotations"))
    root.remove(root.find("fileAnnotations"))
    root.insert(place_of, etree.Element("potentialMeme"))
    root.find("potentialMeme").text = "true"
    assert checks.batch_file(root) == []
    root.find("potentialMeme").text = "false"
    assert len(checks.batch_file(root)) == 1


@pytest.mark.parametrize(
    "name",
    [
        "originalFileName",
        "locationOfFile",
        "originalFileHash",
        "ipCaptureEvent",
        "deviceId",
        "details",
        "additionalInfo",
    ],
)
def test_what_the_file_of_a_batched_report_must_not_hold(name: str) -> None:
    root = batched_file()
    root.append(document("fileDetails").find(name))
    (found,) = checks.batch_file(root)
    assert found.startswith(f"documentation: /fileDetails/{name} (line ")


def test_other_marks_and_a_supplemental_file_are_refused_in_a_batched_report() -> None:
    root = batched_file()
    root.find("fileRelevance").text = "Supplemental Reported"
    etree.SubElement(root.find("fileAnnotations"), "infant")
    assert len(checks.batch_file(root)) == 2


# Parsing. --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "Malformed XML"), (b"<report>", "Malformed XML"), (b"<report/><report/>", "Malformed XML"),
        (b"<report>&unknown;</report>", "Malformed XML"), (b"<report>\x00</report>", "Malformed XML"),
        (b"<report>\xff</report>", "Malformed XML"), (b"<!DOCTYPE report><report/>", "document type"),
        (b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]><report>&a;</report>', "document type"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><report/>', "not in UTF-8"),
        ('<?xml version="1.0" encoding="UTF-16"?><report/>'.encode("utf-16"), "not in UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_not_parsed(body: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        checks.parse(body)


def test_comments_and_instructions_stand_anywhere() -> None:
    body = serialised(document("report")).replace(b"<platform>", b"<?a b?><!-- c --><platform><!-- d -->")
    assert checks.problems(checks.parse(body), "report", AT) == []


def test_many_faults_are_told_within_a_description() -> None:
    from safehold.cybertip.simulator.protocol import SAID_LIMIT, told

    root = document("report")
    for leaf in root.iter("possibleProxy"):
        leaf.text = "maybe"
    found = problems(root)
    assert len(found) > 5
    assert len(told(found)) <= SAID_LIMIT
    assert told(found).endswith(" more.")
    assert told(["x" * 5000]) == "x" * (SAID_LIMIT - 1) + "…"
