"""Near-match on arrays: the same as comparing everything, at every distance, for friendly and for hostile data."""

import sys
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safehold.screening.index import accelerate, near
from safehold.screening.index.near import Segment, as_words, budgets
from safehold.screening.index.types import DamagedArrays
from tests.screening.index.index_brute import BITS, at_distance, distance, flipped, seeded

RADII = range(32)
Data = Callable[[Random], list[bytes]]


def answers(segment: Segment, query: bytes, radius: int) -> list[tuple[int, int]]:
    return sorted((row, bits) for row, bits, _query in segment.search(as_words([query]), radius).each())


def expected(held: list[bytes], query: bytes, radius: int) -> list[tuple[int, int]]:
    every = ((row, distance(one, query)) for row, one in enumerate(held))
    return sorted((row, bits) for row, bits in every if bits <= radius)


def scattered(random: Random) -> list[bytes]:
    return [random.randbytes(32) for _n in range(600)]


def clustered(random: Random) -> list[bytes]:
    """Around four middles, at all distances from 0 to 45."""
    middles = [random.randbytes(32) for _n in range(4)]
    return [at_distance(middle, bits, random) for middle in middles for bits in range(46) for _n in range(3)]


def all_equal(random: Random) -> list[bytes]:
    return [random.randbytes(32)] * 700


def one_slot_equal(random: Random) -> list[bytes]:
    """Everything in one bucket of the first slot, and sketches that reject nothing in the second."""
    return [bytes(4) + random.randbytes(28) for _n in range(1500)]


def few_ones(random: Random) -> list[bytes]:
    return [flipped(bytes(32), random.sample(range(BITS), random.randrange(20))) for _n in range(300)]


@pytest.mark.parametrize("make", [scattered, clustered, all_equal, one_slot_equal, few_ones])
def test_the_answer_is_that_of_comparing_everything(scan: str, make: Data) -> None:
    random = seeded(make.__name__)
    held = make(random)
    segment = Segment.of(as_words(held))
    queries = [random.randbytes(32), bytes(32), held[0], held[-1]]
    queries += [at_distance(random.choice(held), bits, random) for bits in range(0, 40, 3)]
    for query in queries:
        for radius in (0, 1, 7, 14, 15, 16, 23, 30, 31):
            assert answers(segment, query, radius) == expected(held, query, radius)


def test_every_distance_within_the_radius_is_found_and_none_beyond(scan: str) -> None:
    random = seeded("distances")
    query = random.randbytes(32)
    held = [at_distance(query, bits, random) for bits in range(64) for _n in range(40)]
    segment = Segment.of(as_words(held))
    for radius in RADII:
        assert answers(segment, query, radius) == [(row, row // 40) for row in range(40 * (radius + 1))]


def spread(radius: int, whole: int, random: Random) -> list[int]:
    """Bits spread as evenly as can be over the slots, the one that is left `whole` among them: few slots agree."""
    slots = [slot for slot in range(16) if slot != whole] + [whole]
    bits = []
    for number in range(radius):
        slot = slots[number % 16]
        bits.append(16 * slot + random.choice([bit for bit in range(16) if 16 * slot + bit not in bits]))
    return bits


@pytest.mark.parametrize("whole", range(16))
def test_the_worst_spread_of_bits_is_found(scan: str, whole: int) -> None:
    random = seeded(whole)
    query = random.randbytes(32)
    held = [flipped(query, spread(radius, whole, random)) for radius in RADII]
    segment = Segment.of(as_words(held))
    for radius in RADII:
        assert answers(segment, query, radius) == [(row, row) for row in range(radius + 1)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.binary(min_size=32, max_size=32),
    flips=st.lists(st.sets(st.integers(0, 255), max_size=36), min_size=1, max_size=6),
    radius=st.integers(0, 31),
)
def test_any_bits_at_all(scan: str, query: bytes, flips: list[set[int]], radius: int) -> None:
    held = [flipped(query, bits) for bits in flips]
    assert answers(Segment.of(as_words(held)), query, radius) == expected(held, query, radius)


def test_the_units_of_each_radius_add_up_to_a_proof() -> None:
    for radius in RADII:
        assert budgets(radius).sum() == radius + 1
    assert budgets(31).tolist() == [2] * 16
    assert budgets(0).tolist() == [1] + [0] * 15


def test_the_opposite_of_a_hash_is_as_far_as_can_be(scan: str) -> None:
    segment = Segment.of(as_words([bytes(32), b"\xff" * 32]))
    assert answers(segment, bytes(32), 31) == [(0, 0)]
    opposite = near.distances(np.full((1, 4), 2**64 - 1, np.uint64), np.zeros(4, np.uint64))
    assert opposite.tolist() == [256]


def test_a_batch_is_answered_as_its_queries_are(scan: str) -> None:
    random = seeded(5)
    held = clustered(random)
    segment = Segment.of(as_words(held))
    queries = [at_distance(random.choice(held), bits, random) for bits in range(40)]
    found = sorted((number, row, bits) for row, bits, number in segment.search(as_words(queries), 31).each())
    single = [(number, *one) for number, query in enumerate(queries) for one in answers(segment, query, 31)]
    assert found == single
    assert len(found) > near.FIRST_ROOM  # the room that a search begins with was not enough


def test_nothing_is_found_in_nothing(scan: str) -> None:
    assert answers(Segment.of(as_words([])), bytes(32), 31) == []
    assert list(Segment.of(as_words([bytes(32)])).search(as_words([]), 31).each()) == []


@pytest.mark.parametrize("radius", [-1, 32, 256])
def test_a_radius_that_the_probes_do_not_cover_is_refused(radius: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 31"):
        Segment.of(as_words([bytes(32)])).search(as_words([bytes(32)]), radius)


def test_a_hash_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes; this one has 31"):
        as_words([bytes(32), bytes(31)])


def test_ids_that_point_nowhere_are_noticed_and_not_followed(scan: str) -> None:
    segment = Segment.of(as_words([bytes(32)] * 3))
    segment.ids[:] = 3
    with pytest.raises(DamagedArrays, match="rows that it does not hold"):
        segment.search(as_words([bytes(32)]), 31)


@pytest.mark.parametrize(("place", "value"), [(0, 1), (65_536, 2), (65_536, 2**32 - 1), (1, 3)])
def test_offsets_that_contradict_themselves_are_noticed(place: int, value: int) -> None:
    segment = Segment.of(as_words([b"\xff" * 32]))
    segment.check()
    segment.offsets[place] = value
    with pytest.raises(DamagedArrays, match="table of buckets"):
        segment.check()


@pytest.mark.parametrize("make", [scattered, one_slot_equal, few_ones])
def test_both_ways_of_sorting_give_the_same_arrays(make: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    words = as_words(make(seeded("sorted")))
    compiled = Segment.of(words)
    monkeypatch.setattr(accelerate, "kernels", lambda: None)
    plain = Segment.of(words)
    for name in ("offsets", "sketches", "ids"):
        assert (getattr(compiled, name) == getattr(plain, name)).all()
    plain.check()


def test_without_numba_everything_runs_in_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    accelerate.kernels.cache_clear()
    monkeypatch.setitem(sys.modules, "safehold.screening.index.kernels", None)
    try:
        assert accelerate.kernels() is None
        assert answers(Segment.of(as_words([bytes(32)])), bytes(32), 31) == [(0, 0)]
    finally:
        accelerate.kernels.cache_clear()
