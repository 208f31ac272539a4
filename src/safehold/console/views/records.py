"""A case's record: decisions, actions, filing, duties and acts, as ids, clauses and states.

No content, no reporters' words, no evidence: custodians and auditors read it too.
"""

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from safehold.audit.models import Entry
from safehold.authorities.models import UkMatter
from safehold.cases.duties import ReasonMissing
from safehold.cases.models import Case, CaseSubject, Decision, Duty
from safehold.console import forms, refs
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.cybertip.models import ENDED, Filing
from safehold.enforcement.models import Action
from safehold.notices.models import Statement
from safehold.path import clock, commands
from safehold.redress.models import Appeal
from safehold.staff import service as staff
from safehold.staff.service import Right

UNSETTLED = ("planned", "sent", "reversing")  # the page looks again while something is on its way
TRAIL = 100  # acts shown, the newest


@requires(Right.RECORD)
def records(request: StaffRequest) -> HttpResponse:
    """Every case, newest first; `?state=` and `?number=` narrow it."""
    rows = Case.objects.order_by("-number")
    state, number = request.GET.get("state", ""), request.GET.get("number", "").strip()
    if state in Case.State.values:
        rows = rows.filter(state=state)
    digits = number.upper().removeprefix("C-").lstrip("0")
    if number:
        rows = rows.filter(number=int(digits)) if digits.isdecimal() and len(digits) < 18 else rows.none()
    context = {
        "page": page_of(rows, request), "states": Case.State.choices, "state": state, "number": number,
        "query": f"state={state}&" if state in Case.State.values else "",
    }  # fmt: skip
    return render(request, "console/records.html", context)


@requires(Right.RECORD)
def record(request: StaffRequest, case_id: str) -> HttpResponse:
    """The whole record of one case."""
    case = get_object_or_404(Case.objects.select_related("follows"), pk=case_id)
    subjects = [_subject(row) for row in case.subjects.select_related("account__host").order_by("pk")]
    actions = list(_actions(case))
    trail = _trail(case, subjects, actions)
    context = {
        "case": case,
        "reports": case.reports.order_by("received_at"),
        "subjects": subjects,
        "loose": [action for action in actions if action.subject_id is None and action.decision_id is None],
        "moving": any(action.state in UNSETTLED and action.kind != "purge_item" for action in actions),
        "trail": trail,
        "names": staff.names_of([*(e.actor for e in trail), *_people(subjects)]),
    }
    return render(request, "console/record.html", context)


def _subject(row: CaseSubject) -> dict[str, Any]:
    decisions = list(row.decisions.order_by("decided_at"))
    reports = [duty for duty in row.duties.all() if duty.kind in ("report_shall", "report_may")]
    filing = Filing.objects.filter(ref=f"subject:{row.pk}").first()
    owed = [duty.decision_id for duty in reports if duty.state == Duty.State.OPEN]
    return {
        "subject": row,
        "decisions": decisions,
        "duties": list(row.duties.order_by("opened_at")),
        "actions": list(
            Action.objects.filter(Q(subject=row) | Q(decision__in=decisions))
            .select_related("case_item__item")
            .order_by("ordered_at")
        ),
        "filing": filing,
        "uk": UkMatter.objects.filter(subject=row).first(),
        "known": clock.of_subject(row),
        "report_due": bool(reports) or filing is not None,
        "by_hand": owed[0] if owed and (filing is None or filing.state not in (*ENDED, "in_hand")) else None,
        "statements": list(Statement.objects.filter(decision__in=[str(d.pk) for d in decisions]).order_by("made_at")),
        "appeals": list(Appeal.objects.filter(decision__in=decisions).order_by("opened_at")),
    }


def _actions(case: Case) -> Any:
    own = Q(subject__case=case) | Q(case_item__case=case)
    return Action.objects.filter(own).select_related("case_item__item", "subject").order_by("ordered_at")


def _trail(case: Case, subjects: list[dict[str, Any]], actions: list[Action]) -> list[Entry]:
    """The newest acts about the case and everything in it, oldest first."""
    refs = [f"case:{case.pk}", *(f"action:{action.pk}" for action in actions)]
    refs += [f"caseitem:{pk}" for pk in case.items.values_list("pk", flat=True)]
    for part in subjects:
        refs.append(f"casesubject:{part['subject'].pk}")
        refs += [f"decision:{row.pk}" for row in part["decisions"]]
        refs += [f"duty:{row.pk}" for row in part["duties"]]
        refs += [f"appeal:{row.pk}" for row in part["appeals"]]
        refs += [f"statement:{row.pk}" for row in part["statements"]]
        refs += [f"filing:{part['filing'].pk}"] if part["filing"] else []
        refs += [f"ukmatter:{part['uk'].pk}"] if part["uk"] else []
    return list(Entry.objects.filter(about__in=refs).order_by("-id")[:TRAIL])[::-1]


def _people(subjects: list[dict[str, Any]]) -> list[str]:
    rows = [row for part in subjects for row in part["decisions"]]
    settled = [duty.settled_by for part in subjects for duty in part["duties"] if duty.settled_by]
    decided = [appeal.decided_by for part in subjects for appeal in part["appeals"] if appeal.decided_by]
    return [*settled, *decided, *(name for row in rows for name in (row.decided_by, row.second_by) if name)]


@requires(Right.WAIVE, "GET", "POST")
def waive(request: StaffRequest, duty_id: str) -> HttpResponse:
    """Waive a duty, with a reason that stays on the record."""
    duty = get_object_or_404(Duty.objects.select_related("subject__case", "subject__account", "decision"), pk=duty_id)
    form = forms.Reason(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            commands.waive_duty(duty.pk, because=form.cleaned_data["reason"], actor=request.user.actor)
        except ReasonMissing as problem:
            form.add_error("reason", str(problem))
        else:
            messages.success(request, _("The duty is waived, and the reason is on the record."))
            return redirect("console:record", duty.subject.case_id)
    context = {"duty": duty, "case": duty.subject.case, "form": form}
    return render(request, "console/waive.html", context, status=422 if form.errors else 200)


@requires(Right.ASSESS, "POST")
def retry(request: StaffRequest, action_id: str) -> HttpResponse:
    """Send a failed action again, after its cause was mended."""
    action = get_object_or_404(Action.objects.select_related("case_item", "subject"), pk=action_id)
    commands.retry_action(action.pk, actor=request.user.actor)
    messages.success(request, _("The order is sent again."))
    if action.cause:
        return redirect(refs.address_of(f"action:{action.pk}") or "console:home")
    return redirect("console:record", _case_id(action))


@requires(Right.ASSESS, "POST")
def file_report(request: StaffRequest, decision_id: str) -> HttpResponse:
    """File a CyberTip where the law permits but does not require it."""
    decision = get_object_or_404(Decision.objects.select_related("subject"), pk=decision_id)
    commands.file_report(decision.pk, actor=request.user.actor)
    messages.success(request, _("The CyberTip is being filed."))
    return redirect("console:record", decision.subject.case_id)


def _case_id(action: Action) -> uuid.UUID:
    owner = action.case_item or action.subject
    assert owner is not None  # the database holds an object for every action  # noqa: S101
    return owner.case_id
