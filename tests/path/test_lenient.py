"""The lenient path (S74-S77, readings A06-A09): held, agreed or not, complied with or not."""

from itertools import pairwise
from typing import Any

import pytest

from safehold.cases.models import Decision
from safehold.cybertip.client import Outcome
from safehold.enforcement.models import Action
from safehold.hosts.contract import AccountStatus, ItemStatus
from safehold.hosts.events import HostEvent, ItemRemoved
from safehold.path import commands, order
from safehold.persons.models import Ban, Strike
from safehold.redress import service as redress
from safehold.subjects.models import Host
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due
from tests.support.stage import FIRST, SECOND, THIRD, Ncmec

pytestmark = pytest.mark.django_db


def held(*items: str, number: int = 1) -> Decision:
    decision = desk.decide(stage.case_of(*items, number=number), desk.LENIENT)
    assert decision.state == "held"
    return decision


def agreed(*items: str, number: int = 1) -> Decision:
    decision = commands.second_opinion(held(*items, number=number).pk, agree=True, reason="Yes.", actor=SECOND)
    stage.pass_time(hours=1)
    return decision


def removed_on_host(world: memory_host.World, item: str) -> None:
    """The user deletes it on the host, and the host tells."""
    world.items.pop(item)
    world.bodies.pop(item, None)
    host = Host.objects.get()
    commands.receive_event(HostEvent(host, f"event-{item}", "item.removed", ItemRemoved(item)))
    stage.pass_time(hours=1)


def test_held_hides_and_locks_and_nothing_else(world: memory_host.World, ncmec: Ncmec) -> None:
    decision = held("p1")
    stage.pass_time(days=3)
    assert world.items["p1"].status == ItemStatus.HIDDEN
    assert world.accounts["user-17"].status == AccountStatus.LOCKED
    assert stage.states(decision) == {"hide_item": "confirmed", "lock_account": "confirmed"}
    assert not Strike.objects.exists()
    assert ncmec.opened == 0
    assert world.told == []
    assert decision.subject.case.state == "open"


def test_agreed_is_filed_and_stays_locked(world: memory_host.World, ncmec: Ncmec) -> None:
    decision = agreed("p1")
    stage.pass_time(days=400)
    assert stage.states(decision) == {"hide_item": "confirmed", "lock_account": "confirmed"}
    assert len(ncmec.finished) == 1
    assert "p1" in world.items, "the user removes it, nobody else"
    assert world.accounts["user-17"].status == AccountStatus.LOCKED
    assert stage.fresh(decision.subject.case).state == "closed"
    stage.check_everywhere(world)


def test_disagreed_suspends(world: memory_host.World, ncmec: Ncmec) -> None:
    """The default sanction stands (A07); never is the account free in between."""
    decision = held("p1")
    before = len(world.orders)
    default = commands.second_opinion(decision.pk, agree=False, reason="No.", actor=SECOND)
    stage.pass_time(days=1)
    assert default.cause == "disagreement"
    assert stage.fresh(decision).state == "withdrawn"
    assert world.accounts["user-17"].status == AccountStatus.SUSPENDED
    assert "restore_account" not in [name for name, *_rest in world.orders[before:]]
    assert Ban.objects.filter(state="in_force").count() == 1
    assert len(ncmec.finished) == 1
    assert not Action.objects.filter(decision=decision).exists(), "everything changed hands"
    stage.check_everywhere(world)
    stage.look_again(stage.appeal(default), desk.CLEARED, grant=True, actor=THIRD)
    assert world.accounts["user-17"].status == AccountStatus.ACTIVE
    assert world.items["p1"].status == ItemStatus.VISIBLE
    stage.check_everywhere(world)


@pytest.mark.parametrize("filed", [True, False])
def test_the_button_before_and_after_the_receipt(world: memory_host.World, ncmec: Ncmec, filed: bool) -> None:
    ncmec.stuck = {} if filed else {"submit": Outcome.RETRY}
    decision = agreed("p1")
    commands.user_removes(stage.token(decision))
    run_due()
    assert ("p1" in world.items) is not filed, "nothing is destroyed before the receipt"
    assert world.accounts["user-17"].status == (AccountStatus.ACTIVE if filed else AccountStatus.LOCKED)
    ncmec.stuck = {}
    stage.pass_time(days=1)
    assert "p1" not in world.items
    assert world.accounts["user-17"].status == AccountStatus.ACTIVE
    assert stage.states(decision) == {"hide_item": "confirmed", "purge_item": "confirmed", "lock_account": "reversed"}
    assert stage.fresh(decision.subject.case).state == "closed"
    commands.user_removes(stage.token(decision))  # pressed again: nothing happens
    run_due()
    stage.check_everywhere(world)


@pytest.mark.parametrize("filed", [True, False])
def test_removed_on_the_host_before_and_after_the_receipt(world: memory_host.World, ncmec: Ncmec, filed: bool) -> None:
    ncmec.stuck = {} if filed else {"submit": Outcome.RETRY}
    decision = agreed("p1")
    removed_on_host(world, "p1")
    ncmec.stuck = {}
    stage.pass_time(days=1)
    assert world.accounts["user-17"].status == AccountStatus.ACTIVE
    assert len(ncmec.finished) == 1, "the report is due all the same (A09)"
    assert stage.states(decision)["lock_account"] == "reversed"
    assert stage.fresh(decision.subject.case).state == "closed"
    stage.check_everywhere(world)


