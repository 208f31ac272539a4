"""A safety model at the operator's own address that scores a text. A score orders the queue, and nothing else.

Others call `fresh` for a `FreshText`, and `OpenAiScorer(...).score(text)`, which gives a `Score`; `Scorer` is what any
other scorer must be. The model is told the policy (`safehold policy prompt` makes that text; the caller passes it in)
as system message, the text as user message, and must answer with the JSON object that the policy's text asks for.

What never reaches a model: material of a case or of a hit. Only the screening path makes a `FreshText`, by `fresh`,
which takes the hits of the same text and refuses where there are any; nothing else is accepted by `score`. That the
hits handed over are those of the text, and that the text is of no case, is the caller's part.

Where it goes: the address must be on this machine or in a private network, now and at each call (the address that was
checked is the one connected to), unless the operator lists the host by name. Redirects are refused.

What a text can bring about itself (an answer that is no JSON, is endless, or takes too long) comes back as a score of
1 marked `unparsable`: a person looks, first in the queue. Otherwise a text could be written so that it gets no score.
What it cannot (no connection, a server's error, a redirect) raises ScorerUnavailable, so that a model that is down
does not put everything first. Error messages hold nothing of the text or the answer.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Collection, Sequence, Sized
from typing import Literal, NoReturn, Protocol
from urllib.parse import urlsplit

import httpx2
import msgspec

LARGEST = 256 * 1024  # bytes of an answer
LONGEST = 32_000  # characters of a text with what surrounds it; models of this kind follow no more
LONGEST_REASON = 500  # characters kept of the model's own reason
TIMEOUT = 20.0  # seconds for a whole answer
CONNECT = 3.0  # seconds until connected
MOST_TOKENS = 2048  # of an answer, with what the model thinks before it
_INNER = tuple(
    map(
        ipaddress.ip_network,
        ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"),
    )
)
_SURE, _LIKELY, _UNSURE, _NONE = 1.0, 0.75, 0.5, 0.0  # scores of the four answers that a model can give
_MADE_BY_FRESH = object()


class MaterialOfAHit(ValueError):
    """The text hit a list: it must not be shown to a model."""


class ForeignAddress(ValueError):
    """The model's address is not the operator's own; the message says what was found and how to allow it."""


class ScorerUnavailable(Exception):
    """No score could be had, for a reason that lies with the server or the way to it. Nothing is said of the text."""


class FreshText:
    """A text that hit nothing, with the surface that it was posted on. Made by `fresh` alone."""

    __slots__ = ("surface", "text")

    def __init__(self, text: str, surface: str, *, made_by: object = None) -> None:
        if made_by is not _MADE_BY_FRESH:
            raise TypeError("A FreshText is made by fresh(), which asks for the text's hits.")
        self.text, self.surface = text, surface

    def __repr__(self) -> str:
        return f"FreshText({len(self.text)} characters, {self.surface!r})"


def fresh(text: str, surface: str, hits: Sized, *more: Sized) -> FreshText:
    """The text for a model, given everything that it hit: hashes, links, words. Raises MaterialOfAHit for any hit."""
    if any(len(found) for found in (hits, *more)):
        raise MaterialOfAHit("The text hit a list. Material of a hit is never shown to a model.")
    return FreshText(text, surface, made_by=_MADE_BY_FRESH)


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How near the front of the queue a text belongs: `value` from 0 to 1. Never a decision.

    `rules` are the clause ids that the model named, `reason` its own sentence: both may repeat the text, so they are
    kept like it. `unparsable`: there was no answer to go by, and `reason` says why.
    """

    value: float
    label: Literal["violation", "cannot-tell", "no-violation", "unparsable"]
    reason: str
    model: str
    rules: tuple[str, ...] = ()
    unparsable: bool = False


class Scorer(Protocol):
    """Whatever scores fresh texts."""

    def score(self, text: FreshText, context: Sequence[FreshText] = ()) -> Score:
        """`context` are texts around it, oldest first. Raises ScorerUnavailable."""
        ...


