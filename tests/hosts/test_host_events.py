"""Events from hosts: taken once, in the transaction of what they cause, and never forged, late or replayed."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook

from safehold.audit.models import Entry, FailedAttempt
from safehold.hosts import events, keys
from safehold.hosts.models import ReceivedEvent
from safehold.subjects.models import Host

pytestmark = pytest.mark.django_db
SECRET = keys.new_webhook_secret()
OTHER = keys.new_webhook_secret()
REMOVED = {"type": "item.removed", "data": {"item_id": "p1", "account_id": "a1"}}


@pytest.fixture
def host(data: object) -> Host:
    row = Host.objects.create(slug="blog", name="Blog", adapter="webhook", base_url="http://blog.test")
    keys.set_secret(row, "webhook", SECRET, "staff:0000")
    return row


def signed(
    body: Any, *, webhook_id: str = "evt_1", secret: str = SECRET, at: datetime | None = None
) -> tuple[dict[str, str], bytes]:
    """Headers and body as a host sends them."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    at = at or datetime.now(tz=UTC)
    return {
        "Webhook-Id": webhook_id,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign(webhook_id, at, raw.decode("latin-1")),
    }, raw


def reason() -> str:
    return FailedAttempt.objects.get(act="host_event.received").reason


@pytest.mark.parametrize(
    ("kind", "data", "wanted"),
    [
        ("item.removed", {"item_id": "p1"}, events.ItemRemoved("p1")),
        ("item.removed", {"item_id": "p1", "account_id": "a1", "by": "host"}, events.ItemRemoved("p1", "a1", "host")),
        ("item.restored", {"item_id": "p1"}, events.ItemRestored("p1")),
        ("account.changed", {"account_id": "a1"}, events.AccountChanged("a1")),
        ("account.deleted", {"account_id": "a1"}, events.AccountDeleted("a1")),
    ],
)
def test_each_type_is_taken(host: Host, kind: str, data: dict[str, str], wanted: events.EventData) -> None:
    event = events.receive("blog", *signed({"type": kind, "timestamp": "2026-01-01T00:00:00Z", "data": data}))
    assert event == events.HostEvent(host, "evt_1", kind, wanted)
    assert Entry.objects.get(act="host_event.received").actor == "host:blog"


@pytest.mark.django_db(transaction=True)
def test_what_it_causes_and_the_id_stand_or_fall_together(host: Host) -> None:
    def fail(_event: events.HostEvent) -> None:
        Host.objects.create(slug="half", name="Half", adapter="webhook", base_url="http://half.test")
        raise RuntimeError("the step after failed")

    message = signed(REMOVED)
    with pytest.raises(RuntimeError):
        events.receive("blog", *message, then=fail)
    assert not ReceivedEvent.objects.exists()
    assert not Host.objects.filter(slug="half").exists()
    taken: list[events.HostEvent] = []
    events.receive("blog", *message, then=taken.append)
    assert [event.id for event in taken] == ["evt_1"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_deliveries_at_the_same_moment_one_is_taken(host: Host) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: SQLite lets one transaction write at a time anyway")
    message, both_in = signed(REMOVED), threading.Barrier(2)
    taken, refused = list[events.HostEvent](), list[events.Replayed]()

    def deliver() -> None:
        both_in.wait()
        try:
            events.receive("blog", *message, then=lambda event: (time.sleep(0.3), taken.append(event))[1])
        except events.Replayed as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 1)


def test_the_same_delivery_again_is_a_replay(host: Host) -> None:
    message, taken = signed(REMOVED), list[events.HostEvent]()
    events.receive("blog", *message, then=taken.append)
    with pytest.raises(events.Replayed, match="Nothing is left to do") as refusal:
        events.receive("blog", *message, then=taken.append)
    assert (refusal.value.status, refusal.value.code) == (409, "replayed")
    assert len(taken) == 1
    assert "was taken at" in reason()


def test_an_honest_resend_succeeds_and_does_nothing(host: Host) -> None:
    taken = list[events.HostEvent]()
    events.receive("blog", *signed(REMOVED, at=datetime.now(tz=UTC) - timedelta(seconds=60)), then=taken.append)
    again = signed(REMOVED)
    assert events.receive("blog", *again, then=taken.append).repeated
    assert len(taken) == 1
    assert ReceivedEvent.objects.count() == 1
    assert not FailedAttempt.objects.exists()
    with pytest.raises(events.Replayed):
        events.receive("blog", *again, then=taken.append)


