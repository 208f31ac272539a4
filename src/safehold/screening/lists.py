"""Keeping lists: their terms, their entries, and the number of each change. Others call these through `service`.

Whoever changes entries takes a number with `next_version` in the same transaction, as late in it as can be, and
writes it into every row that changed: processes that hold an index follow by it (see `ListClock`). What a list may
do beyond trust stands in `rules`, many entries at once in `taking`, how links and terms are kept in `hidden`.
"""

import re
from collections.abc import Sequence
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening import entries, hidden, writing
from safehold.screening.barring import BANK, REMOVED, Bars
from safehold.screening.entries import SHA256, Content, checked_sha256, id_or_none
from safehold.screening.errors import Barred, ListMismatch, NeedsSecondPerson, UnknownEntry, UnknownList
from safehold.screening.hidden import link_key, open_term, seal_term
from safehold.screening.models import HashList, ListClock, ListEntry, Purpose
from safehold.screening.pattern_room import check_room
from safehold.work import service as work
from safehold.work.models import Task

__all__ = [
    "BANK", "REMOVED", "SHA256", "add_entry", "add_link", "add_term", "by_sha256", "checked_sha256",
    "entry_is_trusted", "hold_back", "id_or_none", "let_go", "link_key", "live_entry", "named_list", "next_version",
    "open_term", "retract_entry", "seal_term", "set_trusted", "the_list", "turn", "update_entry",
]  # fmt: skip

SLUG = re.compile(r"[A-Za-z0-9_-]{1,60}")  # it also names files
HELD_BACK = "entry-held-back"  # the task: look at an entry that hits many accounts
LONGEST = 100  # characters of a list's source and licence


def turn() -> None:
    """Wait until no other transaction changes entries, and let others wait until the caller's ends.

    For those who look before they change: what they find stays true until they write.
    """
    ListClock.objects.get_or_create(pk=1)
    ListClock.objects.select_for_update().get(pk=1)


def next_version() -> int:
    """The number of the change that the caller's transaction makes; others wait for it until that ends."""
    turn()
    clock = ListClock.objects.get(pk=1)
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
    terms = {"source": source, "purpose": purpose, "licence": licence, "kind": str(kind)}
    _check(slug, terms)
    row = HashList.objects.filter(pk=slug).first()
    if row is None:
        row, made = HashList.objects.get_or_create(slug=slug, defaults={**terms, "made_at": timezone.now()})
        if made:
            audit.record("list.made", actor=actor, about=row, **terms)
    for name, value in terms.items():
        if getattr(row, name) != value:
            raise ListMismatch(f"The list {slug!r} has {name} {getattr(row, name)!r}, not {value!r}. Use another list.")
    return row


def _check(slug: str, terms: dict[str, str]) -> None:
    if not SLUG.fullmatch(slug):
        raise ListMismatch("A list's name is 1 to 60 letters, digits, '-' or '_'.")
    if terms["purpose"] not in Purpose.values:
        raise ListMismatch(f"A list's purpose is one of {', '.join(Purpose.values)}, not {terms['purpose']!r}.")
    if terms["kind"] not in HashList.Kind.values:
        raise ListMismatch(f"A list's kind is one of {', '.join(HashList.Kind.values)}, not {terms['kind']!r}.")
    for name in ("source", "licence"):
        if not 1 <= len(terms[name]) <= LONGEST or not terms[name].isprintable():
            raise ListMismatch(f"A list needs a {name} of at most {LONGEST} printable characters.")


def named_list(slug: str, *, kind: str = "") -> HashList:
    """The list of that name. Raises UnknownList; ListMismatch where it is of another kind than the one given."""
    row = HashList.objects.filter(pk=slug).first()
    if row is None:
        raise UnknownList(f"There is no list {slug!r}.")
    if kind and row.kind != kind:
        raise ListMismatch(f"The list {slug!r} holds {row.get_kind_display()}, not {HashList.Kind(kind).label}.")
    return row


# --- one entry ---


def add_entry(
    list_slug: str,
    sha256: str = "",
    *,
    source: str,
    category: str,
    purpose: str,
    licence: str,
    actor: str,
    ref: str = "",
    sha1: str = "",
    md5: str = "",
    pdq: str = "",
    quality: int | None = None,
    frames: bytes = b"",
    media: str = "",
) -> ListEntry:
    """Put a file on a list, which is made on first use (untrusted). Joins the caller's transaction.

    `pdq` and the `quality` (0-100) it was made with; `frames` of a film, as in `entries.files`. The same file with the
    same `ref` stays one live entry, which takes up what else is said of it now; a retracted one is not revived, a new
    one is made. Raises BadHash; Degenerate where nothing of it may be matched; Barred where our own people retracted
    it (see `barring`); ListMismatch where the list has another source, purpose, licence or kind.
    """
    content = entries.files(
        sha256=sha256, sha1=sha1, md5=md5, pdq=pdq, quality=quality, frames=frames, media=media, category=category,
        ref=ref,
    )  # fmt: skip
    with transaction.atomic():
        home = the_list(list_slug, source=source, purpose=purpose, licence=licence, actor=actor)
        return _put(home, content, actor=actor)


