"""Words that count only in each other's company: rules of two to four lists within a window. Pure.

Others call `combined` with the hits of one text; `Rule` is what an operator writes, `Combined` one group found.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import Literal, NamedTuple

from safehold.screening.words.mapped import Mapped
from safehold.screening.words.terms import TermHit

Unit = Literal["words", "characters"]

MOST_LISTS = 4
WIDEST = 10_000  # words or characters
MOST_GROUPS = 1000  # of one text
# A word; where scripts put no space between words, each character.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u31a0-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|\w[^\W{_UNSPACED}]*")


class BadRule(ValueError):
    """A rule that makes no sense; the message says which and why."""


class Rule(NamedTuple):
    """Hits of all `lists` count together where a stretch of `within` words or characters holds one of each."""

    name: str
    lists: tuple[str, ...]
    within: int
    unit: Unit = "words"

    def checked(self) -> "Rule":
        """The rule. Raises BadRule."""
        if not 2 <= len(self.lists) <= MOST_LISTS or len(set(self.lists)) != len(self.lists):
            raise BadRule(f"The rule {self.name!r} must name 2 to {MOST_LISTS} different lists.")
        if not 2 <= self.within <= WIDEST:
            raise BadRule(f"The rule {self.name!r} has a window of {self.within}; it may be 2 to {WIDEST:,}.")
        if self.unit not in ("words", "characters"):
            raise BadRule(f"The rule {self.name!r} counts {self.unit!r}; it may count 'words' or 'characters'.")
        return self


class Combined(NamedTuple):
    """Hits that count together, one of each list of the rule, in the order of the text."""

    rule: str
    hits: tuple[TermHit, ...]

    @property
    def start(self) -> int:
        return self.hits[0].start

    @property
    def end(self) -> int:
        return self.hits[-1].end


def combined(rules: Iterable[Rule], hits: Sequence[TermHit], folded: Mapped) -> list[Combined]:
    """The groups that the rules make of the hits: for each hit the nearest company before it, at most MOST_GROUPS.

    `folded` is the text that the hits' positions are of. The hits of a group do not overlap: one word on two lists
    keeps itself no company. Raises BadRule.
    """
    ordered = sorted(hits, key=lambda hit: (hit.end, hit.start))
    by_list: dict[str, list[TermHit]] = {}
    for hit in ordered:
        by_list.setdefault(hit.list, []).append(hit)
    groups: list[Combined] = []
    distance = _Distance(folded)
    for rule in rules:
        rule.checked()
        if all(name in by_list for name in rule.lists):
            groups += _of_rule(rule, by_list, distance)
    groups.sort(key=lambda group: (group.start, group.end, group.rule))
    return groups[:MOST_GROUPS]


def _of_rule(rule: Rule, by_list: dict[str, list[TermHit]], distance: "_Distance") -> list[Combined]:
    before = {name: _Before(by_list[name]) for name in rule.lists}
    groups = []
    for name in rule.lists:
        others = [other for other in rule.lists if other != name]
        for last in by_list[name]:
            group = _nearest(last, others, before)
            if group and distance(rule.unit, group[0].start, last.end) <= rule.within:
                groups.append(Combined(rule.name, group))
    return groups


def _nearest(last: TermHit, others: list[str], before: "dict[str, _Before]") -> tuple[TermHit, ...] | None:
    """The group that ends with a hit and begins as late as can be, whatever the order of the lists in it."""
    best: tuple[TermHit, ...] | None = None
    for order in permutations(others):
        group = [last]
        for name in order:
            hit = before[name].of(group[-1].start)
            if hit is None:
                break
            group.append(hit)
        else:
            if best is None or group[-1].start > best[0].start:
                best = tuple(reversed(group))
    return best


class _Before:
    """The hits of one list, to be asked for the one that begins last of those that end by a place."""

    def __init__(self, hits: list[TermHit]) -> None:
        """`hits` in the order of their ends."""
        self._ends = [hit.end for hit in hits]
        self._latest: list[TermHit] = []
        for hit in hits:
            latest = self._latest[-1] if self._latest else hit
            self._latest.append(hit if hit.start >= latest.start else latest)

    def of(self, place: int) -> TermHit | None:
        at = bisect_right(self._ends, place)
        return self._latest[at - 1] if at else None


class _Distance:
    """How many words or characters a stretch of the original touches. Words are those of the folded text."""

    def __init__(self, folded: Mapped) -> None:
        self._folded = folded
        self._starts: list[int] | None = None

    def __call__(self, unit: Unit, start: int, end: int) -> int:
        if unit == "characters":
            return end - start
        if self._starts is None:
            self._starts = [self._folded.span(at.start(), at.end())[0] for at in _WORD.finditer(self._folded.text)]
        # The word that `start` stands in begins at it or before it.
        return bisect_right(self._starts, end - 1) - max(bisect_right(self._starts, start), 1) + 1
