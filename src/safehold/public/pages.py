"""What every public page shares: its headers, and a language that needs no cookie.

`page` wraps a view. Others may use it for pages that hold a secret address or somebody's data.
"""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

P = ParamSpec("P")
LANGUAGES = tuple(code for code, _name in settings.LANGUAGES)


def page(view: "Callable[Concatenate[HttpRequest, P], HttpResponse]") -> Callable[..., HttpResponse]:
    """Never stored by a browser or proxy, no referrer, and `?lang=` chooses the language.

    Exempt from the CSRF cookie: these forms act with what stands in them (a one-time key, a token in
    the address), never with a cookie, so a foreign page gains nothing by sending one. That keeps the
    forms usable for people whose browser takes no cookies.
    """

    @csrf_exempt
    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        wished = request.GET.get("lang", "")
        if wished in LANGUAGES:
            translation.activate(wished)
            request.LANGUAGE_CODE = wished
        response = view(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        return response

    return wrapped