class _Judgement(msgspec.Struct, frozen=True):
    """What the policy's text asks a model to answer (safehold.policy.prompt)."""

    violation: Literal[0, 1]
    cannot_tell: bool
    rule_ids: list[str]
    rationale: str


class _Message(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message


class _Completion(msgspec.Struct, frozen=True):
    choices: list[_Choice]


class _Unparsable(Exception):
    """There is no answer to go by; the message says why and holds nothing of it."""


class OpenAiScorer:
    """gpt-oss-safeguard behind an endpoint that speaks OpenAI's chat completions (vLLM, Ollama, llama.cpp).

    `base_url` is the part before `/chat/completions`, such as `http://127.0.0.1:8000/v1`. `timeout`: seconds for a
    whole answer. `allowed_hosts`: names of hosts outside that the operator calls their own; only over https.
    Safe for many threads; `close` it at the end. Raises ForeignAddress, ValueError; ScorerUnavailable where the name
    is not known.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        system_prompt: str,
        api_key: str = "",
        timeout: float = TIMEOUT,
        *,
        allowed_hosts: Collection[str] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if not model or not system_prompt.strip() or timeout <= 0:
            raise ValueError("A scorer needs the model's name, the policy's text, and a timeout above 0 seconds.")
        self._address = _Address(base_url, frozenset(host.lower() for host in allowed_hosts))
        self._address.resolved()
        self._model, self._system, self._timeout = model, system_prompt, timeout
        headers = {"User-Agent": "Safehold", "Accept": "application/json", "Accept-Encoding": "identity"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._http = httpx2.Client(
            headers=headers,
            timeout=httpx2.Timeout(timeout, connect=min(CONNECT, timeout)),
            verify=tls or ssl.create_default_context(),
            follow_redirects=False,
            trust_env=False,  # no proxy of the environment may see the texts
        )

    def close(self) -> None:
        """Let its connections go."""
        self._http.close()

    def score(self, text: FreshText, context: Sequence[FreshText] = ()) -> Score:
        """The model's answer as a score. Raises ScorerUnavailable, ForeignAddress; TypeError for any other text."""
        if not all(isinstance(one, FreshText) for one in (text, *context)):
            raise TypeError("Only a FreshText may be shown to a model.")
        try:
            return self._scored(_judgement(self._ask(_content(text, context))))
        except _Unparsable as why:
            return Score(value=_SURE, label="unparsable", reason=str(why), model=self._model, unparsable=True)

    def _scored(self, judged: _Judgement) -> Score:
        if judged.cannot_tell:
            value, label = (_LIKELY if judged.violation else _UNSURE), "cannot-tell"
        else:
            value, label = (_SURE, "violation") if judged.violation else (_NONE, "no-violation")
        return Score(
            value=value,
            label=label,  # type: ignore[arg-type]
            reason=judged.rationale[:LONGEST_REASON],
            model=self._model,
            rules=tuple(judged.rule_ids),
        )

    def _ask(self, content: str) -> bytes:
        """The raw answer. Raises _Unparsable, ScorerUnavailable, ForeignAddress."""
        messages = [{"role": "system", "content": self._system}, {"role": "user", "content": content}]
        body = {"model": self._model, "messages": messages, "temperature": 0, "max_tokens": MOST_TOKENS}
        try:
            url, host, name = self._address.pinned()
            request = self._http.build_request(
                "POST",
                url,
                content=msgspec.json.encode(body),
                headers={"Host": host, "Content-Type": "application/json"},
                extensions={"sni_hostname": name},
            )
            until = time.monotonic() + self._timeout
            answer = self._http.send(request, stream=True)
            try:
                _check_status(answer)
                return self._body(answer, until)
            finally:
                answer.close()
        except httpx2.ConnectTimeout:
            raise ScorerUnavailable("The model's server could not be reached in time.") from None
        except (httpx2.ReadTimeout, httpx2.WriteTimeout):
            self._late()
        except httpx2.HTTPError as error:
            raise ScorerUnavailable(f"The model's server could not be reached ({type(error).__name__}).") from None

    def _body(self, answer: httpx2.Response, until: float) -> bytes:
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise ScorerUnavailable("The model's server compresses its answers although it was asked not to.")
        body = bytearray()
        for part in answer.iter_raw():
            body += part
            if len(body) > LARGEST:
                raise _Unparsable(f"The model's answer is larger than {LARGEST:,} bytes.")
            if time.monotonic() > until:
                self._late()
        return bytes(body)

    def _late(self) -> NoReturn:
        raise _Unparsable(f"The model gave no whole answer within {self._timeout:g} seconds.")


def _check_status(answer: httpx2.Response) -> None:
    status = answer.status_code
    if 300 <= status < 400:
        raise ScorerUnavailable(f"The model's server answered with a redirect ({status}); it is not followed.")
    if status in (400, 413, 422):  # such as a text with more tokens than the model takes
        raise _Unparsable(f"The model's server refused the text (HTTP {status}).")
    if status != 200:
        raise ScorerUnavailable(f"The model's server answered with HTTP {status}.")


def _content(text: FreshText, context: Sequence[FreshText]) -> str:
    """The user message: the text alone, or after what surrounds it. Raises _Unparsable."""
    content = text.text
    if context:
        around = "\n".join(one.text for one in context)
        content = f"# Before it\n{around}\n\n# The content to sort\n{content}"
    if len(content) > LONGEST:
        raise _Unparsable(f"The text has {len(content):,} characters; a model is shown {LONGEST:,} at most.")
    return content.encode("utf-8", "replace").decode()


def _judgement(raw: bytes) -> _Judgement:
    """What the model answered. Raises _Unparsable: the shape alone is believed, never what stands around it."""
    try:
        completion = msgspec.json.decode(raw, type=_Completion)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _Unparsable("The model's server did not answer as the chat interface says.") from None
    if len(completion.choices) != 1 or not completion.choices[0].message.content:
        raise _Unparsable("The model gave no answer.")
    said = completion.choices[0].message.content.strip()
    said = said.removeprefix("```json").removeprefix("```").removesuffix("```")
    try:
        return msgspec.json.decode(said, type=_Judgement)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _Unparsable("The model did not answer with the JSON object that it was asked for.") from None


class _Address:
    """Where a model answers, checked each time that it is used."""

    def __init__(self, base_url: str, allowed: frozenset[str]) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError("The model's address is like http://127.0.0.1:8000/v1, without a login or parameters.")
        self._scheme, self._host, self._path = parts.scheme, parts.hostname, parts.path.rstrip("/")
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._listed = self._host in allowed

    def resolved(self) -> str:
        """An address of the host, after all of them were found to be the operator's own."""
        try:
            addresses = _addresses(self._host, self._port)
        except OSError:
            raise ScorerUnavailable(f"The name {self._host} of the model's server is not known.") from None
        outside = [address for address in addresses if not _inner(address)]
        if outside and not self._listed:
            raise ForeignAddress(
                f"The model's address {self._host} leads to {outside[0]}, outside this machine and private networks. "
                "Texts go to the operator's own server only; if this one is yours, list the host in allowed_hosts."
            )
        if outside and self._scheme != "https":
            raise ForeignAddress(f"The model's address {self._host} lies outside: it must be https.")
        return addresses[0]

    def pinned(self) -> tuple[str, str, str]:
        """(URL of the very address that was checked, Host header, name for TLS)."""
        address = self.resolved()
        literal = f"[{address}]" if ":" in address else address
        host = f"[{self._host}]" if ":" in self._host else self._host
        return (
            f"{self._scheme}://{literal}:{self._port}{self._path}/chat/completions",
            f"{host}:{self._port}",
            self._host,
        )


def _addresses(host: str, port: int) -> list[str]:
    """All addresses of a host, the preferred one first. Raises OSError."""
    return [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _inner(address: str) -> bool:
    """Whether an address is of this machine or of a private network. Link-local ones are not: clouds answer there."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in network for network in _INNER if network.version == ip.version)
