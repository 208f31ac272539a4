"""What follows what in a removal (47 USC 223a): resolve what it names, hide it, look for copies, bring it back.

    resolve ─► (a person finds it valid) ─► hide, hash, copies ─► removed ─► letters ─► purge when the window ends

`advance` looks at where a request stands and makes due whatever may happen next; it runs in the caller's transaction
and may be repeated. Jobs: `removal.resolve`, `removal.look`, `removal.hash`, `removal.copy`, `removal.purge`. Others
may call `advance`, `advance_cause`, `alone`, `alone_cause`, `want`, `wanted`, `give_back`, `may_purge`, `hidden_at` and
`keep_going`.
No file is kept: what is read from a host is hashed as it streams by.
"""

import contextlib
import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cases.models import CaseItem
from safehold.enforcement import service as enforcement
from safehold.enforcement.models import Action
from safehold.hosts import contract
from safehold.hosts.service import contact
from safehold.intake.models import Locator, Report
from safehold.path import order, removal_letters, resolving, reversal
from safehold.removals import service as removals
from safehold.removals.models import Removal, RemovalItem, RemovalLocator
from safehold.screening import service as screening
from safehold.screening.models import ListEntry
from safehold.subjects.models import Host, Item
from safehold.work import service as work

ACTOR = "system:worker"
Id = UUID | str
State, Kind, S = Action.State, Action.Kind, Removal.State
LIST = screening.REMOVED  # the list of files that are removed again wherever they are uploaded
PATIENT = 60  # attempts, the last ones an hour apart: a host may be away for a day and more
SOON = timedelta(seconds=10)
DAY = 24 * 3600.0


def alone(removal_id: Id) -> Removal:
    """The request as it is now, and nobody else's step of it until this transaction ends."""
    return Removal.objects.select_for_update(of=("self",)).get(pk=removal_id)


def alone_cause(cause: str) -> None:
    """As `alone`, for what an action names as its cause. Taken before the action's own row, as a decision is."""
    if removal_id := _removal_of(cause):
        alone(removal_id)


def advance_cause(cause: str) -> None:
    """An action outside a case was settled: the request that wanted it goes on. Needs a transaction."""
    if removal_id := _removal_of(cause):
        advance(removal_id)


def advance(removal_id: Id) -> None:
    """Make due whatever may happen next for a request. One at a time; may be repeated. Needs a transaction."""
    row = alone(removal_id)
    if row.locators.filter(state=RemovalLocator.State.CHECKING).exists():
        return  # the hosts are being asked: `removal.resolve` comes back here
    if row.state == S.RECEIVED and settings.SAFEHOLD.removal_hide_at_once and not _waits(row):
        for removed in _not_ordered(row).filter(private=False):
            want(removed, actor=ACTOR)
    if row.state == S.NOT_FOUND and row.checked_by and wanted(row).exists():
        row = removals.looked_again(row, actor=ACTOR)
    if row.state == S.VALID:
        row = _begin(row)
    if row.state == S.REMOVING:
        row = _finish(row)
    if row.state == S.REMOVED:
        _after(row)
    if row.state == S.RESTORING and not _unsettled(row).exists():
        removals.restored(row, actor=ACTOR)
        removal_letters.tell(row, "restored")


def _begin(row: Removal) -> Removal:
    """Valid: everything that it names is ordered gone. Names it nothing, a person looks before it is answered."""
    if not wanted(row).exists():
        row = removals.missed(row, actor=ACTOR)
        work.raise_task(
            "removal-not-found", key=f"{row.pk}:{row.complete_at.isoformat()}", about=audit.ref(row), role="reviewer"
        )
        removal_letters.tell(row, "not_found")
        return row
    if _waits(row):
        return row
    row = removals.begin(row, actor=ACTOR)
    for removed in wanted(row):
        want(removed, actor=row.checked_by or ACTOR)
    return row


def _waits(row: Removal) -> bool:
    """Routed to child safety, the case must know the items before they are hidden: then it preserves them first.

    From then on `action.carry_out` waits for the vault. A case that never comes holds nothing up for longer than half
    of the 48 hours. Where it waits, another look is made due.
    """
    if row.report is None or timezone.now() > row.complete_at + removals.DEADLINE / 2:
        return False
    report = Report.objects.get(pk=row.report)
    named = report.locators.filter(state__in=[Locator.State.CHECKING, Locator.State.FOUND])
    if report.cases.exists() or report.state == Report.State.FINISHED or not named.exists():
        return False
    soon = timezone.now() + SOON
    work.enqueue("removal.look", key=str(row.pk), not_before=soon, again=True, removal=str(row.pk))
    return True


def want(removed: RemovalItem, *, actor: str) -> Action:
    """Order the item hidden for its request. Ordered already, it stays so. Needs a transaction."""
    action = enforcement.order(Kind.HIDE_ITEM, actor=actor, item=removed.item, cause=removed.removal.cause)
    order.carry_out(action)
    if removed.digest == RemovalItem.Digest.DUE and removed.removal.state not in (S.RECEIVED, S.VALID):
        work.enqueue("removal.hash", key=str(removed.pk), removed=str(removed.pk))
    return action


