"""Receipt codes: made from the form's one-time key, shown once, stored only as a hash.

Sixteen characters in groups of four, from an alphabet without look-alikes and vowels: 74 bits.
The same one-time key always gives the same code, so a resend gets the receipt that the first
answer lost; without the installation's key file nobody can compute a code from a one-time key.
"""

import hashlib
import hmac
import secrets
import unicodedata

from django.conf import settings

from safehold.sealing.files import make_once

ALPHABET = "23456789CDFGHJKMNPQRTVWXY"
LENGTH = 16
GROUP = 4


def code_for(scope: str, once_key: str) -> str:
    """The receipt code of a one-time key. `scope` keeps the keys of channels and hosts apart."""
    message = b"receipt\0" + scope.encode() + b"\0" + once_key.encode()
    number = int.from_bytes(hmac.digest(_key(), message, "sha256"))
    letters = []
    for _ in range(LENGTH):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "-".join("".join(letters[at : at + GROUP]) for at in range(0, LENGTH, GROUP))


def read(text: str) -> str | None:
    """A code as somebody typed it, brought to its one spelling; None where it cannot be a code."""
    if len(text) > 100:
        return None
    plain = unicodedata.normalize("NFKC", text).upper()
    letters = "".join(letter for letter in plain if letter.isalnum())
    if len(letters) != LENGTH or not set(letters) <= set(ALPHABET):
        return None
    return "-".join(letters[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def hash_of(code: str) -> str:
    """What is stored of a code. Unkeyed on purpose: receipts outlive a lost key file, and 74 bits cannot be tried."""
    return hashlib.sha256(b"safehold receipt\0" + code.encode()).hexdigest()


def _key() -> bytes:
    return make_once(settings.SAFEHOLD.keys / "receipts.key", lambda: secrets.token_bytes(32))
