"""The page of figures, for everybody, and the same as JSON."""

from datetime import UTC
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from safehold.public.pages import page
from safehold.transparency import labels, plot, service
from safehold.transparency.service import Period

# What the picture shows: the way from a report to an appeal, in this order.
PICTURE = (
    "reports.all", "cases.opened", "decisions.violation", "actions.kind.hide_item", "actions.kind.suspend_account",
    "cybertips.receipts", "appeals.opened", "appeals.granted", "actions.reversed",
)  # fmt: skip


@page
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The figures of one quarter, as a picture and as tables."""
    chosen, choices = _chosen(request)
    report = service.published(chosen)
    figures = report.figures if report else service.public_figures(chosen.start, chosen.end)
    language = get_language() or "en"
    return render(
        request,
        "transparency/index.html",
        {
            "chosen": chosen,
            "periods": choices,
            "report": report,
            "running": chosen.end > timezone.now().astimezone(UTC).date(),
            "sections": [_section(section, language) for section in figures["sections"]],
            "picture": _picture(figures, language),
        },
    )


@page
@require_safe
def download(request: HttpRequest) -> HttpResponse:
    """The same figures for programs. `shown` says how to read a value of null."""
    chosen, _choices = _chosen(request)
    report = service.published(chosen)
    figures = report.figures if report else service.public_figures(chosen.start, chosen.end)
    status = (
        {"published_at": report.published_at.isoformat(), "edition": report.edition, "digest": report.digest}
        if report
        else {"published_at": None}
    )
    response = JsonResponse({**figures, **status}, json_dumps_params={"ensure_ascii": False, "indent": 1})
    response["Content-Disposition"] = f'attachment; filename="safehold-{chosen.key}.json"'
    return response


def _chosen(request: HttpRequest) -> tuple[Period, list[Period]]:
    choices = service.periods(timezone.now().astimezone(UTC).date())
    wished = request.GET.get("period")
    if wished is None:
        return choices[0], choices
    for one in choices:
        if one.key == wished:
            return one, choices
    raise Http404


def _section(section: dict[str, Any], language: str) -> dict[str, Any]:
    title, about = labels.SECTIONS[section["id"]]
    parts = {part for row in section["rows"] for part in row.get("parts", ())}
    rows = [
        {
            "label": labels.label(row, language),
            "value": labels.value(row),
            "shown": row["shown"],
            "part": row["id"] in parts,
            "why": labels.WHY.get(row.get("why", ""), ""),
        }
        for row in section["rows"]
    ]
    return {"id": section["id"], "title": title, "about": about, "rows": rows}


def _picture(figures: dict[str, Any], language: str) -> str:
    by_id = {row["id"]: row for section in figures["sections"] for row in section["rows"]}
    rows = [
        (capfirst(labels.label(by_id[name], language)), by_id[name]["value"], labels.value(by_id[name]))
        for name in PICTURE
        if name in by_id
    ]
    return plot.bars(rows, title=_("From report to appeal"), rtl=get_language_bidi())
