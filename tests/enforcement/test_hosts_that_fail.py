"""Invariant 5: done is what the host shows when it is asked again. Deaf, away, refusing, and emptied hosts."""

import pytest
from django.db import IntegrityError, transaction

from safehold.audit.machine import IllegalMove
from safehold.cases.models import CaseItem
from safehold.enforcement import service as enforcement
from safehold.enforcement.models import Action
from safehold.hosts import contract
from safehold.path import commands
from safehold.persons.models import Ban
from safehold.work.models import Job, Task
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due
from tests.support.stage import FIRST, Ncmec

pytestmark = pytest.mark.django_db

ORDERS = {"hide_item": "hide_item", "suspend_account": "suspend_account"}


@pytest.mark.parametrize("kind", list(ORDERS))
def test_a_deaf_host_is_never_confirmed(world: memory_host.World, ncmec: Ncmec, kind: str) -> None:
    """It takes the order and shows nothing: failed, with a task; the path goes on without it; trying again works."""
    world.deaf = {ORDERS[kind]}
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    for _ in range(3):
        Job.objects.filter(state="waiting", failures__gt=0).update(not_before=stage.later(seconds=-1))
        run_due()
        assert Action.objects.get(kind=kind).state == "sent"
    stage.give_up()
    action = Action.objects.get(kind=kind)
    assert (action.state, action.confirmed_at) == ("failed", None)
    assert Task.objects.filter(kind="job-failed").count() == 1
    stage.pass_time(days=1)
    assert len(ncmec.finished) == 1, "a failed order holds nobody up"
    world.deaf = set()
    commands.retry_action(action.pk, actor=FIRST)
    run_due()
    assert stage.fresh(action).state == "confirmed"
    assert set(stage.states(decision).values()) == {"confirmed", "planned"}
    stage.check_everywhere(world)


@pytest.mark.parametrize("broken", ["hide_item", "suspend_account", "item", "account"])
@pytest.mark.parametrize("error", [contract.HostUnavailable("away"), OSError("cut off")])
def test_a_host_that_is_away_and_comes_back(world: memory_host.World, broken: str, error: Exception) -> None:
    case = stage.case_of("p1")
    world.broken = {broken: error}
    decision = desk.decide(case, desk.SUSPENDS)
    assert not any(state == "confirmed" for kind, state in stage.states(decision).items() if kind == broken)
    world.broken = {}
    stage.pass_time(hours=1)
    assert stage.states(decision) == {
        "hide_item": "confirmed", "suspend_account": "confirmed", "ban_person": "confirmed", "purge_item": "planned",
    }  # fmt: skip
    assert not Task.objects.filter(kind="job-failed").exists()
    stage.check_everywhere(world)


def test_a_host_that_refuses(world: memory_host.World) -> None:
    """No repetition helps: at once a person's task, with what the host said."""
    world.broken = {"suspend_account": contract.HostRefused("not allowed here")}
    desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    action = Action.objects.get(kind="suspend_account")
    assert (action.state, action.problem) == ("failed", "not allowed here")
    assert len([1 for name, *_rest in world.orders if name == "suspend_account"]) == 0
    assert Task.objects.filter(kind="job-failed", role="reviewer").count() == 1


def test_gone_by_other_hands_before_it_was_ordered(world: memory_host.World) -> None:
    """Item and account vanish from the host: hidden and suspended is what they are; the person is still banned."""
    case = stage.case_of("p1")
    del world.items["p1"]
    del world.accounts["user-17"]
    decision = desk.decide(case, desk.SUSPENDS)
    stage.pass_time(hours=1)
    assert stage.states(decision) == {
        "hide_item": "confirmed", "suspend_account": "confirmed", "ban_person": "confirmed", "purge_item": "planned",
    }  # fmt: skip
    host = case.items.get().item.host
    assert commands.check_signup(host, emails=("user-17@mail.example",), phones=()).refused, "known from before"
    assert not Task.objects.filter(kind="ban-without-identifier").exists()
    assert not Task.objects.filter(kind="job-failed").exists()


def test_a_ban_that_would_stop_nobody_says_so(world: memory_host.World) -> None:
    world.add_account("user-17", emails=(), phones=())
    desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    assert Ban.objects.filter(state="in_force").count() == 1
    assert Task.objects.filter(kind="ban-without-identifier").count() == 1


def test_evidence_first(world: memory_host.World) -> None:
    """Nothing is hidden before the item lies in the vault, whoever asks for it."""
    world.broken = {"open_item": contract.HostUnavailable("away")}
    case = stage.case_of("p1")
    assert case.items.get().preserve_state == CaseItem.Preserve.DUE
    commands.lease_case(case.pk, actor=FIRST, device=desk.DEVICE)
    commands.hide_item(case.items.get().pk, actor=FIRST, device=desk.DEVICE)
    decision = desk.decide(case, desk.SUSPENDS)
    stage.pass_time(hours=6)
    assert world.orders == []
    assert set(stage.states(decision).values()) == {"planned"}
    world.broken = {}
    stage.pass_time(hours=12)
    assert case.items.get().preserve_state == CaseItem.Preserve.DONE
    assert stage.states(decision)["hide_item"] == "confirmed"
    assert stage.states(decision)["suspend_account"] == "confirmed"
    stage.check_everywhere(world)


