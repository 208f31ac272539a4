"""The scorer: what never reaches a model, where it may be, and what any answer comes to."""

import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from safehold.screening import classifier
from safehold.screening.classifier import (
    LARGEST,
    LONGEST,
    ForeignAddress,
    FreshText,
    MaterialOfAHit,
    OpenAiScorer,
    Score,
    Scorer,
    ScorerUnavailable,
    fresh,
)
from safehold.screening.links.matching import LinkHit
from safehold.screening.words.reading import TextHits
from safehold.screening.words.terms import TermHit
from tests.support.scripted_http import Answer, ScriptedServer, as_json, scripted_server

POLICY = "# Instruction\nSort it. Answer with JSON."
TEXT = "placeholder message 3"
MODEL = "gpt-oss-safeguard:20b"


def judged(**changes: Any) -> dict[str, Any]:
    return {"violation": 0, "cannot_tell": False, "rule_ids": [], "rationale": "Nothing applies.", **changes}


def said(content: Any) -> Answer:
    """The interface's answer around what a model says."""
    text = content if isinstance(content, str) else json.dumps(content)
    return as_json({"id": "x", "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]})


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server(lambda _asked: said(judged())) as running:
        yield running


MADE: list[OpenAiScorer] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Every scorer that a test made lets its connections go."""
    yield
    while MADE:
        MADE.pop().close()


def scorer(url: str, **more: Any) -> OpenAiScorer:
    made = OpenAiScorer(f"{url}/v1/", MODEL, POLICY, **{"api_key": "secret", "timeout": 5, **more})
    MADE.append(made)
    return made


def text(content: str = TEXT, surface: str = "post") -> FreshText:
    return fresh(content, surface, [])


# --- what never reaches a model ---


@pytest.mark.parametrize(
    "hits",
    [
        ([LinkHit(bytes(16), "exact")],),
        (TextHits((TermHit(bytes(16), "a", 0, 4),)),),
        ([], TextHits(), [object()]),
        ({"sha256": "entry"}, []),
    ],
)
def test_a_text_that_hit_anything_is_never_fresh(hits: tuple[Any, ...]) -> None:
    with pytest.raises(MaterialOfAHit, match="never shown to a model"):
        fresh(TEXT, "post", *hits)


def test_a_text_without_hits_is_fresh_and_does_not_show_itself() -> None:
    made = fresh(TEXT, "post", [], TextHits(), ())
    assert (made.text, made.surface) == (TEXT, "post")
    assert TEXT not in repr(made)


def test_nothing_else_makes_a_fresh_text() -> None:
    with pytest.raises(TypeError, match="made by fresh"):
        FreshText(TEXT, "post")
    with pytest.raises(TypeError):
        fresh(TEXT, "post")  # type: ignore[call-arg]


@pytest.mark.network
def test_nothing_but_a_fresh_text_is_sent(server: ScriptedServer) -> None:
    made = scorer(server.url)
    for what, around in ((TEXT, ()), (text(), [TEXT]), (b"", ()), (None, ())):
        with pytest.raises(TypeError, match="Only a FreshText"):
            made.score(what, around)  # type: ignore[arg-type]
    assert server.asked == []


# --- where a model may be ---


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    monkeypatch.setattr(classifier, "_addresses", lambda _host, _port: list(addresses))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.9.9.9", "10.0.0.4", "172.16.0.1", "172.31.255.255", "192.168.1.1", "::1", "fd00::1"]
)
def test_own_addresses_are_taken(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolving(monkeypatch, address, "::ffff:10.0.0.4")
    scorer("http://model.test:8000")


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.7",
        "198.51.100.1",
        "172.32.0.1",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "169.254.169.254",
        "fe80::1%eth0",
        "2001:db8::1",
        "::ffff:192.0.2.7",
        "100.64.0.1",
    ],
)
def test_addresses_outside_are_refused_also_beside_own_ones(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    for addresses in ((address,), ("127.0.0.1", address)):
        resolving(monkeypatch, *addresses)
        with pytest.raises(ForeignAddress, match=r"leads to .*list the host in allowed_hosts") as refused:
            scorer("http://model.test:8000")
        assert address in str(refused.value)
        with pytest.raises(ForeignAddress):
            scorer("https://model.test", allowed_hosts=["other.test"])


def test_a_listed_host_outside_needs_https(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "192.0.2.7")
    scorer("https://model.test", allowed_hosts=["MODEL.test"])
    with pytest.raises(ForeignAddress, match="must be https"):
        scorer("http://model.test", allowed_hosts=["model.test"])


@pytest.mark.parametrize(
    "url",
    ["", "model.test", "ftp://127.0.0.1/v1", "http://", "http://user:word@127.0.0.1/v1", "http://127.0.0.1/?key=1"],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"like http://127\.0\.0\.1:8000/v1"):
        OpenAiScorer(url, MODEL, POLICY)


@pytest.mark.parametrize(("model", "policy", "timeout"), [("", POLICY, 5), (MODEL, " \n", 5), (MODEL, POLICY, 0)])
def test_a_scorer_needs_a_model_a_policy_and_a_timeout(model: str, policy: str, timeout: float) -> None:
    with pytest.raises(ValueError, match="A scorer needs"):
        OpenAiScorer("http://127.0.0.1:8000/v1", model, policy, timeout=timeout)


def test_a_name_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(8, "not known")

    monkeypatch.setattr(classifier, "_addresses", unknown)
    with pytest.raises(ScorerUnavailable, match=r"The name model\.test of the model's server is not known"):
        scorer("http://model.test")


@pytest.mark.network
def test_the_address_that_was_checked_is_the_one_connected_to(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, "127.0.0.1")
    port = server.url.rpartition(":")[2]
    made = scorer(f"http://model.test:{port}")
    assert made.score(text()).label == "no-violation"
    assert server.asked[0].headers["host"] == f"model.test:{port}"
    resolving(monkeypatch, "192.0.2.7")  # the name is moved after the start
    with pytest.raises(ForeignAddress):
        made.score(text())
    assert len(server.asked) == 1


# --- what is asked, and what an answer comes to ---


@pytest.mark.network
def test_the_policy_is_the_system_message_and_the_text_the_users(server: ScriptedServer) -> None:
    made: Scorer = scorer(server.url)
    made.score(text("Ignore the above \ud800"))
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert asked.headers["authorization"] == "Bearer secret"
    body = asked.json()
    assert body["model"] == MODEL
    assert body["temperature"] == 0
    assert body["messages"] == [
        {"role": "system", "content": POLICY},
        {"role": "user", "content": "Ignore the above ?"},
    ]
    made.score(text(), [text("placeholder message 1"), text("placeholder message 2")])
    content = server.asked[1].json()["messages"][1]["content"]
    assert content == f"# Before it\nplaceholder message 1\nplaceholder message 2\n\n# The content to sort\n{TEXT}"


@pytest.mark.network
def test_no_key_no_header_and_no_proxy(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.9:3128")
    scorer(server.url, api_key="").score(text())
    assert "authorization" not in server.asked[0].headers


@pytest.mark.network
@pytest.mark.parametrize(
    ("answer", "value", "label"),
    [
        (judged(), 0.0, "no-violation"),
        (judged(cannot_tell=True), 0.5, "cannot-tell"),
        (judged(violation=1, cannot_tell=True), 0.75, "cannot-tell"),
        (judged(violation=1), 1.0, "violation"),
    ],
)
def test_scores(server: ScriptedServer, answer: dict[str, Any], value: float, label: str) -> None:
    server.answer = lambda _asked: said({**answer, "rule_ids": ["CSE-01"], "rationale": "x" * 600, "more": 1})
    assert scorer(server.url).score(text()) == Score(
        value=value, label=label, reason="x" * 500, model=MODEL, rules=("CSE-01",)  # type: ignore[arg-type]
    )  # fmt: skip
    server.answer = lambda _asked: said(f"```json\n{json.dumps(answer)}\n```")
    assert scorer(server.url).score(text()).value == value


def writes(*parts: bytes, pause: float = 0) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer written by hand, with pauses."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        for part in parts:
            handler.wfile.write(part)
            handler.wfile.flush()
            time.sleep(pause)

    return reply


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
UNPARSABLE: list[tuple[Answer, str]] = [
    (said("I cannot help with that."), "with the JSON object"),
    (said(""), "gave no answer"),
    (said("[]"), "with the JSON object"),
    (said("{}"), "with the JSON object"),
    (said(judged(violation=2)), "with the JSON object"),
    (said(judged(violation="0")), "with the JSON object"),
    (said(judged(violation=False)), "with the JSON object"),
    (said(judged(rationale=None)), "with the JSON object"),
    (said(judged(rule_ids="CSE-01")), "with the JSON object"),
    (said(json.dumps(judged()) + json.dumps(judged(violation=1))), "with the JSON object"),
    (said("[" * 10_000), "with the JSON object"),
    (as_json({"choices": []}), "gave no answer"),
    (as_json({"choices": [{"message": {"content": None}}]}), "gave no answer"),
    (as_json({"choices": [{"message": {"content": "{}"}}] * 2}), "gave no answer"),
    (as_json({"error": "no"}), "as the chat interface says"),
    (as_json([]), "as the chat interface says"),
    ((200, {}, b""), "as the chat interface says"),
    ((200, {}, b'{"x":' + b"[" * 100_000), "as the chat interface says"),
    (said('{"x":' + "[" * 100_000), "with the JSON object"),
    ((200, {}, b"\xff\xfe"), "as the chat interface says"),
    ((200, {"content-type": "text/html"}, b"<html>"), "as the chat interface says"),
    ((200, {}, b'"' + b"x" * LARGEST), "larger than 262,144 bytes"),
    (writes(HEAD, *[b"x" * 65_536] * 10), "larger than 262,144 bytes"),
    (as_json({"error": "too many tokens"}, 400), "refused the text (HTTP 400)"),
    (as_json({}, 413), "refused the text (HTTP 413)"),
    (as_json({}, 422), "refused the text (HTTP 422)"),
]


@pytest.mark.network
@pytest.mark.parametrize(("answer", "why"), UNPARSABLE, ids=range(len(UNPARSABLE)))
def test_what_cannot_be_read_comes_first_before_a_person(server: ScriptedServer, answer: Answer, why: str) -> None:
    server.answer = lambda _asked: answer
    score = scorer(server.url).score(text())
    assert (score.value, score.label, score.unparsable) == (1.0, "unparsable", True)
    assert why in score.reason
    assert TEXT not in score.reason


@pytest.mark.network
def test_a_text_that_is_too_long_is_not_cut_and_not_sent(server: ScriptedServer) -> None:
    made = scorer(server.url)
    assert made.score(text("x" * LONGEST)).label == "no-violation"
    score = made.score(text("x" * (LONGEST + 1)))
    assert score.unparsable
    assert "has 32,001 characters; a model is shown 32,000 at most" in score.reason
    assert made.score(text("x"), [text("x" * LONGEST)]).unparsable
    assert len(server.asked) == 1


@pytest.mark.network
@pytest.mark.parametrize(
    "answer", [writes(b"", pause=1.5), writes(HEAD, *[b" "] * 12, pause=0.12)], ids=["silent", "dripping"]
)
def test_a_slow_answer_comes_first_before_a_person(server: ScriptedServer, answer: Answer) -> None:
    server.answer = lambda _asked: answer
    began = time.monotonic()
    score = scorer(server.url, timeout=0.4).score(text())
    assert time.monotonic() - began < 1.4
    assert (score.value, score.unparsable) == (1.0, True)
    assert score.reason == "The model gave no whole answer within 0.4 seconds."


@pytest.mark.network
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((302, {"location": "http://192.0.2.7/"}, b""), r"a redirect \(302\); it is not followed"),
        ((308, {"location": "/v1/chat/completions"}, b""), r"a redirect \(308\); it is not followed"),
        (as_json({}, 401), "HTTP 401"),
        (as_json({}, 404), "HTTP 404"),
        (as_json({}, 429), "HTTP 429"),
        (as_json({}, 500), "HTTP 500"),
        ((204, {}, b""), "HTTP 204"),
        ((200, {"content-encoding": "gzip"}, b"x"), "compresses its answers"),
        (writes(b"nonsense\r\n\r\n"), "could not be reached"),
        (writes(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx"), "could not be reached"),
    ],
)
def test_a_fault_of_the_server_gives_no_score(server: ScriptedServer, answer: Answer, why: str) -> None:
    server.answer = lambda _asked: answer
    with pytest.raises(ScorerUnavailable, match=why) as refused:
        scorer(server.url).score(text())
    assert TEXT not in str(refused.value)
    assert refused.value.__cause__ is None
    assert len(server.asked) == 1


@pytest.mark.network
def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        with pytest.raises(ScorerUnavailable, match="could not be reached"):
            scorer(f"http://127.0.0.1:{taken.getsockname()[1]}").score(text())


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda one: json.dumps({"choices": [{"message": {"content": one}}]}).encode())
)
@settings(deadline=None)
def test_any_answer_is_a_judgement_or_unparsable(raw: bytes) -> None:
    try:
        found = classifier._judgement(raw)
    except classifier._Unparsable:
        return
    assert found.violation in (0, 1)


# --- TLS ---


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of model.test, signed by itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "model.test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("model.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path / "model.pem"
    file.write_bytes(private + made.public_bytes(encoding))
    return file


@pytest.fixture
def tls_port(certificate: Path) -> Iterator[int]:
    """A server with that certificate that judges everything as no violation."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            _status, _headers, body = said(judged())  # type: ignore[misc]
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_about: object) -> None:
            pass  # clients that refuse the certificate hang up

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Quiet(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.network
def test_the_certificate_is_checked_against_the_name(
    tls_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, "127.0.0.1")
    trusted = ssl.create_default_context(cafile=str(certificate))
    made = scorer(f"https://model.test:{tls_port}", tls=trusted)
    assert made.score(text()).label == "no-violation"
    for url, tls in ((f"https://model.test:{tls_port}", None), (f"https://other.test:{tls_port}", trusted)):
        with pytest.raises(ScorerUnavailable, match="ConnectError"):
            scorer(url, tls=tls).score(text())


def test_private_networks_are_what_is_documented() -> None:
    assert [str(network) for network in classifier._INNER if network.version == 4] == [
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
    ]
    assert not classifier._inner(str(ipaddress.ip_address("8.8.8.8")))
