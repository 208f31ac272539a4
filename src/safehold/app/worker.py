"""The worker process: relays due jobs, seals the audit chain, notices what a dead worker left.

Started by `safehold serve` or, in the scaled shape, as `safehold worker` any number of times.
"""

import logging
import os
import signal
import threading
import time

log = logging.getLogger(__name__)

RELAY_EVERY = 0.05  # seconds; the longest that a due job waits before it is handed over
SEAL_EVERY = 0.5
SWEEP_EVERY = 5.0


def durable_url(database_url: str, data: str) -> str:
    """Where DBOS keeps its own tables: a file beside SQLite's, a schema of its own in PostgreSQL."""
    if database_url.startswith("sqlite"):
        return f"sqlite:///{data}/work.sqlite3"
    return database_url.replace("postgres://", "postgresql://", 1).replace("postgresql://", "postgresql+psycopg://", 1)


def main() -> int:
    """Run until SIGTERM or SIGINT; let running steps end. Returns the exit code."""
    import django

    django.setup()
    from django.conf import settings
    from django.db import close_old_connections

    from safehold.audit import chain
    from safehold.path import housekeeping, restore
    from safehold.work import engine

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    executor = os.environ.get("SAFEHOLD_WORKER", "worker-1")
    restore.notice()
    housekeeping.keep_going()
    chain.checkpoint()  # what a crash kept from being chained and signed
    engine.start(durable_url(settings.SAFEHOLD.database_url, str(settings.SAFEHOLD.data)), executor)
    log.info("worker %s is running", executor)
    sealer = threading.Thread(target=_seal_until, args=(stopping, chain), name="sealer")
    sealer.start()
    swept = 0.0
    try:
        while not stopping.is_set():
            if time.monotonic() - swept > SWEEP_EVERY:
                engine.sweep(executor)
                swept = time.monotonic()
            if not engine.relay():
                stopping.wait(RELAY_EVERY)
    finally:
        stopping.set()
        engine.stop()
        sealer.join()
        chain.seal_once()
        chain.checkpoint()
        close_old_connections()
    return 0


def _seal_until(stopping: threading.Event, chain: object) -> None:
    """Chain new entries within a second. An error is logged and tried again: a gap would be found by verify."""
    from django.db import connection

    while not stopping.wait(SEAL_EVERY):
        try:
            chain.seal_once()  # type: ignore[attr-defined]
        except Exception:
            log.exception("sealing the audit chain failed; trying again")
            connection.close()
    connection.close()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safehold.app.settings")
    raise SystemExit(main())
