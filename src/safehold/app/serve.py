"""`safehold serve`: web and worker started together, and stopped together, cleanly.

Others may call `Processes`, which the demo uses too.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Processes:
    """Child processes that live and die together. Use as a context manager."""

    def __init__(self) -> None:
        self.children: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(
        self, name: str, command: list[str], env: Mapping[str, str], log: str | None = None
    ) -> "subprocess.Popen[str]":
        """Start a child in a group of its own, so that Ctrl-C reaches us first and we stop it in order."""
        output = open(log, "a", encoding="utf-8") if log else None  # noqa: SIM115, PTH123 - the child owns it
        child = subprocess.Popen(
            command, env={**os.environ, **env}, stdout=output, stderr=output and subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        if output:
            output.close()
        self.children[name] = child
        return child

    def ended(self) -> str | None:
        """The name of a child that ended by itself."""
        return next((name for name, child in self.children.items() if child.poll() is not None), None)

    def stop(self, patience: float = 15) -> None:
        """SIGTERM to all, the last started first; SIGKILL to whoever does not end in time."""
        for child in reversed(self.children.values()):
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + patience
        for child in reversed(self.children.values()):
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def web_command(
    host: str, port: int, processes: int = 1, trusted_proxies: str = "", app: str = "safehold.app.asgi:app"
) -> list[str]:
    """How the web process is started. Only the proxies named are believed about who asks and by which scheme."""
    proxy = ["--proxy-headers", "--forwarded-allow-ips", trusted_proxies] if trusted_proxies else ["--no-proxy-headers"]
    return [
        sys.executable, "-m", "uvicorn", app, "--host", host, "--port", str(port),
        "--workers", str(processes), "--lifespan", "auto", "--no-access-log", "--no-server-header",
        "--timeout-graceful-shutdown", "10", "--log-level", "warning", *proxy,
    ]  # fmt: skip


def worker_command() -> list[str]:
    """How the worker process is started."""
    return [sys.executable, "-m", "safehold.app.worker"]


def wait_until_up(url: str, processes: Processes, seconds: float = 60) -> None:
    """Return when `url` answers. Raises RuntimeError naming the process that ended instead."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if name := processes.ended():
            raise RuntimeError(f"The process {name!r} ended before {url} answered.")
        try:
            with urlopen(url, timeout=2):  # noqa: S310 - an address of our own
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer within {seconds:.0f} seconds.")


def serve_screening(host: str, port: int, processes: int) -> int:
    """Run processes that only screen, until a signal. Killed ones are replaced. Returns the exit code."""
    from django.conf import settings

    from safehold.screening import metrics

    config = settings.SAFEHOLD
    if processes > 1:
        metrics.share(config.data / "metrics" / str(port))
    command = web_command(host, port, processes, config.trusted_proxies, app="safehold.app.asgi:screening")
    os.environ["DJANGO_SETTINGS_MODULE"] = "safehold.app.settings"
    print(f"Screening listens on http://{host}:{port}/screen/v1/ (Ctrl-C stops it).", flush=True)
    os.execv(command[0], command)  # noqa: S606 - this process becomes uvicorn's supervisor


def serve(host: str, port: int) -> int:
    """Run web and worker until a signal, or until one of them ends by itself (then exit code 1)."""
    from django.conf import settings

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    env = {"DJANGO_SETTINGS_MODULE": "safehold.app.settings"}
    with Processes() as processes:
        processes.start("worker", worker_command(), env)
        processes.start("web", web_command(host, port, trusted_proxies=settings.SAFEHOLD.trusted_proxies), env)
        wait_until_up(f"http://{host}:{port}/healthz", processes)
        print(f"Safehold is running on http://{host}:{port}/ (Ctrl-C stops it).", flush=True)
        while not stopping.wait(0.5):
            if name := processes.ended():
                print(f"The {name} process ended by itself; stopping. See the messages above.", file=sys.stderr)
                return 1
    return 0
