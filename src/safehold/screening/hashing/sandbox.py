"""Hashing files without trusting them: a pool of sandboxed decoders. The face of this package for servers.

`Decoders` takes bytes, paths, open files and streams, and answers with FileHashes. It may be shared by threads
(an async server calls it from one) and survives a fork: children are started when the first file comes, by
whichever process it comes to.

Digests are made here, over all bytes, while a child decodes. A file that cannot be decoded is told as not
screened with a reason. A child that does not answer in time is killed; one that crashes is replaced and the file
given once more to a new one, since a crash may have had another cause; after `limits.files` files a child is
replaced too.

What a file is, its decoders say (Pillow, then PyAV), not its name. One that is two things at once is hashed as
what Pillow takes it for, and its digests cover all of it.
"""

import fcntl
import io
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from safehold.screening.hashing.child import Answer, Job
from safehold.screening.hashing.digests import Digests
from safehold.screening.hashing.pool import Pool
from safehold.screening.hashing.process import Gone, TooSlow
from safehold.screening.hashing.sniffing import FILM, HEAD, OTHER, PICTURE, sniff
from safehold.screening.hashing.types import CannotScreen, DigestSet, FileHashes, Limits, NotScreened

__all__ = ["CannotScreen", "Decoders", "FileHashes", "Limits", "NotScreened"]

PIECE = 1024 * 1024  # bytes read and digested at a time
IN_MEMORY = 4 * 1024 * 1024  # bytes of a stream that are kept before they go to an unlinked temporary file
TRIES = 2  # of a file whose decoder crashes


