"""The Matrix adapter against scripted answers: what errors mean, what is refused before any order is given."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from safehold.hosts.contract import (
    AccountStatus,
    HostError,
    HostRefused,
    HostUnavailable,
    ItemStatus,
    NotFound,
    Unsupported,
)
from safehold.hosts.matrix import MatrixContact
from safehold.hosts.matrix_api import Synapse

Answer = httpx2.Response | Callable[[httpx2.Request], httpx2.Response] | dict[str, Any]
ME = "@safehold:chat.test"
HIM = "@user-17:chat.test"
ROOM = "!abc:chat.test"
MEDIA = "mxc://chat.test/pic"


class Script:
    """Answers by method and path; anything unforeseen fails the test. `calls` keeps what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {"GET /_matrix/client/v3/account/whoami": {"user_id": ME}}
        self.calls: list[str] = []
        self.bodies: list[bytes] = []

    def on(self, call: str, answer: Answer) -> "Script":
        self.answers[call] = answer
        return self

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        call = f"{request.method} {request.url.path}"
        self.calls.append(call)
        self.bodies.append(request.content)
        assert request.headers["authorization"] == "Bearer placeholder-token"
        answer = self.answers[call]
        if isinstance(answer, dict):
            return httpx2.Response(200, json=answer)
        return answer(request) if callable(answer) else answer

    def orders(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("GET")]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def line(script: Script) -> MatrixContact:
    return MatrixContact(
        "https://chat.test/", "placeholder-token", transport=httpx2.MockTransport(script), pause=lambda _: None
    )


def user(**more: Any) -> dict[str, Any]:
    return {
        "name": HIM, "admin": False, "deactivated": False, "locked": False, "suspended": False,
        "creation_ts": 1795306485, "displayname": "user 17", "threepids": [],
    } | more  # fmt: skip


def media(**more: Any) -> dict[str, Any]:
    info = {
        "user_id": HIM, "media_id": "pic", "media_type": "image/png", "media_length": 3,
        "upload_name": "gradient 1.png", "created_ts": 1795306486173, "quarantined_by": None,
        "safe_from_quarantine": 0, "sha256": None,
    }  # fmt: skip
    return {"media_info": info | more}


def event(content: dict[str, Any], kind: str = "m.room.message", **more: Any) -> dict[str, Any]:
    made = {"event_id": "$one", "sender": HIM, "type": kind, "origin_server_ts": 1795306486173, "content": content}
    return {"event": made | more, "events_before": [], "events_after": []}


def error(status: int, code: str, text: str = "") -> httpx2.Response:
    return httpx2.Response(status, json={"errcode": code, "error": text})


USER = f"/_synapse/admin/v2/users/{HIM}"
SUSPEND = f"/_synapse/admin/v1/suspend/{HIM}"
FILE = "/_synapse/admin/v1/media/chat.test/pic"
CONTEXT = f"GET /_synapse/admin/v1/rooms/{ROOM}/context/$one"
REDACT = f"POST /_synapse/admin/v1/user/{HIM}/redact"
TASK = "GET /_synapse/admin/v1/user/redact_status/t1"
MY_REDACT = f"PUT /_matrix/client/v3/rooms/{ROOM}/redact/$one/k"


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (error(404, "M_NOT_FOUND", "Unknown media"), NotFound, "Unknown media"),
        (error(404, "M_UNRECOGNIZED"), HostRefused, "not reachable there, or this Synapse is too old"),
        (httpx2.Response(404, html="<h1>Not Found</h1>"), HostRefused, "not reachable"),
        (httpx2.Response(404, json=["x"]), HostRefused, "not reachable"),
        (error(401, "M_UNKNOWN_TOKEN"), HostRefused, "access token no longer works"),
        (error(401, "M_USER_LOCKED"), HostRefused, "M_USER_LOCKED"),
        (error(403, "M_FORBIDDEN", "You are not a server admin"), HostRefused, "server administrator"),
        (error(400, "M_UNKNOWN", "Can only delete local media"), HostRefused, "Can only delete local media"),
        (error(429, "M_LIMIT_EXCEEDED"), HostUnavailable, "later"),
        (httpx2.Response(502, text="bad gateway"), HostUnavailable, "502"),
        (error(504, "M_NOT_YET_UPLOADED"), HostUnavailable, "504"),
        (httpx2.Response(302, headers={"location": "https://elsewhere.example"}), HostRefused, "302"),
        (httpx2.Response(200, html="<p>login</p>"), HostUnavailable, "something else than Synapse"),
    ],
)
def test_every_answer_has_its_meaning(
    script: Script, line: MatrixContact, answer: httpx2.Response, kind: type[HostError], says: str
) -> None:
    script.on(f"GET {FILE}", answer)
    with pytest.raises(HostError) as raised:
        line.item(MEDIA)
    assert type(raised.value) is kind
    assert says in str(raised.value)
    assert "placeholder-token" not in str(raised.value)


