"""Every order of the Matrix adapter on a real Synapse, read back as an ordinary member sees it."""
# ruff: noqa: F811 - fixtures are imported by the name under which tests take them

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from examples.matrix.client import Client, MatrixError
from examples.matrix.homeserver import Homeserver, start
from safehold.hosts.contract import AccountStatus, HostRefused, ItemStatus, NotFound, Unsupported
from safehold.hosts.matrix import MatrixContact
from tests.support.synapse import PASSWORD, gradient, member, synapse  # noqa: F401 - the fixtures

pytestmark = [pytest.mark.matrix, pytest.mark.network]

Member = Callable[[str], Client]
KEY = {"key": "11111111-1111-4111-8111-111111111111"}


@pytest.fixture
def line(synapse: Homeserver) -> MatrixContact:
    return MatrixContact(synapse.base_url, synapse.admin_token)


@pytest.fixture
def him(member: Member) -> Client:
    return member("user-17")


@pytest.fixture
def her(member: Member) -> Client:
    return member("user-18")


@pytest.fixture
def room(him: Client, her: Client) -> str:
    made = him.create_room("room 1")
    her.join(made)
    return made


def refused(call: Callable[..., Any], *given: Any, **named: Any) -> tuple[int, str]:
    """Status and error code that the member gets; fails where the call went through."""
    with pytest.raises(MatrixError) as raised:
        call(*given, **named)
    return raised.value.status, raised.value.errcode


def upload(client: Client, data: bytes | None = None) -> tuple[str, bytes]:
    data = data or gradient()
    return client.upload(data, file_name="gradient 1.png", media_type="image/png"), data


LOCKED = (401, "M_USER_LOCKED")
SUSPENDED = (403, "M_USER_SUSPENDED")
GONE = (404, "M_NOT_FOUND")


# The line


def test_ping(line: MatrixContact, synapse: Homeserver) -> None:
    assert line.ping().startswith("Synapse 1.")
    assert line.server_name == synapse.server_name


def test_an_ordinary_members_token_is_refused(him: Client, synapse: Homeserver) -> None:
    line = MatrixContact(synapse.base_url, him.token)
    with pytest.raises(HostRefused, match="server administrator"):
        line.ping()
    with pytest.raises(HostRefused, match="access token"):
        MatrixContact(synapse.base_url, "wrong").ping()


# Files


def test_hiding_a_file_and_bringing_it_back(line: MatrixContact, him: Client, her: Client, synapse: Homeserver) -> None:
    mxc, data = upload(him)
    assert her.download(mxc) == data
    assert her.thumbnail(mxc)
    assert line.item(mxc).status is ItemStatus.VISIBLE

    for _ in range(2):  # repeating an order changes nothing and succeeds
        line.hide_item(mxc, **KEY)
    assert line.item(mxc).status is ItemStatus.HIDDEN
    for client in (her, him):
        assert refused(client.download, mxc) == GONE
        assert refused(client.thumbnail, mxc) == GONE
    old = httpx2.get(f"{synapse.base_url}/_matrix/media/v3/download/{mxc.removeprefix('mxc://')}")
    assert old.status_code == 404  # without logging in, the old way

    with line.open_item(mxc) as pieces:  # for the vault
        assert b"".join(pieces) == data

    for _ in range(2):
        line.restore_item(mxc, **KEY)
    assert line.item(mxc).status is ItemStatus.VISIBLE
    assert her.download(mxc) == data
    assert her.thumbnail(mxc)


def test_what_is_known_of_a_file(line: MatrixContact, him: Client) -> None:
    mxc, _ = upload(him)
    facts = line.item(mxc)
    assert (facts.id, facts.kind, facts.account_id) == (mxc, "media", him.user_id)
    assert (facts.file_name, facts.media_type) == ("gradient 1.png", "image/png")
    assert facts.posted_at is not None
    assert abs(facts.posted_at.timestamp() - time.time()) < 60
    assert facts.public is None
    second, _ = upload(him)
    assert [item.id for item in line.items_of(him.user_id)] == [second, mxc]
    assert [item.id for item in line.items_of(him.user_id, limit=1)] == [second]


