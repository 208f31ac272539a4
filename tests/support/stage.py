"""A desk, a host in memory and a scripted reporting service: cases brought into any state, and what must hold in all.

`world` and `ncmec` are fixtures; the rest are plain functions. The filing room is the real one, down to
its protocol; only the line to the service is scripted.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import md5
from types import TracebackType
from typing import Any, Self

import msgspec
import pytest
from django.db import models
from django.utils import timezone

from safehold.audit.models import FailedAttempt
from safehold.cases.models import Case, CaseItem, Decision, Duty
from safehold.cybertip import service as cybertip
from safehold.cybertip.client import Answer, Outcome
from safehold.enforcement import service as enforcement
from safehold.enforcement.models import Action
from safehold.evidence.models import Hold
from safehold.notices import service as notices
from safehold.notices.models import Statement
from safehold.path import commands
from safehold.persons.models import Ban
from safehold.redress.models import Appeal
from safehold.work.models import Job
from tests.support import desk, memory_host
from tests.support.jobs import run_due

FIRST, SECOND, THIRD, FOURTH = desk.FIRST, desk.SECOND, desk.THIRD, "staff:fourth"


@dataclass
class Ncmec:
    """The reporting service as a test wants it: `stuck` names the call that fails, and how."""

    stuck: dict[str, Outcome] = field(default_factory=dict)
    finished: list[int] = field(default_factory=list)
    opened: int = 0
    before_finish: Callable[[], None] | None = None

    def line(self) -> "Ncmec":
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        return None

    def _answer(self, call: str, **more: Any) -> Answer:
        outcome = self.stuck.get(call, Outcome.OK)
        if outcome == Outcome.OK:
            root = "reportDoneResponse" if call == "finish" else "reportResponse"
            number = more.get("report_id", 1000 + self.opened)
            raw = f"<{root}><responseCode>0</responseCode><reportId>{number}</reportId></{root}>".encode()
            return Answer(outcome=outcome, http_status=200, code=0, raw=raw, **more)
        return Answer(outcome=outcome, http_status=400 if outcome == Outcome.PERSON else 503, code=4100)

    def submit(self, _document: bytes) -> Answer:
        self.opened += 1
        return self._answer("submit", report_id=1000 + self.opened)

    def upload(self, report_id: int, _name: str, chunks: Iterator[bytes], *, size: int | None, alive: Any) -> Answer:  # noqa: ARG002
        digest = md5(b"".join(chunks), usedforsecurity=False).hexdigest()
        answer = self._answer("upload", report_id=report_id, file_id=f"file-{self.opened}", hash=digest)
        return msgspec.structs.replace(answer, sent_md5=digest)

    def fileinfo(self, _document: bytes) -> Answer:
        return self._answer("fileinfo")

    def finish(self, report_id: int) -> Answer:
        if self.before_finish is not None:
            self.before_finish()
        answer = self._answer("finish", report_id=report_id, files=(f"file-{self.opened}",))
        if answer.outcome == Outcome.OK:
            self.finished.append(report_id)
        return answer

    def retract(self, report_id: int) -> Answer:
        return self._answer("retract", report_id=report_id)


@pytest.fixture
def ncmec(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Ncmec:
    """The scripted service, and settings that lead to it."""
    service = Ncmec()
    tip = msgspec.structs.replace(settings.SAFEHOLD.cybertip, url="http://127.0.0.1:1/ispws", environment="practice")
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, cybertip=tip)
    monkeypatch.setattr(cybertip, "_line", service.line)
    return service


@pytest.fixture
def world(vault: None, ncmec: Ncmec) -> memory_host.World:
    """A host with two accounts; the first has a picture, a text and another picture."""
    _host, world = memory_host.make()
    world.add_account("user-17", phones=("+12025550117",))
    world.add_account("user-18", phones=("+12025550118",))
    world.add_item("p1", "user-17", body=b"not a picture, bytes of a test")
    world.add_item("p2", "user-17")
    world.add_item("p3", "user-17", body=b"other bytes of a test")
    world.add_item("q1", "user-18", body=b"bytes of somebody else")
    return world


def case_of(*items: str, number: int = 1, **given: Any) -> Case:
    """The newest case after a report that names these items."""
    desk.report(number=number, locators=tuple(f"https://memory.test/{item}" for item in items), **given)
    return Case.objects.order_by("-number")[0]


def fresh(row: Any) -> Any:
    """The row as the database has it now."""
    return type(row)._default_manager.get(pk=row.pk)


def states(decision: Decision) -> dict[str, str]:
    """{kind of action: its state} of a decision's actions about one item."""
    return dict(Action.objects.filter(decision=decision).values_list("kind", "state"))


def actions_of(case: Case) -> dict[str, str]:
    """As `states`, of every action in the case, whoever it belongs to now."""
    mine = models.Q(subject__case=case) | models.Q(case_item__case=case)
    return dict(Action.objects.filter(mine).order_by("ordered_at").values_list("kind", "state"))


def token(decision: Decision) -> str:
    """What opens the decision's statement of reasons, made and sent if it is not yet."""
    from safehold.path import statements

    statements.send_statement(str(decision.pk))
    return notices.token_of(Statement.objects.get(decision=str(decision.pk)))


def appeal(decision: Decision, *, text: str = "placeholder message 4") -> Appeal:
    """An appeal through the statement's link."""
    return commands.open_appeal(token(decision), text=text, language="en")


