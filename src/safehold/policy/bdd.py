"""Reduced ordered binary decision diagrams: one small graph stands for all answer sets at once. For `check` only.

A function is a number: 0 is never, 1 is always, others are nodes (variable, when false, when true).
Two functions are equal exactly when their numbers are (Bryant 1986), so proofs are comparisons.
"""

from safehold.policy.conditions import AtLeast, direct
from safehold.policy.pack import Class

NEVER, ALWAYS = 0, 1


class Diagram:
    """A table of shared nodes over variables 0, 1, 2, …"""

    def __init__(self) -> None:
        self.nodes: list[tuple[int, int, int]] = [(1 << 30, 0, 0), (1 << 30, 1, 1)]
        self._ids: dict[tuple[int, int, int], int] = {}
        self._done: dict[tuple[int, int, int], int] = {}

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
        if key not in self._done:
            top = min(self.nodes[f][0] for f in key)
            low, high = (self.choose(*(self._branch(f, top, side) for f in key)) for side in (1, 2))
            self._done[key] = self._node(top, low, high)
        return self._done[key]

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

    def _branch(self, function: int, variable: int, side: int) -> int:
        node = self.nodes[function]
        return node[side] if node[0] == variable else function

    def _node(self, variable: int, low: int, high: int) -> int:
        if low == high:
            return low
        key = (variable, low, high)
        if key not in self._ids:
            self._ids[key] = len(self.nodes)
            self.nodes.append(key)
        return self._ids[key]


class EveryAnswerSet(Diagram):
    """The algebra of all answer sets of a class: a variable for each answer and each counter's threshold."""

    true, false = ALWAYS, NEVER

    def __init__(self, cls: Class) -> None:
        super().__init__()
        self.cls = cls
        self.answer_numbers: dict[tuple[str, str], int] = {}
        self.limit_numbers: dict[tuple[str, int], int] = {}
        for question in cls.questions:
            for answer in question.answer_ids:
                self.answer_numbers[question.id, answer] = len(self.answer_numbers)
        for counter, number in sorted(_limits(cls)):
            self.limit_numbers[counter, number] = len(self.answer_numbers) + len(self.limit_numbers)

    def answered(self, question: str, answer: str) -> int:
        """See Algebra."""
        return self.variable(self.answer_numbers[question, answer])

    def at_least(self, counter: str, number: int) -> int:
        """See Algebra. Every threshold that the class names is a variable."""
        return ALWAYS if number <= 0 else self.variable(self.limit_numbers[counter, number])

    def possible(self) -> int:
        """Answer sets that can be given: one answer where one is asked for, lone answers alone, counters in order.

        A question that is off the path has an answer here too; it has no effect, since every condition on
        an answer also asks whether its question is shown.
        """
        space = ALWAYS
        for question in reversed(self.cls.questions):
            values = [self.answered(question.id, answer) for answer in question.answer_ids]
            for index, value in enumerate(values):
                alone = question.kind == "one" or question.answers[index].alone
                for other, beside in enumerate(values):
                    if alone and other != index:
                        space = self.both(space, self.negate(self.both(value, beside)))
            if values and question.mandatory:
                some = NEVER
                for value in reversed(values):
                    some = self.either(some, value)
                space = self.both(space, some)
        for counter, number in self.limit_numbers:
            for beside_counter, lower in self.limit_numbers:
                if beside_counter == counter and lower < number:
                    low, high = self.at_least(counter, lower), self.at_least(counter, number)
                    space = self.both(space, self.either(self.negate(high), low))
        return space

    def shown_example(self, function: int) -> str:
        """One answer set in which the function holds, as `question=answer, …`."""
        setting = self.example(function)
        words = [f"{q}={a}" for (q, a), number in self.answer_numbers.items() if setting.get(number)]
        counts = [f"history.{c}>={n}" for (c, n), number in self.limit_numbers.items() if setting.get(number)]
        return ", ".join(words + counts) or "any answers"


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
