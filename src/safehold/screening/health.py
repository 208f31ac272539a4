"""What is wrong or unwise about lists, exchanges and the index. `safehold doctor` calls `examine` through `service`.

Each finding is what was looked at, how it is (ok, note, wrong) and what to do, without any entry in it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from django.conf import settings

from safehold.screening import building, following, hidden, live
from safehold.screening.errors import NotReady
from safehold.screening.exchanges import client, keeping
from safehold.screening.index.files import read_manifest
from safehold.screening.index.types import DamagedIndex
from safehold.screening.models import Exchange, HashList, ListEntry
from safehold.sealing import box


class Health(NamedTuple):
    """One thing that was looked at. `state`: ok, note (works, but know this), wrong."""

    what: str
    state: str
    say: str


def examine() -> Iterator[Health]:
    """Everything about lists, in the order in which a person would mend it."""
    number = HashList.objects.count()
    if not number:
        yield Health("lists", "note", "there are none: nothing is recognised. Run: safehold lists import")
    else:
        yield Health("lists", "ok", f"{number}, newest change {following.clock()}; see safehold lists status")
    yield from _key()
    yield from _index()
    for row in Exchange.objects.select_related("list").order_by("pk"):
        yield _exchange(row)


def _key() -> Iterator[Health]:
    """The one file without which listed links match nothing and terms cannot be opened."""
    entries = ListEntry.objects.filter(retracted_at=None).exclude(list__kind=HashList.Kind.FILES)
    if not entries.exists():
        return
    if not hidden.key_file().exists():
        yield Health("lists.key", "wrong", "is gone: no listed link or term matches. Restore it (docs/operations.md)")
        return
    sealed = entries.exclude(sealed=None).values_list("sealed", flat=True).first()
    try:
        if sealed is not None:
            hidden.open_term(bytes(sealed))
    except box.CannotUnseal:
        say = "does not open the listed terms: it is another file than they were sealed with. Restore the old one"
        yield Health("lists.key", "wrong", f"{say} (docs/operations.md)")


def _index() -> Iterator[Health]:
    folder, again = live.folder(), "Run: safehold screening index build --anew"
    try:
        manifest = read_manifest(folder)
        building.check_history(folder)
    except (DamagedIndex, NotReady) as problem:
        yield Health("index", "wrong", f"{problem} {again}" if again not in str(problem) else str(problem))
        return
    if manifest is not None:
        behind = following.clock() - manifest.upto
        yield Health("index", "ok", f"{manifest.entries:,} entries; {behind:,} changes newer, held in memory")
    elif ListEntry.objects.filter(retracted_at=None, list__kind=HashList.Kind.FILES).exists():
        say = "no files are built: each process reads all entries when it starts. Run: safehold screening index build"
        yield Health("index", "note", say)


def _exchange(row: Exchange) -> Health:
    what, environment = f"exchange {row.pk}", client.place_of(row.base_url)[0]
    if not row.enabled:
        entries = row.list.entries.filter(retracted_at=None).count()
        if not entries:
            return Health(what, "ok", "switched off, and its list is empty")
        say = f"is switched off: {entries:,} entries still match, also those that the source withdraws meanwhile"
        return Health(what, "note", say)
    if problem := client.address_problem(row.base_url, settings.SAFEHOLD.environment):
        return Health(what, "wrong", f"is not asked: {problem}. Run: safehold lists exchange off {row.pk}")
    if settings.SAFEHOLD.environment == "production" and environment != "production":
        say = f"brings entries of a {environment} feed into production, where they act on people. Switch it off, and"
        return Health(what, "wrong", f"{say} see that its list is not trusted")
    if row.refused_at is not None:
        say = f"refused us since {row.refused_at:%Y-%m-%d %H:%M} ({row.problem})"
        return Health(what, "wrong", f"{say}. Run: safehold lists exchange set {row.pk}")
    since = f"{row.last_read_at:%Y-%m-%d %H:%M}" if row.last_read_at else "never"
    if keeping.stale(row):
        say = f"last read whole: {since} ({row.problem or 'no problem told'})"
        return Health(what, "wrong", f"{say}. Is the worker running? Run: safehold lists sync {row.pk}")
    if row.problem:
        return Health(what, "note", f"last read whole: {since}; the last attempt: {row.problem}")
    return Health(what, "ok", f"{environment}; last read whole: {since}")
