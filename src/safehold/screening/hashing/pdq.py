"""PDQ in NumPy: the 256-bit perceptual hash that lists of known pictures carry. Anybody may call it.

`pdq(pixels)` hashes an array, `dihedral(pixels)` gives all eight turns from one transform, `from_rows` hashes
pixels that come a few rows at a time; `degenerate(bits)` tells why a list entry is worthless, `distance` compares.

Source of the rule: the PDQ specification of 2017 and its reference implementation. Two passes of a box filter
along each axis and the sampling to 64x64 are linear and separable, so here they are one banded 64xN matrix for
each axis, which is cached by size. Reference and this differ only by float rounding of its running sums: on pictures
of quality 50 or more and at least 64 pixels on a side the bits are the same (tests hold values of the reference);
below that, where terms can vanish, a few may differ. Compiled code was measured and left out: two thirds of the
time is decoding, and the rest became a quarter faster at best.
"""

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from safehold.screening.hashing.types import MIN_QUALITY, RADIUS, Pdq

__all__ = [
    "MIN_QUALITY",
    "RADIUS",
    "SMALLEST",
    "TURNS",
    "Pdq",
    "degenerate",
    "dihedral",
    "distance",
    "from_rows",
    "pdq",
]

Floats = npt.NDArray[np.float32]
Rows = Callable[[int, int], Floats]  # luma of the rows from the first number up to the second

SMALLEST = 5  # pixels on a side, below which the reference defines no hash
TURNS = ("original", "rotate90", "rotate180", "rotate270", "flip_x", "flip_y", "flip_plus1", "flip_minus1")
TOGETHER = 2  # of the 64 sampled rows that are taken from the pixels in one product; measured best of 1 to 32

_TERMS = np.arange(1, 17)[:, None] * (2 * np.arange(64)[None, :] + 1)
_COSINES = (np.float32(np.sqrt(2 / 64)) * np.cos(np.pi / 128 * _TERMS)).astype(np.float32).astype(np.float64)
_ODD = (np.arange(16) % 2).astype(bool)
_DOWN = np.where(_ODD, 1.0, -1.0)[:, None]  # what mirroring top and bottom does to the terms
_ACROSS = _DOWN.T


def pdq(pixels: npt.NDArray) -> Pdq:
    """The PDQ of an array: rows x columns x RGB of 8 bits, or rows x columns of luma from 0 to 255.

    Raises ValueError for another shape, or where a side is under SMALLEST.
    """
    rows, height, width = _source(pixels)
    return from_rows(rows, height, width)


def dihedral(pixels: npt.NDArray) -> dict[str, Pdq]:
    """The PDQ of all eight turns and mirrorings, by the names in TURNS, from one transform. Raises as `pdq`."""
    rows, height, width = _source(pixels)
    return eight(shrink(rows, height, width))


def from_rows(rows: Rows, height: int, width: int) -> Pdq:
    """The PDQ of pixels that `rows(first, end)` hands out a few rows at a time, from top to bottom."""
    return of_64(shrink(rows, height, width))


def shrink(
    rows: Rows, height: int, width: int, *, blocks: int = 1, upside: bool = False, mirror: bool = False
) -> Floats:
    """The picture of `height` x `width` pixels filtered and sampled to 64x64.

    `blocks`: `rows` hands out a picture whose every pixel is the mean of that many by that many of these pixels.
    `upside` and `mirror`: as if the rows, or the columns, were reversed.
    """
    if min(height, width) < SMALLEST:
        raise ValueError(f"PDQ needs {SMALLEST} pixels on a side; this has {width}x{height}")
    across = _matrix(width, blocks, mirror)
    small = np.empty((64, across.shape[1]), np.float32)
    for at, first, weights in _groups(height, blocks, upside):
        small[at : at + len(weights)] = weights @ rows(first, first + weights.shape[1])
    return small @ across.T


def of_64(image: Floats) -> Pdq:
    """The PDQ of a picture that is already filtered to 64x64."""
    return _packed(_transform(image), _quality(image))


def eight(image: Floats) -> dict[str, Pdq]:
    """`of_64` for all eight turns."""
    terms, quality = _transform(image), _quality(image)
    turned = (
        terms, (terms * _ACROSS).T, terms * _DOWN * _ACROSS, (terms * _DOWN).T,
        terms * _DOWN, terms * _ACROSS, terms.T, (terms * _DOWN * _ACROSS).T,
    )  # fmt: skip
    return {name: _packed(one, quality) for name, one in zip(TURNS, turned, strict=True)}


