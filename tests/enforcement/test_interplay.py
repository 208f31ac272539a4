"""Two cases, or two classes in one case, about the same account or item: lifting one keeps what another wants."""

import itertools
from typing import Any

import pytest

from safehold.cases.models import Case, Decision
from safehold.enforcement.models import Action
from safehold.hosts.contract import AccountStatus, ItemStatus
from safehold.path import commands
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due
from tests.support.stage import FIRST, SECOND, THIRD

pytestmark = pytest.mark.django_db

ACCOUNT = {"suspend": AccountStatus.SUSPENDED, "lock": AccountStatus.LOCKED}
# Answer sets of class "physical-abuse", version 2024-05 (ids and codes only).
POSTED_ABUSE: dict[str, Any] = {
    "minor": "apparent", "media": "real", "abuse_shown": "yes", "clothing": "fully", "harm": "lower",
    "context": "non_abusive", "also_cse": "no", "ground": "none", "sole_purpose": "no", "danger": "none_seen",
}  # fmt: skip
NOT_ABUSE: dict[str, Any] = {"minor": "apparent", "media": "drawing", "danger": "none_seen"}


def decided(item: str, number: int, how: str) -> Decision:
    """A decision in force about an item, in a case of its own: it suspends, or locks (lenient)."""
    known = set(Case.objects.values_list("pk", flat=True))
    stage.case_of(item, number=number)
    case = Case.objects.exclude(pk__in=known).get()
    decision = desk.decide(case, desk.SUSPENDS if how == "suspend" else desk.LENIENT)
    if decision.state == "held":
        decision = commands.second_opinion(decision.pk, agree=True, reason="Looked at it too.", actor=SECOND)
    stage.pass_time(hours=1)
    return decision


def strongest(standing: list[str]) -> AccountStatus:
    return ACCOUNT["suspend" if "suspend" in standing else "lock"] if standing else AccountStatus.ACTIVE


# A strike counts, so a second violation is never lenient: the lock always comes first.
@pytest.mark.parametrize("first", ["suspend", "lock"])
@pytest.mark.parametrize("lifted", list(itertools.permutations([0, 1])))
def test_two_cases_on_one_account(world: memory_host.World, first: str, lifted: tuple[int, int]) -> None:
    kinds = [first, "suspend"]
    both = [decided("p1", 1, first), decided("p3", 2, "suspend")]
    assert world.accounts["user-17"].status == AccountStatus.SUSPENDED
    standing = dict(enumerate(kinds))
    for number in lifted:
        stage.look_again(stage.appeal(both[number]), desk.CLEARED, grant=True, actor=THIRD)
        del standing[number]
        assert world.accounts["user-17"].status == strongest(list(standing.values()))
        stage.check_everywhere(world)
    assert {row.state for row in Action.objects.filter(kind__in=["suspend_account", "lock_account"])} == {"reversed"}


@pytest.mark.parametrize("lifted", list(itertools.permutations([0, 1])))
def test_one_item_hidden_by_two_cases(world: memory_host.World, lifted: tuple[int, int]) -> None:
    both = [decided("p1", 1, "suspend"), decided("p1", 2, "suspend")]
    assert both[0].subject.case_id != both[1].subject.case_id
    for left, number in zip((1, 0), lifted, strict=True):
        stage.look_again(stage.appeal(both[number]), desk.CLEARED, grant=True, actor=THIRD)
        assert world.items["p1"].status == (ItemStatus.HIDDEN if left else ItemStatus.VISIBLE)
        stage.check_everywhere(world)


def test_purged_in_one_case_and_hidden_in_another(world: memory_host.World) -> None:
    """What is gone cannot come back: both ledgers say so, and no job goes on trying."""
    one = decided("p1", 1, "suspend")
    two = decided("p1", 2, "suspend")
    purge = Action.objects.get(kind="purge_item", decision=two)
    from safehold.path import order
    from safehold.subjects.models import Item

    Item.objects.filter(external_id="p1").update(purge_after_receipt=True)
    order.advance(two)
    run_due()
    assert stage.fresh(purge).state == "confirmed"
    stage.look_again(stage.appeal(one), desk.CLEARED, grant=True, actor=THIRD)
    assert stage.states(one)["hide_item"] == "irreversible"
    stage.look_again(stage.appeal(two), desk.CLEARED, grant=True, actor=THIRD)
    assert stage.states(two) == {
        "hide_item": "irreversible", "purge_item": "irreversible",
        "suspend_account": "reversed", "ban_person": "reversed",
    }  # fmt: skip
    stage.check_everywhere(world)


def test_a_reviewers_hide_in_another_case_is_kept(world: memory_host.World) -> None:
    """Hidden by a decision, and by a reviewer in a newer case that is undecided."""
    one = decided("p1", 1, "suspend")
    newer = stage.case_of("p1", number=2)
    commands.lease_case(newer.pk, actor=SECOND, device=desk.DEVICE)
    commands.hide_item(newer.items.get().pk, actor=SECOND, device=desk.DEVICE)
    run_due()
    stage.look_again(stage.appeal(one), desk.CLEARED, grant=True, actor=THIRD)
    assert world.items["p1"].status == ItemStatus.HIDDEN
    commands.unhide_item(newer.items.get().pk, actor=SECOND, device=desk.DEVICE)
    run_due()
    assert world.items["p1"].status == ItemStatus.VISIBLE


