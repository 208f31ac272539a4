"""Reading requests of the screening path: bodies, their checks, and uploads into temporary files.

Whatever is malformed is refused here with a clear answer, before anything is matched or recorded.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from safehold.api.screen_wire import FETCHES, HASHES, LARGEST, TEXT, Gone, Item, PdqIn, Question, Refused
from safehold.screening.hashing.pdq import degenerate
from safehold.screening.service import Asked

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]

PUBLIC = frozenset({"public_posts", "public_profiles", "public_uploads"})
PRIVATE = frozenset({"private_messages"})
QUALITY = 50  # of a PDQ hash; below it says nothing
PATIENCE = 120.0  # seconds for the body of a request to arrive
_PLACE = re.compile(r"[A-Z]{2}|")  # ISO 3166-1; empty = not known: the strictest rules hold
_ONCE = re.compile(r"[\x21-\x7e]{1,255}")
_HEX = {
    name: (re.compile(rf"[0-9a-fA-F]{{{digits}}}"), f"A {shown} has {digits} hexadecimal digits.")
    for name, shown, digits in (
        ("sha256", "SHA-256", 64),
        ("sha1", "SHA-1", 40),
        ("md5", "MD5", 32),
        ("pdq", "PDQ", 64),
    )
}


class FileQuestion(msgspec.Struct, frozen=True):
    """What an upload's address says of the file."""

    surface: str
    jurisdiction: str
    item_id: str = ""
    account_id: str = ""
    record: bool = False


async def pieces(length: str, receive: Receive, most: int, *, asked: str) -> AsyncIterator[bytes]:
    """The body as it arrives. Refused from its announced length alone, at the limit, or when it takes too long."""
    too_large = Refused(413, "too_large", f"The body may have {most} bytes. {asked}")
    if length.isdigit() and int(length) > most:
        raise too_large
    size, more = 0, True
    try:
        async with asyncio.timeout(PATIENCE):
            while more:
                piece, more = _piece(await receive())
                size += len(piece)
                if size > most:
                    raise too_large
                yield piece
    except TimeoutError:
        raise Refused(408, "too_slow", f"The body did not arrive within {PATIENCE:.0f} seconds.") from None


async def body(length: str, receive: Receive) -> bytes:
    """A JSON body, whole."""
    parts = [piece async for piece in pieces(length, receive, LARGEST, asked="Ask in smaller batches.")]
    return b"".join(parts)


def _piece(message: Message) -> tuple[bytes, bool]:
    """The next bytes, and whether more follow. Raises Gone."""
    if message["type"] == "http.disconnect":
        raise Gone
    return message.get("body", b""), message.get("more_body", False)


def question(raw: bytes, *, record: bool, fetch: bool) -> Question:
    """The body as a question, every field checked. Raises Refused, naming the field."""
    try:
        read = msgspec.json.decode(raw, type=Question)
    except msgspec.ValidationError as problem:
        text, _, place = str(problem).partition(" - at `$")
        raise Refused(422, "wrong_value", f"{text}.", place.strip("`.")) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused(400, "bad_json", "The body is not JSON in UTF-8.") from None
    check_place(read.surface, read.jurisdiction)
    for number, item in enumerate(read.items):
        _check(item, f"items[{number}]", record=record, fetch=fetch)
    if sum(len(item.pdq) for item in read.items) > HASHES:
        raise Refused(422, "too_many", f"A request may hold {HASHES} PDQ hashes. Ask in smaller batches.", "items")
    if sum(bool(item.url) for item in read.items) > FETCHES:
        raise Refused(422, "too_many", f"A request may have {FETCHES} files fetched. Ask in smaller batches.", "items")
    return read


