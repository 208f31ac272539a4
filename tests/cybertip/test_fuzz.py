"""Damaged answers: whatever bytes come back, the client says what may be concluded, and it is filed exactly once."""

import contextlib
import random
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safehold.cybertip import service
from safehold.cybertip.client import RESPONSE_LIMIT, Answer, Client, Outcome, Unreadable, parse
from safehold.cybertip.models import Filing
from safehold.work.models import Task
from tests.cybertip import samples
from tests.cybertip.filings import BODIES, Ended, a_filing, read

QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
GOOD = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><reportResponse><responseCode>0</responseCode>'
    b"<responseDescription>Success</responseDescription><reportId>1234567</reportId></reportResponse>"
)
DONE = (
    b"<reportDoneResponse><responseCode>0</responseCode><reportId>1234567</reportId>"
    b"<files><fileId>b0754af766b426f2928a02c651ed4b99</fileId></files></reportDoneResponse>"
)
NO = GOOD.replace(b">0<", b">5102<")


def dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - no secret


def damage(body: bytes, how: random.Random) -> bytes:
    """The bytes, cut off, flipped, doubled, swapped, or with something strange inside."""
    if not body:
        return body
    place = how.randrange(len(body))
    return how.choice(
        [
            lambda: body[:place],
            lambda: body[place:],
            lambda: body[:place] + bytes([body[place] ^ (1 << how.randrange(8))]) + body[place + 1 :],
            lambda: body + body,
            lambda: (
                body[:place] + how.choice([b"\x00", b"<!-- -->", b"<!DOCTYPE a>", b"&x;", b"\xff\xfe"]) + body[place:]
            ),
            lambda: body[:place] + body[place:][::-1],
            lambda: how.randbytes(place),
        ]
    )()


def over(handler: Callable[[httpx2.Request], httpx2.Response]) -> Client:
    """A client whose line is a function."""
    client = Client("http://127.0.0.1:1/ispws", "u", "p")
    client._http = httpx2.Client(transport=httpx2.MockTransport(handler), auth=("u", "p"))
    return client


def check(answer: Answer, status: int, body: bytes) -> None:
    """What any answer must keep to: bounded, and no success, finish or refusal that the bytes do not say."""
    assert len(answer.raw) <= RESPONSE_LIMIT
    code: int | None = None
    with contextlib.suppress(Unreadable):
        code, _fields = parse(body)
    if answer.outcome is Outcome.OK:
        assert 200 <= status < 300
        assert code == 0
    if answer.outcome is Outcome.FINISHED:
        assert code == 5102
    if answer.outcome is Outcome.GONE:
        assert code in (5001, 5002, 5101)
    if code is None and status not in (401, 403, 408, 413, 429):
        assert answer.outcome in (Outcome.UNSURE, Outcome.UNKNOWN)


headers = st.dictionaries(
    st.sampled_from(["Content-Type", "Content-Encoding", "Retry-After", "Request-ID", "Content-Length", "X-Other"]),
    st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), max_size=40),
    max_size=4,
)
bodies = (
    st.binary(max_size=400)
    | st.sampled_from([GOOD, DONE, NO, b""])
    | st.builds(lambda body, seed: damage(body, dice(seed)), st.sampled_from([GOOD, DONE, NO]), st.integers())
)


@QUICK
@given(st.integers(200, 599), headers, bodies, st.integers(1, 50))
def test_whatever_comes_back_it_is_an_answer(status: int, given_headers: dict[str, str], body: bytes, cut: int) -> None:
    def chunks() -> Iterator[bytes]:
        for place in range(0, len(body), cut):
            yield body[place : place + cut]

    def handler(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(
            status, headers=[(k.encode(), v.encode("latin-1")) for k, v in given_headers.items()], content=chunks()
        )

    with over(handler) as client:
        for call in (
            client.status, lambda: client.submit(b"<report/>"), lambda: client.finish(1), lambda: client.retract(1),
            lambda: client.fileinfo(b"<fileDetails/>"),
            lambda: client.upload(1, "x", iter([b"y"]), size=1, alive=lambda: None),
        ):  # fmt: skip
            check(call(), status, body)


@QUICK
@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_may_be_uploaded(body: bytes) -> None:
    seen: list[bytes] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.read())
        return httpx2.Response(200, content=iter([GOOD]))

    with over(handler) as client:
        answer = client.upload(1, "x", iter([body]), size=len(body), alive=lambda: None)
    assert answer.sent_md5 == samples.md5(body)
    assert body in seen[0]


