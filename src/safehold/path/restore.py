"""After a restore outward work stands still until a person has reconciled (design: invariant 15).

A restored database is older than the checkpoints of the audit chain, which lie outside it: that is how
a restore is noticed. Others may call `notice`, `paused`, `to_reconcile`, `resume`.
"""

from django.db.models import Max

from safehold.audit import checkpoints
from safehold.audit.models import Seal
from safehold.cybertip.models import Filing
from safehold.enforcement.models import Action
from safehold.evidence import service as evidence
from safehold.work import service as work
from safehold.work.models import Job, Pause


def notice() -> Pause | None:
    """Called when a worker starts: pause everything if the database is older than its checkpoints."""
    signed = checkpoints.last()
    have = Seal.objects.aggregate(last=Max("position"))["last"] or 0
    if signed is None or signed.position <= have or _acknowledged(signed.position):
        return None
    return work.pause(
        f"The record ends at position {have}, but position {signed.position} was signed: the database was restored "
        "from a backup, or rows were deleted.",
        actor="system:worker",
    )


def _acknowledged(position: int) -> bool:
    """Whether a person has lifted a pause that this very signature caused."""
    return Pause.objects.filter(because__contains=f"position {position} was signed").exclude(lifted_at=None).exists()


def paused() -> Pause | None:
    """The pause in force, if any."""
    return work.paused()


def to_reconcile() -> list[str]:
    """What a person must check before outward work goes on, one line each; ids only."""
    lines = [
        f"filing {row.pk} is {row.state}: compare with NCMEC's receipts since the backup before it is sent again"
        for row in Filing.objects.filter(state__in=["drafted", "opened", "uploading", "failed"])
    ]
    lines += [
        f"action {row.pk} ({row.kind}) is {row.state}: it is read back from the host before anything is ordered"
        for row in Action.objects.filter(state__in=["planned", "sent", "reversing"])
    ]
    waiting = Job.objects.filter(state__in=[Job.State.WAITING, Job.State.RUNNING]).count()
    lines.append(f"{waiting} jobs wait in the outbox")
    unrecorded, keyless = evidence.compare_keys()
    if unrecorded:
        lines.append(
            f"{len(unrecorded)} objects in the vault have a key and no record: preserved after the backup; "
            "the sweep removes them a day after they were made"
        )
    if keyless:
        lines.append(
            f"{len(keyless)} objects on record have no key: destroyed after the backup, or the key store lacks some. "
            f"The first is sealed:{keyless[0]}"
        )
    lines.append("the index of known files may be newer than this database: safehold screening index build --anew")
    lines.append("reports and filings made after the backup are not in this database: ask NCMEC for the list")
    return lines


def resume(*, because: str, actor: str) -> None:
    """A person has reconciled and says how: work goes on. `audit verify` keeps naming the lost entries."""
    work.lift_pause(because=because, actor=actor)
