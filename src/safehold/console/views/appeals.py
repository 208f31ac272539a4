"""Appeals: the list, taking one, looking again from nothing, answering. Nobody who took part is let in."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from safehold import policy
from safehold.console import forms, outcome, questions
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.console.views import decisions
from safehold.path import commands
from safehold.path.outcomes import AnswersDisagree
from safehold.redress import service as redress
from safehold.redress.models import Appeal
from safehold.staff import service as staff
from safehold.staff.service import Right


@requires(Right.APPEALS)
def appeals(request: StaffRequest) -> HttpResponse:
    """Appeals that wait, oldest first. Those that this member may not answer say so."""
    rows = redress.waiting().select_related("decision__subject__case", "decision__subject__account__host")
    page = page_of(rows, request)
    context = {
        "page": page,
        "barred": {row.pk for row in page if _barred(row, request.user.actor)},
        "names": staff.names_of(row.holder for row in page if row.holder),
    }
    return render(request, "console/appeals.html", context)


@requires(Right.APPEALS)
def appeal(request: StaffRequest, appeal_id: str) -> HttpResponse:
    """The appeal, the decision it is against, and the form for whoever took it."""
    row = _appeal(request, appeal_id)
    return render(request, "console/appeal.html", _about(request, row, forms.Reason()))


@requires(Right.APPEALS, "POST")
def take(request: StaffRequest, appeal_id: str) -> HttpResponse:
    """Take the appeal; 403 for anybody who took part in the decision."""
    row = get_object_or_404(Appeal, pk=appeal_id)
    commands.lease_appeal(row.pk, actor=request.user.actor)
    return redirect("console:appeal", row.pk)


@requires(Right.APPEALS, "GET", "POST")
def question(request: StaffRequest, appeal_id: str, question_id: str) -> HttpResponse:
    """One question, answered anew by the person who looks again."""
    row = _appeal(request, appeal_id)
    pack, class_id, given = _pack(row), row.decision.class_id, _given(row)
    shown = questions.screen(pack, class_id, given, question_id)
    if shown is None:
        return redirect(_next(row, questions.first_open(pack, class_id, given)))
    problem = ""
    if request.method == "POST":
        try:
            given = questions.read(pack, class_id, given, shown.question, request.POST)
        except questions.AnswerError as error:
            problem = str(error)
        else:
            commands.answer_appeal(row.pk, given, actor=request.user.actor)
            return redirect(_next(row, questions.after(pack, class_id, given, question_id)))
    context = {
        "subject": row.decision.subject, "case": row.decision.subject.case, "class_id": class_id, "screen": shown,
        "problem": problem, "class_name": questions.text(pack, class_id), "pack": pack, "appeal": row,
        "before": _next(row, shown.before), "action": request.path, "away": reverse("console:appeal", args=[row.pk]),
        "steps": questions.steps(pack, class_id, given, question_id, lambda one: _next(row, one)),
    }  # fmt: skip
    return render(request, "console/question.html", context, status=422 if problem else 200)


@requires(Right.APPEALS, "POST")
def decide(request: StaffRequest, appeal_id: str) -> HttpResponse:
    """Grant or refuse, with a reason that the account holder reads."""
    row = _appeal(request, appeal_id)
    form = forms.Reason(request.POST)
    choice = request.POST.get("outcome")
    if form.is_valid() and choice in ("grant", "refuse"):
        try:
            commands.decide_appeal(
                row.pk, grant=choice == "grant", reason=form.cleaned_data["reason"], actor=request.user.actor
            )
        except AnswersDisagree as problem:
            form.add_error(None, str(problem))
        except policy.Incomplete:
            form.add_error(None, _("Answer the questions first: an appeal is granted on facts, not by a button."))
        else:
            messages.success(request, _("The appeal is answered."))
            return redirect("console:appeal", row.pk)
    elif form.is_valid():
        form.add_error(None, _("Choose whether to grant or to refuse."))
    return render(request, "console/appeal.html", _about(request, row, form), status=422)


def _appeal(request: StaffRequest, appeal_id: str) -> Appeal:
    """The appeal, for whoever may look at it: those who took part in the decision are refused here already."""
    rows = Appeal.objects.select_related("decision__subject__case", "decision__subject__account__host")
    row = get_object_or_404(rows, pk=appeal_id)
    if row.state in (Appeal.State.OPEN, Appeal.State.IN_REVIEW):
        redress.refuse_who_took_part(row, request.user.actor)
    return row


def _barred(row: Appeal, actor: str) -> bool:
    return f"|{actor}|" in row.deciders


def _pack(row: Appeal) -> policy.Pack:
    return policy.load(row.decision.policy, row.decision.policy_version)


def _given(row: Appeal) -> dict[str, Any]:
    return dict(row.answers)


def _next(row: Appeal, question_id: str) -> str:
    if not question_id:
        return reverse("console:appeal", args=[row.pk])
    return reverse("console:appeal-question", args=[row.pk, question_id])


def _about(request: StaffRequest, row: Appeal, form: forms.Reason) -> dict[str, Any]:
    mine = row.state == Appeal.State.IN_REVIEW and row.holder == request.user.actor
    context = {**decisions.about(row.decision), "appeal": row, "form": form, "mine": mine}
    context["people"] = staff.names_of(name for name in [row.holder, row.decided_by] if name)
    if mine:
        pack, given = _pack(row), _given(row)
        missing = questions.first_open(pack, row.decision.class_id, given)
        context |= {
            "missing": missing,
            "begun": bool(given),
            "again": questions.answered(pack, row.decision.class_id, given),
        }
        if not missing:
            context["new"] = outcome.in_words(pack, row.decision.class_id, commands.appeal_outcome(row))
    return context
