"""Reports to the NCA: the export's two files, the parameters of the law, and what a finding must hold."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as some

from safehold.audit.machine import IllegalMove
from safehold.audit.models import Entry
from safehold.authorities import rules, uk
from safehold.authorities.models import UkMatter
from safehold.authorities.uk_export import (
    ExportInput,
    UkAccount,
    UkAddress,
    UkFile,
    UkReporter,
    build,
    decode,
    encode,
)
from safehold.cases.models import Case, CaseSubject

GOLDEN = Path(__file__).parent / "golden"
AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
WHOLE = ExportInput(
    case="C-000017",
    as_of=AT,
    test=False,
    priority=1,
    priority_because="placeholder reason 1",
    link_because="placeholder reason 2",
    known_at=datetime(2026, 11, 25, 9, 30, tzinfo=UTC),
    detected_by="report",
    channels=("form", "in_app"),
    clauses=("CSE-01",),
    incident_type="placeholder type 1",
    platform="Example Chat",
    reporter=UkReporter(
        name="Example Co.",
        person="Person 1",
        email="safety@example.org",
        phone="+12025550100",
        registration="REG-17",
        registered_on=date(2026, 4, 7),
        legal_url="https://example.org/legal",
    ),
    accounts=(
        UkAccount(
            role="uploader",
            service="Example Chat",
            id="17",
            handle="user-17",
            display_names=("User 17",),
            urls=("https://chat.example/user-17",),
            emails=(("user-17@mail.example", True), ("other-17@mail.example", None)),
            phones=("+12025550117",),
            addresses=(
                UkAddress(address="192.0.2.17", event="Login", at=AT, port=443),
                UkAddress(address="192.0.2.18"),
            ),
            billing=("customer 17",),
        ),
    ),
    files=(
        UkFile(
            sealed_id="11111111-1111-4111-8111-111111111111",
            name="gradient 1.png",
            size=1234,
            hashes=(("MD5", "0" * 32), ("SHA256", "0" * 64)),
            url="https://chat.example/picture-1",
            uploaded_at=AT,
            uploaded_from=UkAddress(address="192.0.2.17", event="Upload", at=AT),
            exif=(("Make", "Camera 1"),),
            viewed=True,
        ),
    ),
    urls=("https://chat.example/picture-1",),
    prior_report_ids=(1234567,),
    prior_references=("NCA-1",),
    declared_by="User 40",
    additional="placeholder line 1\nplaceholder line 2",
)
BARE = msgspec.structs.replace(
    WHOLE, test=True, priority=3, channels=(), clauses=(), accounts=(UkAccount(role="viewer"),), urls=(), additional="",
    files=(UkFile(sealed_id="22222222-2222-4222-8222-222222222222", viewed=False),), prior_report_ids=(),
    prior_references=(),
    reporter=UkReporter(
        name="Example Co.", person="", email="safety@example.org", phone="", registration="", registered_on=None,
        legal_url="",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("name", "record"), [("whole", WHOLE), ("bare-practice", BARE)])
def test_both_files_are_as_they_are_kept(name: str, record: ExportInput) -> None:
    made = build(record)
    assert made.machine == (GOLDEN / f"uk-{name}.json").read_bytes()
    assert made.printable == (GOLDEN / f"uk-{name}.txt").read_text(encoding="utf-8")
    assert build(decode(encode(record))) == made, "from its stored record, byte for byte"


@pytest.mark.parametrize("record", [WHOLE, BARE])
def test_both_files_say_that_nobody_verified_them(record: ExportInput) -> None:
    made = build(record)
    told = json.loads(made.machine)
    assert "NOT VERIFIED" in told["verification"]["warning"]
    assert told["verification"]["verified_on"] == "2026-11-26"
    assert "NOT VERIFIED" in made.printable
    assert ("must not be sent" in made.printable) == record.test == told["practice_or_test"]
    assert made.sha256 in made.printable


def test_the_schedules_contents_are_all_there_and_what_is_unknown_is_null() -> None:
    wanted = {
        "reporter", "priority", "uk_link", "content_and_detection", "platform", "prior_reports", "links", "content",
        "accounts", "declaration",
    }  # fmt: skip
    for record in (WHOLE, BARE):
        assert set(json.loads(build(record).machine)["schedule_1"]) == wanted
    bare = json.loads(build(BARE).machine)["schedule_1"]
    assert (
        bare["content"][0]["exif"] is bare["content"][0]["uploaded_at"] is bare["reporter"]["nca_registration"] is None
    )
    assert bare["accounts"][0]["billing_identifiers"] is None, "not asked for is not the same as none"


@pytest.mark.parametrize("priority", [0, 4, -1])
def test_a_priority_that_the_law_does_not_know_builds_nothing(priority: int) -> None:
    with pytest.raises(ValueError, match="no priority"):
        build(msgspec.structs.replace(WHOLE, priority=priority))


@given(some.text(max_size=60))
def test_what_a_host_logged_makes_no_line_of_its_own(text: str) -> None:
    """A handle with line breaks must not look like a field of the form."""
    account = msgspec.structs.replace(WHOLE.accounts[0], handle=text)
    made = build(msgspec.structs.replace(WHOLE, accounts=(account,)))
    assert made.printable.count("\n") == build(WHOLE).printable.count("\n")
    assert json.loads(made.machine)["schedule_1"]["accounts"][0]["handle"] == (text or None)


# --- the parameters ----------------------------------------------------------------------------------


def test_every_parameter_has_its_source_and_day_and_is_strict() -> None:
    for name, rule in rules.RULES.items():
        assert rule.source
        assert rule.says
        assert (rule.verified, rule.standing) == (date(2026, 11, 26), "reference, not law text"), name
    assert uk.limit(1) == timedelta(0), "at once"
    assert uk.limit(1) < uk.limit(2) < uk.limit(3) <= timedelta(hours=24)
    assert (rules.RULES["uk-keep-evidence"].value, rules.RULES["uk-keep-reference"].value) == (1, 5)


def test_terms_of_years_are_never_shorter() -> None:
    leap = datetime(2028, 2, 29, 1, 2, tzinfo=UTC)
    assert rules.years_after(leap, "uk-keep-evidence") == datetime(2029, 3, 1, 1, 2, tzinfo=UTC)
    assert rules.years_after(AT, "uk-keep-reference") == AT.replace(year=2031)
    with pytest.raises(ValueError, match="not counted in years"):
        rules.years_after(AT, "uk-priority-1")


# --- findings ----------------------------------------------------------------------------------------


@pytest.fixture
def subject(db: None) -> CaseSubject:
    case = Case.objects.create(number=1, knowledge_at=timezone.now(), knowledge_source="report")
    return CaseSubject.objects.create(case=case)


LINK: dict[str, Any] = {
    "linked": True, "because": "placeholder reason 1", "priority": 2, "priority_because": "placeholder reason 2",
    "actor": "staff:1",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"because": " "}, {"priority": None}, {"priority": 0}, {"priority": 4}, {"priority_because": ""},
        {"linked": False}, {"linked": False, "priority": None},
    ],
)  # fmt: skip
def test_a_finding_without_its_reasons_is_refused(subject: CaseSubject, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        uk.find(subject, **{**LINK, **change})
    assert not UkMatter.objects.exists()


def test_it_is_found_anew_until_it_is_settled(subject: CaseSubject) -> None:
    row = uk.find(subject, linked=False, because="placeholder reason 3", actor="staff:1")
    assert (row.state, row.priority) == ("no_link", None)
    row = uk.find(subject, **LINK)
    assert (row.state, row.priority, UkMatter.objects.count()) == ("due", 2, 1)
    row = uk.prepare(row.pk, WHOLE, actor="staff:2")
    row = uk.find(subject, **{**LINK, "priority": 1})
    assert (row.state, row.record, row.prepared_by) == ("due", b"", ""), "an export with the old priority is given up"
    row = uk.report(uk.prepare(row.pk, WHOLE, actor="staff:2").pk, reference=" NCA  17 ", actor="staff:2")
    assert (row.state, row.reference) == ("reported", "NCA 17")
    for again in (LINK, {"linked": False, "because": "x", "actor": "staff:1"}):
        with pytest.raises(IllegalMove):
            uk.find(subject, **again)
    assert Entry.objects.filter(act__startswith="uk_matter.").count() == 6


def test_only_what_was_exported_has_a_reference(subject: CaseSubject) -> None:
    row = uk.find(subject, **LINK)
    with pytest.raises(IllegalMove):
        uk.report(row.pk, reference="NCA-17", actor="staff:1")
    row = uk.prepare(row.pk, WHOLE, actor="staff:1")
    for wrong in ("", "  ", "ab", "x" * 101, "NCA<17>", "-17 1", "NCA\u202e17"):
        with pytest.raises(ValueError, match="reference has"):
            uk.report(row.pk, reference=wrong, actor="staff:1")
    with pytest.raises(IllegalMove):
        uk.drop(row.pk, because="x", actor="staff:1")
    row.refresh_from_db()
    assert row.state == "prepared"


def test_a_reference_belongs_to_one_report(subject: CaseSubject) -> None:
    other = CaseSubject.objects.create(case=subject.case)
    for one in (subject, other):
        uk.prepare(uk.find(one, **LINK).pk, WHOLE, actor="staff:1")
    uk.report(UkMatter.objects.get(subject=subject).pk, reference="NCA-17", actor="staff:1")
    with pytest.raises(ValueError, match="belongs to another"):
        uk.report(UkMatter.objects.get(subject=other).pk, reference="NCA-17", actor="staff:1")
    assert UkMatter.objects.get(subject=other).state == "prepared"


@pytest.mark.parametrize("act", ["refuse_cover", "give_back", "drop"])
def test_every_way_out_wants_its_reason(subject: CaseSubject, act: str) -> None:
    row = uk.find(subject, **LINK)
    with pytest.raises(ValueError, match="Say"):
        getattr(uk, act)(row.pk, because="  ", actor="staff:1")


@pytest.mark.django_db(transaction=True)
def test_the_migration_leaves_register_and_notices_as_they_were() -> None:
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    try:
        old: Any = _migrate([("authorities", "0001_initial")])
        old.get_model("authorities", "Process").objects.create(
            number=1, kind="order", authority="Court 1", country="US", document="id 17", received_on=AT.date(),
            verified="called back", asked="account 17", entered_by="staff:1",
        )  # fmt: skip
        new: Any = _migrate([("authorities", "0002_uk")])
        assert new.get_model("authorities", "Process").objects.get().document == "id 17"
        assert not new.get_model("authorities", "UkMatter").objects.exists()
        new.get_model("authorities", "Process").objects.all().delete()
    finally:
        _migrate(latest)


def _migrate(target: list[tuple[str, str]]) -> Any:
    MigrationExecutor(connection).migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps
