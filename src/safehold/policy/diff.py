"""What changed between two versions of a policy: what is written, and what it makes of answers. Pure.

Others call `compare` through `safehold.policy`; `diff_words` says it in words.

Both versions of a class are laid over one space of answer sets (see `bdd`): the questions of both are
joined, each complete set counts once, and sets with an answer that one of the versions does not know are
left out, since that version cannot be asked them. A set decides differently where its outcome, its
clauses, its report duty or an addition to the outcome differs; it belongs to exactly one group, by the
pair of outcomes.
"""

from collections.abc import Iterator

from msgspec import Struct

from safehold.policy.bdd import NEVER, EveryAnswerSet
from safehold.policy.common import Example, Facts, facts, shortest
from safehold.policy.conditions import Meaning
from safehold.policy.pack import Also, Class, OutcomeSpec, Pack
from safehold.policy.written import PartChange, written


class Changed(Struct, frozen=True):
    """Something that part of a group's sets gains or loses: kind clause, report or addition; in how many sets.

    For a report duty `id` is the duty after and `before` the one before; otherwise `gained` says which way.
    """

    kind: str
    id: str
    sets: int
    gained: bool = True
    before: str = ""


class Group(Struct, frozen=True):
    """All answer sets that lead from one outcome to another, or to the same one for other reasons."""

    before: str
    after: str
    sets: int
    same_outcome: bool
    changes: tuple[Changed, ...]
    facts: Facts
    example: Example
    history: dict[str, int]


class ClassDifference(Struct, frozen=True):
    """One class in both versions. `sets` is how many answer sets both can be asked, `groups` the largest first."""

    class_id: str
    parts: tuple[PartChange, ...]
    sets: int
    left_out: int  # sets with an answer that only one version knows
    groups: tuple[Group, ...]

    @property
    def other_outcome(self) -> int:
        """How many sets lead to another outcome."""
        return sum(group.sets for group in self.groups if not group.same_outcome)

    @property
    def other_reasons(self) -> int:
        """How many sets keep their outcome, with other clauses, another report duty or another addition."""
        return sum(group.sets for group in self.groups if group.same_outcome)


class Difference(Struct, frozen=True):
    """Two versions compared."""

    before: Pack
    after: Pack
    removed: tuple[str, ...]  # classes that only the first version has
    added: tuple[str, ...]  # classes that only the second has
    classes: tuple[ClassDifference, ...]


def compare(a: Pack, b: Pack, class_id: str = "") -> Difference:
    """What is different in `b`; in one class only, where one is named.

    Raises ValueError for a class that neither version has, and where a question takes one answer in one
    version and many in the other: then no answer set fits both.
    """
    known = dict.fromkeys((*a.classes, *b.classes))
    if class_id and class_id not in known:
        raise ValueError(f"Neither version has a class {class_id!r}; there are {', '.join(known)}.")
    chosen = [class_id] if class_id else list(known)
    return Difference(
        before=a,
        after=b,
        removed=tuple(name for name in chosen if name not in b.classes),
        added=tuple(name for name in chosen if name not in a.classes),
        classes=tuple(_class(a, b, name) for name in chosen if name in a.classes and name in b.classes),
    )


def _class(a: Pack, b: Pack, name: str) -> ClassDifference:
    both = _Both(a.classes[name], b.classes[name])
    groups = sorted(both.groups(), key=lambda group: (-group.sets, group.before, group.after))
    return ClassDifference(
        class_id=name,
        parts=tuple(written(a, b, name)),
        sets=both.sets.counted(both.space),
        left_out=both.sets.counted(both.all) - both.sets.counted(both.space),
        groups=tuple(groups),
    )