@pytest.mark.parametrize("problem", [httpx2.ConnectError, httpx2.ReadTimeout, httpx2.RemoteProtocolError])
def test_no_answer_means_that_nothing_is_known(problem: type[Exception]) -> None:
    def fails(request: httpx2.Request) -> httpx2.Response:
        raise problem("x")

    line = MatrixContact("https://chat.test", "placeholder-token", transport=httpx2.MockTransport(fails))
    for ask in (lambda: line.item(MEDIA), line.ping, lambda: line.suspend_account(HIM, key="k")):
        with pytest.raises(HostUnavailable, match=problem.__name__):
            ask()


def test_the_token_is_not_shown_and_is_asked_for_once(script: Script) -> None:
    asked: list[int] = []

    def token() -> str:
        asked.append(1)
        return "placeholder-token"

    line = MatrixContact("https://chat.test", token, transport=httpx2.MockTransport(script))
    assert not asked
    script.on(f"GET {FILE}", media())
    line.item(MEDIA)
    line.item(MEDIA)
    assert len(asked) == 1
    assert "placeholder-token" not in repr(line.api) + repr(Synapse("https://chat.test", "placeholder-token"))


def test_ping_needs_an_administrator(script: Script, line: MatrixContact) -> None:
    script.on("GET /_synapse/admin/v1/server_version", {"server_version": "1.163.2"})
    script.on(f"GET /_synapse/admin/v2/users/{ME}", user(name=ME, admin=True))
    assert line.ping() == "Synapse 1.163.2"
    script.on(f"GET /_synapse/admin/v2/users/{ME}", error(403, "M_FORBIDDEN", "You are not a server admin"))
    with pytest.raises(HostRefused, match="administrator"):
        line.ping()


def test_ping_notices_a_token_of_another_server(script: Script) -> None:
    line = MatrixContact(
        "https://chat.test", "placeholder-token", server_name="other.test", transport=httpx2.MockTransport(script)
    )
    script.on(f"GET /_synapse/admin/v2/users/{ME}", user(name=ME, admin=True))
    with pytest.raises(HostRefused, match=r"other\.test"):
        line.ping()


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        ({}, AccountStatus.ACTIVE),
        ({"suspended": True, "locked": True}, AccountStatus.SUSPENDED),
        ({"suspended": True}, AccountStatus.LOCKED),
        ({"locked": True}, AccountStatus.LOCKED),
        ({"deactivated": True, "locked": True, "suspended": True}, AccountStatus.GONE),
    ],
)
def test_a_suspension_half_done_does_not_read_as_done(
    script: Script, line: MatrixContact, flags: dict[str, bool], status: AccountStatus
) -> None:
    script.on(f"GET {USER}", user(**flags)).on(f"GET /_synapse/admin/v1/whois/{HIM}", {"devices": {}})
    assert line.account(HIM).status is status


def test_account_facts(script: Script, line: MatrixContact) -> None:
    script.on(
        f"GET {USER}",
        user(
            threepids=[
                {"medium": "email", "address": "user-17@mail.example", "validated_at": 1},
                {"medium": "email", "address": "second@mail.example", "validated_at": None},
                {"medium": "msisdn", "address": "12025550117", "validated_at": 1},
            ]
        ),
    )
    seen = {"ip": "192.0.2.7", "last_seen": 1795306485958, "user_agent": "x"}
    script.on(
        f"GET /_synapse/admin/v1/whois/{HIM}",
        {"devices": {"": {"sessions": [{"connections": [seen, {"ip": "-", "last_seen": 1}]}]}}},
    )
    facts = line.account(HIM)
    assert (facts.id, facts.handle, facts.display_name) == (HIM, HIM, "user 17")
    assert facts.emails == ("user-17@mail.example", "second@mail.example")
    assert facts.verified_emails == ("user-17@mail.example",)
    assert facts.phones == ("+12025550117",)
    assert facts.registered_at == datetime(2026, 11, 22, 0, 14, 45, tzinfo=UTC)
    [address] = facts.addresses
    assert (address.ip, address.event) == ("192.0.2.7", "Other")
    assert address.at == datetime(2026, 11, 22, 0, 14, 45, 958000, tzinfo=UTC)


