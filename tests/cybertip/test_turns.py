"""Who may move a filing: leases, dead processes, threads, and workers that were overtaken."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from safehold.cybertip import service, turns
from safehold.cybertip.models import Exchange, Filing
from tests.cybertip.filings import BODIES, Ended, a_filing, one_finished, read, run, states
from tests.cybertip.simulated import Simulator

pytestmark = [pytest.mark.django_db, pytest.mark.network]


def test_a_worker_elsewhere_is_waited_for(service_at: Simulator) -> None:
    filing = a_filing(files=0)
    Filing.objects.filter(pk=filing.pk).update(
        worker="w@elsewhere:1", leased_until=timezone.now() + timedelta(seconds=90)
    )
    step = service.advance(filing.pk, worker="t", on_finished=Ended(), read=read)
    assert step.kind == "later"
    assert 60 < step.seconds <= 90
    Filing.objects.filter(pk=filing.pk).update(leased_until=timezone.now())
    run(filing, Ended())
    one_finished(service_at, filing)


def test_a_dead_process_of_this_machine_is_not_waited_for(service_at: Simulator) -> None:
    import socket
    import subprocess

    child = subprocess.Popen(["true"])
    child.wait()
    filing = a_filing(files=0)
    holder = f"w@{socket.gethostname()[:80]}:{child.pid}"
    Filing.objects.filter(pk=filing.pk).update(worker=holder, leased_until=timezone.now() + timedelta(hours=1))
    assert service.advance(filing.pk, worker="t", on_finished=Ended(), read=read).kind == "again"


def test_two_threads_of_a_process_do_not_move_it_together() -> None:
    filing = a_filing(files=0)
    with turns.alone(filing.pk) as free, turns.alone(filing.pk) as second:
        assert (free, second) == (True, False)
    with turns.alone(filing.pk) as free:
        assert free


def test_a_worker_that_was_overtaken_stores_nothing_but_its_answer(service_at: Simulator) -> None:
    filing = a_filing(files=1)
    service.advance(filing.pk, worker="t", on_finished=Ended(), read=read)

    def overtaken(sealed_id: str) -> Iterator[bytes]:
        yield b"gra"
        Filing.objects.filter(pk=filing.pk).update(fence=77)
        yield BODIES[sealed_id][3:]

    step = service.advance(filing.pk, worker="t", on_finished=Ended(), read=overtaken)
    assert step.kind == "later"
    row = Exchange.objects.get(filing=filing, endpoint="upload")
    assert row.settled_at is None or row.outcome
    assert filing.files.get().state == "due"
    run(filing, Ended())
    one_finished(service_at, filing)


def test_a_long_upload_notices_that_it_lost_its_turn(service_at: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "HEARTBEAT", timedelta(0))
    filing = a_filing(files=1)
    service.advance(filing.pk, worker="t", on_finished=Ended(), read=read)
    before = Filing.objects.get(pk=filing.pk).fence

    def overtaken(sealed_id: str) -> Iterator[bytes]:
        yield BODIES[sealed_id][:3]
        Filing.objects.filter(pk=filing.pk).update(fence=before + 9)
        yield BODIES[sealed_id][3:6]
        raise AssertionError("the upload went on")

    assert service.advance(filing.pk, worker="t", on_finished=Ended(), read=overtaken).kind == "later"
    run(filing, Ended())
    one_finished(service_at, filing)
    assert states(service_at, filing) == ["retracted", "finished"]
