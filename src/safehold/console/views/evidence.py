"""Showing evidence: veiled by default, unblurred only after a recorded reveal, never kept by a browser.

Every view needs a running lease on the case, held on this device, or a custodian's grant. What is
revealed is given out only to the session that revealed it, for ten minutes or until it is covered;
pictures are encoded anew with the viewer's mark over them.
"""

import time
from collections.abc import Iterator
from typing import TypeVar

from csp.decorators import csp_update
from django.db.models import Q
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cases import service as cases
from safehold.cases.models import CaseItem
from safehold.console import media
from safehold.console.device import device_of
from safehold.console.rights import StaffRequest, requires
from safehold.evidence import service as evidence
from safehold.path import commands
from safehold.staff.service import Right

R = TypeVar("R", bound=HttpResponseBase)

SHOWN_FOR = evidence.SHOWN_FOR.total_seconds()  # after a reveal, in which it may be fetched again

# A page that shows a film or a sound needs one more source; the frame of the original itself gets none at all.
_SHOW = {"media-src": ["'self'"]}
_NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox"


@requires(Right.SEE_EVIDENCE)
def veiled(request: StaffRequest, item_id: str) -> HttpResponse:
    """The small, blurred, grey still of an item. The look is recorded as "veiled"."""
    row = _held(request, item_id)
    if row.body is None:
        return _strict(HttpResponse(status=404))
    try:
        picture = evidence.veiled(row.body.pk, actor=request.user.actor, about=audit.ref(row))
    except evidence.NotAPicture:
        return _strict(HttpResponse(status=404))
    return _strict(HttpResponse(picture, content_type="image/png"))


@requires(Right.SEE_EVIDENCE, "GET", "POST")
def reveal(request: StaffRequest, item_id: str) -> HttpResponse:
    """Ask once more, then record the reveal and lead to the original."""
    row = _held(request, item_id)
    if request.method == "POST":
        commands.reveal_item(row.pk, actor=request.user.actor, device=device_of(request))
        if row.body_id is not None and media.kind_of(row) == "other":
            evidence.nothing_shown(row.body_id, actor=request.user.actor)  # no browser is given it: nobody views it
        request.session["revealed"] = {**_running(request), str(row.pk): time.time() + SHOWN_FOR}
        return redirect("console:revealed", row.pk)
    return render(request, "console/reveal.html", {"item": row, "case": row.case, "kind": media.kind_of(row)})


@requires(Right.SEE_EVIDENCE)
@csp_update(_SHOW)  # type: ignore[arg-type]
def revealed(request: StaffRequest, item_id: str) -> HttpResponse:
    """The page that shows a revealed item: a picture, a film that waits for its button, or the text."""
    row = _held(request, item_id)
    if str(row.pk) not in _running(request):
        return redirect("console:reveal", row.pk)
    context = {"item": row, "case": row.case, "kind": media.kind_of(row), "text": _text(request, row)}
    return render(request, "console/revealed.html", context)


@requires(Right.SEE_EVIDENCE)
def original(request: StaffRequest, item_id: str) -> HttpResponseBase:
    """The bytes of a revealed picture, film or sound. 403 before a reveal, 415 for what no browser is given."""
    row = _held(request, item_id)
    if str(row.pk) not in _running(request):
        raise evidence.NotRevealed("not revealed in this session")
    if row.body is None or media.kind_of(row) not in ("picture", "film", "sound"):
        return _strict(HttpResponse(status=415))
    actor, about = request.user.actor, audit.ref(row)
    if media.kind_of(row) == "picture":
        mark = f"{request.user.username} {timezone.now():%Y-%m-%d %H:%M}"
        try:
            picture = evidence.shown(row.body.pk, actor=actor, mark=mark, about=about)
        except evidence.NotAPicture:
            return _strict(HttpResponse(status=415))
        return _strict(HttpResponse(picture, content_type=evidence.type_of_shown(picture)))
    chunks = evidence.open_sealed(row.body.pk, actor=actor, purpose="review", about=about)
    return _strict(StreamingHttpResponse(chunks, content_type=media.type_of(row.body)))


