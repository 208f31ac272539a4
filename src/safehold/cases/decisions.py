"""From answers to a decision in force: draft, computation by the policy, second person, replacement.

Others may call `save_draft`, `draft`, `propose`, `cover`, `confirm`, `second_opinion`, `if_refused`,
`override`, `overrides_since`, `replace`, `takers_part`. A verdict is never typed in: it is what
`policy.decide` computes, or with a reason and a second person another outcome of the same class.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.utils import timezone

from safehold import policy
from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove, Machine
from safehold.cases.models import CaseItem, CaseSubject, Decision, Draft, Override

DECISION = Machine(
    "decision",
    start=Decision.State.PROPOSED,
    moves={
        "confirm": {Decision.State.PROPOSED: Decision.State.CONFIRMED, Decision.State.HELD: Decision.State.CONFIRMED},
        "hold": {Decision.State.PROPOSED: Decision.State.HELD},
        "withdraw": {Decision.State.PROPOSED: Decision.State.WITHDRAWN, Decision.State.HELD: Decision.State.WITHDRAWN},
        "replace": {Decision.State.CONFIRMED: Decision.State.REPLACED},
        "reinstate": {Decision.State.REPLACED: Decision.State.CONFIRMED},  # its successor never took effect
    },
)

PACK = "child-safety"


class SamePerson(Exception):
    """A second person is needed, and this one already took part."""


class AlreadyDecided(Exception):
    """A decision about this subject is in force or waits for its second person."""


class Undecided(Exception):
    """The answers lead to no decision ("cannot tell"): nothing can take effect; give answers that can."""


def save_draft(subject: CaseSubject, class_id: str, answers: Mapping[str, Any], *, actor: str) -> Draft:
    """Keep answers while they are being given. Drafts decide nothing and stand in no record."""
    row, _made = Draft.objects.update_or_create(
        subject=subject, class_id=class_id, defaults={"answers": dict(answers), "saved_by": actor}
    )
    return row


def draft(subject: CaseSubject, class_id: str) -> dict[str, Any]:
    """The answers kept so far, with the subject's role as the answer to `role`."""
    row = Draft.objects.filter(subject=subject, class_id=class_id).first()
    return {**(row.answers if row else {}), "role": subject.role}


def propose(
    subject: CaseSubject,
    class_id: str,
    answers: Mapping[str, Any],
    *,
    history: policy.History,
    version: str,
    actor: str,
    pack: str = PACK,
    origin: str = "",
    cause: str = Decision.Cause.ASSESSMENT,
) -> Decision:
    """Let the policy compute a decision from the answers. It takes effect only when confirmed.

    `origin` says where the answers come from: the actor, unless `list:<source>`.
    Raises policy.Incomplete, policy.BadAnswer, AlreadyDecided.
    """
    outcome = policy.decide(policy.load(pack, version), class_id, dict(answers), history)
    standing = Decision.objects.filter(
        subject=subject,
        class_id=class_id,
        state__in=[Decision.State.PROPOSED, Decision.State.HELD, Decision.State.CONFIRMED],
    ).first()
    if standing is not None and standing.state == Decision.State.PROPOSED:
        DECISION.move(standing, "withdraw", actor=actor)
    elif standing is not None:
        raise AlreadyDecided(f"Subject {subject.pk} has a decision in state {standing.state!r}.")
    decision = Decision.objects.create(
        subject=subject,
        class_id=class_id,
        policy=pack,
        policy_version=version,
        answers=[{"question": q, "answer": a, "origin": origin or actor} for q, a in answers.items()],
        history=msgspec.to_builtins(history),
        outcome=msgspec.to_builtins(outcome),
        violation=outcome.violation,
        clauses=list(outcome.clauses),
        cause=cause,
        decided_by=actor,
        second_needed=outcome.second_person,
    )
    audit.record(
        "decision.proposed", actor=actor, about=decision, subject=str(subject.pk), policy_version=version,
        violation=outcome.violation, clauses=list(outcome.clauses),
    )  # fmt: skip
    return decision


