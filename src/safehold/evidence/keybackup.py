"""Copies of the key store, none older than the setting allows. Called through `service`.

A copy is always a SQLite file, whatever the store is. A destroyed object can come back from a copy until
the last copy from before the destruction is gone: therefore copies have a bounded age, `expires` says
when the last one goes, and `restore` never brings back a key that was destroyed on record.
"""

import contextlib
import os
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.evidence import keystore
from safehold.evidence.errors import KeyStoreFailed
from safehold.evidence.models import Sealed
from safehold.sealing.files import sync_folder

NAME = re.compile(r"keystore-(\d{8}T\d{6}\.\d{6})Z\.sqlite3")
STAMP = "%Y%m%dT%H%M%S.%f"


class Restored(msgspec.Struct, frozen=True):
    """What came back from a copy."""

    put: int
    known: int  # were there already
    destroyed: int  # left out: destroyed on record


def folder() -> Path:
    """Where copies are: `SAFEHOLD_KEY_BACKUPS`, or `key-backups` in the data folder."""
    return (
        Path(settings.SAFEHOLD.key_backups) if settings.SAFEHOLD.key_backups else settings.SAFEHOLD.data / "key-backups"
    )


def age() -> timedelta:
    """How old a copy may become, wherever it is kept."""
    return timedelta(days=settings.SAFEHOLD.key_backup_days)


def expires(destroyed_at: datetime) -> datetime:
    """When the last copy of a key that was destroyed then has gone: the youngest copy may be from that moment."""
    return destroyed_at + age()


def backup(*, actor: str) -> Path:
    """Write a copy, complete or not at all, then remove the copies that are too old. Returns the new file."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = timezone.now().astimezone(UTC)
    path = place / f"keystore-{now.strftime(STAMP)}Z.sqlite3"
    beside = path.with_suffix(".part")
    try:
        number = _copy(beside)
        beside.chmod(0o600)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(place)
    removed = prune(now)
    with transaction.atomic():
        audit.record("vault.keys_backed_up", actor=actor, about="vault:keys", keys=number, removed=removed)
    return path


def copies() -> list[tuple[datetime, Path]]:
    """The copies in the folder, the oldest first."""
    matches = [(NAME.fullmatch(path.name), path) for path in folder().glob("keystore-*.sqlite3")]
    return sorted((datetime.strptime(match[1], STAMP).replace(tzinfo=UTC), path) for match, path in matches if match)


def prune(now: datetime) -> int:
    """Delete the copies that are older than the setting allows. Returns how many."""
    old = [path for made, path in copies() if made < now - age()]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def restore(path: Path, *, actor: str) -> Restored:
    """Put back the keys of a copy that the store does not have. Destroyed ones stay destroyed.

    Raises KeyStoreFailed for a file that is no copy; nothing was put then.
    """
    put = known = destroyed = 0
    rows = _read(path)
    for row in rows:
        if keystore.get(row.object_id) is not None:
            known += 1
        elif _destroyed(row.object_id):
            destroyed += 1
        else:
            keystore.put(row.object_id, row.wrapped, row.under, made_at=row.made_at)
            put += 1
    with transaction.atomic():
        audit.record("vault.keys_restored", actor=actor, about="vault:keys", put=put, known=known, destroyed=destroyed)
    return Restored(put, known, destroyed)


def _destroyed(object_id: str) -> bool:
    on_record = Sealed.objects.filter(pk=object_id).exclude(destroyed_at=None).exists()
    return on_record or bool(keystore.gone([object_id]))


def _copy(path: Path) -> int:
    """Every row, read in batches, into a new SQLite file."""
    number, after = 0, ""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as out:
        out.execute("PRAGMA journal_mode = OFF")
        out.execute("CREATE TABLE key_row (object_id text PRIMARY KEY, wrapped blob, pair text, made_at text)")
        out.execute("BEGIN")
        while rows := keystore.rows(after=after):
            out.executemany(
                "INSERT INTO key_row VALUES (?, ?, ?, ?)", [(r.object_id, r.wrapped, r.under, r.made_at) for r in rows]
            )
            number, after = number + len(rows), rows[-1].object_id
        out.execute("COMMIT")
    return number


def _read(path: Path) -> list[keystore.KeyRow]:
    if not path.is_file():
        raise KeyStoreFailed(f"{path} is not there.")
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
            if copy.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise KeyStoreFailed(f"{path} is damaged.")
            found = copy.execute("SELECT object_id, wrapped, pair, made_at FROM key_row ORDER BY object_id").fetchall()
    except sqlite3.Error as error:
        raise KeyStoreFailed(f"{path} is no copy of a key store ({type(error).__name__}).") from error
    return [keystore.KeyRow(row[0], bytes(row[1]), row[2], row[3]) for row in found]
