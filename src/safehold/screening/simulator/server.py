"""The simulator's ASGI application: the protocol with its faults, its own page beside it, and orders to it.

`running` serves `Simulator`. Orders and the page answer to the names of this machine alone, and take nothing from
another site's page that a browser shows.

`POST /entries` takes a JSON object: `make` (so many entries of `pictures`, from number `first` on), `add` (entries as
`Store.put` takes them), `remove` (a list of `{"member", "id"}`); `at` gives all of them that time instead of now.
`DELETE /entries` forgets entries, feedback and calls.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from safehold.screening.simulator import page
from safehold.screening.simulator.faults import Fault, Faults
from safehold.screening.simulator.pictures import entry
from safehold.screening.simulator.protocol import BASE, Answer, Call, Protocol, Receive
from safehold.screening.simulator.store import KINDS, Store

Send = Callable[[dict[str, Any]], Awaitable[None]]

_JSON, _HTML = ((b"content-type", b"application/json"),), ((b"content-type", b"text/html; charset=utf-8"),)
_SECURITY = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
)
_HOSTS = ("127.0.0.1", "localhost", "::1")
_BLANKS = 20 * 1024 * 1024
_MOST = 100_000  # entries of one order


class Dropped(Exception):
    """The connection is cut without an answer."""


class Simulator:
    """The application. `cut` closes a client's connection at once."""

    def __init__(self, protocol: Protocol, store: Store, cut: Callable[[Any], None]) -> None:
        self.protocol, self.store, self.cut, self.faults = protocol, store, cut, Faults()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return
        call = Call(scope, receive)
        if call.path.startswith(BASE + "/"):
            await self._protocol(call, receive, send)
        else:
            await _send(send, await self._beside(call))

    async def _protocol(self, call: Call, receive: Receive, send: Send) -> None:
        """One call: its fault if one waits for it, its answer, and the note of it."""
        fault = self.faults.take(call.name)
        http: int | None = None
        try:
            answer = await self._before(fault, call) or self._after(fault, call, await self.protocol.answer(call))
            http = answer.http
            if fault is not None and fault.kind == "truncated":
                await _send(send, answer, part=len(answer.body) // 2)
                await asyncio.sleep(0.05)
                raise Dropped
            await _send(send, answer)
        except Dropped:
            self.cut(call.scope["client"])
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self.store.note(call.method, call.asked, http, "" if fault is None else fault.kind)

    async def _before(self, fault: Fault | None, call: Call) -> Answer | None:
        """The answer of a fault that comes before any work; None = go on. Raises Dropped."""
        match fault and fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds if fault else 0)
            case "drop":
                raise Dropped
            case "status":
                return Answer(fault.status if fault else 500)
            case "unauthorised":
                return Answer(401)
            case "next_expired" if call.name == "next":
                return Answer(404)
            case "redirect":
                return Answer(302, headers=((b"location", (fault.text if fault else "").encode()),))
            case "rate_limit":
                pause = (fault.text or str(int(fault.seconds))) if fault else ""
                return Answer(429, headers=((b"retry-after", pause.encode()),))
        return None

    def _after(self, fault: Fault | None, call: Call, answer: Answer) -> Answer:
        """The answer after the work, or what a fault makes of it. Raises Dropped."""
        if fault is None:
            return answer
        if fault.kind == "drop_after":
            raise Dropped
        if fault.kind == "changes" and call.first is not None:
            self.store.touch(*call.first)
        return answer._replace(body=_spoilt(answer.body, fault.kind, call.asked), headers=_headed(answer, fault.kind))

    async def _beside(self, call: Call) -> Answer:
        """Any address that is not the protocol's."""
        if refused := _from_elsewhere(call):
            return refused
        try:
            match call.method, call.path:
                case "GET", "/":
                    shown = page.index(self.store.standing(), self.faults.listed())
                    return Answer(200, shown.encode(), _HTML + _SECURITY)
                case "GET", "/received.json":
                    return _told(200, self.store.standing())
                case "POST", "/entries":
                    return _told(200, self._order(json.loads(await call.body())))
                case "DELETE", "/entries":
                    self.store.forget()
                    return _told(200, {})
                case "POST", "/faults":
                    self.store.move_clock(self.faults.take_in(json.loads(await call.body())))
                    return _told(200, self.faults.listed())
                case "GET", "/faults":
                    return _told(200, self.faults.listed())
                case "DELETE", "/faults":
                    self.faults.waiting.clear()
                    return _told(200, [])
        except (ValueError, TypeError, KeyError) as problem:
            return _told(400, {"problem": str(problem)})
        return _told(404, {"problem": f"Not found. The protocol is under {BASE}/v2, what was received at /."})

    def _order(self, given: Any) -> dict[str, int]:
        """Add, change and remove entries. Raises ValueError."""
        if not isinstance(given, dict) or set(given) - {"make", "first", "add", "remove", "at"}:
            raise ValueError("An order is an object of make, first, add, remove and at.")
        at = given.get("at")
        make, first = given.get("make", 0), given.get("first", 0)
        if type(make) is not int or type(first) is not int or not 0 <= make <= _MOST:
            raise ValueError(f"make and first are whole numbers, make at most {_MOST}.")
        entries = [*map(entry, range(first, first + make)), *given.get("add", [])]
        for one in entries:
            if not {"member", "id", "kind"} <= set(one) or one["kind"] not in KINDS:
                raise ValueError("An entry has a member, an id and a kind (image or video).")
        self.store.put([{"at": at, **one} for one in entries])
        removed = sum(self.store.remove(one["member"], one["id"], at) for one in given.get("remove", []))
        return {"put": len(entries), "removed": removed}


