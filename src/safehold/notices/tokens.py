"""Tokens that open a statement of reasons without an account: computed, never stored. Others use `service`.

A token is the statement's id and the first 16 bytes of an HMAC over it, in URL-safe base64 (43 letters).
"""

import base64
import binascii
import hmac
import secrets
import uuid

from django.conf import settings

from safehold.sealing.files import make_once

LENGTH = 43


def make(statement_id: uuid.UUID) -> str:
    """The token of a statement."""
    mark = hmac.digest(_key(), b"statement\0" + statement_id.bytes, "sha256")[:16]
    return base64.urlsafe_b64encode(statement_id.bytes + mark).decode().rstrip("=")


def read(token: str) -> uuid.UUID | None:
    """The statement's id, where the token is one of ours. Compared in constant time."""
    if len(token) != LENGTH or not token.isascii():
        return None
    try:
        plain = base64.b64decode(token + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    statement_id = uuid.UUID(bytes=plain[:16])
    return statement_id if hmac.compare_digest(token, make(statement_id)) else None


def _key() -> bytes:
    return make_once(settings.SAFEHOLD.keys / "statements.key", lambda: secrets.token_bytes(32))
