"""What people command about removal requests (47 USC 223a), and what a screening hit on a removed file leads to.

Faces call these; `copy_found` is called by `path.hits`. The records are `removals`, the order of steps is
`removal_steps`, the clock `removal_clock`. A request in which a minor may be shown goes to child safety in the same
transaction, never the other way round.
"""

from uuid import UUID

from django.db import transaction

from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.enforcement import service as enforcement
from safehold.intake import service as intake
from safehold.notices import service as notices
from safehold.notices.models import Letter
from safehold.path import arrivals, removal_clock, removal_letters, removal_steps, reversal
from safehold.removals import service as removals
from safehold.removals.models import Removal, RemovalItem, RemovalLocator, RemovalObjection
from safehold.screening import service as screening
from safehold.subjects import service as subjects
from safehold.subjects.models import Host
from safehold.work import service as work

Id = UUID | str
S = Removal.State


def receive_removal(new: removals.NewRemoval) -> removals.Accepted:
    """Take a request. The receipt is worth showing only once this has returned.

    Where the person shown was, or may have been, under 18, the same places are a report to child safety as well; the
    notifier needs to know one receipt alone. A resend with the same one-time key returns the same receipt. Raises
    removals.Incomplete, removals.TooLong.
    """
    with transaction.atomic():
        report = None
        if new.minor != Removal.Minor.NO:
            report = _report(new, removals.code_of(new)).report.pk
        accepted = removals.accept(new, report=report)
        if not accepted.repeated:
            _resolve(accepted.removal)
    work.boundary("command.receive_removal.committed")
    return accepted


def _report(new: removals.NewRemoval, key: str) -> intake.Accepted:
    """The report to child safety about the same places. How to reach the notifier stays with the request."""
    return arrivals.receive_report(
        intake.NewReport(
            channel="form", once_key=f"removal:{key}", locators=new.links, host=new.host, language=new.language,
            class_id="cse", reason="\n\n".join(filter(None, (new.depiction, new.place, new.statement))),
        )
    )  # fmt: skip


def _resolve(row: Removal) -> None:
    work.enqueue("removal.resolve", key=str(row.pk), again=True, removal=str(row.pk))


def complete_removal(code: str, new: removals.NewRemoval) -> Removal:
    """The notifier completes a request that lacked something, or names further links for one that was not found.

    A minor who comes to light only now goes to child safety too. Raises removals.Incomplete, removals.TooLong,
    IllegalMove, LookupError for an unknown code.
    """
    known = _by_code(code)
    with transaction.atomic():
        row = removals.complete(known.pk, new)
        if new.minor != Removal.Minor.NO and row.report is None:
            row = removals.route(row.pk, report=_report(new, str(row.pk)).report.pk, actor="notifier")
        _close_tasks(row, "removal-not-found", outcome="completed by the notifier", actor="notifier")
        _resolve(row)
    return row


def withdraw_removal(code: str) -> Removal:
    """The notifier does not want it any more, before it is done. Raises IllegalMove, LookupError."""
    row = _by_code(code)
    if row.state == S.REMOVED:  # whoever holds a code must not bring back by it what is gone
        raise IllegalMove("It is removed already; write to us to have it brought back.")
    with transaction.atomic():
        row = removals.withdraw(row.pk, because="withdrawn by the notifier", actor="notifier")
        _all_back(row, because=row.cause, actor="notifier")
    return row


def open_words(removal_id: Id, *, actor: str) -> removals.Opened:
    """What the notifier wrote and how to reach them; that it was looked at is on record."""
    with transaction.atomic():
        return removals.opened(removal_id, actor=actor, purpose="check of the request")