def wanted(row: Removal) -> "QuerySet[RemovalItem]":
    """The items that a request wants gone, in the order in which they were added."""
    rows = RemovalItem.objects.filter(removal=row, given_back_at=None)
    return rows.select_related("item__host", "item__account", "removal").order_by("added_at", "pk")


def _not_ordered(row: Removal) -> "QuerySet[RemovalItem]":
    """Items that no order in force hides for this request. One that failed stands: it has its task."""
    ordered = enforcement.of_cause(row.cause).filter(kind=Kind.HIDE_ITEM)
    return wanted(row).exclude(item__in=ordered.exclude(state__in=[State.REVERSED, State.DROPPED]).values("item"))


def _finish(row: Removal) -> Removal:
    """Removed once every item is confirmed hidden by the request's own order."""
    for removed in _not_ordered(row):
        want(removed, actor=row.checked_by or ACTOR)
    own = enforcement.of_cause(row.cause).filter(kind=Kind.HIDE_ITEM)
    items = list(wanted(row))
    hidden = set(own.filter(state=State.CONFIRMED).values_list("item_id", flat=True))
    if not items or {one.item_id for one in items} - hidden:
        return row
    at = max(hidden_at(one.item) or timezone.now() for one in items)
    row = removals.done(row, removed_at=at, actor=ACTOR)
    removal_letters.tell(row, "removed")
    return row


def _after(row: Removal) -> None:
    """Removed: whoever posted it is told, and the hosts' copies are destroyed when the time to object is over."""
    for removed in wanted(row):
        hides = enforcement.of_cause(row.cause).filter(item=removed.item, kind=Kind.HIDE_ITEM, state=State.CONFIRMED)
        if hides.exists():
            removal_letters.tell_holder(removed)
    assert row.removed_at is not None  # the database holds one for every removed request  # noqa: S101
    due = row.removed_at + order.appeal_window()
    work.enqueue("removal.purge", key=str(row.pk), not_before=due, again=True, removal=str(row.pk))


def hidden_at(item: Item) -> datetime | None:
    """Since when the item is out of everybody's reach, by whichever order; None where it is not."""
    rows = enforcement.on_item(item).filter(kind=Kind.HIDE_ITEM, state=State.CONFIRMED)
    return rows.order_by("confirmed_at").values_list("confirmed_at", flat=True).first()


def give_back(removed: RemovalItem, *, because: str, actor: str) -> None:
    """The request no longer wants this item gone: its own hide is undone, and its digest matches no upload.

    What another order still wants hidden stays hidden. Needs a transaction.
    """
    row = removed.removal
    removals.give_back(removed, because=because, actor=actor)
    for action in enforcement.of_cause(row.cause).filter(item=removed.item):
        reversal.reverse(action, because=because, actor=actor)
    if removed.sha256 and not wanted(row).filter(sha256=removed.sha256).exists():
        live = ListEntry.objects.filter(list=LIST, ref=row.cause, sha256=removed.sha256, retracted_at=None)
        for entry in live:
            screening.retract_entry(entry.pk, because=because, actor=actor, for_good=False)
    removal_letters.tell_back(removed)


def _unsettled(row: Removal) -> "QuerySet[Action]":
    ended = [State.REVERSED, State.IRREVERSIBLE, State.DROPPED]
    return enforcement.of_cause(row.cause).filter(kind=Kind.HIDE_ITEM).exclude(state__in=ended)


def may_purge(action: Action) -> bool:
    """Asked again right before a purge: nothing is open against the removal, and no case rests on the item."""
    removal_id = _removal_of(action.cause)
    removed = RemovalItem.objects.filter(removal__pk=removal_id, item=action.item, given_back_at=None).first()
    if removed is None or removed.removal.state != S.REMOVED or removed.removal.removed_at is None:
        return False
    if timezone.now() < removed.removal.removed_at + order.appeal_window():
        return False
    if CaseItem.objects.filter(item=removed.item).exists():
        return False  # a case keeps to its own rule: preserved, filed, and then purged
    return not RemovalItem.objects.filter(removal=removed.removal, objection__state="open").exists()


@work.job("removal.purge", role="reviewer")
def purge(removal: str) -> work.Outcome:
    """The time to object is over: the host's copies are ordered destroyed. No undo."""
    with transaction.atomic():
        row = alone(removal)
        if row.state != S.REMOVED:
            return None
        again = False
        for removed in wanted(row):
            held = CaseItem.objects.filter(item=removed.item).exists()
            open_ones = RemovalItem.objects.filter(removal=row, objection__state="open").exists()
            again = again or open_ones
            if not held and not open_ones:
                action = enforcement.order(Kind.PURGE_ITEM, actor=ACTOR, item=removed.item, cause=row.cause)
                order.carry_out(action)
    return work.Later(DAY) if again else None


