"""The near-match index beside `threatexchange`'s own, at the same hashes and queries in the same run.

The peer is `threatexchange.signal_type.pdq.pdq_index.PDQIndex` (multi-index hashing of faiss, what
hasher-matcher-actioner uses), in the Python that SAFEHOLD_BENCH_PEERS names: one that has the dependency group `peers`.
Both sides answer one query at a time in one thread, in turns of TURN. Half of the queries are random, half lie 0 to 31
bits from an entry. One million entries; ten million as well where SAFEHOLD_BENCH_LARGE is 1 (minutes, and 12 GB for
the peer). A figure of an index that misses a match means nothing: that is an error here.
"""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self
from unittest import mock

import numpy as np

from bench.figures import Result, Row
from safehold.screening.index import Change, Index, accelerate, build_arrays

NUMBA, NUMPY, PEER = "Safehold, with Numba", "Safehold, NumPy alone", "threatexchange PDQIndex"
RADIUS = 31
MILLION, LARGE = 1_000_000, 10_000_000
AIMS = {MILLION: 20, LARGE: 25}  # times as fast as the peer
P99 = 0.001  # seconds, at most
TURN = 250  # queries of one side before those of the next
SAMPLE = 40  # queries that are checked against comparing everything
WARM = 20  # queries of each turn, before counting
BATCH = 1000


def run(runs: int) -> list[Result]:
    """Twenty queries for each run, at most 2,000, for each size."""
    sizes = [MILLION, LARGE] if os.environ.get("SAFEHOLD_BENCH_LARGE") == "1" else [MILLION]
    results = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="safehold-bench-lookup-") as folder:
            results += _Lookup(Path(folder), size, min(20 * runs, 2000)).results()
    return results


