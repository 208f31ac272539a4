"""The screening path: raw ASGI with msgspec, beside Django. `app`, `metrics_app` and `health_app` are all
that others may call.

`/screen/v1/check` answers what up to 1000 items hit, by digests, perceptual hashes, links and text. `/screen/v1/record`
answers the same and takes the hits as knowledge. `/screen/v1/file` does either with the bytes of one file. All need a
host key with the scope `screen`. Private surfaces are refused until one is enabled with a recorded basis (design:
invariant 16). Nothing is answered from lists that may be out of date. For hosts: docs/screening.md.

Nearly every item hits nothing: such a question is answered on the event loop without the database. Whatever needs the
database or takes longer runs in threads.
"""

import asyncio
import hmac
import ipaddress
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.db import close_old_connections

from safehold.api import screen_answering as answering
from safehold.api import screen_files as files
from safehold.api import screen_once as once
from safehold.api import screen_reading as reading
from safehold.api import screen_scoring as scoring
from safehold.api.screen_fetching import Fetcher, NotFetched
from safehold.api.screen_keys import Keyring
from safehold.api.screen_reading import PRIVATE, PUBLIC
from safehold.api.screen_wire import LARGEST, Gone, Item, NotScreened, Question, Refused
from safehold.hosts.models import HostKey
from safehold.screening import flood, live, metrics, rules
from safehold.screening.errors import NotReady
from safehold.screening.hashing.types import CannotScreen
from safehold.screening.matching import Asked, Matcher

__all__ = ["LARGEST", "PRIVATE", "PUBLIC", "Question", "app", "health_app", "metrics_app"]

log = logging.getLogger(__name__)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Reply = tuple[bytes, list[scoring.Waiting]]  # an answer, and the texts that are scored after it
T = TypeVar("T")

CALLS = {"/screen/v1/check": "check", "/screen/v1/record": "record", "/screen/v1/file": "file"}
FORGET_EVERY = 600.0  # seconds between two looks for answers that need not be kept any longer
_THREADS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="screen")
_FILES = ThreadPoolExecutor(max_workers=16, thread_name_prefix="screen-files")  # these wait for decoders and networks
_keyring = Keyring()
_tasks: set[asyncio.Task[Any]] = set()
_forgot_at = 0.0


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """The ASGI callable for everything under /screen/."""
    if scope["type"] != "http":
        raise ValueError(f"The screening path speaks HTTP, not {scope['type']!r}.")
    began = time.perf_counter()
    try:
        answer, texts = await _answer(scope, receive)
    except Refused as refusal:
        metrics.refused(refusal.error)
        problem = {"error": refusal.error, "message": refusal.message, "field": refusal.field}
        await _send(send, refusal.status, msgspec.json.encode(problem))
    except Gone:
        return
    except Exception as error:  # noqa: BLE001  the last line of defence: answer, and log the kind without content
        log.error("%s on the screening path", type(error).__name__)
        metrics.refused("internal")
        await _send(send, 500, b'{"error":"internal","message":"This failed here. Ask again.","field":""}')
    else:
        metrics.took(CALLS[scope["path"]], time.perf_counter() - began)
        await _send(send, 200, answer)
        scoring.offer(texts)


