"""`make test`: the suites one after another, and a line for each part left out for want of a server or browser.

With REQUIRE=all an absent part is a failure. Parts: unit tests on SQLite, those that use a
database on PostgreSQL too, crash tests on both, the browser, a real Matrix homeserver.
"""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

from tests.support import parts


@dataclass
class Suite:
    """One pytest run."""

    name: str
    marks: str
    needs: str = ""  # "", "postgres", "browser", "matrix"
    parallel: bool = True
    paths: tuple[str, ...] = ("tests",)
    only_database: bool = False  # what asks for no database was run before, on the first one
    without: tuple[str, ...] = ()  # folders


SUITES = [
    Suite("unit tests on SQLite", "not slow and not crash and not browser and not matrix and not demo"),
    Suite(
        "unit tests on PostgreSQL",
        "not slow and not crash and not browser and not matrix and not demo",
        needs="postgres",
        only_database=True,
        # Faces hold no rules and write through commands, which tests/path has here too. That every page draws on
        # PostgreSQL is shown by the matrix of roles and routes, which stays.
        without=("tests/console", "tests/public", "tests/transparency"),
    ),
    Suite("crash tests on SQLite", "crash and not slow", parallel=False),
    Suite("crash tests on PostgreSQL", "crash and not slow", needs="postgres", parallel=False),
    Suite("demo", "demo and not slow", parallel=False),
    Suite("browser", "browser and not slow", needs="browser", parallel=False),
    Suite("Matrix homeserver", "matrix and not slow", needs="matrix", parallel=False),
]


def main() -> int:
    """Run every suite whose part is there. Returns 1 where one failed or a required part is absent."""
    required = os.environ.get("REQUIRE") == "all"
    left_out: list[str] = []
    failed: list[str] = []
    for suite in SUITES:
        absent = parts.missing(suite.needs)
        if absent:
            left_out.append(f"left out: {suite.name} ({absent})")
            continue
        began = time.monotonic()
        print(f"\n== {suite.name}", flush=True)
        if _run(suite) != 0:
            failed.append(suite.name)
        print(f"== {suite.name}: {time.monotonic() - began:.0f} s", flush=True)
    for line in left_out:
        print(line)
    for name in failed:
        print(f"failed: {name}")
    return 1 if failed or (required and left_out) else 0


def _run(suite: Suite) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "--durations=12", "-m", suite.marks, *suite.paths]
    command += [f"--ignore={folder}" for folder in suite.without]
    if suite.parallel:
        command += ["-n", str(min(6, 2 * (os.cpu_count() or 2)))]  # many tests wait for a process or a server
    env = dict(os.environ)
    env.pop("SAFEHOLD_TEST_DATABASE_URL", None)
    if suite.needs == "postgres":
        env["SAFEHOLD_TEST_DATABASE_URL"] = str(parts.postgres())
    if suite.only_database:
        env["SAFEHOLD_TEST_ONLY_DATABASE"] = "1"
    code = subprocess.run(command, env=env, check=False).returncode
    return 0 if code == 5 and not os.environ.get("REQUIRE") else code  # 5: no test was selected


if __name__ == "__main__":
    shutil.rmtree(".pytest_cache", ignore_errors=True)
    raise SystemExit(main())
