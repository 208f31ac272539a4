"""A stream of entries on its way into files: raw bytes to the disk, the little that decides to memory.

Others in the package may call `Spool`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safehold.screening.index.delta import check
from safehold.screening.index.digests import Bytes
from safehold.screening.index.types import DIGEST_BYTES, ENTRY_BYTES, PDQ_BYTES, Change, Kind


class Spool:
    """`add` all chunks, `settle`, then take the rows of each kind."""

    def __init__(self, work: Path) -> None:
        widths = {"pdq": PDQ_BYTES, **{str(kind): length for kind, length in DIGEST_BYTES.items()}}
        self._columns = {kind: _Column(work / f"{kind}.raw", width) for kind, width in widths.items()}
        self._entries: list[Bytes] = []
        self._versions: list[NDArray[np.int64]] = []
        self._live: list[NDArray[np.bool_]] = []
        self._count = 0
        self.live = 0  # entries, once settled

    def add(self, changes: Sequence[Change]) -> None:
        """Take a chunk. Raises ValueError for a field of a wrong length."""
        for change in changes:
            check(change)
        self._entries.append(np.frombuffer(b"".join(one.entry for one in changes), np.uint8).reshape(-1, ENTRY_BYTES))
        self._versions.append(np.array([one.version for one in changes], np.int64))
        self._live.append(np.array([one.live for one in changes], np.bool_))
        self._columns["pdq"].add([tuple(dict.fromkeys(one.pdq)) if one.live else () for one in changes], self._count)
        for kind in DIGEST_BYTES:
            values = [getattr(one, kind) if one.live else b"" for one in changes]
            self._columns[kind].add([(value,) if value else () for value in values], self._count)
        self._count += len(changes)

    def settle(self) -> None:
        """Decide which changes count: of each entry the one with the highest version, where that one is live."""
        self._owner = _joined(self._entries, np.empty((0, ENTRY_BYTES), np.uint8))
        versions = _joined(self._versions, np.empty(0, np.int64))
        self._kept = _joined(self._live, np.empty(0, np.bool_))
        self._kept &= ~_superseded(self._owner, versions)
        self.live = int(self._kept.sum())

    def pdq(self) -> tuple[NDArray[np.uint64], Bytes]:
        """Hashes, four words each, and the entries that they belong to."""
        values, entries = self._rows("pdq")
        return values.view(np.uint64), entries

    def digests(self, kind: Kind) -> tuple[Bytes, Bytes]:
        """Digests of a kind and the entries that they belong to."""
        return self._rows(kind)

    def remove(self) -> None:
        for column in self._columns.values():
            column.remove()

    def _rows(self, kind: str) -> tuple[Bytes, Bytes]:
        values, owners = self._columns[kind].read()
        kept = self._kept[owners]
        if not kept.all():
            values, owners = values[kept], owners[kept]
        return values, self._owner[owners]


class _Column:
    """Values of one kind, in a file, and the numbers of the changes that they are of, in another."""

    def __init__(self, path: Path, width: int) -> None:
        self._values, self._owners = path, path.with_suffix(".owners")
        self._width = width

    def add(self, values: Iterable[tuple[bytes, ...]], first: int) -> None:
        """The values of consecutive changes, the first of which has the number `first`."""
        held = list(values)
        owners = np.repeat(np.arange(first, first + len(held), dtype=np.uint32), [len(some) for some in held])
        for path, content in (
            (self._values, b"".join(value for some in held for value in some)),
            (self._owners, owners.tobytes()),
        ):
            with path.open("ab") as file:
                file.write(content)

    def read(self) -> tuple[Bytes, NDArray[np.uint32]]:
        owners = np.fromfile(self._owners, np.uint32) if self._owners.exists() else np.empty(0, np.uint32)
        if not len(owners):
            return np.empty((0, self._width), np.uint8), owners
        return np.asarray(np.memmap(self._values, np.uint8, "r")).reshape(-1, self._width), owners

    def remove(self) -> None:
        for path in (self._values, self._owners):
            path.unlink(missing_ok=True)


def _joined(parts: list[NDArray[Any]], none: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else none


def _superseded(entries: Bytes, versions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For each change: whether a later one of the same entry is there."""
    halves = np.ascontiguousarray(entries).view(np.uint64)
    lost = np.zeros(len(entries), np.bool_)
    firsts = np.sort(halves[:, 0])
    if (firsts[1:] == firsts[:-1]).any():
        order = np.lexsort((versions, halves[:, 1], halves[:, 0]))
        ordered = halves[order]
        lost[order[:-1]] = (ordered[1:] == ordered[:-1]).all(axis=1)
    return lost
