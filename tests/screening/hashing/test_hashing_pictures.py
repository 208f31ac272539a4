"""From picture files to hashes: every colour mode, orientation, transparency, animation, large JPEG."""

import builtins
import io
import time
import warnings
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from safehold.screening.hashing import pdq as hashing
from safehold.screening.hashing import pictures
from safehold.screening.hashing.types import CannotScreen, FrameHash, Limits, NotScreened, PictureHashes
from tests.screening.hashing import made

LIMITS = Limits()
COLOURS = made.waves(240, 320, 6)


def read(data: bytes, limits: Limits = LIMITS, **more: Any) -> PictureHashes:
    return pictures.hash_picture(io.BytesIO(data), limits, **more)


def only(found: PictureHashes) -> FrameHash:
    (frame,) = found.frames
    return frame


def apart(one: str, pixels: made.Pixels) -> int:
    return hashing.distance(bytes.fromhex(one), hashing.pdq(pixels).bits)


def as_file(data: bytes) -> made.Pixels:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


# --- modes ---


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "ICO", "JPEG2000", "PPM"])
def test_every_format_hashes_as_its_pixels_do(kind: str) -> None:
    pixels = made.waves(256, 256, 6) if kind == "ICO" else COLOURS
    data = made.encoded(pixels, kind)
    found = read(data)
    frame = only(found)
    assert frame.pdq == hashing.pdq(as_file(data)).hex
    assert apart(frame.pdq, pixels) <= (16 if kind == "GIF" else 4)
    assert (found.width, found.height, found.format) == (pixels.shape[1], pixels.shape[0], kind)
    assert (found.truncated, frame.at, frame.turned) == (None, 0, "")


def converted(mode: str) -> Image.Image:
    whole = Image.fromarray(COLOURS)
    return whole.quantize(256) if mode == "P" else whole.convert(mode)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "PNG"), ("P", "PNG"), ("P", "GIF"), ("RGBA", "PNG"), ("LA", "PNG"), ("CMYK", "JPEG"), ("CMYK", "TIFF"),
     ("YCbCr", "JPEG"), ("YCbCr", "TIFF"), ("LAB", "TIFF"), ("L", "JPEG"), ("L", "TIFF")],
)  # fmt: skip
def test_every_colour_mode_matches_the_colours_it_shows(mode: str, kind: str) -> None:
    if mode == "LAB":
        from PIL import ImageCms

        lab = ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(
            Image.fromarray(COLOURS), ImageCms.createProfile("sRGB"), lab, outputMode="LAB"
        )
        assert image is not None
    else:
        image = converted(mode)
    frame = only(read(made.encoded(image, kind)))
    assert apart(frame.pdq, COLOURS) <= 16, "nowhere near half of the bits, as where a mode is misread"
    assert frame.quality >= hashing.MIN_QUALITY


def test_black_and_white_hashes_as_such() -> None:
    image = Image.fromarray(made.shapes(200, 200, 5)).convert("1", dither=Image.Dither.NONE)
    assert only(read(made.encoded(image))).pdq == hashing.pdq(np.asarray(image.convert("L"))).hex


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_lose_the_lower_eight(kind: str) -> None:
    grey = COLOURS[:, :, 1]
    deep = (grey.astype(np.uint16) << 8) | (made.noise(240, 320)[:, :, 0])
    assert only(read(made.encoded(Image.fromarray(deep), kind))).pdq == hashing.pdq(grey).hex


@pytest.mark.parametrize("scale", [1.0, 1 / 255, 257.0])
def test_floats_are_brought_to_the_same_range(scale: float) -> None:
    grey = COLOURS[:, :, 1].astype(np.float32)
    data = made.encoded(Image.fromarray(grey * np.float32(scale)), "TIFF")
    assert apart(only(read(data)).pdq, COLOURS[:, :, 1]) <= 4


@pytest.mark.parametrize(("scale", "kind"), [(1, np.int32), (256, np.int32), (100_000, np.int32)])
def test_whole_numbers_are_brought_to_the_same_range(scale: int, kind: type) -> None:
    grey = COLOURS[:, :, 1].astype(kind) * scale
    assert apart(only(read(made.encoded(Image.fromarray(grey), "TIFF"))).pdq, COLOURS[:, :, 1]) <= 4


