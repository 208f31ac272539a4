"""Both directions of signed messages (Standard Webhooks): orders that Safehold sends, events that a host tells."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

from safehold.client.types import SafeholdError


class Forged(SafeholdError):
    """The message was not signed with this secret, was changed on the way, or is older than five minutes."""


class Order(msgspec.Struct, frozen=True):
    """What Safehold asks or orders: `type` as the integration guide lists them, `id` of the order, its data.

    `delivery` is new for each attempt: store it with what you do, and answer 409 where you have it already.
    """

    type: str
    data: dict[str, Any]
    id: str = ""
    delivery: str = ""


class Signer:
    """The webhook secret of one host (`whsec_…`)."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)

    def order(self, headers: Mapping[str, str], body: bytes) -> Order:
        """Verify a request that claims to be from Safehold, then read it. Give the raw bytes. Raises Forged."""
        given = {name.lower(): value for name, value in headers.items()}
        try:
            self._webhook.verify(body, given, json_parse=False)
        except WebhookVerificationError as problem:
            raise Forged(f"Answer 401: {problem}") from None
        try:
            order = msgspec.json.decode(body, type=Order)
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise SafeholdError(f"Signed by Safehold, but no order that this version can read: {problem}") from None
        return msgspec.structs.replace(order, delivery=given["webhook-id"])

    def event(self, kind: str, data: Mapping[str, Any], *, event_id: str = "") -> tuple[bytes, dict[str, str]]:
        """The body and headers of an event, signed now. Keep `event_id` (and the body) for each resend of it."""
        now = datetime.now(UTC)
        body = msgspec.json.encode({"type": kind, "timestamp": now.isoformat(), "data": dict(data)})
        return body, self.headers(body, event_id or f"evt_{secrets.token_hex(16)}", now)

    def headers(self, body: bytes, event_id: str, now: datetime | None = None) -> dict[str, str]:
        """The headers for a body that was made before: a resend is signed anew under the same id."""
        at = now or datetime.now(UTC)
        signature = self._webhook.sign(event_id, at, body.decode())
        return {
            "webhook-id": event_id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature
        }  # fmt: skip
