"""Removal requests in public: the notice of the process, the form, the receipt, and the objection (47 USC 223a).

The notice stands on the form's own page, in plain language, linked from every public page (223a(a)(2)).
"""

from collections.abc import Mapping

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, get_language_info
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from safehold.audit.machine import IllegalMove
from safehold.intake import service as intake
from safehold.notices import service as notices
from safehold.path import removals as commands
from safehold.public import bodies, proof, throttle
from safehold.public.appeals import letter_blocks
from safehold.public.pages import page
from safehold.public.removal_form import BEHALF, LACKING, MINOR, Typed
from safehold.public.reporting import TOO_MUCH
from safehold.removals import service as removals
from safehold.removals.models import Removal, RemovalLocator, RemovalObjection
from safehold.subjects.models import Host

S = Removal.State
COMPLETED = (S.INCOMPLETE, S.NOT_FOUND)  # the notifier may send what is missing
WITHDRAWN = (S.RECEIVED, S.INCOMPLETE, S.VALID, S.NOT_FOUND)  # or take it back


@page
@require_http_methods(["GET", "HEAD", "POST"])
def removal(request: HttpRequest) -> HttpResponse:
    """The process in plain words, the form, and what is sent with it."""
    language = get_language() or "en"
    if request.method != "POST":
        return _form(request, Typed(language=language))
    try:
        sent, too_much = bodies.read(request)
    except bodies.Refused as refused:
        return refused.response
    typed = Typed.read(sent, language)
    problems: Mapping[str, object] = typed.problems()
    if problems or too_much:
        return _form(request, typed, problems or {"links": TOO_MUCH}, status=413 if too_much else 422)
    new = typed.new_removal()
    wait = _must_wait(request, new.once_key, sent.get("proof", ""))
    if wait:
        response = _form(request, typed, status=429, wait=wait)
        response["Retry-After"] = str(wait)
        return response
    accepted = commands.receive_removal(new)
    return HttpResponseRedirect(reverse("public:removal-receipt", args=[accepted.code]), status=303)


def _must_wait(request: HttpRequest, once_key: str, answer: str) -> int:
    return throttle.admit(request.META.get("REMOTE_ADDR", ""), once_key=once_key, proven=proof.check(answer))


def _form(
    request: HttpRequest,
    typed: Typed,
    problems: Mapping[str, object] | None = None,
    *,
    status: int = 200,
    wait: int = 0,
) -> HttpResponse:
    hosts = list(Host.objects.filter(enabled=True).order_by("name"))
    context = {
        **_choices(typed, problems, wait), "hosts": hosts if len(hosts) > 1 else [], "languages": settings.LANGUAGES,
        "company": settings.SAFEHOLD.provider.name,
    }  # fmt: skip
    return render(request, "public/removal.html", context, status=status)