async def _answer(scope: Message, receive: Receive) -> Reply:
    call = CALLS.get(scope["path"])
    if call is None:
        raise Refused(404, "not_found", f"There are {', '.join(CALLS)}.")
    if scope["method"] != "POST":
        raise Refused(405, "wrong_method", "Send POST.")
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    key = await _key(headers.get(b"authorization", ""))
    if call == "file":
        return await _file(scope, headers, receive, key)
    record = call == "record"
    if headers.get(b"content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "wrong_content_type", "Send Content-Type: application/json. Files go to /screen/v1/file.")
    repeat = reading.once(headers.get(b"idempotency-key", ""), record=record)
    raw = await reading.body(headers.get(b"content-length", ""), receive)
    question = reading.question(raw, record=record, fetch=settings.SAFEHOLD.screening.fetch)
    about = answering.Circumstances(key.host, question.surface, question.jurisdiction, record)
    await _allowed(about)
    given = once.digest(scope["path"], scope.get("query_string", b""), raw) if repeat else ""
    return await _screen([await _subject(item) for item in question.items], about, repeat, given)


async def _file(scope: Message, headers: dict[bytes, str], receive: Receive, key: HostKey) -> Reply:
    """One file, kept aside as it arrives, and hashed."""
    query = scope.get("query_string", b"")
    question = reading.file_question(query)
    about = answering.Circumstances(key.host, question.surface, question.jurisdiction, question.record)
    repeat = reading.once(headers.get(b"idempotency-key", ""), record=question.record)
    await _allowed(about)
    await _ready()  # before the bytes are taken
    with files.Upload() as upload:
        most = settings.SAFEHOLD.screening.file_bytes
        length = headers.get(b"content-length", "")
        async for piece in reading.pieces(length, receive, most, asked="Screen larger files by their digests."):
            upload.add(piece)
        subject = await _hashed(upload, item_id=question.item_id, account_id=question.account_id)
    given = once.digest(scope["path"], query, subject.asked.sha256.encode()) if repeat else ""
    return await _screen([subject], about, repeat, given)


async def _screen(subjects: list[answering.Subject], about: answering.Circumstances, repeat: str, given: str) -> Reply:
    matcher = await _ready()
    if answering.light(subjects):
        found = answering.look(matcher, subjects)
    else:
        found = await _in_thread(lambda: answering.look(matcher, subjects))
    answering.archive(subjects, about)
    texts = scoring.waiting(subjects, found, about)
    hit = any(one.any for one in found)
    if not hit and not repeat:
        return answering.clean(subjects, found), texts
    work = partial(answering.answer, matcher, subjects, found, about)
    answer = await _in_thread(lambda: once.answer(about.host, repeat, given, work) if repeat else work())
    if hit and not live.kept():
        await _in_thread(flood.write)
    if repeat:
        _forget_old_answers()
    return answer, texts


async def _key(header: str) -> HostKey:
    """Whose key it is. Raises Refused."""
    key = _keyring.at_hand(header)
    if key is None:
        return await _in_thread(lambda: _keyring.read(header))
    if _keyring.due(header):
        _in_background(lambda: _keyring.read(header))
    return key


async def _allowed(about: answering.Circumstances) -> None:
    """Raise Refused for a private surface that nothing allows to screen."""
    if about.surface in PUBLIC:
        return
    ask = partial(rules.surface_allowed, about.host.slug, about.surface, about.jurisdiction)
    if await _in_thread(ask) is None:
        raise Refused(
            403, "surface_not_enabled",
            "Private messages are not screened until that is enabled with a recorded legal basis.", "surface",
        )  # fmt: skip


async def _ready() -> Matcher:
    """The matcher, up to date. Raises Refused where there is none: nothing may be taken for clean then."""
    try:
        return live.at_hand() if live.kept() else await _in_thread(live.matcher)
    except NotReady as problem:
        raise Refused(503, problem.code, str(problem)) from None


async def _subject(item: Item) -> answering.Subject:
    if not item.url:
        return answering.subject(item, reading.asked(item))
    with files.Upload() as upload:
        fetcher = Fetcher(most=settings.SAFEHOLD.screening.file_bytes)
        try:
            await _in_thread(lambda: fetcher.fetch(item.url, upload.add), _FILES)
        except NotFetched as problem:
            missing = NotScreened(problem.reason, problem.why)
            asked = Asked(links=reading.asked(item).links, text=item.text)
            return answering.Subject(asked, item.item_id, item.account_id, missing)
        subject = await _hashed(upload, item_id=item.item_id, account_id=item.account_id)
    rest = reading.asked(item)
    return subject._replace(asked=msgspec.structs.replace(subject.asked, links=rest.links, text=rest.text))


async def _hashed(upload: files.Upload, *, item_id: str, account_id: str) -> answering.Subject:
    try:
        hashes = await _in_thread(upload.hashes, _FILES)
    except CannotScreen as problem:
        missing = NotScreened(problem.reason.value, problem.message)
        return answering.Subject(Asked(), item_id, account_id, missing, file=True)
    return answering.subject_of_file(hashes, item_id=item_id, account_id=account_id)


def _forget_old_answers() -> None:
    global _forgot_at  # noqa: PLW0603 - one clock for the process
    if time.monotonic() - _forgot_at > FORGET_EVERY:
        _forgot_at = time.monotonic()
        _in_background(once.forget)


def _in_background(work: Callable[[], Any]) -> None:
    """Database work that nobody waits for. What it refuses, the next request meets by itself."""

    async def run() -> None:
        try:
            await _in_thread(work)
        except Refused:
            pass
        except Exception as error:  # noqa: BLE001 - as in `app`
            log.error("%s in the background of the screening path", type(error).__name__)

    task = asyncio.get_running_loop().create_task(run())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _in_thread(work: Callable[[], T], threads: ThreadPoolExecutor = _THREADS) -> T:
    """Run work off the event loop, with database connections of its own that are given back."""

    def run() -> T:
        close_old_connections()
        try:
            return work()
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(threads, run)


async def metrics_app(scope: Message, _receive: Receive, send: Send) -> None:
    """`/metrics`, in Prometheus' format: for whoever has the token, or where none is set, for this machine alone."""
    if not _may_scrape(scope):
        await _send(
            send, 403, b'{"error":"not_yours","message":"Metrics need the token (SAFEHOLD_METRICS_TOKEN).","field":""}'
        )
        return
    now = live.state()
    metrics.tell(ready=now.ready, lag=now.lag, entries=now.entries, delta=now.delta, age=now.age)
    await _send(send, 200, metrics.text(), metrics.TYPE.encode())


async def health_app(_scope: Message, _receive: Receive, send: Send) -> None:
    """`/healthz` of a process that only screens."""
    now = live.state()
    await _send(send, 200 if now.ready else 503, msgspec.json.encode({"ready": now.ready, "code": now.code}))


def _may_scrape(scope: Message) -> bool:
    headers = {name.lower(): value for name, value in scope["headers"]}
    if token := settings.SAFEHOLD.screening.metrics_token:
        return hmac.compare_digest(headers.get(b"authorization", b""), f"Bearer {token}".encode())
    if any(name in headers for name in (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")):
        return False  # from elsewhere, through a proxy on this machine
    client = (scope.get("client") or ("", 0))[0]
    try:
        return ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False


async def _send(send: Send, status: int, body: bytes, kind: bytes = b"application/json") -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="safehold"'))
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status in (408, 413):
        headers.append((b"connection", b"close"))
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
