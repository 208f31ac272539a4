"""Private surfaces that are screened, on which basis and until when: for policy owners. Off until two people agree."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from safehold.console import list_forms
from safehold.console.asking import asked
from safehold.console.rights import StaffRequest, requires
from safehold.console.views.lists import waiting
from safehold.path import automation
from safehold.screening import service as screening
from safehold.screening.models import Proposal, Surface
from safehold.staff.service import Right

FORM = "console/surface_form.html"


@requires(Right.POLICY)
def surfaces(request: StaffRequest) -> HttpResponse:
    """What is screened of private surfaces, what waits for a second person, what has ended."""
    today = timezone.now().date()
    rows = Surface.objects.select_related("host")
    in_force = rows.filter(ended_at=None).order_by("review_by")
    context = {
        "in_force": [{"row": row, "over": row.review_by < today} for row in in_force],
        "ended": rows.exclude(ended_at=None).order_by("-ended_at")[:20],
        "waiting": [one for one in waiting(request) if one["row"].kind == Proposal.Kind.SURFACE],
    }
    return render(request, "console/surfaces.html", context)


@requires(Right.POLICY, "GET", "POST")
def enable(request: StaffRequest) -> HttpResponse:
    """Ask for the screening of a private surface."""

    def act(given: dict[str, Any]) -> HttpResponse:
        row = automation.enable_surface(
            given["host"].slug, given["name"], given["jurisdiction"], basis=given["basis"],
            review_by=given["review_by"], because=given["reason"], actor=request.user.actor,
        )  # fmt: skip
        messages.success(request, _("Another policy owner must agree now. Nothing has changed yet."))
        return redirect("console:proposal", row.pk)

    note = _("Private messages are nobody's business without a law or consent that says otherwise.")
    return asked(
        request, list_forms.Surface(request.POST or None), act, FORM, _("Screen a private surface"), note=note
    )  # fmt: skip


@requires(Right.POLICY, "GET", "POST")
def end(request: StaffRequest, surface_id: UUID) -> HttpResponse:
    """Stop it, at once."""
    row = get_object_or_404(Surface.objects.select_related("host"), pk=surface_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        screening.end_surface(row.pk, because=given["reason"], actor=request.user.actor)
        messages.success(request, _("It is screened no more."))
        return redirect("console:surfaces")

    return asked(
        request, list_forms.Because(request.POST or None), act, FORM, _("Screen this surface no more"), surface=row
    )  # fmt: skip
