"""What follows what: the order of steps of section 1 of the design, in one place.

`plan` writes a decision's actions and duties down; `advance` looks at where a decision stands and
makes due whatever may happen next. Both run in the caller's transaction and may be repeated: every job
has a key, so it is made due once. Each job of the path ends by calling `advance` in the transaction
that settles its own step.

    preserve ─► hide ─► suspend or lock, ban ─► file ─► statement ─► purge when the window ends
"""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cases import duties
from safehold.cases import service as cases
from safehold.cases.models import CaseItem, Decision, Duty
from safehold.cybertip import service as cybertip
from safehold.cybertip.models import Filing
from safehold.enforcement import service as enforcement
from safehold.enforcement.models import Action
from safehold.evidence.models import Hold
from safehold.intake import service as intake
from safehold.intake.models import Report
from safehold.notices.models import Statement
from safehold.work import service as work

State, Kind = Action.State, Action.Kind

SANCTIONS = {
    "suspend_permanently": Kind.SUSPEND,
    "suspend_protectively": Kind.SUSPEND,
    "lock_until_removed": Kind.LOCK,
    "ban_person": Kind.BAN,
}
FILED = ("finished", "recovered", "by_hand")  # NCMEC has the report, with a receipt or a recorded id
NOT_WAITED_FOR = (State.CONFIRMED, State.FAILED, State.REVERSING, State.REVERSED, State.IRREVERSIBLE, State.DROPPED)
REPORTS = (Duty.Kind.REPORT_SHALL, Duty.Kind.REPORT_MAY)
# A statement does not wait for a filing that drags on: the person must learn why they are restricted.
STATEMENT_AT_LATEST = timedelta(hours=24)


def hide(case_item: CaseItem, *, actor: str, decision: Decision | None = None) -> Action:
    """Order the item hidden. It is sent as soon as the item lies in the vault."""
    case_item = CaseItem.objects.select_for_update(of=("self",)).get(pk=case_item.pk)  # it may be preserved right now
    action = enforcement.order(Kind.HIDE_ITEM, actor=actor, case_item=case_item, subject=None, decision=decision)
    if case_item.preserve_state != CaseItem.Preserve.DUE:
        carry_out(action)
    return action


def carry_out(action: Action) -> None:
    """Make a planned action due now, also where an earlier job for it has ended."""
    if action.state in (State.PLANNED, State.SENT):
        work.enqueue("action.carry_out", key=str(action.pk), again=True, action=str(action.pk))


def being_preserved(action: Action) -> bool:
    """Whether the vault is about to take the action's item: in its own case, or, outside of one, in any."""
    if action.case_item is not None:
        return action.case_item.preserve_state == CaseItem.Preserve.DUE
    return CaseItem.objects.filter(item=action.item, preserve_state=CaseItem.Preserve.DUE).exists()


def before_preserving(case_item: CaseItem) -> None:
    """Take the decisions about an item before its preserving is settled, so that none is confirmed past it."""
    rows = Decision.objects.filter(covers=case_item, state__in=["proposed", "held", "confirmed"])
    for decision in rows.order_by("pk"):
        alone(decision)


def after_preserving(case_item: CaseItem) -> None:
    """The vault has the item, or it is not to be had: what waited for that goes on."""
    waiting = Q(case_item=case_item) | Q(item=case_item.item)
    for action in Action.objects.filter(waiting, kind=Kind.HIDE_ITEM, state=State.PLANNED):
        carry_out(action)
    for decision in Decision.objects.filter(covers=case_item, state__in=["held", "confirmed"]):
        advance(decision)


def plan(decision: Decision, *, actor: str) -> None:
    """Write down every action and duty that a confirmed decision brings, then begin."""
    outcome = decision.outcome
    for kind in outcome["duties"]:
        _by_hand(duties.open_duty(decision, kind))
    _plan_actions(decision, actor=actor)
    for code in _codes(decision):
        if code not in SANCTIONS:
            work.raise_task(
                "sanction-by-hand", key=f"{decision.pk}:{code}", about=audit.ref(decision), role="senior", note=code
            )
    for action in outcome["actions"]:
        if action != "hide_item":
            _task_for_action(decision, action)
    advance(decision)


