"""Who may open which page: default deny.

Every view of the console is decorated with `@requires(Right.X, methods…)`, exactly once; a test walks
`routes.rights()` against every role. The decorator also turns the rooms' refusals into pages
(`refusals`), and forbids every cache to keep what staff see.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from safehold.audit import service as audit
from safehold.console import refusals
from safehold.staff import service as staff
from safehold.staff.models import Member
from safehold.staff.service import Right

P = ParamSpec("P")


class StaffRequest(HttpRequest):
    """A request whose user is a member of staff; views get no other."""

    user: Member


View = Callable[Concatenate[StaffRequest, P], HttpResponseBase]


class Guarded(Protocol):
    """A view that carries the right it asks for."""

    right: Right
    methods: tuple[str, ...]

    def __call__(self, request: HttpRequest, /, *args: object, **kwargs: object) -> HttpResponseBase: ...


def requires(right: Right, *methods: str) -> Callable[[View[P]], Guarded]:
    """Let only members who hold `right` in, by these methods (GET alone where none is named)."""
    allowed = methods or ("GET",)

    def decorate(view: View[P]) -> Guarded:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            response = _answer(cast(StaffRequest, request), *args, **kwargs)
            add_never_cache_headers(response)
            response.headers["Cache-Control"] = "no-store, private"
            return response

        def _answer(request: StaffRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                here = request.get_full_path() if request.method == "GET" else reverse("console:home")
                return to_login(request, here)
            if not staff.may(request.user, right):
                return no_right(request, right)
            if request.method not in allowed and not (request.method == "HEAD" and "GET" in allowed):
                return HttpResponseNotAllowed(allowed)
            try:
                return view(request, *args, **kwargs)
            except refusals.KNOWN as refusal:
                return refusals.page(request, refusal)

        guarded_view = cast(Guarded, guarded)
        guarded_view.right = right
        guarded_view.methods = allowed
        return guarded_view

    return decorate


def to_login(request: HttpRequest, here: str) -> HttpResponse:
    """Send somebody to the sign-in page; a part of a page that asks for itself takes the whole page there."""
    there = redirect_to_login(here)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": redirect_to_login(reverse("console:home")).url})
    return there


def no_right(request: StaffRequest, right: Right) -> HttpResponse:
    """The page that says which role could; the attempt is noted."""
    audit.refused("console.opened", actor=request.user.actor, about=f"route:{request.path}"[:100], reason=right)
    return refusals.forbidden(request, staff.roles_with(right))
