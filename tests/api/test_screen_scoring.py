"""Texts on their way to the operator's model: after the answer, in a short line, and never what must not go out."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections, transaction

from safehold.api import screen, screen_scoring
from safehold.cases.models import CaseItem
from safehold.path import scoring
from safehold.screening import lists, live
from safehold.screening.classifier import LONGEST
from safehold.screening.models import HitRecord, Purpose
from safehold.subjects.models import Account, Host, Item
from tests.api.asking import CHECK, FILE, RECORD, ask
from tests.api.test_screen_metrics import figure
from tests.screening.test_matching import digest, entry
from tests.support import model
from tests.support.scripted_http import ScriptedServer, scripted_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.network]
PLACE = {"surface": "public_posts", "jurisdiction": "US"}
TEXT = "placeholder message 3"


@pytest.fixture(autouse=True)
def threads_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads' connections to the test database would outlive it."""
    monkeypatch.setattr(screen, "close_old_connections", connections.close_all)
    monkeypatch.setattr(screen_scoring, "close_old_connections", connections.close_all)


@pytest.fixture
def server(settings: Any) -> Iterator[ScriptedServer]:
    """The operator's model, and what is shown to it."""
    with scripted_server(lambda _asked: model.said(model.LOW)) as running:
        model.use(settings, running.url)
        yield running
        screen_scoring.close()
        scoring.let_go()


def record(key: str, *items: dict[str, Any], path: str = RECORD, **place: Any) -> Any:
    """The answer's items. Every text that waits has been seen to afterwards."""
    status, _headers, answer, _reads = ask(path, PLACE | place | {"items": list(items)}, key)
    assert status == 200, answer
    screen_scoring.settle()
    return answer["items"]


def outcome(name: str) -> float:
    return figure(f'safehold_classifier_texts_total{{outcome="{name}"}}')


def test_a_text_that_hit_nothing_is_scored_after_its_answer(key: str, server: ScriptedServer) -> None:
    before = outcome("low")
    answer = record(key, {"text": TEXT, "item_id": "p1"}, {"text": "placeholder message 4", "item_id": "p2"})
    assert [one["do"] for one in answer] == ["allow", "allow"]
    assert sorted(model.texts(server.asked)) == [TEXT, "placeholder message 4"]
    assert outcome("low") - before == 2


def test_a_check_sends_nothing_and_nor_does_anything_without_a_text(key: str, server: ScriptedServer) -> None:
    record(key, {"text": TEXT, "item_id": "p1"}, path=CHECK)
    sha256 = digest("sha256")
    record(key, {"sha256": sha256, "item_id": "p1"}, {"text": "  \n", "sha256": sha256, "item_id": "p2"})
    ask(f"{FILE}?surface=public_posts&jurisdiction=US&item_id=p1&record=1", TEXT.encode(), key)
    screen_scoring.settle()
    assert server.asked == []


def test_without_an_address_nothing_waits_for_anybody(key: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_given: object) -> None:
        raise AssertionError("no text may come this far")

    monkeypatch.setattr(screen_scoring._line, "start", never)
    monkeypatch.setattr(screen_scoring, "fresh", never)
    model.use(settings, "")
    assert record(key, {"text": TEXT, "item_id": "p1"})[0]["do"] == "allow"


def test_private_messages_are_never_shown_to_a_model(
    key: str, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen.rules, "surface_allowed", lambda *_given: object())
    record(key, {"text": TEXT, "item_id": "p1"}, surface="private_messages")
    assert server.asked == []


def test_material_of_a_hit_is_never_shown(key: str, server: ScriptedServer) -> None:
    row = entry(sha256=digest("sha256"))
    terms: dict[str, Any] = {"source": "s", "category": "W", "licence": "l", "purpose": Purpose.PREVENT, "actor": "s:1"}
    with transaction.atomic():
        lists.add_term("words", term="florbik", **terms)
        lists.add_link("links", "https://a.example/x", **terms)
    live.matcher()
    record(key, {"text": "a florbik", "item_id": "p1"})
    record(key, {"text": "see a.example/x", "item_id": "p2"})
    record(key, {"text": TEXT, "links": ["https://a.example/x"], "item_id": "p3"})
    record(key, {"text": TEXT, "sha256": row.sha256, "item_id": "p4"})
    record(key, {"text": TEXT, "item_id": "p5"}, {"sha256": row.sha256, "item_id": "p5"})
    assert server.asked == []
    before, count = outcome("withheld"), HitRecord.objects.count()
    record(key, {"text": TEXT, "item_id": "p4"})  # later, without the file
    assert (server.asked, outcome("withheld") - before, HitRecord.objects.count()) == ([], 1, count)


