"""The screening path called as an ASGI server calls it, for the tests of `screen*`."""

import asyncio
import json
from typing import Any

from safehold.api import screen

CHECK, RECORD, FILE = "/screen/v1/check", "/screen/v1/record", "/screen/v1/file"


def ask(
    path: str, body: Any, key: str = "", *, parts: int = 1, headers: dict[str, str] | None = None, **scope: Any
) -> Any:
    """Call the app as a server does; gives (status, headers, JSON, how often it read)."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = -(-len(raw) // parts) or 1
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)] or [b""]
    given = {"content-type": "application/json", "content-length": str(len(raw))} | (headers or {})
    if key:
        given["authorization"] = f"Bearer {key}"
    sent: list[dict[str, Any]] = []
    reads = 0

    async def receive() -> dict[str, Any]:
        nonlocal reads
        reads += 1
        if reads > len(pieces):
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": pieces[reads - 1], "more_body": reads < len(pieces)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    whole = {
        "type": "http", "method": "POST", "path": path,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items() if value], **scope,
    }  # fmt: skip
    asyncio.run(screen.app(whole, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert dict(sent[0]["headers"])[b"cache-control"] == b"no-store"
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"]), reads
