"""The reference host: what its members can do, and where Safehold comes in. Safehold is scripted here."""

import hashlib
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from tests.support.microblog import PASSWORD, Member, Microblog, start_microblog
from tests.support.scripted_http import Answer, Asked, ScriptedServer, as_json, scripted_server

pytestmark = pytest.mark.network

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
# Every byte value, bare and paired line ends: what a careless form parser would change.
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) + b"\r\r\n\n\r--x\r\n" * 40
KNOWN = b"\x89PNG\r\n\x1a\n" + b"gradient 2"
SUSPECT = b"\x89PNG\r\n\x1a\n" + b"gradient 3"  # on a list that does not decide by itself
HIT = {"list": "test", "source": "test", "category": "A1", "exact": True}


class Safehold:
    """What the scripted Safehold answers; tests change its attributes."""

    def __init__(self) -> None:
        self.banned: set[str] = set()
        self.known = {hashlib.sha256(KNOWN).hexdigest(): "hide", hashlib.sha256(SUSPECT).hexdigest(): "review"}
        self.state = "received"
        self.down: set[str] = set()
        self.status: dict[str, int] = {}

    def __call__(self, asked: Asked) -> Answer:
        assert asked.headers["authorization"] == "Bearer shk_test_key"
        name = asked.path.split("/")[3]
        if name in self.down:
            return 503, {}, b"down"
        if name in self.status:
            return as_json({"message": "scripted"}, self.status[name])
        if name == "signup-checks":
            body = asked.json()
            refused = bool(self.banned & {*body["emails"], *body["phones"]})
            return as_json({"refused": refused, "by": "email" if refused else ""})
        if name == "check":
            sha256 = asked.json()["items"][0]["sha256"]
            hits = [HIT] if sha256 in self.known else []
            return as_json({"items": [{"sha256": sha256, "hits": hits, "do": self.known.get(sha256, "allow")}]})
        if name == "reports" and asked.method == "POST":
            receipt = hashlib.sha256(asked.json()["once_key"].encode()).hexdigest()[:16]
            return as_json({"receipt": receipt, "state": "received", "locators": []}, 201)
        if name == "reports":
            return as_json({"state": self.state, "locators": []})
        return as_json({}, 202)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Microblog, ScriptedServer]]:
    with (
        scripted_server(Safehold()) as server,
        start_microblog(
            tmp_path_factory.mktemp("microblog"),
            safehold=server.url,
            key="shk_test_key",
            secret=SECRET,
            jurisdiction="US",
        ) as site,
    ):
        yield site, server


@pytest.fixture
def site(running: tuple[Microblog, ScriptedServer]) -> Microblog:
    return running[0]


@pytest.fixture
def safehold(running: tuple[Microblog, ScriptedServer]) -> Safehold:
    """A fresh script for each test."""
    running[1].answer = script = Safehold()
    running[1].asked.clear()
    return script


@pytest.fixture
def asked(running: tuple[Microblog, ScriptedServer], safehold: Safehold) -> list[Asked]:
    """What the site asked Safehold during the test."""
    return running[1].asked


@pytest.fixture
def names() -> Callable[[], str]:
    def name() -> str:
        name.number += 1  # type: ignore[attr-defined]
        return f"user-{time.time_ns()}-{name.number}"[:30]  # type: ignore[attr-defined]

    name.number = 16  # type: ignore[attr-defined]
    return name


@pytest.fixture
def member(site: Microblog, safehold: Safehold, names: Callable[[], str]) -> Member:
    return site.member(names())


@pytest.fixture
def other(site: Microblog, safehold: Safehold, names: Callable[[], str]) -> Member:
    return site.member(names())


