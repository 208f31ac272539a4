"""Which live entries a file's digests hit. Others call it through `service`."""

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from safehold.screening.errors import NotBuilt
from safehold.screening.lists import checked_sha256
from safehold.screening.models import ListEntry, Purpose

AT_ONCE = 500  # hashes in one query


class Hit(msgspec.Struct, frozen=True):
    """One live entry that something on the host hit.

    `how` is what agreed: sha256, sha1, md5, pdq, link, term, together. `exact` means the very file: SHA-256; or MD5
    or SHA-1 together with PDQ near the same entry; or what two people accepted for the list (`exact_also`).
    """

    entry_id: str
    list: str
    source: str
    category: str
    exact: bool
    trusted: bool
    sha256: str = ""  # of the file that was asked about, where it was given
    how: str = "sha256"
    distance: int | None = None  # of pdq: how many of 256 bits differ
    purpose: str = Purpose.PREVENT.value
    held_back: bool = False  # the entry hits too many different accounts: a person must look at the entry first


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
        Hit(
            str(row.pk), row.list_id, row.list.source, row.category, True, row.list.trusted, row.sha256,
            purpose=row.list.purpose, held_back=row.held_back_at is not None,
        )
        for row in answer
    ]  # fmt: skip


def match_near(algorithm: str, value: str) -> list[Hit]:
    """Near matching (PDQ, TMK, vPDQ). Not built: raises NotBuilt, so that nobody takes silence for "no match"."""
    raise NotBuilt(
        f"Near matching by {algorithm!r} is not built yet ({len(value)} characters were not looked at); "
        "only exact SHA-256 is."
    )


def _batches(digests: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(digests, AT_ONCE)):
        yield batch
