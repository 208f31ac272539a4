"""Outcomes that wait for a second person, and outcomes that are no decision at all."""

from pathlib import Path
from typing import Any

import pytest

from safehold.cases.models import Case, Decision, Duty
from safehold.evidence.models import Sealed
from safehold.hosts.contract import AccountStatus, ItemStatus
from safehold.path import commands, outcomes
from safehold.path.reversal import clear
from safehold.work.models import Task
from tests.enforcement.test_interplay import POSTED_ABUSE, decided_as
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due
from tests.support.stage import FIRST, SECOND, THIRD

pytestmark = pytest.mark.django_db

CANNOT_TELL: dict[str, Any] = {"role": "uploader", "minor": "cannot_tell", "danger": "none_seen"}
VICTIM = {**{q: a for q, a in desk.SUSPENDS.items() if q not in ("role", "malice")}, "protect": "not_needed"}
MAYBE_EXPLOITATION = {**POSTED_ABUSE, "also_cse": "yes"}


def answers_of(name: str) -> dict[str, Any]:
    """A stored answer set of the policy's own examples."""
    import yaml

    file = Path(__file__).parents[1] / "policy" / "decisions" / "2024-05.yaml"
    rows = {row["id"]: row for row in yaml.safe_load(file.read_text(encoding="utf-8")) if "id" in row}
    row = rows[name]
    base = answers_of(row["like"]) if "like" in row else {}
    answers = {**base, **row.get("answers", {}), **row.get("with", {})}
    return {
        q: ("yes" if a is True else "no" if a is False else a)
        for q, a in answers.items()
        if q not in row.get("without", [])
    }


@pytest.mark.parametrize("agree", [True, False])
@pytest.mark.parametrize(("class_id", "answers"), [("cse", CANNOT_TELL), ("physical-abuse", MAYBE_EXPLOITATION)])
def test_no_decision_cannot_be_agreed_to(
    world: memory_host.World, class_id: str, answers: dict[str, Any], agree: bool
) -> None:
    """ "Cannot tell" never takes effect: whatever the second person says, it goes back to review."""
    case = stage.case_of("p1")
    commands.lease_case(case.pk, actor=FIRST, device=desk.DEVICE)
    commands.hide_item(case.items.get().pk, actor=FIRST, device=desk.DEVICE)
    decision = decided_as(case, class_id, answers)
    assert decision.state == "held"
    after = commands.second_opinion(decision.pk, agree=agree, reason="Looked at it.", actor=SECOND)
    stage.pass_time(days=200)
    assert (after.pk, after.state) == (decision.pk, "withdrawn")
    case.refresh_from_db()
    assert case.state == "open"
    assert world.items["p1"].status == ItemStatus.HIDDEN
    assert not Duty.objects.exists()
    assert not Sealed.objects.exclude(destroyed_at=None).exists()
    # The second person decides it with answers of their own.
    new = desk.decide(case, desk.CLEARED, actor=SECOND)
    assert new.state == "confirmed"
    assert world.items["p1"].status == ItemStatus.VISIBLE, "what was hidden meanwhile comes back"
    assert stage.fresh(case).state == "closed"
    stage.check_everywhere(world)


def test_hidden_meanwhile_is_the_next_decisions_to_keep_and_to_lift(world: memory_host.World) -> None:
    """Two people disagree, nobody's default follows: the item stays hidden until somebody decides."""
    case = stage.case_of("p1")
    sole = decided_as(case, "physical-abuse", {**POSTED_ABUSE, "sole_purpose": "yes"})
    assert (sole.state, sole.second_needed) == ("held", "sole_purpose")
    assert world.accounts["user-17"].status == AccountStatus.LOCKED
    commands.second_opinion(sole.pk, agree=False, reason="No.", actor=SECOND)
    run_due()
    assert world.accounts["user-17"].status == AccountStatus.ACTIVE
    assert world.items["p1"].status == ItemStatus.HIDDEN
    assert stage.fresh(case).state == "open"
    new = decided_as(case, "physical-abuse", POSTED_ABUSE)
    assert stage.states(new)["hide_item"] == "confirmed", "it is the new decision's now"
    stage.check_everywhere(world)


