"""What kind of thing an item is for showing: a picture, a film, sound, a text, or something no browser is given.

Types that a browser could run (SVG, HTML, PDF) are never shown inline.
"""

import json
from collections.abc import Iterable

from safehold.cases.models import CaseItem
from safehold.evidence.models import Sealed

PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/avif"})
FILMS = frozenset({"video/mp4", "video/webm", "video/ogg"})
SOUNDS = frozenset({"audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/webm"})
TEXT_SHOWN = 200_000  # characters


def type_of(sealed: Sealed) -> str:
    """The media type without its parameters."""
    return sealed.media_type.partition(";")[0].strip().lower()


def kind_of(row: CaseItem) -> str:
    """picture | film | sound | text | other | none (nothing in the vault)."""
    if row.body is None:
        return "text" if row.facts is not None else "none"
    name = type_of(row.body)
    for kind, types in (("picture", PICTURES), ("film", FILMS), ("sound", SOUNDS)):
        if name in types:
            return kind
    return "text" if name.startswith("text/plain") else "other"


def plain_text(chunks: Iterable[bytes]) -> str:
    """A text file's beginning, as text and nothing else."""
    return whole_text(chunks)[:TEXT_SHOWN]


def whole_text(chunks: Iterable[bytes]) -> str:
    """All of a text file that we made ourselves, whose length its host's answer bounds."""
    return b"".join(chunks).decode("utf-8", "replace")


def uses_of_context(chunks: Iterable[bytes]) -> list[dict[str, str]]:
    """From where and with what an item's account was used around it: what, for what, when, each as the host told it."""
    facts = json.loads(b"".join(chunks)).get("facts", {})
    addresses = [{"what": str(one["ip"]), "kind": "IP", **_use(one)} for one in facts.get("addresses", [])]
    return addresses + [{"what": one["value"], "kind": one["type"], **_use(one)} for one in facts.get("devices", [])]


def _use(one: dict[str, object]) -> dict[str, str]:
    return {"event": str(one.get("event") or ""), "at": str(one.get("at") or "")}


def text_of_facts(chunks: Iterable[bytes]) -> str:
    """The text of an item (a post, a message) out of the facts that were preserved with it."""
    facts = json.loads(b"".join(chunks)).get("facts", {})
    return str(facts.get("text", ""))[:TEXT_SHOWN]
