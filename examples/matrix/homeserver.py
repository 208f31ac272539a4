"""A real Matrix homeserver (Synapse) on this machine, for the demo and the tests.

Others may call: `ensure_synapse(env_dir)` installs it once into an environment of its own, `installed(env_dir)`,
`default_env_dir()`, `start(data_dir)` runs it on a free loopback port with an administrator account.
As a program it runs until Ctrl-C, or only installs:

    python examples/matrix/homeserver.py --data /tmp/chat
    python examples/matrix/homeserver.py --install

It keeps SQLite and its media in the data folder, talks to no other server, lets anybody register,
and has its rate limits off. It is a homeserver for trying things, never one to put on a network.
"""

import argparse
import atexit
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import venv
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx2

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
STAMP = "safehold-synapse.json"
ADMIN = "safehold"
# Runs Synapse, and ends it when the pipe from whoever started it closes, however that one ended.
RUN = """
import os, runpy, signal, sys, threading

def watch():
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=watch, daemon=True).start()
runpy.run_module("synapse.app.homeserver", run_name="__main__", alter_sys=True)
"""


class HomeserverError(Exception):
    """Synapse cannot be installed or started: says what was tried and what it answered."""


def default_env_dir() -> Path:
    """Where Synapse's environment is kept between runs: $SAFEHOLD_SYNAPSE_ENV, or the user's cache folder."""
    if named := os.environ.get("SAFEHOLD_SYNAPSE_ENV"):
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "safehold" / "synapse"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "safehold" / "synapse"


def ensure_synapse(env_dir: Path, *, quiet: bool = False) -> Path:
    """Install the pinned Synapse into `env_dir` unless it is there, and give that environment's Python.

    Takes a minute the first time. Raises HomeserverError where the installer fails, or where the
    folder holds something else.
    """
    env_dir = env_dir.absolute()
    python = env_dir / "bin" / "python"
    env_dir.mkdir(parents=True, exist_ok=True)
    with _alone(env_dir.with_name(env_dir.name + ".lock")):
        if installed(env_dir):
            return python
        _empty(env_dir)
        _say(quiet, f"Installing Synapse into {env_dir} (once, about a minute) ...")
        began = time.monotonic()
        _install(env_dir, python)
        (env_dir / STAMP).write_text(json.dumps(_wanted()))
        _say(quiet, f"Synapse is installed ({time.monotonic() - began:.0f} s).")
    return python


def installed(env_dir: Path) -> bool:
    """Whether `env_dir` holds the pinned Synapse, made for the Python that runs this."""
    return _stamp(env_dir) == _wanted() and (env_dir / "bin" / "python").exists()


def _wanted() -> dict[str, str]:
    return {"requirements": hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest(), "python": sys.version}


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is installing."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _stamp(env_dir: Path) -> object:
    try:
        return json.loads((env_dir / STAMP).read_text())
    except (OSError, ValueError):
        return None


def _empty(env_dir: Path) -> None:
    """Make room for a fresh environment; never clear a folder that is not one."""
    if not any(env_dir.iterdir()):
        return
    if not (env_dir / "pyvenv.cfg").exists():
        raise HomeserverError(f"{env_dir} holds something else than a Python environment; name an empty folder.")
    shutil.rmtree(env_dir)
    env_dir.mkdir()


def _install(env_dir: Path, python: Path) -> None:
    wheels = ["--quiet", "--only-binary", ":all:", "-r", str(REQUIREMENTS)]
    if uv := shutil.which("uv"):
        _run([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(env_dir)])
        _run(
            [
                uv,
                "pip",
                "install",
                "--quiet",
                "--only-binary",
                ":all:",
                "--python",
                str(python),
                "-r",
                str(REQUIREMENTS),
            ]
        )
        return
    venv.create(env_dir, with_pip=True, symlinks=True)
    _run([str(python), "-m", "pip", "install", "--disable-pip-version-check", *wheels])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-1500:]
        raise HomeserverError(f"{' '.join(command[:4])} ... ended with {done.returncode}:\n{said}")


