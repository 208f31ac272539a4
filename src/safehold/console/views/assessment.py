"""The assessment: the policy's questions one by one, then the answers read back, then the computed outcome.

Every answer is kept at once (`commands.answer`), so that a closed tab loses nothing. No screen offers a
verdict: it is computed from the facts and shown after them.
"""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from safehold import policy
from safehold.cases import decisions
from safehold.cases import service as cases
from safehold.cases.models import CaseSubject, Draft
from safehold.console import questions
from safehold.console.device import device_of
from safehold.console.rights import StaffRequest, requires
from safehold.path import commands, judging
from safehold.staff.service import Right
from safehold.subjects.models import Role

ROLE = "role"


@requires(Right.ASSESS)
def start(request: StaffRequest, subject_id: str, class_id: str) -> HttpResponse:
    """Go on where the answers stop: the role first, then the next open question, then the reading back."""
    subject, judged = _held(request, subject_id, class_id)
    pack = judged.pack
    begun = Draft.objects.filter(subject=subject, class_id=class_id).exists()
    answers = decisions.draft(subject, class_id)
    wanted = questions.first_open(pack, class_id, answers) if begun else ROLE
    return redirect(_address(subject, class_id, wanted))


@requires(Right.ASSESS, "GET", "POST")
def question(request: StaffRequest, subject_id: str, class_id: str, question_id: str) -> HttpResponse:
    """One question on one screen."""
    subject, judged = _held(request, subject_id, class_id)
    pack = judged.pack
    answers = decisions.draft(subject, class_id)
    shown = questions.screen(pack, class_id, answers, question_id)
    if shown is None:
        return redirect(_address(subject, class_id, questions.first_open(pack, class_id, answers)))
    problem = ""
    if request.method == "POST":
        try:
            answers = questions.read(pack, class_id, answers, shown.question, request.POST)
        except questions.AnswerError as error:
            problem = str(error)
        else:
            _keep(request, subject, class_id, answers)
            return redirect(_address(subject, class_id, questions.after(pack, class_id, answers, question_id)))
    away = reverse("console:case", args=[subject.case_id])
    context = {
        "subject": subject, "case": subject.case, "class_id": class_id, "screen": shown, "problem": problem,
        "class_name": questions.text(pack, class_id), "pack": pack, "action": request.path, "away": away,
        "before": _address(subject, class_id, shown.before) if shown.before else away,
        "lease": subject.case.lease, "judged": judged,
        "steps": questions.steps(pack, class_id, answers, question_id, lambda one: _address(subject, class_id, one)),
    }  # fmt: skip
    return render(request, "console/question.html", context, status=422 if problem else 200)


@requires(Right.ASSESS, "GET", "POST")
def answers(request: StaffRequest, subject_id: str, class_id: str) -> HttpResponse:
    """Read the answers back, choose the items the decision covers, and have the outcome computed."""
    subject, judged = _held(request, subject_id, class_id)
    pack = judged.pack
    given = decisions.draft(subject, class_id)
    missing = questions.first_open(pack, class_id, given)
    if missing:
        return redirect(_address(subject, class_id, missing))
    items = list(subject.items.select_related("item__host").order_by("-reported", "pk"))
    if request.method == "POST":
        chosen = [str(item.pk) for item in items if str(item.pk) in request.POST.getlist("items")]
        decision = commands.propose_decision(
            subject.pk, class_id, actor=request.user.actor, device=device_of(request), item_ids=chosen
        )
        return redirect("console:decision", decision.pk)
    context = {
        "subject": subject, "case": subject.case, "class_id": class_id, "class_name": questions.text(pack, class_id),
        "rows": questions.answered(pack, class_id, given), "items": items, "judged": judged,
        "lease": subject.case.lease,
    }  # fmt: skip
    return render(request, "console/answers.html", context)


def _held(request: StaffRequest, subject_id: str, class_id: str) -> tuple[CaseSubject, judging.Judged]:
    """The subject of a case under the member's own lease, and the policy version that applies to it."""
    subject = get_object_or_404(CaseSubject.objects.select_related("case", "account__host"), pk=subject_id)
    cases.need_lease(subject.case, actor=request.user.actor, device=device_of(request))
    try:
        judged = judging.judged_by(subject, class_id)
    except policy.PolicyError:
        raise Http404 from None
    if class_id not in judged.pack.classes:
        raise Http404
    return subject, judged


def _keep(request: StaffRequest, subject: CaseSubject, class_id: str, given: dict[str, Any]) -> None:
    """The role belongs to the subject, the other answers to the draft."""
    who = {"actor": request.user.actor, "device": device_of(request)}
    role = given.get(ROLE)
    if isinstance(role, str) and role in Role.values and role != subject.role:
        commands.set_role(subject.pk, role, **who)
    commands.answer(subject.pk, class_id, {k: v for k, v in given.items() if k != ROLE}, **who)


def _address(subject: CaseSubject, class_id: str, question_id: str) -> str:
    if not question_id:
        return reverse("console:answers", args=[subject.pk, class_id])
    return reverse("console:question", args=[subject.pk, class_id, question_id])
