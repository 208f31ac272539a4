"""People and hosts who report while the web process is being killed, and what each of them was told.

`Senders` runs them in threads; every report is a `Sent` with its one-time key and its fate.
"""

import secrets
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import unquote

import httpx2
from lxml import html

ACKNOWLEDGED, ANSWERED, CUT_OFF = "acknowledged", "answered with an error", "cut off"


@dataclass
class Sent:
    """One report as its sender knows it."""

    way: str  # "form" or "api"
    fields: dict[str, object]
    fate: str = ""
    status: int = 0
    receipt: str = ""


@dataclass
class Senders:
    """Threads that report one after another until they are stopped."""

    url: str
    key: str  # of the host
    link: str  # of an item that exists
    sent: list[Sent] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def start(self, forms: int = 3, apis: int = 2) -> None:
        """Begin to send."""
        ways = ["form"] * forms + ["api"] * apis
        self.threads = [threading.Thread(target=self._work, args=(way, number)) for number, way in enumerate(ways)]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Let everybody finish what they are sending."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
        alive = [thread for thread in self.threads if thread.is_alive()]
        assert not alive, "a sender hangs"

    def count(self, fate: str) -> int:
        """How many reports met this fate so far."""
        return sum(one.fate == fate for one in list(self.sent))

    def _work(self, way: str, number: int) -> None:
        try:
            serial = 0
            while not self.stopping.is_set():
                serial += 1
                self._one(way, number, serial)
        except Exception as problem:  # noqa: BLE001 - the test reads it; a thread's own exception would be lost
            self.problems.append(f"{way} {number}: {type(problem).__name__}: {problem}")

    def _one(self, way: str, number: int, serial: int) -> None:
        one = self._new(way, number, serial)
        if one is None:
            time.sleep(0.1)  # the process is down: nothing was sent
            return
        self.send(one)
        self.sent.append(one)

    def _new(self, way: str, number: int, serial: int) -> Sent | None:
        """A fresh report. Each fifth names an item, each seventh is refused for its size."""
        reason = f"placeholder message {number}-{serial}"
        links = self.link if serial % 5 == 0 else ""
        if serial % 7 == 0:
            reason = "x" * 20_001
        if way == "api":
            once = f"once-{number}-{serial}-{secrets.token_hex(8)}"
            return Sent(way, {"once_key": once, "reason": reason, "links": [links] if links else []})
        try:
            page = httpx2.get(f"{self.url}/report", timeout=30, trust_env=False)
        except httpx2.TransportError:
            return None
        page.raise_for_status()
        key = html.fromstring(page.content).xpath("string(//input[@name='key']/@value)")
        return Sent(way, {"key": key, "reason": reason, "links": links, "account_name": f"user-{number}"})

    def send(self, one: Sent) -> None:
        """Send (again) with the same one-time key, and note what came back."""
        try:
            answer = self._post(one)
        except httpx2.TransportError:
            one.fate = CUT_OFF
            return
        one.status = answer.status_code
        if answer.status_code == 303:
            one.fate, one.receipt = ACKNOWLEDGED, unquote(answer.headers["location"].rsplit("/", 1)[-1])
        elif answer.status_code in (200, 201):
            one.fate, one.receipt = ACKNOWLEDGED, answer.json()["receipt"]
        else:
            one.fate = ANSWERED

    def _post(self, one: Sent) -> httpx2.Response:
        if one.way == "form":
            return httpx2.post(f"{self.url}/report", data=one.fields, timeout=30, trust_env=False)
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx2.post(f"{self.url}/api/v1/reports", json=one.fields, headers=headers, timeout=30, trust_env=False)
