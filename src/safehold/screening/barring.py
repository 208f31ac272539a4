"""What our own people retracted stays retracted: which entries no source brings back, and how two people allow them.

Others of this room call `Bars` in the transaction of a change, after its `turn`; other rooms `allow_entry` through
`service`. On a list that a source fills the bar is for the file (link, term), whatever the source's id for it; on a
list of our own, where each entry is a decision or request of its own, for that one alone: a later decision about the
same bytes is a new word of our people.
"""

from collections import defaultdict
from uuid import UUID

from django.db import transaction

from safehold.audit import service as audit
from safehold.screening import entries, writing
from safehold.screening.entries import DIGESTS, Content, id_or_none
from safehold.screening.errors import NeedsSecondPerson, NotAllowed, UnknownEntry
from safehold.screening.models import Exchange, HashList, ListEntry

BANK = "bank"  # the installation's own list, fed from decisions
REMOVED = "take-it-down"  # the other one: files removed at somebody's request
OWN = (BANK, REMOVED)


class Bars:
    """The barred entries of one list, as they stand in the caller's transaction."""

    def __init__(self, home: HashList) -> None:
        self.own = home.pk in OWN
        rows = ListEntry.objects.filter(list=home, barred=True).values_list(*writing.SAID)
        self.all = [Content(*map(writing.plain, row)) for row in rows]
        self._names = {(one.identity, one.ref) for one in self.all}
        self._identities = {one.identity for one in self.all}
        self._by_digest: dict[str, list[Content]] = defaultdict(list)
        self._by_ref: dict[str, list[Content]] = defaultdict(list)
        for one in self.all:
            if one.ref:
                self._by_ref[one.ref].append(one)
            for digest in _digests(one):
                self._by_digest[digest].append(one)

    def bar(self, content: Content) -> bool:
        """Whether this may not come onto the list."""
        if not self.all:
            return False
        if self.own:
            return (content.identity, content.ref) in self._names
        if content.identity in self._identities:
            return True
        near = [one for digest in _digests(content) for one in self._by_digest.get(digest, ())]
        near += self._by_ref.get(content.ref, ())
        return any(same_file(one, content) for one in near)


def same_file(one: Content, other: Content) -> bool:
    """Whether both mean one file, however much each says of it; no digest may speak against it.

    A look alone (PDQ) tells only within one id of the source: another file can have the same one.
    """
    if one.identity == other.identity or entries.agree(one, other):
        return True
    if not one.ref or one.ref != other.ref:
        return False
    looks = (one.pdq and one.pdq == other.pdq) or (one.frames and one.frames == other.frames)
    return bool(looks) and not any(_differ(getattr(one, name), getattr(other, name)) for name in DIGESTS)


def allow_entry(entry: UUID | str, *, because: str, actor: str, approved_by: str = "") -> list[ListEntry]:
    """Let a list's source bring back what our own people retracted: this entry, and others of the list for its file.

    Nothing matches again by that alone: it comes back when the source names it. An exchange is read from its
    beginning, since it names only what changes. Returns the rows that no longer bar. Raises NeedsSecondPerson,
    UnknownEntry, ValueError without a reason; NotAllowed for a list of our own, where a new decision is the way.
    """
    if not because.strip():
        raise ValueError("Say why: it goes on record.")
    if approved_by in ("", actor):
        audit.refused("list.allow", actor=actor, about=f"listentry:{id_or_none(entry)}", reason="no second person")
        raise NeedsSecondPerson("Letting a source bring back what was retracted needs a second person.")
    with transaction.atomic():
        own = id_or_none(entry)
        row = ListEntry.objects.select_related("list").filter(pk=own, barred=True).first() if own else None
        if row is None:
            raise UnknownEntry("There is no entry of that id that our own people retracted.")
        if row.list_id in OWN:
            raise NotAllowed(f"What stands on {row.list_id} was decided here: a new decision puts it there again.")
        file = writing.said(row)
        rows = [one for one in _locked(row.list) if one.pk == row.pk or same_file(writing.said(one), file)]
        for one in rows:
            one.barred = False
            one.save(update_fields=["barred"])
            audit.record(
                "list.entry_allowed", actor=actor, about=one, list=one.list_id, because=because, approved_by=approved_by
            )
        Exchange.objects.filter(list=row.list).update(checkpoint={})
    return rows


def _locked(home: HashList) -> list[ListEntry]:
    return list(ListEntry.objects.select_for_update().filter(list=home, barred=True).order_by("pk"))


def _digests(content: Content) -> list[str]:
    return [digest for name in DIGESTS if (digest := getattr(content, name))]


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)
