"""Destruction: the key row goes first, then the body; a certificate stays. Called through `service`.

From the commit on, nobody can read the object: its key is gone and the private key opens nothing.
What backups still hold of the wrapped key is told in docs/operations.md (keys are backed up apart).
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.chain import overwrite_freed_pages
from safehold.evidence import bodies
from safehold.evidence.errors import NeedsSecondPerson, UnknownEvidence
from safehold.evidence.holds import holds_in_force, refuse_while_held
from safehold.evidence.models import Certificate, Hold, KeyRow, Sealed

log = logging.getLogger(__name__)


def destroy(sealed_id: UUID | str, *, actor: str, because: str, approved_by: str = "") -> Certificate:
    """Destroy the object's key and body for good; returns the certificate. Again: the same certificate.

    Refuses, on record, while any hold is in force (HoldInForce). A person may not do it alone: an actor
    of kind `staff` needs `approved_by`, somebody else (NeedsSecondPerson). Whether the case's duties are
    met is the caller's to check first (design: invariant 4). The body goes when the transaction commits.
    """
    if actor.startswith("staff:") and approved_by in ("", actor):
        audit.refused("evidence.destroy", actor=actor, about=f"sealed:{sealed_id}", reason="no second person")
        raise NeedsSecondPerson("Destroying evidence needs a second person.")
    if not because:
        raise ValueError("Say why the evidence is destroyed.")
    with transaction.atomic():
        row = Sealed.objects.select_for_update().filter(pk=sealed_id).first()
        if row is None:
            raise UnknownEvidence(f"No evidence has the id {sealed_id}.")
        holds: list[Hold] = []
        if row.destroyed_at is None:
            holds = list(holds_in_force(row.pk))
            if not holds:
                _destroy_key(row, actor=actor, because=because, approved_by=approved_by)
        transaction.on_commit(lambda: _remove_body(row))
    refuse_while_held(row, holds, actor=actor)
    return Certificate.objects.get(sealed=row)


def sweep(*, actor: str, older_than: timedelta = timedelta(days=1)) -> int:
    """Remove bodies that nobody can ever read: of destroyed objects, and of a `preserve` that was cut off.

    Returns the number of parts removed. Not to be run while a restore is being reconciled (design:
    invariant 15): a record that is about to come back would find its body gone.
    """
    removed, orphans = 0, set()
    for object_id, name, put_at in bodies.names():
        if not _is_id(object_id):
            continue  # not ours
        row = Sealed.objects.filter(pk=object_id).first()
        if row is None and put_at < timezone.now() - older_than:
            bodies.remove_name(name)
            orphans.add(object_id)
        elif row is not None and row.destroyed_at is not None:
            bodies.remove_name(name)
            _mark_gone(row, timezone.now())
        else:
            continue
        removed += 1
    if orphans:
        with transaction.atomic():
            audit.record("evidence.swept", actor=actor, about="evidence:orphans", objects=sorted(orphans)[:1000])
    return removed


def _destroy_key(row: Sealed, *, actor: str, because: str, approved_by: str) -> None:
    key = KeyRow.objects.select_for_update().get(sealed=row)
    overwrite_freed_pages()
    KeyRow.objects.filter(pk=key.pk).update(wrapped=bytes(len(key.wrapped)))
    key.delete()
    row.destroyed_at, row.file_name = timezone.now(), ""
    row.save(update_fields=["destroyed_at", "file_name"])
    Certificate.objects.create(
        sealed=row,
        sha256=row.sha256,
        size=row.size,
        at=row.destroyed_at,
        actor=actor,
        approved_by=approved_by,
        because=because[:500],
    )
    audit.record("evidence.destroyed", actor=actor, about=row, because=because, approved_by=approved_by)


def _remove_body(row: Sealed) -> None:
    """Delete the parts. A store that fails now is only logged: the key is gone, `sweep` finishes it."""
    if row.destroyed_at is None:
        return
    try:
        bodies.remove(row.pk, row.parts)
    except Exception as error:  # noqa: BLE001 - any failure of a store, whatever its kind
        log.warning("body of %s is still in the store (%s)", audit.ref(row), type(error).__name__)
        return
    _mark_gone(row, timezone.now())


def _mark_gone(row: Sealed, at: datetime) -> None:
    Certificate.objects.filter(sealed=row, body_gone_at=None).update(body_gone_at=at)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
