"""The screening path: raw ASGI with msgspec, beside Django. `app` is all that others may call.

`/screen/v1/check` answers which of up to 1000 hashes are on a list. `/screen/v1/record` answers the same
and takes the hits as knowledge: each item with a hit becomes a case. Both need a host key with the scope
`screen`. Private surfaces are refused until one is enabled with a recorded basis (design: invariant 16),
which this version cannot do yet.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, TypeVar

import msgspec
from django.db import close_old_connections, transaction

from safehold.audit import service as audit
from safehold.hosts import keys
from safehold.hosts.models import HostKey, Scope
from safehold.path import commands
from safehold.screening import service as screening

log = logging.getLogger(__name__)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
T = TypeVar("T")

LARGEST = 1024 * 1024  # bytes of a body
PUBLIC = frozenset({"public_posts", "public_profiles", "public_uploads"})
PRIVATE = frozenset({"private_messages"})
_HASH = re.compile(r"[0-9a-fA-F]{64}")
_PLACE = re.compile(r"[A-Z]{2}|")  # ISO 3166-1; empty = not known: the strictest rules hold
_THREADS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="screen")

Name = Annotated[str, msgspec.Meta(max_length=255)]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item, by the SHA-256 of its file. The ids are the host's own."""

    sha256: str
    item_id: Name = ""
    account_id: Name = ""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of items from one surface of the host, under the law of one place."""

    items: Annotated[tuple[Asked, ...], msgspec.Meta(min_length=1, max_length=1000)]
    surface: str
    jurisdiction: str


class HitOut(msgspec.Struct, frozen=True):
    """One list entry that a hash equals."""

    list: str
    source: str
    category: str
    exact: bool


class Answered(msgspec.Struct, frozen=True):
    """What to do with one item: hide it at once only on an exact hit of a trusted list."""

    sha256: str
    hits: tuple[HitOut, ...]
    do: str  # allow | hide


class Answer(msgspec.Struct, frozen=True):
    """The items in the order in which they were asked."""

    items: tuple[Answered, ...]


class Refused(Exception):
    """Ends the request: status, code, message, field."""

    def __init__(self, status: int, error: str, message: str, field: str = "") -> None:
        self.status, self.error, self.message, self.field = status, error, message, field
        super().__init__(error)


class Gone(Exception):
    """The caller hung up before the body was whole."""


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """The ASGI callable for everything under /screen/."""
    if scope["type"] != "http":
        raise ValueError(f"The screening path speaks HTTP, not {scope['type']!r}.")
    try:
        answer = await _answer(scope, receive)
    except Refused as refusal:
        problem = {"error": refusal.error, "message": refusal.message, "field": refusal.field}
        await _send(send, refusal.status, msgspec.json.encode(problem))
    except Gone:
        return
    except Exception as error:  # noqa: BLE001  the last line of defence: answer, and log the kind without content
        log.error("%s on the screening path", type(error).__name__)
        await _send(send, 500, b'{"error":"internal","message":"This failed here. Ask again.","field":""}')
    else:
        await _send(send, 200, msgspec.json.encode(answer))


async def _answer(scope: Message, receive: Receive) -> Answer:
    record = {"/screen/v1/check": False, "/screen/v1/record": True}.get(scope["path"])
    if record is None:
        raise Refused(404, "not_found", "There are /screen/v1/check and /screen/v1/record.")
    if scope["method"] != "POST":
        raise Refused(405, "wrong_method", "Send POST.")
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    key = await _in_thread(lambda: _key(headers.get(b"authorization")))
    if headers.get(b"content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "wrong_content_type", "Send Content-Type: application/json. Files are never taken.")
    question = _read(await _body(headers.get(b"content-length", ""), receive), record=record)
    return await _in_thread(lambda: _screen(key, question, record=record))


def _key(header: str | None) -> HostKey:
    key = keys.authenticate(header)
    if key is None:
        raise Refused(401, "no_key", "Send a host key: Authorization: Bearer shk_…")
    if not key.allows(Scope.SCREEN):
        audit.refused("host_key.used", actor=key.actor, about=key, reason="without scope screen")
        raise Refused(403, "missing_scope", "This key was not issued for 'screen'. Ask the operator for one.")
    return key


async def _body(length: str, receive: Receive) -> bytes:
    if length.isdigit() and int(length) > LARGEST:
        raise Refused(413, "too_large", f"The body may have {LARGEST} bytes. Ask in smaller batches.")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST:
            raise Refused(413, "too_large", f"The body may have {LARGEST} bytes. Ask in smaller batches.")
        if not message.get("more_body", False):
            return b"".join(parts)


def _read(body: bytes, *, record: bool) -> Question:
    try:
        question = msgspec.json.decode(body, type=Question)
    except msgspec.ValidationError as problem:
        text, _, place = str(problem).partition(" - at `$")
        raise Refused(422, "wrong_value", f"{text}.", place.strip("`.")) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused(400, "bad_json", "The body is not JSON in UTF-8.") from None
    if not _PLACE.fullmatch(question.jurisdiction):
        raise Refused(
            422, "wrong_value", "jurisdiction is a country code (ISO 3166-1), or empty where not known.", "jurisdiction"
        )
    if question.surface in PRIVATE:
        raise Refused(
            403, "surface_not_enabled",
            "Private messages are not screened until that is enabled with a recorded legal basis.", "surface",
        )  # fmt: skip
    if question.surface not in PUBLIC:
        raise Refused(422, "wrong_value", f"surface is one of: {', '.join(sorted(PUBLIC | PRIVATE))}.", "surface")
    for number, item in enumerate(question.items):
        if not _HASH.fullmatch(item.sha256):
            raise Refused(422, "wrong_value", "A SHA-256 has 64 hexadecimal digits.", f"items[{number}].sha256")
        if record and not item.item_id:
            raise Refused(422, "missing_field", "To record a hit, name the item.", f"items[{number}].item_id")
    return question


def _screen(key: HostKey, question: Question, *, record: bool) -> Answer:
    """Match, and for `record` take all hits as knowledge in one transaction."""
    found: dict[str, list[screening.Hit]] = {}
    for hit in screening.match({item.sha256.lower() for item in question.items}):
        found.setdefault(hit.sha256, []).append(hit)
    if record and found:
        with transaction.atomic():
            for item in question.items:
                sha256 = item.sha256.lower()
                if hits := found.get(sha256):
                    commands.screening_hit(
                        key.host, item_id=item.item_id, account_id=item.account_id, sha256=sha256, hits=hits
                    )
    return Answer(tuple(_answered(item.sha256, found.get(item.sha256.lower(), [])) for item in question.items))


def _answered(sha256: str, hits: list[screening.Hit]) -> Answered:
    shown = tuple(HitOut(hit.list, hit.source, hit.category, hit.exact) for hit in hits)
    return Answered(sha256, shown, "hide" if any(hit.exact and hit.trusted for hit in hits) else "allow")


async def _in_thread(work: Callable[[], T]) -> T:
    """Run database work off the event loop, with connections of its own that are given back."""

    def run() -> T:
        close_old_connections()
        try:
            return work()
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_THREADS, run)


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="safehold"'))
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
