"""Which entries of the link lists an address hits. Pure: the caller hands in entries and changes, and keeps them.

Others call `LinkMatcher`; `LinkChange` is one change of an entry, `LinkHit` one answer. A state is never changed:
a change makes a new one beside it and then swaps, so readers in other threads need no lock and see the old state
or the new one, whole. Most entries stand in a sorted table (see `table`), the newest in a dictionary, which is
merged into the table when it has grown to a part of it.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from safehold.screening.links.canonical import SCOPES, Canonical, Form, Scope, forms_of
from safehold.screening.links.keyed import Keyed
from safehold.screening.links.table import Columns, LinkChange, Table, checked

__all__ = ["LinkChange", "LinkHit", "LinkMatcher"]

SMALLEST_MERGE = 4096  # entries apart before they are merged; more where the table is large
PART = 16  # merged where there are more apart than the table's rows divided by this


class LinkHit(NamedTuple):
    """An entry that an address falls under, and by which scope."""

    entry: bytes
    scope: Scope


class _State(NamedTuple):
    table: Table
    apart: dict[bytes, LinkChange]  # entry -> its newest change, in place of the table's row
    by_digest: dict[bytes, tuple[bytes, ...]]  # of the live ones apart


class LinkMatcher:
    """The live entries of all link lists under one key. Safe for many reading and writing threads."""

    def __init__(self, key: bytes, entries: Iterable[tuple[bytes, Scope, bytes]] = ()) -> None:
        """`entries` are (id of 16 bytes, scope, digest). Raises BadKey; ValueError for a malformed or repeated one."""
        self.keyed = Keyed(key)
        self._writing = threading.RLock()
        rows = Columns.of(LinkChange(entry, 0, True, scope, digest) for entry, scope, digest in entries)
        self._state = _State(Table(rows), {}, {})

    def __len__(self) -> int:
        """How many entries are live."""
        table, apart, _ = self._state
        replaced = sum(bool(table.rows.live[row]) for entry in apart if (row := table.row(entry)) >= 0)
        return int(np.count_nonzero(table.rows.live)) - replaced + sum(change.live for change in apart.values())

    def match(self, url: str | Canonical) -> list[LinkHit]:
        """The live entries that an address falls under, exact ones first. Raises BadUrl."""
        return self.match_forms(forms_of(url))

    def match_forms(self, forms: Sequence[Form]) -> list[LinkHit]:
        """The same, of forms that were made before."""
        table, apart, by_digest = self._state
        digests = [self.keyed(form) for form in forms]
        hits = [
            LinkHit(entry, form.scope)
            for form, digest in zip(forms, digests, strict=True)
            for entry in by_digest.get(digest, ())
        ]
        hits += [LinkHit(entry, forms[at].scope) for at, entry in table.found(digests) if entry not in apart]
        hits.sort(key=lambda hit: SCOPES.index(hit.scope))
        return hits

    def apply(self, changes: Iterable[LinkChange]) -> int:
        """Take changes over, all at once for readers. Returns how many were new; older ones than known are left.

        Costs a copy of the entries apart, so hand over many at a time. Raises ValueError before any is taken.
        """
        whole = [checked(change) for change in changes]
        with self._writing:
            table, apart, by_digest = self._state
            apart, by_digest = dict(apart), dict(by_digest)
            taken = 0
            for change in whole:
                known = _known(table, apart, change.entry)
                if known is not None and change.version <= known.version:
                    continue
                taken += 1
                _unlink(by_digest, apart.get(change.entry))
                apart[change.entry] = change
                if change.live:
                    by_digest[change.digest] = (*by_digest.get(change.digest, ()), change.entry)
            if len(apart) > max(SMALLEST_MERGE, len(table) // PART):
                table, apart, by_digest = table.with_changes(apart), {}, {}
            self._state = _State(table, apart, by_digest)
        return taken

    def add(self, entry: bytes, scope: Scope, digest: bytes) -> None:
        """One entry, newer than whatever was known of it. For many use `apply`. Raises ValueError."""
        with self._writing:
            known = _known(self._state.table, self._state.apart, entry)
            self.apply([LinkChange(entry, known.version + 1 if known else 0, True, scope, digest)])

    def remove(self, entry: bytes) -> bool:
        """Take an entry out. Returns whether it was live."""
        with self._writing:
            known = _known(self._state.table, self._state.apart, entry)
            if known is None or not known.live:
                return False
            return self.apply([known._replace(version=known.version + 1, live=False)]) == 1


def _known(table: Table, apart: dict[bytes, LinkChange], entry: bytes) -> LinkChange | None:
    """The newest that is known of an entry."""
    if known := apart.get(entry):
        return known
    row = table.row(entry)
    return table.change(row) if row >= 0 else None


def _unlink(by_digest: dict[bytes, tuple[bytes, ...]], old: LinkChange | None) -> None:
    """Take an entry's former digest out of those that match."""
    if old is None or not old.live:
        return
    left = tuple(entry for entry in by_digest[old.digest] if entry != old.entry)
    if left:
        by_digest[old.digest] = left
    else:
        del by_digest[old.digest]
