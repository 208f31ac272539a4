"""Small values encrypted under a key file: AES-256-GCM, bound to the place that they were sealed for.

Whoever has the database without the key file reads nothing, and a sealed value moved to another row
does not open there. Others may call `seal` and `unseal`.
"""

import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from safehold.sealing.files import make_once

VERSION = b"\x01"  # AES-256-GCM, 12 bytes of nonce before the ciphertext
KEY_BYTES = 32


class CannotUnseal(Exception):
    """The sealed value does not open with this installation's key file: wrong file, or changed bytes."""


def seal(key_file: Path, plain: bytes, place: str) -> bytes:
    """Encrypt `plain` under the key in `key_file` (made on first use), so that it opens only for `place`."""
    nonce = secrets.token_bytes(12)
    return VERSION + nonce + AESGCM(_key(key_file)).encrypt(nonce, plain, place.encode())


def unseal(key_file: Path, sealed: bytes, place: str) -> bytes:
    """The plain bytes. Raises CannotUnseal, naming place and file, never the content."""
    version, nonce, body = sealed[:1], sealed[1:13], sealed[13:]
    if version != VERSION:
        raise CannotUnseal(f"{place} was sealed in a way this version does not know.")
    try:
        return AESGCM(_key(key_file)).decrypt(nonce, body, place.encode())
    except InvalidTag:
        raise CannotUnseal(
            f"{place} does not open with {key_file}. Restore the key file that belongs to this database, "
            "or set the value again."
        ) from None


def _key(path: Path) -> bytes:
    key = make_once(path, lambda: secrets.token_bytes(KEY_BYTES))
    if len(key) != KEY_BYTES:
        raise CannotUnseal(f"{path} holds {len(key)} bytes; a key has {KEY_BYTES}. Restore it from its backup.")
    return key
