"""Conditions: the small language in which a pack says when something holds.

One description, two meanings: over an answer set (`engine`) and over all answer sets at once
(`check`). Both use `Meaning`, so what the checker proves is what the engine computes.

    {role: [uploader, sharer]}     an answer to the question is one of these
    {fact: first_time}             a named condition of the class
    {clause: any} / {clause: X}    a clause stands after exceptions
    {exception: X}                 an exception holds
    {marked: report_shall}         a standing clause carries this mark
    {history: {strikes: 1}}        the counter is at least this
    {not: …}, {any: […]}, {all: […]}   combined; several keys in one mapping must all hold
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from safehold.policy.pack import Class

T = TypeVar("T")
COUNTERS = ("strikes", "same_class_12_months", "protective")
WORDS = ("fact", "clause", "exception", "marked", "history", "not", "any", "all")


class Has(Struct, frozen=True):
    """The question is on the path and one of these answers was given."""

    question: str
    answers: tuple[str, ...]

    def within(self, meaning: "Meaning[T]") -> T:
        """What it means; so for each kind of condition."""
        algebra = meaning.algebra
        given = algebra.false
        for answer in self.answers:
            given = algebra.either(given, algebra.answered(self.question, answer))
        return given if given == algebra.false else algebra.both(meaning.shown(self.question), given)


class Fact(Struct, frozen=True):
    """One of these named conditions holds."""

    names: tuple[str, ...]

    def within(self, meaning: "Meaning[T]") -> T:
        """See Has."""
        return meaning.any_of(meaning.fact, self.names)


class Stands(Struct, frozen=True):
    """One of these clauses stands; none named means any clause."""

    clauses: tuple[str, ...]

    def within(self, meaning: "Meaning[T]") -> T:
        """See Has."""
        return meaning.any_of(meaning.stands, self.clauses) if self.clauses else meaning.anything_stands()


class Exempt(Struct, frozen=True):
    """One of these exceptions holds; none named means any."""

    exceptions: tuple[str, ...]

    def within(self, meaning: "Meaning[T]") -> T:
        """See Has."""
        return meaning.any_of(meaning.exempt, self.exceptions or meaning.cls.exceptions)


class Marked(Struct, frozen=True):
    """A standing clause carries one of these marks."""

    marks: tuple[str, ...]

    def within(self, meaning: "Meaning[T]") -> T:
        """See Has."""
        return meaning.any_of(meaning.marked, self.marks)


class AtLeast(Struct, frozen=True):
    """A counter of the person's history has reached a number."""

    counter: str
    number: int

    def within(self, meaning: "Meaning[T]") -> T:
        """See Has."""
        return meaning.algebra.at_least(self.counter, self.number)


class Not(Struct, frozen=True):
    """The opposite."""

    part: "Condition"

    def within(self, meaning: "Meaning[T]") -> T:
        """See Has."""
        return meaning.algebra.negate(self.part.within(meaning))


class AnyOf(Struct, frozen=True):
    """One of the parts."""

    parts: tuple["Condition", ...]

    def within(self, meaning: "Meaning[T]") -> T:
        """See Has. What comes after a certainty is not looked at."""
        result, true = meaning.algebra.false, meaning.algebra.true
        for part in self.parts:
            result = meaning.algebra.either(result, part.within(meaning))
            if result == true:
                break
        return result


class AllOf(Struct, frozen=True):
    """All parts; with no parts it always holds."""

    parts: tuple["Condition", ...]

    def within(self, meaning: "Meaning[T]") -> T:
        """See Has. What comes after an impossibility is not looked at."""
        result, false = meaning.algebra.true, meaning.algebra.false
        for part in self.parts:
            result = meaning.algebra.both(result, part.within(meaning))
            if result == false:
                break
        return result


Condition: TypeAlias = Has | Fact | Stands | Exempt | Marked | AtLeast | Not | AnyOf | AllOf
ALWAYS = AllOf(())


class Algebra(Protocol[T]):
    """What a meaning is made of: truth values and how to combine them."""

    true: T
    false: T

    def both(self, a: T, b: T) -> T:
        """And."""

    def either(self, a: T, b: T) -> T:
        """Or."""

    def negate(self, a: T) -> T:
        """Not."""

    def answered(self, question: str, answer: str) -> T:
        """This answer was given, whether or not the question is on the path."""

    def at_least(self, counter: str, number: int) -> T:
        """The counter has reached the number."""


class Meaning(Generic[T]):
    """What each part of a class means in one algebra. The loader has made sure that nothing is circular.

    Each named part is worked out once.
    """

    def __init__(self, cls: "Class", algebra: Algebra[T]) -> None:
        self.cls, self.algebra = cls, algebra
        self._shown: dict[str, T] = {}
        self._facts: dict[str, T] = {}
        self._found: dict[str, T] = {}
        self._exempt: dict[str, T] = {}
        self._stands: dict[str, T] = {}
        self._marked: dict[str, T] = {}

    def of(self, condition: Condition) -> T:
        """What the condition means."""
        return condition.within(self)

    def any(self, values: Iterable[T]) -> T:
        """Or over many."""
        result = self.algebra.false
        for value in values:
            result = self.algebra.either(result, value)
        return result

    def any_of(self, part: Callable[[str], T], names: Iterable[str]) -> T:
        """Whether one of the named parts holds; what comes after a certainty is not looked at."""
        result, true = self.algebra.false, self.algebra.true
        for name in names:
            result = self.algebra.either(result, part(name))
            if result == true:
                break
        return result

    def shown(self, question: str) -> T:
        """The question is on the path."""
        if question not in self._shown:
            self._shown[question] = self.cls.condition("question", question).within(self)
        return self._shown[question]

    def fact(self, name: str) -> T:
        """The named condition holds."""
        if name not in self._facts:
            self._facts[name] = self.cls.facts[name].within(self)
        return self._facts[name]

    def found(self, clause: str) -> T:
        """The clause's own condition holds, before exceptions."""
        if clause not in self._found:
            self._found[clause] = self.cls.clauses[clause].when.within(self)
        return self._found[clause]

    def exempt(self, exception: str) -> T:
        """The exception's conditions hold, the negative ones too."""
        if exception not in self._exempt:
            self._exempt[exception] = self.cls.exceptions[exception].when.within(self)
        return self._exempt[exception]

    def stands(self, clause: str) -> T:
        """The clause holds and no exception clears it."""
        if clause not in self._stands:
            found = self.found(clause)
            if found != self.algebra.false:
                cleared = self.any_of(self.exempt, self.cls.cleared_by(clause))
                found = self.algebra.both(found, self.algebra.negate(cleared))
            self._stands[clause] = found
        return self._stands[clause]

    def anything_stands(self) -> T:
        """Some clause stands."""
        if "" not in self._marked:
            self._marked[""] = self.any_of(self.stands, self.cls.clauses)
        return self._marked[""]

    def marked(self, mark: str) -> T:
        """A standing clause carries the mark."""
        if mark not in self._marked:
            self._marked[mark] = self.any_of(self.stands, self.cls.carrying(mark))
        return self._marked[mark]


def direct(condition: Condition) -> Iterator[Condition]:
    """Every leaf of a condition, as written (facts and clauses are not followed)."""
    match condition:
        case Not(part):
            yield from direct(part)
        case AnyOf(parts) | AllOf(parts):
            for part in parts:
                yield from direct(part)
        case _:
            yield condition
