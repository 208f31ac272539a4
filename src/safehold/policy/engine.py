"""Decides: answers in, an outcome with its reasons out. Pure: no clock, no database, no judgement of its own.

Others call these through `safehold.policy`: next_question, questions, decide, if_refused, stricter.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from safehold.policy.conditions import (
    AllOf,
    AnyOf,
    AtLeast,
    Condition,
    Exempt,
    Fact,
    Has,
    Marked,
    Meaning,
    Not,
    Stands,
    direct,
)
from safehold.policy.pack import (
    SEVERITY,
    Because,
    Class,
    Clause,
    History,
    Outcome,
    OutcomeSpec,
    Pack,
    Question,
    Rule,
)
from safehold.policy.reading import PolicyError

Answers = Mapping[str, str | Sequence[str]]
TEXT_LIMIT = 4000


class BadAnswer(ValueError):
    """An answer that the policy does not know, or that cannot stand: which question, what, what is allowed."""


class Incomplete(ValueError):
    """Mandatory questions on the path are open. `questions` holds their ids, first the next one."""

    def __init__(self, class_id: str, questions: tuple[str, ...]) -> None:
        self.questions = questions
        super().__init__(f"No decision under {class_id!r} yet: unanswered is {', '.join(questions)}.")


class _Given:
    """The algebra of one answer set: plain truth."""

    true, false = True, False

    def __init__(self, given: Mapping[str, tuple[str, ...]], history: History) -> None:
        self.given, self.history = given, history

    def both(self, a: bool, b: bool) -> bool:
        return a and b

    def either(self, a: bool, b: bool) -> bool:
        return a or b

    def negate(self, a: bool) -> bool:
        return not a

    def answered(self, question: str, answer: str) -> bool:
        return answer in self.given.get(question, ())

    def at_least(self, counter: str, number: int) -> bool:
        return getattr(self.history, counter) >= number


def _class(pack: Pack, class_id: str) -> Class:
    if class_id not in pack.classes:
        raise BadAnswer(
            f"Policy {pack.policy} {pack.version} has no class {class_id!r}; it has {', '.join(pack.classes)}."
        )
    return pack.classes[class_id]


def _checked(cls: Class, answers: Answers) -> dict[str, tuple[str, ...]]:
    """Every given answer, checked against its question. Raises BadAnswer."""
    known = {question.id: question for question in cls.questions}
    checked: dict[str, tuple[str, ...]] = {}
    for name, value in answers.items():
        if name not in known:
            raise BadAnswer(f"Class {cls.id!r} has no question {name!r}; it has {', '.join(known)}.")
        values = _values(known[name], value)
        if values:
            checked[name] = values
    return checked


def _values(question: Question, value: object) -> tuple[str, ...]:
    values = _listed(question, value)
    if question.kind == "text":
        if values and len(values[0]) > TEXT_LIMIT:
            size = len(values[0])
            raise BadAnswer(f"The text of {question.id!r} has {size} characters; at most {TEXT_LIMIT} are kept.")
        return values
    for word in values:
        if word not in question.answer_ids:
            known = ", ".join(question.answer_ids)
            raise BadAnswer(f"{question.id!r} has no answer {word!r}; it has {known}.")
    for answer in question.answers:
        if answer.alone and answer.id in values and len(values) > 1:
            raise BadAnswer(f"{answer.id!r} cannot stand beside other answers of {question.id!r}.")
    return tuple(word for word in question.answer_ids if word in values)


def _listed(question: Question, value: object) -> tuple[str, ...]:
    name = question.id
    if isinstance(value, str):
        values: tuple[str, ...] = (value,) if value.strip() else ()
    elif isinstance(value, (list, tuple)) and all(isinstance(entry, str) for entry in value):
        values = tuple(value)
    else:
        raise BadAnswer(f"The answer to {name!r} is {value!r}; it must be a word or a list of words.")
    if question.kind != "many" and len(values) > 1:
        raise BadAnswer(f"{name!r} takes one answer; {len(values)} were given.")
    if len(values) != len(set(values)):
        raise BadAnswer(f"{name!r} names an answer twice.")
    return values


def _walk(
    cls: Class, answers: Answers, history: History
) -> tuple[list[Question], dict[str, tuple[str, ...]], Meaning[bool], Question | None]:
    """The path so far: questions shown, the answers that count, their meaning, the first open question.

    One meaning serves the whole walk although answers are added on the way: the loader has made sure
    that a question's condition looks only at earlier questions, so nothing remembered can change.
    """
    given = _checked(cls, answers)
    counted: dict[str, tuple[str, ...]] = {}
    meaning = Meaning(cls, _Given(counted, history))
    path: list[Question] = []
    for question in cls.questions:
        if not meaning.shown(question.id):
            continue
        path.append(question)
        if question.id in given:
            counted[question.id] = given[question.id]
        elif question.mandatory:
            return path, counted, meaning, question
    return path, counted, meaning, None


def next_question(pack: Pack, class_id: str, answers: Answers) -> Question | None:
    """The first mandatory question without an answer; None when every mandatory one has its answer.

    Raises BadAnswer. Optional and record-only questions are in `questions`.
    """
    return _walk(_class(pack, class_id), answers, History())[3]


def questions(pack: Pack, class_id: str, answers: Answers) -> list[Question]:
    """The questions on the path so far, answered or open, in order; it ends at the first open mandatory one."""
    return _walk(_class(pack, class_id), answers, History())[0]


def decide(pack: Pack, class_id: str, answers: Answers, history: History) -> Outcome:
    """The one outcome of a complete set of answers. Raises Incomplete and BadAnswer.

    Answers to questions that are not on the path play no part and are named in `unused`.
    """
    spec, put = composed(pack, class_id, answers, history)
    return put(spec)


def if_refused(pack: Pack, class_id: str, answers: Answers, history: History) -> Outcome | None:
    """The outcome that follows when the second person disagrees; None sends the case back to review.

    Raises ValueError where the outcome needs no second person.
    """
    spec, put = composed(pack, class_id, answers, history)
    if not spec.second_person:
        raise ValueError(f"Outcome {spec.id!r} needs no second person.")
    return put(pack.classes[class_id].outcomes[spec.if_refused]) if spec.if_refused else None


def composed(
    pack: Pack, class_id: str, answers: Answers, history: History
) -> tuple[OutcomeSpec, Callable[[OutcomeSpec], Outcome]]:
    """For this room: what the rules lead to, and a function that puts any outcome of the class together for these
    answers, with the clauses, exceptions, report duty and reasons that they alone decide. Raises as `decide`.
    """
    cls = _class(pack, class_id)
    if min(history.strikes, history.same_class_12_months, history.protective) < 0:
        raise BadAnswer("A count in the history is below zero.")
    _, counted, meaning, open_question = _walk(cls, answers, history)
    if open_question is not None:
        raise Incomplete(class_id, (open_question.id,))
    rule, report = _one(cls, cls.rules, meaning), _one(cls, cls.reports, meaning)
    unused = tuple(name for name in answers if name not in counted)
    reasoning = _Reasoning(cls, counted, meaning, history)
    return cls.outcomes[rule.then], lambda spec: reasoning.outcome(spec, rule, report, unused)


def _one(cls: Class, rules: Iterable[Rule], meaning: Meaning[bool]) -> Rule:
    holding = [rule for rule in rules if meaning.of(rule.when)]
    if len(holding) != 1:
        named = ", ".join(rule.id for rule in holding) or "none"
        what = f"For these answers exactly one rule must hold; held: {named}."
        raise PolicyError(f"{cls.id}.yaml", 1, what, "Run `safehold policy check`.")
    return holding[0]


class _Reasoning:
    """Puts an outcome together and says why."""

    def __init__(
        self, cls: Class, counted: Mapping[str, tuple[str, ...]], meaning: Meaning[bool], history: History
    ) -> None:
        self.cls, self.counted, self.meaning, self.history = cls, counted, meaning, history
        self._of_facts: dict[str, list[str]] = {}
        self._of_paths: dict[str, list[str]] = {}

    def outcome(self, spec: OutcomeSpec, rule: Rule, report: Rule, unused: tuple[str, ...]) -> Outcome:
        clauses = self._standing() if spec.result != "no_violation" else []
        exceptions = self._exceptions()
        also = [entry for entry in self.cls.also if self.meaning.of(entry.when)]
        duty = {"shall": ("report_shall",), "may": ("report_may",), "none": ()}[report.then]
        filed = bool(duty)
        return Outcome(
            violation=spec.result == "violation",
            clauses=tuple(clause.id for clause in clauses),
            exceptions=tuple(exceptions),
            sanctions=_merged(spec.sanctions, *(entry.sanctions for entry in also)),
            actions=spec.actions,
            duties=_merged(duty, spec.duties, *(entry.duties for entry in also)),
            second_person=spec.second_person,
            because=self._because(rule, report, spec, clauses, exceptions),
            incident_type=clauses[0].incident_type if filed and clauses else "",
            annotations=_merged(*(c.annotations for c in clauses), *(e.annotations for e in also)) if filed else (),
            file_annotations=_merged(*(entry.file_annotations for entry in also)) if filed else (),
            outcome_id=spec.id,
            undecided=spec.result == "undecided",
            strike=spec.strike,
            filed_as=spec.filed_as if filed else "",
            meanwhile=spec.meanwhile,
            unused=unused,
        )

    def _standing(self) -> list[Clause]:
        return [clause for clause in self.cls.clauses.values() if self.meaning.stands(clause.id)]

    def _cleared(self, exception: str) -> tuple[str, ...]:
        return tuple(clause for clause in self.cls.exceptions[exception].clears if self.meaning.found(clause))

    def _exceptions(self) -> list[str]:
        """Exceptions that hold and matter: they clear a clause, or nothing stands at all."""
        nothing = not self._standing()
        return [e for e in self.cls.exceptions if self.meaning.exempt(e) and (nothing or self._cleared(e))]

    def _because(
        self, rule: Rule, report: Rule, spec: OutcomeSpec, clauses: list[Clause], exceptions: list[str]
    ) -> tuple[Because, ...]:
        steps = [Because("clause", clause.id, self.why(clause.when)) for clause in clauses]
        for name in exceptions:
            steps.append(Because("exception", name, self.why(self.cls.exceptions[name].when)))
            steps += [Because("cleared", clause, (name,)) for clause in self._cleared(name)]
        steps.append(Because("rule", rule.id, self.why(rule.when)))
        steps.append(Because("report", report.id, self.why(report.when)))
        for entry in self.cls.also:
            if self.meaning.of(entry.when):
                codes = (*(sanction.code for sanction in entry.sanctions), *entry.duties)
                steps += [Because("also", code, self.why(entry.when)) for code in codes]
        steps.append(Because("outcome", spec.id))
        named = {word for step in steps for word in step.why if "=" in word}
        answers = [f"{q}={word}" for q, words in self.counted.items() for word in words]
        return (*(Because("answer", pair) for pair in answers if pair in named), *steps)

    def why(self, condition: Condition) -> tuple[str, ...]:
        """The answers (`question=answer`), counters (`history.strikes=1`) and ids that make it hold."""
        return tuple(dict.fromkeys(self._why(condition)))

    def _why(self, condition: Condition) -> list[str]:
        if not self.meaning.of(condition):
            return []
        match condition:
            case Has(question, answers):
                given = [f"{question}={word}" for word in self.counted[question] if word in answers]
                return [*self._why_shown(question), *given]
            case Fact(names):
                return [why for name in names for why in self._why_fact(name)]
            case Stands(names):
                return [name for name in names or self.cls.clauses if self.meaning.stands(name)]
            case Exempt(names):
                return [name for name in names or self.cls.exceptions if self.meaning.exempt(name)]
            case Marked(marks):
                return [clause.id for clause in self._standing() if set(clause.marks) & set(marks)]
            case AtLeast(counter, _):
                return [f"history.{counter}={getattr(self.history, counter)}"]
            case AnyOf(parts) | AllOf(parts):
                return [why for part in parts for why in self._why(part)]
            case Not(part):
                return self._instead(part)

    def _why_fact(self, name: str) -> list[str]:
        if name not in self._of_facts:
            self._of_facts[name] = self._why(self.cls.facts[name])
        return self._of_facts[name]

    def _why_shown(self, question: str) -> list[str]:
        if question not in self._of_paths:
            self._of_paths[question] = self._why(self.cls.question(question).when)
        return self._of_paths[question]

    def _instead(self, condition: Condition) -> list[str]:
        """Why a denied condition does not hold: what was answered to the questions that it and its facts name."""
        found: list[str] = []
        for leaf in direct(condition):
            if isinstance(leaf, Has):
                found += [f"{leaf.question}={word}" for word in self.counted.get(leaf.question, ())]
            elif isinstance(leaf, Fact):
                found += [why for name in leaf.names for why in self._instead(self.cls.facts[name])]
        return found


def severity(outcome: Outcome) -> tuple[int, int, int, int]:
    """A key by which outcomes can be ordered: the gravest sanction, days, action on the item, report duty."""
    ranks = [SEVERITY.index(s.code) for s in outcome.sanctions if s.code != "suspend_protectively"]
    days = max((s.days or 0 for s in outcome.sanctions), default=0)
    action = 2 if "hide_item" in outcome.actions else 1 if "warning_screen" in outcome.actions else 0
    report = 2 if "report_shall" in outcome.duties else 1 if "report_may" in outcome.duties else 0
    return max(ranks, default=-1), days, action, report


def stricter(a: Outcome, b: Outcome) -> Outcome:
    """The stricter of two outcomes of different classes for the same person and item (readings A31)."""
    return b if severity(b) > severity(a) else a


def _merged(*parts: Iterable[object]) -> tuple:
    return tuple(dict.fromkeys(entry for part in parts for entry in part))
