"""Looking at what the vault keeps: every look is on record before its first byte leaves. Called through `service`.

A look says who, at what, for what, of which kind (veiled or unblurred), how many bytes were given and for
how long. `open_sealed`, `veiled` and `shown` commit the look first and therefore refuse to run inside the
caller's transaction (RuntimeError from Django: a durable block cannot be nested).
"""

import hashlib
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import tink
from django.db import transaction
from django.utils import timezone
from tink.streaming_aead import StreamingAead

from safehold.audit import service as audit
from safehold.evidence import bodies, keys, keystore
from safehold.evidence.errors import (
    Corrupt,
    Destroyed,
    EvidenceError,
    NotAPicture,
    NotRevealed,
    UnknownEvidence,
)
from safehold.evidence.grants import grant_for
from safehold.evidence.models import Look, Sealed
from safehold.evidence.sandbox import NoPicture
from safehold.evidence.shown import render
from safehold.evidence.veil import MAX_BYTES, veil

log = logging.getLogger(__name__)

PURPOSES = {
    "review": Look.Kind.READ,
    "filing": Look.Kind.FILING,
    "hand_over": Look.Kind.HAND_OVER,
    "verify": Look.Kind.VERIFY,
}
CHUNK = 256 * 1024  # bytes that `open_sealed` yields at a time
SHOWN_FOR = timedelta(minutes=10)  # after a reveal, unless it is covered before
BY_PEOPLE = (Look.Kind.VEILED, Look.Kind.WHOLE, Look.Kind.READ)


def open_sealed(sealed_id: UUID | str, *, actor: str, purpose: str, about: str) -> Iterator[bytes]:
    """The plain content, streamed, its hash checked at the end. The look is on record when this returns.

    `purpose` is a key of PURPOSES. Raises UnknownEvidence, Destroyed, NoPrivateKey; for purpose "review"
    of anything but text NotRevealed, unless `actor` has called `reveal` before. While reading, Corrupt:
    then what came before must be thrown away.
    """
    if purpose not in PURPOSES:
        raise ValueError(f"Purpose {purpose!r} is not one of: {', '.join(PURPOSES)}.")
    row, key = _openable(sealed_id, act=f"evidence.{purpose}", actor=actor)
    if purpose == "review" and not _is_text(row):
        _refuse_unrevealed(row, actor)
    with transaction.atomic(durable=True):
        look = _look(row, PURPOSES[purpose], actor=actor, purpose=purpose, about=about)
    return _counted(_plain(row, key), look)


def veiled(sealed_id: UUID | str, *, actor: str, about: str) -> bytes:
    """A small, blurred, grey, still PNG, made in a child process under limits, and the look recorded.

    Raises NotAPicture where there is nothing to show: other media, too large, broken, or hostile.
    """
    row, key = _openable(sealed_id, act="evidence.veiled", actor=actor)
    if row.size > MAX_BYTES:
        raise NotAPicture(f"{audit.ref(row)} is too large for a veiled picture.")
    try:
        picture = veil(_plain(row, key))
    except NoPicture as error:
        raise NotAPicture(f"{audit.ref(row)} has no veiled picture: {error}.") from None
    with transaction.atomic(durable=True):
        _look(row, Look.Kind.VEILED, actor=actor, purpose="review", about=about, sent=len(picture))
    return picture


def shown(sealed_id: UUID | str, *, actor: str, mark: str, about: str) -> bytes:
    """The unblurred picture (PNG or WebP), encoded anew in the sandboxed child: no metadata, `mark` all over it.

    Needs a reveal by `actor` (NotRevealed). Raises NotAPicture where it cannot be rendered; then the
    reveal did not show anything, and no longer counts as a view of the whole file (invariant 8).
    """
    row, key = _openable(sealed_id, act="evidence.review", actor=actor)
    _refuse_unrevealed(row, actor)
    try:
        picture = render(_plain(row, key), mark)
    except NoPicture as error:
        nothing_shown(row.pk, actor=actor)
        raise NotAPicture(f"{audit.ref(row)} cannot be shown: {error}.") from None
    with transaction.atomic(durable=True):
        _look(row, Look.Kind.READ, actor=actor, purpose="review", about=about, sent=len(picture))
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


def cover(sealed_id: UUID | str, *, actor: str) -> int:
    """The actor stopped looking: their reveals of the object end now. Returns how many did."""
    now = timezone.now()
    with transaction.atomic():
        open_ones = Look.objects.select_for_update().filter(
            sealed_id=sealed_id, actor=actor, kind=Look.Kind.WHOLE, ended_at=None
        )
        return sum(_end(look, min(now, look.at + SHOWN_FOR)) for look in open_ones)


def end_looks_due() -> int:
    """End the reveals whose ten minutes are over and that nobody covered. Returns how many."""
    due = Look.objects.filter(kind=Look.Kind.WHOLE, ended_at=None, at__lt=timezone.now() - SHOWN_FOR)
    ended = 0
    for look_id in list(due.values_list("pk", flat=True)):
        with transaction.atomic():
            look = Look.objects.select_for_update().get(pk=look_id)
            if look.ended_at is None:
                ended += _end(look, look.at + SHOWN_FOR)
    return ended


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


