"""The public face of `removals`: take a request, keep its clock, write down what was found and how it ended.

Taking: `NewRemoval`, `accept` -> `Accepted`; `by_code`, `code_of`; `Incomplete` names what the law asks for and is not
there, `TooLong` what cannot be stored. The way of a request, called through `path.removals`: `complete`, `ask`,
`found_valid`, `looked_again`, `begin`, `missed`, `done`, `refuse`, `withdraw`, `restore`, `restored`, `route`.
What it names: `settle_locator`, `add_locator`, `add_item`, `set_digest`, `no_digest`, `give_back`.
Objections: `open_objection`, `answer_objection`. Words and contact: `opened` (a recorded look), `address`, `erase_due`.

Every function records its act; none calls a host, orders anything or writes to anybody.
"""

import uuid
from datetime import datetime

from django.db import models
from django.utils import timezone

from safehold.audit import service as audit
from safehold.intake import service as intake
from safehold.removals import words as kept
from safehold.removals.models import (
    ELEMENTS,
    OBJECTION,
    REMOVAL,
    REMOVAL_LOCATOR,
    Removal,
    RemovalItem,
    RemovalLocator,
    RemovalObjection,
)
from safehold.removals.taking import (
    DEADLINE,
    LIMITS,
    TEXT_LIMIT,
    Accepted,
    Incomplete,
    NewRemoval,
    TooLong,
    accept,
    add_locator,
    by_code,
    code_of,
    complete,
)
from safehold.removals.words import Contact, Opened, Words, address, erase_due, opened
from safehold.subjects.models import Item

__all__ = [
    "DEADLINE",
    "ELEMENTS",
    "LIMITS",
    "RUNNING",
    "TEXT_LIMIT",
    "Accepted",
    "AlreadyObjected",
    "Contact",
    "Incomplete",
    "NewRemoval",
    "Opened",
    "SamePerson",
    "TooLong",
    "Words",
    "accept",
    "add_item",
    "add_locator",
    "address",
    "answer_objection",
    "ask",
    "begin",
    "by_code",
    "code_of",
    "complete",
    "done",
    "erase_due",
    "found_valid",
    "give_back",
    "looked_again",
    "missed",
    "no_digest",
    "open_objection",
    "opened",
    "refuse",
    "restore",
    "restored",
    "route",
    "running",
    "set_digest",
    "settle_locator",
    "standing",
    "withdraw",
]  # fmt: skip

Id = uuid.UUID | str
S = Removal.State
RUNNING = (S.RECEIVED, S.VALID, S.REMOVING)  # the clock runs
STANDING = (S.RECEIVED, S.VALID, S.REMOVING, S.REMOVED)  # what it wants gone is to stay gone


class SamePerson(Exception):
    """Whoever found a request valid does not answer the objection to it."""


class AlreadyObjected(Exception):
    """An objection to this removal is there already, or the item is not removed any more."""


def ask(removal_id: Id, *, missing: tuple[str, ...], answer: str, actor: str) -> Removal:
    """A person finds that the request is not complete: the clock stands until the notifier completes it."""
    if not missing or set(missing) - set(ELEMENTS):
        raise ValueError("Say which of the five parts is missing.")
    changes = {"missing": list(missing), "answer": answer.strip()[:2000], "checked_at": timezone.now(),
               "checked_by": actor}  # fmt: skip
    row = Removal.objects.get(pk=removal_id)
    row = REMOVAL.move(row, "ask", actor=actor, changes=changes, missing=list(missing))
    kept.start_terms(row)
    return row


def found_valid(removal_id: Id, *, actor: str) -> Removal:
    """A person has checked the five parts: the request is valid."""
    changes = {"checked_at": timezone.now(), "checked_by": actor, "missing": [], "settled_at": None}
    row = REMOVAL.move(Removal.objects.get(pk=removal_id), "accept", actor=actor, changes=changes)
    kept.stop_terms(row)
    return row


