"""The calls of the reporting service, one method each: what is asked, what is refused, what is answered.

`server` calls `Protocol.answer` with a `Call` and knows nothing of reports. Where the documentation leaves open which
code is answered, the nearest published one is: a second `fileinfo` of a file gives 4000, a refused `finish` 4100.
"""

import base64
import binascii
import hmac
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from safehold.cybertip.simulator import answers, checks, xsd
from safehold.cybertip.simulator.faults import Fault
from safehold.cybertip.simulator.grammar import PUBLISHED, Grammar
from safehold.cybertip.simulator.kept import Kept
from safehold.cybertip.simulator.multipart import BadForm, Form
from safehold.cybertip.simulator.store import Store

Receive = Callable[[], Awaitable[dict[str, Any]]]
Headers = list[tuple[bytes, bytes]]

BASE = "/ispws"
DOCUMENT_LIMIT = 64 * 1024 * 1024  # bytes; none is documented, and the simulator holds a document in memory
FORM_LIMIT = 64 * 1024  # bytes of a form without a file
SAID_LIMIT = 900  # characters of a description
XML = (b"content-type", b"application/xml;charset=UTF-8")
CHALLENGE = (b"www-authenticate", b'Basic realm="ispws", charset="UTF-8"')


class Refused(Exception):
    """A call that is answered with a code."""

    def __init__(self, code: int, description: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.description = description or answers.CODES[code]


class Dropped(Exception):
    """The connection is to be cut without an answer, or the client went away."""


class Answer(NamedTuple):
    """What is sent back."""

    http: int
    body: bytes
    headers: Headers


class Call:
    """One request: what is needed to answer it, and what is noted of it (`report`, `code`, `said`)."""

    def __init__(self, scope: dict[str, Any], receive: Receive, fault: Fault | None = None) -> None:
        self.scope, self.receive, self.fault = scope, receive, fault
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self.endpoint = scope["path"].removeprefix(BASE).strip("/")
        self.report: int | None = None
        self.code: int | None = None
        self.said = ""

    def suffers(self, kind: str) -> bool:
        """Whether this call has a fault of that kind."""
        return self.fault is not None and self.fault.kind == kind

    def login(self) -> bytes:
        """User name and password of HTTP Basic, as `name:password`; empty where there are none."""
        scheme, _space, token = self.headers.get("authorization", "").partition(" ")
        try:
            return base64.b64decode(token.strip(), validate=True) if scheme.lower() == "basic" else b""
        except (binascii.Error, ValueError):
            return b""

    async def body(self, limit: int = DOCUMENT_LIMIT) -> bytes:
        """The whole body, within the limit. Raises Refused."""
        found = bytearray()
        async for chunk in self.chunks():
            found += chunk
            if len(found) > limit:
                raise Refused(4000, "The request is too long.")
        return bytes(found)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises Dropped where the client went away, or a fault says so."""
        cut_at = self.fault.bytes if self.fault is not None and self.suffers("drop_during") else None
        arrived = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Dropped
            chunk = message.get("body", b"")
            arrived += len(chunk)
            last = not message.get("more_body")
            if cut_at is not None and (last or arrived >= cut_at):
                raise Dropped
            yield chunk
            if last:
                return

    async def form(self, write: Callable[[bytes], None] = lambda _chunk: None) -> Form:
        """A multipart form, read as a stream; its file goes to `write`. Raises Refused."""
        code, limit = (4200, None) if self.endpoint == "upload" else (4000, FORM_LIMIT)
        try:
            form, arrived = Form(self.headers.get("content-type", ""), write), 0
            async for chunk in self.chunks():
                arrived += len(chunk)
                if limit is not None and arrived > limit:
                    raise Refused(code, "The form is too long.")
                form.feed(chunk)
            form.close()
        except BadForm as error:
            raise Refused(code, str(error)) from None
        return form

    async def document(self, root: str, now: datetime, grammar: Grammar) -> tuple[Any, bytes]:
        """An XML document that passes the checks. Raises Refused."""
        kind, _semicolon, more = self.headers.get("content-type", "").lower().partition(";")
        if kind.strip() not in ("text/xml", "application/xml") or not re.search(r'charset="?utf-8"?\s*(;|$)', more):
            raise Refused(4000, "Content-Type must be text/xml; charset=utf-8.")
        body = await self.body()
        try:
            node = checks.parse(body)
        except ValueError as error:
            raise Refused(4110, str(error)) from None
        if wrong := checks.problems(node, root, now, grammar):
            raise Refused(4100, told(wrong))
        return node, body


def told(wrong: list[str]) -> str:
    """What is wrong, within the length of a description."""
    for shown in range(len(wrong), 0, -1):
        rest = f" And {len(wrong) - shown} more." if shown < len(wrong) else ""
        text = " ".join(wrong[:shown]) + rest
        if len(text) <= SAID_LIMIT:
            return text
    return wrong[0][: SAID_LIMIT - 1] + "…"


class Protocol:
    """The service behind one login."""

    def __init__(
        self, store: Store, username: str, password: str, *, kept: Kept | None = None, grammar: Grammar = PUBLISHED
    ) -> None:
        self.store, self.kept, self.grammar = store, kept or Kept(None), grammar
        self._user, self._login = username, f"{username}:{password}".encode()
        self._works: dict[tuple[str, str], Callable[[Call], Awaitable[bytes]]] = {
            ("GET", "status"): self._status,
            ("GET", "xsd"): self._xsd,
            ("POST", "submit"): self._submit,
            ("POST", "upload"): self._upload,
            ("POST", "fileinfo"): self._fileinfo,
            ("POST", "finish"): self._finish,
            ("POST", "retract"): self._retract,
        }

    def knows(self, call: Call) -> bool:
        """Whether the call brings the right login."""
        return hmac.compare_digest(call.login(), self._login)

    async def answer(self, call: Call) -> Answer:
        """Authenticate, do the work, answer. Raises Dropped."""
        self.expire()
        if not self.knows(call):
            return self._refuse(call, Refused(2000), CHALLENGE)
        work = self._works.get((call.scope["method"], call.endpoint))
        if work is None:
            allowed = [method for method, name in self._works if name == call.endpoint]
            if not allowed:
                return self._refuse(call, Refused(1210))
            refusal = self._refuse(call, Refused(4000, f"Only {allowed[0]} is taken here."))
            return Answer(405, refusal.body, [*refusal.headers, (b"allow", allowed[0].encode())])
        try:
            body = await work(call)
        except Refused as refusal:
            return self._refuse(call, refusal)
        call.code = 0
        return Answer(200, body, [XML])

    def expire(self) -> None:
        """Delete what has expired by now."""
        self.kept.forget(self.store.expire())

    def _refuse(self, call: Call, refusal: Refused, *headers: tuple[bytes, bytes]) -> Answer:
        call.code, call.said = refusal.code, refusal.description
        http = 200 if call.suffers("as_200") else answers.http_of(refusal.code)
        return Answer(http, answers.response(refusal.code, refusal.description), [XML, *headers])

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.store.now(), UTC)

    async def _status(self, call: Call) -> bytes:
        return answers.response(0, f"Remote User : {self._user}, Remote Ip : {call.scope['client'][0]}")

    async def _xsd(self, _call: Call) -> bytes:
        return xsd.schema(self.grammar)

    async def _submit(self, call: Call) -> bytes:
        root, body = await call.document("report", self._now(), self.grammar)
        call.report = self.store.open(
            body,
            batched=root.find("batchedReport") is not None,
            escalated=root.find("incidentSummary/escalateToHighPriority") is not None,
        )
        return answers.response(0, reportId=call.report)

    async def _upload(self, call: Call) -> bytes:
        incoming = self.kept.begin()
        try:
            form = await call.form(incoming.write)
            if form.order[:2] != ["id", "file"] or len(form.order) > 2 or not form.has_file or "id" not in form.fields:
                raise Refused(4200, "The form must hold the field id, then the file with its name, and no more.")
            report = self._open_report(call, form.fields["id"])
            name = self.store.add_file(report, form.size, form.md5)
            incoming.settle(name)
        except OSError as error:
            raise Refused(1111, f"The file cannot be written here: {error.strerror}.") from None
        finally:
            incoming.discard()
        md5 = "0" * 32 if call.suffers("bad_md5") else form.md5
        return answers.response(0, reportId=report, fileId=name, hash=md5)

    async def _fileinfo(self, call: Call) -> bytes:
        root, body = await call.document("fileDetails", self._now(), self.grammar)
        report = self._open_report(call, root.findtext("reportId"))
        row = self.store.file(report, (root.findtext("fileId") or "").strip())
        if row is None:
            raise Refused(5002)
        if row["described"] is not None:
            raise Refused(4000, "The details of this file were submitted already.")
        opened = self.store.report(report)
        if opened is not None and opened["batched"] and (wrong := checks.batch_file(root)):
            raise Refused(4100, told(wrong))
        self.store.describe(report, row["id"], body)
        return answers.response(0, reportId=report)

    async def _finish(self, call: Call) -> bytes:
        report = self._open_report(call, await self._id(call))
        files = [row["id"] for row in self.store.files(report)]
        opened = self.store.report(report)
        if opened is not None and opened["batched"] and len(files) > 1:
            raise Refused(4100, "A batched report may hold one file. Retract it and open another.")
        self.store.end(report, "finished")
        return answers.done(report, files)

    async def _retract(self, call: Call) -> bytes:
        report = self._open_report(call, await self._id(call))
        self.store.end(report, "retracted")
        self.kept.forget(row["id"] for row in self.store.files(report))
        return answers.response(0, reportId=report)

    async def _id(self, call: Call) -> str:
        """The form field `id`, in either kind of form."""
        if call.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
            given = parse_qs((await call.body(FORM_LIMIT)).decode("latin-1"), max_num_fields=20).get("id", [])
            return given[0] if len(given) == 1 else ""
        return (await call.form()).fields.get("id", "")

    def _open_report(self, call: Call, number: str | None) -> int:
        """The number of a report that is open. Raises Refused 4000, 5001, 5101 or 5102."""
        text = (number or "").strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise Refused(4000, "The report's id is missing or no number.")
        row = self.store.report(int(text))
        if row is None or row["state"] == "expired":
            raise Refused(5001)
        call.report = int(text)
        if row["state"] != "open":
            raise Refused(5102 if row["state"] == "finished" else 5101)
        return call.report
