"""What a screening hit leads to: the host uploaded, linked or wrote something that stands on a list.

`record` is what the screening path calls for each item with hits; `screening_hit` is the same for a SHA-256 alone.
What each hit does, the operator's rules say (`screening.rules`); a list of removed files (its purpose says so) leads to
no case. `learned` tells the guard what people decided, `correct` and `entry_retracted` have what a wrong entry led to
looked at again, `links_of` finds the links of an item that hit, for the report.

Jobs: `hit.retracted`. Deciding without a look stands in `unseen`.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from safehold.audit import service as audit
from safehold.cases import service as cases
from safehold.cases.models import CaseItem, Decision
from safehold.intake import service as intake
from safehold.intake.models import Report
from safehold.path import arrivals, removals
from safehold.redress import service as redress
from safehold.redress.models import Appeal
from safehold.screening import service as screening
from safehold.screening.models import HitRecord, HitRule, ListEntry
from safehold.subjects.models import Account, Host, Item
from safehold.work import service as work

ACTOR = "system:worker"
BY_RULE = "system:rule:"  # who decided where nobody looked: the rule is named behind it
AT_ONCE = 50  # corrections opened in one step
STRENGTH = list(HitRule.Does.values)


class Taken(msgspec.Struct, frozen=True):
    """What became of an item's hits: the report ("" = none), and the strongest thing that any of them does."""

    report_ref: str
    did: str


def record(
    host: Host,
    *,
    item_id: str,
    account_id: str,
    asked: screening.Asked,
    hits: Sequence[screening.Hit],
    surface: str,
    jurisdiction: str,
) -> Taken:
    """Take an item's hits as knowledge, in the caller's transaction if there is one. May be repeated.

    Every hit is written down. One report comes of those that bring a person; it joins the undecided case about the
    item or its account, or opens one. A hit that only orders the queue brings such a case forward. `hits` is not empty.
    """
    item_id, account_id = intake.clean(item_id), intake.clean(account_id)
    with transaction.atomic():
        paired = list(zip(hits, screening.does_many(hits), strict=True))
        rows, fresh = screening.note_hits(
            host, paired, item_id=item_id, account_id=account_id, surface=surface, jurisdiction=jurisdiction
        )
        _copies(host, item_id, account_id, asked.sha256, paired)
        opening = [(hit, did) for hit, did in paired if did.opens and hit.purpose == screening.Purpose.PREVENT]
        report = _report(host, item_id, account_id, asked, opening, rows) if opening else None
        if any(row.did == HitRule.Does.ORDER for row in fresh):
            _bring_forward(host, item_id, account_id)
    strongest = max((did.does for _hit, did in paired), key=STRENGTH.index)
    return Taken(str(report) if report else "", strongest)


def screening_hit(host: Host, *, item_id: str, account_id: str, sha256: str, hits: list[screening.Hit]) -> Taken:
    """The hits of a file that is known by its SHA-256 alone, on a public surface."""
    return record(
        host, item_id=item_id, account_id=account_id, asked=screening.Asked(sha256=sha256), hits=hits,
        surface="public_uploads", jurisdiction="",
    )  # fmt: skip


def _copies(
    host: Host, item_id: str, account_id: str, sha256: str, paired: list[tuple[screening.Hit, screening.Does]]
) -> None:
    """A file that a request removed is hidden for that request, unless its entry is held back."""
    removed = [hit.entry_id for hit, did in paired if hit.purpose == screening.Purpose.REMOVAL and did.hides]
    refs = ListEntry.objects.filter(pk__in=removed).order_by("pk").values_list("ref", flat=True)
    for ref in dict.fromkeys(refs):
        removals.copy_found(host, item_id=item_id, account_id=account_id, sha256=sha256, ref=ref)


