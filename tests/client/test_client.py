"""The SDK for hosts: what it sends, when it repeats, and what it makes of every answer."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold.client import (
    AsyncSafehold,
    Forged,
    Item,
    NotScreened,
    Pdq,
    Refused,
    Safehold,
    SafeholdError,
    Signer,
    Unavailable,
    Verdict,
    asynchronous,
    blocking,
    calls,
)

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
ALLOW = {"items": [{"sha256": "ab", "hits": [], "do": "allow"}]}
HIT = {"list": "test-list", "source": "tests", "category": "A1", "exact": True, "how": "pdq", "distance": 4, "new": 1}
Handler = Callable[[httpx2.Request], httpx2.Response]


class Server:
    """Answers from a list, then the last one for good; keeps what it was sent."""

    def __init__(self, *answers: httpx2.Response | Exception | dict[str, Any] | int) -> None:
        self.answers = list(answers)
        self.asked: list[httpx2.Request] = []
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        self.bodies.append(request.content)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx2.Response(answer)
        return httpx2.Response(200, json=answer) if isinstance(answer, dict) else answer


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []

    async def asleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(blocking, "sleep", slept.append)
    monkeypatch.setattr(asynchronous, "sleep", asleep)
    return slept


class Both:
    """The sync and the async client behind one face: whatever is tested holds for both."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, server: Server, call: str, *args: Any, client: dict[str, Any] | None = None, **more: Any) -> Any:
        options = {"url": "https://safety.test/", "key": "shk_test", **(client or {})}
        if self.kind == "sync":

            def whole(request: httpx2.Request) -> httpx2.Response:
                request.read()
                return server(request)

            with Safehold(**options, transport=httpx2.MockTransport(whole)) as one:
                return getattr(one, call)(*args, **more)

        async def whole_async(request: httpx2.Request) -> httpx2.Response:
            await request.aread()
            return server(request)

        async def run() -> Any:
            async with AsyncSafehold(**options, transport=httpx2.MockTransport(whole_async)) as one:
                return await getattr(one, call)(*args, **more)

        return asyncio.run(run())


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Both:
    return Both(request.param)


def test_a_check_sends_what_is_known_and_nothing_else(ask: Both) -> None:
    server = Server(ALLOW)
    item = Item(sha256="ab", pdq=(Pdq("0f" * 32, 80),), links=("https://a.test/x",))
    verdicts = ask(server, "check", [item], surface="public_posts", jurisdiction="US")
    assert verdicts == (Verdict(do="allow", sha256="ab"),)
    assert json.loads(server.bodies[0]) == {
        "items": [{"sha256": "ab", "pdq": [{"hash": "0f" * 32, "quality": 80}], "links": ["https://a.test/x"]}],
        "surface": "public_posts",
        "jurisdiction": "US",
    }
    assert server.asked[0].url == "https://safety.test/screen/v1/check"
    assert server.asked[0].headers["authorization"] == "Bearer shk_test"
    assert "idempotency-key" not in server.asked[0].headers


def test_hits_are_typed_and_new_fields_do_no_harm(ask: Both) -> None:
    server = Server({"items": [{"sha256": "ab", "do": "hide", "hits": [HIT], "later": []}]})
    (verdict,) = ask(server, "check", [Item(sha256="ab")], surface="public_posts")
    assert (verdict.blocked, verdict.clear) == (True, False)
    assert (verdict.hits[0].list, verdict.hits[0].distance, verdict.hits[0].how) == ("test-list", 4, "pdq")


@pytest.mark.parametrize(
    ("verdict", "clear", "blocked"),
    [
        (Verdict(do="allow"), True, False),
        (Verdict(do="hide"), False, True),
        (Verdict(do="review"), False, False),
        (Verdict(do="not_screened", not_screened=NotScreened("bomb", "")), False, False),
        (Verdict(do="allow", not_screened=NotScreened("bomb", "")), False, False),
        (Verdict(do="something new"), False, False),
    ],
)
def test_only_a_plain_allow_is_clear(verdict: Verdict, clear: bool, blocked: bool) -> None:
    assert (verdict.clear, verdict.blocked) == (clear, blocked)


