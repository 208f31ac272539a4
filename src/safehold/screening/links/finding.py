"""The links of a text, plain or disguised. Pure: nothing is resolved and nothing fetched.

Others call `find_links` and read `FoundLink`. The text is first brought to plain characters (see `folding`) and its
disguises are undone (`disguises`), with a way back to the original's positions; then it is cut at white space and
quotes, and each piece is read once from left to right. So the work grows with the text alone. A link counts where it
has a scheme, or where a name ends with a public suffix or a reserved one (such as `.test`); what no browser could
open is left out. A link within a link, as of a redirect, is found as well.

In doubt a link is found: a name of a file or a missing space after a sentence can look like a host. Nothing comes of
that, as what is found is only looked up in lists.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from safehold.screening.links.canonical import BadUrl, canonical, decoded, is_address, suffixes
from safehold.screening.links.disguises import plain
from safehold.screening.words.mapped import Mapped

LIMIT = 1000  # different links of one text
LONGEST = 8192  # characters of a link in a text; what is longer is cut: its host and path still match
_SLASHES = "/\\"
RESERVED = frozenset(("test", "example", "onion", "i2p", "localhost", "local", "internal", "arpa"))

_PIECE = re.compile(r"[^\s<>\"“”„«»`{}|^]+")
_SCHEME = re.compile(r"(?<![a-z0-9+.\-])(?:https?|wss?|ftp):[/\\]{1,8}", re.IGNORECASE)
_GLUED = re.compile(r"(?:https?|wss?|ftp):[/\\]{2,8}", re.IGNORECASE)
_AUTHORITY = re.compile(r"\w+:[/\\]*[^/\\?#]+[/\\?#]")  # and that it is over: what follows may hold another link
_ESCAPED = re.compile(r"(?:https?|wss?|ftp)%(?:25){0,3}3a(?:%(?:25){0,3}[25][fc]){1,8}", re.IGNORECASE)
_NAME = re.compile(r"[\w\-.%]+")
_PORT = re.compile(r":\d{1,5}(?!\d)")
_PORT_AT_END = re.compile(r":\d*\Z")
_LABEL = re.compile(r"[^\W_](?:[\w\-]*[^\W_])?\Z")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_AFTER = ".,;:!?'’*_~…。，、；：！？"  # of the sentence, not of the link
_BRACKETS = {")": "(", "]": "[", "）": "（", "】": "【", "』": "『", "」": "「", "》": "《"}
_LONGEST_NAME = 260


class FoundLink(NamedTuple):
    """A link of a text. `raw` stands at `at` in the text as it was; `url` is what a browser would open.

    `obfuscated`: it was disguised, so that a program would miss it or a person misread it.
    """

    raw: str
    url: str
    at: int
    obfuscated: bool


class _Candidate(NamedTuple):
    """A stretch of the plain text that may be a link."""

    start: int
    end: int
    url: str
    obfuscated: bool = False


def find_links(text: str, limit: int = LIMIT) -> list[FoundLink]:
    """The links of a text in the order of their places, each address once, at most `limit`: as many mean "or more".

    Never raises.
    """
    undone, found = plain(text), dict[str, FoundLink]()
    _collect(undone, _candidates(undone.text), found, limit)
    if undone.text != text:  # a whole link may hold signs that only look like a disguise: it counts as it stands, too
        _collect(Mapped(text), _candidates(text, bare=False), found, limit)
    return sorted(found.values(), key=lambda link: link.at)


def _collect(undone: Mapped, candidates: Iterator[_Candidate], found: dict[str, FoundLink], limit: int) -> None:
    """Adds the candidates that are links and are not found yet."""
    for candidate in candidates:
        if len(found) >= limit:
            return
        if _same(candidate.url) not in found and (link := _link(undone, candidate)) is not None:
            found[_same(link.url)] = link


def _link(undone: Mapped, candidate: _Candidate) -> FoundLink | None:
    try:
        one = canonical(candidate.url)
    except BadUrl:
        return None
    start, end = undone.span(candidate.start, candidate.end)
    raw = undone.original[start:end]
    written = candidate.url.partition("://")[2]
    authority = re.split(r"[/\\?#]", written, maxsplit=1)[0]
    odd = (
        undone.text[candidate.start : candidate.end] not in (raw, raw.replace("&amp;", "&"))
        or "@" in authority
        or "\\" in raw
        or "%" in authority
        or (is_address(one.host) and one.host != _PORT_AT_END.sub("", authority))
    )
    return FoundLink(raw, candidate.url, start, candidate.obfuscated or odd)


def _same(url: str) -> str:
    """By what a link is known as the same: everything but its scheme."""
    return url.partition("://")[2]


def _candidates(text: str, *, bare: bool = True) -> Iterator[_Candidate]:
    """What may be a link; without `bare` only what has a scheme."""
    for piece in _PIECE.finditer(text):
        if "." in piece[0].rstrip(".,;:!?)") or "//" in piece[0] or "\\" in piece[0] or "%" in piece[0]:
            yield from _of_piece(text, piece.start(), piece.end(), bare)


def _of_piece(text: str, start: int, end: int, bare: bool) -> Iterator[_Candidate]:
    """Bare names up to the first scheme, then a link from each scheme to the next."""
    begins = [found.start() for found in _GLUED.finditer(text, start, end)]
    begins = begins or [found.start() for found in _SCHEME.finditer(text, start, end)]
    if bare:
        yield from _bare(text, start, begins[0] if begins else end)
    for number, begin in enumerate(begins):
        until = begins[number + 1] if number + 1 < len(begins) else end
        if number == 0 and until < end and _AUTHORITY.match(text, begin, until):
            yield _schemed(text, begin, end)
        yield _schemed(text, begin, until)
    yield from _escaped(text, start, end)


def _schemed(text: str, begin: int, end: int) -> _Candidate:
    end = _trimmed(text, begin, min(end, begin + LONGEST))
    scheme, _, rest = text[begin:end].partition(":")
    return _Candidate(begin, end, f"{scheme.lower()}://{rest.lstrip(_SLASHES)}")


def _escaped(text: str, start: int, end: int) -> Iterator[_Candidate]:
    """Links whose signs are percent-escaped, as parameters hold them."""
    begins = [found.start() for found in _ESCAPED.finditer(text, start, end)]
    for number, begin in enumerate(begins):
        until = begins[number + 1] if number + 1 < len(begins) else end
        until = min(until, begin + LONGEST)
        cut = text.find("&", begin, until)
        until = cut if cut >= 0 else until
        url = text[begin:until]
        for _ in range(4):
            if "://" in url or "%" not in url:
                break
            url = decoded(url)
        url = url[: _trimmed(url, 0, len(url))]
        yield _Candidate(begin, until, url.replace("\\", "/"), obfuscated=True)


def _bare(text: str, start: int, end: int) -> Iterator[_Candidate]:
    """Names without a scheme, with what follows them. A name after "@" is the host of a mail address."""
    at = start
    while found := _NAME.search(text, at, end):
        at = found.end()
        if not _may_be_host(found[0]) or _of_mail(text, found.start(), at, start, end):
            continue
        begin = found.start() + len(found[0]) - len(found[0].lstrip(".-_"))
        stop = at
        if port := _PORT.match(text, at, end):
            stop = port.end()
        if stop < end and text[stop] in "/\\?#":
            stop = _trimmed(text, begin, min(end, begin + LONGEST))
        else:
            stop = _trimmed(text, begin, stop)
        at = max(at, stop)
        yield _Candidate(begin, stop, f"http://{text[begin:stop]}")


def _of_mail(text: str, begin: int, stop: int, start: int, end: int) -> bool:
    before = begin > start + 1 and text[begin - 1] == "@" and (text[begin - 2].isalnum() or text[begin - 2] in "._-+")
    return before or (stop < end and text[stop] == "@")


def _may_be_host(name: str) -> bool:
    """Whether a name ends like a host that can be reached."""
    name = name.strip(".-_").lower()
    if "." not in name or len(name) > _LONGEST_NAME:
        return False
    name = decoded(name).lower() if "%" in name else name
    if _IPV4.fullmatch(name):
        return all(int(part) < 256 for part in name.split("."))
    labels = name.split(".")
    if labels[-1].isdigit() or not all(labels):
        return False
    if labels[-1] in RESERVED:
        return True
    suffix = suffixes().publicsuffix(name, accept_unknown=False)
    return bool(suffix) and suffix != name and bool(_LABEL.match(labels[-1]))


def _trimmed(text: str, start: int, end: int) -> int:
    """The end of a link without the signs of the sentence around it, and without a bracket that it does not open."""
    spare = {close: text.count(opens, start, end) - text.count(close, start, end) for close, opens in _BRACKETS.items()}
    while end > start:
        last = text[end - 1]
        if spare.get(last, 0) < 0:
            spare[last] += 1
        elif last not in _AFTER:
            break
        end -= 1
    return end
