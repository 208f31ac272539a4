"""The benches run, measure every row, and say what they compare. Nothing here judges how fast the machine is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """`safehold bench` in a process of its own, as an operator runs it."""
    command = [sys.executable, "-m", "safehold.app.cli", "bench", *arguments]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=180)


@pytest.mark.network
@pytest.mark.slow
def test_every_bench_measures_every_row() -> None:
    done = bench("receipt", "suspend", "cybertip", "vault", "policy", "--runs", "2", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert [one["name"] for one in told["benches"]] == [
        "receipt", "suspend", "cybertip", "upload", "vault", "vault-small", "policy", "policy-check",
    ]  # fmt: skip
    assert "cores" in told["machine"]
    for one in told["benches"][:2]:
        assert all(row["runs"] == 2 and 0 < row["least_ms"] <= row["p50_ms"] <= row["p95_ms"] for row in one["rows"])
    receipt, suspend, *_ = told["benches"]
    assert [row["ratio"] is None for row in receipt["rows"]] == [False, False, False, True]
    total, page, host, ours = (row["p50_ms"] for row in suspend["rows"])
    assert page < total
    assert host < total
    assert ours == pytest.approx(total - host, rel=0.5)
    assert suspend["aim"]["seconds"] == 1.0


def test_the_policy_is_measured_without_any_process() -> None:
    done = bench("policy", "--runs", "2", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    decide, check = json.loads(done.stdout)["benches"]
    assert [row["name"] for row in decide["rows"]] == [
        "decide, both versions", "2020-10", "2024-05", "json.loads of the answers",
    ]  # fmt: skip
    both, old, new, read = decide["rows"]
    assert both["runs"] == old["runs"] + new["runs"] == read["runs"] > 500
    assert [row["ratio"] is None for row in decide["rows"]] == [False, False, False, True]
    assert decide["aim"]["seconds"] == 0.0002
    assert [(row["name"], row["runs"]) for row in check["rows"]] == [
        ("check, both versions", 2), ("2020-10", 2), ("2024-05", 2),
    ]  # fmt: skip
    assert check["aim"] == {"seconds": 20.0, "met": check["rows"][0]["p50_ms"] < 20000}


@pytest.mark.network
@pytest.mark.slow
def test_filing_is_measured_beside_bare_calls_and_a_large_file_adds_little_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BENCH_UPLOAD_MIB", "256")
    done = bench("cybertip", "--runs", "2", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    filed, upload = json.loads(done.stdout)["benches"]
    assert [row["ratio"] is None for row in filed["rows"]] == [False, False, True, True]
    assert filed["rows"][0]["p50_ms"] < filed["rows"][1]["p50_ms"]
    assert [row["runs"] for row in upload["rows"]] == [1, 1]
    assert upload["notes"][-1].endswith(": met")


@pytest.mark.parametrize("mib", [2, pytest.param(256, marks=pytest.mark.slow)])
def test_the_vault_is_measured_beside_plain_files(monkeypatch: pytest.MonkeyPatch, mib: int) -> None:
    monkeypatch.setenv("BENCH_VAULT_MIB", str(mib))
    done = bench("vault", "--runs", "3", "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    large, small = json.loads(done.stdout)["benches"]
    for result, count in ((large, 3), (small, 6)):
        write, read, copy, plain, *_ = result["rows"]
        assert [row["runs"] for row in result["rows"]] == [count] * len(result["rows"])
        assert write["ratio"] == pytest.approx(write["p50_ms"] / copy["p50_ms"], rel=0.05)
        assert read["ratio"] == pytest.approx(read["p50_ms"] / plain["p50_ms"], rel=0.05)
        assert read["ratio"] > 1, "what is opened is read, decrypted and digested"
    assert large["question"] == f"One file of {mib} MiB, streamed"
    assert large["rows"][4]["p50_ms"] < large["rows"][0]["p50_ms"], "preserving takes the digests too"
    assert small["question"] == "6 files of 16 KiB"


def test_a_wrong_call_is_told_so() -> None:
    unknown = bench("speed")
    assert (unknown.returncode, "there is no bench called speed" in unknown.stderr) == (2, True)
    many = bench("receipt", "--runs", "5000")
    assert (many.returncode, "--runs is 5000" in many.stderr) == (2, True)


def test_figures() -> None:
    from bench.figures import Result, Row, spread

    fast, slow = Row("fast", [0.001] * 99 + [0.5]), Row("slow", [n / 1000 for n in range(1, 101)], against="fast")
    assert (fast.p50, fast.p95) == (0.001, 0.001)
    assert (slow.p50, slow.p95) == (0.0505, 0.095)
    assert Row("two", [1.0, 3.0]).p95 == 3.0
    result = Result("x", "How long?", [slow, fast], aim=0.01)
    assert result.ratio(slow) == pytest.approx(50.5)
    assert result.ratio(fast) is None
    assert "NOT met" in result.as_text()
    assert len(spread(slow.times)) == 24
    assert spread([1.0, 1.0]) == "█"