def cover(decision: Decision, items: Iterable[CaseItem]) -> None:
    """The case items that a decision is about, set while it is being made."""
    decision.covers.set(items)


def confirm(decision: Decision, *, actor: str) -> Decision:
    """The person who answered confirms what was computed. Held when a second person is needed.

    An outcome that is no decision ("undecided") is always held: it never takes effect.
    """
    if decision.decided_by != actor:
        raise SamePerson("Only the person who gave the answers confirms them; take the case and answer yourself.")
    if decision.second_needed or decision.outcome["undecided"]:
        return DECISION.move(decision, "hold", actor=actor, second_needed=decision.second_needed)
    return DECISION.move(decision, "confirm", actor=actor, changes={"confirmed_at": timezone.now()})


def second_opinion(decision: Decision, *, agree: bool, reason: str, actor: str) -> Decision:
    """A second, different person agrees (the decision takes effect) or not (it is withdrawn).

    There is nothing to agree to where the answers lead to no decision: it is withdrawn, and the case
    goes back to review. Raises SamePerson for anybody who took part already, also (invariant 9) in the
    decision that this one replaces.
    """
    refuse_who_took_part(decision, actor)
    if not reason.strip():
        raise ValueError("Say in a sentence why you agree or disagree.")
    agree = agree and not decision.outcome["undecided"]
    changes = {"second_by": actor, "second_agrees": agree, "second_reason": reason.strip()}
    if agree:
        return DECISION.move(
            decision, "confirm", actor=actor, agree=True, changes={**changes, "confirmed_at": timezone.now()}
        )
    return DECISION.move(decision, "withdraw", actor=actor, agree=False, changes=changes)


def refuse_who_took_part(decision: Decision, actor: str) -> None:
    """Raise SamePerson where `actor` may not be the second person of a held decision."""
    before = takers_part(decision.replaces) if decision.replaces else []
    if actor == decision.decided_by or actor in before:
        raise SamePerson("You took part in this decision; somebody else must look at it.")


def reinstate(old: Decision, *, because: str, actor: str) -> Decision:
    """Put a replaced decision back in force: its successor was withdrawn before it took effect."""
    return DECISION.move(old, "reinstate", actor=actor, because=because)


def role_changed(subject: CaseSubject, *, actor: str) -> None:
    """The subject's role is about to change: what was computed for the old one is withdrawn.

    Raises AlreadyDecided where a decision is in force or held: it rests on the role.
    """
    for row in Decision.objects.filter(subject=subject, state__in=["proposed", "held", "confirmed"]):
        if row.state != Decision.State.PROPOSED:
            raise AlreadyDecided(f"Subject {subject.pk} has a decision in state {row.state!r}: its role stays.")
        DECISION.move(row, "withdraw", actor=actor)


def if_refused(refused: Decision, *, actor: str) -> Decision | None:
    """The decision that stands where the second person did not agree, or None: the case goes back to review.

    For the lenient path it is the default sanction (reading A07). Both who looked are on the row: the
    first gave the facts, the second withheld leniency.
    """
    if refused.cause == Decision.Cause.OVERRIDE:
        return None  # nobody has yet confirmed what was computed either
    outcome = policy.if_refused(*_inputs(refused))
    if outcome is None:
        return None
    decision = _following(
        refused, outcome, actor=actor, cause=Decision.Cause.DISAGREEMENT, second_needed="disagreement",
        second_by=actor, second_agrees=True, second_reason=refused.second_reason,
    )  # fmt: skip
    return DECISION.move(decision, "confirm", actor=actor, changes={"confirmed_at": timezone.now()})


def choices(computed: Decision) -> tuple[policy.Outcome, ...]:
    """The outcomes that an override may choose instead of what was computed."""
    return policy.choices(*_inputs(computed))


