"""What changed since the files were built: held in memory, matched from the moment `add` returns.

A log that only grows. Readers see it through a `View`, which is one reference: how many changes and rows count, and
the arrays that hold them. A change is superseded by a later number of the log, and that number is written once;
a reader compares it with its own count, so a view goes on answering as of its moment while changes are added. No
reader ever waits. One writer at a time (`live.Index` sees to that).

Rows are compared one by one up to TAIL of them; from there on they are arranged as the files are, in segments that
are merged as they grow, so that a delta of a million is searched in little more time than the files. Memory: about
1 KB a change (`stats.delta` tells when to build). A merge of a million rows holds up `add` for about a second.

Others in the package may call `Delta` and `View`.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from safehold.screening.index import accelerate
from safehold.screening.index.base import Base
from safehold.screening.index.near import Segment, Words, budgets, distances
from safehold.screening.index.types import (
    DIGEST_BYTES,
    ENTRY_BYTES,
    PDQ_BYTES,
    Change,
    DamagedArrays,
    DamagedIndex,
    Kind,
    Near,
)

TAIL = 16_384  # rows compared one by one
MERGE = 3  # a segment up to this many times as large as what comes is merged with it
ALIVE = sys.maxsize


class Known(NamedTuple):
    """What the log holds of an entry."""

    first: int  # number of its first change: from there on the files say nothing about it
    last: int  # number of its latest change
    version: int


class Delta:
    """The log and its writer's state."""

    def __init__(self) -> None:
        self.log: list[Change] = []
        self.died: list[int] = []  # by number: that of the change which superseded it
        self.known: dict[bytes, Known] = {}
        self.holders: dict[Kind, dict[bytes, tuple[int, ...]]] = {kind: {} for kind in DIGEST_BYTES}
        self.words: Words = np.empty(4 * 64, np.uint64)
        self.owners: NDArray[np.uint32] = np.empty(64, np.uint32)
        self.rows = 0
        self.segments: tuple[tuple[int, Segment], ...] = ()  # (row where it begins, the rows arranged)
        self.arranged = 0  # rows that segments hold

    def add(self, changes: Iterable[Change], upto: int) -> None:
        """Append what is news: neither in files that go up to change `upto` nor older than what the log has."""
        hashes: list[bytes] = []
        owners: list[int] = []
        for change in changes:
            known = self.known.get(change.entry)
            if change.version > upto and (known is None or change.version > known.version):
                number = self._append(change, known)
                for pdq in dict.fromkeys(change.pdq) if change.live else ():
                    hashes.append(pdq)
                    owners.append(number)
        self._store(hashes, owners)
        if self.rows - self.arranged > TAIL:
            self._arrange()

    def latest(self, after: int) -> list[Change]:
        """The latest change of each entry, of those with a higher number than `after`."""
        found = [self.log[known.last] for known in self.known.values()]
        return [change for change in found if change.version > after]

    def _append(self, change: Change, known: Known | None) -> int:
        """Note the change and its digests. Returns its number."""
        number = len(self.log)
        self.log.append(change)
        self.died.append(ALIVE)
        if known is not None:
            self.died[known.last] = number
        self.known[change.entry] = Known(number if known is None else known.first, number, change.version)
        for kind, holders in self.holders.items() if change.live else ():
            if digest := getattr(change, kind):
                holders[digest] = (*holders.get(digest, ()), number)
        return number

    def _store(self, hashes: list[bytes], owners: list[int]) -> None:
        if hashes:
            self._make_room(len(hashes))
            end = self.rows + len(hashes)
            self.words[4 * self.rows : 4 * end] = np.frombuffer(b"".join(hashes), np.uint64)
            self.owners[self.rows : end] = owners
            self.rows = end

    def _make_room(self, more: int) -> None:
        """Views keep the arrays that they have: what they may read never changes."""
        if self.rows + more > len(self.owners):
            room = max(2 * len(self.owners), self.rows + more)
            for name, wide in (("words", 4), ("owners", 1)):
                old = getattr(self, name)
                new = np.empty(room * wide, old.dtype)
                new[: self.rows * wide] = old[: self.rows * wide]
                setattr(self, name, new)

    def _arrange(self) -> None:
        """The unarranged rows become a segment, together with the segments before them that are not much larger."""
        kept, begin = list(self.segments), self.arranged
        while kept and kept[-1][1].count <= MERGE * (self.rows - begin):
            begin = kept.pop()[0]
        kept.append((begin, Segment.of(self.words[4 * begin : 4 * self.rows])))
        self.segments, self.arranged = tuple(kept), self.rows


