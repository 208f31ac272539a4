"""The children that wait for work, shared by threads and safe across a fork. For `sandbox`."""

import os
import threading
import weakref

from safehold.screening.hashing.process import Child
from safehold.screening.hashing.types import Limits


class Pool:
    """At most `most` children, each started when it is first needed."""

    def __init__(self, most: int, limits: Limits) -> None:
        self._most, self._limits = most, limits
        self._free = threading.Condition()
        self._idle: list[Child] = []
        self._all: set[Child] = set()
        self._starting = 0
        self._closed = False
        _POOLS.add(self)

    def take(self) -> Child:
        """A child for this thread alone, to be given back; waits where all are busy. Raises what Child raises.

        RuntimeError where the pool is closed.
        """
        ready = self._ready()
        if ready is not None:
            return ready
        child = None
        try:
            child = Child(self._limits)
        finally:
            with self._free:
                self._starting -= 1
                if child is not None:
                    self._all.add(child)
                self._free.notify()
        return child

    def give_back(self, child: Child, good: bool) -> None:
        """Let others have it; a child that is not `good`, or has done its number of files, is ended."""
        with self._free:
            keep = good and child.files < self._limits.files and not self._closed
            if keep:
                self._idle.append(child)
            else:
                self._all.discard(child)
            self._free.notify()
        if not keep:
            child.kill()

    def close(self) -> None:
        """End all children, those at work too."""
        with self._free:
            self._closed = True
            idle, self._idle = list(self._idle), []
            self._all -= set(idle)
            busy = set(self._all)
            self._free.notify_all()
        for child in idle:
            child.kill()
        for child in busy:
            child.strike()

    def forked(self) -> None:
        """In a forked process: the children, and whatever holds the lock, are the parent's."""
        for child in self._all:
            child.disown()
        self._free = threading.Condition()
        self._idle, self._all, self._starting = [], set(), 0

    def _ready(self) -> Child | None:
        """An idle child; None where this thread is to start one."""
        with self._free:
            while not self._closed:
                while self._idle:
                    child = self._idle.pop()
                    if child.idle():
                        return child
                    self._all.discard(child)
                    child.kill()
                if len(self._all) + self._starting < self._most:
                    self._starting += 1
                    return None
                self._free.wait()
        raise RuntimeError("these decoders are closed")


_POOLS: "weakref.WeakSet[Pool]" = weakref.WeakSet()


def _forget_all() -> None:
    for pool in list(_POOLS):
        pool.forked()


os.register_at_fork(after_in_child=_forget_all)
