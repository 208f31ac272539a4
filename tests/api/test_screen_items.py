"""What an item of the screening path may be known by, and what the verdict says then."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connections, transaction
from django.utils import timezone

from safehold.api import screen
from safehold.intake.models import Report
from safehold.screening import lists, live, rules
from safehold.screening.models import HitRecord, ListEntry, Purpose
from safehold.subjects.models import Host
from tests.api.asking import CHECK, RECORD, ask
from tests.screening.test_matching import digest, entry, off, pdq

pytestmark = pytest.mark.django_db(transaction=True)
PLACE = {"surface": "public_posts", "jurisdiction": "US"}


@pytest.fixture(autouse=True)
def threads_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "close_old_connections", connections.close_all)


def verdict(key: str, path: str = CHECK, **item: Any) -> Any:
    """The one item's answer."""
    status, _headers, answer, _reads = ask(path, PLACE | {"items": [item]}, key)
    assert status == 200, answer
    return answer["items"][0]


def quality(*hashes: str, of: int = 90) -> list[dict[str, Any]]:
    return [{"hash": one, "quality": of} for one in hashes]


def test_near_goes_to_a_person_with_its_distance(key: str) -> None:
    row = entry(pdq=pdq(), trusted=True)
    answer = verdict(key, pdq=quality(off(row.pdq, 6).upper()))
    assert answer["do"] == "review"
    (hit,) = answer["hits"]
    assert (hit["how"], hit["distance"], hit["exact"], hit["source"]) == ("pdq", 6, False, "source of list-a")


def test_a_weak_digest_hides_only_with_the_same_entrys_picture(key: str) -> None:
    row = entry(md5=digest("md5"), sha1=digest("sha1"), pdq=pdq(), trusted=True)
    assert verdict(key, md5=row.md5, sha1=row.sha1)["do"] == "review"
    answer = verdict(key, md5=row.md5, pdq=quality(off(row.pdq, 30)))
    assert (answer["do"], answer["hits"][0]["exact"], answer["hits"][0]["distance"]) == ("hide", True, 30)


def test_a_list_hides_by_the_operators_rule(key: str) -> None:
    row = entry(sha256=digest("sha256"), trusted=True)
    assert verdict(key, sha256=row.sha256)["do"] == "hide"
    with transaction.atomic():
        lists.hold_back(row.pk, because="placeholder", actor="staff:1")
    answer = verdict(key, sha256=row.sha256)
    assert (answer["do"], answer["hits"][0]["held_back"]) == ("review", True)
    with transaction.atomic():
        lists.let_go(row.pk, because="placeholder", actor="staff:1", approved_by="staff:2")
        rules.set_rule("list-a", "exact", "note", because="placeholder", actor="staff:1", approved_by="staff:2")
    assert verdict(key, sha256=row.sha256)["do"] == "allow"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"pdq": [{"hash": "0f" * 32, "quality": 49}]}, "low_quality"),
        ({"pdq": [{"hash": "f" * 64, "quality": 100}]}, "low_quality"),  # of no picture
        ({"links": ["no such thing://"]}, "bad_link"),
        ({"links": ["https://bit.ly/placeholder"]}, "short_link"),
    ],
)
def test_what_cannot_be_looked_at_is_never_allowed_silently(
    key: str, item: dict[str, Any], reason: str, settings: Any
) -> None:
    answer = verdict(key, **item)
    assert (answer["do"], answer["not_screened"]["reason"], answer["hits"]) == ("not_screened", reason, [])
    assert answer["not_screened"]["why"]
    for told in ("review", "hide"):
        chosen = msgspec.structs.replace(settings.SAFEHOLD.screening, not_screened=told)
        settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, screening=chosen)
        assert verdict(key, **item)["do"] == told


def test_a_hash_of_low_quality_beside_a_digest_is_left_out(key: str) -> None:
    row = entry(pdq=pdq())
    answer = verdict(key, sha256=digest("sha256"), pdq=quality(row.pdq, of=49))
    assert answer["do"] == "allow"
    assert answer["hits"] == []


def test_a_hit_and_something_not_looked_at(key: str) -> None:
    row = entry(sha256=digest("sha256"), trusted=True)
    answer = verdict(key, sha256=row.sha256, links=["no such thing://"])
    assert (answer["do"], answer["not_screened"]["reason"]) == ("hide", "bad_link")