@work.job("removal.resolve", role="reviewer", attempts=PATIENT)
def resolve(removal: str) -> work.Outcome:
    """Ask the hosts what the request names; then it goes on."""
    row, waiting = Removal.objects.get(pk=removal), None
    for locator in row.locators.filter(state=RemovalLocator.State.CHECKING):
        try:
            _settle(locator)
        except contract.HostUnavailable as error:
            waiting = error  # the others are settled now; this one is asked again
    work.boundary("removal.resolve.settled")
    with transaction.atomic():
        advance(row.pk)
    if waiting is not None:
        raise waiting
    return None


def _settle(locator: RemovalLocator) -> None:
    """Find out what one locator names. Leaves it open where the host cannot be asked now."""
    hosts = [locator.host] if locator.host else list(Host.objects.filter(enabled=True))
    for host in hosts:
        try:
            found = resolving.ask(host, locator.raw, given_as=locator.given_as, account=False)
        except (contract.NotFound, contract.Unsupported, contract.HostRefused):
            continue
        if found.item is None:
            continue  # an account alone is no depiction
        with transaction.atomic():
            row = alone(locator.removal_id)
            _account, item = resolving.rows(host, found)
            assert item is not None  # it was found  # noqa: S101
            removals.settle_locator(locator.pk, item=item, actor=ACTOR)
            removals.add_item(row, item, found=RemovalItem.Found.NAMED, private=found.item.public is False)
        return
    with transaction.atomic():
        removals.settle_locator(locator.pk, item=None, actor=ACTOR)


@work.job("removal.look", role="reviewer")
def look(removal: str) -> work.Outcome:
    """Look again at a request that waits for the case that was made of it."""
    with transaction.atomic():
        advance(removal)
    return None


@work.job("removal.hash", role="reviewer", attempts=PATIENT)
def hash_item(removed: str) -> work.Outcome:
    """Compute the digest of a removed file as it streams by, and look for copies of the very same bytes."""
    row = RemovalItem.objects.select_related("item__host", "removal").get(pk=removed)
    if row.digest == RemovalItem.Digest.DUE:
        sha256 = None if row.private else _digest(row.item)
        work.boundary("removal.hash.read")
        with transaction.atomic():
            removal = alone(row.removal_id)
            row = removals.set_digest(row, sha256) if sha256 else removals.no_digest(row)
            if removal.state in (S.REMOVING, S.REMOVED) and row.given_back_at is None and row.sha256:
                _keep_away(removal, row)
    work.boundary("removal.hash.kept")
    return None


def _digest(item: Item) -> str | None:
    """The SHA-256 of the item's file; None where there is none that the host gives out."""
    line = contact(item.host)
    try:
        if not line.item(item.external_id).media_type:
            return None
        digest = hashlib.sha256()
        with line.open_item(item.external_id) as chunks:
            for chunk in chunks:
                digest.update(chunk)
    except (contract.NotFound, contract.Unsupported):
        return None
    except contract.HostRefused as error:
        raise work.GiveUp(f"item {item.pk} {type(error).__name__}") from error
    return digest.hexdigest()


def _keep_away(removal: Removal, row: RemovalItem) -> None:
    """The same bytes are removed wherever we know of them, and whenever they come again (47 USC 223a(a)(3)(B))."""
    with contextlib.suppress(screening.Barred):  # a policy owner took it off the list: copies known now go all the same
        screening.add_entry(
            LIST, row.sha256, source="removal requests", category="removal", purpose=screening.Purpose.REMOVAL,
            licence="own", actor=ACTOR, ref=removal.cause,
        )  # fmt: skip
    in_cases = Item.objects.filter(in_cases__body__sha256=row.sha256)
    in_removals = Item.objects.filter(in_removals__sha256=row.sha256)
    known = (in_cases | in_removals).filter(host__enabled=True).exclude(in_removals__removal=removal)
    for item in known.distinct():
        copy = removals.add_item(removal, item, found=RemovalItem.Found.COPY, sha256=row.sha256)
        want(copy, actor=ACTOR)


@work.job("removal.copy", role="reviewer")
def hide_copy(like: str, item: str) -> work.Outcome:
    """A file that a request removed was uploaded again: hidden for the same request, if that stands still."""
    known = RemovalItem.objects.get(pk=like)
    with transaction.atomic():
        row = alone(known.removal_id)
        known.refresh_from_db()
        if row.state not in (S.REMOVING, S.REMOVED) or known.given_back_at is not None:
            return None
        found = RemovalItem.Found.UPLOAD
        copy = removals.add_item(row, Item.objects.get(pk=item), found=found, sha256=known.sha256)
        if copy.given_back_at is None:
            want(copy, actor=ACTOR)
    work.boundary("removal.copy.ordered")
    return None


def keep_going() -> None:
    """A safety net: no request waits for a wake-up that was lost."""
    rows = Removal.objects.filter(state__in=[S.VALID, S.REMOVING, S.RESTORING])
    for removal_id in list(rows.values_list("pk", flat=True)):
        with transaction.atomic():
            advance(removal_id)


def _removal_of(cause: str) -> str:
    kind, _colon, removal_id = cause.partition(":")
    return removal_id if kind == "removal" else ""
