"""Which live entries an item hits: its digests, PDQ hashes, links and words. Others call it through `service`.

`Matcher` is what a process holds in memory or mapped (the index of files, the tables of links and words) and keeps up
with the database; `live.matcher()` gives this process's. `look` touches no database, so that an event loop may call
it; `tell` reads the entries that were found, and the terms of their lists. `match_now` asks without a held index where
it can, `match` answers for SHA-256 alone, straight from the database.
"""

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from safehold.screening import following
from safehold.screening.errors import NotReady
from safehold.screening.hashing.films import match_film
from safehold.screening.hashing.types import MIN_QUALITY, FileHashes, FrameHash
from safehold.screening.index.types import PDQ_BYTES
from safehold.screening.known import Known, KnownEntries
from safehold.screening.lists import by_sha256, checked_sha256
from safehold.screening.models import ListEntry, Purpose
from safehold.screening.weighing import DIGESTS, Agreed, weigh

AT_ONCE = 500  # hashes in one query
RADIUS = 31  # bits
PURPOSES = tuple(Purpose.values)
# Of the seconds of one film that must be near the other's: of a cutting nearly all are, while a logo or a title that
# films have in common is a few. Low, since whatever agrees goes to a person.
FILM_SHARE = 0.3


class Asked(msgspec.Struct, frozen=True):
    """What is known of one item. Digests and hashes are lower-case hexadecimal of their own length."""

    sha256: str = ""
    sha1: str = ""
    md5: str = ""
    pdqs: tuple[
        str, ...
    ] = ()  # of quality 50 or more; of a picture its frames and turned forms, of a film one a second
    film: bool = False
    links: tuple[str, ...] = ()  # as the host gives them, or expanded
    text: str = ""


def asked_of(hashes: FileHashes) -> Asked:
    """What is asked about a file that was hashed here: its digests, and the frames that near matching may use."""
    digests = hashes.digests
    pdqs = tuple(frame.pdq for frame in hashes.usable)
    return Asked(digests.sha256, digests.sha1, digests.md5, pdqs, hashes.kind == "film")


