"""The evidence custodians' pages: holds, grants, what needs a second custodian, hand-over, exposure of staff.

Ids, sizes, terms and states alone: no page here shows anything of the content.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms as django_forms
from django.contrib import messages
from django.db.models import Count
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from safehold.audit.machine import IllegalMove
from safehold.cases.models import Case
from safehold.console import custody_forms, forms, refs
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.evidence import service as evidence
from safehold.evidence.models import Certificate, Grant, Hold, Request, Sealed
from safehold.path import custody as commands
from safehold.staff import service as staff
from safehold.staff.service import Right

PERIODS = (1, 7, 30)  # days of the exposure page


@requires(Right.CUSTODY)
def custody(request: StaffRequest) -> HttpResponse:
    """What waits for a second custodian, grants in force, holds by their end, the newest destructions."""
    waiting = Request.objects.filter(state=Request.State.ASKED).order_by("asked_at")
    holds = Hold.objects.filter(state=Hold.State.IN_FORCE).annotate(objects_held=Count("items")).order_by("until")
    context = {
        "waiting": [{"row": row, "mine": row.asked_by == request.user.actor} for row in waiting],
        "grants": evidence.grants_in_force().order_by("until"),
        "page": page_of(holds, request),
        "papers": Certificate.objects.order_by("-at")[:20],
        "query": "",
    }
    return render(request, "console/custody.html", context)


@requires(Right.CUSTODY)
def case(request: StaffRequest, case_id: str) -> HttpResponse:
    """Everything that the vault holds of one case, and what a custodian can do with it."""
    row = get_object_or_404(Case, pk=case_id)
    objects = Sealed.objects.filter(pk__in=commands.sealed_of(row)).prefetch_related("holds").order_by("made_at")
    asked = Request.objects.filter(about=f"case:{row.pk}").order_by("-asked_at")
    context = {"case": row, "objects": objects, "requests": asked}
    return render(request, "console/custody_case.html", context)


@requires(Right.CUSTODY)
def hold(request: StaffRequest, hold_id: str) -> HttpResponse:
    """One hold and what is under it."""
    row = get_object_or_404(Hold, pk=hold_id)
    objects = list(row.items.order_by("made_at"))
    cases = commands.cases_of([one.pk for one in objects])
    context = {"hold": row, "address": refs.address_of(row.ref), "objects": objects, "cases": cases}
    return render(request, "console/hold.html", context)


@requires(Right.CUSTODY)
def exposure(request: StaffRequest) -> HttpResponse:
    """How much each member was shown, by day, week and month: for their wellbeing, not for their ranking."""
    now = timezone.now()
    found = {days: evidence.exposure(since=now - timedelta(days=days)) for days in PERIODS}
    actors = sorted({actor for by_actor in found.values() for actor in by_actor})
    names = staff.names_of(actors)
    rows = [
        {"name": names[actor], "figures": [found[days].get(actor, evidence.Exposure()) for days in PERIODS]}
        for actor in actors
    ]
    return render(request, "console/exposure.html", {"rows": rows, "periods": PERIODS})


@requires(Right.CUSTODY, "GET", "POST")
def extend(request: StaffRequest, hold_id: str) -> HttpResponse:
    """Move a hold's end later; earlier is refused."""
    row = get_object_or_404(Hold, pk=hold_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        commands.extend_hold(row.pk, given["until"], because=given["reason"], actor=request.user.actor)
        messages.success(request, _("The hold is extended."))
        return redirect("console:hold", row.pk)

    return _asked(request, custody_forms.Extend(request.POST or None), act, title=_("Extend the hold"), hold=row)


@requires(Right.CUSTODY, "GET", "POST")
def legal_hold(request: StaffRequest, case_id: str) -> HttpResponse:
    """Hold everything of a case for an authority."""
    row = get_object_or_404(Case, pk=case_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        placed = commands.legal_hold(row.pk, actor=request.user.actor, **given)
        messages.success(request, _("The legal hold is in force."))
        return redirect("console:hold", placed.pk)

    return _asked(request, custody_forms.LegalHold(request.POST or None), act, title=_("Place a legal hold"), case=row)


@requires(Right.CUSTODY, "GET", "POST")
def grant(request: StaffRequest, case_id: str) -> HttpResponse:
    """Let somebody look at a case's evidence without a lease."""
    row = get_object_or_404(Case, pk=case_id)
    form = custody_forms.Grant(request.POST or None, actor=request.user.actor)

    def act(given: dict[str, Any]) -> HttpResponse:
        made = commands.grant(
            given["member"], row.pk, because=given["reason"], until=form.until, actor=request.user.actor
        )  # fmt: skip
        if isinstance(made, Request):
            return _now_waits(request, made)
        messages.success(request, _("The grant is in force, and on record."))
        return redirect("console:custody")

    return _asked(request, form, act, title=_("Let somebody look"), case=row)


@requires(Right.CUSTODY, "GET", "POST")
def ask_destroy(request: StaffRequest, case_id: str) -> HttpResponse:
    """Ask for the destruction of a case's evidence on an authority's request."""
    return _ask_about_case(
        request, Request.Kind.DESTROY, case_id, custody_forms.OfAuthority(request.POST or None),
        title=_("Destroy on an authority's request"), danger=True,
    )  # fmt: skip


@requires(Right.CUSTODY, "GET", "POST")
def ask_hand_over(request: StaffRequest, case_id: str) -> HttpResponse:
    """Ask for a sealed package for an authority."""
    return _ask_about_case(
        request, Request.Kind.HAND_OVER, case_id, custody_forms.HandOver(request.POST or None),
        title=_("Hand over to an authority"),
    )  # fmt: skip


@requires(Right.CUSTODY, "GET", "POST")
def ask_end(request: StaffRequest, hold_id: str) -> HttpResponse:
    """Ask for the end of a hold before its day, on an authority's request."""
    row = get_object_or_404(Hold, pk=hold_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        reason = given.pop("reason")
        made = commands.ask(Request.Kind.END_HOLD, actor=request.user.actor, hold=row, because=reason, **given)
        return _now_waits(request, made)

    form = custody_forms.OfAuthority(request.POST or None)
    return _asked(request, form, act, title=_("End the hold before its day"), hold=row, danger=True)


@requires(Right.CUSTODY, "POST")
def end_grant(request: StaffRequest, grant_id: str) -> HttpResponse:
    """End a grant before its time."""
    row = get_object_or_404(Grant, pk=grant_id)
    evidence.end_grant(row.pk, actor=request.user.actor)
    messages.success(request, _("The grant has ended."))
    return redirect("console:custody")


@requires(Right.CUSTODY)
def request_page(request: StaffRequest, request_id: str) -> HttpResponse:
    """One request, for the custodian who is asked to agree."""
    return _request(request, get_object_or_404(Request, pk=request_id), forms.Reason())


@requires(Right.CUSTODY, "POST")
def approve(request: StaffRequest, request_id: str) -> HttpResponse:
    """Agree to what another custodian asked for. It happens now."""
    row = get_object_or_404(Request, pk=request_id)
    commands.approve(row.pk, actor=request.user.actor)
    messages.success(request, _("Agreed to, and on record."))
    return redirect("console:request", row.pk)


@requires(Right.CUSTODY, "POST")
def refuse(request: StaffRequest, request_id: str) -> HttpResponse:
    """Do not agree."""
    return _close(request, request_id, evidence.refuse)


@requires(Right.CUSTODY, "POST")
def withdraw(request: StaffRequest, request_id: str) -> HttpResponse:
    """Take back what one asked for oneself."""
    return _close(request, request_id, evidence.withdraw)


@requires(Right.CUSTODY)
def package(request: StaffRequest, request_id: str) -> HttpResponseBase:
    """The sealed package. It is encrypted to the authority's key: nobody here can open it."""
    row = get_object_or_404(Request, pk=request_id, kind=Request.Kind.HAND_OVER)
    try:
        path = commands.fetch_package(row.pk, actor=request.user.actor)
    except (evidence.NotAgreed, FileNotFoundError) as problem:
        messages.warning(request, str(problem))
        return redirect("console:request", row.pk)
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=path.name, content_type="application/octet-stream"
    )


def _ask_about_case(
    request: StaffRequest, kind: str, case_id: str, form: django_forms.Form, **more: Any
) -> HttpResponse:  # fmt: skip
    row = get_object_or_404(Case, pk=case_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        reason = given.pop("reason")
        return _now_waits(request, commands.ask(kind, row.pk, actor=request.user.actor, because=reason, **given))

    return _asked(request, form, act, case=row, **more)


def _asked(
    request: StaffRequest,
    form: django_forms.Form,
    act: Callable[[dict[str, Any]], HttpResponse],
    *,
    title: str | Promise,
    **more: Any,
) -> HttpResponse:
    """Show a form; when it is sent and right, act. What the vault finds wrong with it stands above the form."""
    if request.method == "POST" and form.is_valid():
        try:
            return act(dict(form.cleaned_data))
        except (ValueError, evidence.WouldShorten, evidence.UnknownEvidence) as problem:
            form.add_error(None, str(problem))
    context = {"form": form, "title": title, **more}
    return render(request, "console/custody_form.html", context, status=422 if form.errors else 200)


def _now_waits(request: StaffRequest, row: Request) -> HttpResponse:
    messages.success(request, _("Another custodian must agree now. Nothing has happened yet."))
    return redirect("console:request", row.pk)


def _request(request: StaffRequest, row: Request, form: django_forms.Form, status: int = 200) -> HttpResponse:
    context = {
        "row": row, "form": form, "mine": row.asked_by == request.user.actor, "objects": row.items.order_by("made_at"),
        "package": getattr(row, "package", None), "member": row.details.get("member", ""),
    }  # fmt: skip
    return render(request, "console/request.html", context, status=status)


def _close(request: StaffRequest, request_id: str, how: Callable[..., Request]) -> HttpResponse:
    row = get_object_or_404(Request, pk=request_id)
    form = forms.Reason(request.POST)
    if not form.is_valid():
        return _request(request, row, form, status=422)
    if how is evidence.withdraw and row.asked_by != request.user.actor:
        raise IllegalMove("Only who asked may withdraw a request.")
    how(row.pk, because=form.cleaned_data["reason"][:500], actor=request.user.actor)
    messages.success(request, _("Settled, and your reason is on the record."))
    return redirect("console:request", row.pk)
