"""The public face of `cases`: opening and joining, the queue, the lease.

Decisions stand in `decisions`, duties in `duties`. All writes need a transaction and an actor.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.machine import Machine
from safehold.cases.duties import all_settled
from safehold.cases.models import Case, CaseItem, CaseSubject, Decision, Lease
from safehold.evidence.models import Sealed
from safehold.intake.models import Report
from safehold.policy.versions import first_in_queue
from safehold.subjects.models import Account, Item, Role

# 0 is looked at first. Child sexual exploitation goes before all else (S2), imminent danger before it (S60).
PRIORITY = {"urgent": 0, "match": 1, "authority": 1, "flagger": 2, "alike": 2, "top": 3, "": 4, "other": 6}
FOREMOST = 2  # words bring a case no further: what somebody vouches for stays before it

LEASE_FOR = timedelta(minutes=20)

CASE = Machine(
    "case",
    start=Case.State.OPEN,
    moves={
        "decide": {Case.State.OPEN: Case.State.DECIDED},
        "close": {Case.State.DECIDED: Case.State.CLOSED},
        "take_up": {Case.State.CLOSED: Case.State.DECIDED},  # a new decision brought new duties
    },
)


class LeaseTaken(Exception):
    """Somebody else, or the same person on another device, works on this case until `until`."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        super().__init__(f"{lease.case} is being worked on elsewhere until {lease.until:%H:%M} UTC.")


class NoLease(Exception):
    """The act needs a lease on the case that has run out or was never taken. Take the case again."""


def priority(*, urgent: bool, source: str, class_id: str) -> int:
    """Where a case stands in the queue, from what is known when it opens."""
    if urgent:
        return PRIORITY["urgent"]
    kind = class_id and ("top" if first_in_queue(class_id) else "other")
    return min(PRIORITY.get(source, 9), PRIORITY[kind])


def forward(place: int) -> int:
    """One place further in the queue, for what only orders it."""
    return place if place <= FOREMOST else place - 1


def bring_forward(case: Case, *, because: str, actor: str) -> None:
    """An undecided case is looked at one place sooner."""
    row = Case.objects.select_for_update().get(pk=case.pk)
    if row.state == Case.State.OPEN and forward(row.priority) != row.priority:
        row.priority = forward(row.priority)
        row.save(update_fields=["priority"])
        audit.record("case.brought_forward", actor=actor, about=row, priority=row.priority, because=because)


def open_case(*, knowledge_at: datetime, source: str, priority: int, actor: str, follows: Case | None = None) -> Case:
    """A new case. The knowledge clock starts at `knowledge_at`, when the service was told (S65)."""
    number = (Case.objects.select_for_update().order_by("-number").values_list("number", flat=True).first() or 0) + 1
    case = Case.objects.create(
        number=number, knowledge_at=knowledge_at, knowledge_source=source, priority=priority, follows=follows
    )
    audit.record("case.opened", actor=actor, about=case, number=number, source=source, priority=priority)
    return case


def undecided(account: Account | None, items: list[Item]) -> Case | None:
    """The open case that a report about this account or one of these items joins.

    Others of the case may be undecided while this account is decided: then only what is in the case
    already joins it. Something new about the account would be looked at by nobody there.
    """
    for case in _about(account, items).filter(state=Case.State.OPEN).order_by("opened_at"):
        decided = Decision.objects.filter(
            subject__case=case, subject__account=account, state__in=[Decision.State.HELD, Decision.State.CONFIRMED]
        )
        known = CaseItem.objects.filter(case=case, item__in=items).count() == len(items)
        if account is None or (items and known) or not decided.exists():
            return case
    return None


def latest_decided(account: Account | None, items: list[Item]) -> Case | None:
    """The newest earlier case about the same account or items: a new one is linked to it."""
    return _about(account, items).order_by("-number").first()


