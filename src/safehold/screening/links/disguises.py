"""Undoing the ways in which people disguise an address so that no program sees it. Pure. Used by `finding`.

`plain(text)` gives the text with `hxxp`, `[.]`, `(dot)`, ` dot `, spaces around dots, entities of HTML and their like
as what they stand for, and the way back to the original. Every expression here looks at a bounded stretch from any
place, so the work grows with the text alone.
"""

import html
import re
from collections.abc import Callable
from typing import NamedTuple

import re2

from safehold.screening.words.folding import without_hidden
from safehold.screening.words.mapped import Mapped

_OPEN, _CLOSE = r"[\[({<⟨【（]", r"[\])}>⟩】）]"
_DOT = r"(?:\.|·|•|。|dot|d0t|punto|punkt|point|ponto|点|點|точка)"
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_ESCAPE = re.compile(r"\\(?:u00|x)(2[efEF]|3[aA])")
_SIGN = str.maketrans(
    {"。": ".", "．": ".", "｡": ".", "․": ".", "⁄": "/", "∕": "/", "⧸": "/", "꞉": ":", "∶": ":", "ː": ":"}
)
# The scheme with letters changed or signs in brackets: hxxp, h**p, hXXps, http[:]//, https : / /, h t t p : / /
_COLON = rf"(?:{_OPEN}\s?:\s?{_CLOSE}|:)"
_SLASHES = rf"(?:{_OPEN}?\s?[/\\]{{1,2}}\s?{_CLOSE}?\s?){{1,2}}"
_SCHEME = re.compile(
    rf"(?<![a-z0-9])(?:h\s?[tx*_+]{{1,2}}\s?[tx*_+]?\s?[p*]|meow)(s?)\s?(?:{_OPEN}\s?://\s?{_CLOSE}|{_COLON}\s?{_SLASHES})",
    re.IGNORECASE,
)
_SPACED_SCHEME = re.compile(r"(?<![a-z0-9])h ?t ?t ?p ?(s?) ?: ?/ ?/ ?", re.IGNORECASE)
_BRACKETED_DOT = re.compile(rf"\s{{0,3}}{_OPEN}\s{{0,2}}{_DOT}\s{{0,2}}{_CLOSE}\s{{0,3}}", re.IGNORECASE)
_BRACKETED_SIGN = re.compile(rf"\s{{0,3}}{_OPEN}\s{{0,2}}(slash|colon|/|:)\s{{0,2}}{_CLOSE}\s{{0,3}}", re.IGNORECASE)
_SPELLED_DOT = re.compile(r"(?<=[\w)\]])(?:\s{1,3}|[-_*]{1,2})dot(?:\s{1,3}|[-_*]{1,2})(?=\w)", re.IGNORECASE)
_SPELLED_SLASH = re.compile(r"(?<=\w)\s{1,3}slash\s{1,3}(?=\w)", re.IGNORECASE)
_SPACED_DOT = re.compile(r"(?<=\w)\s{1,3}\.\s{0,3}(?=\w)")
# A space after the dot alone is how sentences end, unless a path follows.
_SPACE_AFTER_DOT = re.compile(r"(?<=\w)\.\s{1,2}(?=[^\W\d_]{2,24}\s?/\s?\w)")
_SPACED_SLASH = re.compile(r"(?<=\.)([^\W_]{2,24})\s{1,2}/\s{0,2}(?=\w)|(?<=\.)([^\W_]{2,24})/\s{1,2}(?=\w)")


class _Step(NamedTuple):
    """One kind of disguise: what hints at it (for RE2), what it is, and what stands for it."""

    hint: str
    expression: "re.Pattern[str]"
    by: Callable[["re.Match[str]"], str]


def _scheme(found: "re.Match[str]") -> str:
    """A scheme that is plain already stays, for its own sake."""
    if re.fullmatch(r"https?:[/\\]+", found[0], re.IGNORECASE):
        return found[0]
    return f"http{found[1].lower()}://"


# RE2 tells in one fast pass whether a text may hold a disguise; the expressions above take two milliseconds for 10,000
# characters, and most texts hold none. A hint may say yes too often, never no too often; a test compares the two.
_GAP = r"[\s\pZ\x0b\x1c-\x1f\x{85}]"
_BRACKET_HINT = rf"{_OPEN}{_GAP}{{0,2}}(?:{_DOT}|slash|colon|/|:)"
_SCHEME_HINT = rf"(?:h[tx*_+\s\pZ][tx*_+p\s\pZ]{{0,6}}|meow)s?{_GAP}{{0,2}}(?::|{_OPEN})"
_SCHEME_HINT += rf"|\x00[/\\]*(?:{_GAP}|{_OPEN}|{_CLOSE})"
_STEPS = (
    _Step(_BRACKET_HINT, _BRACKETED_DOT, lambda _found: "."),
    _Step(_BRACKET_HINT, _BRACKETED_SIGN, lambda found: ":" if found[1].lower() in (":", "colon") else "/"),
    _Step(rf"(?:{_GAP}|[-_*])dot(?:{_GAP}|[-_*])", _SPELLED_DOT, lambda _found: "."),
    _Step(rf"{_GAP}\.{_GAP}{{0,3}}[^\s.]", _SPACED_DOT, lambda _found: "."),
    _Step(rf"\.{_GAP}{{1,2}}[^\s/]+{_GAP}?/", _SPACE_AFTER_DOT, lambda _found: "."),
    _Step(_SCHEME_HINT, _SPACED_SCHEME, _scheme),
    _Step(_SCHEME_HINT, _SCHEME, _scheme),
    _Step(rf"\.[^\s/]+(?:{_GAP}{{1,2}}/|/{_GAP})", _SPACED_SLASH, lambda found: f"{found[1] or found[2]}/"),
    _Step(rf"{_GAP}slash{_GAP}", _SPELLED_SLASH, lambda _found: "/"),
)
_HINTS = {hint: re2.compile(f"(?i){hint}".encode()) for hint in dict.fromkeys(step.hint for step in _STEPS)}
_ANY = "|".join(_HINTS)
_HINTS[_ANY] = re2.compile(f"(?i){_ANY}".encode())


def plain(text: str) -> Mapped:
    """The text without disguises. Of the same length and as it was where there are none."""
    mapped = without_hidden(text)
    mapped = mapped.same_length(mapped.text.translate(_SIGN)) if not mapped.text.isascii() else mapped
    if "&" in mapped.text:
        mapped = mapped.replaced(_ENTITY, lambda found: html.unescape(found[0]))
    if "\\" in mapped.text:
        mapped = mapped.replaced(_ESCAPE, lambda found: chr(int(found[1], 16)))
    if _hinted(_ANY, mapped.text):
        for step in _STEPS:
            if _hinted(step.hint, mapped.text):
                mapped = mapped.replaced(step.expression, step.by)
    return mapped


def _hinted(hint: str, text: str) -> bool:
    """Whether a text may hold a disguise. Plain schemes are put out of the way: nearly every link has one."""
    clean = text.replace("https://", "\0").replace("http://", "\0")
    return bool(_HINTS[hint].search(clean.encode("utf-8", "replace")))
