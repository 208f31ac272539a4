"""Prints each step of a walk as it is confirmed, and counts those that were not.

Others may call `Steps`.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Value = TypeVar("Value")


class NotConfirmed(AssertionError):
    """A step's effect could not be seen in time."""


class Steps:
    """Numbers, times and prints steps. `failed` names those that were not confirmed."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix, self.number = prefix, 0
        self.failed: list[str] = []

    @contextmanager
    def step(self, what: str, clause: str = "") -> Iterator[None]:
        """One step: what is confirmed by the time the block ends, and the clause it rests on."""
        self.number += 1
        name = f"{self.prefix}{self.number:02d}"
        began = time.monotonic()
        try:
            yield
        except Exception as problem:
            self.failed.append(name)
            print(f"  {name}  NOT CONFIRMED  {what}: {type(problem).__name__}: {problem}", file=sys.stderr, flush=True)
            raise
        took = time.monotonic() - began
        print(f"  {name}  {took:6.2f} s  {what}" + (f"  [{clause}]" if clause else ""), flush=True)


def until(look: Callable[[], Value | None], what: str, seconds: float = 30) -> Value:
    """Look again until it is so, and return what was seen. Raises NotConfirmed naming `what`."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise NotConfirmed(f"{what}: not seen within {seconds:.0f} seconds")
        time.sleep(0.05)


def ensure(condition: object, what: str) -> None:
    """Raise NotConfirmed naming `what` unless the condition holds."""
    if not condition:
        raise NotConfirmed(what)
