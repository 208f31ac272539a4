"""Removal requests (47 USC 223a): the queue by time left, the check of the five parts, the ways they end, objections.

No media are shown here, blurred or not: what is checked is the request, not the picture. A reviewer who fears that a
minor is shown routes it to child safety, where looking is a recorded act under the rules of its evidence.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from safehold.cases.models import Case
from safehold.console import forms, removal_forms
from safehold.console.asking import asked
from safehold.console.paging import page_of
from safehold.console.rights import StaffRequest, requires
from safehold.enforcement import service as enforcement
from safehold.enforcement.models import Action
from safehold.path import removal_clock
from safehold.path import removals as commands
from safehold.removals import service as removals
from safehold.removals.models import Removal, RemovalObjection
from safehold.staff.service import Right

FORM = "console/removal_form.html"
S = Removal.State
OPEN = (*removals.RUNNING, S.INCOMPLETE, S.NOT_FOUND, S.RESTORING)


@requires(Right.ASSESS)
def overview(request: StaffRequest) -> HttpResponse:
    """What waits, the least time first; what waits for its notifier or a second look; objections; what is settled."""
    waiting = removal_clock.waiting()
    settled = Removal.objects.exclude(state__in=OPEN).order_by("-received_at")
    known = [one.removal.pk for one in waiting]
    context = {
        "waiting": waiting,
        "others": Removal.objects.filter(state__in=OPEN).exclude(pk__in=known).order_by("received_at", "pk"),
        "objections": RemovalObjection.objects.filter(state="open").select_related("removed").order_by("opened_at"),
        "page": page_of(settled, request), "query": "",
    }  # fmt: skip
    return render(request, "console/removals.html", context)


@requires(Right.ASSESS)
def removal(request: StaffRequest, removal_id: UUID) -> HttpResponse:
    """One request: where it stands, what it names, and what was done. What was written is opened by a recorded act."""
    return render(request, "console/removal.html", _context(_row(removal_id)))


@requires(Right.ASSESS, "POST")
def words(request: StaffRequest, removal_id: UUID) -> HttpResponse:
    """What the notifier wrote, with the check of the five parts. That it was opened is on record."""
    row = _row(removal_id)
    opened = commands.open_words(row.pk, actor=request.user.actor)
    return render(
        request, "console/removal.html", {**_context(row), "opened": opened, "check": removal_forms.Check()}
    )  # fmt: skip


def _context(row: Removal) -> dict[str, Any]:
    actions = enforcement.of_cause(row.cause).select_related("item")
    by_item: dict[Any, list[Action]] = {}
    for action in actions:
        by_item.setdefault(action.item_id, []).append(action)
    items = row.items.select_related("item__host", "item__account", "objection").order_by("added_at", "pk")
    return {
        "row": row,
        "locators": row.locators.select_related("item"),
        "items": [{"row": one, "actions": by_item.get(one.item_id, [])} for one in items],
        "cases": Case.objects.filter(reports__pk=row.report) if row.report else [],
        "running": row.state in removals.RUNNING,
        "may_check": row.state in (S.RECEIVED, S.NOT_FOUND),
        "may_refuse": row.state in (S.RECEIVED, S.INCOMPLETE, S.NOT_FOUND),
        "may_add": row.state in (*removals.RUNNING, S.NOT_FOUND, S.REMOVED),
        "may_restore": row.state in (S.REMOVING, S.REMOVED),
        "late": row.removed_at is not None and row.removed_at > row.deadline,
    }


@requires(Right.ASSESS, "POST")
def valid(request: StaffRequest, removal_id: UUID) -> HttpResponse:
    """The five parts are there: what the request names is removed."""
    row, checked = _row(removal_id), tuple(request.POST.getlist("checked"))
    try:
        commands.find_valid(row.pk, checked=checked, actor=request.user.actor)
    except ValueError:
        messages.error(request, _("Nothing was changed. Tick all five parts, or ask the notifier for what is missing."))
    else:
        messages.success(request, _("The request is valid. What it names is hidden, and each host is asked again."))
    return redirect("console:removal", row.pk)


@requires(Right.ASSESS, "GET", "POST")
def ask(request: StaffRequest, removal_id: UUID) -> HttpResponse:
    """The notifier is told what is missing; the clock stands until they send it."""

    def act(row: Removal, given: dict[str, Any]) -> None:
        missing = tuple(given["missing"])
        commands.ask_for_more(row.pk, missing=missing, answer=given["answer"], actor=request.user.actor)
        messages.success(request, _("The notifier is told what is missing."))

    return _asked(request, removal_id, removal_forms.Ask(request.POST or None), act, _("Ask for what is missing"))


@requires(Right.ASSESS, "GET", "POST")
def refuse(request: StaffRequest, removal_id: UUID) -> HttpResponse:
    """The request is not valid."""

    def act(row: Removal, given: dict[str, Any]) -> None:
        commands.refuse(row.pk, reason=given["reason"], answer=given["answer"], actor=request.user.actor)
        messages.success(request, _("The request is refused, and the notifier is told why."))

    return _asked(request, removal_id, removal_forms.Refuse(request.POST or None), act, _("Refuse the request"))


@requires(Right.ASSESS, "GET", "POST")
def add_link(request: StaffRequest, removal_id: UUID) -> HttpResponse:
    """A reviewer found where it is."""

    def act(row: Removal, given: dict[str, Any]) -> None:
        commands.add_link(row.pk, given["link"], actor=request.user.actor)
        messages.success(request, _("The host is asked what the link leads to."))

    return _asked(request, removal_id, removal_forms.Link(request.POST or None), act, _("Add a link"))


@requires(Right.ASSESS, "GET", "POST")
def restore(request: StaffRequest, removal_id: UUID) -> HttpResponse:
    """The removal was wrong: everything comes back."""

    def act(row: Removal, given: dict[str, Any]) -> None:
        commands.restore(row.pk, because=given["reason"], actor=request.user.actor)
        messages.success(request, _("What was removed is being brought back, unless something else wants it hidden."))

    return _asked(request, removal_id, forms.Reason(request.POST or None), act, _("Bring back what was removed"))


@requires(Right.ASSESS, "POST")
def route(request: StaffRequest, removal_id: UUID) -> HttpResponse:
    """A minor may be shown: child safety gets a report of it. The clock here runs on."""
    row = commands.route(_row(removal_id).pk, actor=request.user.actor)
    messages.success(request, _("Child safety has a report of it. The 48 hours run on here."))
    return redirect("console:removal", row.pk)


@requires(Right.APPEALS, "GET", "POST")
def objection(request: StaffRequest, objection_id: UUID) -> HttpResponse:
    """Answer an objection; whoever found the request valid is refused, on record."""
    row = get_object_or_404(RemovalObjection.objects.select_related("removed__removal", "account"), pk=objection_id)
    removal_id = row.removed.removal_id

    def act(given: dict[str, Any]) -> HttpResponse:
        grant = given["outcome"] == removal_forms.GRANT
        commands.answer_objection(row.pk, grant=grant, reason=given["reason"], actor=request.user.actor)
        messages.success(request, _("The objection is answered, and the account holder is told."))
        return redirect("console:removal", removal_id)

    form = removal_forms.Answer(request.POST or None)
    more = {"row": row.removed.removal, "objection": row}
    return asked(request, form, act, FORM, _("Objection to a removal"), **more)


def _row(removal_id: UUID) -> Removal:
    return get_object_or_404(Removal.objects.select_related("host"), pk=removal_id)


def _asked(request: StaffRequest, removal_id: UUID, form: Any, act: Any, title: str) -> HttpResponse:
    row = _row(removal_id)

    def done(given: dict[str, Any]) -> HttpResponse:
        act(row, given)
        return redirect("console:removal", row.pk)

    return asked(request, form, done, FORM, title, row=row)
