"""The knowledge clock: when we knew, from whom, and how long until it was filed (18 USC 2258A(a)(1): as soon as
reasonably possible after actual knowledge).

Others may call `waiting`, `of_case`, `limit`; `alarm` raises a task for what has waited longer than the operator's
limit, and runs every ten minutes (`housekeeping`). A case that nobody has decided counts too: we were told.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cases.models import Case, CaseSubject, Decision, Duty
from safehold.cases.service import PRIORITY
from safehold.cybertip.models import FILED, Filing
from safehold.work import service as work

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
    late = [row for row in waiting() if row.late]
    for row in late[:AT_ONCE]:
        hours = f"known since {row.since:%Y-%m-%d %H:%M} UTC"
        if row.duty is not None:
            work.raise_task(
                "report-late", key=str(row.duty.pk), about=audit.ref(row.duty), role="custodian", note=hours
            )
        else:
            work.raise_task("case-late", key=str(row.case.pk), about=audit.ref(row.case), role="senior", note=hours)
    return len(late)


def oldest(rows: Iterable[Waiting]) -> Waiting | None:
    """The one that we have known of for longest."""
    return min(rows, key=lambda row: row.since, default=None)


def _of_duty(duty: Duty) -> Waiting:
    case = duty.subject.case
    return Waiting(case=case, since=case.knowledge_at, source=case.knowledge_source, duty=duty)


def _decided(subject: CaseSubject) -> bool:
    return Decision.objects.filter(subject=subject, state=Decision.State.CONFIRMED).exists()
