"""What waits for a person: the tasks of one's own roles, and closing them with an outcome."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from safehold.console import forms, refs
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.path import commands
from safehold.staff import service as staff
from safehold.staff.models import Member
from safehold.staff.service import Right
from safehold.work.models import Task


def mine(member: Member) -> QuerySet[Task]:
    """Tasks of the member's roles, but of none that another of their roles forbids: closing a task is an act."""
    return Task.objects.filter(role__in=staff.roles_in_force(member))


@requires(Right.TASKS)
def tasks(request: StaffRequest) -> HttpResponse:
    """Open tasks, oldest first; `?closed=1` shows the closed ones, newest first."""
    closed = request.GET.get("closed") == "1"
    rows = mine(request.user)
    rows = (
        rows.exclude(closed_at=None).order_by("-closed_at")
        if closed
        else rows.filter(closed_at=None).order_by("opened_at")
    )
    page = page_of(rows, request)
    return render(
        request, "console/tasks.html", {"page": page, "closed": closed, "query": "closed=1&" if closed else ""}
    )


@requires(Right.TASKS, "GET", "POST")
def task(request: StaffRequest, task_id: str) -> HttpResponse:
    """One task, what it is about, and the form that closes it."""
    row = get_object_or_404(mine(request.user), pk=task_id)
    form = forms.Outcome(request.POST or None)
    if request.method == "POST":
        if row.closed_at is not None:
            messages.warning(request, _("Somebody closed this task already. Nothing was changed."))
            return redirect("console:task", task_id)
        if form.is_valid():
            commands.close_task(row.pk, outcome=form.cleaned_data["outcome"], actor=request.user.actor)
            messages.success(request, _("The task is closed, and your outcome is on the record."))
            return redirect("console:tasks")
    readable = staff.may(request.user, Right.RECORD)
    address = refs.address_of(row.about, filing=staff.may(request.user, Right.FILING)) if readable else ""
    if not address and staff.may(request.user, Right.POLICY):
        address = refs.of_lists(row.about)
    context = {"task": row, "form": form, "address": address}
    return render(request, "console/task.html", context, status=422 if form.errors else 200)