def file_question(query: bytes) -> FileQuestion:
    """The query of an upload's address. Raises Refused, naming the parameter."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query), max_num_fields=10)
    except ValueError:
        raise Refused(422, "wrong_value", "The query of the address cannot be read.") from None
    given = dict(pairs)
    known = {"surface", "jurisdiction", "item_id", "account_id", "record"}
    if len(given) < len(pairs) or not given.keys() <= known:
        raise Refused(422, "wrong_value", f"The query takes each of these once: {', '.join(sorted(known))}.")
    for name in ("surface", "jurisdiction"):
        if name not in given:
            raise Refused(422, "missing_field", f"Say {name}= in the query.", name)
    for name in ("item_id", "account_id"):
        if len(given.get(name, "")) > 255:
            raise Refused(422, "wrong_value", "An id has 255 characters at most.", name)
    if given.get("record", "0") not in ("0", "1"):
        raise Refused(422, "wrong_value", "record is 0 or 1.", "record")
    read = FileQuestion(**given | {"record": given.get("record") == "1"})  # type: ignore[arg-type]
    check_place(read.surface, read.jurisdiction)
    if read.record and not read.item_id:
        raise Refused(422, "missing_field", "To record a hit, name the item.", "item_id")
    return read


def once(text: str, *, record: bool) -> str:
    """The Idempotency-Key of a request that records, "" where it has none. Raises Refused."""
    if not text:
        return ""
    if not record:
        raise Refused(422, "wrong_value", "Idempotency-Key is for requests that record.", "Idempotency-Key")
    if not _ONCE.fullmatch(text):
        raise Refused(
            422, "wrong_value", "An Idempotency-Key has 1 to 255 visible ASCII characters.", "Idempotency-Key"
        )
    return text


def asked(item: Item) -> Asked:
    """What the matcher is asked of an item."""
    return Asked(
        item.sha256.lower(), item.sha1.lower(), item.md5.lower(),
        tuple(pdq.hash.lower() for pdq in item.pdq if says_something(pdq)), item.film,
        (*item.links, *item.expanded.values()) if item.expanded else item.links, item.text,
    )  # fmt: skip


def says_something(pdq: PdqIn) -> bool:
    """Whether a hash is one that a sound picture could have."""
    return pdq.quality >= QUALITY and not degenerate(bytes.fromhex(pdq.hash))


def check_place(surface: str, jurisdiction: str) -> None:
    """Raise Refused where no such surface or country can be."""
    if not _PLACE.fullmatch(jurisdiction):
        raise Refused(
            422, "wrong_value", "jurisdiction is a country code (ISO 3166-1), or empty where not known.", "jurisdiction"
        )
    if surface not in PUBLIC | PRIVATE:
        raise Refused(422, "wrong_value", f"surface is one of: {', '.join(sorted(PUBLIC | PRIVATE))}.", "surface")


def _check(item: Item, place: str, *, record: bool, fetch: bool) -> None:
    for kind in ("sha256", "sha1", "md5"):
        value = getattr(item, kind)
        if value and not _HEX[kind][0].fullmatch(value):
            raise Refused(422, "wrong_value", _HEX[kind][1], f"{place}.{kind}")
    for number, pdq in enumerate(item.pdq):
        if not _HEX["pdq"][0].fullmatch(pdq.hash):
            raise Refused(422, "wrong_value", _HEX["pdq"][1], f"{place}.pdq[{number}].hash")
    if not (_by_digest(item) or item.links or item.text or item.url):
        raise Refused(422, "missing_field", "An item needs a digest, a hash, links, text or a url.", place)
    _check_words(item, place)
    if item.url and not fetch:
        raise Refused(403, "fetching_off", "This installation fetches no files. Send the file itself.", f"{place}.url")
    if item.url and _by_digest(item):
        raise Refused(422, "wrong_value", "Send the file's url or its digests, not both.", f"{place}.url")
    if record and not item.item_id:
        raise Refused(422, "missing_field", "To record a hit, name the item.", f"{place}.item_id")


def _by_digest(item: Item) -> bool:
    return bool(item.sha256 or item.sha1 or item.md5 or item.pdq)


def _check_words(item: Item, place: str) -> None:
    if not item.expanded.keys() <= set(item.links):
        raise Refused(422, "wrong_value", "expanded names a link that is not among links.", f"{place}.expanded")
    if len(item.text) * 4 > TEXT and len(item.text.encode()) > TEXT:
        raise Refused(422, "wrong_value", f"A text has {TEXT} bytes at most.", f"{place}.text")