def test_copies_with_the_same_bytes_go_and_come_back_together(line: MatrixContact, him: Client, her: Client) -> None:
    """The declared limit of quarantine: it goes by content."""
    mxc, data = upload(him)
    copy, _ = upload(her, data)
    line.hide_item(mxc, **KEY)
    assert line.item(copy).status is ItemStatus.HIDDEN
    assert refused(her.download, copy) == GONE
    later, _ = upload(her, data)
    assert her.download(later) == data
    line.restore_item(mxc, **KEY)
    assert line.item(copy).status is ItemStatus.VISIBLE
    assert her.download(copy) == data


def test_a_purged_file_is_gone_for_good(line: MatrixContact, him: Client, her: Client) -> None:
    mxc, _ = upload(him)
    line.hide_item(mxc, **KEY)
    for _ in range(2):
        line.purge_item(mxc, **KEY)
    assert refused(her.download, mxc) == GONE
    for ask in (line.item, lambda item: line.restore_item(item, **KEY), lambda item: line.hide_item(item, **KEY)):
        with pytest.raises(NotFound):
            ask(mxc)
    with pytest.raises(NotFound), line.open_item(mxc):
        pass
    assert refused(her.download, mxc) == GONE
    assert line.items_of(him.user_id) == []


def test_a_protected_file_is_refused_and_stays_in_reach(line: MatrixContact, him: Client) -> None:
    mxc, data = upload(him)
    line.api._call("POST", "/_synapse/admin", "v1", "media", "protect", mxc.rpartition("/")[2], body={})
    with pytest.raises(HostRefused, match="protected"):
        line.hide_item(mxc, **KEY)
    assert him.download(mxc) == data


def test_files_that_never_were(line: MatrixContact, synapse: Homeserver) -> None:
    mxc = f"mxc://{synapse.server_name}/neverthere"
    for ask in (line.hide_item, line.restore_item):
        with pytest.raises(NotFound):
            ask(mxc, **KEY)
    with pytest.raises(NotFound), line.open_item(mxc):
        pass


def test_a_larger_file_arrives_whole_while_hidden(line: MatrixContact, him: Client) -> None:
    data = bytes(range(256)) * 12_000  # 3 MB
    mxc = him.upload(data, file_name="shapes.bin", media_type="application/octet-stream")
    line.hide_item(mxc, **KEY)
    digest, sizes = hashlib.sha256(), []
    with line.open_item(mxc) as pieces:
        for piece in pieces:
            digest.update(piece)
            sizes.append(len(piece))
    assert digest.digest() == hashlib.sha256(data).digest()
    assert max(sizes) <= 64 * 1024


# Accounts


def everything_works(client: Client, room: str, login: Client) -> None:
    client.send_text(room, "placeholder message 4")
    assert client.whoami() == client.user_id
    upload(client)
    assert login.login(client.user_id, PASSWORD) == client.user_id


def test_suspending_and_restoring(line: MatrixContact, him: Client, room: str, synapse: Homeserver) -> None:
    fresh = Client(synapse.base_url)
    everything_works(him, room, fresh)
    mxc, _ = upload(him)
    for _ in range(2):
        line.suspend_account(him.user_id, **KEY)
    assert line.account(him.user_id).status is AccountStatus.SUSPENDED
    for client in (him, fresh):
        assert refused(client.send_text, room, "placeholder message 5") == LOCKED
        assert refused(client.sync) == LOCKED
        assert refused(client.download, mxc) == LOCKED
        assert refused(upload, client) == LOCKED
        assert refused(client.create_room, "room 2") == LOCKED
    newcomer = Client(synapse.base_url)
    assert refused(newcomer.login, him.user_id, PASSWORD) == LOCKED
    for _ in range(2):
        line.restore_account(him.user_id, **KEY)
    assert line.account(him.user_id).status is AccountStatus.ACTIVE
    everything_works(him, room, newcomer)  # with the token from before, and in the same rooms
    fresh.send_text(room, "placeholder message 6")
    for client in (fresh, newcomer):
        client.close()


