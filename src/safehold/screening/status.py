"""What is on the lists, for people and monitors. Others call `status` through `service`. Never an entry itself."""

from datetime import datetime

import msgspec
from django.db.models import Count, Max, Min, Q, Sum

from safehold.screening.models import Exchange, HashList


class ExchangeStatus(msgspec.Struct, frozen=True):
    """How the reading of a list's source goes."""

    slug: str
    adapter: str
    enabled: bool
    last_tried_at: datetime | None
    last_read_at: datetime | None
    problem: str  # of the last attempt; "" = it went well


class ListStatus(msgspec.Struct, frozen=True):
    """One list: its terms, its size, what it may do, and how far it is read."""

    slug: str
    kind: str
    source: str
    licence: str
    purpose: str
    trusted: bool
    exact_also: list[str]
    live: int
    retracted: int
    barred: int  # of those, by our own people: no source brings them back
    held_back: int
    hits: int  # of live and retracted entries
    first_seen: datetime | None  # of the oldest entry
    last_seen: datetime | None  # when its source last named an entry
    version: int  # the number of its newest change, see ListClock
    exchange: ExchangeStatus | None = None


def status() -> list[ListStatus]:
    """Every list, by name. Counts entries, which takes a second for each few million."""
    live = Q(entries__retracted_at=None, entries__isnull=False)
    rows = HashList.objects.annotate(
        live=Count("entries", filter=live),
        retracted=Count("entries", filter=Q(entries__retracted_at__isnull=False)),
        barred=Count("entries", filter=Q(entries__barred=True)),
        held_back=Count("entries", filter=live & Q(entries__held_back_at__isnull=False)),
        hits=Sum("entries__hits", default=0),
        first_seen=Min("entries__first_seen"),
        last_seen=Max("entries__last_seen"),
        version=Max("entries__version", default=0),
    )
    exchanges = {row.list_id: row for row in Exchange.objects.all()}
    named = [name for name in ListStatus.__struct_fields__ if name != "exchange"]
    return [
        ListStatus(**{name: getattr(row, name) for name in named}, exchange=_exchange(exchanges.get(row.pk)))
        for row in rows.order_by("slug")
    ]


def _exchange(row: Exchange | None) -> ExchangeStatus | None:
    if row is None:
        return None
    return ExchangeStatus(**{name: getattr(row, name) for name in ExchangeStatus.__struct_fields__})
