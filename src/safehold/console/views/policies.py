"""The decision grid of a class, for policy owners: which answers lead to which outcome, as a picture and as a table.

Nothing is changed here: a policy is changed in its files (docs/policy-packs.md), and proven by
`safehold policy check`.
"""

import functools
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from safehold import policy
from safehold.console import gridpicture
from safehold.console.gridpicture import PATTERNS, Drawing, Look
from safehold.console.questions import language_of, text
from safehold.console.rights import StaffRequest, requires
from safehold.policy.grid import ANY_HISTORY, CLAUSES, Grid, Line, axes, grid, histories, tone
from safehold.policy.versions import FIRST, classes, policy_of, version_on, versions
from safehold.staff.service import Right

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@requires(Right.POLICY)
def policies(request: StaffRequest) -> HttpResponse:
    """To the grid that `?version=` and `?class=` ask for, with what else was chosen; else to today's first one.

    A class that the version lacks is shown in the version of its policy that is in force today.
    """
    class_id = request.GET.get("class") or classes()[0]
    if class_id not in classes():
        raise Http404
    name = policy_of(class_id)
    having = [one for one in versions(name) if class_id in policy.load(name, one).classes]
    today = version_on(name, timezone.now().date())
    version = request.GET.get("version", "")
    if version not in having:
        version = today if today in having else having[-1]
    chosen = request.GET.copy()
    for key in ("version", "class"):
        chosen.pop(key, None)
    address = reverse("console:policy-grid", args=[version, class_id])
    return HttpResponseRedirect(f"{address}?{chosen.urlencode()}" if chosen else address)


@requires(Right.POLICY)
def policy_grid(request: StaffRequest, version: str, class_id: str) -> HttpResponse:
    """One class by two of its questions under one history: `?rows=`, `?columns=`, `?history=`."""
    pack = _pack(version, class_id)
    found = _grid(pack.policy, version, class_id, *_chosen(pack, class_id, request))
    looks = _looks(pack, found)
    rows = [_label(pack, found.rows_by, class_id, line) for line in found.rows]
    columns = [_label(pack, found.columns_by, class_id, line) for line in found.columns]
    drawing = Drawing(
        _("Decision grid of “%(name)s”; the table below says the same") % {"name": text(pack, class_id)},
        rows, columns, found.cells, looks, get_language_bidi(),
    )  # fmt: skip
    context = {
        "pack": pack, "grid": found, "title": text(pack, class_id),
        "wide": gridpicture.draw(drawing), "narrow": gridpicture.draw(drawing, narrow=True),
        "columns": columns, "table": _table(found, rows, looks), "outcomes": _outcomes(pack, found, looks),
        "versions": versions(pack.policy), "classes": list(_classes(pack)), "document": _document(pack),
        "axes": [(axis, _axis(pack, class_id, axis)) for axis in axes(pack, class_id)],
        "histories": [(name, _history(name)) for name in histories(pack, class_id)],
        "clauses": [(name, text(pack, name), text(pack, name, "text")) for name in pack.classes[class_id].clauses],
        "by_clause": CLAUSES in (found.rows_by, found.columns_by),
    }  # fmt: skip
    return render(request, "console/policy_grid.html", context)


def _pack(version: str, class_id: str) -> policy.Pack:
    """The version of the class's policy. Raises Http404 where there is none that has the class."""
    if class_id not in classes() or version not in versions(policy_of(class_id)):
        raise Http404
    pack = policy.load(policy_of(class_id), version)
    if class_id not in pack.classes:
        raise Http404
    return pack


@functools.lru_cache(maxsize=64)
def _grid(name: str, version: str, class_id: str, rows: str, columns: str, history: str) -> Grid:
    """A grid takes up to seconds to count and never changes: versions are never edited while a process runs."""
    return grid(policy.load(name, version), class_id, rows, columns, history)


def _chosen(pack: policy.Pack, class_id: str, request: StaffRequest) -> tuple[str, str, str]:
    """What was asked for where the class has it; a choice made for another class falls back to the default."""
    known = axes(pack, class_id)
    rows, columns = request.GET.get("rows", ""), request.GET.get("columns", "")
    rows = rows if rows in known else CLAUSES
    columns = columns if columns in known and columns != rows else ""
    history = request.GET.get("history", "")
    return rows, columns, history if history in histories(pack, class_id) else "none"


def _classes(pack: policy.Pack) -> Iterator[tuple[str, str]]:
    """Every class of every policy with its title, from the version that is shown where it has the class."""
    for class_id in classes():
        name = policy_of(class_id)
        having = [one for one in versions(name) if class_id in policy.load(name, one).classes]
        shown = pack if class_id in pack.classes else policy.load(name, having[-1])
        yield class_id, text(shown, class_id)


def _document(pack: policy.Pack) -> str:
    """Where the version can be read."""
    if pack.policy == FIRST:
        return reverse("public:policy", args=[pack.version, language_of(pack)])
    return reverse("public:policy-own", args=[pack.policy, pack.version, language_of(pack)])


def _looks(pack: policy.Pack, found: Grid) -> dict[str, Look]:
    """A letter for each outcome in order of weight, a tone by its kind, and a pattern within the tone."""
    looks: dict[str, Look] = {}
    used: dict[str, int] = {}
    for number, name in enumerate(found.outcomes):
        kind = tone(pack.classes[found.class_id].outcomes[name])
        pattern = PATTERNS[used.setdefault(kind, 0) % len(PATTERNS)]
        used[kind] += 1
        looks[name] = Look(LETTERS[number % len(LETTERS)], kind, pattern, text(pack, name))
    return looks


def _label(pack: policy.Pack, axis: str, class_id: str, line: Line) -> str:
    if line.kind == "clause":
        return f"{line.id} {text(pack, line.id)}"
    if line.kind == "answer":
        return text(pack, f"{class_id}.{axis}.{line.id}")
    return str(_("No clause stands") if line.kind == "no_clause" else _("Not answered"))


def _axis(pack: policy.Pack, class_id: str, axis: str) -> str:
    return str(_("The weightiest clause")) if axis == CLAUSES else text(pack, f"{class_id}.{axis}")


def _history(name: str) -> str:
    if name in ("none", ANY_HISTORY):
        return str(_("No earlier violation") if name == "none" else _("Every history together"))
    counter, _sign, number = name.partition("-")
    words = {
        "strikes": _("Earlier strikes: %(number)s or more"),
        "same_class_12_months": _("Earlier violations of this class within twelve months: %(number)s or more"),
        "protective": _("Earlier protective suspensions: %(number)s or more"),
    }[counter]
    return words % {"number": number}


def _table(found: Grid, rows: list[str], looks: dict[str, Look]) -> list[dict[str, Any]]:
    """The picture as rows of a table."""
    return [
        {
            "label": rows[number],
            "cells": [
                [(looks[name].letter, cell[name], looks[name].words) for name in found.outcomes if name in cell]
                for cell in line
            ],
        }
        for number, line in enumerate(found.cells)
    ]


def _outcomes(pack: policy.Pack, found: Grid, looks: dict[str, Look]) -> list[dict[str, Any]]:
    """The legend: each outcome with its sign, its sentence and how many sets lead to it."""
    specs = pack.classes[found.class_id].outcomes
    return [
        {
            "look": looks[name],
            "sign": gridpicture.swatch(looks[name]),
            "id": name,
            "count": found.totals.get(name, 0),
            "share": 100 * found.totals.get(name, 0) / found.sets,
            "second": text(pack, specs[name].second_person) if specs[name].second_person else "",
        }
        for name in found.outcomes
    ]
