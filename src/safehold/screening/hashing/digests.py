"""MD5, SHA-1 and SHA-256 of bytes that come piece by piece, in one pass. Anybody may call it."""

import hashlib

from safehold.screening.hashing.types import DigestSet


class Digests:
    """Feed `update`, ask `result` (as often as wanted). Large pieces are digested without Python's lock."""

    def __init__(self) -> None:
        # The lists of partners hold MD5 and SHA-1 too; neither protects anything here.
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._size = 0

    def update(self, piece: bytes | bytearray | memoryview) -> None:
        """The next bytes of the file."""
        self._md5.update(piece)
        self._sha1.update(piece)
        self._sha256.update(piece)
        self._size += memoryview(piece).nbytes

    def result(self) -> DigestSet:
        """The digests of all bytes given so far."""
        return DigestSet(self._md5.hexdigest(), self._sha1.hexdigest(), self._sha256.hexdigest(), self._size)


def digests(data: bytes | bytearray | memoryview) -> DigestSet:
    """The digests of bytes that are all there."""
    one = Digests()
    one.update(data)
    return one.result()