def degenerate(bits: bytes) -> str:
    """Why a list entry of these 32 bytes must not be matched; empty where it may be.

    The hash of a picture has exactly 128 ones: one for each term above the median. Two hashes differ in at least
    as many bits as their counts of ones do. So an entry whose count is more than RADIUS away from 128 can match
    no sound picture, only other flat or symmetrical ones, whose bits are rounding noise.
    """
    if len(bits) != 32:
        return f"it has {len(bits)} bytes, not 32"
    ones = int.from_bytes(bits, "big").bit_count()
    if ones in (0, 256):
        return "all its bits are equal"
    if abs(ones - 128) > RADIUS:
        return f"{ones} of its bits are set, where a picture's hash has 128"
    return ""


def distance(one: bytes, other: bytes) -> int:
    """In how many bits two hashes differ."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def _source(pixels: npt.NDArray) -> tuple[Rows, int, int]:
    """Luma of an array by rows. Sums of thousandths are whole and exact; only the division rounds, once."""
    if pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8:
        parts = np.array([299, 587, 114], np.float32)
        return lambda first, end: pixels[first:end].astype(np.float32) @ parts / np.float32(1000), *pixels.shape[:2]
    if pixels.ndim == 2:
        return lambda first, end: pixels[first:end].astype(np.float32), *pixels.shape
    raise ValueError(f"PDQ hashes rows x columns x RGB of 8 bits, or luma; not {pixels.dtype} of {pixels.shape}")


@functools.lru_cache(maxsize=256)
def _matrix(size: int, blocks: int, reverse: bool) -> Floats:
    """The 64xN matrix that filters an axis of `size` pixels twice and samples it; N is size / blocks, rounded up."""
    window = (size + 127) // 128
    ahead = (window + 2) // 2 - 1
    places = np.arange(size)
    lows = np.maximum(places - (window - 1 - ahead), 0)
    highs = np.minimum(places + ahead, size - 1)
    counts = highs - lows + 1
    sampled = ((np.arange(64) + 0.5) * size / 64).astype(np.int64)
    near = lows[sampled][:, None] + np.arange(window)[None, :]  # what the second pass averages for each sample
    inside = near <= highs[sampled][:, None]
    near = np.minimum(near, size - 1)
    weights = np.where(inside, 1 / (counts[sampled][:, None] * counts[near]), 0.0)
    steps = np.zeros((64, -(-size // blocks) * blocks + 1))
    who = np.broadcast_to(np.arange(64)[:, None], near.shape)
    np.add.at(steps, (who, lows[near]), weights)
    np.subtract.at(steps, (who, highs[near] + 1), weights)
    matrix = np.cumsum(steps, axis=1)[:, :-1]
    matrix[matrix < 1e-12] = 0  # what the sums leave behind the band
    matrix = matrix.reshape(64, -1, blocks).sum(axis=2)
    return np.ascontiguousarray(matrix[:, ::-1] if reverse else matrix, np.float32)


@functools.lru_cache(maxsize=256)
def _groups(size: int, blocks: int, reverse: bool) -> tuple[tuple[int, int, Floats], ...]:
    """The matrix in bands: the first sample, the first pixel and the weights of each TOGETHER samples."""
    matrix = _matrix(size, blocks, reverse)
    found = []
    for at in range(0, 64, TOGETHER):
        used = np.flatnonzero(matrix[at : at + TOGETHER].any(axis=0))
        first, end = int(used[0]), int(used[-1]) + 1
        found.append((at, first, np.ascontiguousarray(matrix[at : at + TOGETHER, first:end])))
    return tuple(found)


def _transform(image: Floats) -> npt.NDArray[np.float64]:
    """The 16x16 low terms of the cosine transform, without the constant one."""
    return _COSINES @ image.astype(np.float64) @ _COSINES.T


def _quality(image: Floats) -> int:
    """How much the 64x64 neighbours differ: 0 flat, 100 rich. Each difference is cut to a whole hundredth."""
    hundred, most = np.float32(100), np.float32(255)
    down = ((image[:-1] - image[1:]) * hundred / most).astype(np.int32)
    across = ((image[:, :-1] - image[:, 1:]) * hundred / most).astype(np.int32)
    return min(100, int(np.abs(down).sum() + np.abs(across).sum()) // 90)


def _packed(terms: npt.NDArray[np.float64], quality: int) -> Pdq:
    """One bit for each term above the median, the last term first."""
    flat = terms.ravel()
    bits = np.packbits((flat > np.partition(flat, 127)[127])[::-1]).tobytes()
    return Pdq(bits.hex(), bits, quality)
