"""The case page: what was reported, who is in it, the items (veiled), and acts on them."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from safehold.cases.models import Case, CaseItem, CaseSubject, Lease
from safehold.console import media
from safehold.console.device import device_of
from safehold.console.rights import StaffRequest, requires
from safehold.enforcement.models import Action
from safehold.intake import service as intake
from safehold.intake.models import Channel
from safehold.path import commands, judging, unseen
from safehold.screening import service as screening
from safehold.screening.models import HitRule
from safehold.staff import service as staff
from safehold.staff.service import Right
from safehold.subjects.models import Role


@requires(Right.ASSESS)
def case(request: StaffRequest, case_id: str) -> HttpResponse:
    """The case: its outline for every reviewer, its contents for the one who holds it on this device."""
    row = get_object_or_404(Case.objects.select_related("follows"), pk=case_id)
    lease = Lease.objects.filter(case=row, until__gt=timezone.now()).first()
    mine = lease is not None and (lease.holder, lease.device) == (request.user.actor, device_of(request))
    context: dict[str, Any] = {"case": row, "lease": lease, "mine": mine, "counts": _counts(row)}
    if lease is not None and not mine:
        context["same_person"] = lease.holder == request.user.actor
        context["holder"] = staff.names_of([lease.holder])[lease.holder]
    if mine:
        context |= _hits(row)
        context |= {"reports": _reports(row), "subjects": _subjects(row), "items": _items(row), "roles": Role.choices}
    return render(request, "console/case.html", context)


def _counts(row: Case) -> dict[str, int]:
    return {"reports": row.reports.count(), "subjects": row.subjects.count(), "items": row.items.count()}


def _reports(row: Case) -> list[dict[str, Any]]:
    """Reports with their alleged wording. Who reported is not part of the case file."""
    reports = row.reports.order_by("received_at").prefetch_related("locators__account", "locators__item")
    return [{"report": report, "words": intake.words_of(report.pk)} for report in reports]


def _hits(row: Case) -> dict[str, Any]:
    """What screening found that led here, and why nobody decided without a look although a rule says so."""
    reports = list(row.reports.filter(channel=Channel.SCREENING).order_by("received_at"))
    found = list(screening.found_on(reports=[report.pk for report in reports]))
    unseen_ones = {hit.report for hit in found if hit.did == HitRule.Does.UNSEEN}
    asked = next((report for report in reports if report.pk in unseen_ones), None)
    doubt = unseen.why_left(asked) if asked is not None and row.state == Case.State.OPEN else ""
    return {"hits": found, "doubt": doubt}


def _subjects(row: Case) -> list[dict[str, Any]]:
    found = []
    for subject in row.subjects.select_related("account__host").prefetch_related("decisions", "drafts"):
        standing = [d for d in subject.decisions.all() if d.state in ("proposed", "held", "confirmed")]
        classes = list(judging.classes_for(subject))
        drafts = {draft.class_id: draft for draft in subject.drafts.all()}
        found.append({"subject": subject, "decisions": standing, "classes": classes, "drafts": drafts})
    return found


def _items(row: Case) -> list[dict[str, Any]]:
    rows = row.items.select_related("item__host", "item__account", "body", "facts", "subject").order_by(
        "-reported", "pk"
    )
    hides = Action.objects.filter(case_item__case=row, kind=Action.Kind.HIDE_ITEM)
    by_item = {a.case_item_id: a for a in hides.order_by("ordered_at") if a.state not in ("reversed", "dropped")}
    return [
        {
            "row": item,
            "hide": by_item.get(item.pk),
            "kind": media.kind_of(item),
            "undo": _may_undo(by_item.get(item.pk)),
        }
        for item in rows
    ]


def _may_undo(hide: Action | None) -> bool:
    """A reviewer's own hiding comes back by hand only while no decision rests on it."""
    return hide is not None and hide.decision_id is None and hide.state in ("sent", "confirmed", "planned")


@requires(Right.ASSESS, "POST")
def set_role(request: StaffRequest, subject_id: str) -> HttpResponse:
    """What the person did, as the reviewer finds it."""
    subject = get_object_or_404(CaseSubject, pk=subject_id)
    role = request.POST.get("role", "")
    if role not in Role.values:
        messages.error(request, _("Choose one of the roles."))
    else:
        commands.set_role(subject.pk, role, actor=request.user.actor, device=device_of(request))
        messages.success(request, _("The role is set."))
    return redirect("console:case", subject.case_id)


@requires(Right.ASSESS, "POST")
def hide(request: StaffRequest, item_id: str) -> HttpResponse:
    """Hide the item on its host, at once."""
    row = get_object_or_404(CaseItem, pk=item_id)
    commands.hide_item(row.pk, actor=request.user.actor, device=device_of(request))
    messages.success(request, _("Hiding is ordered. It counts as done when the host, asked again, says so."))
    return redirect(_address(row))


@requires(Right.ASSESS, "POST")
def unhide(request: StaffRequest, item_id: str) -> HttpResponse:
    """Bring back what was hidden by mistake, while nothing is decided."""
    row = get_object_or_404(CaseItem, pk=item_id)
    commands.unhide_item(row.pk, actor=request.user.actor, device=device_of(request))
    messages.success(request, _("Bringing it back is ordered."))
    return redirect(_address(row))


def _address(row: CaseItem) -> str:
    return f"{reverse('console:case', args=[row.case_id])}#item-{row.pk}"
