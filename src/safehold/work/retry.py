"""Starting a failed job again, by a person who has mended the cause.

Others may call `retry`.
"""

from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.work.models import Job


def retry(job_id: str, *, actor: str) -> Job:
    """Put a failed job back in the outbox. Any other state is left as it is."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_id)
        if job.state == Job.State.FAILED:
            job.state, job.failures, job.not_before, job.ended_at = Job.State.WAITING, 0, timezone.now(), None
            job.save(update_fields=["state", "failures", "not_before", "ended_at"])
            audit.record("job.retried", actor=actor, about=job, name=job.name)
    return job
