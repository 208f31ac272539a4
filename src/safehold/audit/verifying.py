"""Verification of the chain: every row, every detail, every checkpoint, in flat memory. Called through `chain`.

Reads the tables as bytes, past the object mapper: what somebody wrote into the database file must be
found, not repaired on the way, and must never stop the reading.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Max, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from safehold.audit import checkpoints
from safehold.audit.checkpoints import NO_HASH, Checkpoint
from safehold.audit.models import Detail, Entry, Seal
from safehold.audit.service import digest_of

WINDOW = 1000  # rows read at a time
MOST_PROBLEMS = 100  # named; more are only counted
SEALED_WITHIN = timedelta(minutes=10)  # the sealer runs every second; later means that it does not run

Progress = Callable[[int, int], None]


class Problem(msgspec.Struct, frozen=True):
    """One place where the record does not hold."""

    place: str  # "position 12 (entry 12)", "checkpoints.jsonl line 3"
    what: str


class Verification(msgspec.Struct, frozen=True):
    """What was read and what was found. `ok` means that there is no problem at all."""

    ok: bool
    problems: list[Problem]
    entries: int  # chained and read
    checkpoints: int  # lines read
    erased: int  # entries whose details were erased on record
    unsealed: int  # entries not chained yet
    more: int  # problems beyond those named


class Row(msgspec.Struct, frozen=True):
    """A seal with its entry and details as they lie in the database; None = not there, or unreadable."""

    position: int
    hash: str | None
    entry_id: int | None
    at: str | None
    act: str | None
    actor: str | None
    about: str | None
    digest: str | None
    detail: int | None
    salt: str | None
    body: str | None
    erased_at: str | None
    erased_because: str | None


def link(
    previous: str, position: int, entry_id: int, at: datetime | str, act: str, actor: str, about: str, digest: str
) -> str:
    """A row's hash: SHA-256 of the hash before and the row's canonical JSON. `at` in UTC, microseconds."""
    when = at if isinstance(at, str) else at.astimezone(UTC).isoformat(timespec="microseconds")
    row = json.dumps([position, entry_id, when, act, actor, about, digest], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{row}".encode()).hexdigest()


def verify(progress: Progress | None = None) -> Verification:
    """Read the chain from its first row to its last and every checkpoint; name what does not hold.

    `progress(done, total)` is called after each window of rows. Memory stays flat at any length. What
    is being written meanwhile is left for the next time. Writes nothing.
    """
    with checkpoints.lock():
        end = Seal.objects.aggregate(end=Max("position"))["end"] or 0
        path = checkpoints.file()
        size = path.stat().st_size if path.exists() else 0
    return _Verifier(end, size, progress).run()


class _Verifier:
    """One reading. Rows and checkpoints are both in order, so they are merged as they stream by."""

    def __init__(self, end: int, size: int, progress: Progress | None) -> None:
        self.end, self.size, self.progress = end, size, progress
        self.problems: list[Problem] = []
        self.more = self.entries = self.lines = self.erased = 0
        self.expected, self.previous = 1, NO_HASH
        self.covered = 0  # the highest position that a valid checkpoint names
        self.points = self._points()
        self.point = next(self.points, None)

    def run(self) -> Verification:
        for row in _rows(self.end, self._tell):
            self._row(row)
        self._ends()
        unsealed = self._unsealed()
        return Verification(
            ok=not self.problems,
            problems=self.problems,
            entries=self.entries,
            checkpoints=self.lines,
            erased=self.erased,
            unsealed=unsealed,
            more=self.more,
        )

    def _tell(self, done: int) -> None:
        if self.progress:
            self.progress(done, self.end)

    def _problem(self, place: str, what: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(place, what))
        else:
            self.more += 1

    def _row(self, row: Row) -> None:
        place = f"position {row.position} (entry {row.entry_id})"
        if row.position != self.expected:
            missing = f"positions {self.expected} to {row.position - 1}"
            self._problem(missing if row.position > self.expected else place, "rows of the chain are missing")
        self.expected = row.position + 1
        self.entries += 1
        known = row.hash or ""
        parts = (row.entry_id, row.at, row.act, row.actor, row.about, row.digest)
        if any(part is None for part in parts):
            self._problem(place, "the entry is missing or unreadable")
        elif link(self.previous, row.position, *parts) != known:  # type: ignore[arg-type]
            self._problem(place, "the entry, its seal, or the seal before it was changed")
        self.previous = known
        self._detail(row, place)
        while self.point is not None and self.point.position <= row.position:
            self._compare(self.point, known if self.point.position == row.position else None)
            self.point = next(self.points, None)

    def _detail(self, row: Row, place: str) -> None:
        if row.digest is None:
            return  # said already: there is no entry to compare with
        if row.detail is None:
            self._problem(place, "the details are missing though they were never erased")
        elif row.erased_at is not None:
            self.erased += 1
            if not _erased_on_record(row):
                self._problem(place, "the details are marked as erased, but no act of the record says so")
        elif row.erased_because or not _same_details(row):
            self._problem(place, "the details were changed")

    def _points(self) -> Iterator[Checkpoint]:
        """Valid checkpoints in the file's order; a bad line is told and passed over."""
        key = checkpoints.public_key()
        if key is None:
            if self.size:
                self._problem(checkpoints.PUBLIC, "the key that verifies checkpoints is missing")
            return
        for line in checkpoints.read(self.size, key):
            self.lines += 1
            if line.wrong:
                self._problem(f"{checkpoints.file().name} line {line.number}", line.wrong)
            if line.point is not None:
                self.covered = max(self.covered, line.point.position)
                yield line.point

    def _compare(self, point: Checkpoint, known: str | None) -> None:
        """A checkpoint against the chain; one that lies behind (after a restore) is looked up."""
        if known is None:
            found = Seal.objects.filter(position=point.position).values_list("hash", flat=True).first()
            known = found or ""
        if known != point.hash:
            self._problem(
                f"position {point.position}",
                f"the chain is not the one that was signed on {point.at} "
                f"({checkpoints.file().name} line {point.number}): it was rewritten up to here",
            )

    def _ends(self) -> None:
        """What is signed beyond the chain's end, and what of the chain's end is not signed."""
        highest: Checkpoint | None = None
        while self.point is not None:
            if self.point.position <= self.end:
                self._compare(self.point, None)
            elif highest is None or self.point.position > highest.position:
                highest = self.point
            self.point = next(self.points, None)
        if highest is not None:
            self._problem(
                f"positions {self.end + 1} to {highest.position}",
                f"the last {highest.position - self.end} rows of the chain are missing: "
                f"{checkpoints.file().name} line {highest.number} has signed them on {highest.at}",
            )
        if self.end > self.covered:
            self._problem(
                f"positions {self.covered + 1} to {self.end}",
                f"no valid checkpoint covers these rows: {checkpoints.file().name} has lost lines, "
                "or the sealer was stopped between sealing and signing (its next run repairs that)",
            )

    def _unsealed(self) -> int:
        rows = Entry.objects.filter(seal=None)
        late = rows.filter(at__lt=timezone.now() - SEALED_WITHIN)
        if count := late.count():
            first = late.order_by("pk").values_list("pk", flat=True)[0]
            self._problem(
                f"entry {first}",
                f"{count} entries are older than ten minutes and not chained: their seals were deleted, "
                "or the sealer does not run",
            )
        return rows.count()