def _by_hand(duty: Duty) -> None:
    """A duty that no job meets is a person's task from the start; what cannot be done at all says so."""
    if duty.kind == Duty.Kind.NOTIFY and duty.subject.account_id is None and duty.state == Duty.State.OPEN:
        duties.waive(duty, because="An unknown person: there is no account to notify.", actor="system:safehold")
    elif duty.kind == Duty.Kind.INFORM or (duty.kind == Duty.Kind.NOTIFY and not _restricts(duty.decision)):
        work.raise_task("action-by-hand", key=str(duty.pk), about=audit.ref(duty), role="senior", note=duty.kind)


def _task_for_action(decision: Decision, code: str) -> None:
    work.raise_task(
        "action-by-hand", key=f"{decision.pk}:{code}", about=audit.ref(decision), role="reviewer", note=code
    )


def plan_held(decision: Decision, *, actor: str) -> None:
    """While a second person is awaited: what the policy says for the meantime is done, the rest is held (A07)."""
    meanwhile = decision.outcome["meanwhile"]
    # What no host can be ordered to do; of an outcome that is no decision, also what it asks for at all.
    for code in {*meanwhile, *(decision.outcome["actions"] if decision.outcome["undecided"] else ())}:
        if code != "hide_item" and code not in SANCTIONS:
            _task_for_action(decision, code)
    if "hide_item" in meanwhile:
        for case_item in decision.covers.all():
            hide(case_item, actor=actor, decision=decision)
    if decision.subject.account is not None:
        if "lock_until_removed" in meanwhile:
            enforcement.order(Kind.LOCK, actor=actor, subject=decision.subject, decision=decision)
        for code in _codes(decision):
            if code in SANCTIONS and code not in meanwhile:
                enforcement.order(SANCTIONS[code], actor=actor, subject=decision.subject, decision=decision, held=True)
    advance(decision)


def drop_held(decision: Decision, *, actor: str) -> None:
    """A held decision that is not to be: its held sanctions were never sent."""
    for action in Action.objects.filter(decision=decision, state=State.HELD):
        enforcement.drop(action, because=audit.ref(decision), actor=actor)


def _plan_actions(decision: Decision, *, actor: str) -> None:
    if "hide_item" in decision.outcome["actions"]:
        for case_item in decision.covers.all():
            hide(case_item, actor=actor, decision=decision)
            if not user_removes(decision):
                enforcement.order(Kind.PURGE_ITEM, actor=actor, case_item=case_item, decision=decision)
    if decision.subject.account is None:
        return
    for code in _codes(decision):
        if code in SANCTIONS:
            action = enforcement.order(SANCTIONS[code], actor=actor, subject=decision.subject, decision=decision)
            if action.state == State.HELD:
                enforcement.release(action, actor=actor)


def alone(decision: Decision | None) -> Decision | None:
    """The decision as it is now, and nobody else's step of it until this transaction ends.

    Whoever settles a step takes this first, then the rows of the step: always in that order.
    """
    if decision is None:
        return None
    rows = Decision.objects.select_for_update(of=("self",)).select_related("subject__case")
    return rows.get(pk=decision.pk)


def advance(decision: Decision) -> None:
    """Make due whatever may happen next for a decision that is held or in force.

    One at a time for each decision: of two steps that end at once, the later sees what the earlier did.
    """
    decision = alone(decision) or decision
    if decision.state not in (Decision.State.HELD, Decision.State.CONFIRMED):
        return
    if decision.covers.filter(preserve_state=CaseItem.Preserve.DUE).exists():
        return  # evidence first
    actions = list(Action.objects.filter(decision=decision))
    if _waiting(actions, Kind.HIDE_ITEM):
        _begin(actions, Kind.HIDE_ITEM)
        return
    _begin(actions, Kind.SUSPEND, Kind.LOCK, Kind.BAN)
    if decision.state == Decision.State.HELD or _waiting(actions, Kind.SUSPEND, Kind.LOCK, Kind.BAN):
        return
    _meet_duties(decision)
    if _report_due(decision):
        file(decision)
    if _restricts(decision) and _sent_statement(decision) is None:
        latest = timezone.now() if filing_settled(decision) else timezone.now() + STATEMENT_AT_LATEST
        work.enqueue("statement.send", key=str(decision.pk), not_before=latest, again=True, decision=str(decision.pk))
    _begin_purges(decision, actions)
    settle_case(decision)


