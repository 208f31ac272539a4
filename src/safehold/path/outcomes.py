"""What a decision brings about: its effect, a disagreement, the outcome of an appeal.

Called by `commands` inside its transactions.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.utils import timezone

from safehold import policy
from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.cases import decisions
from safehold.cases import service as cases
from safehold.cases.models import Decision, Duty, Override
from safehold.cybertip import service as cybertip
from safehold.enforcement import service as enforcement
from safehold.enforcement.models import Action
from safehold.path import bank, hits, order, reversal
from safehold.persons import service as persons
from safehold.redress import service as redress
from safehold.redress.models import Appeal
from safehold.subjects.models import Role
from safehold.work import service as work


class AnswersDisagree(Exception):
    """The answers given on appeal and the outcome asked for do not go together. Nothing was changed."""


def take_effect(decision: Decision, *, actor: str) -> None:
    """A confirmed decision: undo what it replaces, write down actions and duties, count, ban re-uploads."""
    if decision.replaces is not None:
        _succeed(decision.replaces, decision, actor=actor)
    if decision.violation:
        _count(decision, actor=actor)
        order.plan(decision, actor=actor)
        reversal.lift_meanwhile(decision, actor=actor)
    else:
        order.plan(decision, actor=actor)
        reversal.unhide_cleared(decision, actor=actor)
    reversal.lift_by_hand(decision)
    reversal.complied(decision)  # what the user would have to remove may be gone already
    hits.learned(decision, actor=actor)
    order.settle_case(decision)


def _succeed(old: Decision, new: Decision, *, actor: str) -> None:
    """What both want stays and changes hands; the rest of the old decision is undone."""
    wanted = order.wanted_kinds(new)
    enforcement.hand_over(old, new, actor=actor, kinds=wanted)
    reversal.back_out(old, because=audit.ref(new), actor=actor)
    for appeal in old.appeals.filter(state=Appeal.State.GRANTED):  # its letter may have waited for a second person
        work.enqueue("letter.appeal", key=str(appeal.pk), again=True, appeal=str(appeal.pk))
    codes = {sanction["code"] for sanction in new.outcome["sanctions"]}
    for code in {sanction["code"] for sanction in old.outcome["sanctions"]} - codes - set(order.SANCTIONS):
        work.raise_task(  # a person put it in force, so a person lifts it
            "sanction-by-hand", key=f"{old.pk}:lift:{code}", about=audit.ref(old), role="senior", note=f"lift {code}"
        )


def _count(decision: Decision, *, actor: str) -> None:
    """A strike where the policy says that it counts against this person, and a ban on re-uploads."""
    subject = decision.subject
    if decision.outcome["strike"] and subject.role != Role.APPARENT_VICTIM and subject.account is not None:
        person = persons.person_of(subject.account) or persons.identify(
            subject.account, emails=(), phones=(), actor=actor
        )
        persons.add_strike(
            person, class_id=decision.class_id, clauses=decision.clauses, decision=str(decision.pk),
            at=decision.confirmed_at or timezone.now(), actor=actor,
        )  # fmt: skip
    bank.learn(decision)


def disagreed(refused: Decision, *, actor: str) -> Decision:
    """The second person did not agree: what the policy says then stands, or the case is looked at again."""
    if refused.replaces is not None:
        return _as_before(refused, refused.replaces, actor=actor)
    decision = None if refused.outcome["undecided"] else decisions.if_refused(refused, actor=actor)
    if decision is not None:
        # The lock of the meantime stays until a suspension stands; what finds no violation keeps what it wants alone.
        kinds = None if decision.violation else order.wanted_kinds(decision)
        enforcement.hand_over(refused, decision, actor=actor, kinds=kinds)
        decisions.cover(decision, refused.covers.all())
        take_effect(decision, actor=actor)
        order.drop_held(decision, actor=actor)
    if decision is None or not decision.violation:
        _let_go(refused, free=decision is None, actor=actor)
    order.settle_case(refused)
    return decision or refused


def _let_go(refused: Decision, *, free: bool, actor: str) -> None:
    """What was done in the meantime is undone; what is hidden stays so (`free`) for whoever reviews it again."""
    for action in Action.objects.filter(decision=refused):
        if free and action.kind == Action.Kind.HIDE_ITEM and action.state not in ("reversed", "dropped"):
            enforcement.set_free(action, actor=actor)
        else:
            reversal.give_back(action, because=audit.ref(refused), actor=actor)


def _as_before(refused: Decision, old: Decision, *, actor: str) -> Decision:
    """A granted appeal that a second person refused: the old decision stands, and somebody else answers."""
    old = decisions.reinstate(old, because=audit.ref(refused), actor=actor)
    for appeal in old.appeals.filter(state=Appeal.State.GRANTED):
        redress.reopen(appeal, because=audit.ref(refused), actor=actor)
    work.raise_task("appeal-needs-another", key=str(refused.pk), about=audit.ref(refused), role="senior")
    order.advance(old)
    return refused


def note_waived(duty: Duty, *, actor: str) -> None:
    """A report that is not due is a recorded end of the filing, never a silent one."""
    if duty.kind in (Duty.Kind.REPORT_SHALL, Duty.Kind.REPORT_MAY):
        if Duty.objects.filter(subject=duty.subject, kind__in=order.REPORTS, state=Duty.State.OPEN).exists():
            return  # another decision about the subject is still to be reported
        work.cancel("filing.file", key=str(duty.subject_id))
        filing = order.filing_of(duty.decision)
        if filing is None:
            cybertip.never_reportable(order.filing_ref(duty.decision), because=duty.because, actor=actor)
        elif filing.state == "in_hand":
            raise IllegalMove("Somebody files this report by hand; they must enter its number or give it back first.")
        elif filing.state not in (*order.FILED, "not_reportable", "retracted"):
            try:
                order.retract_left(cybertip.not_reportable(filing.pk, because=duty.because, actor=actor))
            except cybertip.NotNow as error:  # `finish` was sent: it may be filed already
                raise IllegalMove(str(error)) from error


def on_appeal(appeal: Appeal) -> policy.Outcome:
    """What the policy computes from the appeal's answers, under the version and history of the decision."""
    old = appeal.decision
    pack = policy.load(old.policy, old.policy_version)
    answers = {**appeal.answers, "role": appeal.answers.get("role", old.subject.role)}
    return policy.decide(pack, old.class_id, answers, msgspec.convert(old.history, policy.History))


