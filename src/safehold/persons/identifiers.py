"""Keyed digests of normal forms: equal for equal identifiers, useless without the key file.

Only this room calls it. The key is `<data>/keys/identifiers.key`; whoever loses it loses every match
with what is stored, so it is backed up with the other keys.
"""

import functools
import hmac
import secrets
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from safehold.persons import normal
from safehold.persons.models import Identifier
from safehold.sealing.files import make_once

KEY_FILE = "identifiers.key"
_NORMAL = {Identifier.Kind.EMAIL: normal.email, Identifier.Kind.PHONE: normal.phone}


def setup_key() -> None:
    """Make the key file where it is not there yet."""
    _key(settings.SAFEHOLD.keys / KEY_FILE)


def mac_of(kind: str, text: str) -> str:
    """HMAC-SHA256, in hex, of one identifier's kind and normal form. Raises BadIdentifier."""
    plain = f"{kind}:{_NORMAL[Identifier.Kind(kind)](text)}"
    return hmac.new(_key(settings.SAFEHOLD.keys / KEY_FILE), plain.encode(), "sha256").hexdigest()


def macs_of(emails: Iterable[str], phones: Iterable[str]) -> tuple[list[tuple[str, str]], int]:
    """(kind, digest) of every identifier that has a normal form, e-mails first, each once; and how many have none."""
    found: dict[tuple[str, str], None] = {}
    unusable = 0
    for kind, texts in ((Identifier.Kind.EMAIL, emails), (Identifier.Kind.PHONE, phones)):
        for text in texts:
            try:
                found[str(kind), mac_of(kind, text)] = None
            except normal.BadIdentifier:
                unusable += 1
    return list(found), unusable


@functools.lru_cache(maxsize=4)
def _key(path: Path) -> bytes:
    return make_once(path, lambda: secrets.token_bytes(32))
