"""The chain's state in figures for the start page and the audit page; the full check is `audit.chain.verify`."""

from typing import Any

from safehold.audit import checkpoints
from safehold.audit.models import Entry, Seal


def figures() -> dict[str, Any]:
    """How many acts are on record and sealed, and the last checkpoint (signed, outside the database)."""
    entries, sealed = Entry.objects.count(), Seal.objects.count()
    with checkpoints.lock():
        last = checkpoints.last()
    return {"entries": entries, "sealed": sealed, "unsealed": max(0, entries - sealed), "last": last}