def _rows(end: int, tell: Callable[[int], None]) -> Iterator[Row]:
    after = -(2**63)
    query = _query()
    while True:
        with connection.cursor() as cursor:
            cursor.execute(query, [after, end, WINDOW])
            window = cursor.fetchall()
        for cells in window:
            yield _row(cells)
        if not window:
            return
        after = window[-1][0]
        tell(after)


def _query() -> str:
    """Every text as bytes on SQLite, past all converters, so that no content can stop the reading."""
    seal, entry, detail = (model._meta.db_table for model in (Seal, Entry, Detail))
    sqlite = connection.vendor == "sqlite"
    text = "CAST({} AS BLOB)".format if sqlite else "{}".format
    columns = [
        "s.position",
        text("s.hash"),
        "e.id",
        *(text(f"e.{name}") for name in ("at", "act", "actor", "about", "digest")),
        "d.entry_id",
        *(text(f"d.{name}") for name in ("salt", "body", "erased_at", "erased_because")),
    ]
    return (  # names of our own tables and columns alone; every value is a parameter
        f"SELECT {', '.join(columns)} FROM {seal} s LEFT JOIN {entry} e ON e.id = s.entry_id "  # noqa: S608
        f"LEFT JOIN {detail} d ON d.entry_id = e.id "
        "WHERE s.position > %s AND s.position <= %s ORDER BY s.position LIMIT %s"
    )


def _row(cells: tuple[Any, ...]) -> Row:
    position, hash_, entry_id, at, act, actor, about, digest, detail, salt, body, erased_at, because = cells
    return Row(
        position,
        _text(hash_),
        entry_id,
        _time(at),
        _text(act),
        _text(actor),
        _text(about),
        _text(digest),
        detail,
        _text(salt),
        _text(body),
        _time(erased_at),
        _text(because),
    )


def _text(cell: Any) -> str | None:
    if isinstance(cell, bytes | memoryview):
        try:
            return bytes(cell).decode()
        except UnicodeDecodeError:
            return None
    return cell if cell is None or isinstance(cell, str) else str(cell)


def _time(cell: Any) -> str | None:
    """The time as `link` writes it; "" for what is no time as Django would have stored it."""
    if cell is None:
        return None
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="microseconds")
    text = _text(cell) or ""
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        return ""
    if str(naive) != text or naive.tzinfo is not None:
        return ""
    return naive.replace(tzinfo=UTC).isoformat(timespec="microseconds")


def _same_details(row: Row) -> bool:
    if row.salt is None or row.body is None:
        return False
    try:
        body = json.loads(row.body)
        if connection.vendor == "sqlite" and json.dumps(body) != row.body:
            return False  # says the same, but is not what was written
        return digest_of(row.salt, body) == row.digest
    except (ValueError, TypeError, AttributeError, RecursionError, UnicodeError):
        return False


def _erased_on_record(row: Row) -> bool:
    """Whether an act of the record erased these details, at that time and for that reason, and they are gone."""
    if row.salt != "" or row.body != "{}":
        return False
    acts = Detail.objects.filter(entry__act="detail.erased", entry__about=f"entry:{row.entry_id}")
    for body, erased_at in acts.annotate(gone=Cast("erased_at", TextField())).values_list("body", "gone"):
        if erased_at is not None:
            return True  # the reason itself was erased, which is an act of its own
        if isinstance(body, dict) and body.get("because") == row.erased_because:
            return _time_of(body.get("erased_at")) == row.erased_at
    return False


def _time_of(text: Any) -> str:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC).isoformat(timespec="microseconds")
    except ValueError:
        return ""
