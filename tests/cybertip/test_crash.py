"""kill -9 at every boundary of the filing, restart: the service holds exactly one finished report.

Each case is a worker process of its own on a database file of its own (or PostgreSQL, where the run has
one) that kills itself at the named boundary, and a second one that goes on.
"""

import itertools
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cybertip.crash_driver import BODIES
from tests.cybertip.simulated import PASSWORD, USERNAME, Simulator

pytestmark = [pytest.mark.crash, pytest.mark.network]

ROOT = Path(__file__).parents[2]
STEPS = ("submit", "upload", "fileinfo", "finish")
POINTS = ("before", "sent", "stored")
PLAIN = ["filing.drafted", *(f"filing.{step}.{point}" for step in STEPS for point in POINTS), "filing.on_finished"]
RETRACT = [f"filing.retract.{point}" for point in POINTS]
FAULTS: dict[str, dict[str, Any]] = {
    "bad-md5": {"endpoint": "upload", "kind": "bad_md5"},
    "lost-submit": {"endpoint": "submit", "kind": "drop_after"},
    "lost-upload": {"endpoint": "upload", "kind": "drop_after"},
    "lost-fileinfo": {"endpoint": "fileinfo", "kind": "drop_after"},
    "lost-finish": {"endpoint": "finish", "kind": "drop_after"},
    "cut-finish": {"endpoint": "finish", "kind": "drop_before"},
    "truncated-finish": {"endpoint": "finish", "kind": "truncated"},
    "busy": {"endpoint": "", "kind": "status", "times": 2},
    "limited": {"endpoint": "", "kind": "rate_limit", "times": 2},
}


def cases() -> Iterator[Any]:
    """In the ordinary run every boundary once, some with a fault; in the slow one all of them with all."""
    ordinary = {(name, "") for name in PLAIN[1::2]}
    ordinary |= {("filing.finish.before", "lost-finish"), ("filing.finish.sent", "lost-finish")}
    ordinary |= {(name, "bad-md5") for name in RETRACT}
    everything = [(name, "") for name in PLAIN] + list(itertools.product(PLAIN + RETRACT, FAULTS))
    for name, fault in everything:
        reaches = name not in RETRACT or fault in ("bad-md5", "lost-upload", "lost-fileinfo")
        if reaches:
            marks = [] if (name, fault) in ordinary else [pytest.mark.slow]
            yield pytest.param(name, fault, id=f"{name}{'+' if fault else ''}{fault}", marks=marks)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database of these tests' own; its address."""
    folder = tmp_path_factory.mktemp("crash")
    shared = os.environ.get("SAFEHOLD_TEST_DATABASE_URL", "")
    if not shared.startswith("postgres"):
        url = f"sqlite:///{folder}/crash.sqlite3"
        manage(url, folder, "migrate", "--verbosity=0")
        yield url
        return
    import psycopg

    name = f"safehold_crash_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(shared, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        url = shared.rsplit("/", 1)[0] + "/" + name
        manage(url, folder, "migrate", "--verbosity=0")
        yield url
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def environment(url: str, folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "DJANGO_SETTINGS_MODULE": "tests.cybertip.room_settings",
        "SAFEHOLD_DATA": str(folder),
        "SAFEHOLD_DATABASE_URL": url,
    }


def manage(url: str, folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "django", *arguments]
    subprocess.run(command, env=environment(url, folder), cwd=ROOT, check=True, timeout=120)


def rows(url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    """What the database holds, read from outside."""
    if url.startswith("sqlite"):
        import sqlite3
        from contextlib import closing

        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            return file.execute(query.replace("%s", "?"), values).fetchall()
    import psycopg

    with psycopg.connect(url) as server:
        return server.execute(query, values).fetchall()  # type: ignore[arg-type]


@pytest.mark.parametrize(("boundary", "fault"), list(cases()))
def test_killed_and_restarted(database: str, simulator: Simulator, tmp_path: Path, boundary: str, fault: str) -> None:
    ref = f"crash:{uuid.uuid4().hex}"
    environ = environment(database, tmp_path) | {
        "SAFEHOLD_CYBERTIP_URL": simulator.url,
        "SAFEHOLD_CYBERTIP_USERNAME": USERNAME,
        "SAFEHOLD_CYBERTIP_PASSWORD": PASSWORD,
        "SAFEHOLD_CRASH_AT": boundary,
        "SAFEHOLD_CRASH_MARK": str(tmp_path / "killed"),
    }
    if fault:
        simulator.fault(FAULTS[fault])
    command = [sys.executable, "-m", "tests.cybertip.crash_driver", ref]
    first = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert first.returncode == -signal.SIGKILL, first.stderr
    second = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert second.returncode == 0, second.stderr
    state, number, sha256 = second.stdout.split()
    assert state in ("finished", "recovered")
    if state == "recovered":
        assert boundary == "filing.on_finished" or "finish" in boundary or "finish" in fault
    told = rows(database, "SELECT count(*) FROM work_task WHERE about = %s", f"ref:{ref}")
    assert told == [(1,)]  # on_finished took effect once
    check_the_service(simulator, database, int(number), sha256)


def check_the_service(simulator: Simulator, database: str, number: int, sha256: str) -> None:
    """One finished report, ours, with both files described; no other that could still be finished by us."""
    reports = simulator.reports(sha256)
    finished = [report for report in reports if report["state"] == "finished"]
    assert [report["id"] for report in finished] == [number]
    assert [file["size"] for file in finished[0]["files"]] == [len(body) for body in BODIES.values()]
    assert all(file["described"] for file in finished[0]["files"])
    open_ones = [report["id"] for report in reports if report["state"] == "open"]
    ours = rows(
        database,
        "SELECT count(*) FROM cybertip_submission s JOIN cybertip_filing f ON f.id = s.filing_id"
        " WHERE f.document_sha256 = %s AND s.state IN ('begun', 'open')",
        sha256,
    )
    assert ours == [(0,)]
    left = rows(
        database,
        "SELECT s.report_id FROM cybertip_submission s JOIN cybertip_filing f ON f.id = s.filing_id"
        " WHERE f.document_sha256 = %s AND s.state = 'left'",
        sha256,
    )
    assert len(open_ones) <= len(left)  # each is known to be left, and expires unfinished


def test_there_are_enough_boundaries() -> None:
    assert len(PLAIN) >= 12
