"""The circuit breaker: one refused login must not burn through every filing of the queue.

Opened by `settle` when the service answers 2000 or 3xxx (or HTTP 401/403); while it is open no filing
of that environment moves. Now and then `status`, the one harmless call, is asked; success closes it.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cybertip.client import Answer, Client, Outcome
from safehold.cybertip.models import Circuit
from safehold.work import service as work

FIRST_PROBE = timedelta(minutes=5)
LONGEST_PROBE = timedelta(hours=4)


def open_circuit(environment: str, answer: Answer) -> Circuit:
    """Stop the queue and raise a task for an administrator. In the caller's transaction."""
    now = timezone.now()
    row, made = Circuit.objects.get_or_create(
        environment=environment,
        defaults={
            "code": answer.code,
            "http_status": answer.http_status,
            "opened_at": now,
            "probe_at": now + FIRST_PROBE,
        },
    )
    if made:
        code = f"HTTP {answer.http_status}, code {answer.code}"
        audit.record("circuit.opened", actor="system:worker", about=row, answer=code)
        key, about = f"{environment}:{now.isoformat()}", audit.ref(row)
        work.raise_task("filing-circuit", key=key, about=about, role="administrator", note=code)
    return row


def is_open(environment: str) -> bool:
    """Whether filings of the environment stand still."""
    return Circuit.objects.filter(environment=environment).exists()


def wait(environment: str) -> float:
    """Seconds until the circuit may be probed; 0 = closed, or due for a probe."""
    row = Circuit.objects.filter(environment=environment).first()
    return 0.0 if row is None else max(0.0, (row.probe_at - timezone.now()).total_seconds())


def probe(environment: str, client: Client) -> bool:
    """Ask `status` once where the circuit is open. Returns whether filings may move now."""
    row = Circuit.objects.filter(environment=environment).first()
    if row is None:
        return True
    pause = min(LONGEST_PROBE, FIRST_PROBE * 2 ** min(row.probes + 1, 10))
    taken = Circuit.objects.filter(pk=row.pk, probe_at=row.probe_at).update(
        probe_at=timezone.now() + pause, probes=row.probes + 1
    )
    if not taken:  # another worker asks already
        return False
    if client.status().outcome is not Outcome.OK:
        return False
    close(environment, actor="system:worker")
    return True


def close(environment: str, *, actor: str) -> bool:
    """Let filings move again. Returns whether the circuit was open."""
    with transaction.atomic():
        row = Circuit.objects.select_for_update().filter(environment=environment).first()
        if row is None:
            return False
        audit.record("circuit.closed", actor=actor, about=row)
        row.delete()
    return True
