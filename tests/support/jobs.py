"""Runs due jobs in the test's own process, without DBOS: the same handlers, the same settling."""

from datetime import datetime
from unittest import mock

from django.utils import timezone

from safehold.work import engine
from safehold.work.models import Job


def run_due(*, until: datetime | None = None, limit: int = 500) -> list[str]:
    """Run every job that is due (or becomes due by `until`), until none is left. Returns their names."""
    ran: list[str] = []
    # Between a worker's steps connections are checked; inside a test's transaction that would end it.
    with mock.patch.object(engine, "close_old_connections", lambda: None):
        return _run_due(ran, until, limit)


def _run_due(ran: list[str], until: datetime | None, limit: int) -> list[str]:
    for _ in range(limit):
        due = Job.objects.filter(state=Job.State.WAITING, not_before__lte=until or timezone.now())
        job = due.order_by("not_before").first()
        if job is None:
            return ran
        job.state, job.run = Job.State.RUNNING, job.run + 1
        job.save(update_fields=["state", "run"])
        while engine.run_once(str(job.pk), job.run) == "again":
            pass
        ran.append(job.name)
    raise AssertionError(f"Jobs never came to rest: {ran[-10:]}")
