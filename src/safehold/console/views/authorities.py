"""Authorities: the register of legal process, and notices of a threat to life or safety (DSA Art. 18)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from safehold.authorities import service as authorities
from safehold.authorities.models import Notice, Process
from safehold.cases.models import Duty
from safehold.console import authority_forms, forms
from safehold.console.asking import asked
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.path import authorities as commands
from safehold.staff.service import Right

NEWEST = 20  # notices shown

FORM = "console/authority_form.html"


@requires(Right.FILING)
def overview(request: StaffRequest) -> HttpResponse:
    """Whom we must inform, the newest notices, and the register with what is open first."""
    rows = Process.objects.select_related("case").order_by("-state", "due_on", "-number")
    context = {
        "inform": commands.to_inform(), "page": page_of(rows, request), "query": "",
        "notices": Notice.objects.select_related("duty__subject__case").order_by("-drafted_at")[:NEWEST],
    }  # fmt: skip
    return render(request, "console/authorities.html", context)


@requires(Right.FILING, "GET", "POST")
def enter(request: StaffRequest) -> HttpResponse:
    """Enter a request into the register."""

    def act(given: dict[str, Any]) -> HttpResponse:
        row = authorities.enter(actor=request.user.actor, **given)
        messages.success(request, _("The request is in the register."))
        return redirect("console:process", row.pk)

    return asked(request, authority_forms.Enter(request.POST or None), act, FORM, _("Enter a request"))


@requires(Right.FILING)
def process(request: StaffRequest, process_id: UUID) -> HttpResponse:
    """One request, and what came of it."""
    row = get_object_or_404(Process.objects.select_related("case"), pk=process_id)
    return render(request, "console/process.html", {"row": row})


@requires(Right.FILING, "GET", "POST")
def answer(request: StaffRequest, process_id: UUID) -> HttpResponse:
    """What was handed over."""
    row = get_object_or_404(Process, pk=process_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        authorities.answer(row.pk, handed_over=given["answer"], actor=request.user.actor)
        messages.success(request, _("Settled, and your answer is on the record."))
        return redirect("console:process", row.pk)

    return asked(request, authority_forms.Answer(request.POST or None), act, FORM, _("Record the answer"), row=row)


@requires(Right.FILING, "GET", "POST")
def refuse(request: StaffRequest, process_id: UUID) -> HttpResponse:
    """It is not complied with."""
    row = get_object_or_404(Process, pk=process_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        authorities.refuse(row.pk, because=given["answer"], actor=request.user.actor)
        messages.success(request, _("Settled, and your answer is on the record."))
        return redirect("console:process", row.pk)

    return asked(request, authority_forms.Answer(request.POST or None), act, FORM, _("Refuse the request"), row=row)


@requires(Right.FILING, "GET", "POST")
def inform(request: StaffRequest, duty_id: UUID) -> HttpResponse:
    """Draft the notice of a duty to inform."""
    duty = get_object_or_404(Duty.objects.select_related("subject__case"), pk=duty_id, kind=Duty.Kind.INFORM)

    def act(given: dict[str, Any]) -> HttpResponse:
        row = commands.draft_notice(duty.pk, actor=request.user.actor, **given)
        messages.success(request, _("The notice is drafted. Check it, send it, and say here that you did."))
        return redirect("console:notice", row.pk)

    form = authority_forms.Inform(request.POST or None)
    return asked(request, form, act, FORM, _("Inform an authority"), case=duty.subject.case, explain=True)


@requires(Right.FILING)
def notice(request: StaffRequest, notice_id: UUID) -> HttpResponse:
    """One notice: the letter, and what proves that it was sent."""
    row = get_object_or_404(Notice.objects.select_related("duty__subject__case"), pk=notice_id)
    return render(request, "console/notice.html", {"row": row, "case": row.duty.subject.case})


@requires(Right.FILING, "GET", "POST")
def notice_sent(request: StaffRequest, notice_id: UUID) -> HttpResponse:
    """The notice left."""
    row = get_object_or_404(Notice.objects.select_related("duty__subject__case"), pk=notice_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        commands.notice_sent(row.pk, actor=request.user.actor, **given)
        messages.success(request, _("That it was sent is on the record, and the duty is met."))
        return redirect("console:notice", row.pk)

    form = authority_forms.Sent(request.POST or None)
    return asked(request, form, act, FORM, _("The notice was sent"), case=row.duty.subject.case)


@requires(Right.FILING, "GET", "POST")
def notice_drop(request: StaffRequest, notice_id: UUID) -> HttpResponse:
    """This draft is not sent."""
    row = get_object_or_404(Notice.objects.select_related("duty__subject__case"), pk=notice_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        authorities.drop(row.pk, because=given["reason"], actor=request.user.actor)
        messages.success(request, _("This draft is not sent; the duty stays open."))
        return redirect("console:authorities")

    return asked(
        request, forms.Reason(request.POST or None), act, FORM, _("Do not send it"), case=row.duty.subject.case
    )
