"""Files on the screening path: streamed, hashed in sandboxed children, matched like anything else."""

import hashlib
import io
import tracemalloc
from typing import Any

import pytest
from django.db import connections
from PIL import Image

from safehold.api import screen, screen_files
from safehold.intake.models import Report
from safehold.screening.models import HitRecord
from tests.api.asking import FILE, ask
from tests.screening.test_matching import entry, off

pytestmark = pytest.mark.django_db(transaction=True)
QUERY = "surface=public_uploads&jurisdiction=US"


@pytest.fixture(autouse=True)
def threads_let_go(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(screen, "close_old_connections", connections.close_all)
    yield
    screen_files.close()


@pytest.fixture(scope="module")
def picture() -> bytes:
    """Noise: nothing that anybody could take for anything."""
    out = io.BytesIO()
    Image.effect_noise((256, 256), 80).resize((512, 512)).convert("RGB").save(out, "PNG")
    return out.getvalue()


def send(key: str, raw: bytes, query: str = QUERY, **more: Any) -> Any:
    return ask(FILE, raw, key, query_string=query.encode(), **{"headers": {"content-type": "image/png"}, **more})


def hashes_of(raw: bytes) -> Any:
    with screen_files.Upload() as upload:
        upload.add(raw)
        return upload.hashes()


def test_a_file_is_found_by_its_bytes_and_by_its_looks(key: str, picture: bytes) -> None:
    (frame,) = {one.pdq for one in hashes_of(picture).usable}
    status, _headers, answer, _reads = send(key, picture, parts=9)
    assert status == 200
    sha256 = hashlib.sha256(picture).hexdigest()
    assert answer["items"] == [{"sha256": sha256, "hits": [], "do": "allow"}]
    entry("list-a", sha256=sha256, trusted=True)
    entry("list-b", pdq=off(frame, 8))
    (item,) = send(key, picture, parts=9)[2]["items"]
    assert [(hit["list"], hit["how"], hit["exact"]) for hit in item["hits"]] == [
        ("list-a", "sha256", True), ("list-b", "pdq", False),
    ]  # fmt: skip
    assert item["do"] == "hide"


def test_md5_and_picture_of_one_entry_are_the_very_file(key: str, picture: bytes) -> None:
    frame = hashes_of(picture).usable[0].pdq
    entry(md5=hashlib.md5(picture).hexdigest(), pdq=off(frame, 4), trusted=True)  # noqa: S324 - as lists have it
    (item,) = send(key, picture)[2]["items"]
    assert (item["do"], item["hits"][0]["how"], item["hits"][0]["distance"]) == ("hide", "md5", 4)


def test_a_file_is_recorded_only_when_asked(key: str, picture: bytes) -> None:
    entry(sha256=hashlib.sha256(picture).hexdigest())
    send(key, picture, f"{QUERY}&item_id=p1")
    send(key, picture, f"{QUERY}&item_id=p1&record=0")
    assert HitRecord.objects.count() == 0
    once = {"content-type": "image/png", "idempotency-key": "a-1"}
    first = send(key, picture, f"{QUERY}&item_id=p1&account_id=user-17&record=1", headers=once)
    again = send(key, picture, f"{QUERY}&item_id=p1&account_id=user-17&record=1", headers=once)
    assert first[:3] == again[:3]
    assert HitRecord.objects.get().account_id == "user-17"
    assert Report.objects.count() == 1
    assert send(key, picture[:-1], f"{QUERY}&item_id=p1&account_id=user-17&record=1", headers=once)[0] == 409
    assert send(key, picture, f"{QUERY}&item_id=p2&record=1", headers=once)[0] == 409


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "surface"),
        ("jurisdiction=US", "surface"),
        ("surface=public_posts", "jurisdiction"),
        ("surface=attic&jurisdiction=US", "surface"),
        ("surface=public_posts&jurisdiction=usa", "jurisdiction"),
        (f"{QUERY}&record=2", "record"),
        (f"{QUERY}&record=1", "item_id"),
        (f"{QUERY}&item_id={'x' * 256}", "item_id"),
        (f"{QUERY}&more=1", ""),
        (f"{QUERY}&item_id=a&item_id=b", ""),
        (f"{QUERY}&;", ""),
    ],
)
def test_wrong_queries_are_refused_before_a_byte_is_read(key: str, query: str, field: str) -> None:
    status, _headers, answer, reads = send(key, b"x" * 100, query)
    assert (status, answer["field"], reads) == (422, field, 0)


def test_strangers_and_private_surfaces_are_refused_unread(key: str) -> None:
    for plain, query, status in (("", QUERY, 401), (key, "surface=private_messages&jurisdiction=US", 403)):
        got, _headers, _answer, reads = send(plain, b"x" * 100, query)
        assert (got, reads) == (status, 0)


def test_a_large_file_is_never_whole_in_memory() -> None:
    piece = b"\0" * 65_536
    tracemalloc.start()
    try:
        with screen_files.Upload() as upload:
            for _ in range(1024):
                upload.add(piece)
            assert upload.size == 64 * 1024 * 1024
            peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * screen_files.IN_MEMORY


def test_the_digests_of_a_spooled_file_are_of_all_of_it() -> None:
    raw = bytes(range(256)) * 8192  # two megabytes that are no picture
    with screen_files.Upload() as upload:
        for at in range(0, len(raw), 100_000):
            upload.add(raw[at : at + 100_000])
        assert upload.hashes().digests.sha256 == hashlib.sha256(raw).hexdigest()


def test_a_caller_who_hangs_up_leaves_nothing(key: str, picture: bytes) -> None:
    import asyncio

    sent: list[Any] = []
    parts = [{"type": "http.request", "body": picture[:1000], "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        return parts.pop(0)

    async def answer(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": FILE, "query_string": QUERY.encode(),
        "headers": [(b"authorization", f"Bearer {key}".encode())],
    }  # fmt: skip
    asyncio.run(screen.app(scope, receive, answer))
    assert sent == []
