"""kill -9 at every boundary of every page: nothing of a list is lost, nothing is doubled, and what was told is told.

Each run is a process of its own on a database of its own (a file, or PostgreSQL where the run has one) that kills
itself at the named boundary; another one then takes one step, and is followed by the next that is killed.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.screening.exchanges.exchange_simulator import Simulator

pytestmark = [pytest.mark.crash, pytest.mark.network]

ROOT = Path(__file__).parents[3]
BOUNDARIES = ("exchange.page.read", "exchange.page.taken", "exchange.page.committed")
ENTRIES, PAGES = 25, 3


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database of these tests' own; its address."""
    folder = tmp_path_factory.mktemp("crash")
    shared = os.environ.get("SAFEHOLD_TEST_DATABASE_URL", "")
    if not shared.startswith("postgres"):
        url = f"sqlite:///{folder}/crash.sqlite3"
        migrate(url, folder)
        yield url
        return
    import psycopg

    name = f"safehold_exchanges_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(shared, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        url = shared.rsplit("/", 1)[0] + "/" + name
        migrate(url, folder)
        yield url
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def environment(url: str, folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "DJANGO_SETTINGS_MODULE": "tests.screening.exchanges.exchange_settings",
        "SAFEHOLD_DATA": str(folder),
        "SAFEHOLD_DATABASE_URL": url,
    }


def migrate(url: str, folder: Path) -> None:
    command = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
    subprocess.run(command, env=environment(url, folder), cwd=ROOT, check=True, timeout=120)


class Driver:
    """The process that forks others."""

    def __init__(self, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.screening.exchanges.exchange_driver"], env=env, cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._answer()

    def __call__(self, do: str, **order: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert "error" not in told, told["error"]
        return told


@pytest.fixture(scope="module")
def driver(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    found = Driver(environment(database, tmp_path_factory.mktemp("driver")))
    yield found
    found.process.communicate(timeout=20)


def killed_and_restarted(driver: Driver, slug: str, boundary: str, folder: Path) -> int:
    """A process that is killed at the boundary, another that takes one step, and so on. How many were killed."""
    for number in range(100):
        told = driver("read", slug=slug, steps=100, crash_at=boundary, mark=str(folder / f"{slug}{number}"))
        if "signal" not in told:
            return number
        assert told["signal"] == 9
        if boundary != BOUNDARIES[2] and driver("read", slug=slug, steps=1)["kind"] == "done":
            return number + 1
    raise AssertionError("It never came to an end.")


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_nothing_is_lost_and_nothing_is_doubled(
    driver: Driver, simulator: Simulator, tmp_path: Path, boundary: str
) -> None:
    slug = f"x{uuid.uuid4().hex[:8]}"
    simulator.make(ENTRIES, ago=3600)
    driver("add", url=simulator.url, slug=slug)
    killed = killed_and_restarted(driver, slug, boundary, tmp_path)
    assert killed >= PAGES, "once on every page"
    told = driver("look", slug=slug)
    assert len(told["live"]) == len(set(told["live"])) == told["rows"] == ENTRIES
    assert told["added_on_record"] == told["counts"]["added"] == ENTRIES
    assert set(told["checkpoint"]) == {"until"}
    # A withdrawal is read: what it makes due is due once, with the page that brought it.
    driver("mark_hit", slug=slug, ref="practice:42:image0")
    simulator.remove(("42", "image0"), ago=30)
    before = told["retracted"]
    killed_and_restarted(driver, slug, boundary, tmp_path / "..")
    told = driver("look", slug=slug)
    assert len(told["live"]) == ENTRIES - 1
    assert told["rows"] == ENTRIES
    assert told["retracted"] == before + 1


def test_a_checkpoint_is_never_ahead_of_what_is_in_the_list(
    driver: Driver, simulator: Simulator, tmp_path: Path
) -> None:
    slug = f"x{uuid.uuid4().hex[:8]}"
    simulator.make(ENTRIES, ago=3600)
    driver("add", url=simulator.url, slug=slug)
    for number in range(PAGES - 1):
        for boundary in BOUNDARIES:
            mark = tmp_path / f"{number}{boundary}"
            driver("read", slug=slug, steps=1, crash_at=boundary, mark=str(mark))
            told = driver("look", slug=slug)
            pages = told["checkpoint"].get("window", {}).get("pages", 0)
            assert len(told["live"]) == pages * 10
            assert "until" not in told["checkpoint"]


def test_feedback_that_was_sent_when_the_process_died_is_put_again_and_is_one(
    driver: Driver, simulator: Simulator, tmp_path: Path
) -> None:
    slug = f"x{uuid.uuid4().hex[:8]}"
    simulator.make(1, ago=3600)
    driver("add", url=simulator.url, slug=slug)
    driver("read", slug=slug, steps=5)
    told = driver("tell", slug=slug, ref="practice:42:image0", crash_at="feedback.sent", mark=str(tmp_path / "told"))
    assert told == {"signal": 9}
    assert driver("tell", slug=slug, ref="practice:42:image0") == {"states": ["sent"]}
    (kept,) = simulator.received()["feedback"]
    assert (kept["affirmative"], kept["puts"]) == (True, 2)
