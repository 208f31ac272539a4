"""The report form, the emergency number, the receipt (S48-S64)."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from safehold.intake import service as intake
from safehold.intake.models import Locator, Report
from safehold.path import commands
from safehold.public import bodies, countries, proof, throttle
from safehold.public.pages import page
from safehold.public.report_form import KINDS, RELATIONSHIPS, Typed, country_code
from safehold.removals import service as removals
from safehold.subjects.models import Host

TOO_MUCH = gettext_lazy(
    "This is more text than can be taken at once. Shorten it and send it again: nothing was saved yet."
)
# Fields of the input record that have another name in the form.
FIELDS = {"reason": "reason", "account_name": "account_name", "contact_email": "contact_email"}


@page
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """The form, and what is sent with it. Shows a receipt only after the report is committed."""
    language = get_language() or "en"
    if request.method != "POST":
        typed = Typed(language=language, country=country_code(request.GET.get("country", "")))
        return _form(request, typed)
    try:
        sent, too_much = bodies.read(request)
    except bodies.Refused as refused:
        return refused.response
    typed = Typed.read(sent, language)
    if "show" in sent:  # the button beside the country, for browsers without scripts
        return _form(request, typed)
    problems = typed.problems()
    if problems or too_much:
        return _form(request, typed, problems or {"links": TOO_MUCH}, status=413 if too_much else 422)
    return _take(request, typed, sent.get("proof", ""))


def _take(request: HttpRequest, typed: Typed, answer: str) -> HttpResponse:
    new = typed.new_report()
    wait = throttle.admit(request.META.get("REMOTE_ADDR", ""), once_key=new.once_key, proven=proof.check(answer))
    if wait:
        response = _form(request, typed, status=429, wait=wait)
        response["Retry-After"] = str(wait)
        return response
    try:
        accepted = commands.receive_report(new)
    except intake.TooLong as error:
        return _form(
            request,
            typed,
            {FIELDS.get(error.field, "links"): _("This is too long. Nothing was saved yet.")},
            status=422,
        )
    return HttpResponseRedirect(reverse("public:receipt", args=[accepted.code]), status=303)


def _form(
    request: HttpRequest,
    typed: Typed,
    problems: Mapping[str, object] | None = None,
    *,
    status: int = 200,
    wait: int = 0,
) -> HttpResponse:
    hosts = list(Host.objects.filter(enabled=True).order_by("name"))
    return render(
        request,
        "public/report.html",
        {
            "typed": typed,
            "problems": problems or {},
            "wait": wait,
            "wait_minutes": -(-wait // 60),
            "hosts": hosts if len(hosts) > 1 else [],
            "kinds": KINDS,
            "relationships": RELATIONSHIPS,
            "languages": settings.LANGUAGES,
            "countries": countries.choices(get_language() or "en"),
            "emergency": intake.emergency(typed.country, get_language() or "en"),
            "challenge": proof.challenge(),
        },
        status=status,
    )


@page
@require_safe
def emergency(request: HttpRequest) -> HttpResponse:
    """The emergency number of a country that the visitor chose: a piece of the report page."""
    code = country_code(request.GET.get("country", ""))
    return render(
        request,
        "public/_emergency.html",
        {"emergency": intake.emergency(code, get_language() or "en"), "country": code},
    )


@page
@require_http_methods(["GET", "HEAD", "POST"])
def lookup(request: HttpRequest) -> HttpResponse:
    """Where a code, or the address from a letter, is typed in."""
    if request.method != "POST":
        return render(request, "public/lookup.html")
    try:
        sent, _too_much = bodies.read(request)
    except bodies.Refused as refused:
        return refused.response
    typed = sent.get("code", "").strip()
    if "/removal/appeal/" in typed:
        token = typed.split("/removal/appeal/", 1)[1].split("?")[0].split("#")[0].strip("/ ")
        if token and "/" not in token and len(token) <= 500:
            return HttpResponseRedirect(reverse("public:removal-objection", args=[token]), status=303)
    elif "/appeal/" in typed:
        token = typed.split("/appeal/", 1)[1].split("?")[0].split("#")[0].strip("/ ")
        if token and "/" not in token and len(token) <= 500:
            return HttpResponseRedirect(reverse("public:appeal", args=[token]), status=303)
    code = typed.split("/r/", 1)[-1].strip("/ ") if "/r/" in typed else typed
    if code and removals.by_code(code) is not None:
        return HttpResponseRedirect(reverse("public:removal-receipt", args=[code]), status=303)
    found = intake.by_code(code) if code else None
    if found is None:
        problem = _("No report has this code. Check it letter by letter; it has four groups of four.")
        return render(request, "public/lookup.html", {"typed": typed[:200], "problem": problem}, status=404)
    return HttpResponseRedirect(reverse("public:receipt", args=[code]), status=303)


@page
@require_safe
def receipt(request: HttpRequest, code: str) -> HttpResponse:
    """Where a report stands: received, in review, finished. Nothing more: more would teach offenders."""
    row = _by_code(code)
    country = country_code(request.GET.get("country", "")) or row.country
    return render(
        request,
        "public/receipt.html",
        {
            **_locators(row),
            "report": row,
            "code": intake.read_code(code),
            "received": f"{date_format(row.received_at, 'DATE_FORMAT')}, {date_format(row.received_at, 'H:i')}",
            "stages": _stages(row),
            "country": country,
            "countries": countries.choices(get_language() or "en"),
            "hotlines": _hotlines(country),
            "emergency": intake.emergency(country, get_language() or "en"),
        },
    )


@page
@require_safe
def receipt_locators(request: HttpRequest, code: str) -> HttpResponse:
    """The part of the receipt that changes while links are being checked."""
    row = _by_code(code)
    return render(request, "public/_locators.html", {**_locators(row), "code": intake.read_code(code)})


def _by_code(code: str) -> Report:
    row = intake.by_code(code)
    if row is None:
        raise Http404
    return row


def _locators(row: Report) -> dict[str, object]:
    rows = list(row.locators.all())
    return {
        "locators": rows,
        "checking": any(one.state == Locator.State.CHECKING for one in rows),
        "elsewhere": any(one.state == Locator.State.ELSEWHERE for one in rows),
    }


def _hotlines(country: str) -> list[dict[str, object]]:
    """The country's hotlines, then NCMEC and INHOPE (S61-S63), with what a link shows and a telephone dials."""
    return [
        {
            **msgspec.structs.asdict(line),
            "site": urlsplit(line.url).netloc.removeprefix("www."),
            "dial": "".join(sign for sign in line.phone if sign.isdigit() or sign == "+"),
        }
        for line in intake.hotlines(country, get_language() or "en")
    ]


def _stages(row: Report) -> list[dict[str, str]]:
    names = {
        Report.State.RECEIVED: _("Received"),
        Report.State.IN_REVIEW: _("In review"),
        Report.State.FINISHED: _("Finished"),
    }
    order = list(names)
    reached = order.index(Report.State(row.state))
    last = len(order) - 1
    return [
        {"name": name, "at": "done" if place < reached or reached == last else "now" if place == reached else "todo",
         "current": "step" if place == reached else ""}
        for place, name in enumerate(names.values())
    ]  # fmt: skip
