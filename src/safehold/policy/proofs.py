"""The proofs of one class over every possible set of answers. For `check` only.

Each class is turned into decision diagrams (see `bdd`), with the very conditions that the engine evaluates.
What is proven is listed in `check`. A fault comes with the place in the pack and an answer set that shows it.
"""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from safehold.policy.bdd import NEVER, EveryAnswerSet
from safehold.policy.conditions import Has, Meaning
from safehold.policy.grammar import reach
from safehold.policy.pack import SEVERITY, Class, OutcomeSpec, Place, Question, Rule

PUNISHING = frozenset({"suspend_permanently", "ban_person", "lock_until_removed", "read_only"})


class Problem(Struct, frozen=True):
    """One fault: which class (or language), which part, what, where, an answer set that shows it, what to do."""

    place: str
    part: str
    what: str
    example: str = ""
    at: Place | None = None
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.at}: " if self.at else ""
        text += f"{self.place}: {self.part}: {self.what}"
        text += f" For example: {self.example}." if self.example else ""
        return text + (f"\n  hint: {self.hint}" if self.hint else "")


class Proof:
    """The proofs of one class."""

    def __init__(self, cls: Class) -> None:
        self.cls = cls
        self.all_sets = EveryAnswerSet(cls)
        self.possible = self.all_sets.possible()
        self.meaning: Meaning[int] = Meaning(cls, self.all_sets)
        self._narrowed: dict[tuple[tuple[int, bool], ...], int] = {}

    def all(self) -> list[Problem]:
        steps: tuple[Callable[[], Iterable[Problem]], ...] = (
            self._rules,
            self._reachable,
            self._asked,
            self._used,
            self._violation,
            self._barred,
            self._matters,
            self._victims,
            self._strikes,
            self._ladder,
        )
        return [problem for step in steps for problem in step()]

    def _within(self, *functions: int) -> int:
        result = self.possible
        for function in functions:
            result = self.all_sets.both(result, function)
        return result

    def _problem(self, part: str, what: str, where: int = NEVER, *, hint: str = "") -> Problem:
        example = self.all_sets.shown_example(where) if where != NEVER else ""
        at = self.cls.places.get(part) or self.cls.places.get(part.split(".", maxsplit=1)[0])
        return Problem(self.cls.id, part, what, example, at, hint)

    def _rules(self) -> Iterable[Problem]:
        for table, rules in (("rules", self.cls.rules), ("reports", self.cls.reports)):
            yield from self._table(table, rules)

    def _table(self, table: str, rules: tuple[Rule, ...]) -> Iterable[Problem]:
        covered = NEVER
        for index, rule in enumerate(rules):
            holds = self._within(self.meaning.of(rule.when))
            if holds == NEVER:
                yield self._problem(
                    rule.id, "The rule is dead: no answers lead to it.", hint="Take it out, or widen its `when`."
                )
            if self.all_sets.both(covered, holds) != NEVER:
                for other in rules[:index]:
                    shared = self._within(self.meaning.of(other.when), holds)
                    if shared != NEVER:
                        hint = f"Exclude in one of them what the other takes: `not: {{…}}` in {rule.id} or {other.id}."
                        yield self._problem(rule.id, f"The rule overlaps {other.id}: both hold.", shared, hint=hint)
            covered = self.all_sets.either(covered, holds)
        gap = self._within(self.all_sets.negate(covered))
        if gap != NEVER:
            hint = "Widen the rule that should take these answers, or add one."
            yield self._problem(table, "There is a gap: no rule holds.", gap, hint=hint)

    def _reachable(self) -> Iterable[Problem]:
        for clause in self.cls.clauses:
            if self._within(self.meaning.stands(clause)) == NEVER:
                hint = "Its condition contradicts itself or the path of its question, or an exception always clears it."
                yield self._problem(clause, "The clause is unreachable: no answers make it stand.", hint=hint)
        for exception in self.cls.exceptions.values():
            if exception.off:
                continue
            if self._within(self.meaning.exempt(exception.id)) == NEVER:
                yield self._problem(exception.id, "The exception can never hold.", hint="Or write `off: true`.")
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
                yield self._problem(
                    outcome, "No rule leads to this outcome.", hint="Take it out, or name it in a rule."
                )

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
        tables += [(question.id, question.when) for question in self.cls.questions]
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
        for number, entry in enumerate(self.cls.also, 1):
            codes = {sanction.code for sanction in entry.sanctions}
            if codes & PUNISHING and self._within(self.meaning.of(entry.when), victim) != NEVER:
                yield self._problem(f"also {number}", "An addition would punish an apparent victim.")

    def _chain(self, outcome: str) -> list[OutcomeSpec]:
        chain: list[OutcomeSpec] = []
        while outcome and self.cls.outcomes[outcome] not in chain:
            chain.append(self.cls.outcomes[outcome])
            outcome = chain[-1].if_refused
        return chain

    def _strikes(self) -> Iterable[Problem]:
        if not self.cls.strikes.suspend:
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

    def _matters(self) -> Iterable[Problem]:
        """No answer without consequence, unless its question is kept for the record only."""
        seen = list(self._consequences())
        for question in self.cls.questions:
            if question.needs == "record_only":
                continue
            for answer in question.answer_ids:
                if not any(self._tells(question, answer, function) for function in seen):
                    hint = "Let a condition look at it, take it out, or declare the question `needs: record_only`."
                    what = "The answer never matters: no rule, clause or question looks at it."
                    yield self._problem(f"{question.id}.{answer}", what, hint=hint)

    def _consequences(self) -> Iterator[int]:
        """Everything that an answer can change."""
        for rule in (*self.cls.rules, *self.cls.reports):
            yield self.meaning.of(rule.when)
        yield from (self.meaning.stands(clause) for clause in self.cls.clauses)
        yield from (self.meaning.exempt(exception) for exception in self.cls.exceptions)
        yield from (self.meaning.of(entry.when) for entry in self.cls.also)
        yield from (self.meaning.shown(question.id) for question in self.cls.questions)

    def _tells(self, question: Question, answer: str, function: int) -> bool:
        """Whether giving this answer rather than another (or than not giving it) changes the function anywhere."""
        numbers = {word: self.all_sets.answer_numbers[question.id, word] for word in question.answer_ids}
        if question.kind == "many" and not next(a.alone for a in question.answers if a.id == answer):
            return self._differs(function, {numbers[answer]: True}, {numbers[answer]: False})
        given = {number: word == answer for word, number in numbers.items()}
        others = [{number: word == other for word, number in numbers.items()} for other in numbers if other != answer]
        if not question.mandatory:
            others.append(dict.fromkeys(numbers.values(), False))
        return any(self._differs(function, given, other) for other in others)

    def _differs(self, function: int, one: dict[int, bool], two: dict[int, bool]) -> bool:
        """Whether the function differs between two settings anywhere where both can be given."""
        sets = self.all_sets
        before, after = sets.fixed(function, one), sets.fixed(function, two)
        possible = sets.both(self._possible_with(one), self._possible_with(two))
        return sets.both(possible, sets.choose(before, sets.negate(after), after)) != NEVER

    def _possible_with(self, setting: dict[int, bool]) -> int:
        key = tuple(setting.items())
        if key not in self._narrowed:
            self._narrowed[key] = self.all_sets.fixed(self.possible, setting)
        return self._narrowed[key]

    def _ladder(self) -> Iterable[Problem]:
        """Repetition climbs: one violation more never leads to a lower step, and no step is milder than the last."""
        steps = [self._leads_to(outcome) for outcome in self.cls.ladder]
        for number, outcome in enumerate(self.cls.ladder[1:], 1):
            below = self.cls.ladder[number - 1]
            if _gravity(self.cls.outcomes[outcome]) < _gravity(self.cls.outcomes[below]):
                yield self._problem("ladder", f"{outcome} is milder than {below}, which stands below it.")
        for limit in self.all_sets.limit_numbers.values():
            for high, above in enumerate(steps):
                for low in range(high):
                    falls = self._falls(above, steps[low], limit)
                    if falls != NEVER:
                        fewer, more = self.cls.ladder[high], self.cls.ladder[low]
                        what = f"With one violation more, {fewer} becomes {more}, which stands lower."
                        yield self._problem("ladder", what, falls, hint="Turn the rules that look at `history` around.")

    def _falls(self, with_fewer: int, with_more: int, limit: int) -> int:
        sets = self.all_sets
        fewer, more = {limit: False}, {limit: True}
        possible = sets.both(sets.fixed(self.possible, fewer), sets.fixed(self.possible, more))
        return sets.both(possible, sets.both(sets.fixed(with_fewer, fewer), sets.fixed(with_more, more)))

    def _leads_to(self, outcome: str) -> int:
        return self.meaning.any(self.meaning.of(rule.when) for rule in self.cls.rules if rule.then == outcome)


def _gravity(spec: OutcomeSpec) -> list[tuple[int, int]]:
    """Its sanctions and their days, the gravest first."""
    return sorted(((SEVERITY.index(sanction.code), sanction.days or 0) for sanction in spec.sanctions), reverse=True)
