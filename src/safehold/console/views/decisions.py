"""A decision: what was computed, confirming it, and the second person's page. Deciding otherwise: `overrides`."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from safehold import policy
from safehold.audit import service as audit
from safehold.cases import decisions as case_decisions
from safehold.cases.decisions import SamePerson
from safehold.cases.models import Decision, Lease, Override
from safehold.console import forms, outcome, questions, refusals
from safehold.console.device import device_of
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.console.views.home import second_waiting
from safehold.path import commands, filings, judging
from safehold.staff import service as staff
from safehold.staff.service import Right

COUNTED_FOR = timedelta(days=90)  # over which the list says how often the policy's outcome was not taken


@requires(Right.ASSESS)
def decision(request: StaffRequest, decision_id: str) -> HttpResponse:
    """The outcome that the policy computed from the answers; the one who answered may confirm it."""
    row = _decision(decision_id)
    holds = held_here(request, row)
    mine = row.state == Decision.State.PROPOSED and row.decided_by == request.user.actor
    context = {**about(row), "may_confirm": mine and holds, "holds": holds}
    context["reported"] = filings.duty_of(row) != "none" and (holds or staff.may(request.user, Right.FILING))
    if mine and holds and staff.may(request.user, Right.OVERRIDE):
        context |= {"asks_otherwise": True, "otherwise": len(case_decisions.choices(row))}
    return render(request, "console/decision.html", context)


@requires(Right.ASSESS, "POST")
def confirm(request: StaffRequest, decision_id: str) -> HttpResponse:
    """Confirm: it takes effect, or waits for a second person."""
    row = _decision(decision_id)
    commands.confirm_decision(row.pk, actor=request.user.actor, device=device_of(request))
    return redirect("console:decision", row.pk)


@requires(Right.SECOND)
def second_list(request: StaffRequest) -> HttpResponse:
    """Decisions that wait for a second person, oldest first, without one's own."""
    page = page_of(second_waiting(request.user), request)
    own = Decision.objects.filter(state=Decision.State.HELD, decided_by=request.user.actor).count()
    overrides = case_decisions.overrides_since(timezone.now() - COUNTED_FOR)
    context = {"page": page, "own": own, "overrides": overrides, "days": COUNTED_FOR.days}
    return render(request, "console/second_list.html", context)


@requires(Right.SECOND, "GET", "POST")
def second(request: StaffRequest, decision_id: str) -> HttpResponse:
    """Agree or disagree, with a reason. Whoever gave the answers is refused."""
    row = _decision(decision_id)
    if row.decided_by == request.user.actor:
        audit.refused("decision.second_opinion", actor=request.user.actor, about=row, reason="same person")
        raise SamePerson("You gave the answers to this decision; somebody else must look at it.")
    if not staff.may_be_second(request.user, row.second_needed):
        audit.refused("decision.second_opinion", actor=request.user.actor, about=row, reason="another role is asked")
        return refusals.forbidden(request, [staff.second_role(row.second_needed)])
    form = forms.Reason(request.POST or None)
    choice = request.POST.get("agree")
    if request.method == "POST" and form.is_valid() and choice in ("yes", "no"):
        reason = form.cleaned_data["reason"]
        after = commands.second_opinion(row.pk, agree=choice == "yes", reason=reason, actor=request.user.actor)
        return redirect("console:decision", after.pk)
    bad = request.method == "POST"
    return render(request, "console/second.html", {**about(row), "form": form}, status=422 if bad else 200)


def about(row: Decision) -> dict[str, Any]:
    """What a page shows of a decision: answers, outcome, people, in the reader's language."""
    pack = policy.load(row.policy, row.policy_version)
    given = {entry["question"]: entry["answer"] for entry in row.answers}
    origins = {entry["origin"] for entry in row.answers}
    people = {row.decided_by, row.second_by, *origins} - {""}
    said = outcome.in_words(pack, row.class_id, row.outcome)
    return {
        "decision": row,
        "subject": row.subject,
        "case": row.subject.case,
        "pack": pack,
        "judged": _judged(row),
        "class_name": questions.text(pack, row.class_id),
        "rows": questions.answered(pack, row.class_id, given),
        "outcome": said,
        **_override(pack, row, said),
        "items": list(row.covers.select_related("item__host")),
        "origins": sorted(origins - {row.decided_by}),
        "names": staff.names_of(people),
    }


def held_here(request: StaffRequest, row: Decision) -> bool:
    """Whether the member holds the decision's case on this device."""
    lease = Lease.objects.filter(case=row.subject.case, until__gt=timezone.now()).first()
    return lease is not None and (lease.holder, lease.device) == (request.user.actor, device_of(request))


def _judged(row: Decision) -> judging.Judged | None:
    """What chose the decision's version, where the same would choose it now: an item may bring another day."""
    try:
        judged = judging.judged_by(row.subject, row.class_id)
    except policy.PolicyError:  # the class is no longer installed
        return None
    return judged if (judged.policy, judged.version) == (row.policy, row.policy_version) else None


def _override(pack: policy.Pack, row: Decision, said: dict[str, Any]) -> dict[str, Any]:
    """What was computed, and why another outcome was chosen; nothing where it was not."""
    found = Override.objects.filter(decision=row).first()
    if found is None:
        return {}
    computed = outcome.in_words(pack, row.class_id, found.computed)
    return {"override": found, "computed": computed, "differs": outcome.differences(computed, said)}


def _decision(decision_id: str) -> Decision:
    rows = Decision.objects.select_related("subject__case", "subject__account__host")
    return get_object_or_404(rows, pk=decision_id)
