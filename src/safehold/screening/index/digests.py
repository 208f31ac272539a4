"""Exact sets of digests: the entries that hold a SHA-256, SHA-1 or MD5.

Rows are sorted by digest. Its first eight bytes are an integer, searched by bisection; the rest is compared for the
few rows where those agree (one at most, unless somebody made digests collide on purpose).

Others in the package may call `DigestSet` and `fill`.
"""

import bisect
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from safehold.screening.index.types import DIGEST_BYTES, ENTRY_BYTES, Kind

KEY_BYTES = 8
_AT_ONCE = 1 << 20  # rows copied at a time
Bytes = NDArray[np.uint8]


class DigestSet(NamedTuple):
    """An immutable set; its arrays may be mapped files."""

    keys: NDArray[np.uint64]  # first eight bytes, ascending
    tails: Bytes  # the other bytes, shape n x (length - 8)
    entries: Bytes  # shape n x 16

    def find(self, digests: Sequence[bytes]) -> list[list[bytes]]:
        """The entries that hold each digest (of the right length), in the order of the entries' bytes."""
        if len(digests) == 1:
            return [self._find_one(digests[0])]
        if not len(self.keys):
            return [[] for _ in digests]
        keys = np.fromiter((int.from_bytes(one[:KEY_BYTES]) for one in digests), np.uint64, len(digests))
        first = np.searchsorted(self.keys, keys)
        there = self.keys[np.minimum(first, len(self.keys) - 1)] == keys
        found: list[list[bytes]] = [[] for _ in digests]
        for number in np.flatnonzero(there).tolist():
            found[number] = self._holders(int(first[number]), keys[number], digests[number][KEY_BYTES:])
        return found

    def _find_one(self, digest: bytes) -> list[bytes]:
        """The same for one, as a request for one file asks: NumPy's calls would cost ten times the search."""
        keys, key = self.keys.data, int.from_bytes(digest[:KEY_BYTES])
        first = bisect.bisect_left(keys, key)
        if first == len(keys) or keys[first] != key:
            return []
        return self._holders(first, np.uint64(key), digest[KEY_BYTES:])

    def _holders(self, first: int, key: np.uint64, tail: bytes) -> list[bytes]:
        last = first + 1
        if last < len(self.keys) and self.keys[last] == key:
            last = int(np.searchsorted(self.keys, key, "right"))
        rows = range(first, last)
        first += bisect.bisect_left(rows, tail, key=self._tail)
        last = rows.start + bisect.bisect_right(rows, tail, key=self._tail)
        return sorted({row.tobytes() for row in self.entries[first:last]})

    def _tail(self, row: int) -> bytes:
        return self.tails[row].tobytes()


def layout(kind: Kind, rows: int) -> dict[str, tuple[str, int]]:
    """The sections of a file of this kind."""
    return {
        "keys": ("<u8", rows),
        "tails": ("u1", rows * (DIGEST_BYTES[kind] - KEY_BYTES)),
        "entries": ("u1", rows * ENTRY_BYTES),
    }


def fill(target: DigestSet, digests: Bytes, entries: Bytes) -> None:
    """Sort into the arrays of `target`. Takes about 24 bytes a row of memory of its own."""
    keys = digests[:, :KEY_BYTES].copy().view(">u8").ravel().astype(np.uint64)
    order = np.argsort(keys, kind="stable")
    target.keys[:] = keys[order]
    same = target.keys[1:] == target.keys[:-1]
    if same.any():
        _settle(order, np.flatnonzero(np.append(same, False) | np.insert(same, 0, False)), digests)
    for begin in range(0, len(order), _AT_ONCE):
        some = order[begin : begin + _AT_ONCE]
        target.tails[begin : begin + _AT_ONCE] = digests[some][:, KEY_BYTES:]
        target.entries[begin : begin + _AT_ONCE] = entries[some]


def _settle(order: NDArray[np.int64], places: NDArray[np.int64], digests: Bytes) -> None:
    """Sort the rows whose first eight bytes another row has as well by all bytes."""
    rows = order[places]
    columns = np.ascontiguousarray(digests[rows]).view(">u4")
    order[places] = rows[np.lexsort(columns.T[::-1])]
