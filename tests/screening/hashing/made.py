"""Pictures made of whole-number arithmetic, so that they are the same on every machine. For the tests of hashing."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
NET = 24  # meshes of the net on each side


def noise(height: int, width: int, seed: int = 1) -> Pixels:
    """Every pixel by itself."""
    at = np.arange(height * width * 3, dtype=np.uint64) + np.uint64(seed * 7_919_317)
    at = (at * np.uint64(374_761_393)) & np.uint64(0xFFFFFFFF)
    at = ((at ^ (at >> np.uint64(13))) * np.uint64(1_274_126_177)) & np.uint64(0xFFFFFFFF)
    return ((at >> np.uint64(16)) & np.uint64(255)).astype(np.uint8).reshape(height, width, 3)


def waves(height: int, width: int, seed: int = 1) -> Pixels:
    """Soft and rich in every direction, as a photograph of clouds is: a net of random colours, drawn out."""
    net = noise(NET + 1, NET + 1, seed).astype(np.int32)
    rows, down = np.divmod(np.arange(height) * NET * 256 // height, 256)
    columns, across = np.divmod(np.arange(width) * NET * 256 // width, 256)
    down, across = down.astype(np.int32)[:, None, None], across.astype(np.int32)[None, :, None]
    lines = (net[rows] * (256 - down) + net[rows + 1] * down) >> 8
    drawn = (lines[:, columns] * (256 - across) + lines[:, columns + 1] * across) >> 8
    return np.ascontiguousarray(drawn, np.uint8)


def shapes(height: int, width: int, seed: int = 1) -> Pixels:
    """Discs and boxes with hard edges on a plain ground."""
    picture = np.full((height, width, 3), 200, np.uint8)
    numbers = noise(40, 2, seed).astype(np.int64)
    down, across = np.arange(height)[:, None], np.arange(width)[None, :]
    for first, second in numbers:
        top, left, size = first[0] * height // 256, first[1] * width // 256, 2 + first[2] * min(height, width) // 900
        if second[0] % 2:
            inside = (down - top) ** 2 + (across - left) ** 2 < size * size
        else:
            inside = (abs(down - top) < size) & (abs(across - left) < 2 * size)
        picture[inside] = second
    return picture


def encoded(pixels: Pixels | Image.Image, kind: str = "PNG", **more: object) -> bytes:
    """The file of a picture."""
    out = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(out, kind, **more)
    return out.getvalue()
