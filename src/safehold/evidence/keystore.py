"""The key store: the wrapped key of each object, in a database of its own. Deleting a row destroys the object.

By default a SQLite file beside the main database, `<data>/keystore.sqlite3`; by setting another file, or
a PostgreSQL schema. It stands apart so that its copies can have an age of their own (`keybackup`): a
backup of the main database holds no key. Only this room calls it. Each call is one transaction, on the
disk when it returns; it never joins a transaction of the main database.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import msgspec
from django.conf import settings
from django.utils import timezone

from safehold.evidence.errors import KeyRetired, KeyStoreFailed, StillNeeded

FILE = "keystore.sqlite3"
TABLES = (
    """CREATE TABLE IF NOT EXISTS key_row (object_id varchar(36) PRIMARY KEY, wrapped {bytes} NOT NULL,
       pair varchar(32) NOT NULL, made_at varchar(40) NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS key_row_pair ON key_row (pair)",
    "CREATE TABLE IF NOT EXISTS key_gone (object_id varchar(36) PRIMARY KEY, at varchar(40) NOT NULL)",
    """CREATE TABLE IF NOT EXISTS vault_key (id varchar(32) PRIMARY KEY, since varchar(40) NOT NULL,
       replaced_at varchar(40), retired_at varchar(40))""",
)


class KeyRow(msgspec.Struct, frozen=True):
    """One object's key, wrapped to the vault's key `under`."""

    object_id: str
    wrapped: bytes
    under: str
    made_at: str  # ISO 8601, UTC


class VaultKey(msgspec.Struct, frozen=True):
    """One key pair of the vault, by the fingerprint of its public key."""

    id: str
    since: str
    replaced_at: str | None
    retired_at: str | None
    rows: int  # wrapped to it now


class Connection:
    """One transaction's connection, with the same words for both databases."""

    def __init__(self, raw: Any, *, postgres: bool) -> None:
        self._raw = raw
        self._lock = " FOR UPDATE" if postgres else ""  # SQLite locks the whole file at BEGIN IMMEDIATE
        self._mark = "%s" if postgres else "?"

    def run(self, sql: str, *values: Any, lock: bool = False) -> Any:
        """Execute with `?` for values, locking the rows read where asked; gives the cursor."""
        cursor = self._raw.cursor()
        cursor.execute(sql.replace("?", self._mark) + (self._lock if lock else ""), values)
        return cursor


def file_path() -> Path | None:
    """The file of the store; None where it is in PostgreSQL."""
    url = settings.SAFEHOLD.key_store
    if not url:
        return settings.SAFEHOLD.data / FILE
    parts = urlsplit(url)
    if parts.scheme != "sqlite":
        return None
    return Path(unquote(parts.path[1:] if parts.path.startswith("//") else parts.path))


@contextlib.contextmanager
def connected() -> Iterator[Connection]:
    """One transaction; committed at the end, undone where the block raises. Raises KeyStoreFailed."""
    path = file_path()
    with _sqlite(path) if path is not None else _postgres(settings.SAFEHOLD.key_store) as connection:
        yield connection


def put(object_id: str, wrapped: bytes, under: str, *, made_at: str = "") -> None:
    """Keep a wrapped key. Refuses one that is there or was destroyed (KeyStoreFailed), and a retired `under`."""
    with connected() as store:
        _note_key(store, under)
        if store.run("SELECT retired_at FROM vault_key WHERE id = ?", under, lock=True).fetchone()[0]:
            raise KeyRetired(f"The vault's key {under} is retired: nothing is wrapped to it any more.")
        known = store.run("SELECT 1 FROM key_row WHERE object_id = ?", object_id).fetchone()
        gone = store.run("SELECT 1 FROM key_gone WHERE object_id = ?", object_id).fetchone()
        if known or gone:
            raise KeyStoreFailed(f"The key store {'knows' if known else 'destroyed'} the key of sealed:{object_id}.")
        store.run("INSERT INTO key_row VALUES (?, ?, ?, ?)", object_id, wrapped, under, made_at or _now())


def get(object_id: str) -> KeyRow | None:
    """The wrapped key of an object; None where there is none."""
    with connected() as store:
        found = store.run("SELECT object_id, wrapped, pair, made_at FROM key_row WHERE object_id = ?", object_id)
        row = found.fetchone()
    return _row(row) if row else None


def destroy(object_id: str) -> bool:
    """Overwrite and delete the key of an object and remember that it is gone. False where it was gone already."""
    with connected() as store:
        row = store.run("SELECT wrapped FROM key_row WHERE object_id = ?", object_id, lock=True).fetchone()
        if row:
            store.run("UPDATE key_row SET wrapped = ? WHERE object_id = ?", bytes(len(bytes(row[0]))), object_id)
            store.run("DELETE FROM key_row WHERE object_id = ?", object_id)
        store.run("INSERT INTO key_gone VALUES (?, ?) ON CONFLICT (object_id) DO NOTHING", object_id, _now())
    if row:
        _empty_journal()
    return bool(row)


def rewrap(row: KeyRow, wrapped: bytes, under: str) -> bool:
    """Put the same key, wrapped anew, in place of what was read. False where the row changed or went meanwhile."""
    with connected() as store:
        _note_key(store, under)
        sql = "UPDATE key_row SET wrapped = ?, pair = ? WHERE object_id = ? AND pair = ?"
        return bool(store.run(sql, wrapped, under, row.object_id, row.under).rowcount == 1)


