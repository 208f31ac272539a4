"""Deciding otherwise: a senior reviewer chooses another outcome of the class and says why; a second person is asked."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from safehold import policy
from safehold.cases import decisions as case_decisions
from safehold.cases import service as cases
from safehold.cases.models import Decision
from safehold.console import forms, outcome
from safehold.console.device import device_of
from safehold.console.rights import StaffRequest, requires
from safehold.console.views import decisions
from safehold.path import commands
from safehold.staff.service import Right


@requires(Right.OVERRIDE, "GET", "POST")
def override(request: StaffRequest, decision_id: str) -> HttpResponse:
    """The outcomes that these answers leave open, each with what would be different; a reason is required."""
    rows = Decision.objects.select_related("subject__case", "subject__account__host")
    row = get_object_or_404(rows, pk=decision_id)
    cases.need_lease(row.subject.case, actor=request.user.actor, device=device_of(request))
    if row.state != Decision.State.PROPOSED or row.decided_by != request.user.actor:
        return redirect("console:decision", row.pk)
    form = forms.Reason(request.POST if request.method == "POST" else None)
    choice = request.POST.get("answer", "")
    if request.method == "POST":
        offered = {one.outcome_id for one in case_decisions.choices(row)}
        if form.is_valid() and choice in offered:
            after = commands.override_decision(
                row.pk, choice, reason=form.cleaned_data["reason"], actor=request.user.actor, device=device_of(request)
            )
            messages.success(request, _("Another outcome is chosen. A second person is asked now."))
            return redirect("console:decision", after.pk)
        if choice not in offered:
            form.add_error(None, _("Choose one of the outcomes."))
    context = {**decisions.about(row), "form": form, "choices": _choices(row), "chosen": choice}
    return render(request, "console/override.html", context, status=422 if request.method == "POST" else 200)


def _choices(row: Decision) -> list[dict[str, Any]]:
    """Each outcome that may be chosen, in words, and where it parts from the computed one."""
    pack = policy.load(row.policy, row.policy_version)
    computed = outcome.in_words(pack, row.class_id, row.outcome)
    found = []
    for number, one in enumerate(case_decisions.choices(row), start=1):
        said = outcome.in_words(pack, row.class_id, one)
        found.append({"number": number, "outcome": said, "differs": outcome.differences(computed, said)})
    return found
