"""The journal that a screening process writes: one line for each item, appended before the answer goes out.

Others may call `Journal` (to write) and `closed`, `every`, `rows` (to read). A file belongs to the process that holds
its lock; once that ends, for whatever reason, the file is closed and may be packed. A line that was cut by a crash of
the machine is the last one and is left out, and counted.
"""

import fcntl
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from safehold.screening.archive.schema import Row

SUFFIX = ".journal"
PERIOD = 300.0  # seconds after which a file is closed and another begun
LARGEST = 64 * 1024 * 1024  # bytes, likewise


class Journal:
    """Appends what was screened. Safe to share between threads; made anew in a process that was forked.

    What is written survives the end of the process at once, and that of the machine after `settle`, which the owner
    calls about once a second.
    """

    def __init__(self, folder: Path, period: float = PERIOD) -> None:
        self.folder, self.period = folder, period
        self._lock = threading.Lock()
        self._file = -1
        self._process = 0
        self._size, self._begun, self._unsettled = 0, 0.0, False

    def keep(self, rows: Iterable[Row]) -> int:
        """Write rows down; returns how many. Raises OSError where the disk refuses: then none of them is kept."""
        encoder = msgspec.json.Encoder()
        lines = [encoder.encode(row) for row in rows]
        if not lines:
            return 0
        data = b"\n".join(lines) + b"\n"
        with self._lock:
            file = self._open()
            if (written := os.write(file, data)) != len(data):
                os.ftruncate(file, self._size)  # no half line in the middle of the file
                raise OSError(f"The disk took {written} of {len(data)} bytes of the archive's journal.")
            self._size += written
            self._unsettled = True
        return len(lines)

    def settle(self) -> None:
        """Make what was written survive a power cut, and begin another file where this one is old or large."""
        with self._lock:
            if self._file < 0 or self._process != os.getpid():
                return
            if self._unsettled:
                os.fsync(self._file)
                self._unsettled = False
            if self._size >= LARGEST or time.monotonic() - self._begun >= self.period:
                self._close()

    def close(self) -> None:
        """Let the file go, so that it can be packed."""
        with self._lock:
            self._close()

    def _open(self) -> int:
        if self._file >= 0 and self._process == os.getpid():
            return self._file
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = _made(self.folder)
        self._process, self._size, self._begun = os.getpid(), 0, time.monotonic()
        return self._file

    def _close(self) -> None:
        if self._file >= 0 and self._process == os.getpid():
            if self._unsettled:
                os.fsync(self._file)
            os.close(self._file)
        self._file, self._unsettled = -1, False


def _made(folder: Path) -> int:
    """A new file that is locked and still has its name: nobody took it for one whose writer had ended."""
    while True:
        path = folder / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(6)}{SUFFIX}"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_nlink:
            return file
        os.close(file)


def every(folder: Path) -> list[Path]:
    """All journals, the oldest first, those still being written included."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def closed(folder: Path) -> Iterator[Path]:
    """Journals that nobody writes any more. Each is locked while the caller handles it."""
    for path in every(folder):
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            yield path
        finally:
            os.close(file)


def rows(path: Path) -> Iterator[Row | None]:
    """The rows of a journal; None for each line that is none. A last line without its end is still being written,
    or was cut: it is left out."""
    decoder = msgspec.json.Decoder(Row)
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                yield None
