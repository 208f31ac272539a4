"""Lists from files: CSV, JSON lines, or one value a line. Others call it as `service.import_list`.

Streams the file; entries are taken in batches, each in one transaction. What cannot be read is set aside in a file
and counted, never guessed. Importing the same file again adds nothing, and an import that was interrupted is finished
by running it again.
`reading` knows the formats, `entries` and `hidden` what may stand on a list, `taking` what is new in a batch.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening import entries, hidden, pattern_room, taking, writing
from safehold.screening.entries import Content
from safehold.screening.errors import BadEntry, Degenerate, ScreeningError
from safehold.screening.lists import next_version, the_list, turn
from safehold.screening.models import HashList
from safehold.screening.reading import Line, ListFile

BATCH = 10_000  # lines of one transaction: nobody else waits longer than a second for its end
AHEAD = 200_000  # lines read before the first of them is taken, so that a batch's entries are neighbours in the indexes
LONGEST_LINE = 4096  # characters kept of a line that is set aside
MOST_GONE = 0.2  # part of a list that a file may leave unnamed before somebody must mean it
ENOUGH = 24  # hashes that tell a PDQ from a SHA-256
ONES = 128  # of the 256 bits of nearly every PDQ; of one in twenty SHA-256
_SPACES = re.compile(r"[\s;|]+")


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did. Each line is counted once: `lines` is the sum of the six below it."""

    lines: int = 0
    added: int = 0
    changed: int = 0  # the entry was known and says something else, or more, now
    duplicates: int = 0  # known already, or named in this file before
    degenerate: int = 0  # digests of no bytes, PDQ of flat pictures: never matched, set aside
    malformed: int = 0  # not understood, set aside
    barred: int = 0  # our own people retracted it: not taken
    pdq_left_out: int = 0  # entries taken without their PDQ, which says nothing
    missing: int = 0  # live entries that the file, said to be the whole list, does not name
    retracted: int = 0  # of those
    kept_because: str = ""  # why missing ones were not retracted
    set_aside: str = ""  # the file that holds what was not taken; "" = there was none
    to_correct: tuple[str, ...] = ()  # as in `taking.Counts`: what these led to must be looked at again


class Progress(msgspec.Struct, frozen=True):
    """How far an import is."""

    lines: int
    read: int  # bytes
    size: int  # bytes


def import_list(
    path: Path | str,
    list_slug: str,
    *,
    source: str,
    category: str,
    purpose: str,
    licence: str,
    actor: str,
    kind: str = "",
    columns: Mapping[str, str] | None = None,
    form: str = "",
    scope: str = "exact",
    whole: bool = False,
    really: bool = False,
    progress: Callable[[Progress], None] | None = None,
    on_retracted: Callable[[Sequence[str]], None] | None = None,
) -> ImportReport:
    """Add a file's entries to a list; `category` and the `scope` of links are for lines that name none.

    `kind`, `columns` and `form` (csv, jsonl, plain; by the file's name where it is empty) are those of
    `reading.ListFile`. With `whole` the file is the whole list: live entries that it does not name are retracted, but
    not where they are more than a fifth of it, or lines could not be read, unless `really`. `on_retracted` is told in
    the transaction of each change what is `to_correct`. Raises BadMapping, ListMismatch, ScreeningError before anything
    is taken, FileNotFoundError; TooManyPatterns also later, where those of other lists leave too little room.
    """
    file = ListFile(Path(path), kind=kind, columns=columns, form=form)
    run = _Run(
        file, list_slug, category=entries.checked_category(category), scope=scope, actor=actor,
        on_gone=on_retracted or _nobody,
    )  # fmt: skip
    run.refuse_look_alikes()
    run.refuse_too_many_patterns()
    with transaction.atomic():
        run.home = the_list(
            list_slug, source=source, purpose=purpose, licence=licence, actor=actor, kind=file.list_kind
        )
    lines = file.lines()
    with writing.for_many():
        while good := run.read(lines):
            writing.weigh_anew()
            for told in run.take(good):
                if progress is not None:
                    progress(told)
    return run.finish(whole=whole, really=really)


