"""kill -9 at every boundary of the filing and at every fault of the simulator: one finished report, ours, and its hold.

Each run is a process of its own on a database file of its own (or PostgreSQL, where the run has one) that kills itself
at the named boundary, and a second one that goes on. In the ordinary run every boundary, every endpoint and every kind
of fault stands once or more; the slow run takes every triple of them.
"""

import itertools
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safehold.cybertip.simulator.faults import KINDS
from tests.cybertip.crash_driver import BODIES
from tests.cybertip.simulated import PASSWORD, USERNAME, Simulator

pytestmark = [pytest.mark.crash, pytest.mark.network]

ROOT = Path(__file__).parents[2]
STEPS = ("submit", "upload", "fileinfo", "finish")
POINTS = ("before", "sent", "stored")
PLAIN = ["filing.drafted", *(f"filing.{step}.{point}" for step in STEPS for point in POINTS), "filing.on_finished"]
RETRACT = [f"filing.retract.{point}" for point in POINTS]
# Fields of the kinds that want some; a kind that answers a code is there once for each class of codes.
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "delay": [{"seconds": 0.05}],
    "drip": [{"seconds": 0.05}],
    "drop_during": [{"bytes": 100}],
    "rate_limit": [{"seconds": 0, "times": 2}],
    "status": [{"status": 503, "times": 2}, {"status": 413}, {"status": 404, "times": 6}],
    "code": [{"code": code} for code in (1000, 2000, 4100, 1210, 9999)],
    # Not 5001 and its kin: a service that did the work and says that there is no such report cannot be told apart.
    "code_after": [{"code": code} for code in (1000, 3100, 4100, 9999)],
}
FAULTS = [
    {"endpoint": step, "kind": kind, **fields}
    for step in STEPS
    for kind in KINDS
    for fields in VARIANTS.get(kind, [{}])
    if kind != "bad_md5" or step == "upload"
]
NO_FAULT: dict[str, Any] = {}


def name_of(fault: dict[str, Any]) -> str:
    return "-".join(str(value) for key, value in fault.items() if key not in ("times", "seconds", "bytes"))


def chosen() -> Iterator[tuple[str, dict[str, Any]]]:
    """For the ordinary run: every kind of fault once, going round the endpoints and the boundaries."""
    for number, kind in enumerate(KINDS):
        step = "upload" if kind == "bad_md5" else STEPS[number % len(STEPS)]
        yield PLAIN[(5 * number + 3) % len(PLAIN)], {"endpoint": step, "kind": kind, **VARIANTS.get(kind, [{}])[0]}


def cases() -> Iterator[Any]:
    """Every boundary with no fault and with each; and those of a retraction."""
    ordinary = {(name, name_of(fault)) for name, fault in chosen()}
    for name, fault in itertools.product(PLAIN, [NO_FAULT, *FAULTS]):
        marks = [] if (name, name_of(fault)) in ordinary else [pytest.mark.slow]
        yield pytest.param(name, [fault] if fault else [], id=f"{name}+{name_of(fault)}", marks=marks)
    wrong = {"endpoint": "upload", "kind": "bad_md5"}  # that is what makes it retract
    for name, kind in itertools.product(RETRACT, ["", *KINDS]):
        later = [{"endpoint": "retract", "kind": kind, **VARIANTS.get(kind, [{}])[0]}] if kind else []
        ordinary_one = (name, kind) in zip(RETRACT, ("drop_after", "", "half_xml"), strict=True)
        marks = [] if ordinary_one else [pytest.mark.slow]
        yield pytest.param(name, [wrong, *later], id=f"{name}+retract-{kind or 'plain'}", marks=marks)


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


class Driver:
    """The process that forks workers."""

    def __init__(self, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.cybertip.crash_driver"], env=env, cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._answer()

    def work(self, ref: str, crash_at: str, mark: Path) -> dict[str, Any]:
        """One worker, from the filing's present state to its end or its death."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"ref": ref, "crash_at": crash_at, "mark": str(mark)}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert "error" not in told, told["error"]
        return told

    def stop(self) -> None:
        self.process.communicate(timeout=20)


@pytest.fixture(scope="session")
def driver(database: str, running_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    line = {
        "SAFEHOLD_CYBERTIP_URL": running_simulator.url,
        "SAFEHOLD_CYBERTIP_USERNAME": USERNAME,
        "SAFEHOLD_CYBERTIP_PASSWORD": PASSWORD,
    }
    found = Driver(environment(database, tmp_path_factory.mktemp("driver")) | line)
    yield found
    found.stop()


@pytest.mark.parametrize(("boundary", "faults"), list(cases()))
def test_killed_and_restarted(
    database: str, driver: Driver, simulator: Simulator, tmp_path: Path, boundary: str, faults: list[dict[str, Any]]
) -> None:
    ref, mark = f"crash:{uuid.uuid4().hex}", tmp_path / "killed"
    if faults:
        simulator.fault(*faults)
    first = driver.work(ref, boundary, mark)
    if "signal" in first:
        assert first["signal"] == 9
        first = driver.work(ref, boundary, mark)
    else:  # after some faults this boundary is never reached: what it came to counts all the same
        assert faults, f"{boundary} was never reached"
    assert mark.exists() or faults
    assert first["state"] in ("finished", "recovered")
    assert first["differences"] == [], "receipt, hold and record agree"
    told = rows(database, "SELECT count(*) FROM work_task WHERE about = %s", f"ref:{ref}")
    assert told == [(1,)]  # on_finished took effect once
    check_the_service(simulator, database, first["number"], first["sha256"])


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
        " WHERE f.document_sha256 = %s AND s.state IN ('left', 'refused')",
        sha256,
    )
    assert len(open_ones) <= len(left)  # each is known not to be ours any more, and expires unfinished


def test_the_matrix_has_every_boundary_endpoint_and_fault() -> None:
    every = [case.values for case in cases()]
    ordinary = [case.values for case in cases() if not case.marks]
    assert len(PLAIN) == 14
    assert {name for name, _faults in ordinary} == {*PLAIN, *RETRACT}
    named = [(one["endpoint"], one["kind"]) for _name, faults in ordinary for one in faults]
    assert {kind for _endpoint, kind in named} == set(KINDS)
    assert {endpoint for endpoint, _kind in named} == {*STEPS, "retract"}
    product = {(name, one["endpoint"], one["kind"]) for name, faults in every for one in faults}
    wanted = itertools.product(PLAIN, STEPS, KINDS)
    assert product >= {one for one in wanted if one[2] != "bad_md5" or one[1] == "upload"}
    assert len(every) == len(PLAIN) * (len(FAULTS) + 1) + len(RETRACT) * (len(KINDS) + 1)
