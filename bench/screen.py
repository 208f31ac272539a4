"""The screening path over HTTP: one worker, a million entries, host keys checked; and the open peer beside it.

The server is a real process, started as `safehold screening serve` starts it, on SQLite; the load comes from another
process over connections that stay open. The peer is the PDQ index of the package `threatexchange` behind Flask and
gunicorn, one worker, run by the interpreter that SAFEHOLD_BENCH_PEERS names (dependency group `peers`, and Flask);
it looks up one hash and does nothing else.

`run(folder, runs)` gives two results. `runs` scales how long the load lasts: 100 are 10 seconds for each row.
SAFEHOLD_BENCH_ENTRIES changes the number of entries.
"""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.figures import Result, Row
from safehold.app.serve import Processes, free_port, wait_until_up, web_command

ROOT = Path(__file__).resolve().parents[1]
CONNECTIONS = 16
BATCH = 1000  # items of a batch
DIFFERENT = 4000  # requests that the load goes round
HITS = 0.001  # part of the lookups that are of a listed picture, a few bits off
PDQ, UPLOAD, PEER = "lookup of one PDQ", "lookup of SHA-256, SHA-1, MD5 and PDQ", "threatexchange, Flask, gunicorn"
BATCHED = "batch of 1,000 PDQ"


def run(folder: Path, runs: int) -> list[Result]:
    """A million entries are imported and indexed first, which takes about two minutes."""
    import django

    django.setup()
    from safehold.app.setup import setup

    setup()
    size = int(os.environ.get("SAFEHOLD_BENCH_ENTRIES", "1000000"))
    random = np.random.default_rng(5)
    known = _hashes(random, size)
    notes, key = _fill(folder, known, random), _key()
    seconds = runs / 10
    with Processes() as processes:
        port = free_port()
        env = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
        command = web_command("127.0.0.1", port, app="safehold.app.asgi:screening")
        server = processes.start("screening", command, env, log=str(folder / "screening.log"))
        wait_until_up(f"http://127.0.0.1:{port}/healthz", processes, seconds=180)
        measured = {}
        for name, requests, connections in (
            (PDQ, _lookups(random, known, key, full=False), CONNECTIONS),
            (UPLOAD, _lookups(random, known, key, full=True), CONNECTIONS),
            (BATCHED, _batches(random, known, key), 1),
        ):
            _load(folder, port, 1, requests, min(2.0, seconds))  # warm
            measured[name] = _load(folder, port, connections, requests, seconds, server.pid)
        notes.append(f"memory of the worker: {_memory(server.pid)}")
    peer, why = _peer(folder, random, known, seconds)
    return _results(measured, peer, why, notes, size)


def _results(measured: dict[str, Any], peer: Any, why: str, notes: list[str], size: int) -> list[Result]:
    rows = [Row(name, measured[name]["times"]) for name in (PDQ, UPLOAD)]
    told = [_told(name, measured[name]) for name in (PDQ, UPLOAD)]
    if peer is not None:
        rows.append(Row(PEER, peer["times"]))
        rows[0].against = PEER
        told.append(_told(PEER, peer))
        told.append(f"requests a second: {_rate(measured[PDQ]) / _rate(peer):.1f} times the peer's")
    else:
        told.append(f"not compared: {why}")
    question = f"One lookup over HTTP with authentication, {size:,} entries, one worker, {CONNECTIONS} connections"
    single = Result("screen", question, rows, [*told, "aim: 5,000 requests a second, p99 under 10 ms", *notes])
    batch = Result(
        "screen-batch", f"A batch of 1,000 hashes, {size:,} entries, one worker, one connection",
        [Row(BATCHED, measured[BATCHED]["times"])], [_told(BATCHED, measured[BATCHED])], aim=0.06,
    )  # fmt: skip
    return [single, batch]


def _rate(loaded: dict[str, Any]) -> float:
    return len(loaded["times"]) / loaded["took"]


def _told(name: str, loaded: dict[str, Any]) -> str:
    """One line of what the table does not show."""
    p99 = float(np.percentile(loaded["times"], 99)) * 1000
    wrong = {status: number for status, number in loaded["statuses"].items() if status != "200"}
    busy = f"server {loaded['server']:.0%}, load {loaded['busy'] / loaded['took']:.0%} of a core"
    if loaded["server"]:
        busy += f"; {_rate(loaded) / loaded['server']:,.0f} a second of the server's own time"
    limit = "; the load was the limit" if loaded["busy"] / loaded["took"] > 0.85 else ""
    rate = f"{_rate(loaded):,.0f} requests a second, p99 {p99:.2f} ms"
    return f"{name}: {rate}, wrong answers {wrong or 'none'} ({busy}{limit})"


# --- the lists -------------------------------------------------------------------------------------


def _hashes(random: "np.random.Generator", size: int) -> "np.ndarray":
    """Hashes as those of pictures are: 128 of 256 bits set."""
    found = np.empty((size, 32), np.uint8)
    for at in range(0, size, 20_000):
        order = random.random((min(20_000, size - at), 256)).argsort(axis=1) < 128
        found[at : at + len(order)] = np.packbits(order, axis=1)
    return found


