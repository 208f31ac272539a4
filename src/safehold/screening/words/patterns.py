"""Patterns that people write, in time that grows with the text alone (RE2). Pure.

Others call `PatternMatcher`, and `checked` before a pattern is saved. A pattern is tried on the text as it stands and
on the folded text (see `folding`), with capitals and small letters alike, so it is written in plain small letters.
Which patterns are in a text at all is found in one pass of all of them; where RE2 has too little memory for that, it
answers nothing instead of failing, so each set carries a pattern that is always in a text, and where even that is not
found the patterns are tried one by one.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import re2

from safehold.screening.words.folding import fold
from safehold.screening.words.mapped import Mapped
from safehold.screening.words.terms import Finds, TermHit

LONGEST = 1000  # characters of a pattern
MOST = 1000  # patterns of one installation
MEMORY = 1024 * 1024  # bytes that RE2 may use for one pattern; it refuses patterns that need more
MEMORY_OF_SET = 64 * 1024 * 1024
MOST_HITS = 100  # of one pattern in one text: finding them all can take the text's length for each

_ADVICE = {
    "invalid perl operator": "Looking ahead or behind is not possible here: it can take time without end.",
    "invalid escape sequence": "Referring back to a group is not possible here: it can take time without end.",
    "missing )": "A bracket is opened and not closed.",
    "unexpected )": "A bracket is closed that was not opened.",
    "missing ]": "A set of characters is opened and not closed.",
    "invalid repetition size": "A repetition, also one inside another, may be of 1,000 at most.",
    "bad repetition operator": "A repetition follows a repetition.",
    "no argument for repetition operator": "A repetition stands where there is nothing to repeat.",
    "pattern too large": "It becomes too large: use smaller repetitions.",
    "trailing \\": "It ends with a single backslash.",
}


class BadPattern(ValueError):
    """A pattern that cannot be used; the message says which and why."""


class Pattern(NamedTuple):
    """An entry of a pattern list, in RE2's syntax."""

    entry: bytes  # 16 bytes
    list: str
    text: str


def checked(pattern: str | Pattern) -> Any:
    """The pattern, compiled. Raises BadPattern: too long, not RE2's syntax, or found in the empty text."""
    text = pattern if isinstance(pattern, str) else pattern.text
    if len(text) > LONGEST:
        raise BadPattern(f"It has {len(text):,} characters; at most {LONGEST:,} are allowed.")
    try:
        compiled = re2.compile(text.encode(), _options(MEMORY))
    except UnicodeEncodeError:
        raise BadPattern("It holds a character that is no character (half of a pair).") from None
    except re2.error as error:
        raise BadPattern(_explained(error)) from None
    if compiled.search(b"") is not None:
        raise BadPattern("It is found in an empty text, so it would be found in every text.")
    return compiled


def _explained(error: Exception) -> str:
    said = error.args[0] if error.args else "it cannot be read"
    said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    advice = next((advice for begins, advice in _ADVICE.items() if said.startswith(begins)), "")
    return f"{advice} ({said})" if advice else f"It cannot be read: {said}."


def _options(memory: int) -> Any:
    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False  # it would log the pattern
    options.case_sensitive = False
    return options


class PatternMatcher:
    """Patterns of any lists. Built once, read by any number of threads."""

    def __init__(self, patterns: Iterable[Pattern] = (), *, memory_of_set: int = MEMORY_OF_SET) -> None:
        """Raises BadPattern, which names the entry and its list."""
        self._patterns = list(patterns)
        if len(self._patterns) > MOST:
            raise BadPattern(f"There are {len(self._patterns):,} patterns; at most {MOST:,} are allowed.")
        self._compiled = [_named(pattern) for pattern in self._patterns]
        self._set = _set(self._patterns, memory_of_set) if self._patterns else None

    def __len__(self) -> int:
        return len(self._patterns)

    def match(self, text: str) -> list[TermHit]:
        """Where the text holds patterns, at most MOST_HITS for each."""
        return self.find(fold(text)).hits

    def find(self, folded: Mapped) -> Finds:
        """The same, of a text that was folded before."""
        if not self._patterns:
            return Finds([], False)
        original = folded.original
        forms = [Mapped(original.encode("utf-8", "replace").decode())]
        if folded.text != original and not _differs_by_case_alone(folded.text, original):
            forms.append(folded)
        found: dict[TermHit, None] = {}
        cut = False
        for form in forms:
            cut = self._find(form, found) or cut
        return Finds(list(found), cut)

    def _find(self, form: Mapped, found: dict[TermHit, None]) -> bool:
        """Adds what one form of the text holds. Returns whether there was more."""
        raw, cut = form.text.encode(), False
        for index in self._present(raw):
            pattern, places = self._patterns[index], _Places(raw)
            for number, hit in enumerate(self._compiled[index].finditer(raw)):
                if number >= MOST_HITS:
                    cut = True
                    break
                start, end = hit.span()
                if start < end:
                    found[TermHit(pattern.entry, pattern.list, *form.span(places.of(start), places.of(end)))] = None
        return cut

    def _present(self, raw: bytes) -> list[int]:
        """The patterns that may be in the text, by number."""
        every = len(self._patterns)
        present = self._set.Match(raw) if self._set is not None else None
        if not present or every not in present:
            return list(range(every))
        return sorted(index for index in present if index < every)


def _named(pattern: Pattern) -> Any:
    named = f"The pattern {pattern.entry.hex()} of the list {pattern.list!r} cannot be used."
    if len(pattern.entry) != 16:
        raise BadPattern(f"{named} Its id has {len(pattern.entry)} bytes; it must have 16.")
    try:
        return checked(pattern.text)
    except BadPattern as problem:
        raise BadPattern(f"{named} {problem}") from None


def _set(patterns: list[Pattern], memory: int) -> Any:
    """All patterns as one, and last one that is in every text; None where there is too little memory."""
    together = re2.Set.SearchSet(_options(memory))
    for pattern in patterns:
        together.Add(pattern.text.encode())
    together.Add(b"")
    try:
        together.Compile()
    except re2.error:
        return None
    return together


def _differs_by_case_alone(folded: str, original: str) -> bool:
    return original.isascii() and len(folded) == len(original) and folded == original.lower()


class _Places:
    """Positions of characters for positions of bytes that ascend, in one pass."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._byte, self._character = raw, 0, 0
        self._plain = raw.isascii()

    def of(self, byte: int) -> int:
        if self._plain:
            return byte
        self._character += len(self._raw[self._byte : byte].decode())
        self._byte = byte
        return self._character
