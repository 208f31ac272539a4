"""Destruction: on record first, then the key, then the body; a certificate stays. Called through `service`.

The record commits before the key goes, since the key store is a database of its own: from the commit on
the vault gives nothing of the object to anybody, and a crash before the key is gone is finished by
`sweep`. The other order could lose a key whose destruction was then rolled back. The certificate says
when the key was gone, and when the last backup of it will have expired.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.evidence import bodies, keybackup, keystore
from safehold.evidence.errors import EvidenceError, NeedsSecondPerson, UnknownEvidence
from safehold.evidence.holds import holds_in_force, refuse_while_held
from safehold.evidence.models import Certificate, Hold, Sealed

log = logging.getLogger(__name__)


def destroy(sealed_id: UUID | str, *, actor: str, because: str, approved_by: str = "") -> Certificate:
    """Destroy the object's key and body for good; returns the certificate. Again: the same certificate.

    Refuses, on record, while any hold is in force (HoldInForce). A person may not do it alone: an actor
    of kind `staff` needs `approved_by`, somebody else (NeedsSecondPerson). Whether the case's duties are
    met is the caller's to check first (design: invariant 4). Key and body go when the transaction commits.
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
                _destroy_on_record(row, actor=actor, because=because, approved_by=approved_by)
        transaction.on_commit(lambda: _remove(row))
    refuse_while_held(row, holds, actor=actor)
    return Certificate.objects.get(sealed=row)


def sweep(*, actor: str, older_than: timedelta = timedelta(days=1)) -> int:
    """Finish destructions that were cut off, and remove bodies and keys of a `preserve` that was.

    Returns the number of parts and keys removed. Not to be run while a restore is being reconciled (design:
    invariant 15): a record that is about to come back would find its body and key gone.
    """
    removed = sum(_remove_key(paper.sealed) for paper in Certificate.objects.filter(key_gone_at=None))
    orphans: set[str] = set()
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
    removed += _sweep_keys(orphans, timezone.now() - older_than)
    if orphans:
        with transaction.atomic():
            audit.record("evidence.swept", actor=actor, about="evidence:orphans", objects=sorted(orphans)[:1000])
    return removed


def compare() -> tuple[list[str], list[str]]:
    """What record and key store do not agree on, by object id: keys without a record, and records without their key.

    After a restore the first were preserved after the backup, the second destroyed after it.
    """
    known = {str(one) for one in Sealed.objects.filter(destroyed_at=None).values_list("pk", flat=True)}
    ever = known | {str(one) for one in Sealed.objects.exclude(destroyed_at=None).values_list("pk", flat=True)}
    held: set[str] = set()
    after = ""
    while rows := keystore.rows(after=after):
        after = rows[-1].object_id
        held |= {row.object_id for row in rows}
    return sorted(held - ever), sorted(known - held)


def _sweep_keys(orphans: set[str], before: datetime) -> int:
    """Keys without a record: their `preserve` was cut off long ago. Adds what it took to `orphans`."""
    removed, after = 0, ""
    while rows := keystore.rows(after=after):
        after = rows[-1].object_id
        known = {
            str(one)
            for one in Sealed.objects.filter(pk__in=[row.object_id for row in rows]).values_list("pk", flat=True)
        }
        for row in rows:
            if row.object_id not in known and keystore.moment(row.made_at) < before:
                removed += keystore.destroy(row.object_id)
                orphans.add(row.object_id)
    return removed


def _destroy_on_record(row: Sealed, *, actor: str, because: str, approved_by: str) -> None:
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


def _remove(row: Sealed) -> None:
    """Delete key and body. What fails now is only logged: nobody is given anything any more, `sweep` finishes it."""
    if row.destroyed_at is None:
        return
    _remove_key(row)
    try:
        bodies.remove(row.pk, row.parts)
    except Exception as error:  # noqa: BLE001 - any failure of a store, whatever its kind
        log.warning("body of %s is still in the store (%s)", audit.ref(row), type(error).__name__)
        return
    _mark_gone(row, timezone.now())


def _remove_key(row: Sealed) -> bool:
    """Delete the key and say so on the certificate. False, and logged, where the key store failed."""
    try:
        keystore.destroy(str(row.pk))
    except EvidenceError as error:
        log.error("key of %s is still in the key store (%s)", audit.ref(row), type(error).__name__)
        return False
    now = timezone.now()
    with transaction.atomic():
        changes = {"key_gone_at": now, "last_copy_until": keybackup.expires(now)}
        if Certificate.objects.filter(sealed=row, key_gone_at=None).update(**changes):
            audit.record(
                "evidence.key_gone",
                actor="system:vault",
                about=row,
                last_copy_until=changes["last_copy_until"].isoformat(),
            )
    return True


def _mark_gone(row: Sealed, at: datetime) -> None:
    Certificate.objects.filter(sealed=row, body_gone_at=None).update(body_gone_at=at)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
