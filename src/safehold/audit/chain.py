"""The chain over the record: sealing, signed checkpoints, verification, erasure of details.

`seal_once` chains what is not chained yet (the worker calls it every second), `checkpoint` does so
completely and signs the head (at start, at stop, and every hour), `verify` reads the whole chain and
names every place that does not hold, `erase` takes an entry's details away and leaves their digest.
`setup_keys` makes the signing key.

A row's hash covers the hash before it and the entry, the entry covers a digest of its details, and
the signed checkpoints lie outside the database: see `link`.
"""

import logging
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from safehold.audit import checkpoints
from safehold.audit import service as audit
from safehold.audit.checkpoints import NO_HASH, Checkpoint, setup_keys
from safehold.audit.models import Detail, Entry, Seal
from safehold.audit.verifying import Problem, Verification, link, verify

__all__ = [
    "Checkpoint",
    "Problem",
    "Verification",
    "checkpoint",
    "erase",
    "link",
    "seal_once",
    "setup_keys",
    "verify",
]

log = logging.getLogger(__name__)

BATCH = 1000  # entries of one transaction
LOOK_BACK = 1000  # ids: on PostgreSQL a slow transaction may commit an older id after newer ones were sealed
LOCK = 0x5AFE_C4A1  # PostgreSQL's advisory lock of the sealer


def seal_once() -> int:
    """Chain what is not chained yet, and sign the new head. Returns how many entries were chained.

    Call it outside a transaction (RuntimeError). Two sealers wait for each other; neither can fork the
    chain, as a position exists once. Looks back LOOK_BACK ids; `checkpoint` looks at all.
    """
    above = (Seal.objects.aggregate(newest=Max("entry_id"))["newest"] or 0) - LOOK_BACK
    if not Entry.objects.filter(pk__gt=above, seal=None).exists() and _covered(_head(), checkpoints.last()):
        return 0  # the usual second: nothing is written and nobody is kept waiting
    return _seal(above=above)


def checkpoint() -> Checkpoint | None:
    """Chain everything, and sign the head where that is not done yet. Returns the last checkpoint, if any."""
    _seal(above=0)
    with checkpoints.lock():
        return checkpoints.last()


def erase(entry_id: int, *, because: str, actor: str) -> Entry:
    """Take away what an entry says beyond ids, on record. Its digest stays, so the chain still holds.

    The salt goes too: without it, nobody can try out what the details were. Again: nothing changes.
    Returns the entry of the erasure, or the erased entry where it was erased before.
    """
    with transaction.atomic():
        detail = Detail.objects.select_for_update(of=("self",)).select_related("entry").get(pk=entry_id)
        if detail.erased_at is not None:
            return detail.entry
        overwrite_freed_pages()
        detail.salt, detail.body = "", {}
        detail.erased_at, detail.erased_because = timezone.now(), because[:200]
        detail.save()
        return audit.record(
            "detail.erased",
            actor=actor,
            about=detail.entry,
            because=detail.erased_because,
            erased_at=detail.erased_at.astimezone(UTC).isoformat(),
        )


def overwrite_freed_pages() -> None:
    """Have SQLite overwrite what is deleted or replaced on this connection, instead of only unlinking it."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete = ON")


def _seal(*, above: int) -> int:
    total = 0
    while True:
        with checkpoints.lock():
            with transaction.atomic(durable=True):
                _lock_database()
                count, head = _chain(_head(), above)
            _cover(head)
        total += count
        if count < BATCH:
            return total


def _chain(head: Seal | None, above: int) -> tuple[int, Seal | None]:
    """Append one batch. Returns how many, and the new head."""
    rows = Entry.objects.filter(pk__gt=above, seal=None).order_by("pk")[:BATCH]
    seals = []
    for entry in rows:
        position = head.position + 1 if head else 1
        head = Seal(
            position=position, entry=entry, hash=link(head.hash if head else NO_HASH, position, *_fields(entry))
        )
        seals.append(head)
    Seal.objects.bulk_create(seals)
    return len(seals), head


def _head() -> Seal | None:
    return Seal.objects.order_by("-position").first()


def _covered(head: Seal | None, known: Checkpoint | None) -> bool:
    """Whether the last checkpoint is of the head (an empty chain needs none)."""
    if head is None:
        return True
    return known is not None and (known.position, known.hash) == (head.position, head.hash)


def _fields(entry: Entry) -> tuple[int, datetime, str, str, str, str]:
    return entry.pk, entry.at, entry.act, entry.actor, entry.about, entry.digest


def _cover(head: Seal | None) -> None:
    """Sign the head where the last checkpoint is not of it: also what a crash kept from being signed."""
    known = checkpoints.last()
    if head is None or _covered(head, known):
        return
    if known is not None:
        then = Seal.objects.filter(position=known.position).values_list("hash", flat=True).first()
        if then != known.hash:  # goes on, as the record must; `verify` names the place for good
            log.error("the chain no longer holds what was signed at position %d", known.position)
    checkpoints.append(head.position, head.hash)


def _lock_database() -> None:
    """Sealers on several machines wait here. On SQLite the transaction itself is the lock (BEGIN IMMEDIATE)."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
