"""Counting the figures of a period from the records of all rooms. Exact, for staff; `disclosure` makes them public.

Each row says what it counts (`id`), its `value`, its `unit`, on how many cases a share or median rests
(`of`), for a total of which `parts` it is made, and for a share of a total which one it `tells`. A value of
None is not a zero: there was nothing to measure.
"""

import statistics
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Any

from django.conf import settings
from django.db.models import Case as Choose
from django.db.models import F, QuerySet, Value, When

from safehold.cases.models import Case, CaseSubject, Decision, Duty, Override
from safehold.cybertip.models import Filing
from safehold.enforcement.models import Action
from safehold.intake.models import Channel, Locator, Report
from safehold.persons.models import Ban
from safehold.policy.versions import FIRST, classes
from safehold.redress.models import Appeal
from safehold.removals.models import Removal, RemovalItem
from safehold.removals.service import RUNNING

Row = dict[str, Any]
Span = tuple[datetime, datetime]

FILED = ("finished", "recovered")
# What took effect: in force, or replaced later by an appeal or a correction.
EFFECTIVE = (Decision.State.CONFIRMED, Decision.State.REPLACED)
FOUND_VALID = ("valid", "removing", "removed", "not_found", "withdrawn", "restoring", "restored")
SANCTIONS = ("suspend_permanently", "suspend_protectively", "lock_until_removed", "read_only", "ban_person")


def sections(start: date, end: date) -> list[dict[str, Any]]:
    """Every section of the figures for the days from `start` up to but without `end` (UTC)."""
    span = (datetime.combine(start, time.min, UTC), datetime.combine(end, time.min, UTC))
    made = {
        "reports": _reports, "cases": _cases, "decisions": _decisions, "clauses": _clauses, "sanctions": _sanctions,
        "actions": _actions, "cybertips": _cybertips, "times": _times, "appeals": _appeals, "care": _care,
        "bans": _bans, "duties": _duties, "removals": _removals,
    }  # fmt: skip
    return [{"id": name, "rows": rows(span)} for name, rows in made.items()]


def _count(name: str, rows: "QuerySet[Any] | int") -> Row:
    return {"id": name, "value": rows if isinstance(rows, int) else rows.count(), "unit": "count"}


def _share(name: str, part: int, whole: int) -> Row:
    """A share of a whole; nothing to measure where the whole is 0. `part` is kept, so that it can be withheld."""
    value = round(part / whole, 3) if whole else None
    return {"id": name, "value": value, "unit": "share", "of": whole, "part": part}


def _median(name: str, seconds: list[float]) -> Row:
    value = round(statistics.median(seconds)) if seconds else None
    return {"id": name, "value": value, "unit": "seconds", "of": len(seconds)}


def _grouped(total: str, rows: "QuerySet[Any]", field: str, prefix: str, values: Iterable[str]) -> list[Row]:
    """A total and its parts by a column's value; every possible value has its row, also with 0."""
    counted = Counter(rows.order_by().values_list(field, flat=True))
    parts = [_count(f"{prefix}.{value}", counted.get(value, 0)) for value in values]
    return [{**_count(total, sum(counted.values())), "parts": [part["id"] for part in parts]}, *parts]


def _reports(span: Span) -> list[Row]:
    rows = Report.objects.filter(received_at__gte=span[0], received_at__lt=span[1])
    named = Locator.objects.filter(report__in=rows)
    return [
        *_grouped("reports.all", rows, "channel", "reports.channel", Channel.values),
        _count("reports.urgent", rows.filter(urgent=True)),
        *_grouped("locators.all", named, "state", "locators", Locator.State.values),
    ]


def _cases(span: Span) -> list[Row]:
    rows = Case.objects.filter(opened_at__gte=span[0], opened_at__lt=span[1])
    return [
        *_grouped("cases.opened", rows, "knowledge_source", "cases.source", Case.Knowledge.values),
        _count("cases.closed", Case.objects.filter(closed_at__gte=span[0], closed_at__lt=span[1])),
        _count("cases.open_now", Case.objects.exclude(state=Case.State.CLOSED)),
    ]


def _effective(span: Span) -> "QuerySet[Decision]":
    return Decision.objects.filter(state__in=EFFECTIVE, confirmed_at__gte=span[0], confirmed_at__lt=span[1])


def _decisions(span: Span) -> list[Row]:
    rows = _effective(span)
    outcome = [
        _count("decisions.violation", rows.filter(violation=True)),
        _count("decisions.clear", rows.filter(violation=False)),
    ]
    # An override is made at the first assessment. It stands with its own total alone, so that neither tells the other.
    override = When(cause=Decision.Cause.OVERRIDE, then=Value(Decision.Cause.ASSESSMENT))
    occasions = [cause for cause in Decision.Cause.values if cause != Decision.Cause.OVERRIDE]
    by_occasion = rows.annotate(occasion=Choose(override, default=F("cause")))
    return [
        {**_count("decisions.all", rows), "parts": [row["id"] for row in outcome]},
        *outcome,
        *_grouped("decisions.by_cause", by_occasion, "occasion", "decisions.cause", occasions),
    ]


