"""The two figures: how complete a report is, what could still be fetched, and how urgent it is."""

from datetime import timedelta

import msgspec
import pytest

from safehold.cybertip.completeness import FILE_PIECES, PIECES, Ability, Level, Missing, completeness, urgency
from safehold.cybertip.inputs import (
    AccountInput,
    BatchInput,
    ChatInput,
    EmailInput,
    FileInput,
    FilingInput,
    IpInput,
)
from tests.cybertip import samples
from tests.cybertip.samples import AS_OF, EARLIER, record

ALL = frozenset(Ability)
IP = IpInput(ip="192.0.2.10", at=EARLIER, port=443)
FULL = record(
    incident_description="Time of placeholder message 1.",
    subject=AccountInput(
        account_id="u-17", first_name="User", urls=("https://chat.example.test/u/17",), ip_events=(IP,),
        emails=(EmailInput(address="user-17@example.net", verified=True),),
    ),
    recipients=(AccountInput(account_id="u-19"),), chat=ChatInput(client="Example Chat"), files=(samples.file_input(),),
)  # fmt: skip


def codes(made: FilingInput, able: frozenset[Ability] = ALL) -> dict[str, Missing]:
    return {one.code: one for one in completeness(made, able).missing}


def subject(**changes: object) -> FilingInput:
    assert FULL.subject is not None
    return msgspec.structs.replace(FULL, subject=msgspec.structs.replace(FULL.subject, **changes))


def with_file(**changes: object) -> FilingInput:
    return msgspec.structs.replace(FULL, files=(samples.file_input(**changes),))


def test_a_report_that_tells_all_is_complete() -> None:
    assert completeness(FULL) == msgspec.structs.replace(completeness(FULL), score=100, missing=())


LACKING: list[tuple[str, FilingInput]] = [
    ("account", msgspec.structs.replace(FULL, subject=None)),
    ("batch_accounts", record(batch=BatchInput(account_ids=()))),
    ("contact", subject(emails=())),
    ("verified_contact", subject(emails=(EmailInput(address="user-17@example.net"),))),
    ("name", subject(first_name="")),
    ("profile", subject(urls=())),
    ("addresses", subject(ip_events=())),
    ("address_times", subject(ip_events=(IP, msgspec.structs.replace(IP, at=None)))),
    ("address_ports", subject(ip_events=(IP, msgspec.structs.replace(IP, port=None)))),
    ("content", msgspec.structs.replace(FULL, files=())),
    ("place", msgspec.structs.replace(FULL, chat=None)),
    ("time_told", msgspec.structs.replace(FULL, incident_description="")),
    ("other_side", msgspec.structs.replace(FULL, recipients=())),
    (
        "reporter_contact",
        msgspec.structs.replace(FULL, reporter=msgspec.structs.replace(FULL.reporter, phone="", contact=None)),
    ),
    (
        "legal_process",
        msgspec.structs.replace(FULL, reporter=msgspec.structs.replace(FULL.reporter, company="", legal_url="")),
    ),
    ("file_time", with_file(uploaded_at=None)),
    ("file_address", with_file(ip_event=None)),
    ("file_hashes", with_file(hashes=())),
    ("file_name", with_file(file_name="")),
    ("file_place", with_file(url="")),
    ("file_public", with_file(public=None)),
]


@pytest.mark.parametrize(("code", "made"), LACKING, ids=[row[0] for row in LACKING])
def test_every_piece_is_missed_where_it_lacks_and_costs_its_weight(code: str, made: FilingInput) -> None:
    assert code not in codes(FULL)
    missing = codes(made)[code]
    assert completeness(made).score < 100
    assert missing.weight > 0
    assert missing.of == (("sealed-1",) if code.startswith("file_") else ())


def test_the_table_above_has_every_piece() -> None:
    assert [row[0] for row in LACKING] == [piece.code for piece in (*PIECES, *FILE_PIECES)]


def test_only_what_the_host_can_be_asked_for_is_offered() -> None:
    made = subject(ip_events=(), emails=())
    offered = completeness(made, frozenset({Ability.ADDRESSES}))
    assert [one.code for one in offered.fetchable] == ["addresses"]
    assert {one.code for one in offered.missing} == {one.code for one in completeness(made, ALL).missing}
    assert codes(made, frozenset())["addresses"].fetch is None
    assert codes(msgspec.structs.replace(FULL, incident_description=""))["time_told"].fetch is None


def test_the_heaviest_piece_is_named_first() -> None:
    weights = [one.weight for one in completeness(record(), ALL).missing]
    assert weights == sorted(weights, reverse=True)
    assert completeness(record(), ALL).score < 30


def test_text_alone_is_content() -> None:
    chat = ChatInput(client="Example Chat", content="placeholder message 1")
    assert "content" not in codes(msgspec.structs.replace(FULL, files=(), chat=chat))


def test_a_label_counts_as_its_code() -> None:
    label = "Online Enticement of Children for Sexual Acts"
    made = msgspec.structs.replace(FULL, recipients=(), incident_type=label)
    assert "other_side" in codes(made)
    assert "other_side" not in codes(msgspec.structs.replace(made, incident_type="misleading_domain_name"))


def test_a_batch_is_measured_by_what_it_may_hold() -> None:
    file = FileInput(sealed_id="1", viewed=True, annotations=("viral",))
    made = record(batch=BatchInput(account_ids=("1", "2")), files=(file,), incident_description="Placeholder.")
    assert completeness(made).score == 100


def test_urgent_only_by_an_explicit_finding() -> None:
    """No annotation, type or age makes a report imminent: a person's finding does, with its reason."""
    loud = msgspec.structs.replace(FULL, annotations=("sextortion", "sadisticOnlineExploitation"))
    assert urgency(loud).level == Level.PROMPT
    assert urgency(msgspec.structs.replace(FULL, escalate="  ")).level == Level.PROMPT
    found = urgency(msgspec.structs.replace(FULL, escalate="Placeholder reason."))
    assert (found.level, found.reason) == (Level.IMMINENT, "Placeholder reason.")


def test_how_long_we_have_known() -> None:
    assert urgency(FULL).waiting is None
    assert urgency(FULL, known_at=AS_OF - timedelta(hours=3)).waiting == timedelta(hours=3)
    assert urgency(FULL, known_at=AS_OF + timedelta(minutes=1)).waiting == timedelta(0)