def _say(quiet: bool, text: str) -> None:
    if not quiet:
        print(text, file=sys.stderr, flush=True)


@dataclass
class Homeserver:
    """A running homeserver. `stop()` ends it; so does the end of the program that started it."""

    base_url: str
    server_name: str
    admin_id: str
    admin_token: str = field(repr=False)
    data_dir: Path
    process: "subprocess.Popen[bytes]" = field(repr=False)
    started_in: float = 0.0  # seconds from the start of the process to its first answer

    def stop(self) -> None:
        """End the process and wait for it; again does nothing."""
        atexit.unregister(self.stop)
        if self.process.stdin:
            self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(
    data_dir: Path,
    *,
    port: int = 0,
    server_name: str = "chat.test",
    env_dir: Path | None = None,
    server_notices: bool = True,
    ready_within: float = 90,
) -> Homeserver:
    """Run Synapse on 127.0.0.1 (port 0: any free one) and wait until it answers.

    The data folder is made when missing and used again when there: same name, same administrator.
    Raises HomeserverError with the last lines of its log where it does not come up.
    """
    python = ensure_synapse(env_dir or default_env_dir())
    data_dir = data_dir.absolute()
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = port or _free_port()
    kept = _kept_secrets(data_dir)
    config = _write_config(data_dir, port, server_name, kept, server_notices=server_notices)
    with (data_dir / "output.txt").open("ab") as output:
        process = subprocess.Popen(
            [str(python), "-c", RUN, "-c", str(config)], cwd=data_dir,
            stdin=subprocess.PIPE, stdout=output, stderr=output,
            start_new_session=True,  # Ctrl-C is for whoever started it, who then ends it in order
        )  # fmt: skip
    server = Homeserver(f"http://127.0.0.1:{port}", server_name, f"@{ADMIN}:{server_name}", "", data_dir, process)
    atexit.register(server.stop)
    began = time.monotonic()
    try:
        _wait_until_ready(server, ready_within)
        server.started_in = time.monotonic() - began
        server.admin_token = _administrator(server.base_url, kept)
    except BaseException:
        server.stop()
        raise
    return server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _kept_secrets(data_dir: Path) -> dict[str, str]:
    """The homeserver's secrets, made once and readable by the owner alone."""
    path = data_dir / "secrets.json"
    if not path.exists():
        made = {name: secrets.token_urlsafe(32) for name in ("registration", "macaroon", "form", "admin_password")}
        _write_private(path, json.dumps(made))
        key = b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        _write_private(data_dir / "signing.key", f"ed25519 a_demo {key}\n")
    return dict(json.loads(path.read_text()))


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _write_config(data: Path, port: int, server_name: str, kept: dict[str, str], *, server_notices: bool) -> Path:
    """Synapse's settings. JSON is valid YAML, so nothing is needed to write it."""
    plenty = {"per_second": 10_000, "burst_count": 10_000}
    config: dict[str, object] = {
        "server_name": server_name,
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "pid_file": str(data / "homeserver.pid"),
        # Clients only: no federation resource, no server that it would trust or talk to.
        "listeners": [{"port": port, "type": "http", "bind_addresses": ["127.0.0.1"],
                       "resources": [{"names": ["client"], "compress": False}]}],
        "federation_domain_whitelist": [],
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "report_stats": False,
        "database": {"name": "sqlite3", "args": {"database": str(data / "homeserver.db")}},
        "media_store_path": str(data / "media"),
        "signing_key_path": str(data / "signing.key"),
        "log_config": str(data / "log.yaml"),
        "registration_shared_secret": kept["registration"],
        "macaroon_secret_key": kept["macaroon"],
        "form_secret": kept["form"],
        "enable_registration": True,
        "enable_registration_without_verification": True,
        "bcrypt_rounds": 4,
        "url_preview_enabled": False,
        "enable_metrics": False,
        **{f"rc_{name}": plenty for name in ("message", "registration", "joins_per_room", "room_creation", "reports")},
        "rc_login": {"address": plenty, "account": plenty, "failed_attempts": plenty},
        "rc_joins": {"local": plenty, "remote": plenty},
        "rc_invites": {"per_room": plenty, "per_user": plenty, "per_issuer": plenty},
    }  # fmt: skip
    if server_notices:
        config["server_notices"] = {
            "system_mxid_localpart": "notices", "room_name": "Notices", "auto_join": True,
        }  # fmt: skip
    log = {
        "version": 1,
        "handlers": {"file": {"class": "logging.FileHandler", "filename": str(data / "homeserver.log")}},
        "root": {"level": "WARNING", "handlers": ["file"]},
    }
    (data / "log.yaml").write_text(json.dumps(log))
    path = data / "homeserver.yaml"
    _write_private(path, json.dumps(config, indent=1))
    return path