def look_again(row: Appeal, answers: dict[str, Any], *, grant: bool, actor: str = SECOND, run: bool = True) -> Appeal:
    """Somebody takes the appeal, answers anew and decides."""
    commands.lease_appeal(row.pk, actor=actor)
    commands.answer_appeal(row.pk, answers, actor=actor)
    row = commands.decide_appeal(row.pk, grant=grant, reason="Looked at anew.", actor=actor)
    if run:
        run_due()
    return row


def later(**ago: float) -> datetime:
    """A moment in the future, for `run_due(until=...)` and moved clocks."""
    return timezone.now() + timedelta(**ago)


def pass_time(**ahead: float) -> None:
    """Run what becomes due in that time; a job that keeps asking for "later" is called a few times."""
    until, calls = later(**ahead), Counter[str]()
    for _ in range(500):
        waiting = Job.objects.filter(state=Job.State.WAITING, not_before__lte=until).order_by("not_before")
        job = next((row for row in waiting if calls[str(row.pk)] < 4), None)
        if job is None:
            return
        calls[str(job.pk)] += 1
        Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
        run_due()
    raise AssertionError("The jobs never came to rest.")


def give_up() -> None:
    """Let every waiting action fail for good, as if its patience had ended."""
    from safehold.work.service import REGISTRY

    for job in Job.objects.filter(
        state=Job.State.WAITING, name__in=["action.carry_out", "action.undo"], failures__gt=0
    ):
        Job.objects.filter(pk=job.pk).update(failures=REGISTRY[job.name].attempts - 1, not_before=timezone.now())
    run_due()


def refusals(act: str) -> int:
    """How many refused attempts at it stand in the record."""
    return FailedAttempt.objects.filter(act=act).count()


def wants(decision: Decision) -> set[str]:
    """What a decision in force wants done, from its own outcome; what it wants of the host, by kind."""
    codes = {row["code"] for row in decision.outcome["sanctions"]}
    kinds = {"suspend_permanently": "suspend_account", "suspend_protectively": "suspend_account"}
    kinds |= {"lock_until_removed": "lock_account", "ban_person": "ban_person"}
    wanted = {kinds[code] for code in codes if code in kinds}
    return wanted | ({"hide_item"} if "hide_item" in decision.outcome["actions"] else set())


def check_everywhere(world: memory_host.World) -> None:
    """What holds in every state of every case, once no job is due (design, section 5)."""
    for case in Case.objects.all():
        open_duties = Duty.objects.filter(subject__case=case, state=Duty.State.OPEN)
        assert case.state != Case.State.CLOSED or not open_duties.exists(), f"{case} is closed with open duties"
    for action in Action.objects.filter(decision__state="replaced"):
        assert action.state not in ("planned", "held", "sent", "reversing") or _second_awaited(action.decision), (
            f"{action.kind} of a replaced decision is still {action.state}"
        )
    for decision in Decision.objects.filter(state="confirmed"):
        for kind in wants(decision) - {"lock_account"}:
            rows = Action.objects.filter(kind=kind).exclude(state__in=["dropped", "reversed", "reversing"])
            mine = (
                rows.filter(case_item__in=decision.covers.all())
                if kind == "hide_item"
                else rows.filter(subject=decision.subject)
            )
            nothing = kind == "hide_item" and not decision.covers.exists()
            nobody = kind != "hide_item" and decision.subject.account_id is None
            assert nothing or nobody or mine.exists(), f"{decision.pk} wants {kind}, and nothing of it is in force"
    _bans()
    _order_of_steps()
    _what_the_host_shows(world)


def _second_awaited(decision: Decision | None) -> bool:
    return Decision.objects.filter(replaces=decision, state__in=["proposed", "held"]).exists()


def _bans() -> None:
    """A ban is in force exactly where a decision in force (or one whose successor is not agreed to) wants it."""
    for ban in Ban.objects.filter(state=Ban.State.IN_FORCE):
        action = Action.objects.get(ban=ban.pk)
        decision = action.decision
        assert decision is not None
        wanted = decision.state == "confirmed" and "ban_person" in wants(decision)
        assert wanted or _second_awaited(decision), f"a ban outlives the decision that wanted it ({decision.state})"


def _order_of_steps() -> None:
    for action in Action.objects.filter(kind="hide_item", sent_at__isnull=False):
        item = action.case_item
        if item is None:  # outside every case: a case that came later preserves what is hidden
            assert action.cause
            continue
        assert item.preserve_state != CaseItem.Preserve.DUE, "hidden before it was preserved"
        if item.preserve_state == CaseItem.Preserve.DONE:
            assert item.preserved_at is not None
            assert action.sent_at is not None
            assert item.preserved_at <= action.sent_at, "hidden before it was preserved"
    for action in Action.objects.filter(kind="purge_item", sent_at__isnull=False):
        reports = Duty.objects.filter(decision=action.decision, kind__in=["report_shall", "report_may"])
        assert not reports.filter(state=Duty.State.OPEN).exists(), "purged before the receipt or a recorded reason"
    for hold in Hold.objects.filter(state=Hold.State.IN_FORCE):
        assert not hold.items.exclude(destroyed_at=None).exists(), "something was destroyed while it was held"


def _what_the_host_shows(world: memory_host.World) -> None:
    """Confirmed means that the host shows it; what a confirmed action wants is not undone by anybody else."""
    for action in Action.objects.filter(state="confirmed").exclude(kind="ban_person"):
        found = enforcement.look(action, memory_host.Line(world))
        assert enforcement.is_done(action, found), f"{action.kind} is confirmed, and the host shows {found}"
