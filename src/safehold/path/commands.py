"""Everything that can be asked of the desk: the only way the faces change anything.

Each command checks, writes and makes the next steps due in one transaction; slow work is the worker's.
Commands raise the rooms' own errors (cases.LeaseTaken, redress.TookPart, policy.Incomplete, …): a face
turns them into an answer.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from safehold import policy
from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.cases import decisions
from safehold.cases import duties as case_duties
from safehold.cases import service as cases
from safehold.cases.models import CaseItem, CaseSubject, Decision, Duty, Lease
from safehold.cybertip.models import Filing
from safehold.enforcement import service as enforcement
from safehold.enforcement.models import Action
from safehold.evidence import service as evidence
from safehold.evidence.models import Look
from safehold.hosts.events import AccountDeleted, HostEvent, ItemRemoved
from safehold.intake import service as intake
from safehold.intake.models import Report
from safehold.notices import service as notices
from safehold.path import arrivals, filing, hits, judging, order, outcomes, rescreening, reversal, unseen
from safehold.persons import service as persons
from safehold.redress import service as redress
from safehold.redress.models import Appeal
from safehold.screening import service as screening
from safehold.subjects.models import Host, Item
from safehold.work import service as work
from safehold.work.models import Task

Id = UUID | str

# --- what comes in ---------------------------------------------------------------------------------


receive_report = arrivals.receive_report
screening_hit = hits.screening_hit


def receive_event(event: HostEvent) -> None:
    """A host tells what happened there. The host is asked again before anything follows from it."""
    with transaction.atomic():
        audit.record("event.received", actor=f"host:{event.host.slug}", about=event.host, id=event.id, type=event.type)
        if isinstance(event.data, ItemRemoved):
            item = Item.objects.filter(host=event.host, external_id=event.data.item_id).first()
            for case_item in CaseItem.objects.filter(item=item) if item else []:
                _removed_by_user(case_item, actor=f"host:{event.host.slug}")
        if isinstance(event.data, AccountDeleted):  # what a case has of it is evidence and stays
            rescreening.erase_account(event.host.slug, event.data.account_id)


def check_signup(host: Host, *, emails: tuple[str, ...], phones: tuple[str, ...], ip: str = "") -> persons.SignupAnswer:
    """Whether a banned person is at the door (S72). An address on the network never decides."""
    answer = persons.check_signup(emails=emails, phones=phones, ip=ip)
    if answer.refused:
        with transaction.atomic():
            audit.record("signup.refused", actor=f"host:{host.slug}", about=f"ban:{answer.ban_id}", by=answer.by)
    return answer


# --- the case under review -------------------------------------------------------------------------


def lease_case(case_id: Id, *, actor: str, device: str) -> Lease:
    """Take a case from the queue, or renew the lease. Its reports are in review from then on."""
    lease = cases.lease(case_id, actor=actor, device=device)
    with transaction.atomic():
        for report in lease.case.reports.filter(state=Report.State.RECEIVED):
            intake.begin_review(report.pk, actor=actor)
    return lease


def release_case(case_id: Id, *, actor: str, device: str) -> None:
    """Give a case back to the queue."""
    cases.release(case_id, actor=actor, device=device)


def hide_item(case_item_id: Id, *, actor: str, device: str) -> Action:
    """One key: out of everybody's reach on the host, once the evidence is preserved."""
    with transaction.atomic():
        case_item = CaseItem.objects.select_related("case").get(pk=case_item_id)
        cases.need_lease(case_item.case, actor=actor, device=device)
        return order.hide(case_item, actor=actor)


def unhide_item(case_item_id: Id, *, actor: str, device: str) -> None:
    """Bring back what was hidden by mistake, while nothing is decided."""
    with transaction.atomic():
        case_item = CaseItem.objects.select_related("case").get(pk=case_item_id)
        cases.need_lease(case_item.case, actor=actor, device=device)
        for action in Action.objects.filter(case_item=case_item, kind=Action.Kind.HIDE_ITEM, decision=None):
            reversal.reverse(action, because=f"reviewer:{actor}"[:100], actor=actor)


