"""Everything that Microblog tells and asks Safehold. One half of the integration.

Two kinds of calls: those a member waits for (`Safehold`: sign-up check, screening, reports), and
those that must arrive even if Safehold is down right now (`queue_event`, `queue_match`): they are stored
with what they tell of, and a `Sender` repeats them until Safehold has taken them.
"""

import json
import logging
import secrets
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from standardwebhooks import Webhook

from microblog import store

log = logging.getLogger("microblog")

LONGEST_PAUSE = 30.0  # seconds between attempts while Safehold cannot be reached; the first is half a second
ALREADY_TAKEN = 409
HOPELESS = (400, 413, 415, 422)  # Safehold understood, and the message itself is wrong: a person must look


class Unreachable(Exception):
    """Safehold gave no answer that can be used."""


class Declined(Exception):
    """Safehold understood and said no; `str()` says why."""


class Safehold:
    """Calls to one Safehold, with the key and the secret that its administrator gave us."""

    def __init__(self, url: str, key: str, secret: str, jurisdiction: str = "") -> None:
        self.jurisdiction = jurisdiction
        self.webhook = Webhook(secret)
        self.http = httpx2.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=5, trust_env=False)

    def refuses_signup(self, email: str, phone: str) -> bool:
        """Whether a banned person is signing up. We send no network address: it never decides."""
        wanted = {"emails": [email] if email else [], "phones": [phone] if phone else [], "ip": ""}
        refused = self._call("POST", "/api/v1/signup-checks", wanted).get("refused")
        if not isinstance(refused, bool):
            raise Unreachable("the sign-up check's answer has no `refused`")
        return refused

    def screen(self, sha256: str) -> tuple[bool, bool]:
        """Whether Safehold's lists know this file, and whether it must be hidden at once."""
        answers = self._call("POST", "/screen/v1/check", self.question(sha256=sha256)).get("items")
        match answers:
            case [{"hits": list(hits), "do": "allow" | "review" | "hide" as wanted}]:
                return bool(hits), wanted == "hide"  # on review it is shown: a person decides
        raise Unreachable("the screening's answer is not about the one file")

    def question(self, **item: str) -> dict[str, Any]:
        """One item as the screening path takes it: where it appears, and under which law."""
        return {"items": [item], "surface": "public_posts", "jurisdiction": self.jurisdiction}

    def report(self, report: dict[str, Any]) -> dict[str, Any]:
        """Hand in a report. The same `once_key` gives the same receipt, so a repetition does no harm."""
        return self._call("POST", "/api/v1/reports", report)

    def report_state(self, receipt: str) -> str:
        """`received`, `in_review` or `finished`."""
        return str(self._call("GET", f"/api/v1/reports/{receipt}").get("state", ""))

    def send(self, webhook_id: str, path: str, body: bytes) -> httpx2.Response:
        """Send what waited in the outbox. Signed anew for each attempt, under the same id."""
        now = datetime.now(tz=UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self.webhook.sign(webhook_id, now, body.decode()),
        }
        return self.http.post(path, content=body, headers=headers)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self.http.request(method, path, json=body)
            answer = response.json()
        except (httpx2.HTTPError, ValueError) as problem:
            raise Unreachable(f"{path}: {type(problem).__name__}") from None
        if not isinstance(answer, dict) or (response.status_code >= 300 and response.status_code not in HOPELESS):
            raise Unreachable(f"{path}: status {response.status_code}")
        if response.status_code in HOPELESS:
            raise Declined(str(answer.get("message") or answer.get("detail") or f"status {response.status_code}"))
        return answer


def queue_event(db: sqlite3.Connection, kind: str, **data: str) -> None:
    """Have an event told, in the same transaction as what happened."""
    body = {"type": kind, "timestamp": store.now(), "data": data}
    _queue(db, "/api/v1/events", body)


def queue_match(db: sqlite3.Connection, safehold: Safehold, *, sha256: str, item_id: str, account_id: str) -> None:
    """Have a screening match recorded, so that Safehold preserves the item and opens a case."""
    _queue(db, "/screen/v1/record", safehold.question(sha256=sha256, item_id=item_id, account_id=account_id))


def _queue(db: sqlite3.Connection, path: str, body: dict[str, Any]) -> None:
    db.execute(
        "INSERT INTO outbox (id, path, body, at) VALUES (?, ?, ?, ?)",
        (f"evt_{secrets.token_hex(12)}", path, json.dumps(body).encode(), store.now()),
    )


class Sender(threading.Thread):
    """Sends what waits in the outbox, oldest first, until Safehold has taken it."""

    def __init__(self, path: Path, safehold: Safehold) -> None:
        super().__init__(name="sender", daemon=True)
        self.path, self.safehold = path, safehold
        self.wake = threading.Event()

    def run(self) -> None:
        failures = 0
        while True:
            try:
                failures = 0 if self.send_all() else failures + 1
            except Exception:
                log.exception("the sender failed and tries again")
                failures += 1
            self.wake.wait(min(LONGEST_PAUSE, 0.25 * 2 ** min(failures, 10)) if failures else None)
            self.wake.clear()

    def send_all(self) -> bool:
        """One pass. False when something still waits."""
        with store.transaction(self.path) as db:
            waiting = db.execute("SELECT * FROM outbox WHERE refused = '' ORDER BY rowid").fetchall()
        for row in waiting:
            try:
                status = self.safehold.send(row["id"], row["path"], row["body"]).status_code
            except httpx2.HTTPError as problem:
                log.warning("%s waits: Safehold cannot be reached (%s)", row["id"], type(problem).__name__)
                return False
            if status >= 400 and status != ALREADY_TAKEN and status not in HOPELESS:
                log.warning("%s waits: Safehold answered %s", row["id"], status)
                return False
            with store.transaction(self.path) as db:
                if status in HOPELESS:  # kept, never dropped: what nobody took must not vanish
                    db.execute("UPDATE outbox SET refused = ? WHERE id = ?", (str(status), row["id"]))
                    log.error("%s was refused with %s and stays in the outbox", row["id"], status)
                else:
                    db.execute("DELETE FROM outbox WHERE id = ?", (row["id"],))
        return True