def looked_again(row: Removal, *, actor: str) -> Removal:
    """A valid request that named nothing names something now: it goes on, and its check stands."""
    row = REMOVAL.move(row, "accept", actor=actor, changes={"settled_at": None})
    kept.stop_terms(row)
    return row


def begin(row: Removal, *, actor: str) -> Removal:
    """What it names is ordered gone."""
    return REMOVAL.move(row, "begin", actor=actor)


def missed(row: Removal, *, actor: str) -> Removal:
    """Nothing that it names is on a host of ours."""
    row = REMOVAL.move(row, "miss", actor=actor, changes={"settled_at": timezone.now(), "settled_by": actor})
    kept.start_terms(row)
    return row


def done(row: Removal, *, removed_at: datetime, actor: str) -> Removal:
    """Every item that it names is out of everybody's reach, as the hosts told when asked again."""
    changes = {"removed_at": removed_at, "settled_at": timezone.now(), "settled_by": actor}
    row = REMOVAL.move(row, "done", actor=actor, changes=changes, in_time=removed_at <= row.deadline)
    kept.start_terms(row)
    return row


def refuse(removal_id: Id, *, reason: str, answer: str, actor: str) -> Removal:
    """The request is not valid, and why. Raises ValueError without a reason and words to the notifier."""
    if reason not in Removal.Reason.values or not answer.strip():
        raise ValueError("A refusal needs one of the reasons, and words that the notifier can read.")
    changes = {"reason": reason, "answer": answer.strip()[:2000], "settled_at": timezone.now(), "settled_by": actor}
    row = REMOVAL.move(Removal.objects.get(pk=removal_id), "refuse", actor=actor, changes=changes, reason=reason)
    kept.start_terms(row)
    return row


def withdraw(removal_id: Id, *, because: str, actor: str) -> Removal:
    """The notifier does not want it any more."""
    return _end(removal_id, "withdraw", because=because, actor=actor)


def restore(removal_id: Id, *, because: str, actor: str) -> Removal:
    """The removal was wrong: a person decided that what it took away comes back."""
    return _end(removal_id, "restore", because=because, actor=actor)


def restored(row: Removal, *, actor: str) -> Removal:
    """What can come back is back, as the hosts told when asked again."""
    return REMOVAL.move(row, "restored", actor=actor)


def _end(removal_id: Id, verb: str, *, because: str, actor: str) -> Removal:
    if not because.strip():
        raise ValueError("Say why: it stays on the record.")
    changes = {"because": because.strip()[:500], "settled_at": timezone.now(), "settled_by": actor}
    row = REMOVAL.move(Removal.objects.get(pk=removal_id), verb, actor=actor, changes=changes)
    kept.start_terms(row)
    return row


def route(removal_id: Id, *, report: Id, actor: str) -> Removal:
    """Child safety has a report of it from now on. There is no way back. Routing twice changes nothing."""
    row = Removal.objects.select_for_update().get(pk=removal_id)
    if row.report is None:
        row.report, row.routed_at, row.routed_by = uuid.UUID(str(report)), timezone.now(), actor
        row.save(update_fields=["report", "routed_at", "routed_by"])
        audit.record("removal.routed", actor=actor, about=row, report=str(report))
    return row


def settle_locator(locator_id: Id, *, item: Item | None, actor: str) -> RemovalLocator:
    """Store what the host said a locator leads to. Repeating changes nothing."""
    row = RemovalLocator.objects.select_for_update().get(pk=locator_id)
    if row.state != RemovalLocator.State.CHECKING:
        return row
    if item is None:
        return REMOVAL_LOCATOR.move(row, "miss", actor=actor)
    return REMOVAL_LOCATOR.move(row, "find", actor=actor, changes={"item": item, "host": item.host})


