"""What the database says of entries that were hit, kept for a while. Inside this room only.

Nearly nothing is hit, and what is hit is often hit again within minutes: a small memory spares the database.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from safehold.screening.errors import NotReady
from safehold.screening.models import ListEntry

KEPT = 10_000  # entries; of films, whose frames are large, none
AT_ONCE = 500  # in one query


class Known(NamedTuple):
    """What of an entry a hit tells."""

    entry_id: str
    list: str
    category: str
    held_back: bool
    first_seen: datetime
    frames: bytes | None  # of a film: 32 bytes for each second


class KnownEntries:
    """The entries hit of late. Safe for many threads.

    An entry that changed is forgotten by `forget`; what was read from the database before the forgetting is never
    kept after it.
    """

    def __init__(self, most: int = KEPT) -> None:
        self._kept: OrderedDict[bytes, Known] = OrderedDict()
        self._most, self._turn, self._lock = most, 0, threading.Lock()

    def get(self, entries: Iterable[bytes]) -> dict[bytes, Known]:
        """The live ones among these entries. Those not kept are read from the database."""
        wanted = set(entries)
        with self._lock:
            turn = self._turn
            found = {entry: self._kept[entry] for entry in wanted if entry in self._kept}
            for entry in found:
                self._kept.move_to_end(entry)
        missing = sorted(wanted - found.keys())
        for at in range(0, len(missing), AT_ONCE):
            found |= _read(missing[at : at + AT_ONCE])
        if missing:
            self._keep({entry: found[entry] for entry in missing if entry in found}, turn)
        return found

    def forget(self, entries: Iterable[bytes]) -> None:
        """These changed."""
        with self._lock:
            self._turn += 1
            for entry in entries:
                self._kept.pop(entry, None)

    def _keep(self, read: dict[bytes, Known], turn: int) -> None:
        with self._lock:
            if turn != self._turn:
                return
            for entry, known in read.items():
                if known.frames is None:
                    self._kept[entry] = known
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def _read(entries: list[bytes]) -> dict[bytes, Known]:
    """Those that are live. Rows are never deleted: one that is not there belongs to another database's index."""
    rows = ListEntry.objects.filter(pk__in=[UUID(bytes=entry) for entry in entries])
    fields = list(rows.values_list("pk", "list_id", "category", "held_back_at", "first_seen", "frames", "retracted_at"))
    if len(fields) < len(entries):
        raise NotReady(
            "index_damaged",
            "The index knows entries that the database does not have: it was made from another one (restored from a "
            "backup?). Build it again: safehold screening index build --anew",
        )
    return {
        pk.bytes: Known(
            str(pk), home, category, held is not None, first_seen, None if frames is None else bytes(frames)
        )
        for pk, home, category, held, first_seen, frames, ended in fields
        if ended is None
    }
