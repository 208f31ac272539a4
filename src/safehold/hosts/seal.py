"""Sealing of small secrets with the installation's key file. Used by `keys` alone.

The key is `<data>/keys/secrets.key`, made on first use. Whoever has the database without that
file reads no secret. A sealed value opens only for the place (`host/name`) it was sealed for.
"""

import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from safehold.audit.keyfile import make_once

VERSION = b"\x01"  # AES-256-GCM, 12 bytes of nonce before the ciphertext


class CannotUnseal(Exception):
    """The sealed value does not open with this installation's key file: wrong file, or changed bytes."""


def seal(plain: str, place: str) -> bytes:
    """Encrypt `plain` so that it opens only for `place`."""
    nonce = secrets.token_bytes(12)
    return VERSION + nonce + AESGCM(_key()).encrypt(nonce, plain.encode(), place.encode())


def unseal(sealed: bytes, place: str) -> str:
    """The plain text. Raises CannotUnseal."""
    version, nonce, body = sealed[:1], sealed[1:13], sealed[13:]
    if version != VERSION:
        raise CannotUnseal(f"The secret {place} was sealed in a way this version does not know.")
    try:
        return AESGCM(_key()).decrypt(nonce, body, place.encode()).decode()
    except InvalidTag:
        raise CannotUnseal(
            f"The secret {place} does not open with {_path()}. Restore the key file that belongs to this"
            " database, or set the secret again."
        ) from None


def _path() -> Path:
    folder: Path = settings.SAFEHOLD.keys
    return folder / "secrets.key"


def _key() -> bytes:
    path = _path()
    key = make_once(path, lambda: secrets.token_bytes(32))
    if len(key) != 32:
        raise CannotUnseal(f"{path} holds {len(key)} bytes; a key has 32. Restore it from its backup.")
    return key
