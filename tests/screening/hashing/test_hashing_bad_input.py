"""What bad files get. The table below is the one of docs/screening-bad-input.md, and a test holds the two together.

No row may say less than what happened: either all of a file was hashed, or there is a reason.
"""

import functools
import hashlib
import io
import os
import signal
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from safehold.screening.hashing import process
from safehold.screening.hashing.sandbox import CannotScreen, Decoders, Limits, NotScreened
from safehold.screening.hashing.types import FileHashes
from tests.screening.hashing import made

PAGE = Path(__file__).parents[3] / "docs" / "screening-bad-input.md"
SMALL = made.waves(120, 160, 3)


@dataclass(frozen=True)
class Case:
    """One kind of bad file, and what it gets. `hashed`: how many hashes, 0 for none."""

    name: str
    make: Callable[[], bytes]
    kind: str
    hashed: int
    reason: NotScreened | None
    world: str = ""  # "bare": without extras; "hangs" and "crashes": with such a decoder; "small": small limits


def jpeg() -> bytes:
    return made.encoded(SMALL, "JPEG")


def png() -> bytes:
    return made.encoded(SMALL, "PNG")


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(width: int, height: int, data: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def png_bomb() -> bytes:
    line, packer = bytes(2501), zlib.compressobj(9)
    return png_of(20_000, 20_000, b"".join(packer.compress(line) for _ in range(20_000)) + packer.flush())


def png_with(*chunks: bytes) -> bytes:
    whole = png()
    return whole[:33] + b"".join(chunks) + whole[33:]


def text_bomb() -> bytes:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(300)) + packer.flush()
    return png_with(chunk(b"zTXt", b"Comment\x00\x00" + packed))


def profile_bomb() -> bytes:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(300)) + packer.flush()
    return png_with(chunk(b"iCCP", b"profile\x00\x00" + packed))


def wrong_checksum() -> bytes:
    whole = bytearray(png())
    whole[30] ^= 0xFF  # of the header
    return bytes(whole)


