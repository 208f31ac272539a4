"""The audit room's public face.

`record` writes one act inside the caller's transaction; `refused` notes a failed attempt;
`history` reads a thing's acts back. Sealing and verification stand in `chain`.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import connection, models
from django.utils import timezone

from safehold.audit.models import Detail, Entry, FailedAttempt


class NotInTransaction(RuntimeError):
    """An act must be recorded in the same transaction as the act itself."""


def ref(row: models.Model) -> str:
    """How the chain names a row: `case:0b9c…` (model name, primary key)."""
    return f"{row._meta.model_name}:{row.pk}"


def record(act: str, *, actor: str, about: models.Model | str, **details: Any) -> Entry:
    """Append one act to the record.

    `act` is `thing.verb` in the past tense; `actor` is `kind:id`; `about` a row or its ref.
    Details must be JSON (TypeError, ValueError) and may hold personal data: they are erasable, the entry is not.
    Raises NotInTransaction outside `transaction.atomic`.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction(f"audit.record({act!r}) was called outside the transaction of the act.")
    name = about if isinstance(about, str) else ref(about)
    body = json.loads(json.dumps(details, allow_nan=False))  # as the database will give it back
    salt = secrets.token_hex(16)
    entry = Entry.objects.create(at=timezone.now(), act=act, actor=actor, about=name, digest=digest_of(salt, body))
    Detail.objects.create(entry=entry, salt=salt, body=body)
    return entry


def refused(act: str, *, actor: str, about: models.Model | str, reason: str) -> None:
    """Note a failed attempt (forged signature, missing right, taken lease) in its own log."""
    name = about if isinstance(about, str) else ref(about)
    FailedAttempt.objects.create(at=timezone.now(), act=act, actor=actor, about=name, reason=reason[:200])


def history(about: models.Model | str) -> "models.QuerySet[Entry]":
    """Every recorded act about a row, oldest first."""
    name = about if isinstance(about, str) else ref(about)
    return Entry.objects.filter(about=name).select_related("detail").order_by("id")


def digest_of(salt: str, details: Mapping[str, Any]) -> str:
    """SHA-256 over the salt and the details' canonical JSON."""
    body = json.dumps(_settled(details), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(f"{salt}\n{body}".encode()).hexdigest()


def _settled(value: Any) -> Any:
    """Whole floats as integers: PostgreSQL's jsonb gives 1e16 and -0.0 back as the integers they are."""
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))
    if isinstance(value, Mapping):
        return {name: _settled(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_settled(inner) for inner in value]
    return value
