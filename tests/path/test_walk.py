"""The path of a case through the real rooms, with a host in memory and the filing left aside."""

import pytest

from safehold.cases.models import Case, CaseItem, Duty
from safehold.enforcement.models import Action
from safehold.hosts.contract import AccountStatus, ItemStatus
from safehold.path import commands
from tests.support import desk, memory_host
from tests.support.jobs import run_due

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(vault: None) -> memory_host.World:
    _host, world = memory_host.make()
    world.add_account("user-17", phones=("+12025550117",))
    world.add_item("p1", "user-17", body=b"not a picture, bytes of a test")
    world.add_item("p2", "user-17")
    return world


def test_a_report_becomes_a_case_with_preserved_items(world: memory_host.World) -> None:
    accepted = desk.report(account_name="user-17", locators=("https://memory.test/p1",))
    case = Case.objects.get()
    assert list(case.reports.all()) == [accepted.report]
    assert [row.account.external_id for row in case.subjects.all() if row.account] == ["user-17"]
    item = case.items.get()
    assert item.preserve_state == CaseItem.Preserve.DONE
    assert item.body is not None
    assert item.facts is not None
    assert world.orders == [], "a stranger's report alone is no take-down button"


def test_two_reports_of_one_item_join_one_case(world: memory_host.World) -> None:
    desk.report(locators=("https://memory.test/p1",), number=1)
    desk.report(account_name="user-17", number=2)
    assert Case.objects.get().reports.count() == 2


def test_a_confirmed_decision_hides_suspends_and_bans(world: memory_host.World, no_filing: None) -> None:
    desk.report(account_name="user-17", locators=("https://memory.test/p1",))
    decision = desk.decide(Case.objects.get(), desk.SUSPENDS)
    assert world.items["p1"].status == ItemStatus.HIDDEN
    assert world.accounts["user-17"].status == AccountStatus.SUSPENDED
    states = dict(Action.objects.filter(decision=decision).values_list("kind", "state"))
    assert states == {
        "hide_item": "confirmed",
        "suspend_account": "confirmed",
        "ban_person": "confirmed",
        "purge_item": "planned",
    }
    from safehold.subjects.models import Host

    host = Host.objects.get()
    answer = commands.check_signup(host, emails=("USER-17@mail.example",), phones=())
    assert (answer.refused, answer.by) == (True, "email")
    assert commands.check_signup(host, emails=(), phones=("+1 202-555-0117",)).refused
    assert not commands.check_signup(host, emails=("user-18@mail.example",), phones=(), ip="192.0.2.7").refused
    assert Duty.objects.get(decision=decision, kind="report_shall").state == "open"


def test_a_cleared_item_comes_back(world: memory_host.World) -> None:
    desk.report(locators=("https://memory.test/p1",))
    case = Case.objects.get()
    commands.lease_case(case.pk, actor=desk.FIRST, device=desk.DEVICE)
    commands.hide_item(case.items.get().pk, actor=desk.FIRST, device=desk.DEVICE)
    run_due()
    assert world.items["p1"].status == ItemStatus.HIDDEN
    desk.decide(case, desk.CLEARED)
    assert world.items["p1"].status == ItemStatus.VISIBLE
    case.refresh_from_db()
    assert case.state == Case.State.CLOSED
    assert case.reports.get().state == "finished"
