"""Carrying out actions on hosts and persons, and undoing them.

Jobs: `action.carry_out`, `action.undo`. Order, send, ask again, confirm; each step may run twice.
"""

from django.db import transaction
from django.db.models import Q

from safehold.audit import service as audit
from safehold.enforcement import service as enforcement
from safehold.enforcement.models import Action
from safehold.hosts import contract
from safehold.hosts.service import contact
from safehold.path import order, removal_steps, reversal
from safehold.persons import service as persons
from safehold.persons.models import Identifier
from safehold.subjects.models import Account, Host
from safehold.work import service as work

ACTOR = "system:worker"
State, Kind = Action.State, Action.Kind


def _load(action: str) -> Action:
    rows = Action.objects.select_related("case_item__item__host", "item__host", "subject__account__host", "decision")
    return rows.get(pk=action)


def _host(action: Action) -> Host:
    if action.thing is not None:
        return action.thing.host
    if action.subject is None or action.subject.account is None:
        raise work.GiveUp(f"action {action.pk} is about an unknown person")
    return action.subject.account.host


def _gave_up(action: str) -> None:
    row = _load(action)
    if row.state in (State.PLANNED, State.SENT, State.REVERSING):
        enforcement.fail(row, problem=row.problem or "The host did not do it in time.", actor=ACTOR)
    _go_on(row)


def _alone(action: Action) -> None:
    """Nobody else's step of the decision, or of the cause, that wants the action, until this transaction ends."""
    order.alone(action.decision)
    removal_steps.alone_cause(action.cause)


def _go_on(action: Action) -> None:
    """Let the path look at where what wants the action stands now. Needs a transaction."""
    row = Action.objects.select_related("decision").get(pk=action.pk)
    if row.decision is not None:
        order.advance(row.decision)
    removal_steps.advance_cause(row.cause)


@work.job("action.carry_out", on_failure=_gave_up, role="reviewer", attempts=14, first=0.2, longest=600)
def carry_out(action: str) -> work.Outcome:
    """Order the action, ask the host again, confirm, and let the path go on."""
    row = _load(action)
    if row.state not in (State.PLANNED, State.SENT):
        return None
    if row.kind == Kind.HIDE_ITEM and order.being_preserved(row):
        return None  # evidence first: the preserving step makes this due again
    if row.kind == Kind.PURGE_ITEM and not _may_purge(row):
        return _look_later(row)
    if row.kind == Kind.BAN:
        return _ban(row)
    line = contact(_host(row))
    try:
        work.boundary(f"action.{row.kind}.before")
        row = enforcement.send(row, line, actor=ACTOR)
        work.boundary(f"action.{row.kind}.sent")
        seen = enforcement.look(row, line)
    except (contract.HostRefused, contract.Unsupported) as error:
        _note_problem(row, str(error))
        raise work.GiveUp(f"action {row.pk} {type(error).__name__}") from error
    work.boundary(f"action.{row.kind}.seen")
    with transaction.atomic():
        _alone(row)
        row = enforcement.confirm(row, seen=seen, actor=ACTOR)
        _go_on(row)
        if row.decision is not None and row.kind == Kind.PURGE_ITEM:
            reversal.complied(row.decision)
    work.boundary(f"action.{row.kind}.confirmed")
    return None


def _may_purge(action: Action) -> bool:
    return removal_steps.may_purge(action) if action.cause else order.may_purge(action)


def _look_later(action: Action) -> work.Outcome:
    """A purge whose time has not come, or against which an appeal is open: look again in a while.

    One that a removal wants is ordered anew by the removal, when its own time has come.
    """
    decision = action.decision
    if decision is None or decision.state not in (decision.State.HELD, decision.State.CONFIRMED):
        return None
    return work.Later(3600)


def _ban(action: Action) -> work.Outcome:
    """The register of persons is ours. Without an identifier the host gave, a ban would stop nobody: say so."""
    if action.subject is None or action.subject.account is None:
        raise work.GiveUp(f"action {action.pk} would ban an unknown person")
    work.boundary("action.ban_person.before")
    account = action.subject.account
    try:
        facts = contact(_host(action)).account(account.external_id)
        emails, phones = facts.verified_emails or facts.emails, facts.phones
    except contract.NotFound:  # gone by other hands: the register goes by what it knew of them before
        emails, phones = (), ()
    with transaction.atomic():
        order.alone(action.decision)
        row = enforcement.ban(action, emails=emails, phones=phones, actor=ACTOR)
        if not emails and not phones and not _recognisable(account):
            work.raise_task(
                "ban-without-identifier", key=str(row.pk), about=audit.ref(row), role="reviewer",
                note="The host knows no e-mail or telephone number: the sign-up check cannot recognise the person.",
            )  # fmt: skip
        if row.decision is not None:
            order.advance(row.decision)
    work.boundary("action.ban_person.confirmed")
    return None


def _recognisable(account: Account) -> bool:
    """Whether the register knows an identifier of the person behind the account, from whichever account."""
    person = persons.person_of(account)
    return Identifier.objects.filter(Q(person=person) | Q(person__joined_into=person)).exists()


@work.job("action.undo", on_failure=_gave_up, role="senior", attempts=14, first=0.2, longest=600)
def undo(action: str) -> work.Outcome:
    """Undo a confirmed action on the host and confirm by asking again."""
    row = _load(action)
    if row.state != State.REVERSING:
        return None
    work.boundary(f"action.{row.kind}.undo.before")
    if row.kind == Kind.BAN:
        with transaction.atomic():
            order.alone(row.decision)
            enforcement.lift_ban(row, actor=ACTOR)
            _go_on(row)
        return None
    line = contact(_host(row))
    try:
        enforcement.undo(row, line, actor=ACTOR)
        work.boundary(f"action.{row.kind}.undo.sent")
        seen = enforcement.look(row, line)
    except (contract.HostRefused, contract.Unsupported) as error:
        _note_problem(row, str(error))
        raise work.GiveUp(f"action {row.pk} {type(error).__name__}") from error
    with transaction.atomic():
        _alone(row)
        enforcement.confirm_undone(row, seen=seen, actor=ACTOR)
        _go_on(row)
    work.boundary(f"action.{row.kind}.undo.confirmed")
    return None


def _note_problem(action: Action, problem: str) -> None:
    """What the host said, for the operator who gets the task."""
    with transaction.atomic():
        enforcement.note_problem(action, problem)