def reveal_item(case_item_id: Id, *, actor: str, device: str, around: bool = False) -> Look:
    """Record that the whole file, or what stood `around` it, is shown unblurred. Stream it only after this returned."""
    with transaction.atomic():
        case_item = CaseItem.objects.select_related("case", "body").get(pk=case_item_id)
        item, context = case_item.body_id or case_item.facts_id, case_item.thread_id or case_item.context_id
        sealed = context if around else item
        if sealed is None or evidence.grant_for(sealed, actor) is None:  # a custodian's grant stands for a lease
            cases.need_lease(case_item.case, actor=actor, device=device)
        if sealed is None:
            raise LookupError("This item is not in the vault (yet): there is nothing to show.")
        try:
            with transaction.atomic():
                return evidence.reveal(sealed, actor=actor, about=audit.ref(case_item))
        except evidence.EvidenceError as error:
            refused = error
    # Outside the transaction: the refused attempt stays on record.
    audit.refused("evidence.reveal", actor=actor, about=f"sealed:{sealed}", reason=type(refused).__name__)
    raise refused


def set_role(subject_id: Id, role: str, *, actor: str, device: str) -> CaseSubject:
    """What the person did, as the reviewer finds it (S12)."""
    with transaction.atomic():
        subject = CaseSubject.objects.select_for_update(of=("self",)).select_related("case").get(pk=subject_id)
        cases.need_lease(subject.case, actor=actor, device=device)
        if role != subject.role:
            decisions.role_changed(subject, actor=actor)
        cases.set_role(subject, role, actor=actor)
        return subject


def answer(subject_id: Id, class_id: str, answers: Mapping[str, Any], *, actor: str, device: str) -> None:
    """Keep the answers given so far; they survive a closed tab."""
    with transaction.atomic():
        subject = CaseSubject.objects.select_related("case").get(pk=subject_id)
        cases.need_lease(subject.case, actor=actor, device=device)
        decisions.save_draft(subject, class_id, answers, actor=actor)


def propose_decision(
    subject_id: Id, class_id: str, *, actor: str, device: str, item_ids: list[str] | None = None
) -> Decision:
    """Let the policy compute the outcome of the answers kept. Nothing takes effect before `confirm_decision`.

    `item_ids` are the case items that the decision covers; by default every reported one of the subject.
    """
    with transaction.atomic():
        subject = CaseSubject.objects.select_related("case", "account").get(pk=subject_id)
        cases.need_lease(subject.case, actor=actor, device=device)
        judged = judging.judged_by(subject, class_id)
        decision = decisions.propose(
            subject,
            class_id,
            decisions.draft(subject, class_id),
            history=judging.history(subject, class_id),
            version=judged.version,
            pack=judged.policy,
            actor=actor,
        )
        mine = subject.items.all()
        wanted = mine.filter(pk__in=item_ids) if item_ids is not None else mine.filter(reported=True)
        decisions.cover(decision, wanted)
        return decision


def confirm_decision(decision_id: Id, *, actor: str, device: str) -> Decision:
    """The reviewer confirms what was computed: it takes effect, or waits for a second person."""
    with transaction.atomic():
        decision = Decision.objects.select_related("subject__case").get(pk=decision_id)
        cases.need_lease(decision.subject.case, actor=actor, device=device)
        decision = decisions.confirm(decision, actor=actor)
        if decision.state == Decision.State.HELD:
            order.plan_held(decision, actor=actor)
        else:
            outcomes.take_effect(decision, actor=actor)
    return decision


def override_decision(decision_id: Id, outcome_id: str, *, reason: str, actor: str, device: str) -> Decision:
    """A senior reviewer chooses another outcome; it waits for a second person (S70). Raises as `decisions.override`."""
    with transaction.atomic():
        decision = Decision.objects.select_for_update(of=("self",)).select_related("subject__case").get(pk=decision_id)
        cases.need_lease(decision.subject.case, actor=actor, device=device)
        decision = decisions.override(decision, outcome_id, reason=reason, actor=actor)
        order.plan_held(decision, actor=actor)
    return decision


