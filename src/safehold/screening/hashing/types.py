"""What hashing answers with, and the closed list of reasons why a file was not screened. Anybody may import it.

Plain records (msgspec Structs) that cross a process boundary as they are.
"""

import enum
from typing import Annotated

import msgspec

MIN_QUALITY = 50  # of 100; below it a PDQ says nothing, in a query as in a list entry
RADIUS = 31  # bits of 256 that two PDQ may differ in and still match


class NotScreened(enum.StrEnum):
    """Why a file, or a part of it, was not screened. Each is counted; none of them means clean."""

    EMPTY = "empty"  # no bytes
    TOO_LARGE = "too_large"  # more bytes than the limit
    TOO_SMALL = "too_small"  # under five pixels on a side: PDQ is not defined there
    TRUNCATED = "truncated"  # the file ends early; what was there is hashed
    DAMAGED = "damaged"  # of a known kind, but nothing of it can be decoded
    NOT_MEDIA = "not_media"  # text, archives, documents: nothing here knows them as a picture or film
    UNSUPPORTED_TYPE = "unsupported_type"  # media of a kind that is not decoded here
    BOMB = "bomb"  # more pixels or memory than the limit
    FRAME_LIMIT = "frame_limit"  # more frames or scenes than the limit; the first ones are hashed
    TOO_LONG = "too_long"  # a film longer than the limit; its beginning is hashed
    TIMEOUT = "timeout"  # decoding took too long; what was reached in time is hashed, if anything
    CRASHED = "crashed"  # the decoder ended without an answer
    NEEDS_EXTRA_HEIC = "needs_extra_heic"
    NEEDS_EXTRA_VIDEO = "needs_extra_video"


class CannotScreen(Exception):
    """Nothing of the file could be hashed: `reason`, and a sentence without content of the file."""

    def __init__(self, reason: NotScreened, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class DigestSet(msgspec.Struct, frozen=True):
    """Digests of all bytes of a file, in lower-case hexadecimal, and how many bytes they are of."""

    md5: str
    sha1: str
    sha256: str
    size: int


class Pdq(msgspec.Struct, frozen=True):
    """One perceptual hash: 64 hexadecimal digits as the reference prints them, the same as 32 bytes, quality 0-100."""

    hex: str
    bits: bytes
    quality: int


class FrameHash(msgspec.Struct, frozen=True):
    """The PDQ of one frame.

    `at`: the number of the frame in a picture (0 first), milliseconds from the start in a film.
    `turned`: empty for the frame as it is shown (on white where it is transparent); else how these pixels differ
    from that: "stored" (not turned as its EXIF data asks), "on_black" and "bare" (transparent places on black, or
    with the colours that lie under them), and the seven of `pdq.TURNS` where they were asked for.
    """

    at: Annotated[int, msgspec.Meta(ge=0)]
    pdq: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    quality: Annotated[int, msgspec.Meta(ge=0, le=100)]
    turned: Annotated[str, msgspec.Meta(max_length=40)] = ""


class PictureHashes(msgspec.Struct, frozen=True):
    """A picture's hashes. `truncated` tells why not all of it is hashed; None where all is."""

    frames: tuple[FrameHash, ...]
    width: int  # as shown
    height: int
    format: str  # Pillow's name: "JPEG", "PNG", ...
    truncated: NotScreened | None = None
    why: str = ""


class FilmHashes(msgspec.Struct, frozen=True):
    """A film's hashes, one frame a second. `truncated` as in PictureHashes."""

    frames: tuple[FrameHash, ...]
    width: int
    height: int
    format: str
    seconds: float  # hashed, from the start
    truncated: NotScreened | None = None
    why: str = ""


class FileHashes(msgspec.Struct, frozen=True):
    """All that is known of one file. The digests are always there, whatever decoding says.

    `not_screened` is None only where the whole file was hashed. With a reason there may still be frames: match
    them, and count the file as not screened all the same.
    """

    digests: DigestSet
    kind: str  # "picture", "film" or "other"
    frames: tuple[FrameHash, ...] = ()
    not_screened: NotScreened | None = None
    why: str = ""

    @property
    def usable(self) -> tuple[FrameHash, ...]:
        """The frames that near matching may use. None for a flat picture, which only its digests can match."""
        return tuple(frame for frame in self.frames if frame.quality >= MIN_QUALITY)


class Limits(msgspec.Struct, frozen=True):
    """What one file may cost. Beyond each of them a file is told as not screened, never as clean."""

    picture_bytes: int = 128 * 1024 * 1024
    film_bytes: int = 4 * 1024 * 1024 * 1024
    stream_bytes: int = 16 * 1024 * 1024 * 1024  # of a stream of unknown length; beyond, not even digests are told
    pixels: int = 100_000_000  # of a frame as it is decoded
    declared_pixels: int = 400_000_000  # of a JPEG before it is decoded small
    frames: int = 2_000  # of an animation that are looked at
    scenes: int = 256  # of an animation that are kept
    film_seconds: int = 2 * 60 * 60
    picture_time: float = 20.0  # seconds of decoding and hashing
    film_time: float = 300.0
    memory: int = 1536 * 1024 * 1024  # bytes of a child's address space
    files: int = 1_000  # after which a child is replaced
