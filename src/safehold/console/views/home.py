"""The console's start page, by role, and the page that explains the keys."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from safehold.cases import service as cases
from safehold.cases.models import Decision, Lease
from safehold.console import chainview
from safehold.console.device import device_of
from safehold.console.rights import StaffRequest, requires
from safehold.console.views.tasks import mine
from safehold.evidence import service as evidence
from safehold.evidence.models import Request
from safehold.path import clock, removal_clock
from safehold.redress import service as redress
from safehold.screening.models import CategoryMapping, Proposal
from safehold.staff import service as staff
from safehold.staff.models import Member
from safehold.staff.service import Right


@requires(Right.HOME)
def home(request: StaffRequest) -> HttpResponse:
    """What waits for this member: each part only for those who hold its right."""
    member = request.user
    context: dict[str, Any] = {"tasks_open": mine(member).filter(closed_at=None).count(), "factor": _factor(member)}
    if staff.may(member, Right.ASSESS):
        context["queue"] = queue_figures()
        removals = removal_clock.waiting()
        context["removals"] = {"all": len(removals), "soon": sum(one.step is not None for one in removals)}
        context["held"] = _my_leases(member, device_of(request))
    if staff.may(member, Right.SECOND):
        context["second"] = second_waiting(member).count()
    if staff.may(member, Right.APPEALS):
        context["appeals"] = redress.waiting(member.actor).count()
    if staff.may(member, Right.FILING):
        waiting = clock.waiting()
        context["clock"] = {"all": len(waiting), "late": sum(row.late for row in waiting)}
    if staff.may(member, Right.CUSTODY):
        asked = Request.objects.filter(state=Request.State.ASKED)
        context["custody"] = asked.exclude(asked_by=member.actor).count()
    if staff.may(member, Right.SEE_EVIDENCE):
        context["granted"] = evidence.grants_in_force().filter(member=member.actor).count()
        today = timezone.now() - timedelta(days=1)
        context["shown"] = evidence.exposure(since=today, actor=member.actor).get(member.actor)
    if staff.may(member, Right.POLICY):
        context["lists"] = lists_waiting(member)
    if staff.may(member, Right.AUDIT):
        context["chain"] = chainview.figures()
    if staff.may(member, Right.ADMINISTER):
        context["members"] = Member.objects.aggregate(all=Count("pk"), active=Count("pk", filter=Q(is_active=True)))
    return render(request, "console/home.html", context)


@requires(Right.HOME)
def keys(request: StaffRequest) -> HttpResponse:
    """Every key, and the way without it."""
    return render(request, "console/keys.html")


def queue_figures() -> dict[str, Any]:
    """How many cases wait, how many of them urgent, and since when the oldest is known."""
    figures: dict[str, Any] = cases.queue().aggregate(
        all=Count("pk"), first=Count("pk", filter=Q(priority__lte=3)), oldest=Min("knowledge_at")
    )
    oldest: datetime | None = figures["oldest"]
    return {**figures, "oldest": oldest}


def second_waiting(member: Member) -> Any:
    """Held decisions that this member may be the second person of, oldest first."""
    rows = Decision.objects.filter(state=Decision.State.HELD).exclude(decided_by=member.actor)
    reasons = rows.order_by().values_list("second_needed", flat=True).distinct()
    mine = [reason for reason in reasons if staff.may_be_second(member, reason)]
    rows = rows.filter(second_needed__in=mine)
    return rows.select_related("subject__case", "subject__account__host").order_by("decided_at")


def lists_waiting(member: Member) -> int:
    """How many changes of lists and meanings of categories wait for this member as the second person."""
    asked = Proposal.objects.filter(state=Proposal.State.ASKED).exclude(asked_by=member.actor)
    signed = CategoryMapping.objects.filter(ended_at=None, countersigned_at=None).exclude(signed_by=member.actor)
    return asked.count() + signed.count()


def _my_leases(member: Member, device: str) -> list[Lease]:
    rows = Lease.objects.filter(holder=member.actor, device=device, until__gt=timezone.now())
    return list(rows.select_related("case").order_by("until"))


def _factor(member: Member) -> bool:
    """Whether a second factor guards this member's sign-in."""
    from allauth.mfa.models import Authenticator

    return Authenticator.objects.filter(user=member, type__in=["totp", "webauthn"]).exists()
