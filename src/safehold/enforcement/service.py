"""The public face of `enforcement`: ordering actions, sending them to a host, reading back, reversing.

`order` writes an action down once; `send`, `look` and `confirm` are what the worker calls, each may be
repeated; `retry`, `release` and `drop` follow what people decide; `start_reversal`, `undo` and
`confirm_undone` are the way back; `on_item` and `of_cause` find actions. No order is taken as done until
the host, asked again, says so (design: invariant 5).
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.machine import Machine
from safehold.cases.models import CaseItem, CaseSubject, Decision
from safehold.enforcement.models import Action
from safehold.hosts import contract
from safehold.persons import service as persons
from safehold.subjects.models import Item

State, Kind = Action.State, Action.Kind

ACTION = Machine(
    "action",
    start=State.PLANNED,
    moves={
        "hold": {State.PLANNED: State.HELD},
        "release": {State.HELD: State.PLANNED},
        "drop": {State.PLANNED: State.DROPPED, State.HELD: State.DROPPED, State.FAILED: State.DROPPED},
        "send": {State.PLANNED: State.SENT, State.SENT: State.SENT},
        "confirm": {State.SENT: State.CONFIRMED},
        "fail": {State.PLANNED: State.FAILED, State.SENT: State.FAILED, State.REVERSING: State.FAILED},
        "retry": {State.FAILED: State.PLANNED},
        "want_again": {State.REVERSING: State.PLANNED, State.FAILED: State.PLANNED},
        "reverse": dict.fromkeys((State.CONFIRMED, State.SENT, State.FAILED, State.PLANNED), State.REVERSING),
        "reversed": {State.REVERSING: State.REVERSED},
        "cannot_reverse": {State.CONFIRMED: State.IRREVERSIBLE, State.REVERSING: State.IRREVERSIBLE},
    },
)


@dataclass(frozen=True)
class Way:
    """How a kind of action is ordered, undone, and recognised as done. Account and item ids are the host's."""

    send: Callable[[contract.Contact, str, str], None]
    undo: Callable[[contract.Contact, str, str], None] | None
    done: frozenset[str]  # states of the object, as the host tells them, in which the action is done
    undone: frozenset[str]
    reverse: str  # name of the order that undoes it; "" = none


_ACCOUNT_UNDO: Callable[[contract.Contact, str, str], None] = lambda c, i, k: c.restore_account(i, key=k)  # noqa: E731

WAYS: dict[str, Way] = {
    Kind.HIDE_ITEM: Way(
        lambda c, i, k: c.hide_item(i, key=k), lambda c, i, k: c.restore_item(i, key=k),
        frozenset({"hidden", "gone"}), frozenset({"visible"}), "restore_item",
    ),
    Kind.PURGE_ITEM: Way(lambda c, i, k: c.purge_item(i, key=k), None, frozenset({"gone"}), frozenset(), ""),
    Kind.SUSPEND: Way(
        lambda c, i, k: c.suspend_account(i, key=k), _ACCOUNT_UNDO,
        frozenset({"suspended", "gone"}), frozenset({"active"}), "restore_account",
    ),
    Kind.LOCK: Way(
        lambda c, i, k: c.lock_account(i, key=k), _ACCOUNT_UNDO,
        frozenset({"locked", "suspended", "gone"}), frozenset({"active"}), "restore_account",
    ),
}  # fmt: skip

REVERSES = {**{kind: way.reverse for kind, way in WAYS.items()}, Kind.BAN: "lift_ban"}


class NotYet(Exception):
    """The host took the order but does not show its effect yet. Ask again later."""


def order(
    kind: str,
    *,
    actor: str,
    subject: CaseSubject | None = None,
    case_item: CaseItem | None = None,
    item: Item | None = None,
    cause: str = "",
    decision: Decision | None = None,
    held: bool = False,
) -> Action:
    """Write an action down, with its reverse named. Ordering what is in force already returns that.

    It is about a subject, an item of a case, or, outside every case, an `item` with the `cause` that wants it.

    A later decision that wants an action which stands already (a hide by a reviewer) adopts it. What is
    just being reversed, or failed, is planned again: the caller makes it due.
    """
    standing = Action.objects.exclude(state__in=[State.REVERSED, State.DROPPED]).filter(kind=kind)
    if item is not None:
        standing = standing.filter(item=item, cause=cause)
    elif case_item is not None:
        standing = standing.filter(case_item=case_item)
    else:
        standing = standing.filter(subject=subject, case_item=None, item=None)
    row = standing.select_for_update().first()
    if row is not None:
        if row.decision_id is None and decision is not None:
            row.decision = decision
            row.save(update_fields=["decision"])
            audit.record("action.adopted", actor=actor, about=row, decision=str(decision.pk))
        if ACTION.can(row, "want_again"):
            row = ACTION.move(row, "want_again", actor=actor, changes={"reversed_because": ""})
        return row
    row = Action.objects.create(
        kind=kind, subject=subject, case_item=case_item, item=item, cause=cause, decision=decision,
        reverse=REVERSES[kind], ordered_by=actor,
    )  # fmt: skip
    because = {"cause": cause} if cause else {}
    audit.record("action.planned", actor=actor, about=row, kind=kind, reverse=row.reverse, **because)
    return ACTION.move(row, "hold", actor=actor) if held else row


