"""Bans of persons: who may not come back, since when, and by which decision. No identifiers are stored to show."""

from django.http import HttpResponse
from django.shortcuts import render

from safehold.console import refs
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.persons.models import Ban
from safehold.staff.service import Right


@requires(Right.RECORD)
def persons(request: StaffRequest) -> HttpResponse:
    """Bans in force; `?lifted=1` shows those that were lifted."""
    lifted = request.GET.get("lifted") == "1"
    state = Ban.State.LIFTED if lifted else Ban.State.IN_FORCE
    rows = Ban.objects.filter(state=state).select_related("person").prefetch_related("person__links__account__host")
    page = page_of(rows.order_by("-placed_at"), request)
    bans = [{"ban": ban, "case": refs.case_of(ban.because)} for ban in page]
    return render(
        request,
        "console/persons.html",
        {"page": page, "bans": bans, "lifted": lifted, "query": "lifted=1&" if lifted else ""},
    )
