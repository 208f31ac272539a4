"""The pixels of one decoded frame, whatever its colour mode, as PDQ wants them. For this room's `pictures`.

`views(frame)` gives the ways a frame is hashed. How transparency is treated: viewers put it on white or on
black, and other implementations drop it, so that list entries hold any of the three. A frame that has
transparent places is therefore hashed three times: on white (which is called "as shown"), on black, and bare.
The file's colour profile is not applied: nobody's hashes are made with it.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from safehold.screening.hashing.pdq import Floats, shrink

ORIENTATION = 0x0112  # the EXIF tag
DRAFTS = (1, 2, 4, 8)  # how many times smaller a JPEG can be decoded, on each side
ON_BLACK, BARE, STORED = "on_black", "bare", "stored"

# What the EXIF orientation asks of the stored pixels: rows reversed, columns reversed, then the axes swapped.
_TURNS = {
    2: (False, True, False), 3: (True, True, False), 4: (True, False, False), 5: (False, False, True),
    6: (True, False, True), 7: (True, True, True), 8: (False, True, True),
}  # fmt: skip
_WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")


@dataclass(frozen=True)
class View:
    """One way to look at a frame: `turned` as in FrameHash, and the picture filtered to 64x64."""

    turned: str
    image: Floats


def views(frame: Image.Image, orientation: int, full: tuple[int, int] | None = None) -> list[View]:
    """Every way that this frame is hashed, the frame as shown first. Decodes it, so it raises what Pillow raises.

    `orientation` is that of the frame before it was decoded; `full` the width and height of a JPEG that is decoded
    small.
    """
    flat = _flat(frame)
    shown_by, stored_by = _turns(frame, orientation)
    ways = [("", shown_by)]
    if flat.mode == "RGBA":
        ways += [(ON_BLACK, shown_by), (BARE, shown_by)]
    if stored_by != shown_by:
        ways.append((STORED, stored_by))
    return [View(turned, _shrunk(flat, turned, turn, full or flat.size)) for turned, turn in ways]


def shown(frame: Image.Image, orientation: int) -> Floats:
    """The frame as shown alone: the cheap look by which scenes of an animation are told apart."""
    flat = _flat(frame)
    return _shrunk(flat, "", _turns(frame, orientation)[0], flat.size)


def _turns(frame: Image.Image, orientation: int) -> tuple[int, int]:
    """What the decoded pixels need to be as shown, and as stored. Pillow turns a TIFF by itself, and no other."""
    if frame.format == "TIFF":
        return 1, {6: 8, 8: 6}.get(orientation, orientation)
    return orientation, 1


def orientation_of(frame: Image.Image) -> int:
    """The EXIF orientation from 1 to 8; 1 where it is absent or broken."""
    try:
        value = frame.getexif().get(ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError, LookupError, TypeError, ArithmeticError, AttributeError):
        return 1
    return value if value in _TURNS else 1


def sides(picture: Image.Image) -> tuple[int, int]:
    """Width and height as shown, of a picture that is not decoded yet."""
    swapped = orientation_of(picture) >= 5 and picture.format != "TIFF"
    return (picture.height, picture.width) if swapped else picture.size


def _shrunk(flat: Image.Image, turned: str, orientation: int, full: tuple[int, int]) -> Floats:
    """64x64, turned by reversing and swapping the filter's matrices instead of the pixels."""
    upside, mirror, swap = _TURNS.get(orientation, (False, False, False))
    plain = _opaque(flat, turned)

    def rows(first: int, end: int) -> Floats:
        luma: Floats = np.asarray(plain.crop((0, first, plain.width, end)).convert("F"))
        return luma

    width, height = full
    fits = [scale for scale in DRAFTS if (-(-width // scale), -(-height // scale)) == flat.size]
    if not fits:
        raise ValueError("the decoder gave another size than it announced")
    image = shrink(rows, height, width, blocks=fits[0], upside=upside, mirror=mirror)
    return image.T if swap else image


def _opaque(flat: Image.Image, turned: str) -> Image.Image:
    """The frame without transparency, as its view has it."""
    if flat.mode != "RGBA":
        return flat
    if turned == BARE:
        return flat.convert("RGB")
    ground = Image.new("RGB", flat.size, "black" if turned == ON_BLACK else "white")
    ground.paste(flat, mask=flat.getchannel("A"))
    return ground


def _flat(frame: Image.Image) -> Image.Image:
    """The frame as L, RGB, F or (only where something is transparent) RGBA."""
    frame.load()
    if frame.mode in _WITH_ALPHA or frame.has_transparency_data:
        whole = frame if frame.mode == "RGBA" else frame.convert("RGBA")
        return whole if whole.getchannel("A").getextrema() != (255, 255) else whole.convert("RGB")
    if frame.mode in ("RGB", "L"):
        return frame
    if frame.mode.startswith("I") or frame.mode == "F":
        return Image.fromarray(_deep(np.asarray(frame)))
    if frame.mode == "LAB":
        return _from_lab(frame)
    return frame.convert("L" if frame.mode == "1" else "RGB")


def _from_lab(frame: Image.Image) -> Image.Image:
    """By fixed profiles, not those of the file."""
    from PIL import ImageCms

    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    colours = ImageCms.profileToProfile(frame, *profiles, outputMode="RGB")
    if colours is None:
        raise ValueError("the colours cannot be converted")
    return colours


def _deep(values: np.ndarray) -> Floats:
    """Grey of more than 8 bits brought to 0-255, as viewers show it: 16 bits lose the lower 8."""
    if values.dtype.kind == "u":
        return (values >> 8).astype(np.float32)
    most = float(np.nanmax(values, initial=0))
    real = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=255.0, neginf=0.0)
    if values.dtype.kind == "i":
        scale = 1.0 if most <= 255 else 1 / 256 if most <= 65535 else 255 / most
    else:
        scale = 255.0 if most <= 1 else 1.0 if most <= 255 else 255 / most
    return np.clip(real * np.float32(scale), 0, 255)