@functools.cache
def moving(count: int) -> bytes:
    """A GIF whose every frame sets one and the same pixel."""
    first = Image.fromarray(SMALL).quantize(64)
    whole = made.encoded(first, "GIF")
    assert whole[-1:] == b";"
    frame = b"\x21\xf9\x04\x04\x01\x00\x00\x00" + b","
    step = frame + struct.pack("<HHHHB", 5, 5, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return whole[:-1] + step * (count - 1) + b";"


def growing() -> bytes:
    """A GIF whose second frame says that it is far larger than the picture."""
    whole = made.encoded(Image.fromarray(SMALL).quantize(64), "GIF")
    return whole[:-1] + b"," + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x02\x02\x44\x01\x00;"


def animation_cut() -> bytes:
    images = [Image.fromarray(made.noise(100, 100, seed)) for seed in range(6)]
    whole = made.encoded(images[0], "GIF", save_all=True, append_images=images[1:])
    return whole[: len(whole) * 6 // 10]


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("gradient 1.jpg", jpeg())
    return out.getvalue()


def film() -> bytes:
    from tests.screening.hashing.test_hashing_films import film as make

    return make(seconds=2)


def tiff_in_a_circle() -> bytes:
    """A TIFF whose next directory is its first one."""
    whole = bytearray(made.encoded(SMALL, "TIFF"))
    (first,) = struct.unpack_from("<I", whole, 4)
    (count,) = struct.unpack_from("<H", whole, first)
    struct.pack_into("<I", whole, first + 2 + 12 * count, first)
    return bytes(whole)


def jpeg_of(width: int, height: int) -> bytes:
    """Its header says so; its data are of a small picture."""
    whole = bytearray(jpeg())
    at = whole.index(b"\xff\xc0")
    struct.pack_into(">HH", whole, at + 5, height, width)
    return bytes(whole)


def svg() -> bytes:
    return b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>'


WAV = (
    b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data"
)
MATROSKA = b"\x1aE\xdf\xa3" + made.noise(40, 40).tobytes()
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(400)
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"

N = NotScreened
CASES = (
    Case("0 bytes", lambda: b"", "other", 0, N.EMPTY),
    Case("1 byte", lambda: b"\xff", "other", 0, N.NOT_MEDIA),
    Case("text", lambda: b"placeholder message 3\n" * 50, "other", 0, N.NOT_MEDIA),
    Case("an archive that holds a picture", archive, "other", 0, N.NOT_MEDIA),
    Case("a PDF document", lambda: b"%PDF-1.7\n" + bytes(3000), "other", 0, N.NOT_MEDIA),
    Case("random bytes", lambda: made.noise(50, 50).tobytes(), "other", 0, N.NOT_MEDIA),
    Case("a playlist that names another file", lambda: PLAYLIST, "other", 0, N.NOT_MEDIA),
    Case("a list of films to join", lambda: b"ffconcat version 1.0\nfile /etc/hostname\n", "other", 0, N.NOT_MEDIA),
    Case("SVG", svg, "picture", 0, N.UNSUPPORTED_TYPE),
    Case("JPEG XL", lambda: b"\xff\x0a" + bytes(500), "picture", 0, N.UNSUPPORTED_TYPE),
    Case("sound", lambda: WAV + bytes(500), "other", 0, N.UNSUPPORTED_TYPE),
    Case("a picture of 1 pixel", lambda: made.encoded(SMALL[:1, :1]), "picture", 0, N.TOO_SMALL),
    Case("a picture of 400 by 4 pixels", lambda: made.encoded(made.noise(4, 400)), "picture", 0, N.TOO_SMALL),
    Case("a PNG of 400 million pixels", png_bomb, "picture", 0, N.BOMB),
    Case("a PNG that says 2,000,000,000 by 2", lambda: png_of(2_000_000_000, 2, b"x"), "picture", 0, N.BOMB),
    Case("a JPEG that says 65,500 by 65,500", lambda: jpeg_of(65_500, 65_500), "picture", 0, N.BOMB),
    Case("a GIF whose second frame is enormous", growing, "picture", 1, N.BOMB),
    Case("a GIF of 10,000 frames", lambda: moving(10_000), "picture", 1, N.FRAME_LIMIT),
    Case("a TIFF whose pages go in a circle", tiff_in_a_circle, "picture", 1, None),
    Case("a PNG with 300 MB of packed text", text_bomb, "picture", 1, N.TRUNCATED),
    Case("a PNG with 300 MB of colour profile", profile_bomb, "picture", 1, N.TRUNCATED),
    Case(
        "a colour profile that is none", lambda: made.encoded(SMALL, "JPEG", icc_profile=b"x" * 900), "picture", 1, None
    ),
    Case("half of a JPEG", lambda: jpeg()[: len(jpeg()) // 2], "picture", 1, N.TRUNCATED),
    Case("half of a PNG", lambda: png()[: len(png()) // 2], "picture", 1, N.TRUNCATED),
    Case("a GIF cut in its fourth frame", animation_cut, "picture", 4, N.TRUNCATED),
    Case("the first 30 bytes of a JPEG", lambda: jpeg()[:30], "picture", 0, N.DAMAGED),
    Case("a PNG whose header has a wrong checksum", wrong_checksum, "picture", 0, N.DAMAGED),
    Case("the signature of PNG and noise", lambda: png()[:8] + made.noise(20, 20).tobytes(), "picture", 0, N.DAMAGED),
    Case("the signature of GIF before a PNG", lambda: b"GIF89a" + png(), "picture", 0, N.BOMB),
    Case("a JPEG with an archive behind it", lambda: jpeg() + archive(), "picture", 1, None),
    Case("a JPEG with a film behind it", lambda: jpeg() + film(), "picture", 1, None),
    Case("the start of Matroska and noise", lambda: MATROSKA, "film", 0, N.DAMAGED),
    Case("half of a film", lambda: film()[: len(film()) // 2], "film", 0, N.DAMAGED),
    Case("more bytes than the limit", jpeg, "picture", 0, N.TOO_LARGE, "small"),
    Case("HEIC without the extra `heic`", lambda: HEIC, "picture", 0, N.NEEDS_EXTRA_HEIC, "bare"),
    Case("a film without the extra `video`", film, "film", 0, N.NEEDS_EXTRA_VIDEO, "bare"),
    Case("a picture whose decoder does not end", jpeg, "picture", 0, N.TIMEOUT, "hangs"),
    Case("a picture that crashes its decoder", jpeg, "picture", 0, N.CRASHED, "crashes"),
)
FAULTS = {
    "bare": 'sys.modules.update({"av": None, "pillow_heif": None})',
    "hangs": "time.sleep(60)",
    "crashes": "os.abort()",
}


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    with Decoders(1) as pool:
        yield pool


def of_a_faulty_decoder(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> FileHashes:
    text = process.PROGRAM.read_text(encoding="utf-8")
    text = text.replace("str(Path(__file__).resolve().parents[3])", repr(str(process.PROGRAM.parents[3])))
    mark = "    ends = time.monotonic() + job.seconds * EARLY\n"
    assert mark in text
    faulty = folder / "child.py"
    faulty.write_text(text.replace(mark, mark + f"    {FAULTS[case.world]}\n"))
    monkeypatch.setattr(process, "PROGRAM", faulty)
    monkeypatch.setattr(process, "walls", tuple)
    with Decoders(1, Limits(picture_time=2)) as pool:
        return pool.hash_bytes(case.make())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_it_gets(case: Case, decoders: Decoders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if case.name == "half of a film" or "film behind" in case.name or "extra `video`" in case.name:
        pytest.importorskip("av")
    data = case.make()
    if case.world == "small":
        with Decoders(1, Limits(picture_bytes=1000)) as pool:
            found = pool.hash_bytes(data)
    elif case.world:
        found = of_a_faulty_decoder(case, tmp_path, monkeypatch)
    else:
        found = decoders.hash_bytes(data)
    assert (found.kind, len(found.frames), found.not_screened) == (case.kind, case.hashed, case.reason), found.why
    assert bool(found.why) == (found.not_screened is not None), (
        "a reason comes with a sentence, and no sentence without"
    )
    assert found.digests.sha256 == hashlib.sha256(data).hexdigest()
    assert found.digests.size == len(data)


def test_the_next_file_is_not_touched_by_what_came_before(decoders: Decoders) -> None:
    for case in CASES:
        if not case.world and len(case.make()) < 100_000:
            decoders.hash_bytes(case.make())
    found = decoders.hash_bytes(png())
    assert (len(found.frames), found.not_screened) == (1, None)


def test_every_reason_has_a_row_or_a_test_of_its_own() -> None:
    elsewhere = {N.TOO_LONG}  # test_hashing_films
    assert {case.reason for case in CASES} | elsewhere == {*NotScreened, None}


def test_a_file_that_cannot_be_decoded_never_looks_clean() -> None:
    for case in CASES:
        assert case.reason is not None or case.hashed, f"{case.name}: no hash, and no reason why"


def test_an_endless_stream_is_refused() -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return b"\xff\xd8\xff" + bytes(size - 3)

    with Decoders(1, Limits(stream_bytes=5_000_000)) as pool, pytest.raises(CannotScreen) as told:
        pool.hash_file(Endless())
    assert told.value.reason is NotScreened.TOO_LARGE


def test_a_decoder_killed_in_the_middle_costs_no_file() -> None:
    large = made.encoded(made.noise(1600, 1600))
    with Decoders(1) as pool, ThreadPoolExecutor(1) as threads:
        pool.hash_bytes(png())
        (first,) = pool._pool._all
        under_way = threads.submit(pool.hash_bytes, large)
        while first.files != 2:
            time.sleep(0.001)
        os.killpg(first.pid, signal.SIGKILL)
        assert under_way.result(60).not_screened is None
        assert pool.hash_bytes(png()).not_screened is None


def table() -> str:
    """The rows as the page has them."""
    lines = ["| file | kind | hashes | reason |", "|---|---|---|---|"]
    for case in CASES:
        reason = f"`{case.reason}`" if case.reason else "screened"
        lines.append(f"| {case.name} | {case.kind} | {case.hashed or 'none'} | {reason} |")
    return "\n".join(lines)


def test_the_page_has_this_table() -> None:
    assert table() in PAGE.read_text(encoding="utf-8"), f"{PAGE.name} must hold:\n\n{table()}\n"
    assert all(f"`{reason}`" in PAGE.read_text(encoding="utf-8") for reason in NotScreened)
