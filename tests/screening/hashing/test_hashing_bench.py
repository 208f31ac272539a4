"""The bench of hashing measures every row and says honestly what it is compared with. Nothing judges the machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import hashing
from bench.figures import Result, Row

ROOT = Path(__file__).parents[3]


def test_bits_and_ratios_are_told_as_they_are() -> None:
    one, other = ("f" * 64, 100), ("f" * 63 + "0", 99)
    told = hashing._bits([one, one], [one, other], 3)
    assert told == "Bits that differ: [0, 4], at most 3 wanted: NOT met; equal quality in 1 of 2."
    assert "at most 4 wanted: met" in hashing._bits([one, one], [one, other], 4)
    result = Result("hashing", "question", [Row(hashing.OURS, [2.0]), Row(hashing.PEER, [5.0])])
    assert hashing._faster(result, 2.3) == "Safehold is 2.5 times as fast as threatexchange; target 2.3: met"
    assert hashing._faster(result, 3).endswith("NOT met")


@pytest.mark.parametrize("python", ["", "/nowhere/python", "false"])
def test_without_the_peer_it_says_so(monkeypatch: pytest.MonkeyPatch, python: str) -> None:
    monkeypatch.setenv("SAFEHOLD_BENCH_PEERS", python)
    path, note = hashing._peer()
    assert (path, note.startswith("Peer not installed")) == ("", True)


@pytest.mark.slow
def test_it_runs() -> None:
    command = [sys.executable, "-m", "safehold.app.cli", "bench", "hashing", "--runs", "2", "--json"]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}", "SAFEHOLD_BENCH_PEERS": ""}
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    small, large = json.loads(done.stdout)["benches"]
    for result in (small, large):
        assert [row["name"] for row in result["rows"]] == [hashing.OURS, hashing.CHILD, hashing.DECODE]
        assert all(row["runs"] == 2 * hashing.PICTURES for row in result["rows"])
        assert result["notes"][-1].startswith("Peer not installed")