def add_item(row: Removal, item: Item, *, found: str, private: bool = False, sha256: str = "") -> RemovalItem:
    """An item that the request wants gone, once. One that was given back is wanted again only if it is named."""
    digest = {"digest": RemovalItem.Digest.DONE, "sha256": sha256} if sha256 else {}
    made, new = RemovalItem.objects.get_or_create(
        removal=row, item=item, defaults={"found": found, "private": private, **digest}
    )
    if new:
        audit.record("removal.item_added", actor="system:worker", about=row, item=audit.ref(item), found=found)
    return made


def set_digest(removed: RemovalItem, sha256: str) -> RemovalItem:
    """The digest of the item's file; the file itself was not kept."""
    RemovalItem.objects.filter(pk=removed.pk).update(digest=RemovalItem.Digest.DONE, sha256=sha256)
    removed.refresh_from_db()
    return removed


def no_digest(removed: RemovalItem) -> RemovalItem:
    """The item has no file, or one that may not be read."""
    RemovalItem.objects.filter(pk=removed.pk, digest=RemovalItem.Digest.DUE).update(digest=RemovalItem.Digest.NONE)
    removed.refresh_from_db()
    return removed


def give_back(removed: RemovalItem, *, because: str, actor: str) -> None:
    """The request no longer wants this item gone. Repeating changes nothing."""
    if RemovalItem.objects.filter(pk=removed.pk, given_back_at=None).update(given_back_at=timezone.now()):
        audit.record("removal.item_given_back", actor=actor, about=removed, removal=str(removed.removal_id),
                     because=because)  # fmt: skip


def open_objection(removed: RemovalItem, *, text: str, language: str, actor: str) -> RemovalObjection:
    """Whoever posted the item objects, once. Raises ValueError, TooLong, AlreadyObjected. Needs a transaction."""
    text = intake.clean(text, lines=True)
    if not text:
        raise ValueError("Say in a sentence what is wrong.")
    if len(text) > TEXT_LIMIT:
        raise TooLong("text", TEXT_LIMIT)
    removal = Removal.objects.select_for_update().get(pk=removed.removal_id)
    account = removed.item.account
    gone = removal.state not in STANDING or removed.given_back_at is not None
    if gone or account is None or RemovalObjection.objects.filter(removed=removed).exists():
        raise AlreadyObjected(f"{removed.pk} cannot be objected to (any more).")
    row = RemovalObjection.objects.create(
        removed=removed, account=account, text=text, language=language, opened_at=timezone.now(),
        found_by=removal.checked_by,
    )  # fmt: skip
    audit.record("objection.opened", actor=actor, about=row, removal=str(removal.pk))
    return row


def answer_objection(objection_id: Id, *, grant: bool, reason: str, actor: str) -> RemovalObjection:
    """A person answers, who had not found the request valid. Raises SamePerson, ValueError, IllegalMove."""
    row = RemovalObjection.objects.select_related("removed__removal").get(pk=objection_id)
    if actor in (row.found_by, row.removed.removal.checked_by):
        raise SamePerson("You found this request valid; somebody else must answer the objection.")
    if not reason.strip():
        raise ValueError("The answer needs a reason that the account holder can read.")
    changes = {"decided_by": actor, "decided_at": timezone.now(), "reason": reason.strip()[:2000],
               "found_by": row.removed.removal.checked_by}  # fmt: skip
    return OBJECTION.move(row, "grant" if grant else "refuse", actor=actor, changes=changes)


def running() -> "models.QuerySet[Removal]":
    """Requests whose clock runs, the nearest deadline first."""
    return Removal.objects.filter(state__in=RUNNING).order_by("deadline", "pk")


def standing(sha256: str) -> "list[RemovalItem]":
    """For each request that wants files with this digest gone, one such file."""
    rows = RemovalItem.objects.filter(sha256=sha256, given_back_at=None, removal__state__in=[S.REMOVING, S.REMOVED])
    return list({row.removal_id: row for row in rows.exclude(sha256="").order_by("removal_id", "-pk")}.values())
