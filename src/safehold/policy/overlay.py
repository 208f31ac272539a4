"""Proves that a version which extends another is nowhere milder, in the classes that ask for it (S1). For `check` only.

Both versions are laid over the same answer sets (see `bdd`). Wherever the base finds a violation, so must the
other; sanction, action on the item, duty to report, further duties, the second person, what is done before they
have spoken and what follows when they disagree may only grow. Its place in the queue and the way strikes count stay.
"""

from collections.abc import Callable, Iterable, Iterator

from safehold.policy.bdd import NEVER, EveryAnswerSet
from safehold.policy.conditions import Meaning
from safehold.policy.pack import SEVERITY, Class, OutcomeSpec, Pack
from safehold.policy.proofs import Problem

_REPORTS = ("none", "may", "shall")
_FILED = ("", "victim", "suspect")


def milder(base: Pack, other: Pack) -> Iterable[Problem]:
    """Every place where `other` is milder than `base` although the class allows stricter changes only."""
    for name, cls in base.classes.items():
        if cls.overlay == "stricter" and other.classes[name] != cls:
            yield from _Comparison(cls, other.classes[name]).all()


class _Comparison:
    """One class in two versions, over all answer sets that the base knows."""

    def __init__(self, base: Class, other: Class) -> None:
        self.base, self.other = base, other
        self.sets = EveryAnswerSet(base, other)
        self.old, self.new = Meaning(base, self.sets), Meaning(other, self.sets)
        self.space = self.sets.both(self.sets.complete(self.old, self.new), self._known_answers())

    def all(self) -> Iterator[Problem]:
        if self.other.overlay != "stricter":
            yield self._problem("overlay", "This class may not set free how it may be changed.")
        if self.other.strikes != self.base.strikes:
            yield self._problem("strikes", "This class may not change how strikes count.")
        if self.base.priority == "top" and self.other.priority != "top":
            yield self._problem("priority", "This class may not move down in the queue.")
        yield from self._excuses()
        yield from self._outcomes()
        yield from self._reports()
        yield from self._additions()

    def _excuses(self) -> Iterator[Problem]:
        """A further answer that is given instead of those that the base knows: what it excuses cannot be compared."""
        further = {question.id: question for question in self.other.questions}
        for question in self.base.questions:
            for answer in further[question.id].answers:
                new = answer.id not in question.answer_ids
                if new and (question.kind == "one" or answer.alone):
                    what = f"Answer {answer.id!r} takes the place of one of the base: what it excuses cannot be told."
                    yield self._problem(question.id, what)

    def _known_answers(self) -> int:
        """Leaves aside sets in which a question has an answer that only the other version knows, and no other.

        The base says nothing about them. Beside an answer that it knows, a new one must not make anything milder.
        """
        space = self.sets.true
        for question in self.base.questions:
            known = self.old.any(self.sets.answered(question.id, word) for word in question.answer_ids)
            for name, word in self.sets.answer_numbers:
                if name == question.id and word not in question.answer_ids:
                    without = self.sets.negate(self.sets.answered(name, word))
                    space = self.sets.both(space, self.sets.either(without, known))
        return space

    def _outcomes(self) -> Iterator[Problem]:
        for rule in self.base.rules:
            was = self.sets.both(self.space, self.old.of(rule.when))
            for new in self.other.rules:
                shared = self.sets.both(was, self.new.of(new.when))
                if shared != NEVER:
                    before, after = self.base.outcomes[rule.then], self.other.outcomes[new.then]
                    for what in (*_losses(before, after, new.id != rule.id), *self._on_refusal(before, after)):
                        text = f"Where {rule.id} led to {before.id}, {after.id} {what}."
                        yield self._problem(new.id, text, shared)

    def _on_refusal(self, before: OutcomeSpec, after: OutcomeSpec) -> Iterator[str]:
        """What follows when the second person disagrees must not be milder either.

        Where nobody had to agree, the outcome itself followed for certain; back to review is never certain.
        """
        was = self.base.outcomes.get(before.if_refused) if before.second_person else before
        if was is None or was.result != "violation" or not after.second_person:
            return
        now = self.other.outcomes.get(after.if_refused)
        if now is None:
            yield f"goes back to review when the second person disagrees, where {was.id} was certain"
        elif now != was and (what := next(_losses(was, now), "")):
            yield f"leads to {now.id} when the second person disagrees, which {what}"

    def _reports(self) -> Iterator[Problem]:
        for row in self.base.reports:
            was = self.sets.both(self.space, self.old.of(row.when))
            for new in self.other.reports:
                shared = self.sets.both(was, self.new.of(new.when))
                if shared != NEVER and _REPORTS.index(new.then) < _REPORTS.index(row.then):
                    yield self._problem(new.id, f"The duty to report falls from {row.then!r} to {new.then!r}.", shared)

    def _additions(self) -> Iterator[Problem]:
        for part in ("sanctions", "duties"):
            for code in {code for entry in self.base.also for code in getattr(entry, part)}:
                had = self._added(self.base, self.old, part, code)
                has = self._added(self.other, self.new, part, code)
                lost = self.sets.both(self.space, self.sets.both(had, self.sets.negate(has)))
                if lost != NEVER:
                    yield self._problem("also", f"What added {getattr(code, 'code', code)!r} adds it no more.", lost)

    def _added(self, cls: Class, meaning: Meaning[int], part: str, code: object) -> int:
        return meaning.any(meaning.of(entry.when) for entry in cls.also if code in getattr(entry, part))

    def _problem(self, part: str, what: str, where: int = NEVER) -> Problem:
        example = self.sets.shown_example(where) if where != NEVER else ""
        hint = f"A version that changes {self.base.id!r} may be stricter only."
        return Problem(self.base.id, part, what, example, self.other.places.get(part), hint)


