"""The simulator's ASGI application: the protocol under `/ispws`, and its own pages beside it.

Where the documentation leaves open which code is answered, the nearest published one is used:
a second `fileinfo` of a file gives 4000, a refused `finish` HTTP 400 with 4100.
"""

import asyncio
import base64
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from safehold.cybertip.simulator import checks, page
from safehold.cybertip.simulator.faults import BEFORE, Faults
from safehold.cybertip.simulator.multipart import BadForm, Form
from safehold.cybertip.simulator.store import Store

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

BASE = "/ispws"
DOCUMENT_LIMIT = 64 * 1024 * 1024
_DESCRIPTIONS = {
    0: "Success",
    1000: "Server error",
    1210: "Resource not found",
    2000: "Authentication required",
    4000: "Invalid request",
    4100: "Validation failed",
    4110: "Malformed XML submittal",
    4200: "Malformed file submittal",
    5001: "Report does not exist",
    5002: "File does not exist",
    5101: "Report already retracted",
    5102: "Report already finished",
}


class Refused(Exception):
    """A call that is answered with a code."""

    def __init__(self, code: int, description: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.description = description or _DESCRIPTIONS.get(code, "Refused")


class Dropped(Exception):
    """The connection is to be cut without an answer."""


class Call:
    """One request to the protocol: what is needed to answer it, and to note it."""

    def __init__(self, scope: dict[str, Any], receive: Receive, fault: dict[str, Any] | None) -> None:
        self.scope, self.receive, self.fault = scope, receive, fault
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self.endpoint = scope["path"].removeprefix(BASE).strip("/")
        self.report: int | None = None
        self.code: int | None = None

    def suffers(self, kind: str) -> bool:
        """Whether this call has a fault of that kind."""
        return self.fault is not None and self.fault["kind"] == kind

    async def body(self) -> bytes:
        """The whole body, within the limit."""
        found = bytearray()
        async for chunk in self.chunks():
            found += chunk
            if len(found) > DOCUMENT_LIMIT:
                raise Refused(4000, "The document is too long.")
        return bytes(found)

    async def chunks(self) -> Any:
        """The body as it arrives. Raises Dropped where the client went away."""
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Dropped
            yield message.get("body", b"")
            if not message.get("more_body"):
                return

    async def form(self) -> Form:
        """A multipart form, read as a stream. Raises Refused."""
        try:
            form = Form(self.headers.get("content-type", ""))
            async for chunk in self.chunks():
                form.feed(chunk)
            form.close()
        except BadForm as error:
            raise Refused(4200 if self.endpoint == "upload" else 4000, str(error)) from None
        return form

    async def document(self, root: str, now: datetime) -> tuple[Any, bytes]:
        """An XML document that passes the checks. Raises Refused."""
        if self.headers.get("content-type", "").split(";")[0].strip() not in ("text/xml", "application/xml"):
            raise Refused(4000, "Content-Type must be text/xml.")
        body = await self.body()
        try:
            node = checks.parse(body)
        except ValueError as error:
            raise Refused(4110, str(error)) from None
        wrong = checks.problems(node, root, now)
        if wrong:
            raise Refused(4100, " ".join(wrong)[:900])
        return node, body


class Simulator:
    """The application. `cut` closes a client's connection without an answer."""

    def __init__(self, store: Store, username: str, password: str, cut: Callable[[Any], None]) -> None:
        self.store, self.cut, self.faults = store, cut, Faults()
        login = base64.b64encode(f"{username}:{password}".encode())
        self._login = b"Basic " + login
        self._user = username

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return
        if scope["path"].startswith(BASE + "/"):
            await self._protocol(scope, receive, send)
        else:
            await self._beside(scope, receive, send)

    async def _protocol(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        endpoint = scope["path"].removeprefix(BASE).strip("/")
        fault = self.faults.take(endpoint)
        call = Call(scope, receive, fault)
        request_id = secrets.token_hex(8)
        http: int | None = None
        try:
            early = await self._before(call)
            http, body, headers = early or await self._answer(call)
            await self._reply(call, send, http, body, [*headers, (b"request-id", request_id.encode())])
        except Dropped:
            self.cut(scope["client"])
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            kind = "" if fault is None else fault["kind"]
            self.store.note(endpoint, call.report, http, call.code, request_id, kind)

    async def _before(self, call: Call) -> tuple[int, bytes, list[tuple[bytes, bytes]]] | None:
        """A fault that comes before any work; None = go on."""
        fault = call.fault
        if fault is None or fault["kind"] not in BEFORE:
            return None
        if fault["kind"] == "delay":
            await asyncio.sleep(float(fault["seconds"]))
            return None
        async for _chunk in call.chunks():
            pass
        if fault["kind"] == "drop_before":
            raise Dropped
        if fault["kind"] == "rate_limit":
            return 429, b"", [(b"retry-after", str(int(fault["seconds"])).encode())]
        if fault["kind"] == "unauthorised":
            return 401, b"", []
        if fault["kind"] == "status":
            return int(fault["status"]), b"", []
        call.code = int(fault["code"])
        description = _DESCRIPTIONS.get(call.code, "As requested")
        return _http(call.code), _response("reportResponse", call.code, description), [_XML]

    async def _answer(self, call: Call) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
        """Authenticate, do the work, answer."""
        given = call.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, self._login):
            call.code = 2000
            return 401, _response("reportResponse", 2000, _DESCRIPTIONS[2000]), [_XML, _CHALLENGE]
        works = {
            ("GET", "status"): self._status,
            ("GET", "xsd"): self._xsd,
            ("POST", "submit"): self._submit,
            ("POST", "upload"): self._upload,
            ("POST", "fileinfo"): self._fileinfo,
            ("POST", "finish"): self._finish,
            ("POST", "retract"): self._retract,
        }
        work = works.get((call.scope["method"], call.endpoint))
        if work is None:
            known = call.endpoint in {name for _method, name in works}
            return (405 if known else 404), b"", []
        try:
            body = await work(call)
            call.code = 0
        except Refused as refusal:
            call.code = refusal.code
            body = _response("reportResponse", refusal.code, refusal.description)
        return (200 if call.suffers("as_200") else _http(call.code)), body, [_XML]

    async def _reply(self, call: Call, send: Send, http: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        """Send the answer, spoilt where a fault says so."""
        if call.suffers("drop_after"):
            raise Dropped
        if call.suffers("status_after"):
            http, body = int(call.fault["status"] if call.fault else 503), b""
        if call.suffers("half_xml"):
            body = body[: len(body) // 2]
        if call.suffers("doctype"):
            body = body.replace(b"?>", b'?><!DOCTYPE x [<!ENTITY e "e">]>', 1)
        if call.suffers("too_long"):
            body += b" " * (2 * 1024 * 1024)
        if call.suffers("other_root"):
            body = body.replace(b"reportDoneResponse", b"reportResponse")
        if call.suffers("wrong_charset"):
            headers = [(name, value.replace(b"UTF-8", b"ISO-8859-1")) for name, value in headers]
        if call.suffers("compressed"):
            headers = [*headers, (b"content-encoding", b"gzip")]
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": http, "headers": [*headers, length]})
        if call.suffers("truncated"):
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await asyncio.sleep(0.05)
            raise Dropped
        await send({"type": "http.response.body", "body": body})

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.store.now(), UTC)

    async def _status(self, call: Call) -> bytes:
        client = call.scope["client"][0]
        return _response("reportResponse", 0, f"Remote User : {self._user}, Remote Ip : {client}")

    async def _xsd(self, _call: Call) -> bytes:
        raise Refused(1210, "The schema is NCMEC's and is not published here; ask for it with your own login.")

    async def _submit(self, call: Call) -> bytes:
        root, body = await call.document("report", self._now())
        call.report = self.store.open(body, batched=root.find("batchedReport") is not None)
        return _response("reportResponse", 0, "Success", reportId=call.report)

    async def _upload(self, call: Call) -> bytes:
        form = await call.form()
        if form.order[:2] != ["id", "file"] or not form.has_file:
            raise Refused(4200, "The form must hold id, then file.")
        report = self._open_report(call, form.fields["id"])
        md5 = form.md5
        name = self.store.add_file(report, form.size, md5)
        if call.suffers("bad_md5"):
            md5 = "0" * 32
        return _response("reportResponse", 0, "Success", reportId=report, fileId=name, hash=md5)

    async def _fileinfo(self, call: Call) -> bytes:
        root, body = await call.document("fileDetails", self._now())
        report = self._open_report(call, root.findtext("reportId"))
        row = self.store.file(report, (root.findtext("fileId") or "").strip())
        if row is None:
            raise Refused(5002)
        if row["described"] is not None:
            raise Refused(4000, "The details of this file were submitted already.")
        kept = self.store.report(report)
        if kept is not None and kept["batched"] and (wrong := checks.batch_file(root)):
            raise Refused(4100, " ".join(wrong))
        self.store.describe(report, row["id"], body)
        return _response("reportResponse", 0, "Success", reportId=report)

    async def _finish(self, call: Call) -> bytes:
        report = self._open_report(call, await self._id(call))
        files = self.store.files(report)
        kept = self.store.report(report)
        if kept is not None and kept["batched"] and len(files) > 1:
            raise Refused(4100, "A batched report may hold one file.")
        self.store.end(report, "finished")
        listed = "".join(f"<fileId>{file['id']}</fileId>" for file in files)
        return _response("reportDoneResponse", 0, None, reportId=report, files=f"<files>{listed}</files>")

    async def _retract(self, call: Call) -> bytes:
        report = self._open_report(call, await self._id(call))
        self.store.end(report, "retracted")
        return _response("reportResponse", 0, "Success", reportId=report)

    async def _id(self, call: Call) -> str:
        """The form field `id`, in either kind of form."""
        if call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return parse_qs((await call.body()).decode("latin-1")).get("id", [""])[0]
        return (await call.form()).fields.get("id", "")

    def _open_report(self, call: Call, number: str | None) -> int:
        """The number of a report that is open. Raises Refused 4000, 5001, 5101 or 5102."""
        text = (number or "").strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise Refused(4000, "The report's id is missing or no number.")
        call.report = int(text)
        row = self.store.report(call.report)
        if row is None:
            raise Refused(5001)
        if row["state"] != "open":
            raise Refused(5102 if row["state"] == "finished" else 5101)
        return call.report

    async def _beside(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """The simulator's own pages."""
        status, kind, body = 404, "text/plain; charset=utf-8", b"Not found. The protocol is under /ispws."
        where = (scope["method"], scope["path"])
        if where == ("GET", "/"):
            status, kind, body = 200, "text/html; charset=utf-8", page.html(self.store.received()).encode()
        elif where == ("GET", "/received.json"):
            status, kind, body = 200, "application/json", json.dumps(self.store.received()).encode()
        elif scope["path"] == "/faults":
            status, kind, body = await self._faults(scope, receive)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), *page.SECURITY]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _faults(self, scope: dict[str, Any], receive: Receive) -> tuple[int, str, bytes]:
        if scope["method"] == "POST":
            try:
                self.store.move_clock(self.faults.add(await Call(scope, receive, None).body()))
            except (ValueError, TypeError) as error:
                return 400, "text/plain; charset=utf-8", str(error).encode()
        elif scope["method"] == "DELETE":
            self.faults.waiting.clear()
        return 200, "application/json", json.dumps(self.faults.waiting).encode()


_XML = (b"content-type", b"application/xml;charset=UTF-8")
_CHALLENGE = (b"www-authenticate", b'Basic realm="ispws"')


def _http(code: int) -> int:
    """The HTTP status that goes with a body code."""
    if code in (0, 1210):
        return 404 if code else 200
    return {1: 500, 2: 401, 3: 403}.get(code // 1000, 400)


def _response(root: str, code: int, description: str | None, files: str = "", **fields: object) -> bytes:
    """One of the two documented responses. `files` is markup of our own."""
    parts = [f"<responseCode>{code}</responseCode>"]
    if description is not None:
        parts.append(f"<responseDescription>{escape(description)}</responseDescription>")
    parts += [f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items()]
    return f'<?xml version="1.0" encoding="UTF-8"?><{root}>{"".join(parts)}{files}</{root}>'.encode()