def file(decision: Decision) -> None:
    """Make the filing due. One that was ruled out, or ended before anything was drafted, is begun anew."""
    filing = filing_of(decision)
    anew = filing is None or filing.state == Filing.State.NOT_REPORTABLE
    work.enqueue("filing.file", key=str(decision.subject_id), again=anew, decision=str(decision.pk))


def retract_left(filing: Filing) -> None:
    """A filing was ended or taken over by a person: what is open for it at the service is retracted."""
    if cybertip.open_at_service(filing):
        work.enqueue("filing.retract_left", key=str(filing.pk), again=True, filing=str(filing.pk))


def may_file(decision: Decision) -> bool:
    """Whether a decision in force has an open duty to report, required or permitted."""
    open_ones = decision.duties.filter(kind__in=REPORTS, state=Duty.State.OPEN)
    return decision.state == Decision.State.CONFIRMED and open_ones.exists()


def _meet_duties(decision: Decision) -> None:
    """What was done for an earlier decision about the subject, or without a filing, meets duties of this one."""
    filing = filing_of(decision)
    if filing is not None and filing.state in FILED:
        hold = Hold.objects.filter(ref=audit.ref(filing)).first()
        duties.meet(decision, REPORTS, receipt=audit.ref(filing), actor="system:worker")
        if hold is not None:
            duties.meet(decision, (Duty.Kind.PRESERVE,), receipt=audit.ref(hold), actor="system:worker")
    elif filing_settled(decision):  # no report, so no hold of one: the vault has it, and keeps a violation's evidence
        sealed = next(filter(None, [i.body_id or i.facts_id for i in decision.covers.all()]), decision.subject.facts_id)
        if sealed is not None:
            duties.meet(decision, (Duty.Kind.PRESERVE,), receipt=f"sealed:{sealed}", actor="system:worker")


def _sent_statement(decision: Decision) -> Statement | None:
    return Statement.objects.filter(decision=str(decision.pk)).exclude(sent_at=None).first()


def _begin(actions: list[Action], *kinds: str) -> None:
    for action in actions:
        if action.kind in kinds:
            carry_out(action)


def _waiting(actions: list[Action], *kinds: str) -> bool:
    """Whether actions of these kinds still have to take effect. A failed one has its task and holds nobody up."""
    return any(a.kind in kinds and a.state not in (*NOT_WAITED_FOR, State.HELD) for a in actions)


def _begin_purges(decision: Decision, actions: list[Action]) -> None:
    """Purge right after the receipt where the operator's rule says so, else when the appeal window ends."""
    if not filing_settled(decision):
        return
    statement = _sent_statement(decision)
    for action in actions:
        if action.kind != Kind.PURGE_ITEM or action.state != State.PLANNED or action.case_item is None:
            continue
        if action.case_item.item.purge_after_receipt or user_removes(decision):
            carry_out(action)
        elif statement is not None:
            due = statement.appeal_until
            work.enqueue("action.carry_out", key=str(action.pk), not_before=due, again=True, action=str(action.pk))


def may_purge(action: Action) -> bool:
    """Invariant 4, asked again right before a purge: filed (or a recorded reason), and nothing pending against it."""
    decision, case_item = action.decision, action.case_item
    if decision is None or case_item is None or decision.state != Decision.State.CONFIRMED:
        return False
    if case_item.preserve_state == CaseItem.Preserve.DUE or not filing_settled(decision):
        return False
    if case_item.item.in_cases.filter(preserve_state=CaseItem.Preserve.DUE).exists():
        return False  # another case has just begun and keeps it first
    if user_removes(decision):
        return True
    if decision.appeals.filter(state__in=["open", "in_review"]).exists():
        return False
    if case_item.item.purge_after_receipt:
        return True
    statement = _sent_statement(decision)
    return statement is not None and statement.appeal_until <= timezone.now()