@pytest.mark.parametrize(
    "trouble",
    [httpx2.ConnectError("down"), httpx2.ReadTimeout("slow"), *sorted(calls.AGAIN)],
    ids=str,
)
def test_trouble_is_repeated_under_the_same_key(ask: Both, pauses: list[float], trouble: Any) -> None:
    server = Server(trouble, trouble, ALLOW)
    ask(server, "record", [Item(sha256="ab", item_id="p1")], surface="public_posts")
    assert len(server.asked) == 3
    assert len({request.headers["idempotency-key"] for request in server.asked}) == 1
    assert len(set(server.bodies)) == 1
    assert len(pauses) == 2
    assert 0.1 <= pauses[0] <= 0.3


def test_two_records_have_two_keys_unless_one_is_given(ask: Both) -> None:
    server = Server(ALLOW)
    for key in ("", "", "order-7"):
        ask(server, "record", [Item(sha256="ab", item_id="p1")], surface="public_posts", key=key)
    keys = [request.headers["idempotency-key"] for request in server.asked]
    assert keys[0] != keys[1]
    assert keys[2] == "order-7"


@pytest.mark.parametrize("key", ["", "shk_\u2026", "shk_a b", "shk_a\r\nx: y"])
def test_what_is_no_key_is_told_at_once(ask: Both, key: str) -> None:
    server = Server(ALLOW)
    with pytest.raises(SafeholdError, match="no API key"):
        ask(server, "check", [], surface="public_posts", client={"key": key})
    assert server.asked == []


def test_silence_is_never_an_answer(ask: Both) -> None:
    server = Server(httpx2.ConnectError("down"))
    with pytest.raises(Unavailable, match="3 attempts: ConnectError"):
        ask(server, "check", [Item(sha256="ab")], surface="public_posts")
    assert len(server.asked) == 3


def test_retry_after_is_kept_and_a_long_one_ends_it(ask: Both, pauses: list[float]) -> None:
    ask(Server(httpx2.Response(429, headers={"retry-after": "2"}), ALLOW), "check", [], surface="public_posts")
    assert pauses == [2.0]
    server = Server(httpx2.Response(503, headers={"retry-after": "3600"}))
    with pytest.raises(Unavailable, match="after 1 attempts: it answered 503"):
        ask(server, "check", [], surface="public_posts")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422])
def test_a_refusal_is_told_at_once(ask: Both, pauses: list[float], status: int) -> None:
    said = {"error": "wrong_value", "message": "Send another one.", "field": "surface"}
    server = Server(httpx2.Response(status, json=said))
    with pytest.raises(Refused, match=r"wrong_value at surface: Send another one\.") as refusal:
        ask(server, "check", [], surface="attic")
    assert (refusal.value.status, refusal.value.error, refusal.value.field) == (status, "wrong_value", "surface")
    assert (len(server.asked), pauses) == (1, [])


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"items": [{"hits": []}]}', b'{"items": 3}', b"\xff"])
def test_what_is_no_answer_of_safehold_is_no_answer(ask: Both, body: bytes) -> None:
    with pytest.raises(Unavailable, match="something else than expected"):
        ask(Server(httpx2.Response(200, content=body)), "check", [], surface="public_posts")


@pytest.mark.parametrize("status", [301, 302, 307, 418])
def test_redirects_are_not_followed(ask: Both, status: int) -> None:
    server = Server(httpx2.Response(status, headers={"location": "https://elsewhere.test/"}))
    with pytest.raises(SafeholdError):
        ask(server, "check", [], surface="public_posts")
    assert {request.url.host for request in server.asked} == {"safety.test"}


@pytest.mark.parametrize("given", ["bytes", "path", "open"])
def test_a_file_is_sent_whole_at_each_attempt(ask: Both, tmp_path: Path, given: str) -> None:
    content = bytes(range(256)) * 3000
    path = tmp_path / "gradient-1.bin"
    path.write_bytes(content)
    half_read = io.BytesIO(content)
    half_read.read(17)
    file = {"bytes": content, "path": path, "open": half_read}[given]
    server = Server(httpx2.Response(503), ALLOW)
    verdict = ask(server, "screen_file", file, surface="public_uploads", jurisdiction="US", item_id="p1", record=True)
    assert verdict.clear
    assert server.bodies == [content, content]
    assert dict(server.asked[1].url.params) == {
        "surface": "public_uploads", "jurisdiction": "US", "item_id": "p1", "record": "1",
    }  # fmt: skip