def verify_all(*, actor: str) -> tuple[int, list[dict[str, str]]]:
    """Read every object that is not destroyed. Returns how many, and what does not hold: {"object", "what"}."""
    read, wrong = 0, []
    for sealed_id in Sealed.objects.filter(destroyed_at=None).order_by("made_at", "pk").values_list("pk", flat=True):
        read += 1
        try:
            verify_body(sealed_id, actor=actor)
        except Destroyed:
            continue  # meanwhile
        except Corrupt as error:
            wrong.append({"object": str(sealed_id), "what": str(error)})
    return read, wrong


def _openable(sealed_id: UUID | str, *, act: str, actor: str) -> tuple[Sealed, tink.KeysetHandle]:
    """The record and its open key; a refusal is noted and raised."""
    row = Sealed.objects.filter(pk=sealed_id).first()
    if row is None:
        raise UnknownEvidence(f"No evidence has the id {sealed_id}.")
    try:
        if row.destroyed_at is not None:
            raise Destroyed(f"{audit.ref(row)} was destroyed on {row.destroyed_at:%Y-%m-%d}.")
        keys.require_private()
        wrapped = keystore.get(str(row.pk))
        if wrapped is None:
            raise Corrupt(f"The key of {audit.ref(row)} is missing though it was never destroyed on record.")
        return row, keys.unwrap(wrapped)
    except EvidenceError as error:
        audit.refused(act, actor=actor, about=row, reason=type(error).__name__)
        raise


def _look(row: Sealed, kind: str, *, actor: str, purpose: str, about: str, sent: int = 0) -> Look:
    now = timezone.now()
    grant = grant_for(row.pk, actor) if kind in BY_PEOPLE else None
    ended = now if sent else None
    look = Look.objects.create(
        sealed=row, kind=kind, actor=actor, purpose=purpose, about=about, at=now, sent=sent, ended_at=ended, grant=grant
    )
    more: dict[str, Any] = {"bytes": sent} if sent else {}
    by = {"grant": str(grant.pk)} if grant else {}
    audit.record(
        "evidence.looked", actor=actor, about=row, kind=str(kind), purpose=purpose, concerns=about, **more, **by
    )
    return look


def _counted(chunks: Iterator[bytes], look: Look) -> Iterator[bytes]:
    """Passes chunks on and notes, when they end or the reader goes away, how many bytes were given and for how long."""
    sent = 0
    try:
        for chunk in chunks:
            sent += len(chunk)
            yield chunk
    finally:
        look.sent = sent
        if look.kind in BY_PEOPLE:
            with transaction.atomic():
                _end(look, timezone.now())
        else:
            Look.objects.filter(pk=look.pk).update(sent=sent, ended_at=timezone.now())


def _end(look: Look, at: datetime) -> bool:
    look.ended_at = at
    look.save(update_fields=["sent", "ended_at"])
    seconds = round((at - look.at).total_seconds(), 1)
    audit.record(
        "evidence.look_ended", actor=look.actor, about=f"sealed:{look.sealed_id}", kind=look.kind, concerns=look.about,
        bytes=look.sent, seconds=seconds,
    )  # fmt: skip
    return True


def nothing_shown(sealed_id: UUID | str, *, actor: str) -> None:
    """The actor's running reveal showed nothing of the file: it stays on record, as that, and is no view of it."""
    now = timezone.now()
    with transaction.atomic():
        looks = Look.objects.filter(sealed_id=sealed_id, actor=actor, kind=Look.Kind.WHOLE, ended_at=None)
        if looks.update(kind=Look.Kind.NOTHING, ended_at=now):
            audit.record("evidence.look_failed", actor=actor, about=f"sealed:{sealed_id}")


def _refuse_unrevealed(row: Sealed, actor: str) -> None:
    if not Look.objects.filter(sealed=row, kind=Look.Kind.WHOLE, actor=actor).exists():
        audit.refused("evidence.review", actor=actor, about=row, reason="not revealed")
        raise NotRevealed(f"{audit.ref(row)} must be revealed, on record, before it is shown unblurred.")


def _plain(row: Sealed, key: tink.KeysetHandle) -> Iterator[bytes]:
    """Decrypt part by part. The cipher refuses a changed, reordered or shortened body; the hash seals the whole."""
    digest, size = hashlib.sha256(), 0
    reader = bodies.Reader(row.pk, row.parts)
    try:
        stream: Any = key.primitive(StreamingAead).new_decrypting_stream(reader, row.pk.bytes)
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            yield chunk
    except tink.TinkError:
        if reader.failed is not None:  # a part is missing, or the store cannot be reached: no claim of damage
            raise reader.failed from None
        log.error("body of %s does not decrypt", audit.ref(row))
        raise Corrupt(f"The body of {audit.ref(row)} was changed or is incomplete.") from None
    if digest.hexdigest() != row.sha256 or size != row.size:
        log.error("body of %s does not match its record", audit.ref(row))
        raise Corrupt(f"{audit.ref(row)} decrypts, but is not what its record says.")


def _is_text(row: Sealed) -> bool:
    kind = row.media_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in ("application/json", "application/xml")