class _Run:
    """One import of one file."""

    home: HashList

    def __init__(
        self,
        file: ListFile,
        slug: str,
        *,
        category: str,
        scope: str,
        actor: str,
        on_gone: Callable[[Sequence[str]], None],
    ) -> None:
        self.on_gone = on_gone
        self.to_correct: list[str] = []
        self.file, self.slug, self.category, self.scope, self.actor = file, slug, category, scope, actor
        self.started: datetime = timezone.now()
        self.through = 0  # bytes of the file whose lines were taken
        self.counts: dict[str, Any] = dict.fromkeys(
            ("lines", "added", "changed", "duplicates", "degenerate", "malformed", "barred", "pdq_left_out"), 0
        )
        self.aside = settings.SAFEHOLD.data / "lists" / f"{slug}-{secrets.token_hex(8)}.set-aside.jsonl"

    def read(self, lines: Iterator[Line]) -> list[Content]:
        """What the next lines say; what is none of these is set aside. Empty at the end of the file alone."""
        good: list[Content] = []
        while len(good) < AHEAD and (batch := list(islice(lines, min(BATCH, AHEAD)))):
            good += self._good(batch)
        return good

    def _good(self, batch: list[Line]) -> list[Content]:
        good: list[Content] = []
        bad: list[tuple[Line, str]] = []
        for line in batch:
            try:
                good.append(self._content(line))
            except BadEntry as problem:
                self.counts["degenerate" if isinstance(problem, Degenerate) else "malformed"] += 1
                bad.append((line, str(problem)))
        if bad:
            _set_aside(self.aside, bad, with_text=self.file.list_kind == HashList.Kind.FILES)
            self.counts["lines"] += len(bad)
        return good

    def take(self, good: list[Content]) -> Iterator[Progress]:
        """Bring entries into the list, neighbours together; tells after each batch how far the file is."""
        _to_neighbours(good)
        from_there, all_of_it = self.through, self.file.read - self.through
        for at in range(0, len(good), BATCH):
            batch = good[at : at + BATCH]
            settled = taking.settle(self.home, batch, started=self.started, actor=self.actor, on_gone=self.on_gone)
            self.to_correct += settled.to_correct
            self.counts["lines"] += len(batch)
            for name in ("added", "changed", "duplicates", "barred"):
                self.counts[name] += getattr(settled, name)
            self.through = from_there + all_of_it * (at + len(batch)) // len(good)
            yield Progress(self.counts["lines"], self.through, self.file.size)

    def _content(self, line: Line) -> Content:
        """What a line says. Raises BadEntry."""
        if line.why:
            raise BadEntry(line.why[0].upper() + line.why[1:] + ".")
        values = line.values
        said: dict[str, Any] = {"category": _text(values, "category") or self.category, "ref": _text(values, "ref")}
        if self.file.list_kind == HashList.Kind.LINKS:
            return hidden.link(_text(values, "link"), _text(values, "scope") or self.scope, **said)
        if self.file.list_kind == HashList.Kind.TERMS:
            return hidden.words(self.slug, term=_text(values, "term"), pattern=_text(values, "pattern"), **said)
        content = entries.files(**said, **_prints(values))
        self.counts["pdq_left_out"] += not content.pdq and bool(values.get("pdq"))
        return content

    def refuse_look_alikes(self) -> None:
        """A PDQ looks like a SHA-256, and either taken for the other would match nothing, in silence.

        Told apart by the count of ones: a PDQ has a bit for each term above the median, so as many ones as zeros.
        Raises ScreeningError.
        """
        first = [line.values for line in islice(self.file.lines(), BATCH)]
        even = [ones == ONES for ones in _ones(first, "sha256")]
        if len(even) >= ENOUGH and all(even):
            raise ScreeningError(f"The first {len(even)} SHA-256 all have 128 ones: these are PDQ hashes. Say so.")
        even = [ones == ONES for ones in _ones(first, "pdq")]
        if len(even) >= ENOUGH and sum(even) < len(even) / 5:
            raise ScreeningError(
                f"Of the first {len(even)} PDQ only {sum(even)} have 128 ones: these are no PDQ hashes, but perhaps "
                "SHA-256."
            )

    def refuse_too_many_patterns(self) -> None:
        """Where the file alone names more than all lists may hold, nothing of it is taken. Raises TooManyPatterns."""
        named: set[tuple[str, str]] = set()
        for line in self.file.lines() if self.file.list_kind == HashList.Kind.TERMS else ():
            try:
                content = self._content(line) if line.values.get("pattern") else None
            except BadEntry:
                continue
            if content is not None:
                named.add((content.identity, content.ref))
                pattern_room.refuse_more_than_fit(len(named), "this file")

    def finish(self, *, whole: bool, really: bool) -> ImportReport:
        """Retract what a whole list no longer names, and put the import on record."""
        counts = self.counts
        unread = counts["degenerate"] + counts["malformed"]
        report = ImportReport(**counts, set_aside=str(self.aside) if unread else "")
        if whole:
            report = self._drop_missing(report, really)
        report = msgspec.structs.replace(report, to_correct=tuple(dict.fromkeys(self.to_correct)))
        told = msgspec.structs.asdict(report)
        for name in ("set_aside", "to_correct"):
            del told[name]
        with transaction.atomic():
            audit.record("list.imported", actor=self.actor, about=self.home, whole=whole, **told)
        return report

    def _drop_missing(self, report: ImportReport, really: bool) -> ImportReport:
        live = self.home.entries.filter(retracted_at=None)
        size, missing = live.count(), live.filter(last_seen__lt=self.started)
        count = missing.count()
        because = ""
        if count > MOST_GONE * size:
            because = f"{count} of {size} entries would go, more than a fifth of the list"
        elif count and report.malformed:
            because = f"{report.malformed} lines could not be read, and may be some of the {count} entries missing"
        if because and not really:
            return msgspec.structs.replace(report, missing=count, kept_because=because)
        retracted = 0
        while keys := list(missing.values_list("pk", flat=True)[:BATCH]):
            with transaction.atomic():
                turn()
                had_hits = taking.retract_all(
                    self.home, dict.fromkeys(keys, "no longer on the whole list"), now=timezone.now(),
                    version=next_version(), actor=self.actor,
                )  # fmt: skip
                self.on_gone(had_hits)
            self.to_correct += had_hits
            retracted += len(keys)
        return msgspec.structs.replace(report, missing=count, retracted=retracted)


