"""From the bytes of a picture to its hashes. Decodes, so it belongs in a child process (`child`).

`hash_picture(file, limits)` is for this room. Every frame that is kept is hashed as it is shown and, where that
differs, as it is stored (EXIF orientation), on black and bare (transparency): see `pixels`.

Of an animation the first, middle and last frame are kept, and each frame whose hash is more than SCENE bits away
from the one kept before it. At most `limits.frames` frames are looked at and `limits.scenes` kept; what goes
beyond is told in `truncated`.

A file that breaks off is decoded a second time as browsers do, up to where it breaks: its frames are given and
`truncated` says so, because cutting off the last byte must not hide a picture. What else a file may hold behind
a picture (an archive, a film) is not looked at; only its digests cover it.
"""

import struct
import time
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError

from safehold.screening.hashing import pixels
from safehold.screening.hashing.pdq import MIN_QUALITY, SMALLEST, TURNS, distance, eight, of_64
from safehold.screening.hashing.sniffing import HEAD, PICTURE, sniff
from safehold.screening.hashing.types import CannotScreen, FrameHash, Limits, NotScreened, PictureHashes

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "ICO", "JPEG2000", "PPM")
LARGE = 2_500_000  # pixels above which a JPEG is decoded small
DRAFT = 768  # pixels that each side then keeps at least: natural pictures stay within 4 bits of full size
SCENE = 10  # bits by which a frame must differ from the one kept before it

# What Pillow's decoders raise on bad bytes, all told.
_BROKEN = (
    OSError, EOFError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RuntimeError,
    struct.error, zlib.error,
)  # fmt: skip
_TOO_MUCH = (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError)


def hash_picture(
    file: BinaryIO, limits: Limits, *, dihedral: bool = False, deadline: float | None = None
) -> PictureHashes:
    """The hashes of the picture in `file`; of all eight turns with `dihedral`.

    `deadline` is a time of time.monotonic(), by default `limits.picture_time` from now; an animation is broken
    off there. Raises CannotScreen where nothing can be hashed: NOT_MEDIA where no decoder knows the file.
    """
    ends = time.monotonic() + limits.picture_time if deadline is None else deadline
    with _guards(limits):
        try:
            strictly = _hashed(file, limits, dihedral, ends)
        except _TOO_MUCH:
            raise CannotScreen(NotScreened.BOMB, "the picture has more pixels than the limit") from None
        except _BROKEN as problem:
            return _what_can_be_read(file, limits, dihedral, ends, isinstance(problem, UnidentifiedImageError))
        if strictly.truncated is not NotScreened.TRUNCATED:
            return strictly
        try:
            loosely = _what_can_be_read(file, limits, dihedral, ends, False)
        except CannotScreen:
            return strictly
        return loosely if len(loosely.frames) >= len(strictly.frames) else strictly


def _what_can_be_read(file: BinaryIO, limits: Limits, dihedral: bool, ends: float, unknown: bool) -> PictureHashes:
    """The second time, without being strict. `unknown`: no decoder took the file the first time."""
    file.seek(0)
    kind, name = sniff(file.read(HEAD))
    if unknown and kind != PICTURE:
        raise CannotScreen(NotScreened.NOT_MEDIA, "no decoder of pictures knows this file") from None
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        got = _hashed(file, limits, dihedral, ends)
    except _TOO_MUCH:
        raise CannotScreen(NotScreened.BOMB, "the picture has more pixels than the limit") from None
    except UnidentifiedImageError:
        raise _not_decoded(name) from None
    except _BROKEN:
        raise CannotScreen(NotScreened.DAMAGED, f"the {name or 'picture'} cannot be decoded") from None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    why = "the file ends early or is damaged; what could be read is hashed"
    return PictureHashes(got.frames, got.width, got.height, got.format, got.truncated or NotScreened.TRUNCATED, why)


def _not_decoded(name: str) -> CannotScreen:
    """No decoder took what begins like a picture: its kind is not decoded here, or it is broken."""
    decoded = {"JPEG", "PNG", "GIF", "WebP", "AVIF", "BMP", "TIFF", "ICO", "JPEG 2000", "HEIC"}
    if name == "HEIC" and "HEIF" not in Image.OPEN:
        why = "HEIC needs the extra `heic` (pillow-heif), which is not installed"
        return CannotScreen(NotScreened.NEEDS_EXTRA_HEIC, why)
    if name in decoded:
        return CannotScreen(NotScreened.DAMAGED, f"the {name} cannot be decoded")
    return CannotScreen(NotScreened.UNSUPPORTED_TYPE, f"{name} is not decoded here")


