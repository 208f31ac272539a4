"""The decision grid of a class: how many answer sets lead to which outcome, by two of its questions. Pure.

Others call `grid`, `axes` and `histories` through `safehold.policy`. A cell counts complete answer sets (see
`bdd`), each with exactly one outcome. Record-only answers and the wording of texts are not told apart.

An axis is a question or `CLAUSES`. By clauses, a set stands in the row of the first clause that stands, in
the pack's order of weight, so that every set is counted once. By a question that takes several answers, a
set is counted at each of them; `overlaps` says so.
"""

from msgspec import Struct

from safehold.policy.bdd import NEVER, EveryAnswerSet
from safehold.policy.conditions import Meaning
from safehold.policy.pack import SEVERITY, Class, OutcomeSpec, Pack

CLAUSES = "clauses"
ANY_HISTORY = "any"


class Line(Struct, frozen=True):
    """A row or column: kind is clause, no_clause, answer or not_asked; `id` the clause or answer."""

    kind: str
    id: str


class Grid(Struct, frozen=True):
    """One class by two axes under one history. `cells[row][column]` maps outcome ids to counts, none of them 0.

    `outcomes` are ordered from what allows to what weighs most; `sets` is how many answer sets there are.
    """

    class_id: str
    rows_by: str
    columns_by: str
    history: str
    rows: tuple[Line, ...]
    columns: tuple[Line, ...]
    cells: tuple[tuple[dict[str, int], ...], ...]
    outcomes: tuple[str, ...]
    totals: dict[str, int]
    sets: int
    overlaps: bool


def axes(pack: Pack, class_id: str) -> list[str]:
    """What rows and columns can be: the clauses, and every question whose answers count. Raises KeyError."""
    questions = pack.classes[class_id].questions
    return [CLAUSES, *(q.id for q in questions if q.kind != "text" and q.needs != "record_only")]


def histories(pack: Pack, class_id: str) -> list[str]:
    """The histories that the class tells apart: `none`, `<counter>-<number>` for at least that many, `any`.

    Raises KeyError.
    """
    limits = EveryAnswerSet(pack.classes[class_id]).limit_numbers
    return ["none", *(f"{counter}-{number}" for counter, number in limits), ANY_HISTORY]


def grid(pack: Pack, class_id: str, rows: str = "", columns: str = "", history: str = "") -> Grid:
    """The grid of a class. Raises KeyError for an unknown class, ValueError for an axis or history it has not.

    By default the rows are the clauses, the columns what the person did (or the first question), and the
    history is that of somebody with none.
    """
    known = axes(pack, class_id)
    rows, history = rows or CLAUSES, history or "none"
    columns = columns or next(axis for axis in ("role", *known[1:]) if axis in known and axis != rows)
    for axis in (rows, columns):
        if axis not in known:
            raise ValueError(f"Class {class_id!r} has no {axis!r} to be laid out by; it has {', '.join(known)}.")
    if rows == columns:
        raise ValueError(f"Rows and columns are both {rows!r}; choose two different ones.")
    if history not in histories(pack, class_id):
        raise ValueError(f"Class {class_id!r} tells apart the histories {', '.join(histories(pack, class_id))}.")
    return _Counting(pack.classes[class_id], history).grid(rows, columns)


class _Counting:
    """One class over all its complete answer sets with one history."""

    def __init__(self, cls: Class, history: str) -> None:
        self.cls, self.history = cls, history
        self.sets = EveryAnswerSet(cls)
        self.meaning: Meaning[int] = Meaning(cls, self.sets)
        self.space = self.sets.complete(self.meaning)
        for limit, holds in self._limits().items():
            value = self.sets.at_least(*limit)
            self.space = self.sets.both(self.space, value if holds else self.sets.negate(value))
        self.outcomes: dict[str, int] = {}
        for rule in cls.rules:
            where = self.sets.both(self.space, self.meaning.of(rule.when))
            self.outcomes[rule.then] = self.sets.either(self.outcomes.get(rule.then, NEVER), where)

    def grid(self, rows: str, columns: str) -> Grid:
        across, down = self._lines(columns), self._lines(rows)
        many = {question.id for question in self.cls.questions if question.kind == "many"}
        return Grid(
            class_id=self.cls.id,
            rows_by=rows,
            columns_by=columns,
            history=self.history,
            rows=tuple(down),
            columns=tuple(across),
            cells=tuple(
                tuple(self._counts(self.sets.both(row, column)) for column in across.values()) for row in down.values()
            ),
            outcomes=tuple(sorted(self.outcomes, key=lambda name: weight(self.cls.outcomes[name]))),
            totals=self._counts(self.sets.true),
            sets=self.sets.counted(self.space),
            overlaps=bool({rows, columns} & many),
        )

    def _limits(self) -> dict[tuple[str, int], bool]:
        """What the history says of each threshold; one that names a counter has none of the others."""
        limits = self.sets.limit_numbers
        if self.history == ANY_HISTORY:
            return {}
        counter, _, number = self.history.partition("-")
        return {limit: limit[0] == counter and limit[1] <= int(number) for limit in limits}

    def _lines(self, axis: str) -> dict[Line, int]:
        """Each row or column of an axis that some set stands in, with its sets."""
        found = self._clauses() if axis == CLAUSES else self._answers(axis)
        return {line: where for line, where in found.items() if self.sets.both(self.space, where) != NEVER}

    def _clauses(self) -> dict[Line, int]:
        found: dict[Line, int] = {}
        left = self.sets.true
        for clause in self.cls.clauses:
            stands = self.meaning.stands(clause)
            found[Line("clause", clause)] = self.sets.both(left, stands)
            left = self.sets.both(left, self.sets.negate(stands))
        return {**found, Line("no_clause", ""): left}

    def _answers(self, question: str) -> dict[Line, int]:
        found: dict[Line, int] = {}
        none = self.sets.true
        for answer in self.cls.question(question).answer_ids:
            given = self.sets.answered(question, answer)
            found[Line("answer", answer)] = given
            none = self.sets.both(none, self.sets.negate(given))
        return {**found, Line("not_asked", ""): none}

    def _counts(self, where: int) -> dict[str, int]:
        counts = {name: self.sets.counted(self.sets.both(sets, where)) for name, sets in self.outcomes.items()}
        return {name: number for name, number in counts.items() if number}


def weight(spec: OutcomeSpec) -> tuple[int, int, int, int]:
    """A key that orders outcomes from what allows to what weighs most; for showing, not for deciding."""
    kind = ("no_violation", "undecided", "violation").index(spec.result)
    gravest = max((SEVERITY.index(sanction.code) for sanction in spec.sanctions), default=-1)
    return kind, gravest, sum(sanction.days or 0 for sanction in spec.sanctions), len(spec.actions)


def tone(spec: OutcomeSpec) -> str:
    """The five kinds of outcome that a picture tells apart: allowed, open, removed, limited, ended."""
    if spec.result != "violation":
        return "allowed" if spec.result == "no_violation" else "open"
    codes = {sanction.code for sanction in spec.sanctions}
    return "ended" if "suspend_permanently" in codes else "limited" if codes else "removed"
