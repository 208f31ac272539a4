"""Proves that a version which extends another is nowhere milder, in the classes that ask for it (S1). For `check` only.

Both versions are laid over the same answer sets (see `bdd`). Wherever the base finds a violation, so must the
other; sanction, action on the item, duty to report, further duties and the second person may only grow.
"""

from collections.abc import Callable, Iterable, Iterator

from safehold.policy.bdd import NEVER, EveryAnswerSet
from safehold.policy.conditions import Meaning
from safehold.policy.pack import SEVERITY, Class, OutcomeSpec, Pack
from safehold.policy.proofs import Problem

_REPORTS = ("none", "may", "shall")


def milder(base: Pack, other: Pack) -> Iterable[Problem]:
    """Every place where `other` is milder than `base` although the class allows stricter changes only."""
    for name, cls in base.classes.items():
        if cls.overlay == "stricter" and other.classes[name] != cls:
            yield from _Comparison(cls, other.classes[name]).all()


class _Comparison:
    """One class in two versions, over all answer sets that the base knows."""

    def __init__(self, base: Class, other: Class) -> None:
        self.base, self.other = base, other
        self.sets = EveryAnswerSet(base, other)
        self.old, self.new = Meaning(base, self.sets), Meaning(other, self.sets)
        self.space = self.sets.both(self.sets.complete(self.old, self.new), self._known_answers())

    def all(self) -> Iterator[Problem]:
        if self.other.overlay != "stricter" or self.other.strikes != self.base.strikes:
            yield self._problem("overlay", "This class may not change how strikes count or how it may be changed.")
        yield from self._outcomes()
        yield from self._reports()
        yield from self._additions()

    def _known_answers(self) -> int:
        """Answers that only the other version has are left aside: the base says nothing about them."""
        known = {(question.id, answer) for question in self.base.questions for answer in question.answer_ids}
        ours = {question.id for question in self.base.questions}
        space = self.sets.true
        for question, answer in self.sets.answer_numbers:
            if question in ours and (question, answer) not in known:
                space = self.sets.both(space, self.sets.negate(self.sets.answered(question, answer)))
        return space

    def _outcomes(self) -> Iterator[Problem]:
        for rule in self.base.rules:
            was = self.sets.both(self.space, self.old.of(rule.when))
            for new in self.other.rules:
                shared = self.sets.both(was, self.new.of(new.when))
                if shared != NEVER:
                    before, after = self.base.outcomes[rule.then], self.other.outcomes[new.then]
                    for what in _losses(before, after):
                        text = f"Where {self.base.id} had {before.id}, {after.id} {what}."
                        yield self._problem(new.id, text, shared)

    def _reports(self) -> Iterator[Problem]:
        for row in self.base.reports:
            was = self.sets.both(self.space, self.old.of(row.when))
            for new in self.other.reports:
                shared = self.sets.both(was, self.new.of(new.when))
                if shared != NEVER and _REPORTS.index(new.then) < _REPORTS.index(row.then):
                    yield self._problem(new.id, f"The duty to report falls from {row.then!r} to {new.then!r}.", shared)

    def _additions(self) -> Iterator[Problem]:
        for part in ("sanctions", "duties"):
            for code in {code for entry in self.base.also for code in getattr(entry, part)}:
                had = self._added(self.base, self.old, part, code)
                has = self._added(self.other, self.new, part, code)
                lost = self.sets.both(self.space, self.sets.both(had, self.sets.negate(has)))
                if lost != NEVER:
                    yield self._problem("also", f"What added {getattr(code, 'code', code)!r} adds it no more.", lost)

    def _added(self, cls: Class, meaning: Meaning[int], part: str, code: object) -> int:
        return meaning.any(meaning.of(entry.when) for entry in cls.also if code in getattr(entry, part))

    def _problem(self, part: str, what: str, where: int = NEVER) -> Problem:
        example = self.sets.shown_example(where) if where != NEVER else ""
        hint = f"A version that changes {self.base.id!r} may be stricter only."
        return Problem(self.base.id, part, what, example, self.other.places.get(part), hint)


def _losses(before: OutcomeSpec, after: OutcomeSpec) -> Iterator[str]:
    """In which respects an outcome is milder than another, as the end of a sentence."""
    tests: tuple[tuple[Callable[[OutcomeSpec], int], str], ...] = (
        (lambda spec: spec.result == "violation", "finds no violation"),
        (lambda spec: spec.result != "no_violation", "settles what had to be looked at by a person"),
        (lambda spec: _rank(spec)[0], "has a milder sanction"),
        (lambda spec: "hide_item" in spec.actions, "leaves the item in view"),
        (lambda spec: spec.strike, "counts no more"),
        (lambda spec: bool(spec.filed_as), "names nobody in a report"),
    )
    for measure, words in tests:
        if measure(after) < measure(before):
            yield words
    if _rank(after) < _rank(before) and _rank(after)[0] == _rank(before)[0]:
        yield "has fewer days or sanctions"
    if set(before.duties) - set(after.duties):
        yield "lacks a duty"
    if before.second_person and not after.second_person and _rank(after)[0] <= _rank(before)[0]:
        yield "needs no second person any more"
    if set(before.meanwhile) - set(after.meanwhile) - set(after.actions):
        yield "does less in the meantime"


def _rank(spec: OutcomeSpec) -> tuple[int, int, int]:
    """The gravest sanction, its days, and how many there are."""
    ranks = [(SEVERITY.index(sanction.code), sanction.days or 0) for sanction in spec.sanctions]
    return (*max(ranks, default=(-1, 0)), len(ranks))
