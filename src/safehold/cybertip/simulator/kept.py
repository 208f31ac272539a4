"""The bytes of uploaded files, where `--keep-files` asks for them: streamed to disk, one file for each file id.

Without it nothing of a file is written anywhere, and only its size and MD5 are known.
Others in this package use `Kept`.
"""

import contextlib
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO


class Kept:
    """The folder of kept files; None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for left in folder.glob("incoming-*"):  # of uploads that a crash cut off
                left.unlink()

    def begin(self) -> "Incoming":
        """An upload that begins."""
        return Incoming(self.folder)

    def forget(self, names: Iterable[str]) -> None:
        """Delete files, as the service does with those of a report that is retracted or has expired."""
        for name in names if self.folder is not None else ():
            with contextlib.suppress(FileNotFoundError):
                (self.folder / name).unlink()  # type: ignore[operator]


class Incoming:
    """One upload on its way to disk. `write` raises OSError where the disk is full."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._file: BinaryIO | None = None

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if self._folder is None:
            return
        if self._file is None:
            self._path = self._folder / f"incoming-{secrets.token_hex(8)}"
            self._file = self._path.open("xb")
            self._path.chmod(0o600)
        self._file.write(chunk)

    def settle(self, name: str) -> None:
        """The upload is whole and has an id."""
        if self._folder is None:
            return
        self.write(b"")  # an empty file is a file
        if self._file is not None and self._path is not None:
            self._file.close()
            self._path.rename(self._folder / name)
            self._file = self._path = None

    def discard(self) -> None:
        """The upload came to nothing. Does nothing after `settle`."""
        if self._file is not None and self._path is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._path.unlink(missing_ok=True)
            self._file = self._path = None
