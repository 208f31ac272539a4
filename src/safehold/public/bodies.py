"""Reading a form's body with care: its size before its contents, and the text given back where it fits."""

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

LONGEST = 256 * 1024  # bytes: far more than a person types
LONGEST_KEPT = 2 * 1024 * 1024  # a longer body is not read; up to here the text comes back to be shortened


class Refused(Exception):
    """The body cannot be read; `response` says why, in the reader's language."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status_code)
        self.response = response


def read(request: HttpRequest) -> tuple[QueryDict, bool]:
    """The fields of a form, and whether there is too much of it to be taken (then it is only shown again).

    Raises Refused: 415 for anything but an ordinary form, 413 where the body is not read, 400 for a broken one.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        raise Refused(_closing(render(request, "415.html", status=415)))
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if not length.isascii() or not length.isdigit():
        raise Refused(_closing(render(request, "400.html", status=400)))
    if int(length) > LONGEST_KEPT:
        raise Refused(_closing(render(request, "413.html", status=413)))
    try:
        return QueryDict(request.read(LONGEST_KEPT), encoding="utf-8"), int(length) > LONGEST
    except SuspiciousOperation as error:
        raise Refused(render(request, "400.html", status=400)) from error


def _closing(response: HttpResponse) -> HttpResponse:
    response["Connection"] = "close"  # the rest of the body is never read
    return response
