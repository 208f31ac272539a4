"""What may stand on a list: fingerprints in their normal form, and what is refused. No database.

Others of this room call `Content` (what an entry says), `files` (a checked one from fingerprints), `merged`, `filled`,
`agree`, `id_or_none`.
Digests are lower-case hex. An entry is known again by its `identity`: the strongest fingerprint it came with.
"""

import hashlib
import re
from typing import Any
from uuid import UUID

import msgspec

from safehold.screening.errors import BadEntry, BadHash, Degenerate
from safehold.screening.hashing.pdq import degenerate
from safehold.screening.hashing.types import MIN_QUALITY

SHA256 = re.compile(r"[0-9a-f]{64}")
DIGITS = {"sha256": 64, "sha1": 40, "md5": 32, "pdq": 64}
NAMES = {"sha256": "SHA-256", "sha1": "SHA-1", "md5": "MD5", "pdq": "PDQ"}
HEX = {name: re.compile(rf"[0-9a-f]{{{digits}}}") for name, digits in DIGITS.items()}
# Of no bytes at all: every failed upload would hit these.
EMPTY_FILE = {name: hashlib.new(name, b"", usedforsecurity=False).hexdigest() for name in ("sha256", "sha1", "md5")}
FRAME = 32  # bytes of one PDQ hash
MEDIA = ("", "picture", "film")
LONGEST_CATEGORY, LONGEST_REF = 60, 100  # characters
DIGESTS = ("sha256", "sha1", "md5")
FILLED = ("media", "sha256", "sha1", "md5", "pdq", "frames", "category")  # what a second naming may add


class Content(msgspec.Struct, frozen=True):
    """What an entry says: of a file its fingerprints; of a link its scope and keyed digest; of a term its sealing."""

    identity: str
    ref: str = ""
    category: str = ""
    media: str = ""
    sha256: str = ""
    sha1: str = ""
    md5: str = ""
    pdq: str = ""
    frames: bytes | None = None
    scope: str = ""
    link: bytes | None = None
    sealed: bytes | None = None


def checked_sha256(text: str) -> str:
    """The hash in lower-case hex. Raises BadHash."""
    digest = text.strip().lower()
    if not SHA256.fullmatch(digest):
        raise BadHash("A SHA-256 is 64 hexadecimal digits.")
    return digest


def files(
    *,
    sha256: str = "",
    sha1: str = "",
    md5: str = "",
    pdq: str = "",
    frames: bytes = b"",
    quality: int | None = None,
    media: str = "",
    category: str = "",
    ref: str = "",
) -> Content:
    """The entry of one file. A PDQ that says nothing is left out, as long as something else is there to match.

    `frames` are PDQ hashes of 32 bytes, one for each second of a film. Raises BadHash; Degenerate for the digests of
    no bytes and where nothing else is left; BadEntry for what is no fingerprint at all.
    """
    sha256 = sha256 and _digest("sha256", sha256)
    sha1 = sha1 and _digest("sha1", sha1)
    md5 = md5 and _digest("md5", md5)
    pdq = pdq and _hex("pdq", pdq)
    if len(frames) % FRAME:
        raise BadHash(f"The frames of a film are PDQ hashes of {FRAME} bytes each; {len(frames)} bytes are none.")
    if not (sha256 or sha1 or md5 or pdq or frames):
        raise BadEntry("There is no fingerprint that could be matched.")
    if pdq and _why_not(pdq, quality):
        pdq = ""
    if frames:
        parts = (frames[at : at + FRAME] for at in range(0, len(frames), FRAME))
        frames = b"".join(part for part in parts if not degenerate(part))
    if not (sha256 or sha1 or md5 or pdq or frames):
        raise Degenerate("Its PDQ says nothing (a flat picture, or a quality under 50), and there is no other digest.")
    return Content(
        identity=_identity(sha256, sha1, md5, pdq, frames),
        ref=ref and checked_ref(ref),
        category=category and checked_category(category),
        media=media and _media(media),
        sha256=sha256,
        sha1=sha1,
        md5=md5,
        pdq=pdq,
        frames=frames or None,
    )


def checked_ref(text: str) -> str:
    """The source's own id, at most 100 printable characters. Raises BadEntry."""
    return _plain(text, "ref", LONGEST_REF)


def checked_category(text: str) -> str:
    """The source's category, at most 60 printable characters. Raises BadEntry."""
    return _plain(text, "category", LONGEST_CATEGORY)


def id_or_none(text: UUID | str) -> UUID | None:
    """An entry's id, or None where the text is none."""
    try:
        return UUID(str(text))
    except ValueError:
        return None


def agree(one: Content, other: Content) -> bool:
    """Whether two descriptions can be of the same file: they share a digest, and no digest of theirs differs."""
    pairs = [(getattr(one, name), getattr(other, name)) for name in DIGESTS]
    both = [a == b for a, b in pairs if a and b]
    return bool(both) and all(both)


def merged(old: Content, new: Content) -> Content:
    """What is known after the same entry was named again: of the same file, what either says; of another, the new."""
    same = old.identity == new.identity or agree(old, new)
    if not same or any(_differ(getattr(old, name), getattr(new, name)) for name in DIGESTS):
        return new if new.category else msgspec.structs.replace(new, category=old.category)
    return _with(old, {name: getattr(new, name) or getattr(old, name) for name in FILLED})


def filled(old: Content, new: Content) -> Content:
    """The old, and what it leaves open from the new: for a second line of the same file about the same entry."""
    return _with(old, {name: getattr(old, name) or getattr(new, name) for name in FILLED})


def _with(old: Content, said: dict[str, Any]) -> Content:
    both = msgspec.structs.replace(old, **said)
    if both.link is not None or both.sealed is not None:
        return both
    identity = _identity(both.sha256, both.sha1, both.md5, both.pdq, both.frames or b"")
    return msgspec.structs.replace(both, identity=identity)


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def _identity(sha256: str, sha1: str, md5: str, pdq: str, frames: bytes) -> str:
    """A SHA-256 bare (as it was before there were others), else with the name of its kind."""
    if sha256:
        return sha256
    if sha1:
        return f"sha1:{sha1}"
    if md5:
        return f"md5:{md5}"
    if pdq:
        return f"pdq:{pdq}"
    return f"frames:{hashlib.sha256(frames).hexdigest()}"


def _digest(kind: str, text: str) -> str:
    digest = _hex(kind, text)
    if digest and digest == EMPTY_FILE[kind]:
        raise Degenerate(f"The {NAMES[kind]} is that of a file without any bytes.")
    return digest


def _hex(kind: str, text: str) -> str:
    digest = text.strip().lower()
    if digest and not HEX[kind].fullmatch(digest):
        raise BadHash(f"{NAMES[kind]} has {DIGITS[kind]} hexadecimal digits; this is something else.")
    return digest


def _why_not(pdq: str, quality: int | None) -> str:
    if quality is not None and quality < MIN_QUALITY:
        return f"its quality is under {MIN_QUALITY}"
    return degenerate(bytes.fromhex(pdq))


def _media(text: str) -> str:
    media = text.strip().lower()
    if media not in MEDIA:
        raise BadEntry("The media of an entry is picture or film, or is left away.")
    return media


def _plain(text: str, name: str, longest: int) -> str:
    plain = text.strip()
    if len(plain) > longest or not plain.isprintable():
        raise BadEntry(f"The {name} is longer than {longest} characters, or holds control characters.")
    return plain
