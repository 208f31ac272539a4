"""Exact near-match for PDQ and exact sets of digests, in files that processes share. Pure: nothing of ours, no Django.

Others may call:

    Index.open(folder) -> Index               empty where nothing is built yet; raises DamagedIndex
    index.upto                                the highest change number that it knows
    index.apply(changes)                      from now on they match (or match no more); may be repeated
    index.near(pdq, radius=31) -> [Near]      all within the radius, nearest first; near_many for a batch
    index.exact(kind, digest) -> [entry]      kind: sha256, sha1, md5; exact_many for a batch
    index.refresh() -> bool                   take the newer files, where there are any
    index.warm()                              compile and read ahead, so that the first query is as fast as the rest
    index.stats -> Stats
    build(folder, changes, upto) -> Manifest  new files from a stream of entries
    build_arrays(folder, pdq, entries, upto, digests) -> Manifest   the same from arrays
    verify(folder) -> Manifest | None         read every byte against its checksum; raises DamagedIndex
    read_manifest(folder) -> Manifest | None  which files are the current ones
"""

from safehold.screening.index.build import build, build_arrays
from safehold.screening.index.files import read_manifest, verify
from safehold.screening.index.live import Index
from safehold.screening.index.types import (
    BuildRunning,
    Change,
    DamagedIndex,
    FileMark,
    Kind,
    Manifest,
    Near,
    ScreeningIndexError,
    Stats,
)

__all__ = [
    "BuildRunning",
    "Change",
    "DamagedIndex",
    "FileMark",
    "Index",
    "Kind",
    "Manifest",
    "Near",
    "ScreeningIndexError",
    "Stats",
    "build",
    "build_arrays",
    "read_manifest",
    "verify",
]
