"""Starts everything that the demo needs, walks, and leaves the console running.

Others may call `run(host=..., exit_after=...)`. Each run has a fresh data folder; the last one is kept
under `.run/demo-<host>` until the next.
"""

import os
import secrets
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from safehold.app.demo.sides import Side
from safehold.app.demo.steps import Steps
from safehold.app.serve import Processes, free_port, wait_until_up, web_command, worker_command

HOSTS = ("microblog", "matrix")


class Stopped(KeyboardInterrupt):
    """SIGTERM or Ctrl-C: everything that was started is stopped, in order."""


def run(*, host: str, exit_after: bool, folder: Path | None = None) -> int:
    """The whole demo. Returns 0 where every step was confirmed."""
    folder = folder or Path.cwd() / ".run" / f"demo-{host}"
    shutil.rmtree(folder, ignore_errors=True)
    data = folder / "data"
    data.mkdir(parents=True, mode=0o700)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    port, simulator_port = free_port(), free_port()
    password = secrets.token_hex(12)
    _settings(data, port, simulator_port, password)
    began = time.monotonic()
    try:
        with Processes() as processes:
            print("Setting up tables and keys …", flush=True)
            _django_setup()
            _start(processes, folder, port, simulator_port, password)
            return _walk(processes, folder, data, host, port, simulator_port, exit_after, began)
    except Stopped:
        print("\nStopped.", flush=True)
        return 130


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _settings(data: Path, port: int, simulator_port: int, password: str) -> None:
    """The demo's own settings, in place of whatever the environment holds."""
    for name in [name for name in os.environ if name.startswith("SAFEHOLD_")]:
        del os.environ[name]
    os.environ.update(
        DJANGO_SETTINGS_MODULE="safehold.app.settings",
        SAFEHOLD_DATA=str(data),
        SAFEHOLD_BASE_URL=f"http://127.0.0.1:{port}",
        SAFEHOLD_CYBERTIP_URL=f"http://127.0.0.1:{simulator_port}/ispws",
        SAFEHOLD_CYBERTIP_USERNAME="practice",
        SAFEHOLD_CYBERTIP_PASSWORD=password,
        SAFEHOLD_PROVIDER_NAME="Placeholder Service",
        SAFEHOLD_PROVIDER_FIRST_NAME="Trust",
        SAFEHOLD_PROVIDER_LAST_NAME="Desk",
        SAFEHOLD_PROVIDER_EMAIL="safety@service.example",
        SAFEHOLD_PROVIDER_PHONE="+12025550100",
        SAFEHOLD_PROVIDER_COMPANY="Placeholder Service. Legal process: legal@service.example. Data kept one year.",
        SAFEHOLD_PROVIDER_LEGAL_URL="https://service.example/legal",
    )


def _django_setup() -> None:
    import django

    django.setup()
    from safehold.app.setup import setup

    setup()


def _start(processes: Processes, folder: Path, port: int, simulator_port: int, password: str) -> None:
    simulator = [
        sys.executable, "-m", "safehold.cybertip.simulator", "--port", str(simulator_port),
        "--data", str(folder / "simulator"), "--username", "practice", "--password", password,
    ]  # fmt: skip
    processes.start("simulator", simulator, {}, log=str(folder / "simulator.log"))
    processes.start("worker", worker_command(), {}, log=str(folder / "worker.log"))
    processes.start("web", web_command("127.0.0.1", port), {}, log=str(folder / "web.log"))
    wait_until_up(f"http://127.0.0.1:{simulator_port}/received.json", processes)
    wait_until_up(f"http://127.0.0.1:{port}/healthz", processes)