def _clauses(span: Span) -> list[Row]:
    """A decision can rest on several clauses, so these do not add up to the decisions."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for name, version, clauses in _effective(span).values_list("policy", "policy_version", "clauses"):
        counted.update((name, version, clause) for clause in set(clauses))
    return [
        {
            **_count(f"clauses.{version if name == FIRST else f'{name}.{version}'}.{clause}", number),
            "policy": name,
            "version": version,
            "clause": clause,
        }
        for (name, version, clause), number in sorted(counted.items())
    ]


def _sanctions(span: Span) -> list[Row]:
    counted = Counter(
        sanction["code"]
        for outcome in _effective(span).values_list("outcome", flat=True)
        for sanction in outcome["sanctions"]
    )
    return [_count(f"sanctions.{code}", counted.get(code, 0)) for code in SANCTIONS]


def _actions(span: Span) -> list[Row]:
    """Confirmed means: the host was asked again and said so. Later reversals are counted beside."""
    done = Action.objects.filter(confirmed_at__gte=span[0], confirmed_at__lt=span[1])
    undone = Action.objects.filter(reversed_at__gte=span[0], reversed_at__lt=span[1])
    return [
        *_grouped("actions.confirmed", done, "kind", "actions.kind", Action.Kind.values),
        _count("actions.reversed", undone),
        _count("actions.failed_now", Action.objects.filter(state=Action.State.FAILED)),
    ]


def _filings(span: Span) -> "QuerySet[Filing]":
    return Filing.objects.filter(
        environment=settings.SAFEHOLD.cybertip.environment, ended_at__gte=span[0], ended_at__lt=span[1]
    )


def _cybertips(span: Span) -> list[Row]:
    ended = _filings(span)
    return [
        {
            **_count("cybertips.receipts", ended.filter(state__in=FILED)),
            "parts": ["cybertips.finished", "cybertips.recovered"],
        },
        _count("cybertips.finished", ended.filter(state="finished")),
        _count("cybertips.recovered", ended.filter(state="recovered")),
        _count("cybertips.by_hand", ended.filter(state="by_hand")),
        _count("cybertips.not_reportable", ended.filter(state="not_reportable")),
        _count("cybertips.failed_now", Filing.objects.filter(state="failed")),
    ]


def _times(span: Span) -> list[Row]:
    hidden = Action.objects.filter(
        kind=Action.Kind.HIDE_ITEM, confirmed_at__gte=span[0], confirmed_at__lt=span[1], case_item__isnull=False
    ).values_list("case_item__case__knowledge_at", "confirmed_at")
    return [
        _median("times.hidden", _seconds(hidden)),
        _median("times.filed", _until_filed(span)),
    ]


def _seconds(spans: "Iterable[tuple[datetime, datetime | None]]") -> list[float]:
    return [(end - begin).total_seconds() for begin, end in spans if end is not None]


def _until_filed(span: Span) -> list[float]:
    """From knowledge to receipt, for filings that stand for a subject of a case (`subject:<id>`)."""
    ended = _filings(span).filter(state__in=FILED, ref__startswith="subject:").values_list("ref", "ended_at")
    ends = {ref.removeprefix("subject:"): at for ref, at in ended if at is not None}
    known = CaseSubject.objects.filter(pk__in=[pk for pk in ends if _is_id(pk)]).values_list("pk", "case__knowledge_at")
    return [(ends[str(pk)] - at).total_seconds() for pk, at in known]


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _appeals(span: Span) -> list[Row]:
    rows = Appeal.objects.filter(kind=Appeal.Kind.APPEAL)
    answered = rows.filter(decided_at__gte=span[0], decided_at__lt=span[1])
    granted, refused = answered.filter(state="granted").count(), answered.filter(state="refused").count()
    corrections = Appeal.objects.filter(kind=Appeal.Kind.CORRECTION, decided_at__gte=span[0], decided_at__lt=span[1])
    waited = _seconds(answered.values_list("opened_at", "decided_at"))
    return [
        _count("appeals.opened", rows.filter(opened_at__gte=span[0], opened_at__lt=span[1])),
        {**_count("appeals.answered", granted + refused), "parts": ["appeals.granted", "appeals.refused"]},
        _count("appeals.granted", granted),
        _count("appeals.refused", refused),
        _count("appeals.corrections", corrections.filter(state="granted")),
        _share("appeals.granted_share", granted, granted + refused),
        _median("appeals.time", waited),
    ]


def _care(span: Span) -> list[Row]:
    """How decisions were made: alone, by two, leniently, by a machine."""
    rows = _effective(span)
    of_exploitation = rows.filter(violation=True, class_id="cse")
    lenient = sum(
        "lock_until_removed" in _codes(outcome) for outcome in of_exploitation.values_list("outcome", flat=True)
    )
    hidden = Action.objects.filter(kind=Action.Kind.HIDE_ITEM, confirmed_at__gte=span[0], confirmed_at__lt=span[1])
    hidden = hidden.filter(case_item__isnull=False)  # removals stand in a section of their own
    every = rows.count()
    return [
        _count("care.two_people", rows.filter(second_agrees=True)),
        _share("care.lenient_share", lenient, of_exploitation.count()),
        *_overrides(rows, every),
        _share("care.automated_decisions", sum(map(_automated, rows.only("decided_by", "answers"))), every),
        _share("care.hidden_by_machine", hidden.filter(ordered_by__startswith="system:").count(), hidden.count()),
    ]


def _overrides(rows: "QuerySet[Decision]", every: int) -> list[Row]:
    """How often people chose another outcome than the computed one, by class and direction (S70).

    One total for all of it, so that no number that is withheld can be computed from a second one.
    """
    known = set(classes())
    counted = Counter(rows.filter(override__isnull=False).values_list("class_id", "override__direction"))
    parts = [
        {**_count(f"care.overrides.{name}.{way}", counted.get((name, way), 0)), "class": name, "direction": way}
        for name in sorted(known | {name for name, _way in counted})
        for way in Override.Direction.values
    ]
    total = {**_count("care.overrides", sum(counted.values())), "parts": [part["id"] for part in parts]}
    return [total, *parts, {**_share("care.overrides_share", sum(counted.values()), every), "tells": "care.overrides"}]


def _codes(outcome: dict[str, Any]) -> set[str]:
    return {sanction["code"] for sanction in outcome["sanctions"]}


def _automated(decision: Decision) -> bool:
    """No person gave an answer: every one comes from a list, through a mapping that the operator signed off."""
    origins = [row["origin"] for row in decision.answers]
    return bool(origins) and all(origin.startswith("list:") for origin in origins)


def _bans(span: Span) -> list[Row]:
    return [
        _count("bans.placed", Ban.objects.filter(placed_at__gte=span[0], placed_at__lt=span[1])),
        _count("bans.lifted", Ban.objects.filter(lifted_at__gte=span[0], lifted_at__lt=span[1])),
        _count("bans.in_force_now", Ban.objects.filter(state=Ban.State.IN_FORCE)),
    ]


def _duties(span: Span) -> list[Row]:
    still = Duty.objects.filter(state=Duty.State.OPEN)
    settled = Duty.objects.filter(settled_at__gte=span[0], settled_at__lt=span[1])
    return [
        *_grouped("duties.open_now", still, "kind", "duties.open_now", Duty.Kind.values),
        _count("duties.met", settled.filter(state=Duty.State.MET)),
        _count("duties.waived", settled.filter(state=Duty.State.WAIVED)),
    ]


def _removals(span: Span) -> list[Row]:
    """Requests under the TAKE IT DOWN Act, apart from child safety. In time is within 48 hours of a whole request."""
    received = Removal.objects.filter(received_at__gte=span[0], received_at__lt=span[1])
    settled = Removal.objects.filter(settled_at__gte=span[0], settled_at__lt=span[1])
    gone = Removal.objects.filter(removed_at__gte=span[0], removed_at__lt=span[1])
    in_time = gone.filter(removed_at__lte=F("deadline"))
    late = Removal.objects.filter(state__in=RUNNING, deadline__lt=datetime.now(UTC))
    copies = RemovalItem.objects.filter(added_at__gte=span[0], added_at__lt=span[1]).exclude(found="named")
    return [
        _count("removals.received", received),
        _count("removals.valid", received.exclude(checked_at=None).filter(state__in=FOUND_VALID)),
        {**_count("removals.removed", gone), "parts": ["removals.in_time", "removals.late"]},
        _count("removals.in_time", in_time),
        _count("removals.late", gone.exclude(pk__in=in_time.values("pk"))),
        _count("removals.refused", settled.filter(state="refused")),
        _count("removals.not_found", settled.filter(state="not_found")),
        _count("removals.withdrawn", settled.filter(state="withdrawn")),
        _count("removals.restored", settled.filter(state__in=["restoring", "restored"])),
        _count("removals.routed", Removal.objects.filter(routed_at__gte=span[0], routed_at__lt=span[1])),
        _count("removals.copies", copies),
        _count("removals.overdue_now", late),
        _median("removals.time", _seconds(gone.values_list("complete_at", "removed_at"))),
    ]


def first_day() -> date | None:
    """The day of the earliest report, case or removal request; None where nothing is recorded."""
    report = Report.objects.order_by("received_at").values_list("received_at", flat=True).first()
    case = Case.objects.order_by("knowledge_at").values_list("knowledge_at", flat=True).first()
    asked = Removal.objects.order_by("received_at").values_list("received_at", flat=True).first()
    known = [moment.astimezone(UTC).date() for moment in (report, case, asked) if moment is not None]
    return min(known) if known else None
