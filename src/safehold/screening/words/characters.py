"""What each character folds to: the tables behind `folding`, made once in a process in a quarter of a second. Pure.

`tables()` gives them. Sources: Unicode's normal forms, case folding and names (Python's `unicodedata`), and its list
of confusable characters (`confusable_homoglyphs`).
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LAST = 0x30000  # code points above are tags, rare ideographs and private use: nothing to fold but what is hidden
LOOKING_ALIKE = frozenset(
    ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "DESERET", "TIFINAGH")
)
# Marks that fold away: accents, points of Hebrew and Arabic, enclosing ones. Those of other scripts are letters' parts.
_MARKS = "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
_MARKS += "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_TATWEEL = "\u0640"  # lengthens a line and means nothing
# What is not seen: soft hyphen, joiners and their kin, direction marks, fillers, variation selectors, tags.
_HIDDEN = "\u00ad\u034f\u061c\u115f\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
_HIDDEN += "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
# Letters of kana with their mark apart, and syllables of Hangul in parts, once folded: one letter each.
_SECOND = "\u3099\u309a\u1161-\u1175\u11a8-\u11c2"
_JOINED = (
    "[\u304b-\u3095\u30ab-\u30fd][\u3099\u309a]|(?:[\u1100-\u1112][\u1161-\u1175]|[\uac00-\ud7a3])[\u11a8-\u11c2]?"
)
_NAMED = re.compile(
    r"(?:LATIN (?:SMALL|CAPITAL) LETTER|LATIN LETTER SMALL CAPITAL|SYMBOL LETTER) ([A-Z])(?: WITH [A-Z ]+)?$"
)
_ROUNDS = 4  # foldings until a character stays as it is

HIDDEN = re.compile(f"[{_HIDDEN}]")
JOINED = re.compile(_JOINED)
_MARK = re.compile(f"[{_MARKS}]")

# What a character asks for, in `Tables.asks`.
TO_JOIN, TO_LENGTHEN, TO_FORM, TO_HIDE = 1, 2, 4, 8
# Scripts that put no space between words: their letters tell nothing of where a word ends.
_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x312F), (0x31A0, 0x9FFF), (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D), (0x1B000, 0x1B16F), (0x20000, LAST - 1),
)  # fmt: skip


class Tables(NamedTuple):
    """`same[code]` is the code it becomes; `longer` holds what becomes none or several characters."""

    same: npt.NDArray[np.uint32]
    longer: dict[str, str]
    asks: npt.NDArray[np.uint8]
    spaced: npt.NDArray[np.uint8]  # 1 for letters and digits of scripts that put spaces between words
    lengthened: "re.Pattern[str]"  # what stands in `longer`
    formed: "re.Pattern[str]"  # typographic forms: NFKC makes something else of them


@cache
def tables() -> Tables:
    """The tables, made on first use."""
    looks = _looks_like()
    same = np.arange(LAST, dtype=np.uint32)
    asks = np.zeros(LAST, dtype=np.uint8)
    longer: dict[str, str] = {}
    formed, second = [], re.compile(f"[{_SECOND}]")
    for letter in _letters():
        code, folded = ord(letter), _folded(letter, looks)
        if len(folded) == 1:
            same[code] = ord(folded)
        else:
            longer[letter] = folded
            asks[code] |= TO_LENGTHEN
        if unicodedata.normalize("NFKC", letter) != letter:
            formed.append(letter)
            asks[code] |= TO_FORM
        asks[code] |= TO_HIDE * bool(HIDDEN.match(letter)) | TO_JOIN * bool(second.search(folded))
    same[0xD800:0xE000] = 0xFFFD  # half of a pair is no character, and none of the matchers takes it
    lengthened = re.compile(f"[{''.join(map(re.escape, longer))}{_HIDDEN}]")
    formed_ones = re.compile(f"[{''.join(map(re.escape, formed))}]")
    return Tables(same, longer, asks, _spaced(), lengthened, formed_ones)


def _spaced() -> npt.NDArray[np.uint8]:
    spaced = np.fromiter((chr(code).isalnum() for code in range(LAST)), dtype=np.uint8, count=LAST)
    for low, high in _UNSPACED:
        spaced[low : high + 1] = 0
    return spaced


def ascii_folded() -> dict[int, int]:
    """Lower case, and every white space as a space, for texts in ASCII."""
    table = {code: ord(chr(code).lower()) for code in range(128)}
    return {**table, **{code: ord(" ") for code in table if chr(code).isspace()}}


def _letters() -> Iterator[str]:
    """Characters that may fold to others. Ideographs, syllables, halves of pairs and private use do not."""
    for code in range(LAST):
        if 0x3400 <= code < 0xA000 or 0xAC00 <= code < 0xF900 or 0x17000 <= code < 0x1B000 or 0x20000 <= code < 0x2F800:
            continue
        yield chr(code)


def _folded(letter: str, looks: dict[str, str]) -> str:
    """One character folded until it stays as it is."""
    for _ in range(_ROUNDS):
        before = letter
        letter = HIDDEN.sub("", unicodedata.normalize("NFKC", letter).casefold()).replace(_TATWEEL, "")
        letter = unicodedata.normalize("NFC", _MARK.sub("", unicodedata.normalize("NFD", letter)))
        letter = "".join(" " if one.isspace() else _digit(one) or looks.get(one, one) for one in letter)
        if letter == before:
            break
    return letter


def _digit(letter: str) -> str:
    """The ASCII digit that a digit of any script is."""
    return str(unicodedata.decimal(letter)) if not letter.isascii() and letter.isdecimal() else ""


def _looks_like() -> dict[str, str]:
    """Letters in their folded case, and the Latin one that they look like: the small one, or else the capital."""
    from confusable_homoglyphs.confusables import confusables_data

    direct: dict[str, str] = {}
    for letter in _letters():
        if letter.isascii():
            continue
        if found := _NAMED.search(unicodedata.name(letter, "")):
            direct[letter] = found[1].lower()
        elif letter.isalpha() and unicodedata.name(letter, "").partition(" ")[0] in LOOKING_ALIKE:
            likes = [one["c"] for one in confusables_data.get(letter, ())]
            latin = [one for one in likes if len(one) == 1 and one.isascii() and one.isalpha()]
            if latin:
                direct[letter] = _of_its_case(letter, latin).lower()
    looks = {}
    for letter, latin_one in direct.items():
        small = letter.casefold()
        if len(small) == 1 and not small.isascii():
            looks[small] = direct.get(small, latin_one)
    return looks


def _of_its_case(letter: str, others: list[str]) -> str:
    """The first of the others in the alphabet; one of the letter's own case where there is one."""
    return min(others, key=lambda one: (one.isupper() != letter.isupper(), one))
