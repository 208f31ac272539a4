"""PDQ: the bits and the quality of the reference, all eight turns, and list entries that are worthless."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from safehold.screening.hashing import pdq as hashing
from safehold.screening.hashing.digests import Digests, digests
from tests.screening.hashing import made

# What the reference implementation (through the package pdqhash 0.2.8) gives for pictures of `made`.
OF_THE_REFERENCE = {
    ("waves", 64, 64, 1): ("542cec35285f7b7e60254f9f4ee3c6256a68ead6a6d27c1aad989c92a54c2ab0", 100),
    ("waves", 120, 200, 2): ("0756dd7dbdc5ccf0640582d55933741601f3f86aad4ee7c79ab604e4702eb41c", 100),
    ("waves", 333, 257, 3): ("a4377fdb612162b615e69ca4db786d125974f2a0c09a921fae6d5c6330ea57a2", 100),
    ("waves", 1080, 1920, 4): ("7411e86080ad32b557bbce4f6d53d1d97173e0d5947e18b7c0ec403bda15c36a", 100),
    ("waves", 97, 1200, 5): ("facd5e58745beccba4fc0b7e9c503c96d4688b1585b085a968ecec2f432e2169", 100),
    ("noise", 64, 80, 1): ("ec49eddde549cbb939fe7bb750f63b61f0dc40e4302a0365152cf40a69004f66", 100),
    ("noise", 90, 300, 2): ("b89421a7d8a973968670abdc3cc769e2af6016ff1ba85863960a9405af7ae786", 100),
    ("noise", 300, 127, 7): ("dd1c1ea2a9350a6dbd3a1bd0c9a0646bac964ed7e6b51b0424ade05b8ef04f4f", 100),
    ("shapes", 200, 300, 1): ("ce2839cdcce9c657b8e9c1ccee5ad5bd6ccaf3279930298d61568c3238a38346", 100),
    ("shapes", 501, 333, 2): ("414d9eb54049b7bc906369bdd6d80b672d824a59ddbd5606b32d4496a5b986fc", 100),
    ("shapes", 720, 1280, 3): ("26354c1626eebcc9c0dd9326dc9ab379c93163a261e2f0c9e2e04d93b67db649", 100),
    ("shapes", 128, 129, 4): ("0517bf748ff478c9ce8b788397741176015c688ffec9efe31e700106100cfdad", 100),
}
TURNED = {  # of waves, 333 x 257, seed 3
    "original": "a4377fdb612162b615e69ca4db786d125974f2a0c09a921fae6d5c6330ea57a2",
    "rotate90": "86788d1af14ab128478c32f25251947e5c43b571becf2c4f423a6367d9351fe3",
    "rotate180": "f162d5713474c81c40b3360e8e2dc7b80c21580a95df38b5fb38f6c965fffd08",
    "rotate270": "d32d27b4a41f1b8312d99958070c3ed409361fdbeb9a86e5176fc9cd8c62b549",
    "flip_x": "a437802461219d4915e6635bdb78d6ed59740d5fc09a6de0ae6de39c30eab85d",
    "flip_y": "f1622a8e347437e340b3c9f18e2d78470c21a7f5954fc74af938093665bd02f7",
    "flip_plus1": "867873e5f14a4ed7478ccd0d52596b815c634a8ebecfd3b0423a9c98d937e01c",
    "flip_minus1": "d32dd94fa41fe47d12d967a7070cc12b0936e026eb9a793a176f36328c624ab6",
}


def picture(kind: str, height: int, width: int, seed: int) -> made.Pixels:
    pixels: made.Pixels = getattr(made, kind)(height, width, seed)
    return pixels


@pytest.mark.parametrize("which", OF_THE_REFERENCE, ids=str)
def test_bits_and_quality_are_those_of_the_reference(which: tuple[str, int, int, int]) -> None:
    found = hashing.pdq(picture(*which))
    assert (found.hex, found.quality) == OF_THE_REFERENCE[which]
    assert found.bits == bytes.fromhex(found.hex)
    assert int(found.hex, 16).bit_count() == 128


def test_all_eight_turns_are_those_of_the_reference() -> None:
    found = hashing.dihedral(made.waves(333, 257, 3))
    assert {name: one.hex for name, one in found.items()} == TURNED
    assert tuple(found) == hashing.TURNS
    assert {one.quality for one in found.values()} == {100}


def test_the_turns_are_the_hashes_of_turned_pictures() -> None:
    """Nearly: sampling is not quite symmetrical, in the reference neither."""
    pixels = made.waves(640, 640, 9)
    turned = {
        "rotate180": pixels[::-1, ::-1], "flip_x": pixels[::-1], "flip_y": pixels[:, ::-1],
        "flip_plus1": pixels.transpose(1, 0, 2), "flip_minus1": pixels[::-1, ::-1].transpose(1, 0, 2),
        "rotate90": np.rot90(pixels), "rotate270": np.rot90(pixels, 3),
    }  # fmt: skip
    found = hashing.dihedral(pixels)
    for name, one in turned.items():
        assert hashing.distance(found[name].bits, hashing.pdq(np.ascontiguousarray(one)).bits) <= 10, name
        assert hashing.distance(found[name].bits, found["original"].bits) > 60


@pytest.mark.parametrize("seed", range(40))
def test_against_the_reference_itself(seed: int) -> None:
    reference = pytest.importorskip("pdqhash")
    kind = ("waves", "noise", "shapes")[seed % 3]
    pixels = picture(kind, 64 + seed * 37 % 900, 64 + seed * 61 % 1100, seed)
    bits, quality = reference.compute(pixels)
    found = hashing.pdq(pixels)
    assert (found.bits, found.quality) == (np.packbits(bits).tobytes(), quality)


def plain(pixels: made.Pixels) -> np.ndarray:
    """The 64x64 picture as the specification describes it, one box at a time."""

    def box(line: np.ndarray, window: int) -> np.ndarray:
        ahead = (window + 2) // 2 - 1
        return np.array(
            [line[max(0, at - (window - 1 - ahead)) : at + ahead + 1].mean(axis=0) for at in range(len(line))]
        )

    luma = pixels.astype(np.float64) @ (0.299, 0.587, 0.114)
    down, across = ((side + 127) // 128 for side in luma.shape)
    for _ in range(2):
        luma = box(box(luma.T, across).T, down)
    at = [((np.arange(64) + 0.5) * side / 64).astype(int) for side in luma.shape]
    return luma[np.ix_(*at)]


@pytest.mark.parametrize("size", [(5, 5), (7, 300), (64, 64), (129, 65), (257, 128), (300, 411)])
def test_the_matrices_do_what_the_box_filters_do(size: tuple[int, int]) -> None:
    pixels = made.noise(*size, seed=4)
    rows, height, width = hashing._source(pixels)
    assert np.abs(hashing.shrink(rows, height, width) - plain(pixels)).max() < 0.001
    upside = hashing.shrink(rows, height, width, upside=True, mirror=True)
    assert np.abs(upside - plain(pixels[::-1, ::-1])).max() < 0.001


@given(height=st.integers(5, 400), width=st.integers(5, 400), seed=st.integers(0, 50))
@hypothesis_settings(max_examples=25, deadline=None)
def test_any_size_gives_a_hash_of_128_ones_at_most(height: int, width: int, seed: int) -> None:
    found = hashing.pdq(made.noise(height, width, seed))
    assert 0 <= found.quality <= 100
    assert int(found.hex, 16).bit_count() <= 128
    assert len(found.hex) == 64


def test_grey_pixels_hash_as_grey_colours_do() -> None:
    grey = made.waves(200, 300)[:, :, 1]
    colours = np.repeat(grey[:, :, None], 3, axis=2)
    assert hashing.pdq(grey).hex == hashing.pdq(colours).hex == hashing.pdq(grey.astype(np.float32)).hex


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 100), np.uint8), np.zeros((100, 4, 3), np.uint8), np.zeros((0, 0), np.uint8),
        np.zeros((50, 50, 4), np.uint8), np.zeros((50, 50, 3), np.float32), np.zeros(50, np.uint8),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="PDQ"):
        hashing.pdq(pixels)


def test_a_flat_picture_has_no_quality() -> None:
    assert hashing.pdq(np.full((300, 300, 3), 90, np.uint8)).quality == 0
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None], 256, axis=0)
    assert hashing.pdq(ramp).quality < hashing.MIN_QUALITY


# --- list entries ---


def ones(count: int) -> bytes:
    return ((1 << count) - 1).to_bytes(32, "big")


@pytest.mark.parametrize("count", [128 - 31, 100, 127, 128, 129, 128 + 31])
def test_entries_that_a_picture_could_match_are_kept(count: int) -> None:
    assert hashing.degenerate(ones(count)) == ""


@pytest.mark.parametrize(
    ("bits", "why"),
    [
        (ones(0), "equal"), (ones(256), "equal"), (ones(1), "1 of its bits"), (ones(128 - 32), "96 of its bits"),
        (ones(128 + 32), "160 of its bits"), (b"", "0 bytes"), (bytes(31), "31 bytes"), (bytes(33), "33 bytes"),
    ],
)  # fmt: skip
def test_entries_that_no_picture_can_match_are_told(bits: bytes, why: str) -> None:
    assert why in hashing.degenerate(bits)


def test_no_real_hash_is_within_the_radius_of_a_degenerate_entry() -> None:
    real = [bytes.fromhex(hexed) for hexed, _ in OF_THE_REFERENCE.values()]
    for count in (0, 50, 96, 160, 256):
        assert all(hashing.distance(one, ones(count)) > hashing.RADIUS for one in real)


# --- digests ---


@given(st.lists(st.binary(max_size=5000), max_size=8))
def test_digests_of_pieces_are_those_of_the_whole(pieces: list[bytes]) -> None:
    one = Digests()
    for piece in pieces:
        one.update(piece)
    data = b"".join(pieces)
    found = one.result()
    assert found == digests(memoryview(data)) == one.result()
    assert (found.md5, found.sha1) == (hashlib.md5(data).hexdigest(), hashlib.sha1(data).hexdigest())  # noqa: S324
    assert (found.sha256, found.size) == (hashlib.sha256(data).hexdigest(), len(data))
