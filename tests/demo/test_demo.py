"""`make demo` as a newcomer runs it: every step confirmed, the exit code tells, Ctrl-C stops all of it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "safehold.app.cli", "demo", *arguments]


def _env() -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SAFEHOLD_", "DJANGO_"))}
    kept = {name: value for name, value in os.environ.items() if name.startswith("SAFEHOLD_SYNAPSE")}
    return {**clean, **kept, "PYTHONPATH": str(ROOT / "src")}


def _walk(host: str, folder: Path) -> str:
    done = subprocess.run(
        _command("--host", host, "--exit"), cwd=folder, env=_env(), capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "NOT CONFIRMED" not in done.stdout + done.stderr
    return done.stdout


def _steps(said: str) -> dict[str, int]:
    names = re.findall(r"^  ([A-D])\d\d ", said, re.MULTILINE)
    return {letter: names.count(letter) for letter in "ABCD"}


@pytest.mark.demo
@pytest.mark.network
def test_the_walks_on_the_microblog(tmp_path: Path) -> None:
    said = _walk("microblog", tmp_path)
    assert _steps(said) == {"A": 24, "B": 8, "C": 9, "D": 4}
    assert _steps(_walk("microblog", tmp_path)) == _steps(said), "it can be run again"


@pytest.mark.matrix
@pytest.mark.network
def test_the_walks_on_a_real_homeserver(tmp_path: Path) -> None:
    assert _steps(_walk("matrix", tmp_path)) == {"A": 23, "B": 8, "C": 7, "D": 4}


@pytest.mark.demo
@pytest.mark.network
def test_a_step_that_is_not_confirmed_fails_the_run(tmp_path: Path) -> None:
    """The walk's own eyes: a desk whose worker never runs confirms nothing, and the exit code says so."""
    code = (
        "import safehold.app.demo.run as run, safehold.app.demo.steps as steps, sys\n"
        "run.worker_command = lambda: [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "real = steps.until\n"
        "from safehold.app.demo import walk, lenient, bad_input as bad\n"
        "for module in (walk, lenient, bad):\n"
        "    module.until = lambda look, what, seconds=30: real(look, what, 2)\n"
        "raise SystemExit(run.run(host='microblog', exit_after=True))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=_env(), capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NOT CONFIRMED" in done.stderr


@pytest.mark.demo
@pytest.mark.network
def test_ctrl_c_stops_everything_that_was_started(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        _command(), cwd=tmp_path, env=_env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines: list[str] = []
    assert demo.stdout is not None
    reader = threading.Thread(target=lambda: lines.extend(iter(demo.stdout.readline, "")), daemon=True)  # type: ignore[union-attr]
    reader.start()
    deadline = time.monotonic() + 200
    while not any("Ctrl-C stops all of it" in line for line in lines):
        assert time.monotonic() < deadline, "".join(lines)
        assert demo.poll() is None, "".join(lines)
        time.sleep(0.2)
    said = "".join(lines)
    assert re.search(r"first-reviewer  \S{12,}", said)
    assert re.search(r"second-reviewer  \S{12,}", said)
    children = _children_of(demo.pid)
    assert len(children) >= 4, "web, worker, simulator and microblog are processes of their own"
    demo.send_signal(signal.SIGINT)
    demo.wait(40)
    reader.join(5)
    demo.stdout.close()
    assert not [pid for pid in children if _alive(pid)], "nothing is left running"


def _children_of(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [int(child) for child, parent in (line.split() for line in listed.splitlines()) if int(parent) == pid]


def _alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")
