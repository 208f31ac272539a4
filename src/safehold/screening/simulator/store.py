"""What the simulator holds: entries with the time of their last change, feedback, and the calls. In SQLite.

Others in this package use `Store`. Pages are in an order that has nothing to do with time, as the service's are; an
entry that changes keeps its place in that order, and leaves a window that ended before.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

KINDS = ("image", "video")
CALLS = 500  # of the log, so many are shown
_TABLES = """
CREATE TABLE IF NOT EXISTS entry (
  member TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0,
  classification TEXT, fingerprints TEXT NOT NULL, place TEXT NOT NULL, raw TEXT, PRIMARY KEY (member, id));
CREATE INDEX IF NOT EXISTS entry_at ON entry (at);
CREATE INDEX IF NOT EXISTS entry_place ON entry (place);
CREATE TABLE IF NOT EXISTS feedback (
  member TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, affirmative INTEGER NOT NULL, reasons TEXT NOT NULL,
  at REAL NOT NULL, document BLOB NOT NULL, puts INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (member, id, type));
CREATE TABLE IF NOT EXISTS call (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, http INTEGER,
  fault TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), ahead REAL NOT NULL);
INSERT OR IGNORE INTO clock VALUES (1, 0);
"""


class Store:
    """One simulator's rows. Used from one thread. `clock` gives the seconds since 1970."""

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.time) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._clock = clock
        path = ":memory:" if folder is None else folder / "hashsharing-simulator.sqlite3"
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; BEGIN; {_TABLES} COMMIT;")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def now(self) -> float:
        """The simulator's time: ours, and what it was moved ahead."""
        return self._clock() + float(self._db.execute("SELECT ahead FROM clock").fetchone()[0])

    def move_clock(self, seconds: float) -> None:
        """Move the simulator's time forward."""
        self._db.execute("UPDATE clock SET ahead = ahead + ?", (seconds,))

    def put(self, entries: list[dict[str, Any]]) -> None:
        """Add or change entries: `member`, `id`, `kind`, `classification`, `fingerprints`, `gone`, `at`, `raw`."""
        rows = [
            {
                **one,
                "at": int(self.now() if one.get("at") is None else one["at"]),
                "gone": bool(one.get("gone", False)),
                "classification": one.get("classification"),
                "fingerprints": json.dumps(one.get("fingerprints", {})),
                "raw": one.get("raw"),
                "place": hashlib.sha256(f"{one['member']}:{one['id']}".encode()).hexdigest(),
            }
            for one in entries
        ]
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT OR REPLACE INTO entry (member, id, kind, at, gone, classification, fingerprints, place, raw)"
            " VALUES (:member, :id, :kind, :at, :gone, :classification, :fingerprints, :place, :raw)",
            rows,
        )
        self._db.execute("COMMIT")

    def remove(self, member: str, name: str, at: float | None = None) -> bool:
        """Take an entry away: its notice of deletion stands in its place. Whether there was one."""
        row = self._db.execute(
            "UPDATE entry SET gone = 1, at = ? WHERE member = ? AND id = ?",
            (int(self.now() if at is None else at), member, name),
        )
        return row.rowcount > 0

    def forget(self) -> None:
        """Begin again with nothing."""
        for table in ("entry", "feedback", "call"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - constants

    def touch(self, member: str, name: str) -> None:
        """Give an entry the present time, as a change to it would."""
        self._db.execute("UPDATE entry SET at = ? WHERE member = ? AND id = ?", (int(self.now()), member, name))

    def count(self, since: float, until: float) -> int:
        """How many entries changed last between two times, both included."""
        row = self._db.execute("SELECT count(*) FROM entry WHERE at BETWEEN ? AND ?", (since, until)).fetchone()
        return int(row[0])

    def page(self, since: float, until: float, start: int, size: int) -> list[sqlite3.Row]:
        """The records of a window from number `start` (1 = the first), at most `size`."""
        return self._db.execute(
            "SELECT * FROM entry WHERE at BETWEEN ? AND ? ORDER BY place LIMIT ? OFFSET ?",
            (since, until, size, start - 1),
        ).fetchall()

    def entry(self, member: str, name: str) -> sqlite3.Row | None:
        """One entry that is not gone."""
        row: sqlite3.Row | None = self._db.execute(
            "SELECT * FROM entry WHERE member = ? AND id = ? AND NOT gone", (member, name)
        ).fetchone()
        return row

    def keep_feedback(
        self, member: str, name: str, kind: str, *, affirmative: bool, reasons: list[str], document: bytes
    ) -> None:
        """One stance for each entry and fingerprint: the newer one takes the older one's place."""
        self._db.execute(
            "INSERT INTO feedback (member, id, type, affirmative, reasons, at, document) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET affirmative = excluded.affirmative, reasons = excluded.reasons,"
            " at = excluded.at, document = excluded.document, puts = puts + 1",
            (member, name, kind, affirmative, json.dumps(reasons), self.now(), document),
        )

    def feedback(self, member: str = "", name: str = "") -> list[dict[str, Any]]:
        """The feedback received, of one entry or all; the newest last."""
        rows = self._db.execute(
            "SELECT * FROM feedback WHERE ? = '' OR (member = ? AND id = ?) ORDER BY at, member, id, type",
            (member, member, name),
        )
        return [
            {
                **{key: row[key] for key in ("member", "id", "type", "at", "puts")},
                "affirmative": bool(row["affirmative"]),
                "reasons": json.loads(row["reasons"]),
                "document": bytes(row["document"]).decode(),
            }
            for row in rows
        ]

    def note(self, method: str, path: str, http: int | None, fault: str) -> None:
        """Write down a call."""
        self._db.execute(
            "INSERT INTO call (at, method, path, http, fault) VALUES (?, ?, ?, ?, ?)",
            (self.now(), method, path[:500], http, fault),
        )

    def calls(self) -> list[dict[str, Any]]:
        """The latest calls, the oldest first."""
        rows = self._db.execute("SELECT at, method, path, http, fault FROM call ORDER BY id DESC LIMIT ?", (CALLS,))
        return [dict(row) for row in reversed(rows.fetchall())]

    def standing(self) -> dict[str, Any]:
        """Entries by member and kind, live and gone; feedback; calls. No fingerprint."""
        rows = self._db.execute("SELECT member, kind, gone, count(*) AS n FROM entry GROUP BY member, kind, gone")
        entries = [{**dict(row), "gone": bool(row["gone"])} for row in rows]
        return {"now": self.now(), "entries": entries, "feedback": self.feedback(), "calls": self.calls()}