def test_recording_a_file_needs_the_item(ask: Both) -> None:
    server = Server(ALLOW)
    with pytest.raises(SafeholdError, match="item_id"):
        ask(server, "screen_file", b"x", surface="public_uploads", record=True)
    assert server.asked == []


def test_an_answer_about_something_else_is_none(ask: Both) -> None:
    for items in ([], ALLOW["items"] * 2):
        with pytest.raises(Unavailable, match="the one file"):
            ask(Server({"items": items}), "screen_file", b"x", surface="public_uploads")


def test_a_report_and_where_it_stands(ask: Both) -> None:
    server = Server({"receipt": "AB-CD", "state": "received", "locators": [{"raw": "p1", "state": "checking"}]})
    receipt = ask(server, "report", "once-key-1", item_ids=["p1"], class_id="cse")
    assert (receipt.receipt, receipt.locators[0].state) == ("AB-CD", "checking")
    assert json.loads(server.bodies[0]) == {"once_key": "once-key-1", "item_ids": ["p1"], "class": "cse"}
    assert ask(server, "report_state", "AB-CD").state == "received"
    assert server.asked[1].url.path == "/api/v1/reports/AB-CD"
    with pytest.raises(SafeholdError, match="hyphens"):
        ask(server, "report_state", "../me")


def test_a_signup_check(ask: Both) -> None:
    server = Server({"refused": True, "by": "email"})
    assert ask(server, "check_signup", emails=["user-17@mail.test"]).refused
    assert json.loads(server.bodies[0]) == {"emails": ["user-17@mail.test"], "phones": [], "ip": ""}


def test_an_event_is_signed_and_sent_under_its_id(ask: Both) -> None:
    signer = Signer(SECRET)
    server = Server(httpx2.Response(502), {"id": "evt_1", "type": "item.removed", "repeated": False})
    taken = ask(server, "tell", signer, "item.removed", {"item_id": "p1", "by": "owner"}, event_id="evt_1")
    assert taken.id == "evt_1"
    for request, body in zip(server.asked, server.bodies, strict=True):
        order = signer.order(request.headers, body)
        assert (order.type, order.data, order.delivery) == ("item.removed", {"item_id": "p1", "by": "owner"}, "evt_1")


def test_an_order_is_read_only_when_safehold_signed_it() -> None:
    signer, other = Signer(SECRET), Signer("whsec_" + "A" * 32)
    body = b'{"type": "item.hide", "id": "o1", "data": {"item_id": "p1"}}'
    headers = {name.title(): value for name, value in signer.headers(body, "msg_1").items()}
    order = signer.order(headers, body)
    assert (order.type, order.id, order.data, order.delivery) == ("item.hide", "o1", {"item_id": "p1"}, "msg_1")
    old = signer.headers(body, "msg_1", datetime.now(UTC) - timedelta(minutes=6))
    for wrong_headers, wrong_body in (
        ({}, body),
        (headers, body + b" "),
        (other.headers(body, "msg_1"), body),
        (old, body),
    ):
        with pytest.raises(Forged):
            signer.order(wrong_headers, wrong_body)
    with pytest.raises(SafeholdError, match="no order"):
        signer.order(signer.headers(b"[]", "msg_2"), b"[]")


@given(attempts=st.integers(1, 8), seconds=st.floats(0.1, 60), spent=st.floats(0, 5))
def test_patience_ends(attempts: int, seconds: float, spent: float) -> None:
    patience, waited, made = calls.Patience(attempts, seconds), 0.0, 0
    while (pause := patience.pause(spent)) is not None:
        waited += pause
        made += 1
        assert pause > 0
    assert made < attempts
    assert waited <= seconds


def test_the_sdk_brings_nothing_else_of_safehold() -> None:
    code = (
        "import sys, safehold.client; "
        "print([m for m in sys.modules if m.startswith('django') or m.startswith('safehold') and 'client' not in m])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "['safehold']"