def test_a_synapse_that_does_not_say_whether_is_refused(script: Script, line: MatrixContact) -> None:
    """An absent flag must never read as "active"."""
    old = user()
    del old["suspended"]
    script.on(f"GET {USER}", old)
    for ask in (lambda: line.account(HIM), lambda: line.suspend_account(HIM, key="k")):
        with pytest.raises(HostRefused, match="update it"):
            ask()
    assert script.orders() == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda line: line.account("@user-17:other.test"),
        lambda line: line.items_of("@user-17:other.test"),
        lambda line: line.suspend_account("@user-17:other.test", key="k"),
        lambda line: line.lock_account("@user-17:other.test", key="k"),
        lambda line: line.restore_account("@user-17:other.test", key="k"),
        lambda line: line.tell_account("@user-17:other.test", subject="s", text="t", link="", key="k"),
        lambda line: line.item("mxc://other.test/pic"),
        lambda line: line.hide_item("mxc://other.test/pic", key="k"),
        lambda line: line.restore_item("mxc://other.test/pic", key="k"),
        lambda line: line.purge_item("mxc://other.test/pic", key="k"),
        lambda line: line.open_item("mxc://other.test/pic").__enter__(),
        lambda line: line.find("https://matrix.to/#/@user-17:other.test"),
        lambda line: line.find("mxc://other.test/pic"),
    ],
)
def test_what_belongs_to_another_server_is_a_limit(
    script: Script, line: MatrixContact, ask: Callable[[MatrixContact], object]
) -> None:
    with pytest.raises(Unsupported, match=r"other\.test.*chat\.test"):
        ask(line)
    assert script.orders() == []


@pytest.mark.parametrize("bad", ["user-17", "@user-17", "", "@user 17:chat.test", "mxc://chat.test/pic"])
def test_account_ids_are_full_ids(script: Script, line: MatrixContact, bad: str) -> None:
    with pytest.raises(NotFound, match="account id"):
        line.suspend_account(bad, key="k")
    assert script.orders() == []


@pytest.mark.parametrize("bad", ["", "pic", "@user-17:chat.test", "#general:chat.test/$one", "mxc://chat.test/../x"])
def test_item_ids_are_checked(script: Script, line: MatrixContact, bad: str) -> None:
    for ask in (line.hide_item, line.restore_item, line.purge_item):
        with pytest.raises(NotFound, match="item id"):
            ask(bad, key="k")
    assert script.calls == []


def test_an_order_never_makes_an_account(script: Script, line: MatrixContact) -> None:
    """Synapse's route for locking makes accounts that are not there."""
    script.on(f"GET {USER}", error(404, "M_NOT_FOUND", "User not found"))
    for ask in (line.suspend_account, line.lock_account, line.restore_account):
        with pytest.raises(NotFound):
            ask(HIM, key="k")
    assert script.orders() == []


def test_a_deactivated_account_is_not_acted_on(script: Script, line: MatrixContact) -> None:
    script.on(f"GET {USER}", user(deactivated=True))
    for ask in (line.suspend_account, line.lock_account, line.restore_account):
        with pytest.raises(NotFound, match="deactivated"):
            ask(HIM, key="k")
    assert script.orders() == []


def test_safeholds_own_account_is_never_locked(script: Script, line: MatrixContact) -> None:
    script.on(f"GET /_synapse/admin/v2/users/{ME}", user(name=ME, admin=True))
    for ask in (line.suspend_account, line.lock_account):
        with pytest.raises(HostRefused, match="Safehold itself"):
            ask(ME, key="k")
    assert script.orders() == []


def test_orders_on_accounts_do_what_is_missing_and_no_more(script: Script, line: MatrixContact) -> None:
    script.on(f"PUT {USER}", user()).on(f"PUT {SUSPEND}", {})

    def asked(flags: dict[str, bool], ask: Callable[..., None]) -> list[tuple[str, bytes]]:
        script.calls.clear()
        script.bodies.clear()
        script.on(f"GET {USER}", user(**flags))
        ask(HIM, key="k")
        return [(c, b) for c, b in zip(script.calls, script.bodies, strict=True) if not c.startswith("GET")]

    both = {"suspended": True, "locked": True}
    lock, unlock = (f"PUT {USER}", b'{"locked":true}'), (f"PUT {USER}", b'{"locked":false}')
    suspend, unsuspend = (f"PUT {SUSPEND}", b'{"suspend":true}'), (f"PUT {SUSPEND}", b'{"suspend":false}')
    assert asked({}, line.suspend_account) == [suspend, lock]
    assert asked({"suspended": True}, line.suspend_account) == [lock]
    assert asked(both, line.suspend_account) == []
    assert asked({}, line.lock_account) == [lock]
    assert asked(both, line.lock_account) == []
    assert asked(both, line.restore_account) == [unlock, unsuspend]
    assert asked({"suspended": True}, line.restore_account) == [unsuspend]
    assert asked({}, line.restore_account) == []


