"""The public face of `authorities`.

The register: `enter`, `answer`, `refuse`. Notices under Art. 18: `draft_notice`, `sent`, `drop`. Every function
records its act; none calls anybody: a person sends, and says with which proof.
"""

import uuid
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.authorities.letter import NoticeInput, render
from safehold.authorities.models import NOTICE, PROCESS, Notice, Process
from safehold.cases.models import Case, Duty

__all__ = ["EU", "NoticeInput", "answer", "draft_notice", "drop", "enter", "refuse", "sent"]

Id = uuid.UUID | str
# Member States of the European Union, ISO 3166-1 alpha-2.
EU = frozenset(
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU",
        "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    }
)  # fmt: skip


def enter(
    *, kind: str, authority: str, country: str, document: str, received_on: date, verified: str, asked: str, actor: str,
    due_on: date | None = None, case: Case | None = None,
) -> Process:  # fmt: skip
    """Enter a request. Raises ValueError where something is missing, impossible, or entered already."""
    if not all(text.strip() for text in (authority, document, verified, asked)) or kind not in Process.Kind.values:
        raise ValueError("Say who asks, by which document, how you verified it, and what is asked for.")
    if len(country) != 2 or not country.isascii() or not country.isalpha():
        raise ValueError("The country is a code of two letters.")
    if received_on > timezone.now().date() or (due_on is not None and due_on < received_on):
        raise ValueError("It cannot have been received in the future, nor be due before it was received.")
    given: dict[str, Any] = {
        "kind": kind, "authority": authority.strip(), "country": country.upper(), "document": document.strip(),
        "received_on": received_on, "due_on": due_on, "verified": verified, "asked": asked, "case": case,
    }  # fmt: skip
    try:
        with transaction.atomic():
            last = Process.objects.select_for_update().order_by("-number").values_list("number", flat=True).first()
            row = Process.objects.create(number=(last or 0) + 1, entered_by=actor, **given)
            told = {"kind": kind, "document": row.document, "case": str(case) if case else ""}
            audit.record("process.entered", actor=actor, about=row, number=row.number, **told)
    except IntegrityError:
        raise ValueError("This authority's document is in the register already, or somebody was faster.") from None
    return row


def answer(process_id: Id, *, handed_over: str, actor: str) -> Process:
    """What was handed over, and how. Raises IllegalMove where it is settled, ValueError without a word."""
    return _settle(process_id, "answer", handed_over, actor)


def refuse(process_id: Id, *, because: str, actor: str) -> Process:
    """It is not complied with, and why."""
    return _settle(process_id, "refuse", because, actor)


def _settle(process_id: Id, verb: str, text: str, actor: str) -> Process:
    if not text.strip():
        raise ValueError("Say what was handed over and how, or why it was refused: it stays on the record.")
    with transaction.atomic():
        row = Process.objects.get(pk=process_id)
        changes = {"answer": text.strip()[:500], "answered_at": timezone.now(), "answered_by": actor}
        return PROCESS.move(row, verb, actor=actor, changes=changes)


def draft_notice(duty: Duty, given: NoticeInput, *, addressee: str, country: str, actor: str) -> Notice:
    """Draft the letter of a duty to inform; of one that is met, for a further authority.

    Raises ValueError for an addressee that the article does not know.
    """
    if duty.kind != Duty.Kind.INFORM or duty.state == Duty.State.WAIVED:
        raise ValueError("There is no duty to inform an authority.")
    europol = addressee == Notice.Addressee.EUROPOL
    if addressee not in Notice.Addressee.values or (country != "" if europol else country not in EU):
        raise ValueError("Choose a Member State of the European Union, or Europol with none.")
    if not given.authority.strip():
        raise ValueError("Name the authority.")
    title, body = render(given)
    with transaction.atomic():
        row = Notice.objects.create(
            duty=duty, addressee=addressee, country=country, authority=given.authority.strip()[:200], title=title,
            body=body, drafted_by=actor,
        )  # fmt: skip
        audit.record(
            "notice.drafted", actor=actor, about=row, duty=audit.ref(duty), addressee=addressee, country=country
        )
    return row


def sent(notice_id: Id, *, channel: str, proof: str, actor: str) -> Notice:
    """The letter left, by this channel, with this proof. Raises IllegalMove, ValueError without a proof."""
    if not channel.strip() or not proof.strip():
        raise ValueError("Say by which channel it was sent, and what proves it: a message id, a reference number.")
    with transaction.atomic():
        changes = {
            "channel": channel.strip()[:200], "proof": proof.strip()[:500], "sent_at": timezone.now(), "sent_by": actor,
        }  # fmt: skip
        return NOTICE.move(Notice.objects.get(pk=notice_id), "send", actor=actor, changes=changes, channel=channel)


def drop(notice_id: Id, *, because: str, actor: str) -> Notice:
    """The draft is not sent: another one is, or none is due. The duty itself stays as it is."""
    if not because.strip():
        raise ValueError("Say why it is not sent.")
    with transaction.atomic():
        row = Notice.objects.get(pk=notice_id)
        return NOTICE.move(row, "drop", actor=actor, changes={"because": because.strip()[:500]}, because=because)
