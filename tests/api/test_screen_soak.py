"""Minutes of mixed traffic on real processes while lists change, the index is built anew and workers are killed.

No answer without a clear status, nothing missed that has stood for more than a second, memory flat. Ten minutes;
SAFEHOLD_TEST_SOAK_MINUTES changes that.
"""

import base64
import contextlib
import http.client
import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from safehold.app.serve import Processes, free_port, wait_until_up
from tests.api.soak_lists import pdq

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.crash]
ROOT = Path(__file__).parents[2]
MINUTES = float(os.environ.get("SAFEHOLD_TEST_SOAK_MINUTES", "10"))
CALLERS = 4
KILL_EVERY = 7.0  # seconds
SETTLED = 1.5  # seconds after a commit, by which every process must know; a second is promised
CLEAR = {
    200: {""}, 400: {"bad_json"}, 413: {"too_large"}, 422: {"wrong_value"},
    503: {"screening_starting", "screening_stale"},
}  # fmt: skip
KEY = """
import django; django.setup()
from safehold.hosts import keys; from safehold.hosts.models import Scope; from safehold.subjects.models import Host
host = Host.objects.create(slug="soak", name="Soak", adapter="webhook", base_url="http://127.0.0.1:1")
print(keys.issue_key(host, [Scope.SCREEN], actor="operator:test")[1])
"""


class Lists:
    """What the other process has committed, as far as it can be held against an answer."""

    def __init__(self, path: Path) -> None:
        self.path, self.read = path, 0
        self.added: dict[str, tuple[float, str]] = {}
        self.gone: dict[str, float] = {}
        self.lock = threading.Lock()

    def look(self) -> None:
        """Read what was written since."""
        with self.lock, self.path.open() as lines:
            lines.seek(self.read)
            while (line := lines.readline()).endswith("\n"):
                self.read = lines.tell()
                change = json.loads(line)
                if change["what"] == "added":
                    self.added[change["sha256"]] = (change["at"], change["pdq"])
                elif change["what"] == "leaving":
                    self.added.pop(change["sha256"], None)
                else:
                    self.gone[change["sha256"]] = change["at"]

    def known(self, chance: random.Random) -> tuple[str, str] | None:
        """One that must be hit: it was committed long enough ago, and is not about to leave."""
        with self.lock:
            old = [sha256 for sha256, (at, _pdq) in self.added.items() if time.time() - at > SETTLED]
            return (chosen := chance.choice(old), self.added[chosen][1]) if old else None

    def stands(self, sha256: str) -> bool:
        self.look()
        with self.lock:
            return sha256 in self.added

    def left(self, chance: random.Random) -> str | None:
        """One that must not be hit any more."""
        with self.lock:
            old = [sha256 for sha256, at in self.gone.items() if time.time() - at > SETTLED]
            return chance.choice(old) if old else None


