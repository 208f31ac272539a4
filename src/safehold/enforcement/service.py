"""The public face of `enforcement`: ordering actions, sending them to a host, reading back, reversing.

`order` writes an action down once; `send`, `look` and `confirm` are what the worker calls, each may be
repeated; `retry`, `release` and `drop` follow what people decide; `start_reversal`, `undo` and
`confirm_undone` are the way back. No order is taken as done until
the host, asked again, says so (design: invariant 5).
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.machine import Machine
from safehold.cases.models import CaseItem, CaseSubject, Decision
from safehold.enforcement.models import Action
from safehold.hosts import contract
from safehold.persons import service as persons

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
        "reverse": {State.CONFIRMED: State.REVERSING, State.SENT: State.REVERSING, State.FAILED: State.REVERSING},
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
    decision: Decision | None = None,
    held: bool = False,
) -> Action:
    """Write an action down, with its reverse named. Ordering what is in force already returns that.

    A later decision that wants an action which stands already (a hide by a reviewer) adopts it.
    """
    standing = Action.objects.exclude(state__in=[State.REVERSED, State.DROPPED]).filter(kind=kind)
    standing = standing.filter(case_item=case_item) if case_item else standing.filter(subject=subject, case_item=None)
    row = standing.select_for_update().first()
    if row is not None:
        if row.decision_id is None and decision is not None:
            row.decision = decision
            row.save(update_fields=["decision"])
            audit.record("action.adopted", actor=actor, about=row, decision=str(decision.pk))
        return row
    row = Action.objects.create(
        kind=kind, subject=subject, case_item=case_item, decision=decision, reverse=REVERSES[kind], ordered_by=actor
    )
    audit.record("action.planned", actor=actor, about=row, kind=kind, reverse=row.reverse)
    return ACTION.move(row, "hold", actor=actor) if held else row


def object_of(action: Action) -> str:
    """The host's own id of what the action is about."""
    if action.case_item is not None:
        return action.case_item.item.external_id
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
        if action.case_item is not None:
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
    """A failed action is planned again, after a person mended the cause. Needs a transaction."""
    return ACTION.move(action, "retry", actor=actor)


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
    never_sent = action.state in (State.PLANNED, State.HELD) or (action.state == State.FAILED and not action.sent_at)
    if never_sent:
        return drop(action, because=because, actor=actor)
    if action.state == State.CONFIRMED and (not action.reverse or destroyed(action)):
        return ACTION.move(action, "cannot_reverse", actor=actor, because=because)
    if action.state not in (State.SENT, State.CONFIRMED, State.FAILED):
        return action
    if not action.reverse:  # an order without undo that was sent and never confirmed: a person has its task
        return action
    return ACTION.move(action, "reverse", actor=actor, because=because, changes={"reversed_because": because[:100]})


def destroyed(action: Action) -> bool:
    """Whether the item that the action hid has been purged since: nothing can bring it back."""
    if action.kind != Kind.HIDE_ITEM or action.case_item is None:
        return False
    purges = Action.objects.filter(kind=Kind.PURGE_ITEM, case_item__item=action.case_item.item)
    return purges.filter(state__in=[State.CONFIRMED, State.IRREVERSIBLE]).exists()


def hand_over(old: Decision, new: Decision, *, actor: str, kinds: frozenset[str] | None = None) -> None:
    """Actions in force (of these kinds) belong to the new decision from now on: it wants them too."""
    rows = Action.objects.filter(decision=old).exclude(state__in=[State.REVERSED, State.DROPPED])
    for action in rows.filter(kind__in=kinds) if kinds is not None else rows:
        action.decision = new
        action.save(update_fields=["decision"])
        audit.record("action.adopted", actor=actor, about=action, decision=str(new.pk))


def undo(action: Action, line: contract.Contact) -> None:
    """Order the reverse of the host. May be repeated.

    What another action in force still wants is kept: lifting a lock never lifts a suspension, and
    lifting a suspension leaves the lock of another case.
    """
    way = WAYS[action.kind]
    if way.undo is None:
        raise ValueError(f"{action.kind} has no reverse.")
    kept = _still_wanted(action)
    if kept is None or (action.kind == Kind.SUSPEND and kept.kind == Kind.LOCK):
        way.undo(line, object_of(action), f"{action.pk}:undo")
    if kept is not None and action.kind == Kind.SUSPEND and kept.kind == Kind.LOCK:
        WAYS[kept.kind].send(line, object_of(kept), f"{kept.pk}:after:{action.pk}")


def confirm_undone(action: Action, *, seen: str, actor: str) -> Action:
    """The host shows that the reverse took effect. Raises NotYet. Needs a transaction.

    What is gone by other hands cannot be brought back: the ledger says so.
    """
    kept = _still_wanted(action)
    if seen == "gone":
        return ACTION.move(action, "cannot_reverse", actor=actor, seen=seen)
    if seen not in (WAYS[kept.kind].done if kept else WAYS[action.kind].undone):
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


def _still_wanted(action: Action) -> Action | None:
    """The strongest other action in force on the same account or item, of this or any other case."""
    standing = Action.objects.filter(state__in=[State.SENT, State.CONFIRMED]).exclude(pk=action.pk)
    if action.case_item is not None:
        return standing.filter(kind=Kind.HIDE_ITEM, case_item__item=action.case_item.item).first()
    account = action.subject.account if action.subject else None
    rows = list(standing.filter(kind__in=[Kind.SUSPEND, Kind.LOCK], subject__account=account))
    return next((row for row in rows if row.kind == Kind.SUSPEND), rows[0] if rows else None)


def audit_note(action: Action, note: str, actor: str) -> None:
    """Put a fact about an action on record without moving it."""
    with transaction.atomic():
        audit.record("action.noted", actor=actor, about=action, note=note)
