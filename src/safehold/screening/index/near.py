"""Every 256-bit hash within a Hamming distance of a query, complete by construction.

A hash is 16 slots of 16 bits; two slots make a half-word of 32, two of those a word of 64. Give out the r + 1 units
of a radius r over the slots. If two hashes differ by r bits at most, then some word differs by fewer bits than its
units, in it some half-word, and in that some slot: otherwise the sum would pass r. At r = 31 each slot has two units,
so every match has a slot that differs by one bit at most (17 of its 65,536 buckets) in a half-word that differs by
three at most. A bucket therefore holds, beside the row numbers, the other slot of its half-word as a sketch of two
bytes, which rejects 99 to 99.8 in 100 at random; only what is left is compared in full. A smaller radius has fewer
units and probes less.

Others in the package may call `Segment`, `fill`, `stride`, `budgets` and `as_words`.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safehold.screening.index import accelerate
from safehold.screening.index.types import MAX_RADIUS, PDQ_BYTES, DamagedArrays

SLOTS, BUCKETS = 16, 1 << 16
OVERREAD = 64  # rows of room behind the last one of a slot, for scans that read many at once
FIRST_ROOM = 256  # matches that a search has room for before it has to ask again

Words = NDArray[np.uint64]
_FLIPS = np.array([0, *(1 << bit for bit in range(16))], np.uint16)
_EACH_SLOT = np.arange(SLOTS)


class Found(NamedTuple):
    """Matches, in no order: row, distance, and the number of the query."""

    rows: NDArray[np.uint32]
    bits: NDArray[np.uint8]
    numbers: NDArray[np.uint32]

    def each(self) -> Iterator[tuple[int, int, int]]:
        """Row, distance and query of each match."""
        return zip(self.rows.tolist(), self.bits.tolist(), self.numbers.tolist(), strict=True)


def as_words(hashes: Sequence[bytes]) -> Words:
    """Hashes as a flat array, four words each. Raises ValueError for one that is not 32 bytes long."""
    for one in hashes:
        if len(one) != PDQ_BYTES:
            raise ValueError(f"A PDQ hash has {PDQ_BYTES} bytes; this one has {len(one)}.")
    return np.frombuffer(b"".join(hashes), np.uint64)


@functools.cache
def budgets(radius: int) -> NDArray[np.int64]:
    """Units of each slot: it is probed where it has any, for differences of fewer bits than it has units."""
    if not 0 <= radius <= MAX_RADIUS:
        raise ValueError(f"The radius goes from 0 to {MAX_RADIUS} bits; {radius} was asked for.")
    each, more = divmod(radius + 1, SLOTS)
    units = each + (more > _EACH_SLOT).astype(np.int64)
    units.flags.writeable = False
    return units


def stride(count: int) -> int:
    """Rows from the beginning of one slot to that of the next."""
    return -(-count // OVERREAD) * OVERREAD + OVERREAD


@dataclass(frozen=True, slots=True)
class Segment:
    """An immutable set of hashes arranged for searching. Arrays are flat, slot after slot; they may be mapped files."""

    words: Words  # four a row
    offsets: NDArray[np.uint32]  # of each slot: where each bucket begins, and where the last one ends
    sketches: NDArray[np.uint16]  # in bucket order: the other slot of the half-word
    ids: NDArray[np.uint32]  # in bucket order: the row

    @property
    def count(self) -> int:
        return len(self.words) // 4

    @classmethod
    def of(cls, words: Words) -> "Segment":
        """Arranged in memory. `words` is flat and must not change from now on."""
        wide = stride(len(words) // 4)
        new = cls(
            words,
            np.empty(SLOTS * (BUCKETS + 1), np.uint32),
            np.zeros(SLOTS * wide, np.uint16),
            np.zeros(SLOTS * wide, np.uint32),
        )
        fill(new, lambda _slot: None)
        return new

    def search(self, queries: Words, radius: int) -> Found:
        """Every row within `radius` of each query (flat, four words each). Raises DamagedArrays."""
        units = budgets(radius)
        if not self.count or not len(queries):
            return _none()
        compiled = accelerate.for_rows(self.count)
        return self._compiled(compiled, queries, units) if compiled else self._plain(queries, units)

    def check(self) -> None:
        """Raise DamagedArrays where the offsets are none: what makes every later read stay inside."""
        steps = self.offsets.reshape(SLOTS, BUCKETS + 1)
        rising = (steps[:, 1:] >= steps[:, :-1]).all()
        if not rising or (steps[:, 0] != 0).any() or (steps[:, -1] != self.count).any():
            raise DamagedArrays("its table of buckets contradicts itself")

    def _compiled(self, compiled: Any, queries: Words, units: NDArray[np.int64]) -> Found:
        room = FIRST_ROOM
        while True:
            found = Found(np.empty(room, np.uint32), np.empty(room, np.uint8), np.empty(room, np.uint32))
            count = compiled.near(self.offsets, self.sketches, self.ids, self.words, queries, units, *found)
            if count < 0:
                raise DamagedArrays("it names rows that it does not hold")
            if count <= room:
                return Found(found.rows[:count], found.bits[:count], found.numbers[:count])
            room = count

    def _plain(self, queries: Words, units: NDArray[np.int64]) -> Found:
        parts = [self._plain_one(queries[at : at + 4], units) for at in range(0, len(queries), 4)]
        numbers = np.repeat(np.arange(len(parts), dtype=np.uint32), [len(rows) for rows, _bits in parts])
        rows, bits = zip(*parts, strict=True)
        return Found(np.concatenate(rows), np.concatenate(bits), numbers)

    def _plain_one(self, query: Words, units: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """One query in NumPy: all sketches of all probed buckets at once, then the few that are left."""
        slots = query.view(np.uint16)
        probed = _EACH_SLOT[units > 0]
        around = _EACH_SLOT[units > 1]
        survivors = [
            self._close(slots, probed, _FLIPS[:1], units, 0),
            self._close(slots, around, _FLIPS[1:], units, 1),
        ]
        rows = np.unique(self.ids[np.concatenate(survivors)])
        if len(rows) and rows[-1] >= self.count:
            raise DamagedArrays("it names rows that it does not hold")
        bits = distances(self.words.reshape(-1, 4)[rows], query)
        near = bits < units.sum()
        return rows[near], bits[near].astype(np.uint8)

    def _close(
        self, query: NDArray[np.uint16], slots: NDArray[np.int64], flips: NDArray[np.uint16],
        units: NDArray[np.int64], spent: int,
    ) -> NDArray[np.int64]:  # fmt: skip
        """Places in bucket order whose sketch leaves the half-word within its units. `spent`: bits of the own slot."""
        if not len(slots):
            return np.empty(0, np.int64)
        keys = (query[slots][:, None] ^ flips).astype(np.int64) + slots[:, None] * (BUCKETS + 1)
        first = self.offsets[keys].astype(np.int64)
        lengths = (self.offsets[keys + 1] - first).ravel()
        first = (first + slots[:, None] * (len(self.sketches) // SLOTS)).ravel()
        behind = np.cumsum(lengths)
        places = np.arange(behind[-1]) + np.repeat(first - behind + lengths, lengths)
        per_slot = lengths.reshape(len(slots), -1).sum(axis=1)
        others = np.repeat(query[slots ^ 1], per_slot)
        differing = np.bitwise_count(self.sketches[places] ^ others)
        most = units[slots] + units[slots ^ 1] - 1 - spent
        if most.min() == most.max():
            return places[differing <= most[0]]
        return places[differing <= np.repeat(most, per_slot)]


def fill(segment: Segment, after: Callable[[int], None]) -> None:
    """Arrange `segment.words` into its other arrays by a counting sort for each slot; `after(slot)` follows each one.

    Takes about 14 bytes a row of memory of its own in NumPy, none to speak of with Numba.
    """
    count, wide = segment.count, len(segment.sketches) // SLOTS
    compiled = accelerate.for_rows(count)
    sort = compiled.sort if compiled else _sort
    for slot in range(SLOTS):
        begin, first = slot * (BUCKETS + 1), slot * wide
        sort(
            segment.words.view(np.uint16), slot, segment.offsets[begin : begin + BUCKETS + 1],
            segment.sketches[first : first + count], segment.ids[first : first + count],
        )  # fmt: skip
        after(slot)


def _sort(
    values: NDArray[np.uint16], slot: int, offsets: NDArray[np.uint32], sketches: NDArray[np.uint16],
    ids: NDArray[np.uint32],
) -> None:  # fmt: skip
    """Fill the arrays of one slot; `values` are the slots of all rows."""
    columns = values.reshape(-1, SLOTS)
    keys = np.ascontiguousarray(columns[:, slot])
    order = np.argsort(keys, kind="stable").astype(np.uint32)
    offsets[0] = 0
    np.cumsum(np.bincount(keys, minlength=BUCKETS), out=offsets[1:])
    ids[:] = order
    sketches[:] = columns[:, slot ^ 1][order]


def distances(words: Words, query: Words) -> NDArray[np.uint16]:
    """Bits that differ between each row (shape n x 4) and the query."""
    counts = np.bitwise_count(words ^ query).view(np.uint32).ravel()
    pairs = (counts & 0x00FF00FF) + ((counts >> 8) & 0x00FF00FF)
    return ((pairs + (pairs >> 16)) & 0xFFFF).astype(np.uint16)


def _none() -> Found:
    return Found(np.empty(0, np.uint32), np.empty(0, np.uint8), np.empty(0, np.uint32))
