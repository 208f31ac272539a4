"""The documents: every rule by name, and what the simulator's own checks say of them. Golden files: test_golden."""

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from lxml import etree

from safehold.cybertip.document import DocumentError, accounts, common, file_details, incidents, report
from safehold.cybertip.document.build import build_file_details, build_report
from safehold.cybertip.document.codes import (
    COUNTRIES,
    INCIDENT_TYPES,
    STATES,
)
from safehold.cybertip.inputs import (
    AccountInput,
    BatchInput,
    ContactInput,
    EmailInput,
    IpInput,
    LawEnforcementInput,
    ReporterInput,
    decode,
    encode,
)
from safehold.cybertip.simulator import checks
from tests.cybertip import samples
from tests.cybertip.samples import AS_OF, EARLIER, record

FUTURE = AS_OF + timedelta(hours=1)


def problems(document: bytes, name: str = "report") -> list[str]:
    """What the simulator, which knows nothing of the models, finds wrong."""
    return checks.problems(checks.parse(document), name, AS_OF)


@pytest.mark.parametrize("code", list(INCIDENT_TYPES))
def test_incident_types(code: str) -> None:
    document = build_report(record(incident_type=code))
    assert INCIDENT_TYPES[code] in document.decode()
    assert document == build_report(record(incident_type=INCIDENT_TYPES[code]))
    assert problems(document) == []


def test_the_two_lists_of_countries_and_states_were_written_apart_and_agree() -> None:
    assert COUNTRIES | {""} == checks.COUNTRIES
    assert len(checks.COUNTRIES) == 258
    assert STATES | {""} == checks.STATES


