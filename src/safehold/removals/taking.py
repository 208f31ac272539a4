"""Taking a request: what the law asks for is there, it fits, and it is written down with its clock.

Others go through `service`. The same one-time key gives the same receipt and changes nothing.
"""

import uuid
from datetime import timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.intake import service as intake
from safehold.removals import words as kept
from safehold.removals.models import ELEMENTS, REMOVAL, REMOVAL_LOCATOR, Removal, RemovalLocator
from safehold.removals.words import Contact, Words
from safehold.subjects import service as subjects
from safehold.subjects.models import Host

Id = uuid.UUID | str
DEADLINE = timedelta(hours=48)  # 47 USC 223a(a)(3): not later than 48 hours after receiving the request
TEXT_LIMIT = 5000
LIMITS = {"signature": 200, "email": 254, "other_contact": 500, "relationship": 200, "depiction": TEXT_LIMIT,
          "place": 1000, "statement": TEXT_LIMIT}  # fmt: skip


class Incomplete(ValueError):
    """The request lacks what the law asks for. `missing` names it, in the words of `ELEMENTS`."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        self.missing = missing
        super().__init__(f"The request lacks: {', '.join(missing)}. Nothing was saved.")


class TooLong(ValueError):
    """More than can be taken. `field` names it, `limit` is in characters, or in links."""

    def __init__(self, field: str, limit: int) -> None:
        self.field, self.limit = field, limit
        super().__init__(f"{field} holds too much: at most {limit} can be taken. Nothing was saved.")


class NewRemoval(msgspec.Struct, frozen=True):
    """A request as the form took it."""

    once_key: str  # made by the form, the same for a resend; never stored
    signature: str  # a typed name: 15 USC 7006(5)
    depiction: str  # how it is identified
    statement: str  # what shows that there was no consent
    good_faith: bool  # the statement was ticked
    links: tuple[str, ...] = ()
    place: str = ""  # where it is, in words, where there is no link
    email: str = ""
    other_contact: str = ""
    behalf: str = Removal.Behalf.SELF
    relationship: str = ""
    minor: str = Removal.Minor.NOT_SURE
    host: str = ""  # slug, where known
    language: str = "en"

    def missing(self) -> tuple[str, ...]:
        """What of 47 USC 223a(a)(1)(B) is not there. Whether it is enough, a person checks."""
        authorised = self.behalf != Removal.Behalf.AUTHORISED or self.relationship.strip()
        there = {
            "signature": self.signature.strip() and authorised,
            "identification": self.depiction.strip(),
            "location": self.links or self.place.strip(),
            "statement": self.good_faith and self.statement.strip(),
            "contact": self.email.strip() or self.other_contact.strip(),
        }
        return tuple(name for name in ELEMENTS if not there[name])


class Accepted(msgspec.Struct, frozen=True):
    """The request's row, its receipt code, and whether the same one-time key was here before."""

    removal: Removal
    code: str
    repeated: bool


def code_of(new: NewRemoval) -> str:
    """The receipt code of a request, also before it is taken."""
    return intake.code_for("removal", intake.clean(new.once_key))


def by_code(code: str) -> Removal | None:
    """The request of a receipt code, in whatever spelling it was typed."""
    known = intake.read_code(code)
    return Removal.objects.filter(code_hash=intake.code_hash(known)).first() if known else None


def accept(new: NewRemoval, *, report: Id | None = None) -> Accepted:
    """Take a complete request, in the caller's transaction: show the code only after that is committed.

    `report` is the report to child safety that was made of it: always there where a minor may be shown. The same
    one-time key gives the same code and changes nothing. Raises Incomplete, TooLong, and ValueError where a minor
    may be shown and there is no report.
    """
    new = _cleaned(new)
    if missing := new.missing():
        raise Incomplete(missing)
    if new.minor != Removal.Minor.NO and report is None:
        raise ValueError("A minor may be shown: child safety must have a report before the request is taken.")
    code = code_of(new)
    known = by_code(code)
    if known is not None:
        return Accepted(known, code, repeated=True)
    try:
        with transaction.atomic():
            return Accepted(_write(new, code, report), code, repeated=False)
    except IntegrityError:  # the same request, sent twice at the same moment: the other one was first
        known = by_code(code)
        if known is None:
            raise
        return Accepted(known, code, repeated=True)


def complete(removal_id: Id, new: NewRemoval) -> Removal:
    """The notifier sent what was missing: the clock begins anew, because only now the request is a whole one.

    What is left empty stays as it was; what we asked for (a place, where nothing was found) must be there. Raises
    Incomplete, TooLong, IllegalMove.
    """
    new, now = _cleaned(new), timezone.now()
    row = Removal.objects.get(pk=removal_id)
    asked = row.missing or (["location"] if row.state == Removal.State.NOT_FOUND else [])
    if still := tuple(name for name in asked if name in new.missing()):
        raise Incomplete(still)
    whole = _with_what_was_there(row, new)
    changes = {
        "complete_at": now, "deadline": now + DEADLINE, "missing": [], "answer": "", "checked_at": None,
        "checked_by": "", "behalf": new.behalf, "settled_at": None,
    }  # fmt: skip
    before = kept.read(row.pk)
    row = REMOVAL.move(row, "complete", actor="notifier", changes=changes)
    away = (*(before.words.elsewhere if before.words else ()), *_name_places(row, new))
    kept.keep(row, *_parts(whole, away))
    return row


