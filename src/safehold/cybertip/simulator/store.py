"""What the simulator has received, in SQLite, so that a restart forgets nothing.

Of a file only its size and MD5 are kept. The clock can be moved forward to see reports expire.
"""

import hashlib
import secrets
import sqlite3
import time
from pathlib import Path
from typing import Any

LIFE = 24 * 3600  # seconds after opening
QUIET = 3600  # seconds after the last upload or fileinfo; the later end counts

_TABLES = """
CREATE TABLE IF NOT EXISTS report (
  id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL DEFAULT 'open', opened REAL NOT NULL, changed REAL,
  ended REAL, batched INTEGER NOT NULL, sha256 TEXT NOT NULL, document BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS file (
  id TEXT PRIMARY KEY, report INTEGER NOT NULL REFERENCES report, uploaded REAL NOT NULL, size INTEGER NOT NULL,
  md5 TEXT NOT NULL, described REAL, details BLOB);
CREATE TABLE IF NOT EXISTS call (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, endpoint TEXT NOT NULL, report INTEGER, http INTEGER,
  code INTEGER, request_id TEXT NOT NULL, fault TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), ahead REAL NOT NULL);
INSERT OR IGNORE INTO clock VALUES (1, 0);
INSERT OR IGNORE INTO sqlite_sequence (name, seq) VALUES ('report', 1000000);
"""


class Store:
    """One simulator's rows. Used from one thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "cybertip-simulator.sqlite3", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _TABLES)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def now(self) -> float:
        """The simulator's time: ours, and what it was moved ahead."""
        return time.time() + float(self._db.execute("SELECT ahead FROM clock").fetchone()[0])

    def move_clock(self, seconds: float) -> None:
        """Move the simulator's time forward."""
        self._db.execute("UPDATE clock SET ahead = ahead + ?", (seconds,))

    def open(self, document: bytes, *, batched: bool) -> int:
        """A new report; its number."""
        row = self._db.execute(
            "INSERT INTO report (opened, batched, sha256, document) VALUES (?, ?, ?, ?)",
            (self.now(), batched, hashlib.sha256(document).hexdigest(), document),
        )
        return int(row.lastrowid or 0)

    def report(self, number: int) -> sqlite3.Row | None:
        """A report that exists: never opened, or deleted unfinished, gives None."""
        row: sqlite3.Row | None = self._db.execute("SELECT * FROM report WHERE id = ?", (number,)).fetchone()
        if row is not None and row["state"] == "open" and self.now() > expiry(row):
            self._db.execute("UPDATE report SET state = 'expired', ended = ? WHERE id = ?", (expiry(row), number))
            return None
        return None if row is not None and row["state"] == "expired" else row

    def add_file(self, report: int, size: int, md5: str) -> str:
        """A received file; its id."""
        name = secrets.token_hex(16)
        self._db.execute(
            "INSERT INTO file (id, report, uploaded, size, md5) VALUES (?, ?, ?, ?, ?)",
            (name, report, self.now(), size, md5),
        )
        self._touch(report)
        return name

    def file(self, report: int, name: str) -> sqlite3.Row | None:
        """A file of a report."""
        row: sqlite3.Row | None = self._db.execute(
            "SELECT * FROM file WHERE report = ? AND id = ?", (report, name)
        ).fetchone()
        return row

    def files(self, report: int) -> list[sqlite3.Row]:
        """A report's files in the order of arrival."""
        return self._db.execute("SELECT * FROM file WHERE report = ? ORDER BY uploaded, rowid", (report,)).fetchall()

    def describe(self, report: int, name: str, details: bytes) -> None:
        """Keep a file's details."""
        self._db.execute("UPDATE file SET described = ?, details = ? WHERE id = ?", (self.now(), details, name))
        self._touch(report)

    def end(self, report: int, state: str) -> None:
        """Finish or retract."""
        self._db.execute("UPDATE report SET state = ?, ended = ? WHERE id = ?", (state, self.now(), report))

    def note(
        self, endpoint: str, report: int | None, http: int | None, code: int | None, request_id: str, fault: str
    ) -> None:
        """Write down a call."""
        self._db.execute(
            "INSERT INTO call (at, endpoint, report, http, code, request_id, fault) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self.now(), endpoint, report, http, code, request_id, fault),
        )

    def received(self) -> dict[str, Any]:
        """Everything as ids, times, states and digests. Looks up every open report's expiry."""
        for row in self._db.execute("SELECT id FROM report WHERE state = 'open'").fetchall():
            self.report(row["id"])
        reports = [
            {
                **{key: row[key] for key in ("id", "state", "opened", "changed", "ended", "sha256")},
                "batched": bool(row["batched"]),
                "expires": expiry(row),
                "files": [
                    {key: file[key] for key in ("id", "uploaded", "size", "md5", "described")}
                    for file in self.files(row["id"])
                ],
            }
            for row in self._db.execute("SELECT * FROM report ORDER BY id").fetchall()
        ]
        calls = [dict(row) for row in self._db.execute("SELECT * FROM call ORDER BY id DESC LIMIT 200").fetchall()]
        return {"now": self.now(), "reports": reports, "calls": calls[::-1]}

    def _touch(self, report: int) -> None:
        self._db.execute("UPDATE report SET changed = ? WHERE id = ?", (self.now(), report))


def expiry(row: sqlite3.Row) -> float:
    """When an unfinished report is deleted: the later of its two ends."""
    return max(float(row["opened"]) + LIFE, float(row["changed"] or 0) + QUIET)
