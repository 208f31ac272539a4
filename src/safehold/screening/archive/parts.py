"""The Parquet files of the archive: making them of journals, merging, ending their term, erasing an account.

Others may call all of it. Whoever changes files holds the archive's lock (`changing`), one at a time; reading needs
none, because a file is put in place whole and keeps its name while rows are erased from it. `listed` says which rows
of a merged file were there before under other names.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from safehold.screening.archive import journal
from safehold.screening.archive.schema import COLUMNS, FORMAT, Row, table

ROWS = 100_000  # of one row group, and held in memory together
REPLACES = b"safehold.replaces"


class DamagedPart(Exception):
    """A file of the archive cannot be read; the message names it. What it held is not looked through any more."""


class Packed(NamedTuple):
    """What `pack` did. `unreadable` lines of journals were left out; their journals are kept aside."""

    journals: int
    rows: int
    unreadable: int


class Part(NamedTuple):
    """One file: its name within the archive, and the names of the files whose rows it took over."""

    name: str
    path: Path
    replaces: frozenset[str]


def journals(folder: Path) -> Path:
    """Where the journals of an archive lie."""
    return folder / "journal"


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Hold the archive's lock; waits for another process that changes it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def pack(folder: Path) -> Packed:
    """Turn every closed journal into parts, then remove it. May be repeated: a part has its journal's name."""
    count = kept = unreadable = 0
    with changing(folder):
        for path in journal.closed(journals(folder)):
            bad = _pack_one(folder, path)
            kept, unreadable, count = kept + bad[0], unreadable + bad[1], count + 1
            if bad[1]:  # nothing is thrown away unread
                path.rename(path.with_suffix(".unreadable"))
            else:
                path.unlink()
    return Packed(count, kept, unreadable)


def _pack_one(folder: Path, path: Path) -> tuple[int, int]:
    days: dict[str, list[Row]] = {}
    unreadable = number = kept = 0

    def write() -> None:
        nonlocal number, kept
        for day, rows in days.items():
            _write(folder, f"day={day}/{path.stem}-{number}.parquet", table(rows), frozenset())
            kept += len(rows)
        days.clear()
        number += 1

    held = 0
    for row in journal.rows(path):
        if row is None:
            unreadable += 1
            continue
        days.setdefault(row.day, []).append(row)
        held += 1
        if held >= ROWS:
            write()
            held = 0
    write()
    return kept, unreadable


def listed(folder: Path) -> list[Part]:
    """All parts, the newest day first: what was uploaded lately is looked through first.

    Raises DamagedPart.
    """
    found = sorted(folder.glob("day=*/*.parquet"), key=lambda path: (path.parent.name, path.name), reverse=True)
    return [Part(str(path.relative_to(folder)), path, _replaces(path)) for path in found]


def batches(part: Part) -> Iterator[pa.RecordBatch]:
    """The rows of a part in portions. Raises DamagedPart; FileNotFoundError where it was merged or ended meanwhile."""
    try:
        with pq.ParquetFile(part.path, pre_buffer=False) as file:
            if (file.schema_arrow.metadata or {}).get(b"safehold.archive") != FORMAT:
                raise DamagedPart(f"{part.path} is no part of an archive of this version.")
            yield from file.iter_batches(batch_size=ROWS)
    except (pa.ArrowException, OSError) as problem:
        if isinstance(problem, FileNotFoundError):
            raise
        raise DamagedPart(f"{part.path} cannot be read: {problem}") from None


def merge(folder: Path, today: date | None = None) -> int:
    """Make one part of the many of each day that is over. Returns how many files went.

    A part that was written whole names what it replaces: files that a crash left behind are removed by the next call.
    """
    now = today or datetime.now(UTC).date()
    gone = 0
    with changing(folder):
        for day in sorted(folder.glob("day=*")):
            parts = [part for part in listed(folder) if part.path.parent == day]
            left = {name for part in parts for name in part.replaces} & {part.name for part in parts}
            for name in left:
                (folder / name).unlink()
            gone += len(left)
            parts = [part for part in parts if part.name not in left]
            if len(parts) > 1 and date.fromisoformat(day.name.removeprefix("day=")) < now:
                names = frozenset(name for part in parts for name in (part.name, *part.replaces))
                _merge_day(folder, day, parts, names)
                for part in parts:
                    part.path.unlink()
                gone += len(parts)
    return gone


def _merge_day(folder: Path, day: Path, parts: list[Part], names: frozenset[str]) -> None:
    number = max([int(part.path.stem.removeprefix("merged-")) for part in parts if part.replaces], default=0) + 1
    with _placing(folder / day.name / f"merged-{number}.parquet") as temporary:
        schema = COLUMNS.with_metadata({**COLUMNS.metadata, REPLACES: msgspec.json.encode(sorted(names))})
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for part in parts:
                for batch in batches(part):
                    writer.write_batch(batch.cast(schema))


def expire(folder: Path, days: int, today: date | None = None) -> list[str]:
    """Remove every day that is more than `days` past. Returns the days removed."""
    first = (today or datetime.now(UTC).date()) - timedelta(days=days)
    gone = []
    with changing(folder):
        for day in sorted(folder.glob("day=*")):
            if date.fromisoformat(day.name.removeprefix("day=")) < first:
                shutil.rmtree(day)
                gone.append(day.name.removeprefix("day="))
        for path in journals(folder).glob("*.unreadable"):  # named by the time at which it was begun
            if datetime.strptime(path.name[:8], "%Y%m%d").replace(tzinfo=UTC).date() < first:
                path.unlink()
                gone.append(path.name)
    return gone


def erase(folder: Path, host: str, account_id: str) -> int:
    """Remove every row of one account, once what is still in journals was packed. Returns how many went.

    A process may be writing a journal in this moment: its rows are packed, and can be erased, some minutes later.
    """
    gone = 0
    with changing(folder):
        for part in listed(folder):
            gone += _erase_from(folder, part, host, account_id)
    return gone


def _erase_from(folder: Path, part: Part, host: str, account_id: str) -> int:
    gone = 0
    kept: list[pa.RecordBatch] = []
    for batch in batches(part):
        theirs = pc.and_(pc.equal(batch.column("host"), host), pc.equal(batch.column("account_id"), account_id))
        gone += pc.sum(theirs).as_py() or 0
        kept.append(batch.filter(pc.invert(theirs)))
    if gone:
        _write(folder, part.name, pa.Table.from_batches(kept, COLUMNS), part.replaces)
    return gone


def _write(folder: Path, name: str, rows: pa.Table, replaces: frozenset[str]) -> None:
    metadata = dict(COLUMNS.metadata)
    if replaces:
        metadata[REPLACES] = msgspec.json.encode(sorted(replaces))
    with _placing(folder / name) as temporary:
        pq.write_table(rows.replace_schema_metadata(metadata), temporary, compression="zstd", row_group_size=ROWS)


@contextmanager
def _placing(path: Path) -> Iterator[Path]:
    """A temporary file that is put in place whole, and survives a power cut from then on."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(".new")
    yield temporary
    temporary.chmod(0o600)
    for what in (temporary, path.parent):
        file = os.open(what, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
        if what == temporary:
            temporary.replace(path)


def _replaces(path: Path) -> frozenset[str]:
    try:
        metadata = pq.read_schema(path).metadata or {}
    except FileNotFoundError:
        return frozenset()
    except (pa.ArrowException, OSError) as problem:
        raise DamagedPart(f"{path} cannot be read: {problem}") from None
    return frozenset(msgspec.json.decode(metadata.get(REPLACES, b"[]"), type=list[str]))