@requires(Right.SEE_EVIDENCE, "GET", "POST")
def reveal_context(request: StaffRequest, item_id: str) -> HttpResponse:
    """As `reveal`, of what stood around an item: messages, addresses, devices. Back to the case where there is none."""
    row = _held(request, item_id)
    if row.context_id is None and row.thread_id is None:
        return redirect("console:case", row.case_id)
    if request.method == "POST":
        commands.reveal_item(row.pk, actor=request.user.actor, device=device_of(request), around=True)
        request.session["revealed"] = {**_running(request), f"{row.pk}:context": time.time() + SHOWN_FOR}
        return redirect("console:revealed-context", row.pk)
    return render(request, "console/reveal.html", {"item": row, "case": row.case, "kind": "context"})


@requires(Right.SEE_EVIDENCE)
def revealed_context(request: StaffRequest, item_id: str) -> HttpResponse:
    """What stood around an item, after a recorded reveal: the thread as it would be filed, and where it came from."""
    row = _held(request, item_id)
    if f"{row.pk}:context" not in _running(request):
        return redirect("console:reveal-context", row.pk)
    text = media.whole_text(_read(request, row, row.thread_id)) if row.thread_id else ""
    uses = media.uses_of_context(_read(request, row, row.context_id)) if row.context_id else []
    context = {"item": row, "case": row.case, "kind": "context", "text": text, "uses": uses}
    return render(request, "console/revealed.html", context)


@requires(Right.SEE_EVIDENCE, "POST")
def cover(request: StaffRequest, item_id: str) -> HttpResponse:
    """Stop looking: the reveal ends on record, and nothing is given out again without another one."""
    row = get_object_or_404(CaseItem.objects.select_related("case"), pk=item_id)
    request.session["revealed"] = {
        item: until for item, until in _running(request).items() if item.partition(":")[0] != str(row.pk)
    }
    for sealed in row.sealed_ids:
        evidence.cover(sealed, actor=request.user.actor)
    if _granted(request, row):
        return redirect("console:granted")
    return redirect(f"{reverse('console:case', args=[row.case_id])}#item-{row.pk}")


@requires(Right.SEE_EVIDENCE)
def granted(request: StaffRequest) -> HttpResponse:
    """What a custodian lets this member look at without a lease."""
    parts = []
    for grant in evidence.grants_in_force().filter(member=request.user.actor).order_by("until"):
        sealed = grant.items.values("pk")
        wanted = Q(body__in=sealed) | Q(facts__in=sealed)
        rows = CaseItem.objects.filter(wanted).select_related("case", "item__host", "body", "facts").order_by("pk")
        parts.append({"grant": grant, "items": [{"row": row, "kind": media.kind_of(row)} for row in rows]})
    return render(request, "console/granted.html", {"parts": parts})


def _held(request: StaffRequest, item_id: str) -> CaseItem:
    """The item, when its case is under the member's own lease on this device, or a grant lets them look at it."""
    row = get_object_or_404(CaseItem.objects.select_related("case", "item__host", "body", "facts"), pk=item_id)
    if not _granted(request, row):
        cases.need_lease(row.case, actor=request.user.actor, device=device_of(request))
    return row


def _granted(request: StaffRequest, row: CaseItem) -> bool:
    sealed = row.body_id or row.facts_id
    return sealed is not None and evidence.grant_for(sealed, request.user.actor) is not None


def _running(request: StaffRequest) -> dict[str, float]:
    """Items that this session has revealed, and until when they may be fetched again."""
    known: dict[str, float] = request.session.get("revealed", {})
    return {item: until for item, until in known.items() if until > time.time()}


def _text(request: StaffRequest, row: CaseItem) -> str:
    """The words of a revealed item: its text file, or the text that its host gave with it."""

    if row.body is not None and media.kind_of(row) == "text":
        return media.plain_text(_read(request, row, row.body.pk))
    return media.text_of_facts(_read(request, row, row.facts.pk)) if row.facts is not None else ""


def _read(request: StaffRequest, row: CaseItem, sealed_id: object) -> Iterator[bytes]:
    return evidence.open_sealed(str(sealed_id), actor=request.user.actor, purpose="review", about=audit.ref(row))


def _strict(response: R) -> R:
    """Headers under which a browser shows the bytes in our own page and does nothing else with them."""
    response.headers["Content-Security-Policy"] = _NOTHING
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Content-Disposition"] = "inline"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, noimageindex"
    return response
