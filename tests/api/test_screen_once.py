"""Idempotency-Key: the same request twice is recorded once; the same key for something else is refused."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from safehold.api import screen, screen_once
from safehold.api.models import GivenAnswer
from safehold.path import hits
from safehold.screening import lists
from safehold.screening.models import HitRecord, ListEntry
from safehold.subjects.models import Host
from tests.api.asking import CHECK, RECORD, ask
from tests.screening.test_matching import digest, entry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def threads_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "close_old_connections", connections.close_all)


def record(key: str, sha256: str, once: str = "a-1", path: str = RECORD, item_id: str = "p1") -> Any:
    body = {"surface": "public_posts", "jurisdiction": "US", "items": [{"sha256": sha256, "item_id": item_id}]}
    return ask(path, body, key, headers={"idempotency-key": once})


def test_the_same_answer_to_the_same_question(key: str) -> None:
    row = entry(sha256=digest("sha256"))
    first = record(key, row.sha256)
    with transaction.atomic():
        ListEntry.objects.update(category="Z9", version=lists.next_version())
    assert record(key, row.sha256)[:3] == first[:3]
    assert first[0] == 200
    assert HitRecord.objects.count() == 1
    assert record(key, row.sha256, once="a-2")[2]["items"][0]["hits"][0]["category"] == "Z9"
    assert GivenAnswer.objects.count() == 2


def test_clean_answers_are_kept_as_well(key: str) -> None:
    sha256 = digest("sha256")
    first = record(key, sha256)
    entry(sha256=sha256)  # the list grows meanwhile
    assert record(key, sha256)[2] == first[2]
    assert record(key, sha256, once="a-2")[2]["items"][0]["hits"] != []


def test_another_question_under_the_same_key_is_refused(key: str, other_key: str) -> None:
    row = entry(sha256=digest("sha256"))
    record(key, row.sha256)
    status, _headers, answer, _reads = record(key, digest("sha256"))
    assert (status, answer["error"], answer["field"]) == (409, "key_used", "Idempotency-Key")
    assert record(key, row.sha256, item_id="p2")[0] == 409
    assert record(other_key, digest("sha256"))[0] == 200  # another host's keys are its own
    assert HitRecord.objects.count() == 1


def test_what_failed_is_not_kept(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = entry(sha256=digest("sha256"))

    def fails(*_given: object, **_more: object) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(hits, "record", fails)
        assert record(key, row.sha256)[0] == 500
    assert GivenAnswer.objects.count() == 0
    assert record(key, row.sha256)[0] == 200
    assert HitRecord.objects.count() == 1


@pytest.mark.parametrize("once", ["x" * 256, "a b", "ä"])
def test_keys_that_are_none(key: str, once: str) -> None:
    status, _headers, answer, _reads = record(key, digest("sha256"), once=once)
    assert (status, answer["field"]) == (422, "Idempotency-Key")


def test_a_check_records_nothing_and_takes_no_key(key: str) -> None:
    assert record(key, digest("sha256"), path=CHECK)[0] == 422


def test_after_a_day_it_is_forgotten(key: str) -> None:
    record(key, digest("sha256"))
    record(key, digest("sha256"), once="a-2")
    GivenAnswer.objects.filter(key="a-1").update(at=timezone.now() - timedelta(hours=24, seconds=1))
    assert record(key, digest("sha256"))[0] == 200  # the key is free again
    GivenAnswer.objects.filter(key="a-1").update(at=timezone.now() - timedelta(hours=24, seconds=1))
    assert screen_once.forget() == 1
    assert [row.key for row in GivenAnswer.objects.all()] == ["a-2"]


def test_two_at_once_record_once(blog: Host) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("the test database is in memory, where SQLite lets nobody wait")
    done: list[bytes] = []
    both = threading.Barrier(2)
    worked: list[int] = []

    def work() -> bytes:
        worked.append(1)
        return b"{}"

    def once() -> None:
        try:
            both.wait()
            done.append(screen_once.answer(blog, "a-1", "digest", work))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [b"{}", b"{}"]
    assert GivenAnswer.objects.count() == 1
    assert len(worked) == 1
