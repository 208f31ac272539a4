"""From an input record to title and body: templates for the shape, phrases for the words. Plain text.

Every language has every template and every phrase; `check()` says what is missing. What comes from a
host (names, ids) is brought onto one line, and set apart in right-to-left text so that it cannot reorder it.
"""

import functools
import unicodedata
from pathlib import Path
from typing import Any

import yaml
from django.template.loader import render_to_string

LANGUAGES = ("en", "zh-hans", "ar")
RIGHT_TO_LEFT = frozenset({"ar"})
TEMPLATES = (
    "statement", "appeal_granted", "appeal_refused", "must_remove", "reversal", "removal_answer", "removal_holder",
    "objection_answer",
)  # fmt: skip
FOLDER = Path(__file__).parent
_ISOLATE = "\u2068{}\u2069"  # Unicode first-strong isolate, pop


class UnknownCode(ValueError):
    """A measure, source or reason that no language has words for."""


class MissingText(Exception):
    """A language lacks a phrase or a template: the installation is incomplete."""


def language_of(wished: str) -> str:
    """The language a letter is written in: the wished one where it is complete, else English."""
    low = wished.lower().replace("_", "-")
    if low in LANGUAGES:
        return low
    if low.split("-")[0] == "zh":
        return "zh-hans"
    return low.split("-")[0] if low.split("-")[0] in LANGUAGES else "en"


def phrase(language: str, group: str, code: str, **values: Any) -> str:
    """The words for a code. Raises UnknownCode naming the known ones."""
    known = phrases(language)[group]
    if code not in known:
        raise UnknownCode(f"There are no words for {group} {code!r}; known are: {', '.join(sorted(known))}.")
    return known[code].format(**values)


def one_line(text: str, language: str) -> str:
    """Text from outside, on one line, without control and direction characters."""
    plain = "".join(" " if unicodedata.category(one) in ("Cc", "Zl", "Zp") else one for one in text)
    plain = "".join(one for one in plain if unicodedata.category(one) not in ("Cf", "Cs"))
    return apart(" ".join(plain.split()), language)


def paragraphs(text: str) -> str:
    """A person's words, with their line breaks, without control and direction characters."""
    return "\n".join(
        "".join(one for one in line if unicodedata.category(one) not in ("Cc", "Cf", "Cs")).strip()
        for line in text.splitlines()
    ).strip()


def storable(value: Any) -> Any:
    """The same JSON without characters that PostgreSQL cannot store: no NUL, no broken letters."""
    if isinstance(value, str):
        return "".join(one for one in value if one != "\0" and unicodedata.category(one) != "Cs")
    if isinstance(value, dict):
        return {name: storable(one) for name, one in value.items()}
    return [storable(one) for one in value] if isinstance(value, list | tuple) else value


def apart(text: str, language: str) -> str:
    """Keep left-to-right ids whole inside right-to-left text."""
    return _ISOLATE.format(text) if text and language in RIGHT_TO_LEFT else text


def write(template: str, language: str, values: dict[str, Any]) -> tuple[str, str]:
    """Title (the template's first line) and body."""
    text = render_to_string(f"notices/{language}/{template}.txt", values)
    title, _, body = text.strip().partition("\n")
    lines = [line.rstrip() for line in body.strip().split("\n")]
    kept = [line for at, line in enumerate(lines) if line or lines[at - 1]]  # never two empty lines
    return title.strip(), "\n".join(kept) + "\n"


@functools.cache
def phrases(language: str) -> dict[str, dict[str, str]]:
    """The phrases of one language."""
    read: dict[str, dict[str, str]] = yaml.safe_load((FOLDER / "phrases" / f"{language}.yaml").read_text("utf-8"))
    return read


def check() -> None:
    """Every language has what English has. Raises MissingText."""
    english = phrases("en")
    for language in LANGUAGES:
        own = phrases(language)
        lacking = [f"{g}.{c}" for g, codes in english.items() for c in codes if not own.get(g, {}).get(c)]
        lacking += [f"{name}.txt" for name in TEMPLATES if not _template(language, name).is_file()]
        if lacking:
            raise MissingText(f"{language} lacks: {', '.join(lacking)}.")


def _template(language: str, name: str) -> Path:
    return FOLDER / "templates" / "notices" / language / f"{name}.txt"
