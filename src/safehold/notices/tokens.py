"""Tokens that open a statement of reasons or a letter without an account: computed, never stored.

Others use `service`. A token is the id and the first 16 bytes of an HMAC over what it opens and the id, in URL-safe
base64 (43 letters); one that opens a letter opens no statement.
"""

import base64
import binascii
import hmac
import secrets
import uuid

from django.conf import settings

from safehold.sealing.files import make_once

LENGTH = 43


def make(row_id: uuid.UUID, what: str = "statement") -> str:
    """The token of a statement, or of `what` else."""
    mark = hmac.digest(_key(), what.encode() + b"\0" + row_id.bytes, "sha256")[:16]
    return base64.urlsafe_b64encode(row_id.bytes + mark).decode().rstrip("=")


def read(token: str, what: str = "statement") -> uuid.UUID | None:
    """The id, where the token is one of ours. Compared in constant time."""
    if len(token) != LENGTH or not token.isascii():
        return None
    try:
        plain = base64.b64decode(token + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    row_id = uuid.UUID(bytes=plain[:16])
    return row_id if hmac.compare_digest(token, make(row_id, what)) else None


def _key() -> bytes:
    return make_once(settings.SAFEHOLD.keys / "statements.key", lambda: secrets.token_bytes(32))