class Hit(msgspec.Struct, frozen=True):
    """One live entry that something on the host hit.

    `how` is what agreed: sha256, sha1, md5, pdq, link, term, or together (words in company). `exact` means the very
    file: SHA-256; or MD5 or SHA-1 with a `distance` as well, of PDQ near the same entry; or what two people accepted
    for the list (`exact_also`). A link or a word is never exact in this sense.
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
    link: str = ""  # the address that hit, as it was asked
    scope: str = ""  # how much of an address the entry means: exact, prefix, host, domain


class Found(NamedTuple):
    """What `look` found of one item: entries by id, in no order. Empty (`not found.any`) for nearly all items."""

    files: dict[bytes, Agreed] = {}
    links: dict[bytes, tuple[str, str]] = {}  # entry -> (address, scope)
    words: dict[bytes, str] = {}  # entry -> term or together
    unread: tuple[str, ...] = ()  # addresses that are none, or that no browser would open: not screened
    cut: bool = False  # the text holds more listed words, or more links, than are looked up: not wholly screened

    @property
    def any(self) -> bool:
        return bool(self.files or self.links or self.words)


NOTHING = Found()


class Matcher:
    """The lists as one process holds them. Safe for many threads that ask and one at a time that keeps up.

    Raises DamagedIndex where the index's files cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        from safehold.screening.index import Index
        from safehold.screening.listed_links import ListedLinks
        from safehold.screening.listed_words import ListedWords

        self.index = Index.open(folder)
        self.links, self.words, self.known = ListedLinks(), ListedWords(), KnownEntries()
        self.upto = 0  # every change with this number or a lower one is known here
        self.kept_up_at = 0.0  # time.monotonic() when it was last known that nothing is missing
        self._opened = False
        self._keeping = threading.Lock()

    def keep_up(self) -> int:
        """Take over what was committed since; returns how many entries changed. Needs the database."""
        with self._keeping:
            began = time.monotonic()
            if self.index.refresh() and self.index.upto < self.upto:
                raise NotReady("screening_starting", "The index was built anew, and is being taken up.")
            clock = following.clock()  # after the files: it knows all that is in them
            company = following.read_company()
            if clock < self.upto or clock < self.index.upto:
                raise NotReady(
                    "index_damaged",
                    f"The index knows change {max(self.upto, self.index.upto)}, the database only {clock} (restored "
                    "from a backup?). Build the index again: safehold screening index build --anew",
                )
            changed = 0 if self._opened else self._open(clock)
            for portion in following.changes(self.upto, clock) if clock > self.upto else ():
                self._take(portion)
                changed += len(portion.ids)
            self.upto, self.kept_up_at = clock, began
            self.words.settle(company)
            return changed

    def _open(self, clock: int) -> int:
        """At first: links and words have no files of their own, so all of them are read."""
        from safehold.screening.building import check_history

        check_history(self.index.folder)
        changed = 0
        for portion in following.changes(0, clock, only_words_and_links=True):
            self._take(portion)
            changed += len(portion.ids)
        self.upto, self._opened = self.index.upto, True
        return changed

    def _take(self, portion: following.Changes) -> None:
        self.index.apply(portion.files)
        self.links.apply(portion.links)
        self.words.apply(portion.words)
        self.known.forget(portion.ids)

    def look(self, asked: Asked) -> Found:
        """What the item may hit. No database; some tens of microseconds for hashes."""
        files: dict[bytes, Agreed] = {}
        for kind in DIGESTS:
            if digest := getattr(asked, kind):
                for entry in self.index.exact(kind, bytes.fromhex(digest)):
                    files[entry] = Agreed((*files.get(entry, Agreed()).digests, kind))
        for pdq in asked.pdqs:
            for near in self.index.near(bytes.fromhex(pdq), RADIUS):
                files[near.entry] = _nearer(files.get(near.entry, Agreed()), near.distance)
        return self._rest(asked, files)

    def look_many(self, many: Sequence[Asked]) -> list[Found]:
        """The same for a batch, whose hashes go through the index together."""
        found: list[dict[bytes, Agreed]] = [{} for _ in many]
        for kind in DIGESTS:
            given = [(at, bytes.fromhex(digest)) for at, asked in enumerate(many) if (digest := getattr(asked, kind))]
            entries = self.index.exact_many(kind, [digest for _, digest in given]) if given else []
            for (at, _), hit in zip(given, entries, strict=True):
                for entry in hit:
                    found[at][entry] = Agreed((*found[at].get(entry, Agreed()).digests, kind))
        hashes = [(at, bytes.fromhex(pdq)) for at, asked in enumerate(many) for pdq in asked.pdqs]
        close = self.index.near_many([pdq for _, pdq in hashes], RADIUS) if hashes else []
        for (at, _), nears in zip(hashes, close, strict=True):
            for near in nears:
                found[at][near.entry] = _nearer(found[at].get(near.entry, Agreed()), near.distance)
        return [self._rest(asked, files) for asked, files in zip(many, found, strict=True)]

    def _rest(self, asked: Asked, files: dict[bytes, Agreed]) -> Found:
        """The links and words as well, of the few items that have any."""
        if not asked.links and not asked.text:
            return Found(files) if files else NOTHING
        links, unread, more_links = self.links.look(asked.links, asked.text)
        words, more_words = self.words.look(asked.text)
        return Found(files, links, words, unread, more_links or more_words)

    def tell(self, asked: Asked, found: Found, *, purposes: Collection[str] = PURPOSES) -> list[Hit]:
        """The hits that come of what `look` found. Needs the database: see `tell_many`."""
        return self.tell_many([asked], [found], purposes=purposes)[0]

    def tell_many(
        self, many: Sequence[Asked], found: Sequence[Found], *, purposes: Collection[str] = PURPOSES
    ) -> list[list[Hit]]:
        """The same for a batch. What lists are for and whether they are trusted is read now; entries, unless known."""
        ids = [entry for one in found for entry in (*one.files, *one.links, *one.words)]
        if not ids:
            return [[] for _ in many]
        known, lists = self.known.get(ids), following.read_lists()
        return [
            sorted(
                (hit for hit in _hits(asked, one, known, lists) if hit.purpose in purposes),
                key=_rank,
            )
            for asked, one in zip(many, found, strict=True)
        ]

    def match(self, asked: Asked, *, purposes: Collection[str] = PURPOSES) -> list[Hit]:
        """The live entries that the item hits on lists kept for these purposes: trusted lists first, then exact, then
        the smallest distance. Counts nothing (see `flood`)."""
        return self.tell(asked, self.look(asked), purposes=purposes)

    def match_many(self, many: Sequence[Asked], *, purposes: Collection[str] = PURPOSES) -> list[list[Hit]]:
        """The same for a batch, in its order."""
        return self.tell_many(many, self.look_many(many), purposes=purposes)