def test_links_expanded_links_and_words(key: str) -> None:
    with transaction.atomic():
        lists.add_link(
            "links", "https://a.example/x", scope="exact", source="tests", category="A1", purpose=Purpose.PREVENT,
            licence="own", actor="staff:1",
        )  # fmt: skip
        lists.add_term(
            "words", term="florbik", source="tests", category="", purpose=Purpose.PREVENT, licence="own",
            actor="staff:1",
        )  # fmt: skip
    answer = verdict(key, links=["https://a.example/x"])
    assert (answer["do"], answer["hits"][0]["how"], answer["hits"][0]["link"]) == (
        "review",
        "link",
        "https://a.example/x",
    )
    short = "https://bit.ly/placeholder"
    answer = verdict(key, links=[short], expanded={short: "https://a.example/x"})
    assert (answer["do"], answer["hits"][0]["link"]) == ("review", "https://a.example/x")
    assert "not_screened" not in answer
    answer = verdict(key, text="florbik, and https://a.example/x")
    assert sorted(hit["how"] for hit in answer["hits"]) == ["link", "term"]
    assert verdict(key, text="florbik")["do"] == "allow"  # a word orders the queue and opens nothing
    assert verdict(key, text="nothing of the kind " * 5000)["do"] == "allow"


def test_a_batch_answers_in_its_order(key: str) -> None:
    rows = [entry(sha256=digest("sha256"), pdq=pdq()) for _ in range(5)]
    items: list[dict[str, Any]] = [
        {"sha256": rows[number // 10].sha256, "item_id": str(number)}
        if number % 10 == 0
        else {"pdq": quality(pdq()), "item_id": str(number)}
        for number in range(50)
    ]
    answer = ask(CHECK, PLACE | {"items": items}, key)[2]
    assert [one["item_id"] for one in answer["items"]] == [str(number) for number in range(50)]
    assert [number for number, one in enumerate(answer["items"]) if one["hits"]] == [0, 10, 20, 30, 40]


def test_record_writes_down_what_and_how(key: str, blog: Host) -> None:
    row = entry(pdq=pdq(), trusted=True)
    verdict(key, RECORD, pdq=quality(off(row.pdq, 4)), item_id="picture-1", account_id="user-17")
    record = HitRecord.objects.get()
    assert (record.entry_id, record.how, record.distance, record.exact) == (row.pk, "pdq", 4, False)
    assert (record.host_id, record.item_id, record.account_id) == (blog.pk, "picture-1", "user-17")
    assert (record.surface, record.jurisdiction, record.did) == ("public_posts", "US", "review")
    assert Report.objects.count() == 1
    assert ListEntry.objects.get().hits == 1


def test_a_private_surface_only_with_a_basis_for_that_host_and_place(key: str, other_key: str, blog: Host) -> None:
    from datetime import timedelta

    row = entry(sha256=digest("sha256"))
    asked = {"surface": "private_messages", "jurisdiction": "US", "items": [{"sha256": row.sha256}]}
    assert ask(CHECK, asked, key)[0] == 403
    with transaction.atomic():
        surface = rules.enable_surface(
            "blog", "private_messages", "US", basis="placeholder", review_by=timezone.now().date() + timedelta(days=9),
            actor="staff:1", approved_by="staff:2",
        )  # fmt: skip
    assert ask(CHECK, asked, key)[0] == 200
    assert ask(CHECK, asked | {"jurisdiction": "DE"}, key)[0] == 403
    assert ask(CHECK, asked | {"jurisdiction": ""}, key)[0] == 403
    assert ask(CHECK, asked, other_key)[0] == 403
    with transaction.atomic():
        rules.end_surface(surface.pk, because="placeholder", actor="staff:1")
    assert ask(CHECK, asked, key)[0] == 403


@pytest.mark.parametrize("path", [CHECK, RECORD])
@pytest.mark.parametrize("code", ["screening_stale", "index_damaged", "screening_starting"])
def test_nothing_is_answered_from_lists_that_may_lack_something(
    key: str, path: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses() -> Any:
        raise live.NotReady(code, "placeholder message 3")

    monkeypatch.setattr(live, "matcher", refuses)
    status, headers, answer, _reads = ask(path, PLACE | {"items": [{"sha256": "0" * 64, "item_id": "p1"}]}, key)
    assert (status, answer["error"], headers[b"retry-after"]) == (503, code, b"1")


def test_damage_found_by_a_question_is_503_and_not_clean(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from safehold.screening.index.types import DamagedIndex
    from safehold.screening.matching import Matcher

    def breaks(*_given: object) -> Any:
        raise DamagedIndex(Path("placeholder"), "placeholder message 3")

    monkeypatch.setattr(Matcher, "look", breaks)
    status, _headers, answer, _reads = ask(CHECK, PLACE | {"items": [{"sha256": "0" * 64}]}, key)
    assert (status, answer["error"]) == (503, "index_damaged")


def test_clean_hashes_touch_the_database_for_nothing(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key and the lists at hand, on the event loop."""
    live.matcher()
    monkeypatch.setattr(live, "kept", lambda: True)
    screen._keyring.read(f"Bearer {key}")
    connections.close_all()

    def never(*_given: object) -> Any:
        raise AssertionError("a thread was asked for")

    monkeypatch.setattr(screen, "_in_thread", never)
    assert verdict(key, sha256=digest("sha256"), pdq=quality(pdq()))["do"] == "allow"
