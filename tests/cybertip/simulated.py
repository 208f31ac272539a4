"""Starting the simulator as a process of its own, and asking it what it received."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

USERNAME, PASSWORD = "desk", "practice"
SRC = Path(__file__).parents[2] / "src"


class Simulator:
    """A running simulator and its loopback pages."""

    def __init__(self, folder: Path, port: int = 0, more: Sequence[str] = ()) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "safehold.cybertip.simulator", "--port", str(port), "--data", str(folder)]
        environ = {"PYTHONPATH": str(SRC), "PATH": os.environ["PATH"]}  # no SAFEHOLD settings: it needs none
        self.process = subprocess.Popen(
            [*command, "--username", USERNAME, "--password", PASSWORD, *more],
            env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), (line, self.stop())
        self.url = line.removeprefix("listening on ").strip()
        self.root = self.url.removesuffix("/ispws")

    def stop(self) -> str:
        """End the process; what it wrote to stderr."""
        self.process.terminate()
        return self.process.communicate(timeout=20)[1]

    def fault(self, *faults: dict[str, Any]) -> None:
        """Ask for faults, in this order."""
        self._faults("POST", json.dumps(faults).encode())

    def forget_faults(self) -> None:
        self._faults("DELETE", b"")

    def _faults(self, method: str, body: bytes) -> None:
        request = urllib.request.Request(f"{self.root}/faults", data=body, method=method)
        urllib.request.urlopen(request, timeout=10).close()

    def received(self) -> dict[str, Any]:
        """What it received so far."""
        with urllib.request.urlopen(f"{self.root}/received.json", timeout=10) as answer:
            return json.load(answer)

    def reports(self, sha256: str) -> list[dict[str, Any]]:
        """Every report opened with that document."""
        return [report for report in self.received()["reports"] if report["sha256"] == sha256]

    def states(self, sha256: str) -> list[str]:
        """The states of these reports, in the order of opening."""
        return [report["state"] for report in self.reports(sha256)]
