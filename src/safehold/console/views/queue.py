"""The queue, and taking, renewing and giving back a case."""

from django.contrib import messages
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from safehold.cases import service as cases
from safehold.cases.models import Case, Decision, Lease
from safehold.console.device import device_of
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.path import commands
from safehold.staff import service as staff
from safehold.staff.service import Right


@requires(Right.ASSESS)
def queue(request: StaffRequest) -> HttpResponse:
    """Open cases nobody works on, the most urgent first; below them those that somebody holds."""
    page = page_of(_with_figures(cases.queue()), request)
    leases = Lease.objects.filter(until__gt=timezone.now(), case__state=Case.State.OPEN).select_related("case")
    held = list(leases.order_by("until"))
    context = {
        "page": page,
        "held": held,
        "names": staff.names_of(lease.holder for lease in held),
        "actor": request.user.actor,
        "device": device_of(request),
    }
    return render(request, "console/queue.html", context)


def _with_figures(rows: QuerySet[Case]) -> QuerySet[Case]:
    waiting = Decision.objects.filter(subject__case=OuterRef("pk"), state=Decision.State.HELD)
    return rows.annotate(
        report_count=Count("reports", distinct=True),
        item_count=Count("items", distinct=True),
        subject_count=Count("subjects", distinct=True),
        waits_for_second=Exists(waiting),
    ).prefetch_related("reports")


@requires(Right.ASSESS, "POST")
def take(request: StaffRequest, case_id: str) -> HttpResponse:
    """Take the case, or renew the lease. 409 where another person or device holds it."""
    case = get_object_or_404(Case, pk=case_id)
    lease = commands.lease_case(case.pk, actor=request.user.actor, device=device_of(request))
    if request.headers.get("HX-Request"):
        return render(request, "console/_lease.html", {"lease": lease, "case": case})
    return redirect("console:case", case.pk)


@requires(Right.ASSESS, "POST")
def release(request: StaffRequest, case_id: str) -> HttpResponse:
    """Give the case back to the queue."""
    case = get_object_or_404(Case, pk=case_id)
    cases.need_lease(case, actor=request.user.actor, device=device_of(request))
    commands.release_case(case.pk, actor=request.user.actor, device=device_of(request))
    messages.success(request, _("%(case)s is back in the queue.") % {"case": case})
    return redirect("console:queue")
