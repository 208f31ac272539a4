"""The kinds of values in a document: text, links, times, addresses, numbers, codes, presence flags.

Each kind is an instance with `check(value, field)`, `write(value)` and `read(text, field)`, see
`element.Kind`. Text loses the characters that XML 1.0 forbids. Lengths count UTF-16 units, as the
service's platform does: that is never less than the number of characters, so whatever passes here
passes either way of counting.
"""

import ipaddress
import math
import re
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from safehold.cybertip.document.errors import DOCS, SERVICE, XSD, DocumentError

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_EMAIL_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_KEEP = "%/:=&?~#+!$,;'@()*[]"  # characters of a link that quoting leaves alone
_WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_DAY = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)?")
LONG_MAX = 2**63 - 1


def clean(text: str) -> str:
    """Text as XML 1.0 can carry it: forbidden characters removed, line ends as LF."""
    return _ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def length(text: str) -> int:
    """Number of UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


class Text:
    """Free text of at most `limit` characters; blank text counts as absent, and is refused when read where `filled`."""

    def __init__(self, limit: int | None = None, source: str = DOCS, *, filled: bool = False) -> None:
        self.limit = limit
        self.source = source
        self.filled = filled

    def check(self, value: Any, field: str) -> str | None:
        """Cleaned text, None when blank."""
        if not isinstance(value, str):
            raise DocumentError(field, "must be text", XSD)
        text = clean(value)
        if not text.strip():
            return None
        if self.limit is not None and length(text) > self.limit:
            raise DocumentError(field, f"is longer than {self.limit} characters", self.source)
        return text

    def write(self, value: str) -> str:
        return value

    def read(self, text: str, field: str) -> str:
        if self.filled and not text.strip():
            raise DocumentError(field, "must not be blank", XSD)
        return text


class Pattern(Text):
    """Short text of one form, such as a calling code."""

    def __init__(self, pattern: str, says: str, limit: int | None = None, source: str = XSD) -> None:
        super().__init__(limit, source)
        self.pattern = re.compile(pattern)
        self.says = says

    def check(self, value: Any, field: str) -> str | None:
        text = super().check(value, field)
        if text is not None and not self.pattern.fullmatch(text):
            raise DocumentError(field, self.says, self.source)
        return text


class Choice:
    """One of the schema's listed values."""

    def __init__(self, allowed: tuple[str, ...] | frozenset[str]) -> None:
        self.allowed = frozenset(allowed)

    def check(self, value: Any, field: str) -> str:
        if value not in self.allowed:
            listed = f"must be one of the {len(self.allowed)} listed values"
            if len(self.allowed) <= 10:
                listed = f"must be one of: {', '.join(sorted(self.allowed))}"
            raise DocumentError(field, listed, XSD)
        return str(value)

    def write(self, value: str) -> str:
        return value

    def read(self, text: str, field: str) -> str:  # noqa: ARG002 - as every kind
        return text


class Flags:
    """Annotations: a tuple of names, written as empty elements in the schema's order. `newer`: see `codes.NEWER`."""

    def __init__(self, allowed: tuple[str, ...], newer: tuple[str, ...] = ()) -> None:
        self.allowed = allowed + newer
        self.newer = newer

    def check(self, value: Any, field: str) -> tuple[str, ...] | None:
        for name in value:
            if name not in self.allowed:
                raise DocumentError(f"{field}/{name}" if str(name).isalnum() else field, "is not an annotation", XSD)
        return tuple(name for name in self.allowed if name in value) or None

    def children(self, value: tuple[str, ...]) -> tuple[str, ...]:
        return value

    def write(self, value: tuple[str, ...]) -> str:
        raise TypeError(f"{len(value)} flags are empty elements, they have no text.")

    def read(self, text: str, field: str) -> Any:
        """Never called: the names of flags are read by `read.element`."""
        raise TypeError(f"{field} holds empty elements, it has no text ({len(text)} characters).")


class Bool:
    """xs:boolean, written `true` or `false`."""

    def check(self, value: Any, field: str) -> bool:
        if not isinstance(value, bool):
            raise DocumentError(field, "must be true or false", XSD)
        return value

    def write(self, value: bool) -> str:
        return "true" if value else "false"

    def read(self, text: str, field: str) -> bool:
        if text.strip() not in ("true", "false", "1", "0"):
            raise DocumentError(field, "must be true or false", XSD)
        return text.strip() in ("true", "1")


