"""What the index must answer, found by comparing everything: integers, no arrays, nothing shared with the index."""

from collections.abc import Iterable, Sequence
from random import Random

from safehold.screening.index import Change, Near

BITS = 256


def seeded(seed: object) -> Random:
    return Random(str(seed))  # noqa: S311 - no secret


def number(pdq: bytes) -> int:
    return int.from_bytes(pdq, "little")


def flipped(pdq: bytes, bits: Iterable[int]) -> bytes:
    """The hash with these bits (numbers from 0 to 255, each once) turned over."""
    value = number(pdq)
    for bit in bits:
        value ^= 1 << bit
    return value.to_bytes(BITS // 8, "little")


def at_distance(pdq: bytes, bits: int, random: Random) -> bytes:
    return flipped(pdq, random.sample(range(BITS), bits))


def distance(one: bytes, other: bytes) -> int:
    return (number(one) ^ number(other)).bit_count()


def near(pdq: bytes, entries: Iterable[Change], radius: int) -> list[Near]:
    """Every hash of the live entries within the radius, in the order that the index promises."""
    found = {
        (distance(pdq, held), change.entry, held)
        for change in entries
        if change.live
        for held in change.pdq
        if distance(pdq, held) <= radius
    }
    return [Near(entry, bits, held) for bits, entry, held in sorted(found)]


def exact(kind: str, digest: bytes, entries: Iterable[Change]) -> list[bytes]:
    return sorted(change.entry for change in entries if change.live and getattr(change, kind) == digest)


def pictures(pdqs: Sequence[bytes], first: int = 1) -> list[Change]:
    """An entry for each hash, numbered on from `first`."""
    return [Change(entry(version), version, live=True, pdq=(pdq,)) for version, pdq in enumerate(pdqs, first)]


def entry(value: int) -> bytes:
    return value.to_bytes(16)
