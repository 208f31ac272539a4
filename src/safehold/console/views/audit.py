"""The record for auditors: acts, refused attempts, the chain's state. Evidence is not part of it."""

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from safehold.audit import chain
from safehold.audit.models import Entry, FailedAttempt
from safehold.console import chainview
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.staff import service as staff
from safehold.staff.service import Right

SIZE = 50


@requires(Right.AUDIT)
def entries(request: StaffRequest) -> HttpResponse:
    """Acts, newest first; `?q=` finds an act, an actor or a thing by the beginning of its name."""
    asked = request.GET.get("q", "").strip()
    page = page_of(_found(Entry.objects.order_by("-id"), asked).select_related("detail", "seal"), request, SIZE)
    context = {
        "page": page, "q": asked, "figures": chainview.figures(), "query": f"q={asked}&" if asked else "",
        "names": staff.names_of(entry.actor for entry in page),
    }  # fmt: skip
    return render(request, "console/audit.html", context)


@requires(Right.AUDIT)
def refusals(request: StaffRequest) -> HttpResponse:
    """Refused attempts, newest first: a log of its own, so that strangers cannot fill the chain."""
    asked = request.GET.get("q", "").strip()
    page = page_of(_found(FailedAttempt.objects.order_by("-id"), asked), request, SIZE)
    context = {
        "page": page, "q": asked, "query": f"q={asked}&" if asked else "",
        "names": staff.names_of(attempt.actor for attempt in page),
    }  # fmt: skip
    return render(request, "console/audit_refused.html", context)


@requires(Right.AUDIT, "POST")
def verify(request: StaffRequest) -> HttpResponse:
    """Read the whole chain and every checkpoint now, and name each place that does not hold."""
    return render(request, "console/audit_verified.html", {"result": chain.verify(), "figures": chainview.figures()})


def _found(rows: QuerySet, asked: str) -> QuerySet:
    if not asked:
        return rows
    return rows.filter(Q(act__startswith=asked) | Q(actor__startswith=asked) | Q(about__startswith=asked))