class Whole:
    """A whole number between two bounds."""

    def __init__(self, least: int, most: int, source: str = DOCS) -> None:
        self.least, self.most, self.source = least, most, source

    def check(self, value: Any, field: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise DocumentError(field, "must be a whole number", XSD)
        if not self.least <= value <= self.most:
            raise DocumentError(field, f"must lie between {self.least} and {self.most}", self.source)
        return value

    def write(self, value: int) -> str:
        return str(value)

    def read(self, text: str, field: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,30}", text.strip()):
            raise DocumentError(field, "must be a whole number", XSD)
        return int(text)


class Degrees:
    """A coordinate in degrees, from -`most` to `most`."""

    def __init__(self, most: int) -> None:
        self.most = most

    def check(self, value: Any, field: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise DocumentError(field, "must be a finite number", XSD)
        if abs(value) > self.most:
            raise DocumentError(field, f"must lie between -{self.most} and {self.most}", SERVICE)
        return float(value)

    def write(self, value: float) -> str:
        return repr(value)

    def read(self, text: str, field: str) -> float:
        if not re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", text.strip()):
            raise DocumentError(field, "must be a finite number", XSD)
        return float(text)


class When:
    """A time with its zone, kept in UTC to the millisecond. That it lies in the past is checked by the root."""

    def check(self, value: Any, field: str) -> datetime:
        if not isinstance(value, datetime) or value.utcoffset() is None:
            raise DocumentError(field, "must be a time with its zone", DOCS)
        if not 1900 <= value.year <= 9998:
            raise DocumentError(field, "must lie between the years 1900 and 9998", SERVICE)
        utc = value.astimezone(UTC)
        return utc.replace(microsecond=utc.microsecond // 1000 * 1000)

    def write(self, value: datetime) -> str:
        spec = "milliseconds" if value.microsecond else "seconds"
        return value.isoformat(timespec=spec).replace("+00:00", "Z")

    def read(self, text: str, field: str) -> datetime:
        if not _WHEN.fullmatch(text.strip()):
            raise DocumentError(field, "must be a time with its zone", DOCS)
        try:
            return datetime.fromisoformat(text.strip())
        except ValueError:
            raise DocumentError(field, "must be a time with its zone", DOCS) from None


class Day:
    """A date of birth, no time."""

    def check(self, value: Any, field: str) -> date:
        if not isinstance(value, date) or isinstance(value, datetime):
            raise DocumentError(field, "must be a date without a time", XSD)
        return value

    def write(self, value: date) -> str:
        return value.isoformat()

    def read(self, text: str, field: str) -> date:
        found = _DAY.fullmatch(text.strip())
        try:
            if found:
                return date.fromisoformat(found["day"])
        except ValueError:
            pass
        raise DocumentError(field, "must be a date without a time", XSD)


class Link(Text):
    """An absolute http or https link; letters outside ASCII are written in their encoded form."""

    def __init__(self, limit: int = 2083) -> None:
        super().__init__(limit)

    def check(self, value: Any, field: str) -> str | None:
        text = super().check(value, field)
        if text is None:
            return None
        plain = _plain_link(text.strip())
        if plain is None:
            raise DocumentError(field, "must be an absolute http or https link", DOCS)
        return super().check(plain, field)


class Mail(Text):
    """A well-formed e-mail address of at most 255 characters, at most 64 before the @."""

    def __init__(self) -> None:
        super().__init__(255)

    def check(self, value: Any, field: str) -> str | None:
        text = super().check(value, field)
        if text is None:
            return None
        local, _at, domain = text.strip().rpartition("@")
        if len(local) > 64:
            raise DocumentError(field, "has more than 64 characters before the @", DOCS)
        labels = domain.split(".")
        if not _EMAIL_LOCAL.fullmatch(local) or len(labels) < 2 or not all(_LABEL.fullmatch(one) for one in labels):
            raise DocumentError(field, "is not a well-formed e-mail address", DOCS)
        return text.strip()


class Ip(Text):
    """An IPv4, IPv6 or IPv4-mapped address, as it was given."""

    def check(self, value: Any, field: str) -> str | None:
        text = super().check(value, field)
        if text is None:
            return None
        try:
            address = ipaddress.ip_address(text.strip())
        except ValueError:
            address = None
        if address is None or getattr(address, "scope_id", None):
            raise DocumentError(field, "is not an IPv4 or IPv6 address", DOCS)
        return text.strip()


def _plain_link(text: str) -> str | None:
    """The link in ASCII, or None where it is not an http(s) link (one with a user name is not taken for one)."""
    if any(char.isspace() or ord(char) < 33 or char in '<>"{}|\\^`' for char in text):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode() if ":" not in (parts.hostname or "") else parts.hostname
    except (ValueError, UnicodeError):
        return None
    if parts.scheme.lower() not in ("http", "https") or not host or parts.username is not None:
        return None
    if ":" not in host and not all(_LABEL.fullmatch(label) for label in host.rstrip(".").replace("_", "").split(".")):
        return None
    place = f"[{host}]" if ":" in host else host
    if port is not None:
        place += f":{port}"
    path, query, fragment = (quote(one, safe=_KEEP) for one in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme.lower(), place, path, query, fragment))
