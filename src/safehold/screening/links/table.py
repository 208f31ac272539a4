"""The bulk of the link entries: sorted columns of 46 bytes an entry, never changed once made. Used by `matching`."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from safehold.screening.links.canonical import SCOPES, Scope
from safehold.screening.links.keyed import SIZE

ENTRY = 16  # bytes of an entry's id, such as those of a UUID
_MOST_VERSION = 2**63 - 1
_AT_ONCE = 65_536  # entries made into columns together: Python's own objects take ten times the room

Words = npt.NDArray[np.uint64]


class LinkChange(NamedTuple):
    """An entry as it stands from `version` on: the newest one holds, whichever order changes come in."""

    entry: bytes
    version: int
    live: bool
    scope: Scope
    digest: bytes


def checked(change: LinkChange) -> LinkChange:
    """The change. Raises ValueError where a part of it has the wrong shape."""
    if len(change.entry) != ENTRY:
        raise ValueError(f"An entry's id has {ENTRY} bytes, not {len(change.entry)}.")
    if len(change.digest) != SIZE:
        raise ValueError(f"The digest of entry {change.entry.hex()} has {len(change.digest)} bytes, not {SIZE}.")
    if change.scope not in SCOPES:
        raise ValueError(f"Entry {change.entry.hex()} has the scope {change.scope!r}, not one of {', '.join(SCOPES)}.")
    if not 0 <= change.version <= _MOST_VERSION:
        raise ValueError(f"The version of entry {change.entry.hex()} is {change.version}, not from 0 to 2^63 - 1.")
    return change


class Columns(NamedTuple):
    """Rows in no order: digests and ids as two 64-bit words each."""

    high: Words
    low: Words
    entry_high: Words
    entry_low: Words
    versions: npt.NDArray[np.int64]
    live: npt.NDArray[np.bool_]
    scopes: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, changes: Iterable[LinkChange]) -> Self:
        """Raises ValueError for a malformed one."""
        return cls.joined([cls._some(part) for part in _parts(map(checked, changes))])

    @classmethod
    def joined(cls, parts: "list[Self]") -> Self:
        """All rows of the parts."""
        whole = [*parts, cls._some([])]
        return cls(
            np.concatenate([part.high for part in whole]),
            np.concatenate([part.low for part in whole]),
            np.concatenate([part.entry_high for part in whole]),
            np.concatenate([part.entry_low for part in whole]),
            np.concatenate([part.versions for part in whole]),
            np.concatenate([part.live for part in whole]),
            np.concatenate([part.scopes for part in whole]),
        )

    @classmethod
    def _some(cls, changes: list[LinkChange]) -> Self:
        digests = _words([change.digest for change in changes])
        entries = _words([change.entry for change in changes])
        return cls(
            digests[:, 0].copy(),
            digests[:, 1].copy(),
            entries[:, 0].copy(),
            entries[:, 1].copy(),
            np.array([change.version for change in changes], dtype=np.int64),
            np.array([change.live for change in changes], dtype=np.bool_),
            np.array([SCOPES.index(change.scope) for change in changes], dtype=np.uint8),
        )

    def taken(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Self:
        """The rows named, or those that a mask lets through."""
        return type(self)(
            self.high[rows],
            self.low[rows],
            self.entry_high[rows],
            self.entry_low[rows],
            self.versions[rows],
            self.live[rows],
            self.scopes[rows],
        )


class Table:
    """Rows sorted by digest, one for each entry. The rows of removed entries stay, for their versions."""

    def __init__(self, rows: Columns) -> None:
        """Raises ValueError where an entry has two rows."""
        self.rows = rows.taken(np.lexsort((rows.low, rows.high)))
        order = np.lexsort((self.rows.entry_low, self.rows.entry_high))
        self._by_entry = order.astype(np.uint32)  # at most 4 billion entries
        high, low = self.rows.entry_high[order], self.rows.entry_low[order]
        twice = np.flatnonzero((high[1:] == high[:-1]) & (low[1:] == low[:-1]))
        if twice.size:
            raise ValueError(f"Entry {self.entry(int(order[twice[0]])).hex()} came twice.")

    def __len__(self) -> int:
        return len(self.rows.high)

    @property
    def size(self) -> int:
        """Bytes that the columns take."""
        return sum(column.nbytes for column in self.rows) + self._by_entry.nbytes

    def found(self, digests: list[bytes]) -> list[tuple[int, bytes]]:
        """(which digest, entry) of the live rows that have one of the digests."""
        if not len(self) or not digests:
            return []
        wanted = _words(digests)
        high = self.rows.high
        left = np.searchsorted(high, wanted[:, 0])
        near = high[np.minimum(left, len(self) - 1)] == wanted[:, 0]
        answer = []
        for at in np.flatnonzero(near):
            row = int(left[at])
            while row < len(self) and high[row] == wanted[at, 0]:
                if self.rows.low[row] == wanted[at, 1] and self.rows.live[row]:
                    answer.append((int(at), self.entry(row)))
                row += 1
        return answer

    def row(self, entry: bytes) -> int:
        """The entry's row, or -1."""
        high, low = int.from_bytes(entry[:8], "big"), int.from_bytes(entry[8:], "big")
        at = bisect_left(range(len(self)), (high, low), key=self._entry_words)
        if at < len(self) and self._entry_words(at) == (high, low):
            return int(self._by_entry[at])
        return -1

    def change(self, row: int) -> LinkChange:
        """What a row says."""
        digest = _bytes(self.rows.high[row], self.rows.low[row])
        scope = SCOPES[int(self.rows.scopes[row])]
        return LinkChange(self.entry(row), int(self.rows.versions[row]), bool(self.rows.live[row]), scope, digest)

    def entry(self, row: int) -> bytes:
        """The id of a row's entry."""
        return _bytes(self.rows.entry_high[row], self.rows.entry_low[row])

    def with_changes(self, changes: dict[bytes, LinkChange]) -> "Table":
        """A new table in which these stand in place of their entries' rows."""
        stays = np.ones(len(self), dtype=np.bool_)
        stays[[row for entry in changes if (row := self.row(entry)) >= 0]] = False
        return Table(Columns.joined([self.rows.taken(stays), Columns.of(changes.values())]))

    def _entry_words(self, at: int) -> tuple[int, int]:
        row = self._by_entry[at]
        return int(self.rows.entry_high[row]), int(self.rows.entry_low[row])


def _parts(changes: Iterator[LinkChange]) -> Iterator[list[LinkChange]]:
    while part := list(islice(changes, _AT_ONCE)):
        yield part


def _words(values: list[bytes]) -> Words:
    if not values:
        return np.empty((0, 2), dtype=np.uint64)
    return np.frombuffer(b"".join(values), dtype=">u8").astype(np.uint64).reshape(-1, 2)


def _bytes(high: np.uint64, low: np.uint64) -> bytes:
    return int(high).to_bytes(8, "big") + int(low).to_bytes(8, "big")