def _fill(folder: Path, known: "np.ndarray", random: "np.random.Generator") -> list[str]:
    """Import the entries and build the index; gives what it took."""
    from safehold.screening import service as screening

    file = folder / "entries.csv"
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["sha256", "sha1", "md5", "pdq"])
        for pdq in known:
            digests = random.bytes(68).hex()
            writer.writerow([digests[:64], digests[64:104], digests[104:], pdq.tobytes().hex()])
    began = time.perf_counter()
    report = screening.import_list(
        file,
        "bench",
        source="Bench",
        category="A1",
        purpose="prevent-exploitation",
        licence="none",
        actor="operator:bench",
    )
    if report.added != len(known):
        raise RuntimeError(f"{report.added} of {len(known)} entries were imported.")
    imported = time.perf_counter() - began
    file.unlink()
    began = time.perf_counter()
    screening.build_index(screening.index_folder())
    return [f"import {imported:.0f} s, building the index from the database {time.perf_counter() - began:.0f} s"]


def _key() -> str:
    from safehold.hosts import keys
    from safehold.hosts.models import Scope
    from safehold.subjects.models import Host

    host = Host.objects.create(slug="bench", name="Bench", adapter="webhook", base_url="http://127.0.0.1:1")
    return keys.issue_key(host, [Scope.SCREEN], actor="operator:bench")[1]


# --- the load --------------------------------------------------------------------------------------


def _query(random: "np.random.Generator", known: "np.ndarray") -> str:
    """The hash of a picture that is on no list, or now and then of one that is, with ten bits off."""
    if random.random() >= HITS:
        return str(_hashes(random, 1)[0].tobytes().hex())
    bits = np.unpackbits(known[random.integers(len(known))])
    bits[random.choice(256, 10, replace=False)] ^= 1
    return np.packbits(bits).tobytes().hex()


def _request(key: str, items: list[dict[str, Any]]) -> bytes:
    body = json.dumps({"items": items, "surface": "public_posts", "jurisdiction": "US"}).encode()
    head = (
        f"POST /screen/v1/check HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _lookups(random: "np.random.Generator", known: "np.ndarray", key: str, *, full: bool) -> list[bytes]:
    requests = []
    for _ in range(DIFFERENT):
        item: dict[str, Any] = {"pdq": [{"hash": _query(random, known), "quality": 90}]}
        if full:
            digests = random.bytes(68).hex()
            item |= {"sha256": digests[:64], "sha1": digests[64:104], "md5": digests[104:]}
        requests.append(_request(key, [item]))
    return requests


def _batches(random: "np.random.Generator", known: "np.ndarray", key: str) -> list[bytes]:
    one = [[{"pdq": [{"hash": _query(random, known), "quality": 90}]} for _ in range(BATCH)] for _ in range(8)]
    return [_request(key, items) for items in one]


def _load(
    folder: Path, port: int, connections: int, requests: list[bytes], seconds: float, server: int = 0
) -> dict[str, Any]:
    """Run the load in a process of its own; `server` (0 = do not look) is the process whose time is measured."""
    file = folder / "requests.jsonl"
    file.write_text("".join(json.dumps(one.decode("latin-1")) + "\n" for one in requests))
    command = [
        sys.executable,
        "-m",
        "bench.screen_load",
        "127.0.0.1",
        str(port),
        str(connections),
        str(seconds),
        str(file),
    ]
    before = _processor_time(server)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded: dict[str, Any] = json.loads(done.stdout)
    loaded["server"] = (_processor_time(server) - before) / loaded["took"]
    return loaded


def _processor_time(pid: int) -> float:
    """Seconds that a process and its children used. 0 where the system does not tell."""
    total = 0.0
    for stat in [Path(f"/proc/{pid}/stat"), *(Path(f"/proc/{child}/stat") for child in _children(pid))]:
        if pid and stat.exists():
            fields = stat.read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def _children(pid: int) -> list[str]:
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return file.read_text().split() if pid and file.exists() else []


def _memory(pid: int) -> str:
    """What the process has in memory, and how much of that are the index's files, which all workers share."""
    file = Path(f"/proc/{pid}/status")
    if not file.exists():
        return "not told by this system"
    fields = dict(line.partition(":")[::2] for line in file.read_text().splitlines())
    own, mapped = (int(fields[name].split()[0]) // 1024 for name in ("RssAnon", "RssFile"))
    return f"{own} MB of its own, {mapped} MB of mapped files"


# --- the peer --------------------------------------------------------------------------------------


def _peer(folder: Path, random: "np.random.Generator", known: "np.ndarray", seconds: float) -> tuple[Any, str]:
    python = os.environ.get("SAFEHOLD_BENCH_PEERS", "")
    if not python:
        return None, "SAFEHOLD_BENCH_PEERS names no interpreter with threatexchange, Flask and gunicorn"
    file = folder / "peer-hashes"
    file.write_bytes(known.tobytes())
    with Processes() as processes:
        port = free_port()
        command = [
            python, "-m", "gunicorn", "--workers", "1", "--threads", "4", "--bind", f"127.0.0.1:{port}",
            "--timeout", "600", "bench.screen_peer:app",
        ]  # fmt: skip
        env = {"PYTHONPATH": str(ROOT), "BENCH_PEER_HASHES": str(file)}
        peer = processes.start("peer", command, env, log=str(folder / "peer.log"))
        wait_until_up(f"http://127.0.0.1:{port}/", processes, seconds=600)
        end = "HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n"
        requests = [f"GET /lookup?hash={_query(random, known)} {end}".encode() for _ in range(DIFFERENT)]
        _load(folder, port, 1, requests, min(2.0, seconds))
        return _load(folder, port, 4, requests, seconds, peer.pid), ""
