"""Files of arrays that processes map, and the manifest that says which of them are the current ones.

    folder/manifest.json            the current generation; replaced by renaming, so that it is whole at any time
    folder/generation-000012/...    its files: a header of HEADER bytes, then the sections
    folder/building-.../            one being written; left over where a process was killed, removed by the next build
    folder/build.lock               held by the process that builds

A reader that has mapped a generation keeps it even after the files are removed. The previous generation stays until
the build after next, for processes between reading the manifest and opening the files.

Others in the package may call `write`, `Mapped`, `put_manifest`, `building`, `generations`, `sync`, `checksum` and
`folder_of`; others outside `verify` and `read_manifest`.
"""

import contextlib
import fcntl
import hashlib
import mmap
import os
import re
import secrets
import shutil
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from safehold.screening.index.types import BuildRunning, DamagedIndex, FileMark, Manifest

FORMAT = 1
HEADER = 4096
MAGIC = b"safehold-index\r\n"  # a copy that changes line ends is noticed
MANIFEST, LOCK = "manifest.json", "build.lock"
_FRAME = struct.Struct("<16sI")  # the magic, the CRC-32 of the header's text, which fills the rest of the header
_ALIGN = 64

Layout = dict[str, tuple[str, int]]  # of each section: its NumPy type and how many of it there are


class _Header(msgspec.Struct, frozen=True):
    format: int
    kind: str
    generation: int
    rows: int
    sections: dict[str, tuple[str, int, int]]  # NumPy type, how many, byte in the file where they begin


class _Sealed(msgspec.Struct, frozen=True):
    """The manifest as it lies on disk, with the checksum of its own text."""

    manifest: msgspec.Raw
    sha256: str


