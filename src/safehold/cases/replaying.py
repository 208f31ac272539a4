"""What decisions in force would be under another version of the policy. Reads only; changes no decision.

Others may call `replay` and `record_replay`. A version is chosen by the day of the conduct (readings A01), so
nothing here ever becomes a decision: it shows a policy owner what a version would have meant.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from msgspec import Struct

from safehold import policy
from safehold.audit import service as audit
from safehold.cases.decisions import PACK
from safehold.cases.models import Decision

# Every kind of result, in the order in which a reader wants to know of them.
KINDS = (
    "appears",  # a violation now where there was none
    "disappears",
    "undecided",  # one of the two comes to no decision
    "other_sanction",
    "otherwise",  # the same finding and sanctions, with other clauses, actions or duties
    "needs_answer",  # the version asks something that nobody answered
    "no_class",  # the version lacks the class
    "override",  # a person chose the outcome; `after` is what the version would compute
    "same",
)
_CHUNK = 500


class Side(Struct, frozen=True):
    """One of the two outcomes, as ids and codes."""

    outcome: str
    violation: bool
    clauses: tuple[str, ...]
    sanctions: tuple[str, ...]


class Replayed(Struct, frozen=True):
    """One decision: what it is, what it would be. `after` is None where nothing can be computed, and
    `question` names what would have to be answered first."""

    decision: str
    version: str
    class_id: str
    kind: str
    before: Side
    after: Side | None = None
    question: str = ""


def replay(version: str, since: datetime | None = None, *, name: str = PACK) -> Iterator[Replayed]:
    """Each decision of a policy that is in force since then, the earliest first, as the version would have it.

    Answers to questions that the version does not ask are left out, and so are answers that it does not
    know: their question is open then. The history is the one that was known when it was decided.
    Reads in chunks, so memory stays flat. Raises policy.PolicyError for an unknown version, at once.
    """
    pack = policy.load(name, version)
    rows = Decision.objects.filter(policy=name, state=Decision.State.CONFIRMED)
    if since is not None:
        rows = rows.filter(confirmed_at__gte=since)
    rows = rows.order_by("confirmed_at", "pk")
    return (_replayed(pack, row) for row in rows.iterator(chunk_size=_CHUNK))


def record_replay(version: str, since: datetime | None, *, name: str = PACK, actor: str) -> None:
    """Note that somebody is about to look at what every decision would be."""
    with transaction.atomic():
        about = f"policy:{name}/{version}"
        audit.record("policy.replayed", actor=actor, about=about, since=since.isoformat() if since else "")


def _replayed(pack: policy.Pack, row: Decision) -> Replayed:
    before = msgspec.convert(row.outcome, policy.Outcome)
    result: dict[str, Any] = {
        "decision": str(row.pk), "version": row.policy_version, "class_id": row.class_id, "before": _side(before),
    }  # fmt: skip
    if row.class_id not in pack.classes:
        return Replayed(kind="no_class", **result)
    try:
        after = _outcome(pack, row)
    except policy.Incomplete as missing:
        return Replayed(kind="needs_answer", question=missing.questions[0], **result)
    kind = "override" if row.cause == Decision.Cause.OVERRIDE else _kind(before, after)
    return Replayed(kind=kind, after=_side(after), **result)


def _outcome(pack: policy.Pack, row: Decision) -> policy.Outcome:
    """What follows from the answers, after the second person's refusal where there was one."""
    answers = _known(pack, row.class_id, {entry["question"]: entry["answer"] for entry in row.answers})
    history = msgspec.convert(row.history, policy.History)
    computed = policy.decide(pack, row.class_id, answers, history)
    if row.cause == Decision.Cause.DISAGREEMENT and computed.second_person:
        return policy.if_refused(pack, row.class_id, answers, history) or computed
    return computed


def _known(pack: policy.Pack, class_id: str, answers: dict[str, Any]) -> dict[str, Any]:
    """The answers that the version knows."""
    kept: dict[str, Any] = {}
    for question in pack.classes[class_id].questions:
        given = answers.get(question.id)
        if given is None:
            continue
        if question.kind == "text":
            kept[question.id] = given
            continue
        words = [given] if isinstance(given, str) else list(given)
        if all(word in question.answer_ids for word in words) and (question.kind == "many" or len(words) == 1):
            kept[question.id] = given
    return kept


def _side(outcome: policy.Outcome) -> Side:
    sanctions = [s.code if s.days is None else f"{s.code} {s.days}" for s in outcome.sanctions]
    return Side(outcome.outcome_id, outcome.violation, outcome.clauses, tuple(sanctions))


def _kind(before: policy.Outcome, after: policy.Outcome) -> str:
    if before.undecided != after.undecided:
        return "undecided"
    if before.violation != after.violation:
        return "appears" if after.violation else "disappears"
    if set(before.sanctions) != set(after.sanctions):
        return "other_sanction"
    told = [
        (set(one.clauses), set(one.actions), set(one.duties), one.second_person, one.strike, one.filed_as)
        for one in (before, after)
    ]
    return "same" if told[0] == told[1] else "otherwise"
