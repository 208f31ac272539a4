"""Names of countries for the pickers. A country is always chosen by the visitor, never guessed.

`choices(language)` gives (code, name), in the order that readers of the language expect.
"""

import functools
import unicodedata
from importlib import resources

_COLUMN = {"en": 1, "zh-hans": 2, "ar": 3}


@functools.cache
def choices(language: str) -> list[tuple[str, str]]:
    """Code and name of every country; English names for a language that the file does not hold."""
    column = _COLUMN.get(language, 1)
    rows = [(row[0], row[column]) for row in _rows()]
    return sorted(rows, key=lambda row: _place(row[1], language))


@functools.cache
def _rows() -> list[list[str]]:
    text = resources.files("safehold.public").joinpath("data/countries.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def _place(name: str, language: str) -> bytes:
    if language == "zh-hans":
        return name.encode("gb18030")  # common characters stand there in the order of their sounds
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    return plain.casefold().encode()
