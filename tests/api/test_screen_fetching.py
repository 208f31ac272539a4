"""Fetching by address: off by default, and never into the operator's own network."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from django.db import connections

from safehold.api import screen
from safehold.api.screen_fetching import Fetcher, NotFetched, is_public, place
from tests.api.asking import CHECK, ask

PLACE = {"surface": "public_posts", "jurisdiction": "US"}
PUBLIC = "93.184.216.34"  # an address of the public internet; nothing is ever sent to it here


def refused(fetcher: Fetcher, url: str) -> str:
    """The reason why it is not fetched."""
    with pytest.raises(NotFetched) as problem:
        fetcher.fetch(url, lambda _piece: None)
    return problem.value.reason


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104 - never gone to
        "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
        "2002:7f00:1::", "2001:0:0:0::1", "2001:db8::1", "nonsense", "",
    ],
)  # fmt: skip
def test_addresses_that_are_never_gone_to(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://files.example/x", "file:///etc/passwd", "gopher://x.example/", "data:text/plain,x", "//x.example/", "x",
        "", "http://", "javascript:0", "http://user-17:x@files.example/", "http://files.example:8080/",
        "https://files.example:22/", "http://files.example:0/",
    ],
)  # fmt: skip
def test_addresses_that_are_refused_unresolved(url: str) -> None:
    def never(_host: str, _port: int) -> list[str]:
        raise AssertionError("it was resolved")

    assert refused(Fetcher(most=10, resolver=never), url) == "fetch_refused"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://①27.0.0.1/",
    ],
)
def test_addresses_of_digits_in_any_spelling(url: str) -> None:
    def as_written(host: str, _port: int) -> list[str]:
        return [host.strip("[]")]

    assert refused(Fetcher(most=10, resolver=as_written), url) == "fetch_refused"


def test_a_name_with_one_private_address_is_not_gone_to() -> None:
    for found in (["10.0.0.1"], [PUBLIC, "127.0.0.1"], ["2606:4700::1111", "fe80::1"]):
        assert (
            refused(Fetcher(most=10, resolver=lambda *_a, found=found: found), "http://files.example/")
            == "fetch_refused"
        )
    assert refused(Fetcher(most=10, resolver=lambda *_a: []), "http://files.example/") == "fetch_failed"


def test_a_name_is_resolved_once_and_that_address_is_gone_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers something else the second time gains nothing."""
    asked, gone_to = [], []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    def connect(address: Any, **_more: Any) -> Any:
        gone_to.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    assert refused(Fetcher(most=10, resolver=rebinding), "http://files.example/x") == "fetch_failed"
    assert (asked, gone_to) == (["files.example"], [(PUBLIC, 80)])


def test_what_is_asked_for_keeps_the_name() -> None:
    assert place("https://FILES.example:443/a b?c#d") == (True, "files.example", 443, "/a%20b?c")


