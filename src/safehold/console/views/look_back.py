"""Looking back at a decision that nobody looked at: a person reveals the file, then says whether it was right."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from safehold.cases.models import Decision
from safehold.console import list_forms
from safehold.console.asking import asked
from safehold.console.rights import StaffRequest, requires
from safehold.path import unseen
from safehold.staff.service import Right
from safehold.work.models import Task


@requires(Right.ASSESS, "GET", "POST")
def look_back(request: StaffRequest, task_id: UUID) -> HttpResponse:
    """The decision, the way to its file, and the question."""
    task = get_object_or_404(Task, pk=task_id, kind=unseen.LOOK_BACK)
    decision = get_object_or_404(Decision.objects.select_related("subject__case"), pk=task.about.partition(":")[2])

    def act(given: dict[str, Any]) -> HttpResponse:
        unseen.look_back(task.pk, agree=given["answer"] == "yes", reason=given["reason"], actor=request.user.actor)
        messages.success(request, _("Your answer is on the record."))
        return redirect("console:tasks")

    return asked(
        request, list_forms.LookBack(request.POST or None), act, "console/look_back.html",
        _("Was this decision right?"), task=task, decision=decision, case=decision.subject.case,
    )  # fmt: skip
