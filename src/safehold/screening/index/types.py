"""What the index takes, gives and refuses. Re-exported by the package."""

from pathlib import Path
from typing import Literal

import msgspec

Kind = Literal["sha256", "sha1", "md5"]
DIGEST_BYTES: dict[Kind, int] = {"sha256": 32, "sha1": 20, "md5": 16}
PDQ_BYTES = 32
ENTRY_BYTES = 16
MAX_RADIUS = 31  # bits; what the probes of `near` are complete for


class ScreeningIndexError(Exception):
    """The index did not do what was asked; the message says why."""


class DamagedIndex(ScreeningIndexError):
    """A file of the index is cut, changed, of another version, or no index at all. Build it again."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} cannot be used: {what}. Build the index again; the lists are untouched.")
        self.path = path


class DamagedArrays(ScreeningIndexError):
    """Arrays that no file of ours can hold; `DamagedIndex` names the file."""


class BuildRunning(ScreeningIndexError):
    """Another process is building in the same folder."""


class Change(msgspec.Struct, frozen=True):
    """One entry as the database has it now; it replaces whatever the index knew of the entry."""

    entry: bytes  # 16 bytes
    version: int  # change number: grows; commit order is number order
    live: bool  # False: retracted, matches nothing from now on
    pdq: tuple[bytes, ...] = ()  # 32 bytes each: one for a picture, one for each frame of a film
    sha256: bytes = b""  # 32 bytes or none
    sha1: bytes = b""  # 20 bytes or none
    md5: bytes = b""  # 16 bytes or none


class Near(msgspec.Struct, frozen=True):
    """One hash of a live entry within the radius. An entry with several such hashes is given once for each."""

    entry: bytes
    distance: int  # bits that differ, 0 to 31
    pdq: bytes  # the entry's own hash


class FileMark(msgspec.Struct, frozen=True):
    """What a file of a generation must be."""

    rows: int
    size: int  # bytes
    sha256: str  # of the whole file, hexadecimal


class Manifest(msgspec.Struct, frozen=True):
    """One complete generation of files."""

    format: int
    generation: int  # 1, 2, 3, ...
    upto: int  # every change with this number or a lower one is in it
    entries: int  # distinct entries
    built: float  # seconds since 1970
    files: dict[str, FileMark]  # by name in the generation's folder


class Stats(msgspec.Struct, frozen=True):
    """The state of one process's index."""

    entries: int  # in the mapped files, those replaced since included
    delta: int  # changes held in memory, on top of the files; build when it passes some 100,000
    mapped: int  # bytes of files mapped, shared by all processes
    generation: int  # 0: no files yet
    age: float  # seconds since the files were built; 0 without files
