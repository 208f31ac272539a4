"""The protocol client: one method for each call of the reporting service, one `Answer` for each response.

Others in this room use `Client` and `Answer`; nothing outside the room calls it. No call raises for
what the network or the service does: the answer's `outcome` says what may be concluded.

Sources: NCMEC ISPWS documentation of 2025-06-11 (calls, codes); what follows from a code is our design.
"""

import enum
import re
import secrets
import ssl
import time
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import md5
from typing import Self
from urllib.parse import urlsplit

import httpx2
import msgspec
from lxml import etree

RESPONSE_LIMIT = 1024 * 1024  # bytes; a real response has a few hundred
RESPONSE_SECONDS = 120  # for the whole of a response body, however slowly it drips
TIMEOUT = httpx2.Timeout(60, connect=20)
UPLOAD_TIMEOUT = httpx2.Timeout(60, connect=20, read=300)  # a large file is digested before it is answered
XML_TYPE = "text/xml; charset=utf-8"


class Outcome(enum.StrEnum):
    """What a response lets us conclude."""

    OK = "ok"  # HTTP 2xx and code 0
    RETRY = "retry"  # surely not done: not connected, HTTP 408 or 429
    UNSURE = "unsure"  # may be done or half done: cut off, 5xx, code 1xxx, an unreadable success
    STOP = "stop"  # credentials or permission: no filing can go on (HTTP 401/403, codes 2xxx and 3xxx)
    PERSON = "person"  # this payload is refused (codes 4xxx, 1210, HTTP 413)
    GONE = "gone"  # the report or file is not there any more (5001, 5002, 5101)
    FINISHED = "finished"  # the report is finished already (5102)
    UNKNOWN = "unknown"  # a code or status that nobody published


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One response, or what stood in its place. `raw` are the body's bytes as received."""

    outcome: Outcome
    http_status: int = 0  # 0 = no response
    code: int | None = None
    description: str = ""
    report_id: int | None = None
    file_id: str = ""
    hash: str = ""
    files: tuple[str, ...] | None = None  # None = the response names no files
    request_id: str = ""
    raw: bytes = b""
    retry_after: float = 0  # seconds, where the service asked for a pause
    problem: str = ""  # class of the failure where there is no readable body
    sent_md5: str = ""  # of the bytes that an upload sent


class Unreadable(Exception):
    """A body that is not one of the two documented responses. The message is a code, never content."""


class WrongLength(Exception):
    """A file is longer or shorter than was announced."""


class Client:
    """A line to one base address with one login. Use as a context manager.

    `url` is the base, such as `https://exttest.cybertip.org/ispws`. Anything but loopback needs https.
    """

    def __init__(self, url: str, username: str, password: str, *, timeout: httpx2.Timeout = TIMEOUT) -> None:
        parts = urlsplit(url)
        local = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if not parts.hostname or parts.scheme not in (("http", "https") if local else ("https",)):
            raise ValueError("The CyberTipline address must be https, or http on this machine.")
        self._base = url.rstrip("/")
        self._upload_timeout = UPLOAD_TIMEOUT if timeout is TIMEOUT else timeout
        self._http = httpx2.Client(
            auth=httpx2.BasicAuth(username, password),
            headers={"User-Agent": "Safehold", "Accept": "text/xml, application/xml", "Accept-Encoding": "identity"},
            timeout=timeout,
            verify=_tls(),
            follow_redirects=False,
            trust_env=not local,  # a proxy of the environment is for the way out, never for loopback
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_about: object) -> None:
        self._http.close()

    def status(self) -> Answer:
        """The only call that is safe to repeat at will: proves address and credentials."""
        return self._call("GET", "/status")

    def xsd(self) -> Answer:
        """The service's schema, in `raw`. OK says that something else than a response came back; `xsd` judges it."""
        answer = self._call("GET", "/xsd")
        if 200 <= answer.http_status < 300 and answer.problem == "root":
            return msgspec.structs.replace(answer, outcome=Outcome.OK, problem="")
        return answer

    def submit(self, document: bytes) -> Answer:
        """Open a report."""
        return self._call("POST", "/submit", content=document, headers={"Content-Type": XML_TYPE})

    def upload(
        self, report_id: int, name: str, chunks: Iterator[bytes], *, size: int | None, alive: Callable[[], None]
    ) -> Answer:
        """Send a file, streamed. `alive` is called between chunks; what it or `chunks` raises comes through.

        `size` in bytes lets the request announce its length; without it the body is sent in chunks.
        """
        body = _Multipart(report_id, name, chunks, size, alive)
        try:
            answer = self._call(
                "POST", "/upload", content=iter(body), headers=body.headers, timeout=self._upload_timeout
            )
        except WrongLength:
            answer = Answer(outcome=Outcome.UNSURE, problem="file: wrong length")
        return msgspec.structs.replace(answer, sent_md5=body.digest.hexdigest())

    def fileinfo(self, document: bytes) -> Answer:
        """Describe an uploaded file. At most once for each file."""
        return self._call("POST", "/fileinfo", content=document, headers={"Content-Type": XML_TYPE})

    def finish(self, report_id: int) -> Answer:
        """Commit the report. Cannot be undone."""
        return self._form("/finish", report_id)

    def retract(self, report_id: int) -> Answer:
        """Cancel a report that is not finished."""
        return self._form("/retract", report_id)

    def _form(self, path: str, report_id: int) -> Answer:
        """A multipart form with the report's id alone, as the documentation's examples send it."""
        body = _Multipart(report_id, None, iter(()), 0, lambda: None)
        return self._call("POST", path, content=b"".join(body), headers=body.headers)

    def _call(self, method: str, path: str, **request: object) -> Answer:
        try:
            with self._http.stream(method, self._base + path, **request) as response:  # type: ignore[arg-type]
                return _read(response)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError) as error:
            return Answer(outcome=Outcome.RETRY, problem=type(error).__name__)
        except httpx2.HTTPError as error:
            return Answer(outcome=Outcome.UNSURE, problem=type(error).__name__)