def settle_appeal(appeal: Appeal, *, grant: bool, reason: str, actor: str) -> Appeal:
    """Record the outcome; a grant makes the new decision, which undoes the old one."""
    old = appeal.decision
    if grant or appeal.answers:
        _check(appeal, grant)
    appeal = redress.settle(appeal, grant=grant, reason=reason, actor=actor)
    if grant and appeal.answers.get("role", old.subject.role) != old.subject.role:
        cases.set_role(old.subject, appeal.answers["role"], actor=actor)
    if grant:
        cause = Decision.Cause.APPEAL if appeal.kind == Appeal.Kind.APPEAL else Decision.Cause.CORRECTION
        new = decisions.replace(
            old, {**appeal.answers, "role": appeal.answers.get("role", old.subject.role)},
            history=msgspec.convert(old.history, policy.History), actor=actor, cause=cause,
        )  # fmt: skip
        decisions.cover(new, old.covers.all())
        new = decisions.confirm(new, actor=actor)
        if new.state == Decision.State.CONFIRMED:
            take_effect(new, actor=actor)
    else:
        hits.upheld(appeal, actor=actor)
    work.enqueue("letter.appeal", key=str(appeal.pk), again=True, appeal=str(appeal.pk))
    return appeal


def _check(appeal: Appeal, grant: bool) -> None:
    """A verdict is never typed in: granting and refusing must follow from the answers."""
    new = on_appeal(appeal)
    if new.undecided:
        raise AnswersDisagree("Your answers lead to no decision: something could not be told. Look again.")
    old = appeal.decision.outcome
    same = _alike(new, old)
    # Answers that lead to what an override did not take leave both open: the policy's outcome, or the override's.
    override = Override.objects.filter(decision=appeal.decision).first()
    stands = same or (override is not None and _alike(new, override.computed))
    if grant and same:
        raise AnswersDisagree("Your answers lead to the same outcome as before. Refuse the appeal, or look again.")
    if not grant and not stands:
        raise AnswersDisagree("Your answers lead to another outcome. Grant the appeal, or look again.")


def _alike(new: policy.Outcome, old: Mapping[str, Any]) -> bool:
    codes = {sanction["code"] for sanction in old["sanctions"]}
    return new.violation == old["violation"] and {sanction.code for sanction in new.sanctions} == codes
