"""Starting the hash-sharing simulator as a process of its own, giving it entries, and asking it what it received."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

USERNAME, PASSWORD = "desk", "practice"
SRC = Path(__file__).parents[3] / "src"


class Simulator:
    """A running simulator and its loopback addresses."""

    def __init__(self, *more: str) -> None:
        command = [sys.executable, "-m", "safehold.screening.simulator", "--username", USERNAME]
        environ = {"PYTHONPATH": str(SRC), "PATH": os.environ["PATH"]}  # no SAFEHOLD settings: it needs none
        self.process = subprocess.Popen(
            [*command, "--password", PASSWORD, *more], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), (line, self.stop())
        self.url = line.removeprefix("listening on ").strip()
        self.root = self.url.removesuffix("/hashsharing")

    def stop(self) -> str:
        """End the process; what it wrote to stderr."""
        self.process.terminate()
        return self.process.communicate(timeout=20)[1]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Any of the addresses beside the protocol."""
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.root + path, data=raw, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def fault(self, *faults: dict[str, Any]) -> None:
        """Ask for faults, in this order."""
        self.ask("POST", "/faults", list(faults))

    def make(self, count: int, first: int = 0, *, ago: float = 60) -> None:
        """So many entries, last changed `ago` seconds ago."""
        self.ask("POST", "/entries", {"make": count, "first": first, "at": time.time() - ago})

    def add(self, *entries: dict[str, Any], ago: float = 60) -> None:
        """Entries, or changes to them."""
        self.ask("POST", "/entries", {"add": list(entries), "at": time.time() - ago})

    def remove(self, *names: tuple[str, str], ago: float = 60) -> None:
        """Take entries away, by member and id."""
        gone = [{"member": member, "id": name} for member, name in names]
        assert self.ask("POST", "/entries", {"remove": gone, "at": time.time() - ago})["removed"] == len(gone)

    def received(self) -> dict[str, Any]:
        """What it holds and what it received."""
        found: dict[str, Any] = self.ask("GET", "/received.json")
        return found

    def asked(self, since: int = 0) -> list[str]:
        """Paths of the calls of the protocol, from number `since` on."""
        return [
            f"{one['method']} {one['path'].removeprefix('/hashsharing')}" for one in self.received()["calls"][since:]
        ]