def test_numbers_that_are_none_do_no_harm() -> None:
    grey = COLOURS[:, :, 1].astype(np.float32)
    grey[0, :8] = (np.nan, np.inf, -np.inf, -5, 0, 1, 2, 3)
    assert len(read(made.encoded(Image.fromarray(grey), "TIFF")).frames) == 1


# --- orientation ---


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_both_the_picture_as_shown_and_as_stored(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = made.encoded(Image.fromarray(COLOURS), kind, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    found = read(data)
    assert apart(found.frames[0].pdq, np.asarray(upright)) == 0
    assert (found.width, found.height) == upright.size
    if orientation == 1:
        assert len(found.frames) == 1
    else:
        assert [frame.turned for frame in found.frames] == ["", "stored"]
        stored = COLOURS if kind == "TIFF" else as_file(data)  # Pillow turns a TIFF while it reads it
        assert apart(found.frames[1].pdq, stored) == 0


@pytest.mark.parametrize("value", [0, 9, 77])
def test_an_orientation_that_does_not_exist_turns_nothing(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert only(read(made.encoded(Image.fromarray(COLOURS), "JPEG", exif=exif))).turned == ""


def test_broken_exif_turns_nothing() -> None:
    data = made.encoded(Image.fromarray(COLOURS), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff" + bytes(40))
    found = only(read(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found.pdq == hashing.pdq(as_file(data)).hex


# --- transparency ---


def with_holes() -> Image.Image:
    image = Image.fromarray(COLOURS).convert("RGBA")
    alpha = np.full((240, 320), 255, np.uint8)
    alpha[40:200, 60:250] = made.waves(160, 190, 3)[:, :, 0] // 2
    alpha[:60, 200:] = 0
    image.putalpha(Image.fromarray(alpha))
    return image


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparent_pictures_are_hashed_on_white_on_black_and_bare(kind: str) -> None:
    image = with_holes()
    more = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    found = read(made.encoded(image, kind, **more))
    assert [frame.turned for frame in found.frames] == ["", "on_black", "bare"]
    for frame, ground in zip(found.frames, (255, 0), strict=False):
        on = Image.new("RGB", image.size, (ground,) * 3)
        on.paste(image, mask=image.getchannel("A"))
        assert apart(frame.pdq, np.asarray(on)) == 0
    assert apart(found.frames[2].pdq, COLOURS) == 0


def test_a_picture_hidden_under_full_transparency_is_found_bare() -> None:
    image = Image.fromarray(COLOURS).convert("RGBA")
    image.putalpha(0)
    found = read(made.encoded(image))
    assert found.frames[0].quality == 0
    assert (found.frames[-1].turned, apart(found.frames[-1].pdq, COLOURS)) == ("bare", 0)


def test_a_palette_with_a_transparent_colour_is_seen() -> None:
    image = Image.fromarray(made.shapes(200, 200, 2)).quantize(16)
    data = made.encoded(image, "PNG", transparency=int(np.bincount(np.asarray(image).ravel()).argmax()))
    assert len(read(data).frames) == 3


def test_alpha_that_hides_nothing_changes_nothing() -> None:
    assert only(read(made.encoded(Image.fromarray(COLOURS).convert("RGBA")))).pdq == hashing.pdq(COLOURS).hex


# --- all eight turns ---


def test_the_eight_turns_come_on_request() -> None:
    found = read(made.encoded(COLOURS), dihedral=True)
    expected = {name.replace("original", ""): one.hex for name, one in hashing.dihedral(COLOURS).items()}
    assert {frame.turned: frame.pdq for frame in found.frames} == expected


# --- animation ---


def animation(kind: str, scenes: list[int], each: int) -> bytes:
    images = [Image.fromarray(made.waves(96, 128, seed)) for seed in scenes for _ in range(each)]
    for number, image in enumerate(images):  # a spot that moves, so that no encoder drops a frame
        image.paste((255, 255, 255), (number % 100, 2, number % 100 + 2, 4))
    more = {"lossless": True} if kind == "WEBP" else {}
    return made.encoded(images[0], kind, save_all=True, append_images=images[1:], duration=40, **more)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_first_middle_last_and_every_scene(kind: str) -> None:
    found = read(animation(kind, [1, 5, 9, 12], 6))
    assert [frame.at for frame in found.frames] == [0, 6, 12, 18, 23]
    for frame, seed in zip(found.frames, (1, 5, 9, 12, 12), strict=True):
        assert apart(frame.pdq, made.waves(96, 128, seed)) <= 24
    assert found.truncated is None


def test_a_scene_of_one_frame_is_not_missed() -> None:
    images = [Image.fromarray(made.waves(96, 128, 1))] * 31
    images = [image.copy() for image in images]
    images[7] = Image.fromarray(made.shapes(96, 128, 8))
    for number, image in enumerate(images):
        image.paste((255, 255, 255), (number, 2, number + 2, 4))
    found = read(made.encoded(images[0], "WEBP", save_all=True, append_images=images[1:], lossless=True))
    assert [frame.at for frame in found.frames] == [0, 7, 8, 15, 30]
    assert apart(found.frames[1].pdq, made.shapes(96, 128, 8)) <= 10


def test_beyond_the_limits_of_an_animation_it_is_told() -> None:
    data = animation("GIF", [1, 5, 9, 12], 6)
    few = read(data, Limits(frames=10))
    assert [frame.at for frame in few.frames] == [0, 6]
    assert (few.truncated, few.why) == (NotScreened.FRAME_LIMIT, "the first 10 of 24 frames are hashed")
    scenes = read(data, Limits(scenes=1))
    assert [frame.at for frame in scenes.frames] == [0, 6, 12, 23]
    assert scenes.truncated is NotScreened.FRAME_LIMIT


def test_an_animation_is_broken_off_when_its_time_is_up() -> None:
    found = read(animation("GIF", [1, 5], 6), deadline=time.monotonic() - 1)
    assert [frame.at for frame in found.frames] == [0]
    assert (found.truncated, "then time was up" in found.why) == (NotScreened.TIMEOUT, True)


def test_the_second_picture_of_a_file_is_hashed_too() -> None:
    first, second = Image.fromarray(made.waves(900, 1200, 1)), Image.fromarray(made.waves(600, 500, 9))
    data = made.encoded(first, "MPO", save_all=True, append_images=[second], quality=92)
    found = read(data)
    assert [frame.at for frame in found.frames] == [0, 1]
    assert apart(found.frames[1].pdq, np.asarray(second)) <= 4


# --- large JPEG ---


@pytest.mark.parametrize("size", [(3000, 4000), (2448, 3264), (1536, 2049)])
@pytest.mark.parametrize("kind", ["waves", "shapes"])
def test_a_large_jpeg_is_decoded_small_and_stays_within_four_bits(kind: str, size: tuple[int, int]) -> None:
    pixels = made.waves(*size, seed=4) if kind == "waves" else made.shapes(*size, seed=4)
    data = made.encoded(pixels, "JPEG", quality=88)
    with Image.open(io.BytesIO(data)) as picture:
        picture.draft(None, (pictures.DRAFT, pictures.DRAFT))
        assert min(picture.size) >= pictures.DRAFT
    found = read(data)
    assert apart(only(found).pdq, as_file(data)) <= 4
    assert (found.height, found.width) == size


def test_a_large_jpeg_that_is_turned_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = made.waves(1700, 2100, seed=3)
    found = read(made.encoded(Image.fromarray(pixels), "JPEG", exif=exif))
    assert (found.width, found.height) == (1700, 2100)
    assert apart(found.frames[0].pdq, np.ascontiguousarray(np.rot90(pixels, 3))) <= 4
    assert apart(found.frames[1].pdq, pixels) <= 4


def test_a_jpeg_up_to_the_bound_is_decoded_in_full() -> None:
    data = made.encoded(made.waves(1250, 2000, 2), "JPEG")
    assert only(read(data)).pdq == hashing.pdq(as_file(data)).hex


# --- extras ---


def test_heic_is_hashed_where_the_extra_is_there() -> None:
    heif = pytest.importorskip("pillow_heif")
    out = io.BytesIO()
    heif.from_pillow(Image.fromarray(COLOURS)).save(out, quality=90)
    found = read(out.getvalue())
    assert (found.format, apart(only(found).pdq, COLOURS) <= 6) == ("HEIF", True)


def test_heic_without_the_extra_is_told_as_not_screened(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "pillow_heif":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    Image.init()
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(CannotScreen, match="extra `heic`") as told:
        read(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(200))
    assert told.value.reason is NotScreened.NEEDS_EXTRA_HEIC


def test_pillow_is_left_as_it_was() -> None:
    from PIL import ImageFile

    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    read(made.encoded(COLOURS, "JPEG")[:4000])
    with pytest.raises(CannotScreen):
        read(b"placeholder message 3")
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
