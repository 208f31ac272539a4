"""How much each member of staff has been shown, for their wellbeing: counted from the looks."""

from datetime import datetime, timedelta

import msgspec
from django.utils import timezone

from safehold.evidence.looking import BY_PEOPLE, SHOWN_FOR
from safehold.evidence.models import Look


class Exposure(msgspec.Struct):
    """What one person was shown in a period."""

    veiled: int = 0  # pictures, small, grey and blurred
    unblurred: int = 0  # reveals of whole files
    seconds: float = 0.0  # that revealed files stood open; ten minutes each where nobody covered them
    bytes: int = 0  # given to their browser

    @property
    def minutes(self) -> int:
        """As pages show it."""
        return round(self.seconds / 60)


def exposure(*, since: datetime, actor: str = "") -> dict[str, Exposure]:
    """By actor, what they were shown since then; of one actor alone where named. Machines are left out."""
    looks = Look.objects.filter(at__gte=since, kind__in=BY_PEOPLE, actor__startswith="staff:")
    if actor:
        looks = looks.filter(actor=actor)
    found: dict[str, Exposure] = {}
    now = timezone.now()
    for who, kind, at, ended_at, sent in looks.values_list("actor", "kind", "at", "ended_at", "sent").iterator():
        one = found.setdefault(who, Exposure())
        one.bytes += sent
        if kind == Look.Kind.VEILED:
            one.veiled += 1
        elif kind == Look.Kind.WHOLE:
            one.unblurred += 1
            one.seconds += _stood_open(at, ended_at or min(now, at + SHOWN_FOR))
    return found


def _stood_open(at: datetime, ended_at: datetime) -> float:
    return max(ended_at - at, timedelta(0)).total_seconds()
