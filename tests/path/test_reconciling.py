"""Our count equals the receipts; and every way in which it could not is found, told and never mended by itself."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.models import Entry
from safehold.cases.models import Case, Decision, Duty
from safehold.console.labels import DIFFERENCE
from safehold.cybertip.client import Outcome
from safehold.cybertip.models import Exchange, Filing, Submission
from safehold.cybertip.reconciling import CODES
from safehold.evidence.models import Hold
from safehold.path import clock, filings, housekeeping, reconciling
from safehold.work.models import Task
from tests.support import desk, memory_host
from tests.support.jobs import run_due
from tests.support.stage import Ncmec, case_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def filed(world: memory_host.World) -> Filing:
    desk.decide(case_of("p1", "p2"), desk.SUSPENDS)
    row = Filing.objects.get()
    assert row.state == "finished"
    return row


@pytest.fixture
def unfiled(world: memory_host.World, ncmec: Ncmec) -> Filing:
    ncmec.stuck = {"submit": Outcome.PERSON}
    desk.decide(case_of("p1", "p2"), desk.SUSPENDS)
    return Filing.objects.get()


def found() -> list[tuple[str, str]]:
    return [(one.about, one.code) for one in reconciling.compare().differences]


def test_everything_agrees_in_an_empty_desk_and_after_each_end(world: memory_host.World, ncmec: Ncmec) -> None:
    assert reconciling.compare().agrees
    assert reconciling.compare().counts == ()
    desk.decide(case_of("p1", "p2"), desk.SUSPENDS)
    ncmec.stuck = {"submit": Outcome.PERSON}
    other = desk.decide(case_of("q1", number=2), desk.SUSPENDS)
    count = reconciling.compare()
    assert count.agrees
    (one,) = count.counts
    assert (one.environment, one.states) == ("practice", {"failed": 1, "finished": 1})
    assert (one.filed, one.receipts, one.by_hand, one.holds, one.acts) == (1, 1, 0, 1, 1)
    row = filings.take_in_hand(other.pk, actor="staff:custodian")
    assert reconciling.compare().agrees
    filings.enter_number(row.pk, report_id=77, actor="staff:custodian")
    count = reconciling.compare()
    assert count.agrees
    (one,) = count.counts
    assert (one.filed, one.receipts, one.by_hand, one.holds, one.acts) == (2, 1, 1, 2, 2)


def change(**values: Any) -> Callable[[Filing], object]:
    return lambda row: Filing.objects.filter(pk=row.pk).update(**values)


def answered(**values: Any) -> Callable[[Filing], object]:
    """Another receipt, as if the service had answered it."""

    def do(row: Filing) -> None:
        raw = "<reportDoneResponse>{}</reportDoneResponse>".format(
            "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
        ).encode()
        Filing.objects.filter(pk=row.pk).update(receipt=raw)
        Exchange.objects.filter(filing=row, endpoint="finish").update(response=raw)

    return do


def shorten(row: Filing) -> None:
    Hold.objects.filter(ref=audit.ref(row)).update(until=timezone.now() + timedelta(days=300))


def no_hold(row: Filing) -> None:
    Hold.objects.filter(ref=audit.ref(row)).update(ref="elsewhere:1")


def forget_act(row: Filing) -> None:
    Entry.objects.filter(about=audit.ref(row), act="filing.finish").update(act="filing.other")


def unfinish(row: Filing) -> None:
    Submission.objects.filter(filing=row).update(state="left")


def open_duty(row: Filing) -> None:
    Duty.objects.filter(kind="report_shall").update(state="open")


FILED_WRONG: dict[str, tuple[Callable[[Filing], object], set[str]]] = {
    "no number": (
        change(report_id=None), {"no-number", "not-finished-once", "receipt-not-answered", "receipt-other-report"},
    ),
    "another number": (change(report_id=5), {"not-finished-once", "receipt-not-answered", "receipt-other-report"}),
    "no receipt": (change(receipt=None), {"no-receipt"}),
    "empty receipt": (change(receipt=b""), {"no-receipt"}),
    "forged receipt": (change(receipt=b"<x/>"), {"receipt-not-answered", "receipt-unreadable"}),
    "the service said no": (answered(responseCode=4100, reportId=1001), {"receipt-says-no"}),
    "of another report": (answered(responseCode=0, reportId=4), {"receipt-other-report"}),
    "finished, by a 5102": (answered(responseCode=5102), {"receipt-says-no"}),
    "not finished there": (unfinish, {"not-finished-once"}),
    "no hold": (no_hold, {"no-hold"}),
    "a short hold": (shorten, {"hold-too-short"}),
    "no act": (forget_act, {"act-missing"}),
    "a duty open": (open_duty, {"filing-without-duty"}),
    "not filed at all": (
        change(state="drafted"),
        {"receipt-without-filing", "finished-without-filing", "act-without-filing", "hold-without-filing",
         "duty-without-filing"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILED_WRONG)
def test_what_a_filed_one_lacks_is_named(filed: Filing, name: str) -> None:
    act, codes = FILED_WRONG[name]
    assert found() == []
    act(filed)
    assert {code for _about, code in found()} == codes
    assert {about for about, _code in found()} == {audit.ref(filed)}


def test_two_with_one_number_are_named_both(filed: Filing, ncmec: Ncmec) -> None:
    desk.decide(case_of("q1", number=2), desk.SUSPENDS)
    Filing.objects.exclude(pk=filed.pk).update(report_id=filed.report_id)
    assert [code for _about, code in found()].count("number-twice") == 2


def test_what_belongs_to_no_filing_is_named(filed: Filing) -> None:
    Filing.objects.filter(pk=filed.pk).update(ref="subject:other")
    Hold.objects.filter(ref=audit.ref(filed)).update(ref="filing:0")
    Duty.objects.filter(kind="report_shall").update(receipt="filing:0")
    assert set(found()) == {
        (audit.ref(filed), "no-hold"), ("filing:0", "hold-without-filing"), ("filing:0", "duty-without-filing"),
    }  # fmt: skip


def test_every_code_has_words_and_is_reached() -> None:
    assert set(CODES) == set(DIFFERENCE)
    reached = {code for _act, codes in FILED_WRONG.values() for code in codes} | {"number-twice"}
    assert reached == set(CODES)


def test_a_difference_becomes_one_task_until_it_is_closed_and_nothing_is_mended(filed: Filing) -> None:
    housekeeping.daily()
    assert not Task.objects.filter(kind="counts-differ").exists()
    shorten(filed)
    for _ in range(2):
        housekeeping.daily()
    task = Task.objects.get(kind="counts-differ")
    assert (task.role, task.note) == ("custodian", "1: hold-too-short")
    Task.objects.filter(pk=task.pk).update(closed_at=timezone.now())
    housekeeping.daily()
    assert Task.objects.filter(kind="counts-differ").count() == 2, "it still differs"
    assert found() == [(audit.ref(filed), "hold-too-short")]


class TestClock:
    """When we knew, from whom, how long until it was filed."""

    def test_a_filed_one_tells_how_long_it_took(self, filed: Filing) -> None:
        case = Case.objects.get()
        told = clock.of_subject(case.subjects.get())
        assert (told.source, told.channels) == ("report", ("form",))
        assert filed.ended_at is not None
        assert told.took == filed.ended_at - case.knowledge_at
        assert (told.age, told.late) == (None, False)
        assert clock.waiting() == []

    @pytest.mark.usefixtures("unfiled")
    def test_an_unfiled_one_waits_and_alarms_once(self) -> None:
        case = Case.objects.get()
        (row,) = clock.waiting()
        assert row.duty is not None
        assert (row.case, row.late) == (case, False)
        assert clock.alarm() == 0
        Case.objects.update(knowledge_at=timezone.now() - clock.limit() - timedelta(minutes=1))
        assert clock.of_subject(Case.objects.get().subjects.get()).late
        for _ in range(2):
            assert clock.alarm() == 1
        assert Task.objects.filter(kind="report-late", role="custodian").count() == 1

    @pytest.mark.usefixtures("world")
    def test_an_undecided_case_waits_too(self) -> None:
        case = case_of("p1", class_id="cse")
        (row,) = clock.waiting()
        assert row.duty is None
        Case.objects.update(knowledge_at=timezone.now() - timedelta(days=3))
        housekeeping.look_over()
        task = Task.objects.get(kind="case-late")
        assert (task.role, task.about) == ("senior", audit.ref(case))
        desk.decide(case, desk.CLEARED)
        assert clock.waiting() == []
        told = clock.of_subject(case.subjects.get())
        assert (told.age, told.took) == (None, None)

    @pytest.mark.usefixtures("world")
    def test_another_class_does_not_wait(self) -> None:
        case_of("p1", class_id="altercation")
        assert clock.waiting() == []

    @pytest.mark.usefixtures("unfiled")
    def test_the_limit_is_the_operators(self, settings: Any) -> None:
        import msgspec

        Case.objects.update(knowledge_at=timezone.now() - timedelta(hours=5))
        assert not clock.waiting()[0].late
        settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, report_alarm_hours=4)
        assert clock.waiting()[0].late

    @pytest.mark.usefixtures("unfiled")
    def test_a_waived_report_waits_no_longer(self) -> None:
        from safehold.path import commands

        duty = Duty.objects.get(kind="report_shall")
        commands.waive_duty(duty.pk, because="law 1", actor="staff:third")
        run_due()
        assert clock.waiting() == []
        assert Decision.objects.get().state == "confirmed"
        assert reconciling.compare().agrees


class TestCommandLine:
    """`safehold cybertip status` and `safehold doctor` say the same as the page."""

    def status(self, *more: str) -> int:
        from safehold.app.cli import parser

        arguments = parser().parse_args(["cybertip", "status", *more])
        return int(arguments.run(arguments))

    def test_all_is_well(self, filed: Filing, capsys: pytest.CaptureFixture[str]) -> None:
        import json

        assert self.status() == 0
        assert "practice: 1 filed; 1 receipts, 0 numbers entered by hand, 1 holds, 1 acts on record" in (
            told := capsys.readouterr().out
        )
        assert "Our count equals the receipts." in told
        assert self.status("--json") == 0
        told_json = json.loads(capsys.readouterr().out)
        assert told_json["agrees"] is True
        assert told_json["environments"][0]["states"] == {"finished": 1}
        assert told_json["waiting"] == {"number": 0, "late": 0, "limit_hours": 24, "oldest_since": None}
        assert filed.state == "finished"

    def test_a_difference_ends_with_one_and_is_named(self, filed: Filing, capsys: pytest.CaptureFixture[str]) -> None:
        from safehold.app import doctor

        shorten(filed)
        assert self.status() == 1
        assert f"DIFFERS {audit.ref(filed)}: {CODES['hold-too-short']}" in capsys.readouterr().out
        (finding,) = list(doctor._reports())
        assert (finding.what, finding.state) == ("reports", "wrong")
        assert "hold-too-short" in finding.say

    def test_what_waits_too_long_ends_with_one(self, unfiled: Filing, capsys: pytest.CaptureFixture[str]) -> None:
        from safehold.app import doctor

        Filing.objects.filter(pk=unfiled.pk).update(state="drafted")
        assert self.status() == 0
        Case.objects.update(knowledge_at=timezone.now() - timedelta(days=2))
        assert self.status() == 1
        assert "1 of them for too long" in capsys.readouterr().out
        assert [(one.what, one.state) for one in doctor._reports()] == [("reports", "ok"), ("clock", "wrong")]
