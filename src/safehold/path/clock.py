"""The knowledge clock: when we knew, from whom, and how long until it was filed (18 USC 2258A(a)(1): as soon as
reasonably possible after actual knowledge).

Others may call `waiting`, `of_subject`, `limit`; `alarm` raises a task for what has waited longer than the operator's
limit, closes those whose cause is gone, and runs every ten minutes (`housekeeping`). A case that nobody has decided
counts too: we were told. `uk_waiting` and `uk_alarm` are the same for reports to the NCA, by their priority.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from safehold.audit import service as audit
from safehold.authorities import uk
from safehold.authorities.models import UkMatter
from safehold.cases.models import Case, CaseSubject, Decision, Duty
from safehold.cases.service import PRIORITY
from safehold.cybertip.models import FILED, Filing
from safehold.work import service as work

ACTOR = "system:worker"
AT_ONCE = 500  # tasks raised in one run, the oldest first


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A case with something that we know and have not filed. `duty` is None while nobody has decided."""

    case: Case
    since: datetime
    source: str  # cases.Case.Knowledge
    duty: Duty | None = None

    @property
    def age(self) -> timedelta:
        return max(timedelta(0), timezone.now() - self.since)

    @property
    def late(self) -> bool:
        """Whether it has waited longer than the operator allows."""
        return self.age > limit()


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the clock says of one subject: `took` once it is filed, else `age` so far where a report is due."""

    since: datetime
    source: str
    channels: tuple[str, ...]  # of the case's reports, in the order of arrival
    filed_at: datetime | None = None
    took: timedelta | None = None
    age: timedelta | None = None
    late: bool = False


class UkWaiting(msgspec.Struct, frozen=True, kw_only=True):
    """A subject whose content is to be reported to the NCA: since when we know, and by when it should be told."""

    matter: UkMatter
    since: datetime

    @property
    def alarm_at(self) -> datetime:
        """When it has waited too long; of priority 1 that is when we knew."""
        assert self.matter.priority is not None  # the database holds one for every link  # noqa: S101
        return self.since + uk.limit(self.matter.priority)

    @property
    def late(self) -> bool:
        """Whether it has waited longer than its priority allows."""
        return timezone.now() >= self.alarm_at


def limit() -> timedelta:
    """After how long an unfiled report, or an undecided case, raises an alarm."""
    return timedelta(hours=settings.SAFEHOLD.report_alarm_hours)


def waiting() -> list[Waiting]:
    """Everything known and not filed that the law may want filed, the oldest knowledge first."""
    duties = Duty.objects.filter(kind=Duty.Kind.REPORT_SHALL, state=Duty.State.OPEN, decision__state="confirmed")
    rows = [_of_duty(duty) for duty in duties.select_related("subject__case", "decision")]
    undecided = Case.objects.filter(state=Case.State.OPEN, priority__lt=PRIORITY["other"])
    decided = {row.case.pk for row in rows}
    rows += [
        Waiting(case=case, since=case.knowledge_at, source=case.knowledge_source)
        for case in undecided
        if case.pk not in decided
    ]
    return sorted(rows, key=lambda row: row.since)


def of_subject(subject: CaseSubject) -> Known:
    """The clock of one subject, for the pages of its case."""
    case = subject.case
    told = case.reports.order_by("received_at").values_list("channel", flat=True)
    known = Known(since=case.knowledge_at, source=case.knowledge_source, channels=tuple(dict.fromkeys(told)))
    filing = Filing.objects.filter(ref=f"subject:{subject.pk}", state__in=FILED).first()
    if filing is not None and filing.ended_at is not None:
        took = max(timedelta(0), filing.ended_at - case.knowledge_at)
        return msgspec.structs.replace(known, filed_at=filing.ended_at, took=took)
    due = subject.duties.filter(kind=Duty.Kind.REPORT_SHALL, state=Duty.State.OPEN).exists()
    if due or (case.state == Case.State.OPEN and not _decided(subject)):
        age = max(timedelta(0), timezone.now() - case.knowledge_at)
        return msgspec.structs.replace(known, age=age, late=age > limit())
    return known


def alarm() -> int:
    """Raise a task for everything that has waited too long, once for each. Returns how many wait too long."""
    found = waiting()
    _close_gone(found)
    late = [row for row in found if row.late]
    for row in late[:AT_ONCE]:
        hours = f"known since {row.since:%Y-%m-%d %H:%M} UTC"
        if row.duty is not None:
            work.raise_task(
                "report-late", key=str(row.duty.pk), about=audit.ref(row.duty), role="custodian", note=hours
            )
        else:
            work.raise_task("case-late", key=str(row.case.pk), about=audit.ref(row.case), role="senior", note=hours)
    return len(late)


def uk_waiting() -> list[UkWaiting]:
    """Everything to be reported to the NCA, the most urgent first, then the oldest knowledge."""
    rows = UkMatter.objects.filter(state__in=[UkMatter.State.DUE, UkMatter.State.PREPARED])
    found = [UkWaiting(matter=row, since=row.subject.case.knowledge_at) for row in _with_case(rows)]
    return sorted(found, key=lambda row: (row.matter.priority, row.since))


def uk_alarm() -> int:
    """As `alarm`, for reports to the NCA: one task for each time that it became due. Returns how many are late."""
    late = [row for row in uk_waiting() if row.late]
    for row in late[:AT_ONCE]:
        matter = row.matter
        key = f"{matter.pk}:{matter.due_since.isoformat()}"
        note = f"priority {matter.priority}, known since {row.since:%Y-%m-%d %H:%M} UTC"
        work.raise_task("uk-late", key=key, about=audit.ref(matter), role="custodian", note=note)
    return len(late)


def filed(subject: CaseSubject, *, receipt: str) -> None:
    """The report about a subject is filed: the alarms that asked for it end. In the caller's transaction."""
    about = [audit.ref(duty) for duty in subject.duties.all()]
    for task in work.open_tasks().filter(kind="report-late", about__in=about):
        work.close_task(str(task.pk), actor=ACTOR, outcome=receipt)


def _close_gone(found: list[Waiting]) -> None:
    """End the alarms about what waits no more: filed, waived, reversed, or decided."""
    still = {audit.ref(row.duty or row.case) for row in found}
    for task in work.open_tasks().filter(kind__in=["report-late", "case-late"]).exclude(about__in=still):
        work.close_task(str(task.pk), actor=ACTOR, outcome="no longer waits")


def _with_case(rows: "QuerySet[UkMatter]") -> "QuerySet[UkMatter]":
    return rows.select_related("subject__case", "subject__account__host")


def oldest(rows: Iterable[Waiting]) -> Waiting | None:
    """The one that we have known of for longest."""
    return min(rows, key=lambda row: row.since, default=None)


def _of_duty(duty: Duty) -> Waiting:
    case = duty.subject.case
    return Waiting(case=case, since=case.knowledge_at, source=case.knowledge_source, duty=duty)


def _decided(subject: CaseSubject) -> bool:
    return Decision.objects.filter(subject=subject, state=Decision.State.CONFIRMED).exists()