@pytest.mark.parametrize("how", ["refused", "not found"])
def test_an_item_that_cannot_be_had_holds_nobody_up(world: memory_host.World, how: str) -> None:
    """The record says that there is nothing in the vault; a refusal is a person's task too."""
    world.broken = {"item" if how == "not found" else "open_item": contract.HostRefused("no")}
    if how == "not found":
        world.broken = {}
        desk.report(locators=("https://memory.test/@user-17",), number=1)
        world.broken = {"open_item": contract.NotFound("gone")}
    case = stage.case_of("p1", number=2)
    item = case.items.get()
    assert (item.preserve_state, item.body) == ("unavailable", None)
    assert Task.objects.filter(kind="job-failed").count() == (1 if how == "refused" else 0)
    world.broken = {}
    decision = desk.decide(case, desk.SUSPENDS)
    assert stage.states(decision)["hide_item"] == "confirmed"
    assert stage.states(decision)["suspend_account"] == "confirmed"


def test_no_purge_before_the_receipt(world: memory_host.World, ncmec: Ncmec) -> None:
    from safehold.cybertip.client import Outcome
    from safehold.subjects.models import Host

    Host.objects.update(purge_after_receipt=True)
    ncmec.stuck = {"finish": Outcome.RETRY}
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    stage.pass_time(hours=3)
    assert "p1" in world.items
    assert stage.states(decision)["purge_item"] == "planned"
    ncmec.stuck = {}
    stage.pass_time(days=1)
    assert "p1" not in world.items
    names = [name for name, *_rest in world.orders]
    assert names.index("hide_item") < names.index("suspend_account") < names.index("purge_item")
    stage.check_everywhere(world)


def test_no_purge_while_another_case_keeps_its_copy(world: memory_host.World, ncmec: Ncmec) -> None:
    """A newer case has not preserved the item yet: the older one's purge waits for it."""
    from safehold.subjects.models import Item

    one = desk.decide(stage.case_of("p1", number=1), desk.SUSPENDS)
    world.broken = {"open_item": contract.HostUnavailable("away")}
    newer = stage.case_of("p1", number=2)
    assert newer.pk != one.subject.case_id
    Item.objects.filter(external_id="p1").update(purge_after_receipt=True)
    with transaction.atomic():
        stage_order().advance(one)
    run_due()
    assert "p1" in world.items
    world.broken = {}
    stage.pass_time(hours=8)
    assert newer.items.get().preserve_state == "done"
    assert newer.items.get().body is not None
    assert "p1" not in world.items


def stage_order():  # type: ignore[no-untyped-def]
    from safehold.path import order

    return order


def test_ordering_twice_is_one_action(world: memory_host.World) -> None:
    case = stage.case_of("p1")
    commands.lease_case(case.pk, actor=FIRST, device=desk.DEVICE)
    one = commands.hide_item(case.items.get().pk, actor=FIRST, device=desk.DEVICE)
    two = commands.hide_item(case.items.get().pk, actor=FIRST, device=desk.DEVICE)
    assert one.pk == two.pk
    with pytest.raises(IntegrityError), transaction.atomic():
        Action.objects.create(kind="hide_item", case_item=case.items.get(), ordered_by=FIRST)
    with pytest.raises(IntegrityError), transaction.atomic():
        Action.objects.create(kind="suspend_account", ordered_by=FIRST)  # names no subject


def test_every_action_names_its_reverse_or_that_it_has_none(world: memory_host.World) -> None:
    desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    named = dict(Action.objects.values_list("kind", "reverse"))
    assert named == {
        "hide_item": "restore_item", "suspend_account": "restore_account", "ban_person": "lift_ban", "purge_item": "",
    }  # fmt: skip


@pytest.mark.parametrize("state", Action.State.values)
def test_confirmed_only_from_sent(world: memory_host.World, state: str) -> None:
    """Nothing but a sent action can be confirmed, whatever the host shows."""
    case = stage.case_of("p1")
    action = Action.objects.create(kind="hide_item", case_item=case.items.get(), ordered_by=FIRST, state=state)
    if state == "sent":
        with pytest.raises(enforcement.NotYet), transaction.atomic():
            enforcement.confirm(action, seen="visible", actor=FIRST)
        with transaction.atomic():
            assert enforcement.confirm(action, seen="hidden", actor=FIRST).state == "confirmed"
    else:
        with pytest.raises(IllegalMove), transaction.atomic():
            enforcement.confirm(action, seen="hidden", actor=FIRST)
