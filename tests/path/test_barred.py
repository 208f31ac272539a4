"""What our own people found wrong is not put back: by the source of a list, by a job that runs once more, by a copy."""

from hashlib import sha256

import pytest
from django.db import transaction

from safehold.path import bank, commands, removal_steps
from safehold.removals.models import RemovalItem
from safehold.screening import service as screening
from safehold.screening.models import ListEntry
from tests.support import desk, memory_host, removing, stage
from tests.support.stage import THIRD

pytestmark = pytest.mark.django_db

WHY = "placeholder reason 1"
FILE = sha256(b"not a picture, bytes of a test").hexdigest()
TERMS = {"source": "source 1", "purpose": "prevent-exploitation", "licence": "agreement 7", "actor": THIRD}


def live(slug: str) -> list[ListEntry]:
    return list(ListEntry.objects.filter(list=slug, retracted_at=None))


@pytest.mark.usefixtures("world")
def test_a_source_does_not_put_back_what_a_person_retracted() -> None:
    row = screening.add_entry("files-1", FILE, category="A1", ref="m-1", **TERMS)
    commands.retract_entry(row.pk, because=WHY, actor=THIRD)
    again = screening.EntryIn(ref="m-1", sha256=FILE, category="A1")
    assert screening.take("files-1", [again], actor="system:worker").barred == 1
    assert live("files-1") == []


def test_a_job_that_runs_again_does_not_put_back_what_a_person_took_off_the_bank(world: memory_host.World) -> None:
    decision = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    (row,) = live("bank")
    commands.retract_entry(row.pk, because=WHY, actor=THIRD)
    bank.take(str(decision.pk))
    assert live("bank") == []


def test_a_later_decision_about_the_same_bytes_is_a_new_word(world: memory_host.World) -> None:
    world.add_item("p9", "user-18", body=world.bodies["p1"])
    first = desk.decide(stage.case_of("p1"), desk.SUSPENDS)
    stage.look_again(stage.appeal(first), desk.CLEARED, grant=True)
    assert live("bank") == []
    assert ListEntry.objects.get(list="bank").barred
    second = desk.decide(stage.case_of("p9", number=2), desk.SUSPENDS)
    assert [row.ref for row in live("bank")] == [f"decision:{second.pk}"]


@pytest.mark.usefixtures("world")
def test_a_request_whose_entry_was_taken_off_goes_on_without_it() -> None:
    request = removing.valid()
    (row,) = live(screening.REMOVED)
    commands.retract_entry(row.pk, because=WHY, actor=THIRD)
    with transaction.atomic():
        removal_steps._keep_away(request, RemovalItem.objects.get(removal=request))
    assert live(screening.REMOVED) == []
    other = removing.valid(2)
    assert [one.ref for one in live(screening.REMOVED)] == [other.cause], "a request of its own"


@pytest.mark.usefixtures("world")
def test_a_request_that_is_taken_back_does_not_bar_its_own_return() -> None:
    request = removing.valid()
    with transaction.atomic():
        removal_steps.give_back(RemovalItem.objects.get(removal=request), because=WHY, actor=THIRD)
    (row,) = ListEntry.objects.filter(list=screening.REMOVED)
    assert (row.retracted_at is None, row.barred) == (False, False)
