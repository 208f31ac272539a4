"""Many entries to and from the database at once, past the model layer, which is too slow for a million of them.

COPY on PostgreSQL, one prepared statement on SQLite; ids and texts that are looked for travel as one array. Others of
this room call `insert`, `change`, `touch` and `live` inside the transaction of the change, `for_many` around all, and
`weigh_anew` now and then.
"""

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from safehold.screening.entries import Content
from safehold.screening.models import HashList, ListEntry

SAID = Content.__struct_fields__  # columns of what an entry says
AT_ONCE = 5000  # ids in one statement
CACHE = 64 * 1024  # KiB of SQLite's pages kept in memory: a new entry touches the indexes at random
CHECKPOINT = 50_000  # pages in SQLite's log before they are moved: each is then written once for many entries


@contextmanager
def for_many() -> Iterator[None]:
    """Make SQLite ready for very many entries, for as long as this lasts. Not inside a transaction."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        before = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("cache_size", "wal_autocheckpoint")}
        cursor.execute(f"PRAGMA cache_size = -{CACHE}")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for name, value in before.items():
                cursor.execute(f"PRAGMA {name} = {int(value)}")


def weigh_anew() -> None:
    """Let PostgreSQL count what the table holds now: one that was never counted is read whole for each batch.

    It does so by itself a minute later. Where the table belongs to another role, nothing happens.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f'ANALYZE "{ListEntry._meta.db_table}"')


class Row(NamedTuple):
    """A live entry, as far as taking others needs it."""

    key: Any  # its id as this database gives and takes it
    seen_since: bool  # whether it was named since the time that was asked about
    content: Content


def live(home: HashList, field: str, values: Sequence[str], *, since: datetime) -> Iterator[Row]:
    """A list's live entries with one of the values, oldest first: the same of several is meant each time."""
    columns = ", ".join(_column(name) for name in SAID)
    table = ListEntry._meta.db_table
    # SQLite would take any index that begins with the list, and so read all of it for each batch: "+" forbids that.
    its = "+" if field == "ref" and connection.vendor == "sqlite" else ""
    statement = (
        f'SELECT "id", "last_seen" >= %s, {columns} FROM "{table}" '  # noqa: S608 - names of the model alone
        f'WHERE {its}"list_id" = %s AND "retracted_at" IS NULL AND {_column(field)} {_among()} '
        f'ORDER BY "first_seen", "id"'
    )
    for at in range(0, len(values), AT_ONCE):
        with connection.cursor() as cursor:
            cursor.execute(statement, [_value("last_seen", since), home.pk, _array(values[at : at + AT_ONCE])])
            for key, seen, *rest in cursor.fetchall():
                yield Row(key, bool(seen), Content(*map(plain, rest)))


def _among() -> str:
    """One array as a parameter: thousands of parameters cost more than the search."""
    return "= ANY(%s)" if connection.vendor == "postgresql" else "IN (SELECT value FROM json_each(%s))"


def _array(values: Sequence[Any]) -> Any:
    return list(values) if connection.vendor == "postgresql" else json.dumps(list(values))


def said(row: ListEntry) -> Content:
    """What an entry says, of a row that was read."""
    return Content(*(plain(getattr(row, name)) for name in SAID))


def plain(value: Any) -> Any:
    """PostgreSQL gives bytes as memory."""
    return bytes(value) if isinstance(value, memoryview) else value


def insert(home: HashList, contents: Sequence[Content], *, now: datetime, version: int) -> None:
    """New live entries of a list. Raises IntegrityError where one of them is live already."""
    same = {
        "list": home.pk, "first_seen": now, "last_seen": now, "hits": 0, "last_hit": None, "held_back_at": None,
        "retracted_at": None, "retracted_because": "", "barred": False, "version": version,
    }  # fmt: skip
    names = [_column(name) for name in ("id", *SAID, *same)]
    end = [_value(name, value) for name, value in same.items()]
    ordered = sorted(contents, key=attrgetter("identity"))  # neighbours in the indexes one after the other
    rows = [
        (key, *msgspec.structs.astuple(one), *end) for key, one in zip(_keys(now, len(ordered)), ordered, strict=True)
    ]
    table = ListEntry._meta.db_table
    if connection.vendor == "postgresql":
        _copy(f'COPY "{table}" ({", ".join(names)}) FROM STDIN', rows)
        return
    marks = ", ".join(["%s"] * len(names))
    statement = f'INSERT INTO "{table}" ({", ".join(names)}) VALUES ({marks})'  # noqa: S608 - names of the model alone
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def change(changed: Iterable[tuple[Any, Content]], *, now: datetime, version: int) -> None:
    """Live entries, by `Row.key`, that say something else now."""
    sets = ", ".join(f"{_column(name)} = %s" for name in (*SAID, "last_seen", "version"))
    seen = _value("last_seen", now)
    rows = [(*msgspec.structs.astuple(one), seen, version, key) for key, one in changed]
    if rows:
        statement = f'UPDATE "{ListEntry._meta.db_table}" SET {sets} WHERE "id" = %s'  # noqa: S608 - as above
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)


def touch(keys: Sequence[Any], *, now: datetime) -> None:
    """Entries, by `Row.key`, that their source has named again. A time is never set back."""
    seen = _value("last_seen", now)
    statement = (
        f'UPDATE "{ListEntry._meta.db_table}" SET "last_seen" = %s '  # noqa: S608 - as above
        f'WHERE "id" {_among()} AND "last_seen" < %s'
    )
    with connection.cursor() as cursor:
        for at in range(0, len(keys), AT_ONCE):
            cursor.execute(statement, [seen, _array(keys[at : at + AT_ONCE]), seen])


def _copy(statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _keys(now: datetime, count: int) -> Iterator[Any]:
    """Ids that begin with the time (RFC 9562, version 7): they stand side by side in the index of ids."""
    start, chance = int(now.timestamp() * 1000), os.urandom(8 * count)
    short = connection.vendor != "postgresql"
    for at in range(count):
        rest = int.from_bytes(chance[8 * at : 8 * at + 8], "big") >> 2
        number = (start + (at >> 12)) << 80 | 7 << 76 | (at & 0xFFF) << 64 | 2 << 62 | rest
        yield f"{number:032x}" if short else uuid.UUID(int=number)


def _column(name: str) -> str:
    return f'"{ListEntry._meta.get_field(name).column}"'  # type: ignore[union-attr]


def _value(name: str, value: Any) -> Any:
    """As this database keeps it."""
    field = ListEntry._meta.get_field(name)
    return field.get_db_prep_save(value, connection)  # type: ignore[union-attr]
