"""After a restore outward work stands still until a person has reconciled (invariant 15)."""

from pathlib import Path

import pytest
from django.db import connection, transaction

from safehold.audit import chain
from safehold.audit import service as audit
from safehold.path import restore
from safehold.work import engine
from safehold.work import service as work
from safehold.work.models import Job, Pause

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sealed(data: Path, vault: Path) -> Path:
    """A record of twenty signed entries."""
    for number in range(20):
        with transaction.atomic():
            audit.record("thing.done", actor="system:test", about=f"thing:{number}")
    chain.checkpoint()
    return vault


def _restore_older() -> None:
    """What a backup from before the last ten entries looks like."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_seal WHERE position > 10")
        cursor.execute("DELETE FROM audit_detail WHERE entry_id NOT IN (SELECT entry_id FROM audit_seal)")
        cursor.execute("DELETE FROM audit_entry WHERE id NOT IN (SELECT entry_id FROM audit_seal)")


def test_an_ordinary_start_pauses_nothing(sealed: Path) -> None:
    assert restore.notice() is None
    assert restore.paused() is None


def test_a_restored_database_stands_still(sealed: Path) -> None:
    _restore_older()
    assert restore.notice() is not None
    with transaction.atomic():
        work.enqueue("house.daily", key="only")
    assert engine.relay() == 0, "nothing is handed to the engine"
    assert Job.objects.get().state == Job.State.WAITING
    assert any("NCMEC" in line for line in restore.to_reconcile())


def test_a_second_start_finds_the_same_pause(sealed: Path) -> None:
    _restore_older()
    first, second = restore.notice(), restore.notice()
    assert first is not None
    assert second is not None
    assert first.pk == second.pk
    assert Pause.objects.count() == 1


def test_a_person_lifts_it_with_a_reason(sealed: Path) -> None:
    _restore_older()
    restore.notice()
    with pytest.raises(ValueError, match="what was checked"):
        restore.resume(because="  ", actor="operator:test")
    assert restore.paused() is not None
    restore.resume(because="compared with receipts", actor="operator:test")
    assert restore.paused() is None
    assert restore.notice() is None, "the same gap does not pause again"
    assert not chain.verify().ok, "the lost entries stay named: that is the truth of the record"


def test_a_job_that_was_running_stands_still_too(sealed: Path) -> None:
    """DBOS recovers what ran when the backup was made: the pause holds it as well."""
    with transaction.atomic():
        job = work.enqueue("house.daily", key="only")
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, run=1)
    work.pause("placeholder reason", actor="operator:test")
    assert engine.run_once(str(job.pk), 1) == "later"
    job.refresh_from_db()
    assert (job.state, job.failures) == (Job.State.WAITING, 0)
