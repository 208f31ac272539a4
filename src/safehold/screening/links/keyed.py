"""Keyed digests of the forms of an address, so that nobody can read a list from a disk. Pure.

Others call `keyed`, or `Keyed(key)` for many. The digest is BLAKE2b with the installation's key, of 16 bytes, with
the scope as personalisation: without the key nobody can try out addresses, and the same text in two scopes has two
digests. At 60 million entries, two texts share a digest with a chance of about 5 in 10^24.
"""

from hashlib import blake2b

from safehold.screening.links.canonical import SCOPES, Form, Scope, entry_form

SIZE = 16  # bytes of a digest
SHORTEST_KEY, LONGEST_KEY = 32, 64  # bytes


class BadKey(ValueError):
    """The key is too short to keep a list secret, or longer than the digest takes."""


class Keyed:
    """Digests under one key. Safe for many threads."""

    def __init__(self, key: bytes) -> None:
        if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
            raise BadKey(f"The key of the link lists has {len(key)} bytes; it needs {SHORTEST_KEY} to {LONGEST_KEY}.")
        self._begun = {
            scope: blake2b(digest_size=SIZE, key=key, person=f"link:{scope}".encode("ascii")) for scope in SCOPES
        }

    def __call__(self, form: Form) -> bytes:
        """The digest of a form, SIZE bytes."""
        digest = self._begun[form.scope].copy()
        digest.update(form.text.encode())
        return digest.digest()

    def of_entry(self, url: str, scope: Scope) -> bytes:
        """What a list keeps of an address. Raises BadUrl."""
        return self(entry_form(url, scope))


def keyed(key: bytes, form: Form) -> bytes:
    """The digest of one form, SIZE bytes. Raises BadKey."""
    return Keyed(key)(form)
