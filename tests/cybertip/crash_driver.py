"""Worker processes for the crash tests: each drafts a filing under a given ref and moves it to its end.

Run as `python -m tests.cybertip.crash_driver`: for each line of JSON on standard input (`ref`, `crash_at`, `mark`) it
forks a process that does the work and may be killed at the named boundary, and answers with one line: `signal`, or
what the filing came to. The environment names database and simulator. A fork, so that no run pays for starting Python.
"""

import json
import os
import sys
import traceback
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import django

BODIES = {"sealed-1": b"gradient 1" * 5000, "sealed-2": b"gradient 2"}
MOST = 400  # steps


def read(sealed_id: str) -> Iterator[bytes]:
    """Placeholder bytes, in place of the vault's."""
    yield BODIES[sealed_id][:9]
    yield BODIES[sealed_id][9:]


def work_on(ref: str) -> dict[str, Any]:
    """Draft once, then advance until it is done, not waiting where it says later.

    Where a person must act, one does: the credentials are mended, a failed filing is tried again.
    """
    from django.db import transaction
    from django.utils import timezone

    from safehold.audit import service as audit
    from safehold.cybertip import service
    from safehold.cybertip.models import Filing
    from safehold.evidence import service as evidence
    from safehold.work import service as work
    from tests.cybertip import samples

    def finished(filing: Filing) -> None:
        key = f"{ref}:{timezone.now().isoformat()}"  # a second effect would be a second task
        work.raise_task("test-finished", key=key, about=f"ref:{ref}", role="custodian")
        year = timezone.now() + timedelta(days=366)
        evidence.place_hold([], until=year, basis="18 USC 2258A(h)(1)", ref=audit.ref(filing), actor="system:worker")
        work.boundary("filing.on_finished")

    files = tuple(
        samples.file_input(sealed_id=name, size=len(body), hashes=(("MD5", samples.md5(body)),))
        for name, body in BODIES.items()
    )
    with transaction.atomic():
        filing = service.draft(
            samples.record(ref=ref, as_of=timezone.now(), files=files, additional_info=f"Placeholder {ref}.")
        )
    work.boundary("filing.drafted")
    for _ in range(MOST):
        progress = service.advance(filing.pk, worker="worker", on_finished=finished, read=read)
        if progress.kind == "done":
            break
        if progress.kind == "person":
            service.retry(filing.pk, actor="staff:test")
        service.close_circuit("practice", actor="staff:test")
    filing.refresh_from_db()
    differences = [one.code for one in service.reconcile().differences if one.about == audit.ref(filing)]
    return {
        "state": filing.state, "number": filing.report_id, "sha256": filing.document_sha256,
        "differences": differences,
    }  # fmt: skip


def _child(order: dict[str, str], answer: int) -> None:
    os.environ.update(SAFEHOLD_CRASH_AT=order["crash_at"], SAFEHOLD_CRASH_MARK=order["mark"])
    try:
        told: dict[str, Any] = work_on(order["ref"])
    except BaseException:  # noqa: BLE001 - the test reads it
        told = {"error": traceback.format_exc()}
    os.write(answer, json.dumps(told).encode())
    os._exit(0)


def main() -> None:
    """Fork for each order; nothing of the database is touched in this process."""
    django.setup()
    from safehold.cybertip import service  # noqa: F401 - loaded once, for every child

    print("{}", flush=True)
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(json.loads(line), writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read()
        _pid, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        print(json.dumps({"signal": os.WTERMSIG(status)} if killed else json.loads(told)), flush=True)


if __name__ == "__main__":
    main()