def test_an_older_delivery_than_the_newest_is_a_replay(host: Host) -> None:
    old = signed(REMOVED, at=datetime.now(tz=UTC) - timedelta(seconds=60))
    events.receive("blog", *signed(REMOVED))
    with pytest.raises(events.Replayed):
        events.receive("blog", *old)


def test_an_id_belongs_to_one_event(host: Host) -> None:
    events.receive("blog", *signed(REMOVED, at=datetime.now(tz=UTC) - timedelta(seconds=60)))
    other = {"type": "account.deleted", "data": {"account_id": "a1"}}
    with pytest.raises(events.Replayed, match="belongs to another event"):
        events.receive("blog", *signed(other))


def test_two_hosts_may_use_the_same_id(host: Host) -> None:
    second = Host.objects.create(slug="chat", name="Chat", adapter="webhook", base_url="http://chat.test")
    keys.set_secret(second, "webhook", OTHER, "staff:0000")
    events.receive("blog", *signed(REMOVED))
    assert events.receive("chat", *signed(REMOVED, secret=OTHER)).host == second


def test_an_event_of_one_host_is_no_event_of_another(host: Host) -> None:
    second = Host.objects.create(slug="chat", name="Chat", adapter="webhook", base_url="http://chat.test")
    keys.set_secret(second, "webhook", OTHER, "staff:0000")
    with pytest.raises(events.BadSignature):
        events.receive("chat", *signed(REMOVED))


def test_a_forged_signature_is_refused_and_noted(host: Host) -> None:
    with pytest.raises(events.BadSignature, match="exact bytes") as refusal:
        events.receive("blog", *signed(REMOVED, secret=OTHER))
    assert refusal.value.status == 401
    assert "No signature fits" in reason()
    assert not ReceivedEvent.objects.exists()


@pytest.mark.parametrize("part", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "body"])
def test_a_change_of_any_signed_part_is_refused(host: Host, part: str) -> None:
    headers, body = signed(REMOVED)
    if part == "body":
        body = body.replace(b"p1", b"p2")
    elif part == "Webhook-Timestamp":
        headers[part] = str(int(headers[part]) - 1)
    else:
        headers[part] = headers[part][:-2] + "xx"
    with pytest.raises(events.BadSignature):
        events.receive("blog", headers, body)
    assert not ReceivedEvent.objects.exists()


@pytest.mark.parametrize(
    "signature",
    ["v1", "v1,", "v1,!!!", "v1,abc", "v2,abc", ",", " ", "v1a,abc", "v1,abc,def", "v1 v1,abc", "v1,é"],
)
def test_garbled_signatures_are_refused_like_any_other(host: Host, signature: str) -> None:
    headers, body = signed(REMOVED)
    with pytest.raises(events.BadSignature):
        events.receive("blog", {**headers, "Webhook-Signature": signature}, body)


