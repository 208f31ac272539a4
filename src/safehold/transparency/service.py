"""The public face of `transparency`.

`figures(start, end)` counts a period exactly (for staff and tests); `public_figures` withholds small
numbers; `publish` freezes a period's public figures; `published` and `periods` list what can be read.
"""

import hashlib
import json
from datetime import UTC, date
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from msgspec import Struct

from safehold.audit import service as audit
from safehold.transparency import counting
from safehold.transparency.disclosure import withhold
from safehold.transparency.models import Frozen, PublishedReport

__all__ = ["Frozen", "NotOver", "Period", "figures", "periods", "public_figures", "publish", "published"]

FORMAT = 1


class NotOver(ValueError):
    """A period is published only when its last day is over: its figures would still change."""


class Period(Struct, frozen=True):
    """Days from `start` up to but without `end`, in UTC. Its key is `2024-Q3`."""

    start: date
    end: date

    @property
    def key(self) -> str:
        """How the address of the page names it."""
        return f"{self.start.year}-Q{(self.start.month + 2) // 3}"


def figures(period_start: date, period_end: date) -> dict[str, Any]:
    """The exact figures of the days from `period_start` up to but without `period_end` (UTC). Not for the public.

    Figures whose id ends in `_now` tell the present, whatever the period. Raises ValueError for an empty period.
    """
    if period_end <= period_start:
        raise ValueError(f"The period from {period_start} to {period_end} has no days.")
    return {
        "format": FORMAT,
        "environment": settings.SAFEHOLD.environment,
        "period": {"start": period_start.isoformat(), "end": period_end.isoformat()},
        "counted_at": timezone.now().isoformat(timespec="seconds"),
        "sections": counting.sections(period_start, period_end),
    }


def public_figures(period_start: date, period_end: date) -> dict[str, Any]:
    """The figures as the public may read them: see `disclosure`."""
    return withhold(figures(period_start, period_end))


def publish(period_start: date, period_end: date, *, actor: str, note: str = "") -> PublishedReport:
    """Freeze the public figures of a period that is over. A second call makes a further edition.

    Raises NotOver, ValueError.
    """
    if period_end > timezone.now().astimezone(UTC).date():
        raise NotOver(f"The period ends on {period_end}: publish it when that day has come.")
    with transaction.atomic():
        counted = public_figures(period_start, period_end)
        earlier = PublishedReport.objects.filter(period_start=period_start, period_end=period_end).count()
        body = json.dumps(counted, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        row = PublishedReport.objects.create(
            period_start=period_start,
            period_end=period_end,
            edition=earlier + 1,
            figures=counted,
            digest=hashlib.sha256(body.encode()).hexdigest(),
            note=note,
            published_at=timezone.now(),
            published_by=actor,
        )
        audit.record("transparency.published", actor=actor, about=row, digest=row.digest, edition=row.edition)
    return row


def published(period: Period) -> PublishedReport | None:
    """The latest edition for a period."""
    return PublishedReport.objects.filter(period_start=period.start, period_end=period.end).first()


def periods(today: date) -> list[Period]:
    """Calendar quarters from the first record to the present one, latest first.

    Only whole quarters can be chosen: with free dates anybody could take two periods that differ by a
    day and subtract.
    """
    quarter = _quarter(today)
    first = counting.first_day()
    found = [quarter]
    while first is not None and quarter.start > first:
        quarter = _quarter(date.fromordinal(quarter.start.toordinal() - 1))
        found.append(quarter)
    return found


def _quarter(day: date) -> Period:
    month = 3 * ((day.month - 1) // 3) + 1
    after = (day.year + 1, 1) if month == 10 else (day.year, month + 3)
    return Period(date(day.year, month, 1), date(*after, 1))
