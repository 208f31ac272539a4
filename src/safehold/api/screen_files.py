"""Files that are screened: kept aside while they arrive, hashed in sandboxed children. Inside the screening path only.

A file of up to a megabyte stays in memory; a larger one goes to a temporary file that has no name, so that nothing
is left of it whatever happens to the process.
"""

import tempfile
import threading
from types import TracebackType
from typing import BinaryIO, Self, cast

from django.conf import settings

from safehold.screening.hashing.sandbox import Decoders
from safehold.screening.hashing.types import FileHashes

IN_MEMORY = 1024 * 1024  # bytes


class Upload:
    """The bytes of one file, as they come. Use as a context manager."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._file: BinaryIO | None = None
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.clear()
        if self._file is not None:
            self._file.close()

    def add(self, piece: bytes) -> None:
        """The next bytes."""
        self.size += len(piece)
        if self._file is None and self.size > IN_MEMORY:
            self._file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - closed when the upload ends
            self._file.writelines(self._parts)
            self._parts.clear()
        if self._file is None:
            self._parts.append(piece)
        else:
            self._file.write(piece)

    def hashes(self) -> FileHashes:
        """Digests and perceptual hashes of the whole; blocks for as long as decoding takes."""
        if self._file is None:
            return decoders().hash_bytes(b"".join(self._parts))
        self._file.flush()
        return decoders().hash_file(self._file)


_lock = threading.Lock()
_pool: list[Decoders] = []


def decoders() -> Decoders:
    """This process's decoders, started with its first file."""
    with _lock:
        if not _pool:
            _pool.append(Decoders(settings.SAFEHOLD.screening.decoders))
        return _pool[0]


def close() -> None:
    """End the decoders."""
    with _lock:
        while _pool:
            _pool.pop().close()
