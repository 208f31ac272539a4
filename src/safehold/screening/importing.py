"""Hash lists from files: CSV, JSON lines, or one hash a line. Others call it as `service.import_list`.

Streams the file in batches, each in one transaction; what cannot be read is set aside in a file and
counted, never guessed. Importing the same file again adds nothing.
"""

import csv
import os
import secrets
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening.errors import NotBuilt, ScreeningError
from safehold.screening.lists import SHA256, next_version, the_list
from safehold.screening.models import HashList, ListEntry

BATCH = 1000  # entries of one transaction
LONGEST_LINE = 4096  # characters kept of a line that is set aside


class ImportReport(msgspec.Struct, frozen=True):
    """What an import did. `set_aside` is the file that holds the malformed lines ("" = there were none)."""

    added: int
    duplicates: int
    malformed: int
    set_aside: str = ""


class Line(msgspec.Struct, frozen=True):
    """One line of a list file: an entry, or why it is none."""

    number: int
    sha256: str = ""
    category: str = ""
    ref: str = ""
    why: str = ""
    text: str = ""


def import_list(
    path: Path | str,
    list_slug: str,
    *,
    source: str,
    category: str,
    purpose: str,
    licence: str,
    actor: str,
    algorithm: str = "sha256",
) -> ImportReport:
    """Add a file's entries to a list; `category` is for lines that name none.

    `.csv` with a header that has a column `sha256` (also `category`, `ref`), `.jsonl` with one object of
    these names a line, anything else as one hash a line ("#" begins a comment). Raises NotBuilt for
    other algorithms (a PDQ hash looks like a SHA-256 and must never be taken for one), ScreeningError
    for a file without the column, FileNotFoundError.
    """
    if algorithm != "sha256":
        raise NotBuilt(f"Lists of {algorithm!r} cannot be imported yet; only exact SHA-256 can.")
    path = Path(path)
    with transaction.atomic():
        home = the_list(list_slug, source=source, purpose=purpose, licence=licence, actor=actor)
    added = duplicates = malformed = 0
    aside = settings.SAFEHOLD.data / "lists" / f"{list_slug}-{secrets.token_hex(8)}.set-aside.jsonl"
    lines = _lines(path)
    while batch := list(islice(lines, BATCH)):
        bad = [line for line in batch if line.why]
        if bad:
            _set_aside(aside, bad)
            malformed += len(bad)
        good = {(line.sha256, line.ref): line for line in batch if not line.why}
        duplicates += len(batch) - len(bad) - len(good)
        new = _add(home, good, category=category, actor=actor)
        added += new
        duplicates += len(good) - new
    report = ImportReport(added, duplicates, malformed, str(aside) if malformed else "")
    with transaction.atomic():
        audit.record("list.imported", actor=actor, about=home, added=added, duplicates=duplicates, malformed=malformed)
    return report


def _add(home: HashList, lines: dict[tuple[str, str], Line], *, category: str, actor: str) -> int:
    """One batch, one transaction. Returns how many entries are new."""
    now = timezone.now()
    with transaction.atomic():
        live = home.entries.select_for_update().filter(identity__in=[sha for sha, _ref in lines], retracted_at=None)
        known = {(row.identity, row.ref): row.pk for row in live}
        home.entries.filter(pk__in=[known[key] for key in lines.keys() & known.keys()]).update(last_seen=now)
        new = [line for key, line in lines.items() if key not in known]
        version = next_version() if new else 0
        rows = [
            ListEntry(
                list=home,
                identity=line.sha256,
                sha256=line.sha256,
                category=line.category or category,
                ref=line.ref,
                first_seen=now,
                last_seen=now,
                version=version,
            )
            for line in new
        ]
        if rows:
            ListEntry.objects.bulk_create(rows)
            audit.record("list.entries_added", actor=actor, about=home, count=len(rows))
    return len(rows)


def _lines(path: Path) -> Iterator[Line]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        if path.suffix.lower() == ".csv":
            yield from _csv(file)
        elif path.suffix.lower() in (".jsonl", ".ndjson"):
            for number, text in enumerate(file, 1):
                if text.strip():
                    yield _json(number, text)
        else:
            for number, text in enumerate(file, 1):
                if digest := text.partition("#")[0].strip():
                    yield _line(number, text, {"sha256": digest})


def _csv(file: Any) -> Iterator[Line]:
    reader = csv.reader(file)
    names = [name.strip().lower() for name in next(reader, [])]
    if "sha256" not in names:
        raise ScreeningError("The first line of the CSV file must name its columns, and one must be sha256.")
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(number=reader.line_num, why=f"not CSV: {error}")
            continue
        if cells:
            yield _line(reader.line_num, ",".join(cells), dict(zip(names, cells, strict=False)))


def _json(number: int, text: str) -> Line:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return Line(number=number, why="not JSON", text=text[:LONGEST_LINE])
    if not isinstance(found, dict):
        return Line(number=number, why="not an object", text=text[:LONGEST_LINE])
    return _line(number, text, found)


def _line(number: int, text: str, cells: dict[str, Any]) -> Line:
    kept = text.rstrip("\r\n")[:LONGEST_LINE]
    values = {name: cells.get(name, "") for name in ("sha256", "category", "ref")}
    if not all(isinstance(value, str) for value in values.values()):
        return Line(number=number, why="a value is not text", text=kept)
    if not SHA256.fullmatch(values["sha256"].strip().lower()):
        return Line(number=number, why="no SHA-256", text=kept)
    category, ref = values["category"].strip(), values["ref"].strip()
    if len(category) > 60 or len(ref) > 100 or not (category + ref).isprintable():
        return Line(number=number, why="category or ref is too long or has control characters", text=kept)
    return Line(number=number, sha256=values["sha256"].strip().lower(), category=category, ref=ref)


def _set_aside(path: Path, lines: list[Line]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "wb") as file:
        for line in lines:
            file.write(msgspec.json.encode({"line": line.number, "why": line.why, "text": line.text}) + b"\n")