def _hits(asked: Asked, found: Found, known: dict[bytes, Known], lists: dict[str, following.Terms]) -> Iterator[Hit]:
    """The hits of one item, of the entries that are live."""
    for entry, seen in found.files.items():
        agreed = _of_film(seen, asked, known[entry]) if entry in known else None
        if agreed is not None:
            terms = lists[known[entry].list]
            how, exact = weigh(agreed, terms.exact_also)
            hit = _hit(known[entry], terms, asked, how)
            yield msgspec.structs.replace(hit, exact=exact, distance=agreed.distance)
    for entry, (link, scope) in found.links.items():
        if entry in known:
            hit = _hit(known[entry], lists[known[entry].list], asked, "link")
            yield msgspec.structs.replace(hit, link=link, scope=scope)
    for entry, how in found.words.items():
        if entry in known:
            yield _hit(known[entry], lists[known[entry].list], asked, how)


def _hit(known: Known, terms: following.Terms, asked: Asked, how: str) -> Hit:
    return Hit(
        known.entry_id, known.list, terms.source, known.category, False, terms.trusted, asked.sha256, how,
        purpose=terms.purpose, held_back=known.held_back,
    )  # fmt: skip


def _of_film(agreed: Agreed, asked: Asked, known: Known) -> Agreed | None:
    """Without the distance where a film agrees with an entry's frames in too few of them to be the same film; None
    where nothing is left then."""
    if not asked.film or not known.frames or agreed.distance is None or _same_film(asked, known.frames):
        return agreed
    return agreed._replace(distance=None) if agreed.digests else None


def _nearer(agreed: Agreed, distance: int) -> Agreed:
    known = agreed.distance
    return agreed._replace(distance=distance if known is None else min(known, distance))


def _rank(hit: Hit) -> tuple[bool, bool, int, str]:
    return (not hit.trusted, not hit.exact, -1 if hit.distance is None else hit.distance, hit.entry_id)


def _same_film(asked: Asked, frames: bytes) -> bool:
    """Whether one of the two films holds enough of the other's seconds."""
    ours = [FrameHash(at, pdq, MIN_QUALITY) for at, pdq in enumerate(asked.pdqs)]
    theirs = [FrameHash(at, frames[at : at + PDQ_BYTES].hex(), MIN_QUALITY) for at in range(0, len(frames), PDQ_BYTES)]
    return max(match_film(ours, theirs, RADIUS)) >= FILM_SHARE


def match_now(asked: Asked, *, purposes: Collection[str] = PURPOSES) -> list[Hit]:
    """What the item hits, by SHA-256 straight from the database, with anything else by this process's matcher.

    For the worker and for tests: nothing needs to be held or started first. Counts nothing.
    """
    if asked.sha1 or asked.md5 or asked.pdqs or asked.links or asked.text:
        from safehold.screening import live

        return live.matcher().match(asked, purposes=purposes)
    rows = by_sha256([checked_sha256(asked.sha256)]).filter(list__purpose__in=purposes)
    return sorted((_plain(row) for row in rows.select_related("list")), key=_rank)


def match(sha256s: Iterable[str]) -> list[Hit]:
    """The live entries that these hashes equal, trusted lists first; each hit is counted on its entry.

    Of several entries of one list for one hash the oldest answers. Raises BadHash before anything counts.
    """
    wanted = iter(dict.fromkeys(checked_sha256(text) for text in sha256s))
    found: dict[tuple[str, str], ListEntry] = {}
    for batch in _batches(wanted):
        for row in by_sha256(batch).select_related("list").order_by("first_seen", "pk"):
            found.setdefault((row.list_id, row.sha256), row)
    if found:
        with transaction.atomic():
            ListEntry.objects.filter(pk__in=sorted(row.pk for row in found.values())).update(
                hits=F("hits") + 1, last_hit=timezone.now()
            )
    answer = sorted(found.values(), key=lambda row: (not row.list.trusted, row.first_seen, row.pk))
    return [_plain(row) for row in answer]


def _plain(row: ListEntry) -> Hit:
    """A hit by SHA-256."""
    return Hit(
        str(row.pk), row.list_id, row.list.source, row.category, True, row.list.trusted, row.sha256,
        purpose=row.list.purpose, held_back=row.held_back_at is not None,
    )  # fmt: skip


def _batches(digests: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(digests, AT_ONCE)):
        yield batch
