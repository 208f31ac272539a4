"""Calls to a Synapse homeserver, as its administrator: the routes, and what its answers mean.

Others may call: `Synapse(base_url, token)`. It knows nothing of cases or orders; `hosts.matrix` does.
Errors are those of `hosts.contract`. Nothing is tried twice here: the caller's job is patient.
Routes: Synapse documentation, "Admin API"; context of an event and whoami: Matrix specification.
Tried against the version that `examples/matrix/requirements.txt` pins.
"""

import atexit
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec

from safehold.hosts.contract import HostRefused, HostUnavailable, NotFound

ADMIN = "/_synapse/admin"
CLIENT = "/_matrix/client/v3"
TIMEOUT = httpx2.Timeout(30, connect=5)  # seconds
PIECE = 64 * 1024  # bytes of a file at a time
Json = dict[str, Any]


@cache
def _connections() -> httpx2.Client:
    """One pool for the process: lines to hosts are made for each call, connections are not."""
    pool = httpx2.Client(timeout=TIMEOUT)
    atexit.register(pool.close)
    return pool


class Synapse:
    """A line to one homeserver. Safe to use from several threads.

    `token` may be a function, called once before the first request; `transport` is for tests.
    """

    def __init__(
        self, base_url: str, token: str | Callable[[], str], *, transport: httpx2.BaseTransport | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._token = token
        self._http = httpx2.Client(transport=transport, timeout=TIMEOUT) if transport else _connections()

    def __repr__(self) -> str:
        return f"Synapse({self.base_url!r})"

    # The server and its users

    def version(self) -> str:
        """Synapse's version."""
        return str(self._call("GET", ADMIN, "v1", "server_version")["server_version"])

    def whoami(self) -> str:
        """The id of the account whose token this is."""
        return str(self._call("GET", CLIENT, "account", "whoami")["user_id"])

    def user(self, user_id: str) -> Json:
        """An account of this server, as the administrator sees it."""
        return self._call("GET", ADMIN, "v2", "users", user_id)

    def whois(self, user_id: str) -> list[Json]:
        """The network addresses that an account was used from: ip, last_seen (milliseconds), user_agent."""
        devices = self._call("GET", ADMIN, "v1", "whois", user_id)["devices"]
        return [
            connection
            for device in devices.values()
            for session in device["sessions"]
            for connection in session["connections"]
        ]

    def set_suspended(self, user_id: str, suspended: bool) -> None:
        """Suspended (MSC3823): may log in, read and leave, but not write, join or change its profile."""
        self._call("PUT", ADMIN, "v1", "suspend", user_id, body={"suspend": suspended})

    def set_locked(self, user_id: str, locked: bool) -> None:
        """Locked (Matrix 1.12): every call of the account is refused, logging in too.

        The route makes an account where there is none: the caller must have seen that it exists.
        """
        self._call("PUT", ADMIN, "v2", "users", user_id, body={"locked": locked})

    def send_notice(self, user_id: str, text: str, key: str) -> str:
        """Send a server notice, once for each key (Synapse remembers keys for half an hour). Gives the event's id."""
        body = {"user_id": user_id, "content": {"msgtype": "m.text", "body": text}}
        return str(self._call("PUT", ADMIN, "v1", "send_server_notice", key, body=body)["event_id"])

    # Media

    def media(self, server: str, media: str) -> Json:
        """What the server knows of a file."""
        return dict(self._call("GET", ADMIN, "v1", "media", server, media)["media_info"])

    def media_of(self, user_id: str, limit: int) -> list[Json]:
        """The files that an account uploaded, newest first."""
        return list(self._call("GET", ADMIN, "v1", "users", user_id, "media", params={"limit": limit})["media"])

    def quarantine(self, server: str, media: str) -> None:
        """Put a file, and every copy with the same bytes, out of reach. Says yes to unknown ids too."""
        self._call("POST", ADMIN, "v1", "media", "quarantine", server, media, body={})

    def unquarantine(self, server: str, media: str) -> None:
        """Bring a file, and every copy with the same bytes, back. Says yes to unknown ids too."""
        self._call("POST", ADMIN, "v1", "media", "unquarantine", server, media, body={})

    def delete_media(self, server: str, media: str) -> None:
        """Delete a file of this server. No undo."""
        self._call("DELETE", ADMIN, "v1", "media", server, media)

    @contextmanager
    def open_media(self, server: str, media: str, sha256: str | None) -> Iterator[Iterator[bytes]]:
        """A file's bytes, also while quarantined; checked against `sha256` (hex) where the server gave one."""
        url = self._url(
            "/_matrix/client/v1", "media", "download", server, media
        ) + "?admin_unsafely_bypass_quarantine=true&timeout_ms=1000"  # fmt: skip
        try:
            with self._http.stream("GET", url, headers=self._headers()) as answer:
                if answer.status_code != 200:
                    answer.read()
                    _check(answer)
                yield _pieces(answer, sha256)
        except httpx2.HTTPError as problem:
            raise HostUnavailable(f"{self.base_url} broke off while sending a file: {_name(problem)}.") from problem

    # Rooms and events

    def room(self, room: str) -> Json:
        """A room's settings."""
        return self._call("GET", ADMIN, "v1", "rooms", room)

    def room_of_alias(self, alias: str) -> str:
        """The room that an alias stands for."""
        return str(self._call("GET", CLIENT, "directory", "room", alias)["room_id"])

    def context(self, room: str, event: str, around: int = 0, types: tuple[str, ...] = ()) -> Json:
        """An event as the room's members see it, up to `around` events about it (half on each side), and the state."""
        params: Json = {"limit": around}
        if types:
            params["filter"] = msgspec.json.encode({"types": types}).decode()
        return self._call("GET", ADMIN, "v1", "rooms", room, "context", event, params=params)

    def event_as_sent(self, event: str) -> Json:
        """An event as it was sent: after a redaction, for as long as Synapse keeps the original (a week by default)."""
        return dict(self._call("GET", ADMIN, "v1", "fetch_event", event)["event"])

    def start_redaction(self, user_id: str, room: str, at: int, reason: str) -> str:
        """Have a member's messages of one millisecond redacted in their own name. Gives the id of the server's task."""
        body = {"rooms": [room], "after_ts": at, "before_ts": at, "reason": reason, "limit": 10}
        return str(self._call("POST", ADMIN, "v1", "user", user_id, "redact", body=body)["redact_id"])

    def redaction_task(self, redact_id: str) -> Json:
        """How a redaction goes: status, and failed_redactions once complete."""
        return self._call("GET", ADMIN, "v1", "user", "redact_status", redact_id)

    def redact_as_myself(self, room: str, event: str, key: str) -> None:
        """Redact as the administrator's own account, which must be in the room with the power to."""
        self._call("PUT", CLIENT, "rooms", room, "redact", event, key, body={})

    # Underneath

    def _headers(self) -> dict[str, str]:
        if not isinstance(self._token, str):
            self._token = self._token()
        # Unpacked answers only: so a file's bytes are counted and digested as they were sent.
        return {"Authorization": f"Bearer {self._token}", "User-Agent": "Safehold", "Accept-Encoding": "identity"}

    def _url(self, root: str, *parts: str) -> str:
        return self.base_url + "/".join((root, *(quote(part, safe="") for part in parts)))

    def _call(self, method: str, root: str, *parts: str, body: Json | None = None, params: Json | None = None) -> Json:
        try:
            answer = self._http.request(
                method, self._url(root, *parts), json=body, params=params, headers=self._headers()
            )
        except httpx2.HTTPError as problem:
            raise HostUnavailable(f"{self.base_url} did not answer: {_name(problem)}.") from problem
        return _check(answer)


def _check(answer: httpx2.Response) -> Json:
    """The answer's JSON, or the contract's error for it.

    A 404 counts as "does not exist" only in Synapse's own words: a proxy that hides the admin API
    answers 404 as well, and must never pass for proof that something is gone.
    """
    said = _json(answer)
    code = str(said.get("errcode", "")) if said else ""
    where = f"{answer.request.method} {answer.request.url.path}"
    what = f"{where} was answered with {answer.status_code} {code} {str(said.get('error', ''))[:200] if said else ''}"
    what = what.strip().rstrip(".")
    status = answer.status_code
    if 200 <= status < 300:
        if said is None:
            raise HostUnavailable(f"{what}, but not with JSON: something else than Synapse answers at that address.")
        return said
    if status == 429 or status >= 500:
        raise HostUnavailable(f"{what}. Ask again later.")
    if status == 404 and code and code != "M_UNRECOGNIZED":
        raise NotFound(f"{what}.")
    if status == 404:
        raise HostRefused(f"{what}. The admin API is not reachable there, or this Synapse is too old for it.")
    if status == 401:
        raise HostRefused(f"{what}. The administrator's access token no longer works: set a new one.")
    if status == 403:
        raise HostRefused(f"{what}. The token's account must be a server administrator.")
    raise HostRefused(f"{what}.")


def _json(answer: httpx2.Response) -> Json | None:
    try:
        said = msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        return None
    return said if isinstance(said, dict) else None


def _pieces(answer: httpx2.Response, sha256: str | None) -> Iterator[bytes]:
    """The body in pieces. A body that ends early or differs from the server's own digest is an error."""
    digest = hashlib.sha256()
    for piece in answer.iter_bytes(PIECE):
        digest.update(piece)
        yield piece
    if sha256 and digest.hexdigest() != sha256.lower():
        raise HostUnavailable("The file's bytes differ from the digest that the server itself keeps of it.")


def _name(problem: Exception) -> str:
    return type(problem).__name__
