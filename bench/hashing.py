"""Hashing: from the bytes of a JPEG to its PDQ, one thread, beside the package `threatexchange` in the same run.

The peer runs in the Python that SAFEHOLD_BENCH_PEERS names: one that has the dependency group `peers`. Each way of
hashing has a process of its own with one thread, and they take turns, picture by picture. The pictures are made:
soft colours, shapes and a grain, which JPEG stores about as large as photographs.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from bench.figures import Result, Row
from safehold.screening.hashing.sandbox import Decoders
from tests.screening.hashing import made

OURS, CHILD = "Safehold, NumPy alone", "the same in a sandboxed child, and three digests"
DECODE, PEER = "decoding in full, alone", "threatexchange"
WORKER = Path(__file__).with_name("hashing_worker.py")
PICTURES = 6  # of each size
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Worker:
    """One way of hashing, running. The first word it says is "ready"."""

    def __init__(self, python: str, way: str) -> None:
        root = Path(__file__).resolve().parents[1]
        env = {**os.environ, **ONE_THREAD, "PYTHONPATH": "" if way == "peer" else f"{root / 'src'}"}
        self._process = subprocess.Popen(
            [python, str(WORKER), way], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()

    def __call__(self, path: Path) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        return self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        self._process.communicate()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended: see what it wrote above")
        return json.loads(line)


def run(runs: int) -> list[Result]:
    """1080p with equal bits, and 12 megapixels by the fast path; `runs` rounds of the large ones, at most 5."""
    with tempfile.TemporaryDirectory(prefix="safehold-bench-") as folder, ExitStack() as opened:
        ways: dict[str, Callable[[Path], dict[str, Any]]] = {OURS: opened.enter_context(Worker(sys.executable, "ours"))}
        ways[CHILD] = _in_a_child(opened.enter_context(Decoders(1)))
        ways[DECODE] = opened.enter_context(Worker(sys.executable, "decode"))
        python, note = _peer()
        if python:
            ways[PEER] = opened.enter_context(Worker(python, "peer"))
        hd, large = _pictures(Path(folder), 1080, 1920), _pictures(Path(folder), 3000, 4000)
        return [
            _measured("hashing-1080p", "JPEG of 1920 by 1080 to PDQ", ways, hd, runs, 2.3, 0, note),
            _measured("hashing-12mp", "JPEG of 4000 by 3000 to PDQ", ways, large, min(runs, 5), 9.0, 4, note),
        ]


def _peer() -> tuple[str, str]:
    """The interpreter that has the peer, or why there is none."""
    python = os.environ.get("SAFEHOLD_BENCH_PEERS", "")
    missing = "Peer not installed: SAFEHOLD_BENCH_PEERS names no Python with threatexchange, so nothing is compared."
    if not python:
        return "", missing
    try:
        probe = [python, "-c", "import threatexchange.signal_type.pdq.pdq_hasher"]
        subprocess.run(probe, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return "", missing
    return python, ""


def _in_a_child(decoders: Decoders) -> Callable[[Path], dict[str, Any]]:
    """What a server waits for: the file handed over, decoded behind the walls, and digested meanwhile."""

    def work(path: Path) -> dict[str, Any]:
        data = path.read_bytes()
        began = time.perf_counter()
        (frame,) = decoders.hash_bytes(data).frames
        return {"seconds": time.perf_counter() - began, "hash": frame.pdq, "quality": frame.quality}

    return work


def _pictures(folder: Path, height: int, width: int) -> list[Path]:
    paths = []
    for seed in range(PICTURES):
        soft, sharp = made.waves(height, width, seed), made.shapes(height, width, seed)
        grain = made.noise(height, width, seed).astype(np.int16) // 10 - 12
        pixels = np.clip(soft.astype(np.int16) // 2 + sharp.astype(np.int16) // 2 + grain, 0, 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=87)
        path = folder / f"gradient-{height}-{seed}.jpg"
        path.write_bytes(out.getvalue())
        paths.append(path)
    return paths


def _measured(
    name: str, question: str, ways: dict[str, Callable[[Path], dict[str, Any]]], paths: list[Path], runs: int,
    aim: float, most: int, note: str,
) -> Result:  # fmt: skip
    """All ways in turn over all pictures, once to warm up and `runs` times counted."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    hashes: dict[str, list[tuple[str, int]]] = {}
    for number in range(1 + runs):
        for way, work in ways.items():
            told = [work(path) for path in paths]
            hashes[way] = [(one["hash"], one["quality"]) for one in told]
            if number:
                times[way] += [one["seconds"] for one in told]
    rows = [Row(way, times[way], PEER if PEER in ways and way != PEER else "") for way in ways]
    size = sum(path.stat().st_size for path in paths) / len(paths) / 1e6
    notes = [f"{len(paths)} pictures of {size:.1f} MB, {runs} times, one thread each, taking turns."]
    result = Result(name, question, rows, notes)
    notes += [note] if note else [_faster(result, aim), _bits(hashes[OURS], hashes[PEER], most)]
    assert hashes[OURS] == hashes[CHILD], "the child gives other hashes, so its figure means nothing"
    return result


def _faster(result: Result, aim: float) -> str:
    ratio = result.row(PEER).p50 / result.row(OURS).p50
    return f"Safehold is {ratio:.1f} times as fast as {PEER}; target {aim:g}: {'met' if ratio >= aim else 'NOT met'}"


def _bits(ours: list[tuple[str, int]], theirs: list[tuple[str, int]], most: int) -> str:
    apart = [(int(one, 16) ^ int(other, 16)).bit_count() for (one, _), (other, _) in zip(ours, theirs, strict=True)]
    same = sum(one[1] == other[1] for one, other in zip(ours, theirs, strict=True))
    met = "met" if max(apart) <= most else "NOT met"
    return f"Bits that differ: {apart}, at most {most} wanted: {met}; equal quality in {same} of {len(ours)}."