BATCH = BatchInput(account_ids=("1", "2"))
USER_ID, DISPLAY_NAME = "personOrUserReported/espIdentifier", "personOrUserReported/displayName"
BORN_TODAY = common.Person(date_of_birth=AS_OF.date())
UNVERIFIED = ContactInput(emails=(EmailInput(address="a@b.test", verified_at=samples.BEFORE),))
REFUSED: list[tuple[str, Any, str]] = [
    # what, how it is made, the field that the error names
    ("unknown incident type", lambda: build_report(record(incident_type="other")), "incidentSummary/incidentType"),
    ("incident in the future", lambda: build_report(record(incident_at=FUTURE)), "incidentSummary/incidentDateTime"),
    (
        "incident without zone",
        lambda: build_report(record(incident_at=datetime(2026, 1, 1))),  # noqa: DTZ001
        "incidentSummary/incidentDateTime",
    ),
    (
        "unknown annotation",
        lambda: build_report(record(annotations=("informational",))),
        "incidentSummary/reportAnnotations/informational",
    ),
    ("long reason", lambda: build_report(record(escalate="x" * 3001)), "incidentSummary/escalateToHighPriority"),
    (
        "long description",
        lambda: build_report(record(incident_description="x" * 3001)),
        "incidentSummary/incidentDateTimeDescription",
    ),
    ("long platform", lambda: build_report(record(platform="x" * 257)), "incidentSummary/platform"),
    (
        "reporter without e-mail",
        lambda: build_report(record(reporter=ReporterInput(email=""))),
        "reporter/reportingPerson/email",
    ),
    ("reporter with bad e-mail", lambda: build_report(record(reporter=ReporterInput(email="desk"))), "email"),
    (
        "reporter with bad link",
        lambda: build_report(record(reporter=ReporterInput(email="a@b.test", legal_url="b.test"))),
        "reporter/legalURL",
    ),
    (
        "victim reported",
        lambda: build_report(record(subject=AccountInput(role="apparent_victim"))),
        "personOrUserReported",
    ),
    (
        "victim also reported",
        lambda: build_report(record(subject=AccountInput(account_id="1"), victims=(AccountInput(account_id="1"),))),
        "personOrUserReported",
    ),
    (
        "victim also reported, in the model",
        lambda: samples.whole_report(
            victims=(accounts.Victim(person=common.Person(), esp_identifier="u-17", esp_service="Example Chat"),)
        ),
        "victim/espIdentifier",
    ),
    (
        "two reported",
        lambda: samples.whole_report(reported=(samples.REPORTED, accounts.ReportedUser())),
        "report/personOrUserReported",
    ),
    (
        "e-mail of nobody",
        lambda: samples.whole_report(details=(incidents.EmailMessage(addresses=("x@y.test",)).in_details(),)),
        "emailIncident/emailAddress",
    ),
    ("two kinds in one", lambda: incidents.InternetDetails(incident=samples.PLACE), "internetDetails"),  # type: ignore[arg-type]
    ("empty internetDetails", lambda: incidents.InternetDetails(incident=None), "internetDetails"),  # type: ignore[arg-type]
    ("associated without type", lambda: accounts.AssociatedAccount(type=None), "associatedAccount/type"),  # type: ignore[arg-type]
    ("associated of unknown type", lambda: accounts.AssociatedAccount(type="Friend"), "associatedAccount/type"),
    (
        "age beside birth",
        lambda: accounts.AssociatedAccount(type="Other", approximate_age=3, date_of_birth=date(2000, 1, 1)),
        "associatedAccount/approximateAge",
    ),
    ("calling code repeated", lambda: samples.phone(number="+12025550117"), "phone"),
    ("calling code repeated bare", lambda: samples.phone(number="12025550117"), "phone"),
    ("calling code of four digits", lambda: samples.phone(country_calling_code="+1234"), "phone/countryCallingCode"),
    ("extension of letters", lambda: samples.phone(extension="x1"), "phone/extension"),
    ("verification date, not verified", lambda: samples.phone(verified=False), "phone/verified"),
    ("long phone", lambda: common.Phone(number="1" * 51), "phone"),
    ("phone without digit", lambda: common.Phone(number="none"), "phone"),
    ("long local part", lambda: common.Email(address="x" * 65 + "@example.test"), "email"),
    ("long address", lambda: common.Email(address="x@" + "y" * 60 + ".y" * 100 + ".test"), "email"),
    ("e-mail in two", lambda: common.Email(address="a b@example.test"), "email"),
    ("US state elsewhere", lambda: common.Address(state="XX"), "address/state"),
    ("country in lower case", lambda: common.Address(country="us"), "address/country"),
    ("age over 150", lambda: common.Person(age=151), "person/age"),
    ("age as text", lambda: common.Person(age="40"), "person/age"),  # type: ignore[arg-type]
    (
        "born tomorrow",
        lambda: samples.whole_report(victims=(accounts.Victim(person=common.Person(date_of_birth=date(2026, 1, 3))),)),
        "person/dateOfBirth",
    ),
    ("no address on the network", lambda: common.IpCaptureEvent(ip_address="192.0.2.256"), "ipCaptureEvent/ipAddress"),
    ("blank address on the network", lambda: common.IpCaptureEvent(ip_address=" "), "ipCaptureEvent/ipAddress"),
    ("port 0", lambda: common.IpCaptureEvent(ip_address="192.0.2.1", port=0), "ipCaptureEvent/port"),
    ("port 65536", lambda: common.IpCaptureEvent(ip_address="192.0.2.1", port=65536), "ipCaptureEvent/port"),
    (
        "unknown event",
        lambda: common.IpCaptureEvent(ip_address="192.0.2.1", event_name="Click"),
        "ipCaptureEvent/eventName",
    ),
    ("device without value", lambda: common.DeviceId(id_type="IMEI", id_value=""), "deviceId/idValue"),
    ("place without country", lambda: common.EstimatedLocation(city="Springfield"), "estimatedLocation/countryCode"),
    (
        "US city without state",
        lambda: common.EstimatedLocation(city="Springfield", country_code="US"),
        "estimatedLocation/region",
    ),
    (
        "US region no state",
        lambda: common.EstimatedLocation(region="Nowhere", country_code="US"),
        "estimatedLocation/region",
    ),
    (
        "told before closed",
        lambda: common.PermanentlyDisabled(disabled_date=EARLIER, user_notified_date=samples.BEFORE),
        "accountPermanentlyDisabled/userNotifiedDate",
    ),
    (
        "reopened at closing",
        lambda: common.TemporarilyDisabled(disabled_date=EARLIER, reenabled_date=EARLIER),
        "accountTemporarilyDisabled/reenabledDate",
    ),
    (
        "long espIdentifier",
        lambda: accounts.ReportedUser(esp_identifier="x" * 256),
        "personOrUserReported/espIdentifier",
    ),
    ("prior report 0", lambda: accounts.ReportedUser(prior_reports=(0,)), "personOrUserReported/priorCTReports"),
    ("relative profile", lambda: accounts.ReportedUser(profile_urls=("/u/1",)), "personOrUserReported/profileUrl"),
    (
        "long link",
        lambda: accounts.ReportedUser(profile_urls=("https://a.test/" + "x" * 2083,)),
        "personOrUserReported/profileUrl",
    ),
    ("victim without person", lambda: accounts.Victim(person=None), "victim/victimPerson"),  # type: ignore[arg-type]
    ("agency without name", lambda: report.LawEnforcement(agency_name=""), "lawEnforcement/agencyName"),
    ("latitude 91", lambda: incidents.CellPhone(latitude=91), "cellPhoneIncident/latitude"),
    ("longitude unbounded", lambda: incidents.CellPhone(longitude=float("inf")), "cellPhoneIncident/longitude"),
    ("exif seen, file not", lambda: samples.whole_file(viewed=False, exif_viewed=True), "fileDetails/exifViewedByEsp"),
    (
        "exif seen, file not, from the input",
        lambda: build_file_details(record(), samples.file_input(viewed=False), report_id=1, file_id="f"),
        "fileDetails/exifViewedByEsp",
    ),
    ("meme twice", lambda: samples.whole_file(potential_meme=True), "fileDetails/potentialMeme"),
    (
        "supplement with meme",
        lambda: samples.whole_file(relevance="Supplemental Reported", classification=None),
        "fileDetails/potentialMeme",
    ),
    (
        "supplement classified",
        lambda: samples.whole_file(relevance="Supplemental Reported", annotations=("viral",)),
        "fileDetails/industryClassification",
    ),
    ("hash without type", lambda: file_details.FileHash(value="00", hash_type=""), "originalFileHash/hashType"),
    ("details without pairs", lambda: file_details.Details(type="EXIF", pairs=()), "details/nameValuePair"),
    ("report id 0", lambda: samples.whole_file(report_id=0), "fileDetails/reportId"),
    ("file id with a blank", lambda: samples.whole_file(file_id="a b"), "fileDetails/fileId"),
    ("unknown classification", lambda: samples.whole_file(classification="C1"), "fileDetails/industryClassification"),
    (
        "batch with reason text",
        lambda: samples.batched_report(summary=samples.SUMMARY),
        "report/incidentSummary/escalateToHighPriority",
    ),
    (
        "batch with details",
        lambda: samples.batched_report(details=(samples.INCIDENTS[0].in_details(),)),
        "report/internetDetails",
    ),
    ("batch with victim", lambda: samples.batched_report(victims=(samples.VICTIM,)), "report/victim"),
    ("batch with police", lambda: samples.batched_report(law_enforcement=samples.POLICE), "report/lawEnforcement"),
    (
        "batch with recipient",
        lambda: samples.batched_report(recipients=(samples.RECIPIENT,)),
        "report/intendedRecipient",
    ),
    ("batch with narrative", lambda: samples.batched_report(additional_info="x"), "report/additionalInfo"),
    (
        "batch with more than ids",
        lambda: samples.batched_report(reported=(accounts.ReportedUser(screen_name="x"),)),
        "personOrUserReported/screenName",
    ),
    ("batched, unmarked", lambda: samples.whole_file(batched=True, annotations=None), "fileDetails/fileAnnotations"),
    (
        "batched file with a name",
        lambda: samples.whole_file(batched=True, annotations=("viral",)),
        "fileDetails/originalFileName",
    ),
    (
        "classified without the agreement",
        lambda: build_file_details(record(), samples.file_input(classification="A1"), report_id=1, file_id="f"),
        "fileDetails/industryClassification",
    ),
    (
        "batch with two files",
        lambda: build_report(record(batch=BATCH, files=(samples.file_input(), samples.file_input()))),
        "FilingInput/files",
    ),
    (
        "batch with more of the suspect",
        lambda: build_report(record(batch=BATCH, subject=AccountInput(account_id="1", handle="user-17"))),
        "personOrUserReported/screenName",
    ),
    (
        "batch that follows up",
        lambda: build_report(record(batch=BATCH, prior_report_ids=(7,))),
        "report/additionalInfo",
    ),
    (
        "batch with links",
        lambda: build_report(record(batch=BATCH, urls=("https://a.test/",))),
        "report/internetDetails",
    ),
    ("batch of an endless id", lambda: build_report(record(batch=BatchInput(account_ids=("x" * 256,)))), USER_ID),
    (
        "batched file, marked otherwise",
        lambda: build_file_details(record(batch=BATCH), samples.file_input(), report_id=1, file_id="f"),
        "fileDetails/fileAnnotations",
    ),
    (
        "batched file, supplemental",
        lambda: build_file_details(
            record(batch=BATCH),
            samples.file_input(annotations=("viral",), relevance="supplemental"),
            report_id=1,
            file_id="f",
        ),
        "fileDetails/fileRelevance",
    ),
    (
        "country of no legal process",
        lambda: build_report(record(law_enforcement=LawEnforcementInput(agency="Example Police", country="NZ"))),
        "lawEnforcement/fleaCountry",
    ),
    (
        "agency without its name",
        lambda: build_report(record(law_enforcement=LawEnforcementInput(agency=" "))),
        "lawEnforcement/agencyName",
    ),
    ("one text where several may stand", lambda: accounts.ReportedUser(display_names="User"), DISPLAY_NAME),  # type: ignore[arg-type]
    ("born today", lambda: samples.whole_report(victims=(accounts.Victim(person=BORN_TODAY),)), "person/dateOfBirth"),
    (
        "verified by date alone",
        lambda: build_report(record(reporter=ReporterInput(email="a@b.test", contact=UNVERIFIED))),
        "email/verified",
    ),
    ("a naive clock", lambda: samples.whole_report(as_of=datetime(2026, 1, 2)), "report/as_of"),  # noqa: DTZ001
]