def _from_elsewhere(call: Call) -> Answer | None:
    """The answer to who asks by another name, or gives orders from another site's page."""
    site, origin = call.headers.get("sec-fetch-site", "none"), call.headers.get("origin")
    here = origin is None or urlsplit(origin).netloc == call.headers.get("host")
    if urlsplit("//" + call.headers.get("host", "")).hostname not in _HOSTS:
        return _told(421, {"problem": "The simulator answers to 127.0.0.1 and localhost alone."})
    if call.method != "GET" and (not here or site not in ("none", "same-origin")):
        return _told(403, {"problem": "Orders are not taken from another site's page."})
    return None


def _spoilt(body: bytes, kind: str, asked: str) -> bytes:
    """A document with one thing wrong, or as it is where the fault lies elsewhere."""
    match kind:
        case "half":
            return body[: len(body) // 2]
        case "broken":
            return b"<queryResult><images></queryResult>"
        case "empty":
            return b""
        case "long":
            return body + b" " * _BLANKS
        case "same_next":
            here = asked.removeprefix(BASE).replace("&", "&amp;").encode()
            return re.sub(rb"next>[^<]+<", lambda _found: b"next>" + here + b"<", body, count=1)
        case "count_off":
            more = re.search(rb'count="([0-9]+)"', body)
            return body if more is None else body.replace(more[0], b'count="%d"' % (int(more[1]) + 1), 1)
    before, after = _REPLACED.get(kind, (b"", b""))
    return body.replace(before, after, 2) if before else body


# What some faults put in the place of what.
_REPLACED = {
    "doctype": (b"?>\n", b'?>\n<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'),
    "bad_bytes": (b"?>\n", b"?>\n<!-- \xe9 -->"),
    "other_root": (b"queryResult", b"queryResults"),
    "foreign_next": (b"next>/v2", b"next>https://collector.example/v2"),
}


def _headed(answer: Answer, kind: str) -> tuple[tuple[bytes, bytes], ...]:
    if kind == "wrong_charset":
        return tuple((name, value.replace(b"UTF-8", b"ISO-8859-1")) for name, value in answer.headers)
    return (*answer.headers, (b"content-encoding", b"gzip")) if kind == "compressed" else answer.headers


def _told(http: int, what: Any) -> Answer:
    return Answer(http, json.dumps(what).encode(), _JSON + _SECURITY)


async def _send(send: Send, answer: Answer, *, part: int | None = None) -> None:
    """An answer's head with the length of its whole body, and the body or a part of it."""
    length = (b"content-length", str(len(answer.body)).encode())
    await send({"type": "http.response.start", "status": answer.http, "headers": [*answer.headers, length]})
    await send({"type": "http.response.body", "body": answer.body[:part], "more_body": part is not None})
