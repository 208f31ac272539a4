"""CyberTips: the count beside the receipts, the knowledge clock, one filing with its calls, and filing by hand.

The overview and the clock show ids, counts and states (`RECORD`); what a report says is for `FILING` alone, and
before it is filed for whoever holds the case (`preview`).
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from safehold.cases import service as cases
from safehold.cases.models import CaseSubject, Decision
from safehold.console import filing_forms, forms
from safehold.console.device import device_of
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.cybertip import service as cybertip
from safehold.cybertip.document.errors import DocumentError
from safehold.cybertip.models import ENDED, Filing
from safehold.cybertip.packet import sheet as sheet_of
from safehold.path import clock, filings, reconciling
from safehold.staff import service as staff
from safehold.staff.service import Right

SHOWN = 50  # of what waits, the oldest


@requires(Right.RECORD)
def overview(request: StaffRequest) -> HttpResponse:
    """What is counted and whether it agrees, what is known and not filed, and what is on its way."""
    waiting = clock.waiting()
    on_the_way = Filing.objects.exclude(state__in=ENDED).defer("record", "document", "receipt").order_by("drafted_at")
    tip = settings.SAFEHOLD.cybertip
    context = {
        "environment": tip.environment, "circuit": cybertip.circuit_of(tip.environment), "count": reconciling.compare(),
        "waiting": waiting[:SHOWN], "more": max(0, len(waiting) - SHOWN), "late": sum(row.late for row in waiting),
        "hours": settings.SAFEHOLD.report_alarm_hours, "page": page_of(on_the_way, request), "query": "",
    }  # fmt: skip
    return render(request, "console/filings.html", context)


@requires(Right.FILING)
def filing(request: StaffRequest, filing_id: UUID) -> HttpResponse:
    """One filing: what is or was sent, every call and its answer, and what a person can do now."""
    row = get_object_or_404(Filing, pk=filing_id)
    subject = _subject(row)
    context = {
        "filing": row, "case": subject.case, "subject": subject, "known": clock.of_subject(subject),
        "sheet": sheet_of(row) if row.record else None, "letter": filings.letter_of(row),
        "calls": row.exchanges.select_related("submission").order_by("-id")[:SHOWN],
        "mine": row.in_hand_by == request.user.actor,
        "decision": None if row.state in ENDED else filings.decision_of(row),
        "schema": cybertip.current_schema(),
    }  # fmt: skip
    return render(request, "console/filing.html", context)


@requires(Right.ASSESS)
def preview(request: StaffRequest, decision_id: UUID) -> HttpResponse:
    """What would be sent for a decision, before it is: with what is missing, and how urgent it is."""
    decision = _before_filing(request, decision_id)
    context = {
        "decision": decision, "case": decision.subject.case,
        "preview": filings.preview(decision, actor=request.user.actor), "schema": cybertip.current_schema(),
        "environment": settings.SAFEHOLD.cybertip.environment, "known": clock.of_subject(decision.subject),
        "steps": len(filings.can_fetch(decision)),
    }  # fmt: skip
    return render(request, "console/filing_preview.html", context)


@requires(Right.ASSESS, "POST")
def fetch_again(request: StaffRequest, decision_id: UUID) -> HttpResponse:
    """Ask the host once more for what it has not given yet."""
    decision = _before_filing(request, decision_id)
    filings.fetch_again(decision.pk, actor=request.user.actor)
    messages.success(request, _("The host is asked again. Open the preview again in a moment."))
    return redirect("console:report-preview", decision.pk)


@requires(Right.FILING, "GET", "POST")
def by_hand(request: StaffRequest, decision_id: UUID) -> HttpResponse:
    """Step one: take the report into one's hands, so that nobody else files it."""
    decision = get_object_or_404(Decision.objects.select_related("subject__case", "subject__account"), pk=decision_id)
    if request.method == "POST":
        try:
            row = filings.take_in_hand(decision.pk, actor=request.user.actor)
        except (cybertip.NotNow, DocumentError) as problem:
            messages.error(request, _("Nothing was changed. %(problem)s") % {"problem": problem})
            return redirect("console:record", decision.subject.case_id)
        messages.success(request, _("This report is in your hands: the worker leaves it alone."))
        return redirect("console:filing", row.pk)
    context = {
        "decision": decision,
        "case": decision.subject.case,
        "environment": settings.SAFEHOLD.cybertip.environment,
    }
    return render(request, "console/filing_by_hand.html", context)


