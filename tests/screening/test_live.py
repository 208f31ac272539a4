"""This process's matcher: how soon changes hold, and that nothing is answered when it may lack something."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from safehold.screening import building, flood, following, lists, live
from safehold.screening.errors import NotReady
from safehold.screening.matching import Asked, Matcher
from safehold.screening.models import ListEntry
from tests.screening.test_matching import digest, entry, pdq

pytestmark = pytest.mark.django_db(transaction=True)


# The test database of SQLite is in memory, where nobody waits for anybody: one thread at a time. On PostgreSQL, and in
# `tests/api/test_screen_soak.py` on a file, they do as they please.
TURN = threading.RLock()


def added() -> ListEntry:
    with TURN:
        return entry(sha256=digest("sha256"), pdq=pdq())


@pytest.fixture(autouse=True)
def forgotten(data: Path) -> Iterator[None]:
    live.let_go()
    yield
    live.let_go()


@pytest.fixture
def kept(data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The threads as a server starts them. Their connections to the test database must not outlive them."""
    every = live._every

    def closing(*given: Any) -> None:
        try:
            every(*given)
        finally:
            connections.close_all()

    def by_turns(work: Any) -> Any:
        def run() -> Any:
            with TURN if connection.vendor == "sqlite" else contextlib.nullcontext():
                return work()

        return run

    monkeypatch.setattr(live, "_every", closing)
    monkeypatch.setattr(live, "_catch_up", by_turns(live._catch_up))
    monkeypatch.setattr(live, "_write", by_turns(live._write))
    live.keep()
    assert live.wait_until_ready(30)
    yield
    live.let_go()


def within(seconds: float, question: Any) -> float:
    """How long it takes until the answer is yes. Fails after `seconds`."""
    began = time.monotonic()
    while not question():
        assert time.monotonic() - began < seconds, "it took too long"
        time.sleep(0.01)
    return time.monotonic() - began


def test_without_threads_each_call_reads_what_came(data: Path) -> None:
    with pytest.raises(NotReady) as refused:
        live.at_hand()
    assert refused.value.code == "screening_starting"
    row = entry(sha256=digest("sha256"))
    assert live.matcher().match(Asked(sha256=row.sha256)) != []
    later = entry(sha256=digest("sha256"))
    assert live.at_hand().match(Asked(sha256=later.sha256)) == []
    assert live.matcher().match(Asked(sha256=later.sha256)) != []
    assert not live.kept()


def test_additions_and_removals_hold_within_a_second_of_their_commit(kept: None) -> None:
    took = []
    for _ in range(3):
        row = added()
        asked = Asked(sha256=row.sha256, pdqs=(row.pdq,))
        took.append(within(1, lambda asked=asked: live.at_hand().match(asked)))
        with TURN, transaction.atomic():
            lists.retract_entry(row.pk, because="placeholder", actor="staff:1")
        took.append(within(1, lambda asked=asked: not live.at_hand().look(asked).any))
    assert max(took) < 1


def test_what_is_not_committed_does_not_match(kept: None) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite's database in memory shows what is not committed, or locks its reader out")
    with transaction.atomic():
        row = entry(sha256=digest("sha256"))
        time.sleep(3 * live.LOOK_EVERY)
        assert not live.at_hand().look(Asked(sha256=row.sha256)).any
    within(1, lambda: live.at_hand().look(Asked(sha256=row.sha256)).any)


def test_a_build_is_taken_up_while_questions_go_on(kept: None, data: Path) -> None:
    rows = [added() for _ in range(20)]
    within(1, lambda: live.state().delta == 20)
    missed: list[str] = []
    over = threading.Event()

    def asks() -> None:
        while not over.is_set():
            asked = [Asked(sha256=row.sha256, pdqs=(row.pdq,)) for row in rows]
            missed.extend(one.sha256 for one in asked if not live.at_hand().look(one).files)

    asking = threading.Thread(target=asks)
    asking.start()
    with TURN:
        building.build_index(data / "index")
    within(2, lambda: live.state().entries == 20 and live.state().delta == 0)
    with TURN:
        building.build_index(data / "index")
    time.sleep(0.5)
    over.set()
    asking.join()
    assert missed == []