class _Lookup:
    """One size: data, both sides, what they answered and how long it took."""

    def __init__(self, folder: Path, size: int, count: int) -> None:
        self.folder, self.size = folder, size
        random = np.random.default_rng(17)
        self.hashes = random.integers(0, 2**64, (size, 4), np.uint64)
        self.planted = np.where(np.arange(count) % 2 == 0, random.integers(0, size, count), -1)
        self.queries = random.integers(0, 2**64, (count, 4), np.uint64)
        for number in np.flatnonzero(self.planted >= 0).tolist():
            bits = np.unpackbits(self.hashes[self.planted[number]].view(np.uint8))
            bits[random.choice(256, random.integers(0, RADIUS + 1), replace=False)] ^= 1
            self.queries[number] = np.packbits(bits).view(np.uint64)
        self.asked = [query.tobytes() for query in self.queries]
        self.times: dict[str, list[float]] = {}
        self.truths: dict[int, set[int]] = {}
        self.notes: list[str] = []

    def results(self) -> list[Result]:
        entries = np.zeros((self.size, 16), np.uint8)
        entries[:, :4] = np.arange(self.size, dtype=np.uint32).view(np.uint8).reshape(-1, 4)
        began, worked = time.perf_counter(), time.process_time()
        build_arrays(self.folder / "index", self.hashes, entries, 1)
        built, worked = time.perf_counter() - began, time.process_time() - worked
        index = Index.open(self.folder / "index")
        index.warm()
        with _Peer(self.folder, self.hashes, self.queries) as peer:
            self._ask(index, peer)
            batch = self._batch(index)
            self.notes += [
                *self._tails(index),
                *self._verdict(),
                f"A batch of {BATCH:,} in one call: {1000 * batch:.1f} ms.",
            ]
            self.notes += [f"Bytes an entry: {index.stats.mapped / self.size:.0f} of mapped files.", *peer.notes]
            self.notes.append(f"With 10,000 changes in memory: a median of {1e6 * self._delta(index):.0f} us.")
            rows = [Row(name, times, against="" if name == self._first else self._first)
                    for name, times in self.times.items()]  # fmt: skip
            name = f"lookup-{self.size // MILLION}m"
            asked = f"One hash among {self.size:,}, radius {RADIUS}, one thread, every match found"
            builds = [Row("Safehold", [built])]
            if peer.built is not None:
                builds.append(Row(PEER, [peer.built], against="Safehold"))
            building = Result(f"{name}-build", f"Building the index of {self.size:,}", builds, aim=20.0)
            building.notes.append(
                f"Of the processor's time Safehold took {worked:.1f} s; the rest is the disk and others."
            )
            return [Result(name, asked, rows, self.notes), building]

    @property
    def _first(self) -> str:
        return next(iter(self.times))

    def _ask(self, index: Index, peer: "_Peer") -> None:
        sides: dict[str, Any] = {NUMPY: lambda asked: self._plain(index, asked)}
        if accelerate.kernels() is not None:
            sides = {NUMBA: lambda asked: _timed(index, asked), **sides}
        else:
            self.notes.append("Numba is not installed (extra `fast`).")
        if peer.built is not None:
            sides[PEER] = peer.ask
        self.times = {name: [] for name in sides}
        for first in range(0, len(self.asked), TURN):
            turn = range(first, min(first + TURN, len(self.asked)))
            for name, ask in sides.items():
                ask([*turn][:WARM] if name == PEER else self.asked[first : first + WARM])
                times, found = ask([*turn] if name == PEER else self.asked[first : first + TURN])
                self._check(name, turn, found)
                self.times[name] += times

    def _plain(self, index: Index, asked: list[bytes]) -> tuple[list[float], list[list[int]]]:
        with mock.patch.object(accelerate, "kernels", return_value=None):
            return _timed(index, asked)

    def _check(self, name: str, turn: range, found: list[list[int]]) -> None:
        """Planted matches of all queries; every match there is, by comparing everything, of the first SAMPLE ones."""
        for number, rows in zip(turn, found, strict=True):
            planted = int(self.planted[number])
            expected = {planted} if planted >= 0 else set()
            if number < SAMPLE:
                expected = self._truth(number)
            if set(rows) != expected:
                raise RuntimeError(f"{name} answered {rows} to query {number}, not {sorted(expected)}: no figure.")

    def _truth(self, number: int) -> set[int]:
        """Every row within the radius of a query, found by comparing all."""
        if number not in self.truths:
            bits = np.bitwise_count(self.hashes ^ self.queries[number]).sum(axis=1, dtype=np.uint16)
            self.truths[number] = set(np.flatnonzero(bits <= RADIUS).tolist())
        return self.truths[number]

    def _batch(self, index: Index) -> float:
        asked = (self.asked * BATCH)[:BATCH]
        return min(_seconds(lambda: index.near_many(asked)) for _ in range(3))

    def _delta(self, index: Index) -> float:
        random = np.random.default_rng(18)
        index.apply(Change(random.bytes(16), number, live=True, pdq=(random.bytes(32),)) for number in range(2, 10_002))
        return float(np.median(_timed(index, self.asked)[0]))

    def _tails(self, index: Index) -> list[str]:
        told = ", ".join(f"{name} {1000 * np.percentile(times, 99):.3f}" for name, times in self.times.items())
        own = f"p99 of the processor's time alone, which other programs hardly lengthen: {self._processor(index):.3f}."
        checked = f"Planted matches found in all {len(self.asked):,} queries; in {SAMPLE} every match, by brute force."
        return [f"p99 in ms: {told}.", own, checked]

    def _processor(self, index: Index) -> float:
        """The 99th percentile of the milliseconds that the processor worked for one query."""
        times = []
        for query in self.asked:
            began = time.thread_time()
            index.near(query)
            times.append(time.thread_time() - began)
        return 1000 * float(np.percentile(times, 99))

    def _verdict(self) -> list[str]:
        first = self.times[self._first]
        tail = "met" if np.percentile(first, 99) < P99 else "NOT met"
        told = [f"aim: p99 under {1000 * P99:g} ms: {tail}"]
        if PEER in self.times:
            ratio = float(np.median(self.times[PEER]) / np.median(first))
            met = "met" if ratio >= AIMS[self.size] else "NOT met"
            told.append(f"aim: {AIMS[self.size]} times as fast as the peer: {ratio:.1f} times, {met}")
        return told


class _Peer:
    """The peer's index in a process of its own interpreter. `built` is None where there is no such interpreter."""

    def __init__(self, folder: Path, hashes: np.ndarray, queries: np.ndarray) -> None:
        self.built: float | None = None
        self.notes: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        python = os.environ.get("SAFEHOLD_BENCH_PEERS")
        if not python:
            self.notes.append("No peer: SAFEHOLD_BENCH_PEERS names no Python that has threatexchange.")
            return
        np.save(folder / "hashes.npy", hashes.view(np.uint8))
        np.save(folder / "queries.npy", queries.view(np.uint8))
        script = Path(__file__).with_name("lookup_peer.py")
        self._process = subprocess.Popen(
            [python, str(script), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
        )  # fmt: skip
        told = self._told()
        self.built = told["built"]
        self.notes.append(
            f"The peer (threatexchange {told['version']}): {told['memory'] / len(hashes):.0f} bytes an entry of memory "
            "in each process."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process is not None:
            self._process.communicate()

    def ask(self, numbers: list[int]) -> tuple[list[float], list[list[int]]]:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(numbers) + "\n")
        self._process.stdin.flush()
        told = self._told()
        return told["times"], told["found"]

    def _told(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The peer ended without an answer; what it said stands above.")
        return json.loads(line)


def _timed(index: Index, asked: list[bytes]) -> tuple[list[float], list[list[int]]]:
    times, found = [], []
    for query in asked:
        began = time.perf_counter()
        near = index.near(query)
        times.append(time.perf_counter() - began)
        found.append([int.from_bytes(one.entry[:4], "little") for one in near])
    return times, found


def _seconds(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
