"""The outbox: once for each key, patience, pauses, failures that stay visible."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from unittest import mock

import pytest
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.work import engine, retry
from safehold.work import service as work
from safehold.work.models import Job, Task
from tests.support.jobs import run_due

pytestmark = pytest.mark.django_db

Handler = Callable[..., work.Outcome]


class Script:
    """What a handler answers, call by call, and what it was called with."""

    def __init__(self) -> None:
        self.answers: list[work.Outcome | Exception] = []
        self.calls: list[dict[str, str]] = []
        self.failures: list[dict[str, str]] = []
        self.on_failure_raises: Exception | None = None

    def handler(self, **ids: str) -> work.Outcome:
        self.calls.append(ids)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def on_failure(self, **ids: str) -> None:
        self.failures.append(ids)
        if self.on_failure_raises is not None:
            Task.objects.create(kind="half-done", key="half", about="", role="administrator")
            raise self.on_failure_raises


@pytest.fixture
def script() -> Iterator[Script]:
    """A job called `test.job` with three attempts."""
    given = Script()
    registered = work.Registered("test.job", given.handler, 3, 1.0, 8.0, given.on_failure, "reviewer")
    with mock.patch.dict(work.REGISTRY, {"test.job": registered}):
        yield given


def enqueue(key: str = "k", **more: object) -> Job:
    with transaction.atomic():
        return work.enqueue("test.job", key=key, **{"thing": "1", **more})  # type: ignore[arg-type]


def due_now() -> None:
    Job.objects.filter(state="waiting").update(not_before=timezone.now())


def test_once_for_each_key(script: Script) -> None:
    assert enqueue().pk == enqueue().pk
    assert enqueue("other").pk != enqueue().pk
    run_due()
    enqueue()
    run_due()
    assert script.calls == [{"thing": "1"}, {"thing": "1"}]
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction(script: Script) -> None:
    with pytest.raises(audit.NotInTransaction):
        work.enqueue("test.job", key="k")
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_command_that_fails_makes_nothing_due(script: Script) -> None:
    def command() -> None:
        with transaction.atomic():
            work.enqueue("test.job", key="k")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        command()
    assert not Job.objects.exists()


def test_an_unknown_name(script: Script) -> None:
    with pytest.raises(KeyError), transaction.atomic():
        work.enqueue("test.nobody", key="k")


@pytest.mark.parametrize("ended", ["done", "failed", "cancelled"])
def test_again_after_it_ended(script: Script, ended: str) -> None:
    """Only where the caller says that there is something new: then with the new ids."""
    job = enqueue()
    Job.objects.filter(pk=job.pk).update(state=ended, failures=2, last_error="Boom", ended_at=timezone.now())
    enqueue(thing="2")
    run_due()
    assert script.calls == []
    enqueue(thing="2", again=True)
    job.refresh_from_db()
    assert (job.state, job.failures, job.last_error, job.ended_at) == ("waiting", 0, "", None)
    run_due()
    assert script.calls == [{"thing": "2"}]


def test_again_while_it_runs_is_not_lost(script: Script) -> None:
    """Asked for while the handler had already looked: it is called once more."""

    def ask_again(**ids: str) -> work.Outcome:
        script.calls.append(ids)
        if len(script.calls) == 1:
            enqueue(again=True)
        return None

    registered = work.Registered("test.job", ask_again, 3, 1.0, 8.0, None, "reviewer")
    with mock.patch.dict(work.REGISTRY, {"test.job": registered}):
        enqueue()
        run_due()
    assert len(script.calls) == 2
    assert Job.objects.get().state == "done"


def test_plainly_enqueued_while_it_runs_is_done_once(script: Script) -> None:
    def ask(**ids: str) -> work.Outcome:
        script.calls.append(ids)
        enqueue()
        return None

    with mock.patch.dict(work.REGISTRY, {"test.job": work.Registered("test.job", ask, 3, 1, 8, None, "reviewer")}):
        enqueue()
        run_due()
    assert len(script.calls) == 1


@pytest.mark.parametrize("again", [True, False])
def test_an_earlier_time_brings_it_forward_and_a_later_one_does_not_put_it_off(script: Script, again: bool) -> None:
    soon, late = timezone.now() + timedelta(hours=1), timezone.now() + timedelta(hours=5)
    enqueue(not_before=late)
    enqueue(not_before=soon, again=again)
    assert Job.objects.get().not_before == soon
    enqueue(not_before=late, again=again)
    assert Job.objects.get().not_before == soon
    run_due()
    assert script.calls == []


def test_cancel(script: Script) -> None:
    enqueue()
    assert work.cancel("test.job", key="k")
    assert not work.cancel("test.job", key="k")
    run_due()
    assert script.calls == []
    assert Job.objects.get().state == "cancelled"


def test_again_and_later(script: Script) -> None:
    script.answers = [work.Again(), work.Again(), work.Later(60), None]
    enqueue()
    run_due()
    job = Job.objects.get()
    assert (len(script.calls), job.state, job.run) == (3, "waiting", 1)
    assert timedelta(seconds=50) < job.not_before - timezone.now() <= timedelta(seconds=60)
    due_now()
    run_due()
    job.refresh_from_db()
    assert (len(script.calls), job.state, job.run) == (4, "done", 2)


def test_pauses_grow_to_the_longest() -> None:
    given = work.Registered("x", lambda: None, 9, 1.0, 8.0, None, "reviewer")
    assert [given.pause(n).total_seconds() for n in range(1, 7)] == [1, 2, 4, 8, 8, 8]


def test_failures_end_in_a_task(script: Script) -> None:
    script.answers = [OSError("secret words"), OSError("secret words"), OSError("secret words")]
    enqueue()
    for failures in (1, 2):
        run_due()
        job = Job.objects.get()
        assert (job.state, job.failures, job.last_error) == ("waiting", failures, "OSError")
        assert job.not_before > timezone.now()
        assert not Task.objects.exists()
        due_now()
    run_due()
    job.refresh_from_db()
    assert (job.state, job.failures) == ("failed", 3)
    task = Task.objects.get()
    assert (task.kind, task.role, task.about) == ("job-failed", "reviewer", f"job:{job.pk}")
    assert "secret" not in task.note
    assert script.failures == [{"thing": "1"}]


def test_a_success_in_between_starts_the_count_anew(script: Script) -> None:
    script.answers = [OSError(), OSError(), work.Later(1), OSError(), OSError(), None]
    enqueue()
    for _ in range(6):
        run_due()
        due_now()
    assert Job.objects.get().state == "done"
    assert not Task.objects.exists()


def test_giving_up_is_at_once(script: Script) -> None:
    script.answers = [work.GiveUp("item 17 HostRefused")]
    enqueue()
    run_due()
    assert Job.objects.get().state == "failed"
    assert "item 17 HostRefused" in Task.objects.get().note
    assert len(script.failures) == 1


def test_what_follows_a_failure_fails_too(script: Script) -> None:
    """The job stays failed with its task; a second task names the aftermath; nothing of that is half done."""
    script.answers = [work.GiveUp("no")]
    script.on_failure_raises = LookupError("secret words")
    enqueue()
    run_due()
    job = Job.objects.get()
    assert job.state == "failed"
    notes = sorted(Task.objects.values_list("note", flat=True))
    assert len(notes) == 2
    assert any("on_failure LookupError" in note for note in notes)
    assert not any("secret" in note for note in notes)
    assert not Task.objects.filter(kind="half-done").exists()


def test_a_job_that_nobody_knows_any_more(script: Script) -> None:
    """Left by another release: failed with a task, not begun again for ever."""
    enqueue()
    Job.objects.update(name="test.gone")
    run_due()
    assert Job.objects.get().state == "failed"
    assert Task.objects.get().role == "administrator"
    assert script.calls == []


def test_stale_runs_do_nothing(script: Script) -> None:
    job = enqueue()
    with mock.patch.object(engine, "close_old_connections", lambda: None):
        assert engine.run_once(str(job.pk), 1) == "stale"  # not running
        Job.objects.update(state="running", run=2)
        assert engine.run_once(str(job.pk), 1) == "stale"  # another run has it
        assert engine.run_once(str(job.pk), 2) == "done"
        assert engine.run_once(str(job.pk), 2) == "stale"
    assert len(script.calls) == 1


def test_a_person_starts_a_failed_job_again(script: Script) -> None:
    script.answers = [work.GiveUp("no")]
    job = enqueue()
    run_due()
    retry.retry(str(job.pk), actor="staff:first")
    run_due()
    assert Job.objects.get().state == "done"
    retry.retry(str(job.pk), actor="staff:first")
    assert Job.objects.get().state == "done", "only a failed one"
    assert audit.history(f"job:{job.pk}").filter(act="job.retried").count() == 1


def test_paused_work_stands_still(script: Script) -> None:
    begun: list[Job] = []
    enqueue()
    with mock.patch.object(engine, "_begin", begun.append):
        work.pause("restored from a backup", actor="system:worker")
        assert work.pause("again", actor="system:worker") == work.paused()
        assert engine.relay() == 0
        assert engine.sweep("worker-1") == 0
        with pytest.raises(ValueError, match="what was checked"):
            work.lift_pause(because="  ", actor="staff:first")
        assert work.lift_pause(because="compared with NCMEC", actor="staff:first") == 1
        assert work.paused() is None
        assert engine.relay() == 1
        assert engine.relay() == 0, "handed over once"
    assert [(job.state, job.run) for job in begun] == [("running", 1)]


def test_only_due_jobs_are_handed_over_oldest_first(script: Script) -> None:
    now = timezone.now()
    enqueue("late", not_before=now + timedelta(hours=1))
    enqueue("second", not_before=now - timedelta(seconds=1))
    enqueue("first", not_before=now - timedelta(seconds=2))
    begun: list[Job] = []
    with mock.patch.object(engine, "_begin", begun.append):
        assert engine.relay(limit=1) == 1
        assert engine.relay() == 1
    assert [job.key for job in begun] == ["test.job:first", "test.job:second"]


def test_tasks_once_for_each_key_and_closed_once() -> None:
    with transaction.atomic():
        one = work.raise_task("job-failed", key="1", about="job:1", role="reviewer", note="x" * 600)
        assert work.raise_task("job-failed", key="1", about="job:1", role="reviewer").pk == one.pk
    assert len(Task.objects.get().note) == 500
    assert list(work.open_tasks("reviewer")) == [one]
    work.close_task(str(one.pk), actor="staff:first", outcome="done")
    again = work.close_task(str(one.pk), actor="staff:second", outcome="other")
    assert (again.closed_by, again.outcome) == ("staff:first", "done")
    assert list(work.open_tasks()) == []
