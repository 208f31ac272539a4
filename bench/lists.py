"""Importing a list: a CSV file into an empty database, and once more when all of it is known. No process is started.

200,000 entries, a million with SAFEHOLD_BENCH_LARGE=1: a SHA-256, an MD5 and the source's id on each line. Beside it,
in the same run and the same table, a bare INSERT of rows that are ready in memory: no file, no check, no look for what
is known, no record. Its rows are made before its clock starts.
"""

import hashlib
import os
import resource
import time
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import django

from bench.figures import Result, Row

ENTRIES, LARGE = 200_000, 1_000_000
TERMS = {
    "source": "bench",
    "purpose": "prevent-exploitation",
    "licence": "none",
    "actor": "system:bench",
    "category": "",
}
AIM = 60.0  # seconds for a million entries
IMPORT, AGAIN, BARE = "import of a CSV file", "the same file again", "bare INSERT of the same rows"


def run(runs: int) -> list[Result]:
    """Each once: the tables grow, so a second time would measure something else (`runs` is not used)."""
    del runs
    django.setup()
    from safehold.app.setup import setup

    setup()
    count = LARGE if os.environ.get("SAFEHOLD_BENCH_LARGE") == "1" else ENTRIES
    with TemporaryDirectory(prefix="safehold-bench-lists-") as folder:
        path = Path(folder) / "list.csv"
        _write(path, count)
        before = _memory()
        busy = time.process_time()
        first = _imported(path, added=count)
        busy = time.process_time() - busy
        grown = _memory() - before
        again = _imported(path, duplicates=count)
    rows = [Row(IMPORT, [first], against=BARE), Row(AGAIN, [again], against=BARE), Row(BARE, [_bare(count)])]
    notes = [
        f"{count:,} entries; {count / first:,.0f} a second, {count / again:,.0f} where all are known.",
        f"the import kept a core busy for {busy:.1f} s; the rest it waited, for the disk or for others.",
        f"memory grew by {grown / 2**20:.0f} MiB at most while importing.",
    ]
    return [Result("lists", f"A list of {count:,} entries into the database", rows, notes, aim=AIM * count / LARGE)]


def _imported(path: Path, **wanted: int) -> float:
    from safehold.screening import service as screening

    began = time.perf_counter()
    report = screening.import_list(path, "bench", **TERMS)
    spent = time.perf_counter() - began
    for name, number in wanted.items():
        if getattr(report, name) != number:
            raise RuntimeError(f"The import is not right, so its figure means nothing: {report}")
    return spent


def _bare(count: int) -> float:
    """The same columns into the same table, for another list, in transactions of the same size."""
    from django.db import connection, transaction
    from django.utils import timezone

    from safehold.screening import importing
    from safehold.screening.models import HashList, ListEntry

    home = HashList.objects.create(
        slug="bare", source="bench", licence="none", purpose=TERMS["purpose"], made_at=timezone.now()
    )
    fields = ListEntry._meta.local_concrete_fields
    now = timezone.now()
    names = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    statement = f'INSERT INTO "{ListEntry._meta.db_table}" ({names}) VALUES ({marks})'  # noqa: S608 - the model's names
    made = (
        ListEntry(
            id=uuid.uuid4(), list=home, identity=sha256, sha256=sha256, md5=md5, ref=ref, first_seen=now, last_seen=now
        )
        for sha256, md5, ref in _digests(count)
    )
    rows = ([field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields] for row in made)
    spent = 0.0
    while batch := list(islice(rows, importing.BATCH)):
        began = time.perf_counter()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(statement, batch)
        spent += time.perf_counter() - began
    return spent


def _write(path: Path, count: int) -> None:
    with path.open("w", encoding="ascii") as file:
        file.write("sha256,md5,ref\n")
        file.writelines(f"{sha256},{md5},{ref}\n" for sha256, md5, ref in _digests(count))


def _digests(count: int) -> Iterator[tuple[str, str, str]]:
    for number in range(count):
        body = f"gradient {number}".encode()
        yield hashlib.sha256(body).hexdigest(), hashlib.md5(body, usedforsecurity=False).hexdigest(), f"case-{number}"


def _memory() -> int:
    """The most that this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
