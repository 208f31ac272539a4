"""What is due every day: holds whose day has come end and what they held is destroyed, the key store is copied,
reporters' and notifiers' data whose term has ended is erased, and our count of reports is compared with the receipts.

And every ten minutes: whatever stands still although it could go on is set going again, and what we have known of for
too long without a report is told to a person.

Jobs: `house.daily`, `house.look_over`. Others may call `keep_going`, which the worker does at start.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from safehold.cases.models import Case, Decision
from safehold.evidence import service as evidence
from safehold.hosts import events
from safehold.intake import service as intake
from safehold.path import clock, custody, order, reconciling, removal_clock, removal_steps
from safehold.removals import service as removals
from safehold.work import service as work

ACTOR = "system:worker"
DAY = 24 * 3600
TEN_MINUTES = 600
EVENT_IDS_KEPT_FOR = timedelta(days=90)


def keep_going() -> None:
    """Make the recurring jobs due, once for the installation."""
    with transaction.atomic():
        work.enqueue("house.daily", key="only")
        work.enqueue("house.look_over", key="only")
        work.enqueue("index.look", key="only")
        work.enqueue("exchange.watch", key="only")
        work.enqueue("archive.tend", key="only")
        work.enqueue("rescreen.run", key="only")


@work.job("house.daily", attempts=1_000_000)
def daily() -> work.Outcome:
    """One day's housekeeping. Each part is on record where it is an act."""
    evidence.end_holds_due(actor=ACTOR)
    custody.destroy_unheld()
    evidence.sweep(actor=ACTOR)
    evidence.end_looks_due()
    evidence.remove_old_packages(actor=ACTOR)
    evidence.backup_keys(actor=ACTOR)
    intake.erase_due(actor=ACTOR)
    removals.erase_due(actor=ACTOR)
    events.forget(timezone.now() - EVENT_IDS_KEPT_FOR)
    with transaction.atomic():
        reconciling.check()
    return work.Later(DAY)


@work.job("house.look_over", attempts=1_000_000)
def look_over() -> work.Outcome:
    """A safety net under `order.advance`: no decision of an unsettled case waits for a wake-up that was lost.

    Advancing is idempotent, so looking once more than needed changes nothing.
    """
    unsettled = Decision.objects.filter(state__in=["held", "confirmed"]).exclude(subject__case__state=Case.State.CLOSED)
    for decision in unsettled.order_by("pk").iterator():
        with transaction.atomic():
            order.advance(decision)
    removal_steps.keep_going()
    with transaction.atomic():
        clock.alarm()
        clock.uk_alarm()
        removal_clock.alarm()
    return work.Later(TEN_MINUTES)