def _report(
    host: Host,
    item_id: str,
    account_id: str,
    asked: screening.Asked,
    opening: list[tuple[screening.Hit, screening.Does]],
    rows: list[HitRecord],
) -> UUID:
    """The report about the item; the one that is there already where nothing new was hit."""
    did = {(hit.entry_id, hit.how): does for hit, does in opening}
    of_these = [row for row in rows if (str(row.entry_id), row.how) in did]
    new = [row for row in of_these if row.report is None]
    if not new:
        return next(row.report for row in of_these if row.report is not None)
    first, _does = min(opening, key=_weight)
    # The same file of the same item is the same report, until that is decided and another entry is hit.
    key = f"{host.slug}:{item_id}:{asked.sha256 or asked.md5 or asked.sha1 or first.entry_id}"
    accepted = arrivals.receive_report(_new(host, key, item_id, account_id, first))
    if accepted.report.state == Report.State.FINISHED:
        key = f"{key[:400]}:{min(str(row.entry_id) for row in new)}"
        accepted = arrivals.receive_report(_new(host, key, item_id, account_id, first))
    screening.attach_report(new, accepted.report.pk, did)
    return accepted.report.pk


def _new(host: Host, key: str, item_id: str, account_id: str, hit: screening.Hit) -> intake.NewReport:
    return intake.NewReport(
        channel="screening",
        once_key=key,
        host=host.slug,
        item_ids=(item_id,),
        account_ids=(account_id,) if account_id else (),
        class_id=screening.class_of(hit.list, hit.category),
        reporter_ref=f"entry:{hit.entry_id}",
    )


def _weight(pair: tuple[screening.Hit, screening.Does]) -> tuple[int, bool, bool, int, str]:
    """The hit that a report is named for: what does most, then what is surest."""
    hit, did = pair
    return -STRENGTH.index(did.does), not hit.exact, not hit.trusted, hit.distance or 0, hit.entry_id


def _bring_forward(host: Host, item_id: str, account_id: str) -> None:
    """A word was found: what people will look at anyway comes sooner. Nothing is opened, nothing is decided."""
    account = Account.objects.filter(host=host, external_id=account_id).first() if account_id else None
    item = Item.objects.filter(host=host, external_id=item_id).first()
    case = cases.undecided(account, [item] if item else []) if account or item else None
    if case is not None:
        cases.bring_forward(case, because="hit", actor=ACTOR)


def links_of(item: Item, text: str) -> tuple[str, ...]:
    """The links in an item's text for which screening hit it: their wording is the item's own, never the list's."""
    entries = screening.found_on(items=[item]).filter(how="link").values_list("entry", flat=True)
    return screening.links_in(text, list(entries)) if text and entries else ()


def said_by_list(decision: Decision, item: CaseItem) -> str:
    """A sentence for the report where nobody looked: what the file equals, and who vouches for that; else nothing."""
    if not decision.decided_by.startswith(BY_RULE):
        return ""
    rule = HitRule.objects.select_related("list").get(pk=decision.decided_by.removeprefix(BY_RULE))
    rows = screening.found_on(items=[item.item]).filter(entry__list=rule.list, exact=True)
    named = sorted({(row.how.upper().replace("SHA", "SHA-"), row.entry.category) for row in rows})
    hashes = "; ".join(f"by {how}, category {category}" for how, category in named)
    return f"Classified without a look: the file is on the hash list of {rule.list.source} ({hashes})."


# --- what people found -----------------------------------------------------------------------------


def learned(decision: Decision, *, actor: str) -> None:
    """People decided about items that were hit: the guard learns whether they agree. In the decision's transaction.

    An item is a violation where any decision of people in force says so. What was decided without a look teaches
    nothing until somebody looks.
    """
    if decision.decided_by.startswith(BY_RULE):
        return
    items = [row.item for row in decision.covers.select_related("item")]
    of_rule = decision.replaces is not None and decision.replaces.decided_by.startswith(BY_RULE)
    for item in items:
        by_people = Decision.objects.filter(covers__item=item, state="confirmed").exclude(
            decided_by__startswith=BY_RULE
        )
        violation = by_people.filter(violation=True).exists()
        found(item, violation=violation, ref=audit.ref(decision), actor=actor, unseen=of_rule)


def upheld(appeal: Appeal, *, actor: str) -> None:
    """Somebody looked at a decision made without a look and came to the same: that is agreement."""
    if appeal.decision.decided_by.startswith(BY_RULE):
        for row in appeal.decision.covers.select_related("item"):
            found(row.item, violation=appeal.decision.violation, ref=audit.ref(appeal), actor=actor)


