"""Reports to the United Kingdom's NCA: what is due and how urgent, the finding, the export, and the reference.

Online Safety Act 2023 ss. 66-70, SI 2026/268. A person sends the export in the NCA's portal; these pages send nothing.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from safehold.audit.machine import IllegalMove
from safehold.authorities.models import UkMatter
from safehold.authorities.rules import RULES
from safehold.cases.models import CaseSubject
from safehold.console import forms, uk_forms
from safehold.console.asking import asked
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.path import clock
from safehold.path import uk as commands
from safehold.staff.service import Right

SHOWN = 50  # of what nobody has looked at yet, the oldest

FORM = "console/uk_form.html"


@requires(Right.FILING)
def overview(request: StaffRequest) -> HttpResponse:
    """What is to be reported, what nobody has looked at yet, what is settled, and by which rules."""
    settled = UkMatter.objects.exclude(state__in=[UkMatter.State.DUE, UkMatter.State.PREPARED])
    asked, waiting = commands.unanswered(), clock.uk_waiting()
    context = {
        "waiting": waiting, "unanswered": asked[:SHOWN], "more": max(0, asked.count() - SHOWN),
        "page": page_of(settled.select_related("subject__case").order_by("-found_at"), request), "query": "",
        "rules": RULES.values(), "uk": settings.SAFEHOLD.uk, "found": _of_case(request),
    }  # fmt: skip
    return render(request, "console/uk.html", context)


@requires(Right.FILING, "GET", "POST")
def find(request: StaffRequest, subject_id: UUID) -> HttpResponse:
    """Record whether there is a link, and the priority."""
    subject = get_object_or_404(CaseSubject.objects.select_related("case"), pk=subject_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        row = commands.find(subject.pk, actor=request.user.actor, **given)
        messages.success(request, _("The finding is on the record."))
        return redirect("console:uk-matter", row.pk)

    form = uk_forms.Find(request.POST or None)
    return asked(request, form, act, FORM, _("Link to the United Kingdom"), case=subject.case, subject=subject)


@requires(Right.FILING)
def matter(request: StaffRequest, matter_id: UUID) -> HttpResponse:
    """One subject's matter: what was found, what is due, and what a person can do now."""
    row = _row(matter_id)
    problem = ""
    if row.state == UkMatter.State.DUE:
        try:
            commands.covering(row.subject)
        except commands.NotCovered as error:
            problem = str(error)
    waits = row.state in (UkMatter.State.DUE, UkMatter.State.PREPARED)
    context = {
        "row": row, "case": row.subject.case, "not_covered": problem, "uk": settings.SAFEHOLD.uk,
        "clock": clock.UkWaiting(matter=row, since=row.subject.case.knowledge_at) if waits else None,
    }  # fmt: skip
    return render(request, "console/uk_matter.html", context)


@requires(Right.FILING, "POST")
def cover(request: StaffRequest, matter_id: UUID) -> HttpResponse:
    """The CyberTip covers it: derived, not typed."""
    row = _row(matter_id)
    try:
        commands.cover(row.pk, actor=request.user.actor)
    except commands.NotCovered as problem:
        messages.error(request, _("Nothing was changed. %(problem)s") % {"problem": problem})
    else:
        messages.success(request, _("That the CyberTip covers it is on the record."))
    return redirect("console:uk-matter", row.pk)


@requires(Right.FILING, "GET", "POST")
def refuse_cover(request: StaffRequest, matter_id: UUID) -> HttpResponse:
    """The CyberTip does not count for this case."""
    return _reasoned(request, matter_id, commands.refuse_cover, _("The CyberTip does not cover it"))


@requires(Right.FILING, "POST")
def prepare(request: StaffRequest, matter_id: UUID) -> HttpResponse:
    """Make the export from what is known now."""
    row = _row(matter_id)
    try:
        commands.prepare(row.pk, actor=request.user.actor, declared_by=str(request.user))
    except ValueError as problem:
        messages.error(request, _("Nothing was changed. %(problem)s") % {"problem": problem})
    else:
        messages.success(request, _("The export is made. Check every field in the NCA's portal before you send it."))
    return redirect("console:uk-matter", row.pk)


@requires(Right.FILING)
def export(request: StaffRequest, matter_id: UUID) -> HttpResponse:
    """The machine-readable file; that it was taken is on record."""
    body = commands.export(_row(matter_id).pk, actor=request.user.actor).machine
    response = HttpResponse(body, content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="uk-nca-{matter_id}.json"'
    return response


@requires(Right.FILING)
def sheet(request: StaffRequest, matter_id: UUID) -> HttpResponse:
    """The printable file as a page; that it was taken is on record."""
    row = _row(matter_id)
    made = commands.export(row.pk, actor=request.user.actor)
    return render(request, "console/uk_sheet.html", {"row": row, "export": made})


@requires(Right.FILING, "GET", "POST")
def reference(request: StaffRequest, matter_id: UUID) -> HttpResponse:
    """The NCA's reference. It is shown once more before it is kept."""
    row = _row(matter_id)
    if row.state != UkMatter.State.PREPARED:
        raise IllegalMove(f"ukmatter:{row.pk} is {row.state!r}; a reference follows an export.")
    form, sure = uk_forms.Reference(request.POST or None), False
    if request.method == "POST" and form.is_valid():
        if request.POST.get("sure") == "yes":
            try:
                commands.enter_reference(
                    row.pk, reference=form.cleaned_data["reference"], actor=request.user.actor
                )  # fmt: skip
            except ValueError as problem:
                form.add_error(None, str(problem))
            else:
                messages.success(request, _("The reference is kept, and what the report rests on is held from now on."))
                return redirect("console:uk-matter", row.pk)
        else:
            sure = True
    context = {"row": row, "form": form, "sure": sure, "case": row.subject.case}
    return render(request, "console/uk_reference.html", context, status=422 if form.errors else 200)


@requires(Right.FILING, "GET", "POST")
def give_back(request: StaffRequest, matter_id: UUID) -> HttpResponse:
    """It was not sent after all."""
    return _reasoned(request, matter_id, commands.give_back, _("Not sent after all"))


@requires(Right.FILING, "GET", "POST")
def drop(request: StaffRequest, matter_id: UUID) -> HttpResponse:
    """Nothing is due any more."""
    return _reasoned(request, matter_id, commands.drop, _("Nothing is due any more"))


def _of_case(request: StaffRequest) -> list[CaseSubject]:
    """The people of the case whose number was asked for: one may be linked before anybody has decided."""
    digits = request.GET.get("case", "").strip().upper().removeprefix("C-").lstrip("0")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 18):
        return []
    rows = CaseSubject.objects.filter(case__number=int(digits)).select_related("case", "account__host", "uk")
    return list(rows.order_by("pk"))


def _row(matter_id: UUID) -> UkMatter:
    rows = UkMatter.objects.select_related("subject__case", "subject__account__host")
    return get_object_or_404(rows, pk=matter_id)


def _reasoned(
    request: StaffRequest, matter_id: UUID, command: Callable[..., UkMatter], title: str
) -> HttpResponse:  # fmt: skip
    row = _row(matter_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        command(row.pk, because=given["reason"], actor=request.user.actor)
        messages.success(request, _("It is on the record, with your reason."))
        return redirect("console:uk-matter", row.pk)

    return asked(request, forms.Reason(request.POST or None), act, FORM, title, case=row.subject.case, row=row)
