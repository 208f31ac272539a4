"""Lists, for policy owners: what each is, what its hits do, how often people agree, what waits for a second person.

Ids, sizes, categories and states alone: no page here shows an entry's content, which is hashes and sealed words.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from safehold import policy
from safehold.console import list_forms, questions
from safehold.console.rights import StaffRequest, requires
from safehold.path import automation, hits
from safehold.screening import service as screening
from safehold.screening.lists import id_or_none
from safehold.screening.models import CategoryMapping, HashList, HitRule, ListEntry, Proposal, Purpose
from safehold.screening.rules import ACTS_AT_ONCE, default
from safehold.staff.service import Right

SHOWN = 25  # entries of one kind on a page


@requires(Right.POLICY)
def lists(request: StaffRequest) -> HttpResponse:
    """Every list, and what waits for a second person."""
    unsigned = CategoryMapping.objects.filter(ended_at=None, countersigned_at=None).order_by("signed_at")
    context = {"lists": screening.status(), "waiting": waiting(request), "unsigned": unsigned}
    return render(request, "console/lists.html", context)


@requires(Right.POLICY)
def one(request: StaffRequest, slug: str) -> HttpResponse:
    """One list. `?entry=` finds entries by their id or the source's own."""
    home = get_object_or_404(HashList, pk=slug)
    wanted = request.GET.get("entry", "").strip()
    context = {
        "home": home,
        "status": next(row for row in screening.status() if row.slug == home.pk),
        "purpose": dict(Purpose.choices).get(home.purpose, home.purpose),
        "exact_also": [label for value, label in list_forms.ALSO if value in home.exact_also],
        "rules": _rules(home),
        "ruled": home.purpose == Purpose.PREVENT,
        "company": [row for row in screening.together_in_force() if home.pk in row.lists],
        "mappings": [(row, _class(row)) for row in home.mappings.filter(ended_at=None).order_by("category", "pk")],
        "held_back": home.entries.exclude(held_back_at=None).filter(retracted_at=None).order_by("held_back_at")[:SHOWN],
        "withdrawn": _withdrawn(home),
        "waiting": waiting(request, home),
        "wanted": wanted,
        "found": _find(home, wanted)[:SHOWN] if wanted else [],
    }
    return render(request, "console/list.html", context)


def waiting(request: StaffRequest, home: HashList | None = None) -> list[dict[str, Any]]:
    """What waits for a second person, and whether this member asked for it."""
    rows = Proposal.objects.filter(state=Proposal.State.ASKED).select_related("list").order_by("asked_at")
    rows = rows.filter(list=home) if home else rows
    return [{"row": row, "mine": row.asked_by == request.user.actor, "what": what(row)} for row in rows]


def what(row: Proposal) -> str:
    """What a proposal would bring about, in words."""
    given = row.details
    if row.kind == Proposal.Kind.RULE:
        return f"{HitRule.On(given['on']).label}: {HitRule.Does(given['does']).label}"
    if row.kind == Proposal.Kind.EXACT:
        return ", ".join(str(label) for value, label in list_forms.ALSO if value in given["exact_also"]) or "–"
    if row.kind == Proposal.Kind.SURFACE:
        place = given["jurisdiction"] or _("no country")
        return f"{given['host']} · {given['name']} · {place} · {given['review_by']}"
    return str(given.get("entry", ""))


def _rules(home: HashList) -> list[dict[str, Any]]:
    """Each kind of hit: the rule or the default, how often people agreed, and why the rule before ended."""
    rows = []
    for on in list_forms.kinds(home):
        rule = screening.rule_in_force(home.pk, on)
        usual = HitRule.Does(default(on, trusted=home.trusted))
        before = home.rules.filter(on=on).exclude(ended_at=None).order_by("-ended_at").first()
        figures = screening.agreement(home, on, rule)
        rows.append(
            {
                "on": HitRule.On(on), "rule": rule, "usual": usual.label, "figures": figures, "before": before,
                "share": figures.share * 100, "low": figures.low * 100, "high": figures.high * 100,
                "strong": (HitRule.Does(rule.does) if rule else usual) in ACTS_AT_ONCE,
            }
        )  # fmt: skip
    return rows


def _class(row: CategoryMapping) -> str:
    """The name of a mapping's class, as its version of the policy words it."""
    return questions.text(policy.load(row.policy, row.policy_version), row.class_id)


def _withdrawn(home: HashList) -> list[dict[str, Any]]:
    """The newest entries that were withdrawn after they had been hit, and how far their corrections have come."""
    rows = home.entries.exclude(retracted_at=None).filter(found__report__isnull=False).distinct()
    newest = rows.order_by("-retracted_at")[:SHOWN]
    return [
        {"row": row, "resting": resting, "asked": asked} for row in newest for resting, asked in [hits.rests_on(row.pk)]
    ]


def _find(home: HashList, wanted: str) -> QuerySet[ListEntry]:
    own = id_or_none(wanted)
    rows = home.entries.filter(pk=own) if own else home.entries.filter(ref=wanted)
    return rows.order_by("-first_seen")


@requires(Right.POLICY)
def proposal(request: StaffRequest, proposal_id: UUID) -> HttpResponse:
    """One proposal, for the policy owner who is asked to agree."""
    return _proposal(request, get_object_or_404(Proposal, pk=proposal_id), list_forms.Because())


@requires(Right.POLICY, "POST")
def agree(request: StaffRequest, proposal_id: UUID) -> HttpResponse:
    """Agree to what another policy owner asked for. It happens now."""
    row = get_object_or_404(Proposal, pk=proposal_id)
    try:
        automation.agree(row.pk, actor=request.user.actor)
    except screening.NotAllowed as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, _("Agreed to, and on record. It holds from now on."))
    return redirect("console:proposal", row.pk)


@requires(Right.POLICY, "POST")
def refuse(request: StaffRequest, proposal_id: UUID) -> HttpResponse:
    """Do not agree."""
    return _close(request, proposal_id, mine=False)


@requires(Right.POLICY, "POST")
def withdraw(request: StaffRequest, proposal_id: UUID) -> HttpResponse:
    """Take back what one asked for oneself."""
    return _close(request, proposal_id, mine=True)


def _close(request: StaffRequest, proposal_id: UUID, *, mine: bool) -> HttpResponse:
    row = get_object_or_404(Proposal, pk=proposal_id)
    form = list_forms.Because(request.POST)
    if not form.is_valid():
        return _proposal(request, row, form, status=422)
    how = screening.withdraw if mine else screening.refuse
    how(row.pk, because=form.cleaned_data["reason"], actor=request.user.actor)
    messages.success(request, _("Settled, and your reason is on the record."))
    return redirect("console:proposal", row.pk)


def _proposal(request: StaffRequest, row: Proposal, form: list_forms.Because, status: int = 200) -> HttpResponse:
    context = {"row": row, "what": what(row), "form": form, "mine": row.asked_by == request.user.actor}
    return render(request, "console/proposal.html", context, status=status)
