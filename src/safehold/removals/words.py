"""What notifiers left behind: sealed, opened with a record, erased in time. Others go through `service`.

Contact and signature are kept 180 days after the request is settled, as a reporter's; the words a year, as long as
somebody may ask us to prove what was requested.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.removals.models import Removal, RemovalContact, RemovalWords
from safehold.sealing import box

CONTACT_DAYS = 180
WORDS_DAYS = 365


class Contact(msgspec.Struct, frozen=True):
    """Who signed, and how to reach them."""

    signature: str = ""
    email: str = ""
    other: str = ""  # a telephone number or a postal address


class Words(msgspec.Struct, frozen=True):
    """What the notifier wrote. `elsewhere` are links off the platform: shown as text, never as links."""

    depiction: str = ""  # how it is identified
    place: str = ""  # where it is, in words
    statement: str = ""  # what shows that there was no consent
    relationship: str = ""  # of an authorised person
    elsewhere: tuple[str, ...] = ()


class Opened(msgspec.Struct, frozen=True):
    """Both, as far as they are still there."""

    contact: Contact | None
    words: Words | None


def keep(removal: Removal, contact: Contact, words: Words) -> None:
    """Seal what was written, or what it was completed with, in place of what lay there."""
    fresh = {"keep_until": None, "erased_at": None, "erased_because": ""}
    for model, values in ((RemovalContact, contact), (RemovalWords, words)):
        name = f"{model.__name__}:{removal.pk}"
        sealed = box.seal(_key(), msgspec.json.encode(values), name)
        model.objects.update_or_create(removal=removal, defaults={"sealed": sealed, **fresh})


def opened(removal_id: uuid.UUID | str, *, actor: str, purpose: str) -> Opened:
    """What the notifier wrote and how to reach them, as a recorded look. Needs a transaction."""
    audit.record("removal_words.viewed", actor=actor, about=f"removal:{removal_id}", purpose=purpose)
    return read(removal_id)


def read(removal_id: uuid.UUID | str) -> Opened:
    """The same without a look of anybody's: what the notifier completes is put together from it."""
    return Opened(contact=_read(RemovalContact, removal_id, Contact), words=_read(RemovalWords, removal_id, Words))


def address(removal_id: uuid.UUID | str) -> str:
    """The notifier's e-mail address, for a letter to them; "" where there is none, or none any more."""
    contact = _read(RemovalContact, removal_id, Contact)
    return contact.email if contact else ""


def start_terms(removal: Removal) -> None:
    """The request is settled, or waits for the notifier: from now on the notifier's data has an end."""
    for model, days in ((RemovalContact, CONTACT_DAYS), (RemovalWords, WORDS_DAYS)):
        until = timezone.now() + timedelta(days=days)
        model.objects.filter(removal=removal, erased_at=None).update(keep_until=until)


def stop_terms(removal: Removal) -> None:
    """The request is being worked on again: what lies there is needed."""
    for model in (RemovalContact, RemovalWords):
        model.objects.filter(removal=removal, erased_at=None).update(keep_until=None)


def erase_due(*, actor: str, now: datetime | None = None) -> int:
    """Erase everything whose term has ended. Returns how many rows. Called daily by the schedule."""
    moment, erased = now or timezone.now(), 0
    for model, act in ((RemovalContact, "removal_contact.erased"), (RemovalWords, "removal_words.erased")):
        for found in list(model.objects.filter(keep_until__lte=moment, erased_at=None).values_list("pk", flat=True)):
            with transaction.atomic():
                row = model.objects.select_for_update().get(pk=found)
                if row.erased_at is None:
                    row.sealed, row.erased_at, row.erased_because = b"", timezone.now(), "term ended"
                    row.save(update_fields=["sealed", "erased_at", "erased_because"])
                    audit.record(act, actor=actor, about=f"removal:{found}", because="term ended")
                    erased += 1
    return erased


def _read(model: type[RemovalContact] | type[RemovalWords], removal_id: uuid.UUID | str, kind: type[Any]) -> Any:
    row = model.objects.filter(removal__pk=removal_id, erased_at=None).first()
    if row is None:
        return None
    return msgspec.json.decode(box.unseal(_key(), bytes(row.sealed), f"{model.__name__}:{removal_id}"), type=kind)


def _key() -> Any:
    return settings.SAFEHOLD.keys / "removals.key"
