"""The account holder's page: the statement of reasons, the appeal, the removal (S75, S76, S81).

The token in the address is the only key, so the page works for people who are suspended and logged out.
"""

from datetime import date
from typing import cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, get_language_info
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from safehold.cases.models import Decision
from safehold.enforcement.models import Action
from safehold.notices import service as notices
from safehold.notices.models import Statement
from safehold.path import commands
from safehold.public import bodies
from safehold.public.pages import page
from safehold.redress import service as redress
from safehold.redress.models import Appeal


@page
@require_http_methods(["GET", "HEAD", "POST"])
def appeal(request: HttpRequest, token: str) -> HttpResponse:
    """Read the statement; appeal or remove the item with the buttons on it."""
    try:
        statement = notices.by_token(token)
    except notices.UnknownToken:
        return render(request, "404.html", status=404)
    except notices.ExpiredToken:
        return render(request, "410.html", status=410)
    if request.method != "POST":
        return _page(request, token, statement)
    try:
        sent, too_much = bodies.read(request)
    except bodies.Refused as refused:
        return refused.response
    if sent.get("do") == "remove":
        return _remove(request, token, statement)
    return _appeal(request, token, statement, sent.get("text", ""), too_much=too_much)


def _appeal(request: HttpRequest, token: str, statement: Statement, text: str, *, too_much: bool) -> HttpResponse:
    limit = redress.TEXT_LIMIT
    if too_much or len(text) > limit:
        problem = _("This has %(length)s characters; at most %(most)s can be taken. Nothing was sent yet.") % {
            "length": len(text),
            "most": limit,
        }
        return _page(request, token, statement, text=text, problem=problem, status=413 if too_much else 422)
    if not text.strip():
        problem = _("Write a sentence on what we got wrong: the person who looks again starts from it.")
        return _page(request, token, statement, problem=problem, status=422)
    try:
        commands.open_appeal(token, text=text, language=get_language() or "en")
    except redress.NotAppealable:
        return _page(request, token, statement, text=text, gone=True, status=409)
    return _back(token)


def _remove(request: HttpRequest, token: str, statement: Statement) -> HttpResponse:
    try:
        commands.user_removes(token)
    except redress.NotAppealable:
        return _page(request, token, statement, gone=True, status=409)
    return _back(token)


def _back(token: str) -> HttpResponse:
    return HttpResponseRedirect(reverse("public:appeal", args=[token]), status=303)


def _page(
    request: HttpRequest, token: str, statement: Statement, *,
    text: str = "", problem: str = "", gone: bool = False, status: int = 200,
) -> HttpResponse:  # fmt: skip
    decision = Decision.objects.get(pk=statement.decision)
    known = decision.appeals.filter(kind=Appeal.Kind.APPEAL).order_by("-opened_at").first()
    may = decision.state == Decision.State.CONFIRMED and known is None
    return render(
        request,
        "public/appeal.html",
        {
            "token": token,
            "statement": statement,
            "blocks": letter_blocks(
                notices.text(statement, settings.SAFEHOLD.base_url + reverse("public:appeal", args=[token]))
            ),
            "written_in": statement.language,
            "direction": "rtl" if get_language_info(statement.language)["bidi"] else "ltr",
            "appeal": known,
            "may_appeal": may,
            "removal": _removal(decision, statement),
            "limit": redress.TEXT_LIMIT,
            "text": text,
            "problem": problem,
            "gone": gone,
        },
        status=status,
    )


def letter_blocks(body: str) -> list[dict[str, object]]:
    """The letter's plain text in pieces: a heading where a block has more than one line, lists, sentences."""
    blocks: list[dict[str, object]] = []
    for block in body.strip().split("\n\n"):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        heading = lines.pop(0) if len(lines) > 1 and not lines[0].startswith("- ") else ""
        pieces: list[dict[str, object]] = []
        for line in lines:
            if not line.startswith("- "):
                pieces.append({"text": line})
            elif pieces and "list" in pieces[-1]:
                cast(list[str], pieces[-1]["list"]).append(line[2:])
            else:
                pieces.append({"list": [line[2:]]})
        blocks.append({"heading": heading, "pieces": pieces})
    return blocks


def _removal(decision: Decision, statement: Statement) -> dict[str, object] | None:
    """Where the lenient path stands: to do, under way, removed; locked or unlocked. None on other paths."""
    if not statement.fields.get("must_remove"):
        return None
    purges = Action.objects.filter(decision=decision, kind=Action.Kind.PURGE_ITEM)
    lock = Action.objects.filter(subject=decision.subject, kind=Action.Kind.LOCK).order_by("-ordered_at").first()
    items = [
        {"id": item["id"], "date": date.fromisoformat(item["date"]) if item["date"] else None}
        for item in statement.fields["items"]
    ]
    ordered = purges.exists()
    return {
        "items": items,
        "possible": decision.state == Decision.State.CONFIRMED and not ordered,
        "under_way": ordered and purges.exclude(state=Action.State.CONFIRMED).exists(),
        "removed": ordered and not purges.exclude(state=Action.State.CONFIRMED).exists(),
        "unlocked": lock is not None and lock.state == Action.State.REVERSED,
        "unlocking": lock is not None and lock.state == Action.State.REVERSING,
    }
