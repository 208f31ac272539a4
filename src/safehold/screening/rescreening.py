"""Running new list entries against what was screened before they came. Others call `begin` and `run` through `service`.

A run covers the changes of lists between two numbers and goes through every file of the archive once. It is resumed
after a stop: files that are done are not read again. What it finds is given to the caller, who records it; recording
twice must change nothing.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pyarrow as pa
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening import following, keeping, live
from safehold.screening.archive import journal, parts
from safehold.screening.archive.batch import Entries, Lookup, found
from safehold.screening.archive.schema import Row, table
from safehold.screening.matching import Asked, Found, Hit
from safehold.screening.models import HashList, ListEntry, Rescreen
from safehold.screening.weighing import Agreed

HELD = 200_000  # entries that are held in memory; beyond, the whole index is asked, which finds known ones again
LAG = 2.0  # seconds: a process that screens is never further behind the lists
JOURNALS = "journals"  # the rows that are not packed yet, as one part of a run
AT_ONCE = 20_000  # rows of journals in one portion


class Match(NamedTuple):
    """One archived item that entries hit."""

    host: str
    item_id: str
    account_id: str
    surface: str
    jurisdiction: str
    asked: Asked
    hits: list[Hit]


class Progress(NamedTuple):
    """How far a run is. `parts` are those known now: more may come while it runs."""

    done: int
    parts: int
    rows: int
    found: int


def begin(*, actor: str) -> Rescreen | None:
    """The run that is not ended, or a new one for the changes since the last; None where the lists did not grow."""
    with transaction.atomic():
        unfinished = Rescreen.objects.select_for_update().filter(ended_at=None).first()
        if unfinished is not None:
            return unfinished
        last = Rescreen.objects.order_by("-upto").first()
        after, upto = last.upto if last else 0, following.clock()
        count = _entries(after, upto).count()
        if not count:
            return None
        row = Rescreen.objects.create(after=after, upto=upto, entries=count, begun_at=timezone.now())
        audit.record("rescreen.begun", actor=actor, about=row, after=after, upto=upto, entries=count)
        return row


def run(
    row: Rescreen,
    take: Callable[[list[Match]], None],
    *,
    actor: str,
    progress: Callable[[Progress], None] | None = None,
) -> Rescreen:
    """Go through what is not done yet. `take` is given the matches of a portion and records them in a transaction.

    Raises what `take` raises, and parts.DamagedPart: the run stands where it was and can be begun again.
    """
    lookup = _lookup(row)
    time.sleep(LAG)  # whoever screened by the lists as they were before `upto` has written it down by now
    folder = keeping.folder()
    while waiting := _waiting(row):
        name, portions = waiting[0]
        rows = hits = 0
        for batch in portions:
            matches = _matches(batch, lookup)
            if matches:
                take(matches)
            rows, hits = rows + batch.num_rows, hits + len(matches)
        _done(row, name, rows, hits)
        if progress is not None:
            progress(Progress(len(row.done), 1 + len(parts.listed(folder)), row.rows, row.found))
    with transaction.atomic():
        row.ended_at = timezone.now()
        row.save(update_fields=["ended_at"])
        audit.record("rescreen.ended", actor=actor, about=row, rows=row.rows, found=row.found)
    return row


def _entries(after: int, upto: int) -> "QuerySet[ListEntry]":
    rows = ListEntry.objects.filter(version__gt=after, version__lte=upto, retracted_at=None)
    return rows.filter(list__kind=HashList.Kind.FILES)


def _lookup(row: Rescreen) -> Lookup:
    """The new entries alone, or everything where there are very many."""
    matcher = live.matcher()
    while matcher.upto < row.upto:
        matcher.keep_up()
    if row.entries > HELD:
        return matcher.index
    portions = following.changes(row.after, row.upto)
    return Entries(change for portion in portions for change in portion.files).index


def _waiting(row: Rescreen) -> list[tuple[str, Iterator[pa.RecordBatch]]]:
    """What is still to be read. Journals come first: a file that one of them becomes meanwhile is read as well."""
    done = set(row.done)
    waiting = [] if JOURNALS in done else [(JOURNALS, _journal_rows())]
    left = [part for part in parts.listed(keeping.folder()) if part.name not in done]
    left = [part for part in left if not part.replaces or not part.replaces <= done]
    return [*waiting, *((part.name, _part_rows(part)) for part in left)]


def _part_rows(part: parts.Part) -> Iterator[pa.RecordBatch]:
    """The rows of a part; none where it was merged or ended meanwhile, what it became is listed then."""
    try:
        yield from parts.batches(part)
    except FileNotFoundError:
        return


def _journal_rows() -> Iterator[pa.RecordBatch]:
    """What was screened in the last minutes and is in no part yet."""
    with parts.changing(keeping.folder()):  # none becomes a part while it is read
        waiting: list[Row] = []
        for path in journal.every(parts.journals(keeping.folder())):
            for one in journal.rows(path):
                if one is not None:
                    waiting.append(one)
                if len(waiting) >= AT_ONCE:
                    yield from table(waiting).to_batches()
                    waiting = []
        if waiting:
            yield from table(waiting).to_batches()


def _done(row: Rescreen, name: str, rows: int, hits: int) -> None:
    with transaction.atomic():
        row.done = [*row.done, name]
        row.rows, row.found = row.rows + rows, row.found + hits
        row.save(update_fields=["done", "rows", "found"])


def _matches(batch: pa.RecordBatch, lookup: Lookup) -> list[Match]:
    """The rows of a portion that hit entries, weighed as any other upload is."""
    matcher = live.matcher()
    answer = []
    for one in found(batch, lookup).to_pylist():
        asked = Asked(
            sha256=(one["sha256"] or b"").hex(), sha1=(one["sha1"] or b"").hex(), md5=(one["md5"] or b"").hex(),
            pdqs=tuple(pdq.hex() for pdq in one["pdqs"]), film=one["film"],
        )  # fmt: skip
        files = {a["entry"]: Agreed(tuple(a["digests"]), a["distance"]) for a in one["agrees"]}
        if hits := matcher.tell(asked, Found(files)):
            named = (one["host"], one["item_id"], one["account_id"], one["surface"], one["jurisdiction"])
            answer.append(Match(*named, asked, hits))
    return answer