def _wait_until_ready(server: Homeserver, within: float) -> None:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if server.process.poll() is not None:
            raise HomeserverError(f"Synapse ended with {server.process.returncode}: {_last_words(server.data_dir)}")
        try:
            if httpx2.get(f"{server.base_url}/_matrix/client/versions", timeout=2).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise HomeserverError(f"Synapse did not answer within {within:.0f} s: {_last_words(server.data_dir)}")


def _last_words(data_dir: Path) -> str:
    return "\n".join((data_dir / name).read_text(errors="replace")[-1500:]
                     for name in ("output.txt", "homeserver.log") if (data_dir / name).exists())  # fmt: skip


def _administrator(base_url: str, kept: dict[str, str]) -> str:
    """Register Safehold's administrator account with the shared secret, or log it in. Gives its access token."""
    with httpx2.Client(base_url=base_url, timeout=30) as http:
        nonce = http.get("/_synapse/admin/v1/register").json()["nonce"]
        password = kept["admin_password"]
        proof = hmac.new(kept["registration"].encode(), f"{nonce}\0{ADMIN}\0{password}\0admin".encode(), "sha1")
        answer = http.post("/_synapse/admin/v1/register", json={
            "nonce": nonce, "username": ADMIN, "password": password, "admin": True, "mac": proof.hexdigest(),
        })  # fmt: skip
        if answer.status_code == 400 and answer.json().get("errcode") == "M_USER_IN_USE":
            answer = http.post("/_matrix/client/v3/login", json={
                "type": "m.login.password", "identifier": {"type": "m.id.user", "user": ADMIN}, "password": password,
            })  # fmt: skip
        if answer.status_code != 200:
            raise HomeserverError(f"No administrator could be made: {answer.status_code} {answer.text[:300]}")
        return str(answer.json()["access_token"])


def main() -> int:
    """Run a homeserver until Ctrl-C or SIGTERM; one line of JSON says when it is ready."""
    parser = argparse.ArgumentParser(description="Run a Matrix homeserver (Synapse) on loopback, for trying things.")
    todo = parser.add_mutually_exclusive_group(required=True)
    todo.add_argument("--data", type=Path, help="run it, with its database and media in this folder")
    todo.add_argument("--install", action="store_true", help="only install it")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--server-name", default="chat.test")
    parser.add_argument("--env", type=Path, default=None, help="folder of Synapse's environment")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if given.install:
            print(ensure_synapse(given.env or default_env_dir()))
            return 0
        with start(given.data, port=given.port, server_name=given.server_name, env_dir=given.env) as server:
            ready = {"base_url": server.base_url, "server_name": server.server_name, "admin_id": server.admin_id,
                     "admin_token": server.admin_token, "started_in": round(server.started_in, 1)}  # fmt: skip
            print(json.dumps(ready), flush=True)
            code = server.process.wait()
            _say(False, f"Synapse ended by itself with {code}: {_last_words(server.data_dir)}")
            return 1
    except HomeserverError as problem:
        _say(False, str(problem))
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