def test_hide_and_bring_back_again_and_again(world: memory_host.World) -> None:
    """The same reviewer changes their mind more than once: the last word counts, on the host too."""
    case = stage.case_of("p1")
    item = case.items.get()
    commands.lease_case(case.pk, actor=FIRST, device=desk.DEVICE)
    for _ in range(3):
        commands.hide_item(item.pk, actor=FIRST, device=desk.DEVICE)
        run_due()
        assert world.items["p1"].status == ItemStatus.HIDDEN
        commands.unhide_item(item.pk, actor=FIRST, device=desk.DEVICE)
        run_due()
        assert world.items["p1"].status == ItemStatus.VISIBLE
        commands.unhide_item(item.pk, actor=FIRST, device=desk.DEVICE)  # nothing hidden: nothing happens
        commands.hide_item(item.pk, actor=FIRST, device=desk.DEVICE)
        commands.unhide_item(item.pk, actor=FIRST, device=desk.DEVICE)
        commands.hide_item(item.pk, actor=FIRST, device=desk.DEVICE)
        run_due()
        assert world.items["p1"].status == ItemStatus.HIDDEN
        commands.unhide_item(item.pk, actor=FIRST, device=desk.DEVICE)
        run_due()


def test_a_decision_wants_hidden_what_is_just_being_brought_back(world: memory_host.World) -> None:
    """The reviewer brought the item back; before the host did it, the decision wants it hidden."""
    case = stage.case_of("p1")
    item = case.items.get()
    commands.lease_case(case.pk, actor=FIRST, device=desk.DEVICE)
    commands.hide_item(item.pk, actor=FIRST, device=desk.DEVICE)
    run_due()
    commands.unhide_item(item.pk, actor=FIRST, device=desk.DEVICE)
    assert Action.objects.get(kind="hide_item").state == "reversing"
    decision = desk.decide(case, desk.SUSPENDS)
    stage.pass_time(hours=1)
    assert world.items["p1"].status == ItemStatus.HIDDEN
    assert stage.states(decision)["hide_item"] == "confirmed"
    assert world.accounts["user-17"].status == AccountStatus.SUSPENDED
    stage.check_everywhere(world)


def test_an_action_that_failed_is_ordered_anew_by_a_decision(world: memory_host.World) -> None:
    """A reviewer's hide failed; the decision wants it: the host is asked once more."""
    case = stage.case_of("p1")
    commands.lease_case(case.pk, actor=FIRST, device=desk.DEVICE)
    world.deaf = {"hide_item"}
    commands.hide_item(case.items.get().pk, actor=FIRST, device=desk.DEVICE)
    run_due()
    stage.give_up()
    assert Action.objects.get(kind="hide_item").state == "failed"
    world.deaf = set()
    desk.decide(case, desk.SUSPENDS)
    assert world.items["p1"].status == ItemStatus.HIDDEN
    stage.check_everywhere(world)


def test_two_classes_want_one_suspension(world: memory_host.World) -> None:
    """One person, one case, two classes that both hide and lock: the one that stands keeps what the other loses."""
    case = stage.case_of("p1", "p2")
    abuse = decided_as(case, "physical-abuse", POSTED_ABUSE)
    assert abuse.state == "confirmed"
    assert "lock_account" in stage.states(abuse)
    cse = desk.decide(case, desk.SUSPENDS)
    run_due()
    assert world.accounts["user-17"].status == AccountStatus.SUSPENDED
    stage.look_again(stage.appeal(abuse), NOT_ABUSE, grant=True, actor=THIRD)
    assert world.items["p1"].status == ItemStatus.HIDDEN, "the other decision still wants it hidden"
    assert world.accounts["user-17"].status == AccountStatus.SUSPENDED
    stage.check_everywhere(world)
    stage.look_again(stage.appeal(cse), desk.CLEARED, grant=True, actor=THIRD)
    assert world.items["p1"].status == ItemStatus.VISIBLE
    assert world.accounts["user-17"].status == AccountStatus.ACTIVE
    stage.check_everywhere(world)


def decided_as(case: Case, class_id: str, answers: dict[str, Any]) -> Decision:
    """As `desk.decide`, under another class."""
    subject = case.subjects.get()
    commands.lease_case(case.pk, actor=FIRST, device=desk.DEVICE)
    commands.answer(subject.pk, class_id, answers, actor=FIRST, device=desk.DEVICE)
    decision = commands.propose_decision(subject.pk, class_id, actor=FIRST, device=desk.DEVICE)
    decision = commands.confirm_decision(decision.pk, actor=FIRST, device=desk.DEVICE)
    commands.release_case(case.pk, actor=FIRST, device=desk.DEVICE)
    run_due()
    return decision