def test_hiding_what_is_not_there_is_not_taken_for_done(script: Script, line: MatrixContact) -> None:
    """Synapse says yes to quarantining any id."""
    script.on(f"GET {FILE}", error(404, "M_NOT_FOUND", "Unknown media"))
    for ask in (line.hide_item, line.restore_item):
        with pytest.raises(NotFound):
            ask(MEDIA, key="k")
    assert script.orders() == []


def test_a_protected_file_needs_a_person(script: Script, line: MatrixContact) -> None:
    """Synapse says yes to quarantining a protected file, and leaves it in reach."""
    script.on(f"GET {FILE}", media(safe_from_quarantine=1))
    with pytest.raises(HostRefused, match="media/unprotect/pic"):
        line.hide_item(MEDIA, key="k")
    assert script.orders() == []


def test_hiding_again_orders_nothing(script: Script, line: MatrixContact) -> None:
    script.on(f"GET {FILE}", media(quarantined_by=ME))
    line.hide_item(MEDIA, key="k")
    assert script.orders() == []
    assert line.item(MEDIA).status is ItemStatus.HIDDEN


def test_purging_again_succeeds(script: Script, line: MatrixContact) -> None:
    script.on(f"DELETE {FILE}", error(404, "M_NOT_FOUND", "Unknown media"))
    line.purge_item(MEDIA, key="k")
    assert script.orders() == [f"DELETE {FILE}"]


def test_a_proxys_404_does_not_pass_for_a_purge(script: Script, line: MatrixContact) -> None:
    script.on(f"DELETE {FILE}", httpx2.Response(404, html="<h1>404</h1>"))
    with pytest.raises(HostRefused):
        line.purge_item(MEDIA, key="k")


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        ({"msgtype": "m.text", "body": "placeholder message 3"}, "m.room.message", "without a file"),
        ({"msgtype": "m.text", "body": MEDIA}, "m.room.message", "without a file"),
        ({"algorithm": "x", "ciphertext": "y"}, "m.room.encrypted", "encrypted"),
        ({"msgtype": "m.image", "body": "x", "url": "mxc://other.test/pic"}, "m.room.message", "other.test"),
        (
            {"msgtype": "m.image", "url": MEDIA, "info": {"thumbnail_url": "mxc://other.test/t"}},
            "m.room.message",
            "other",
        ),
    ],
)
def test_messages_that_cannot_be_hidden_say_so_before_anything_is_done(
    script: Script, line: MatrixContact, content: dict[str, Any], kind: str, says: str
) -> None:
    script.on(CONTEXT, event(content, kind)).on(f"GET {FILE}", media())
    for ask in (line.hide_item, line.restore_item):
        with pytest.raises(Unsupported, match=says):
            ask(f"{ROOM}/$one", key="k")
    assert script.orders() == []


def test_a_message_is_hidden_when_all_its_files_are(script: Script, line: MatrixContact) -> None:
    thumbnail = FILE.replace("pic", "thumb")
    content = {"msgtype": "m.image", "body": "x.png", "url": MEDIA, "info": {"thumbnail_url": "mxc://chat.test/thumb"}}
    script.on(CONTEXT, event(content)).on(f"GET /_synapse/admin/v1/rooms/{ROOM}", {"join_rules": "public"})
    script.on(f"GET {FILE}", media(quarantined_by=ME)).on(f"GET {thumbnail}", media())
    assert line.item(f"{ROOM}/$one").status is ItemStatus.VISIBLE
    script.on("POST /_synapse/admin/v1/media/quarantine/chat.test/thumb", {})
    line.hide_item(f"{ROOM}/$one", key="k")
    assert script.orders() == ["POST /_synapse/admin/v1/media/quarantine/chat.test/thumb"]
    script.on(f"GET {thumbnail}", media(quarantined_by=ME))
    assert line.item(f"{ROOM}/$one").status is ItemStatus.HIDDEN