def object_of(action: Action) -> str:
    """The host's own id of what the action is about."""
    if action.thing is not None:
        return action.thing.external_id
    if action.subject is None or action.subject.account is None:
        raise LookupError(f"Action {action.pk} is about an unknown person: no host can carry it out.")
    return action.subject.account.external_id


def send(action: Action, line: contract.Contact, *, actor: str) -> Action:
    """Order it of the host. The state says "sent" before the host is called: a crash sends it again."""
    with transaction.atomic():
        action = ACTION.move(action, "send", actor=actor, changes={"sent_at": timezone.now()})
    try:
        WAYS[action.kind].send(line, object_of(action), str(action.pk))
    except contract.NotFound:
        # Gone by other hands: reading back decides whether that is what we wanted.
        audit_note(action, "not found while ordering", actor)
    return action


def is_done(action: Action, seen: str) -> bool:
    """Whether what the host shows means that the action has taken effect."""
    return seen in WAYS[action.kind].done


def confirm(action: Action, *, seen: str, actor: str) -> Action:
    """The host, asked again, shows the effect. Raises NotYet where it does not. Needs a transaction."""
    if not is_done(action, seen):
        raise NotYet(f"The host says {seen!r} of {action.kind} {action.pk}.")
    return ACTION.move(
        action, "confirm", actor=actor, seen=seen, changes={"confirmed_at": timezone.now(), "problem": ""}
    )


def look(action: Action, line: contract.Contact) -> str:
    """The state of the action's object as the host tells it now."""
    try:
        if action.thing is not None:
            return str(line.item(object_of(action)).status.value)
        return str(line.account(object_of(action)).status.value)
    except contract.NotFound:
        return "gone"


def fail(action: Action, *, problem: str, actor: str) -> Action:
    """The host declined or never showed the effect: a person must look. `problem` holds no content."""
    return ACTION.move(action, "fail", actor=actor, problem=problem, changes={"problem": problem[:200]})


def note_problem(action: Action, problem: str) -> None:
    """Keep what the host said for the operator, where the action stays as it is. `problem` holds no content."""
    Action.objects.filter(pk=action.pk).update(problem=problem[:200])


def retry(action: Action, *, actor: str) -> Action:
    """A failed action is planned again, after a person mended the cause. Needs a transaction.

    Where it was the undoing that failed, the undoing is begun again, never the action.
    """
    verb = "reverse" if action.reversed_because else "retry"
    return ACTION.move(action, verb, actor=actor)


def release(action: Action, *, actor: str) -> Action:
    """The second person agreed: what was held is planned. Needs a transaction."""
    return ACTION.move(action, "release", actor=actor)


def drop(action: Action, *, because: str, actor: str) -> Action:
    """Never to be sent: the decision behind it fell before that. Needs a transaction."""
    return ACTION.move(action, "drop", actor=actor, because=because)


def ban(action: Action, *, emails: tuple[str, ...], phones: tuple[str, ...], actor: str) -> Action:
    """Carry out a person's ban: the register is ours, so ordering, doing and reading back are one transaction."""
    account = action.subject.account if action.subject else None
    if account is None:
        raise LookupError(f"Action {action.pk} would ban an unknown person.")
    with transaction.atomic():
        action = ACTION.move(action, "send", actor=actor, changes={"sent_at": timezone.now()})
        person = persons.identify(account, emails=emails, phones=phones, actor=actor)
        entry = persons.ban(person, because=f"decision:{action.decision_id}", actor=actor)
        return ACTION.move(
            action, "confirm", actor=actor, changes={"confirmed_at": timezone.now(), "ban": entry.pk, "problem": ""}
        )


def start_reversal(action: Action, *, because: str, actor: str) -> Action:
    """Begin the way back. What has no reverse is marked so; what was never sent is dropped. May be repeated."""
    action = Action.objects.select_for_update(of=("self",)).get(pk=action.pk)
    # Planned again after it failed, it may have been sent before: the host must be asked to undo it.
    never_sent = not action.sent_at and action.state in (State.PLANNED, State.HELD, State.FAILED)
    if never_sent:
        return drop(action, because=because, actor=actor)
    if action.state == State.CONFIRMED and (not action.reverse or destroyed(action)):
        return ACTION.move(action, "cannot_reverse", actor=actor, because=because)
    if not ACTION.can(action, "reverse"):
        return action
    # An order without undo that was sent and never confirmed goes this way too: the host is asked what became of it.
    return ACTION.move(action, "reverse", actor=actor, because=because, changes={"reversed_because": because[:100]})


