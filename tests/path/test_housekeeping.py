"""What recurs: lost wake-ups are found, and looking twice changes nothing."""

import pytest

from safehold.audit.models import Entry
from safehold.cases.models import Case
from safehold.enforcement.models import Action
from safehold.path import housekeeping
from safehold.work.models import Job
from tests.support import desk, memory_host
from tests.support.jobs import run_due

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(vault: object) -> memory_host.World:
    _host, world = memory_host.make()
    world.add_account("user-17")
    world.add_item("p1", "user-17", body=b"bytes of a test")
    return world


def test_a_lost_wake_up_is_found(world: memory_host.World, no_filing: None) -> None:
    desk.report(locators=("https://memory.test/p1",))
    decision = desk.decide(Case.objects.get(), desk.SUSPENDS)
    Job.objects.filter(name="filing.file").delete()  # as if nobody had made it due
    housekeeping.look_over()
    assert Job.objects.filter(name="filing.file", ids__decision=str(decision.pk)).exists()


def test_looking_over_what_is_on_its_way_changes_nothing(world: memory_host.World, no_filing: None) -> None:
    desk.report(locators=("https://memory.test/p1",))
    desk.decide(Case.objects.get(), desk.SUSPENDS)
    before = (Entry.objects.count(), sorted(Action.objects.values_list("kind", "state")), list(world.orders))
    housekeeping.look_over()
    run_due()
    assert (Entry.objects.count(), sorted(Action.objects.values_list("kind", "state")), list(world.orders)) == before


def test_the_worker_starts_each_once(db: None) -> None:
    housekeeping.keep_going()
    housekeeping.keep_going()
    names = ["archive.tend", "exchange.watch", "house.daily", "house.look_over", "index.look", "rescreen.run"]
    assert sorted(Job.objects.values_list("name", flat=True)) == names
