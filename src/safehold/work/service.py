"""The public face of `work`: say what must be done; the worker does it, also after a crash.

`job` registers a handler under a name; `enqueue` makes one due inside the caller's transaction;
`raise_task` and `close_task` are for what a person must do; `boundary` marks a point where the crash
tests kill the process.

A handler gets the ids that were enqueued and runs in the worker, at least once: it must look at the
records before it acts. It returns None when done, `Again()` when its next step is due, or
`Later(seconds)`. Any exception is tried again with growing pauses; `GiveUp`, or too many failures,
ends the job as failed: then `on_failure` runs, and a task for a person is raised.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.work.models import Job, Pause, Task


@dataclass(frozen=True)
class Again:
    """The handler did one step and the next is due now."""


@dataclass(frozen=True)
class Later:
    """The handler cannot go on yet and wants to be called again after `seconds`."""

    seconds: float


class GiveUp(Exception):
    """No repetition will help: a person must look. The message is an id or a code, never content."""


Outcome = Again | Later | None
Handler = Callable[..., Outcome]


@dataclass(frozen=True)
class Registered:
    """A job's handler and how patient it is: pauses grow from `first` seconds, doubling, to `longest`."""

    name: str
    handler: Handler
    attempts: int
    first: float
    longest: float
    on_failure: Callable[..., None] | None
    role: str  # who gets the task when it fails

    def pause(self, failures: int) -> timedelta:
        """How long to wait after that many consecutive failures."""
        return timedelta(seconds=min(self.longest, self.first * 2 ** (failures - 1)))


REGISTRY: dict[str, Registered] = {}


def job(
    name: str,
    *,
    attempts: int = 12,
    first: float = 0.5,
    longest: float = 3600,
    on_failure: Callable[..., None] | None = None,
    role: str = "administrator",
) -> Callable[[Handler], Handler]:
    """Register the decorated function as the handler of jobs called `name`."""

    def register(handler: Handler) -> Handler:
        if name in REGISTRY:
            raise ValueError(f"Two handlers are called {name!r}.")
        REGISTRY[name] = Registered(name, handler, attempts, first, longest, on_failure, role)
        return handler

    return register


def enqueue(name: str, *, key: str, not_before: datetime | None = None, again: bool = False, **ids: str | int) -> Job:
    """Make a job due, once for each `key`, in the caller's transaction.

    A second call with the same key returns the first job; a `not_before` that is earlier brings a
    waiting job forward. With `again` a job that has ended is due once more, with these ids, and one that
    runs now is called once more after it: the caller knows that there is something new to be done.
    Raises KeyError for a name nobody registered.
    """
    if name not in REGISTRY:
        raise KeyError(f"No handler is registered for {name!r}.")
    if not connection.in_atomic_block:
        raise audit.NotInTransaction(f"enqueue({name!r}) was called outside the transaction that makes it due.")
    due = not_before or timezone.now()
    row, made = Job.objects.get_or_create(
        key=f"{name}:{key}", defaults={"name": name, "ids": {k: str(v) for k, v in ids.items()}, "not_before": due}
    )
    if not made and due < row.not_before:
        Job.objects.filter(pk=row.pk, state=Job.State.WAITING, not_before__gt=due).update(not_before=due)
    if not made and again:
        _again(row, due, {k: str(v) for k, v in ids.items()})
    return row


def _again(row: Job, due: datetime, ids: dict[str, str]) -> None:
    """Make a job that ended due once more. A running one keeps its state: `not_before` says that it was asked for."""
    ended = [Job.State.DONE, Job.State.FAILED, Job.State.CANCELLED]
    fresh = {"not_before": due, "ids": ids, "failures": 0, "last_error": "", "ended_at": None}
    if not Job.objects.filter(pk=row.pk, state__in=ended).update(state=Job.State.WAITING, **fresh):
        Job.objects.filter(pk=row.pk, state=Job.State.RUNNING).update(not_before=due)


def cancel(name: str, *, key: str) -> bool:
    """Cancel a job that has not begun. Returns whether there was one to cancel."""
    return bool(
        Job.objects.filter(key=f"{name}:{key}", state=Job.State.WAITING).update(
            state=Job.State.CANCELLED, ended_at=timezone.now()
        )
    )


def raise_task(kind: str, *, key: str, about: str, role: str, note: str = "") -> Task:
    """Open a task for a person, once for each `key`, in the caller's transaction."""
    row, made = Task.objects.get_or_create(
        key=f"{kind}:{key}", defaults={"kind": kind, "about": about, "role": role, "note": note[:500]}
    )
    if made:
        audit.record("task.opened", actor="system:safehold", about=row, kind=kind, concerns=about)
    return row


def close_task(task_id: str, *, actor: str, outcome: str) -> Task:
    """A person did it: record who and what came of it. Closing twice changes nothing."""
    with transaction.atomic():
        row = Task.objects.select_for_update().get(pk=task_id)
        if row.closed_at is None:
            row.closed_at, row.closed_by, row.outcome = timezone.now(), actor, outcome[:500]
            row.save(update_fields=["closed_at", "closed_by", "outcome"])
            audit.record("task.closed", actor=actor, about=row, outcome=outcome)
    return row


def boundary(name: str) -> None:
    """A step boundary. Kills this process here, once, when a crash test asked for it.

    `SAFEHOLD_CRASH_AT` names the boundary and `SAFEHOLD_CRASH_MARK` a file that is made just before,
    so that the restarted process passes.
    """
    if os.environ.get("SAFEHOLD_CRASH_AT") != name:
        return
    mark = Path(os.environ["SAFEHOLD_CRASH_MARK"])
    if not mark.exists():
        mark.write_text(name)
        os.kill(os.getpid(), signal.SIGKILL)


def open_tasks(role: str | None = None) -> Any:
    """Tasks that wait for a person, oldest first; of one role, or all."""
    rows = Task.objects.filter(closed_at=None).order_by("opened_at")
    return rows.filter(role=role) if role else rows


def paused() -> Pause | None:
    """The pause in force, if work stands still."""
    return Pause.objects.filter(lifted_at=None).order_by("since").first()


def pause(because: str, *, actor: str) -> Pause:
    """Let no job begin until a person lifts the pause. A second call returns the pause in force."""
    with transaction.atomic():
        standing = Pause.objects.select_for_update().filter(lifted_at=None).order_by("since").first()
        if standing is not None:
            return standing
        row = Pause.objects.create(because=because[:300])
        audit.record("work.paused", actor=actor, about=row, because=because)
        return row


def lift_pause(*, because: str, actor: str) -> int:
    """A person lets work go on and says what they checked. Returns how many pauses were lifted."""
    if not because.strip():
        raise ValueError("Say what was checked before work goes on: it stays on the record.")
    with transaction.atomic():
        rows = list(Pause.objects.select_for_update().filter(lifted_at=None))
        for row in rows:
            row.lifted_at, row.lifted_by, row.lifted_because = timezone.now(), actor, because[:500]
            row.save(update_fields=["lifted_at", "lifted_by", "lifted_because"])
            audit.record("work.resumed", actor=actor, about=row, because=because)
    return len(rows)