def second_opinion(decision_id: Id, *, agree: bool, reason: str, actor: str) -> Decision:
    """A second person agrees (it takes effect) or not (the default sanction stands, reading A07)."""
    with transaction.atomic():
        decision = Decision.objects.select_for_update(of=("self",)).select_related("subject__case").get(pk=decision_id)
        refused: decisions.SamePerson | None = None
        try:
            decisions.refuse_who_took_part(decision, actor)
        except decisions.SamePerson as error:
            refused = error
        else:
            decision = decisions.second_opinion(decision, agree=agree, reason=reason, actor=actor)
            if decision.state == Decision.State.CONFIRMED:
                outcomes.take_effect(decision, actor=actor)
            else:
                decision = outcomes.disagreed(decision, actor=actor)
    if refused is not None:  # outside the transaction: the refused attempt stays on record
        audit.refused("decision.second_opinion", actor=actor, about=decision, reason="same person")
        raise refused
    return decision


# --- duties and tasks ------------------------------------------------------------------------------


def waive_duty(duty_id: Id, *, because: str, actor: str) -> Duty:
    """A person records why a duty is not due; the path goes on.

    A report that the law requires is waived by somebody who took no part in the decision: SamePerson.
    """
    _refuse_own_waiver(Duty.objects.select_related("decision").get(pk=duty_id), actor)
    with transaction.atomic():
        duty = Duty.objects.select_related("decision").get(pk=duty_id)
        duty = case_duties.waive(duty, because=because, actor=actor)
        outcomes.note_waived(duty, actor=actor)
        order.advance(duty.decision)
        order.settle_case(duty.decision)
    return duty


def _refuse_own_waiver(duty: Duty, actor: str) -> None:
    """Outside any transaction, so that the refused attempt stays on record."""
    if duty.kind == Duty.Kind.REPORT_SHALL and actor in decisions.takers_part(duty.decision):
        audit.refused("duty.waived", actor=actor, about=duty, reason="took part in the decision")
        raise decisions.SamePerson("You took part in this decision; somebody else must say why no report is due.")


def file_by_hand(decision_id: Id, *, report_id: int, actor: str) -> Filing:
    """A person filed in NCMEC's web form: its number ends the filing, the hold begins, the duties are met."""
    return filing.by_hand(Decision.objects.get(pk=decision_id), report_id=report_id, actor=actor)


def file_report(decision_id: Id, *, actor: str) -> None:
    """A person decides to file where the duty is "may" (reading A03)."""
    with transaction.atomic():
        decision = Decision.objects.get(pk=decision_id)
        if not order.may_file(decision):
            raise IllegalMove("This decision has no open duty to report: there is nothing to file.")
        audit.record("filing.asked_for", actor=actor, about=decision)
        order.file(decision)


def close_task(task_id: Id, *, outcome: str, actor: str) -> Task:
    """A person did what a task asked for. A duty met by hand is met; a report that named nothing is finished.

    Raises IllegalMove for a look back, which is answered by `unseen.look_back` alone.
    """
    if Task.objects.filter(pk=task_id, kind=unseen.LOOK_BACK, closed_at=None).exists():
        raise IllegalMove("Look at the decision, and say on its page whether it was right: that closes the task.")
    with transaction.atomic():
        task = work.close_task(str(task_id), actor=actor, outcome=outcome)
        kind, _colon, about = task.about.partition(":")
        if kind == "duty":
            duty = Duty.objects.select_related("decision").get(pk=about)
            case_duties.meet(duty.decision, (duty.kind,), receipt=audit.ref(task), actor=actor)
            order.settle_case(duty.decision)
        elif task.kind == "report-unresolved":
            intake.finish(about, actor=actor)
        return task


def retry_action(action_id: Id, *, actor: str) -> Action:
    """Try a failed action again, after the cause was mended."""
    with transaction.atomic():
        action = enforcement.retry(Action.objects.get(pk=action_id), actor=actor)
        if action.state == Action.State.REVERSING:  # it was the undoing that failed
            work.enqueue("action.undo", key=str(action.pk), again=True, action=str(action.pk))
        order.carry_out(action)
    return action


# --- redress ---------------------------------------------------------------------------------------