Answers = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def server(answers: Answers) -> Iterator[int]:
    """A server on loopback; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers(self)

        def log_message(self, *_given: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running.server_port
        running.shutdown()


def allowed(port: int, *, most: int = 1000, seconds: float = 5.0) -> Fetcher:
    """One that may go to that port of loopback, for tests alone."""
    return Fetcher(
        most=most, seconds=seconds, ports=(port,), resolver=lambda *_a: ["127.0.0.1"], public=lambda _address: True
    )


@pytest.mark.network
def test_the_file_comes_with_nothing_of_ours_sent_along() -> None:
    seen: list[Any] = []

    def answer(call: BaseHTTPRequestHandler) -> None:
        seen.append((call.path, dict(call.headers)))
        call.send_response(200)
        call.send_header("Content-Length", "5")
        call.end_headers()
        call.wfile.write(b"bytes")

    taken = bytearray()
    with server(answer) as port:
        allowed(port).fetch(f"http://files.example:{port}/a?b=c#d", taken.extend)
    assert bytes(taken) == b"bytes"
    path, headers = seen[0]
    assert path == "/a?b=c"
    assert headers["Host"] == f"files.example:{port}"
    assert set(headers) == {"Host", "Accept", "Accept-Encoding", "Connection", "User-Agent"}


@pytest.mark.network
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_is_followed(status: int) -> None:
    calls: list[str] = []

    def answer(call: BaseHTTPRequestHandler) -> None:
        calls.append(call.path)
        call.send_response(status)
        call.send_header("Location", "/secret")
        call.send_header("Content-Length", "0")
        call.end_headers()

    with server(answer) as port:
        assert refused(allowed(port), f"http://files.example:{port}/") == "fetch_failed"
    assert calls == ["/"]


@pytest.mark.network
@pytest.mark.parametrize("told", [True, False])
def test_too_large_is_told_at_once_or_at_the_limit(told: bool) -> None:
    def answer(call: BaseHTTPRequestHandler) -> None:
        call.send_response(200)
        if told:
            call.send_header("Content-Length", "1001")
        call.end_headers()
        call.wfile.write(b"x" * 1001)

    with server(answer) as port:
        assert refused(allowed(port), f"http://files.example:{port}/") == "too_large"


def _drips(call: BaseHTTPRequestHandler) -> None:
    call.send_response(200)
    call.end_headers()
    for _ in range(100):
        call.wfile.write(b"x")
        call.wfile.flush()
        time.sleep(0.1)


def _silent(_call: BaseHTTPRequestHandler) -> None:
    time.sleep(5)


@pytest.mark.network
@pytest.mark.parametrize("answer", [_drips, _silent])
def test_whoever_is_slow_is_cut_off(answer: Answers) -> None:
    with server(answer) as port:
        began = time.monotonic()
        assert refused(allowed(port, seconds=0.5), f"http://files.example:{port}/") == "fetch_failed"
        assert time.monotonic() - began < 2


def _short(call: BaseHTTPRequestHandler) -> None:
    call.send_response(200)
    call.send_header("Content-Length", "100")
    call.end_headers()
    call.wfile.write(b"x" * 50)


def _packed(call: BaseHTTPRequestHandler) -> None:
    call.send_response(200)
    call.send_header("Content-Encoding", "gzip")
    call.send_header("Content-Length", "1")
    call.end_headers()
    call.wfile.write(b"x")


def _missing(call: BaseHTTPRequestHandler) -> None:
    call.send_error(404)


@pytest.mark.network
@pytest.mark.parametrize("answer", [_short, _packed, _missing])
def test_half_a_file_is_no_file(answer: Answers) -> None:
    with server(answer) as port:
        assert refused(allowed(port), f"http://files.example:{port}/") == "fetch_failed"


@pytest.mark.network
def test_a_server_without_a_certificate_for_the_name_is_not_read() -> None:
    with server(_missing) as port:
        assert refused(allowed(port), f"https://files.example:{port}/") == "fetch_failed"


@pytest.mark.network
@pytest.mark.django_db(transaction=True)
def test_off_unless_the_operator_allows_it(key: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "close_old_connections", connections.close_all)
    body = PLACE | {"items": [{"url": "http://127.0.0.1/x"}]}
    status, _headers, answer, _reads = ask(CHECK, body, key)
    assert (status, answer["error"], answer["field"]) == (403, "fetching_off", "items[0].url")
    on = msgspec.structs.replace(settings.SAFEHOLD.screening, fetch=True)
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, screening=on)
    status, _headers, answer, _reads = ask(CHECK, body, key)
    assert status == 200, answer
    item = answer["items"][0]
    assert (status, item["do"], item["not_screened"]["reason"]) == (200, "not_screened", "fetch_refused")
    many = PLACE | {"items": [{"url": "http://127.0.0.1/x"}] * 11}
    assert ask(CHECK, many, key)[2]["error"] == "too_many"
    both = PLACE | {"items": [{"url": "http://127.0.0.1/x", "sha256": "0" * 64}]}
    assert ask(CHECK, both, key)[0] == 422