def _about(account: Account | None, items: list[Item]) -> QuerySet[Case]:
    wanted = Q(pk__in=CaseItem.objects.filter(item__in=items).values("case"))
    if account is not None:
        wanted |= Q(pk__in=CaseSubject.objects.filter(account=account).values("case"))
    return Case.objects.filter(wanted)


def attach_report(case: Case, report: Report, *, actor: str, priority: int | None = None) -> None:
    """The report belongs to the case from now on. A more urgent report brings the case forward."""
    case.reports.add(report)
    fields = []
    if priority is not None and priority < case.priority:
        case.priority = priority
        fields.append("priority")
    if report.received_at < case.knowledge_at:  # the earlier report was still being resolved
        case.knowledge_at = report.received_at
        fields.append("knowledge_at")
    if fields:
        case.save(update_fields=fields)
    audit.record("case.report_joined", actor=actor, about=case, report=str(report.pk))


def add_subject(case: Case, account: Account | None, *, role: str = Role.UPLOADER, actor: str) -> CaseSubject:
    """The account as a subject of the case, once; None is the case's unknown person, once as well.

    The role may be changed by `set_role` until decided.
    """
    if known := case.subjects.filter(account=account).first():
        return known
    subject = CaseSubject.objects.create(case=case, account=account, role=role)
    audit.record("case.subject_added", actor=actor, about=case, subject=str(subject.pk), role=role)
    return subject


def set_role(subject: CaseSubject, role: str, *, actor: str) -> None:
    """What the person did, as the reviewer finds it (S12)."""
    if role not in Role.values:
        raise ValueError(f"{role!r} is no role; known are: {', '.join(Role.values)}.")
    if subject.role != role:
        before, subject.role = subject.role, role
        subject.save(update_fields=["role"])
        audit.record(
            "case.role_set", actor=actor, about=subject.case, subject=str(subject.pk), before=before, after=role
        )


def add_item(case: Case, item: Item, *, subject: CaseSubject | None, actor: str, reported: bool = True) -> CaseItem:
    """The item as part of the case, once."""
    row, made = CaseItem.objects.get_or_create(
        case=case, item=item, defaults={"subject": subject, "reported": reported}
    )
    if made:
        audit.record("case.item_added", actor=actor, about=case, item=str(item.pk))
    elif row.subject_id is None and subject is not None:
        row.subject = subject
        row.save(update_fields=["subject"])
    return row


def set_preserved(
    case_item: CaseItem, *, body: Sealed | None, facts: Sealed, viewed_by_host_staff: bool | None, actor: str
) -> None:
    """What the vault holds of the item from now on."""
    case_item.body, case_item.facts = body, facts
    case_item.viewed_by_host_staff = viewed_by_host_staff
    case_item.preserve_state, case_item.preserved_at = CaseItem.Preserve.DONE, timezone.now()
    case_item.save(update_fields=["body", "facts", "viewed_by_host_staff", "preserve_state", "preserved_at"])
    audit.record(
        "case.item_preserved", actor=actor, about=case_item.case, item=str(case_item.pk),
        body=str(body.pk) if body else "", facts=str(facts.pk),
    )  # fmt: skip


def set_unavailable(case_item: CaseItem, *, because: str, actor: str) -> None:
    """The host cannot give the item any more. The case goes on without it, and the record says so."""
    case_item.preserve_state = CaseItem.Preserve.UNAVAILABLE
    case_item.save(update_fields=["preserve_state"])
    audit.record("case.item_unavailable", actor=actor, about=case_item.case, item=str(case_item.pk), because=because)


def set_context(
    case_item: CaseItem, state: str, *, actor: str, because: str = "", context: Sealed | None = None,
    thread: Sealed | None = None,
) -> None:  # fmt: skip
    """What stands around the item, as the vault has it from now on; or why it has none (a CaseItem.Context)."""
    case_item.context_state, case_item.context, case_item.thread = state, context, thread
    case_item.save(update_fields=["context_state", "context", "thread"])
    audit.record(
        "case.context_set", actor=actor, about=case_item.case, item=str(case_item.pk), state=str(state),
        because=because, context=str(context.pk) if context else "", thread=str(thread.pk) if thread else "",
    )  # fmt: skip


