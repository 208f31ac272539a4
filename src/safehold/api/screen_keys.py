"""Who may screen, without a database read for each request. Inside the screening path only.

A key that was read is trusted for a second, so that a revoked one opens nothing after that. It is read again in the
background before the second is over, so that nobody waits for it. What is kept is a digest of the header, not the key.
"""

import hashlib
import threading
import time
from typing import NamedTuple

from safehold.api.screen_wire import Refused
from safehold.audit import service as audit
from safehold.hosts import keys
from safehold.hosts.models import HostKey, Scope

TRUSTED_FOR = 0.9  # seconds from before the key was read
READ_AGAIN_AFTER = 0.4
MOST = 10_000  # keys kept


class _Kept(NamedTuple):
    key: HostKey
    read_at: float


class Keyring:
    """The keys read of late. Safe for many threads."""

    def __init__(self) -> None:
        self._kept: dict[bytes, _Kept] = {}
        self._reading: set[bytes] = set()
        self._lock = threading.Lock()

    def at_hand(self, header: str) -> HostKey | None:
        """The key in an Authorization header's value, where it was read less than a second ago."""
        kept = self._kept.get(_name(header))
        return kept.key if kept and time.monotonic() - kept.read_at < TRUSTED_FOR else None

    def due(self, header: str) -> bool:
        """Whether this caller is to read the key again now; at most one is told so at a time."""
        name = _name(header)
        kept = self._kept.get(name)
        if kept is None or time.monotonic() - kept.read_at < READ_AGAIN_AFTER or name in self._reading:
            return False
        with self._lock:
            if name in self._reading:
                return False
            self._reading.add(name)
            return True

    def read(self, header: str) -> HostKey:
        """The key as the database has it now. Raises Refused."""
        name, began = _name(header), time.monotonic()
        try:
            key = _read(header)
        except Refused:
            self._kept.pop(name, None)
            raise
        finally:
            with self._lock:
                self._reading.discard(name)
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[name] = _Kept(key, began)
        return key


def _name(header: str) -> bytes:
    return hashlib.sha256(header.encode("latin-1", "replace")).digest()


def _read(header: str) -> HostKey:
    key = keys.authenticate(header)
    if key is None:
        raise Refused(401, "no_key", "Send a host key: Authorization: Bearer shk_…")
    if not key.allows(Scope.SCREEN):
        audit.refused("host_key.used", actor=key.actor, about=key, reason="without scope screen")
        raise Refused(403, "missing_scope", "This key was not issued for 'screen'. Ask the operator for one.")
    return key