@pytest.mark.parametrize("missing", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_a_missing_header_is_named(host: Host, missing: str) -> None:
    headers, body = signed(REMOVED)
    del headers[missing]
    with pytest.raises(events.BadSignature, match=missing.lower()):
        events.receive("blog", headers, body)


@pytest.mark.parametrize("minutes", [-5.1, 5.1, -60 * 24])
def test_a_signature_from_another_time_is_refused(host: Host, minutes: float) -> None:
    with pytest.raises(events.TooOld, match="Sign anew"):
        events.receive("blog", *signed(REMOVED, at=datetime.now(tz=UTC) + timedelta(minutes=minutes)))
    assert "five minutes" in reason()


@pytest.mark.parametrize("minutes", [-4.8, 4.8])
def test_clocks_may_differ_by_five_minutes(host: Host, minutes: float) -> None:
    assert events.receive("blog", *signed(REMOVED, at=datetime.now(tz=UTC) + timedelta(minutes=minutes)))


@pytest.mark.parametrize("value", ["soon", "1e99", "9" * 30, "-1.5", "nan", "²"])
def test_a_timestamp_that_is_none_is_refused(host: Host, value: str) -> None:
    headers, body = signed(REMOVED)
    with pytest.raises((events.BadSignature, events.TooOld)):
        events.receive("blog", {**headers, "Webhook-Timestamp": value}, body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not an event"),
        (b"not json", "not an event"),
        (b"[]", "not an event"),
        (b'{"data": {}}', "type"),
        (b'{"type": "item.removed"}', "data"),
        (b'{"type": 3, "data": {}}', r"\$\.type"),
        (b'{"type": "item.hide", "data": {}}', "'item.hide' are not known; known are: item.removed"),
        (b'{"type": "item.removed", "data": {}}', "item_id"),
        (b'{"type": "item.removed", "data": {"item_id": ""}}', r"\$\.item_id"),
        (b'{"type": "item.removed", "data": {"item_id": 7}}', r"\$\.item_id"),
        (b'{"type": "item.removed", "data": {"item_id": "p", "by": "us"}}', r"\$\.by"),
        (b'{"type": "item.removed", "data": {"item_id": "p", "text": "x"}}', "text"),
        (b'{"type": "item.removed", "data": ["p"]}', "object"),
        (b'{"type": "item.removed", "data": {"item_id": "p"}, "extra": 1}', "extra"),
        (b'{"type": "account.deleted", "data": {"account_id": "' + b"a" * 256 + b'"}}', r"\$\.account_id"),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused_with_its_field(host: Host, body: bytes, said: str) -> None:
    with pytest.raises(events.MalformedEvent, match=said) as refusal:
        events.receive("blog", *signed(body))
    assert refusal.value.status == 422
    assert not ReceivedEvent.objects.exists()


def test_bytes_that_are_no_text_are_refused(host: Host) -> None:
    headers, _body = signed(b"{}")
    with pytest.raises(events.BadSignature):
        events.receive("blog", headers, b"\xff\xfe")


def test_too_large_a_body_is_refused_before_it_is_verified(host: Host) -> None:
    with pytest.raises(events.MalformedEvent, match="65536 bytes"):
        events.receive("blog", *signed(b" " * (events.LARGEST + 1), secret=OTHER))


def test_our_own_orders_cannot_be_sent_back_as_events(host: Host) -> None:
    order = {"type": "account.restore", "id": "key", "data": {"account_id": "a1"}}
    with pytest.raises(events.MalformedEvent, match=r"account\.restore"):
        events.receive("blog", *signed(order))


@pytest.mark.parametrize("slug", ["nobody", "", "x" * 500])
def test_an_unknown_host_is_refused(host: Host, slug: str) -> None:
    with pytest.raises(events.NoSuchHost):
        events.receive(slug, *signed(REMOVED))


def test_a_disabled_host_is_refused(host: Host) -> None:
    Host.objects.update(enabled=False)
    with pytest.raises(events.NoSuchHost):
        events.receive("blog", *signed(REMOVED))


def test_a_host_without_a_secret_is_refused(host: Host) -> None:
    Host.objects.create(slug="chat", name="Chat", adapter="webhook", base_url="http://chat.test")
    with pytest.raises(events.BadSignature, match="no secret 'webhook' yet"):
        events.receive("chat", *signed(REMOVED))


def test_while_a_secret_is_being_replaced_both_sign(host: Host) -> None:
    keys.set_secret(host, "webhook", f"{OTHER} {SECRET}", "staff:0000")
    assert events.receive("blog", *signed(REMOVED, webhook_id="evt_1", secret=SECRET))
    assert events.receive("blog", *signed(REMOVED, webhook_id="evt_2", secret=OTHER))
    keys.set_secret(host, "webhook", OTHER, "staff:0000")
    with pytest.raises(events.BadSignature):
        events.receive("blog", *signed(REMOVED, webhook_id="evt_3", secret=SECRET))


def test_only_old_ids_are_forgotten(host: Host) -> None:
    events.receive("blog", *signed(REMOVED))
    with pytest.raises(ValueError, match="younger than a day"):
        events.forget(timezone.now())
    assert events.forget(timezone.now() - timedelta(days=2)) == 0
    ReceivedEvent.objects.update(received_at=timezone.now() - timedelta(days=3))
    assert events.forget(timezone.now() - timedelta(days=2)) == 1
