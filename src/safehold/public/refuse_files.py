"""No form or API for reporters takes a file (S55, S56): refuse it before the body is read."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class RefuseFiles:
    """Middleware, first in line: 415 for multipart bodies, whoever sends them. Nothing here takes a file."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.META.get("CONTENT_TYPE", "").lower().startswith("multipart/"):
            response = HttpResponse(
                "Files are not accepted here. Send the links and names alone; never copy or attach the material.\n",
                status=415,
                content_type="text/plain; charset=utf-8",
            )
            response["Connection"] = "close"  # the rest of the body is never read
            return response
        return self.get_response(request)
