"""Microblog's database: one SQLite file, its tables, and the few things that several parts do with it."""

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
  id TEXT PRIMARY KEY, handle TEXT NOT NULL UNIQUE, password TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL,
  language TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'active'
    CHECK (status IN ('active', 'locked', 'suspended', 'gone')),
  registered_at TEXT NOT NULL, registered_from TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
  token_digest TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS posts (
  id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts, reply_to TEXT REFERENCES posts,
  text TEXT NOT NULL, picture BLOB, media_type TEXT NOT NULL, file_name TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'visible' CHECK (state IN ('visible', 'hidden', 'gone')),
  screened TEXT NOT NULL, posted_at TEXT NOT NULL, posted_from TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS likes (
  post_id TEXT NOT NULL REFERENCES posts, account_id TEXT NOT NULL REFERENCES accounts,
  PRIMARY KEY (post_id, account_id));
CREATE TABLE IF NOT EXISTS reports (
  receipt TEXT NOT NULL, post_id TEXT NOT NULL REFERENCES posts, open INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (receipt, post_id));
CREATE TABLE IF NOT EXISTS notices (
  key TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts, subject TEXT NOT NULL, text TEXT NOT NULL,
  link TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS taken_webhooks (id TEXT PRIMARY KEY, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
  id TEXT PRIMARY KEY, path TEXT NOT NULL, body BLOB NOT NULL, at TEXT NOT NULL, refused TEXT NOT NULL DEFAULT '');
"""


def create(path: Path) -> None:
    """Make the file and its tables where they are missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(SCHEMA)
    db.close()


@contextmanager
def transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection inside one transaction: all of it is stored, or none."""
    db = sqlite3.connect(path, timeout=10, isolation_level=None)
    db.row_factory = sqlite3.Row
    try:
        db.execute("PRAGMA foreign_keys=ON")
        db.execute("BEGIN IMMEDIATE")
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    finally:
        db.close()


def now() -> str:
    """The time as we store and send it: ISO 8601 in UTC."""
    return datetime.now(tz=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def new_id() -> str:
    return secrets.token_hex(8)


def scramble(password: str) -> str:
    """A password as we keep it: scrypt with a salt of its own."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()}"


def is_password(password: str, kept: str) -> bool:
    salt, _, digest = kept.partition("$")
    again = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1)
    return hmac.compare_digest(again.hex(), digest)


def new_session(db: sqlite3.Connection, account_id: str) -> str:
    """A token that stands for being signed in. We keep its digest alone."""
    token = secrets.token_urlsafe(32)
    db.execute("INSERT INTO sessions VALUES (?, ?, ?)", (_digest(token), account_id, now()))
    return token


def end_session(db: sqlite3.Connection, token: str) -> None:
    db.execute("DELETE FROM sessions WHERE token_digest = ?", (_digest(token),))


def account_of(db: sqlite3.Connection, token: str) -> sqlite3.Row | None:
    """The account that is signed in with this token, whatever its status."""
    return one(
        db,
        "SELECT accounts.* FROM accounts JOIN sessions ON account_id = accounts.id"
        " WHERE token_digest = ? AND status != 'gone'",
        _digest(token),
    )


def one(db: sqlite3.Connection, sql: str, *values: object) -> sqlite3.Row | None:
    """The first row, or None."""
    row: sqlite3.Row | None = db.execute(sql, values).fetchone()
    return row


def erase_post(db: sqlite3.Connection, post_id: str) -> None:
    """Destroy what a post held. Its bare row stays, so that we can say "gone" rather than "unknown"."""
    db.execute("DELETE FROM likes WHERE post_id = ?", (post_id,))
    db.execute(
        "UPDATE posts SET state = 'gone', text = '', picture = NULL, media_type = '', file_name = '' WHERE id = ?",
        (post_id,),
    )


def conversation(db: sqlite3.Connection, post_id: str) -> tuple[str, list[sqlite3.Row]]:
    """The first post of the conversation that a post stands in, and all its posts in the order in which they came."""
    root = post_id
    while (above := one(db, "SELECT reply_to FROM posts WHERE id = ?", root)) and above["reply_to"]:
        root = above["reply_to"]
    rows = db.execute(
        "WITH RECURSIVE thread(id) AS (SELECT ? UNION SELECT posts.id FROM posts JOIN thread ON reply_to = thread.id)"
        " SELECT posts.* FROM posts JOIN thread ON posts.id = thread.id ORDER BY posts.rowid",
        (root,),
    )
    return root, rows.fetchall()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