def test_locking_and_restoring(line: MatrixContact, him: Client, room: str, synapse: Homeserver) -> None:
    for _ in range(2):
        line.lock_account(him.user_id, **KEY)
    assert line.account(him.user_id).status is AccountStatus.LOCKED
    newcomer = Client(synapse.base_url)
    assert refused(him.send_text, room, "placeholder message 5") == LOCKED
    assert refused(newcomer.login, him.user_id, PASSWORD) == LOCKED
    line.restore_account(him.user_id, **KEY)
    assert line.account(him.user_id).status is AccountStatus.ACTIVE
    everything_works(him, room, newcomer)
    newcomer.close()


def test_why_suspending_alone_would_not_do(line: MatrixContact, him: Client, room: str, synapse: Homeserver) -> None:
    """Half of the order: writing is refused, but logging in and uploading are not. It reads back as not suspended."""
    line.api.set_suspended(him.user_id, True)
    assert refused(him.send_text, room, "placeholder message 5") == SUSPENDED
    assert upload(him)
    newcomer = Client(synapse.base_url)
    assert newcomer.login(him.user_id, PASSWORD)
    newcomer.close()
    assert line.account(him.user_id).status is AccountStatus.LOCKED
    line.suspend_account(him.user_id, **KEY)
    assert line.account(him.user_id).status is AccountStatus.SUSPENDED
    assert refused(upload, him) == LOCKED


def test_the_lenient_paths_lock_then_a_suspension_for_good(line: MatrixContact, him: Client) -> None:
    line.lock_account(him.user_id, **KEY)
    line.suspend_account(him.user_id, **KEY)
    line.lock_account(him.user_id, **KEY)  # never weakens
    assert line.account(him.user_id).status is AccountStatus.SUSPENDED


def test_what_is_known_of_an_account(line: MatrixContact, him: Client, synapse: Homeserver) -> None:
    threepids = [
        {"medium": "email", "address": "user-17@mail.example"},
        {"medium": "msisdn", "address": "12025550117"},
    ]
    path = ("v2", "users", him.user_id)
    line.api._call("PUT", "/_synapse/admin", *path, body={"threepids": threepids, "displayname": "user 17"})
    him.whoami()
    until = time.monotonic() + 20  # Synapse writes addresses down every few seconds
    while not (facts := line.account(him.user_id)).addresses and time.monotonic() < until:
        time.sleep(0.5)
    assert (facts.id, facts.handle, facts.display_name) == (him.user_id, him.user_id, "user 17")
    assert facts.emails == facts.verified_emails == ("user-17@mail.example",)
    assert facts.phones == ("+12025550117",)
    assert facts.registered_at is not None
    assert abs(facts.registered_at.timestamp() - time.time()) < 60
    assert [address.ip for address in facts.addresses] == ["127.0.0.1"]


def test_accounts_that_are_not_there(line: MatrixContact, member: Member, synapse: Homeserver) -> None:
    nobody = f"@nobody:{synapse.server_name}"
    for order in (line.suspend_account, line.lock_account, line.restore_account):
        with pytest.raises(NotFound):
            order(nobody, **KEY)
    with pytest.raises(NotFound):
        line.account(nobody)  # above all: no order has made it
    gone = member("user-19")
    line.api._call("POST", "/_synapse/admin", "v1", "deactivate", gone.user_id, body={"erase": False})
    assert line.account(gone.user_id).status is AccountStatus.GONE
    with pytest.raises(NotFound):
        line.suspend_account(gone.user_id, **KEY)


def test_own_account_stays_open(line: MatrixContact, synapse: Homeserver) -> None:
    with pytest.raises(HostRefused):
        line.suspend_account(synapse.admin_id, **KEY)
    assert line.ping()


# Messages


