"""Holds: evidence that must be kept until a day. Called through `service`.

A filed CyberTip is kept for one year from its receipt (18 USC 2258A(h)(1); UK SI 2026/268 reg. 8). A legal
hold is placed for an authority that named its document. The end can move later, never earlier; only an
authority's verified request ends a hold before its day, or takes one object out of it.
"""

import logging
import uuid
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.machine import Machine
from safehold.evidence.errors import HoldInForce, NeedsSecondPerson, UnknownEvidence, WouldShorten
from safehold.evidence.grants import found
from safehold.evidence.models import Hold, HoldItem, Sealed

log = logging.getLogger(__name__)

MACHINE = Machine(
    "hold",
    start=Hold.State.IN_FORCE,
    moves={
        "extend": {Hold.State.IN_FORCE: Hold.State.IN_FORCE},
        "end": {Hold.State.IN_FORCE: Hold.State.ENDED},
        "end_early": {Hold.State.IN_FORCE: Hold.State.ENDED},
    },
)


def place_hold(sealed_ids: Iterable[UUID | str], *, until: datetime, basis: str, ref: str, actor: str) -> Hold:
    """Hold these objects until then, under one hold for each `ref`. Joins the caller's transaction.

    Calling again with the same `ref` adds what is not yet under it and never moves the end earlier; a
    hold that was ended stays so. Raises UnknownEvidence. What is destroyed already cannot be held: it is
    left out and named in the act, and never keeps a receipt's transaction from being stored.
    """
    wanted = {UUID(str(one)) for one in sealed_ids}
    with transaction.atomic():
        rows = list(Sealed.objects.select_for_update().filter(pk__in=wanted).order_by("pk"))
        if missing := wanted - {row.pk for row in rows}:
            raise UnknownEvidence(f"No evidence has the id {min(missing)}.")
        hold, made = _get_or_create(ref, until=until, basis=basis, actor=actor)
        if not made and hold.state == Hold.State.ENDED:
            return hold
        held = set(HoldItem.objects.filter(hold=hold).values_list("sealed_id", flat=True))
        new = [row for row in rows if row.pk not in held]
        gone = [str(row.pk) for row in new if row.destroyed_at is not None]
        new = [row for row in new if row.destroyed_at is None]
        if gone:
            log.error("%s comes too late for %d destroyed objects", audit.ref(hold), len(gone))
        HoldItem.objects.bulk_create(HoldItem(hold=hold, sealed=row) for row in new)
        if made:
            sealed = [str(row.pk) for row in new]
            audit.record("hold.placed", actor=actor, about=hold, **_terms(hold), sealed=sealed, destroyed=gone)
        elif new:
            audit.record("hold.widened", actor=actor, about=hold, sealed=[str(row.pk) for row in new])
        if until > hold.until:
            hold = MACHINE.move(hold, "extend", actor=actor, changes={"until": until}, until=until.isoformat())
    return hold


def extend_hold(hold_id: UUID | str, until: datetime, *, because: str, actor: str) -> Hold:
    """Move the end later. The same end changes nothing; an earlier one raises WouldShorten, on record.

    Raises IllegalMove where the hold was ended.
    """
    with transaction.atomic():
        hold = Hold.objects.select_for_update().get(pk=hold_id)
        shorter = until < hold.until
        if until > hold.until:
            hold = MACHINE.move(
                hold, "extend", actor=actor, changes={"until": until}, until=until.isoformat(), because=because
            )
    if shorter:
        audit.refused("hold.extend", actor=actor, about=hold, reason="would shorten")
        raise WouldShorten(f"{audit.ref(hold)} runs until {hold.until:%Y-%m-%d}; it cannot end earlier.")
    return hold


def place_legal_hold(
    sealed_ids: Iterable[UUID | str], *, until: datetime, authority: str, document: str, actor: str
) -> Hold:
    """Hold these objects for an authority, beside whatever else holds them. Raises ValueError, UnknownEvidence.

    `document` is the request's reference in the register of legal process. What is destroyed cannot be held.
    """
    if not authority.strip() or not document.strip():
        raise ValueError("Name the authority and the document of its request.")
    if until <= timezone.now():
        raise ValueError("A hold ends in the future.")
    rows = [row for row in found(sealed_ids) if row.destroyed_at is None]
    if not rows:
        raise UnknownEvidence("Everything that was named is destroyed: there is nothing to hold.")
    with transaction.atomic():
        hold_id = uuid.uuid4()
        hold = Hold.objects.create(
            id=hold_id, kind=Hold.Kind.LEGAL, ref=f"legal:{hold_id}", basis="legal process", until=until,
            authority=authority.strip()[:200], document=document.strip()[:200], placed_at=timezone.now(),
            placed_by=actor,
        )  # fmt: skip
        HoldItem.objects.bulk_create(HoldItem(hold=hold, sealed=row) for row in rows)
        audit.record(
            "hold.placed", actor=actor, about=hold, **_terms(hold), authority=hold.authority, document=hold.document,
            sealed=[str(row.pk) for row in rows],
        )  # fmt: skip
    return hold


