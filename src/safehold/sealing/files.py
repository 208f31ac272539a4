"""Key files: made once, whole, for their owner only, also when two processes start together.

Others may call `make_once` and `sync_folder`.
"""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def make_once(path: Path, make: Callable[[], bytes]) -> bytes:
    """The content of `path`; where the file is not there yet, `make()` is written to it first (mode 0600).

    The file appears complete or not at all: it is written beside and linked into place, so a second
    process never reads half a key, and never replaces the first one's.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:  # another process of the same installation was first
            return path.read_bytes()
        sync_folder(path.parent)
    finally:
        beside.unlink()
    return path.read_bytes()


def sync_folder(folder: Path) -> None:
    """Make new names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