def test_links_lead_to_what_they_name(
    line: MatrixContact, him: Client, her: Client, room: str, synapse: Homeserver
) -> None:
    mxc, _ = upload(him)
    picture = him.send_image(room, mxc, file_name="gradient 1.png")
    words = him.send_text(room, "placeholder message 3")
    where = mxc.removeprefix("mxc://")
    for link in (
        mxc,
        f"https://matrix.to/#/{room}/{picture}?via={synapse.server_name}",
        f"{synapse.base_url}/_matrix/client/v1/media/download/{where}/gradient.png",
        f"https://{synapse.server_name}/_matrix/media/v3/thumbnail/{where}?width=32",
    ):
        found = line.find(link)
        assert found.item is not None, link
        assert found.account is not None, link
        assert (found.item.id, found.item.media_type, found.account.id) == (mxc, "image/png", him.user_id)
    found = line.find(f"https://matrix.to/#/{room}/{words}")
    assert found.item is not None
    assert (found.item.id, found.item.kind, found.item.public) == (f"{room}/{words}", "message", True)
    assert (found.item.text, found.item.account_id) == ("placeholder message 3", him.user_id)
    for item in (mxc, f"{room}/{picture}"):  # a report from within the client names the event
        assert (line.item(item).id, line.item(item).account_id) == (mxc, him.user_id)
    for name in (him.user_id, him.user_id.partition(":")[0], f"https://matrix.to/#/{him.user_id}"):
        found = line.find(name)
        assert found.item is None
        assert found.account is not None
        assert found.account.id == him.user_id
    for dead in (
        f"https://matrix.to/#/{room}/$nothere",
        f"mxc://{synapse.server_name}/nothere",
        "@nobody",
        f"{room[:-1]}/{words}",
    ):
        with pytest.raises(NotFound):
            line.find(dead)


def test_the_administrator_need_not_be_in_a_closed_room(line: MatrixContact, him: Client) -> None:
    closed = him.create_room("room 2", public=False)
    words = him.send_text(closed, "placeholder message 7")
    found = line.find(f"https://matrix.to/#/{closed}/{words}").item
    assert found is not None
    assert (found.public, found.text) == (False, "")
    assert line.item(found.id).text == "placeholder message 7"
    line.purge_item(found.id, **KEY)
    assert line.item(found.id).status is ItemStatus.GONE
    assert members_view(him, closed, words) == {}
    mxc, _ = upload(him)
    picture = f"{closed}/{him.send_image(closed, mxc, file_name='gradient 1.png')}"
    found = line.find(picture).item
    assert found is not None
    assert (found.id, found.public, found.file_name) == (mxc, False, "")
    assert (line.item(picture).public, line.item(picture).file_name) == (False, "gradient 1.png")


def members_view(client: Client, room: str, event: str) -> Any:
    """What a message says to a member now."""
    return next(seen["content"] for seen in client.messages(room) if seen["event_id"] == event)


def test_a_message_without_a_file_can_only_be_redacted(
    line: MatrixContact, him: Client, her: Client, room: str
) -> None:
    events = [him.send_text(room, f"placeholder message {number}") for number in range(3)]
    item = f"{room}/{events[1]}"
    for order in (line.hide_item, line.restore_item):
        with pytest.raises(Unsupported, match="without a file"):
            order(item, **KEY)
    with pytest.raises(NotFound), line.open_item(item):
        pass
    line.suspend_account(him.user_id, **KEY)  # purging comes after the decision: its sender is suspended by then
    for _ in range(2):
        line.purge_item(item, **KEY)
    assert line.item(item).status is ItemStatus.GONE
    assert members_view(her, room, events[1]) == {}
    assert members_view(her, room, events[0])["body"] == "placeholder message 0"  # the others stay
    assert members_view(her, room, events[2])["body"] == "placeholder message 2"
    redactions = [seen for seen in her.messages(room) if seen["type"] == "m.room.redaction"]
    assert len(redactions) == 1
    line.restore_account(him.user_id, **KEY)
    assert members_view(her, room, events[1]) == {}


