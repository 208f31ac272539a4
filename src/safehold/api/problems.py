"""Errors of the API, each `{"error", "message", "field"}`. Nothing was changed where one is answered.

`error` is a stable code, `message` is for the host's developer and never repeats what was sent.
"""

import logging
import traceback
from collections.abc import Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import ConfigDict

log = logging.getLogger(__name__)

# What pydantic finds wrong, in the codes of this API.
_CODES = {
    "missing": "missing_field",
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "too_long": "too_long",
    "string_too_short": "too_short",
    "string_pattern_mismatch": "wrong_value",
    "literal_error": "wrong_value",
}


class Problem(Schema):
    """What is wrong with a request, and where."""

    model_config = ConfigDict(extra="forbid")

    error: str
    message: str
    field: str = ""


class ApiError(Exception):
    """Ends a request with this status and Problem."""

    def __init__(self, status: int, error: str, message: str, field: str = "") -> None:
        self.status, self.error, self.message, self.field = status, error, message, field
        super().__init__(f"{status} {error}")


def respond(status: int, error: str, message: str, field: str = "") -> HttpResponse:
    """The answer as HTTP. 401 names the scheme, as RFC 9110 asks."""
    response = JsonResponse({"error": error, "message": message, "field": field}, status=status)
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="safehold"'
    return response


def install(api: NinjaAPI) -> None:
    """Make every failure of `api` answer with a Problem."""

    def answered(kind: type[Exception], word: Callable[[Any], HttpResponse]) -> None:
        api.add_exception_handler(kind, lambda _request, error: word(error))

    answered(ApiError, _api_error)
    answered(AuthenticationError, _no_key)
    answered(RequestDataTooBig, _too_big)
    answered(ValidationError, _invalid)
    answered(HttpError, _http)
    answered(Http404, _not_found)
    answered(Exception, _failed)


@csrf_exempt
def unknown_path(request: HttpRequest, rest: str = "") -> HttpResponse:  # noqa: ARG001
    """Any address under /api/v1 that is none."""
    return _not_found()


def _not_found(_error: object = None) -> HttpResponse:
    return respond(404, "not_found", "Nothing is at this address. /api/v1/openapi.json lists what there is.")


def _api_error(error: ApiError) -> HttpResponse:
    return respond(error.status, error.error, error.message, error.field)


def _no_key(_error: object = None) -> HttpResponse:
    return respond(401, "no_key", "Send a key that this installation issued for this: Authorization: Bearer …")


def _too_big(_error: object = None) -> HttpResponse:
    response = respond(413, "too_large", "The body is larger than 256 KiB. Nothing was saved.")
    response["Connection"] = "close"
    return response


def _http(error: HttpError) -> HttpResponse:
    """What ninja itself raises; a parser's own error stands behind it."""
    cause = error.__cause__
    if isinstance(cause, ApiError):
        return _api_error(cause)
    if isinstance(cause, RequestDataTooBig):
        return _too_big()
    return respond(error.status_code, "refused", str(error))


def _invalid(error: ValidationError) -> HttpResponse:
    first: dict[str, Any] = error.errors[0]
    place = [str(part) for part in first["loc"]]
    field = ".".join(place[2:] if place[:1] == ["body"] else place[1:])
    code = _CODES.get(first["type"], "wrong_type")
    if not field:
        return respond(422, code, "The body must be a JSON object as openapi.json describes it.")
    return respond(422, code, f"{field}: {first['msg']}.", field)


def _failed(error: Exception) -> HttpResponse:
    """A fault of ours. The log gets the places, never the message: it may hold what was sent."""
    places = [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(error.__traceback__)]
    log.error("%s in the API, at %s", type(error).__name__, " < ".join(reversed(places)))
    return respond(500, "internal", "This failed here. Send it again, a report with the same once_key.")