def find_valid(removal_id: Id, *, checked: tuple[str, ...], actor: str) -> Removal:
    """A person has checked each of the five parts: what the request names is removed.

    Raises ValueError where a part was not checked, IllegalMove.
    """
    if left := [name for name in removals.ELEMENTS if name not in checked]:
        raise ValueError(f"Not checked: {', '.join(left)}. Ask the notifier for what is missing.")
    with transaction.atomic():
        row = removals.found_valid(removal_id, actor=actor)
        _close_tasks(row, "removal-not-found", outcome="valid", actor=actor)
        removal_steps.advance(row.pk)
        row.refresh_from_db()
    return row


def ask_for_more(removal_id: Id, *, missing: tuple[str, ...], answer: str, actor: str) -> Removal:
    """The request lacks something: the notifier is told what, and the clock stands. Raises ValueError, IllegalMove."""
    with transaction.atomic():
        row = removals.ask(removal_id, missing=missing, answer=answer, actor=actor)
        _close_tasks(row, "removal-not-found", outcome="asked", actor=actor)
        for action in enforcement.of_cause(row.cause):  # hidden at once: not before the request is whole
            reversal.reverse(action, because=row.cause, actor=actor)
        removal_clock.close(row, outcome=row.state, actor=actor)
        removal_letters.tell(row, "incomplete")
    return row


def refuse(removal_id: Id, *, reason: str, answer: str, actor: str) -> Removal:
    """The request is not valid. What was hidden at once comes back. Raises ValueError, IllegalMove."""
    with transaction.atomic():
        row = removals.refuse(removal_id, reason=reason, answer=answer, actor=actor)
        _close_tasks(row, "removal-not-found", outcome="refused", actor=actor)
        _all_back(row, because=row.cause, actor=actor)
        removal_letters.tell(row, "refused")
    return row


def route(removal_id: Id, *, actor: str) -> Removal:
    """A reviewer sees that a minor may be shown: child safety gets a report, and the clock here runs on.

    There is no way back from here: only child safety can find that it is none of theirs. Routing twice changes nothing.
    """
    with transaction.atomic():
        row = removal_steps.alone(removal_id)
        if row.report is not None:
            return row
        told = removals.opened(row.pk, actor=actor, purpose="routed to child safety").words
        places = row.locators.exclude(raw="").values_list("raw", flat=True)
        copies = row.items.exclude(item__url="").values_list("item__url", flat=True)
        links = dict.fromkeys([*places, *copies, *(told.elsewhere if told else ())])
        new = removals.NewRemoval(
            once_key="", signature="", good_faith=True, depiction=told.depiction if told else "",
            statement=told.statement if told else "", place=told.place if told else "",
            links=tuple(links)[: intake.LOCATOR_LIMIT], host=row.host_id or "", language=row.language,
        )  # fmt: skip
        return removals.route(row.pk, report=_report(new, str(row.pk)).report.pk, actor=actor)


def add_link(removal_id: Id, link: str, *, actor: str) -> RemovalLocator:
    """A reviewer found where it is. Raises ValueError for what is no link on a host of ours; IllegalMove."""
    with transaction.atomic():
        row = removal_steps.alone(removal_id)
        if row.state not in (*removals.RUNNING, S.NOT_FOUND, S.REMOVED):
            raise IllegalMove(f"{row} is {row.state!r}: no link is taken any more.")
        locator = removals.add_locator(row.pk, link, actor=actor)
        _resolve(row)
    return locator


def restore(removal_id: Id, *, because: str, actor: str) -> Removal:
    """The removal was wrong: everything that it took away comes back, unless something else wants it hidden."""
    with transaction.atomic():
        row = removals.restore(removal_id, because=because, actor=actor)
        _all_back(row, because=row.cause, actor=actor)
        removal_steps.advance(row.pk)
        row.refresh_from_db()
    return row


def holder_letter(token: str) -> tuple[Letter, RemovalItem]:
    """The letter that a token opens, and the item that it is about. Raises notices.UnknownToken."""
    letter = notices.letter_by_token(token)
    kind, _colon, pk = letter.ref.partition(":")
    if letter.kind != Letter.Kind.REMOVAL_HOLDER or kind != "removalitem":
        raise notices.UnknownToken("This address opens no letter about a removal.")
    return letter, RemovalItem.objects.select_related("removal", "item__account").get(pk=pk)