class View(NamedTuple):
    """Files and log as of one moment. Never changes; readers hold it as long as they like."""

    base: Base | None
    delta: Delta
    changes: int  # of the log
    rows: int
    words: Words
    owners: NDArray[np.uint32]
    segments: tuple[tuple[int, Segment], ...]
    arranged: int
    upto: int

    @classmethod
    def of(cls, base: Base | None, delta: Delta, upto: int) -> "View":
        return cls(
            base, delta, len(delta.log), delta.rows, delta.words, delta.owners, delta.segments, delta.arranged, upto
        )  # fmt: skip

    def near(self, queries: Words, radius: int) -> list[list[Near]]:
        """For each query (flat, four words each): every hash of a live entry within the radius, nearest first."""
        answers: list[list[Near]] = [[] for _ in range(len(queries) // 4)]
        self._near_in_files(queries, radius, answers)
        for begin, segment in self.segments:
            for row, bits, number in segment.search(queries, radius).each():
                self._note(begin + row, bits, answers[number])
        if self.arranged < self.rows:
            for number, answer in enumerate(answers):
                for row, bits in self._scan(queries, number, radius):
                    self._note(row, bits, answer)
        for answer in answers:
            answer.sort(key=lambda one: (one.distance, one.entry, one.pdq))
        return answers

    def exact(self, kind: Kind, digests: Sequence[bytes]) -> list[list[bytes]]:
        """For each digest: the live entries that hold it."""
        if self.base is None:
            answers: list[list[bytes]] = [[] for _ in digests]
        else:
            answers = self.base.digests[kind].find(digests)
            answers = [[entry for entry in found if not self._replaced(entry)] if found else found for found in answers]
        holders = self.delta.holders[kind]
        for number, digest in enumerate(digests):
            for change in holders.get(digest, ()):
                if self._stands(change):
                    answers[number].append(self.delta.log[change].entry)
        return answers

    def _near_in_files(self, queries: Words, radius: int, answers: list[list[Near]]) -> None:
        if self.base is None:
            return
        try:
            found = self.base.near.search(queries, radius)
        except DamagedArrays as error:
            raise DamagedIndex(self.base.path, str(error)) from None
        for row, bits, number in found.each():
            entry = self.base.entries[row].tobytes()
            if not self._replaced(entry):
                answers[number].append(Near(entry, bits, self.base.near.words[4 * row : 4 * row + 4].tobytes()))

    def _scan(self, queries: Words, number: int, radius: int) -> Iterable[tuple[int, int]]:
        """Rows that no segment holds, compared one by one: (row, distance)."""
        first, compiled = self.arranged, accelerate.for_rows(self.rows)
        units = int(budgets(radius).sum())
        if compiled is None:
            rows = self.words[4 * first : 4 * self.rows].reshape(-1, 4)
            bits = distances(rows, queries[4 * number : 4 * number + 4])
            near = np.flatnonzero(bits < units)
            return zip((near + first).tolist(), bits[near].tolist(), strict=True)
        room = 64
        while True:
            places, bits = np.empty(room, np.uint32), np.empty(room, np.uint8)
            count = compiled.scan(self.words, first, self.rows, queries, number, units - 1, places, bits)
            if count <= room:
                return zip(places[:count].tolist(), bits[:count].tolist(), strict=True)
            room = count

    def _note(self, row: int, bits: int, answer: list[Near]) -> None:
        change = int(self.owners[row])
        if self._stands(change):
            pdq = self.words[4 * row : 4 * row + 4].tobytes()
            answer.append(Near(self.delta.log[change].entry, bits, pdq))

    def _stands(self, change: int) -> bool:
        """Whether the change was there at this view's moment, and nothing had superseded it."""
        return change < self.changes <= self.delta.died[change]

    def _replaced(self, entry: bytes) -> bool:
        """Whether the log, not the files, said at this view's moment what the entry is."""
        known = self.delta.known.get(entry)
        return known is not None and known.first < self.changes


def checked(changes: Iterable[Change]) -> list[Change]:
    """The changes, each with fields of the right length; raises ValueError that names the first that has not."""
    found = list(changes)
    for change in found:
        check(change)
    return found


def check(change: Change) -> None:
    """Raise ValueError where a field has a wrong length."""
    if len(change.entry) != ENTRY_BYTES:
        raise ValueError(f"An entry is named by {ENTRY_BYTES} bytes; one has {len(change.entry)}.")
    for one in change.pdq:
        if len(one) != PDQ_BYTES:
            raise ValueError(f"A PDQ hash has {PDQ_BYTES} bytes; one of entry {change.entry.hex()} has {len(one)}.")
    for kind, length in DIGEST_BYTES.items():
        held = len(getattr(change, kind))
        if held not in (0, length):
            raise ValueError(f"A {kind} has {length} bytes; that of entry {change.entry.hex()} has {held}.")
