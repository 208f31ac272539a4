"""The form that texts and terms are compared in, whatever letters they were disguised with. Pure.

Others call `fold`, and `without_hidden` for the milder form that addresses are looked for in. Folded are: case;
width and typographic forms (NFKC); accents of Latin, Greek and Cyrillic letters, points of Hebrew and Arabic; digits
of other scripts; characters that are not seen (zero width, soft hyphen, direction marks); runs of white space; and
letters that look like a Latin one, of the scripts in `characters.LOOKING_ALIKE`, always and not only in words of
mixed script: somebody who spells a whole word in look-alikes is found too. The price is that a real word of another
script that looks like a term is a hit, which a hit that only orders a queue can bear. A text in such a script is
still found by terms in it, as both are folded alike.

Left alone are digits and signs in place of letters ("leet"): a digit beside a listed word mostly is a number, such
as an age, a price or a date, and folding it would make words of numbers. Whoever needs it lists that spelling, or
writes a pattern. Letters that a dot or space was put between are not joined either, for the same reason.
"""

import re
import unicodedata

import numpy as np
import numpy.typing as npt

from safehold.screening.words import characters
from safehold.screening.words.mapped import Mapped

_SPACES = re.compile(" {2,}")
_ASCII = characters.ascii_folded()
_ASCII_SPACED = bytes(chr(code).isalnum() for code in range(128)) + bytes(128)


def fold(text: str) -> Mapped:
    """The text as it is compared, with the way back: `.text`, `.span(start, end)`. Linear in the text."""
    if text.isascii():
        return _single_spaces(Mapped(text).same_length(text.translate(_ASCII)))
    tables = characters.tables()
    codes = _codes(text)
    asked = _asked(codes)
    inner = codes < characters.LAST
    folded = np.where(inner, tables.same[np.where(inner, codes, 0)], codes)
    mapped = Mapped(text).same_length(folded.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass"))
    if asked & (characters.TO_LENGTHEN | characters.TO_HIDE):
        mapped = mapped.replaced(tables.lengthened, lambda found: tables.longer.get(found[0], ""))
    if asked & characters.TO_JOIN:  # last, as what was taken away may have stood between the parts
        mapped = mapped.replaced(characters.JOINED, lambda found: unicodedata.normalize("NFC", found[0]))
    return _single_spaces(mapped)


def spaced(folded: str) -> bytes:
    """1 for each letter or digit of a folded text, in scripts that put spaces between words; 0 for all else."""
    if folded.isascii():
        return folded.encode("ascii").translate(_ASCII_SPACED)
    return characters.tables().spaced[np.minimum(_codes(folded), characters.LAST - 1)].tobytes()


def without_hidden(text: str) -> Mapped:
    """The text with typographic forms as plain ones (NFKC) and without characters that are not seen."""
    mapped = Mapped(text)
    if text.isascii():
        return mapped
    asked = _asked(_codes(text))
    if asked & characters.TO_HIDE:
        mapped = mapped.replaced(characters.HIDDEN, lambda _found: "")
    if asked & characters.TO_FORM:
        mapped = mapped.replaced(characters.tables().formed, lambda found: unicodedata.normalize("NFKC", found[0]))
    return mapped


def _single_spaces(mapped: Mapped) -> Mapped:
    return mapped.replaced(_SPACES, lambda _found: " ") if "  " in mapped.text else mapped


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _asked(codes: npt.NDArray[np.uint32]) -> int:
    """Everything that some character of the text asks for."""
    beyond = codes >= characters.LAST
    asks = characters.tables().asks[np.where(beyond, 0, codes)]
    return int(np.bitwise_or.reduce(asks)) | characters.TO_HIDE * bool(beyond.any())
