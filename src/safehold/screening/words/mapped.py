"""A text that was rewritten, with the way back to the positions of the original. Pure.

Others call `Mapped`: `replaced` rewrites what an expression finds, `span` leads back. Only what changes the length
is remembered, so a text that is rewritten letter for letter costs nothing to remember.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable


class Mapped:
    """`text` as it reads now; `source` is what it was made from, in the end the original."""

    __slots__ = ("_ends", "_from_ends", "_from_starts", "_starts", "source", "text")

    def __init__(self, text: str, source: "Mapped | str | None" = None) -> None:
        """A text of the same length as its source, letter for letter."""
        self.text = text
        self.source = text if source is None else source
        # Edits in order: [start, end) here stands for [from_start, from_end) of the source.
        self._starts, self._ends = array("q"), array("q")
        self._from_starts, self._from_ends = array("q"), array("q")

    @property
    def original(self) -> str:
        """The text that it all began with."""
        below: Mapped | str = self
        while isinstance(below, Mapped):
            below = below.source
        return below

    def replaced(self, expression: "re.Pattern[str]", by: Callable[["re.Match[str]"], str]) -> "Mapped":
        """The text with each find replaced; itself where there is none. Linear in the text, if the expression is."""
        pieces: list[str] = []
        made: Mapped | None = None
        done = length = 0
        for found in expression.finditer(self.text):
            new = by(found)
            if new == found[0]:
                continue
            if made is None:
                made = Mapped("", self)
            pieces += (self.text[done : found.start()], new)
            at = length + found.start() - done
            length, done = at + len(new), found.end()
            made._edit(at, length, found.start(), found.end())
        if made is None:
            return self
        pieces.append(self.text[done:])
        made.text = "".join(pieces)
        return made

    def same_length(self, text: str) -> "Mapped":
        """Another text of the same length, letter for letter."""
        return self if text == self.text else Mapped(text, self)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the characters from `start` to before `end` came from in the original."""
        below: Mapped | str = self
        while isinstance(below, Mapped):
            start, end = below._back(start, last=False), below._back(end, last=True)
            below = below.source
        return start, max(start, end)

    def _edit(self, start: int, end: int, from_start: int, from_end: int) -> None:
        self._starts.append(start)
        self._ends.append(end)
        self._from_starts.append(from_start)
        self._from_ends.append(from_end)

    def _back(self, at: int, *, last: bool) -> int:
        """A position in the source; inside what was replaced its start, or its end for the end of a span."""
        # The start of a span lies before the character at `at`, the end of one behind that at `at - 1`.
        edit = bisect_right(self._starts, at - 1 if last else at) - 1
        if edit < 0:
            return at
        if last and self._starts[edit] < at <= self._ends[edit]:
            return self._from_ends[edit]
        if not last and self._starts[edit] <= at < self._ends[edit]:
            return self._from_starts[edit]
        return at - self._ends[edit] + self._from_ends[edit]
