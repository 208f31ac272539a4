"""Listed terms in a text: all of them in one pass (Aho-Corasick), after folding. Pure.

Others call `TermMatcher`; `Term` is what a list holds, `TermHit` where a text holds it. A term may be several
words; what white space stands between them does not matter.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation

from safehold.screening.words.folding import fold, spaced
from safehold.screening.words.mapped import Mapped

Boundary = Literal["word", "start", "none"]

LONGEST = 200  # characters of a term once folded: as many terms at most can end at one place of a text
CHUNK = 4096  # characters read at once, so that a text of nothing but hits takes bounded memory
MOST_HITS = 10_000  # of one text; there is nothing to be learned from more
WHOLE_TABLE = 300_000  # letters of all terms up to which the automaton is a table: faster, and larger
_INSIDE = b"\1\1"  # of two neighbours, in `spaced`: they belong to one word


class BadTerm(ValueError):
    """A term that cannot be matched; the message says which and why."""


class Term(NamedTuple):
    """An entry of a term list.

    `boundary` says what must stand beside it: `word`, no letter or digit on either side; `start`, none before it
    (so that endings count); `none`, anything, also inside a longer word. In scripts without spaces all are `none`.
    """

    entry: bytes  # 16 bytes
    list: str
    text: str
    boundary: Boundary = "word"


class TermHit(NamedTuple):
    """Where a text holds a term or a pattern; `start` and `end` are positions of the original text."""

    entry: bytes
    list: str
    start: int
    end: int


class Finds(NamedTuple):
    """Hits, and whether there were more."""

    hits: list[TermHit]
    cut: bool


class TermMatcher:
    """Terms of any lists. Built once, read by any number of threads."""

    def __init__(self, terms: Iterable[Term] = ()) -> None:
        """Raises BadTerm."""
        by_text: dict[str, list[Term]] = {}
        for term in terms:
            by_text.setdefault(_folded(term), []).append(term)
        self._terms = list(by_text.values())
        self._longest = max(map(len, by_text), default=0)
        self._automaton = _automaton(list(by_text))

    def __len__(self) -> int:
        return sum(map(len, self._terms))

    def match(self, text: str) -> list[TermHit]:
        """Where the text holds terms, at most MOST_HITS."""
        return self.find(fold(text)).hits

    def find(self, folded: Mapped) -> Finds:
        """The same, of a text that was folded before."""
        hits: list[TermHit] = []
        if self._automaton is None:
            return Finds(hits, False)
        text, inner = folded.text, spaced(folded.text)
        for begin in range(0, len(text), CHUNK):
            part = text[begin : begin + CHUNK + self._longest - 1]
            for index, start, end in self._automaton.find_matches_as_indexes(part, overlapping=True):
                if start >= CHUNK:
                    continue  # the next part finds it
                open_left = inner[max(0, begin + start - 1) : begin + start + 1] != _INSIDE
                open_right = inner[begin + end - 1 : begin + end + 1] != _INSIDE
                for term in self._terms[index]:
                    if not ((open_left or term.boundary == "none") and (open_right or term.boundary != "word")):
                        continue
                    if len(hits) >= MOST_HITS:
                        return Finds(hits, True)
                    hits.append(TermHit(term.entry, term.list, *folded.span(begin + start, begin + end)))
        return Finds(hits, False)


def _automaton(texts: list[str]) -> AhoCorasick | None:
    if not texts:
        return None
    small = sum(map(len, texts)) <= WHOLE_TABLE
    return AhoCorasick(texts, implementation=Implementation.DFA if small else Implementation.ContiguousNFA)


def _folded(term: Term) -> str:
    text = fold(term.text).text.strip()
    named = f"The term {term.entry.hex()} of the list {term.list!r}"
    if len(term.entry) != 16:
        raise BadTerm(f"{named} has an id of {len(term.entry)} bytes; it must have 16.")
    if not text:
        raise BadTerm(f"{named} is empty, or holds nothing that is seen.")
    if len(text) > LONGEST:
        raise BadTerm(f"{named} has {len(text)} characters; at most {LONGEST} can be matched.")
    if term.boundary not in ("word", "start", "none"):
        raise BadTerm(f"{named} has the boundary {term.boundary!r}; it is 'word', 'start' or 'none'.")
    return text