@requires(Right.FILING)
def packet(request: StaffRequest, filing_id: UUID) -> HttpResponse:
    """The packet as a zip file; that it was taken is on record."""
    body = filings.packet(get_object_or_404(Filing, pk=filing_id).pk, actor=request.user.actor)
    response = HttpResponse(body, content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="cybertip-{filing_id}.zip"'
    return response


@requires(Right.FILING)
def sheet(request: StaffRequest, filing_id: UUID) -> HttpResponse:
    """The packet as a page to print; that it was taken is on record."""
    row = get_object_or_404(Filing, pk=filing_id)
    filings.packet(row.pk, actor=request.user.actor)
    return render(request, "console/filing_sheet.html", {"filing": row, "sheet": sheet_of(row)})


@requires(Right.FILING, "GET", "POST")
def number(request: StaffRequest, filing_id: UUID) -> HttpResponse:
    """Step two: the number that NCMEC gave. It is shown once more before it is kept."""
    row = get_object_or_404(Filing, pk=filing_id)
    form = filing_forms.Number(request.POST or None)
    sure = False
    if request.method == "POST" and form.is_valid():
        if request.POST.get("sure") == "yes":
            try:
                filings.enter_number(row.pk, report_id=form.cleaned_data["number"], actor=request.user.actor)
            except (cybertip.NotNow, ValueError) as problem:
                form.add_error(None, str(problem))
            else:
                messages.success(request, _("The number is kept, and what the report rests on is held from now on."))
                return redirect("console:filing", row.pk)
        else:
            sure = True
    context = {"filing": row, "form": form, "sure": sure, "case": _subject(row).case}
    return render(request, "console/filing_number.html", context, status=422 if form.errors else 200)


@requires(Right.FILING, "GET", "POST")
def give_back(request: StaffRequest, filing_id: UUID) -> HttpResponse:
    """It was not filed by hand after all: the worker files it."""
    row = get_object_or_404(Filing, pk=filing_id)
    form = forms.Reason(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            filings.give_back(row.pk, because=form.cleaned_data["reason"], actor=request.user.actor)
        except cybertip.NotNow as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, _("The report is given back; the worker files it."))
            return redirect("console:filing", row.pk)
    context = {"filing": row, "form": form, "case": _subject(row).case, "do": "give-back"}
    return render(request, "console/filing_reason.html", context, status=422 if form.errors else 200)


@requires(Right.FILING, "POST")
def try_again(request: StaffRequest, filing_id: UUID) -> HttpResponse:
    """Let a failed filing go on, as it is or built anew from what is known now."""
    row = get_object_or_404(Filing, pk=filing_id)
    try:
        filings.try_again(row.pk, anew=request.POST.get("anew") == "yes", actor=request.user.actor)
    except (cybertip.NotNow, DocumentError) as problem:
        messages.error(request, _("Nothing was changed. %(problem)s") % {"problem": problem})
    else:
        messages.success(request, _("The CyberTip is being filed."))
    return redirect("console:filing", row.pk)


@requires(Right.FILING, "GET", "POST")
def told(request: StaffRequest, filing_id: UUID) -> HttpResponse:
    """NCMEC was told that a report was wrong."""
    row = get_object_or_404(Filing, pk=filing_id)
    letter = filings.letter_of(row)
    form = filing_forms.Told(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            filings.told_ncmec(row.pk, how=form.cleaned_data["how"], actor=request.user.actor)
        except LookupError as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, _("That NCMEC was told is on the record, and the task is closed."))
            return redirect("console:filing", row.pk)
    context = {"filing": row, "form": form, "case": _subject(row).case, "do": "told", "letter": letter}
    return render(request, "console/filing_reason.html", context, status=422 if form.errors else 200)


def _before_filing(request: StaffRequest, decision_id: UUID) -> Decision:
    """The decision, for whoever may file, or who holds its case."""
    rows = Decision.objects.select_related("subject__case", "subject__account__host")
    decision = get_object_or_404(rows, pk=decision_id)
    if not staff.may(request.user, Right.FILING):
        cases.need_lease(decision.subject.case, actor=request.user.actor, device=device_of(request))
    return decision


def _subject(row: Filing) -> Any:
    return get_object_or_404(CaseSubject.objects.select_related("case"), pk=row.ref.removeprefix("subject:"))