def test_words_of_a_closed_room_do_not_come_in_by_a_strangers_link(script: Script, line: MatrixContact) -> None:
    script.on(CONTEXT, event({"msgtype": "m.text", "body": "placeholder message 3"}))
    script.on(f"GET {USER}", user()).on(f"GET /_synapse/admin/v1/whois/{HIM}", {"devices": {}})
    settings = f"GET /_synapse/admin/v1/rooms/{ROOM}"
    script.on(settings, {"join_rules": "invite", "history_visibility": "shared"})
    found = line.find(f"https://matrix.to/#/{ROOM}/$one").item
    assert found is not None
    assert (found.public, found.text) == (False, "")
    assert line.item(f"{ROOM}/$one").text == "placeholder message 3"
    script.on(settings, {"join_rules": "public", "history_visibility": "shared"})
    found = line.find(f"https://matrix.to/#/{ROOM}/$one").item
    assert found is not None
    assert (found.public, found.text) == (True, "placeholder message 3")


def test_a_message_that_passes_on_somebody_elses_file_stays_a_message(script: Script, line: MatrixContact) -> None:
    """The one who passed it on is who the link is about, not the one who uploaded it."""
    other = "@user-18:chat.test"
    script.on(CONTEXT, event({"msgtype": "m.image", "body": "gradient 1.png", "url": MEDIA}))
    script.on(f"GET {FILE}", media(user_id=other)).on(f"GET /_synapse/admin/v1/rooms/{ROOM}", {"join_rules": "public"})
    script.on(f"GET {USER}", user()).on(f"GET /_synapse/admin/v1/whois/{HIM}", {"devices": {}})
    found = line.find(f"{ROOM}/$one")
    assert found.account is not None
    assert found.item is not None
    assert (found.account.id, found.item.id, found.item.account_id) == (HIM, f"{ROOM}/$one", HIM)
    assert (found.item.kind, found.item.file_name) == ("message", "gradient 1.png")


def test_a_sender_of_another_server_is_named_but_not_asked_about(script: Script, line: MatrixContact) -> None:
    script.on(CONTEXT, event({"msgtype": "m.text", "body": "x"}, sender="@user-17:other.test"))
    script.on(f"GET /_synapse/admin/v1/rooms/{ROOM}", {"join_rules": "public"})
    found = line.find(f"{ROOM}/$one")
    assert found.account is None
    assert found.item is not None
    assert found.item.account_id == "@user-17:other.test"


def test_aliases_are_resolved(script: Script, line: MatrixContact) -> None:
    script.on("GET /_matrix/client/v3/directory/room/#general:chat.test", {"room_id": ROOM})
    script.on(CONTEXT, event({"msgtype": "m.text", "body": "x"}))
    script.on(f"GET /_synapse/admin/v1/rooms/{ROOM}", {"join_rules": "public"})
    script.on(f"GET {USER}", user()).on(f"GET /_synapse/admin/v1/whois/{HIM}", {"devices": {}})
    found = line.find("https://matrix.to/#/#general:chat.test/$one")
    assert found.item is not None
    assert found.item.id == f"{ROOM}/$one"


def test_rooms_and_strange_links(line: MatrixContact) -> None:
    with pytest.raises(Unsupported, match="room"):
        line.find("https://matrix.to/#/#general:chat.test")
    with pytest.raises(NotFound):
        line.find("https://pictures.example/1.png")


def test_names_are_tried_as_pasted_then_in_lower_case(script: Script, line: MatrixContact) -> None:
    script.on("GET /_synapse/admin/v2/users/@User-17:chat.test", error(404, "M_NOT_FOUND"))
    script.on(f"GET {USER}", user()).on(f"GET /_synapse/admin/v1/whois/{HIM}", {"devices": {}})
    found = line.find("User-17").account
    assert found is not None
    assert found.id == HIM


def test_a_files_bytes_are_checked_against_the_servers_digest(script: Script, line: MatrixContact) -> None:
    script.on(f"GET {FILE}", media(sha256=hashlib.sha256(b"abc").hexdigest(), quarantined_by=ME))
    requests: list[httpx2.Request] = []

    def send(body: bytes) -> Callable[[httpx2.Request], httpx2.Response]:
        def answer(request: httpx2.Request) -> httpx2.Response:
            requests.append(request)
            return httpx2.Response(200, content=body)

        return answer

    download = "GET /_matrix/client/v1/media/download/chat.test/pic"
    script.on(download, send(b"abc"))
    with line.open_item(MEDIA) as pieces:
        assert b"".join(pieces) == b"abc"
    assert requests[0].url.params["admin_unsafely_bypass_quarantine"] == "true"
    script.on(download, send(b"abd"))
    with pytest.raises(HostUnavailable, match="digest"), line.open_item(MEDIA) as pieces:
        list(pieces)
    script.on(download, error(404, "M_NOT_FOUND"))
    with pytest.raises(NotFound), line.open_item(MEDIA):
        pass


