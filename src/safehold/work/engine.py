"""The worker's half of `work`: hands due jobs to DBOS, runs their handlers, survives kill -9.

Only the worker process calls this: `start`, then `relay` and `sweep` in a loop, then `stop`.

A job runs as the DBOS workflow `<job id>:<run>`. A pause of any length ends the run and leaves the job
waiting in the outbox with a `not_before`: no thread sleeps for days, and the outbox alone says what is
due. DBOS sees the job's id and one word per step, never content (design: invariant 12).
"""

import logging
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy
from dbos import DBOS, SetWorkflowID
from dbos._dbos_config import DBOSConfig
from django.db import close_old_connections, connection, transaction
from django.utils import timezone

from safehold.work import service as work
from safehold.work.models import Job, Worker

log = logging.getLogger(__name__)

# Fixed: a job started by an older release is finished by the newer one; handlers keep their names.
APPLICATION_VERSION = "safehold-1"
SILENT_AFTER = timedelta(seconds=20)
RELOOK_WHILE_PAUSED = 5.0  # seconds


def start(database_url: str, executor: str) -> None:
    """Start DBOS on `database_url` and recover what this executor had begun before it died."""
    config: DBOSConfig = {
        "name": "safehold",
        "application_version": APPLICATION_VERSION,
        "executor_id": executor,
        "log_level": "WARNING",
        "enable_otlp": False,
    }
    if database_url.startswith("sqlite"):
        config["system_database_engine"] = _sqlite_engine(database_url)
    else:
        config["system_database_url"] = database_url
    DBOS(config=config)
    DBOS.launch()
    now = timezone.now()
    Worker.objects.update_or_create(executor=executor, defaults={"started_at": now, "beat_at": now})


def stop() -> None:
    """Let running steps end, then stop. What is left goes on at the next start."""
    DBOS.destroy(workflow_completion_timeout_sec=10)


def relay(limit: int = 50) -> int:
    """Hand every due job to DBOS. Returns how many were handed over: none while work is paused."""
    if work.paused() is not None:
        return 0
    handed = []
    with transaction.atomic():
        due = Job.objects.filter(state=Job.State.WAITING, not_before__lte=timezone.now()).order_by("not_before")
        for job in due.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)[:limit]:
            job.state, job.run = Job.State.RUNNING, job.run + 1
            job.save(update_fields=["state", "run"])
            handed.append(job)
    work.boundary("relay.claimed")
    for job in handed:
        _begin(job)
    return len(handed)


def sweep(executor: str) -> int:
    """Beat, and begin again what was claimed but never begun or was left by a worker gone silent."""
    now = timezone.now()
    Worker.objects.filter(executor=executor).update(beat_at=now)
    if work.paused() is not None:
        return 0
    alive = set(Worker.objects.filter(beat_at__gt=now - SILENT_AFTER).values_list("executor", flat=True))
    resumed = 0
    for job in Job.objects.filter(state=Job.State.RUNNING):
        found = DBOS.list_workflows(workflow_ids=[_workflow_id(job)], load_input=False, load_output=False)
        if not found:
            _begin(job)
        elif found[0].status in ("PENDING", "ENQUEUED") and found[0].executor_id not in alive:
            DBOS.resume_workflows([found[0].workflow_id])
        elif found[0].status not in ("PENDING", "ENQUEUED"):
            _put_back(job)
        else:
            continue
        resumed += 1
    return resumed


def _put_back(job: Job) -> None:
    """The run ended without settling the job (an error inside DBOS): it is due again."""
    Job.objects.filter(pk=job.pk, run=job.run, state=Job.State.RUNNING).update(
        state=Job.State.WAITING, not_before=timezone.now() + timedelta(seconds=1)
    )


def _workflow_id(job: Job) -> str:
    return f"{job.pk}:{job.run}"


def _begin(job: Job) -> None:
    with SetWorkflowID(_workflow_id(job)):
        DBOS.start_workflow(_run_job, str(job.pk), job.run)


@DBOS.workflow(name="job")
def _run_job(job_id: str, run: int) -> str:
    """Call the handler until it is done or must wait. Replayed by DBOS after a crash."""
    number = 0
    while True:
        verdict = DBOS.run_step({"name": f"step-{number}"}, run_once, job_id, run)
        if verdict != "again":
            return verdict
        number += 1


