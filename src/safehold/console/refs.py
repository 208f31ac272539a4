"""From a name on the record (`action:<id>`) to the case it belongs to, so that a task or an entry can lead there."""

import uuid

from django.urls import reverse

from safehold.cases.models import Case
from safehold.cybertip.models import Filing
from safehold.enforcement.models import Action
from safehold.intake.models import Report
from safehold.removals.models import Removal
from safehold.screening.models import HitRule, ListEntry


def case_of(ref: str) -> Case | None:
    """The case that a reference leads to; None where it leads to none."""
    kind, _, value = ref.partition(":")
    try:
        key = uuid.UUID(value)
    except ValueError:
        return None
    if kind == "report":
        report = Report.objects.filter(pk=key).first()
        return report.cases.order_by("-number").first() if report else None
    if kind == "filing":
        filing = Filing.objects.filter(pk=key).first()
        return case_of(filing.ref.replace("subject:", "casesubject:")) if filing else None
    lookups = {
        "case": Case.objects.filter(pk=key),
        "casesubject": Case.objects.filter(subjects=key),
        "caseitem": Case.objects.filter(items=key),
        "decision": Case.objects.filter(subjects__decisions=key),
        "duty": Case.objects.filter(subjects__duties=key),
        "ukmatter": Case.objects.filter(subjects__uk=key),
        "appeal": Case.objects.filter(subjects__decisions__appeals=key),
        "action": Case.objects.filter(pk__in=_cases_of_action(key)),
    }
    return lookups[kind].first() if kind in lookups else None


def _cases_of_action(key: uuid.UUID) -> list[uuid.UUID]:
    action = Action.objects.filter(pk=key).select_related("case_item", "subject").first()
    owner = (action.case_item or action.subject) if action else None
    return [owner.case_id] if owner else []


def _removal(kind: str, value: str) -> str:
    """The page of a removal request, or of the one that wants an action outside every case."""
    try:
        key = uuid.UUID(value)
    except ValueError:
        return ""
    if kind == "action":
        action = Action.objects.filter(pk=key).first()
        return _removal(*action.cause.split(":", 1)) if action is not None and action.cause else ""
    return reverse("console:removal", args=[key]) if Removal.objects.filter(pk=key).exists() else ""


def of_lists(ref: str) -> str:
    """The page of a list, also of one of its rules or entries; or that of the private surfaces. For policy owners."""
    kind, _colon, value = ref.partition(":")
    if kind == "surface":
        return reverse("console:surfaces")
    if kind == "hashlist":
        return reverse("console:list", args=[value])
    try:
        key = uuid.UUID(value)
    except ValueError:
        return ""
    if kind not in ("hitrule", "listentry"):
        return ""
    model: type[HitRule | ListEntry] = HitRule if kind == "hitrule" else ListEntry
    slug = model.objects.filter(pk=key).values_list("list_id", flat=True).first()
    return reverse("console:list", args=[slug]) if slug else ""


def address_of(ref: str, *, filing: bool = False) -> str:
    """Where the console shows what a reference names; "" where it has no page for it. `filing`: its own page too."""
    case, (kind, _colon, value) = case_of(ref), ref.partition(":")
    if kind == "removal" or (kind == "action" and case is None):
        return _removal(kind, value)
    if kind == "filing" and filing and case:
        return reverse("console:filing", args=[uuid.UUID(value)])
    if kind == "ukmatter" and case:
        return reverse("console:uk-matter", args=[uuid.UUID(value)])
    if ref == "filings:all":
        return reverse("console:filings")
    return reverse("console:record", args=[case.pk]) if case else ""
