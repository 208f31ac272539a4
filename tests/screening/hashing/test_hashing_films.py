"""Films: one hash a second, how they match, and what of them is not screened."""

import io
import itertools
import time
from fractions import Fraction

import numpy as np
import pytest

from safehold.screening.hashing import films
from safehold.screening.hashing import pdq as hashing
from safehold.screening.hashing.films import FilmMatch, match_film
from safehold.screening.hashing.sandbox import Decoders, Limits
from safehold.screening.hashing.types import CannotScreen, FilmHashes, FrameHash, NotScreened
from tests.screening.hashing import made

SHORT = ("mp4", "matroska", "avi", "webm", "mov", "mpegts")


def film(
    seconds: int = 3, kind: str = "mp4", rate: int = 8, size: tuple[int, int] = (96, 128), first: int = 0
) -> bytes:
    """A film with another picture each second."""
    av = pytest.importorskip("av")
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(kind, "mpeg4")
    out = io.BytesIO()
    with av.open(out, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt, stream.bit_rate = *size, "yuv420p", 3_000_000
        stream.codec_context.time_base = Fraction(1, rate)
        for number in range(seconds * rate):
            frame = av.VideoFrame.from_ndarray(made.waves(*size, seed=first + number // rate), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def read(data: bytes, limits: Limits | None = None, **more: float | bool) -> FilmHashes:
    pytest.importorskip("av")
    return films.hash_film(io.BytesIO(data), limits or Limits(), **more)  # type: ignore[arg-type]


def apart(frame: FrameHash, seed: int) -> int:
    return hashing.distance(bytes.fromhex(frame.pdq), hashing.pdq(made.waves(96, 128, seed)).bits)


@pytest.mark.parametrize("kind", SHORT)
def test_one_hash_a_second(kind: str) -> None:
    found = read(film(kind=kind))
    assert [round(frame.at, -2) for frame in found.frames] == [0, 1000, 2000]
    assert all(apart(frame, second) <= 31 for second, frame in enumerate(found.frames))
    assert all(apart(frame, second + 5) > 80 for second, frame in enumerate(found.frames))
    assert (found.width, found.height, found.truncated) == (128, 96, None)


def test_a_film_that_is_turned_is_hashed_both_ways() -> None:
    data = bytearray(film(seconds=1))
    at = data.index(b"tkhd") + 4 + 40
    one = (1 << 16).to_bytes(4, "big")
    data[at : at + 36] = (
        bytes(4) + one + bytes(4) + (-(1 << 16)).to_bytes(4, "big", signed=True) + bytes(16) + data[at + 32 : at + 36]
    )
    found = read(bytes(data))
    assert [frame.turned for frame in found.frames] == ["", "stored"]
    upright = np.ascontiguousarray(np.rot90(made.waves(96, 128, 0), 3))  # to the right, as telephones write it
    assert hashing.distance(bytes.fromhex(found.frames[0].pdq), hashing.pdq(upright).bits) <= 31
    assert apart(found.frames[1], 0) <= 31


def test_all_eight_turns_on_request() -> None:
    found = read(film(seconds=1), dihedral=True)
    assert {frame.turned for frame in found.frames} == {"", *hashing.TURNS[1:]}


def test_a_film_over_its_length_is_told() -> None:
    found = read(film(seconds=4), Limits(film_seconds=1))
    assert (len(found.frames), found.truncated) == (2, NotScreened.TOO_LONG)


def test_a_film_over_its_time_is_told() -> None:
    with pytest.raises(CannotScreen) as told:
        read(film(), deadline=time.monotonic() - 1)
    assert told.value.reason is NotScreened.TIMEOUT


def test_a_film_over_its_pixels_is_told() -> None:
    with pytest.raises(CannotScreen) as told:
        read(film(seconds=1), Limits(pixels=100))
    assert told.value.reason is NotScreened.BOMB


@pytest.mark.parametrize("kind", ["matroska", "avi", "mpegts"])
def test_a_film_that_ends_early_is_told_or_hashed_to_its_end(kind: str) -> None:
    data = film(seconds=8, kind=kind)
    found = read(data[: len(data) // 2])
    assert 3 <= len(found.frames) <= 6
    if kind == "matroska":  # the others state no length that is left when they are cut
        assert found.truncated is NotScreened.TRUNCATED


def test_through_the_sandbox() -> None:
    data = film()
    with Decoders(1) as pool:
        found = pool.hash_bytes(data)
        picture = pool.hash_bytes(made.encoded(made.waves(64, 64)))
    assert (found.kind, found.not_screened, len(found.frames)) == ("film", None, 3)
    assert found.frames == read(data).frames
    assert picture.kind == "picture", "one child does both"


# --- matching ---


def frames(*seeds: int, quality: int = 100) -> list[FrameHash]:
    return [FrameHash(1000 * at, hashing.pdq(made.waves(96, 128, seed)).hex, quality) for at, seed in enumerate(seeds)]


@pytest.mark.parametrize(
    ("query", "entry", "match"),
    [
        ((1, 2, 3, 4), (1, 2, 3, 4), (1, 1)), ((1, 2, 3, 4), (3, 4), (0.5, 1)), ((3, 4), (1, 2, 3, 4), (1, 0.5)),
        ((1, 2, 3, 4), (5, 6), (0, 0)), ((1, 1, 1, 2), (1,), (0.75, 1)), ((), (1,), (0, 0)), ((1,), (), (0, 0)),
    ],
)  # fmt: skip
def test_shares(query: tuple[int, ...], entry: tuple[int, ...], match: tuple[float, float]) -> None:
    assert match_film(frames(*query), frames(*entry)) == FilmMatch(*match)


def test_frames_of_low_quality_count_on_neither_side() -> None:
    assert match_film(frames(1, quality=49), frames(1)) == (0, 0)
    assert match_film(frames(1), frames(1, quality=49)) == (0, 0)
    assert match_film(frames(1, quality=49) + frames(2), frames(2)) == (1, 1)
    assert match_film(frames(1, quality=49), frames(1), quality=40) == (1, 1)


def test_the_radius_is_a_bound_that_belongs_to_it() -> None:
    (one,) = frames(1)
    bits = int(one.pdq, 16)
    for away, near in ((31, True), (32, False)):
        other = FrameHash(0, f"{bits ^ ((1 << away) - 1):064x}", 100)
        assert match_film([one], [other]) == ((1, 1) if near else (0, 0))
    assert match_film([one], [FrameHash(0, f"{bits ^ 7:064x}", 100)], radius=2) == (0, 0)


def test_a_frame_hashed_in_several_ways_counts_once() -> None:
    (one,), (other,) = frames(1), frames(2)
    ways = [one, FrameHash(0, other.pdq, 100, "stored"), FrameHash(1000, frames(3)[0].pdq, 100)]
    assert match_film(ways, [other]) == (0.5, 1)


def test_long_films_match_as_comparing_every_pair_does() -> None:
    hashes = [bytes(row) for row in made.noise(2600, 11).reshape(-1, 33)[:, :32]]
    query = [FrameHash(at, one.hex(), 100) for at, one in enumerate(hashes[:1300])]
    entry = [FrameHash(at, one.hex(), 100) for at, one in enumerate(hashes[1250:1400])]
    near = [
        (ours.at, theirs.at)
        for ours, theirs in itertools.product(query[1100:], entry)
        if hashing.distance(bytes.fromhex(ours.pdq), bytes.fromhex(theirs.pdq)) <= 31
    ]
    assert len(near) == 50
    assert match_film(query, entry) == (50 / 1300, 50 / 150)
