"""The 48 hours of a removal request (47 USC 223a(a)(3)): how much is left, and the alarm before and after the end.

Others may call `waiting` and `close`; `alarm` runs every ten minutes (`housekeeping`): one task at 24, 12 and 4 hours
left and when it is overdue, each once, the earlier one closed. A request whose items are all out of reach, by
whichever order, raises none.
"""

from datetime import timedelta

import msgspec
from django.utils import timezone

from safehold.audit import service as audit
from safehold.path import removal_steps
from safehold.removals import service as removals
from safehold.removals.models import Removal
from safehold.work import service as work

ACTOR = "system:worker"
KIND = "removal-clock"
# How much is left, what the alarm is called, and whose it is; the tightest first.
STEPS = (
    (timedelta(0), "overdue", "senior"),
    (timedelta(hours=4), "4", "senior"),
    (timedelta(hours=12), "12", "reviewer"),
    (timedelta(hours=24), "24", "reviewer"),
)


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose clock runs, and what is left of it (negative once it is overdue)."""

    removal: Removal
    left: timedelta

    @property
    def overdue(self) -> bool:
        return self.left <= timedelta(0)

    @property
    def step(self) -> tuple[str, str] | None:
        """The alarm that it has come to, and whose it is; None while more than a day is left."""
        return next(((name, role) for limit, name, role in STEPS if self.left <= limit), None)


def waiting() -> list[Waiting]:
    """Every request that is not done, the nearest deadline first."""
    now = timezone.now()
    rows = removals.running().select_related("host")
    return [Waiting(removal=row, left=row.deadline - now) for row in rows if not _out_of_reach(row)]


def alarm() -> int:
    """Raise the tasks that are due, close those whose cause is gone. Returns how many requests are overdue."""
    found = waiting()
    still = {audit.ref(one.removal) for one in found}
    for task in work.open_tasks().filter(kind=KIND).exclude(about__in=still):
        work.close_task(str(task.pk), actor=ACTOR, outcome="no longer waits")
    for one in found:
        if one.step is not None:
            _raise(one, *one.step)
    return sum(one.overdue for one in found)


def close(row: Removal, *, outcome: str, actor: str) -> None:
    """The request is settled or waits for its notifier: its alarms end. In the caller's transaction."""
    for task in work.open_tasks().filter(kind=KIND, about=audit.ref(row)):
        work.close_task(str(task.pk), actor=actor, outcome=outcome)


def _raise(one: Waiting, step: str, role: str) -> None:
    row = one.removal
    key = f"{row.pk}:{row.complete_at.isoformat()}:{step}"
    for task in work.open_tasks().filter(kind=KIND, about=audit.ref(row)).exclude(key=f"{KIND}:{key}"):
        work.close_task(str(task.pk), actor=ACTOR, outcome="less time is left")
    note = f"to be done by {row.deadline:%Y-%m-%d %H:%M} UTC"
    work.raise_task(KIND, key=key, about=audit.ref(row), role=role, note=note)


def _out_of_reach(row: Removal) -> bool:
    items = [one.item for one in removal_steps.wanted(row)]
    return bool(items) and all(removal_steps.hidden_at(item) is not None for item in items)