class _Both:
    """One class in two versions over the same answer sets."""

    def __init__(self, old: Class, new: Class) -> None:
        self.old, self.new = old, new
        self.sets = EveryAnswerSet(old, new)
        self.was, self.now = Meaning(old, self.sets), Meaning(new, self.sets)
        self.all = self.sets.complete(self.was, self.now)
        self.space = self._within(self.all, self._known(old), self._known(new))
        self.changes = list(self._changes())

    def groups(self) -> Iterator[Group]:
        pairs: dict[tuple[str, str], int] = {}
        for rule in self.old.rules:
            was = self._within(self.space, self.was.of(rule.when))
            for other in self.new.rules:
                shared = self._within(was, self.now.of(other.when))
                pair = (rule.then, other.then)
                pairs[pair] = self.sets.either(pairs.get(pair, NEVER), shared)
        for (before, after), function in pairs.items():
            yield from self._group(self.old.outcomes[before], self.new.outcomes[after], function)

    def _group(self, before: OutcomeSpec, after: OutcomeSpec, function: int) -> Iterator[Group]:
        changes: list[Changed] = []
        touched = NEVER
        settled = {s.code for spec in (before, after) for s in spec.sanctions} | {*before.duties, *after.duties}
        for change, where in self.changes:
            shared = self._within(function, where)
            if shared != NEVER and not (change.kind == "addition" and change.id in settled):
                touched = self.sets.either(touched, shared)
                changes.append(Changed(change.kind, change.id, self.sets.counted(shared), change.gained, change.before))
        same = before == after
        function = touched if same else function
        if function == NEVER:
            return
        example, history = shortest(self.sets, function)
        common = facts(self.sets, function, self.space)
        yield Group(
            before.id, after.id, self.sets.counted(function), same, tuple(changes), common, example, history
        )  # fmt: skip

    def _changes(self) -> Iterator[tuple[Changed, int]]:
        """Each way in which sets may decide differently under the same outcome, and where that is."""
        for clause in dict.fromkeys((*self.new.clauses, *self.old.clauses)):
            had = self.was.stands(clause) if clause in self.old.clauses else NEVER
            has = self.now.stands(clause) if clause in self.new.clauses else NEVER
            yield from self._moved("clause", clause, had, has)
        duties: dict[tuple[str, str], int] = {}
        for row in self.old.reports:
            for other in self.new.reports:
                if row.then != other.then:
                    where = self._within(self.space, self.was.of(row.when), self.now.of(other.when))
                    pair = (row.then, other.then)
                    duties[pair] = self.sets.either(duties.get(pair, NEVER), where)
        for (before, after), where in duties.items():
            if where != NEVER:
                yield Changed("report", after, 0, before=before), where
        for code in dict.fromkeys((*_additions(self.old), *_additions(self.new))):
            yield from self._moved("addition", code, self._added(self.was, code), self._added(self.now, code))

    def _moved(self, kind: str, name: str, had: int, has: int) -> Iterator[tuple[Changed, int]]:
        for gained, where in ((True, (has, self.sets.negate(had))), (False, (had, self.sets.negate(has)))):
            function = self._within(self.space, *where)
            if function != NEVER:
                yield Changed(kind, name, 0, gained), function

    def _added(self, meaning: Meaning[int], code: str) -> int:
        return meaning.any(meaning.of(entry.when) for entry in meaning.cls.also if code in _codes(entry))

    def _known(self, cls: Class) -> int:
        """Sets whose answers to the class's questions are all answers that it knows."""
        ours = {question.id: question.answer_ids for question in cls.questions}
        space = self.sets.true
        for question, answer in self.sets.answer_numbers:
            if answer not in ours.get(question, (answer,)):
                space = self._within(space, self.sets.negate(self.sets.answered(question, answer)))
        return space

    def _within(self, *functions: int) -> int:
        result = self.sets.true
        for function in functions:
            result = self.sets.both(result, function)
        return result


def _additions(cls: Class) -> list[str]:
    return [code for entry in cls.also for code in _codes(entry)]


def _codes(entry: Also) -> tuple[str, ...]:
    """What an addition does to the outcome; its annotations only describe."""
    return (*(sanction.code for sanction in entry.sanctions), *entry.duties)