def open_appeal(token: str, *, text: str, language: str) -> Appeal:
    """The account holder appeals through the link of their statement, also while suspended (S81).

    Raises notices.UnknownToken, notices.ExpiredToken, redress.NotAppealable, redress.TextTooLong.
    """
    statement = notices.by_token(token)
    with transaction.atomic():
        decision = Decision.objects.get(pk=statement.decision)
        return redress.open_appeal(
            decision,
            text=text,
            language=language,
            statement=statement.pk,
            actor=f"account:{decision.subject.account_id}",
        )


def lease_appeal(appeal_id: Id, *, actor: str) -> Appeal:
    """Take an appeal. Raises redress.TookPart, on record, for anybody who took part in the decision."""
    appeal = Appeal.objects.get(pk=appeal_id)
    _refuse_parties(appeal, actor)
    with transaction.atomic():
        return redress.take(appeal, actor=actor)


def answer_appeal(appeal_id: Id, answers: Mapping[str, Any], *, actor: str) -> Appeal:
    """Keep the answers of the person who looks again. They start from nothing: no verdict is inherited."""
    with transaction.atomic():
        appeal = Appeal.objects.select_for_update().get(pk=appeal_id)
        if appeal.holder != actor or appeal.state != Appeal.State.IN_REVIEW:
            raise cases.NoLease("You do not hold this appeal. Take it first.")
        return redress.keep_answers(appeal, answers)


def appeal_outcome(appeal: Appeal) -> policy.Outcome:
    """What the policy computes from the answers given on appeal, under the decision's own version."""
    return outcomes.on_appeal(appeal)


def decide_appeal(appeal_id: Id, *, grant: bool, reason: str, actor: str) -> Appeal:
    """Answer an appeal. Granted, it makes a new decision and undoes what can be undone.

    A grant needs answers that lead to another outcome; a refusal needs answers, if any were given, that
    lead to the same. Raises redress.TookPart, outcomes.AnswersDisagree, policy.Incomplete.
    """
    _refuse_parties(Appeal.objects.get(pk=appeal_id), actor)
    with transaction.atomic():
        appeal = Appeal.objects.select_for_update(of=("self",)).select_related("decision__subject").get(pk=appeal_id)
        if appeal.state == Appeal.State.IN_REVIEW and appeal.holder != actor:
            raise cases.NoLease("You do not hold this appeal. Take it first.")
        return outcomes.settle_appeal(appeal, grant=grant, reason=reason, actor=actor)


def retract_entry(entry_id: Id, *, because: str, actor: str) -> list[Appeal]:
    """A list entry was wrong: retract it, and have every decision that a hit on it led to looked at again.

    Returns the first corrections; `hits.rests_on` tells how far the rest has come.
    """
    with transaction.atomic():
        screening.retract_entry(str(entry_id), because=because, actor=actor)
        opened = hits.correct(entry_id, actor=actor)
        hits.entry_retracted([entry_id], actor=actor)  # where there are many, a job goes on
        return opened


def _refuse_parties(appeal: Appeal, actor: str) -> None:
    """Outside any transaction, so that the refused attempt stays on record."""
    try:
        redress.refuse_who_took_part(appeal, actor)
    except redress.TookPart:
        audit.refused("appeal.taken", actor=actor, about=appeal, reason="took part in the decision")
        raise


# --- the lenient path ------------------------------------------------------------------------------


def user_removes(token: str) -> None:
    """The account holder presses "remove the item" on their statement (S75): done on the host once filed."""
    statement = notices.by_token(token)
    with transaction.atomic():
        decision = Decision.objects.get(pk=statement.decision)
        if not order.user_removes(decision) or decision.state != Decision.State.CONFIRMED:
            raise redress.NotAppealable("There is nothing to remove for this statement.")
        actor = f"account:{decision.subject.account_id}"
        for case_item in decision.covers.all():
            enforcement.order(Action.Kind.PURGE_ITEM, actor=actor, case_item=case_item, decision=decision)
        order.advance(decision)


def _removed_by_user(case_item: CaseItem, *, actor: str) -> None:
    # Also while a second person is awaited: it must not be forgotten when they agree.
    for decision in Decision.objects.filter(covers=case_item, state__in=["held", "confirmed"]):
        if order.user_removes(decision):
            enforcement.order(Action.Kind.PURGE_ITEM, actor=actor, case_item=case_item, decision=decision)
            order.advance(decision)
