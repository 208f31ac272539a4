"""The protocol under `/hashsharing/v2`: what is asked, what is answered. `server` puts faults before and after it."""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote

from safehold.screening.simulator.documents import REASONS, BadFeedback, Writer, path_type, read_feedback
from safehold.screening.simulator.pictures import MEMBERS
from safehold.screening.simulator.store import Store

BASE = "/hashsharing"
NEXT_LIFE = 12 * 3600  # seconds
BODY_LIMIT = 1024 * 1024  # bytes of a request
XML = "application/xml; charset=UTF-8"
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{3})?Z")
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Answer(NamedTuple):
    """Status, body, and headers beside the length."""

    http: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", XML.encode()),)


class Call:
    """One request."""

    def __init__(self, scope: dict[str, Any], receive: Receive) -> None:
        self.scope, self._receive = scope, receive
        self.method = str(scope["method"])
        self.path = str(scope["raw_path"].decode("ascii", "replace"))
        self.headers = {key.decode().lower(): value.decode("latin-1") for key, value in scope["headers"]}
        query = scope["query_string"].decode("ascii", "replace")
        self.query = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        self.asked = self.path + (f"?{query}" if query else "")
        self.first: tuple[str, str] | None = None  # of a page that was answered: its first record

    @property
    def name(self) -> str:
        """Which of the calls it is, as faults name them."""
        match self.path.removeprefix(BASE + "/v2/").split("/"):
            case ["entries"]:
                return "next" if "start" in self.query else "entries"
            case ["feedback", _kind, "reasons"]:
                return "reasons"
            case ["entries", _name, "fingerprints", _kind]:
                return "fingerprints"
            case ["entries", _member, _name, _kind, "feedback"]:
                return "feedback"
            case [one] if one in ("status", "members", "categorizations"):
                return one
        return ""

    async def body(self) -> bytes:
        """The body; what is longer than it may be is cut, and then is no document."""
        raw = bytearray()
        while True:
            message = await self._receive()
            raw += message.get("body", b"")
            if message["type"] == "http.disconnect" or not message.get("more_body", False) or len(raw) > BODY_LIMIT:
                return bytes(raw[:BODY_LIMIT])


class Protocol:
    """Answers calls from the store."""

    def __init__(self, store: Store, username: str, password: str, *, page_size: int, form: str) -> None:
        self.store, self.page_size, self.write = store, page_size, Writer(form)
        self._login, self._username = f"{username}:{password}".encode(), username
        self._given: dict[str, float] = {}  # each `next` and when it was given

    def knows(self, call: Call) -> bool:
        """Whether the call carries the client's login."""
        scheme, _space, given = call.headers.get("authorization", "").partition(" ")
        try:
            login = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(login, self._login)

    async def answer(self, call: Call) -> Answer:
        """The answer to a call of the protocol."""
        if not self.knows(call):
            return Answer(401, headers=((b"www-authenticate", b'Basic realm="hash sharing"'),))
        parts = [unquote(one) for one in call.path.removeprefix(BASE + "/v2/").split("/")]
        match call.method, call.name:
            case "GET", "status":
                return Answer(200, self.write.status(self._username, "127.0.0.1"))
            case "GET", "members":
                return Answer(200, self.write.members(MEMBERS))
            case "GET", "entries" | "next":
                return self._entries(call)
            case "GET", "reasons" if parts[1] in REASONS:
                return Answer(200, self.write.reasons(parts[1]))
            case "GET", "categorizations":
                return Answer(200, self.write.categorizations())
            case "GET", "fingerprints" if parts[3] in REASONS:
                return Answer(200, f"{parts[1]} {parts[3]}".encode(), ((b"content-type", b"application/octet-stream"),))
            case "PUT", "feedback":
                return await self._feedback(call, parts[1], parts[2], parts[3])
            case _, "":
                return Answer(404)
        return Answer(405 if call.method not in ("GET", "PUT") else 404)

    def _entries(self, call: Call) -> Answer:
        since, until = _time(call.query.get("from", "")), _time(call.query.get("to", ""))
        numbers = [call.query.get(name, str(least)) for name, least in (("start", 1), ("size", self.page_size))]
        if not all(re.fullmatch("[1-9][0-9]{0,8}", one) for one in numbers):
            return Answer(400)
        if since is None or until is None or since > until:
            return Answer(400)
        given = self._given.get(call.asked)
        if given is not None and self.store.now() - given > NEXT_LIFE:
            return Answer(404)
        start, size = int(numbers[0]), min(int(numbers[1]), self.page_size)
        rows, total = self.store.page(since, until, start, size), self.store.count(since, until)
        following = ""
        if start + len(rows) <= total and rows:
            ends = f"from={quote(call.query['from'], safe='')}&to={quote(call.query['to'], safe='')}"
            following = f"/v2/entries?{ends}&start={start + len(rows)}&size={size}&max={total}"
            self._given[BASE + following] = self.store.now()
        told: dict[Any, list[Any]] = {}
        for one in self.store.feedback():
            told.setdefault((one["member"], one["id"]), []).append(one)
        call.first = (rows[0]["member"], rows[0]["id"]) if rows else None
        return Answer(200, self.write.page(rows, MEMBERS, following, told))

    async def _feedback(self, call: Call, member: str, name: str, kind: str) -> Answer:
        raw = await call.body()
        if call.headers.get("content-type", "").replace(" ", "").lower() != "application/xml;charset=utf-8":
            return Answer(415)
        row = self.store.entry(member, name)
        if row is None:
            return Answer(404)
        if kind not in REASONS or kind not in map(path_type, _keys(row)):
            return Answer(400)
        try:
            affirmative, reasons = read_feedback(raw, kind)
        except BadFeedback:
            return Answer(400)
        self.store.keep_feedback(member, name, kind, affirmative=affirmative, reasons=reasons, document=raw)
        return Answer(200, self.write.taken())


def _keys(row: Any) -> list[str]:
    return list(json.loads(row["fingerprints"]))


def _time(text: str) -> float | None:
    """Seconds since 1970 of a time in UTC; None for what is none, such as a local one."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