def _walk(
    processes: Processes,
    folder: Path,
    data: Path,
    host: str,
    port: int,
    simulator_port: int,
    exit_after: bool,
    began: float,
) -> int:
    from safehold.app.demo import bad_input, lenient, tamper, walk
    from safehold.app.demo.desk import Reviewer
    from safehold.app.demo.person import Person

    url = f"http://127.0.0.1:{port}"
    side, key, secret = _host(processes, folder, data, host, url)
    staff = {name: _member(name) for name in ("first-reviewer", "second-reviewer")}
    reviewers = {}
    for name, password in staff.items():
        person = Person(url)
        person.sign_in(name, password)
        reviewers[name] = Reviewer(person, name)
    world = walk.World(
        url=url, simulator=f"http://127.0.0.1:{simulator_port}", side=side, first=reviewers["first-reviewer"],
        second=reviewers["second-reviewer"], steps=Steps("A"), first_password=staff["first-reviewer"],
    )  # fmt: skip
    failed: list[str] = []
    parts: list[tuple[str, str, Callable[[], None]]] = [
        ("The main walk", "A", lambda: walk.walk(world)),
        ("The lenient path", "B", lambda: lenient.walk(world)),
        ("Bad input", "C", lambda: bad_input.walk(world, key=key, secret=secret)),
        ("The record under attack", "D", lambda: tamper.walk(world.steps, data)),
    ]
    for title, prefix, part in parts:
        world.steps = Steps(prefix)
        print(f"\n{title} ({host})", flush=True)
        try:
            part()
        except Stopped:
            raise
        except Exception as problem:  # noqa: BLE001 - the next part still runs; the exit code tells
            failed.append(f"{title}: {problem}")
    for line in failed:
        print(f"NOT CONFIRMED  {line}", file=sys.stderr)
    outcome = "Not every step was confirmed" if failed else "Every step was confirmed"
    print(f"\n{outcome} in {time.monotonic() - began:.0f} s.")
    try:
        if not exit_after:
            _leave_running(processes, url, simulator_port, staff)
    finally:
        side.stop()
    return 1 if failed else 0


def _host(processes: Processes, folder: Path, data: Path, host: str, url: str) -> tuple[Side, str, str]:
    """Start the host, make it known to Safehold, and give it its key."""
    from safehold.hosts import keys
    from safehold.hosts import service as hosts
    from safehold.hosts.models import Scope

    if host == "microblog":
        from safehold.app.demo.microblog import Microblog

        port = free_port()
        row, secret = hosts.connect(
            "microblog", name="Microblog", adapter="webhook", base_url=f"http://127.0.0.1:{port}", actor="operator:demo"
        )
        _row, key = keys.issue_key(row, Scope.values, actor="operator:demo")
        print("Starting the microblog …", flush=True)
        side: Side = Microblog.start(
            processes, folder / "microblog", safehold=url, key=key, secret=secret, port=port, mail=data / "mail"
        )
        return side, key, secret
    from safehold.app.demo.matrix import Matrix

    print("Starting Synapse (the first time it is installed into an environment of its own) …", flush=True)
    homeserver = Matrix.start(folder / "synapse", safehold=url, mail=data / "mail")
    row, secret = hosts.connect(
        "matrix", name="Matrix homeserver", adapter="matrix", base_url=homeserver.url,
        secret=homeserver.server.admin_token, origins=homeserver.origins, actor="operator:demo",
    )  # fmt: skip
    _row, key = keys.issue_key(row, Scope.values, actor="operator:demo")
    homeserver.connect(key)
    return homeserver, key, secret


def _member(name: str) -> str:
    from safehold.staff import service as staff

    _member_row, password = staff.create_member(name, ["reviewer", "senior"], actor="operator:demo")
    return password


def _leave_running(processes: Processes, url: str, simulator_port: int, staff: dict[str, str]) -> None:
    print(f"\nThe console is running: {url}/console/")
    for name, password in staff.items():
        print(f"  {name}  {password}")
    print(f"The public form: {url}/report   What the practice server received: http://127.0.0.1:{simulator_port}/")
    print(f"  its reports ask for practice  {os.environ['SAFEHOLD_CYBERTIP_PASSWORD']}")
    print("Ctrl-C stops all of it.", flush=True)
    waiting = threading.Event()
    while not waiting.wait(0.5):
        if ended := processes.ended():
            print(f"The {ended} process ended by itself.", file=sys.stderr)
            return
