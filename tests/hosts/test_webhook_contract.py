"""The webhook adapter against a real microblog in a process of its own: each question, each order and its read-back."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from django.db import transaction
from standardwebhooks import Webhook

from safehold.hosts import events, keys, service
from safehold.hosts.contract import AccountStatus, HostRefused, ItemStatus, NotFound
from safehold.hosts.webhook import WebhookContact
from safehold.subjects.models import Host
from tests.support.microblog import Member, Microblog, start_microblog
from tests.support.scripted_http import Asked, ScriptedServer, as_json, scripted_server

pytestmark = [pytest.mark.network, pytest.mark.django_db]

SECRET = keys.new_webhook_secret()
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 700


def safehold_says(asked: Asked) -> object:
    """Nobody is banned, nothing is on a list, every event is taken."""
    if asked.path == "/api/v1/signup-checks":
        return as_json({"refused": False, "by": ""})
    if asked.path == "/screen/v1/check":
        return as_json({"items": [{"sha256": asked.json()["items"][0]["sha256"], "hits": [], "do": "allow"}]})
    return as_json({}, 202)


@pytest.fixture(scope="module")
def safehold() -> Iterator[ScriptedServer]:
    with scripted_server(safehold_says) as server:  # type: ignore[arg-type]
        yield server


@pytest.fixture(scope="module")
def site(safehold: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Microblog]:
    folder = tmp_path_factory.mktemp("microblog")
    with start_microblog(folder, safehold=safehold.url, key="shk_test_key", secret=SECRET) as running:
        yield running


@pytest.fixture
def host(site: Microblog, data: object) -> Host:
    row = Host.objects.create(slug="blog", name="Blog", adapter="webhook", base_url=site.url)
    keys.set_secret(row, "webhook", SECRET, "staff:0000")
    return row


@pytest.fixture
def line(host: Host) -> WebhookContact:
    found = service.contact(host)
    assert isinstance(found, WebhookContact)
    return found


@pytest.fixture
def member(site: Microblog, request: pytest.FixtureRequest) -> Member:
    member.number = getattr(member, "number", 16) + 1  # type: ignore[attr-defined]
    return site.member(f"user-{member.number}", phone="+12025550117", language="ar")  # type: ignore[attr-defined]


def send(
    site: Microblog, message: dict[str, object], *, webhook_id: str, secret: str = SECRET, age: int = 0
) -> httpx2.Response:
    """A message to microblog's webhook as anybody on the network could send it."""
    body, at = json.dumps(message), datetime.now(tz=UTC) - timedelta(seconds=age)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
    }
    return httpx2.post(f"{site.url}/safehold/webhook", content=body, headers=headers, trust_env=False)


def test_it_pings(line: WebhookContact) -> None:
    assert line.ping() == "microblog 1.0"


def test_it_says_what_it_can(line: WebhookContact) -> None:
    assert line.abilities.without_undo == {"purge_item"}
    assert "tell_account" in line.abilities.orders


def test_an_account_is_read(line: WebhookContact, member: Member, site: Microblog) -> None:
    facts = line.account(member.account_id)
    assert (facts.id, facts.handle, facts.status) == (member.account_id, member.handle, AccountStatus.ACTIVE)
    assert facts.url == f"{site.url}/@{member.handle}"
    assert facts.emails == (f"{member.handle}@mail.example",)
    assert facts.verified_emails == ()
    assert facts.phones == ("+12025550117",)
    assert facts.language == "ar"
    assert facts.registered_at is not None
    assert abs(datetime.now(tz=UTC) - facts.registered_at) < timedelta(minutes=1)
    assert [(use.ip, use.event) for use in facts.addresses] == [("192.0.2.17", "Registration")]


def test_an_item_is_read_and_its_file_streamed(line: WebhookContact, member: Member) -> None:
    post = member.post("placeholder message 3", PICTURE)
    facts = line.item(post["post_id"])
    assert (facts.kind, facts.status, facts.account_id) == ("post", ItemStatus.VISIBLE, member.account_id)
    assert (facts.text, facts.file_name, facts.media_type) == ("placeholder message 3", "gradient-1.png", "image/png")
    assert (facts.url, facts.public, facts.viewed_by_host_staff) == (post["url"], True, None)
    assert facts.uploaded_from is not None
    assert (facts.uploaded_from.ip, facts.uploaded_from.event) == ("192.0.2.17", "Upload")
    with line.open_item(post["post_id"]) as chunks:
        pieces = list(chunks)
    assert len(pieces) > 1
    assert b"".join(pieces) == PICTURE


