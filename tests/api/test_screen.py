"""The raw screening path, as an ASGI server calls it, on a real list."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction

from safehold.api import screen
from safehold.audit.models import Entry, FailedAttempt
from safehold.hosts import keys
from safehold.intake.models import Report
from safehold.path import hits
from safehold.screening import service as screening
from safehold.screening.matching import Matcher
from safehold.subjects.models import Host
from tests.api.asking import CHECK, RECORD, ask

pytestmark = pytest.mark.django_db(transaction=True)
KNOWN = hashlib.sha256(b"gradient 1").hexdigest()
OTHER = hashlib.sha256(b"gradient 2").hexdigest()
ASKED = {
    "surface": "public_posts",
    "jurisdiction": "US",
    "items": [{"sha256": KNOWN, "item_id": "p1", "account_id": "a1"}],
}


@pytest.fixture(autouse=True)
def threads_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads' connections to the test database would outlive it."""
    monkeypatch.setattr(screen, "close_old_connections", connections.close_all)


@pytest.fixture
def listed(data: Path) -> Any:
    with transaction.atomic():
        return screening.add_entry(
            "test-list",
            KNOWN,
            source="tests",
            category="A1",
            purpose="prevent-exploitation",
            licence="own",
            actor="staff:1",
        )


def test_check_answers_and_records_nothing(listed: Any, key: str) -> None:
    before = Entry.objects.count()
    body = ASKED | {"items": [{"sha256": OTHER}, {"sha256": KNOWN.upper(), "item_id": "p1"}]}
    status, _headers, answer, _reads = ask(CHECK, body, key)
    assert status == 200
    assert answer["items"][0] == {"sha256": OTHER, "hits": [], "do": "allow"}
    hit = answer["items"][1]["hits"][0]
    assert hit == {"list": "test-list", "source": "tests", "category": "A1", "exact": True, "how": "sha256"}
    assert answer["items"][1]["do"] == "review"  # the list is not trusted: a person first
    assert (Report.objects.count(), Entry.objects.count()) == (0, before)


def test_only_a_trusted_list_says_hide(listed: Any, key: str) -> None:
    for trusted, do in ((False, "review"), (True, "hide"), (False, "review")):
        screening.set_trusted(
            "test-list", trusted=trusted, because="placeholder", actor="staff:1", approved_by="staff:2"
        )
        assert ask(CHECK, ASKED, key)[2]["items"][0]["do"] == do


def test_record_makes_one_report_for_each_item_that_hit(listed: Any, key: str) -> None:
    body = ASKED | {"items": [*ASKED["items"], {"sha256": OTHER, "item_id": "p2"}]}  # type: ignore[misc]
    for _again in range(2):
        status, _headers, answer, _reads = ask(RECORD, body, key)
        assert (status, len(answer["items"])) == (200, 2)
    report = Report.objects.get()
    assert (report.channel, report.host_id) == ("screening", "blog")
    assert [one.raw for one in report.locators.all()] == ["a1", "p1"]


def test_long_ids_are_recorded_too(listed: Any, key: str) -> None:
    item = {"sha256": KNOWN, "item_id": "p" * 255, "account_id": "a" * 255}
    assert ask(RECORD, ASKED | {"items": [item]}, key)[0] == 200
    assert Report.objects.count() == 1


