"""Exact sets: who holds a digest, also where digests were made to begin alike."""

import numpy as np
import pytest

from safehold.screening.index.digests import DigestSet, fill
from safehold.screening.index.types import DIGEST_BYTES, Kind
from tests.screening.index.index_brute import entry, seeded

KINDS = list(DIGEST_BYTES)


def made(values: list[bytes], holders: list[bytes], length: int) -> DigestSet:
    count = len(values)
    target = DigestSet(
        np.zeros(count, np.uint64), np.zeros((count, length - 8), np.uint8), np.zeros((count, 16), np.uint8)
    )
    as_rows = [np.frombuffer(b"".join(some), np.uint8).reshape(count, -1) for some in (values, holders)]
    fill(target, *as_rows)
    return target


@pytest.mark.parametrize("kind", KINDS)
def test_every_digest_is_found_and_no_other(kind: Kind) -> None:
    random, length = seeded(kind), DIGEST_BYTES[kind]
    values = [random.randbytes(length) for _n in range(500)]
    held = made(values, [entry(n) for n in range(500)], length)
    assert held.find(values) == [[entry(n)] for n in range(500)]
    others = [random.randbytes(length) for _n in range(50)]
    others += [value[:-1] + bytes([value[-1] ^ 1]) for value in values[:50]]
    others += [bytes([value[0] ^ 128]) + value[1:] for value in values[:50]]
    others += [bytes(length), b"\xff" * length]
    assert held.find(others) == [[]] * len(others)


@pytest.mark.parametrize("kind", KINDS)
def test_digests_that_begin_alike_are_told_apart(kind: Kind) -> None:
    random, length = seeded(kind), DIGEST_BYTES[kind]
    begins = [bytes(8), b"\xff" * 8, random.randbytes(8)]
    values = [begin + random.randbytes(length - 8) for begin in begins for _n in range(60)]
    random.shuffle(values)
    held = made(values, [entry(n) for n in range(len(values))], length)
    assert held.find(values) == [[entry(n)] for n in range(len(values))]
    assert held.find([begin + random.randbytes(length - 8) for begin in begins]) == [[], [], []]


@pytest.mark.parametrize("kind", KINDS)
def test_all_entries_that_hold_a_digest_are_given(kind: Kind) -> None:
    length = DIGEST_BYTES[kind]
    one, two, three = bytes(length), bytes(length - 1) + b"\x01", b"\x07" * length
    held = made([two, one, two, three, two], [entry(n) for n in (9, 5, 1, 3, 9)], length)
    assert held.find([one, two, three, two]) == [[entry(5)], [entry(1), entry(9)], [entry(3)], [entry(1), entry(9)]]


def test_an_empty_set_holds_nothing() -> None:
    empty = DigestSet(np.empty(0, np.uint64), np.empty((0, 24), np.uint8), np.empty((0, 16), np.uint8))
    assert empty.find([bytes(32)] * 2) == [[], []]
