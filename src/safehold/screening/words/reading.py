"""One text read for everything at once. Pure. Others call `TextMatcher` and read `TextHits`.

A list that a rule of company names (see `together`) counts alone only where the caller says so in `alone`: that
is what keeps a word with many harmless uses from filling the queue.
"""

from collections.abc import Iterable

import msgspec

from safehold.screening.words.folding import fold
from safehold.screening.words.patterns import Pattern, PatternMatcher
from safehold.screening.words.terms import Term, TermHit, TermMatcher
from safehold.screening.words.together import Combined, Rule, combined


class TextHits(msgspec.Struct, frozen=True):
    """What a text hit: terms and patterns that count alone, and groups that count together. Empty (false) for none.

    `cut`: there were more than are told.
    """

    hits: tuple[TermHit, ...] = ()
    combined: tuple[Combined, ...] = ()
    cut: bool = False

    def __len__(self) -> int:
        return len(self.hits) + len(self.combined)


class TextMatcher:
    """Terms, patterns and rules of company. Built once, read by any number of threads."""

    def __init__(
        self,
        terms: Iterable[Term] = (),
        patterns: Iterable[Pattern] = (),
        rules: Iterable[Rule] = (),
        *,
        alone: Iterable[str] = (),
    ) -> None:
        """`alone` names lists that count by themselves although a rule names them.

        Raises BadTerm, BadPattern, BadRule.
        """
        self._terms = TermMatcher(terms)
        self._patterns = PatternMatcher(patterns)
        self._rules = tuple(rule.checked() for rule in rules)
        self._in_company = {name for rule in self._rules for name in rule.lists} - set(alone)

    def match(self, text: str) -> TextHits:
        """Everything that the text hits, in the order of its place in the text. Positions are those of `text`."""
        folded = fold(text)
        terms, patterns = self._terms.find(folded), self._patterns.find(folded)
        found = sorted([*terms.hits, *patterns.hits], key=lambda hit: (hit.start, hit.end, hit.list, hit.entry))
        groups = combined(self._rules, found, folded) if self._rules else []
        hits = tuple(hit for hit in found if hit.list not in self._in_company)
        return TextHits(hits, tuple(groups), terms.cut or patterns.cut)