class Decoders:
    """A pool of at most `children` decoders. Close it, or use it in a `with`.

    `spool` is the folder for streams that are too large for memory, by default the system's; what lies there has
    no name and goes when it is closed.
    """

    def __init__(
        self, children: int | None = None, limits: Limits | None = None, *, spool: str | os.PathLike[str] | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._spool = None if spool is None else os.fspath(spool)
        self._pool = Pool(children or min(4, os.cpu_count() or 1), self.limits)

    def hash_bytes(self, data: bytes | bytearray | memoryview, *, dihedral: bool = False) -> FileHashes:
        """The hashes of a file that is in memory; with `dihedral`, PDQ of all eight turns.

        Raises RuntimeError where the pool is closed. Where no decoder can be started, the file is told as crashed.
        """
        whole = memoryview(data).cast("B")
        with _unnamed(self._spool, whole) as descriptor:
            return self._screen(descriptor, len(whole), iter((whole,)), bytes(whole[:HEAD]), dihedral)

    def hash_file(self, source: str | os.PathLike[str] | BinaryIO, *, dihedral: bool = False) -> FileHashes:
        """The hashes of a file, by its path or open for reading in binary.

        An open regular file is hashed whole and its position left alone; any other stream from where it stands to
        its end. Memory stays flat whatever the size. Raises OSError where it cannot be read, CannotScreen with
        TOO_LARGE where a stream does not end within `limits.stream_bytes`, and as `hash_bytes`.
        """
        if isinstance(source, str | os.PathLike):
            with Path(source).open("rb") as file:
                return self._whole(file, dihedral)
        return self._whole(source, dihedral)

    def close(self) -> None:
        """End all children. A file that is being decoded is told as crashed; the next one raises RuntimeError."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    # --- files ---

    def _whole(self, file: BinaryIO, dihedral: bool) -> FileHashes:
        """By its descriptor where it is a regular file, else as a stream."""
        descriptor = _regular(file)
        if descriptor is None:
            return self._stream(file, dihedral)
        try:
            size = os.fstat(descriptor).st_size
            return self._screen(descriptor, size, _pieces(descriptor, size), os.pread(descriptor, HEAD, 0), dihedral)
        finally:
            os.close(descriptor)

    def _stream(self, stream: BinaryIO, dihedral: bool) -> FileHashes:
        """Keep what comes until it is more than may be decoded; digest all of it."""
        digests, size, head = Digests(), 0, b""
        with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=self._spool) as kept:
            while piece := stream.read(PIECE):
                digests.update(piece)
                size += len(piece)
                head += bytes(piece[: HEAD - len(head)])
                if size > self.limits.stream_bytes:
                    why = f"the stream did not end within {self.limits.stream_bytes} bytes"
                    raise CannotScreen(NotScreened.TOO_LARGE, why)
                if size <= self._allowed(head):
                    kept.write(piece)
            told = self._refused(size, head)
            if told is None and size <= IN_MEMORY:
                kept.seek(0)
                with _unnamed(self._spool, memoryview(kept.read())) as descriptor:
                    told = self._decoded(descriptor, self._job(size, head, dihedral))
            elif told is None:
                kept.flush()
                told = self._decoded(kept.fileno(), self._job(size, head, dihedral))
        return _with(digests.result(), told)

    def _screen(
        self, descriptor: int, size: int, pieces: Iterator[bytes | memoryview], head: bytes, dihedral: bool
    ) -> FileHashes:
        """Have it decoded, and digest it meanwhile."""
        digests = Digests()

        def digest() -> None:
            for piece in pieces:  # an iterator: what is digested once is not digested again
                digests.update(piece)

        told = self._refused(size, head) or self._decoded(descriptor, self._job(size, head, dihedral), digest)
        digest()
        known = digests.result()
        if known.size != size:
            raise OSError(f"the file had {size} bytes and only {known.size} could be read: it changed meanwhile")
        return _with(known, told)

    def _refused(self, size: int, head: bytes) -> Answer | None:
        """Why a file is not even given to a decoder."""
        if size == 0:
            return Answer(OTHER, (), NotScreened.EMPTY, "the file has no bytes")
        if size > self._allowed(head):
            return Answer(_kind(head), (), NotScreened.TOO_LARGE, f"it has more than {self._allowed(head)} bytes")
        return None

    def _allowed(self, head: bytes) -> int:
        return self.limits.film_bytes if _kind(head) == FILM else self.limits.picture_bytes

    def _job(self, size: int, head: bytes, dihedral: bool) -> Job:
        film = _kind(head) == FILM
        return Job(size, self.limits.film_time if film else self.limits.picture_time, self.limits, dihedral)

    def _decoded(self, descriptor: int, job: Job, meanwhile: Callable[[], None] = lambda: None) -> Answer:
        """The answer of a child; of a second one where the first crashes."""
        kind = _kind(os.pread(descriptor, HEAD, 0))
        for _ in range(TRIES):
            try:
                child = self._pool.take()
            except (Gone, TooSlow, OSError):
                return Answer(kind, (), NotScreened.CRASHED, "no decoder could be started")
            done = False
            try:
                until = child.give(job, descriptor)
                meanwhile()
                told = child.take(until)
                done = True
            except TooSlow:
                return Answer(kind, (), NotScreened.TIMEOUT, f"decoding took more than {job.seconds:g} seconds")
            except Gone:
                continue
            finally:
                self._pool.give_back(child, done)
            return told
        return Answer(kind, (), NotScreened.CRASHED, "the decoder crashed, and so did a second one")


def _kind(head: bytes) -> str:
    kind = sniff(head)[0]
    return kind if kind in (PICTURE, FILM) else OTHER


def _with(known: DigestSet, told: Answer) -> FileHashes:
    return FileHashes(known, told.kind, told.frames, told.not_screened, told.why)


def _pieces(descriptor: int, size: int) -> Iterator[bytes]:
    """The first `size` bytes, without moving a position that somebody shares."""
    at = 0
    while at < size and (piece := os.pread(descriptor, min(PIECE, size - at), at)):
        yield piece
        at += len(piece)


def _regular(file: BinaryIO) -> int | None:
    """A descriptor, for reading alone, of a plain open file; None for all that merely looks like one.

    A child must not be able to write to the caller's file, so one that is open for writing is opened anew.
    """
    if not isinstance(file, io.FileIO | io.BufferedReader | io.BufferedRandom):
        return None
    number = file.fileno()
    if not isinstance(getattr(file, "raw", file), io.FileIO) or not stat.S_ISREG(os.fstat(number).st_mode):
        return None
    if not file.writable():
        return os.dup(number)
    file.flush()
    try:
        return os.open(f"/proc/self/fd/{number}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


@contextmanager
def _unnamed(folder: str | None, data: memoryview) -> Iterator[int]:
    """A file in memory that holds these bytes and cannot be changed; elsewhere than on Linux, one without a name."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(data)
            file.flush()
            yield file.fileno()
        return
    descriptor = os.memfd_create("picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        at = 0
        while at < len(data):
            at += os.write(descriptor, data[at:])
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
        yield descriptor
    finally:
        os.close(descriptor)
