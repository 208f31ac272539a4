"""Reading an exchange: from the simulator over HTTP, and from a source in memory that misbehaves as it is told."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening.errors import ListMismatch, ScreeningError
from safehold.screening.exchanges import keeping, sync
from safehold.screening.exchanges.source import Answer, Change, Outcome, Read, SetAside
from safehold.screening.exchanges.sync import Kind
from safehold.screening.models import Exchange, ListEntry
from safehold.work import service as work
from tests.screening.exchanges.exchange_simulator import Simulator
from tests.screening.exchanges.exchange_source import Memory, Reading

pytestmark = pytest.mark.django_db

Add = Callable[..., Exchange]
URL = "http://127.0.0.1:8098/hashsharing"
ACTOR = "operator:test"


def read(row: Exchange, most: int = 100) -> list[sync.Step]:
    """Over HTTP, until something other than the next page is due."""
    steps = []
    for _ in range(most):
        steps.append(sync.step(row.pk, actor=ACTOR, on_retracted=lambda _ids: None))
        if steps[-1].kind is not Kind.MORE:
            return steps
    raise AssertionError("It never came to rest.")


def again(row: Exchange) -> None:
    """The interval is over, as if a minute had passed."""
    keeping.ask_again(row.pk, actor=ACTOR)
    row.refresh_from_db()
    if "until" in row.checkpoint:
        until = datetime.fromisoformat(row.checkpoint["until"]) - timedelta(minutes=1)
        row.checkpoint = {**row.checkpoint, "until": until.isoformat()}
        row.save(update_fields=["checkpoint"])


def live(row: Exchange) -> dict[str, ListEntry]:
    return {entry.ref: entry for entry in ListEntry.objects.filter(list=row.list_id, retracted_at=None)}


# --- over HTTP ---


@pytest.mark.network
def test_everything_is_read_page_by_page(simulator: Simulator, add: Add) -> None:
    simulator.make(35)
    row = add(simulator.url)
    steps = read(row)
    assert [step.there for step in steps] == [10, 10, 10, 5]
    entries = live(row)
    assert len(entries) == 35
    assert set(entries) >= {"practice:42:image0", "practice:42:video9", "practice:43:image1"}
    picture, film = entries["practice:42:image0"], entries["practice:42:video9"]
    assert (len(picture.md5), len(picture.sha1), len(picture.pdq), picture.media) == (32, 40, 64, "picture")
    assert (len(film.md5), len(film.sha1), film.pdq, film.media, film.category) == (32, 40, "", "film", "")
    assert picture.category == "A1"
    row.refresh_from_db()
    assert row.told["unused"] == {"PDNA": 32, "TMK_PDQF": 3}
    assert set(row.checkpoint) == {"until"}
    (act,) = [one for one in audit.history(row) if one.act == "exchange.read"]
    assert (act.detail.body["pages"], act.detail.body["records"]) == (4, 35)


@pytest.mark.network
@pytest.mark.parametrize("form", ["prefixed", "none"])
def test_other_forms_of_the_namespace(add: Add, form: str) -> None:
    simulator = Simulator("--page-size", "10", "--form", form)
    try:
        simulator.make(12)
        row = add(simulator.url)
        read(row)
        assert len(live(row)) == 12
    finally:
        simulator.stop()


@pytest.mark.network
def test_changes_and_deletions_arrive_and_nothing_else_moves(simulator: Simulator, add: Add) -> None:
    simulator.make(25, ago=3600)
    row = add(simulator.url)
    read(row)
    before = live(row)
    simulator.add({"member": "42", "id": "image0", "kind": "image", "classification": "B2",
                   "fingerprints": {"md5": "ab" * 16, "pdq": "0123456789abcdef" * 4}}, ago=30)  # fmt: skip
    simulator.remove(("43", "image1"), ago=30)
    simulator.add({"member": "101", "id": "image2", "kind": "image", "fingerprints": {"pdna": "AAAA"}}, ago=30)
    again(row)
    assert [step.there for step in read(row)] == [3]
    after = live(row)
    assert before.keys() - after.keys() == {"practice:43:image1", "practice:101:image2"}
    changed = after["practice:42:image0"]
    assert (changed.md5, changed.sha1, changed.category) == ("ab" * 16, "", "B2")
    same = {ref for ref in after if after[ref].version == before[ref].version}
    assert after.keys() - same == {"practice:42:image0"}
    gone = ListEntry.objects.get(list=row.list_id, ref="practice:43:image1")
    assert gone.retracted_because == "withdrawn by its source"


@pytest.mark.network
def test_the_same_window_twice_changes_nothing(simulator: Simulator, add: Add) -> None:
    simulator.make(15, ago=30)  # within the minutes that are read again
    row = add(simulator.url)
    read(row)
    before = {ref: entry.version for ref, entry in live(row).items()}
    row.refresh_from_db()
    until = row.checkpoint["until"]
    Exchange.objects.filter(pk=row.pk).update(checkpoint={"until": "2026-01-01T00:00:00Z"})
    again(row)
    assert sum(step.there for step in read(row)) == 15
    assert {ref: entry.version for ref, entry in live(row).items()} == before
    assert ListEntry.objects.filter(list=row.list_id).count() == 15
    row.refresh_from_db()
    assert row.checkpoint["until"] >= until


@pytest.mark.network
def test_only_the_members_that_are_wanted(simulator: Simulator, add: Add) -> None:
    simulator.make(12)
    row = add(simulator.url, members=["42"])
    read(row)
    assert {ref.split(":")[1] for ref in live(row)} == {"42"}
    row = keeping.change(row.pk, actor=ACTOR, members=["43", "101"])
    assert live(row) == {}
    read(row)
    assert {ref.split(":")[1] for ref in live(row)} == {"43", "101"}
    row = keeping.change(row.pk, actor=ACTOR, members=[])
    read(row)
    assert len(live(row)) == 12


@pytest.mark.network
def test_a_malformed_record_is_set_aside_and_counted(simulator: Simulator, add: Add, data: Path) -> None:
    simulator.make(3)
    simulator.add({"member": "42", "id": "bad1", "kind": "image", "fingerprints": {"md5": "not a digest"}})
    simulator.add({"member": "42", "id": "bad2", "kind": "image", "raw": "<image><id>bad2</id></image>"})
    row = add(simulator.url)
    assert read(row)[-1].kind is Kind.DONE
    assert len(live(row)) == 3
    row.refresh_from_db()
    assert row.told["counts"]["set_aside"] == 2
    lines = [json.loads(one) for one in (data / "lists" / "exchange-ncmec.set-aside.jsonl").read_text().splitlines()]
    assert sorted((one["ref"], one["why"]) for one in lines) == [
        ("practice:42:bad1", "a MD5 that is none"), ("practice::bad2", "no member or no id"),
    ]  # fmt: skip
    assert "not a digest" not in json.dumps(lines)
    (task,) = work.open_tasks("policy_owner").filter(kind="exchange-set-aside")
    assert task.note == "2 of 5 records of a page"


@pytest.mark.network
def test_a_malformed_change_leaves_what_was_known(simulator: Simulator, add: Add) -> None:
    simulator.make(1)
    row = add(simulator.url)
    read(row)
    before = live(row)["practice:42:image0"]
    simulator.add({"member": "42", "id": "image0", "kind": "image", "fingerprints": {"md5": "x"}}, ago=30)
    again(row)
    read(row)
    assert live(row)["practice:42:image0"].md5 == before.md5


@pytest.mark.network
def test_an_unknown_fingerprint_is_counted_shown_and_told(simulator: Simulator, add: Add) -> None:
    simulator.make(1, first=50)
    row = add(simulator.url)
    read(row)
    row.refresh_from_db()
    assert keeping.standing(row)["unknown"] == {"NEWHASH": 1}
    assert len(live(row)) == 1
    assert [task.note for task in work.open_tasks().filter(kind="exchange-unknown")] == ["NEWHASH"]


UNREADABLE = ["half", "broken", "empty", "doctype", "bad_bytes", "compressed", "other_root", "foreign_next"]


@pytest.mark.network
@pytest.mark.parametrize(
    ("kind", "call"),
    [*((kind, "entries") for kind in UNREADABLE), *((kind, "next") for kind in UNREADABLE), ("same_next", "next")],
)
def test_an_unreadable_page_leaves_the_checkpoint_and_tells_a_person(
    simulator: Simulator, add: Add, kind: str, call: str
) -> None:
    simulator.make(25)
    row = add(simulator.url)
    simulator.fault({"kind": kind, "call": call})
    last = read(row)[-1]
    assert last.kind is Kind.LATER
    assert 50 < last.seconds <= 60
    row.refresh_from_db()
    assert "until" not in row.checkpoint
    assert len(live(row)) == (0 if call == "entries" else 10)
    (task,) = work.open_tasks("administrator").filter(kind="exchange-unreadable")
    assert task.about == "exchange:ncmec"
    assert read(row)[-1].kind is Kind.LATER, "and it waits"
    again(row)
    assert read(row)[-1].kind is Kind.DONE
    assert len(live(row)) == 25
    assert not work.open_tasks().exists()


@pytest.mark.network
@pytest.mark.parametrize("kind", ["truncated", "drop", "drop_after", "status"])
def test_what_passes_by_itself_is_no_task(simulator: Simulator, add: Add, kind: str) -> None:
    simulator.make(15)
    row = add(simulator.url)
    simulator.fault({"kind": kind, "call": "next"})
    assert read(row)[-1].kind is Kind.LATER
    assert not work.open_tasks().exists()
    again(row)
    assert read(row)[-1].kind is Kind.DONE
    assert len(live(row)) == 15


@pytest.mark.network
def test_a_pause_that_is_asked_for_is_kept(simulator: Simulator, add: Add) -> None:
    row = add(simulator.url)
    simulator.fault({"kind": "rate_limit", "seconds": 1800})
    assert 1799 < read(row)[-1].seconds <= 1800
    calls = len(simulator.received()["calls"])
    assert read(row)[-1].kind is Kind.LATER
    assert len(simulator.received()["calls"]) == calls, "it is not asked before"
    assert keeping.due() == []


@pytest.mark.network
@pytest.mark.parametrize("fault", [{"kind": "unauthorised"}, {"kind": "status", "status": 403}])
def test_refused_credentials_stop_it_until_a_person_has_seen_to_it(
    simulator: Simulator, add: Add, fault: dict[str, Any]
) -> None:
    simulator.make(5)
    row = add(simulator.url)
    simulator.fault(fault)
    assert read(row)[-1].kind is Kind.STOPPED
    (task,) = work.open_tasks("administrator").filter(kind="exchange-refused")
    assert keeping.due() == []
    calls = len(simulator.received()["calls"])
    assert read(row)[-1].kind is Kind.STOPPED
    assert len(simulator.received()["calls"]) == calls, "it is not asked any more"
    keeping.change(row.pk, actor=ACTOR, password="practice")
    assert read(row)[-1].kind is Kind.DONE
    task.refresh_from_db()
    assert task.closed_at is not None


@pytest.mark.network
def test_a_record_that_changes_while_its_window_is_read_hides_no_other(simulator: Simulator, add: Add) -> None:
    """The first record leaves the window, and all others move forward by one: one of them falls between two pages."""
    simulator.make(25)
    row = add(simulator.url)
    simulator.fault({"kind": "changes", "call": "entries"})
    steps = read(row)
    assert len(steps) > 3, "the window was read again"
    assert len(live(row)) == 25
    assert not work.open_tasks().exists()


@pytest.mark.network
def test_a_next_that_expired_begins_the_window_again(simulator: Simulator, add: Add) -> None:
    simulator.make(25)
    row = add(simulator.url)
    simulator.fault({"kind": "next_expired", "call": "next", "skip": 1})
    assert read(row)[-1].kind is Kind.DONE
    assert len(live(row)) == 25


@pytest.mark.network
def test_another_exchange_goes_on(simulator: Simulator, add: Add) -> None:
    simulator.make(5)
    broken = add("http://127.0.0.1:1/hashsharing", "broken")
    fine = add(simulator.url, "fine")
    assert read(broken)[-1].kind is Kind.LATER
    assert read(fine)[-1].kind is Kind.DONE
    assert len(live(fine)) == 5


# --- a source in memory ---


@pytest.fixture
def reading(add: Add) -> Reading:
    return Reading(add(URL), Memory())


def minutes_ago(number: float) -> Any:
    return timezone.now() - timedelta(minutes=number)


def test_the_checkpoint_moves_when_every_page_was_committed(reading: Reading) -> None:
    for number in range(7):
        reading.source.put(f"e{number}", minutes_ago(60))
    stored = []
    for _ in range(3):
        reading.step()
        stored.append(reading.row.checkpoint)
    assert ["until" in one for one in stored] == [False, False, True]
    assert [one.get("window", {}).get("cursor") for one in stored] == ["3", "6", None]
    assert len(reading.live) == 7
    assert reading.source.closed == 3


def test_a_page_that_is_not_committed_was_not_read(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        reading.source.put(f"e{number}", minutes_ago(60))
    reading.step()
    before = reading.row.checkpoint

    def broken(_name: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(work, "boundary", lambda name: broken(name) if name == "exchange.page.taken" else None)
    with pytest.raises(RuntimeError), transaction.atomic():
        reading.step()
    assert (reading.row.checkpoint, len(reading.live)) == (before, 3)
    monkeypatch.undo()
    reading.all()
    assert len(reading.live) == 7


def test_pages_need_not_be_in_the_order_of_time(reading: Reading) -> None:
    for number in range(9):
        reading.source.put(f"e{number}", minutes_ago(10 + number))  # the first page has the newest
    reading.source.before = lambda number: Answer(outcome=Outcome.RETRY) if number == 2 else None
    assert reading.all()[-1].kind is Kind.LATER
    keeping.ask_again("ncmec", actor=ACTOR)
    reading.all()
    assert len(reading.live) == 9


def test_two_processes_do_not_read_one_page_twice(reading: Reading) -> None:
    for number in range(7):
        reading.source.put(f"e{number}", minutes_ago(60))

    def other(number: int) -> None:
        if number == 1:
            reading.source.before = lambda _number: None
            Reading(reading.row, reading.source).step()  # it reads and commits while the first one reads

    reading.source.before = other
    step = reading.step()
    assert (step.kind, step.seconds, step.problem) == (Kind.LATER, 1, "another process reads it")
    assert reading.row.checkpoint["window"]["pages"] == 1
    reading.all()
    assert len(reading.live) == 7
    assert reading.row.told["counts"]["added"] == 7


def test_members_that_change_while_a_page_is_read(reading: Reading) -> None:
    reading.source.put("e1", minutes_ago(60))
    reading.source.before = lambda _number: keeping.change("ncmec", actor=ACTOR, members=["2"]) and None
    assert reading.step().problem == "another process reads it"
    assert reading.live == set()


def test_switched_off_while_a_page_is_read(reading: Reading) -> None:
    reading.source.put("e1", minutes_ago(60))
    reading.source.before = lambda _number: keeping.switch_off("ncmec", actor=ACTOR) and None
    reading.step()
    assert reading.live == set()
    assert reading.step().problem == "it is switched off"


def test_windows_become_shorter_until_they_can_be_read(reading: Reading) -> None:
    reading.source.most = 10
    for number in range(100):
        reading.source.put(f"e{number:03}", minutes_ago(60 * 24 * number))
    steps = reading.all()
    assert len(reading.live) == 100
    assert steps[-1].kind is Kind.DONE
    firsts = [window for window, cursor in reading.source.asked if not cursor]
    assert firsts[0].span > timedelta(days=2000)
    assert min(window.span for window in firsts) < timedelta(days=10)
    read_whole = [window for window, cursor in reading.source.asked if cursor]
    assert all(window.span <= timedelta(days=10) for window in read_whole)


def test_a_source_that_does_not_tell_its_totals_is_read_in_shorter_windows_too(reading: Reading) -> None:
    reading.source.most, reading.source.tells_total = 30, False
    for number in range(100):
        reading.source.put(f"e{number:03}", minutes_ago(60 * 24 * number))
    reading.all(500)
    assert len(reading.live) == 100


def test_an_entry_that_was_hit_and_is_withdrawn_is_looked_at_again(reading: Reading) -> None:
    for name in ("hit", "quiet"):
        reading.source.put(name, minutes_ago(60))
    reading.all()
    ListEntry.objects.filter(ref="memory:1:hit").update(hits=1)
    for name in ("hit", "quiet"):
        reading.source.put(name, timezone.now(), gone=True)
    reading.all()
    assert reading.live == set()
    assert reading.corrected == [str(ListEntry.objects.get(ref="memory:1:hit").pk)]


def test_looking_again_is_part_of_the_pages_transaction(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    reading.source.put("hit", minutes_ago(60))
    reading.all()
    ListEntry.objects.update(hits=1)
    reading.source.put("hit", timezone.now(), gone=True)
    until = reading.row.checkpoint["until"]

    class Broken(list[str]):
        def extend(self, _ids: Any) -> None:
            raise RuntimeError

    reading.corrected = Broken()
    with pytest.raises(RuntimeError), transaction.atomic():
        reading.step()
    assert reading.live == {"hit"}
    assert reading.row.checkpoint["until"] == until


def test_a_withdrawn_entry_that_comes_back_is_a_new_one(reading: Reading) -> None:
    reading.source.put("e1", minutes_ago(60))
    reading.all()
    reading.source.put("e1", timezone.now(), gone=True)
    reading.all()
    reading.source.put("e1", timezone.now())
    reading.all()
    rows = ListEntry.objects.filter(ref="memory:1:e1").order_by("first_seen")
    assert [row.retracted_at is None for row in rows] == [False, True]


def test_a_page_that_holds_less_than_it_says_is_read_again_and_then_told(reading: Reading) -> None:
    short = Read(changes=(), there=0, said=2)
    reading.source.before = lambda _number: Answer(outcome=Outcome.OK, found=short)
    assert reading.step().kind is Kind.MORE
    assert "until" not in reading.row.checkpoint
    assert not work.open_tasks().exists()
    reading.step()
    (task,) = work.open_tasks("administrator")
    assert (task.kind, task.note) == ("exchange-odd", "0 records were there, the pages said 2, the window 0")


def test_a_page_that_was_short_once_is_nothing_to_tell(reading: Reading) -> None:
    reading.source.put("e1", minutes_ago(60))
    short = Answer(outcome=Outcome.OK, found=Read(changes=(), there=0, said=1))
    reading.source.before = lambda number: short if number == 1 else None
    assert reading.all()[-1].kind is Kind.DONE
    assert reading.live == {"e1"}
    assert not work.open_tasks().exists()


def test_kinds_that_are_counted_are_bounded(reading: Reading) -> None:
    many = Read(there=0, said=0, unknown={f"K{number}": 1 for number in range(200)})
    reading.source.before = lambda _number: Answer(outcome=Outcome.OK, found=many)
    reading.step()
    assert len(reading.row.told["unknown"]) == sync.MOST_NAMES + 1
    assert sum(reading.row.told["unknown"].values()) == 200


def test_what_a_list_cannot_take_is_set_aside(reading: Reading, data: Path) -> None:
    change = Change(ref="memory:1:e1", member="1", media="picture", digests={"sha256": "xyz"})
    page = Read(changes=(change,), aside=(SetAside("no time", "memory:1:e2"),), there=2, said=2)
    reading.source.before = lambda _number: Answer(outcome=Outcome.OK, found=page)
    reading.step()
    assert reading.row.told["counts"]["set_aside"] == 2
    lines = (data / "lists" / "exchange-ncmec.set-aside.jsonl").read_text().splitlines()
    assert {json.loads(one)["ref"] for one in lines} == {"memory:1:e1", "memory:1:e2"}


def test_pauses_grow_and_end(reading: Reading) -> None:
    reading.source.before = lambda _number: Answer(outcome=Outcome.RETRY, http_status=503)
    pauses = []
    for _ in range(12):
        Exchange.objects.update(not_before=None)
        pauses.append(reading.step().seconds)
    assert pauses[:3] == [60, 120, 240]
    assert pauses == sorted(pauses)
    assert pauses[-1] == sync.LONGEST_PAUSE.total_seconds()
    reading.source.before = lambda _number: None
    Exchange.objects.update(not_before=None)
    reading.all()
    assert (reading.row.failures, reading.row.problem) == (0, "")


# --- alarms, and which are due ---


def test_what_was_not_read_for_too_long_is_told_once_a_day(reading: Reading) -> None:
    row = reading.row
    with transaction.atomic():
        sync.alarm(row)
    assert not work.open_tasks().exists()
    Exchange.objects.update(made_at=minutes_ago(25 * 60), problem="HTTP 503")
    for _ in range(2):
        with transaction.atomic():
            sync.alarm(Exchange.objects.get())
    (task,) = work.open_tasks("administrator").filter(kind="exchange-stale")
    assert "HTTP 503" in task.note
    reading.all()
    assert not work.open_tasks().exists(), "read whole again"


def test_an_exchange_that_is_asked_seldom_is_not_stale_before_its_time(reading: Reading) -> None:
    Exchange.objects.update(made_at=minutes_ago(25 * 60), every_minutes=24 * 60)
    assert not keeping.stale(reading.row)
    Exchange.objects.update(made_at=minutes_ago(73 * 60))
    assert keeping.stale(reading.row)


def test_which_are_due(add: Add) -> None:
    rows = {name: add(URL, name) for name in ("new", "read", "over", "paused", "refused", "off", "midway")}
    Exchange.objects.filter(pk__in=["read", "midway"]).update(last_tried_at=minutes_ago(30))
    Exchange.objects.filter(pk="over").update(last_tried_at=minutes_ago(61))
    Exchange.objects.filter(pk="paused").update(not_before=timezone.now() + timedelta(minutes=1))
    Exchange.objects.filter(pk="refused").update(refused_at=timezone.now())
    Exchange.objects.filter(pk="midway").update(checkpoint={"window": {}})
    keeping.switch_off("off", actor=ACTOR)
    assert len(rows) == 7
    assert [row.pk for row in keeping.due()] == ["midway", "new", "over"]


# --- keeping ---


def test_the_password_is_sealed_and_bound_to_its_exchange(add: Add) -> None:
    row = add(URL)
    assert b"practice" not in bytes(row.secret or b"")
    other = add(URL, "other")
    Exchange.objects.filter(pk="other").update(secret=row.secret)
    with pytest.raises(keeping.CannotAsk, match="does not open"):
        keeping.open_source(Exchange.objects.get(pk=other.pk))
    keeping.open_source(row).close()


def in_environment(settings: Any, name: str) -> None:
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, environment=name)


def test_production_needs_a_production_installation_when_it_is_added_and_when_it_is_asked(
    add: Add, settings: Any
) -> None:
    production = "https://report.cybertip.org/hashsharing"
    with pytest.raises(keeping.CannotAsk, match="SAFEHOLD_ENVIRONMENT is not production"):
        add(production)
    in_environment(settings, "production")
    row = add(production)
    in_environment(settings, "test")
    step = sync.step(row.pk, actor=ACTOR, on_retracted=lambda _ids: None)
    assert step.kind is Kind.STOPPED
    assert "SAFEHOLD_ENVIRONMENT" in step.problem
    assert work.open_tasks("administrator").filter(kind="exchange-refused").count() == 1


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"username": "a:b"}, "colon"),
        ({"username": ""}, "user name"),
        ({"password": ""}, "password"),
        ({"every_minutes": 9}, "every 10 minutes"),
    ],
)
def test_what_an_exchange_must_have(add: Add, more: dict[str, Any], why: str) -> None:
    with pytest.raises(ScreeningError, match=why):
        add(URL, **more)
    assert not Exchange.objects.exists()


def test_a_list_has_one_exchange_and_keeps_its_terms(add: Add) -> None:
    add(URL)
    with pytest.raises(ScreeningError, match="already"):
        add(URL, "other", list_slug="ncmec")
    with pytest.raises(ScreeningError, match="already"):
        add(URL)
    from safehold.screening import service as screening

    screening.add_entry("taken", "0a" * 32, source="partner", category="", purpose="prevent-exploitation",
                        licence="agreement 7", actor=ACTOR)  # fmt: skip
    with pytest.raises(ListMismatch):
        add(URL, "other", list_slug="taken")


def test_a_change_is_on_record_without_the_password(add: Add) -> None:
    row = add(URL)
    keeping.change("ncmec", actor=ACTOR, password="other secret", every_minutes=30)
    acts = list(audit.history(row))
    assert [one.act for one in acts] == ["exchange.added", "exchange.changed"]
    assert acts[1].detail.body == {"password": True, "every_minutes": 30}
    with pytest.raises(ScreeningError, match="list"):
        keeping.change("ncmec", actor=ACTOR, list="x")
    with pytest.raises(keeping.UnknownExchange):
        keeping.change("nobody", actor=ACTOR)
    with pytest.raises(keeping.UnknownExchange):
        sync.step("nobody", actor=ACTOR, on_retracted=lambda _ids: None)


def test_status_tells_no_secret_and_no_digest(add: Add) -> None:
    row = add(URL)
    told = json.dumps(keeping.standing(row))
    assert "practice:" not in told
    assert "secret" not in told
    assert str(django_settings.SAFEHOLD.data) not in told
