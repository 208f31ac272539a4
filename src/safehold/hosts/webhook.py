"""The adapter for any host that implements our signed webhook (docs/integration.md).

Every question and order is one POST of `{"type", "id", "data"}` to the host's webhook address, signed
as Standard Webhooks says. `Host.settings` may hold `path` (default `/safehold/webhook`) and `timeout`
(seconds; default 10). Others reach it through `hosts.service.contact`.
"""

import functools
import secrets
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

import httpx2
import msgspec
from standardwebhooks import Webhook

from safehold.hosts import keys
from safehold.hosts.contract import (
    Abilities,
    AccountFacts,
    Context,
    Found,
    HostRefused,
    HostUnavailable,
    ItemFacts,
    NotFound,
    Unsupported,
    window,
)
from safehold.hosts.service import register
from safehold.sealing import box
from safehold.subjects.models import Host

PATH = "/safehold/webhook"
TIMEOUT = 10.0  # seconds without a byte from the host
PATIENCE = 3  # so many timeouts may a whole answer take (a file may take longer)
LARGEST = 1024 * 1024  # bytes of an answer that is not a file
ORDERS = (
    "hide_item",
    "restore_item",
    "purge_item",
    "suspend_account",
    "lock_account",
    "restore_account",
    "tell_account",
)

Answer = TypeVar("Answer")


class _Software(msgspec.Struct, frozen=True):
    software: str
    version: str = ""


class _Items(msgspec.Struct, frozen=True):
    items: list[ItemFacts]


class _Problem(msgspec.Struct, frozen=True):
    error: str = ""
    message: str = ""


