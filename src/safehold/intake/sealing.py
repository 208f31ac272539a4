"""Encryption of what reporters leave behind: AES-256-GCM under `<data>/keys/reporters.key`.

The row's name is bound in as associated data, so that no sealed text can be moved to another report.
"""

import os
import secrets
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from safehold.audit.keyfile import make_once

VERSION = b"\x01"


class Unreadable(Exception):
    """The sealed text does not open: another key file, or changed bytes."""


def seal(name: str, values: dict[str, Any]) -> bytes:
    """Encrypt `values` for the row called `name`."""
    nonce = os.urandom(12)
    return VERSION + nonce + _cipher().encrypt(nonce, msgspec.json.encode(values), name.encode())


def unseal(name: str, sealed: bytes) -> dict[str, Any]:
    """The values again. Raises Unreadable."""
    if sealed[:1] != VERSION:
        raise Unreadable(f"{name} is sealed in an unknown way.")
    try:
        plain = _cipher().decrypt(sealed[1:13], sealed[13:], name.encode())
    except InvalidTag:
        raise Unreadable(f"{name} does not open with this installation's reporters.key.") from None
    values: dict[str, Any] = msgspec.json.decode(plain)
    return values


def _cipher() -> AESGCM:
    return AESGCM(make_once(settings.SAFEHOLD.keys / "reporters.key", lambda: secrets.token_bytes(32)))
