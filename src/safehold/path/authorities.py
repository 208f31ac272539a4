"""What people command about authorities: a notice under Art. 18 for a duty to inform, and what meets that duty.

Faces call these; the register and the letters are `authorities`. Sending a notice meets the duty and ends its task,
in one transaction.
"""

from uuid import UUID

from django.conf import settings
from django.db import transaction

from safehold.audit import service as audit
from safehold.authorities import service as authorities
from safehold.authorities.models import Notice
from safehold.cases import duties
from safehold.cases.models import Decision, Duty
from safehold.path import order
from safehold.work import service as work

Id = UUID | str


def to_inform() -> list[Duty]:
    """Open duties to inform an authority, of decisions in force, the oldest first."""
    rows = Duty.objects.filter(kind=Duty.Kind.INFORM, state=Duty.State.OPEN, decision__state=Decision.State.CONFIRMED)
    return list(rows.select_related("subject__case", "subject__account__host", "decision").order_by("opened_at"))


def draft_notice(duty_id: Id, *, addressee: str, country: str, authority: str, actor: str) -> Notice:
    """The letter of a duty, filled from its case. Raises ValueError as `authorities.draft_notice`."""
    duty = Duty.objects.select_related("subject__case", "subject__account__host", "decision").get(pk=duty_id)
    case, account, provider = duty.subject.case, duty.subject.account, settings.SAFEHOLD.provider
    filing = order.filing_of(duty.decision)
    contact = ", ".join(filter(None, (provider.email or settings.SAFEHOLD.mail_from, provider.phone)))
    given = authorities.NoticeInput(
        company=provider.name,
        contact=contact,
        case=str(case),
        authority=authority,
        known_at=case.knowledge_at,
        decided_at=duty.decision.decided_at,
        service=account.host.name if account else provider.name,
        account=account.external_id if account else "",
        items=tuple(duty.decision.covers.order_by("item__external_id").values_list("item__external_id", flat=True)),
        clauses=tuple(duty.decision.clauses),
        report_id=filing.report_id if filing else None,
        test=settings.SAFEHOLD.environment != "production",
    )
    return authorities.draft_notice(duty, given, addressee=addressee, country=country, actor=actor)


def notice_sent(notice_id: Id, *, channel: str, proof: str, actor: str) -> Notice:
    """The notice left: the duty is met by it, and the task that asked for it is done."""
    with transaction.atomic():
        row = authorities.sent(notice_id, channel=channel, proof=proof, actor=actor)
        duty = Duty.objects.select_related("decision").get(pk=row.duty_id)
        duties.meet(duty.decision, (Duty.Kind.INFORM,), receipt=audit.ref(row), actor=actor)
        for task in work.open_tasks().filter(kind="action-by-hand", about=audit.ref(duty)):
            work.close_task(str(task.pk), actor=actor, outcome=audit.ref(row))
        order.settle_case(duty.decision)
    return row