def override(computed: Decision, outcome_id: str, *, reason: str, actor: str) -> Decision:
    """A senior reviewer chooses another outcome for their own answers: a held decision, with the override beside it.

    What was computed is withdrawn. Raises policy.BadAnswer where the outcome cannot be chosen, SamePerson for
    anybody but the one who answered, IllegalMove where it is no longer only proposed, ValueError without a reason.
    """
    if not reason.strip():
        raise ValueError("Say in a sentence why the computed outcome is not the right one.")
    if computed.decided_by != actor:
        raise SamePerson("Only the person who gave the answers decides otherwise; take the case and answer yourself.")
    if computed.state != Decision.State.PROPOSED:
        raise IllegalMove(f"Only a proposed decision is overridden; this one is {computed.state!r}.")
    outcome = policy.override(*_inputs(computed), outcome_id)
    first = msgspec.convert(computed.outcome, policy.Outcome)
    computed = DECISION.move(computed, "withdraw", actor=actor, because="override")
    decision = _following(
        computed, outcome, actor=actor, cause=Decision.Cause.OVERRIDE, second_needed=outcome.second_person
    )
    row = Override.objects.create(
        decision=decision, instead_of=computed, computed=computed.outcome, chosen=outcome.outcome_id,
        direction=policy.direction(first, outcome), reason=reason.strip(), by=actor,
    )  # fmt: skip
    cover(decision, computed.covers.all())
    audit.record(
        "decision.overridden", actor=actor, about=decision, instead_of=str(computed.pk), computed=first.outcome_id,
        chosen=row.chosen, direction=row.direction, reason=row.reason,
    )  # fmt: skip
    return DECISION.move(decision, "hold", actor=actor, second_needed=decision.second_needed)


def overrides_since(since: datetime) -> dict[str, int]:
    """How often the policy's outcome was not taken (S70): of "all" that took effect "overrides"; "waiting" now."""
    rows = Decision.objects.filter(confirmed_at__gte=since)
    overrides = Decision.objects.filter(cause=Decision.Cause.OVERRIDE)
    return {
        "all": rows.count(),
        "overrides": overrides.filter(confirmed_at__gte=since).count(),
        "waiting": overrides.filter(state=Decision.State.HELD).count(),
    }


def _inputs(decision: Decision) -> tuple[policy.Pack, str, dict[str, Any], policy.History]:
    """What the policy computed a decision from."""
    return (
        policy.load(decision.policy, decision.policy_version),
        decision.class_id,
        {row["question"]: row["answer"] for row in decision.answers},
        msgspec.convert(decision.history, policy.History),
    )


def _following(before: Decision, outcome: policy.Outcome, *, actor: str, cause: str, **second: Any) -> Decision:
    """Another outcome for the answers of a decision that was withdrawn, in its place."""
    decision = Decision.objects.create(
        subject=before.subject,
        class_id=before.class_id,
        policy=before.policy,
        policy_version=before.policy_version,
        answers=before.answers,
        history=before.history,
        outcome=msgspec.to_builtins(outcome),
        violation=outcome.violation,
        clauses=list(outcome.clauses),
        cause=cause,
        decided_by=before.decided_by,
        replaces=before.replaces,
        **second,
    )
    audit.record("decision.proposed", actor=actor, about=decision, cause=cause, instead_of=str(before.pk))
    return decision


def replace(old: Decision, answers: Mapping[str, Any], *, history: policy.History, actor: str, cause: str) -> Decision:
    """A new decision in place of one in force, by somebody else, under the same version (reading A01)."""
    if actor in takers_part(old):
        raise SamePerson("You took part in this decision; somebody else must look at it.")
    old = DECISION.move(old, "replace", actor=actor, cause=cause)
    new = propose(
        old.subject,
        old.class_id,
        answers,
        history=history,
        version=old.policy_version,
        pack=old.policy,
        actor=actor,
        cause=cause,
    )
    Decision.objects.filter(pk=new.pk).update(replaces=old)
    new.refresh_from_db()
    return new


def takers_part(decision: Decision) -> list[str]:
    """Everybody who took part in a decision and those it came from: deciders, second persons."""
    people: list[str] = []
    row: Decision | None = decision
    while row is not None:
        people += [row.decided_by, row.second_by]
        row = row.replaces
    subject_rows = Decision.objects.filter(subject=decision.subject, class_id=decision.class_id)
    people += [name for pair in subject_rows.values_list("decided_by", "second_by") for name in pair]
    return sorted({name for name in people if name})