def add_link(
    list_slug: str, url: str, *, scope: str = "exact", source: str, category: str, purpose: str, licence: str,
    actor: str, ref: str = "",
) -> ListEntry:  # fmt: skip
    """Put a link on a list of links; kept as a keyed digest alone. Otherwise as `add_entry`.

    `scope` is exact, prefix, host or domain. Raises BadEntry, without the link in its message.
    """
    content = hidden.link(url, scope, category=category, ref=ref)
    with transaction.atomic():
        home = the_list(
            list_slug, source=source, purpose=purpose, licence=licence, actor=actor, kind=HashList.Kind.LINKS
        )
        return _put(home, content, actor=actor)


def add_term(
    list_slug: str, *, term: str = "", pattern: str = "", source: str, category: str, purpose: str, licence: str,
    actor: str, ref: str = "",
) -> ListEntry:  # fmt: skip
    """Put a term, or a pattern (re2), on a list of terms; kept sealed. Otherwise as `add_entry`.

    Raises BadEntry; TooManyPatterns where all lists together would hold more than can be matched.
    """
    content = hidden.words(list_slug, term=term, pattern=pattern, category=category, ref=ref)
    with transaction.atomic():
        home = the_list(
            list_slug, source=source, purpose=purpose, licence=licence, actor=actor, kind=HashList.Kind.TERMS
        )
        return _put(home, content, actor=actor)


def _put(home: HashList, content: Content, *, actor: str) -> ListEntry:
    turn()
    now = timezone.now()
    row = home.entries.filter(identity=content.identity, ref=content.ref, retracted_at=None).first()
    if row is None:
        _refuse_barred(home, content)
        said = msgspec.structs.asdict(content)
        row = ListEntry.objects.create(list=home, first_seen=now, last_seen=now, version=next_version(), **said)
        check_room([content])
        audit.record(
            "list.entry_added", actor=actor, about=row, list=home.pk, category=content.category, ref=content.ref
        )
        return row
    # A category was given when the entry was made: the first one stays.
    fuller = entries.merged(writing.said(row), msgspec.structs.replace(content, category=row.category))
    if fuller == writing.said(row):
        ListEntry.objects.filter(pk=row.pk).update(last_seen=now)
    else:
        _say(row, fuller, actor=actor)
    row.refresh_from_db(fields=["last_seen"])
    return row


def _refuse_barred(home: HashList, content: Content) -> None:
    if Bars(home).bar(content):
        raise Barred(f"Our own people retracted this from the list {home.pk}. See safehold lists allow.")


def update_entry(
    entry: UUID | str,
    *,
    actor: str,
    sha256: str = "",
    sha1: str = "",
    md5: str = "",
    pdq: str = "",
    frames: bytes = b"",
    media: str = "",
    category: str = "",
) -> ListEntry:
    """Say anew what a live entry of files stands for: the row stays, with its hits, and what was said before is gone.

    Where another live entry of the same `ref` already stands for that file, this one is retracted and the other is
    returned. Raises UnknownEntry, BadHash, Degenerate, Barred; ListMismatch for an entry of a list of links or terms.
    """
    with transaction.atomic():
        turn()
        row = live_entry(entry)
        if row.list.kind != HashList.Kind.FILES:
            raise ListMismatch("Only an entry of a list of files has fingerprints.")
        content = entries.files(
            sha256=sha256, sha1=sha1, md5=md5, pdq=pdq, frames=frames, media=media, category=category or row.category,
            ref=row.ref,
        )  # fmt: skip
        same = row.list.entries.filter(identity=content.identity, ref=row.ref, retracted_at=None).exclude(pk=row.pk)
        if other := same.first():
            _retract(row, because=f"the same as {other.pk}", barred=False, version=next_version(), actor=actor)
            return other
        if content.identity != row.identity:
            _refuse_barred(row.list, content)
        if content != writing.said(row):
            _say(row, content, actor=actor)
    return row


def _say(row: ListEntry, content: Content, *, actor: str) -> None:
    for name in writing.SAID:
        setattr(row, name, getattr(content, name))
    row.last_seen, row.version = timezone.now(), next_version()
    row.save(update_fields=[*writing.SAID, "last_seen", "version"])
    audit.record("list.entry_changed", actor=actor, about=row, list=row.list_id, category=row.category, ref=row.ref)


