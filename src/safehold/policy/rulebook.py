"""Turns one class file of a pack into a `Class`, and refuses what does not hang together. For `loader` only."""

from collections.abc import Iterable, Sequence

from safehold.policy import conditions as c
from safehold.policy import pack as p
from safehold.policy.grammar import Grammar, one_of, refers
from safehold.policy.reading import Map, PolicyError, Seq

_CLASS_KEYS = (
    "class",
    "priority",
    "serves",
    "strikes",
    "ladder",
    "notices",
    "overlay",
    "questions",
    "facts",
    "clauses",
    "exceptions",
    "outcomes",
    "rules",
    "reports",
    "also",
)
_RESERVED = ("is", "help", "text", *c.WORDS)


def parse_class(name: str, body: Map, shared: Sequence[Map], sources: frozenset[str]) -> p.Class:
    """The class in one file. Raises PolicyError."""
    body.only(_CLASS_KEYS, f"Class {name!r}")
    if body.take("class", str, f"Class {name!r}") != name:
        body.fail("class", f"This file is {name}.yaml, but says {body['class']!r}.", f"Write `class: {name}`.")
    return _Builder(name, body, shared, sources).build()


class _Builder:
    """Reads the sections in order; conditions are checked once all names are known."""

    def __init__(self, name: str, body: Map, shared: Sequence[Map], sources: frozenset[str]) -> None:
        self.name, self.body, self.sources = name, body, sources
        self.shared = {row.take("id", str, "A shared question"): row for row in shared}
        self.facts: dict[str, c.Condition] = {}
        self.clauses: dict[str, p.Clause] = {}
        self.exceptions: dict[str, p.Exemption] = {}
        self.outcomes: dict[str, p.OutcomeSpec] = {}
        self.at: dict[tuple[str, str], Map] = {}

    def build(self) -> p.Class:
        self._names()
        rows = [self._question(row) for row in self._rows("questions")]
        facts = self.body.take("facts", Map, "The class", Map(self.body.file, self.body.line))
        self.facts = {key: self.grammar.condition(facts, key) for key in facts}
        self.clauses = {row["id"]: self._clause(row) for row in self._rows("clauses")}
        self.exceptions = {row["id"]: self._exception(row) for row in self._rows("exceptions")}
        self.outcomes = {row["id"]: self._outcome(row) for row in self._rows("outcomes")}
        cls = p.Class(
            id=self.name,
            priority=one_of(
                self.body, "priority", self.body.take("priority", str, "The class"), ("top", "normal"), "priority"
            ),
            serves=self.body.words("serves", "The class", ()),
            questions=tuple(rows),
            facts=self.facts,
            clauses=self.clauses,
            exceptions=self.exceptions,
            outcomes=self.outcomes,
            rules=tuple(self._rule(row, tuple(self.outcomes), "outcome") for row in self._rows("rules")),
            reports=tuple(self._rule(row, ("shall", "may", "none"), "report duty") for row in self._rows("reports")),
            also=tuple(self._also(row) for row in self._rows("also")),
            strikes=self._strikes(),
            ladder=self._codes(self.body, "ladder", self.outcomes),
            notices=self._codes(self.body, "notices", p.NOTICES),
            overlay=one_of(
                self.body, "overlay", self.body.take("overlay", str, "The class", "free"), p.OVERLAYS, "kind of overlay"
            ),
            places=self._places(),
        )
        self._follow(cls)
        return cls

    def _strikes(self) -> p.Strikes:
        row = self.body.take("strikes", Map, "The class", Map(self.body.file, self.body.line))
        row.only(("suspend", "expire"), "strikes")
        expire = row.get("expire", "never")
        if expire != "never" and (not isinstance(expire, int) or isinstance(expire, bool) or expire < 1):
            row.fail("expire", f"Strikes expire after {expire!r}.", "Write a whole number of days, or `never`.")
        return p.Strikes(row.take("suspend", bool, "strikes", False), None if expire == "never" else expire)

    def _places(self) -> dict[str, p.Place]:
        """Where each named part stands, for whoever reads a fault of the checker."""
        places = {name: p.Place(row.file, row.line) for (_, name), row in self.at.items()}
        facts = self.body.get("facts", {})
        places |= {f"fact {name}": p.Place(facts.file, facts.lines[name]) for name in facts}
        for number, row in enumerate(self._rows("also"), 1):
            places[f"also {number}"] = p.Place(row.file, row.line)
        for section in _CLASS_KEYS:
            line = self.body.lines.get(section, self.body.line)
            places[section] = p.Place(self.body.files.get(section, self.body.file), line)
        return places

    def _rows(self, section: str) -> list[Map]:
        rows = self.body.take(section, Seq, f"Class {self.name!r}", Seq(self.body.file, self.body.line))
        for index, row in enumerate(rows):
            if not isinstance(row, Map):
                raise PolicyError(
                    self.body.file,
                    rows.lines[index],
                    f"Every entry of {section!r} is a mapping.",
                    "Begin it with `id:`.",
                )
        return list(rows)

    def _names(self) -> None:
        """Collect every id first, so that conditions may look ahead in the file."""
        self.known: dict[str, dict[str, Map]] = {}
        self.question_rows: dict[str, Map] = {}
        for section in ("questions", "clauses", "exceptions", "outcomes", "rules", "reports"):
            names: dict[str, Map] = {}
            for row in self._rows(section):
                key = "use" if section == "questions" and "use" in row else "id"
                name = row.take(key, str, f"An entry of {section!r}")
                if name in names:
                    row.fail(
                        key, f"{name!r} stands twice in {section!r}.", f"The first is on line {names[name].lines[key]}."
                    )
                names[name] = row
                self.at[section, name] = row
                if section == "questions":
                    self.question_rows[name] = self._shared_row(row, name) if key == "use" else row
            self.known[section] = names
        marks = sorted({mark for row in self.known["clauses"].values() for mark in self._marks(row)})
        facts = self.body.take("facts", Map, "The class", Map(self.body.file, self.body.line))
        known = self.known
        self.grammar = Grammar(self.question_rows, facts, known["clauses"], known["exceptions"], marks)

    def _shared_row(self, row: Map, name: str) -> Map:
        row.only(("use", "when"), f"Question {name!r}")
        one_of(row, "use", name, self.shared, "shared question")
        return self.shared[name]

    def _question(self, row: Map) -> p.Question:
        name = row.get("use") or row["id"]
        base = self.question_rows[name]
        thing = f"Question {name!r}"
        base.only(("id", "kind", "needs", "answers", "alone", "when", "serves", "decides_violation"), thing)
        if name in _RESERVED:
            base.fail(
                "id", f"A question may not be called {name!r}.", "The word has a meaning of its own in conditions."
            )
        kind = one_of(base, "kind", base.take("kind", str, thing), p.KINDS, "kind of question")
        needs = one_of(base, "needs", base.take("needs", str, thing, "mandatory"), p.NEEDS, "need")
        answers = base.words("answers", thing, ())
        if (kind == "text") == bool(answers):
            base.fail(
                "answers", f"{thing} is of kind {kind!r}, so it {'takes no' if kind == 'text' else 'needs'} answers."
            )
        for answer in answers:
            if answer in ("help", "is"):
                base.fail(
                    "answers",
                    f"An answer may not be called {answer!r}.",
                    "Texts use that word for the question itself.",
                )
        alone = base.words("alone", thing, ())
        for word in alone:
            one_of(base, "alone", word, answers, f"answer of {name!r}")
        holder = row if "when" in row else base
        return p.Question(
            id=name,
            class_id=self.name,
            kind=kind,
            needs=needs,
            answers=tuple(p.Answer(answer, answer in alone) for answer in answers),
            when=self.grammar.condition(holder, "when") if "when" in holder else c.ALWAYS,
            serves=base.words("serves", thing, ()),
            decides_violation=base.take("decides_violation", bool, thing, needs != "record_only"),
        )

    def _marks(self, row: Map) -> tuple[str, ...]:
        """Marks written in the pack, and those that follow from other settings."""
        lenient = () if row.get("lenient", True) else ("no_lenient",)
        return (*row.words("marks", "A clause", ()), f"report_{row.get('report', 'none')}", *lenient)

    def _clause(self, row: Map) -> p.Clause:
        thing = f"Clause {row['id']!r}"
        row.only(
            ("id", "serves", "when", "report", "incident_type", "annotations", "sources", "lenient", "marks"), thing
        )
        report = one_of(row, "report", row.take("report", str, thing, "none"), p.REPORTS, "report duty")
        incident = row.take("incident_type", str, thing, "")
        if (report != "none") != bool(incident):
            row.fail(
                "incident_type",
                f"{thing} has report {report!r} and incident type {incident!r}.",
                "A clause that may be reported names a CyberTip incident type; others name none.",
            )
        if incident:
            one_of(row, "incident_type", incident, p.INCIDENT_TYPES, "incident type")
        return p.Clause(
            id=row["id"],
            class_id=self.name,
            serves=row.words("serves", thing),
            when=self.grammar.condition(row, "when"),
            report=report,
            incident_type=incident,
            annotations=self._codes(row, "annotations", p.ANNOTATIONS),
            sources=self._codes(row, "sources", self.sources),
            lenient=row.take("lenient", bool, thing, True),
            marks=self._marks(row),
        )

    def _exception(self, row: Map) -> p.Exemption:
        thing = f"Exception {row['id']!r}"
        row.only(("id", "serves", "when", "clears", "off"), thing)
        off = row.take("off", bool, thing, False)
        when = self.grammar.condition(row, "when")
        return p.Exemption(
            row["id"],
            self.name,
            row.words("serves", thing),
            c.Not(c.ALWAYS) if off else when,
            self._codes(row, "clears", self.known["clauses"]),
            off,
        )

    def _outcome(self, row: Map) -> p.OutcomeSpec:
        thing = f"Outcome {row['id']!r}"
        row.only(
            (
                "id",
                "result",
                "sanctions",
                "actions",
                "duties",
                "second_person",
                "meanwhile",
                "if_refused",
                "strike",
                "filed_as",
            ),
            thing,
        )
        if "if_refused" in row:
            one_of(row, "if_refused", row["if_refused"], self.known["outcomes"], "outcome")
        return p.OutcomeSpec(
            id=row["id"],
            result=one_of(
                row, "result", row.take("result", str, thing), ("violation", "no_violation", "undecided"), "result"
            ),
            sanctions=self._sanctions(row),
            actions=self._codes(row, "actions", p.ACTIONS),
            duties=self._codes(row, "duties", p.DUTIES),
            second_person=row.take("second_person", str, thing, ""),
            meanwhile=self._codes(row, "meanwhile", (*p.ACTIONS, *p.SANCTIONS)),
            if_refused=row.get("if_refused", ""),
            strike=row.take("strike", bool, thing, False),
            filed_as=one_of(
                row, "filed_as", row.take("filed_as", str, thing, ""), ("", "suspect", "victim"), "way to be filed"
            ),
        )

    def _sanctions(self, row: Map) -> tuple[p.Sanction, ...]:
        found: list[p.Sanction] = []
        for entry in row.take("sanctions", Seq, "The outcome", ()):
            code, days = entry, None
            if isinstance(entry, Map):
                (code, days), *_ = entry.items()
                if not isinstance(days, int) or isinstance(days, bool) or days < 1:
                    entry.fail(code, f"{code!r} lasts {days!r} days.", "Write a whole number of days, at least 1.")
            found.append(p.Sanction(one_of(row, "sanctions", str(code), p.SANCTIONS, "sanction"), days))
        return tuple(found)

    def _rule(self, row: Map, targets: tuple[str, ...], thing: str) -> p.Rule:
        row.only(("id", "when", "then", "serves"), f"Rule {row['id']!r}")
        then = one_of(row, "then", row.take("then", str, f"Rule {row['id']!r}"), targets, thing)
        return p.Rule(row["id"], self.grammar.condition(row, "when"), then, row.words("serves", "A rule", ()))

    def _also(self, row: Map) -> p.Also:
        row.only(("when", "sanctions", "duties", "annotations", "file_annotations"), "An addition")
        return p.Also(
            self.grammar.condition(row, "when"),
            self._sanctions(row),
            self._codes(row, "duties", p.DUTIES),
            self._codes(row, "annotations", p.ANNOTATIONS),
            self._codes(row, "file_annotations", p.FILE_ANNOTATIONS),
        )

    def _codes(self, row: Map, key: str, allowed: Iterable[str]) -> tuple[str, ...]:
        names = tuple(allowed)
        return tuple(one_of(row, key, word, names, key.rstrip("s")) for word in row.words(key, "The entry", ()))

    def _follow(self, cls: p.Class) -> None:
        """Refuse circles, and questions whose condition looks at a later question."""
        order = [question.id for question in cls.questions]
        for place, question in enumerate(cls.questions):
            late = self._reach(cls, "question", question.id, ()) - set(order[:place])
            if late:
                row = self.at["questions", question.id]
                row.fail(
                    "when",
                    f"Question {question.id!r} depends on {min(late)!r}, which is asked later.",
                    "Move it up, or change `when`.",
                )
        for kind, names in (("fact", cls.facts), ("clause", cls.clauses), ("exception", cls.exceptions)):
            for name in names:
                self._reach(cls, kind, name, ())

    def _reach(self, cls: p.Class, kind: str, name: str, trail: tuple[tuple[str, str], ...]) -> set[str]:
        """Every question that a part looks at, directly or through facts, clauses and exceptions."""
        if (kind, name) in trail:
            circle = " > ".join(step for _, step in (*trail, (kind, name)))
            self.body.fail("facts", f"These conditions go in a circle: {circle}.", "Break it at one of them.")
        questions: set[str] = set()
        for kind_, name_ in refers(cls, cls.condition(kind, name)):
            if kind_ == "question":
                questions.add(name_)
            else:
                questions |= self._reach(cls, kind_, name_, (*trail, (kind, name)))
        return questions