def filing_of(decision: Decision) -> Filing | None:
    """The filing about the decision's subject: one for each incident and subject (invariant 7)."""
    return Filing.objects.filter(ref=filing_ref(decision)).first()


def filing_ref(decision: Decision) -> str:
    """What a filing is filed for, however often a decision about it is made anew."""
    return f"subject:{decision.subject_id}"


def _report_due(decision: Decision) -> bool:
    return decision.duties.filter(kind=Duty.Kind.REPORT_SHALL, state=Duty.State.OPEN).exists()


def filing_settled(decision: Decision) -> bool:
    """Filed with a receipt, or every duty to report met or waived with its reason."""
    filing = filing_of(decision)
    if filing is not None and filing.state in FILED:
        return True
    return not decision.duties.filter(kind__in=REPORTS, state=Duty.State.OPEN).exists()


def _codes(decision: Decision) -> list[str]:
    return [sanction["code"] for sanction in decision.outcome["sanctions"]]


def wanted_kinds(decision: Decision) -> frozenset[str]:
    """The kinds of action that a decision wants, so that a successor keeps what both want."""
    kinds = {SANCTIONS[code] for code in _codes(decision) if code in SANCTIONS}
    if "hide_item" in decision.outcome["actions"]:
        # Where the user removes the item, a purge that was planned for another reason is none of theirs.
        kinds |= {Kind.HIDE_ITEM} if user_removes(decision) else {Kind.HIDE_ITEM, Kind.PURGE_ITEM}
    return frozenset(str(kind) for kind in kinds)


def also_wanted_by(action: Action) -> Decision | None:
    """Another decision in force in the same case that wants this very action (two classes, one person)."""
    if action.cause:
        return None  # outside every case: what a decision wants too, it has ordered itself
    others = Decision.objects.filter(state__in=["held", "confirmed"])
    if action.decision is not None:
        others = others.exclude(pk=action.decision.pk)
    if action.case_item is not None:
        others = others.filter(covers=action.case_item)
    else:
        others = others.filter(subject=action.subject)
    return next((row for row in others.order_by("decided_at") if action.kind in _wanted_now(row)), None)


def _wanted_now(decision: Decision) -> frozenset[str]:
    """As `wanted_kinds`; of a held decision only what holds meanwhile."""
    if decision.state == Decision.State.CONFIRMED:
        return wanted_kinds(decision)
    kinds = {"hide_item": Kind.HIDE_ITEM, "lock_until_removed": Kind.LOCK}
    return frozenset(str(kinds[code]) for code in decision.outcome["meanwhile"] if code in kinds)


def user_removes(decision: Decision) -> bool:
    """The lenient path: the account holder removes the item themselves (S75)."""
    return "lock_until_removed" in _codes(decision)


def _restricts(decision: Decision) -> bool:
    """Whether the account holder must be told: something was hidden, locked, suspended or banned."""
    return (
        decision.violation
        and decision.subject.account is not None
        and (bool(decision.outcome["sanctions"]) or bool(decision.outcome["actions"]))
    )


def appeal_window() -> timedelta:
    """How long an appeal is open: at least six months (Regulation (EU) 2022/2065, Art. 20(1))."""
    return timedelta(days=settings.SAFEHOLD.appeal_window_days)


def settle_case(decision: Decision) -> None:
    """Bring case and reports up to date: reporters learn "finished" when the case is decided."""
    case = cases.settle(decision.subject.case, actor="system:worker")
    if case.state != case.State.OPEN:
        for report in case.reports.exclude(state=Report.State.FINISHED):
            intake.finish(report.pk, actor="system:worker")
