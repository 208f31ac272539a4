"""Properties: what a host logged never stops a filing, and what is built passes checks written apart."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from safehold.cybertip.document import DocumentError, accounts, common
from safehold.cybertip.document.build import build_file_details, build_report
from safehold.cybertip.document.values import Link, Mail, Text, clean
from safehold.cybertip.inputs import (
    AccountInput,
    DisabledInput,
    EmailInput,
    FileInput,
    IpInput,
    PhoneInput,
    decode,
    encode,
)
from safehold.cybertip.simulator import checks
from safehold.cybertip.simulator.multipart import BadForm, Form
from tests.cybertip import samples
from tests.cybertip.samples import AS_OF, record

FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
# Text as a host may send it; JSON keeps everything but lone surrogates, which no decoder lets through.
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)
lengthy = st.builds(lambda text, times: text * times, texts, st.integers(0, 20))
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
links = texts | st.builds("https://{}.test/{}?{}#{}".format, texts, texts, texts, texts)
ips = st.builds(
    IpInput,
    ip=st.ip_addresses().map(str) | texts,
    event=texts | st.sampled_from(["Login", "Upload"]),
    at=st.none() | moments,
    port=st.none() | st.integers(-5, 70000),
    possible_proxy=st.none() | st.booleans(),
)
people = st.builds(
    AccountInput,
    account_id=lengthy,
    service=lengthy,
    handle=lengthy,
    display_names=st.lists(lengthy, max_size=3).map(tuple),
    urls=st.lists(links, max_size=3).map(tuple),
    bio=lengthy,
    first_name=texts,
    last_name=texts,
    date_of_birth=st.none() | st.dates(),
    emails=st.lists(st.builds(EmailInput, address=st.emails() | texts), max_size=3).map(tuple),
    phones=st.lists(st.builds(PhoneInput, number=texts | st.from_regex(r"\+[0-9]{3,14}")), max_size=3).map(tuple),
    ip_events=st.lists(ips, max_size=3).map(tuple),
    disabled=st.none() | st.builds(DisabledInput, at=st.none() | moments, user_notified_at=st.none() | moments),
    additional_info=lengthy,
)
files = st.builds(
    FileInput,
    sealed_id=st.just("1"),
    viewed=st.booleans(),
    exif_viewed=st.just(False),
    file_name=lengthy,
    uploaded_at=st.none() | moments,
    url=links,
    public=st.none() | st.booleans(),
    annotations=st.just(()),
    hashes=st.just(()),
    relevance=st.sampled_from(["reported", "supplemental"]),
    classification=st.just(""),
    ip_event=st.none() | ips,
    additional_info=lengthy,
    size=st.none(),
)


def accepted(document: bytes, name: str) -> None:
    found = checks.problems(checks.parse(document), name, AS_OF)
    assert found == [], found


@FEW
@given(people, people, people, st.lists(links, max_size=4), lengthy)
def test_whatever_a_host_logged_the_report_is_built_and_accepted(
    subject: AccountInput, victim: AccountInput, recipient: AccountInput, urls: list[str], told: str
) -> None:
    if victim.account_id and (victim.service, victim.account_id) == (subject.service, subject.account_id):
        return
    given_record = record(
        subject=subject, victims=(victim,), recipients=(recipient,), urls=tuple(urls), additional_info=told
    )
    document = build_report(given_record)
    accepted(document, "report")
    assert build_report(decode(encode(given_record))) == document


@FEW
@given(files)
def test_whatever_a_host_logged_the_file_is_described_and_accepted(file: FileInput) -> None:
    document = build_file_details(record(), file, report_id=1234567, file_id="0" * 32)
    accepted(document, "fileDetails")
    seen = etree.fromstring(document).findtext("fileViewedByEsp")
    assert seen == ("true" if file.viewed else "false")


@given(st.text(max_size=200))
def test_cleaned_text_survives_xml(text: str) -> None:
    """Also lone surrogates and noncharacters: what is written is read back the same."""
    node = etree.Element("a")
    node.text = clean(text)
    assert (etree.fromstring(etree.tostring(node, encoding="UTF-8")).text or "") == clean(text)


LIMITED: list[tuple[type[Any], str, int, dict[str, Any]]] = [
    (accounts.ReportedUser, "esp_identifier", 255, {}),
    (accounts.ReportedUser, "esp_service", 100, {}),
    (accounts.ReportedUser, "screen_name", 256, {}),
    (accounts.ReportedUser, "vehicle_description", 300, {}),
    (accounts.ReportedUser, "group_identifier", 255, {}),
    (accounts.IntendedRecipient, "esp_identifier", 255, {}),
    (accounts.Victim, "school_name", 255, {"person": common.Person()}),
    (accounts.AssociatedAccount, "esp_service", 256, {"type": "Other"}),
    (accounts.AssociatedAccount, "middle_name", 256, {"type": "Other"}),
    (common.Person, "first_name", 100, {}),
    (common.ContactPerson, "last_name", 100, {}),
    (common.Address, "zip_code", 20, {}),
    (common.Address, "city", 100, {}),
    (common.Address, "address", 255, {}),
    (common.DeviceId, "id_value", 2083, {"id_type": "IMEI"}),
]


@pytest.mark.parametrize(("kind", "field", "limit", "more"), LIMITED)
def test_lengths_hold_at_the_limit_and_not_beyond(
    kind: type[Any], field: str, limit: int, more: dict[str, Any]
) -> None:
    assert getattr(kind(**{field: "x" * limit}, **more), field) == "x" * limit
    with pytest.raises(DocumentError) as caught:
        kind(**{field: "x" * (limit + 1)}, **more)
    assert caught.value.limit == f"is longer than {limit} characters"


@given(st.text(max_size=40), st.integers(1, 20))
def test_text_is_refused_or_short_enough(text: str, limit: int) -> None:
    try:
        found = Text(limit).check(text, "x")
    except DocumentError:
        return
    assert found is None or len(found) <= limit


@given(links)
def test_a_link_is_refused_or_plain(text: str) -> None:
    try:
        found = Link().check(text, "x")
    except DocumentError:
        return
    if found is not None:
        assert found.isascii()
        assert len(found) <= 2083
        assert found.startswith(("http://", "https://"))
        assert Link().check(found, "x") == found


@given(st.emails())
def test_ordinary_addresses_are_taken(address: str) -> None:
    local = address.rpartition("@")[0]
    if len(local) <= 64 and len(address) <= 255:
        assert Mail().check(address, "x") == address


@given(st.binary(max_size=400), st.lists(st.integers(1, 60), max_size=12))
def test_the_simulator_reads_a_form_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """However the network cuts it, the same file comes out; and no more than that."""
    head = b'--bound\r\nContent-Disposition: form-data; name="id"\r\n\r\n7\r\n--bound\r\n'
    head += b'Content-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    whole = head + body + b"\r\n--bound--\r\n"
    if b"--bound" in body:
        return
    form, at = Form("multipart/form-data; boundary=bound"), 0
    for cut in cuts:
        form.feed(whole[at : at + cut])
        at += cut
    form.feed(whole[at:])
    form.close()
    assert (form.fields, form.size, form.md5) == ({"id": "7"}, len(body), samples.md5(body))
    broken = Form("multipart/form-data; boundary=bound")
    broken.feed(whole[:-12])
    with pytest.raises(BadForm):
        broken.close()


def test_a_date_is_not_a_time() -> None:
    with pytest.raises(DocumentError):
        common.Person(date_of_birth=datetime(2000, 1, 1, tzinfo=UTC))
    assert common.Person(date_of_birth=date(2000, 1, 1)).date_of_birth == date(2000, 1, 1)
