"""Whether two variants of a class can be told apart by any decision. For `mutation`: a fault that cannot is none."""

import itertools
from typing import Any

from msgspec import structs

from safehold.policy.bdd import NEVER, EveryAnswerSet
from safehold.policy.conditions import Meaning
from safehold.policy.pack import Class

Shown = tuple[Any, ...]


def told_apart(one: Class, two: Class) -> str:
    """An answer set for which the two classes say or ask something different; "" where there is none at all.

    Over every possible answer set and history: what follows, which clauses and exceptions are cited in which order,
    the duty to report, what is added, which questions are asked.
    """
    sets = EveryAnswerSet(one, two)
    other_order = list(one.clauses) != list(two.clauses)
    sides = [_Seen(cls, sets, other_order) for cls in (one, two)]
    space = sets.complete(*(side.meaning for side in sides))
    for what in dict.fromkeys(itertools.chain(*(side.all() for side in sides))):
        before, after = (side.where.get(what, NEVER) for side in sides)
        apart = sets.both(space, sets.choose(before, sets.negate(after), after))
        if apart != NEVER:
            return f"{what[0]}: {sets.shown_example(apart)}"
    return ""


class _Seen:
    """All that decisions of a class show, each with the answer sets for which they do."""

    def __init__(self, cls: Class, sets: EveryAnswerSet, other_order: bool) -> None:
        self.cls, self.sets, self.other_order = cls, sets, other_order
        self.meaning: Meaning[int] = Meaning(cls, sets)
        self.where: dict[Shown, int] = {}
        filing = [row.when for row in cls.reports if row.then != "none"]
        self.filed = self.meaning.any(self.meaning.of(when) for when in filing)

    def all(self) -> dict[Shown, int]:
        self._questions()
        self._outcomes()
        self._exceptions()
        self._clauses()
        self._additions()
        return self.where

    def _add(self, what: Shown, function: int) -> None:
        self.where[what] = self.sets.either(self.where.get(what, NEVER), function)

    def _questions(self) -> None:
        for question in self.cls.questions:
            about = (question.id, question.kind, question.needs, question.answers)
            self._add(("question", *about), self.meaning.shown(question.id))

    def _outcomes(self) -> None:
        for row in self.cls.reports:
            self._add(("report", row.then), self.meaning.of(row.when))
        for rule in self.cls.rules:
            spec, holds = self.cls.outcomes[rule.then], self.meaning.of(rule.when)
            after = self.cls.outcomes.get(spec.if_refused)
            for kind, one in (("outcome", spec), ("refused", after)):
                if one is not None:  # who is named in a report matters only where there is one
                    self._add((kind, structs.replace(one, filed_as="")), holds)
                    self._add((kind, one.filed_as), self.sets.both(holds, self.filed))

    def _exceptions(self) -> None:
        nothing = self.sets.negate(self.meaning.anything_stands())
        for exception in self.cls.exceptions.values():
            holds = self.meaning.exempt(exception.id)
            matters = self.meaning.any([nothing, *map(self.meaning.found, exception.clears)])
            self._add(("exception", exception.id), self.sets.both(holds, matters))
            for clause in exception.clears:
                self._add(("cleared", exception.id, clause), self.sets.both(holds, self.meaning.found(clause)))

    def _clauses(self) -> None:
        earlier = NEVER
        for clause in self.cls.clauses.values():
            stands = self.meaning.stands(clause.id)
            named = self.sets.both(self.filed, stands)
            self._add(("clause", clause.id), stands)
            self._add(("annotations", clause.id, clause.annotations), named)
            first = self.sets.both(named, self.sets.negate(earlier))
            self._add(("incident type", clause.incident_type), first)
            earlier = self.sets.either(earlier, stands)
        if self.other_order:
            for left, right in itertools.combinations(self.cls.clauses, 2):
                both = self.sets.both(self.meaning.stands(left), self.meaning.stands(right))
                self._add(("order", *sorted((left, right)), left), both)

    def _additions(self) -> None:
        for entry in self.cls.also:
            holds = self.meaning.of(entry.when)
            for part in ("sanctions", "duties", "annotations", "file_annotations"):
                within = self.sets.both(holds, self.filed) if "annotations" in part else holds
                for code in getattr(entry, part):
                    self._add(("also", part, code), within)
