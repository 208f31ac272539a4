"""Links and terms in the form that a list keeps: nobody reads them from a disk or a backup. No database.

Others call `link_key`, `seal_term`, `open_term` (as names of `lists`), `setup_key`, and within the room `link` and
`words`. Both rest on one key file, `<data>/keys/lists.key`: whoever loses it imports these lists anew.
"""

import functools
import hmac
import secrets
from pathlib import Path

import msgspec
from django.conf import settings

from safehold.screening.entries import Content, checked_category, checked_ref
from safehold.screening.errors import BadEntry
from safehold.screening.links.canonical import SCOPES, BadUrl, entry_form
from safehold.screening.links.keyed import Keyed
from safehold.screening.words.patterns import BadPattern
from safehold.screening.words.patterns import checked as checked_pattern
from safehold.screening.words.terms import BadTerm, Term, TermMatcher
from safehold.sealing import box
from safehold.sealing.files import make_once

KEY_FILE = "lists.key"
PLACE = "list-term"  # what sealed terms are bound to
_WANTED = {
    "term": "it has letters or digits, at most 200 characters, and none for control.",
    "pattern": "it is a regular expression of RE2, at most 1,000 characters, that an empty text does not hold.",
}


def key_file() -> Path:
    """Where the key stands that both rest on."""
    folder: Path = settings.SAFEHOLD.keys
    return folder / KEY_FILE


def setup_key() -> None:
    """Make the key file where it is missing."""
    _key(key_file())


def link_key() -> bytes:
    """The key of the digests of links (`links.keyed`), the same for ever: 32 bytes, made on first use."""
    return _derived(key_file(), "links")


def link(url: str, scope: str, *, category: str = "", ref: str = "") -> Content:
    """The entry of one link. Raises BadEntry, whose message holds nothing of the link."""
    scope = scope.strip().lower() or "exact"
    if scope not in SCOPES:
        raise BadEntry(f"The scope of a link is one of {', '.join(SCOPES)}.")
    for text in (category, ref):
        if "://" in text:
            raise BadEntry("The category or the ref is a link itself: it would be readable.")
    try:
        digest = _digests(link_key())(entry_form(url, scope))
    except (BadUrl, UnicodeError):
        raise BadEntry(f"It is no link that could be matched with the scope {scope}.") from None
    return Content(
        identity=f"{scope}:{digest.hex()}", ref=checked_ref(ref), category=checked_category(category), scope=scope,
        link=digest,
    )  # fmt: skip


def words(list_slug: str, *, term: str = "", pattern: str = "", category: str = "", ref: str = "") -> Content:
    """The entry of one term or pattern. Raises BadEntry, whose message holds nothing of either."""
    term = term.strip()
    if bool(term) == bool(pattern):
        raise BadEntry("An entry is either a term or a pattern.")
    kind, text = ("term", term) if term else ("pattern", pattern)
    try:
        if not text.isprintable():
            raise BadTerm
        if term:
            TermMatcher([Term(bytes(16), list_slug, term)])
        else:
            checked_pattern(pattern)
    except (BadTerm, BadPattern, UnicodeError):
        raise BadEntry(f"The {kind} cannot be matched: {_WANTED[kind]}") from None
    key = _derived(key_file(), "words")
    return Content(
        identity=f"{kind}:{hmac.new(key, f'{kind}:{text}'.encode(), 'sha256').hexdigest()}", ref=checked_ref(ref),
        category=checked_category(category), sealed=seal_term({kind: text}),
    )  # fmt: skip


def seal_term(said: dict[str, str]) -> bytes:
    """`{"term": ...}` or `{"pattern": ...}`, sealed for an entry of a list of terms."""
    return box.seal(key_file(), msgspec.json.encode(said), PLACE)


def open_term(sealed: bytes) -> dict[str, str]:
    """What `seal_term` sealed. Raises box.CannotUnseal."""
    plain = box.unseal(key_file(), bytes(sealed), PLACE)
    return msgspec.json.decode(plain, type=dict[str, str])


@functools.lru_cache(maxsize=4)
def _digests(key: bytes) -> Keyed:
    return Keyed(key)


@functools.lru_cache(maxsize=8)
def _derived(path: Path, use: str) -> bytes:
    return hmac.new(_key(path), f"safehold lists: {use}".encode(), "sha256").digest()


def _key(path: Path) -> bytes:
    return make_once(path, lambda: secrets.token_bytes(box.KEY_BYTES))
