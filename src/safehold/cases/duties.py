"""Duties of a case: what the law or the policy requires, until it is met or waived with a reason.

Others may call `open_duty`, `meet`, `waive`, `all_settled`.
"""

from django.utils import timezone

from safehold.audit.machine import Machine
from safehold.cases.models import Case, Decision, Duty

DUTY = Machine(
    "duty",
    start=Duty.State.OPEN,
    moves={
        "meet": {Duty.State.OPEN: Duty.State.MET},
        "waive": {Duty.State.OPEN: Duty.State.WAIVED},
    },
)


class ReasonMissing(ValueError):
    """A duty is waived only with a recorded reason."""


def open_duty(decision: Decision, kind: str) -> Duty:
    """The duty that a decision brings, once."""
    row, _made = Duty.objects.get_or_create(decision=decision, kind=kind, defaults={"subject": decision.subject})
    return row


def meet(decision: Decision, kinds: tuple[str, ...], *, receipt: str, actor: str) -> None:
    """Mark the decision's open duties of these kinds met by `receipt`. Nothing happens to others."""
    for duty in Duty.objects.filter(decision=decision, kind__in=kinds, state=Duty.State.OPEN):
        DUTY.move(
            duty, "meet", actor=actor, receipt=receipt,
            changes={"receipt": receipt, "settled_at": timezone.now(), "settled_by": actor},
        )  # fmt: skip


def waive(duty: Duty, *, because: str, actor: str) -> Duty:
    """A person waives a duty and says why. Raises ReasonMissing, IllegalMove where it is settled."""
    if not because.strip():
        raise ReasonMissing("Say why this duty is waived: the reason stays on the record.")
    return DUTY.move(
        duty, "waive", actor=actor, because=because,
        changes={"because": because.strip(), "settled_at": timezone.now(), "settled_by": actor},
    )  # fmt: skip


def all_settled(case: Case) -> bool:
    """Whether no duty of any subject is open."""
    return not Duty.objects.filter(subject__case=case, state=Duty.State.OPEN).exists()