def test_a_post_without_a_picture_has_no_file(line: WebhookContact, member: Member) -> None:
    post = member.post("placeholder message 4")
    assert line.item(post["post_id"]).media_type == ""
    with pytest.raises(NotFound, match="no picture"), line.open_item(post["post_id"]):
        pass


@pytest.mark.parametrize(
    "how", ["{url}/posts/{post}", "{url}/media/{post}", "{url}/posts/{post}?from=feed#top", "{url}/posts/{post}/"]
)
def test_links_to_posts_lead_to_item_and_account(
    line: WebhookContact, member: Member, site: Microblog, how: str
) -> None:
    post = member.post("placeholder message 5")
    found = line.find(how.format(url=site.url, post=post["post_id"]))
    assert found.item is not None
    assert found.account is not None
    assert (found.item.id, found.account.id) == (post["post_id"], member.account_id)


@pytest.mark.parametrize("how", ["{name}", "@{name}", " @{name} ", "{url}/@{name}"])
def test_names_lead_to_an_account_alone(line: WebhookContact, member: Member, site: Microblog, how: str) -> None:
    found = line.find(how.format(url=site.url, name=member.handle))
    assert found.account is not None
    assert found.account.id == member.account_id
    assert found.item is None


@pytest.mark.parametrize(
    "dead",
    ["@nobody", "", "{url}/posts/none", "{url}/nowhere/else", "https://elsewhere.example/posts/1", "://", "x" * 3000],
)
def test_dead_links_are_not_found(line: WebhookContact, site: Microblog, dead: str) -> None:
    with pytest.raises(NotFound):
        line.find(dead.format(url=site.url))


def test_what_stands_around_a_post_is_its_conversation(line: WebhookContact, member: Member, site: Microblog) -> None:
    other = site.member(f"other-of-{member.handle}")
    root = member.post("placeholder message 20", PICTURE)["post_id"]
    first = other.reply(root, "placeholder message 21").json()["post_id"]
    second = member.reply(first, "placeholder message 22").json()["post_id"]
    other.reply(root, "placeholder message 23").raise_for_status()
    member.post("placeholder message 24")
    other.remove(first).raise_for_status()
    line.hide_item(second, key="hide-20")
    found = line.context(second)
    assert [one.text for one in found.messages] == [
        "placeholder message 20", "", "placeholder message 22", "placeholder message 23",
    ]  # fmt: skip
    assert [one.sender for one in found.messages] == [
        member.account_id, other.account_id, member.account_id, other.account_id,
    ]  # fmt: skip
    assert [one.reply_to for one in found.messages] == ["", root, first, root]
    assert [one.attachments for one in found.messages] == [(root,), (), (), ()]
    assert [one.deleted for one in found.messages] == [False, True, False, False]
    assert (found.about, found.thread, found.complete) == (second, root, True)
    assert all(one.at is not None and one.recipients == () for one in found.messages)
    assert [(use.ip, use.event) for use in found.addresses] == [("192.0.2.17", "Upload")] * 2
    assert line.context(root).messages == found.messages
    cut = line.context(second, before=1, after=0)
    assert [one.id for one in cut.messages] == [first, second]
    assert cut.complete is False
    with pytest.raises(NotFound):
        line.context("nothing")


def test_items_of_an_account_come_newest_first(line: WebhookContact, member: Member) -> None:
    posts = [member.post(f"placeholder message {number}")["post_id"] for number in range(3)]
    assert [item.id for item in line.items_of(member.account_id)] == posts[::-1]
    assert [item.id for item in line.items_of(member.account_id, limit=1)] == posts[-1:]


