"""A new generation of files, from a stream of entries or from arrays, while readers go on (`live.Index.refresh`).

Memory: a stream takes 25 bytes a change and up to 60 bytes a hash or digest of the kind being sorted; arrays take
about 20 bytes a row beside the caller's own. What is written lies in the page cache, which the system takes back
where it needs to. Disk: 144 bytes a PDQ hash, a digest's own length and 16 bytes, 4 MB; while a stream is read, its raw
bytes and 4 each as well.

Others may call `build` and `build_arrays`.
"""

import itertools
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safehold.screening.index import files
from safehold.screening.index.base import PDQ, name_of, write_digests, write_pdq
from safehold.screening.index.digests import Bytes
from safehold.screening.index.near import SLOTS
from safehold.screening.index.spool import Spool
from safehold.screening.index.types import DIGEST_BYTES, ENTRY_BYTES, PDQ_BYTES, Change, DamagedIndex, Kind, Manifest

Progress = Callable[[int, int], None]
PARTS = 1 + SLOTS + len(DIGEST_BYTES)  # what progress counts: reading, each slot of PDQ, each kind of digest
_CHUNK = 1 << 16  # changes read at a time
KEPT = 2  # generations that stay: the current one and the one before


def build(folder: Path, changes: Iterable[Change], upto: int, progress: Progress | None = None) -> Manifest:
    """Write a generation that holds the live entries of `changes` and make it the current one.

    `changes` may come in any order; where an entry comes twice the higher version counts, and retracted ones are left
    out. `upto`: every change of the database with this number or a lower one is in the stream (read it before the
    stream begins; entries that change meanwhile may have a higher one). `progress(done, of)` counts parts of the work.
    Raises BuildRunning; ValueError for a field of a wrong length, or an `upto` below that of the current generation;
    OSError where the disk is full. The current generation then stays as it is.
    """
    with files.building(folder) as work:
        generation = _next(folder, upto)
        spool = Spool(work)
        iterator = iter(changes)
        while chunk := list(itertools.islice(iterator, _CHUNK)):
            spool.add(chunk)
        spool.settle()
        told = _Told(progress)
        marks = {name_of(PDQ): write_pdq(work, generation, *spool.pdq(), told.part)}
        for kind in DIGEST_BYTES:
            marks[name_of(kind)] = write_digests(work, generation, kind, *spool.digests(kind))
            told.part()
        spool.remove()
        return _put(folder, work, Manifest(files.FORMAT, generation, upto, spool.live, time.time(), marks))


def build_arrays(
    folder: Path,
    pdq: NDArray[Any],
    entries: Bytes,
    upto: int,
    digests: Mapping[Kind, tuple[Bytes, Bytes]] | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """`build` from arrays, for many entries. All of them are live, and none is looked through for entries come twice.

    `pdq`: the hashes, uint64 of shape n x 4 or uint8 of shape n x 32; `entries`: whose they are, uint8 of shape n x 16
    (the same entry once for each frame of a film). `digests`: for each kind its digests, uint8 of shape m x 32, 20 or
    16, and whose they are, of shape m x 16.
    """
    words = _as_words(pdq)
    rows: dict[Kind, tuple[Bytes, Bytes]] = {}
    _check("entries", entries, len(words), ENTRY_BYTES)
    for kind, length in DIGEST_BYTES.items():
        none = np.empty((0, length), np.uint8), np.empty((0, ENTRY_BYTES), np.uint8)
        values, holders = rows[kind] = (digests or {}).get(kind, none)
        _check(kind, values, len(values), length)
        _check(f"entries of {kind}", holders, len(values), ENTRY_BYTES)
    with files.building(folder) as work:
        generation = _next(folder, upto)
        told = _Told(progress)
        marks = {name_of(PDQ): write_pdq(work, generation, words, entries, told.part)}
        for kind, (values, holders) in rows.items():
            marks[name_of(kind)] = write_digests(work, generation, kind, values, holders)
            told.part()
        count = distinct([entries, *(holders for _values, holders in rows.values())])
        return _put(folder, work, Manifest(files.FORMAT, generation, upto, count, time.time(), marks))


class _Told:
    """Tells `progress` of each part done; the first is the reading, which is over."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress, self._done = progress, 0
        self.part()

    def part(self, *_which: int) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, PARTS)


def distinct(arrays: list[Bytes]) -> int:
    """How many different entries there are."""
    different = list({id(one): one for one in arrays if len(one)}.values())
    if not different:
        return 0
    halves = np.ascontiguousarray(np.concatenate(different)).view(np.uint64)
    firsts = np.sort(halves[:, 0])
    if (firsts[1:] != firsts[:-1]).all():
        return len(firsts)
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    return 1 + int((ordered[1:] != ordered[:-1]).any(axis=1).sum())


def _next(folder: Path, upto: int) -> int:
    """The number of the generation to write. A damaged manifest is no hindrance: what is built replaces it."""
    there = files.generations(folder)
    try:
        current = files.read_manifest(folder)
    except DamagedIndex:
        return max(there, default=0) + 1
    if current is not None and upto < current.upto:
        raise ValueError(
            f"The index in {folder} holds the changes up to {current.upto}; building up to {upto} would lose some. "
            "Where the database was restored to an earlier time, delete the folder first."
        )
    return max([current.generation if current else 0, *there]) + 1


def _put(folder: Path, work: Path, manifest: Manifest) -> Manifest:
    """Make what was written the current generation, and remove all but the one before."""
    files.sync(work)
    work.rename(files.folder_of(folder, manifest.generation))
    files.sync(folder)
    files.put_manifest(folder, manifest)
    for number in sorted(files.generations(folder))[:-KEPT]:
        shutil.rmtree(files.folder_of(folder, number))
    return manifest


def _as_words(pdq: NDArray[Any]) -> NDArray[np.uint64]:
    if pdq.dtype == np.uint8:
        _check("pdq", pdq, len(pdq), PDQ_BYTES)
        return np.ascontiguousarray(pdq).view(np.uint64)
    if pdq.dtype != np.uint64 or pdq.ndim != 2 or pdq.shape[1] != PDQ_BYTES // 8:
        raise ValueError(f"pdq must be uint64 of shape n x 4 or uint8 of n x 32; it is {pdq.dtype} of {pdq.shape}.")
    return pdq


def _check(name: str, array: NDArray[Any], rows: int, width: int) -> None:
    if array.dtype != np.uint8 or array.shape != (rows, width):
        raise ValueError(f"{name} must be uint8 of shape {rows} x {width}; it is {array.dtype} of {array.shape}.")
