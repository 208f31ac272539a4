"""What bad input gets. The table is the one of docs/screening.md, and a test holds the two together."""

import asyncio
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connections
from PIL import Image

from safehold.api import screen, screen_files, screen_reading
from safehold.hosts import keys
from safehold.intake.models import Report
from safehold.screening import live
from safehold.screening.models import HitRecord
from safehold.subjects.models import Host
from tests.api.asking import CHECK, FILE, RECORD, ask

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = Path(__file__).parents[2] / "docs" / "screening.md"
PLACE = {"surface": "public_posts", "jurisdiction": "US"}
HASH = {"sha256": "0" * 64}
PDQ = {"hash": "0f" * 32, "quality": 90}
QUERY = b"surface=public_uploads&jurisdiction=US&item_id=picture-1"


@pytest.fixture(autouse=True)
def threads_let_go(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(screen, "close_old_connections", connections.close_all)
    yield
    screen_files.close()


def noise(form: str, size: int = 64, **more: Any) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((size, size), 80).convert("RGB").save(out, form, **more)
    return out.getvalue()


def bomb() -> bytes:
    """A picture of a few kilobytes that has 400 million pixels."""
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    return out.getvalue()


def archive_behind() -> bytes:
    out = io.BytesIO(noise("PNG"))
    out.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("placeholder", b"placeholder message 3")
    return out.getvalue()


class Asks:
    """One question of the table: what is sent, by whom."""

    def __init__(self, key: str, blog: Host, patch: pytest.MonkeyPatch, settings: Any) -> None:
        self.key, self.blog, self.patch, self.settings = key, blog, patch, settings

    def check(self, body: Any = None, path: str = CHECK, **more: Any) -> Any:
        given = PLACE | {"items": [HASH]} if body is None else body
        return ask(path, given, more.pop("key", self.key), **more)

    def item(self, path: str = CHECK, **item: Any) -> Any:
        return self.check(PLACE | {"items": [item]}, path)

    def file(self, raw: bytes, **more: Any) -> Any:
        return ask(FILE, raw, self.key, query_string=QUERY, **{"parts": 3, **more})

    def limited(self, **given: Any) -> "Asks":
        less = msgspec.structs.replace(self.settings.SAFEHOLD.screening, **given)
        self.settings.SAFEHOLD = msgspec.structs.replace(self.settings.SAFEHOLD, screening=less)
        return self

    def blind(self) -> Any:
        return self.check(key=keys.issue_key(self.blog, ["reports"], "staff:1")[1])

    def again(self) -> Any:
        once = {"idempotency-key": "a-1"}
        self.check(PLACE | {"items": [HASH | {"item_id": "p1"}]}, RECORD, headers=once)
        return self.check(PLACE | {"items": [HASH | {"item_id": "p2"}]}, RECORD, headers=once)

    def refused(self, code: str) -> Any:
        def refuses() -> Any:
            raise live.NotReady(code, "placeholder message 3")

        self.patch.setattr(live, "matcher", refuses)
        return self.check()

    def stops(self) -> Any:
        self.patch.setattr(screen_reading, "PATIENCE", 0.1)
        return waits(self.key)


def waits(key: str) -> Any:
    """A caller who sends half a body and nothing more."""
    sent: list[dict[str, Any]] = []
    came: list[bool] = []

    async def receive() -> dict[str, Any]:
        if came:
            await asyncio.sleep(30)
        came.append(True)
        return {"type": "http.request", "body": b'{"items"', "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"authorization", f"Bearer {key}".encode())]
    asyncio.run(screen.app({"type": "http", "method": "POST", "path": CHECK, "headers": headers}, receive, send))
    return sent[0]["status"], {}, msgspec.json.decode(sent[1]["body"]), 2


CASES: dict[str, Callable[[Asks], Any]] = {
    "no key, or one that is revoked": lambda asks: asks.check(key="shk_a_b"),
    "a key without the scope `screen`": Asks.blind,
    "another address": lambda asks: asks.check(path="/screen/v1/other"),
    "another method": lambda asks: asks.check(method="GET"),
    "another content type on check and record": lambda asks: asks.check(headers={"content-type": "text/plain"}),
    "an empty body": lambda asks: asks.check(b""),
    "broken JSON, or no UTF-8": lambda asks: asks.check(b'{"surface": "\xff"}'),
    "JSON nested 100,000 deep": lambda asks: asks.check(b"[" * 100_000),
    "an unknown field": lambda asks: asks.item(**HASH, more=1),
    "no surface": lambda asks: asks.check({"jurisdiction": "US", "items": [HASH]}),
    "an unknown surface": lambda asks: asks.check({"surface": "attic", "jurisdiction": "US", "items": [HASH]}),
    "a private surface without a basis": lambda asks: asks.check(
        {"surface": "private_messages", "jurisdiction": "US", "items": [HASH]}
    ),
    "a country that is none": lambda asks: asks.check(
        {"surface": "public_posts", "jurisdiction": "usa", "items": [HASH]}
    ),
    "1001 items": lambda asks: asks.check(PLACE | {"items": [HASH] * 1001}),
    "101 links in an item": lambda asks: asks.item(links=["https://a.example/"] * 101),
    "an item with nothing in it": lambda asks: asks.item(item_id="p1"),
    "a malformed SHA-256": lambda asks: asks.item(sha256="0" * 63),
    "a malformed PDQ": lambda asks: asks.item(pdq=[PDQ | {"hash": "x" * 64}]),
    "a quality of 101": lambda asks: asks.item(pdq=[PDQ | {"quality": 101}]),
    "10,001 PDQ hashes": lambda asks: asks.check(PLACE | {"items": [{"pdq": [PDQ] * 5001}, {"pdq": [PDQ] * 5000}]}),
    "a text over 1 MB": lambda asks: asks.item(text="\u00e4" * 600_000),
    "a body over 4 MiB": lambda asks: asks.check(b" " * (4 * 1024 * 1024 + 1), parts=8),
    "an item to record without its id": lambda asks: asks.item(RECORD, **HASH),
    "PDQ of low quality alone": lambda asks: asks.item(pdq=[PDQ | {"quality": 49}]),
    "a link that is none": lambda asks: asks.item(links=["no such thing://"]),
    "a short link that was not expanded": lambda asks: asks.item(links=["https://bit.ly/placeholder"]),
    "a url where fetching is off": lambda asks: asks.item(url="https://files.example/x"),
    "a used Idempotency-Key with another question": Asks.again,
    "a file over the limit, by its announced length": lambda asks: asks.limited(file_bytes=99).file(b"x" * 100),
    "an endless stream": lambda asks: asks.limited(file_bytes=99).file(
        b"x" * 100_000, parts=1000, headers={"content-length": ""}
    ),
    "a body that stops arriving": Asks.stops,
    "a file of 0 bytes": lambda asks: asks.file(b""),
    "a text file": lambda asks: asks.file(b"placeholder message 3 " * 50),
    "a truncated picture": lambda asks: asks.file(noise("JPEG", 256)[:-2000]),
    "a decompression bomb": lambda asks: asks.file(bomb()),
    "a picture of the wrong kind of bytes": lambda asks: asks.file(noise("PNG")[:16] + b"\0" * 500),
    "a picture with an archive behind it": lambda asks: asks.file(archive_behind()),
    "lists that may be out of date": lambda asks: asks.refused("screening_stale"),
    "a damaged index": lambda asks: asks.refused("index_damaged"),
    "a process that is starting": lambda asks: asks.refused("screening_starting"),
}


def table() -> dict[str, tuple[int, str]]:
    """The rows of the page: status and code by what is sent."""
    section = PAGE.read_text(encoding="utf-8").partition("## Bad input")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (\d{3}) \| (`\w+`|none) \|$", section, re.MULTILINE)
    return {what: (int(status), code.strip("`")) for what, status, code in rows}


def test_the_page_names_each_case() -> None:
    assert table().keys() == CASES.keys()


@pytest.mark.parametrize("what", CASES)
def test_what_bad_input_gets(
    what: str, key: str, blog: Host, monkeypatch: pytest.MonkeyPatch, settings: Any, data: Path
) -> None:
    status, _headers, answer, reads = CASES[what](Asks(key, blog, monkeypatch, settings))
    wanted, code = table()[what]
    assert status == wanted, answer
    if status != 200:
        assert answer["error"] == code
        assert answer["message"]
    else:
        (item,) = answer["items"]
        told = item.get("not_screened")
        assert (told["reason"] if told else "none") == code
        assert item["do"] == ("not_screened" if told else "allow")
        assert not told or told["why"]
    assert reads < 20  # nothing that is refused is read to its end
    assert (HitRecord.objects.count(), Report.objects.count()) == (0, 0)
