"""Reduced ordered binary decision diagrams: one small graph stands for all answer sets at once. For `check` only.

A function is a number: 0 is never, 1 is always, others are nodes (variable, when false, when true).
Two functions are equal exactly when their numbers are (Bryant 1986), so proofs are comparisons.
"""

from collections.abc import Mapping, Sequence

from msgspec import structs

from safehold.policy.conditions import AtLeast, Meaning, direct
from safehold.policy.pack import Class, Question

NEVER, ALWAYS = 0, 1


class Diagram:
    """A table of shared nodes over variables 0, 1, 2, …"""

    def __init__(self) -> None:
        self.nodes: list[tuple[int, int, int]] = [(1 << 30, 0, 0), (1 << 30, 1, 1)]
        self._ids: dict[tuple[int, int, int], int] = {}
        self._done: dict[tuple[int, int, int], int] = {}
        self._counts: dict[int, dict[int, int]] = {}

    def variable(self, number: int) -> int:
        """The function that is true where the variable is."""
        return self._node(number, NEVER, ALWAYS)

    def choose(self, test: int, then: int, other: int) -> int:
        """`then` where `test` holds, else `other`."""
        if test == ALWAYS or then == other:
            return then
        if test == NEVER:
            return other
        if then == ALWAYS and other == NEVER:
            return test
        key = (test, then, other)
        known = self._done.get(key)
        if known is not None:
            return known
        # Written out for each of the three: nearly all time of a proof is spent here.
        nodes = self.nodes
        variable, test_low, test_high = nodes[test]
        then_at, then_low, then_high = nodes[then]
        other_at, other_low, other_high = nodes[other]
        top = variable if variable < then_at else then_at  # noqa: FURB136 (a call would cost more than all of this)
        top = top if top < other_at else other_at  # noqa: FURB136
        if variable != top:
            test_low = test_high = test
        if then_at != top:
            then_low = then_high = then
        if other_at != top:
            other_low = other_high = other
        low = self.choose(test_low, then_low, other_low)
        high = self.choose(test_high, then_high, other_high)
        result = self._done[key] = self._node(top, low, high)
        return result

    def both(self, a: int, b: int) -> int:
        """And."""
        return self.choose(a, b, NEVER)

    def either(self, a: int, b: int) -> int:
        """Or."""
        return self.choose(a, ALWAYS, b)

    def negate(self, a: int) -> int:
        """Not."""
        return self.choose(a, NEVER, ALWAYS)

    def example(self, function: int) -> dict[int, bool]:
        """Variables that make the function true; those left out may be anything. The function is not NEVER."""
        found: dict[int, bool] = {}
        while function > ALWAYS:
            variable, low, high = self.nodes[function]
            found[variable] = high != NEVER if low == NEVER else False
            function = high if found[variable] else low
        return found

    def forget(self, function: int, variables: frozenset[int]) -> int:
        """True where some setting of these variables makes the function true."""
        done: dict[int, int] = {}

        def walk(f: int) -> int:
            if f <= ALWAYS:
                return f
            if f not in done:
                variable, low, high = self.nodes[f][0], walk(self.nodes[f][1]), walk(self.nodes[f][2])
                here = self.variable(variable)
                done[f] = self.either(low, high) if variable in variables else self.choose(here, high, low)
            return done[f]

        return walk(function)

    def fixed(self, function: int, setting: Mapping[int, bool]) -> int:
        """The function with these variables set."""
        done: dict[int, int] = {}

        def walk(f: int) -> int:
            if f <= ALWAYS:
                return f
            if f not in done:
                variable, low, high = self.nodes[f]
                if variable in setting:
                    done[f] = walk(high if setting[variable] else low)
                else:
                    done[f] = self.choose(self.variable(variable), walk(high), walk(low))
            return done[f]

        return walk(function)

    def count(self, function: int, variables: int) -> int:
        """How many settings of variables 0 … `variables` - 1 make the function true."""
        done = self._counts.setdefault(variables, {NEVER: 0, ALWAYS: 1})

        def level(f: int) -> int:
            return variables if f <= ALWAYS else self.nodes[f][0]

        def walk(f: int) -> int:
            if f not in done:
                variable, low, high = self.nodes[f]
                done[f] = sum(walk(g) << (level(g) - variable - 1) for g in (low, high))
            return done[f]

        return walk(function) << level(function)

    def _node(self, variable: int, low: int, high: int) -> int:
        if low == high:
            return low
        key = (variable, low, high)
        if key not in self._ids:
            self._ids[key] = len(self.nodes)
            self.nodes.append(key)
        return self._ids[key]