def test_one_of_two_items_removed(world: memory_host.World) -> None:
    decision = agreed("p1", "p3")
    removed_on_host(world, "p1")
    assert world.accounts["user-17"].status == AccountStatus.LOCKED
    removed_on_host(world, "p3")
    assert world.accounts["user-17"].status == AccountStatus.ACTIVE
    assert decision.covers.count() == 2
    stage.check_everywhere(world)


def test_removed_on_the_host_while_a_second_person_is_awaited(world: memory_host.World) -> None:
    """What the user did before anybody agreed counts: nobody stays locked for an item that is gone."""
    decision = held("p1")
    removed_on_host(world, "p1")
    assert world.accounts["user-17"].status == AccountStatus.LOCKED
    commands.second_opinion(decision.pk, agree=True, reason="Yes.", actor=SECOND)
    stage.pass_time(days=1)
    assert world.accounts["user-17"].status == AccountStatus.ACTIVE
    stage.check_everywhere(world)


def test_removed_while_awaited_and_then_disagreed(world: memory_host.World) -> None:
    decision = held("p1")
    removed_on_host(world, "p1")
    commands.second_opinion(decision.pk, agree=False, reason="No.", actor=SECOND)
    stage.pass_time(days=1)
    assert world.accounts["user-17"].status == AccountStatus.SUSPENDED
    stage.check_everywhere(world)


def test_a_second_violation_before_compliance(world: memory_host.World) -> None:
    """Locked for the first, suspended for the second; complying with the first unlocks nothing."""
    first = agreed("p1", number=1)
    second = desk.decide(stage.case_of("p3", number=2), desk.LENIENT, actor=SECOND)
    run_due()
    assert second.state == "confirmed", "a strike counts: no leniency, nobody asked"
    assert world.accounts["user-17"].status == AccountStatus.SUSPENDED
    commands.user_removes(stage.token(first))
    stage.pass_time(hours=2)
    assert "p1" not in world.items
    assert world.accounts["user-17"].status == AccountStatus.SUSPENDED
    stage.check_everywhere(world)


def test_nothing_to_remove_for_a_suspension(world: memory_host.World) -> None:
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    with pytest.raises(redress.NotAppealable):
        commands.user_removes(stage.token(decision))
    assert not Action.objects.filter(kind="purge_item").exclude(state="planned").exists()


def test_the_host_forgets_the_removal_order(world: memory_host.World) -> None:
    """Deaf to the purge: not confirmed, not unlocked; a person tries again."""
    decision = agreed("p1")
    world.deaf = {"purge_item"}
    commands.user_removes(stage.token(decision))
    run_due()
    stage.give_up()
    purge = Action.objects.get(kind="purge_item")
    assert purge.state == "failed"
    assert world.accounts["user-17"].status == AccountStatus.LOCKED
    world.deaf = set()
    commands.user_removes(stage.token(decision))  # the button again
    run_due()
    assert stage.fresh(purge).state == "confirmed"
    assert world.accounts["user-17"].status == AccountStatus.ACTIVE


def test_the_unlocking_fails_and_the_case_still_closes(world: memory_host.World) -> None:
    """A lock on its way back holds nobody up."""
    decision = agreed("p1")
    world.broken = {"restore_account": stage_down()}
    commands.user_removes(stage.token(decision))
    stage.pass_time(hours=1)
    assert Action.objects.get(kind="lock_account").state == "reversing"
    world.broken = {}
    stage.pass_time(hours=1)
    assert Action.objects.get(kind="lock_account").state == "reversed"
    assert stage.fresh(decision.subject.case).state == "closed"


def stage_down() -> Exception:
    from safehold.hosts.contract import HostUnavailable

    return HostUnavailable("away")


def test_waived_instead_of_filed(world: memory_host.World, ncmec: Ncmec) -> None:
    ncmec.stuck = {"submit": Outcome.RETRY}
    decision = agreed("p1")
    commands.user_removes(stage.token(decision))
    run_due()
    assert "p1" in world.items
    commands.waive_duty(
        decision.duties.get(kind="report_shall").pk, because="Not ours to report.", actor="staff:custodian"
    )
    ncmec.stuck = {}
    stage.pass_time(days=1)
    assert ncmec.finished == []
    assert "p1" not in world.items
    assert world.accounts["user-17"].status == AccountStatus.ACTIVE
    filing = order.filing_of(decision)
    assert filing is not None
    assert filing.state == "not_reportable"
    duties: dict[str, Any] = dict(decision.duties.values_list("kind", "state"))
    assert duties == {"report_shall": "waived", "preserve": "met", "notify_account_holder": "met"}
    assert stage.fresh(decision.subject.case).state == "closed"
    stage.check_everywhere(world)


def test_the_first_person_cannot_agree(world: memory_host.World) -> None:
    decision = held("p1")
    with pytest.raises(commands.decisions.SamePerson):
        commands.second_opinion(decision.pk, agree=True, reason="I agree with me.", actor=FIRST)
    assert stage.refusals("decision.second_opinion") == 1
    assert stage.fresh(decision).state == "held"


def test_orders_come_in_their_order(world: memory_host.World) -> None:
    """Hide, then lock or suspend; the purge last."""
    desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    Action.objects.filter(kind="purge_item").get()
    names = [name for name, *_rest in world.orders]
    wanted = [names.index(name) for name in ("hide_item", "suspend_account")]
    assert all(a < b for a, b in pairwise(wanted))