def test_a_database_that_cannot_be_reached_ends_the_answers(
    kept: None, monkeypatch: pytest.MonkeyPatch, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    import msgspec

    soon = msgspec.structs.replace(settings.SAFEHOLD.screening, stale_seconds=1)
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, screening=soon)

    def away() -> int:
        raise OperationalError("placeholder message 3")

    with monkeypatch.context() as patch:
        patch.setattr(following, "clock", away)
        within(3, lambda: live.state().code == "screening_stale")
        with pytest.raises(NotReady) as refused:
            live.at_hand()
        assert refused.value.code == "screening_stale"
        assert live.state().lag > 1
    within(1, lambda: live.state().ready)  # and they come back by themselves
    assert "OperationalError" in caplog.text
    assert "placeholder" not in caplog.text


def test_a_damaged_index_ends_the_answers_until_it_is_built_again(data: Path) -> None:
    row = entry(sha256=digest("sha256"), pdq=pdq())
    building.build_index(data / "index")
    file = next((data / "index").rglob("pdq.index"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    with pytest.raises(NotReady) as refused:
        live.matcher()
    assert refused.value.code == "index_damaged"
    assert live.state()[:2] == (False, "index_damaged")
    building.build_index(data / "index")
    assert live.matcher().match(Asked(sha256=row.sha256)) != []
    assert live.state().ready


def test_damage_that_a_question_shows_ends_the_answers_too(data: Path) -> None:
    live.matcher()
    live.damaged(ValueError("placeholder"))
    with pytest.raises(NotReady, match="placeholder"):
        live.at_hand()
    assert live.matcher() is live.at_hand()  # opened again


def test_a_database_put_back_to_an_earlier_state_is_read_anew(data: Path) -> None:
    row = entry(sha256=digest("sha256"))
    other = entry(sha256=digest("sha256"))
    live.matcher()
    ListEntry.objects.filter(pk=other.pk).delete()
    from safehold.screening.models import ListClock

    ListClock.objects.update(version=1)
    assert live.matcher().match(Asked(sha256=row.sha256)) != []
    assert not live.matcher().look(Asked(sha256=other.sha256)).any


def test_what_was_read_before_a_change_is_never_kept_after_it(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safehold.screening import known

    row = entry(sha256=digest("sha256"))
    matcher = Matcher(data / "index")
    matcher.keep_up()
    read = known._read

    def slow(entries: list[bytes]) -> Any:
        found = read(entries)
        with transaction.atomic():
            lists.hold_back(row.pk, because="placeholder", actor="staff:1")
        matcher.keep_up()  # between the reading and the keeping
        return found

    monkeypatch.setattr(known, "_read", slow)
    assert not matcher.match(Asked(sha256=row.sha256))[0].held_back
    monkeypatch.setattr(known, "_read", read)
    assert matcher.match(Asked(sha256=row.sha256))[0].held_back


def test_counters_are_written_each_second(kept: None) -> None:
    row = added()
    within(1, lambda: live.at_hand().look(Asked(sha256=row.sha256)).any)
    with TURN:
        for _ in range(2):
            flood.count(live.at_hand().match(Asked(sha256=row.sha256)))

    def hits() -> int:
        with TURN:
            return ListEntry.objects.get(pk=row.pk).hits

    within(3, lambda: hits() == 2)


def test_what_was_counted_is_written_at_the_end(kept: None) -> None:
    row = added()
    within(1, lambda: live.at_hand().look(Asked(sha256=row.sha256)).any)
    with TURN:
        flood.count(live.at_hand().match(Asked(sha256=row.sha256)))
    live.let_go()
    assert ListEntry.objects.get(pk=row.pk).hits == 1
