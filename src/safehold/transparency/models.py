"""Published reports: figures as they stood when they were published. Written once, never changed."""

import uuid
from typing import Any

from django.db import models
from django.db.models import F, Q


class Frozen(RuntimeError):
    """A published report cannot be changed or taken back. Publish a correction for the same period instead."""


class PublishedReport(models.Model):
    """Figures of a period. A correction is a further edition; the earlier one stays readable."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    period_start = models.DateField()
    period_end = models.DateField()  # the first day after the period
    edition = models.PositiveSmallIntegerField(default=1)
    figures = models.JSONField()  # after withholding: what the public reads
    digest = models.CharField(max_length=64)  # SHA-256 of the figures' canonical JSON
    note = models.TextField(blank=True)
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=100)

    class Meta:
        ordering = ["-period_end", "-edition"]
        constraints = [
            models.UniqueConstraint(fields=["period_start", "period_end", "edition"], name="one_edition"),
            models.CheckConstraint(name="period_has_days", condition=Q(period_end__gt=F("period_start"))),
        ]

    def __str__(self) -> str:
        return f"{self.period_start} to {self.period_end}, edition {self.edition}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Only once."""
        if not self._state.adding:
            raise Frozen("A published report cannot be changed. Publish a new edition.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:  # noqa: ARG002
        """Never."""
        raise Frozen("A published report cannot be taken back. Publish a new edition.")