def _losses(before: OutcomeSpec, after: OutcomeSpec, other_rule: bool = False) -> Iterator[str]:
    """In which respects an outcome is milder than another, as the end of a sentence.

    `other_rule`: another rule decides now, so that another outcome may need nobody's agreement.
    """
    tests: tuple[tuple[Callable[[OutcomeSpec], int], str], ...] = (
        (lambda spec: spec.result == "violation", "finds no violation"),
        (lambda spec: spec.result != "no_violation", "settles what had to be looked at by a person"),
        (lambda spec: _rank(spec)[0], "has a milder sanction"),
        (lambda spec: "hide_item" in spec.actions, "leaves the item in view"),
        (lambda spec: spec.strike, "counts no more"),
        (lambda spec: _FILED.index(spec.filed_as), "no longer names the person in a report as before"),
    )
    for measure, words in tests:
        if measure(after) < measure(before):
            yield words
    if _rank(after)[0] == _rank(before)[0] and _fewer(before, after):
        yield "has fewer days or sanctions"
    if "ban_person" in {one.code for one in before.sanctions} - {one.code for one in after.sanctions}:
        yield "bans the person no more"
    if set(before.actions) - set(after.actions) and after.result == before.result:
        yield "does less about the item"
    if set(before.duties) - set(after.duties):
        yield "lacks a duty"
    waits_no_more = other_rule and _at_once(after)[1] > _at_once(before)[1]
    if before.second_person and not after.second_person and not (waits_no_more or _harder(before, after)):
        yield "needs no second person any more"
    if _less_at_once(before, after):
        yield "does less until a second person has spoken"


def _harder(before: OutcomeSpec, after: OutcomeSpec) -> bool:
    """It finds a violation where there was none, or has a graver sanction: nobody has to agree to that."""
    return (before.result != "violation" and after.result == "violation") or _rank(after)[0] > _rank(before)[0]


def _less_at_once(before: OutcomeSpec, after: OutcomeSpec) -> bool:
    """Whether less is done about item or account before anybody else is asked."""
    (actions, gravest), (then, now) = _at_once(before), _at_once(after)
    return bool(actions - then) or now < gravest


def _at_once(spec: OutcomeSpec) -> tuple[set[str], int]:
    """The actions on the item, and the rank of the gravest sanction, that wait for nobody."""
    codes = spec.meanwhile if spec.second_person else (*spec.actions, *(one.code for one in spec.sanctions))
    return set(codes) & {"hide_item"}, max((SEVERITY.index(code) for code in codes if code in SEVERITY), default=-1)


def _rank(spec: OutcomeSpec) -> tuple[int, int]:
    """The gravest sanction and its days; below all others where there is none."""
    return max(_ranks(spec), default=(-1, 0))


def _fewer(before: OutcomeSpec, after: OutcomeSpec) -> bool:
    """Whether some sanction, from the gravest down, has nothing as grave or as long in its place."""
    was, now = sorted(_ranks(before), reverse=True), sorted(_ranks(after), reverse=True)
    return len(now) < len(was) or any(new < old for old, new in zip(was, now, strict=False))


def _ranks(spec: OutcomeSpec) -> list[tuple[int, int]]:
    return [(SEVERITY.index(sanction.code), sanction.days or 0) for sanction in spec.sanctions]
