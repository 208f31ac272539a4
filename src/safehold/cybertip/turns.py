"""Whose turn it is to move a filing: a lease in time and a fence in the row.

Only `filing` uses this. A claim raises the filing's fence; everything that is stored afterwards checks
it, so that a worker which was paused and overtaken changes nothing. Between two calls nobody holds a
lease. Where the holder was a process of this machine that is dead, its lease counts no more: a
restarted worker goes on at once. A holder elsewhere is waited for until the lease ends.
"""

import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
from django.db import transaction
from django.utils import timezone

from safehold.cybertip.models import Filing

LEASE = timedelta(minutes=10)  # longer than any silence that the client tolerates (`client.UPLOAD_TIMEOUT`)
HEARTBEAT = timedelta(seconds=20)  # while a long upload runs

_running: set[uuid.UUID] = set()
_guard = threading.Lock()


class LostTurn(Exception):
    """Another worker moves this filing now. Nothing of ours may be stored as its state."""


class Turn(msgspec.Struct, frozen=True):
    """A claim: this worker, this fence."""

    filing_id: uuid.UUID
    worker: str
    fence: int

    def lock(self) -> Filing:
        """The filing's row, locked. Raises LostTurn where another claim came after ours."""
        filing = Filing.objects.select_for_update(of=("self",)).get(pk=self.filing_id)
        if filing.fence != self.fence:
            raise LostTurn
        return filing

    def keep(self) -> None:
        """Prolong the lease. Raises LostTurn."""
        until = timezone.now() + LEASE
        if not Filing.objects.filter(pk=self.filing_id, fence=self.fence).update(leased_until=until):
            raise LostTurn

    def release(self) -> None:
        """Let anybody move the filing."""
        Filing.objects.filter(pk=self.filing_id, fence=self.fence).update(leased_until=None)

    def heartbeat(self) -> Callable[[], None]:
        """A function to call often while a long call runs."""
        last = timezone.now()

        def beat() -> None:
            nonlocal last
            if timezone.now() - last > HEARTBEAT:
                self.keep()
                last = timezone.now()

        return beat


def claim(filing_id: uuid.UUID, worker: str) -> Turn | datetime:
    """A turn, or until when another worker holds the lease."""
    with transaction.atomic(durable=True):
        filing = Filing.objects.select_for_update(of=("self",)).get(pk=filing_id)
        now = timezone.now()
        if filing.leased_until is not None and filing.leased_until > now and _alive(filing.worker):
            return filing.leased_until
        filing.fence, filing.worker, filing.leased_until = filing.fence + 1, _process(worker), now + LEASE
        filing.save(update_fields=["fence", "worker", "leased_until"])
    return Turn(filing_id, filing.worker, filing.fence)


def _process(worker: str) -> str:
    """The worker's name, machine and process."""
    return f"{worker[:150]}@{socket.gethostname()[:80]}:{os.getpid()}"


def _alive(holder: str) -> bool:
    """Whether the holder of a lease may still be running. Only processes of this machine are known to be dead."""
    machine, _colon, number = holder.rpartition("@")[2].rpartition(":")
    if machine != socket.gethostname()[:80]:
        return True
    if int(number) == os.getpid():  # this process, or an earlier one of the same number: `alone` keeps ours apart
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def alone(filing_id: uuid.UUID) -> Iterator[bool]:
    """Whether no other thread of this process moves the filing; False = one does."""
    with _guard:
        free = filing_id not in _running
        if free:
            _running.add(filing_id)
    try:
        yield free
    finally:
        if free:
            with _guard:
                _running.discard(filing_id)