def test_a_problem_of_the_readers_own_is_not_the_hosts(script: Script, line: MatrixContact) -> None:
    script.on(f"GET {FILE}", media())
    script.on("GET /_matrix/client/v1/media/download/chat.test/pic", httpx2.Response(200, content=b"abc"))
    with pytest.raises(ZeroDivisionError), line.open_item(MEDIA):
        raise ZeroDivisionError


def redacted(**more: Any) -> dict[str, Any]:
    return event({}, unsigned={"redacted_because": {}}, **more)


def test_redacting_by_the_servers_task(script: Script, line: MatrixContact) -> None:
    script.on(CONTEXT, event({"msgtype": "m.text", "body": "x"})).on(REDACT, {"redact_id": "t1"})
    states = iter([{"status": "scheduled"}, {"status": "active"}, {"status": "complete", "failed_redactions": {}}])
    script.on(TASK, lambda _: httpx2.Response(200, json=next(states)))
    line.purge_item(f"{ROOM}/$one", key="k")
    assert script.orders() == [REDACT]
    body = next(b for c, b in zip(script.calls, script.bodies, strict=True) if c == REDACT)
    assert b'"after_ts":1795306486173,"before_ts":1795306486173' in body


def test_redacting_again_orders_nothing(script: Script, line: MatrixContact) -> None:
    script.on(CONTEXT, redacted()).on("GET /_synapse/admin/v1/fetch_event/$one", {"event": {"content": {}}})
    line.purge_item(f"{ROOM}/$one", key="k")
    assert script.orders() == []


def test_where_the_task_fails_our_own_account_tries(script: Script, line: MatrixContact) -> None:
    script.on(CONTEXT, event({"msgtype": "m.text", "body": "x"})).on(REDACT, {"redact_id": "t1"})
    script.on(TASK, {"status": "complete", "failed_redactions": {"$one": "'redacts'"}})
    script.on(MY_REDACT, {"event_id": "$two"})
    line.purge_item(f"{ROOM}/$one", key="k")
    assert script.orders() == [REDACT, MY_REDACT]
    script.on(MY_REDACT, error(403, "M_FORBIDDEN", "not in room"))
    with pytest.raises(HostRefused, match="Invite Safehold's account"):
        line.purge_item(f"{ROOM}/$one", key="k")


def test_a_task_that_is_still_running_is_asked_about_later(script: Script, line: MatrixContact) -> None:
    script.on(CONTEXT, event({"msgtype": "m.text", "body": "x"}))
    script.on(REDACT, error(400, "M_UNKNOWN", f"Redact already in progress for user {HIM}"))
    with pytest.raises(HostUnavailable, match="later"):
        line.purge_item(f"{ROOM}/$one", key="k")
    script.on(REDACT, {"redact_id": "t1"}).on(TASK, {"status": "active"})
    line.purge_item(f"{ROOM}/$one", key="k")


def test_the_task_is_not_used_where_it_would_take_another_message_too(script: Script, line: MatrixContact) -> None:
    twin = {
        "event_id": "$two",
        "sender": HIM,
        "type": "m.room.message",
        "origin_server_ts": 1795306486173,
        "content": {},
    }
    script.on(CONTEXT, event({"msgtype": "m.text", "body": "x"}) | {"events_after": [twin]})
    script.on(MY_REDACT, {"event_id": "$three"})
    line.purge_item(f"{ROOM}/$one", key="k")
    assert script.orders() == [MY_REDACT]


@pytest.mark.parametrize("more", [{"kind": "m.sticker"}, {"sender": "@user-17:other.test"}])
def test_the_task_is_not_used_for_what_it_does_not_cover(
    script: Script, line: MatrixContact, more: dict[str, Any]
) -> None:
    script.on(CONTEXT, event({"body": "x"}, **more)).on(MY_REDACT, {"event_id": "$two"})
    line.purge_item(f"{ROOM}/$one", key="k")
    assert script.orders() == [MY_REDACT]


