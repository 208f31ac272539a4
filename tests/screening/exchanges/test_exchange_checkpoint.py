"""How far an exchange was read: the checkpoint moves on whole windows alone, and every reading ends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold.screening.exchanges.checkpoint import SHORTEST, TRIES, Checkpoint, Open
from safehold.screening.exchanges.ncmec import BEGINNING, LAG, OVERLAP, Ncmec
from safehold.screening.exchanges.source import Read
from tests.screening.exchanges.exchange_source import NOW, Memory

HOUR = timedelta(hours=1)


def page(there: int = 3, *, cursor: str = "", said: int | None = None, total: int = 0) -> Read:
    return Read(there=there, said=there if said is None else said, cursor=cursor, total=total)


def opened(mark: Checkpoint, now: datetime = NOW) -> Open:
    window = mark.open(Memory(), now)
    assert window is not None
    return window


def test_only_the_last_page_moves_the_checkpoint() -> None:
    mark = Checkpoint(until=NOW - HOUR)
    opened(mark).add(page(cursor="3", total=5), NOW)
    assert (mark.until, opened(mark).cursor, opened(mark).pages) == (NOW - HOUR, "3", 1)
    opened(mark).add(page(2), NOW)
    assert mark.finish(1000) == ""
    assert (mark.until, mark.window) == (NOW, None)


def test_it_is_stored_and_read_back() -> None:
    mark = Checkpoint(until=NOW, span=60.0)
    opened(mark, NOW + HOUR).add(page(cursor="3", total=5), NOW)
    assert Checkpoint.load(mark.dump()) == mark
    assert Checkpoint.load({}) == Checkpoint()
    assert Checkpoint().dump() == {}


def test_a_cursor_is_not_kept_longer_than_it_lives() -> None:
    mark = Checkpoint()
    opened(mark).add(page(cursor="3", total=5), NOW)
    assert opened(mark, NOW + 12 * HOUR).cursor == "3"
    window = opened(mark, NOW + 12 * HOUR + timedelta(seconds=1))
    assert (window.cursor, window.pages, window.there, window.until) == ("", 0, 0, NOW)


def test_a_window_that_lost_a_record_to_a_change_is_read_again() -> None:
    mark = Checkpoint(until=NOW - HOUR)
    opened(mark).add(page(3, cursor="3", total=7), NOW)
    opened(mark).add(page(3), NOW)  # one record has left the window, and one was never shown
    assert mark.finish(1000) == ""
    assert (mark.until, opened(mark).pages, opened(mark).tries) == (NOW - HOUR, 0, 1)
    opened(mark).add(page(3, cursor="3", total=6), NOW)
    opened(mark).add(page(3), NOW)
    assert mark.finish(1000) == ""
    assert (mark.until, mark.offset) == (NOW, 0)


def test_a_total_that_changes_between_pages_is_a_change_under_way() -> None:
    mark = Checkpoint(until=NOW - HOUR)
    opened(mark).add(page(3, cursor="3", total=9), NOW)
    opened(mark).add(page(3, cursor="6", total=8), NOW)
    opened(mark).add(page(3), NOW)
    assert mark.finish(1000) == ""
    assert mark.until == NOW - HOUR


def test_a_window_that_never_holds_still_becomes_shorter_and_at_last_is_taken_as_odd() -> None:
    mark, rounds, odd = Checkpoint(until=NOW - HOUR), 0, ""
    while not odd:
        opened(mark).add(page(3, cursor="3", total=rounds + 100), NOW)
        opened(mark).add(page(3), NOW)
        odd, rounds = mark.finish(1000), rounds + 1
        assert rounds < TRIES * 10
    assert mark.until is not None
    assert NOW - HOUR < mark.until <= NOW - HOUR + 2 * SHORTEST
    assert odd == f"6 records were there, the pages said 6, the window {rounds + 99}"


def test_a_source_that_counts_in_its_own_way_is_noted_once() -> None:
    mark = Checkpoint()
    for _ in range(2):
        opened(mark).add(page(3, cursor="3", total=4), NOW)
        opened(mark).add(page(2), NOW)
        odd = mark.finish(1000)
    assert odd
    assert (mark.until, mark.offset) == (NOW, -1)
    later = NOW + HOUR
    opened(mark, later).add(page(3, cursor="3", total=7), later)
    opened(mark, later).add(page(5), later)
    assert (mark.finish(1000), mark.until) == ("", later)


@pytest.mark.parametrize("said", [[3, 2], [5, 5]], ids=["of the page", "of the window"])
def test_counts_may_be_of_the_page_or_of_the_window(said: list[int]) -> None:
    mark = Checkpoint()
    opened(mark).add(page(3, cursor="3", said=said[0]), NOW)
    opened(mark).add(page(2, said=said[1]), NOW)
    assert (mark.finish(1000), mark.until) == ("", NOW)


def test_a_page_that_holds_fewer_than_it_says_is_not_the_end() -> None:
    mark = Checkpoint()
    opened(mark).add(page(3, cursor="3"), NOW)
    opened(mark).add(page(1, said=2), NOW)
    assert (mark.finish(1000), mark.until) == ("", None)


def test_a_window_is_halved_down_to_the_shortest_and_grows_again() -> None:
    mark = Checkpoint(until=NOW - 8 * HOUR)
    opened(mark)
    assert mark.shorten()
    assert opened(mark).window == (NOW - 8 * HOUR, NOW - 4 * HOUR)
    opened(mark).add(page(1), NOW)
    mark.finish(1000)
    assert mark.span == (8 * HOUR).total_seconds()
    assert opened(mark).last
    opened(mark).add(page(1), NOW)
    mark.finish(1000)
    assert (mark.until, mark.span) == (NOW, None)
    mark = Checkpoint(until=NOW - SHORTEST)
    opened(mark)
    assert not mark.shorten()
    assert opened(mark).until == NOW


@given(st.integers(0, 4000), st.integers(1, 50), st.integers(20, 400))
def test_every_reading_comes_to_an_end_and_shortens_what_is_too_long(records: int, size: int, most: int) -> None:
    """Records at one every six hours from 2020 on; windows of more than `most` are never read to their end."""
    from safehold.screening.exchanges.source import Window

    step, mark, steps, began = 6 * HOUR, Checkpoint(), 0, datetime(2020, 1, 1, tzinfo=UTC)
    source = Memory(size, most)

    def within(window: Window) -> int:
        first = max(0, -((began - window.since) // step))
        return max(0, min(records, (window.until - began) // step + 1) - first)

    while mark.until is None or mark.until < NOW:
        steps += 1
        assert steps < 5 * records // size + 5000
        window = mark.open(source, NOW)
        assert window is not None
        total = within(window.window)
        if not window.cursor and total > most and mark.shorten():
            continue
        assert total <= most or window.until - window.since <= SHORTEST
        there = min(size, total - window.there)
        more = window.there + there < total
        window.add(page(there, cursor="x" if more else "", total=total if more else 0), NOW)
        if not more:
            assert mark.finish(most) == ""
    assert mark.window is None


# --- windows of hash sharing ---


@pytest.fixture
def ncmec() -> Ncmec:
    return Ncmec("http://127.0.0.1:8098/hashsharing", "desk", "practice")


def test_the_first_window_reaches_from_the_beginning_to_a_few_seconds_ago(ncmec: Ncmec) -> None:
    assert ncmec.window(None, NOW, None) == (BEGINNING, NOW - LAG)
    ncmec.close()


def test_a_later_window_reads_the_last_minutes_again(ncmec: Ncmec) -> None:
    now = NOW + timedelta(microseconds=123_456)
    assert ncmec.window(NOW - HOUR, now, None) == (NOW - HOUR - OVERLAP, NOW - LAG)
    ncmec.close()


def test_there_is_no_window_before_anything_can_be_seen(ncmec: Ncmec) -> None:
    assert ncmec.window(NOW, NOW + LAG, None) is None
    assert ncmec.window(NOW, NOW - HOUR, None) is None  # our clock was set back
    ncmec.close()


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=9999)), st.floats(0, 1e9))
def test_a_window_always_moves_on(behind: timedelta, span: float) -> None:
    source = Ncmec("http://127.0.0.1:8098/hashsharing", "desk", "practice")
    until = NOW - LAG - behind
    window = source.window(until, NOW, timedelta(seconds=span))
    source.close()
    if window is not None:
        assert window.since == until - OVERLAP
        assert until < window.until <= NOW - LAG
    else:
        assert behind < timedelta(seconds=1)
