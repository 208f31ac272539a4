"""Reading lists and their changes from the database, for whoever holds an index. Inside this room only.

Numbers of changes grow in the order of commits (`models.ListClock`): what was read up to number n lacks nothing below.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple, cast
from uuid import UUID

from django.db.models import QuerySet

from safehold.screening.index.types import PDQ_BYTES, Change
from safehold.screening.links.matching import LinkChange
from safehold.screening.models import HashList, ListClock, ListEntry, WordsTogether
from safehold.screening.words.together import Rule, Unit

AT_ONCE = 5000  # rows held in memory together
_FILES = ("pk", "version", "retracted_at", "sha256", "sha1", "md5", "pdq", "frames")


class Terms(NamedTuple):
    """What one list's entries may be used for, and what counts as exact on it."""

    kind: str
    source: str
    purpose: str
    trusted: bool
    exact_also: frozenset[str]


class Company(NamedTuple):
    """The rules of company in force, and the lists that count by themselves although a rule names them."""

    rules: tuple[Rule, ...] = ()
    alone: frozenset[str] = frozenset()


class Sealed(NamedTuple):
    """One term or pattern as it is kept; None where it matches no more."""

    entry: bytes
    list: str
    sealed: bytes | None


class Changes(NamedTuple):
    """Entries as they stand now, parted by what they match."""

    files: list[Change]
    links: list[LinkChange]
    words: list[Sealed]

    @property
    def ids(self) -> list[bytes]:
        """Every entry that changed."""
        return [change.entry for part in self for change in part]


class _Row(NamedTuple):
    pk: UUID
    version: int
    live: bool
    sha256: str
    sha1: str
    md5: str
    pdq: str
    frames: bytes | None


def clock() -> int:
    """The number of the newest change that is committed; 0 before the first."""
    return ListClock.objects.filter(pk=1).values_list("version", flat=True).first() or 0


def read_lists() -> dict[str, Terms]:
    """All lists by name."""
    rows = HashList.objects.values_list("slug", "kind", "source", "purpose", "trusted", "exact_also")
    return {
        slug: Terms(kind, source, purpose, trusted, frozenset(also))
        for slug, kind, source, purpose, trusted, also in rows
    }


def read_company() -> Company:
    """Which lists of terms count only near each other, as it stands now. Rules have no numbers: there are few."""
    rows = list(WordsTogether.objects.filter(ended_at=None).order_by("name"))
    kept = tuple(Rule(row.name, tuple(row.lists), row.within, cast(Unit, row.unit)) for row in rows)
    return Company(kept, frozenset(name for row in rows for name in row.alone))


def changes(after: int, upto: int, *, only_words_and_links: bool = False) -> Iterator[Changes]:
    """The entries whose newest change is above `after` and not above `upto`, in portions.

    An entry that changed again meanwhile comes with the next call. With `only_words_and_links` files are left out:
    those stand in the index's own files.
    """
    rows = ListEntry.objects.filter(version__gt=after, version__lte=upto)
    if only_words_and_links:
        rows = rows.exclude(list__kind=HashList.Kind.FILES).filter(retracted_at=None)
    for portion in _portions(rows):
        files: list[Change] = []
        link_changes: list[LinkChange] = []
        words: list[Sealed] = []
        for row in portion:
            pk, version, ended, sha256, sha1, md5, pdq, frames, scope, link, sealed, home = row
            if link is not None:
                link_changes.append(LinkChange(pk.bytes, version, ended is None, scope, bytes(link)))
            elif sealed is not None:
                words.append(Sealed(pk.bytes, home, bytes(sealed) if ended is None else None))
            else:
                files.append(_change(_Row(pk, version, ended is None, sha256, sha1, md5, pdq, frames)))
        yield Changes(files, link_changes, words)


def live_files(upto: int) -> Iterator[Change]:
    """Every live entry of the lists of files, for building an index that knows all changes up to `upto`.

    Entries with a newer change may come as well, as they stand now: an index takes the newest it is told.
    """
    rows = ListEntry.objects.filter(list__kind=HashList.Kind.FILES, retracted_at=None, version__lte=upto)
    for pk, version, _ended, *digests in rows.values_list(*_FILES).iterator(AT_ONCE):
        yield _change(_Row(pk, version, True, *digests))


def _portions(rows: "QuerySet[ListEntry]") -> Iterator[list[tuple]]:
    found = rows.order_by("version").values_list(*_FILES, "scope", "link", "sealed", "list_id").iterator(AT_ONCE)
    while portion := list(islice(found, AT_ONCE)):
        yield portion


def _change(row: _Row) -> Change:
    pdqs = [bytes.fromhex(row.pdq)] if row.pdq else []
    if row.frames is not None:
        frames = bytes(row.frames)
        pdqs += [frames[at : at + PDQ_BYTES] for at in range(0, len(frames), PDQ_BYTES)]
    digests = (bytes.fromhex(digest) for digest in (row.sha256, row.sha1, row.md5))
    return Change(row.pk.bytes, row.version, row.live, tuple(dict.fromkeys(pdqs)), *digests)
