"""The public face of `screening`: exact SHA-256 lists. Near matching is not built yet and says so.

`add_entry`, `retract_entry`, `set_trusted` keep lists; `import_list` reads files; `match` answers which
live entries hashes hit, and counts them; `match_near` raises NotBuilt.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening.errors import BadHash, ListMismatch, NeedsSecondPerson, NotBuilt, ScreeningError, UnknownList
from safehold.screening.importing import ImportReport, checked_sha256, import_file, the_list
from safehold.screening.models import HashList, ListEntry

__all__ = [
    "BANK",
    "BadHash",
    "Hit",
    "ImportReport",
    "ListMismatch",
    "NeedsSecondPerson",
    "NotBuilt",
    "ScreeningError",
    "UnknownList",
    "add_entry",
    "entry_is_trusted",
    "import_list",
    "match",
    "match_near",
    "retract_entry",
    "set_trusted",
]

BANK = "bank"  # the installation's own list, fed from decisions
AT_ONCE = 500  # hashes in one query

import_list = import_file


class Hit(msgspec.Struct, frozen=True):
    """One live entry that a hash equals. `exact` is always true until near matching is built."""

    entry_id: str
    list: str
    source: str
    category: str
    exact: bool
    trusted: bool
    sha256: str


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
        known = home.entries.filter(sha256=digest, ref=ref, retracted_at=None)
        now = timezone.now()
        if row := known.first():
            known.update(last_seen=now)
            return row
        try:
            with transaction.atomic():
                row = ListEntry.objects.create(
                    list=home, sha256=digest, category=category, ref=ref, first_seen=now, last_seen=now
                )
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
        own = _id_or_none(entry)
        rows = list(live.filter(pk=own)) if own else []
        rows = rows or list(live.filter(ref=str(entry)).exclude(ref="").order_by("pk"))
        for row in rows:
            row.retracted_at, row.retracted_because = timezone.now(), because[:200]
            row.save(update_fields=["retracted_at", "retracted_because"])
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
    own = _id_or_none(entry_id)
    return own is not None and ListEntry.objects.filter(pk=own, retracted_at=None, list__trusted=True).exists()


def match(sha256s: Iterable[str]) -> list[Hit]:
    """The live entries that these hashes equal, trusted lists first; each hit is counted on its entry.

    Of several entries of one list for one hash the oldest answers. Raises BadHash before anything counts.
    """
    wanted = iter(dict.fromkeys(checked_sha256(text) for text in sha256s))
    found: dict[tuple[str, str], ListEntry] = {}
    for batch in _batches(wanted):
        rows = ListEntry.objects.filter(sha256__in=batch, retracted_at=None).select_related("list")
        for row in rows.order_by("first_seen", "pk"):
            found.setdefault((row.list_id, row.sha256), row)
    if found:
        with transaction.atomic():
            ListEntry.objects.filter(pk__in=sorted(row.pk for row in found.values())).update(
                hits=F("hits") + 1, last_hit=timezone.now()
            )
    answer = sorted(found.values(), key=lambda row: (not row.list.trusted, row.first_seen, row.pk))
    return [
        Hit(str(row.pk), row.list_id, row.list.source, row.category, True, row.list.trusted, row.sha256)
        for row in answer
    ]


def match_near(algorithm: str, value: str) -> list[Hit]:
    """Near matching (PDQ, TMK, vPDQ). Not built: raises NotBuilt, so that nobody takes silence for "no match"."""
    raise NotBuilt(
        f"Near matching by {algorithm!r} is not built yet ({len(value)} characters were not looked at); "
        "only exact SHA-256 is."
    )


def _batches(digests: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(digests, AT_ONCE)):
        yield batch


def _id_or_none(text: UUID | str) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
