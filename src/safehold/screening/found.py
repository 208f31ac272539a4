"""What was hit, one row for each entry and item, and what people found about it. Others call it through `service`.

`note_hits` writes rows down once, `attach_report` says which report came of them; `found_on` gives those of items or
reports; `settle_hits` says what a decision of people found; `surest` says how sure the hits behind a report are;
`links_in` finds the links of a text that were hit; `led_to` gives what rests on entries. Nothing here judges: agreement
is what a decision says.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening.links.canonical import SCOPES, Scope
from safehold.screening.links.finding import find_links
from safehold.screening.links.table import LinkChange
from safehold.screening.listed_links import ListedLinks
from safehold.screening.matching import Hit
from safehold.screening.models import HitRecord, HitRule, ListEntry
from safehold.screening.rules import Does, kind_of
from safehold.subjects.models import Host, Item

Agreed = HitRecord.Agreed


def note_hits(
    host: Host, hits: Sequence[tuple[Hit, Does]], *, item_id: str, account_id: str, surface: str, jurisdiction: str
) -> tuple[list[HitRecord], list[HitRecord]]:
    """Write down what was not written down before: each entry, item and way of matching once.

    Returns every row of these hits, and those that are new.
    """
    rows = HitRecord.objects.filter(host=host, item_id=item_id, entry__in=[hit.entry_id for hit, _ in hits])
    known, now = set(rows.values_list("entry_id", "how")), timezone.now()
    new = [
        HitRecord(
            entry_id=UUID(hit.entry_id), host=host, item_id=item_id, account_id=account_id, how=hit.how,
            exact=hit.exact, distance=hit.distance, sha256=hit.sha256, surface=surface, jurisdiction=jurisdiction,
            rule_id=UUID(did.rule) if did.rule else None, did=did.does, at=now,
        )
        for hit, did in hits
        if (UUID(hit.entry_id), hit.how) not in known
    ]  # fmt: skip
    HitRecord.objects.bulk_create(new, ignore_conflicts=True)  # another request may note the same in this moment
    fresh = {row.pk for row in new}
    found = list(rows.select_related("entry"))
    return found, [row for row in found if row.pk in fresh]


def attach_report(rows: Iterable[HitRecord], report: UUID, did: Mapping[tuple[str, str], Does]) -> None:
    """The report that came of these hits, and what each of them does now: {(entry, how): what}."""
    for row in rows:
        now = did[(str(row.entry_id), row.how)]
        row.report, row.did, row.rule_id = report, now.does, UUID(now.rule) if now.rule else None
        row.save(update_fields=["report", "did", "rule"])


def found_on(*, items: Iterable[Item] = (), reports: Iterable[UUID] = ()) -> "QuerySet[HitRecord]":
    """What was hit on these items, and what led to these reports."""
    wanted = Q(report__in=list(reports))
    for item in items:
        wanted |= Q(host=item.host_id, item_id=item.external_id)
    return HitRecord.objects.filter(wanted).select_related("entry__list", "rule").order_by("-exact", "distance", "at")


def settle_hits(
    rows: Iterable[HitRecord], *, violation: bool, ref: str, actor: str, unseen: Collection[UUID] = ()
) -> list[HitRecord]:
    """A decision of people (`ref`) about the items: returns the rows for which that says something new.

    `unseen` are rows that had been decided on without a look: where there is no violation, those are taken back.
    """
    changed = []
    for row in HitRecord.objects.select_for_update(of=("self",)).filter(pk__in=[one.pk for one in rows]):
        wrong = Agreed.TAKEN_BACK if row.pk in unseen or row.agreed == Agreed.TAKEN_BACK else Agreed.NO
        now = Agreed.YES if violation else wrong
        if row.agreed == now:
            continue
        row.agreed, row.agreed_at, row.agreed_ref = now, timezone.now(), ref
        row.save(update_fields=["agreed", "agreed_at", "agreed_ref"])
        audit.record("hit.settled", actor=actor, about=row, agreed=str(now), by=ref)
        changed.append(row)
    return changed


def links_in(text: str, entries: Iterable[UUID]) -> tuple[str, ...]:
    """The links of a text that fall under any of these entries, as the text has them; obfuscated ones made plain."""
    rows = ListEntry.objects.filter(pk__in=list(entries), link__isnull=False)
    held = ListedLinks()
    held.apply([LinkChange(row.pk.bytes, row.version, True, _scope(row.scope), bytes(row.link or b"")) for row in rows])
    return tuple(link.url for link in find_links(text) if held.look([link.url], "")[0])


def _scope(text: str) -> Scope:
    """The scope of an entry of a list of links: the database holds no other (`entry_has_something_to_match`)."""
    return next(scope for scope in SCOPES if scope == text)


def surest(report: UUID) -> str:
    """How sure the hits are that led to a report, as the queue tells them apart: "match" (the very file, on a trusted
    list), "alike" (any other file, or a link), "words"; "" where none was recorded."""
    rows = HitRecord.objects.filter(report=report).values_list("how", "exact", "entry__list__trusted")
    found = [(kind_of(how, exact=exact), trusted) for how, exact, trusted in rows]
    if any(on == HitRule.On.EXACT and trusted for on, trusted in found):
        return "match"
    return "alike" if any(on != HitRule.On.WORDS for on, _ in found) else "words" if found else ""


def led_to(entries: Iterable[UUID | str]) -> "QuerySet[HitRecord]":
    """Every hit on these entries, the oldest first."""
    return HitRecord.objects.filter(entry__in=list(entries)).select_related("host").order_by("at", "pk")
