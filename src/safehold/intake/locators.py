"""What a pasted line is: a link on a host of ours, a name, or something elsewhere. No network.

Others may call: `classify`, `split`, `clean`.
"""

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from safehold.subjects.models import Host

HostOf = Callable[[str], Host | None]

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_BARE_LINK = re.compile(r"(?:[^\s/@:.]+\.)+[^\s/@:.]{2,}(?::\d+)?[/?#]\S*", re.IGNORECASE)
_DEFAULT_PORT = {"http": "80", "https": "443"}


class Classified(msgspec.Struct, frozen=True):
    """A pasted line, understood as far as it can be without asking anybody."""

    raw: str
    given_as: str  # link | name
    kind: str  # account | item | elsewhere
    state: str  # checking | not_found | elsewhere
    host: Host | None = None


def clean(text: str, *, lines: bool = False) -> str:
    """Text that every database can store: no control characters (but line breaks, if wanted), no broken letters."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    keep = "\n\t" if lines else ""
    return "".join(
        letter for letter in whole if letter in keep or unicodedata.category(letter) not in ("Cc", "Cs")
    ).strip()


def split(text: str) -> tuple[str, ...]:
    """The locators in a text area: one a line, or several links or @names on one line."""
    found: list[str] = []
    for line in text.splitlines():
        words = line.replace(",", " ").split()
        if len(words) > 1 and all(word.startswith("@") or _is_link(word) for word in words):
            found.extend(words)
        elif line.strip():
            found.append(line.strip())
    return tuple(found)


def classify(raw: str, host_of: HostOf, default: Host | None = None) -> Classified:
    """Understand one pasted line. `default` is the host that names without an address belong to."""
    if not _is_link(raw):
        return Classified(raw, "name", "account", "checking", default)
    candidates = _spellings(raw)
    if not candidates:
        return Classified(raw, "link", "item", "not_found")
    for link in candidates:
        host = host_of(link)
        if host is not None:
            return Classified(raw, "link", "item", "checking", host)
    return Classified(raw, "link", "elsewhere", "elsewhere")


def _is_link(raw: str) -> bool:
    return bool(_SCHEME.match(raw) or _BARE_LINK.fullmatch(raw))


def _spellings(raw: str) -> list[str]:
    """The link in the spellings under which its host may be known: either web scheme, no default port.

    Empty where nothing can be read from it. A link with a user name in it ("https://a@b/") stays as it
    is: it is made to look like another host's.
    """
    link = raw if _SCHEME.match(raw) else f"https://{raw}"
    try:
        parts = urlsplit(link)
        host, port = parts.hostname, parts.port
    except ValueError:
        return []
    if not host:
        return []
    if "@" in parts.netloc:
        return [link]
    bare = f"[{host}]" if ":" in host else host.rstrip(".")
    schemes = ("https", "http") if parts.scheme in _DEFAULT_PORT else (parts.scheme,)
    return [
        f"{scheme}://{bare}" + ("" if port is None or str(port) == _DEFAULT_PORT.get(parts.scheme) else f":{port}")
        for scheme in sorted(schemes, key=lambda scheme: scheme != parts.scheme)
    ]