def test_purging_a_message_deletes_its_senders_file_only(script: Script, line: MatrixContact) -> None:
    script.on(CONTEXT, event({"msgtype": "m.image", "url": MEDIA})).on(REDACT, {"redact_id": "t1"})
    script.on(TASK, {"status": "complete", "failed_redactions": {}}).on(f"DELETE {FILE}", {"deleted_media": ["pic"]})
    script.on(f"GET {FILE}", media())
    line.purge_item(f"{ROOM}/$one", key="k")
    assert script.orders() == [f"DELETE {FILE}", REDACT]
    script.calls.clear()
    script.on(f"GET {FILE}", media(user_id="@user-18:chat.test"))
    line.purge_item(f"{ROOM}/$one", key="k")
    assert script.orders() == [REDACT]


def test_notices(script: Script, line: MatrixContact) -> None:
    notice = "PUT /_synapse/admin/v1/send_server_notice/k"
    tell = {
        "subject": "About your account",
        "text": "Placeholder text 1.",
        "link": "https://desk.example/a",
    }
    script.on(f"GET {USER}", user()).on(notice, {"event_id": "$n"})
    line.tell_account(HIM, **tell, key="k")
    assert b"About your account\\n\\nPlaceholder text 1.\\n\\nhttps://desk.example/a" in script.bodies[-1]
    script.on(notice, error(400, "M_UNKNOWN", "Server notices are not enabled on this server"))
    with pytest.raises(Unsupported, match="Server notices are off"):
        line.tell_account(HIM, **tell, key="k")
    script.on(notice, error(400, "M_UNKNOWN", "something else"))
    with pytest.raises(HostRefused):
        line.tell_account(HIM, **tell, key="k")
    script.calls.clear()
    for flags in ({"locked": True}, {"suspended": True}):
        script.on(f"GET {USER}", user(**flags))
        with pytest.raises(Unsupported, match="e-mail"):
            line.tell_account(HIM, **tell, key="k")
    assert script.orders() == []


def test_limits_are_declared(line: MatrixContact) -> None:
    said = " ".join(line.abilities.limits)
    assert line.abilities.context
    for limit in (
        "other homeservers",
        "Encrypted",
        "sender and time alone",
        "at most ten",
        "named the message",
        "without a file",
        "same bytes",
        "Authentication Service",
    ):
        assert limit in said
    assert line.abilities.without_undo == {"purge_item"}
    assert line.abilities.without_undo <= line.abilities.orders


@pytest.mark.django_db
def test_a_hosts_row_gives_the_adapter_and_a_missing_token_is_a_clear_refusal() -> None:
    from safehold.hosts.service import contact
    from safehold.subjects.models import Host

    host = Host.objects.create(slug="chat", name="Chat", adapter="matrix", base_url="https://chat.test")
    line = contact(host)
    assert isinstance(line, MatrixContact)
    with pytest.raises(HostRefused, match="admin_token"):
        line.ping()


def test_a_folder_that_holds_something_else_is_never_cleared(tmp_path: Path) -> None:
    from examples.matrix.homeserver import HomeserverError, ensure_synapse

    (tmp_path / "file").write_text("placeholder")
    with pytest.raises(HomeserverError, match="holds something else"):
        ensure_synapse(tmp_path)
    assert (tmp_path / "file").read_text() == "placeholder"


# --- what stands around a message -------------------------------------------------------------------


def said(number: int, text: str = "", **more: Any) -> dict[str, Any]:
    content = {"msgtype": "m.text", "body": text or f"placeholder message {number}"}
    at = 1795306486173 + 1000 * number
    made = {"event_id": f"$e{number}", "sender": HIM, "type": "m.room.message", "origin_server_ts": at}
    return made | {"content": content} | more


