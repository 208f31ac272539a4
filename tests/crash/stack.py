"""Real processes for the crash tests: simulator, microblog, driver, and a worker that is restarted when it dies."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from safehold.app.serve import Processes, free_port, wait_until_up, web_command
from tests.support import microblog

ROOT = Path(__file__).parents[2]


class Worker(threading.Thread):
    """Keeps a worker running, as an operator's supervisor does; counts how often it was killed."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        super().__init__(daemon=True)
        self.env, self.log, self.stopping, self.kills = env, log, threading.Event(), 0
        self.child: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        while not self.stopping.is_set():
            with self.log.open("a") as output:
                self.child = subprocess.Popen(
                    [sys.executable, "-m", "safehold.app.worker"], env=self.env, cwd=ROOT, stdout=output, stderr=output
                )
            code = self.child.wait()
            if code == -9:
                self.kills += 1
            elif not self.stopping.is_set():
                raise AssertionError(f"The worker ended with {code}; see {self.log}")

    def stop(self) -> None:
        self.stopping.set()
        if self.child and self.child.poll() is None:
            self.child.terminate()
        self.join(30)


class Stack:
    """Everything but the worker. Start workers with `worker(crash_at=...)`."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.processes = folder, Processes()
        self.simulator_port, self.web_port = free_port(), free_port()
        data = folder / "data"
        data.mkdir(parents=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SAFEHOLD_")}
        self.env = {
            **environment,
            "DJANGO_SETTINGS_MODULE": "safehold.app.settings",
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
            "SAFEHOLD_DATA": str(data),
            "SAFEHOLD_DATABASE_URL": database_url or f"sqlite:///{data}/safehold.sqlite3",
            "SAFEHOLD_BASE_URL": self.url,
            "SAFEHOLD_CYBERTIP_URL": f"http://127.0.0.1:{self.simulator_port}/ispws",
            "SAFEHOLD_CYBERTIP_USERNAME": "practice",
            "SAFEHOLD_CYBERTIP_PASSWORD": "practice",
        }

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "safehold.cybertip.simulator", "--port", str(self.simulator_port)]
        command += ["--data", str(self.folder / "simulator"), "--username", "practice", "--password", "practice"]
        self.processes.start("simulator", command, self.env, log=str(self.folder / "simulator.log"))
        with (self.folder / "driver.log").open("w") as log:
            self.driver = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.driver"], env=self.env, cwd=ROOT, stderr=log, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        self._answer()
        port = free_port()
        known = self.ask("connect", base_url=f"http://127.0.0.1:{port}")
        self.key = str(known["key"])  # the host's, for the API
        self.processes.start("web", web_command("127.0.0.1", self.web_port), self.env, log=str(self.folder / "web.log"))
        wait_until_up(f"{self.url}/healthz", self.processes)
        self.site = microblog.start_microblog(
            self.folder / "microblog", safehold=self.url, key=known["key"], secret=known["secret"], port=port
        )
        wait_until_up(f"http://127.0.0.1:{self.simulator_port}/received.json", self.processes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.driver.stdin is not None
        self.driver.stdin.close()
        self.driver.wait(15)
        assert self.driver.stdout is not None
        self.driver.stdout.close()
        self.site.stop()
        self.processes.stop()

    @property
    def url(self) -> str:
        """Where the web process answers."""
        return f"http://127.0.0.1:{self.web_port}"

    def ask(self, do: str, **given: Any) -> dict[str, Any]:
        """Have the driver do something; raises AssertionError with what went wrong there."""
        assert self.driver.stdin is not None
        self.driver.stdin.write(json.dumps({"do": do, **given}) + "\n")
        self.driver.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.driver.stdout is not None
        line = self.driver.stdout.readline()
        assert line, (self.folder / "driver.log").read_text()[-3000:]
        answer: dict[str, Any] = json.loads(line)
        assert "error" not in answer, answer
        return answer

    def worker(self, crash_at: str, number: int) -> Worker:
        """A supervised worker that is killed at the first passing of a boundary."""
        env = {**self.env, "SAFEHOLD_CRASH_AT": crash_at, "SAFEHOLD_CRASH_MARK": str(self.folder / f"mark-{number}")}
        worker = Worker(env, self.folder / "worker.log")
        worker.start()
        return worker

    def until_settled(self, decision: str, seconds: float = 90) -> dict[str, Any]:
        """The decision's state once nothing is under way any more."""
        deadline = time.monotonic() + seconds
        while True:
            state = self.ask("state", decision=decision)
            quiet = state["busy_jobs"] == 0 and state["filings"] and state["statements"]
            if quiet or time.monotonic() > deadline:
                return state
            time.sleep(0.2)

    def until_at_rest(self, verb: str, seconds: float = 90, **given: Any) -> dict[str, Any]:
        """What a verb of the driver answers once nothing is under way any more."""
        deadline = time.monotonic() + seconds
        while True:
            state = self.ask(verb, **given)
            if state["busy_jobs"] == 0 or time.monotonic() > deadline:
                return state
            time.sleep(0.2)

    def fault(self, endpoint: str, kind: str) -> None:
        """Ask the simulator for a fault at the next call of an endpoint."""
        order = {"endpoint": endpoint, "kind": kind}
        httpx2.post(f"http://127.0.0.1:{self.simulator_port}/faults", json=order, trust_env=False).raise_for_status()

    def finished_reports(self) -> list[int]:
        """Numbers of the reports that NCMEC's side counts as filed."""
        answer = httpx2.get(f"http://127.0.0.1:{self.simulator_port}/received.json", timeout=15, trust_env=False)
        return [row["id"] for row in answer.json()["reports"] if row["state"] == "finished"]