def retract_entry(entry: UUID | str, *, because: str, actor: str, for_good: bool = True) -> list[ListEntry]:
    """Take an entry (by its id) or all entries of a `ref` out of matching; returns those retracted now.

    This is our own people's word: no source brings the entry back, also where the source withdrew it before. With
    `for_good` off who listed it may list it again. The rows stay as history. Nothing live under that name: an empty
    list. What the entries led to is re-decided by the caller.
    """
    own = id_or_none(entry)
    with transaction.atomic():
        rows = ListEntry.objects.filter(pk=own) if own else ListEntry.objects.none()
        if not rows.exists():
            rows = ListEntry.objects.filter(ref=str(entry)).exclude(ref="")
        rows = rows.filter(Q(retracted_at=None) | Q(barred=False)) if for_good else rows.filter(retracted_at=None)
        if not rows.exists():
            return []
        turn()  # first, as everybody does who changes entries: two that wait for each other would both fail
        found = list(rows.select_for_update().order_by("pk"))
        live = [row for row in found if row.retracted_at is None]
        version = next_version() if live else 0
        for row in live:
            _retract(row, because=because, barred=for_good, version=version, actor=actor)
        for row in found if for_good else ():
            if not row.barred:
                row.barred = True
                row.save(update_fields=["barred"])
                audit.record("list.entry_barred", actor=actor, about=row, list=row.list_id, because=because)
    return live


def _retract(row: ListEntry, *, because: str, barred: bool, version: int, actor: str) -> None:
    row.retracted_at, row.retracted_because, row.barred = timezone.now(), because[:200], barred
    row.version = version
    row.save(update_fields=["retracted_at", "retracted_because", "barred", "version"])
    audit.record("list.entry_retracted", actor=actor, about=row, list=row.list_id, because=because)


# --- what a list and an entry may do ---


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
            home.trusted_at = timezone.now() if trusted else home.trusted_at
            home.save(update_fields=["trusted", "trusted_at"])
            audit.record(
                "list.trust_set", actor=actor, about=home, trusted=trusted, because=because, approved_by=approved_by
            )
    return home


def hold_back(entry: UUID | str, *, because: str, actor: str) -> ListEntry:
    """Let a live entry do no more than show its hits to a person, until somebody lets it go. Raises UnknownEntry."""
    with transaction.atomic():
        turn()
        row = live_entry(entry)
        if row.held_back_at is None:
            row.held_back_at, row.version = timezone.now(), next_version()
            row.save(update_fields=["held_back_at", "version"])
            audit.record("list.entry_held_back", actor=actor, about=row, list=row.list_id, because=because)
    return row


def let_go(entry: UUID | str, *, because: str, actor: str, approved_by: str = "") -> ListEntry:
    """Let an entry act again, after a person has looked at what it hits.

    Of a trusted list it would act at once, which needs a second person. Raises UnknownEntry, NeedsSecondPerson.
    """
    with transaction.atomic():
        turn()
        row = live_entry(entry)
        alone = row.list.trusted and approved_by in ("", actor)
        if row.held_back_at is not None and not alone:
            row.held_back_at, row.version = None, next_version()
            row.save(update_fields=["held_back_at", "version"])
            audit.record(
                "list.entry_let_go", actor=actor, about=row, list=row.list_id, because=because, approved_by=approved_by
            )
            for task in Task.objects.filter(kind=HELD_BACK, about=audit.ref(row), closed_at=None):
                work.close_task(str(task.pk), actor=actor, outcome="let go")  # hits from before do not count again
    if row.held_back_at is not None and alone:
        audit.refused("list.let_go", actor=actor, about=row, reason="no second person")
        raise NeedsSecondPerson("Letting an entry of a trusted list act again needs a second person.")
    return row


def entry_is_trusted(entry_id: str) -> bool:
    """Whether a live entry stands on a list whose exact hits may act at once. Asked again at the time of acting.

    One that is held back may not.
    """
    own = id_or_none(entry_id)
    if own is None:
        return False
    rows = ListEntry.objects.filter(pk=own, retracted_at=None, held_back_at=None, list__trusted=True)
    return rows.exists()


def by_sha256(digests: Sequence[str]) -> "QuerySet[ListEntry]":
    """The live entries of files with one of these SHA-256, in lower-case hex: an entry that has one is known by it."""
    homes = HashList.objects.filter(kind=HashList.Kind.FILES)
    return ListEntry.objects.filter(list__in=homes, identity__in=digests, retracted_at=None)


def live_entry(entry: UUID | str) -> ListEntry:
    """A live entry with its list, locked in the caller's transaction. Raises UnknownEntry."""
    own = id_or_none(entry)
    rows = ListEntry.objects.select_for_update(of=("self",)).select_related("list")
    row = rows.filter(pk=own, retracted_at=None).first() if own else None
    if row is None:
        raise UnknownEntry("There is no live entry of that id.")
    return row