def joined(*names: str, left: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    rows = [(name, "join") for name in names] + [(name, "leave") for name in left]
    return [{"type": "m.room.member", "state_key": name, "content": {"membership": how}} for name, how in rows]


HER = "@user-18:chat.test"
AROUND = f"GET /_synapse/admin/v1/rooms/{ROOM}/context/$e5"


def around(**more: Any) -> dict[str, Any]:
    state = [*joined(HIM, HER, left=("@user-19:chat.test",)), {"type": "m.room.name", "content": {"name": "room 1"}}]
    return {"event": said(5), "events_before": [said(4), said(3)], "events_after": [said(6)], "state": state} | more


@pytest.fixture
def known(script: Script) -> Script:
    script.on(f"GET {USER}", user(threepids=[]))
    script.on(f"GET /_synapse/admin/v1/whois/{HIM}", {"devices": {"": {"sessions": [{"connections": [
        {"ip": "192.0.2.17", "last_seen": 1795306486173}]}]}}})  # fmt: skip
    return script


def test_what_stands_around_a_message(known: Script, line: MatrixContact) -> None:
    replied = said(6, sender=HER)
    replied["content"]["m.relates_to"] = {"m.in_reply_to": {"event_id": "$e5"}}
    edited = said(5, unsigned={"m.relations": {"m.replace": {"origin_server_ts": 1795306499000}}})
    gone = said(3, content={}, unsigned={"redacted_because": {"origin_server_ts": 1795306500000}})
    secret = said(4, sender=HER, type="m.room.encrypted", content={"ciphertext": "x"})
    asked: list[dict[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(dict(request.url.params))
        return httpx2.Response(
            200, json=around(event=edited, events_before=[secret, *joined(HER), gone], events_after=[replied])
        )

    known.on(AROUND, answer)
    found = line.context(f"{ROOM}/$e5", before=2, after=2)
    (params,) = asked
    assert params["limit"] == "6"
    assert json.loads(params["filter"]) == {
        "types": ["m.room.message", "m.room.encrypted", "m.sticker", "m.room.member", "m.room.name"]
    }
    assert [one.id for one in found.messages] == [f"{ROOM}/$e{n}" for n in (3, 4, 5, 6)], "oldest first"
    assert (found.about, found.thread, found.title, found.complete) == (f"{ROOM}/$e5", ROOM, "room 1", None)
    first, second, own, answered = found.messages
    assert (first.deleted, first.text) == (True, "")
    assert first.deleted_at == datetime.fromtimestamp(1795306500, UTC)
    assert (second.encrypted, second.text, second.sender, second.recipients) == (True, "", HER, (HIM,))
    assert (own.text, own.edited, own.recipients) == ("placeholder message 5", True, (HER,))
    assert own.edited_at == datetime.fromtimestamp(1795306499, UTC)
    assert (answered.reply_to, answered.edited, answered.deleted) == (f"{ROOM}/$e5", False, False)
    assert [use.ip for use in found.addresses] == ["192.0.2.17"]


def test_the_window_is_kept_and_says_that_there_is_more(known: Script, line: MatrixContact) -> None:
    known.on(AROUND, around())
    found = line.context(f"{ROOM}/$e5", before=1, after=1)
    assert [one.id for one in found.messages] == [f"{ROOM}/$e{n}" for n in (4, 5, 6)]
    assert found.complete is False


def test_a_crowd_is_not_named(known: Script, line: MatrixContact) -> None:
    known.on(AROUND, around(state=joined(HIM, *(f"@user-{n}:chat.test" for n in range(20, 30)))))
    assert all(one.recipients == () for one in line.context(f"{ROOM}/$e5").messages)


def test_a_file_is_found_in_the_message_by_which_it_was_named(known: Script, line: MatrixContact) -> None:
    shows = said(5, content={"msgtype": "m.image", "body": "gradient 1.png", "url": MEDIA})
    known.on(AROUND, around(event=shows))
    known.on("GET /_matrix/client/v3/directory/room/#room:chat.test", {"room_id": ROOM})
    for name in (f"{ROOM}/$e5", f"https://matrix.to/#/{ROOM}/$e5", "https://matrix.to/#/#room:chat.test/$e5"):
        found = line.context(MEDIA, named_as=(MEDIA, HIM, name))
        assert found.about == f"{ROOM}/$e5"
        assert [one.attachments for one in found.messages if one.id == found.about] == [(MEDIA,)]
    for named in ((), (MEDIA,), ("x",)):
        with pytest.raises(Unsupported, match="No report named the message"):
            line.context(MEDIA, named_as=named)
    known.on(AROUND, around())
    with pytest.raises(Unsupported):
        line.context(MEDIA, named_as=(f"{ROOM}/$e5",))


def test_what_is_gone_or_of_elsewhere(known: Script, line: MatrixContact) -> None:
    known.on(AROUND, error(404, "M_NOT_FOUND"))
    with pytest.raises(NotFound):
        line.context(f"{ROOM}/$e5")
    with pytest.raises(Unsupported):
        line.context(MEDIA, named_as=(f"{ROOM}/$e5",))
    known.on(AROUND, around(event=said(5, sender="@user-17:other.test"), state=[]))
    assert line.context(f"{ROOM}/$e5").addresses == ()