def run_once(job_id: str, run: int) -> str:
    """Call the job's handler once and settle the job by its answer: done, again, later, retry, failed, stale."""
    close_old_connections()
    try:
        job = Job.objects.get(pk=job_id)
        if job.run != run or job.state != Job.State.RUNNING:
            return "stale"
        if work.paused() is not None:  # begun before the pause, or recovered by DBOS: it stands still too
            return _settle(job, work.Later(RELOOK_WHILE_PAUSED))
        registered = work.REGISTRY.get(job.name) or _unknown(job.name)
        work.boundary(f"{job.name}.begin")
        try:
            outcome = registered.handler(**job.ids)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must end somewhere visible
            return _settle_failure(job, registered, error)
        work.boundary(f"{job.name}.returned")
        return _settle(job, outcome)
    finally:
        close_old_connections()


def _unknown(name: str) -> work.Registered:
    """A job that this release has no handler for (an older one left it): it ends as failed, with a task."""

    def handler(**_ids: str) -> work.Outcome:
        raise work.GiveUp(f"no handler is called {name}")

    return work.Registered(name, handler, 1, 1, 1, None, "administrator")


def _settle(job: Job, outcome: work.Outcome) -> str:
    rows = Job.objects.filter(pk=job.pk, run=job.run, state=Job.State.RUNNING)
    now = timezone.now()
    if isinstance(outcome, work.Again):
        rows.update(failures=0, last_error="")
        return "again"
    if isinstance(outcome, work.Later):
        rows.update(
            state=Job.State.WAITING, failures=0, last_error="", not_before=now + timedelta(seconds=outcome.seconds)
        )
        return "later"
    # Asked for once more while it ran (`enqueue` with `again`): what was asked then may not have been seen.
    if not rows.filter(not_before=job.not_before).update(state=Job.State.DONE, failures=0, last_error="", ended_at=now):
        rows.update(state=Job.State.WAITING, failures=0, last_error="")
    return "done"


def _settle_failure(job: Job, registered: work.Registered, error: Exception) -> str:
    """Wait and try again, or end as failed with a task for a person (design: invariant 13)."""
    kind = type(error).__name__
    failures = job.failures + 1
    # The class and the place, never the message: messages may hold what a host said (invariant 12).
    place = traceback.extract_tb(error.__traceback__)[-1]
    log.warning(
        "job %s %s failed (%s at %s:%s), failure %d of %d",
        job.name, job.pk, kind, Path(place.filename).name, place.lineno, failures, registered.attempts,
    )  # fmt: skip
    if failures < registered.attempts and not isinstance(error, work.GiveUp):
        Job.objects.filter(pk=job.pk, run=job.run).update(
            state=Job.State.WAITING, failures=failures, last_error=kind,
            not_before=timezone.now() + registered.pause(failures),
        )  # fmt: skip
        return "retry"
    with transaction.atomic():
        Job.objects.filter(pk=job.pk, run=job.run).update(
            state=Job.State.FAILED, failures=failures, last_error=kind, ended_at=timezone.now()
        )
        work.raise_task(
            "job-failed", key=f"{job.pk}:{job.run}", about=f"job:{job.pk}", role=registered.role,
            note=f"{job.name} {kind} {error if isinstance(error, work.GiveUp) else ''} {job.ids}".strip(),
        )  # fmt: skip
        if registered.on_failure:
            _after_failure(job, registered, registered.on_failure)
    return "failed"


def _after_failure(job: Job, registered: work.Registered, on_failure: Callable[..., None]) -> None:
    """What follows the failure. Where that fails too, the job stays failed and a second task says so."""
    try:
        with transaction.atomic():
            on_failure(**job.ids)
    except Exception as error:  # noqa: BLE001 - the task for a person must be written, whatever it is
        log.error("what follows the failure of job %s %s failed (%s)", job.name, job.pk, type(error).__name__)
        work.raise_task(
            "job-failed", key=f"{job.pk}:{job.run}:after", about=f"job:{job.pk}", role="administrator",
            note=f"{registered.name} on_failure {type(error).__name__} {job.ids}",
        )  # fmt: skip


def _sqlite_engine(url: str) -> "sqlalchemy.Engine":
    """DBOS's SQLite engine with the two settings without which a crash can lose a committed step."""
    engine = sqlalchemy.create_engine(url, connect_args={"timeout": 30})

    @sqlalchemy.event.listens_for(engine, "connect")
    def durable(raw: Any, _record: Any) -> None:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")

    return engine
