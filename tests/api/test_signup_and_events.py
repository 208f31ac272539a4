"""The sign-up check, and events from hosts: forged, replayed and malformed ones change nothing."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from standardwebhooks import Webhook

from safehold.audit.models import Entry, FailedAttempt
from safehold.hosts import keys
from safehold.hosts.models import ReceivedEvent
from safehold.path import commands
from safehold.persons import service as persons
from safehold.subjects import service as subjects
from safehold.subjects.models import Host

pytestmark = pytest.mark.django_db
Call = Callable[..., Any]
SECRET = keys.new_webhook_secret()
REMOVED = {"type": "item.removed", "data": {"item_id": "p1", "account_id": "a1"}}


@pytest.fixture
def banned(blog: Host) -> None:
    account = subjects.account(blog, "a1", handle="user-17")
    with transaction.atomic():
        person = persons.identify(
            account, emails=("user-17@mail.test",), phones=("+12025550123",), actor="system:worker"
        )
        persons.ban(person, because="decision:1", actor="system:worker")


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, {"refused": False, "by": ""}),
        ({"emails": ["user-18@mail.test"], "ip": "192.0.2.17"}, {"refused": False, "by": ""}),
        ({"emails": ["User-17@Mail.test"]}, {"refused": True, "by": "email"}),
        ({"phones": ["+1 202 555 0123"]}, {"refused": True, "by": "phone"}),
        ({"emails": ["not an address"], "phones": ["12"], "ip": "nonsense"}, {"refused": False, "by": ""}),
    ],
)
@pytest.mark.usefixtures("banned")
def test_the_signup_check(call: Call, key: str, body: Any, answer: Any) -> None:
    response = call("POST", "/signup-checks", body, key=key)
    assert (response.status_code, response.json()) == (200, answer)
    assert Entry.objects.filter(act="signup.refused").count() == int(answer["refused"])


@pytest.mark.usefixtures("banned")
def test_a_ban_holds_on_every_host(call: Call, other_key: str) -> None:
    assert call("POST", "/signup-checks", {"emails": ["user-17@mail.test"]}, key=other_key).json()["refused"]


@pytest.mark.parametrize(
    "body",
    [
        {"emails": "user-17@mail.test"},
        {"emails": [17]},
        {"email": []},
        {"emails": ["x@mail.test"] * 11},
        {"ip": "1" * 46},
        [],
    ],
)
def test_wrong_signup_checks(call: Call, key: str, body: Any) -> None:
    assert call("POST", "/signup-checks", body, key=key).status_code == 422


@pytest.fixture
def signing(blog: Host) -> Host:
    keys.set_secret(blog, "webhook", SECRET, "staff:1")
    return blog


def tell(
    call: Call, body: Any = REMOVED, *, webhook_id: str = "evt_1", secret: str = SECRET, at: datetime | None = None,
    **more: str,
) -> Any:  # fmt: skip
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    at = at or datetime.now(tz=UTC)
    headers = {
        "safehold_host": "blog",
        "webhook_id": webhook_id,
        "webhook_timestamp": str(int(at.timestamp())),
        "webhook_signature": Webhook(secret).sign(webhook_id, at, raw.decode("latin-1")),
    } | more
    return call("POST", "/events", raw, **headers)


def test_an_event_reaches_the_path(call: Call, signing: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(commands, "receive_event", lambda event: seen.append(event.id))
    response = tell(call)
    assert (response.status_code, response.json()) == (202, {"id": "evt_1", "type": "item.removed", "repeated": False})
    assert seen == ["evt_1"]


def test_an_event_is_taken_on_real_parts(call: Call, signing: Host) -> None:
    for number, kind in enumerate(("item.removed", "item.restored", "account.changed", "account.deleted")):
        data = {"item_id": "p1"} if kind.startswith("item") else {"account_id": "a1"}
        assert tell(call, {"type": kind, "data": data}, webhook_id=f"evt_{number}").status_code == 202
    assert ReceivedEvent.objects.count() == 4


def test_an_honest_resend_does_nothing_twice(call: Call, signing: Host) -> None:
    now = datetime.now(tz=UTC)
    tell(call, at=now - timedelta(seconds=30))
    before = Entry.objects.count()
    response = tell(call, at=now)
    assert (response.status_code, response.json()["repeated"]) == (202, True)
    assert Entry.objects.count() == before


def test_a_replay_is_refused(call: Call, signing: Host) -> None:
    now = datetime.now(tz=UTC)
    assert tell(call, at=now).status_code == 202
    before = Entry.objects.count()
    assert (tell(call, at=now).status_code, tell(call, at=now).json()["error"]) == (409, "replayed")
    assert (Entry.objects.count(), ReceivedEvent.objects.count()) == (before, 1)


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"secret": keys.new_webhook_secret()}, 401, "bad_signature"),
        ({"webhook_signature": "v1,AAAA"}, 401, "bad_signature"),
        ({"webhook_signature": ""}, 401, "bad_signature"),
        ({"webhook_timestamp": "soon"}, 401, "bad_signature"),
        ({"at": datetime.now(tz=UTC) - timedelta(minutes=6)}, 401, "too_old"),
        ({"at": datetime.now(tz=UTC) + timedelta(minutes=6)}, 401, "too_old"),
        ({"safehold_host": "nowhere"}, 404, "no_such_host"),
        ({"safehold_host": ""}, 400, "no_host"),
        ({"safehold_host": "x" * 5000}, 404, "no_such_host"),
        ({"body": b"not json"}, 422, "malformed_event"),
        ({"body": {"type": "item.exploded", "data": {}}}, 422, "malformed_event"),
        ({"body": {"type": "item.removed", "data": {"item_id": 7}}}, 422, "malformed_event"),
        ({"body": b'{"type": "item.removed", "data": {"item_id": "' + b"p" * 70_000 + b'"}}'}, 422, "malformed_event"),
        ({"body": b"x" * 300_000}, 413, "too_large"),
        ({"kind": "text/plain"}, 415, "wrong_content_type"),
    ],
)
def test_forged_old_and_malformed_events_change_nothing(
    call: Call, signing: Host, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], status: int, error: str
) -> None:
    monkeypatch.setattr(commands, "receive_event", lambda _event: pytest.fail("an event was let in"))
    before = Entry.objects.count()
    response = tell(call, **changes)
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert (ReceivedEvent.objects.count(), Entry.objects.count()) == (0, before)
    if status in (401, 404, 422):
        assert FailedAttempt.objects.filter(act="host_event.received").count() == 1


def test_another_hosts_secret_does_not_speak_for_this_one(call: Call, signing: Host, other: Host) -> None:
    theirs = keys.new_webhook_secret()
    keys.set_secret(other, "webhook", theirs, "staff:1")
    assert tell(call, secret=theirs).status_code == 401
    assert tell(call, secret=theirs, safehold_host="other").status_code == 202
    assert ReceivedEvent.objects.get().host == other


def test_a_key_names_the_host_but_does_not_replace_the_signature(call: Call, signing: Host, key: str) -> None:
    assert tell(call, safehold_host="", authorization=f"Bearer {key}").status_code == 202
    forged = tell(
        call, safehold_host="", authorization=f"Bearer {key}", secret=keys.new_webhook_secret(), webhook_id="evt_2"
    )
    assert forged.status_code == 401


def test_an_event_whose_handling_fails_may_be_sent_again(
    call: Call, signing: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_event: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(commands, "receive_event", fails)
        assert tell(call).status_code == 500
    assert ReceivedEvent.objects.count() == 0
    assert tell(call).json()["repeated"] is False
