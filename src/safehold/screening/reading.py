"""The lines of a list's file, in terms of what an entry consists of: CSV, JSON lines, or one value a line. No database.

Others of this room call `ListFile`. Its columns are found by sensible names or named by a mapping; what cannot be read
is a line with a reason, never an exception, and never more than one line long: a stray quotation mark costs its own
line alone.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from safehold.screening.errors import BadMapping, ScreeningError
from safehold.screening.models import HashList

PRINTS = ("sha256", "sha1", "md5", "pdq", "frames")
FIELDS = (*PRINTS, "quality", "media", "link", "scope", "term", "pattern", "category", "ref")
LONGEST_LINE = 1024 * 1024  # bytes: the frames of a film of two hours fit
MOST_NAMES = 1000  # remembered: each line of a JSON file may bring others
FIRST_LINES = 100  # looked at to tell what a file holds
# How sources call them, without what is not a letter or digit. "hash" and "id" could be anything: they must be named.
NAMES = {
    "sha256": ("sha256", "sha256hash", "hashsha256", "sha256hex", "sha256digest"),
    "sha1": ("sha1", "sha1hash", "hashsha1", "sha1hex", "sha1digest"),
    "md5": ("md5", "md5hash", "hashmd5", "md5hex", "md5digest"),
    "pdq": ("pdq", "pdqhash", "hashpdq", "pdqhex"),
    "frames": ("frames", "vpdq", "pdqframes"),
    "quality": ("quality", "pdqquality"),
    "media": ("media", "mediatype"),
    "link": ("link", "url"),
    "scope": ("scope",),
    "term": ("term", "keyword"),
    "pattern": ("pattern", "regex"),
    "category": ("category", "classification"),
    "ref": ("ref", "reference"),
}
_FIELD_OF = {name: field for field, names in NAMES.items() for name in names}
_NO_NAME = re.compile(r"[^a-z0-9]")
_LENGTHS = {32: "md5", 40: "sha1"}
KINDS = ("files", "sha256", "sha1", "md5", "pdq", "link", "term", "pattern")
_LIST_KINDS = {
    "link": HashList.Kind.LINKS,
    "term": HashList.Kind.TERMS,
    "pattern": HashList.Kind.TERMS,
}


class Line(NamedTuple):
    """One line that says something: its values by field, or why it cannot be read."""

    number: int
    values: dict[str, Any]
    text: str
    why: str = ""


class ListFile:
    """A file of list entries, opened for one reading.

    `kind` says what one value a line is, or what a file with several kinds of columns is taken for; "" finds out.
    `columns` maps fields to the file's own names; an empty name leaves a field away. Raises BadMapping, ScreeningError
    for a file in UTF-16 or with an ambiguous kind, FileNotFoundError.
    """

    def __init__(self, path: Path, *, kind: str = "", columns: Mapping[str, str] | None = None, form: str = "") -> None:
        if kind and kind not in KINDS:
            raise BadMapping(f"The kind of a file is one of {', '.join(KINDS)}, not {kind!r}.")
        self.path, self.kind = path, kind
        self.columns = dict(columns or {})
        if unknown := sorted(set(self.columns) - set(FIELDS)):
            raise BadMapping(f"There is no field {unknown[0]!r} to map; fields are {', '.join(FIELDS)}.")
        self.form = form or _form(path)
        if self.form == "plain" and self.columns:
            raise BadMapping("A file with one value a line has no columns to map: say its kind.")
        self.size = path.stat().st_size
        self.read = 0  # bytes, so far
        self.list_kind = self._list_kind()

    def lines(self) -> Iterator[Line]:
        """Every line that is not empty and no comment, from the first."""
        with self.path.open("rb") as file:
            yield from self._lines(file)

    def _lines(self, file: BinaryIO) -> Iterator[Line]:
        texts = self._texts(file)
        if self.form == "csv":
            return self._csv(texts)
        return self._json(texts) if self.form == "jsonl" else self._plain(texts)

    def _texts(self, file: BinaryIO) -> Iterator[tuple[int, str | None]]:
        """Number and text of each line; None where it is too long to be one."""
        self.read, number = 0, 0
        while raw := file.readline(LONGEST_LINE):
            number += 1
            self.read += len(raw)
            if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                while (more := file.readline(LONGEST_LINE)) and not more.endswith(b"\n"):
                    self.read += len(more)
                self.read += len(more)
                yield number, None
                continue
            text = raw.decode("utf-8", "replace")
            if number == 1:
                text = text.removeprefix("\ufeff")
            yield number, text.rstrip("\r\n")

    # --- one value a line ---

    def _plain(self, texts: Iterator[tuple[int, str | None]]) -> Iterator[Line]:
        words = self.list_kind != HashList.Kind.FILES  # these may hold "#"
        for number, text in texts:
            if text is None:
                yield Line(number, {}, "", "the line is too long")
                continue
            value = (text if not text.startswith("#") else "") if words else text.partition("#")[0]
            if not value.strip():
                continue
            field = self.kind if self.kind not in ("", "files") else _LENGTHS.get(len(value.strip()), "")
            if field:
                yield Line(number, {field: value}, text)
            else:
                yield Line(number, {}, text, "no digest that its length alone tells")

    # --- JSON lines ---

    def _json(self, texts: Iterator[tuple[int, str | None]]) -> Iterator[Line]:
        fields = _Fields(self.columns)
        for number, text in texts:
            if text is None:
                yield Line(number, {}, "", "the line is too long")
                continue
            if not text.strip():
                continue
            try:
                found = msgspec.json.decode(text)
            except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
                yield Line(number, {}, text, "not JSON")
                continue
            if not isinstance(found, dict):
                yield Line(number, {}, text, "not an object")
                continue
            values: dict[str, Any] = {}
            twice = ""
            for name, value in found.items():
                if (field := fields[name]) and value is not None:
                    twice = field if field in values else twice
                    values[field] = value
            yield Line(number, values, text, f"two names for {twice}" if twice else "")

    # --- CSV ---

    def _csv(self, texts: Iterator[tuple[int, str | None]]) -> Iterator[Line]:
        header = next((text or "" for _number, text in texts), "")
        delimiter = max(",;\t", key=header.count)
        names = _cells(header, delimiter) or []
        places = self._places([name.strip() for name in names])
        for number, text in texts:
            if text is None:
                yield Line(number, {}, "", "the line is too long")
                continue
            if not text.strip():
                continue
            cells = text.split(delimiter) if '"' not in text else _cells(text, delimiter)
            if cells is None:
                yield Line(number, {}, text, "not CSV: a quotation mark is not closed on its line")
            elif len(cells) > len(names):
                yield Line(number, {}, text, "more cells than the first line names")
            else:
                here = len(cells)
                yield Line(number, {field: cells[at] for field, at in places if at < here}, text)

    def _places(self, names: list[str]) -> list[tuple[str, int]]:
        """Which field stands in which column. Raises BadMapping."""
        for field, name in self.columns.items():
            if name and name not in names:
                raise BadMapping(f"The file has no column {name!r} for {field}; it has {', '.join(names)[:300]}.")
        fields = _Fields(self.columns)
        found: dict[str, int] = {}
        for at, name in enumerate(names):
            if field := fields[name]:
                if field in found:
                    raise BadMapping(f"Columns {names[found[field]]!r} and {name!r} could both be {field}: map one.")
                found[field] = at
        return list(found.items())

    # --- what the file holds ---

    def _list_kind(self) -> HashList.Kind:
        """Files, links or terms. Raises BadMapping where that cannot be told."""
        with self.path.open("rb") as file:
            if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
                raise ScreeningError(f"{self.path.name} is in UTF-16. Save it as UTF-8.")
        if self.form == "plain":
            return self._plain_kind()
        there = self._fields_there()
        kinds = {_LIST_KINDS.get(field, HashList.Kind.FILES) for field in there}
        wanted = {_LIST_KINDS.get(self.kind, HashList.Kind.FILES)} if self.kind else kinds
        if len(wanted) > 1:
            raise BadMapping("The file has digests, links or terms side by side: say which kind to take.")
        if not kinds & wanted and self.form == "csv":
            raise BadMapping(
                "The first line of a CSV file must name its columns, and one must be sha256, sha1, md5, pdq, "
                "link, term or pattern. Map other names."
            )
        return next(iter(wanted), HashList.Kind.FILES)

    def _fields_there(self) -> set[str]:
        """Fields of the first lines that say what is listed."""
        matter = {*PRINTS, *_LIST_KINDS}
        with self.path.open("rb") as file:
            if self.form == "csv":
                header = next((text or "" for _number, text in self._texts(file)), "")
                names = _cells(header, max(",;\t", key=header.count)) or []
                return matter & {field for field, _at in self._places([name.strip() for name in names])}
            lines = (line for line, _ in zip(self._lines(file), range(FIRST_LINES), strict=False))
            return matter & {field for line in lines for field in line.values}

    def _plain_kind(self) -> HashList.Kind:
        self.list_kind = _LIST_KINDS.get(self.kind, HashList.Kind.FILES)
        if self.kind in ("", "files"):
            with self.path.open("rb") as file:
                first = next((line for line in self._lines(file)), None)
            if first is not None and len(first.text.partition("#")[0].strip()) == 64:
                raise BadMapping("64 digits are a SHA-256 or a PDQ, which look alike: say which kind the file holds.")
        return self.list_kind


class _Fields(dict[str, str]):
    """Field of each column's name, "" for columns that are none of ours."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        super().__init__({name: field for field, name in columns.items() if name})
        self._mapped = set(columns)

    def __missing__(self, name: str) -> str:
        field = _FIELD_OF.get(_NO_NAME.sub("", name.lower()), "")
        field = field if field not in self._mapped else ""
        if len(self) < MOST_NAMES:
            self[name] = field
        return field


def _form(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return "csv"
    return "jsonl" if suffix in (".jsonl", ".ndjson") else "plain"


def _cells(text: str, delimiter: str) -> list[str] | None:
    """The cells of one line; None where it is not CSV."""
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None