def set_subject_facts(subject: CaseSubject, facts: Sealed, *, actor: str) -> None:
    """The account as the host knew it at the time, in the vault (context: 18 USC 2258A(h)(2))."""
    subject.facts = facts
    subject.save(update_fields=["facts"])
    audit.record(
        "case.account_preserved", actor=actor, about=subject.case, subject=str(subject.pk), facts=str(facts.pk)
    )


def queue() -> QuerySet[Case]:
    """Open cases nobody works on, the most urgent first, then the oldest knowledge."""
    leased = Lease.objects.filter(case=OuterRef("pk"), until__gt=timezone.now())
    return Case.objects.filter(~Exists(leased), state=Case.State.OPEN).order_by("priority", "knowledge_at")


def lease(case_id: UUID | str, *, actor: str, device: str) -> Lease:
    """Take or renew the lease on a case. Raises LeaseTaken, also for the same person's other device."""
    with transaction.atomic():
        case = Case.objects.select_for_update().get(pk=case_id)
        now = timezone.now()
        row = Lease.objects.filter(case=case).first()
        taken = row is not None and row.until > now and (row.holder, row.device) != (actor, device)
        if row is not None and not taken:
            renewed = row.until > now
            row.fence += 0 if renewed else 1
            row.holder, row.device, row.until = actor, device, now + LEASE_FOR
            row.save()
            if not renewed:
                audit.record("case.leased", actor=actor, about=case, fence=row.fence)
        elif row is None:
            row = Lease.objects.create(case=case, holder=actor, device=device, until=now + LEASE_FOR)
            audit.record("case.leased", actor=actor, about=case, fence=row.fence)
    if taken:  # outside the transaction: the refusal stays on record although nothing else happened
        audit.refused("case.leased", actor=actor, about=case, reason="taken")
        raise LeaseTaken(row)
    return row


def release(case_id: UUID | str, *, actor: str, device: str) -> None:
    """Give a case back to the queue. Only its holder on the same device can."""
    with transaction.atomic():
        row = Lease.objects.select_for_update().filter(case_id=case_id).first()
        if row and (row.holder, row.device) == (actor, device) and row.until > timezone.now():
            row.until = timezone.now()
            row.save(update_fields=["until"])
            audit.record("case.released", actor=actor, about=row.case, fence=row.fence)


def need_lease(case: Case, *, actor: str, device: str) -> Lease:
    """The caller's running lease. Raises LeaseTaken or NoLease."""
    row = Lease.objects.filter(case=case, until__gt=timezone.now()).first()
    if row is None:
        raise NoLease(f"You hold no lease on {case}. Take the case again to go on.")
    if (row.holder, row.device) != (actor, device):
        raise LeaseTaken(row)
    return row


def settle(case: Case, *, actor: str) -> Case:
    """Bring the case's state up to date: decided when every subject is, closed when every duty is settled.

    A case of child sexual exploitation closes only when its duties are met or waived (invariant 6).
    """
    case = Case.objects.select_for_update().get(pk=case.pk)
    if case.state == Case.State.OPEN and case.subjects.exists() and not _open_subjects(case).exists():
        case = CASE.move(case, "decide", actor=actor)
    if case.state == Case.State.CLOSED and not all_settled(case):
        return CASE.move(case, "take_up", actor=actor, changes={"closed_at": None})
    if case.state == Case.State.DECIDED and all_settled(case):
        case = CASE.move(case, "close", actor=actor, changes={"closed_at": timezone.now()})
    return case


def _open_subjects(case: Case) -> QuerySet[CaseSubject]:
    in_force = Decision.objects.filter(subject=OuterRef("pk"), state=Decision.State.CONFIRMED)
    waiting = Decision.objects.filter(subject=OuterRef("pk"), state__in=[Decision.State.PROPOSED, Decision.State.HELD])
    return case.subjects.filter(~Exists(in_force) | Exists(waiting))
