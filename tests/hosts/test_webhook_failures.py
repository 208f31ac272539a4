"""The webhook adapter against hosts that are down, slow, wrong, or lead elsewhere: each failure has its own name."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from standardwebhooks import Webhook

from safehold.hosts import keys
from safehold.hosts.contract import HostRefused, HostUnavailable, NotFound, Unsupported
from safehold.hosts.webhook import LARGEST, WebhookContact
from safehold.subjects.models import Host
from tests.support.scripted_http import Answer, Asked, ScriptedServer, as_json, scripted_server

pytestmark = [pytest.mark.network, pytest.mark.django_db]

SECRET = keys.new_webhook_secret()
ACCOUNT = {"id": "a1", "handle": "user-17", "status": "active"}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server(lambda _asked: as_json({})) as running:
        yield running


@pytest.fixture
def line(server: ScriptedServer, data: object) -> WebhookContact:
    return line_to(server.url)


def line_to(url: str, **settings: Any) -> WebhookContact:
    host = Host.objects.create(
        slug="blog", name="Blog", adapter="webhook", base_url=url, settings={"timeout": 0.5, **settings}
    )
    keys.set_secret(host, "webhook", SECRET, "staff:0000")
    return WebhookContact(host)


def always(answer: Answer) -> Callable[[Asked], Answer]:
    return lambda _asked: answer


def test_what_is_sent_is_signed_and_named(line: WebhookContact, server: ScriptedServer) -> None:
    line.hide_item("p1", key="action-1")
    line.hide_item("p1", key="action-1")
    first, second = server.asked
    assert (first.method, first.path) == ("POST", "/safehold/webhook")
    assert first.json() == {"type": "item.hide", "id": "action-1", "data": {"item_id": "p1"}}
    Webhook(SECRET).verify(first.body, first.headers)
    assert first.headers["webhook-id"] != second.headers["webhook-id"]
    assert first.body == second.body
    assert "authorization" not in first.headers


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda line: line.restore_item("p1", key="k"), {"type": "item.restore", "data": {"item_id": "p1"}}),
        (lambda line: line.purge_item("p1", key="k"), {"type": "item.purge", "data": {"item_id": "p1"}}),
        (lambda line: line.suspend_account("a1", key="k"), {"type": "account.suspend", "data": {"account_id": "a1"}}),
        (lambda line: line.lock_account("a1", key="k"), {"type": "account.lock", "data": {"account_id": "a1"}}),
        (lambda line: line.restore_account("a1", key="k"), {"type": "account.restore", "data": {"account_id": "a1"}}),
        (
            lambda line: line.tell_account("a1", subject="s", text="t", link="l", key="k"),
            {"type": "account.tell", "data": {"account_id": "a1", "subject": "s", "text": "t", "link": "l"}},
        ),
    ],
)
def test_each_order_has_its_message(
    line: WebhookContact, server: ScriptedServer, call: Callable[[WebhookContact], None], message: dict[str, Any]
) -> None:
    call(line)
    assert server.asked[0].json() == {**message, "id": "k"}


def test_the_path_can_be_set(server: ScriptedServer, data: object) -> None:
    line_to(server.url + "/", path="/hooks/desk").hide_item("p1", key="k")
    assert server.asked[0].path == "/hooks/desk"


def test_a_host_that_is_down_is_unavailable(data: object) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(HostUnavailable, match=r"ConnectError.*outcome is unknown"):
        line_to(f"http://127.0.0.1:{port}").hide_item("p1", key="k")


@pytest.mark.parametrize("url", ["ftp://host.test", "http://", "http://[::1", "nonsense"])
def test_an_address_that_cannot_be_used_is_refused(data: object, url: str) -> None:
    with pytest.raises(HostRefused, match="address"):
        line_to(url).ping()


def test_without_a_secret_nothing_is_sent(server: ScriptedServer, data: object) -> None:
    host = Host.objects.create(slug="blog", name="Blog", adapter="webhook", base_url=server.url)
    with pytest.raises(HostRefused, match="no secret 'webhook' yet"):
        WebhookContact(host).hide_item("p1", key="k")
    assert server.asked == []


@pytest.mark.parametrize("status", [500, 502, 503, 504, 501, 429, 408])
def test_these_answers_mean_later(line: WebhookContact, server: ScriptedServer, status: int) -> None:
    server.answer = always((status, {}, b"<h1>Oops</h1>"))
    with pytest.raises(HostUnavailable, match=str(status)):
        line.suspend_account("a1", key="k")
    with pytest.raises(HostUnavailable, match=str(status)):
        line.account("a1")


@pytest.mark.parametrize("status", [400, 401, 403, 405, 409, 413, 422])
def test_these_answers_mean_no(line: WebhookContact, server: ScriptedServer, status: int) -> None:
    server.answer = always(as_json({"error": "x", "message": "Because of 3."}, status))
    with pytest.raises(HostRefused, match=f"{status}: Because of 3"):
        line.suspend_account("a1", key="k")


@pytest.mark.parametrize("status", [404, 410])
def test_gone_needs_the_word(line: WebhookContact, server: ScriptedServer, status: int) -> None:
    server.answer = always(as_json({"error": "not_found", "message": "No such post."}, status))
    with pytest.raises(NotFound, match="No such post"):
        line.item("p1")
    for body in (b"", b"<h1>404</h1>", b'{"detail": "Not Found"}', b"[]"):
        server.answer = always((status, {}, body))
        with pytest.raises(HostRefused, match=r"is .* the webhook address"):
            line.item("p1")


def test_a_host_can_say_that_it_does_not_support_an_order(line: WebhookContact, server: ScriptedServer) -> None:
    server.answer = always(as_json({"error": "unsupported"}, 501))
    with pytest.raises(Unsupported):
        line.tell_account("a1", subject="s", text="t", link="", key="k")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(line: WebhookContact, server: ScriptedServer, status: int) -> None:
    with scripted_server(lambda _asked: as_json(ACCOUNT)) as elsewhere:
        server.answer = always((status, {"location": f"{elsewhere.url}/safehold/webhook"}, b""))
        with pytest.raises(HostRefused, match="redirects are not followed"):
            line.account("a1")
        with pytest.raises(HostRefused, match="redirects are not followed"):
            line.hide_item("p1", key="k")
        assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "truncated"),
        (b"<html>", "malformed"),
        (b"[]", "object"),
        (b"\xff\xfe", "malformed|invalid"),
        (b'{"id": "a1", "handle": "user-17"}', "status"),
        (b'{"id": "a1", "handle": "user-17", "status": "fine"}', r"\$\.status"),
        (b'{"id": 1, "handle": "user-17", "status": "active"}', r"\$\.id"),
        (b'{"id": "a1", "handle": "user-17", "status": "active", "emails": "x"}', r"\$\.emails"),
        (b'{"id": "a1", "handle": "user-17", "status": "active", "registered_at": "monday"}', r"\$\.registered_at"),
        (b'{"id": "a1", "handle": "u", "status": "active", "registered_at": "2026-01-01T00:00:00"}',
         r"without a zone: `\$\.registered_at`"),
        (json.dumps({**ACCOUNT, "addresses": [{"ip": "192.0.2.1", "event": "x", "at": "2026-01-01T00:00"}]}).encode(),
         r"\$\.addresses\[0\]\.at"),
        (b'{"id": "a2", "handle": "user-17", "status": "suspended"}', "for 'a1' with facts about 'a2'"),
    ],
)  # fmt: skip
def test_an_answer_of_the_wrong_shape_is_refused_with_its_field(
    line: WebhookContact, server: ScriptedServer, answer: bytes, said: str
) -> None:
    server.answer = always((200, {}, answer))
    with pytest.raises(HostRefused, match=said):
        line.account("a1")


def test_fields_that_we_do_not_know_are_left_alone(line: WebhookContact, server: ScriptedServer) -> None:
    server.answer = always(as_json({**ACCOUNT, "karma": 12}))
    assert line.account("a1").handle == "user-17"


def test_a_find_that_finds_nothing_is_not_found(line: WebhookContact, server: ScriptedServer) -> None:
    server.answer = always(as_json({"account": None, "item": None}))
    with pytest.raises(NotFound):
        line.find("@user-17")


def test_more_items_than_asked_for_are_cut(line: WebhookContact, server: ScriptedServer) -> None:
    items = [{"id": f"p{n}", "kind": "post", "status": "visible"} for n in range(9)]
    server.answer = always(as_json({"items": items}))
    assert len(line.items_of("a1", limit=4)) == 4
    assert server.asked[0].json()["data"] == {"account_id": "a1", "limit": 4}


def test_too_large_an_answer_is_refused(line: WebhookContact, server: ScriptedServer) -> None:
    server.answer = always((200, {}, json.dumps({**ACCOUNT, "x": "y" * LARGEST}).encode()))
    with pytest.raises(HostRefused, match="more than 1048576 bytes"):
        line.account("a1")
    server.answer = always((403, {}, b"y" * (LARGEST + 1)))
    with pytest.raises(HostRefused, match="403"):
        line.account("a1")


def test_an_endless_answer_to_an_order_is_cut(line: WebhookContact, server: ScriptedServer) -> None:
    sent = []

    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(4096):
                handler.wfile.write(b"x" * 65536)
                sent.append(65536)
        except OSError:
            pass

    server.answer = always(pour)
    with pytest.raises(HostRefused, match="more than"):
        line.hide_item("p1", key="k")
    assert sum(sent) < 64 * LARGEST


def test_a_compressed_answer_is_refused(line: WebhookContact, server: ScriptedServer) -> None:
    server.answer = always((200, {"content-encoding": "gzip"}, b"\x1f\x8b"))
    with pytest.raises(HostRefused, match="compressed"):
        line.account("a1")
    assert server.asked[0].headers["accept-encoding"] == "identity"


def test_a_host_that_does_not_answer_in_time_is_unavailable(line: WebhookContact, server: ScriptedServer) -> None:
    server.answer = always(lambda _handler: time.sleep(1))
    began = time.monotonic()
    with pytest.raises(HostUnavailable, match="ReadTimeout"):
        line.hide_item("p1", key="k")
    assert time.monotonic() - began < 1


def test_a_host_that_drips_its_answer_is_cut_off(line: WebhookContact, server: ScriptedServer) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        try:
            for _ in range(20):
                handler.wfile.write(b" ")
                time.sleep(0.2)
        except OSError:
            pass

    server.answer = always(drip)
    began = time.monotonic()
    with pytest.raises(HostUnavailable, match="too long"):
        line.account("a1")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("header", [{"content-length": "100"}, {"transfer-encoding": "chunked"}])
def test_an_answer_that_breaks_off_is_unavailable(
    line: WebhookContact, server: ScriptedServer, header: dict[str, str]
) -> None:
    def break_off(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in header.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(b"a" if "content-length" in header else b"1\r\na\r\n")

    server.answer = always(break_off)
    with pytest.raises(HostUnavailable, match="no whole answer"):
        line.account("a1")
    with pytest.raises(HostUnavailable, match="no whole answer"), line.open_item("p1") as chunks:
        list(chunks)


def test_a_file_without_its_length_is_refused(line: WebhookContact, server: ScriptedServer) -> None:
    def no_length(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"half of it")

    server.answer = always(no_length)
    with pytest.raises(HostRefused, match="without its length"), line.open_item("p1"):
        pass


def test_a_file_may_be_larger_than_other_answers(line: WebhookContact, server: ScriptedServer) -> None:
    content = bytes(range(256)) * 4096 * 3
    server.answer = always((200, {"content-type": "image/png"}, content))
    with line.open_item("p1") as chunks:
        assert b"".join(chunks) == content


def test_a_reader_that_stops_early_leaves_nothing_open(line: WebhookContact, server: ScriptedServer) -> None:
    server.answer = always((200, {}, bytes(1024 * 1024 * 8)))
    with line.open_item("p1") as chunks:
        assert len(next(chunks)) > 0
    with pytest.raises(ZeroDivisionError), line.open_item("p1") as chunks:
        raise ZeroDivisionError


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_order_is_taken_whatever_the_good_answer(line: WebhookContact, server: ScriptedServer, status: int) -> None:
    server.answer = always((status, {}, b"" if status == 204 else b"ok"))
    line.hide_item("p1", key="k")


def test_the_environments_proxy_is_not_used(
    line: WebhookContact, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    line.hide_item("p1", key="k")
    assert len(server.asked) == 1


# --- what stands around an item ---------------------------------------------------------------------


def message(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"m{number}", "at": f"2026-01-02T00:{number:02d}:00Z", "sender": "a1", **more}


def test_a_context_is_asked_for_with_its_bounds_and_cut_to_them(line: WebhookContact, server: ScriptedServer) -> None:
    server.answer = always(as_json({"messages": [message(n) for n in range(9)], "about": "m4", "complete": True}))
    found = line.context("m4", named_as=("https://blog.test/m/4",), before=2, after=1)
    assert server.asked[0].json()["type"] == "item.context"
    assert server.asked[0].json()["data"] == {
        "item_id": "m4", "named_as": ["https://blog.test/m/4"], "before": 2, "after": 1,
    }  # fmt: skip
    assert [one.id for one in found.messages] == ["m2", "m3", "m4", "m5"]
    assert found.complete is False, "what was cut off is not here"


def test_a_host_that_gives_no_context_says_so(line: WebhookContact, server: ScriptedServer) -> None:
    server.answer = always(as_json({"error": "unsupported", "message": "Microblog does not know item.context."}, 501))
    with pytest.raises(Unsupported):
        line.context("m4")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"messages": [message(1)], "about": "m4"}, "0 times"),
        ({"messages": [message(4), message(4)], "about": "m4"}, "2 times"),
        ({"messages": [message(4)]}, "0 times"),
        ({"messages": [message(4, deleted_at="2026-01-02T00:00:00")], "about": "m4"}, "without a zone"),
        ({"messages": [message(4, text=7)], "about": "m4"}, "shape"),
    ],
)
def test_a_context_that_proves_nothing_is_refused(
    line: WebhookContact, server: ScriptedServer, answer: dict[str, Any], says: str
) -> None:
    server.answer = always(as_json(answer))
    with pytest.raises(HostRefused, match=says):
        line.context("m4")


def test_a_context_may_be_addresses_alone(line: WebhookContact, server: ScriptedServer) -> None:
    server.answer = always(as_json({"devices": [{"type": "IMEI", "value": "placeholder-1"}]}))
    found = line.context("m4")
    assert (found.messages, [one.value for one in found.devices]) == ((), ["placeholder-1"])