def destroyed(action: Action) -> bool:
    """Whether the item that the action hid has been purged since: nothing can bring it back."""
    if action.kind != Kind.HIDE_ITEM or action.thing is None:
        return False
    purges = on_item(action.thing).filter(kind=Kind.PURGE_ITEM)
    return purges.filter(state__in=[State.CONFIRMED, State.IRREVERSIBLE]).exists()


def on_item(item: Item) -> "QuerySet[Action]":
    """Every action about the item, of whichever case and outside of any."""
    return Action.objects.filter(Q(case_item__item=item) | Q(item=item))


def of_cause(cause: str) -> "QuerySet[Action]":
    """The actions that a cause outside every case wants, or wanted; oldest first."""
    return Action.objects.filter(cause=cause).exclude(cause="").order_by("ordered_at", "pk")


def hand_over(old: Decision, new: Decision, *, actor: str, kinds: frozenset[str] | None = None) -> None:
    """Actions in force (of these kinds) belong to the new decision from now on: it wants them too."""
    rows = Action.objects.filter(decision=old).exclude(state__in=[State.REVERSED, State.DROPPED])
    for action in rows.filter(kind__in=kinds) if kinds is not None else rows:
        give_to(action, new, actor=actor)


def set_free(action: Action, *, actor: str) -> None:
    """The decision behind an action fell, but the item stays hidden as if a reviewer had hidden it."""
    action.decision = None
    action.save(update_fields=["decision"])
    audit.record("action.set_free", actor=actor, about=action)


def give_to(action: Action, decision: Decision, *, actor: str) -> None:
    """The action belongs to another decision that wants it too."""
    action.decision = decision
    action.save(update_fields=["decision"])
    audit.record("action.adopted", actor=actor, about=action, decision=str(decision.pk))


def undo(action: Action, line: contract.Contact, *, actor: str) -> None:
    """Order the reverse of the host. May be repeated. What has no reverse is not ordered at all.

    What another action in force still wants is kept: lifting a lock never lifts a suspension, and
    lifting a suspension leaves the lock of another case.
    """
    way = WAYS[action.kind]
    if way.undo is None:
        return
    kept = still_wanted(action)
    milder = kept is not None and action.kind == Kind.SUSPEND and kept.kind == Kind.LOCK
    try:
        if kept is None or milder:
            way.undo(line, object_of(action), f"{action.pk}:undo")
        if kept is not None and milder:
            WAYS[kept.kind].send(line, object_of(kept), f"{kept.pk}:after:{action.pk}")
    except contract.NotFound:
        audit_note(action, "not found while undoing", actor)  # gone by other hands: reading back says so


def confirm_undone(action: Action, *, seen: str, actor: str) -> Action:
    """The host shows that the reverse took effect. Raises NotYet. Needs a transaction.

    What is gone by other hands cannot be brought back: the ledger says so. An order without a reverse
    whose object is still there has had no effect: there is nothing to take back.
    """
    kept = still_wanted(action) if action.reverse else None
    if seen == "gone":
        return ACTION.move(action, "cannot_reverse", actor=actor, seen=seen)
    if action.reverse and seen not in (WAYS[kept.kind].done if kept else WAYS[action.kind].undone):
        raise NotYet(f"The host says {seen!r} after undoing {action.kind} {action.pk}.")
    return ACTION.move(
        action, "reversed", actor=actor, seen=seen, kept=str(kept.pk) if kept else "",
        changes={"reversed_at": timezone.now(), "problem": ""},
    )  # fmt: skip


def lift_ban(action: Action, *, actor: str) -> Action:
    """Undo a ban in the register of persons: ordering, doing and confirming are one transaction."""
    if action.ban is None:
        raise LookupError(f"Action {action.pk} names no entry in the register of persons.")
    with transaction.atomic():
        persons.lift_ban(action.ban, because=action.reversed_because, actor=actor)
        return ACTION.move(action, "reversed", actor=actor, changes={"reversed_at": timezone.now()})


def still_wanted(action: Action) -> Action | None:
    """The strongest other action in force on the same account or item, of any case or outside of one."""
    in_force = [State.SENT, State.CONFIRMED]
    if action.thing is not None:
        return on_item(action.thing).filter(kind=Kind.HIDE_ITEM, state__in=in_force).exclude(pk=action.pk).first()
    standing = Action.objects.filter(state__in=in_force).exclude(pk=action.pk)
    account = action.subject.account if action.subject else None
    rows = list(standing.filter(kind__in=[Kind.SUSPEND, Kind.LOCK], subject__account=account))
    return next((row for row in rows if row.kind == Kind.SUSPEND), rows[0] if rows else None)


def audit_note(action: Action, note: str, actor: str) -> None:
    """Put a fact about an action on record without moving it."""
    with transaction.atomic():
        audit.record("action.noted", actor=actor, about=action, note=note)
