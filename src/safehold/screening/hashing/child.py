"""The program of a child process: it decodes files and tells their hashes, one after another.

Nobody but `process` starts it. On standard input it has a socket, by which it gets a Job and an open file for
each file, and sends an Answer back. It imports this package, NumPy and decoders; neither Django nor any other
room. It takes away from itself what decoding does not need before the first file comes.
"""

import io
import os
import socket
import sys
import time
from pathlib import Path

if __name__ == "__main__":  # started with -I, which leaves only Python's own folders
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import msgspec

from safehold.screening.hashing.types import CannotScreen, FilmHashes, FrameHash, Limits, NotScreened, PictureHashes

WHOLE = 16 * 1024 * 1024  # bytes up to which a file is read at once
EARLY = 0.8  # of the time a file has, after which an animation or film is broken off and told as it is
SPARE = 2  # seconds of processor time beyond the time a file has: the parent comes first
LENGTH = 4  # bytes that say how long a message is
MOST = 16 * 1024 * 1024  # bytes of a message


class Job(msgspec.Struct):
    """What is wanted of the file that comes along."""

    size: int
    seconds: float
    limits: Limits
    dihedral: bool = False


class Answer(msgspec.Struct):
    """What is known of it. As FileHashes, without the digests."""

    kind: str
    frames: tuple[FrameHash, ...] = ()
    not_screened: NotScreened | None = None
    why: str = ""


def answer(file: "io.BufferedIOBase | io.RawIOBase", job: Job) -> Answer:
    """The hashes of an open file: as a picture, and where it is none, as a film."""
    from safehold.screening.hashing import pictures
    from safehold.screening.hashing.sniffing import FILM, HEAD, PICTURE, SOUND, sniff

    ends = time.monotonic() + job.seconds * EARLY
    kind, name = sniff(file.read(HEAD) or b"")
    try:
        if kind not in (FILM, SOUND):
            found = pictures.hash_picture(file, job.limits, dihedral=job.dihedral, deadline=ends)  # type: ignore[arg-type]
            return _told(PICTURE, found)
    except CannotScreen as problem:
        if problem.reason is not NotScreened.NOT_MEDIA:
            return Answer(PICTURE, (), problem.reason, problem.message)
    if kind == SOUND:
        return Answer("other", (), NotScreened.UNSUPPORTED_TYPE, f"{name} has no picture")
    return _as_film(file, job, ends, kind == FILM, name)


def _as_film(file: "io.BufferedIOBase | io.RawIOBase", job: Job, ends: float, looks_so: bool, name: str) -> Answer:
    """What PyAV makes of it. What neither looks like a film nor is known as one is no media."""
    from safehold.screening.hashing import films
    from safehold.screening.hashing.sniffing import FILM

    none = Answer("other", (), NotScreened.NOT_MEDIA, "neither a picture nor a film that a decoder knows")
    try:
        return _told(FILM, films.hash_film(file, job.limits, dihedral=job.dihedral, deadline=ends))  # type: ignore[arg-type]
    except CannotScreen as problem:
        if looks_so and problem.reason is NotScreened.NOT_MEDIA:
            return Answer(FILM, (), NotScreened.DAMAGED, f"the film ({name}) cannot be decoded")
        if not looks_so and problem.reason in (
            NotScreened.NOT_MEDIA,
            NotScreened.NEEDS_EXTRA_VIDEO,
            NotScreened.DAMAGED,
        ):
            return none
        return Answer(FILM, (), problem.reason, problem.message)


def _told(kind: str, found: PictureHashes | FilmHashes) -> Answer:
    return Answer(kind, found.frames, found.truncated, found.why)


class Pread(io.RawIOBase):
    """An open file read with a position of its own: its descriptor is shared with the parent."""

    def __init__(self, descriptor: int, size: int) -> None:
        super().__init__()
        self._descriptor, self._size, self._at = descriptor, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("a seek before the start of the file")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        wanted = max(0, min(len(buffer), self._size - self._at))
        got = os.preadv(self._descriptor, [memoryview(buffer)[:wanted]], self._at) if wanted else 0
        self._at += got
        return got


def opened(descriptor: int, size: int) -> "io.BufferedIOBase":
    """The file behind a descriptor: in memory where it is small, else read as it is needed."""
    raw = Pread(descriptor, size)
    return io.BytesIO(raw.readall() or b"") if size <= WHOLE else io.BufferedReader(raw, 256 * 1024)


def _serve(line: socket.socket) -> None:
    jobs, answers = msgspec.msgpack.Decoder(Job), msgspec.msgpack.Encoder()
    send(line, b"ready")
    while True:
        message, descriptor = receive(line)
        if descriptor is None:
            return
        try:
            job = jobs.decode(message)
            _allow(job.seconds)
            with opened(descriptor, job.size) as file:
                told = answer(file, job)
        except MemoryError:
            told = Answer("other", (), NotScreened.BOMB, "decoding needs more memory than the limit")
        finally:
            os.close(descriptor)
        send(line, answers.encode(told))


def send(line: socket.socket, message: bytes, descriptor: int | None = None) -> None:
    """One message, and with it an open file."""
    framed = len(message).to_bytes(LENGTH, "big") + message
    sent = socket.send_fds(line, [framed], [] if descriptor is None else [descriptor])
    if sent < len(framed):
        line.sendall(framed[sent:])


def receive(line: socket.socket, until: float | None = None) -> tuple[bytes, int | None]:
    """One message, and the open file that came with it. Empty and None where the other side is gone.

    `until` is for all of it (time.monotonic()), so that bytes that trickle do not stretch it. Raises TimeoutError.
    """
    _wait(line, until)
    got, descriptors, _flags, _address = socket.recv_fds(line, 65536, 1)
    message = bytearray(got)
    while len(message) < LENGTH or len(message) < LENGTH + int.from_bytes(message[:LENGTH], "big"):
        _wait(line, until)
        piece = line.recv(65536) if got else b""
        if not piece or len(message) > MOST:
            return b"", None
        message += piece
    return bytes(message[LENGTH:]), descriptors[0] if descriptors else None


def _wait(line: socket.socket, until: float | None) -> None:
    if until is not None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        line.settimeout(left)


def _allow(seconds: float) -> None:
    """Processor time for one more file; the process ends when it is used up."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime + seconds) + SPARE
    _hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (until, _hard))


def _limit(memory: int) -> None:
    """Take away what decoding does not need. A system that refuses a limit keeps the others."""
    import resource

    for name, value in (("RLIMIT_AS", memory), ("RLIMIT_FSIZE", 0), ("RLIMIT_CORE", 0), ("RLIMIT_NOFILE", 64)):
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (AttributeError, ValueError, OSError):
            continue


def _main() -> None:
    from PIL import AvifImagePlugin, Image

    from safehold.screening.hashing import pictures  # noqa: F401 - loaded before the limits are set

    Image.init()
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    _limit(int(sys.argv[1]))
    with socket.socket(fileno=os.dup(0)) as line:
        _serve(line)


if __name__ == "__main__":
    _main()
