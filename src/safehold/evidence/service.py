"""The vault's public face.

Keep: `preserve`. Look: `veiled`, `reveal`, `open_sealed`, `verify_body`; `viewed_whole` answers whether a
person saw the whole file unblurred. Hold: `place_hold`, `extend_hold`, `end_holds_due`, `end_hold_early`,
`holds_in_force`. Destroy: `destroy`, `sweep`. At start: `setup_keys`. Errors: see `errors`.

`open_sealed` and `veiled` commit the look before the first byte leaves and therefore refuse to run
inside the caller's transaction (RuntimeError from Django: a durable block cannot be nested).
"""

import hashlib
import logging
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import tink
from django.db import transaction
from django.utils import timezone
from tink.streaming_aead import StreamingAead

from safehold.audit import service as audit
from safehold.evidence import bodies, keys
from safehold.evidence.destruction import destroy, sweep
from safehold.evidence.errors import (
    Corrupt,
    Destroyed,
    EvidenceError,
    HoldInForce,
    NeedsSecondPerson,
    NoPrivateKey,
    NoPublicKey,
    NotAPicture,
    NotRevealed,
    UnknownEvidence,
    WouldShorten,
)
from safehold.evidence.holds import end_hold_early, end_holds_due, extend_hold, holds_in_force, place_hold
from safehold.evidence.keys import setup_keys
from safehold.evidence.models import KeyRow, Look, Sealed
from safehold.evidence.veil import MAX_BYTES, NoVeil, veil

__all__ = [
    "PURPOSES",
    "Corrupt",
    "Destroyed",
    "EvidenceError",
    "HoldInForce",
    "NeedsSecondPerson",
    "NoPrivateKey",
    "NoPublicKey",
    "NotAPicture",
    "NotRevealed",
    "UnknownEvidence",
    "WouldShorten",
    "destroy",
    "end_hold_early",
    "end_holds_due",
    "extend_hold",
    "holds_in_force",
    "open_sealed",
    "place_hold",
    "preserve",
    "reveal",
    "setup_keys",
    "sweep",
    "veiled",
    "verify_body",
    "viewed_whole",
]

log = logging.getLogger(__name__)

PURPOSES = {
    "review": Look.Kind.READ,
    "filing": Look.Kind.FILING,
    "hand_over": Look.Kind.HAND_OVER,
    "verify": Look.Kind.VERIFY,
}
CHUNK = 256 * 1024  # bytes that `open_sealed` yields at a time


def preserve(chunks: Iterable[bytes], *, media_type: str, file_name: str, about: str, actor: str) -> Sealed:
    """Encrypt and keep what `chunks` yields; returns its record with hashes of the plain content.

    Streams: at most a few megabytes are in memory. Needs the public key only. The record, the wrapped
    key and the act are written in one transaction at the end; where anything fails before that, the
    body is taken back and nothing was preserved. Every call makes a new object, also of equal content.
    """
    object_id = uuid.uuid4()
    key = keys.new_object_key()
    wrapped = keys.wrap(key, str(object_id))
    writer = bodies.Writer(object_id)
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in ("sha256", "md5", "sha1")}
    size = 0
    try:
        stream = key.primitive(StreamingAead).new_encrypting_stream(writer, object_id.bytes)
        for chunk in chunks:
            size += len(chunk)
            for digest in hashes.values():
                digest.update(chunk)
            stream.write(chunk)
        stream.close()
        with transaction.atomic():
            row = Sealed.objects.create(
                id=object_id,
                size=size,
                parts=writer.parts,
                media_type=_plain_text(media_type)[:100] or "application/octet-stream",
                file_name=_plain_text(file_name)[-255:],
                about=about,
                made_at=timezone.now(),
                **{name: digest.hexdigest() for name, digest in hashes.items()},
            )
            KeyRow.objects.create(sealed=row, wrapped=wrapped)
            audit.record("evidence.preserved", actor=actor, about=row, concerns=about, sha256=row.sha256, size=size)
    except BaseException:
        writer.discard()
        raise
    return row


def open_sealed(sealed_id: UUID | str, *, actor: str, purpose: str, about: str) -> Iterator[bytes]:
    """The plain content, streamed, its hash checked at the end. The look is on record when this returns.

    `purpose` is a key of PURPOSES. Raises UnknownEvidence, Destroyed, NoPrivateKey; for purpose "review"
    of anything but text NotRevealed, unless `actor` has called `reveal` before. While reading, Corrupt:
    then what came before must be thrown away.
    """
    if purpose not in PURPOSES:
        raise ValueError(f"Purpose {purpose!r} is not one of: {', '.join(PURPOSES)}.")
    row, key = _openable(sealed_id, act=f"evidence.{purpose}", actor=actor)
    if purpose == "review" and not _is_text(row) and not _revealed_by(row, actor):
        audit.refused("evidence.review", actor=actor, about=row, reason="not revealed")
        raise NotRevealed(f"{audit.ref(row)} must be revealed, on record, before it is shown unblurred.")
    with transaction.atomic(durable=True):
        _look(row, PURPOSES[purpose], actor=actor, purpose=purpose, about=about)
    return _plain(row, key)


