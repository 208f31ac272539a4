"""One generation of files, mapped: what all processes share.

Others in the package may call `Base`, `write_pdq` and `write_digests`.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safehold.screening.index import digests, files, near
from safehold.screening.index.digests import Bytes, DigestSet
from safehold.screening.index.near import BUCKETS, SLOTS, Segment
from safehold.screening.index.types import (
    DIGEST_BYTES,
    ENTRY_BYTES,
    DamagedArrays,
    DamagedIndex,
    FileMark,
    Kind,
    Manifest,
)

PDQ = "pdq"
_ATTEMPTS = 3  # builds that may end between reading the manifest and opening what it names


class Base:
    """A generation's files. Raises DamagedIndex where one of them cannot be used."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        self._place = files.folder_of(folder, manifest.generation)
        self._files: list[files.Mapped] = []
        self.path = self._place / name_of(PDQ)
        self.near, self.entries = self._open_pdq()
        self.digests: dict[Kind, DigestSet] = {kind: self._open_digests(kind) for kind in DIGEST_BYTES}
        self.mapped = sum(one.size for one in self._files)

    @classmethod
    def current(cls, folder: Path, known: Manifest | None = None) -> "Base | None":
        """The folder's current generation; None where nothing is built, or where it is the `known` one."""
        for attempt in range(_ATTEMPTS):
            manifest = files.read_manifest(folder)
            if manifest is None or manifest == known:
                return None
            try:
                return cls(folder, manifest)
            except FileNotFoundError as error:
                if attempt == _ATTEMPTS - 1:
                    raise DamagedIndex(Path(error.filename), "it is missing") from None
        raise AssertionError("not reached")

    def read_ahead(self) -> None:
        for one in self._files:
            one.read_ahead()

    def _map(self, kind: str) -> files.Mapped:
        mark = self.manifest.files.get(name_of(kind))
        if mark is None:
            raise DamagedIndex(self._place, f"its manifest names no {name_of(kind)}")
        mapped = files.Mapped(self._place / name_of(kind), kind, self.manifest.generation, mark)
        self._files.append(mapped)
        return mapped

    def _open_pdq(self) -> tuple[Segment, Bytes]:
        mapped = self._map(PDQ)
        parts = {name: mapped.section(name, *what) for name, what in _pdq_layout(mapped.rows).items()}
        entries = parts.pop("entries").reshape(-1, ENTRY_BYTES)
        segment = Segment(**parts)
        try:
            segment.check()
        except DamagedArrays as error:
            raise DamagedIndex(mapped.path, str(error)) from None
        return segment, entries

    def _open_digests(self, kind: Kind) -> DigestSet:
        mapped = self._map(kind)
        parts = {name: mapped.section(name, *what) for name, what in digests.layout(kind, mapped.rows).items()}
        return _shaped(kind, parts)


def name_of(kind: str) -> str:
    return f"{kind}.index"


def write_pdq(
    place: Path, generation: int, words: NDArray[np.uint64], entries: Bytes, after: Callable[[int], None]
) -> FileMark:
    """Write the PDQ file of a generation: `words` of shape n x 4, `entries` of n x 16. Returns once it is on disk."""
    path, rows = place / name_of(PDQ), len(words)
    with files.write(path, PDQ, generation, rows, _pdq_layout(rows)) as parts:
        parts["words"][:] = words.ravel()
        parts["entries"][:] = entries.ravel()
        near.fill(Segment(parts["words"], parts["offsets"], parts["sketches"], parts["ids"]), after)
    return _mark(path, rows)


def write_digests(place: Path, generation: int, kind: Kind, values: Bytes, entries: Bytes) -> FileMark:
    """Write the file of one kind of digest: `values` of shape n x 32, 20 or 16, `entries` of n x 16."""
    path, rows = place / name_of(kind), len(values)
    with files.write(path, kind, generation, rows, digests.layout(kind, rows)) as parts:
        digests.fill(_shaped(kind, parts), values, entries)
    return _mark(path, rows)


def _shaped(kind: Kind, parts: dict[str, NDArray]) -> DigestSet:
    width = DIGEST_BYTES[kind] - digests.KEY_BYTES
    return DigestSet(parts["keys"], parts["tails"].reshape(-1, width), parts["entries"].reshape(-1, ENTRY_BYTES))


def _pdq_layout(rows: int) -> files.Layout:
    return {
        "offsets": ("<u4", SLOTS * (BUCKETS + 1)),
        "sketches": ("<u2", SLOTS * near.stride(rows)),
        "ids": ("<u4", SLOTS * near.stride(rows)),
        "words": ("<u8", 4 * rows),
        "entries": ("u1", ENTRY_BYTES * rows),
    }


def _mark(path: Path, rows: int) -> FileMark:
    return FileMark(rows, path.stat().st_size, files.checksum(path))