@contextmanager
def _guards(limits: Limits) -> Iterator[None]:
    """Pillow's own limit, as an error."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = limits.declared_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _hashed(file: BinaryIO, limits: Limits, dihedral: bool, ends: float) -> PictureHashes:
    file.seek(0)
    _with_heif(file)
    file.seek(0)
    formats = (*FORMATS, "HEIF") if "HEIF" in Image.OPEN else FORMATS
    with Image.open(file, formats=formats) as picture:
        width, height = pixels.sides(picture)
        full = picture.size
        if picture.format in ("JPEG", "MPO") and width * height > LARGE:
            picture.draft(None, (DRAFT, DRAFT))
        _check_size(picture, limits)
        walk = _Walk(picture, full, limits, dihedral, ends)
        walk.go()
        return PictureHashes(tuple(walk.frames), width, height, picture.format or "", walk.truncated, walk.why)


def _with_heif(file: BinaryIO) -> None:
    """Let Pillow read HEIC where the extra is there, and only once such a file comes."""
    if "HEIF" in Image.OPEN or sniff(file.read(HEAD))[1] != "HEIC":
        return
    try:
        import pillow_heif
    except ImportError:
        return
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener(thumbnails=False)


def _check_size(picture: Image.Image, limits: Limits) -> None:
    if picture.width * picture.height > limits.pixels:
        raise CannotScreen(NotScreened.BOMB, f"the picture has more than {limits.pixels} pixels")
    if min(picture.size) < SMALLEST:
        raise CannotScreen(NotScreened.TOO_SMALL, f"the picture has under {SMALLEST} pixels on a side")


class _Walk:
    """Through the frames of a picture, of which most have one."""

    def __init__(
        self, picture: Image.Image, full: tuple[int, int], limits: Limits, dihedral: bool, ends: float
    ) -> None:
        self.picture, self.full, self.limits, self.dihedral, self.ends = picture, full, limits, dihedral, ends
        self.frames: list[FrameHash] = []
        self.truncated: NotScreened | None = None
        self.why = ""
        self._kept: bytes | None = None
        self._scenes = 0

    def go(self) -> None:
        count = max(1, int(getattr(self.picture, "n_frames", 1)))
        marked = {0, count // 2, count - 1}
        self._keep(0, pixels.orientation_of(self.picture))
        for at in range(1, min(count, self.limits.frames)):
            if not self._later(at, at in marked):
                return
        if count > self.limits.frames:
            self._stop(NotScreened.FRAME_LIMIT, f"the first {self.limits.frames} of {count} frames are hashed")

    def _later(self, at: int, marked: bool) -> bool:
        """The frame `at`; False where the walk ends there. What is wrong with it costs no earlier one."""
        if time.monotonic() > self.ends:
            self._stop(NotScreened.TIMEOUT, f"the first {at} frames are hashed; then time was up")
            return False
        try:
            self.picture.seek(at)
            _check_size(self.picture, self.limits)
            self._look(at, marked)
        except CannotScreen as problem:
            self._stop(problem.reason, f"frame {at}: {problem.message}")
        except _TOO_MUCH:
            self._stop(NotScreened.BOMB, f"frame {at} has more pixels than the limit")
        except _BROKEN:
            self._stop(NotScreened.TRUNCATED, f"the file is damaged from frame {at} on; the frames before are hashed")
        else:
            return True
        return False

    def _look(self, at: int, marked: bool) -> None:
        """Keep the frame if it is one of the three that always are, or a new scene."""
        orientation = pixels.orientation_of(self.picture)
        if not marked:
            found = of_64(pixels.shown(self.picture, orientation))
            same = self._kept is not None and distance(found.bits, self._kept) <= SCENE
            if same or found.quality < MIN_QUALITY:
                return
            if self._scenes >= self.limits.scenes:
                self._stop(NotScreened.FRAME_LIMIT, f"the first {self._scenes} scenes are hashed, and the last frame")
                return
            self._scenes += 1
        self._keep(at, orientation)

    def _keep(self, at: int, orientation: int) -> None:
        """Every view of the frame; one whose hash this frame has already is left out."""
        seen: set[str] = set()
        for view in pixels.views(self.picture, orientation, None if at else self.full):
            found = of_64(view.image)
            if not view.turned:
                self._kept = found.bits
            for name, one in (eight(view.image) if self.dihedral else {TURNS[0]: found}).items():
                turned = "+".join(part for part in (view.turned, "" if name == TURNS[0] else name) if part)
                if one.hex not in seen:
                    self.frames.append(FrameHash(at, one.hex, one.quality, turned))
                    seen.add(one.hex)

    def _stop(self, reason: NotScreened, why: str) -> None:
        if self.truncated is None:
            self.truncated, self.why = reason, why
