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

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from safehold.policy.pack import Class

COUNTERS = ("strikes", "same_class_12_months", "protective")
WORDS = ("fact", "clause", "exception", "marked", "history", "not", "any", "all")


class Has(Struct, frozen=True):
    """The question is on the path and one of these answers was given."""

    question: str
    answers: tuple[str, ...]


class Fact(Struct, frozen=True):
    """One of these named conditions holds."""

    names: tuple[str, ...]


class Stands(Struct, frozen=True):
    """One of these clauses stands; none named means any clause."""

    clauses: tuple[str, ...]


class Exempt(Struct, frozen=True):
    """One of these exceptions holds; none named means any."""

    exceptions: tuple[str, ...]


class Marked(Struct, frozen=True):
    """A standing clause carries one of these marks."""

    marks: tuple[str, ...]


class AtLeast(Struct, frozen=True):
    """A counter of the person's history has reached a number."""

    counter: str
    number: int


class Not(Struct, frozen=True):
    """The opposite."""

    part: "Condition"


class AnyOf(Struct, frozen=True):
    """One of the parts."""

    parts: tuple["Condition", ...]


class AllOf(Struct, frozen=True):
    """All parts; with no parts it always holds."""

    parts: tuple["Condition", ...]


Condition: TypeAlias = Has | Fact | Stands | Exempt | Marked | AtLeast | Not | AnyOf | AllOf
ALWAYS = AllOf(())
T = TypeVar("T")


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
    """What each part of a class means in one algebra. The loader has made sure that nothing is circular."""

    def __init__(self, cls: "Class", algebra: Algebra[T]) -> None:
        self.cls, self.algebra = cls, algebra
        self._known: dict[tuple[str, str], T] = {}

    def any(self, values: Iterable[T]) -> T:
        """Or over many."""
        result = self.algebra.false
        for value in values:
            result = self.algebra.either(result, value)
        return result

    def all(self, values: Iterable[T]) -> T:
        """And over many."""
        result = self.algebra.true
        for value in values:
            result = self.algebra.both(result, value)
        return result

    def of(self, condition: Condition) -> T:
        """What the condition means."""
        match condition:
            case Has(question, answers):
                given = self.any(self.algebra.answered(question, answer) for answer in answers)
                return self.algebra.both(self.shown(question), given)
            case Fact(names):
                return self.any(self._once("fact", name) for name in names)
            case Stands(clauses):
                return self.any(self.stands(name) for name in clauses or self.cls.clauses)
            case Exempt(names):
                return self.any(self.exempt(name) for name in names or self.cls.exceptions)
            case Marked(marks):
                carriers = [c.id for c in self.cls.clauses.values() if set(c.marks) & set(marks)]
                return self.any(self.stands(name) for name in carriers)
            case AtLeast(counter, number):
                return self.algebra.at_least(counter, number)
            case Not(part):
                return self.algebra.negate(self.of(part))
            case AnyOf(parts):
                return self.any(self.of(part) for part in parts)
            case AllOf(parts):
                return self.all(self.of(part) for part in parts)

    def shown(self, question: str) -> T:
        """The question is on the path."""
        return self._once("question", question)

    def found(self, clause: str) -> T:
        """The clause's own condition holds, before exceptions."""
        return self._once("clause", clause)

    def exempt(self, exception: str) -> T:
        """The exception's conditions hold, the negative ones too."""
        return self._once("exception", exception)

    def stands(self, clause: str) -> T:
        """The clause holds and no exception clears it."""
        key = ("stands", clause)
        if key not in self._known:
            clearing = [e.id for e in self.cls.exceptions.values() if clause in e.clears]
            cleared = self.any(self.exempt(name) for name in clearing)
            self._known[key] = self.algebra.both(self.found(clause), self.algebra.negate(cleared))
        return self._known[key]

    def _once(self, kind: str, name: str) -> T:
        key = (kind, name)
        if key not in self._known:
            self._known[key] = self.of(self.cls.condition(kind, name))
        return self._known[key]


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
