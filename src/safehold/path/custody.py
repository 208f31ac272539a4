"""What evidence custodians command: holds, grants, destruction, hand-over; and what follows when a hold has ended.

Faces call these; the rules of the vault itself are in `evidence`. Here stands what needs the case: nothing
of a violating case is destroyed before its filing is settled, and nothing that a case still needs is
destroyed when its hold ends (invariant 4). Job: `evidence.hand_over`.
"""

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from safehold.audit import service as audit
from safehold.authorities.models import UkMatter
from safehold.cases.models import Case, CaseItem, CaseSubject, Decision
from safehold.evidence import service as evidence
from safehold.evidence.models import Certificate, Grant, Hold, Package, Request
from safehold.path import order
from safehold.work import service as work

ACTOR = "system:worker"
Id = UUID | str


class StillNeeded(Exception):
    """A case still needs the evidence: it is open, its filing is not settled, or an appeal is or may be open."""


# --- what custodians do ----------------------------------------------------------------------------


def sealed_of(case: Case) -> list[UUID]:
    """Everything that the vault holds of a case, destroyed objects left out."""
    rows = {one for kept in case.items.values_list(*CaseItem.SEALED) for one in kept}
    rows |= set(case.subjects.values_list("facts_id", flat=True))
    return evidence.not_destroyed(row for row in rows if row is not None)


def cases_of(sealed_ids: list[UUID]) -> list[Case]:
    """Every case that rests on one of these objects."""
    items = CaseItem.resting_on(sealed_ids)
    subjects = CaseSubject.objects.filter(facts_id__in=sealed_ids)
    return list(Case.objects.filter(Q(pk__in=items.values("case_id")) | Q(pk__in=subjects.values("case_id"))))


def extend_hold(hold_id: Id, until: datetime, *, because: str, actor: str) -> Hold:
    """Move a hold's end later. Raises evidence.WouldShorten, ValueError without a reason."""
    if not because.strip():
        raise ValueError("Say why.")
    return evidence.extend_hold(hold_id, until, because=because, actor=actor)


def legal_hold(case_id: Id, *, until: datetime, authority: str, document: str, actor: str) -> Hold:
    """Hold everything of a case for an authority."""
    case = Case.objects.get(pk=case_id)
    return evidence.place_legal_hold(
        sealed_of(case), until=until, authority=authority, document=document, actor=actor
    )  # fmt: skip


def ask(kind: str, case_id: Id | None = None, *, actor: str, **given: Any) -> Request:
    """A custodian asks for what takes two (`evidence.ask`). Of a case, it is about everything of it in the vault.

    A request to destroy what a case still needs for its filing raises StillNeeded at once.
    """
    if case_id is None:
        return evidence.ask(kind, actor=actor, **given)
    case = Case.objects.get(pk=case_id)
    if kind == Request.Kind.DESTROY:
        _refuse_unsettled(case, actor)
    return evidence.ask(kind, actor=actor, about=audit.ref(case), sealed_ids=sealed_of(case), **given)


def approve(request_id: Id, *, actor: str) -> Request:
    """Another custodian agrees. A destruction is checked against its cases again; a hand-over is made due."""
    row = Request.objects.get(pk=request_id)
    if row.kind == Request.Kind.DESTROY:
        for case in cases_of([one.pk for one in row.items.all()]):
            _refuse_unsettled(case, actor)
    if row.kind != Request.Kind.HAND_OVER:
        return evidence.approve(request_id, actor=actor)
    with transaction.atomic():
        row = evidence.approve(request_id, actor=actor)
        work.enqueue("evidence.hand_over", key=str(row.pk), request=str(row.pk))
    return row


def grant(
    member: str, case_id: Id, *, because: str, until: datetime, actor: str
) -> Grant | Request:  # fmt: skip
    """Let a member look at a case's evidence: at once, or where the setting says so when a second custodian agrees."""
    case = Case.objects.get(pk=case_id)
    if evidence.needs_two():
        return ask(Request.Kind.LOOK, case.pk, actor=actor, because=because, member=member, until=until)
    return evidence.grant(
        member, sealed_of(case), about=audit.ref(case), because=because, until=until, actor=actor
    )  # fmt: skip


def fetch_package(request_id: Id, *, actor: str) -> Path:
    """The package's file, given to a custodian; on record."""
    return evidence.fetch_package(request_id, actor=actor)


@work.job("evidence.hand_over", role="custodian", attempts=5)
def hand_over(request: str) -> work.Outcome:
    """Make the sealed package of a hand-over that was agreed to. Run twice it is made once."""
    try:
        pack(request)
    except (evidence.Corrupt, evidence.NotAgreed) as error:
        raise work.GiveUp(f"request {request} {type(error).__name__}") from error
    return None


def pack(request_id: Id) -> Package:
    """The package, made now."""
    return evidence.pack(request_id, actor=ACTOR)


# --- what follows by itself ------------------------------------------------------------------------


def destroy_unheld(limit: int = 500) -> list[Certificate]:
    """Destroy what was held, is held no more, and is needed by no case, request or grant. Each with a certificate.

    What is still needed stays and is looked at again the next day.
    """
    done = []
    for row in evidence.unheld().order_by("made_at", "pk")[:limit]:
        if evidence.wanted(row.pk) or any(_needs(case) for case in cases_of([row.pk])):
            continue
        with contextlib.suppress(evidence.HoldInForce):  # one was placed in this very moment
            ended = row.holds.filter(state=Hold.State.ENDED).order_by("-ended_at").first()
            done.append(evidence.destroy(row.pk, actor=ACTOR, because=f"{audit.ref(ended)} has ended" if ended else ""))
    return done


def _needs(case: Case) -> bool:
    """Whether a case still rests on its evidence: not closed, something pending, or its appeal window open."""
    if _owed_to_the_nca(case):
        return True
    decided = Decision.objects.filter(subject__case=case)
    if case.state != Case.State.CLOSED or decided.filter(state__in=["proposed", "held"]).exists():
        return True
    if decided.filter(appeals__state__in=["open", "in_review"]).exists():
        return True
    last = decided.filter(state="confirmed").order_by("-confirmed_at").values_list("confirmed_at", flat=True).first()
    return last is not None and last + order.appeal_window() > timezone.now()


def _owed_to_the_nca(case: Case) -> bool:
    """Whether a report to the United Kingdom's NCA is due, or in somebody's hands: its evidence must go with it."""
    owed = [UkMatter.State.DUE, UkMatter.State.PREPARED]
    return UkMatter.objects.filter(subject__case=case, state__in=owed).exists()


def _refuse_unsettled(case: Case, actor: str) -> None:
    """Nothing of a violating case goes before its filing has a receipt, or a recorded reason why there is none."""
    decided = Decision.objects.filter(subject__case=case, state__in=["proposed", "held", "confirmed"])
    open_case = case.state == Case.State.OPEN
    unsettled = [row for row in decided if row.violation and not order.filing_settled(row)]
    if open_case or unsettled or _owed_to_the_nca(case) or decided.filter(state__in=["proposed", "held"]).exists():
        audit.refused("evidence.destroy", actor=actor, about=case, reason="filing not settled")
        raise StillNeeded(f"{case} is not settled: its evidence stays until it is decided and its report is filed.")
