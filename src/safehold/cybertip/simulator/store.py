"""What the simulator has received, in SQLite, so that a restart forgets nothing.

Of a file only its size and MD5 are kept here. The clock can be moved forward to see reports expire.
"""

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIFE = 24 * 3600  # seconds after opening
QUIET = 3600  # seconds after the last upload or fileinfo; the later end counts
CALLS = 1000  # of the log of calls, so many are shown

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
CREATE INDEX IF NOT EXISTS report_state ON report (state);
CREATE INDEX IF NOT EXISTS file_report ON file (report);
"""
# Columns that came later: a folder of an older simulator is opened as well.
_LATER = (("report", "escalated", "INTEGER NOT NULL DEFAULT 0"), ("call", "said", "TEXT NOT NULL DEFAULT ''"))
_EXPIRES = f"max(opened + {LIFE}, coalesce(changed, 0) + {QUIET})"


class Store:
    """One simulator's rows. Used from one thread. `clock` gives the seconds since 1970."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "cybertip-simulator.sqlite3"
        path.touch(mode=0o600)
        self._clock = clock
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; BEGIN; {_TABLES} COMMIT;")
        for table, column, kind in _LATER:
            if column not in {row["name"] for row in self._db.execute(f"PRAGMA table_info({table})")}:
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def now(self) -> float:
        """The simulator's time: ours, and what it was moved ahead."""
        return self._clock() + float(self._db.execute("SELECT ahead FROM clock").fetchone()[0])

    def move_clock(self, seconds: float) -> None:
        """Move the simulator's time forward."""
        self._db.execute("UPDATE clock SET ahead = ahead + ?", (seconds,))

    def expire(self) -> list[str]:
        """Delete what was left unfinished too long. Returns the ids of the files that go with it."""
        gone = self._db.execute(
            f"SELECT id FROM report WHERE state = 'open' AND {_EXPIRES} < ?",  # noqa: S608 - constants
            (self.now(),),
        ).fetchall()
        for row in gone:
            self._db.execute(
                f"UPDATE report SET state = 'expired', ended = {_EXPIRES} WHERE id = ?",  # noqa: S608 - constants
                (row["id"],),
            )
        return [file["id"] for row in gone for file in self.files(row["id"])]

    def open(self, document: bytes, *, batched: bool, escalated: bool) -> int:
        """A new report; its number."""
        row = self._db.execute(
            "INSERT INTO report (opened, batched, escalated, sha256, document) VALUES (?, ?, ?, ?, ?)",
            (self.now(), batched, escalated, hashlib.sha256(document).hexdigest(), document),
        )
        return int(row.lastrowid or 0)

    def report(self, number: int) -> sqlite3.Row | None:
        """A report in whatever state; None for one that was never opened."""
        row: sqlite3.Row | None = self._db.execute(
            f"SELECT *, {_EXPIRES} AS expires FROM report WHERE id = ?",  # noqa: S608 - constants
            (number,),
        ).fetchone()
        return row

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

    def note(self, call: dict[str, Any]) -> None:
        """Write down a call: `endpoint`, `report`, `http`, `code`, `request_id`, `fault`, `said`."""
        self._db.execute(
            "INSERT INTO call (at, endpoint, report, http, code, request_id, fault, said)"
            " VALUES (:at, :endpoint, :report, :http, :code, :request_id, :fault, :said)",
            {"at": self.now(), **call},
        )

    def calls(self, report: int | None = None) -> list[dict[str, Any]]:
        """The latest calls, or those about one report, the oldest first."""
        rows = self._db.execute(
            "SELECT * FROM call WHERE ? IS NULL OR report = ? ORDER BY id DESC LIMIT ?", (report, report, CALLS)
        ).fetchall()
        return [dict(row) for row in reversed(rows)]

    def received(self) -> dict[str, Any]:
        """Everything as ids, times, states and digests, but no content."""
        files: dict[int, list[dict[str, Any]]] = {}
        shown = "id, uploaded, size, md5, described"
        for row in self._db.execute(f"SELECT report, {shown} FROM file ORDER BY uploaded, rowid"):  # noqa: S608
            files.setdefault(row["report"], []).append({key: row[key] for key in shown.split(", ")})
        reports = [
            {
                **{key: row[key] for key in ("id", "state", "opened", "changed", "ended", "sha256", "expires")},
                "batched": bool(row["batched"]),
                "escalated": bool(row["escalated"]),
                "files": files.get(row["id"], []),
            }
            for row in self._db.execute(f"SELECT *, {_EXPIRES} AS expires FROM report ORDER BY id")  # noqa: S608
        ]
        return {"now": self.now(), "reports": reports, "calls": self.calls()}

    def _touch(self, report: int) -> None:
        self._db.execute("UPDATE report SET changed = ? WHERE id = ?", (self.now(), report))
