"""Grants: somebody who holds no lease may look at named objects, for a reason, until a time. Called through `service`.

A custodian grants, never to themselves. Where the operator's setting asks for it
(`SAFEHOLD_EVIDENCE_TWO_PEOPLE`), a second custodian must agree, who is not the one who will look either. Whether the
grantee's role allows looking at all is the face's to check (rights by role).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.evidence.errors import NeedsSecondPerson, UnknownEvidence
from safehold.evidence.models import Grant, Sealed

LONGEST = timedelta(days=7)


def needs_two() -> bool:
    """Whether a grant needs a second custodian in this installation."""
    return bool(settings.SAFEHOLD.two_people_look)


def grant(
    member: str,
    sealed_ids: Iterable[UUID | str],
    *,
    about: str,
    because: str,
    until: datetime,
    actor: str,
    approved_by: str = "",
) -> Grant:
    """Let `member` look at these objects until then, at most seven days. Joins the caller's transaction.

    Raises NeedsSecondPerson for a grant to oneself or without the second person that the setting asks for;
    ValueError for a time that is past or too far, or no reason; UnknownEvidence.
    """
    if member in (actor, approved_by):
        audit.refused("grant.made", actor=actor, about=about, reason="to oneself")
        raise NeedsSecondPerson("Nobody lets themselves look: another custodian must make or agree to the grant.")
    if needs_two() and approved_by in ("", actor):
        audit.refused("grant.made", actor=actor, about=about, reason="no second person")
        raise NeedsSecondPerson("Here a grant needs a second custodian.")
    check_term(until)
    if not because.strip():
        raise ValueError("Say why somebody without the case must look.")
    rows = found(sealed_ids)
    with transaction.atomic():
        row = Grant.objects.create(
            member=member, about=about, because=because.strip()[:500], made_at=timezone.now(), until=until,
            granted_by=actor, approved_by=approved_by,
        )  # fmt: skip
        row.items.set(rows)
        audit.record(
            "grant.made", actor=actor, about=row, member=member, concerns=about, because=row.because,
            until=until.isoformat(), approved_by=approved_by, sealed=[str(one.pk) for one in rows],
        )  # fmt: skip
    return row


def end_grant(grant_id: UUID | str, *, actor: str) -> Grant:
    """End a grant before its time. Ending it again changes nothing."""
    with transaction.atomic():
        row = Grant.objects.select_for_update().get(pk=grant_id)
        if row.ended_at is None:
            row.ended_at, row.ended_by = timezone.now(), actor
            row.save(update_fields=["ended_at", "ended_by"])
            audit.record("grant.ended", actor=actor, about=row)
    return row


def grant_for(sealed_id: UUID | str, actor: str) -> Grant | None:
    """The grant by which the actor may look at the object now, if any."""
    return grants_in_force().filter(member=actor, items__pk=sealed_id).order_by("-until").first()


def grants_in_force() -> "models.QuerySet[Grant]":
    """Every grant by which somebody may look now."""
    return Grant.objects.filter(ended_at=None, until__gt=timezone.now())


def check_term(until: datetime) -> None:
    """Raise ValueError unless a grant may run until then."""
    if not timezone.now() < until <= timezone.now() + LONGEST:
        raise ValueError("A grant ends at a time between now and seven days from now.")


def found(sealed_ids: Iterable[UUID | str]) -> list[Sealed]:
    """The records of these objects. Raises UnknownEvidence for an unknown one, and for none at all."""
    wanted = {UUID(str(one)) for one in sealed_ids}
    rows = list(Sealed.objects.filter(pk__in=wanted).order_by("pk"))
    missing = wanted - {row.pk for row in rows}
    if missing or not wanted:
        raise UnknownEvidence(f"No evidence has the id {min(missing)}." if missing else "No evidence was named.")
    return rows
