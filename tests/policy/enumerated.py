"""Every complete answer set of a small class, one by one with the engine: what diagrams say is held against it.

For classes with few sets, in which no question depends on the history; `cse` has too many sets.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from safehold import policy

Answers = dict[str, Any]


def histories(limits: dict[str, list[int]]) -> Iterator[policy.History]:
    """One history for each setting of the thresholds: below the first, from the first to below the second, …"""
    counters = [[(counter, number) for number in (0, *numbers)] for counter, numbers in limits.items()]
    for chosen in itertools.product(*counters):
        yield policy.History(**dict(chosen))


def every(*classes: tuple[policy.Pack, str]) -> Iterator[Answers]:
    """Each complete answer set that all these versions of a class can be asked, without record-only answers."""
    yield from _every(list(classes), {})


def _every(classes: list[tuple[policy.Pack, str]], answers: Answers) -> Iterator[Answers]:
    question = _open(classes, answers)
    if question is None:
        yield {name: value for name, value in answers.items() if value}
        return
    for value in _values(question):
        if all(_known(pack, class_id, question.id, value) for pack, class_id in classes):
            yield from _every(classes, {**answers, question.id: value})


def _path(pack: policy.Pack, class_id: str, answers: Answers) -> list[policy.Question]:
    """The questions that are asked, with mandatory texts taken as written."""
    questions = pack.classes[class_id].questions
    given: Answers = {q.id: "placeholder reason 1" for q in questions if q.kind == "text"}
    given |= {q.id: answers[q.id] for q in questions if answers.get(q.id)}
    return [q for q in policy.questions(pack, class_id, given) if q.needs != "record_only" and q.kind != "text"]


def _open(classes: list[tuple[policy.Pack, str]], answers: Answers) -> policy.Question | None:
    """The first question on the path of one of the versions that has neither an answer nor been left out."""
    for pack, class_id in classes:
        for question in _path(pack, class_id, answers):
            if question.id not in answers:
                return question
    return None


def _values(question: policy.Question) -> Iterator[Any]:
    if not question.mandatory:
        yield ""
    if question.kind == "one":
        yield from question.answer_ids
        return
    alone = [answer.id for answer in question.answers if answer.alone]
    others = [name for name in question.answer_ids if name not in alone]
    yield from ([name] for name in alone)
    for size in range(1, len(others) + 1):
        yield from (list(chosen) for chosen in itertools.combinations(others, size))


def _known(pack: policy.Pack, class_id: str, question: str, value: Any) -> bool:
    """Whether the version knows the answer, or does not ask the question at all."""
    asked = {q.id: q.answer_ids for q in pack.classes[class_id].questions}
    words = [value] if isinstance(value, str) else value
    return question not in asked or not value or all(word in asked[question] for word in words)


def decided(pack: policy.Pack, class_id: str, answers: Answers, history: policy.History) -> policy.Outcome:
    """What the version decides, without what it does not ask."""
    questions = pack.classes[class_id].questions
    texts = {q.id: "placeholder reason 1" for q in questions if q.kind == "text"}
    given = {q.id: answers[q.id] for q in questions if q.id in answers}
    return policy.decide(pack, class_id, {**texts, **given}, history)