def veiled(sealed_id: UUID | str, *, actor: str, about: str) -> bytes:
    """A small, blurred, grey, still PNG, made in a child process under limits, and the look recorded.

    Raises NotAPicture where there is nothing to show: other media, too large, broken, or hostile.
    """
    row, key = _openable(sealed_id, act="evidence.veiled", actor=actor)
    if row.size > MAX_BYTES:
        raise NotAPicture(f"{audit.ref(row)} is too large for a veiled picture.")
    try:
        picture = veil(_plain(row, key))
    except NoVeil as error:
        raise NotAPicture(f"{audit.ref(row)} has no veiled picture: {error}.") from None
    with transaction.atomic(durable=True):
        _look(row, Look.Kind.VEILED, actor=actor, purpose="review", about=about)
    return picture


def reveal(sealed_id: UUID | str, *, actor: str, about: str) -> Look:
    """Record that `actor` is shown the whole file unblurred; then stream it with `open_sealed`.

    Joins the caller's transaction. Refuses where the file could not be shown: Destroyed, NoPrivateKey,
    Corrupt (the body is not in the store), so that the record claims no look that cannot have been.
    """
    row, _key = _openable(sealed_id, act="evidence.reveal", actor=actor)
    if not bodies.exists(row.pk, row.parts):
        audit.refused("evidence.reveal", actor=actor, about=row, reason="body missing")
        raise Corrupt(f"The body of {audit.ref(row)} is not complete in the object store.")
    with transaction.atomic():
        return _look(row, Look.Kind.WHOLE, actor=actor, purpose="review", about=about)


def viewed_whole(sealed_id: UUID | str, *, before: datetime) -> bool:
    """Whether a person was shown the whole file unblurred before that time (design: invariant 8)."""
    return Look.objects.filter(sealed_id=sealed_id, kind=Look.Kind.WHOLE, at__lt=before).exists()


def verify_body(sealed_id: UUID | str, *, actor: str, about: str = "") -> None:
    """Read the object through and compare its hash. Raises Corrupt. Nothing of it leaves this function."""
    row = Sealed.objects.filter(pk=sealed_id).first()
    try:
        for _chunk in open_sealed(sealed_id, actor=actor, purpose="verify", about=about):
            pass
    except Corrupt:
        audit.refused("evidence.verify", actor=actor, about=row or str(sealed_id), reason="corrupt")
        raise


def _openable(sealed_id: UUID | str, *, act: str, actor: str) -> tuple[Sealed, tink.KeysetHandle]:
    """The record and its open key; a refusal is noted and raised."""
    row = Sealed.objects.select_related("key_row").filter(pk=sealed_id).first()
    if row is None:
        raise UnknownEvidence(f"No evidence has the id {sealed_id}.")
    try:
        if row.destroyed_at is not None:
            raise Destroyed(f"{audit.ref(row)} was destroyed on {row.destroyed_at:%Y-%m-%d}.")
        keys.require_private()
        if not hasattr(row, "key_row"):
            raise Corrupt(f"The key of {audit.ref(row)} is missing though it was never destroyed on record.")
        return row, keys.unwrap(bytes(row.key_row.wrapped), str(row.pk))
    except EvidenceError as error:
        audit.refused(act, actor=actor, about=row, reason=type(error).__name__)
        raise


def _look(row: Sealed, kind: str, *, actor: str, purpose: str, about: str) -> Look:
    look = Look.objects.create(sealed=row, kind=kind, actor=actor, purpose=purpose, about=about, at=timezone.now())
    audit.record("evidence.looked", actor=actor, about=row, kind=str(kind), purpose=purpose, concerns=about)
    return look


def _plain(row: Sealed, key: tink.KeysetHandle) -> Iterator[bytes]:
    """Decrypt part by part. The cipher refuses a changed, reordered or shortened body; the hash seals the whole."""
    digest, size = hashlib.sha256(), 0
    try:
        stream: Any = key.primitive(StreamingAead).new_decrypting_stream(bodies.Reader(row.pk, row.parts), row.pk.bytes)
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            yield chunk
    except tink.TinkError:
        log.error("body of %s does not decrypt", audit.ref(row))
        raise Corrupt(f"The body of {audit.ref(row)} was changed or is incomplete.") from None
    if digest.hexdigest() != row.sha256 or size != row.size:
        log.error("body of %s does not match its record", audit.ref(row))
        raise Corrupt(f"{audit.ref(row)} decrypts, but is not what its record says.")


def _is_text(row: Sealed) -> bool:
    kind = row.media_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in ("application/json", "application/xml")


def _revealed_by(row: Sealed, actor: str) -> bool:
    return Look.objects.filter(sealed=row, kind=Look.Kind.WHOLE, actor=actor).exists()


def _plain_text(text: str) -> str:
    """Without control characters: a file name is somebody else's text."""
    return "".join(letter for letter in text if letter.isprintable())
