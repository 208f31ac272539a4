"""The unblurred picture that a person is given: encoded anew, without metadata, the viewer's mark all over it.

`render(chunks, mark)` is for this room. The file is also the child's program (`sandbox`), which imports
nothing of ours. A moving picture keeps all of its frames: what is shown is the whole file, made smaller
where it is large.
"""

import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

MAX_BYTES = 64 * 1024 * 1024  # of the picture file
MAX_PIXELS = 50_000_000  # of one frame as it is stored
MAX_FRAMES = 2_000
MAX_MEMORY = 1536 * 1024 * 1024  # bytes of the child's address space, where the system allows the limit
SECONDS = 30
LONGEST = 2048  # pixels on the longer side of the result
EXACT = 1_000_000  # pixels up to which a still is shown without loss
BUDGET = 60_000_000  # pixels of all frames of the result
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
NOT_A_PICTURE = 3


def render(chunks: Iterable[bytes], mark: str) -> bytes:
    """The picture with `mark` over it: PNG where it is small and still, else WebP. Raises sandbox.NoPicture."""
    from safehold.evidence import sandbox

    out = sandbox.run(Path(__file__).resolve(), chunks, mark[:60], most=MAX_BYTES, seconds=SECONDS)
    if type_of(out) == "":
        raise sandbox.NoPicture("decoding failed")
    return out


def type_of(picture: bytes) -> str:
    """The media type of what `render` gave; empty for anything else."""
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP" else ""


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


def _marked(picture: "Image.Image", tile: "Image.Image") -> "Image.Image":
    """The frame, flat, with the tile laid over all of it."""
    from PIL import Image

    flat = Image.new("RGB", picture.size, (128, 128, 128))  # where it was transparent
    flat.paste(picture, mask=picture.getchannel("A"))
    for top in range(0, flat.height, tile.height):
        for left in range(0, flat.width, tile.width):
            flat.paste(tile, (left, top), tile)
    return flat


def _tile(mark: str, size: tuple[int, int]) -> "Image.Image":
    """The mark once, slanted, light with a dark edge, so that it shows on every ground."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(max(12, min(size) // 18))
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).textbbox((0, 0), mark, font=font, stroke_width=1)
    plain = Image.new("RGBA", (int(right - left) + 24, int(bottom - top) + 24), (0, 0, 0, 0))
    ImageDraw.Draw(plain).text(
        (12 - left, 12 - top), mark, font=font, fill=(255, 255, 255, 96), stroke_width=1, stroke_fill=(0, 0, 0, 96)
    )
    return plain.rotate(24, expand=True)


def _main() -> int:
    from PIL import Image, ImageFile, ImageFont, ImageOps, ImageSequence, UnidentifiedImageError

    Image.init()
    ImageFont.load_default(12)
    _limit()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        source: Image.Image = Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=FORMATS)
    except UnidentifiedImageError:
        return NOT_A_PICTURE
    frames = getattr(source, "n_frames", 1)
    if source.width * source.height > MAX_PIXELS or frames > MAX_FRAMES:
        return NOT_A_PICTURE
    scale = min(1, LONGEST / max(source.size), (BUDGET / (frames * source.width * source.height)) ** 0.5)
    done: list[Image.Image] = []
    pauses: list[int] = []
    tile = None
    for frame in ImageSequence.Iterator(source):
        pauses.append(int(frame.info.get("duration", 100) or 100))
        upright = ImageOps.exif_transpose(frame).convert("RGBA")
        small = upright.resize([max(1, round(side * scale)) for side in upright.size], Image.Resampling.LANCZOS)
        tile = tile or _tile(sys.argv[1], small.size)
        marked = _marked(small, tile)
        done.append(Image.frombytes("RGB", marked.size, marked.tobytes()))  # no metadata or profile comes along
    more = {"save_all": True, "append_images": done[1:], "duration": pauses, "loop": 0} if len(done) > 1 else {}
    out = io.BytesIO()
    if not more and done[0].width * done[0].height <= EXACT:
        done[0].save(out, "PNG", compress_level=1)
    else:
        done[0].save(out, "WEBP", quality=88, method=2, **more)
    sys.stdout.buffer.write(out.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(_main())
