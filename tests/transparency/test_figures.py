"""The figures are counted from the records, in their period, and a none is not a "not measured"."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from safehold.cases.models import Case, Decision, Duty
from safehold.cybertip.models import Filing
from safehold.enforcement.models import Action
from safehold.intake.models import Report
from safehold.path import commands
from safehold.redress.models import Appeal
from safehold.transparency import counting
from safehold.transparency import service as transparency
from tests.public.making import AGREEING, decided, letter, world_with
from tests.support import desk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault", "no_filing")]


def _rows(start: date | None = None, end: date | None = None) -> dict[str, dict[str, Any]]:
    today = timezone.now().astimezone(UTC).date()
    figures = transparency.figures(start or today, end or today + timedelta(days=1))
    return {row["id"]: row for section in figures["sections"] for row in section["rows"]}


def _values(*names: str) -> list[Any]:
    rows = _rows()
    return [rows[name]["value"] for name in names]


def test_an_empty_installation_has_zeros_and_nothing_to_measure() -> None:
    rows = _rows()
    assert rows["reports.all"]["value"] == 0
    assert rows["cybertips.receipts"]["value"] == 0
    assert (rows["times.hidden"]["value"], rows["times.hidden"]["of"]) == (None, 0)
    assert (rows["appeals.granted_share"]["value"], rows["appeals.granted_share"]["of"]) == (None, 0)
    assert rows["care.overrides"]["value"] == 0
    assert (rows["care.overrides_share"]["value"], rows["care.overrides_share"]["of"]) == (None, 0)
    assert len(rows["care.overrides"]["parts"]) == 9, "three classes, three directions, each with its own zero"
    assert not any(name.startswith("clauses.") for name in rows)


def test_what_happened_is_counted() -> None:
    world_with("user-17", "user-18", "user-19")
    first = decided("user-17", desk.SUSPENDS, number=1)
    decided("user-18", desk.LENIENT, number=2)
    decided("user-19", desk.CLEARED, number=3)
    assert _values("reports.all", "reports.channel.form", "reports.channel.in_app") == [3, 3, 0]
    assert _values("locators.all", "locators.found", "locators.not_found") == [6, 6, 0]
    assert _values("cases.opened", "cases.source.report", "cases.closed") == [3, 3, 1]
    assert _values("decisions.all", "decisions.violation", "decisions.clear") == [3, 2, 1]
    assert _values("clauses.2024-05.CSE-01") == [2]
    assert _values("sanctions.suspend_permanently", "sanctions.ban_person", "sanctions.lock_until_removed") == [1, 1, 1]
    assert _values("actions.kind.suspend_account", "actions.kind.hide_item", "actions.reversed") == [1, 2, 0]
    assert _values("bans.placed", "bans.in_force_now", "bans.lifted") == [1, 1, 0]
    assert _values("care.two_people", "care.lenient_share", "care.automated_decisions") == [1, 0.5, 0.0]
    assert _rows()["care.automated_decisions"]["of"] == 3
    assert _values("duties.open_now.report_shall") == [Duty.objects.filter(kind="report_shall", state="open").count()]
    assert first.state == Decision.State.CONFIRMED


def test_overrides_are_counted_by_class_and_direction_once_they_are_in_force() -> None:
    """S70: the default holds in the majority of cases, and the rate of exceptions is measured."""
    world_with("user-17", "user-18", "user-19")
    decided("user-18", desk.SUSPENDS, number=2)
    decided("user-19", desk.CLEARED, number=3)
    desk.report(account_name="user-17", number=1, locators=("https://memory.test/p-user-17",))
    case = Case.objects.get(subjects__account__external_id="user-17")
    who = {"actor": desk.FIRST, "device": desk.DEVICE}
    commands.lease_case(case.pk, **who)
    commands.answer(case.subjects.get().pk, "cse", desk.LENIENT, **who)
    first = commands.propose_decision(case.subjects.get().pk, "cse", **who)
    held = commands.override_decision(first.pk, "cse-suspend", reason="placeholder reason 6", **who)
    assert _values("care.overrides", "care.overrides_share", "decisions.all") == [0, 0.0, 2]
    commands.second_opinion(held.pk, agree=True, reason="placeholder reason 7", actor=desk.SECOND)
    assert _values("care.overrides", "care.overrides_share", "decisions.cause.assessment") == [1, 0.333, 3]
    rows = _rows()
    counted = {part: rows[part]["value"] for part in rows["care.overrides"]["parts"] if rows[part]["value"]}
    assert counted == {"care.overrides.cse.stricter": 1}


def test_an_action_counts_when_the_host_confirmed_it() -> None:
    world = world_with("user-17")
    world.deaf.add("suspend_account")
    decided("user-17", desk.SUSPENDS)
    assert _values("sanctions.suspend_permanently", "actions.kind.suspend_account") == [1, 0]


def test_an_appeal_granted_is_counted_with_its_reversals() -> None:
    world_with("user-17")
    decision = decided("user-17", desk.SUSPENDS)
    _statement, token = letter(decision)
    appeal = commands.open_appeal(token, text="placeholder message 5", language="en")
    assert _values("appeals.opened", "appeals.answered", "appeals.granted_share") == [1, 0, None]
    commands.lease_appeal(appeal.pk, actor=AGREEING)
    commands.answer_appeal(appeal.pk, desk.CLEARED, actor=AGREEING)
    commands.decide_appeal(appeal.pk, grant=True, reason="placeholder reason 5", actor=AGREEING)
    from tests.support.jobs import run_due

    run_due()
    assert _values("appeals.granted", "appeals.refused", "appeals.granted_share") == [1, 0, 1.0]
    undone = Action.objects.filter(state="reversed").count()
    assert undone > 0
    assert _values("actions.reversed", "bans.lifted", "bans.in_force_now") == [undone, 1, 0]
    assert _values("decisions.all", "decisions.cause.appeal") == [2, 1], "the replaced decision took effect in its time"


def _filing(ref: str, state: str, *, hours: float, environment: str = "practice") -> Filing:
    known = Case.objects.get().knowledge_at
    return Filing.objects.create(
        ref=ref, environment=environment, record=b"", document=b"", document_sha256="", state=state,
        ended_at=known + timedelta(hours=hours),
    )  # fmt: skip


def test_cybertips_count_by_receipt_and_their_time_from_knowledge() -> None:
    world_with("user-17")
    decision = decided("user-17", desk.SUSPENDS)
    moment = datetime(2026, 8, 3, 12, tzinfo=UTC)
    Case.objects.update(knowledge_at=moment)
    own = Filing.objects.filter(ref=f"subject:{decision.subject_id}")
    own.update(state="finished", ended_at=moment + timedelta(hours=2))
    _filing("subject:other", "recovered", hours=1)
    _filing("by-hand", "by_hand", hours=1)
    _filing("none", "not_reportable", hours=1)
    _filing("elsewhere", "finished", hours=1, environment="production")
    Action.objects.filter(kind="hide_item").update(confirmed_at=moment + timedelta(seconds=90))
    rows = _rows(date(2026, 8, 1), date(2026, 9, 1))
    assert rows["cybertips.receipts"]["value"] == 2
    assert (rows["cybertips.by_hand"]["value"], rows["cybertips.not_reportable"]["value"]) == (1, 1)
    assert (rows["times.filed"]["value"], rows["times.filed"]["of"]) == (7200, 1)
    assert (rows["times.hidden"]["value"], rows["times.hidden"]["of"]) == (90, 1)
    assert _rows(date(2026, 9, 1), date(2026, 10, 1))["cybertips.receipts"]["value"] == 0


def test_the_last_moment_belongs_to_the_period_and_the_end_does_not() -> None:
    desk.report(account_name="user-17", host="")
    for moment, counted in (
        (datetime(2026, 6, 30, 23, 59, 59, 999999, tzinfo=UTC), 0),
        (datetime(2026, 7, 1, tzinfo=UTC), 1),
        (datetime(2026, 9, 30, 23, 59, 59, 999999, tzinfo=UTC), 1),
        (datetime(2026, 10, 1, tzinfo=UTC), 0),
    ):
        Report.objects.update(received_at=moment)
        assert _rows(date(2026, 7, 1), date(2026, 10, 1))["reports.all"]["value"] == counted, moment


def test_every_total_is_the_sum_of_its_parts() -> None:
    world_with("user-17", "user-18")
    decided("user-17", desk.SUSPENDS, number=1)
    decided("user-18", desk.LENIENT, number=2)
    rows = _rows()
    totals = [row for row in rows.values() if "parts" in row]
    assert len(totals) >= 7
    for total in totals:
        assert total["value"] == sum(rows[part]["value"] for part in total["parts"]), total["id"]


def test_a_period_without_days_is_refused() -> None:
    with pytest.raises(ValueError, match="no days"):
        transparency.figures(date(2026, 7, 1), date(2026, 7, 1))


def test_counting_writes_nothing() -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    world_with("user-17")
    decided("user-17", desk.SUSPENDS)
    with CaptureQueriesContext(connection) as asked:
        _rows()
    assert asked.captured_queries
    assert all(query["sql"].lstrip().upper().startswith("SELECT") for query in asked.captured_queries)


def test_a_decision_from_a_list_alone_counts_as_automated() -> None:
    world_with("user-17")
    decision = decided("user-17", desk.SUSPENDS)
    answers = [{**row, "origin": "list:practice"} for row in decision.answers]
    Decision.objects.filter(pk=decision.pk).update(answers=answers)
    assert _values("care.automated_decisions") == [1.0]
    Decision.objects.filter(pk=decision.pk).update(answers=[*answers[:-1], decision.answers[-1]])
    assert _values("care.automated_decisions") == [0.0]


def test_an_appeal_and_a_correction_are_kept_apart() -> None:
    world_with("user-17")
    decision = decided("user-17", desk.SUSPENDS)
    Appeal.objects.create(
        kind="correction", decision=decision, opened_by="staff:9", deciders="|x|", state="granted",
        decided_by="staff:9", decided_at=timezone.now(),
    )  # fmt: skip
    assert _values("appeals.opened", "appeals.granted", "appeals.corrections") == [0, 0, 1]


def test_the_first_day_is_that_of_the_first_record() -> None:
    assert counting.first_day() is None
    desk.report(account_name="user-17", host="")
    Report.objects.update(received_at=datetime(2026, 3, 5, tzinfo=UTC))
    assert counting.first_day() == date(2026, 3, 5)
    assert [one.key for one in transparency.periods(date(2026, 11, 22))] == ["2026-Q4", "2026-Q3", "2026-Q2", "2026-Q1"]


def test_the_figures_can_be_written_as_json() -> None:
    today = timezone.now().date()
    assert msgspec.json.decode(msgspec.json.encode(transparency.figures(today, today + timedelta(days=1))))


def test_removal_requests_are_counted_by_how_they_ended() -> None:
    from safehold.path import removals as commands
    from safehold.removals.models import Removal
    from tests.support import removing

    world_with("user-17", "user-18")
    in_time = removing.valid(1, links=("https://memory.test/p-user-17",))
    late = removing.valid(2, links=("https://memory.test/p-user-18",))
    Removal.objects.filter(pk=late.pk).update(deadline=late.complete_at)
    removing.receive(3, minor="yes", links=("https://memory.test/p-user-17",))
    refused = removing.receive(4)
    commands.refuse(refused.pk, reason="consent", answer="placeholder answer 1", actor="staff:checker")
    removing.valid(5, links=(), place="placeholder place 1")
    assert _values("removals.received", "removals.valid", "removals.removed") == [5, 3, 2]
    assert _values("removals.in_time", "removals.late", "removals.overdue_now") == [1, 1, 0]
    assert _values("removals.refused", "removals.not_found", "removals.routed") == [1, 1, 1]
    assert _rows()["removals.time"]["of"] == 2
    assert _values("removals.restored", "removals.copies") == [0, 1], "both files have the same bytes"
    commands.restore(in_time.pk, because="placeholder reason 1", actor="staff:other")
    assert _values("removals.restored") == [1]
    assert _values("care.hidden_by_machine") == [None], "a removal is no case"
