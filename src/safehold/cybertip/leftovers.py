"""Reports that were opened at the service and that nobody will finish: they are retracted, not only left to expire.

Others reach `retract_left` through `service`. A report is left when a person ended its filing, took it into their
hands, or corrected it. No machine moves it any more, so its retraction needs no turn: called twice it is asked
twice, and the second answer says that it is gone.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cybertip import circuit
from safehold.cybertip.client import Answer, Client, Outcome
from safehold.cybertip.models import Exchange, Filing, Submission
from safehold.cybertip.progress import DONE, Progress, later
from safehold.work import service as work

ACTOR = "system:worker"
PAUSE = 600.0  # seconds before what did not get through is asked again


def open_at_service(filing: Filing) -> list[Submission]:
    """Reports of the filing that may still be open there, unfinished: left by us, not expired yet."""
    rows = filing.submissions.filter(state=Submission.State.LEFT, finish_begun=False).exclude(report_id=None)
    return [row for row in rows.order_by("begun_at") if row.expires_at > timezone.now()]


def retract_left(filing: Filing, *, worker: str, line: Callable[[], AbstractContextManager[Client]]) -> Progress:
    """Retract what is left open. Returns when to call again; what expires meanwhile needs no call."""
    if circuit.is_open(filing.environment):
        return later(max(1.0, circuit.wait(filing.environment))) if open_at_service(filing) else DONE
    waiting = 0.0
    for submission in open_at_service(filing):
        exchange = _begin(filing, submission, worker)
        work.boundary("filing.retract_left.before")
        with line() as client:
            answer = client.retract(submission.report_id or 0)
        work.boundary("filing.retract_left.sent")
        waiting = max(waiting, _settle(filing, submission, exchange, answer))
    return later(waiting) if waiting else DONE


def _begin(filing: Filing, submission: Submission, worker: str) -> Exchange:
    with transaction.atomic(durable=True):
        return Exchange.objects.create(
            filing=filing, submission=submission, endpoint="retract", worker=worker[:250], fence=filing.fence,
            begun_at=timezone.now(), settled_at=timezone.now(), outcome="lost",
        )  # fmt: skip


def _settle(filing: Filing, submission: Submission, exchange: Exchange, answer: Answer) -> float:
    """Store the answer and what follows. Returns the seconds to wait, 0 = nothing more is to be done."""
    with transaction.atomic(durable=True):
        Exchange.objects.filter(pk=exchange.pk).update(
            answered_at=timezone.now(), outcome=answer.outcome, http_status=answer.http_status, code=answer.code,
            description=answer.description, request_id=answer.request_id, response=answer.raw[:4096],
            problem=answer.problem[:100],
        )  # fmt: skip
        if answer.outcome in (Outcome.OK, Outcome.GONE):
            submission.state = Submission.State.RETRACTED
            submission.save(update_fields=["state"])
            audit.record("filing.left_retracted", actor=ACTOR, about=filing, report_id=submission.report_id)
            return 0.0
        if answer.outcome is Outcome.STOP:
            circuit.open_circuit(filing.environment, answer)
            return PAUSE
        if answer.outcome in (Outcome.RETRY, Outcome.UNSURE):
            return max(PAUSE, answer.retry_after)
        # Finished although we never finished it, or an answer that nobody published: a person must look.
        note = f"retract of {submission.report_id}: HTTP {answer.http_status}, code {answer.code}"
        work.raise_task(
            "filing-finished-early", key=f"left:{submission.pk}", about=audit.ref(filing), role="custodian", note=note
        )
        return 0.0