def test_record_is_all_or_nothing(listed: Any, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = hits.record

    def fails_on_second(*args: Any, **more: Any) -> Any:
        if more["item_id"] == "p2":
            raise RuntimeError("placeholder message 3")
        return taken(*args, **more)

    monkeypatch.setattr(hits, "record", fails_on_second)
    body = ASKED | {"items": [{"sha256": KNOWN, "item_id": "p1"}, {"sha256": KNOWN, "item_id": "p2"}]}
    status, _headers, answer, _reads = ask(RECORD, body, key)
    assert (status, answer["error"]) == (500, "internal")
    assert Report.objects.count() == 0


@pytest.mark.parametrize("path", [CHECK, RECORD])
def test_private_messages_are_not_screened(listed: Any, key: str, path: str) -> None:
    status, _headers, answer, _reads = ask(path, ASKED | {"surface": "private_messages"}, key)
    assert (status, answer["error"], answer["field"]) == (403, "surface_not_enabled", "surface")
    assert Report.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "status", "error", "field"),
    [
        (b"", 400, "bad_json", ""),
        (b"{", 400, "bad_json", ""),
        (b"\xff\xfe", 400, "bad_json", ""),
        (b"[" * 100_000, 422, "wrong_value", ""),
        ([], 422, "wrong_value", ""),
        ({}, 422, "wrong_value", ""),
        ({key: value for key, value in ASKED.items() if key != "surface"}, 422, "wrong_value", ""),
        ({key: value for key, value in ASKED.items() if key != "jurisdiction"}, 422, "wrong_value", ""),
        (ASKED | {"surface": "attic"}, 422, "wrong_value", "surface"),
        (ASKED | {"jurisdiction": "usa"}, 422, "wrong_value", "jurisdiction"),
        (ASKED | {"jurisdiction": 1}, 422, "wrong_value", "jurisdiction"),
        (ASKED | {"items": []}, 422, "wrong_value", "items"),
        (ASKED | {"items": [{"sha256": "abc"}]}, 422, "wrong_value", "items[0].sha256"),
        (ASKED | {"items": [{"sha256": KNOWN + "\n"}]}, 422, "wrong_value", "items[0].sha256"),
        (ASKED | {"items": [{"sha256": KNOWN, "item_id": "p" * 256}]}, 422, "wrong_value", "items[0].item_id"),
        (ASKED | {"items": [{"sha256": KNOWN}] * 1001}, 422, "wrong_value", "items"),
        (ASKED | {"extra": 1}, 422, "wrong_value", ""),
    ],
)
def test_wrong_questions(key: str, body: Any, status: int, error: str, field: str) -> None:
    got, _headers, answer, _reads = ask(CHECK, body, key)
    assert (got, answer["error"], answer["field"]) == (status, error, field)
    assert answer["message"]


def test_record_needs_the_item(key: str) -> None:
    assert ask(RECORD, ASKED | {"items": [{"sha256": OTHER}]}, key)[:1] == (422,)


def test_a_large_body_is_refused_unread_or_at_the_limit(key: str) -> None:
    big = b" " * (screen.LARGEST + 1)
    status, headers, answer, reads = ask(CHECK, big, key, parts=8)
    assert (status, answer["error"], reads, headers[b"connection"]) == (413, "too_large", 0, b"close")
    status, _headers, answer, reads = ask(CHECK, big * 4, key, parts=40, headers={"content-length": ""})
    assert (status, answer["error"]) == (413, "too_large")
    assert reads <= 11  # not to the end


def test_a_body_in_pieces_is_read_whole(listed: Any, key: str) -> None:
    assert ask(CHECK, ASKED, key, parts=7)[0] == 200


def test_who_may_ask(listed: Any, key: str, blog: Host) -> None:
    blind = keys.issue_key(blog, ["reports"], "staff:1")[1]
    _partner, partner = keys.issue_partner_key("Partner", "flagger", "staff:1")
    for plain, status in (("", 401), ("shk_x", 401), (partner, 401), (blind, 403), (key, 200)):
        got, headers, _answer, reads = ask(CHECK, ASKED, plain)
        assert got == status
        assert (reads == 0) == (status != 200)  # strangers' bodies are not read
        assert (b"www-authenticate" in headers) == (status == 401)
    assert FailedAttempt.objects.filter(reason="without scope screen").count() == 1


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "text/plain", ""])
def test_other_content_types_unread(key: str, kind: str) -> None:
    status, _headers, answer, reads = ask(CHECK, ASKED, key, headers={"content-type": kind})
    assert (status, answer["error"], reads) == (415, "wrong_content_type", 0)


def test_addresses_and_methods(key: str) -> None:
    assert ask("/screen/v1/other", ASKED, key)[0] == 404
    status, headers, _answer, _reads = ask(CHECK, ASKED, key, method="GET")
    assert (status, headers[b"allow"]) == (405, b"POST")


def test_a_caller_who_hangs_up_gets_no_answer(key: str) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"authorization", f"Bearer {key}".encode())]
    asyncio.run(screen.app({"type": "http", "method": "POST", "path": CHECK, "headers": headers}, receive, send))
    assert sent == []


def test_the_log_says_the_kind_alone(
    key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_given: object) -> None:
        raise RuntimeError("placeholder message 3")

    monkeypatch.setattr(Matcher, "look", fails)
    assert ask(CHECK, ASKED, key)[0] == 500
    assert "RuntimeError" in caplog.text
    assert "placeholder" not in caplog.text