@pytest.mark.parametrize(("make", "field"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_cannot_be_built_names_field_limit_and_source(make: Any, field: str) -> None:
    with pytest.raises(DocumentError) as caught:
        make()
    assert caught.value.field == field
    assert caught.value.limit
    assert caught.value.source
    assert str(caught.value) == f"{field}: {caught.value.limit} ({caught.value.source})."


def test_an_error_never_repeats_the_value() -> None:
    """Errors reach logs."""
    with pytest.raises(DocumentError) as caught:
        common.Email(address="user-17 secret@example.test")
    assert "secret" not in str(caught.value)


def test_what_a_host_logged_wrongly_is_told_and_stops_nothing() -> None:
    root = etree.fromstring(build_report(samples.full_record()))
    user = root.find("personOrUserReported")
    assert user is not None
    told = user.findtext("additionalInfo") or ""
    for value in ("not an address", "unknown", "192.0.2.300"):
        assert value in told
    assert "example.test/no-scheme" in (root.findtext("additionalInfo") or "")
    assert len(user.findall("ipCaptureEvent")) == 2


def test_a_future_event_of_a_host_is_told_not_emitted() -> None:
    late = IpInput(ip="192.0.2.1", event="Login", at=FUTURE)
    root = etree.fromstring(build_report(record(subject=AccountInput(account_id="1", ip_events=(late,)))))
    assert root.find("personOrUserReported/ipCaptureEvent") is None
    assert "192.0.2.1" in (root.findtext("personOrUserReported/additionalInfo") or "")


def test_clocks_that_differ_slightly_are_drawn_into_the_past() -> None:
    root = etree.fromstring(build_report(record(incident_at=AS_OF + timedelta(minutes=2))))
    assert root.findtext("incidentSummary/incidentDateTime") == "2026-01-02T11:59:55Z"


def test_times_are_written_in_utc_with_their_zone() -> None:
    local = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=2)))
    root = etree.fromstring(build_report(record(incident_at=local)))
    assert root.findtext("incidentSummary/incidentDateTime") == "2026-01-02T01:04:05.678Z"


