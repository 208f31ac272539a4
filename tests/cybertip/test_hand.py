"""A filing in a person's hands, and what of it is left open at the service: retracted, exactly as far as it goes."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from safehold.cybertip import service
from safehold.cybertip.client import Client
from safehold.cybertip.models import Exchange, Filing, Submission
from safehold.cybertip.progress import Progress
from safehold.work.models import Task
from tests.cybertip.filings import BODIES, Ended, a_filing, read, run, states
from tests.cybertip.simulated import PASSWORD, USERNAME, Simulator

pytestmark = [pytest.mark.django_db, pytest.mark.network]


def opened(files: int = 1, steps: int = 1) -> Filing:
    filing = a_filing(files=files)
    for _ in range(steps):
        service.advance(filing.pk, worker="t", on_finished=Ended(), read=read)
    filing.refresh_from_db()
    return filing


def taken(filing: Filing) -> Filing:
    return service.take_in_hand(filing.pk, actor="staff:1")


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_taken_at_any_step_nothing_more_is_sent_and_what_is_open_is_retracted(
    service_at: Simulator, steps: int
) -> None:
    filing = taken(opened(steps=steps))
    before = Exchange.objects.count()
    assert run(filing, Ended()) == [Progress("person")]
    assert Exchange.objects.count() == before
    for _ in range(2):
        assert service.retract_left(filing.pk, worker="t").kind == "done"
    assert states(service_at, filing) == (["retracted"] if steps else [])
    assert Exchange.objects.count() == before + (1 if steps else 0), "asked once"


def test_given_back_it_begins_anew_with_every_file(service_at: Simulator) -> None:
    filing = taken(opened(files=2, steps=3))
    service.retract_left(filing.pk, worker="t")
    filing = service.give_back(filing.pk, because="never sent", actor="staff:1")
    assert (filing.state, filing.in_hand_by) == ("drafted", "")
    ended = Ended()
    assert run(filing, ended)[-1].kind == "done"
    assert states(service_at, filing) == ["retracted", "finished"]
    assert len(ended.filings) == 1


def test_a_service_that_cannot_be_reached_is_asked_again(service_at: Simulator) -> None:
    filing = taken(opened())
    service_at.fault({"endpoint": "retract", "kind": "status", "status": 503})
    assert service.retract_left(filing.pk, worker="t").kind == "later"
    assert Submission.objects.get().state == "left"
    service_at.fault({"endpoint": "retract", "kind": "drop_after"})
    assert service.retract_left(filing.pk, worker="t").kind == "later"
    assert service.retract_left(filing.pk, worker="t").kind == "done"  # 5101: it was retracted
    assert Submission.objects.get().state == "retracted"


def test_what_expired_needs_no_call(service_at: Simulator) -> None:
    filing = taken(opened())
    Submission.objects.update(begun_at=timezone.now() - timedelta(hours=25))
    before = Exchange.objects.count()
    assert service.retract_left(filing.pk, worker="t").kind == "done"
    assert Exchange.objects.count() == before


def test_a_left_report_that_is_finished_all_the_same_is_told(service_at: Simulator) -> None:
    filing = taken(opened())
    with Client(service_at.url, USERNAME, PASSWORD) as client:
        assert client.finish(Submission.objects.get().report_id or 0).code == 0
    assert service.retract_left(filing.pk, worker="t").kind == "done"
    task = Task.objects.get(kind="filing-finished-early")
    assert (task.role, "5102" in task.note) == ("custodian", True)


def test_refused_credentials_stop_the_queue_here_too(service_at: Simulator) -> None:
    filing = taken(opened())
    service_at.fault({"endpoint": "retract", "kind": "unauthorised"})
    assert service.retract_left(filing.pk, worker="t").kind == "later"
    assert service.circuit_of("practice") is not None
    before = Exchange.objects.count()
    assert service.retract_left(filing.pk, worker="t").kind == "later"
    assert Exchange.objects.count() == before


def test_never_to_another_environment(service_at: Simulator) -> None:
    filing = taken(opened())
    Filing.objects.filter(pk=filing.pk).update(environment="production")
    with pytest.raises(service.WrongEnvironment):
        service.retract_left(filing.pk, worker="t")
    assert states(service_at, filing) == ["open"]


def test_taken_while_a_file_is_on_its_way_the_answer_changes_nothing(service_at: Simulator) -> None:
    """The person is faster than the upload: its answer is kept, the filing stays in their hands."""
    filing, ended = opened(), Ended()

    def slow(sealed_id: str) -> Iterator[bytes]:
        yield BODIES[sealed_id][:5]
        taken(filing)
        yield BODIES[sealed_id][5:]

    service.advance(filing.pk, worker="t", on_finished=ended, read=slow)
    filing.refresh_from_db()
    assert filing.state == "in_hand"
    assert filing.files.get().state == "due"
    assert run(filing, ended) == [Progress("person")]
    service.retract_left(filing.pk, worker="t")
    assert states(service_at, filing) == ["retracted"]


@pytest.mark.django_db(transaction=True)
def test_two_people_one_takes_it(service_at: Simulator) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite in memory has one connection")
    filing, results = opened(), []

    def take(actor: str) -> None:
        try:
            results.append(service.take_in_hand(filing.pk, actor=actor).in_hand_by)
        except service.NotNow:
            results.append("")
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=(f"staff:{n}",)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    filing.refresh_from_db()
    assert sorted(results) == ["", filing.in_hand_by]


def test_taking_is_undone_with_its_transaction(service_at: Simulator) -> None:
    filing = opened()

    def fails() -> None:
        with transaction.atomic():
            taken(filing)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    filing.refresh_from_db()
    assert filing.state == "opened"
