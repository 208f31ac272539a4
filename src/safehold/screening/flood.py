"""Hits counted on their entries, and the guard against an entry that suddenly hits many different accounts.

A chart, a card of text or a blank form has a hash of high quality and meets others like it by content; a digest can
be planted. One such entry would accuse hundreds within minutes. So an entry that more than so many different accounts
hit within the window (`SAFEHOLD_FLOOD_ACCOUNTS`, `SAFEHOLD_FLOOD_MINUTES`) is held back: it still brings a person and
hides nothing, and a task asks for a look at the entry itself.

Others may call `count`, `write` and `watch`. Counts are gathered in memory and written in one transaction, each second
where threads keep the matcher up: a process that is killed loses what one second held. What was recorded (`HitRecord`),
and with it the guard, loses nothing.
"""

import threading
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from safehold.screening import lists
from safehold.screening.errors import UnknownEntry
from safehold.screening.matching import Hit
from safehold.screening.models import HitRecord, ListEntry
from safehold.work import service as work
from safehold.work.models import Task

ACTOR = "system:flood-guard"
TASK = lists.HELD_BACK  # look at the entry: retract it, or let it act again
ROLE = "policy_owner"
AT_ONCE = 500  # entries in one query
_counts: Counter[str] = Counter()
_lock = threading.Lock()


def count(hits: Iterable[Hit]) -> None:
    """One hit more on each of these entries. Costs no database now."""
    with _lock:
        _counts.update(hit.entry_id for hit in hits)


def write() -> int:
    """Write what was counted since, and look at those entries. Returns how many entries were written.

    Where that fails the counts are kept for the next time.
    """
    with _lock:
        taken = Counter(_counts)
        _counts.clear()
    if not taken:
        return 0
    try:
        with transaction.atomic():
            _add(taken)
            watch(taken)
    except BaseException:
        with _lock:
            _counts.update(taken)
        raise
    return len(taken)


def watch(entry_ids: Iterable[str]) -> list[str]:
    """Hold back those of these entries that hit too many different accounts of late; returns which. Twice changes
    nothing. Joins the caller's transaction.

    Hits from before a person closed an entry's last task are not held against it again.
    """
    config = settings.SAFEHOLD.screening
    held = []
    for entry, hits in sorted(_recent(entry_ids, timezone.now() - timedelta(minutes=config.flood_minutes)).items()):
        if len(set(hits)) < config.flood_accounts:
            continue
        before = Task.objects.filter(kind=TASK, about=f"listentry:{entry}")
        looked_at = max((task.closed_at for task in before if task.closed_at), default=None)
        accounts = len({account for account, at in hits.items() if looked_at is None or at > looked_at})
        if accounts < config.flood_accounts:
            continue
        because = f"{accounts} different accounts in {config.flood_minutes} minutes"
        try:
            lists.hold_back(entry, because=because, actor=ACTOR)
        except UnknownEntry:  # retracted meanwhile
            continue
        work.raise_task(TASK, key=f"{entry}:{before.count()}", about=f"listentry:{entry}", role=ROLE, note=because)
        held.append(str(entry))
    return held


def _add(counts: Counter[str]) -> None:
    """One statement for each different count: nearly all are 1."""
    by_count: dict[int, list[str]] = {}
    for entry, number in counts.items():
        by_count.setdefault(number, []).append(entry)
    now = timezone.now()
    for number, ids in sorted(by_count.items()):
        for at in range(0, len(ids), AT_ONCE):
            ListEntry.objects.filter(pk__in=sorted(ids[at : at + AT_ONCE])).update(
                hits=F("hits") + number, last_hit=now
            )


def _recent(entry_ids: Iterable[str], since: datetime) -> dict[UUID, dict[tuple[str, str], datetime]]:
    """The accounts that each live entry hit since then, and when last; of entries that are not held back."""
    ids = sorted(set(entry_ids))
    found: dict[UUID, dict[tuple[str, str], datetime]] = {}
    for at in range(0, len(ids), AT_ONCE):
        rows = HitRecord.objects.filter(
            entry__in=[UUID(one) for one in ids[at : at + AT_ONCE]],
            at__gte=since,
            entry__held_back_at=None,
            entry__retracted_at=None,
        ).exclude(account_id="")
        for entry, host, account, last in rows.values_list("entry", "host", "account_id").annotate(last=Max("at")):
            found.setdefault(entry, {})[(host, account)] = last
    return found