def test_unknown_ids_are_not_found(line: WebhookContact) -> None:
    with pytest.raises(NotFound):
        line.account("nobody")
    with pytest.raises(NotFound):
        line.item("nothing")
    with pytest.raises(NotFound):
        line.items_of("nobody")
    with pytest.raises(NotFound), line.open_item("nothing"):
        pass
    for order in (line.hide_item, line.restore_item, line.purge_item):
        with pytest.raises(NotFound):
            order("nothing", key="k")
    for order in (line.suspend_account, line.lock_account, line.restore_account):
        with pytest.raises(NotFound):
            order("nobody", key="k")


def test_a_hidden_item_is_out_of_everybodys_reach_and_comes_back(
    line: WebhookContact, member: Member, site: Microblog
) -> None:
    other = site.member(f"other-of-{member.handle}")
    post = member.post("placeholder message 6", PICTURE)["post_id"]
    other.reply(post, "placeholder message 7").raise_for_status()
    line.hide_item(post, key="hide-1")
    line.hide_item(post, key="hide-1")
    assert line.item(post).status is ItemStatus.HIDDEN
    stranger = Member(site.url)
    for anybody in (member, other, stranger):
        assert anybody.see(post) == 404
        assert anybody.see_media(post).status_code == 404
        assert anybody.call("GET", f"/posts/{post}").status_code == 404
        assert anybody.call("GET", f"/api/media/{post}").status_code == 404
    assert other.like(post).status_code == 404
    assert other.reply(post, "placeholder message 8").status_code == 404
    assert other.report(member.handle, [post]).status_code == 404
    assert post not in stranger.call("GET", "/").text
    assert post not in stranger.call("GET", f"/@{member.handle}").text
    with line.open_item(post) as chunks:
        assert b"".join(chunks) == PICTURE
    line.restore_item(post, key="hide-1")
    line.restore_item(post, key="hide-1")
    assert line.item(post).status is ItemStatus.VISIBLE
    assert stranger.see_media(post).content == PICTURE
    assert other.like(post).status_code == 201


def test_a_purged_item_is_gone_for_good(line: WebhookContact, member: Member, site: Microblog) -> None:
    post = member.post("placeholder message 9", PICTURE)["post_id"]
    line.hide_item(post, key="hide-2")
    line.purge_item(post, key="purge-1")
    line.purge_item(post, key="purge-1")
    facts = line.item(post)
    assert (facts.status, facts.text, facts.media_type) == (ItemStatus.GONE, "", "")
    assert member.see(post) == 404
    with pytest.raises(NotFound), line.open_item(post):
        pass
    with pytest.raises(NotFound, match="gone"):
        line.restore_item(post, key="restore-1")
    with sqlite3.connect(site.database) as db:
        assert db.execute("SELECT picture, text FROM posts WHERE id = ?", (post,)).fetchone() == (None, "")
    db.close()


def test_a_suspended_account_can_do_nothing_but_read_its_notice(
    line: WebhookContact, member: Member, site: Microblog
) -> None:
    other = site.member(f"other-of-{member.handle}")
    post = other.post("placeholder message 10")["post_id"]
    line.suspend_account(member.account_id, key="suspend-1")
    line.suspend_account(member.account_id, key="suspend-1")
    for _ in range(2):
        line.tell_account(
            member.account_id,
            subject="Decision 12",
            text="Placeholder text.",
            link="http://desk.test/appeal/x",
            key="tell-1",
        )
    assert line.account(member.account_id).status is AccountStatus.SUSPENDED
    refused = [member.try_post("placeholder message 11"), member.like(post), member.reply(post, "x"), member.sign_in()]
    for answer in refused:
        assert answer.status_code == 403
        assert answer.json()["error"] == "account_suspended"
        assert [one["subject"] for one in answer.json()["notices"]] == ["Decision 12"]
        assert answer.json()["notices"][0]["link"] == "http://desk.test/appeal/x"
    line.restore_account(member.account_id, key="suspend-1")
    line.restore_account(member.account_id, key="suspend-1")
    assert line.account(member.account_id).status is AccountStatus.ACTIVE
    assert member.sign_in().status_code == 200
    assert member.post("placeholder message 12")


