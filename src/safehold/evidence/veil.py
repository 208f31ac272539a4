"""The veiled picture: small, blurred, grey and still, made in a child process (`sandbox`).

`veil(chunks)` is for this room. The file is also the child's program, which imports nothing of ours.
"""

import io
import sys
from collections.abc import Iterable
from pathlib import Path

MAX_BYTES = 32 * 1024 * 1024  # of the picture file
MAX_PIXELS = 50_000_000
MAX_MEMORY = 1024 * 1024 * 1024  # bytes of the child's address space, where the system allows the limit
SECONDS = 10
DETAIL = 40  # pixels on the longer side that survive: shapes and brightness, no faces
SHOWN = 320  # pixels on the longer side of the result
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
NOT_A_PICTURE = 3


def veil(chunks: Iterable[bytes]) -> bytes:
    """The veiled PNG of the picture in `chunks`. Raises sandbox.NoPicture."""
    from safehold.evidence import sandbox

    out = sandbox.run(Path(__file__).resolve(), chunks, most=MAX_BYTES, seconds=SECONDS)
    if not out.startswith(b"\x89PNG\r\n\x1a\n"):
        raise sandbox.NoPicture("decoding failed")
    return out


def _limit() -> None:
    """Take away what decoding does not need. A system that refuses a limit keeps the others."""
    import resource

    for name, value in (
        ("RLIMIT_AS", MAX_MEMORY),
        ("RLIMIT_CPU", SECONDS),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", 32),
    ):
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (AttributeError, ValueError, OSError):
            continue


def _main() -> int:
    from PIL import Image, ImageFile, ImageFilter, ImageOps, UnidentifiedImageError

    Image.init()
    _limit()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        picture: Image.Image = Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=FORMATS)
    except UnidentifiedImageError:
        return NOT_A_PICTURE
    if picture.width * picture.height > MAX_PIXELS:
        return NOT_A_PICTURE
    picture.draft("L", (SHOWN, SHOWN))  # JPEG only: decode small
    picture.seek(0)
    picture = ImageOps.exif_transpose(picture).convert("L")
    longer = max(picture.size)
    small = picture.resize([max(1, round(side * DETAIL / longer)) for side in picture.size], Image.Resampling.BOX)
    shown = small.resize([max(1, round(side * SHOWN / longer)) for side in picture.size], Image.Resampling.BICUBIC)
    shown = shown.filter(ImageFilter.GaussianBlur(SHOWN / DETAIL))
    bare = Image.frombytes("L", shown.size, shown.tobytes())  # no metadata, profile or palette comes along
    bare.save(sys.stdout.buffer, "PNG")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
