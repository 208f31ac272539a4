"""Keeping lists: their terms, their entries, and the number of each change. Others call these through `service`.

Whoever changes entries takes a number with `next_version` in the same transaction, as late in it as can be, and
writes it into every row that changed: processes that hold an index follow by it (see `ListClock`).
"""

import re
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening.errors import BadHash, ListMismatch, NeedsSecondPerson, UnknownList
from safehold.screening.models import HashList, ListClock, ListEntry, Purpose

BANK = "bank"  # the installation's own list, fed from decisions

SHA256 = re.compile(r"[0-9a-f]{64}")


def checked_sha256(text: str) -> str:
    """The hash in lower-case hex. Raises BadHash."""
    digest = text.strip().lower()
    if not SHA256.fullmatch(digest):
        raise BadHash("A SHA-256 is 64 hexadecimal digits.")
    return digest


def next_version() -> int:
    """The number of the change that the caller's transaction makes; others wait for it until that ends."""
    ListClock.objects.get_or_create(pk=1)
    clock = ListClock.objects.select_for_update().get(pk=1)
    clock.version += 1
    clock.save(update_fields=["version"])
    return clock.version


def the_list(
    slug: str, *, source: str, purpose: str, licence: str, actor: str, kind: str = HashList.Kind.FILES
) -> HashList:
    """The list of that name, made on first use, untrusted. Needs a transaction.

    Raises ListMismatch where it has other terms, or where the purpose is none that screening knows: what may be used
    for something else is not kept here.
    """
    terms = {"source": source, "purpose": purpose, "licence": licence, "kind": kind}
    row = HashList.objects.filter(pk=slug).first()
    if row is None:
        if purpose not in Purpose.values:
            raise ListMismatch(f"A list's purpose is one of {', '.join(Purpose.values)}, not {purpose!r}.")
        row, made = HashList.objects.get_or_create(slug=slug, defaults={**terms, "made_at": timezone.now()})
        if made:
            audit.record("list.made", actor=actor, about=row, **terms)
    for name, value in terms.items():
        if getattr(row, name) != value:
            raise ListMismatch(f"The list {slug!r} has {name} {getattr(row, name)!r}, not {value!r}. Use another list.")
    return row


def add_entry(
    list_slug: str, sha256: str, *, source: str, category: str, purpose: str, licence: str, actor: str, ref: str = ""
) -> ListEntry:
    """Put a hash on a list, which is made on first use (untrusted). Joins the caller's transaction.

    The same hash with the same `ref` stays one live entry; a retracted one is not revived, a new one is
    made. Raises BadHash; ListMismatch where the list has another source, purpose or licence.
    """
    digest = checked_sha256(sha256)
    with transaction.atomic():
        home = the_list(list_slug, source=source, purpose=purpose, licence=licence, actor=actor)
        known = home.entries.filter(identity=digest, ref=ref, retracted_at=None)
        now = timezone.now()
        if row := known.first():
            known.update(last_seen=now)
            return row
        try:
            with transaction.atomic():
                row = ListEntry.objects.create(
                    list=home, identity=digest, sha256=digest, category=category, ref=ref, first_seen=now,
                    last_seen=now, version=next_version(),
                )  # fmt: skip
        except IntegrityError:  # another process added it in between
            return known.get()
        audit.record("list.entry_added", actor=actor, about=row, list=home.pk, category=category, ref=ref)
    return row


def retract_entry(entry: UUID | str, *, because: str, actor: str) -> list[ListEntry]:
    """Take an entry (by its id) or all entries of a `ref` out of matching; returns those retracted now.

    The rows stay as history. Nothing live under that name: an empty list. What the entries led to is
    re-decided by the caller.
    """
    with transaction.atomic():
        live = ListEntry.objects.select_for_update().filter(retracted_at=None)
        own = id_or_none(entry)
        rows = list(live.filter(pk=own)) if own else []
        rows = rows or list(live.filter(ref=str(entry)).exclude(ref="").order_by("pk"))
        version = next_version() if rows else 0
        for row in rows:
            row.retracted_at, row.retracted_because, row.version = timezone.now(), because[:200], version
            row.save(update_fields=["retracted_at", "retracted_because", "version"])
            audit.record("list.entry_retracted", actor=actor, about=row, list=row.list_id, because=because)
    return rows


def set_trusted(list_slug: str, *, trusted: bool, because: str, actor: str, approved_by: str = "") -> HashList:
    """Switch whether exact hits on this list may act at once. On needs a second person; off does not.

    Raises UnknownList, NeedsSecondPerson.
    """
    if trusted and approved_by in ("", actor):
        audit.refused("list.trust", actor=actor, about=f"hashlist:{list_slug}", reason="no second person")
        raise NeedsSecondPerson("Trusting a list needs a second person.")
    with transaction.atomic():
        home = HashList.objects.select_for_update().filter(pk=list_slug).first()
        if home is None:
            raise UnknownList(f"There is no list {list_slug!r}.")
        if home.trusted != trusted:
            home.trusted = trusted
            home.save(update_fields=["trusted"])
            audit.record(
                "list.trust_set", actor=actor, about=home, trusted=trusted, because=because, approved_by=approved_by
            )
    return home


def entry_is_trusted(entry_id: str) -> bool:
    """Whether a live entry stands on a list whose exact hits may act at once. Asked again at the time of acting."""
    own = id_or_none(entry_id)
    return own is not None and ListEntry.objects.filter(pk=own, retracted_at=None, list__trusted=True).exists()


def id_or_none(text: UUID | str) -> UUID | None:
    """An entry's id, or None where the text is none."""
    try:
        return UUID(str(text))
    except ValueError:
        return None