@contextlib.contextmanager
def write(path: Path, kind: str, generation: int, rows: int, layout: Layout) -> Iterator[dict[str, NDArray[Any]]]:
    """A new file's sections, to be filled; on disk, with its header, once the block ends without an error.

    Raises OSError before anything is filled where the disk has no room for it.
    """
    _same_order()
    sections, end = {}, HEADER
    for name, (dtype, count) in layout.items():
        sections[name] = (dtype, count, end)
        end += -(-np.dtype(dtype).itemsize * count // _ALIGN) * _ALIGN
    text = msgspec.json.encode(_Header(FORMAT, kind, generation, rows, sections)).ljust(HEADER - _FRAME.size)
    head = _FRAME.pack(MAGIC, zlib.crc32(text)) + text
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _reserve(handle, end)
        held = mmap.mmap(handle, end)
        yield _arrays(held, sections)
        held[: len(head)] = head  # last: a file that was not filled to its end is no file of the index
        held.flush()
        os.fsync(handle)
    finally:
        os.close(handle)


class Mapped:
    """One file, mapped read-only. Raises DamagedIndex where its size, header or kind are not what they must be.

    The content is not read here; `verify` does that.
    """

    def __init__(self, path: Path, kind: str, generation: int, mark: FileMark) -> None:
        _same_order()
        self.path = path
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size != mark.size:
                raise DamagedIndex(path, f"it has {size} bytes and must have {mark.size}")
            self._held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.size = size
        header = _header(path, self._held[:HEADER])
        if (header.kind, header.generation, header.rows) != (kind, generation, mark.rows):
            found = f"{header.kind} of generation {header.generation} with {header.rows} rows"
            raise DamagedIndex(path, f"it holds {found}, and must hold {kind} of {generation} with {mark.rows}")
        for dtype, count, begin in header.sections.values():
            if begin + np.dtype(dtype).itemsize * count > size:
                raise DamagedIndex(path, "its sections pass its end")
        self.rows = header.rows
        self.arrays = _arrays(self._held, header.sections)

    def section(self, name: str, dtype: str, count: int) -> NDArray[Any]:
        """A section that must hold `count` of `dtype`; raises DamagedIndex."""
        found = self.arrays.get(name)
        if found is None or found.dtype != np.dtype(dtype) or len(found) != count:
            raise DamagedIndex(self.path, f"its section {name!r} is not {count} of {dtype}")
        return found

    def read_ahead(self) -> None:
        """Bring every page into memory and into this process's page table."""
        self._held.madvise(mmap.MADV_WILLNEED)
        int(np.frombuffer(self._held, np.uint8)[:: mmap.PAGESIZE].max())


def folder_of(folder: Path, generation: int) -> Path:
    return folder / f"generation-{generation:06}"


def read_manifest(folder: Path) -> Manifest | None:
    """The current generation, or None where nothing is built yet. Raises DamagedIndex."""
    path = folder / MANIFEST
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        sealed = msgspec.json.decode(text, type=_Sealed)
        if hashlib.sha256(sealed.manifest).hexdigest() != sealed.sha256:
            raise DamagedIndex(path, "its checksum is not that of its content")
        manifest = msgspec.json.decode(sealed.manifest, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedIndex(path, f"it is no manifest ({error})") from None
    if manifest.format != FORMAT:
        raise DamagedIndex(path, f"it has format {manifest.format}, this version reads format {FORMAT}")
    return manifest


def put_manifest(folder: Path, manifest: Manifest) -> None:
    """Make `manifest` the current one: whole or not at all, also through a power cut."""
    text = msgspec.json.encode(manifest)
    sealed = msgspec.json.encode(_Sealed(msgspec.Raw(text), hashlib.sha256(text).hexdigest()))
    beside = folder / f".{MANIFEST}.{secrets.token_hex(8)}"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(folder / MANIFEST)
    sync(folder)


def verify(folder: Path) -> Manifest | None:
    """Read every byte of the current generation against its checksum. Raises DamagedIndex; None: nothing is built."""
    manifest = read_manifest(folder)
    if manifest is not None:
        for name, mark in manifest.files.items():
            path = folder_of(folder, manifest.generation) / name
            try:
                if path.stat().st_size != mark.size or checksum(path) != mark.sha256:
                    raise DamagedIndex(path, "its checksum is not that of the manifest")
            except FileNotFoundError:
                raise DamagedIndex(path, "it is missing") from None
    return manifest


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def building(folder: Path) -> Iterator[Path]:
    """A folder to write a generation in, for one process at a time (BuildRunning). Removes what killed builds left."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BuildRunning(f"Another process is building the index in {folder}. Wait until it is done.") from None
        for left in [*folder.glob("building-*"), *folder.glob(f".{MANIFEST}.*")]:
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        work = folder / f"building-{secrets.token_hex(8)}"
        work.mkdir(mode=0o700)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)  # gone already where it became a generation
    finally:
        os.close(handle)


def generations(folder: Path) -> dict[int, Path]:
    """Folders of generations that are there, current or not."""
    found = {}
    for path in folder.glob("generation-*"):
        if named := re.fullmatch(r"generation-(\d{6,})", path.name):
            found[int(named[1])] = path
    return found


def sync(folder: Path) -> None:
    """Make new names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _header(path: Path, raw: bytes) -> _Header:
    if len(raw) < HEADER or raw[: len(MAGIC)] != MAGIC:
        raise DamagedIndex(path, "it is no file of this index")
    _magic, crc = _FRAME.unpack_from(raw)
    text = raw[_FRAME.size :]
    if zlib.crc32(text) != crc:
        raise DamagedIndex(path, "its header is damaged")
    try:
        header = msgspec.json.decode(text, type=_Header)
    except msgspec.DecodeError as error:
        raise DamagedIndex(path, f"another version wrote its header ({error})") from None
    if header.format != FORMAT:
        raise DamagedIndex(path, f"it has format {header.format}, this version reads format {FORMAT}")
    return header


def _arrays(held: mmap.mmap, sections: dict[str, tuple[str, int, int]]) -> dict[str, NDArray[Any]]:
    return {
        name: np.frombuffer(held, dtype, count, begin) if count else np.empty(0, dtype)
        for name, (dtype, count, begin) in sections.items()
    }


def _reserve(handle: int, size: int) -> None:
    """Room on the disk now: a map of a file without room would end the process instead of raising."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:
        os.ftruncate(handle, size)  # macOS


def _same_order() -> None:
    if sys.byteorder != "little":
        raise NotImplementedError("The index is written for little-endian machines alone; this one is big-endian.")
