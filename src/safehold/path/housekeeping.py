"""What is due every day: holds whose day has come end, reporters' data whose term has ended is erased.

Job: `house.daily`. Others may call `keep_going`, which the worker does at start.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from safehold.evidence import service as evidence
from safehold.hosts import events
from safehold.intake import service as intake
from safehold.work import service as work

ACTOR = "system:worker"
DAY = 24 * 3600
EVENT_IDS_KEPT_FOR = timedelta(days=90)


def keep_going() -> None:
    """Make the daily job due, once for the installation."""
    with transaction.atomic():
        work.enqueue("house.daily", key="only")


@work.job("house.daily", attempts=1_000_000)
def daily() -> work.Outcome:
    """One day's housekeeping. Each part is on record where it is an act."""
    evidence.end_holds_due(actor=ACTOR)
    evidence.sweep(actor=ACTOR)
    intake.erase_due(actor=ACTOR)
    events.forget(timezone.now() - EVENT_IDS_KEPT_FOR)
    return work.Later(DAY)
