"""Hotlines and emergency numbers by country, from `data/hotlines.yaml`. Others go through `service`.

The user chooses the country; nothing is guessed from an address. Entries say where they were read and
when; one that nobody has verified says so. An unknown country shows NCMEC and INHOPE (reading A34).
"""

import datetime as dt
import functools
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

FILE = Path(__file__).parent / "data" / "hotlines.yaml"
KINDS = ("hotline", "police", "government", "directory")
SERVICES = ("all", "police", "ambulance", "fire", "child", "mobile")
LANGUAGES = ("en", "zh-hans", "ar")


class DirectoryError(Exception):
    """The data file cannot be used: says which entry and why."""


class Number(msgspec.Struct, frozen=True):
    """An emergency number; `service` is all, police, ambulance, fire, child (a child helpline) or mobile."""

    number: str
    service: str
    label: str  # `service` in the reader's language; empty for "all"
    verified: bool


class Emergency(msgspec.Struct, frozen=True):
    """What to call first. No numbers where the country is unknown: "your local emergency number"."""

    country: str
    numbers: tuple[Number, ...] = ()
    last_verified: dt.date | None = None
    note: str = ""  # in the reader's language


class Hotline(msgspec.Struct, frozen=True):
    """A body that takes reports about content anywhere on the internet. Link to it; never embed it."""

    id: str
    name: str
    url: str
    kind: str  # hotline | police | government | directory
    country: str  # "" for those that serve every country
    phone: str = ""
    note: str = ""  # in the reader's language
    inhope: bool | None = None  # a member of INHOPE; None = not known
    source: str = ""
    last_verified: dt.date | None = None  # None = not verified


class _Data(msgspec.Struct, frozen=True):
    emergency: dict[str, Any]
    emergency_notes: dict[str, str]
    hotlines: dict[str, Any]
    everywhere: tuple[dict[str, Any], ...]
    notes: dict[str, dict[str, str]]
    services: dict[str, dict[str, str]]
    verified: dict[str, dt.date | None]


def emergency(country: str, language: str = "en") -> Emergency:
    """The emergency numbers of a country (ISO 3166-1); without numbers where it is not known."""
    data = load()
    entry = data.emergency.get(country.upper())
    if entry is None:
        return Emergency(country="")
    numbers = tuple(
        Number(
            number=one["number"],
            service=one["service"],
            label=_in(data.services[one["service"]], language),
            verified=data.verified[one["source"]] is not None,
        )
        for one in entry
    )
    note = data.emergency_notes.get(country.upper())
    return Emergency(country.upper(), numbers, _oldest(data, entry), _in(data.notes[note], language) if note else "")


def hotlines(country: str, language: str = "en") -> list[Hotline]:
    """The country's own bodies first, then NCMEC and INHOPE, which serve everybody (S61-S63, A34)."""
    data = load()
    own = data.hotlines.get(country.upper(), ())
    named = {one["id"] for one in own}
    rows = [(one, country.upper()) for one in own] + [(one, "") for one in data.everywhere if one["id"] not in named]
    return [
        Hotline(
            id=one["id"],
            name=one["name"],
            url=one["url"],
            kind=one["kind"],
            country=where,
            phone=one.get("phone", ""),
            note=_in(data.notes[one["note"]], language) if "note" in one else "",
            inhope=one.get("inhope"),
            source=one["source"],
            last_verified=data.verified[one["source"]],
        )
        for one, where in rows
    ]


def known_countries() -> list[str]:
    """The countries of which the directory knows something, as ISO 3166-1 codes."""
    data = load()
    return sorted({*data.emergency, *data.hotlines})


@functools.cache
def load(path: Path = FILE) -> _Data:
    """The checked data. Raises DirectoryError naming the entry."""
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    verified = {tag: source["last_verified"] for tag, source in read["sources"].items()}
    countries = read["countries"]
    data = _Data(
        emergency={code: entry["emergency"] for code, entry in countries.items()},
        emergency_notes={
            code: entry["emergency_note"] for code, entry in countries.items() if "emergency_note" in entry
        },
        hotlines={code: entry["hotlines"] for code, entry in countries.items()},
        everywhere=tuple(read["everywhere"]),
        notes=read["notes"],
        services=read["services"],
        verified=verified,
    )
    _check(data)
    return data


def _check(data: _Data) -> None:
    for code, numbers in data.emergency.items():
        _check_country(data, code, numbers)
    for where, entries in [*data.hotlines.items(), ("everywhere", data.everywhere)]:
        for one in entries:
            _check_hotline(data, where, one)
    for name, texts in [*data.notes.items(), *data.services.items()]:
        if set(texts) != set(LANGUAGES):
            raise DirectoryError(f"{name} must have a text in each of {LANGUAGES}.")


def _check_country(data: _Data, code: Any, numbers: list[dict[str, Any]]) -> None:
    if not (isinstance(code, str) and len(code) == 2 and code.isupper()):
        raise DirectoryError(f"{code!r} must be a country code of two capital letters, quoted (YAML reads NO as no).")
    for one in numbers:
        if not (isinstance(one["number"], str) and one["number"].isdigit() and one["service"] in SERVICES):
            raise DirectoryError(f"{code}: {one!r} needs a number of digits, quoted, and a service of {SERVICES}.")
        _check_source(data, code, one)
    _check_note(data, code, data.emergency_notes.get(code))


def _check_hotline(data: _Data, where: str, one: dict[str, Any]) -> None:
    parts = urlsplit(one["url"])
    if parts.scheme != "https" or not parts.hostname or one["kind"] not in KINDS:
        raise DirectoryError(f"{where}: {one['id']} needs an https address and a kind of {KINDS}.")
    _check_note(data, f"{where}: {one['id']}", one.get("note"))
    _check_source(data, where, one)


def _check_note(data: _Data, where: str, note: str | None) -> None:
    if note is not None and note not in data.notes:
        raise DirectoryError(f"{where} names the note {note!r}, which is not there.")


def _check_source(data: _Data, where: str, one: dict[str, Any]) -> None:
    tag = one.get("source")
    if tag not in data.verified or not isinstance(data.verified[tag], dt.date | None):
        raise DirectoryError(f"{where}: {one!r} names the source {tag!r}; it must be one of {sorted(data.verified)}.")


def _in(texts: dict[str, str], language: str) -> str:
    return texts.get(language.lower(), texts["en"])


def _oldest(data: _Data, entries: list[dict[str, Any]]) -> dt.date | None:
    dates = [data.verified[one["source"]] for one in entries]
    known = [date for date in dates if date is not None]
    return min(known) if len(known) == len(dates) else None