def _with_what_was_there(row: Removal, new: NewRemoval) -> NewRemoval:
    """The request with its earlier words where it has none of its own. Raises Incomplete where that is not enough."""
    before = kept.read(row.pk)
    contact, words = before.contact or Contact(), before.words or Words()
    old = {
        "signature": contact.signature, "email": contact.email, "other_contact": contact.other,
        "depiction": words.depiction, "place": words.place, "statement": words.statement,
        "relationship": words.relationship,
    }  # fmt: skip
    whole = msgspec.structs.replace(
        new,
        **{name: getattr(new, name) or text for name, text in old.items()},
        links=new.links or tuple(row.locators.exclude(raw="").values_list("raw", flat=True)),
        good_faith=new.good_faith or "statement" not in row.missing,
    )
    if missing := whole.missing():
        raise Incomplete(missing)
    return whole


def add_locator(removal_id: Id, link: str, *, actor: str) -> RemovalLocator:
    """A reviewer found where it is. Raises ValueError for what is no link on a host of ours, TooLong."""
    row = Removal.objects.select_for_update().get(pk=removal_id)
    link = intake.clean(link)
    if len(link) > intake.LOCATOR_LENGTH:
        raise TooLong("link", intake.LOCATOR_LENGTH)
    known = intake.classify(link, subjects.host_of, row.host)
    if known.given_as != "link" or known.host is None:
        raise ValueError("This is no link on a host of ours.")
    made = _locator(row, known.raw, "link", known.host, added_by=actor)
    audit.record("removal.locator_added", actor=actor, about=row, locator=str(made.pk))
    return made


def _cleaned(new: NewRemoval) -> NewRemoval:
    """Text that every database stores, each field within its limit. Raises TooLong."""
    for name, most in LIMITS.items():
        if len(getattr(new, name)) > most:
            raise TooLong(name, most)
    if len(new.links) > intake.LOCATOR_LIMIT:
        raise TooLong("links", intake.LOCATOR_LIMIT)
    if any(len(link) > intake.LOCATOR_LENGTH for link in new.links):
        raise TooLong("links", intake.LOCATOR_LENGTH)
    texts = {name: intake.clean(getattr(new, name), lines=True) for name in LIMITS}
    languages = [code for code, _name in settings.LANGUAGES]
    new = msgspec.structs.replace(
        new,
        **texts,
        links=tuple(filter(None, map(intake.clean, new.links))),
        language=new.language if new.language in languages else "en",
        minor=new.minor if new.minor in Removal.Minor.values else Removal.Minor.NOT_SURE,
        behalf=new.behalf if new.behalf in Removal.Behalf.values else Removal.Behalf.SELF,
    )
    return new


def _write(new: NewRemoval, code: str, report: Id | None) -> Removal:
    now = timezone.now()
    routed: dict[str, Any] = {}
    if report is not None:
        routed = {"report": uuid.UUID(str(report)), "routed_at": now, "routed_by": "notifier"}
    row = Removal.objects.create(
        code_hash=intake.code_hash(code), host=Host.objects.filter(slug=new.host).first() if new.host else None,
        received_at=now, complete_at=now, deadline=now + DEADLINE, language=new.language, behalf=new.behalf,
        minor=new.minor, **routed,
    )  # fmt: skip
    away = _name_places(row, new)
    kept.keep(row, *_parts(new, away))
    audit.record(
        "removal.received", actor="notifier", about=row, minor=new.minor, behalf=new.behalf,
        places=row.locators.count(), report=str(report or ""),
    )  # fmt: skip
    return row


def _name_places(row: Removal, new: NewRemoval) -> tuple[str, ...]:
    """A locator for each link. Returns those that lie elsewhere: they are kept under seal alone (S62)."""
    away = []
    for raw in dict.fromkeys(new.links):
        known = intake.classify(raw, subjects.host_of, row.host)
        if known.state == RemovalLocator.State.ELSEWHERE:
            away.append(known.raw)
            made = _locator(row, "", known.given_as, None)
            REMOVAL_LOCATOR.move(made, "set_aside", actor="notifier")
        else:
            made = _locator(row, known.raw, known.given_as, known.host)
            if known.state == RemovalLocator.State.NOT_FOUND:
                REMOVAL_LOCATOR.move(made, "miss", actor="notifier")
    return tuple(away)


def _locator(row: Removal, raw: str, given_as: str, host: Host | None, *, added_by: str = "") -> RemovalLocator:
    last = row.locators.aggregate(last=models.Max("position"))["last"]
    return RemovalLocator.objects.create(
        removal=row, position=0 if last is None else last + 1, raw=raw, given_as=given_as, host=host, added_by=added_by
    )


def _parts(new: NewRemoval, away: tuple[str, ...]) -> tuple[Contact, Words]:
    contact = Contact(signature=new.signature, email=new.email, other=new.other_contact)
    words = Words(
        depiction=new.depiction, place=new.place, statement=new.statement, relationship=new.relationship,
        elsewhere=away,
    )  # fmt: skip
    return contact, words