def found(item: Item, *, violation: bool, ref: str, actor: str, unseen: bool = False) -> None:
    """What a person found about one item goes to the guard and to the sources. In a transaction."""
    rows = list(screening.found_on(items=[item]).filter(entry__list__purpose=screening.Purpose.PREVENT))
    taken_back = {row.pk for row in rows if row.did == HitRule.Does.UNSEEN} if unseen else set()
    changed = screening.settle_hits(rows, violation=violation, ref=ref, actor=actor, unseen=taken_back)
    for row in changed:
        _tell_source(row, violation=violation, because=ref)
        if row.exact and not violation and row.entry.list_id != screening.BANK:  # the bank's own entry goes by itself
            work.raise_task(
                "entry-disputed", key=str(row.entry_id), about=audit.ref(row.entry), role="policy_owner", note=ref
            )
    for home in sorted({row.entry.list_id for row in rows if row.pk in {one.pk for one in changed}}):
        for drift in screening.check_drift(home):
            about = f"hitrule:{drift.rule}" if drift.rule else f"hashlist:{drift.list}"
            work.raise_task(
                "automation-off", key=f"{about}:{ref}", about=about, role="policy_owner",
                note=f"{drift.list}, {drift.on}. {drift.because}",
            )  # fmt: skip


def _tell_source(row: HitRecord, *, violation: bool, because: str) -> None:
    from safehold.path import exchanges  # reading lists calls this module: their entries may be withdrawn

    exchanges.tell_source(str(row.entry_id), row.how, affirmative=violation, because=because, distance=row.distance)


# --- an entry was wrong ----------------------------------------------------------------------------


def rests_on(entry: UUID | str) -> tuple[int, int]:
    """How many decisions in force rest on an entry, and of how many another person was asked to look again."""
    rows = _resting(entry)
    asked = rows.filter(appeals__because=f"entry:{entry}").distinct()
    return rows.count(), asked.count()


def correct(entry: UUID | str, *, actor: str, at_most: int = AT_ONCE) -> list[Appeal]:
    """Have decisions that a hit on this entry led to looked at again by somebody else; returns the corrections that
    were opened, or found open, now. May be repeated: each decision is asked about once. In a transaction.
    """
    asked = Q(appeals__because=f"entry:{entry}") | Q(appeals__state__in=["open", "in_review"])
    rows = _resting(entry).exclude(pk__in=Decision.objects.filter(asked).values("pk")).order_by("pk")[:at_most]
    return [redress.open_correction(row, because=f"entry:{entry}", actor=actor) for row in rows]


def _resting(entry: UUID | str) -> QuerySet[Decision]:
    """Decisions in force on a violation about an item whose hit on the entry led to a report of their case."""
    hits = screening.led_to([entry]).exclude(report=None)
    same = hits.filter(host=OuterRef("item__host"), item_id=OuterRef("item__external_id"))
    by_hit = Q(covers__in=CaseItem.objects.filter(Exists(same)), subject__case__reports__in=hits.values("report"))
    # Reports from before hits were written down one by one name their entry alone.
    recorded = HitRecord.objects.exclude(report=None).values("report")
    older = Report.objects.filter(channel="screening", partner=f"entry:{entry}").exclude(pk__in=recorded)
    in_force = Decision.objects.filter(state="confirmed", violation=True)
    return in_force.filter(by_hit | Q(subject__case__reports__in=older)).distinct()


def entry_retracted(entries: Iterable[UUID | str], *, actor: str = ACTOR) -> None:
    """Entries were withdrawn: a job asks again about everything that rests on them. In the caller's transaction."""
    for entry in entries:
        work.enqueue("hit.retracted", key=str(entry), again=True, entry=str(entry), actor=actor)


@work.job("hit.retracted", role="policy_owner")
def retracted(entry: str, actor: str) -> work.Outcome:
    """Open the next corrections; ends when every decision has been asked about."""
    with transaction.atomic():
        opened = correct(entry, actor=actor)
    work.boundary("hit.retracted.opened")
    return work.Again() if opened else None