def _to_neighbours(contents: list[Content]) -> None:
    """Order entries by what the indexes order them by. Lines of one id of the source stay together, in their order:
    what they mean depends on it (see `taking.settle`).
    """
    first: dict[str, str] = {}
    for one in contents:
        if one.ref:
            first.setdefault(one.ref, one.identity)
    contents.sort(key=lambda one: first.get(one.ref, one.identity))


def _nobody(_entries: Sequence[str]) -> None:
    """Nobody wants to be told."""


def _ones(lines: Iterable[dict[str, Any]], field: str) -> Iterator[int]:
    """Of each hash in that field."""
    for values in lines:
        text = str(values.get(field, "")).strip().lower()
        if entries.HEX[field].fullmatch(text):
            yield int(text, 16).bit_count()


def _prints(values: dict[str, Any]) -> dict[str, Any]:
    """The fields of a line that only files have, as `entries.files` takes them."""
    found: dict[str, Any] = {}
    for field, value in values.items():
        if read := _READ.get(field):
            found[field] = read(value)
        elif field in _DIGESTS:
            found[field] = _text(values, field)
    return found


def _text(values: dict[str, Any], field: str) -> str:
    value = values.get(field, "")
    if not isinstance(value, str):
        raise BadEntry(f"The {field} is not text.")
    if "\ufffd" in value:
        raise BadEntry(f"The {field} is not UTF-8.")
    return value


def _quality(value: object) -> int | None:
    """Of a PDQ, 0 to 100; None where the source does not say."""
    if value is None or value == "":
        return None
    try:
        quality = float(value) if isinstance(value, str | int | float) else -1.0
    except (ValueError, OverflowError):
        quality = -1.0
    if not 0 <= quality <= 100:
        raise BadEntry("The quality of a PDQ is a number from 0 to 100.")
    return int(quality)


def _frames(value: object) -> bytes:
    """PDQ hashes of a film in hex: a list, or one text with spaces, ";" or "|" between them."""
    parts = _SPACES.split(value.strip()) if isinstance(value, str) else value or []
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise BadEntry("The frames of a film are a list of PDQ hashes.")
    if not all(entries.HEX["pdq"].fullmatch(part.lower()) for part in parts if part):
        raise BadEntry("A frame of the film is no PDQ of 64 hexadecimal digits.")
    return b"".join(bytes.fromhex(part) for part in parts)


_READ = {"frames": _frames, "quality": _quality}
_DIGESTS = ("sha256", "sha1", "md5", "pdq", "media")


def _set_aside(path: Path, bad: list[tuple[Line, str]], *, with_text: bool) -> None:
    """Number and reason of each line; the line itself only where it is no link and no term."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "wb") as file:
        for line, why in bad:
            told = {"line": line.number, "why": why}
            if with_text:
                told["text"] = line.text[:LONGEST_LINE]
            file.write(msgspec.json.encode(told) + b"\n")
