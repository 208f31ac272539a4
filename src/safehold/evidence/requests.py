"""What takes two custodians: end a hold early, destroy, hand over, let somebody look. Called through `service`.

One asks, naming the authority, its document and how the requester was verified; another one agrees, and
then it happens in the same transaction. Nobody agrees to what they asked for, and the database refuses it
too. Whether a case still needs the evidence is the caller's to check before (`path.custody`).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove, Machine
from safehold.evidence import grants
from safehold.evidence.destruction import destroy
from safehold.evidence.errors import NeedsSecondPerson
from safehold.evidence.holds import end_hold_early, release_for_destruction
from safehold.evidence.models import Hold, Request
from safehold.evidence.recipients import check_recipient

MACHINE = Machine(
    "request",
    start=Request.State.ASKED,
    moves={
        "approve": {Request.State.ASKED: Request.State.APPROVED},
        "refuse": {Request.State.ASKED: Request.State.REFUSED},
        "withdraw": {Request.State.ASKED: Request.State.WITHDRAWN},
    },
)
OF_AUTHORITY = (Request.Kind.END_HOLD, Request.Kind.DESTROY, Request.Kind.HAND_OVER)


def ask(
    kind: str,
    *,
    actor: str,
    because: str,
    about: str = "",
    sealed_ids: Iterable[UUID | str] = (),
    hold: Hold | None = None,
    authority: str = "",
    document: str = "",
    verified: str = "",
    recipient: str = "",
    member: str = "",
    until: datetime | None = None,
) -> Request:
    """A custodian asks. Nothing happens before another one agrees.

    Raises ValueError for what is missing: authority, document and the way of verification of anything that
    rests on an authority; the hold to end; `recipient` (an age key) of a hand-over; `member` and `until` of a look.
    """
    details = _checked(
        Request.Kind(kind), because=because, authority=authority, document=document, verified=verified, hold=hold,
        recipient=recipient, member=member, until=until,
    )  # fmt: skip
    rows = [] if kind == Request.Kind.END_HOLD else grants.found(sealed_ids)
    with transaction.atomic():
        row = Request.objects.create(
            kind=kind, authority=authority.strip()[:200], document=document.strip()[:200],
            verified=verified.strip()[:500], because=because.strip()[:500], asked_by=actor, asked_at=timezone.now(),
            hold=hold, about=about, details=details,
        )  # fmt: skip
        row.items.set(rows)
        audit.record(
            "request.asked", actor=actor, about=row, kind=kind, authority=row.authority, document=row.document,
            verified=row.verified, because=row.because, concerns=about, hold=audit.ref(hold) if hold else "",
            sealed=[str(one.pk) for one in rows], details=details,
        )  # fmt: skip
    return row


def approve(request_id: UUID | str, *, actor: str) -> Request:
    """Another custodian agrees: it happens now, in this transaction.

    Raises NeedsSecondPerson for the one who asked, IllegalMove where it is settled, HoldInForce where another
    authority's legal hold stands against a destruction; then nothing has changed.
    """
    row = Request.objects.get(pk=request_id)
    if actor in (row.asked_by, row.details.get("member")):
        audit.refused("request.approve", actor=actor, about=row, reason="same person")
        raise NeedsSecondPerson("Somebody else must agree to this.")
    with transaction.atomic():
        row = MACHINE.move(row, "approve", actor=actor, changes=_settled(actor, ""), kind=row.kind)
        _DO[Request.Kind(row.kind)](row, actor)
    return row


def refuse(request_id: UUID | str, *, because: str, actor: str) -> Request:
    """Another custodian does not agree. Raises NeedsSecondPerson, IllegalMove, ValueError without a reason."""
    row = Request.objects.get(pk=request_id)
    if actor == row.asked_by:
        raise NeedsSecondPerson("Who asked may withdraw; somebody else refuses.")
    return _close(row, "refuse", because, actor)


def withdraw(request_id: UUID | str, *, because: str, actor: str) -> Request:
    """Who asked takes it back. Raises IllegalMove for anybody else and where it is settled."""
    row = Request.objects.get(pk=request_id)
    if actor != row.asked_by:
        raise IllegalMove("Only who asked may withdraw a request.")
    return _close(row, "withdraw", because, actor)


def wanted(sealed_id: UUID | str) -> bool:
    """Whether a custodian's request about the object waits, or a grant to look at it is in force."""
    asked = Request.objects.filter(items__pk=sealed_id, state=Request.State.ASKED).exists()
    packing = Request.objects.filter(
        items__pk=sealed_id, state=Request.State.APPROVED, kind=Request.Kind.HAND_OVER, package=None
    ).exists()
    return asked or packing or grants.grants_in_force().filter(items__pk=sealed_id).exists()


def _close(row: Request, verb: str, because: str, actor: str) -> Request:
    if not because.strip():
        raise ValueError("Say why.")
    with transaction.atomic():
        return MACHINE.move(row, verb, actor=actor, changes=_settled(actor, because), because=because.strip()[:500])


def _settled(actor: str, because: str) -> dict[str, Any]:
    return {"settled_by": actor, "settled_at": timezone.now(), "settled_because": because.strip()[:500]}


def _checked(
    kind: Request.Kind, *, because: str, authority: str, document: str, verified: str, hold: Hold | None,
    recipient: str, member: str, until: datetime | None,
) -> dict[str, str]:  # fmt: skip
    if not because.strip():
        raise ValueError("Say why.")
    if kind in OF_AUTHORITY and not (authority.strip() and document.strip() and verified.strip()):
        raise ValueError("Name the authority, the document of its request, and how you verified who sent it.")
    if kind == Request.Kind.END_HOLD:
        if hold is None or not Hold.objects.filter(pk=hold.pk, state=Hold.State.IN_FORCE).exists():
            raise ValueError("Name a hold that is in force.")
    elif kind == Request.Kind.HAND_OVER:
        return {"recipient": check_recipient(recipient)}
    elif kind == Request.Kind.LOOK:
        if not member or until is None:
            raise ValueError("Say who may look, and until when.")
        grants.check_term(until)
        return {"member": member, "until": until.isoformat()}
    return {}


def _end_hold(row: Request, actor: str) -> None:
    assert row.hold is not None  # noqa: S101 - `_checked` took no request without one
    end_hold_early(row.hold.pk, authority=row.authority, document=row.document, actor=row.asked_by, approved_by=actor)


def _destroy(row: Request, actor: str) -> None:
    for sealed in row.items.filter(destroyed_at=None).order_by("pk"):
        release_for_destruction(
            sealed, authority=row.authority, document=row.document, actor=row.asked_by, approved_by=actor
        )
        because = f"{row.authority}: {row.document}"
        destroy(sealed.pk, actor=row.asked_by, approved_by=actor, because=because)


def _look(row: Request, actor: str) -> None:
    grants.grant(
        row.details["member"], [one.pk for one in row.items.all()], about=row.about, because=row.because,
        until=datetime.fromisoformat(row.details["until"]), actor=row.asked_by, approved_by=actor,
    )  # fmt: skip


def _hand_over(row: Request, actor: str) -> None:
    """Only agreed to: the package is made by a job, because it may be large."""


_DO = {
    Request.Kind.END_HOLD: _end_hold,
    Request.Kind.DESTROY: _destroy,
    Request.Kind.LOOK: _look,
    Request.Kind.HAND_OVER: _hand_over,
}