def test_a_text_of_an_item_in_a_case_is_never_sent(key: str, server: ScriptedServer, blog: Host) -> None:
    from safehold.cases import service as cases

    with transaction.atomic():
        account = Account.objects.create(host=blog, external_id="user-17")
        item = Item.objects.create(host=blog, external_id="p1", kind="post", account=account)
        case = cases.open_case(knowledge_at=item.first_seen, source="report", priority=3, actor="system:test")
        cases.add_item(case, item, subject=cases.add_subject(case, account, actor="system:test"), actor="system:test")
    assert CaseItem.objects.count() == 1
    record(key, {"text": TEXT, "item_id": "p1", "account_id": "user-17"})
    assert server.asked == []
    record(key, {"text": TEXT, "item_id": "p9", "account_id": "user-17"})
    assert len(server.asked) == 1, "another item of the same account is no material of the case"


def test_an_item_that_comes_into_a_case_while_its_text_waits_is_not_sent(
    key: str, server: ScriptedServer, blog: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen_scoring._line, "start", lambda: None)
    ask(RECORD, PLACE | {"items": [{"text": TEXT, "item_id": "p1"}]}, key)
    from safehold.intake import service as intake

    with transaction.atomic():
        intake.accept(intake.NewReport(channel="in_app", once_key="once-1", host="blog", item_ids=("p1",)))
    monkeypatch.undo()
    monkeypatch.setattr(screen_scoring, "close_old_connections", connections.close_all)
    monkeypatch.setattr(screen, "close_old_connections", connections.close_all)
    screen_scoring._line.start()
    screen_scoring.settle()
    assert server.asked == []


def test_no_answer_waits_for_the_model(key: str, server: ScriptedServer) -> None:
    release = threading.Event()

    def slow(_asked: Any) -> Any:
        release.wait(30)
        return model.said(model.LOW)

    server.answer = slow
    items = [{"text": f"placeholder message {number}", "item_id": f"p{number}"} for number in range(20)]
    ask(CHECK, PLACE | {"items": items}, key)  # the lists are open now
    began = time.monotonic()
    for _ in range(5):
        assert ask(RECORD, PLACE | {"items": items}, key)[0] == 200
    assert time.monotonic() - began < 5, "the model has answered nothing yet"
    assert not release.is_set()
    release.set()
    screen_scoring.settle()


def test_what_finds_no_place_is_dropped_and_counted(
    key: str, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen_scoring._line, "start", lambda: None)
    before = outcome("dropped")
    for _ in range(2):
        items = [{"text": TEXT, "item_id": f"p{number}"} for number in range(screen_scoring.WAITING // 2 + 10)]
        assert ask(RECORD, PLACE | {"items": items}, key)[0] == 200
    assert outcome("dropped") - before == 20
    screen_scoring.close()
    assert outcome("dropped") - before == 20 + screen_scoring.WAITING, "what waits at the end is dropped visibly"
    assert server.asked == []


def test_a_text_too_long_for_the_model_waits_cut_and_counts_as_unparsable(
    key: str, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    usual = screen_scoring.fresh
    monkeypatch.setattr(screen_scoring, "fresh", lambda text, *more: kept.append(len(text)) or usual(text, *more))
    before = outcome("nothing")
    record(key, {"text": "placeholder " * 10_000, "item_id": "p1"})
    assert (kept, server.asked, outcome("nothing") - before) == ([LONGEST + 1], [], 1)


def test_a_model_that_is_down_is_counted_and_the_line_goes_on(key: str, server: ScriptedServer) -> None:
    before = outcome("unavailable")
    server.answer = lambda _asked: (503, {}, b"")
    record(key, {"text": TEXT, "item_id": "p1"})
    assert outcome("unavailable") - before == 1
    server.answer = lambda _asked: model.said(model.LOW)
    low = outcome("low")
    record(key, {"text": TEXT, "item_id": "p2"})
    assert outcome("low") - low == 1


def test_whatever_goes_wrong_the_line_goes_on_and_logs_no_text(
    key: str, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_given: object, **_more: object) -> None:
        raise RuntimeError(TEXT)

    before = outcome("failed")
    with monkeypatch.context() as broken:
        broken.setattr(scoring, "withheld", fails)
        record(key, {"text": TEXT, "item_id": "p1"})
    assert outcome("failed") - before == 1
    assert "RuntimeError" in caplog.text
    assert TEXT not in caplog.text
    record(key, {"text": TEXT, "item_id": "p1"})
    assert len(server.asked) == 1


def test_a_text_that_was_not_wholly_looked_at_is_told_and_not_scored(key: str, server: ScriptedServer) -> None:
    with transaction.atomic():
        lists.add_link(
            "links", "https://b.example/x", source="s", category="W", purpose=Purpose.PREVENT, licence="l",
            actor="staff:1",
        )  # fmt: skip
    before = figure('safehold_not_screened_total{reason="text_cut"}')
    text = " ".join(f"https://a.example/{number}" for number in range(1001))
    (answer,) = record(key, {"text": text, "item_id": "p1"})
    assert (answer["do"], answer["not_screened"]["reason"], answer["hits"]) == ("not_screened", "text_cut", [])
    assert figure('safehold_not_screened_total{reason="text_cut"}') - before == 1
    assert server.asked == []
