"""`safehold screening index …`, and figures of several processes together."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from safehold.app.cli import main
from safehold.screening import following, live
from tests.screening.test_matching import digest, entry

COUNTS = """
import os, sys, time
import django; django.setup()
from safehold.screening import metrics
metrics.began()
metrics.screened("hash")
metrics.tell(ready=sys.argv[1] == "ready", lag=float(sys.argv[2]), entries=7, delta=0, age=0.0)
print(metrics.text().decode() if len(sys.argv) > 3 else "done", flush=True)
if len(sys.argv) == 3: time.sleep(60)
"""


@pytest.fixture(autouse=True)
def forgotten(data: Path) -> None:
    live.let_go()


@pytest.mark.django_db
def test_build_status_verify(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["screening", "index", "verify"]) == 0
    assert "Nothing is built yet" in capsys.readouterr().out
    for _ in range(3):
        entry(sha256=digest("sha256"))
    assert main(["screening", "index", "build"]) == 0
    assert f"Generation 1: 3 entries, all changes up to number {following.clock()}." in capsys.readouterr().out
    entry(sha256=digest("sha256"))
    assert main(["screening", "index", "status"]) == 0
    told = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert (told["entries in files"], told["changes since"]) == ("3", "1")
    assert told["change number"] == str(following.clock())
    assert main(["screening", "index", "verify"]) == 0
    file = next((data / "index").rglob("sha256.index"))
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    assert main(["screening", "index", "verify"]) == 1
    assert "cannot be used" in capsys.readouterr().err
    assert main(["screening", "index", "build", "--anew"]) == 0
    assert main(["screening", "index", "verify"]) == 0


@pytest.mark.django_db
def test_files_of_a_later_database_need_to_be_made_anew(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safehold.screening.models import ListClock, ListEntry

    entry(sha256=digest("sha256"))
    entry(sha256=digest("sha256"))
    main(["screening", "index", "build"])
    ListEntry.objects.order_by("-version")[0].delete()
    ListClock.objects.update(version=following.clock() - 1)
    for command in (["index", "build"], ["index", "status"], ["index", "verify"]):
        assert main(["screening", *command]) == 1
        assert "--anew" in capsys.readouterr().err
    assert main(["screening", "index", "build", "--anew"]) == 0


def test_no_processes_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["screening", "serve", "--processes", "0"]) == 2
    assert "--processes" in capsys.readouterr().err


def test_processes_count_together_and_a_killed_one_does_not_linger(tmp_path: Path) -> None:
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}

    def start(*told: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", COUNTS, *told]
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)

    with start("late", "99") as late:
        assert late.stdout is not None
        assert late.stdout.readline() == "done\n"
        text = start("ready", "0.1", "tell").communicate(timeout=60)[0]
        assert 'safehold_screened_total{kind="hash"} 2.0' in text
        assert "safehold_lists_lag_seconds 99.0" in text  # the worst of them
        assert "safehold_screening_ready 0.0" in text
        late.send_signal(signal.SIGKILL)
        late.wait()
        text = start("ready", "0.1", "tell").communicate(timeout=60)[0]
        assert 'safehold_screened_total{kind="hash"} 3.0' in text
        assert "safehold_lists_lag_seconds 0.1" in text
        assert "safehold_screening_ready 1.0" in text