@cache
def _tls() -> ssl.SSLContext:
    """Certificates of the system, loaded once: a client is made for every call."""
    return httpx2.create_ssl_context()


class _Multipart:
    """A multipart body made while it is sent: field `id`, then the file. Never holds more than a chunk."""

    def __init__(
        self, report_id: int, name: str | None, chunks: Iterator[bytes], size: int | None, alive: Callable[[], None]
    ) -> None:
        self.digest = md5(usedforsecurity=False)
        self._chunks, self._alive, self._size = chunks, alive, size
        self._boundary = f"safehold-{secrets.token_hex(16)}"
        self._head = f'--{self._boundary}\r\nContent-Disposition: form-data; name="id"\r\n\r\n{report_id}\r\n'.encode()
        if name is not None:
            self._head += (
                f'--{self._boundary}\r\nContent-Disposition: form-data; name="file"; filename="{_quoted(name)}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n"
            ).encode()
        self._tail = f"{'' if name is None else chr(13) + chr(10)}--{self._boundary}--\r\n".encode()

    @property
    def headers(self) -> dict[str, str]:
        """Content type, and the length where it is known."""
        found = {"Content-Type": f"multipart/form-data; boundary={self._boundary}"}
        if self._size is not None:
            found["Content-Length"] = str(len(self._head) + self._size + len(self._tail))
        return found

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        sent = 0
        for chunk in self._chunks:
            self._alive()
            self.digest.update(chunk)
            sent += len(chunk)
            if self._size is not None and sent > self._size:
                raise WrongLength
            yield chunk
        if self._size not in (None, sent):
            raise WrongLength
        yield self._tail


def _quoted(name: str) -> str:
    """A file name as browsers write it in a form."""
    safe = re.sub("[\x00-\x1f\x7f]", "", name.encode("utf-8", "ignore").decode())
    return safe.replace('"', "%22")[:255] or "file"


def _read(response: httpx2.Response) -> Answer:
    """The response as an answer: bounded, and never trusting the header's charset."""
    status, request_id = response.status_code, response.headers.get("Request-ID", "")[:200]
    raw, problem = _bounded(response)
    code: int | None = None
    fields: dict[str, object] = {}
    if not problem:
        try:
            code, fields = parse(raw)
        except Unreadable as error:
            problem = str(error)
    return Answer(
        outcome=classify(status, code),
        http_status=status,
        code=code,
        request_id=request_id,
        raw=raw,
        retry_after=_retry_after(response.headers.get("Retry-After", "")),
        problem=problem,
        **fields,  # type: ignore[arg-type]
    )


def _bounded(response: httpx2.Response) -> tuple[bytes, str]:
    """At most RESPONSE_LIMIT bytes of the body, and what was wrong with it."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return b"", "compressed"
    raw, until = bytearray(), time.monotonic() + RESPONSE_SECONDS
    for chunk in response.iter_raw():
        raw += chunk
        if len(raw) > RESPONSE_LIMIT:
            return bytes(raw[:RESPONSE_LIMIT]), "too-long"
        if time.monotonic() > until:
            return bytes(raw), "too-slow"
    return bytes(raw), "" if raw else "empty"


def parse(raw: bytes) -> tuple[int, dict[str, object]]:
    """Code and fields of a response body, of either documented root. Raises Unreadable."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Unreadable("malformed") from None
    if root.getroottree().docinfo.doctype or b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise Unreadable("doctype")
    if root.tag not in ("reportResponse", "reportDoneResponse"):
        raise Unreadable("root")
    code = _number(root.findtext("responseCode"))
    if code is None:
        raise Unreadable("no-code")
    files = root.find("files")
    return code, {
        "description": (root.findtext("responseDescription") or "")[:1000],
        "report_id": _number(root.findtext("reportId")),
        "file_id": (root.findtext("fileId") or "").strip()[:200],
        "hash": (root.findtext("hash") or "").strip()[:200],
        "files": None if files is None else tuple((one.text or "").strip() for one in files.findall("fileId")),
    }


def classify(status: int, code: int | None) -> Outcome:
    """What HTTP status and body code together mean. Success needs both."""
    if status in (401, 403):
        return Outcome.STOP
    if status in (408, 429):
        return Outcome.RETRY
    if code is None:
        if status == 413:
            return Outcome.PERSON
        return Outcome.UNSURE if 200 <= status < 300 or status >= 500 else Outcome.UNKNOWN
    if code == 0:
        return Outcome.OK if 200 <= status < 300 else Outcome.UNSURE
    return _CODES.get(code) or _FAMILIES.get(code // 1000, Outcome.UNKNOWN)


_CODES = {
    1210: Outcome.PERSON,
    5001: Outcome.GONE,
    5002: Outcome.GONE,
    5101: Outcome.GONE,
    5102: Outcome.FINISHED,
}
_FAMILIES = {1: Outcome.UNSURE, 2: Outcome.STOP, 3: Outcome.STOP, 4: Outcome.PERSON}


def _number(text: str | None) -> int | None:
    """A whole number of at most 18 digits; None for anything else."""
    found = (text or "").strip()
    return int(found) if found.isascii() and found.isdigit() and len(found) <= 18 else None


def _retry_after(text: str) -> float:
    """Seconds of a Retry-After header, at most an hour; dates are not used by the service."""
    return min(3600.0, float(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