def test_while_one_class_waits_the_other_does_not_close_the_case(world: memory_host.World) -> None:
    """Withdrawn, the waiting class holds the case open no longer."""
    case = stage.case_of("p1")
    maybe = decided_as(case, "physical-abuse", MAYBE_EXPLOITATION)
    cse = desk.decide(case, desk.SUSPENDS)
    stage.pass_time(days=1)
    assert cse.state == "confirmed"
    assert stage.fresh(case).state == "open"
    commands.second_opinion(maybe.pk, agree=False, reason="Decided under the other class.", actor=SECOND)
    run_due()
    assert stage.fresh(case).state == "closed"
    stage.check_everywhere(world)


def test_what_no_host_can_do_meanwhile_is_a_task(world: memory_host.World) -> None:
    decided_as(stage.case_of("p1"), "physical-abuse", MAYBE_EXPLOITATION)
    assert [row.note for row in Task.objects.filter(kind="action-by-hand")] == ["hand_off"]


def test_no_violation_after_a_disagreement_leaves_nothing_held(world: memory_host.World) -> None:
    """ "Keep it" by two people, refused or not: nothing of the meantime is left hanging."""
    case = stage.case_of("p1")
    kept = decided_as(case, "physical-abuse", answers_of("abuse-rescue-nude"))
    assert (kept.state, kept.violation) == ("held", False)
    assert world.items["p1"].status == ItemStatus.HIDDEN
    after = commands.second_opinion(kept.pk, agree=True, reason="Yes.", actor=SECOND)
    run_due()
    assert after.state == "confirmed"
    stage.check_everywhere(world)
    assert world.items["p1"].status == ItemStatus.VISIBLE
    task = Task.objects.get(kind="action-by-hand", note="notify_account_holder")
    assert stage.fresh(case).state == "decided", "the notice is owed, and a person has it as a task"
    commands.close_task(task.pk, outcome="Told them.", actor=THIRD)
    assert Duty.objects.get(kind="notify_account_holder").receipt == f"task:{task.pk}"
    assert stage.fresh(case).state == "closed"


def test_an_appeal_is_not_answered_with_cannot_tell(world: memory_host.World) -> None:
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    appeal = stage.appeal(decision)
    for grant in (True, False):
        with pytest.raises(outcomes.AnswersDisagree):
            stage.look_again(appeal, CANNOT_TELL, grant=grant)
    assert stage.fresh(decision).state == "confirmed"


def test_the_role_changes_between_computing_and_confirming(world: memory_host.World) -> None:
    """Computed for an uploader, found to be an apparent victim: the old computation cannot be confirmed."""
    case = stage.case_of("p1")
    subject = case.subjects.get()
    commands.lease_case(case.pk, actor=FIRST, device=desk.DEVICE)
    commands.answer(subject.pk, "cse", desk.SUSPENDS, actor=FIRST, device=desk.DEVICE)
    decision = commands.propose_decision(subject.pk, "cse", actor=FIRST, device=desk.DEVICE)
    commands.set_role(subject.pk, "apparent_victim", actor=FIRST, device=desk.DEVICE)
    commands.answer(subject.pk, "cse", VICTIM, actor=FIRST, device=desk.DEVICE)
    with pytest.raises(commands.IllegalMove):
        commands.confirm_decision(decision.pk, actor=FIRST, device=desk.DEVICE)
    run_due()
    assert world.orders == []
    decision = commands.propose_decision(subject.pk, "cse", actor=FIRST, device=desk.DEVICE)
    commands.confirm_decision(decision.pk, actor=FIRST, device=desk.DEVICE)
    with pytest.raises(commands.decisions.AlreadyDecided):
        commands.set_role(subject.pk, "uploader", actor=FIRST, device=desk.DEVICE)
    assert stage.fresh(subject).role == "apparent_victim"