def test_an_encrypted_message(line: MatrixContact, him: Client, her: Client, room: str) -> None:
    sealed = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA", "session_id": "x"}
    event = him.send(room, sealed, "m.room.encrypted")
    found = line.find(f"{room}/{event}")
    assert found.account is not None
    assert found.item is not None
    assert (found.account.id, found.item.media_type, found.item.text) == (him.user_id, "", "")
    with pytest.raises(Unsupported, match="encrypted"):
        line.hide_item(found.item.id, **KEY)
    line.purge_item(found.item.id, **KEY)
    assert line.item(found.item.id).status is ItemStatus.GONE
    assert members_view(her, room, event) == {}


def test_what_stands_around_a_message(line: MatrixContact, him: Client, her: Client) -> None:
    closed = him.create_room("room 4", public=False)
    him.invite(closed, her.user_id)
    her.join(closed)
    sent = [client.send_text(closed, f"placeholder message {n}") for n, client in enumerate([him, her] * 3)]
    replied = {"msgtype": "m.text", "body": "placeholder message 6"}
    replied["m.relates_to"] = {"m.in_reply_to": {"event_id": sent[5]}}  # type: ignore[assignment]
    sent.append(her.send(closed, replied))
    new = {"msgtype": "m.text", "body": "placeholder message 30"}
    her.send(closed, {**new, "m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": sent[3]}})
    him.redact(closed, sent[4])
    her.send(closed, {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA", "session_id": "x"}, "m.room.encrypted")
    found = line.context(f"{closed}/{sent[2]}", before=1, after=10)
    told = {one.id: one for one in found.messages}
    assert [one.id for one in found.messages][:6] == [f"{closed}/{event}" for event in sent[1:]]
    assert (found.about, found.thread, found.title) == (f"{closed}/{sent[2]}", closed, "room 4")
    assert found.complete is False, "one before it was cut off"
    own = told[found.about]
    assert (own.text, own.sender, own.recipients) == ("placeholder message 2", him.user_id, (her.user_id,))
    assert told[f"{closed}/{sent[3]}"].edited
    assert told[f"{closed}/{sent[3]}"].edited_at is not None
    assert (told[f"{closed}/{sent[4]}"].deleted, told[f"{closed}/{sent[4]}"].text) == (True, "")
    assert told[f"{closed}/{sent[4]}"].deleted_at is not None
    assert told[f"{closed}/{sent[6]}"].reply_to == f"{closed}/{sent[5]}"
    assert found.messages[-1].encrypted
    assert all(one.at is not None for one in found.messages)
    assert found.addresses, "Synapse saw him from somewhere"
    mxc, _ = upload(him)
    shown = him.send_image(closed, mxc, file_name="gradient 1.png")
    with pytest.raises(Unsupported):
        line.context(mxc)
    assert line.context(mxc, named_as=(f"https://matrix.to/#/{closed}/{shown}",)).about == f"{closed}/{shown}"


def test_a_message_with_a_thumbnail_of_its_own(line: MatrixContact, him: Client, her: Client, room: str) -> None:
    """Both files go and come back together; purging deletes both and redacts the message."""
    mxc, data = upload(him)
    small, small_data = upload(him, gradient(24, 16))
    content = {"msgtype": "m.image", "body": "gradient 1.png", "url": mxc}
    event = him.send(room, content | {"info": {"mimetype": "image/png", "thumbnail_url": small}})
    found = line.find(f"{room}/{event}").item
    assert found is not None
    assert (found.id, found.media_type, found.status) == (f"{room}/{event}", "image/png", ItemStatus.VISIBLE)
    line.hide_item(found.id, **KEY)
    assert line.item(found.id).status is ItemStatus.HIDDEN
    assert refused(her.download, mxc) == refused(her.download, small) == GONE
    with line.open_item(found.id) as pieces:
        assert b"".join(pieces) == data
    line.restore_item(found.id, **KEY)
    assert (her.download(mxc), her.download(small)) == (data, small_data)
    line.purge_item(found.id, **KEY)
    assert line.item(found.id).status is ItemStatus.GONE
    assert refused(her.download, mxc) == refused(her.download, small) == GONE
    assert members_view(her, room, event) == {}


def test_old_rooms_need_our_own_account_for_suspended_senders(
    line: MatrixContact, him: Client, her: Client, synapse: Homeserver
) -> None:
    """The declared limit: Synapse cannot redact in a suspended sender's name where the room is of version 10."""
    old = him.create_room("room 10", room_version="10")
    her.join(old)
    first, second = (him.send_text(old, f"placeholder message {number}") for number in (1, 2))
    line.purge_item(f"{old}/{first}", **KEY)
    assert line.item(f"{old}/{first}").status is ItemStatus.GONE
    him.call(
        "PUT", f"/_matrix/client/v3/rooms/{old}/state/m.room.power_levels/",
        json={"users": {him.user_id: 100, synapse.admin_id: 50}},
    )  # fmt: skip
    line.suspend_account(him.user_id, **KEY)
    with pytest.raises(HostRefused, match="Invite Safehold's account"):
        line.purge_item(f"{old}/{second}", **KEY)
    assert line.item(f"{old}/{second}").status is ItemStatus.VISIBLE
    us = Client(synapse.base_url)
    us.token = synapse.admin_token
    us.join(old)
    line.purge_item(f"{old}/{second}", **KEY)
    assert line.item(f"{old}/{second}").status is ItemStatus.GONE
    assert members_view(her, old, second) == {}
    us.close()


# Telling


def notices(client: Client) -> Iterator[str]:
    for seen in client.sync().get("rooms", {}).get("join", {}).values():
        for event in seen["timeline"]["events"]:
            if event["sender"].startswith("@notices:") and event["type"] == "m.room.message":
                yield event["content"]["body"]


def test_a_notice_reaches_the_account_holder_once(line: MatrixContact, him: Client) -> None:
    tell = {"subject": "About your account", "text": "Placeholder text 1.", "link": "https://desk.example/a/1"}
    for _ in range(2):
        line.tell_account(him.user_id, **tell, key=f"{him.user_id}-1")
    assert list(notices(him)) == ["About your account\n\nPlaceholder text 1.\n\nhttps://desk.example/a/1"]
    line.suspend_account(him.user_id, **KEY)
    with pytest.raises(Unsupported, match="e-mail"):
        line.tell_account(him.user_id, **tell, key=f"{him.user_id}-2")


def test_the_homeserver_comes_back_with_what_it_had(tmp_path: Path) -> None:
    """Same data folder: same administrator, same members, same suspensions. And stopping twice is fine."""
    with start(tmp_path, server_notices=False) as first:
        client = Client(first.base_url)
        him = client.register("user-17", PASSWORD)
        line = MatrixContact(first.base_url, first.admin_token)
        line.lock_account(him, **KEY)
        client.close()
        second_user = Client(first.base_url)
        her = second_user.register("user-18", PASSWORD)
        with pytest.raises(Unsupported, match="Server notices are off"):
            line.tell_account(her, subject="s", text="t", link="", key="k")
        second_user.close()
    first.stop()
    assert first.process.poll() is not None
    with start(tmp_path, server_notices=False) as again:
        line = MatrixContact(again.base_url, again.admin_token)
        assert line.account(him).status is AccountStatus.LOCKED


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)])
def test_it_ends_with_the_program_that_started_it(
    synapse: Homeserver, tmp_path: Path, ending: signal.Signals, code: int
) -> None:
    command = [sys.executable, "examples/matrix/homeserver.py", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as program:
        assert program.stdout is not None
        ready = json.loads(program.stdout.readline())
        assert MatrixContact(ready["base_url"], ready["admin_token"]).ping().startswith("Synapse ")
        program.send_signal(ending)
        assert program.wait(15) == code
    until = time.monotonic() + 10
    while answers(ready["base_url"]) and time.monotonic() < until:
        time.sleep(0.1)
    assert not answers(ready["base_url"])


def answers(base_url: str) -> bool:
    try:
        httpx2.get(f"{base_url}/_matrix/client/versions")
    except httpx2.TransportError:
        return False
    return True
