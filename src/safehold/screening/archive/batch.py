"""Looking a portion of the archive up among list entries: one pure function, the same embedded and on Spark.

Others may call `found` and make `Entries`. What an agreement amounts to is decided by whoever reads the answer
(`matching.Matcher.tell`): here stands only what agrees with what.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import pyarrow as pa

from safehold.screening.archive.schema import COLUMNS
from safehold.screening.index import Change, Index
from safehold.screening.index.types import DIGEST_BYTES, PDQ_BYTES, Kind, Near

KINDS: tuple[Kind, ...] = ("sha256", "sha1", "md5")

# For each archived row that agrees with anything: the row, and with what. `distance` is that of PDQ, null = none near.
FOUND = pa.schema(
    [
        *COLUMNS,
        pa.field(
            "agrees",
            pa.list_(
                pa.struct(
                    [
                        pa.field("entry", pa.binary()),
                        pa.field("digests", pa.list_(pa.string())),
                        pa.field("distance", pa.int16()),
                    ]
                )
            ),
        ),
    ]
)


class Lookup(Protocol):
    """What is asked: an index of entries, whole or of the new ones alone."""

    def exact_many(self, kind: Kind, digests: Sequence[bytes]) -> list[list[bytes]]:
        """Entries that hold each digest."""

    def near_many(self, pdqs: Sequence[bytes], radius: int = ...) -> list[list[Near]]:
        """Entries near each hash."""


class Entries:
    """List entries that travel: as bytes to another machine, as an index in memory where they are asked."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self.changes = [change for change in changes if change.live]
        self._index: Index | None = None

    def __len__(self) -> int:
        return len(self.changes)

    @property
    def index(self) -> Index:
        """In memory, made at the first question."""
        if self._index is None:
            self._index = Index(Path(), None)
            self._index.apply(self.changes)
        return self._index

    def pack(self) -> bytes:
        """For another process; `unpack` reads it."""
        return msgspec.msgpack.encode(self.changes)

    @classmethod
    def unpack(cls, packed: bytes) -> "Entries":
        """What `pack` made."""
        return cls(msgspec.msgpack.decode(packed, type=list[Change]))


def found(batch: pa.RecordBatch, lookup: Lookup) -> pa.RecordBatch:
    """The rows of an archived portion that agree with entries, and with which (columns of FOUND).

    Digests may be binary of fixed or of variable length: Spark hands over the latter.
    """
    agreed: dict[int, dict[bytes, tuple[list[str], int | None]]] = {}
    for kind in KINDS:
        rows, digests = _given(batch, kind)
        for at, entries in zip(rows, lookup.exact_many(kind, digests) if digests else [], strict=True):
            for entry in entries:
                agreed.setdefault(at, {}).setdefault(entry, ([], None))[0].append(kind)
    rows, pdqs = _hashes(batch)
    for at, nears in zip(rows, lookup.near_many(pdqs) if pdqs else [], strict=True):
        for near in nears:
            of_row = agreed.setdefault(at, {})
            digests_there, known = of_row.get(near.entry, ([], None))
            of_row[near.entry] = (digests_there, near.distance if known is None else min(known, near.distance))
    hit = sorted(agreed)
    answer = [
        [{"entry": entry, "digests": kinds, "distance": distance} for entry, (kinds, distance) in agreed[at].items()]
        for at in hit
    ]
    rows_hit = batch.take(pa.array(hit, pa.int64())).cast(COLUMNS)
    return pa.RecordBatch.from_arrays([*rows_hit.columns, pa.array(answer, FOUND.field("agrees").type)], schema=FOUND)


def _given(batch: pa.RecordBatch, kind: Kind) -> tuple[list[int], list[bytes]]:
    """Where the digest is known, and the digests. What has a wrong length is no digest and equals none."""
    values = batch.column(kind).to_pylist()
    rows = [at for at, value in enumerate(values) if value is not None and len(value) == DIGEST_BYTES[kind]]
    return rows, [values[at] for at in rows]


def _hashes(batch: pa.RecordBatch) -> tuple[list[int], list[bytes]]:
    pairs = [
        (at, pdq)
        for at, pdqs in enumerate(batch.column("pdqs").to_pylist())
        for pdq in pdqs or ()
        if pdq is not None and len(pdq) == PDQ_BYTES
    ]
    return [at for at, _ in pairs], [pdq for _, pdq in pairs]