def test_viewed_is_what_the_input_says() -> None:
    for viewed in (True, False):
        file = samples.FileInput(sealed_id="1", viewed=viewed)
        root = etree.fromstring(build_file_details(record(), file, report_id=1, file_id="f"))
        assert root.findtext("fileViewedByEsp") == ("true" if viewed else "false")
        assert root.findtext("exifViewedByEsp") == "false"
        assert root.find("publiclyAvailable") is None  # unknown is left out, not guessed


def test_characters_that_xml_forbids_are_removed() -> None:
    text = "a\x00b\x0bc\ufffed\ud800e\r\nf\tg"
    root = etree.fromstring(build_report(record(additional_info=text)))
    assert root.findtext("additionalInfo") == "abcde\nf\tg"


def test_lengths_count_as_the_service_counts() -> None:
    """A sign outside the basic plane counts twice."""
    assert common.Address(city="𝒳" * 50).city
    with pytest.raises(DocumentError):
        common.Address(city="𝒳" * 51)


def test_the_same_record_gives_the_same_bytes_also_after_storage() -> None:
    full = samples.full_record()
    assert build_report(full) == build_report(decode(encode(full)))


def test_prior_reports_without_a_reported_person_are_told() -> None:
    root = etree.fromstring(build_report(record(prior_report_ids=(7,))))
    assert root.findtext("additionalInfo") == "Earlier CyberTipline reports: 7"