def object_to(token: str, *, text: str, language: str) -> RemovalObjection:
    """Whoever posted the item objects. Raises ValueError, removals.TooLong, removals.AlreadyObjected."""
    _letter, removed = holder_letter(token)
    with transaction.atomic():
        actor = f"account:{removed.item.account_id}"
        row = removals.open_objection(removed, text=text, language=language, actor=actor)
        work.raise_task("removal-objection", key=str(row.pk), about=audit.ref(removed.removal), role="senior")
    return row


def answer_objection(objection_id: Id, *, grant: bool, reason: str, actor: str) -> RemovalObjection:
    """Somebody who did not find the request valid answers. Granted, the item comes back.

    Raises removals.SamePerson (on record), ValueError, IllegalMove.
    """
    row = RemovalObjection.objects.select_related("removed__removal").get(pk=objection_id)
    try:
        with transaction.atomic():
            removal = removal_steps.alone(row.removed.removal_id)
            row = removals.answer_objection(objection_id, grant=grant, reason=reason, actor=actor)
            _close_tasks(removal, "removal-objection", key=str(row.pk), outcome=row.state, actor=actor)
            _after_answer(row, removal, grant=grant, actor=actor)
    except removals.SamePerson:
        audit.refused("objection.answer", actor=actor, about=row, reason="found the request valid")
        raise
    return row


def _after_answer(row: RemovalObjection, removal: Removal, *, grant: bool, actor: str) -> None:
    removed = RemovalItem.objects.select_related("removal", "item").get(pk=row.removed_id)
    if not grant:
        removal_letters.tell_back(removed)
        return
    removal_steps.give_back(removed, because=audit.ref(row), actor=actor)
    if removal.state in (S.REMOVING, S.REMOVED) and not removal_steps.wanted(removal).exists():
        removals.restore(removal.pk, because=row.reason, actor=actor)
        removal_steps.advance(removal.pk)


def copy_found(host: Host, *, item_id: str, account_id: str, sha256: str, ref: str) -> None:
    """A file that a request removed was uploaded again: it is hidden for the same request. No report is made of it.

    `ref` names the request ("removal:<id>") whose list entry was hit; every other request that wants the same bytes
    gone orders it too, so that taking one back does not bring it back. May be repeated; a request that is over, or a
    copy that a person brought back, is left alone.
    """
    with transaction.atomic():
        likes = list(removals.standing(sha256))
        if not likes:
            audit.record("removal.copy_left", actor=f"host:{host.slug}", about=ref, because="no request stands")
            return
        account = subjects.account(host, account_id) if account_id else None
        item = subjects.item(host, item_id, kind="media", owner=account)
        for like in likes:  # a job of its own: whoever screens must not wait for whoever works on the request
            work.enqueue(
                "removal.copy", key=f"{like.removal_id}:{item.pk}", again=True, like=str(like.pk), item=str(item.pk)
            )


def _all_back(row: Removal, *, because: str, actor: str) -> None:
    """Nothing is wanted gone for this request any more. In a transaction that holds the request."""
    for removed in removal_steps.wanted(row):
        removal_steps.give_back(removed, because=because, actor=actor)
    screening.retract_entry(row.cause, because=because, actor=actor, for_good=False)
    removal_clock.close(row, outcome=row.state, actor=actor)


def _by_code(code: str) -> Removal:
    row = removals.by_code(code)
    if row is None:
        raise LookupError("No request has this code.")
    return row


def _close_tasks(row: Removal, kind: str, *, outcome: str, actor: str, key: str = "") -> None:
    rows = work.open_tasks().filter(kind=kind, about=audit.ref(row))
    for task in rows.filter(key=f"{kind}:{key}") if key else rows:
        work.close_task(str(task.pk), actor=actor, outcome=outcome)
