"""What reporters left behind, opened with a record and erased in time. Others go through `service`.

Contact data is kept 180 days after the report is finished; the receipt code, not an address, is what a
reporter comes back with. A reporter's words are kept a year, as long as the hold of a filing that rests
on them (18 USC 2258A(h)).
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.intake.models import Report, ReporterContact, ReportWords
from safehold.sealing import box

CONTACT_DAYS = 180
WORDS_DAYS = 365


class Contact(msgspec.Struct, frozen=True):
    """How to reach a reporter, and their own account on the host. Both may be empty."""

    email: str = ""
    account: str = ""


class Words(msgspec.Struct, frozen=True):
    """What a reporter wrote. `elsewhere` are links off the platform: shown as text, never as links."""

    reason: str = ""
    elsewhere: tuple[str, ...] = ()
    erased: bool = False


def contact_of(report_id: uuid.UUID | str, *, actor: str, purpose: str) -> Contact | None:
    """The reporter's contact data, as a recorded look; None where there is none, or no more. In a transaction."""
    row = ReporterContact.objects.filter(report_id=report_id, erased_at=None).first()
    if row is None:
        return None
    audit.record("reporter_contact.viewed", actor=actor, about=f"report:{report_id}", purpose=purpose)
    return Contact(**unseal(f"ReporterContact:{report_id}", bytes(row.sealed)))


def words_of(report_id: uuid.UUID | str) -> Words:
    """What the reporter wrote; empty where they wrote nothing or it was erased. Part of the case file."""
    row = ReportWords.objects.filter(report_id=report_id).first()
    if row is None:
        return Words()
    if row.erased_at is not None:
        return Words(erased=True)
    values = unseal(f"ReportWords:{report_id}", bytes(row.sealed))
    return Words(reason=values.get("reason", ""), elsewhere=tuple(values.get("elsewhere", ())))


def seal(name: str, values: dict[str, Any]) -> bytes:
    """Encrypt what a reporter left for the row called `name`."""
    return box.seal(settings.SAFEHOLD.keys / "reporters.key", msgspec.json.encode(values), name)


def unseal(name: str, sealed: bytes) -> dict[str, Any]:
    """The values again. Raises box.CannotUnseal."""
    values: dict[str, Any] = msgspec.json.decode(box.unseal(settings.SAFEHOLD.keys / "reporters.key", sealed, name))
    return values


def start_terms(report: Report) -> None:
    """The report is finished: from now on its reporter's data has an end."""
    for model, days in ((ReporterContact, CONTACT_DAYS), (ReportWords, WORDS_DAYS)):
        until = timezone.now() + timedelta(days=days)
        model.objects.filter(report=report, keep_until=None, erased_at=None).update(keep_until=until)


def erase_contact(report_id: uuid.UUID | str, *, actor: str, because: str) -> bool:
    """Erase the reporter's contact data now. Returns whether there was any."""
    return _erase(ReporterContact, report_id, actor=actor, because=because)


def erase_words(report_id: uuid.UUID | str, *, actor: str, because: str) -> bool:
    """Erase what the reporter wrote. Returns whether there was any."""
    return _erase(ReportWords, report_id, actor=actor, because=because)


def erase_due(*, actor: str, now: datetime | None = None) -> int:
    """Erase everything whose term has ended. Returns how many rows. Called daily by the schedule."""
    moment = now or timezone.now()
    erased = 0
    for model in (ReporterContact, ReportWords):
        due = model.objects.filter(keep_until__lte=moment, erased_at=None).values_list("report_id", flat=True)
        erased += sum(_erase(model, report_id, actor=actor, because="term ended") for report_id in list(due))
    return erased


def _erase(
    model: type[ReporterContact] | type[ReportWords], report_id: uuid.UUID | str, *, actor: str, because: str
) -> bool:
    with transaction.atomic():
        row = model.objects.select_for_update().filter(report_id=report_id, erased_at=None).first()
        if row is None:
            return False
        row.sealed, row.erased_at, row.erased_because = b"", timezone.now(), because[:200]
        row.save(update_fields=["sealed", "erased_at", "erased_because"])
        act = "reporter_contact.erased" if model is ReporterContact else "report_words.erased"
        audit.record(act, actor=actor, about=f"report:{report_id}", because=because)
    return True
