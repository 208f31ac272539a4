"""Requests, answers and routes: as little of a web framework as Microblog needs."""

import html
import json
import logging
import re
import sqlite3
from collections.abc import Callable, Iterable
from email import policy
from email.parser import BytesParser
from http import HTTPStatus
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

log = logging.getLogger("microblog")

LARGEST_BODY = 8 * 1024 * 1024

POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Refused(Exception):
    """A request that is not granted: a status, a code for programs, a sentence for people."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.more = status, code, message, more


class Request:
    """What came. `headers` has lower-case names, `ip` is the peer's address."""

    def __init__(self, environ: Environ) -> None:
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ["PATH_INFO"]
        self.query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        self.headers = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
        self.media_type: str = environ.get("CONTENT_TYPE", "")
        self.ip: str = environ.get("REMOTE_ADDR", "")
        self.cookies = {name: morsel.value for name, morsel in SimpleCookie(self.headers.get("cookie", "")).items()}
        self.account: sqlite3.Row | None = None  # who is signed in; set by the routes that need it
        self.body: bytes = environ["wsgi.input"].read(LARGEST_BODY + 1)
        if len(self.body) > LARGEST_BODY:
            raise Refused(413, "too_large", "That is too large.")

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Refused(400, "not_json", "Send a JSON object.")
        return value

    def form(self) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
        """A form's fields, and its files as (name, content)."""
        if not self.media_type.startswith("multipart/form-data"):
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)), {}
        fields, files = {}, {}
        head = f"Content-Type: {self.media_type}\r\n\r\n".encode("latin-1")
        for part in BytesParser(policy=policy.HTTP).parsebytes(head + self.body).iter_parts():
            name = str(part.get_param("name", "", header="content-disposition"))
            content = part.get_payload(decode=True)
            if not isinstance(content, bytes):
                raise Refused(400, "bad_form", "That form cannot be read.")
            if part.get_filename() is None:
                fields[name] = content.decode("utf-8", "replace")
            elif content:
                files[name] = (str(part.get_filename()), content)
        return fields, files


class Response:
    """What goes back. Nothing of ours may be kept by caches: a hidden post must be out of reach at once."""

    def __init__(self, body: bytes | str, status: int = 200, media_type: str = "text/html; charset=utf-8") -> None:
        self.body = body.encode() if isinstance(body, str) else body
        self.status = status
        self.headers = [
            ("Content-Type", media_type),
            ("Content-Length", str(len(self.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "same-origin"),
            ("Content-Security-Policy", POLICY),
        ]

    def cookie(self, name: str, value: str, *, hidden: bool = True, age: int = 30 * 24 * 3600) -> "Response":
        """Set a cookie of this site alone; `hidden` keeps scripts from reading it."""
        hide = "; HttpOnly" if hidden else ""
        self.headers.append(("Set-Cookie", f"{name}={value}; Path=/; SameSite=Lax; Max-Age={age}{hide}"))
        return self


def as_json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, "application/json")


def redirect(path: str) -> Response:
    response = Response("", 303)
    response.headers.append(("Location", path))
    return response


Handler = Callable[..., Response]


class App:
    """The WSGI application: finds the route, and turns refusals into answers."""

    def __init__(self) -> None:
        self.routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self.page: Callable[[Request, str, str], str] | None = None  # how a refusal looks to a person

    def route(self, method: str, path: str, handler: Handler) -> None:
        """`path` may hold names in braces: `/posts/{post_id}`. The handler gets the request and those."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
        self.routes.append((method, re.compile(f"{pattern}$"), handler))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = None
        try:
            request = Request(environ)
            response = self._handle(request)
        except Refused as refusal:
            response = self._refuse(request, refusal)
        except Exception:
            log.exception("%s %s failed", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            response = as_json({"error": "failed", "message": "Something went wrong here."}, 500)
        status = HTTPStatus(response.status)
        start_response(f"{status.value} {status.phrase}", response.headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]

    def _handle(self, request: Request) -> Response:
        other_method = False
        for method, pattern, handler in self.routes:
            found = pattern.match(request.path)
            if found and method in (request.method, "GET" if request.method == "HEAD" else ""):
                return handler(request, **found.groupdict())
            other_method = other_method or bool(found)
        if other_method:
            raise Refused(405, "wrong_method", "That cannot be done here.")
        raise Refused(404, "not_found", "There is nothing here.")

    def _refuse(self, request: Request | None, refusal: Refused) -> Response:
        if request is None or self.page is None or request.path.startswith(("/api/", "/safehold/")):
            return as_json({"error": refusal.code, "message": refusal.message, **refusal.more}, refusal.status)
        body = f"<p>{html.escape(refusal.message)}</p>"
        return Response(self.page(request, "That did not work", body), refusal.status)
