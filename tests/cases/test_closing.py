"""Invariant 6: a case of child sexual exploitation closes only when its duties are met or waived with a reason."""

import itertools
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from safehold.audit.machine import IllegalMove
from safehold.cases import duties
from safehold.cases.models import Case, Decision, Duty
from safehold.cybertip.client import Outcome
from safehold.path import commands, order
from safehold.work.models import Task
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due
from tests.support.stage import FIRST, THIRD, Ncmec

pytestmark = pytest.mark.django_db

KINDS = ("report_shall", "preserve", "notify_account_holder")
PLANNED: dict[str, Any] = {**desk.SUSPENDS, "danger": "immediate"}
# Text that a person may report and need not (reading A03).
MAY: dict[str, Any] = {
    "role": "uploader", "minor": "apparent", "form": ["text"], "text_does": ["normalises"], "danger": "none_seen",
}  # fmt: skip


@pytest.mark.parametrize("settled", list(itertools.product([True, False], repeat=3)))
def test_closed_exactly_when_every_duty_is_settled(
    world: memory_host.World, ncmec: Ncmec, settled: tuple[bool, ...]
) -> None:
    ncmec.stuck = {"submit": Outcome.RETRY}
    world.broken = {"tell_account": memory_host.contract.HostUnavailable("away")}
    case = stage.case_of("p1")
    decision = desk.decide(case, desk.SUSPENDS)
    assert dict(decision.duties.values_list("kind", "state")) == dict.fromkeys(KINDS, "open")
    for kind, wanted in zip(KINDS, settled, strict=True):
        if wanted:
            with transaction.atomic():
                duties.waive(decision.duties.get(kind=kind), because="A test says so.", actor=THIRD)
                order.settle_case(decision)
    assert (stage.fresh(case).state == "closed") is all(settled)
    stage.check_everywhere(world)


def test_a_duty_is_waived_with_a_reason_and_met_with_a_receipt(world: memory_host.World, ncmec: Ncmec) -> None:
    ncmec.stuck = {"submit": Outcome.RETRY}
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    duty = decision.duties.get(kind="report_shall")
    with pytest.raises(duties.ReasonMissing):
        commands.waive_duty(duty.pk, because="  ", actor=THIRD)
    for state, field in (("waived", "because"), ("met", "receipt")):
        with pytest.raises(IntegrityError), transaction.atomic():
            Duty.objects.filter(pk=duty.pk).update(state=state, **{field: ""})
    assert stage.fresh(duty).state == "open"


def test_informing_an_authority_is_a_persons_task_from_the_start(world: memory_host.World, ncmec: Ncmec) -> None:
    case = stage.case_of("p1")
    answers = {key: value for key, value in PLANNED.items() if key != "malice"}
    decision = desk.decide(case, answers)
    stage.pass_time(days=1)
    duty = decision.duties.get(kind="inform_authority")
    assert duty.state == "open"
    assert stage.fresh(case).state == "decided"
    task = Task.objects.get(kind="action-by-hand", note="inform_authority")
    commands.close_task(task.pk, outcome="Called the police.", actor=THIRD)
    commands.close_task(task.pk, outcome="Called again.", actor=FIRST)
    assert (stage.fresh(duty).state, stage.fresh(duty).receipt) == ("met", f"task:{task.pk}")
    assert stage.fresh(case).state == "closed"


@pytest.mark.parametrize("choice", ["file", "waive"])
def test_permitted_to_report(world: memory_host.World, ncmec: Ncmec, choice: str) -> None:
    """ "May": nothing is filed until a person says so, and nothing is purged until they have said either."""
    case = stage.case_of("p2")
    decision = desk.decide(
        case, {**MAY, "report_choice": "file", "report_reason": "placeholder message 7", "malice": "found"}
    )
    assert decision.duties.get(kind="report_may").state == "open"
    stage.pass_time(days=3)
    assert ncmec.opened == 0
    assert stage.fresh(case).state == "decided"
    assert world.told, "the account holder is told all the same"
    if choice == "file":
        commands.file_report(decision.pk, actor=THIRD)
    else:
        commands.waive_duty(decision.duties.get(kind="report_may").pk, because="Not needed.", actor=THIRD)
    stage.pass_time(days=1)
    assert len(ncmec.finished) == (1 if choice == "file" else 0)
    states = dict(decision.duties.values_list("kind", "state"))
    assert states["report_may"] == ("met" if choice == "file" else "waived")
    assert states["preserve"] == "met"
    assert stage.fresh(case).state == "closed"
    with pytest.raises(IllegalMove):
        commands.file_report(decision.pk, actor=THIRD)
    assert len(ncmec.finished) == (1 if choice == "file" else 0)
    stage.check_everywhere(world)


def test_nothing_to_file(world: memory_host.World, ncmec: Ncmec) -> None:
    decision = desk.decide(stage.case_of("p1"), desk.CLEARED)
    with pytest.raises(IllegalMove):
        commands.file_report(decision.pk, actor=THIRD)
    run_due()
    assert ncmec.opened == 0


def test_waived_and_then_decided_anew_is_filed(world: memory_host.World, ncmec: Ncmec) -> None:
    """No report, for a reason; on appeal another person finds a violation that is reported: it is considered anew."""
    ncmec.stuck = {"submit": Outcome.RETRY}
    case = stage.case_of("p1")
    decision = desk.decide(case, desk.SUSPENDS)
    commands.waive_duty(decision.duties.get(kind="report_shall").pk, because="Not ours.", actor=THIRD)
    stage.pass_time(days=1)
    assert stage.fresh(case).state == "closed"
    ncmec.stuck = {}
    stage.look_again(stage.appeal(decision), desk.LENIENT, grant=True, actor=stage.SECOND)
    new = Decision.objects.get(replaces=decision)
    commands.second_opinion(new.pk, agree=True, reason="Yes.", actor=stage.FOURTH)
    stage.pass_time(days=1)
    assert len(ncmec.finished) == 1
    assert new.duties.get(kind="report_shall").state == "met"
    assert Case.objects.get().state == "closed"
    stage.check_everywhere(world)