def test_a_locked_account_can_comply_and_nothing_else(line: WebhookContact, member: Member) -> None:
    post = member.post("placeholder message 13", PICTURE)["post_id"]
    line.hide_item(post, key="hide-3")
    line.lock_account(member.account_id, key="lock-1")
    line.lock_account(member.account_id, key="lock-1")
    assert line.account(member.account_id).status is AccountStatus.LOCKED
    refused = member.try_post("placeholder message 14")
    assert (refused.status_code, refused.json()["error"]) == (403, "account_locked")
    assert member.sign_in().status_code == 200
    assert member.call("GET", "/api/me").json()["hidden"] == [post]
    assert member.remove(post).status_code == 200
    assert line.item(post).status is ItemStatus.GONE
    line.restore_account(member.account_id, key="lock-1")
    assert member.post("placeholder message 15")


def test_an_event_from_the_real_site_is_taken_once(
    line: WebhookContact, host: Host, member: Member, safehold: ScriptedServer
) -> None:
    post = member.post("placeholder message 16")["post_id"]
    asked = wait_for_event(safehold, lambda: member.remove(post), post)
    assert asked.headers["authorization"] == "Bearer shk_test_key"
    event = events.receive("blog", asked.headers, asked.body)
    assert event.data == events.ItemRemoved(post, member.account_id, "owner")
    with pytest.raises(events.Replayed):
        events.receive("blog", asked.headers, asked.body)


def wait_for_event(safehold: ScriptedServer, act: object, needle: str) -> Asked:
    """The event that an act causes, as the site sent it."""
    import time

    assert callable(act)
    act()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        for asked in safehold.asked:
            if asked.path == "/api/v1/events" and needle.encode() in asked.body:
                return asked
        time.sleep(0.02)
    raise AssertionError("the event did not come")


def test_the_site_refuses_forged_late_and_replayed_orders(
    line: WebhookContact, member: Member, site: Microblog
) -> None:
    post = member.post("placeholder message 17")["post_id"]
    hide = {"type": "item.hide", "id": "k", "data": {"item_id": post}}
    forged = send(site, hide, webhook_id="msg_forged", secret=keys.new_webhook_secret())
    assert (forged.status_code, forged.json()["error"]) == (401, "bad_signature")
    late = send(site, hide, webhook_id="msg_late", age=400)
    assert late.status_code == 401
    assert "too old" in late.json()["message"]
    unsigned = httpx2.post(f"{site.url}/safehold/webhook", json=hide, trust_env=False)
    assert unsigned.status_code == 401
    garbled = httpx2.post(
        f"{site.url}/safehold/webhook",
        content=b"\xff",
        headers={"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1"},
        trust_env=False,
    )
    assert garbled.status_code == 401
    assert line.item(post).status is ItemStatus.VISIBLE
    assert send(site, hide, webhook_id="msg_once").status_code == 200
    line.restore_item(post, key="k")
    replay = send(site, hide, webhook_id="msg_once")
    assert (replay.status_code, replay.json()["error"]) == (409, "replayed")
    assert line.item(post).status is ItemStatus.VISIBLE


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ({"type": "item.explode", "id": "k", "data": {}}, 501),
        ({"type": "item.removed", "id": "k", "data": {"item_id": "p"}}, 501),
        ({"type": "item.hide", "id": "k", "data": {}}, 422),
        ({"type": "item.hide", "id": "k"}, 422),
        ({"type": "find", "id": "k", "data": {"link_or_name": 7}}, 422),
        ({"type": "item.hide", "id": "k", "data": {"item_id": ["p"]}}, 422),
    ],
)
def test_the_site_names_what_it_does_not_understand(site: Microblog, message: dict[str, object], status: int) -> None:
    answer = send(site, message, webhook_id=f"msg_{hash(str(message))}")
    assert answer.status_code == status
    assert answer.json()["message"]


def test_with_another_secret_the_site_refuses_and_we_say_so(line: WebhookContact, host: Host) -> None:
    with transaction.atomic():
        keys.set_secret(host, "webhook", keys.new_webhook_secret(), "staff:0000")
    with pytest.raises(HostRefused, match="401: The signature does not fit"):
        line.ping()


def test_both_secrets_sign_while_one_replaces_the_other(line: WebhookContact, host: Host) -> None:
    keys.set_secret(host, "webhook", f"{keys.new_webhook_secret()} {SECRET}", "staff:0000")
    assert line.ping() == "microblog 1.0"