def not_under(key: str, *, after: str = "", limit: int = 100) -> list[KeyRow]:
    """Rows that are wrapped to another key than this one, by object id, after that id."""
    sql = (
        "SELECT object_id, wrapped, pair, made_at FROM key_row WHERE pair <> ? AND object_id > ? "
        "ORDER BY object_id LIMIT ?"
    )
    with connected() as store:
        return [_row(row) for row in store.run(sql, key, after, limit).fetchall()]


def rows(*, after: str = "", limit: int = 500) -> list[KeyRow]:
    """Any rows, by object id, after that id."""
    sql = "SELECT object_id, wrapped, pair, made_at FROM key_row WHERE object_id > ? ORDER BY object_id LIMIT ?"
    with connected() as store:
        return [_row(row) for row in store.run(sql, after, limit).fetchall()]


def count() -> int:
    """How many keys the store holds."""
    with connected() as store:
        return int(store.run("SELECT count(*) FROM key_row").fetchone()[0])


def gone(object_ids: Iterable[str]) -> set[str]:
    """Which of these objects' keys were destroyed here."""
    with connected() as store:
        return {
            one for one in object_ids if store.run("SELECT 1 FROM key_gone WHERE object_id = ?", one).fetchone()
        }  # fmt: skip


def vault_keys() -> list[VaultKey]:
    """Every key pair that this store has known, the oldest first."""
    sql = (
        "SELECT id, since, replaced_at, retired_at, (SELECT count(*) FROM key_row WHERE pair = vault_key.id) "
        "FROM vault_key ORDER BY since, id"
    )
    with connected() as store:
        return [VaultKey(*row) for row in store.run(sql).fetchall()]


def note_replaced(current: str) -> None:
    """Every other key than the current one was replaced, from now on where it was not before."""
    with connected() as store:
        _note_key(store, current)
        store.run("UPDATE vault_key SET replaced_at = NULL WHERE id = ?", current)
        store.run("UPDATE vault_key SET replaced_at = ? WHERE id <> ? AND replaced_at IS NULL", _now(), current)


def retire(key: str) -> None:
    """Nothing may be wrapped to the key any more. Raises StillNeeded while a row is, in the same transaction."""
    with connected() as store:
        row = store.run("SELECT replaced_at FROM vault_key WHERE id = ?", key, lock=True).fetchone()
        if row is None:
            raise StillNeeded(f"The key store knows no key {key} of this vault.")
        need = store.run("SELECT count(*) FROM key_row WHERE pair = ?", key).fetchone()[0]
        if need or row[0] is None:
            raise StillNeeded(
                f"The key {key} is " + (f"needed by {need} objects: rotate first." if need else "the current one.")
            )
        store.run("UPDATE vault_key SET retired_at = ? WHERE id = ?", _now(), key)


def _note_key(store: Connection, key: str) -> None:
    store.run("INSERT INTO vault_key VALUES (?, ?, NULL, NULL) ON CONFLICT (id) DO NOTHING", key, _now())


def _row(row: Any) -> KeyRow:
    return KeyRow(object_id=row[0], wrapped=bytes(row[1]), under=row[2], made_at=row[3])


def _now() -> str:
    return timezone.now().isoformat()


def moment(text: str) -> datetime:
    """A time as the store keeps it."""
    return datetime.fromisoformat(text)


@contextlib.contextmanager
def _sqlite(path: Path) -> Iterator[Connection]:
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as raw:
            if new:
                path.chmod(0o600)
            for line in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
                raw.execute(f"PRAGMA {line}").fetchall()
            raw.execute("BEGIN IMMEDIATE")
            try:
                _make_tables(Connection(raw, postgres=False), "blob")
                yield Connection(raw, postgres=False)
            except BaseException:
                raw.execute("ROLLBACK")
                raise
            raw.execute("COMMIT")
    except sqlite3.Error as error:
        raise KeyStoreFailed(f"The key store {path} does not work: {error}.") from error


@contextlib.contextmanager
def _postgres(url: str) -> Iterator[Connection]:
    import psycopg
    from psycopg import sql

    parts = urlsplit(url)
    schema = parse_qs(parts.query).get("schema", ["safehold_keys"])[0]
    try:
        with psycopg.connect(urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))) as raw:
            name = sql.Identifier(schema)
            if not raw.execute("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", [schema]).fetchone():
                raw.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
            raw.execute(sql.SQL("SET LOCAL search_path TO {}").format(name))
            store = Connection(raw, postgres=True)
            if raw.execute("SELECT to_regclass('vault_key')").fetchone() == (None,):
                _make_tables(store, "bytea")
            yield store
    except psycopg.Error as error:
        raise KeyStoreFailed(f"The key store in PostgreSQL does not work: {type(error).__name__}.") from error


def _make_tables(store: Connection, bytes_type: str) -> None:
    for line in TABLES:
        store.run(line.format(bytes=bytes_type))


def _empty_journal() -> None:
    """SQLite's journal keeps pages as they were until it is emptied: a destroyed key must not stand there."""
    path = file_path()
    if path is not None:
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
