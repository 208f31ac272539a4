"""Events that hosts tell us, each a webhook signed as Standard Webhooks says. Others may call:

`receive(host_slug, headers, body, then=...)`: verify, store the id, and hand the event to `then` in
the same transaction, so that an event whose handling failed was not taken and may be sent again.
`forget(before)`: drop the ids of events long past.

Errors are typed and say what a host's developer can do: NoSuchHost, BadSignature, TooOld, Replayed,
MalformedEvent. All are EventRefused, with a `status` and a `code` for the HTTP answer.
"""

import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from django.db import transaction
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from safehold.audit import service as audit
from safehold.hosts import keys
from safehold.hosts.models import ReceivedEvent
from safehold.subjects.models import Host

TOLERANCE = timedelta(minutes=5)  # as the reference libraries of Standard Webhooks have it
LARGEST = 64 * 1024  # bytes of a body; an event holds ids alone
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class EventRefused(Exception):
    """The event was not taken and nothing was changed. `str()` is written for the host's developer."""

    status = 400
    code = "event_refused"


class NoSuchHost(EventRefused):
    """No enabled host of that name."""

    status, code = 404, "no_such_host"


class BadSignature(EventRefused):
    """Unsigned, signed with another secret, or changed on the way."""

    status, code = 401, "bad_signature"


class TooOld(EventRefused):
    """Signed more than five minutes ago, or that far in the future."""

    status, code = 401, "too_old"


class Replayed(EventRefused):
    """The very same delivery came before, or its id belongs to another event."""

    status, code = 409, "replayed"


class MalformedEvent(EventRefused):
    """Signed by the host, but not an event that we know; the text names the field."""

    status, code = 422, "malformed_event"


Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class ItemRemoved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The item is gone from the host: its owner removed it, or the host itself."""

    item_id: Id
    account_id: str = ""
    by: Literal["owner", "host"] = "owner"


class ItemRestored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The host made the item visible again."""

    item_id: Id
    account_id: str = ""


class AccountChanged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name or state of the account changed on the host; ask it for the facts."""

    account_id: Id


class AccountDeleted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The account is gone from the host."""

    account_id: Id


EventData = ItemRemoved | ItemRestored | AccountChanged | AccountDeleted

TYPES: dict[str, type[EventData]] = {
    "item.removed": ItemRemoved,
    "item.restored": ItemRestored,
    "account.changed": AccountChanged,
    "account.deleted": AccountDeleted,
}


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body as Standard Webhooks proposes it. `timestamp` and `id` are taken and not used."""

    type: str
    data: msgspec.Raw
    timestamp: str = ""
    id: str = ""


@dataclass(frozen=True)
class HostEvent:
    """What a host told us. `repeated`: an honest resend of an event that was taken before."""

    host: Host
    id: str
    type: str
    data: EventData
    repeated: bool = False


def receive(
    host_slug: str, headers: Mapping[str, str], body: bytes, then: Callable[[HostEvent], None] | None = None
) -> HostEvent:
    """Take one event. Raises EventRefused's kinds; a refusal is noted in the record of failed attempts.

    A resend of the same event, newly signed, succeeds with `repeated` and does not reach `then`. The
    same delivery again is a replay. Call it outside a transaction: a refusal must outlive the error.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        host = _host(host_slug)
        sent_at = _verify(host, given, body)
        kind, data = _read(body)
        with transaction.atomic():
            event = HostEvent(host, given["webhook-id"], kind, data, not _first(host, given, body, sent_at, kind))
            if then is not None and not event.repeated:
                then(event)
    except EventRefused as refusal:
        audit.refused("host_event.received", actor="anonymous", about=f"host:{host_slug}"[:100], reason=str(refusal))
        raise
    return event


def forget(before: datetime) -> int:
    """Drop ids of events received before that time; returns how many. Signatures that old are refused anyway."""
    if before > timezone.now() - timedelta(days=1):
        raise ValueError("Ids younger than a day are what refuses replays; keep them.")
    return ReceivedEvent.objects.filter(received_at__lt=before).delete()[0]


def _host(slug: str) -> Host:
    host = Host.objects.filter(slug=slug, enabled=True).first()
    if host is None:
        raise NoSuchHost("No enabled host of that name is known here.")
    return host


def _verify(host: Host, headers: Mapping[str, str], body: bytes) -> datetime:
    """The signature's time, once it is proven. Raises BadSignature, TooOld."""
    missing = [name for name in HEADERS if not headers.get(name)]
    if missing:
        raise BadSignature(f"Missing: {', '.join(missing)}. Sign each event as Standard Webhooks says.")
    if len(headers["webhook-id"]) > 255 or len(body) > LARGEST:
        raise MalformedEvent(f"webhook-id may have 255 characters and the body {LARGEST} bytes.")
    try:
        sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise BadSignature("webhook-timestamp must be whole seconds since 1970-01-01 UTC.") from None
    if abs(timezone.now() - sent_at) > TOLERANCE:
        raise TooOld("webhook-timestamp is more than five minutes away from our clock. Sign anew for each attempt.")
    try:
        secrets = keys.webhook_secrets(host)
    except keys.NoSecret as problem:
        raise BadSignature(str(problem)) from None
    if not any(_signed_with(secret, headers, body) for secret in secrets):
        raise BadSignature(
            "No signature fits. Sign the exact bytes of the body, with the secret that this installation gave you."
        )
    return sent_at


def _signed_with(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a signature fits. The library lets errors of its decoders through: they mean no."""
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, UnicodeDecodeError, binascii.Error, ValueError):
        return False
    return True


def _read(body: bytes) -> tuple[str, EventData]:
    """The event's type and checked data. Raises MalformedEvent."""
    try:
        message = msgspec.json.decode(body, type=_Message)
    except msgspec.DecodeError as problem:
        raise MalformedEvent(f"The body is not an event: {problem}.") from None
    if message.type not in TYPES:
        raise MalformedEvent(f"Events of type {message.type[:40]!r} are not known; known are: {', '.join(TYPES)}.")
    try:
        return message.type, msgspec.json.decode(message.data, type=TYPES[message.type])
    except msgspec.DecodeError as problem:
        raise MalformedEvent(f"data of {message.type}: {problem}.") from None


def _first(host: Host, headers: Mapping[str, str], body: bytes, sent_at: datetime, kind: str) -> bool:
    """Store the event's id: True when it is new, False for an honest resend. Raises Replayed."""
    digest = hashlib.sha256(body).hexdigest()
    row, made = ReceivedEvent.objects.select_for_update().get_or_create(
        host=host,
        webhook_id=headers["webhook-id"],
        defaults={"sent_at": sent_at, "body_digest": digest, "type": kind},
    )
    if made:
        audit.record("host_event.received", actor=f"host:{host.slug}", about=row, type=kind)
        return True
    if row.body_digest != digest:
        raise Replayed("This webhook-id belongs to another event. Give each event an id of its own.")
    if sent_at <= row.sent_at:
        raise Replayed(f"This delivery was taken at {row.received_at:%Y-%m-%dT%H:%M:%SZ}. Nothing is left to do.")
    row.sent_at = sent_at
    row.save(update_fields=["sent_at"])
    return False