def release_for_destruction(row: Sealed, *, authority: str, document: str, actor: str, approved_by: str) -> None:
    """Take one object out of its holds, because an authority's verified request wants it destroyed.

    Preservation yields to such a request (18 USC 2258B(c)(2)); another authority's legal hold does not: HoldInForce.
    Needs a transaction. The holds go on for everything else that is under them.
    """
    holds = list(holds_in_force(row.pk))
    foreign = [hold for hold in holds if hold.kind == Hold.Kind.LEGAL and hold.authority != authority]
    if foreign:
        raise HoldInForce(f"{audit.ref(row)} is under {audit.ref(foreign[0])} of another authority.")
    for hold in holds:
        HoldItem.objects.filter(hold=hold, sealed=row).update(released_at=timezone.now())
        audit.record(
            "hold.released_item", actor=actor, about=hold, sealed=str(row.pk), authority=authority, document=document,
            approved_by=approved_by,
        )  # fmt: skip


def unheld() -> "models.QuerySet[Sealed]":
    """Objects that were held once, that no hold in force covers any more, and that are not destroyed."""
    standing = HoldItem.objects.filter(hold__state=Hold.State.IN_FORCE, released_at=None)
    once = HoldItem.objects.filter(hold__state=Hold.State.ENDED).values("sealed_id")
    return Sealed.objects.filter(pk__in=once, destroyed_at=None).exclude(pk__in=standing.values("sealed_id"))


def end_holds_due(*, actor: str, limit: int = 500) -> list[Hold]:
    """End the holds whose day has come. Until this ran, they still forbid destruction."""
    ended = []
    due = Hold.objects.filter(state=Hold.State.IN_FORCE, until__lte=timezone.now()).order_by("until")
    for hold_id in list(due.values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            hold = Hold.objects.select_for_update().get(pk=hold_id)
            if hold.state != Hold.State.IN_FORCE or hold.until > timezone.now():
                continue  # ended or extended meanwhile
            changes = {"ended_at": timezone.now(), "ended_because": "its day has come"}
            ended.append(MACHINE.move(hold, "end", actor=actor, changes=changes))
    return ended


def end_hold_early(hold_id: UUID | str, *, authority: str, document: str, actor: str, approved_by: str) -> Hold:
    """End a hold before its day on an authority's verified request (18 USC 2258B(c)(2)), by two people.

    `document` names the request in the register of legal process. Raises NeedsSecondPerson.
    """
    if not approved_by or approved_by == actor:
        audit.refused("hold.end_early", actor=actor, about=f"hold:{hold_id}", reason="no second person")
        raise NeedsSecondPerson("Ending a hold before its day needs a second person.")
    if not authority or not document:
        raise ValueError("Name the authority and the document of its request.")
    with transaction.atomic():
        changes = {"ended_at": timezone.now(), "ended_because": f"{authority}: {document}"[:200]}
        return MACHINE.move(
            Hold.objects.get(pk=hold_id),
            "end_early",
            actor=actor,
            changes=changes,
            authority=authority,
            document=document,
            approved_by=approved_by,
        )


def holds_in_force(sealed_id: UUID | str) -> "models.QuerySet[Hold]":
    """The holds that forbid the object's destruction, the longest first."""
    standing = HoldItem.objects.filter(sealed_id=sealed_id, released_at=None).values("hold_id")
    return Hold.objects.filter(pk__in=standing, state=Hold.State.IN_FORCE).order_by("-until")


def refuse_while_held(row: Sealed, holds: list[Hold], *, actor: str) -> None:
    """Note and raise HoldInForce where there are holds. Call it outside the transaction that looked."""
    if holds:
        audit.refused("evidence.destroy", actor=actor, about=row, reason=audit.ref(holds[0]))
        raise HoldInForce(f"{audit.ref(row)} is held until {holds[0].until:%Y-%m-%d} by {audit.ref(holds[0])}.")


def _get_or_create(ref: str, *, until: datetime, basis: str, actor: str) -> tuple[Hold, bool]:
    known = Hold.objects.select_for_update().filter(ref=ref).first()
    if known is not None:
        return known, False
    try:
        with transaction.atomic():
            return (
                Hold.objects.create(ref=ref, until=until, basis=basis, placed_at=timezone.now(), placed_by=actor),
                True,
            )
    except IntegrityError:  # another process placed it in between
        return Hold.objects.select_for_update().get(ref=ref), False


def _terms(hold: Hold) -> dict[str, str]:
    return {"ref": hold.ref, "basis": hold.basis, "until": hold.until.isoformat()}
