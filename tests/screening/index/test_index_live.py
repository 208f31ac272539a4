"""The live index: what is applied matches at once, what is retracted no more, in many threads, across generations."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from safehold.screening.index import Change, Index, Kind, build, delta
from safehold.screening.index.near import as_words
from tests.screening.index import index_brute as brute
from tests.screening.index.index_brute import at_distance, entry, pictures, seeded

KINDS: tuple[Kind, ...] = ("sha256", "sha1", "md5")


def found(index: Index, pdq: bytes) -> list[bytes]:
    return [one.entry for one in index.near(pdq)]


def test_an_addition_matches_at_once(tmp_path: Path, scan: str) -> None:
    random = seeded(1)
    index = Index.open(tmp_path)
    assert (index.upto, index.stats.generation, found(index, bytes(32))) == (0, 0, [])
    pdq = random.randbytes(32)
    index.apply([Change(entry(1), 5, live=True, pdq=(pdq,), sha256=b"a" * 32, sha1=b"b" * 20, md5=b"c" * 16)])
    query = at_distance(pdq, 31, random)
    assert [(one.entry, one.distance, one.pdq) for one in index.near(query)] == [(entry(1), 31, pdq)]
    assert index.near(query, 30) == []
    assert index.exact("sha256", b"a" * 32) == index.exact("sha1", b"b" * 20) == [entry(1)]
    assert index.exact_many("md5", [b"x" * 16, b"c" * 16]) == [[], [entry(1)]]
    assert (index.upto, index.stats.delta) == (5, 1)


def test_a_later_version_replaces_the_earlier_one_entirely(tmp_path: Path, scan: str) -> None:
    random = seeded(2)
    one, two = random.randbytes(32), random.randbytes(32)
    build(tmp_path, [Change(entry(1), 1, live=True, pdq=(one,), sha1=b"b" * 20, md5=b"c" * 16)], 1)
    index = Index.open(tmp_path)
    assert found(index, one) == [entry(1)]
    index.apply([Change(entry(1), 2, live=True, pdq=(two,), sha1=b"d" * 20)])
    assert (found(index, one), found(index, two)) == ([], [entry(1)])
    assert index.exact_many("sha1", [b"b" * 20, b"d" * 20]) == [[], [entry(1)]]
    assert index.exact("md5", b"c" * 16) == []
    index.apply([Change(entry(1), 3, live=False)])
    assert (found(index, one), found(index, two), index.exact("sha1", b"d" * 20)) == ([], [], [])
    index.apply([Change(entry(1), 4, live=True, pdq=(one,))])
    assert found(index, one) == [entry(1)]


def test_a_batch_may_come_again_and_late(tmp_path: Path) -> None:
    random = seeded(3)
    one, two, three = (random.randbytes(32) for _n in range(3))
    build(tmp_path, pictures([one]), 3)
    index = Index.open(tmp_path)
    late = Change(entry(1), 2, live=False)  # the files know it already: they go up to 3
    newest = [Change(entry(2), 9, live=True, pdq=(two,)), Change(entry(2), 8, live=True, pdq=(three,))]
    for _again in range(3):
        index.apply([late, *newest])
    assert found(index, one) == [entry(1)]
    assert found(index, two) == [entry(2)]
    assert found(index, three) == []
    assert (index.upto, index.stats.delta) == (9, 1)
    index.apply([])
    assert index.upto == 9


def test_a_film_matches_by_each_frame(tmp_path: Path, scan: str) -> None:
    random = seeded(4)
    frame = random.randbytes(32)
    frames = (frame, at_distance(frame, 4, random), random.randbytes(32), frame)
    for work in ("apply", "build"):
        index = Index.open(tmp_path)
        film = Change(entry(1), 1, live=True, pdq=frames)
        if work == "apply":
            index.apply([film])
        else:
            build(tmp_path, [film], 1)
            assert index.refresh()
        assert index.near(frame) == brute.near(frame, [film], 31)
        assert [one.distance for one in index.near(frame)] == [0, 4]


def test_refresh_takes_newer_files_and_keeps_what_they_lack(tmp_path: Path) -> None:
    random = seeded(5)
    hashes = [random.randbytes(32) for _n in range(6)]
    entries = pictures(hashes)
    index = Index.open(tmp_path)
    assert not index.refresh()
    index.apply(entries)
    index.apply([Change(entry(1), 7, live=False)])
    build(tmp_path, entries[:4], 4)
    assert index.refresh()
    assert not index.refresh()
    assert (index.upto, index.stats.delta, index.stats.generation) == (7, 3, 1)
    assert [found(index, pdq) for pdq in hashes] == [[], *([entry(number)] for number in range(2, 7))]
    build(tmp_path, entries[1:], 7)
    assert index.refresh()
    assert (index.upto, index.stats.delta, index.stats.entries) == (7, 0, 5)
    assert [found(index, pdq) for pdq in hashes] == [[], *([entry(number)] for number in range(2, 7))]


def test_files_that_know_more_than_the_process_win(tmp_path: Path) -> None:
    random = seeded(6)
    one, two = random.randbytes(32), random.randbytes(32)
    index = Index.open(tmp_path)
    index.apply([Change(entry(1), 1, live=True, pdq=(one,))])
    build(tmp_path, [Change(entry(1), 5, live=False), Change(entry(2), 4, live=True, pdq=(two,))], 5)
    index.refresh()
    assert (found(index, one), found(index, two), index.upto) == ([], [entry(2)], 5)


def test_a_stream_may_hold_later_changes_than_it_says(tmp_path: Path) -> None:
    """The database goes on while it is read: what is in the files early is right, and replaced by what comes."""
    random = seeded(11)
    one, two, three = (random.randbytes(32) for _n in range(3))
    index = Index.open(tmp_path)
    early = Change(entry(1), 7, live=True, pdq=(two,))
    index.apply([Change(entry(1), 3, live=True, pdq=(one,)), early])
    build(tmp_path, [early], 5)
    for one_of in (index, Index.open(tmp_path)):
        one_of.refresh()
        for _again in range(2):
            assert (found(one_of, one), found(one_of, two)) == ([], [entry(1)])
            one_of.apply([early])
        one_of.apply([Change(entry(1), 8, live=True, pdq=(three,))])
        assert [found(one_of, pdq) for pdq in (one, two, three)] == [[], [], [entry(1)]]


@pytest.mark.parametrize("upto", [10, 55])
def test_files_begun_anew_take_everything_back(tmp_path: Path, upto: int) -> None:
    """After a restore of the database numbers are used again: nothing of the time before may stay."""
    random, folder = seeded(7), tmp_path / "index"
    one, two = random.randbytes(32), random.randbytes(32)
    build(folder, [], 50)
    index = Index.open(folder)
    index.apply([Change(entry(1), 60, live=True, pdq=(one,))])
    shutil.rmtree(folder)
    build(folder, [Change(entry(2), 9, live=True, pdq=(two,))], upto)
    assert index.refresh()
    assert (found(index, one), found(index, two), index.upto, index.stats.delta) == ([], [entry(2)], upto, 0)


def test_a_large_delta_is_arranged_and_answers_the_same(
    tmp_path: Path, scan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta, "TAIL", 20)
    random = seeded(8)
    middles = [random.randbytes(32) for _n in range(5)]
    index, state = Index.open(tmp_path), {}
    for version in range(1, 400):
        pdq = at_distance(random.choice(middles), random.randrange(40), random)
        change = Change(entry(random.randrange(150)), version, live=random.random() < 0.9, pdq=(pdq,))
        index.apply([change])
        state[change.entry] = change
        if version % 20 == 0:
            query = at_distance(random.choice(middles), random.randrange(20), random)
            radius = random.choice((0, 12, 20, 31))
            assert index.near(query, radius) == brute.near(query, state.values(), radius)
    view = index._view
    assert len(view.segments) >= 2
    assert 0 < view.arranged <= view.rows
    assert sum(segment.count for _begin, segment in view.segments) == view.arranged


def test_an_old_view_answers_as_of_its_moment(tmp_path: Path) -> None:
    """What makes reading without a lock right: a question that is under way sees none of what is applied meanwhile."""
    random = seeded(9)
    one, two = random.randbytes(32), random.randbytes(32)
    three = random.randbytes(32)
    held = [Change(entry(1), 1, live=True, pdq=(one,), md5=b"1" * 16), Change(entry(3), 1, live=True, pdq=(three,))]
    build(tmp_path, held, 1)
    index = Index.open(tmp_path)
    index.apply([Change(entry(2), 2, live=True, pdq=(two,), md5=b"2" * 16), Change(entry(3), 2, live=False)])
    view = index._view
    index.apply([Change(entry(1), 3, live=False), Change(entry(2), 4, live=True, md5=b"1" * 16)])
    index.apply([Change(entry(3), 5, live=False)])
    index.apply(pictures([random.randbytes(32) for _n in range(200)], first=100))
    answers = view.near(as_words([one, two, three]), 31)
    assert [[near.entry for near in answer] for answer in answers] == [[entry(1)], [entry(2)], []]
    assert view.exact("md5", [b"1" * 16, b"2" * 16]) == [[entry(1)], [entry(2)]]
    assert (found(index, one), found(index, two)) == ([], [])
    assert index.exact_many("md5", [b"1" * 16, b"2" * 16]) == [[entry(2)], []]


def test_a_match_is_never_missed_while_its_entry_is_replaced(tmp_path: Path, scan: str) -> None:
    """Four readers ask for an entry that is live in every version, while it is replaced, built and refreshed."""
    random = seeded(10)
    pdq, digest = random.randbytes(32), random.randbytes(32)
    version, over, wrong, asked = 1, threading.Event(), [], [0] * 4

    def now() -> Change:
        return Change(entry(1), version, live=True, pdq=(pdq, random.randbytes(32)), sha256=digest)

    build(tmp_path, [now()], 1)
    index = Index.open(tmp_path)

    def read(number: int) -> None:
        while not over.is_set():
            near = [one.pdq for one in index.near(pdq)]
            if near != [pdq] or index.exact("sha256", digest) != [entry(1)]:
                wrong.append(near)
            asked[number] += 1

    readers = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for reader in readers:
        reader.start()
    for _round in range(8):
        for _n in range(25):
            version += 1
            index.apply([now()])
        build(tmp_path, [now()], version - 5)
        assert index.refresh()
    over.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert min(asked) > 0


def test_threads_that_apply_at_once_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta, "TAIL", 50)
    random = seeded(12)
    index, start = Index.open(tmp_path), threading.Barrier(4)
    entries = pictures([random.randbytes(32) for _n in range(400)])

    def work(first: int) -> None:
        start.wait()
        for at in range(first, 400, 4):
            index.apply(entries[at : at + 1])

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = index.near_many([change.pdq[0] for change in entries])
    assert [[one.entry for one in answer] for answer in answers] == [[change.entry] for change in entries]
    assert index.upto == 400


def test_warm_changes_no_answer(tmp_path: Path, scan: str) -> None:
    index = Index.open(tmp_path)
    index.warm()
    build(tmp_path, pictures([bytes(32)]), 1)
    assert index.refresh()
    index.warm()
    assert found(index, bytes(32)) == [entry(1)]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda index: index.near(bytes(31)), "32 bytes; this one has 31"),
        (lambda index: index.near(bytes(32), 32), "from 0 to 31"),
        (lambda index: index.near_many([], -1), "from 0 to 31"),
        (lambda index: index.exact("sha1", bytes(32)), "sha1 has 20 bytes; this one has 32"),
        (lambda index: index.exact("crc", bytes(4)), "no digests of kind 'crc'"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(tmp_path: Path, call: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call(Index.open(tmp_path))  # type: ignore[operator]


SMALL_AND_LARGE = """
import os, sys
from pathlib import Path
from safehold.screening.index import Change, Index, accelerate
accelerate.FEW = 500
index = Index.open(Path(sys.argv[1]))
index.warm()
def add(first, last):
    news = [Change(n.to_bytes(16, "big"), n, True, pdq=(os.urandom(32),)) for n in range(first, last)]
    index.apply(news)
    assert [one.distance for one in index.near(news[-1].pdq[0], 4)] == [0]
add(1, 400)
print("numba" in sys.modules, accelerate.loaded())
add(400, 700)
print(accelerate.loaded())
"""


def test_a_small_index_never_waits_for_the_compiler(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SMALL_AND_LARGE, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["False", "False", "True"]