@pytest.mark.network
def test_a_server_that_speaks_anything_is_survived() -> None:
    """Below HTTP: what a socket may send back instead of an answer."""
    how = dice(17)
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\nRequest-ID: 1\r\n\r\n%s"
    good = whole % (len(GOOD), GOOD)
    said = [good, b"", b"\r\n", b"HTTP/1.1 200\r\n\r\n", b"HTTP/9.9 000 x\r\n\r\n", b"SSH-2.0-x\r\n", b"\x16\x03\x01"]
    said += [b"HTTP/1.1 101 Switching\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n"]
    said += [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", whole % (10**9, GOOD)]
    said += [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", good + good]
    said += [damage(good, how) for _ in range(80)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_say, args=(server, said), daemon=True).start()
        outcomes = []
        for words in said:
            with Client(
                f"http://127.0.0.1:{server.getsockname()[1]}/ispws", "u", "p", timeout=httpx2.Timeout(2)
            ) as client:
                answer = client.finish(7)
            outcomes.append(answer.outcome)
            if answer.outcome in (Outcome.OK, Outcome.FINISHED):
                assert b"responseCode" in words
                assert answer.code in (0, 5102)
    assert outcomes[0] is Outcome.OK
    assert set(outcomes) > {Outcome.OK, Outcome.UNSURE}


def _say(server: socket.socket, said: list[bytes]) -> None:
    for words in said:
        line, _address = server.accept()
        with line, contextlib.suppress(OSError):
            line.settimeout(2)
            line.recv(65536)
            line.sendall(words)


# --- the machine, on a line that damages what it carries -----------------------------------------------


class Service:
    """The reporting service in memory, by the published rules; `how` decides what its line does to each answer."""

    def __init__(self, how: random.Random, share: float) -> None:
        self.how, self.share, self.reports = how, share, {}  # type: ignore[var-annotated]

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body, name = request.read(), request.url.path.rsplit("/", 1)[-1]
        fault = self.how.random() < self.share
        if fault and self.how.random() < 0.3:
            raise self.how.choice([httpx2.ConnectError, httpx2.ReadTimeout, httpx2.RemoteProtocolError])("not done")
        status, answer = getattr(self, name)(body)
        if fault and self.how.random() < 0.3:
            raise self.how.choice([httpx2.ReadError, httpx2.ReadTimeout])("done, and nobody knows")
        if fault:
            answer, status = damage(answer, self.how), self.how.choice([200, 200, 500, 502, 504])
        return httpx2.Response(status, content=iter([answer]))

    def submit(self, _body: bytes) -> tuple[int, bytes]:
        number = 1000 + len(self.reports)
        self.reports[number] = {"state": "open", "files": {}}
        return self._say(0, number)

    def upload(self, body: bytes) -> tuple[int, bytes]:
        number = self._number(body)
        if wrong := self._not_open(number):
            return wrong
        content = re.search(rb'name="file".*?\r\n\r\n(.*)\r\n--safehold', body, re.DOTALL)
        assert content
        file = f"file-{number}-{len(self.reports[number]['files'])}"
        self.reports[number]["files"][file] = [content[1], False]
        digest = samples.md5(content[1])
        return self._say(0, number, f"<fileId>{file}</fileId><hash>{digest}</hash>")

    def fileinfo(self, body: bytes) -> tuple[int, bytes]:
        number, file = (re.search(rf"<{tag}>(.*?)</{tag}>", body.decode())[1] for tag in ("reportId", "fileId"))  # type: ignore[index]
        if wrong := self._not_open(int(number)):
            return wrong
        row = self.reports[int(number)]["files"].get(file)
        if row is None or row[1]:
            return self._say(5002 if row is None else 4000, int(number))
        row[1] = True
        return self._say(0, int(number))

    def finish(self, body: bytes) -> tuple[int, bytes]:
        number = self._number(body)
        if wrong := self._not_open(number):
            return wrong
        self.reports[number]["state"] = "finished"
        files = "".join(f"<fileId>{name}</fileId>" for name in self.reports[number]["files"])
        return self._say(0, number, f"<files>{files}</files>")

    def retract(self, body: bytes) -> tuple[int, bytes]:
        number = self._number(body)
        if wrong := self._not_open(number):
            return wrong
        self.reports[number]["state"] = "retracted"
        return self._say(0, number)

    def _number(self, body: bytes) -> int:
        found = re.search(rb'name="id"\r\n\r\n(\d+)', body)
        assert found
        return int(found[1])

    def _not_open(self, number: int) -> tuple[int, bytes] | None:
        codes = {"open": None, "finished": 5102, "retracted": 5101}
        code = codes[self.reports[number]["state"]] if number in self.reports else 5001
        return None if code is None else self._say(code, number)

    def _say(self, code: int, number: int, more: str = "") -> tuple[int, bytes]:
        told = f"<responseCode>{code}</responseCode><reportId>{number}</reportId>{more}"
        return 200 if code == 0 else 400, f"<reportResponse>{told}</reportResponse>".encode()


@pytest.fixture
def practice(settings: Any) -> None:
    import msgspec

    tip = msgspec.structs.replace(settings.SAFEHOLD.cybertip, url="http://127.0.0.1:1/ispws", environment="practice")
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, cybertip=tip)


def storm(seed: int, *, files: int, share: float) -> tuple[Service, Filing, Ended]:
    """File on a bad line, mending it after a while; a failed one is tried again, as a person would."""
    ncmec, ended = Service(dice(seed), share), Ended()
    filing = a_filing(files=files)
    for step in range(400):
        if step == 120:
            ncmec.share = 0.0
        progress = service.advance(filing.pk, worker="t", on_finished=ended, read=read, line=lambda: over(ncmec))
        if progress.kind == "done":
            break
        if progress.kind == "person":
            assert Task.objects.filter(kind="filing-failed", closed_at=None).exists(), "failed, and nobody was told"
            service.retry(filing.pk, actor="staff:1")
    filing.refresh_from_db()
    return ncmec, filing, ended


@pytest.mark.django_db
@pytest.mark.usefixtures("practice")
@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(n, marks=pytest.mark.slow) for n in range(12, 200))])
def test_on_a_bad_line_it_is_filed_exactly_once(seed: int) -> None:
    files = seed % 3
    ncmec, filing, ended = storm(seed, files=files, share=0.15 + 0.1 * (seed % 6))
    assert filing.state in ("finished", "recovered"), (filing.state, filing.because)
    finished = [number for number, row in ncmec.reports.items() if row["state"] == "finished"]
    assert finished == [filing.report_id]
    assert len(ended.filings) == 1
    sent = ncmec.reports[filing.report_id]["files"]
    assert [(content, described) for content, described in sent.values()] == [
        (BODIES[f"sealed-{n + 1}"], True) for n in range(files)
    ]
    left = {row.report_id for row in filing.submissions.filter(state="left")}
    for number, row in ncmec.reports.items():
        assert row["state"] != "open" or number in left or None in left, "an orphan that we do not know of"