def _choices(typed: Typed, problems: Mapping[str, object] | None, wait: int) -> dict[str, object]:
    return {
        "typed": typed, "problems": problems or {}, "wait": wait, "wait_minutes": -(-wait // 60), "minors": MINOR,
        "behalves": BEHALF, "challenge": proof.challenge(), "hours": int(removals.DEADLINE.total_seconds() // 3600),
    }  # fmt: skip


@page
@require_http_methods(["GET", "HEAD", "POST"])
def receipt(request: HttpRequest, code: str) -> HttpResponse:
    """Where a request stands; what is missing can be sent from here, and the request taken back."""
    row = _by_code(code)
    if request.method != "POST":
        return _receipt(request, row, code)
    try:
        sent, too_much = bodies.read(request)
    except bodies.Refused as refused:
        return refused.response
    if sent.get("do") == "withdraw":
        return _withdraw(request, code)
    return _complete(request, row, code, Typed.read(sent, row.language), sent.get("proof", ""), too_much=too_much)


def _withdraw(request: HttpRequest, code: str) -> HttpResponse:
    try:
        commands.withdraw_removal(code)
    except IllegalMove:
        return _receipt(request, _by_code(code), code, gone=True, status=409)
    return _back(code)


def _complete(
    request: HttpRequest, row: Removal, code: str, typed: Typed, answer: str, *, too_much: bool
) -> HttpResponse:
    problems: Mapping[str, object] = typed.problems(_asked(row), minor=False)
    if problems or too_much:
        status = 413 if too_much else 422
        return _receipt(request, row, code, typed=typed, problems=problems or {"links": TOO_MUCH}, status=status)
    wait = _must_wait(request, typed.once_key(), answer)
    if wait:
        response = _receipt(request, row, code, typed=typed, status=429, wait=wait)
        response["Retry-After"] = str(wait)
        return response
    typed.minor = typed.minor or row.minor
    try:
        commands.complete_removal(code, typed.new_removal())
    except removals.Incomplete as refused:
        lacking = {LACKING[part][0]: LACKING[part][1] for part in refused.missing}
        return _receipt(request, row, code, typed=typed, problems=lacking, status=422)
    except IllegalMove:
        return _receipt(request, _by_code(code), code, gone=True, status=409)
    return _back(code)


def _back(code: str) -> HttpResponse:
    return HttpResponseRedirect(reverse("public:removal-receipt", args=[code]), status=303)


def _by_code(code: str) -> Removal:
    row = removals.by_code(code)
    if row is None:
        raise Http404
    return row


def _asked(row: Removal) -> tuple[str, ...]:
    return tuple(row.missing) or (("location",) if row.state == S.NOT_FOUND else ())


def _receipt(
    request: HttpRequest,
    row: Removal,
    code: str,
    *,
    typed: Typed | None = None,
    problems: Mapping[str, object] | None = None,
    gone: bool = False,
    status: int = 200,
    wait: int = 0,
) -> HttpResponse:
    own = typed or Typed(language=row.language, behalf=row.behalf)
    locators = list(row.locators.filter(added_by=""))
    context = {
        **_choices(own, problems, wait), "row": row, "code": intake.read_code(code), "gone": gone,
        "locators": locators, "checking": any(one.state == RemovalLocator.State.CHECKING for one in locators),
        "elsewhere": any(one.state == RemovalLocator.State.ELSEWHERE for one in locators),
        "may_complete": row.state in COMPLETED, "may_withdraw": row.state in WITHDRAWN, "asked": _asked(row),
        "lacking": [LACKING[part][1] for part in _asked(row)], "running": row.state in removals.RUNNING,
        "reason": reasons().get(row.reason, ""),
    }  # fmt: skip
    return render(request, "public/removal_receipt.html", context, status=status)


def reasons() -> dict[str, str]:
    """Why a request was refused, as the notifier reads it."""
    return {
        Removal.Reason.INCOMPLETE: _("The request was still incomplete after we asked."),
        Removal.Reason.NOT_ENTITLED: _(
            "The request must come from the person shown, or from somebody whom that person has authorised."
        ),
        Removal.Reason.NO_DEPICTION: _("What you named is not an intimate picture or film of an identifiable person."),
        Removal.Reason.CONSENT: _("It was published with the consent of the person shown."),
        Removal.Reason.BAD_FAITH: _("The request was not made in good faith."),
    }


@page
@require_http_methods(["GET", "HEAD", "POST"])
def objection(request: HttpRequest, token: str) -> HttpResponse:
    """The letter to whoever posted what was removed, and their objection."""
    try:
        letter, removed = commands.holder_letter(token)
    except notices.UnknownToken:
        return render(request, "404.html", status=404)
    text, problem, gone, status = "", "", False, 200
    if request.method == "POST":
        try:
            sent, too_much = bodies.read(request)
        except bodies.Refused as refused:
            return refused.response
        text = sent.get("text", "")
        try:
            commands.object_to(token, text=text, language=get_language() or "en")
        except ValueError as error:
            problem, status = _objection_problem(error, text), 413 if too_much else 422
        except removals.AlreadyObjected:
            gone, status = True, 409
        else:
            return HttpResponseRedirect(reverse("public:removal-objection", args=[token]), status=303)
    known = RemovalObjection.objects.filter(removed=removed).first()
    stands = removed.removal.state in (S.REMOVING, S.REMOVED) and removed.given_back_at is None
    address = settings.SAFEHOLD.base_url + reverse("public:removal-objection", args=[token])
    context = {
        "token": token, "letter": letter, "blocks": letter_blocks(notices.text(letter, address)), "objection": known,
        "may_object": stands and known is None, "back": removed.given_back_at is not None, "text": text,
        "problem": problem, "gone": gone, "limit": removals.TEXT_LIMIT, "written_in": letter.language,
        "direction": "rtl" if get_language_info(letter.language)["bidi"] else "ltr",
    }  # fmt: skip
    return render(request, "public/removal_objection.html", context, status=status)


def _objection_problem(error: ValueError, text: str) -> str:
    if isinstance(error, removals.TooLong):
        return _("This has %(length)s characters; at most %(most)s can be taken. Nothing was sent yet.") % {
            "length": len(text), "most": error.limit,
        }  # fmt: skip
    return _("Write a sentence on what we got wrong: the person who looks again starts from it.")
