"""Encrypted bodies in the object store: a folder by default, an S3-compatible store by setting.

A body is a row of parts, each put once (`create`: the store refuses a name that exists). Parts keep
memory flat and write-once true at any size, on stores where a multipart upload cannot be conditional.
Only this room calls it.
"""

import io
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import obstore
from django.conf import settings
from obstore.store import LocalStore, ObjectStore, from_url

from safehold.evidence.errors import Corrupt
from safehold.sealing.files import sync_folder

PART = 8 * 1024 * 1024  # bytes of one part, the last one may be shorter


def store() -> ObjectStore:
    """The store that the settings name. Credentials of S3 come from the usual AWS_* variables."""
    url = settings.SAFEHOLD.object_store
    if url:
        return from_url(url)
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return LocalStore(folder)


def part_name(object_id: UUID | str, number: int) -> str:
    """Where a part lies. Names tell nothing about the content."""
    return f"{str(object_id)[:2]}/{object_id}.{number:05d}"


class Writer(io.RawIOBase):
    """Takes the encrypted stream and puts it part by part. `close` puts the rest.

    The cipher wraps what fails here in an error of its own; `failed` keeps what it really was.
    """

    def __init__(self, object_id: UUID) -> None:
        super().__init__()
        self.object_id = object_id
        self.parts = 0
        self.failed: BaseException | None = None
        self._store = store()
        self._rest = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self.closed or self.failed:
            return len(data)  # the cipher flushes once more when it is thrown away: nothing is put after `discard`
        self._rest += data
        while len(self._rest) >= PART:
            self._put(bytes(self._rest[:PART]))
            del self._rest[:PART]
        return len(data)

    def close(self) -> None:
        if not self.closed and self._rest and not self.failed:
            self._put(bytes(self._rest))
            self._rest.clear()
        super().close()

    def discard(self) -> None:
        """Take back what was put: the object did not come to be."""
        self._rest.clear()
        super().close()
        remove(self.object_id, self.parts)

    def _put(self, data: bytes) -> None:
        name = part_name(self.object_id, self.parts)
        try:
            obstore.put(self._store, name, data, mode="create", use_multipart=False)
            self.parts += 1
            if isinstance(self._store, LocalStore):
                _make_durable(_folder() / name)
        except BaseException as error:
            self.failed = error
            raise


class Reader(io.RawIOBase):
    """Gives the encrypted stream back, one chunk of one part in memory at a time. `failed` as in Writer."""

    def __init__(self, object_id: UUID, parts: int) -> None:
        super().__init__()
        self.failed: BaseException | None = None
        self._chunks = _chunks(object_id, parts)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                chunk = next(self._chunks, None)
            except BaseException as error:
                self.failed = error
                raise
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def exists(object_id: UUID, parts: int) -> bool:
    """Whether every part of the body is in the store."""
    place = store()
    try:
        for number in range(parts):
            obstore.head(place, part_name(object_id, number))
    except FileNotFoundError:
        return False
    return True


def remove(object_id: UUID, parts: int) -> None:
    """Delete a body. Parts that are gone already are fine; a store that fails raises."""
    place = store()
    for number in range(parts):
        try:
            obstore.delete(place, part_name(object_id, number))
        except FileNotFoundError:
            continue


def remove_name(name: str) -> None:
    """Delete one part by its name in the store."""
    try:
        obstore.delete(store(), name)
    except FileNotFoundError:
        return


def names() -> Iterator[tuple[str, str, datetime]]:
    """Every part in the store: (object id, name, when it was put)."""
    for batch in obstore.list(store()):
        for meta in batch:
            name = meta["path"]
            yield name.rpartition("/")[2].partition(".")[0], name, meta["last_modified"]


def _chunks(object_id: UUID, parts: int) -> Iterator[bytes]:
    place = store()
    for number in range(parts):
        try:
            answer = obstore.get(place, part_name(object_id, number))
        except FileNotFoundError:
            raise Corrupt(f"Part {number} of sealed:{object_id} is missing from the object store.") from None
        for chunk in answer.stream(min_chunk_size=256 * 1024):
            yield bytes(chunk)


def _folder() -> Path:
    return settings.SAFEHOLD.data / "evidence"


def _make_durable(path: Path) -> None:
    """A folder's put is complete but may still be in the machine's memory: force it to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_folder(path.parent)
