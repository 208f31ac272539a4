"""The terms and patterns of all lists as one process holds them. Inside this room only; `words` does the matching.

They are kept sealed in the database and stand readable in this process's memory alone.
"""

import logging
from collections.abc import Iterable

from safehold.screening import hidden
from safehold.screening.following import Company, Sealed
from safehold.screening.words.patterns import BadPattern, Pattern, checked
from safehold.screening.words.reading import TextMatcher
from safehold.screening.words.terms import BadTerm, Term, TermMatcher
from safehold.screening.words.together import MOST_GROUPS

log = logging.getLogger(__name__)


class ListedWords:
    """Made anew whenever a term changed: the tables of ten thousand terms take some tens of milliseconds."""

    def __init__(self) -> None:
        self._words: dict[bytes, Term | Pattern] = {}
        self._matcher: TextMatcher | None = None
        self._company = Company()
        self._changed = False

    def __len__(self) -> int:
        return len(self._words)

    def apply(self, changes: Iterable[Sealed]) -> None:
        """These hold from the next `settle` on."""
        for change in changes:
            self._changed = True
            self._words.pop(change.entry, None)
            if change.sealed is not None and (word := _opened(change)) is not None:
                self._words[change.entry] = word

    def settle(self, company: Company) -> None:
        """Make the tables, where a word or a rule of company changed."""
        if self._changed or company != self._company:
            terms = [word for word in self._words.values() if isinstance(word, Term)]
            patterns = [word for word in self._words.values() if isinstance(word, Pattern)]
            self._matcher = TextMatcher(terms, patterns, company.rules, alone=company.alone) if self._words else None
            self._changed, self._company = False, company

    def look(self, text: str) -> tuple[dict[bytes, str], bool]:
        """The entries that the text holds, and how: `together` with others, or as a `term` that counts alone; and
        whether it holds more than are found, so that it was not wholly looked at."""
        if self._matcher is None or not text:
            return {}, False
        found = self._matcher.match(text)
        alone = {hit.entry: "term" for hit in found.hits}
        near = {hit.entry: "together" for group in found.combined for hit in group.hits}
        return alone | near, found.cut or len(found.combined) >= MOST_GROUPS


def _opened(change: Sealed) -> Term | Pattern | None:
    """The word itself. One that cannot be matched is told in the log and left out: imports refuse such."""
    try:
        word = _word(change)
        if isinstance(word, Pattern):
            checked(word)
        else:
            TermMatcher([word])
    except (BadTerm, BadPattern) as problem:
        log.error("entry %s of list %s cannot be matched: %s", change.entry.hex(), change.list, type(problem).__name__)
        return None
    return word


def _word(change: Sealed) -> Term | Pattern:
    kept = hidden.open_term(change.sealed or b"")
    if "pattern" in kept:
        return Pattern(change.entry, change.list, kept["pattern"])
    return Term(change.entry, change.list, kept["term"])
