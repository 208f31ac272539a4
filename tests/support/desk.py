"""The desk as its staff use it, for tests: from a report to a confirmed decision in a few calls."""

from typing import Any

from safehold.cases.models import Case, CaseSubject, Decision
from safehold.intake.service import Accepted, NewReport
from safehold.path import commands
from tests.support.jobs import run_due

FIRST, SECOND, THIRD = "staff:first", "staff:second", "staff:third"
DEVICE = "device-1"

# Answer sets of class "cse", version 2024-05 (ids and codes only).
SUSPENDS: dict[str, Any] = {
    "role": "uploader",
    "minor": "apparent",
    "form": ["photo_video"],
    "shows": "explicit",
    "danger": "none_seen",
    "malice": "found",
}
LENIENT = {**SUSPENDS, "malice": "none_found"}
CLEARED: dict[str, Any] = {"role": "uploader", "minor": "adult"}


def report(host: str = "memory", **given: Any) -> Accepted:
    """A report through the public form, resolved and preserved."""
    number = given.pop("number", 1)
    accepted = commands.receive_report(
        NewReport(channel="form", once_key=f"once-key-of-test-{number:04d}", host=host, **given)
    )
    run_due()
    return accepted


def decide(case: Case, answers: dict[str, Any], *, actor: str = FIRST, subject: CaseSubject | None = None) -> Decision:
    """Take the case, answer, confirm, and let the worker do what follows."""
    subject = subject or case.subjects.get()
    commands.lease_case(case.pk, actor=actor, device=DEVICE)
    commands.answer(subject.pk, "cse", answers, actor=actor, device=DEVICE)
    decision = commands.propose_decision(subject.pk, "cse", actor=actor, device=DEVICE)
    decision = commands.confirm_decision(decision.pk, actor=actor, device=DEVICE)
    commands.release_case(case.pk, actor=actor, device=DEVICE)
    run_due()
    return decision