class WebhookContact:
    """A line to one host over signed webhooks. Holds no rows and no connection between calls."""

    abilities = Abilities(
        orders=frozenset(ORDERS),
        context=True,
        without_undo=frozenset({"purge_item"}),
        limits=(
            "A link is understood only where the host's own answer to `find` does.",
            "The messages around an item are had only where the host answers `item.context`.",
        ),
    )

    def __init__(self, host: Host) -> None:
        self.host = host
        self.url = host.base_url.rstrip("/") + str(host.settings.get("path", PATH))
        self.timeout = float(host.settings.get("timeout", TIMEOUT))

    # Questions

    def ping(self) -> str:
        """The host's software and version."""
        answer = self._ask("ping", {}, _Software)
        return f"{answer.software} {answer.version}".strip()

    def find(self, link_or_name: str) -> Found:
        """What a link or account name leads to."""
        found = self._ask("find", {"link_or_name": link_or_name}, Found)
        if found.account is None and found.item is None:
            raise NotFound(f"{self.host.slug} found neither an account nor an item.")
        return found

    def account(self, account_id: str) -> AccountFacts:
        """The account as the host knows it."""
        answer = self._ask("account.get", {"account_id": account_id}, AccountFacts)
        return self._same(answer, answer.id, account_id, "account.get")

    def item(self, item_id: str) -> ItemFacts:
        """The item as the host knows it."""
        answer = self._ask("item.get", {"item_id": item_id}, ItemFacts)
        return self._same(answer, answer.id, item_id, "item.get")

    def items_of(self, account_id: str, limit: int = 50) -> list[ItemFacts]:
        """The account's newest items, at most `limit`."""
        answer = self._ask("items.of", {"account_id": account_id, "limit": limit}, _Items)
        return answer.items[:limit]

    @contextmanager
    def open_item(self, item_id: str) -> Iterator[Iterator[bytes]]:
        """The item's file, streamed, also when hidden."""
        with self._post("item.open", {"item_id": item_id}) as response:
            if "content-length" not in response.headers and "transfer-encoding" not in response.headers:
                raise HostRefused(f"{self.host.slug} sent a file without its length: a broken one would go unnoticed.")
            yield response.iter_raw(64 * 1024)

    def context(self, item_id: str, *, named_as: tuple[str, ...] = (), before: int = 20, after: int = 20) -> Context:
        """What stands around the item; Unsupported where the host does not answer `item.context`."""
        data = {"item_id": item_id, "named_as": list(named_as), "before": before, "after": after}
        return window(self._ask("item.context", data, Context), before=before, after=after)

    # Orders

    def hide_item(self, item_id: str, *, key: str) -> None:
        """Out of everybody's reach, at once; can be restored."""
        self._order("item.hide", key, item_id=item_id)

    def restore_item(self, item_id: str, *, key: str) -> None:
        """Undo hide_item."""
        self._order("item.restore", key, item_id=item_id)

    def purge_item(self, item_id: str, *, key: str) -> None:
        """Destroy the host's copy. No undo."""
        self._order("item.purge", key, item_id=item_id)

    def suspend_account(self, account_id: str, *, key: str) -> None:
        """The account can do nothing but read what it was told."""
        self._order("account.suspend", key, account_id=account_id)

    def lock_account(self, account_id: str, *, key: str) -> None:
        """The account cannot post until it complies."""
        self._order("account.lock", key, account_id=account_id)

    def restore_account(self, account_id: str, *, key: str) -> None:
        """Lift a suspension or a lock."""
        self._order("account.restore", key, account_id=account_id)

    def tell_account(self, account_id: str, *, subject: str, text: str, link: str, key: str) -> None:
        """Show the account holder a message, also while suspended."""
        self._order("account.tell", key, account_id=account_id, subject=subject, text=text, link=link)

    # How a message travels

    def _order(self, kind: str, key: str, **data: str) -> None:
        with self._post(kind, data, key) as response:
            self._read(response, kind)

    def _ask(self, kind: str, data: dict[str, Any], wanted: type[Answer]) -> Answer:
        with self._post(kind, data) as response:
            body = self._read(response, kind)
        try:
            answer = msgspec.json.decode(body, type=wanted)
        except msgspec.DecodeError as problem:
            raise HostRefused(f"{self.host.slug} answered {kind} in a shape we do not know: {problem}.") from None
        naive = _naive_time(answer)
        if naive:
            raise HostRefused(f"{self.host.slug} answered {kind} with a time without a zone: `{naive}`.")
        return answer

    @contextmanager
    def _post(self, kind: str, data: dict[str, Any], key: str = "") -> Iterator[httpx2.Response]:
        """Send one signed message; the caller reads the answer's body inside. Maps every failure."""
        attempt = f"msg_{secrets.token_hex(16)}"  # new for each attempt: a repetition is no replay
        body = msgspec.json.encode({"type": kind, "id": key or attempt, "data": data})
        headers = self._sign(attempt, body)
        timeout = httpx2.Timeout(self.timeout, connect=min(5.0, self.timeout))
        try:
            # No proxy and no netrc from the environment: an order goes where the operator wrote, or nowhere.
            with (
                httpx2.Client(timeout=timeout, verify=_tls(), trust_env=False, follow_redirects=False) as client,
                client.stream("POST", self.url, content=body, headers=headers) as response,
            ):
                self._check(response, kind)
                yield response
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as problem:
            raise HostRefused(f"The address {self.url} of host {self.host.slug} cannot be used: {problem}.") from None
        except httpx2.HTTPError as problem:
            raise HostUnavailable(
                f"{self.host.slug} gave no whole answer to {kind} ({type(problem).__name__}); the outcome is unknown."
            ) from None

    def _sign(self, attempt: str, body: bytes) -> dict[str, str]:
        now = datetime.now(tz=UTC)
        try:
            wanted = keys.webhook_secrets(self.host)
        except (keys.NoSecret, box.CannotUnseal) as problem:
            raise HostRefused(str(problem)) from None
        return {
            "content-type": "application/json",
            "accept-encoding": "identity",  # so that the caps below count what is kept in memory
            "user-agent": "safehold",
            "webhook-id": attempt,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(Webhook(one).sign(attempt, now, body.decode()) for one in wanted),
        }

    def _check(self, response: httpx2.Response, kind: str) -> None:
        """Return on success; raise what the status says. See the table in docs/integration.md."""
        if response.headers.get("content-encoding", "identity") != "identity":
            raise HostRefused(f"{self.host.slug} compressed its answer to {kind} though asked not to.")
        if response.status_code // 100 == 2:
            return
        self._fail(response, kind)

    def _fail(self, response: httpx2.Response, kind: str) -> NoReturn:
        status, where = response.status_code, f"{self.host.slug} answered {kind} with {response.status_code}"
        if 300 <= status < 400:
            raise HostRefused(f"{where}: redirects are not followed. Correct the host's address.")
        problem = self._problem(response, kind)
        said = f": {problem.message[:200]}" if problem.message else "."
        if status in (404, 410):
            if problem.error == "not_found":
                raise NotFound(where + said)
            # Without the word it may be the address that is wrong: that must never read as "gone".
            raise HostRefused(f'{where} without {{"error": "not_found"}}: is {self.url} the webhook address?')
        if status == 501 and problem.error == "unsupported":
            raise Unsupported(where + said)
        if status in (408, 425, 429) or status >= 500:
            raise HostUnavailable(where + said)
        raise HostRefused(where + said)

    def _problem(self, response: httpx2.Response, kind: str) -> _Problem:
        try:
            return msgspec.json.decode(self._read(response, kind), type=_Problem)
        except (msgspec.DecodeError, HostRefused):
            return _Problem()

    def _read(self, response: httpx2.Response, kind: str) -> bytes:
        """The body, within a cap and a time. A host that drips bytes must not hold a worker."""
        until = time.monotonic() + PATIENCE * self.timeout
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > LARGEST:
                raise HostRefused(f"{self.host.slug} answered {kind} with more than {LARGEST} bytes.")
            if time.monotonic() > until:
                raise HostUnavailable(f"{self.host.slug} took too long to answer {kind}; the outcome is unknown.")
        return bytes(body)

    def _same(self, answer: Answer, got: str, wanted: str, kind: str) -> Answer:
        """A read-back about something else proves nothing."""
        if got != wanted:
            raise HostRefused(f"{self.host.slug} answered {kind} for {wanted!r} with facts about {got[:80]!r}.")
        return answer


def _naive_time(value: object, place: str = "$") -> str:
    """Where a time without a zone stands in an answer; "" where none does."""
    if isinstance(value, datetime):
        return "" if value.tzinfo else place
    if isinstance(value, msgspec.Struct):
        parts = [(f"{place}.{name}", getattr(value, name)) for name in value.__struct_fields__]
    elif isinstance(value, (list, tuple)):
        parts = [(f"{place}[{number}]", part) for number, part in enumerate(value)]
    else:
        return ""
    return next((found for name, part in parts if (found := _naive_time(part, name))), "")


@functools.lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """One context for all calls: loading the system's certificates takes longer than a call."""
    return httpx2.create_ssl_context()


register("webhook", WebhookContact)
