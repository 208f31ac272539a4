"""What a policy owner does to a list: trust, what counts as exact, rules, entries let go or withdrawn.

Each page asks for a reason. Where the act takes two people, sending it asks for the second one and changes nothing.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from safehold.console import list_forms
from safehold.console.asking import asked
from safehold.console.rights import StaffRequest, requires
from safehold.path import automation, commands
from safehold.screening import service as screening
from safehold.screening.models import HashList, HitRule, ListEntry, Proposal
from safehold.screening.rules import default
from safehold.staff.service import Right

FORM = "console/list_form.html"


@requires(Right.POLICY, "GET", "POST")
def trust(request: StaffRequest, slug: str) -> HttpResponse:
    """Trust the list, or trust it no more."""
    home = get_object_or_404(HashList, pk=slug)

    def act(given: dict[str, Any]) -> HttpResponse:
        made = automation.set_trust(
            home.pk, trusted=not home.trusted, because=given["reason"], actor=request.user.actor
        )
        return _done(request, home, made)

    title = _("Trust this list no more") if home.trusted else _("Trust this list")
    note = (
        _("From now on a person looks at every hit before anything is hidden.")
        if home.trusted
        else _("An exact hit then hides the item at once, before anybody has looked. A second person must agree.")
    )
    return asked(request, list_forms.Because(request.POST or None), act, FORM, title, home=home, note=note)


@requires(Right.POLICY, "GET", "POST")
def exact(request: StaffRequest, slug: str) -> HttpResponse:
    """Which fingerprints alone count as the very file."""
    home = get_object_or_404(HashList, pk=slug, kind=HashList.Kind.FILES)

    def act(given: dict[str, Any]) -> HttpResponse:
        made = automation.set_exact_also(home.pk, given["also"], because=given["reason"], actor=request.user.actor)
        return _done(request, home, made)

    form = list_forms.Exact(request.POST or None, initial={"also": home.exact_also})
    note = _(
        "Whoever can make a file with the same fingerprint could have somebody accused. More takes a second person."
    )
    return asked(request, form, act, FORM, _("What counts as the very file"), home=home, note=note)


@requires(Right.POLICY, "GET", "POST")
def rule(request: StaffRequest, slug: str, on: str) -> HttpResponse:
    """What hits of one kind do."""
    home = get_object_or_404(HashList, pk=slug)
    if on not in list_forms.kinds(home):
        raise Http404
    standing = screening.rule_in_force(home.pk, on)

    def act(given: dict[str, Any]) -> HttpResponse:
        who = {"because": given["reason"], "actor": request.user.actor}
        if given["does"] == list_forms.DEFAULT:
            ended = screening.end_rule(standing.pk, **who) if standing else None
            return _done(request, home, ended)
        return _done(request, home, automation.set_rule(home.pk, on, given["does"], **who))

    form = list_forms.Rule(
        on, request.POST or None, initial={"does": standing.does if standing else list_forms.DEFAULT}
    )
    usual = HitRule.Does(default(on, trusted=home.trusted)).label
    note = _("By default: %(usual)s. Where a rule does more, or brings no person, a second person must agree.") % {
        "usual": usual
    }
    title = _("What a hit does: %(kind)s") % {"kind": HitRule.On(on).label}
    return asked(request, form, act, FORM, title, home=home, note=note)


@requires(Right.POLICY, "GET", "POST")
def let_go(request: StaffRequest, entry_id: UUID) -> HttpResponse:
    """Let an entry that was held back act again."""
    entry = get_object_or_404(ListEntry.objects.select_related("list"), pk=entry_id, retracted_at=None)

    def act(given: dict[str, Any]) -> HttpResponse:
        made = automation.let_go(entry.pk, because=given["reason"], actor=request.user.actor)
        return _done(request, entry.list, made)

    note = _("It was held back because it hit many different accounts. Look at the cases that it led to first.")
    return asked(
        request, list_forms.Because(request.POST or None), act, FORM, _("Let this entry act again"), home=entry.list,
        entry=entry, note=note,
    )  # fmt: skip


@requires(Right.POLICY, "GET", "POST")
def retract(request: StaffRequest, entry_id: UUID) -> HttpResponse:
    """Take an entry out of matching, and have everything that rests on it looked at again."""
    entry = get_object_or_404(ListEntry.objects.select_related("list"), pk=entry_id)

    def act(given: dict[str, Any]) -> HttpResponse:
        commands.retract_entry(entry.pk, because=given["reason"], actor=request.user.actor)
        messages.success(request, _("The entry matches no more. Every decision that rests on it is looked at again."))
        return redirect("console:list", entry.list_id)

    note = _("It cannot be brought back. Somebody else looks at every decision that rests on it.")
    return asked(
        request, list_forms.Because(request.POST or None), act, FORM, _("Withdraw this entry"), home=entry.list,
        entry=entry, note=note, danger=True,
    )  # fmt: skip


def _done(request: StaffRequest, home: HashList, made: object) -> HttpResponse:
    if isinstance(made, Proposal):
        messages.success(request, _("Another policy owner must agree now. Nothing has changed yet."))
        return redirect("console:proposal", made.pk)
    messages.success(request, _("It holds from now on, and is on the record."))
    return redirect("console:list", home.pk)