@pytest.mark.parametrize("how", ["role", "self"])
def test_an_apparent_victim_is_only_protected(world: memory_host.World, ncmec: stage.Ncmec, how: str) -> None:
    from safehold.cybertip import inputs
    from safehold.path import order
    from safehold.persons.models import Ban, Strike

    case = stage.case_of("p1")
    answers = dict(VICTIM)
    if how == "role":
        commands.lease_case(case.pk, actor=FIRST, device=desk.DEVICE)
        commands.set_role(case.subjects.get().pk, "apparent_victim", actor=FIRST, device=desk.DEVICE)
    else:
        answers["minor"] = "self"
    decision = desk.decide(case, answers)
    stage.pass_time(days=1)
    assert decision.state == "confirmed"
    assert world.items["p1"].status == ItemStatus.HIDDEN
    assert world.accounts["user-17"].status == AccountStatus.ACTIVE
    assert not Ban.objects.exists()
    assert not Strike.objects.exists()
    filing = order.filing_of(decision)
    assert filing is not None
    record = inputs.decode(bytes(filing.record))
    assert record.subject is None
    assert [victim.account_id for victim in record.victims] == ["user-17"]
    assert len(ncmec.finished) == 1
    assert stage.fresh(case).state == "closed"
    stage.check_everywhere(world)


def test_on_appeal_the_uploader_turns_out_to_be_the_victim(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    """Filed as a suspect, found to be an apparent victim: freed, and NCMEC is told."""
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    stage.look_again(stage.appeal(decision), {**VICTIM, "role": "apparent_victim"}, grant=True)
    stage.pass_time(days=1)
    new = Decision.objects.get(replaces=decision)
    assert new.violation
    assert new.subject.role == "apparent_victim"
    assert world.accounts["user-17"].status == AccountStatus.ACTIVE
    assert world.items["p1"].status == ItemStatus.HIDDEN
    assert Task.objects.filter(kind="tell-ncmec").count() == 1
    stage.check_everywhere(world)


def test_an_unknown_person_is_decided_without_an_account(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    """The host tells no owner: the case has an unknown person, is filed, and closes."""
    world.items["p1"] = memory_host.msgspec.structs.replace(world.items["p1"], account_id="")
    case = stage.case_of("p1")
    assert case.subjects.get().account is None
    assert case.items.get().subject == case.subjects.get()
    decision = desk.decide(case, desk.SUSPENDS)
    stage.pass_time(days=1)
    assert stage.states(decision) == {"hide_item": "confirmed", "purge_item": "planned"}
    assert len(ncmec.finished) == 1
    notify = Duty.objects.get(kind="notify_account_holder")
    assert (notify.state, bool(notify.because)) == ("waived", True)
    assert Case.objects.get().state == "closed"
    stage.check_everywhere(world)


def test_clearing_waits_for_every_person_in_the_case(world: memory_host.World) -> None:
    """One of two people is cleared; the other is not looked at yet: nothing is destroyed."""
    case = stage.case_of("p1", "q1")
    one, two = case.subjects.order_by("account__external_id")
    cleared = desk.decide(case, desk.CLEARED, subject=one)
    clear(str(case.pk))
    assert not Sealed.objects.exclude(destroyed_at=None).exists()
    second = desk.decide(case, desk.CLEARED, subject=two)
    age(cleared, days=200)
    clear(str(case.pk))
    assert not Sealed.objects.exclude(destroyed_at=None).exists(), "the window of the second has only begun"
    age(second, days=200)
    clear(str(case.pk))
    assert not Sealed.objects.filter(destroyed_at=None).exists()
    assert world.items["p1"].status == ItemStatus.VISIBLE


def age(decision: Decision, **by: float) -> None:
    """The decision was confirmed that long ago."""
    Decision.objects.filter(pk=decision.pk).update(confirmed_at=stage.later(**{unit: -n for unit, n in by.items()}))


def test_cleared_after_filing_goes_when_the_hold_has_ended(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    from safehold.evidence import service as evidence
    from safehold.evidence.models import Hold

    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    stage.look_again(stage.appeal(decision), desk.CLEARED, grant=True)
    new = Decision.objects.get(replaces=decision)
    age(new, days=200)
    outcome = clear(str(new.subject.case_id))
    assert outcome is not None, "held: it asks again"
    assert not Sealed.objects.exclude(destroyed_at=None).exists()
    Hold.objects.update(until=stage.later(days=-1))
    evidence.end_holds_due(actor="system:worker")
    assert clear(str(new.subject.case_id)) is None
    assert not Sealed.objects.filter(destroyed_at=None).exists()
