"""The processes that the benches measure: Safehold's web and worker, the simulator, the microblog, the peer.

The settings stand in the environment before this is imported (`bench._environment`).
"""

import os
import secrets
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import django

from bench import timed_host
from safehold.app.demo.microblog import Microblog
from safehold.app.demo.sides import examples
from safehold.app.serve import Processes, free_port, wait_until_up, web_command, worker_command

ROOT = Path(__file__).resolve().parents[1]


class Stand:
    """Everything running. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, Processes()
        self.url = os.environ["SAFEHOLD_BASE_URL"]
        self.peer_url = f"http://127.0.0.1:{free_port()}"
        self.calls = folder / "host-calls.jsonl"
        self.members = 0

    def __enter__(self) -> Self:
        django.setup()
        from safehold.app.setup import setup

        setup()
        try:
            self._start()
        except BaseException:
            self.processes.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.processes.stop()

    def _start(self) -> None:
        from safehold.hosts import keys, service
        from safehold.hosts.models import Scope

        simulator = urlsplit(os.environ["SAFEHOLD_CYBERTIP_URL"])
        port, env = free_port(), {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src"), str(examples())])}
        row, secret = service.connect(
            "microblog",
            name="Microblog",
            adapter="webhook",
            base_url=f"http://127.0.0.1:{port}",
            actor="operator:bench",
        )
        _row, self.key = keys.issue_key(row, Scope.values, actor="operator:bench")
        commands = {
            "simulator": [
                sys.executable, "-m", "safehold.cybertip.simulator", "--port", str(simulator.port),
                "--data", str(self.folder / "simulator"), "--username", "practice", "--password", "practice",
            ],
            "worker": worker_command(),
            "web": web_command("127.0.0.1", int(urlsplit(self.url).port or 0)),
            "peer": [
                "bench.peer:app" if part == "safehold.app.asgi:app" else part
                for part in web_command("127.0.0.1", int(urlsplit(self.peer_url).port or 0))
            ],
            "microblog": [
                sys.executable, "-m", "bench.timed_host", "--port", str(port), "--data", str(self.folder / "microblog"),
                "--safehold", self.url,
            ],
        }  # fmt: skip
        (self.folder / "microblog").mkdir()
        host = {"MICROBLOG_KEY": self.key, "MICROBLOG_SECRET": secret, timed_host.FILE: str(self.calls)}
        for name, command in commands.items():
            extra = {**env, **(host if name == "microblog" else {}), "BENCH_PEER_DATA": str(self.folder / "peer")}
            self.processes.start(name, command, extra, log=str(self.folder / f"{name}.log"))
        for url in (
            f"http://127.0.0.1:{port}/",
            f"{self.url}/healthz",
            f"{self.peer_url}/",
            f"http://127.0.0.1:{simulator.port}/received.json",
        ):
            wait_until_up(url, self.processes)
        self.side = Microblog(f"http://127.0.0.1:{port}", mail=self.folder / "data" / "mail")

    def staff(self) -> tuple[str, str]:
        """A reviewer's name and password."""
        from safehold.staff import service

        name = f"reviewer-{secrets.token_hex(3)}"
        return name, service.create_member(name, ["reviewer"], actor="operator:bench")[1]

    def next_handle(self) -> str:
        """A name that no member of the host has yet."""
        self.members += 1
        return f"user-{1000 + self.members}"

    def quiet(self, seconds: float = 120) -> None:
        """Return when the worker has nothing left to do. Raises TimeoutError."""
        from datetime import timedelta

        from django.utils import timezone

        from safehold.work.models import Job

        deadline = time.monotonic() + seconds
        while Job.objects.filter(
            state__in=["waiting", "running"], not_before__lte=timezone.now() + timedelta(seconds=10)
        ).exists():
            if time.monotonic() > deadline:
                raise TimeoutError("The worker did not come to rest; its log is in the bench's folder.")
            time.sleep(0.02)
