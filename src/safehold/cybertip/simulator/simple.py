"""Simple types: how the schema spells a value, and how its documentation narrows it.

Others in this package use `SIMPLE` and `split` (a type of `grammar` as its name and length), `fits_schema`
(what the schema itself asks) and `against_documentation` (lengths, zones, the past, forms of addresses), and
`moment` to read a time. Type names are those of `grammar`.

Sources: W3C XML Schema 1.0 part 2 for spelling; ISPWS documentation of 2025-06-11 for the rest.
"""

import ipaddress
import math
import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import urlsplit

from safehold.cybertip.simulator.lists import LISTS


class Simple(NamedTuple):
    """A type of the schema: its base, and its values or pattern where it is narrower."""

    base: str
    values: tuple[str, ...] = ()
    pattern: str = ""


SIMPLE: dict[str, Simple] = {
    "TEXT": Simple("string"),
    "FILLED": Simple("string"),
    "TOKEN": Simple("token"),
    "BOOL": Simple("boolean"),
    "TIME": Simple("dateTime"),
    "DAY": Simple("date"),
    "NUMBER": Simple("double"),
    "ID": Simple("long"),
    "AGE": Simple("int"),
    "PORT": Simple("int"),
    "URL": Simple("string"),
    "EMAIL": Simple("string"),
    "IP": Simple("string"),
    "CALLING": Simple("string", pattern=r"\+[0-9]{1,3}"),
    "EXTENSION": Simple("string", pattern="[0-9]+"),
    **{name: Simple("string", values) for name, values in LISTS.items()},
}

URL_LENGTH, EMAIL_LENGTH, EMAIL_LOCAL = 2083, 255, 64
_RANGES = {"AGE": (0, 150), "PORT": (1, 65535), "ID": (1, 2**63 - 1)}
_WHOLE = {"int": 2**31, "long": 2**63}
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ZONE = r"(?P<zone>Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
_DAY = r"(?P<year>-?(?:[1-9][0-9]{3,}|0[0-9]{3}))-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
_CLOCK = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?"
_DATE, _DATETIME = re.compile(_DAY + _ZONE), re.compile(f"{_DAY}T{_CLOCK}{_ZONE}")
_DOUBLE = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|-?INF|NaN")


def split(kind: str) -> tuple[str, int]:
    """`TEXT255` as `TEXT` and 255; 0 where no length is documented."""
    name = kind.rstrip("0123456789")
    return name, int(kind[len(name) :] or 0)


def is_simple(kind: str) -> bool:
    """Whether a type of the grammar is one of these."""
    return split(kind)[0] in SIMPLE


def collapsed(value: str) -> str:
    """White space as the schema's types other than string take it."""
    return re.sub("[ \t\r\n]+", " ", value).strip(" ")


def fits_schema(kind: str, value: str) -> bool:
    """Whether the schema alone takes the value."""
    base, values, pattern = SIMPLE[split(kind)[0]]
    if values:
        return value in values
    if pattern:
        return re.fullmatch(pattern, value) is not None
    text = collapsed(value)
    match base:
        case "boolean":
            return text in ("true", "false", "1", "0")
        case "int" | "long":
            number = whole(text)
            return number is not None and -_WHOLE[base] <= number < _WHOLE[base]
        case "double":
            return _DOUBLE.fullmatch(text) is not None
        case "date":
            return _is_day(_DATE.fullmatch(value))
        case "dateTime":
            found = _DATETIME.fullmatch(value)
            return _is_day(found) and _is_clock(found)
    return True  # string and token take anything


def whole(value: str) -> int | None:
    """The number of an `xs:int` or `xs:long`; None for what is none, or has more digits than either may."""
    found = re.fullmatch("([+-]?)0*([0-9]{1,19})", collapsed(value))
    return int(found[1] + found[2]) if found else None


def _is_day(found: re.Match[str] | None) -> bool:
    if found is None or found["year"].strip("-0") == "":
        return False
    year = int(found["year"][-4:])  # the calendar repeats every 400 years, and 10000 is a multiple of that
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    month = int(found["month"])
    return 1 <= month <= 12 and 1 <= int(found["day"]) <= (29 if month == 2 and leap else _DAYS[month - 1])


def _is_clock(found: re.Match[str] | None) -> bool:
    if found is None:
        return False
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"])
    midnight = hour == 24 and minute == second == 0 and not (found["fraction"] or "").strip("0")
    return midnight or (hour < 24 and minute < 60 and second < 60)


def moment(value: str) -> datetime | None:
    """The time of an `xs:dateTime` that has a zone and a year of four digits; None for any other."""
    found = _DATETIME.fullmatch(value)
    if found is None or not _is_clock(found) or not _is_day(found) or found["zone"] is None:
        return None
    if len(found["year"]) != 4:
        return None
    day = datetime(int(found["year"]), int(found["month"]), int(found["day"]), tzinfo=_zone(found["zone"]))
    micro = int((found["fraction"] or "0")[:6].ljust(6, "0"))
    try:
        return day + timedelta(
            hours=int(found["hour"]), minutes=int(found["minute"]), seconds=int(found["second"]), microseconds=micro
        )
    except OverflowError:
        return None


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    ahead = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-ahead if text[0] == "-" else ahead)


def against_documentation(kind: str, value: str, now: datetime) -> str:
    """What the documentation has against a value that the schema takes; empty where nothing."""
    name, most = split(kind)
    if most and len(value) > most:
        return f"is longer than the documented {most} characters"
    if name in _RANGES:
        least, greatest = _RANGES[name]
        number = whole(value)
        return "" if number is not None and least <= number <= greatest else f"lies outside {least} to {greatest}"
    match name:
        case "FILLED":
            return "" if value.strip() else "must not be blank"
        case "TIME":
            return _time(value, now)
        case "DAY":
            return _day(value, now)
        case "NUMBER":
            return "" if math.isfinite(float(collapsed(value).replace("INF", "inf"))) else "must be a number"
        case "URL":
            return _url(value)
        case "EMAIL":
            return _email(value)
        case "IP":
            return _ip(value)
    return ""


def _time(value: str, now: datetime) -> str:
    found = _DATETIME.fullmatch(value)
    if found is None or found["zone"] is None:
        return "must carry its zone, as Z or as an offset"
    at = moment(value)
    if at is None:
        return "lies outside the years 1 to 9999"
    return "" if at <= now else "must lie in the past"


def _day(value: str, now: datetime) -> str:
    try:
        born = date.fromisoformat(value[:10])
    except ValueError:
        return "lies outside the years 1 to 9999"
    return "" if born <= now.astimezone(UTC).date() else "must lie in the past"


def _url(value: str) -> str:
    if len(value) > URL_LENGTH:
        return f"is longer than the documented {URL_LENGTH} characters"
    wrong = "must be a valid http or https URL in ASCII"
    if not value.isascii() or re.search(r"[\s\x00-\x1f\x7f<>\"{}|\\^`]", value):
        return wrong
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return wrong
    return "" if good else wrong


def _email(value: str) -> str:
    local, _at, domain = value.rpartition("@")
    if len(value) > EMAIL_LENGTH or len(local) > EMAIL_LOCAL:
        return f"is longer than the documented {EMAIL_LENGTH} characters, or {EMAIL_LOCAL} before the @"
    if not re.fullmatch(r"[^\s@]+", local) or not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", domain):
        return "must be a well-formed e-mail address"
    return ""


def _ip(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return "must be an IPv4 or IPv6 address"
    return "" if "%" not in value else "must not name a zone of the network"
