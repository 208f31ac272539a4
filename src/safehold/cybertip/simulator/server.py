"""The simulator's ASGI application: the protocol under `/ispws` with its faults, and its own pages beside it.

`running` serves `Simulator`; tests call it in process.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from safehold.cybertip.simulator import answers
from safehold.cybertip.simulator.beside import Beside
from safehold.cybertip.simulator.faults import BEFORE, Faults
from safehold.cybertip.simulator.grammar import PUBLISHED, Grammar
from safehold.cybertip.simulator.kept import Kept
from safehold.cybertip.simulator.protocol import BASE, XML, Answer, Call, Dropped, Protocol, Receive
from safehold.cybertip.simulator.store import Store

Send = Callable[[dict[str, Any]], Awaitable[None]]
Sleep = Callable[[float], Awaitable[Any]]

_TOO_LONG = 2 * 1024 * 1024  # bytes added to an answer
_DRIPS = 20  # pieces of an answer that drips


class Simulator:
    """The application. `cut` closes a client's connection without an answer; `sleep` waits seconds."""

    def __init__(
        self,
        store: Store,
        username: str,
        password: str,
        cut: Callable[[Any], None],
        *,
        kept: Kept | None = None,
        grammar: Grammar = PUBLISHED,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.store, self.cut, self.faults, self.sleep = store, cut, Faults(), sleep
        self.protocol = Protocol(store, username, password, kept=kept, grammar=grammar)
        self.beside = Beside(self.protocol, self.faults)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return
        if f"{scope['path']}/".startswith(BASE + "/"):
            await self._protocol(scope, receive, send)
        else:
            await _send(send, await self.beside.answer(Call(scope, receive)))

    async def _protocol(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One call: its fault if one waits for it, its answer, and the note of it."""
        request_id = secrets.token_hex(8)
        call = Call(scope, receive)
        fault = call.fault = self.faults.take(call.endpoint)
        http: int | None = None
        try:
            answer = await self._before(call) or await self.protocol.answer(call)
            http, body, headers = self._after(call, answer)
            await self._reply(call, send, Answer(http, body, [*headers, (b"request-id", request_id.encode())]))
        except Dropped:
            self.cut(scope["client"])
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            noted = {"endpoint": call.endpoint, "report": call.report, "http": http, "code": call.code}
            kind = "" if fault is None else fault.kind
            self.store.note({**noted, "request_id": request_id, "fault": kind, "said": call.said})

    async def _before(self, call: Call) -> Answer | None:
        """The answer of a fault that comes before any work; None = go on."""
        fault = call.fault
        if fault is None or fault.kind not in BEFORE:
            return None
        if fault.kind == "delay":
            await self.sleep(fault.seconds)
            return None
        async for _chunk in call.chunks():
            pass
        if fault.kind == "drop_before":
            raise Dropped
        if fault.kind == "rate_limit":
            return Answer(429, b"", [(b"retry-after", str(int(fault.seconds)).encode())])
        if fault.kind == "unauthorised":
            return Answer(401, b"", [])
        if fault.kind == "status":
            return Answer(fault.status, b"", [])
        call.code = fault.code
        return Answer(answers.http_of(fault.code), answers.response(fault.code), [XML])

    def _after(self, call: Call, answer: Answer) -> Answer:
        """The answer after the work, or what a fault puts in its place. Raises Dropped."""
        fault = call.fault
        if fault is None or fault.kind in BEFORE:
            return answer
        if fault.kind == "drop_after":
            raise Dropped
        if fault.kind == "status_after":
            return Answer(fault.status, b"", [])
        if fault.kind == "code_after":
            call.code = fault.code
            return Answer(answers.http_of(fault.code), answers.response(fault.code), answer.headers)
        return _spoilt(answer, fault.kind)

    async def _reply(self, call: Call, send: Send, answer: Answer) -> None:
        """Send the answer, whole, in part, or slowly."""
        body = answer.body
        if call.suffers("truncated"):
            await _send(send, answer, [body[: len(body) // 2]], whole=False)
            await self.sleep(0.05)
            raise Dropped
        if call.suffers("drip") and call.fault is not None:
            size = max(1, len(body) // _DRIPS)
            await _send(send, answer, [], whole=False)
            for at in range(0, len(body), size):
                await self.sleep(call.fault.seconds / _DRIPS)
                await send({"type": "http.response.body", "body": body[at : at + size], "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        await _send(send, answer)


def _spoilt(answer: Answer, kind: str) -> Answer:
    """The answer with one thing wrong, or as it is where the fault lies elsewhere."""
    http, body, headers = answer
    match kind:
        case "empty":
            body = b""
        case "half_xml":
            body = body[: len(body) // 2]
        case "doctype":
            body = body.replace(b"?>", b'?><!DOCTYPE x [<!ENTITY e "e">]>', 1)
        case "too_long":
            body += b" " * _TOO_LONG
        case "other_root":
            body = body.replace(b"reportDoneResponse", b"reportResponse")
        case "wrong_charset":
            headers = [(name, value.replace(b"UTF-8", b"ISO-8859-1")) for name, value in headers]
        case "compressed":
            headers = [*headers, (b"content-encoding", b"gzip")]
    return Answer(http, body, headers)


async def _send(send: Send, answer: Answer, pieces: list[bytes] | None = None, *, whole: bool = True) -> None:
    """An answer's head with the length of its whole body, and its pieces."""
    length = (b"content-length", str(len(answer.body)).encode())
    await send({"type": "http.response.start", "status": answer.http, "headers": [*answer.headers, length]})
    for piece in [answer.body] if pieces is None else pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": not whole})