class Caller(threading.Thread):
    """One host's connection: asks, checks what it is told, notes what is wrong."""

    def __init__(self, number: int, port: int, key: str, lists: Lists, until: float) -> None:
        super().__init__()
        self.chance = random.Random(number)  # noqa: S311 - test values
        self.port, self.key, self.lists, self.until = port, key, lists, until
        self.answers: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.hung_up = 0
        out = io.BytesIO()
        Image.effect_noise((64, 64), 80).save(out, "PNG")
        self.picture = out.getvalue()

    def run(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        asks = [self.hit, self.hit, self.near, self.clean, self.batch, self.gone, self.file, self.words, self.malformed]
        while time.time() < self.until and len(self.wrong) < 10:
            try:
                self.chance.choice(asks)(line)
            except (OSError, http.client.HTTPException):  # a worker was killed with the question in its hands
                self.hung_up += 1
                line.close()
        line.close()

    def ask(self, line: http.client.HTTPConnection, path: str, body: Any, kind: str = "application/json") -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        line.request("POST", path, raw, {"Authorization": f"Bearer {self.key}", "Content-Type": kind})
        answer = line.getresponse()
        told = json.loads(answer.read())
        self.answers[answer.status] += 1
        if answer.status not in CLEAR or told.get("error", "") not in CLEAR[answer.status]:
            self.wrong.append(f"{answer.status} {told.get('error')} for {path}")
        return told if answer.status == 200 else None

    def items(self, line: http.client.HTTPConnection, *items: dict[str, Any], call: str = "check") -> Any:
        told = self.ask(
            line, f"/screen/v1/{call}", {"surface": "public_posts", "jurisdiction": "US", "items": list(items)}
        )
        return told["items"] if told else None

    def hit(self, line: http.client.HTTPConnection) -> None:
        if one := self.lists.known(self.chance):
            call, item = self.chance.choice(["check", "record"]), {"item_id": f"p{self.chance.randrange(10**9)}"}
            told = self.items(
                line, {"sha256": one[0], "account_id": f"user-{self.chance.randrange(9)}", **item}, call=call
            )
            if told and not told[0]["hits"] and self.lists.stands(one[0]):
                self.wrong.append(f"missed {one[0][:8]} by its digest")

    def near(self, line: http.client.HTTPConnection) -> None:
        if one := self.lists.known(self.chance):
            off = int(one[1], 16)
            for place in self.chance.sample(range(256), 31):
                off ^= 1 << place
            told = self.items(line, {"pdq": [{"hash": f"{off:064x}", "quality": 80}]})
            if told and not told[0]["hits"] and self.lists.stands(one[0]):
                self.wrong.append(f"missed {one[0][:8]} at 31 bits")

    def gone(self, line: http.client.HTTPConnection) -> None:
        if sha256 := self.lists.left(self.chance):
            told = self.items(line, {"sha256": sha256})
            if told and told[0]["hits"]:
                self.wrong.append(f"{sha256[:8]} still hits")

    def clean(self, line: http.client.HTTPConnection) -> None:
        told = self.items(
            line, {"sha256": self.chance.randbytes(32).hex(), "pdq": [{"hash": pdq(self.chance), "quality": 80}]}
        )
        if told and told[0]["do"] != "allow":
            self.wrong.append(f"accused: {told[0]}")

    def batch(self, line: http.client.HTTPConnection) -> None:
        self.items(line, *({"pdq": [{"hash": pdq(self.chance), "quality": 80}]} for _ in range(100)))

    def file(self, line: http.client.HTTPConnection) -> None:
        raw = self.picture if self.chance.random() < 0.5 else self.picture[: self.chance.randrange(1, 2000)]
        told = self.ask(line, "/screen/v1/file?surface=public_uploads&jurisdiction=", raw, "image/png")
        if told and (told["items"][0]["do"] == "allow") != (raw == self.picture):
            self.wrong.append(f"a file: {told['items'][0]}")

    def words(self, line: http.client.HTTPConnection) -> None:
        self.items(line, {"text": "placeholder message 3 " * 200, "links": ["https://a.example/x"]})

    def malformed(self, line: http.client.HTTPConnection) -> None:
        self.ask(line, "/screen/v1/check", self.chance.choice([b"{", b"\xff", b"[" * 5000, b"[]"]))


def children(pid: int) -> list[int]:
    """The processes that serve, the oldest first; not their decoders, and not the resource tracker."""
    found = []
    for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{text}/cmdline").read_bytes():
                found.append(int(text))
    return sorted(found)


def own_memory(pid: int) -> int:
    """Kilobytes that are the process's alone."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_soak(tmp_path: Path) -> None:
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SAFEHOLD_", "DJANGO_"))},
        "SAFEHOLD_DATA": str(tmp_path / "data"), "DJANGO_SETTINGS_MODULE": "safehold.app.settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]), "PYTHONWARNINGS": "default",
        "SAFEHOLD_DATABASE_URL": f"sqlite:///{tmp_path}/data/safehold.sqlite3", "SAFEHOLD_FLOOD_ACCOUNTS": "1000000",
        "SAFEHOLD_ARCHIVE_DAYS": "90",
    }  # fmt: skip
    subprocess.run([sys.executable, "-m", "safehold.app.cli", "setup"], env=env, check=True, capture_output=True)
    key = subprocess.run(
        [sys.executable, "-c", KEY], env=env, check=True, capture_output=True, text=True
    ).stdout.strip()
    port, file, seconds = free_port(), tmp_path / "changes.jsonl", MINUTES * 60
    file.touch()
    with Processes() as processes:
        serve = [
            sys.executable,
            "-m",
            "safehold.app.cli",
            "screening",
            "serve",
            "--port",
            str(port),
            "--processes",
            "2",
        ]
        server = processes.start("screening", serve, env, log=str(tmp_path / "screening.log"))
        wait_until_up(f"http://127.0.0.1:{port}/healthz", processes, seconds=120)
        writes = [sys.executable, "-m", "tests.api.soak_lists", str(file), str(seconds + 5)]
        processes.start("lists", writes, env, log=str(tmp_path / "lists.log"))
        lists, until = Lists(file), time.time() + seconds
        callers = [Caller(number, port, key, lists, until) for number in range(CALLERS)]
        for caller in callers:
            caller.start()
        lasting = children(server.pid)[0]  # one is let live, so that its memory can be watched
        memory, killed = _watch(server.pid, lasting, lists, until, processes)
        for caller in callers:
            caller.join()
    told = sum((caller.answers for caller in callers), Counter())
    hung_up = sum(caller.hung_up for caller in callers)
    print(f"answers {dict(told)}, killed {killed}, hung up {hung_up}, memory {memory[::10]}")
    log = (tmp_path / "screening.log").read_text()[-2000:]
    assert [wrong for caller in callers for wrong in caller.wrong] == [], log
    assert told[200] > 20 * seconds
    assert killed >= seconds // KILL_EVERY - 2
    assert lists.gone or seconds < 60
    third = len(memory) // 3
    assert max(memory[2 * third :]) < max(memory[third : 2 * third]) * 1.1 + 20_000  # kilobytes


def _watch(supervisor: int, lasting: int, lists: Lists, until: float, processes: Processes) -> tuple[list[int], int]:
    """Kill the worker that is not watched, again and again; gives the memory of the other, and how many were killed."""
    memory, killed, at = [], 0, time.time() + KILL_EVERY
    while time.time() < until:
        time.sleep(0.5)
        lists.look()
        memory.append(own_memory(lasting))
        assert processes.ended() is None, (lists.path.parent / f"{processes.ended()}.log").read_text()[-2000:]
        others = [pid for pid in children(supervisor) if pid != lasting]
        if time.time() > at and others:
            os.kill(others[0], signal.SIGKILL)
            killed, at = killed + 1, time.time() + KILL_EVERY
    return memory, killed


def test_the_soak_would_notice(tmp_path: Path) -> None:
    """Its own checks fail where they must: a missed entry, one that stays, an unclear status."""
    file = tmp_path / "changes.jsonl"
    file.write_text(
        "".join(
            json.dumps({"what": what, "at": 0.0, "sha256": sha256, "pdq": base64.b16encode(b"\0" * 32).decode()}) + "\n"
            for what, sha256 in (("added", "aa"), ("added", "bb"), ("leaving", "bb"), ("gone", "bb"))
        )
    )
    lists = Lists(file)
    lists.look()

    class Line:
        status, body = 200, json.dumps({"items": [{"hits": [], "do": "hide"}]}).encode()

        def request(self, *_given: object) -> None: ...

        def getresponse(self) -> Any:
            return self

        def read(self) -> bytes:
            return self.body

    caller, line = Caller(1, 0, "", lists, 0), Line()
    for ask in (caller.hit, caller.near, caller.clean, caller.file):
        ask(line)  # type: ignore[arg-type]
    line.body = json.dumps({"items": [{"hits": [1], "do": "hide"}]}).encode()
    caller.gone(line)  # type: ignore[arg-type]
    line.status, line.body = 500, b'{"error": "internal"}'
    caller.words(line)  # type: ignore[arg-type]
    assert len(caller.wrong) >= 5
    assert any("still hits" in one for one in caller.wrong)
    assert any(one.startswith("500") for one in caller.wrong)