class EveryAnswerSet(Diagram):
    """The algebra of all answer sets of a class: a variable for each answer and each counter's threshold.

    With several classes (the same class in two versions) it spans all their questions and answers, so that
    what two versions make of one answer set can be compared. Raises ValueError where a question takes one
    answer here and many there.
    """

    true, false = ALWAYS, NEVER

    def __init__(self, *classes: Class) -> None:
        super().__init__()
        self.classes = classes
        self.questions = _merged(classes)
        self.answer_numbers: dict[tuple[str, str], int] = {}
        self.limit_numbers: dict[tuple[str, int], int] = {}
        for question in self.questions:
            for answer in question.answer_ids:
                self.answer_numbers[question.id, answer] = len(self.answer_numbers)
        for counter, number in sorted(set().union(*(_limits(cls) for cls in classes))):
            self.limit_numbers[counter, number] = len(self.answer_numbers) + len(self.limit_numbers)
        self.size = len(self.answer_numbers) + len(self.limit_numbers)

    def answered(self, question: str, answer: str) -> int:
        """See Algebra. An answer that no class has is never given."""
        number = self.answer_numbers.get((question, answer))
        return NEVER if number is None else self.variable(number)

    def at_least(self, counter: str, number: int) -> int:
        """See Algebra. Every threshold that a class names is a variable."""
        return ALWAYS if number <= 0 else self.variable(self.limit_numbers[counter, number])

    def possible(self) -> int:
        """Answer sets that can be given: one answer where one is asked for, lone answers alone, counters in order.

        A question that is off the path has an answer here too; it has no effect, since every condition on
        an answer also asks whether its question is shown.
        """
        space = self._counters()
        for question in reversed(self.questions):
            space = self.both(space, self._allowed(question, question.mandatory))
        return space

    def complete(self, *meanings: Meaning[int]) -> int:
        """Each complete answer set once: questions on the path of one of the classes have their answers, others none.

        Answers that are kept for the record only are left out, as is the wording of texts.
        """
        space = self._counters()
        for question in reversed(self.questions):
            answers = [self.answered(question.id, answer) for answer in question.answer_ids]
            none = ALWAYS
            for value in reversed(answers):
                none = self.both(none, self.negate(value))
            shown = NEVER
            if question.needs != "record_only":
                for meaning in meanings:
                    if question.id in {own.id for own in meaning.cls.questions}:
                        shown = self.either(shown, meaning.shown(question.id))
            space = self.both(space, self.choose(shown, self._allowed(question, question.mandatory), none))
        return space

    def counted(self, function: int) -> int:
        """How many settings of all variables make the function true; meant for functions within `complete`."""
        return self.count(function, self.size)

    def _counters(self) -> int:
        space = ALWAYS
        for counter, number in self.limit_numbers:
            for beside_counter, lower in self.limit_numbers:
                if beside_counter == counter and lower < number:
                    low, high = self.at_least(counter, lower), self.at_least(counter, number)
                    space = self.both(space, self.either(self.negate(high), low))
        return space

    def _allowed(self, question: Question, some: bool) -> int:
        """Settings of one question's answers that may be given together; with `some` at least one is."""
        values = [self.answered(question.id, answer) for answer in question.answer_ids]
        space = ALWAYS
        for index, value in enumerate(values):
            if question.kind == "one" or question.answers[index].alone:
                for other, beside in enumerate(values):
                    if other != index:
                        space = self.both(space, self.negate(self.both(value, beside)))
        if values and some:
            any_of = NEVER
            for value in reversed(values):
                any_of = self.either(any_of, value)
            space = self.both(space, any_of)
        return space

    def shown_example(self, function: int) -> str:
        """One answer set in which the function holds, as `question=answer, …`."""
        setting = self.example(function)
        words = [f"{q}={a}" for (q, a), number in self.answer_numbers.items() if setting.get(number)]
        counts = [f"history.{c}>={n}" for (c, n), number in self.limit_numbers.items() if setting.get(number)]
        return ", ".join(words + counts) or "any answers"


def _merged(classes: Sequence[Class]) -> tuple[Question, ...]:
    """The questions of all classes, in the order of the first, each with every answer that a class knows."""
    found: dict[str, Question] = {}
    for question in (question for cls in classes for question in cls.questions):
        known = found.setdefault(question.id, question)
        if known.kind != question.kind:
            raise ValueError(
                f"{question.id!r} takes {known.kind} answer in one version and {question.kind} in another."
            )
        more = tuple(answer for answer in question.answers if answer.id not in known.answer_ids)
        needs = known.needs if known.needs == question.needs else "mandatory"
        found[question.id] = structs.replace(known, answers=(*known.answers, *more), needs=needs)
    return tuple(found.values())


def _limits(cls: Class) -> set[tuple[str, int]]:
    conditions = [
        *(question.when for question in cls.questions),
        *cls.facts.values(),
        *(clause.when for clause in cls.clauses.values()),
        *(exception.when for exception in cls.exceptions.values()),
        *(rule.when for rule in (*cls.rules, *cls.reports)),
        *(entry.when for entry in cls.also),
    ]
    leaves = [leaf for condition in conditions for leaf in direct(condition)]
    return {(leaf.counter, leaf.number) for leaf in leaves if isinstance(leaf, AtLeast) and leaf.number > 0}
