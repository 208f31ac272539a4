"""Reads the conditions of a class file, and follows what they look at. For `rulebook` and `check` only."""

from collections.abc import Iterable, Mapping
from typing import Any

from safehold.policy import conditions as c
from safehold.policy.pack import Class
from safehold.policy.reading import Map, Seq, near


def one_of(where: Map, key: str, word: str, allowed: Iterable[str], thing: str) -> str:
    """`word`, if it is allowed; else PolicyError with the nearest."""
    names = list(allowed)
    if word not in names:
        where.fail(key, f"There is no {thing} {word!r}.", near(word, names))
    return word


class Grammar:
    """Turns YAML into conditions; every name must be one that the class file declares."""

    def __init__(
        self,
        questions: Mapping[str, Map],
        facts: Iterable[str],
        clauses: Iterable[str],
        exceptions: Iterable[str],
        marks: Iterable[str],
    ) -> None:
        self.questions = questions
        self.facts, self.clauses, self.exceptions, self.marks = map(tuple, (facts, clauses, exceptions, marks))

    def condition(self, holder: Map, key: str) -> c.Condition:
        """The condition under `key`."""
        if key not in holder:
            holder.fail(None, f"Here {key!r} is missing.", "Write `when: {…}`; `when: always` holds always.")
        return self._parse(holder, key, holder[key])

    def _parse(self, holder: Map, key: str, value: Any) -> c.Condition:
        if value == "always":
            return c.ALWAYS
        if not isinstance(value, Map) or not value:
            holder.fail(key, "A condition is a mapping such as {role: uploader}.", "Or the word `always`.")
        parts = [self._part(value, word) for word in value]
        return parts[0] if len(parts) == 1 else c.AllOf(tuple(parts))

    def _part(self, where: Map, word: str) -> c.Condition:
        if word in ("any", "all"):
            rows = where.take(word, Seq, "The condition")
            parts = tuple(self._parse(where, word, row) for row in rows)
            return c.AnyOf(parts) if word == "any" else c.AllOf(parts)
        if word == "not":
            return c.Not(self._parse(where, word, where[word]))
        if word == "history":
            return self._history(where)
        names = where.words(word, "The condition")
        if word == "fact":
            return c.Fact(tuple(one_of(where, word, name, self.facts, "fact") for name in names))
        if word == "clause":
            return c.Stands(self._named(where, word, names, self.clauses))
        if word == "exception":
            return c.Exempt(self._named(where, word, names, self.exceptions))
        if word == "marked":
            return c.Marked(tuple(one_of(where, word, name, self.marks, "mark") for name in names))
        one_of(where, word, word, (*self.questions, *c.WORDS), "question or condition word")
        answers = self.questions[word].words("answers", f"Question {word!r}", ())
        return c.Has(word, tuple(one_of(where, word, name, answers, f"answer of {word!r}") for name in names))

    @staticmethod
    def _named(where: Map, word: str, names: tuple[str, ...], known: Iterable[str]) -> tuple[str, ...]:
        return () if names == ("any",) else tuple(one_of(where, word, name, known, word) for name in names)

    @staticmethod
    def _history(where: Map) -> c.Condition:
        limits = where.take("history", Map, "The condition")
        parts = []
        for counter in limits:
            one_of(limits, counter, counter, c.COUNTERS, "counter")
            parts.append(c.AtLeast(counter, limits.take(counter, int, "history")))
        return parts[0] if len(parts) == 1 else c.AllOf(tuple(parts))


def _clauses_of(cls: Class, leaf: "c.Stands | c.Marked") -> Iterable[str]:
    if isinstance(leaf, c.Marked):
        return [clause.id for clause in cls.clauses.values() if set(clause.marks) & set(leaf.marks)]
    return leaf.clauses or cls.clauses


def refers(cls: Class, condition: c.Condition) -> list[tuple[str, str]]:
    """The parts (kind, name) that a condition names, with the exceptions that may clear its clauses."""
    found: list[tuple[str, str]] = []
    for leaf in c.direct(condition):
        match leaf:
            case c.Has(question, _):
                found.append(("question", question))
            case c.Fact(names):
                found += [("fact", name) for name in names]
            case c.Exempt(names):
                found += [("exception", name) for name in names or cls.exceptions]
            case c.Stands() | c.Marked():
                for name in _clauses_of(cls, leaf):
                    found.append(("clause", name))
                    found += [("exception", e.id) for e in cls.exceptions.values() if name in e.clears]
    return found


def reach(cls: Class, kind: str, name: str) -> set[str]:
    """Every question that a part of a loaded class looks at, its own path conditions included."""
    seen: set[tuple[str, str]] = set()
    todo = [(kind, name)]
    while todo:
        step = todo.pop()
        if step not in seen:
            seen.add(step)
            todo += refers(cls, cls.condition(*step))
    return {name_ for kind_, name_ in seen if kind_ == "question" and (kind_, name_) != (kind, name)}
