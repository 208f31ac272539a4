"""Proves over every possible set of answers that a version decides, and decides as the documents demand.

`check(pack)` returns the problems found, none for a sound pack. Each class is turned into decision diagrams
(see `bdd`), with the very conditions that the engine evaluates. Proven for every class:

- exactly one rule and one report rule holds (no gap, no overlap), and none is dead;
- every clause, exception, question and answer can occur, every outcome is used;
- a violation is found exactly where a clause stands;
- intent, claimed context and whatever else is barred never changes that (S9, S10, S11);
- an apparent victim is never suspended for good, banned, locked or filed as a suspect, nor is that the
  consequence of a second person's refusal;
- an earlier strike always ends in suspension where the class says so (S77);
- both languages are complete.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from safehold.policy.bdd import NEVER, EveryAnswerSet
from safehold.policy.conditions import Has, Meaning
from safehold.policy.grammar import reach
from safehold.policy.loader import missing_texts, needed_texts
from safehold.policy.pack import Class, OutcomeSpec, Pack, Rule

COMPLETE_LANGUAGES = ("en", "zh-hans")
PUNISHING = frozenset({"suspend_permanently", "ban_person", "lock_until_removed", "read_only"})


class Problem(Struct, frozen=True):
    """One fault: which class (or language), which part, what, and an answer set that shows it where there is one."""

    place: str
    part: str
    what: str
    example: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.part}: {self.what}" + (f" For example: {self.example}." if self.example else "")


def check(pack: Pack) -> list[Problem]:
    """Every fault of the pack; an empty list says that all of the above is proven."""
    problems = [problem for cls in pack.classes.values() for problem in _Proof(cls).all()]
    for name in COMPLETE_LANGUAGES:
        if name not in pack.languages:
            problems.append(Problem(name, "languages", "The language is missing."))
            continue
        missing = missing_texts(pack.languages[name], sorted(needed_texts(pack.classes.values())))
        problems += [Problem(name, text_id, "The text is missing.") for text_id in missing]
    return problems


class _Proof:
    """The proofs of one class."""

    def __init__(self, cls: Class) -> None:
        self.cls = cls
        self.all_sets = EveryAnswerSet(cls)
        self.possible = self.all_sets.possible()
        self.meaning: Meaning[int] = Meaning(cls, self.all_sets)

    def all(self) -> list[Problem]:
        steps: tuple[Callable[[], Iterable[Problem]], ...] = (
            self._rules,
            self._reachable,
            self._asked,
            self._used,
            self._violation,
            self._barred,
            self._victims,
            self._strikes,
        )
        return [problem for step in steps for problem in step()]

    def _within(self, *functions: int) -> int:
        result = self.possible
        for function in functions:
            result = self.all_sets.both(result, function)
        return result

    def _problem(self, part: str, what: str, where: int = NEVER) -> Problem:
        return Problem(self.cls.id, part, what, self.all_sets.shown_example(where) if where != NEVER else "")

    def _rules(self) -> Iterable[Problem]:
        for table, rules in (("rules", self.cls.rules), ("reports", self.cls.reports)):
            yield from self._table(table, rules)

    def _table(self, table: str, rules: tuple[Rule, ...]) -> Iterable[Problem]:
        covered = NEVER
        for index, rule in enumerate(rules):
            holds = self._within(self.meaning.of(rule.when))
            if holds == NEVER:
                yield self._problem(rule.id, "The rule is dead: no answers lead to it.")
            if self.all_sets.both(covered, holds) != NEVER:
                for other in rules[:index]:
                    shared = self._within(self.meaning.of(other.when), holds)
                    if shared != NEVER:
                        yield self._problem(rule.id, f"The rule overlaps {other.id}: both hold.", shared)
            covered = self.all_sets.either(covered, holds)
        gap = self._within(self.all_sets.negate(covered))
        if gap != NEVER:
            yield self._problem(table, "There is a gap: no rule holds.", gap)

    def _reachable(self) -> Iterable[Problem]:
        for clause in self.cls.clauses:
            if self._within(self.meaning.stands(clause)) == NEVER:
                yield self._problem(clause, "The clause is unreachable: no answers make it stand.")
        for exception in self.cls.exceptions.values():
            if self._within(self.meaning.exempt(exception.id)) == NEVER:
                yield self._problem(exception.id, "The exception can never hold.")
            for clause in exception.clears:
                if self._within(self.meaning.exempt(exception.id), self.meaning.found(clause)) == NEVER:
                    yield self._problem(exception.id, f"The exception never meets {clause}, which it clears.")

    def _asked(self) -> Iterable[Problem]:
        for question in self.cls.questions:
            if self._within(self.meaning.shown(question.id)) == NEVER:
                yield self._problem(question.id, "The question is never asked.")
            for answer in question.answer_ids:
                if self._within(self.meaning.of(Has(question.id, (answer,)))) == NEVER:
                    yield self._problem(f"{question.id}.{answer}", "The answer can never be given.")

    def _used(self) -> Iterable[Problem]:
        used = {rule.then for rule in self.cls.rules} | {spec.if_refused for spec in self.cls.outcomes.values()}
        for outcome in self.cls.outcomes:
            if outcome not in used:
                yield self._problem(outcome, "No rule leads to this outcome.")

    def _violation(self) -> Iterable[Problem]:
        stands = self.meaning.any(self.meaning.stands(clause) for clause in self.cls.clauses)
        for rule in self.cls.rules:
            holds = self._within(self.meaning.of(rule.when))
            violates = self.cls.outcomes[rule.then].result == "violation"
            wrong = self.all_sets.both(holds, self.all_sets.negate(stands) if violates else stands)
            if wrong != NEVER:
                what = "without any clause" if violates else "although a clause stands"
                yield self._problem(rule.id, f"The rule gives {self.cls.outcomes[rule.then].result!r} {what}.", wrong)

    def _barred(self) -> Iterable[Problem]:
        """Both ways: no clause looks at a barred question, and no answer to one changes the finding."""
        barred = {question.id for question in self.cls.questions if not question.decides_violation}
        recorded = {question.id for question in self.cls.questions if question.needs == "record_only"}
        for kind, names in (("clause", self.cls.clauses), ("exception", self.cls.exceptions)):
            for name in names:
                for question in sorted(reach(self.cls, kind, name) & barred):
                    yield self._problem(name, f"The {kind} looks at {question!r}, which may never decide a violation.")
        tables = [(rule.id, rule.when) for rule in (*self.cls.rules, *self.cls.reports)]
        tables += [(f"also {number}", entry.when) for number, entry in enumerate(self.cls.also, 1)]
        for name, condition in tables:
            numbers = frozenset(n for (q, _), n in self.all_sets.answer_numbers.items() if q in recorded)
            function = self.meaning.of(condition)
            if self.all_sets.forget(function, numbers) != function:
                yield self._problem(name, "A record-only answer changes the outcome.")

    def _victims(self) -> Iterable[Problem]:
        victim = self.meaning.of(Has("role", ("apparent_victim",)))
        for rule in self.cls.rules:
            reached = self._within(self.meaning.of(rule.when), victim)
            if reached == NEVER:
                continue
            for spec in self._chain(rule.then):
                codes = {sanction.code for sanction in spec.sanctions} | set(spec.meanwhile)
                if codes & PUNISHING or spec.strike or spec.filed_as == "suspect":
                    yield self._problem(rule.id, f"Outcome {spec.id} would punish an apparent victim.", reached)
        for entry in self.cls.also:
            codes = {sanction.code for sanction in entry.sanctions}
            if codes & PUNISHING and self._within(self.meaning.of(entry.when), victim) != NEVER:
                yield self._problem("also", "An addition would punish an apparent victim.")

    def _chain(self, outcome: str) -> list[OutcomeSpec]:
        chain: list[OutcomeSpec] = []
        while outcome and self.cls.outcomes[outcome] not in chain:
            chain.append(self.cls.outcomes[outcome])
            outcome = chain[-1].if_refused
        return chain

    def _strikes(self) -> Iterable[Problem]:
        if not self.cls.strike_suspends:
            return
        if ("strikes", 1) not in self.all_sets.limit_numbers:
            yield self._problem("rules", "The class says that a strike suspends, but no rule looks at history.strikes.")
            return
        again = self._within(self.all_sets.at_least("strikes", 1))
        for rule in self.cls.rules:
            spec = self.cls.outcomes[rule.then]
            suspends = "suspend_permanently" in {sanction.code for sanction in spec.sanctions}
            reached = self.all_sets.both(again, self.meaning.of(rule.when))
            if spec.strike and not suspends and reached != NEVER:
                yield self._problem(rule.id, "An earlier strike does not lead to suspension.", reached)