def until(condition: Callable[[], Any], seconds: float = 15) -> Any:
    """The first true value that `condition` gives."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError("it did not come about")


def sent(asked: list[Asked], path: str) -> list[Any]:
    return [one.json() for one in list(asked) if one.path == path and one.body]


def error(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


# Signing up and in


def test_sign_up_asks_safehold_first(site: Microblog, asked: list[Asked], names: Callable[[], str]) -> None:
    name = names()
    site.member(name, phone="+12025550117")
    assert sent(asked, "/api/v1/signup-checks") == [
        {"emails": [f"{name}@mail.example"], "phones": ["+12025550117"], "ip": ""}
    ]


def test_a_banned_person_is_refused_and_leaves_no_account(
    site: Microblog, safehold: Safehold, names: Callable[[], str]
) -> None:
    safehold.banned.add("banned@mail.example")
    newcomer, name = Member(site.url), names()
    answer = newcomer.call(
        "POST", "/api/accounts", {"handle": name, "password": "correct horse 17", "email": "banned@mail.example"}
    )
    assert error(answer) == (403, "signup_refused")
    assert newcomer.call("GET", f"/@{name}").status_code == 404


@pytest.mark.parametrize("trouble", ["down", "nonsense"])
def test_without_the_check_nobody_signs_up(
    site: Microblog, safehold: Safehold, running: Any, names: Callable[[], str], trouble: str
) -> None:
    safehold.down.add("signup-checks")
    if trouble == "nonsense":
        running[1].answer = lambda _asked: as_json({"banned": False})
    newcomer = Member(site.url)
    answer = newcomer.call(
        "POST", "/api/accounts", {"handle": names(), "password": "correct horse 17", "email": "a@b.example"}
    )
    assert error(answer) == (503, "try_later")
    assert "the check cannot be made" in site.log


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"handle": "X"}, "bad_handle"),
        ({"handle": "<b>hi</b>"}, "bad_handle"),
        ({"handle": 7}, "not_text"),
        ({"password": "short"}, "bad_password"),
        ({"email": ""}, "no_contact"),
    ],
)
def test_bad_sign_ups_are_named(site: Microblog, asked: list[Asked], change: dict[str, Any], code: str) -> None:
    wanted = {"handle": "user-17", "password": "correct horse 17", "email": "a@b.example", **change}
    assert error(Member(site.url).call("POST", "/api/accounts", wanted)) == (422, code)
    assert asked == []


def test_a_name_is_taken_once(site: Microblog, member: Member) -> None:
    wanted = {"handle": member.handle, "password": "correct horse 17", "email": "a@b.example"}
    assert error(Member(site.url).call("POST", "/api/accounts", wanted)) == (409, "handle_taken")


def test_sign_in_wants_the_password(site: Microblog, member: Member) -> None:
    assert error(member.sign_in("wrong")) == (401, "wrong_password")
    assert member.sign_in().json()["account_id"] == member.account_id


def test_the_database_holds_no_password_and_no_token(site: Microblog, member: Member) -> None:
    with sqlite3.connect(site.database) as db:
        dump = "\n".join(db.iterdump())
    db.close()
    assert "correct horse 17" not in dump
    assert member.token not in dump


def test_without_a_session_nothing_can_be_done(site: Microblog, member: Member) -> None:
    post = member.post("placeholder message 1")["post_id"]
    stranger = Member(site.url)
    stranger.token = "x"
    for answer in (stranger.try_post("x"), stranger.like(post), stranger.reply(post, "x"), stranger.remove(post)):
        assert error(answer) == (401, "signed_out")
    assert error(stranger.report(member.handle, [post])) == (401, "signed_out")


# Posts and screening


def test_a_picture_is_screened_and_comes_back_byte_for_byte(
    site: Microblog, member: Member, asked: list[Asked]
) -> None:
    post = member.post("placeholder message 2", PICTURE)
    assert post["screened"] == "yes"
    assert sent(asked, "/screen/v1/check") == [
        {"items": [{"sha256": hashlib.sha256(PICTURE).hexdigest()}], "surface": "public_posts", "jurisdiction": "US"}
    ]
    media = Member(site.url).see_media(post["post_id"])
    assert media.content == PICTURE
    assert media.headers["content-type"] == "image/png"
    assert media.headers["cache-control"] == "no-store"


def test_a_known_picture_is_refused_kept_out_of_reach_and_recorded(
    site: Microblog, member: Member, asked: list[Asked]
) -> None:
    assert error(member.try_post("placeholder message 3", KNOWN)) == (422, "not_accepted")
    (record,) = until(lambda: sent(asked, "/screen/v1/record"))
    (item,) = record.pop("items")
    assert record == {"surface": "public_posts", "jurisdiction": "US"}
    assert item["account_id"] == member.account_id
    assert item["sha256"] == hashlib.sha256(KNOWN).hexdigest()
    assert member.see(item["item_id"]) == 404
    assert member.see_media(item["item_id"]).status_code == 404
    with sqlite3.connect(site.database) as db:
        kept = db.execute("SELECT state, picture FROM posts WHERE id = ?", (item["item_id"],)).fetchone()
    db.close()
    assert kept == ("hidden", KNOWN)


def test_a_suspect_picture_is_recorded_and_stays_until_somebody_decided(member: Member, asked: list[Asked]) -> None:
    post = member.post("placeholder message 26", SUSPECT)
    (record,) = until(lambda: sent(asked, "/screen/v1/record"))
    assert record["items"][0]["item_id"] == post["post_id"]
    assert member.see(post["post_id"]) == 200


def test_a_match_is_recorded_even_when_safehold_was_away(
    member: Member, safehold: Safehold, asked: list[Asked]
) -> None:
    safehold.down.add("record")
    assert error(member.try_post("placeholder message 4", KNOWN)) == (422, "not_accepted")
    until(lambda: sent(asked, "/screen/v1/record"))
    safehold.down.clear()
    asked.clear()
    assert until(lambda: sent(asked, "/screen/v1/record"))[0]["items"][0]["account_id"] == member.account_id


@pytest.mark.parametrize(
    "answer", [(503, {}, b""), as_json({}), as_json({"items": []}), as_json({"items": [{"hits": []}]}), (200, {}, b"<")]
)
def test_when_screening_cannot_be_had_the_post_says_so(
    site: Microblog, member: Member, running: Any, answer: Answer
) -> None:
    running[1].answer = lambda _asked: answer
    post = member.post("placeholder message 5", PICTURE)
    assert post["screened"] == "no"
    assert f"post {post['post_id']} was accepted unscreened" in site.log


def test_text_alone_is_not_screened(member: Member, asked: list[Asked]) -> None:
    assert member.post("placeholder message 6")["screened"] == "no picture"
    assert sent(asked, "/screen/v1/check") == []


@pytest.mark.parametrize(
    ("text", "picture", "wanted"),
    [
        ("", b"", (422, "bad_text")),
        ("   ", b"", (422, "bad_text")),
        ("x" * 1001, b"", (422, "bad_text")),
        ("x", b"<svg onload=alert(1)>", (415, "not_a_picture")),
        ("x", PICTURE[:8] + bytes(5 * 1024 * 1024), (413, "too_large")),
    ],
)
def test_bad_posts_are_named(member: Member, text: str, picture: bytes, wanted: tuple[int, str]) -> None:
    assert error(member.try_post(text, picture)) == wanted


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'"x"'])
def test_a_body_that_is_no_object_is_named(site: Microblog, member: Member, body: bytes) -> None:
    headers = {"authorization": f"Bearer {member.token}"}
    answer = httpx2.post(f"{site.url}/api/posts", content=body, headers=headers, trust_env=False)
    assert error(answer) == (400, "not_json")


def test_too_large_a_body_is_refused(site: Microblog) -> None:
    answer = httpx2.post(f"{site.url}/api/posts", content=b"x" * (8 * 1024 * 1024 + 1), trust_env=False, timeout=20)
    assert error(answer) == (413, "too_large")


def test_likes_count_once_for_each_member(member: Member, other: Member) -> None:
    post = member.post("placeholder message 7")["post_id"]
    assert other.like(post).json() == {"likes": 1}
    assert other.like(post).json() == {"likes": 1}
    assert member.like(post).json() == {"likes": 2}


def test_only_the_owner_removes_a_post(member: Member, other: Member, asked: list[Asked]) -> None:
    post = member.post("placeholder message 8", PICTURE)["post_id"]
    assert error(other.remove(post)) == (404, "not_found")
    assert member.see(post) == 200
    assert member.remove(post).json() == {"removed": post}
    assert member.see(post) == 404
    assert error(member.remove(post)) == (404, "not_found")
    (event,) = until(lambda: [one for one in sent(asked, "/api/v1/events") if one["data"].get("item_id") == post])
    assert event["type"] == "item.removed"
    assert event["data"] == {"item_id": post, "account_id": member.account_id, "by": "owner"}


def test_an_event_is_sent_until_it_was_taken_under_one_id(
    member: Member, safehold: Safehold, asked: list[Asked]
) -> None:
    post = member.post("placeholder message 9")["post_id"]
    safehold.down.add("events")
    member.remove(post)
    until(lambda: sent(asked, "/api/v1/events"))
    safehold.down.clear()
    attempts = until(lambda: (found := [one for one in list(asked) if post.encode() in one.body])[1:] and found)
    assert len({one.headers["webhook-id"] for one in attempts}) == 1
    assert len({one.body for one in attempts}) == 1
    time.sleep(0.2)
    assert len([one for one in list(asked) if post.encode() in one.body]) == len(attempts)


def test_an_event_that_was_taken_before_is_done_and_one_refused_is_kept(
    site: Microblog, member: Member, safehold: Safehold, asked: list[Asked]
) -> None:
    posts = [member.post(f"placeholder message {number}")["post_id"] for number in (10, 11)]

    def waiting() -> list[tuple[bytes, str]]:
        with sqlite3.connect(site.database) as db:
            rows = db.execute("SELECT body, refused FROM outbox").fetchall()
        db.close()
        return rows

    safehold.status["events"] = 409
    member.remove(posts[0])
    until(lambda: sent(asked, "/api/v1/events"))
    until(lambda: not any(posts[0].encode() in body for body, _refused in waiting()))
    safehold.status["events"] = 422
    member.remove(posts[1])
    until(lambda: any(posts[1].encode() in body and refused == "422" for body, refused in waiting()))
    assert "was refused with 422 and stays" in site.log


def test_leaving_removes_everything_and_tells(browser: "Browser", member: Member, asked: list[Asked]) -> None:
    post = member.post("placeholder message 12", PICTURE)["post_id"]
    browser.sign_in(member.handle)
    assert browser.submit("/me", "/me/leave").status_code == 303
    assert member.see(post) == 404
    assert error(member.sign_in()) == (401, "wrong_password")
    assert error(member.try_post("x")) == (401, "signed_out")
    event = until(lambda: [one for one in sent(asked, "/api/v1/events") if one["type"] == "account.deleted"])[0]
    assert event["data"] == {"account_id": member.account_id}


# Reports


def test_a_report_names_ids_alone_and_gives_the_receipt(member: Member, other: Member, asked: list[Asked]) -> None:
    post = member.post("placeholder message 13")["post_id"]
    said = {"once_key": "once-key-1", "reason": "placeholder reason", "class": "cse", "urgent": True}
    answer = other.report(member.handle, [post], **said)
    assert answer.status_code == 201
    assert sent(asked, "/api/v1/reports") == [
        {
            "once_key": "once-key-1",
            "account_id": member.account_id,
            "item_ids": [post],
            "links": [],
            "reason": "placeholder reason",
            "class": "cse",
            "reporter_account_id": other.account_id,
            "urgent": True,
            "language": "en",
        }
    ]
    assert other.report(member.handle, [post], **said).json()["receipt"] == answer.json()["receipt"]


@pytest.mark.django_db
def test_what_the_site_sends_is_what_the_api_takes(
    site: Microblog, member: Member, other: Member, asked: list[Asked], names: Callable[[], str], data: object
) -> None:
    import msgspec

    from safehold.api.schemas import ReportIn, SignupIn
    from safehold.api.screen import Question
    from safehold.hosts import events, keys
    from safehold.subjects.models import Host

    site.member(names(), phone="+12025550117")
    post = member.post("placeholder message 27", SUSPECT)["post_id"]
    other.report("", [post], once_key="once-key-2")
    member.remove(post)
    until(lambda: sent(asked, "/api/v1/events"))
    until(lambda: sent(asked, "/screen/v1/record"))
    assert all(one.headers["content-type"] == "application/json" for one in asked)
    by_path = {one.path: one for one in asked}
    SignupIn.model_validate_json(by_path["/api/v1/signup-checks"].body)
    ReportIn.model_validate_json(by_path["/api/v1/reports"].body)
    for path in ("/screen/v1/check", "/screen/v1/record"):
        msgspec.json.decode(by_path[path].body, type=Question)
    host = Host.objects.create(slug="blog", name="Blog", adapter="webhook", base_url=site.url)
    keys.set_secret(host, "webhook", SECRET, "staff:0000")
    event = by_path["/api/v1/events"]
    assert events.receive("blog", event.headers, event.body).data == events.ItemRemoved(post, member.account_id)


def test_an_account_can_be_reported_without_a_post(member: Member, other: Member, asked: list[Asked]) -> None:
    assert other.report(member.handle, []).status_code == 201
    assert sent(asked, "/api/v1/reports")[0]["account_id"] == member.account_id


def test_a_reported_post_stands_still_until_the_report_is_finished(
    site: Microblog, member: Member, other: Member, safehold: Safehold
) -> None:
    post = member.post("placeholder message 14")["post_id"]
    other.report("", [post])
    assert member.see(post) == 200
    assert error(other.like(post)) == (409, "frozen")
    assert error(member.reply(post, "x")) == (409, "frozen")
    assert "Likes and replies wait" in member.call("GET", f"/posts/{post}").text
    safehold.state = "in_review"
    assert error(other.like(post)) == (409, "frozen")
    safehold.down.add("reports")
    assert error(other.like(post)) == (409, "frozen")
    safehold.down.clear()
    safehold.state = "finished"
    assert other.like(post).json() == {"likes": 1}


def test_a_report_that_was_not_sent_says_so(site: Microblog, member: Member, other: Member, safehold: Safehold) -> None:
    post = member.post("placeholder message 15")["post_id"]
    safehold.down.add("reports")
    answer = other.report("", [post])
    assert error(answer) == (503, "try_again")
    assert "NOT sent" in answer.json()["message"]
    safehold.down.clear()
    assert other.like(post).status_code == 201
    safehold.status["reports"] = 422
    assert error(other.report("", [post])) == (422, "not_taken")


def test_bad_reports_are_named(member: Member, other: Member, asked: list[Asked]) -> None:
    mine, theirs = member.post("placeholder message 16")["post_id"], other.post("placeholder message 17")["post_id"]
    assert error(member.report("", [])) == (422, "nothing_named")
    assert error(member.report("nobody", [])) == (422, "nothing_named")
    assert error(member.report("", [mine, theirs])) == (422, "several_accounts")
    assert error(member.report("", ["none"])) == (404, "not_found")
    assert error(member.call("POST", "/api/reports", {"posts": "all"})) == (422, "bad_posts")
    assert sent(asked, "/api/v1/reports") == []


# Pages


class Browser:
    """A browser without scripts: cookies, forms as they stand on the page."""

    def __init__(self, site: Microblog) -> None:
        self.http = httpx2.Client(base_url=site.url, trust_env=False, timeout=15)

    def token(self, path: str) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.http.get(path).text)
        assert found
        return found[1]

    def submit(self, page: str, action: str, fields: dict[str, str] | None = None, **more: Any) -> httpx2.Response:
        return self.http.post(action, data={"csrf": self.token(page), **(fields or {})}, **more)

    def sign_in(self, handle: str, password: str = PASSWORD) -> httpx2.Response:
        return self.submit("/sign-in", "/sign-in", {"handle": handle, "password": password})


@pytest.fixture
def browser(site: Microblog) -> Iterator[Browser]:
    found = Browser(site)
    with found.http:
        yield found


def test_a_person_signs_up_posts_and_signs_out_on_pages(
    browser: Browser, safehold: Safehold, names: Callable[[], str]
) -> None:
    name = names()
    details = {"handle": name, "email": f" {name}@mail.example ", "password": " correct horse 17 ", "language": "en"}
    assert browser.submit("/sign-up", "/sign-up", details).status_code == 303
    files = {"picture": ("gradient 1.png", PICTURE, "image/png")}
    posted = browser.submit("/", "/posts", {"text": "placeholder <b>18</b>"}, files=files)
    assert posted.status_code == 303
    where = posted.headers["location"]
    shown = browser.http.get(where).text
    assert "placeholder &lt;b&gt;18&lt;/b&gt;" in shown
    assert browser.http.get(where.replace("/posts/", "/media/")).content == PICTURE
    assert browser.submit(where, f"{where}/like").status_code == 303
    assert browser.submit(where, f"{where}/reply", {"text": "placeholder message 19"}).status_code == 303
    assert "Like (1)" in browser.http.get(where).text
    assert "placeholder message 19" in browser.http.get(where).text
    assert browser.submit("/", "/sign-out").status_code == 303
    assert browser.http.get("/me").status_code == 401
    assert browser.sign_in(name, " correct horse 17 ").status_code == 303


def test_the_report_page_says_what_not_to_do_and_takes_no_file(
    browser: Browser, member: Member, other: Member, asked: list[Asked]
) -> None:
    post = member.post("placeholder message 20")["post_id"]
    browser.sign_in(other.handle)
    page = browser.http.get(f"/posts/{post}/report").text
    assert "Do not like, answer, quote, copy" in page
    assert "no proof" in page
    assert 'type="file"' not in page
    once = re.search(r'name="once_key" value="(\w+)"', page)
    assert once
    answer = browser.submit(
        f"/posts/{post}/report", f"/posts/{post}/report", {"once_key": once[1], "class": "", "urgent": "yes"}
    )
    assert hashlib.sha256(once[1].encode()).hexdigest()[:16] in answer.text
    (report,) = sent(asked, "/api/v1/reports")
    assert (report["once_key"], report["urgent"], report["reason"]) == (once[1], True, "")


def order(site: Microblog, kind: str, key: str = "k", **data: str) -> None:
    """An order as Safehold sends it."""
    body, at, name = json.dumps({"type": kind, "id": key, "data": data}), datetime.now(tz=UTC), f"msg_{time.time_ns()}"
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(name, at, body),
    }
    httpx2.post(f"{site.url}/safehold/webhook", content=body, headers=headers, trust_env=False).raise_for_status()


def test_a_suspended_member_sees_the_notice_at_sign_in_and_comes_no_further(
    site: Microblog, browser: Browser, member: Member
) -> None:
    details = {"account_id": member.account_id, "subject": "Decision <12>", "text": "Placeholder & text."}
    order(site, "account.suspend", account_id=member.account_id)
    order(site, "account.tell", key="n1", link="https://desk.example/appeal/token-1", **details)
    order(site, "account.tell", key="n2", link="javascript:alert(1)", **details)
    page = browser.sign_in(member.handle)
    assert page.status_code == 403
    assert '<a href="https://desk.example/appeal/token-1">' in page.text
    assert "Decision &lt;12&gt;" in page.text
    assert "Placeholder &amp; text." in page.text
    assert "javascript:" not in page.text
    assert "session" not in browser.http.cookies
    assert "This account is suspended" in browser.http.get(f"/@{member.handle}").text
    assert browser.sign_in(member.handle, "wrong password").status_code == 401
    assert "token-1" not in browser.sign_in(member.handle, "wrong password").text


def test_a_locked_member_removes_the_hidden_post_with_a_button_and_never_sees_it(
    site: Microblog, browser: Browser, member: Member, asked: list[Asked]
) -> None:
    post = member.post("placeholder message 24", PICTURE)["post_id"]
    order(site, "item.hide", item_id=post)
    order(site, "account.lock", account_id=member.account_id)
    browser.sign_in(member.handle)
    page = browser.http.get("/me").text
    assert post in page
    assert "placeholder message 24" not in page
    assert "/media/" not in page
    assert browser.submit("/me", "/posts", {"text": "x"}).status_code == 403
    assert browser.submit("/me", f"/posts/{post}/remove").status_code == 303
    assert post not in browser.http.get("/me").text
    assert until(lambda: [one for one in sent(asked, "/api/v1/events") if one["data"]["item_id"] == post])


def test_a_session_that_was_open_when_the_account_was_suspended_opens_nothing(
    site: Microblog, browser: Browser, member: Member
) -> None:
    browser.sign_in(member.handle)
    order(site, "account.suspend", account_id=member.account_id)
    assert browser.submit("/me", "/posts", {"text": "x"}).status_code == 403
    assert browser.submit("/me", "/me/leave").status_code == 403
    order(site, "account.restore", account_id=member.account_id)
    assert browser.submit("/me", "/posts", {"text": "placeholder message 25"}).status_code == 303


@pytest.mark.parametrize("fields", [{}, {"csrf": ""}, {"csrf": "x"}, {"csrf": "é"}])
def test_a_form_from_elsewhere_is_refused(browser: Browser, member: Member, fields: dict[str, str]) -> None:
    browser.sign_in(member.handle)
    post = member.post("placeholder message 21")["post_id"]
    for action in (
        f"/posts/{post}/remove",
        "/me/leave",
        "/posts",
        f"/posts/{post}/like",
        "/sign-out",
        f"/posts/{post}/report",
    ):
        assert browser.http.post(action, data=fields).status_code == 403, action
    assert member.see(post) == 200


def test_cookies_and_pages_are_closed_to_others(browser: Browser, member: Member) -> None:
    answer = browser.sign_in(member.handle)
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("session="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    page = browser.http.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("PUT", "/", 405), ("GET", "/safehold/webhook", 405), ("GET", "/posts/%00", 404)],
)
def test_wrong_addresses_are_named(browser: Browser, method: str, path: str, status: int) -> None:
    assert browser.http.request(method, path).status_code == status


def test_it_does_not_start_without_its_secrets(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="--key and --secret are needed"):
        start_microblog(tmp_path, safehold="http://127.0.0.1:9", key="", secret="", patience=15)


def test_its_data_outlive_it(tmp_path: Path) -> None:
    with scripted_server(Safehold()) as server:
        details = {"safehold": server.url, "key": "shk_test_key", "secret": SECRET}
        with start_microblog(tmp_path, **details) as site:
            post = site.member("user-17").post("placeholder message 22", PICTURE)["post_id"]
        with start_microblog(tmp_path, **details) as site:
            assert Member(site.url).see_media(post).content == PICTURE


def test_each_public_page_is_whole(browser: Browser, member: Member) -> None:
    post = member.post("placeholder message 23", PICTURE)["post_id"]
    for path in ("/", "/sign-in", "/sign-up", f"/posts/{post}", f"/@{member.handle}"):
        page = browser.http.get(path).text
        assert '<html lang="en">' in page, path
        assert len(re.findall(r"<h1>", page)) == 1, path
        assert len(re.findall(r"<main", page)) == 1, path
        for field in re.findall(r'<(?:input|textarea|select) id="(\w+)"', page):
            assert f'for="{field}"' in page, (path, field)
        assert len(re.findall(r"<img ", page)) == len(re.findall(r"<img [^>]*alt=", page)), path
