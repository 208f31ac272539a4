"""Entries to practise with: digests of pictures drawn here, which are gradients and nothing else.

Others in this package use `entry` and `picture`. The PDQ of an entry is random: a true one needs Safehold's hashing,
which this package shares nothing with, and may be given in its place.
"""

import hashlib
from typing import Any

SIDE = 16  # pixels
MEMBERS = {"42": "Member A", "43": "Member B", "101": "Member C"}
CLASSES = ("A1", "A2", "B1", "B2", None)


def picture(number: int) -> bytes:
    """Gradient `number` as a PGM file."""
    step = number % 251 + 1
    rows = (bytes((x * step + y * (number // 251 + 1)) % 256 for x in range(SIDE)) for y in range(SIDE))
    return f"P5 {SIDE} {SIDE} 255 #{number}\n".encode() + b"".join(rows)


def entry(number: int) -> dict[str, Any]:
    """Entry `number`: every tenth is a video, every hundredth has a fingerprint that nobody published."""
    drawn = picture(number)
    video = number % 10 == 9
    fingerprints: dict[str, str | None] = {
        "md5": hashlib.md5(drawn, usedforsecurity=False).hexdigest(),
        "sha1": hashlib.sha1(drawn, usedforsecurity=False).hexdigest(),
    }
    if video:
        fingerprints["tmk-pdqf"] = None  # large: a link stands in its place
    else:
        fingerprints["pdq"] = hashlib.sha256(drawn).hexdigest()
        fingerprints["pdna"] = hashlib.sha512(drawn).hexdigest()
    if number % 100 == 50:
        fingerprints["newhash"] = "00"
    return {
        "member": list(MEMBERS)[number % len(MEMBERS)],
        "id": f"{'video' if video else 'image'}{number}",
        "kind": "video" if video else "image",
        "classification": CLASSES[number % len(CLASSES)],
        "fingerprints": fingerprints,
    }
