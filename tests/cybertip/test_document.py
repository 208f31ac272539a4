"""The documents: golden files, every rule by name, and what the simulator's own checks say of them."""

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from safehold.cybertip.document import DocumentError, accounts, common, file_details, incidents, report
from safehold.cybertip.document.build import build_file_details, build_report
from safehold.cybertip.document.codes import (
    COUNTRIES,
    FILE_ANNOTATIONS,
    INCIDENT_TYPES,
    REPORT_ANNOTATIONS,
    STATES,
)
from safehold.cybertip.inputs import AccountInput, IpInput, ReporterInput, decode, encode
from safehold.cybertip.simulator import checks
from tests.cybertip import samples
from tests.cybertip.samples import AS_OF, EARLIER, record

GOLDEN = Path(__file__).parent / "golden"
FUTURE = AS_OF + timedelta(hours=1)


def problems(document: bytes, name: str = "report") -> list[str]:
    """What the simulator, which knows nothing of the models, finds wrong."""
    return checks.problems(checks.parse(document), name, AS_OF)


def golden_documents() -> dict[str, bytes]:
    """Name and content of every golden document."""
    full = samples.full_record()
    return {
        "report-minimal": build_report(record()),
        "report-full-input": build_report(full),
        "report-every-element": samples.whole_report().to_bytes(),
        "report-batched": samples.batched_report().to_bytes(),
        "file-full-input": build_file_details(full, full.files[0], report_id=1234567, file_id="f" * 32),
        "file-minimal": build_file_details(
            full, samples.FileInput(sealed_id="1", viewed=False), report_id=1234567, file_id="f" * 32
        ),
        "file-every-element": samples.whole_file().to_bytes(),
    }


@pytest.mark.parametrize("name", list(golden_documents()))
def test_a_document_is_its_golden_file(name: str) -> None:
    """Golden files are what goes out: a change of one byte must be looked at."""
    document = golden_documents()[name]
    assert document == (GOLDEN / f"{name}.xml").read_bytes()
    assert problems(document, "report" if name.startswith("report") else "fileDetails") == []


def test_every_element_of_the_schema_is_emitted_somewhere() -> None:
    """The simulator's grammar lists every element; the golden documents use all but two, on purpose."""
    from safehold.cybertip.simulator.grammar import ATTRIBUTE, FLAGS, SEQUENCE

    known = {name for places in SEQUENCE.values() for place in places for name in place.names}
    known |= {name for flags in FLAGS.values() for name in flags}
    used: set[str] = set()
    used_attributes: set[str] = set()
    for document in golden_documents().values():
        for node in etree.fromstring(document).iter():
            used.add(str(node.tag))
            used_attributes |= set(node.attrib)
    used.add("approximateAge")  # excludes dateOfBirth, see test_rules
    assert known - used == {"fileName"}  # in the schema, not in the documentation: left out
    assert {name for names in ATTRIBUTE.values() for name in names} == used_attributes


@pytest.mark.parametrize("code", list(INCIDENT_TYPES))
def test_incident_types(code: str) -> None:
    document = build_report(record(incident_type=code))
    assert INCIDENT_TYPES[code] in document.decode()
    assert document == build_report(record(incident_type=INCIDENT_TYPES[code]))
    assert problems(document) == []


@pytest.mark.parametrize("name", REPORT_ANNOTATIONS)
def test_report_annotations_are_empty_elements(name: str) -> None:
    root = etree.fromstring(build_report(record(annotations=(name,))))
    found = root.findall("incidentSummary/reportAnnotations/*")
    assert [(node.tag, node.text, len(node.attrib)) for node in found] == [(name, None, 0)]


@pytest.mark.parametrize("name", FILE_ANNOTATIONS)
def test_file_annotations_are_empty_elements(name: str) -> None:
    full = samples.full_record()
    document = build_file_details(full, samples.file_input(annotations=(name,)), report_id=1, file_id="f")
    assert [node.tag for node in etree.fromstring(document).findall("fileAnnotations/*")] == [name]
    assert problems(document, "fileDetails") == []


def test_the_two_lists_of_countries_and_states_were_written_apart_and_agree() -> None:
    assert COUNTRIES | {""} == checks.COUNTRIES
    assert len(checks.COUNTRIES) == 258
    assert STATES | {""} == checks.STATES


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


def changed(document: bytes, old: str, new: str) -> bytes:
    """The document with one replacement, which must be possible."""
    assert document.decode().count(old) >= 1
    return document.decode().replace(old, new, 1).encode()


def test_the_simulator_refuses_what_the_schema_refuses() -> None:
    """Section by section what was seen refused by the published schema."""
    whole, file = samples.whole_report().to_bytes(), samples.whole_file().to_bytes()
    small = build_report(record(annotations=("spam",)))
    details = "<internetDetails>\n    <webPageIncident"
    cases = [
        (changed(whole, "<phone ", "<email>x@y.test</email><phone "), "report"),
        (changed(whole, 'associatedAccount type="Parent/Guardian"', "associatedAccount"), "report"),
        (changed(whole, 'associatedAccount type="', 'associatedAccount accountType="'), "report"),
        (changed(whole, "<lawEnforcement>", '<lawEnforcement fleaCountry="NZ">'), "report"),
        (changed(file, "<nameValuePair>", '<nameValuePair type="EXIF">'), "fileDetails"),
        (changed(file, "<fileAnnotations>", "<potentialMeme>true</potentialMeme><fileAnnotations>"), "fileDetails"),
        (
            changed(file, "<deviceId>", "<ipCaptureEvent><ipAddress>192.0.2.1</ipAddress></ipCaptureEvent><deviceId>"),
            "fileDetails",
        ),
        (changed(small, "<spam/>", "<spam>false</spam>"), "report"),
        (changed(small, "<reporter>", "<internetDetails/><reporter>"), "report"),
        (changed(whole, details, "<internetDetails><webPageIncident/><webPageIncident"), "report"),
    ]
    for document, name in cases:
        assert problems(document, name), document.decode()[:200]


def test_the_simulator_accepts_what_the_schema_accepts() -> None:
    small = build_report(record(annotations=("spam",)))
    assert problems(changed(small, "<spam/>", "<spam>true</spam>")) == []
    twice = "<internetDetails><webPageIncident/></internetDetails>" * 2
    assert problems(changed(small, "<reporter>", f"{twice}<reporter>")) == []
    whole = samples.whole_report().to_bytes()
    assert problems(changed(whole, "<state>IL</state>", "<state></state>")) == []


def test_the_simulator_asks_for_what_the_documentation_asks() -> None:
    """The schema allows these; the documentation does not."""
    small = build_report(record())
    assert problems(changed(small, '<email type="Business">safety@example.org</email>', ""))
    assert problems(changed(small, "03:04:05Z", "03:04:05"))
    assert problems(changed(samples.batched_report().to_bytes(), '<batchedReport reason="VIRAL_POTENTIAL_MEME"/>', ""))


def test_a_document_type_is_not_parsed() -> None:
    with pytest.raises(ValueError, match="document type"):
        checks.parse(b'<!DOCTYPE report [<!ENTITY a "b">]><report/>')
