"""The words of a pack: which are needed, and reading a language file. For `loader` and `check` only."""

import re
from collections.abc import Iterable, Mapping

from safehold.policy import pack as p
from safehold.policy.grammar import one_of
from safehold.policy.reading import Map, PolicyError, near

CODE_WORDS = ("minor_age",)
SECOND_BY_CODE = ("override",)  # reasons for a second person that are not the pack's but the desk's


def needed_texts(classes: Iterable[p.Class], documents: Iterable[p.Document]) -> set[str]:
    """The id of every text that a complete language has."""
    needed: set[str] = {"title", *SECOND_BY_CODE}
    for cls in classes:
        needed |= {cls.id, f"{cls.id}.text"} | {f"{cls.id}.{name}" for name in cls.notices}
        for question in cls.questions:
            needed |= {question.text_id, f"{question.text_id}.help"}
            needed |= {f"{question.text_id}.{answer}" for answer in question.answer_ids}
        for name in (*cls.clauses, *cls.exceptions):
            needed |= {name, f"{name}.text"}
        needed |= {rule.id for rule in (*cls.rules, *cls.reports)} | set(cls.outcomes)
        needed |= {spec.second_person for spec in cls.outcomes.values()} - {""}
    for document in documents:
        needed |= {document.text_id, f"{document.text_id}.text"}
    for code in (*p.SANCTIONS, *p.ACTIONS, *p.DUTIES):
        needed |= {code, f"{code}.text"}
    return needed | set(p.INCIDENT_TYPES)


def missing_texts(language: p.Language, needed: Iterable[str]) -> list[str]:
    """Which needed texts the language lacks; `shared.x` serves `<class>.x`."""
    return [
        key
        for key in needed
        if key not in language.texts and ("." not in key or f"shared.{key.split('.', 1)[1]}" not in language.texts)
    ]


def language(body: Map, name: str, needed: set[str], below: Mapping[str, str]) -> p.Language:
    """The language in one file, on top of the texts `below` (those of the codes, or of the version that is extended).

    Raises PolicyError, also where a language that calls itself complete lacks a text.
    """
    body.only(("language", "name", "complete", "terms", "questions", "rules"), "The language file")
    if body.take("language", str, "The language file") != name:
        body.fail("language", f"This file is {name}.yaml, but says {body['language']!r}.", f"Write `language: {name}`.")
    complete = body.take("complete", bool, "The language file")
    texts: dict[str, str] = {}
    lines: dict[str, int] = {}
    for section in ("terms", "questions", "rules"):
        flatten(body.take(section, Map, "The language file", Map(body.file, body.line)), "", texts, lines)
    _known(body, texts, lines, needed)
    found = p.Language(name, body.take("name", str, "The language file"), complete, {**below, **texts})
    missing = sorted(missing_texts(found, needed))
    if complete and missing:
        body.fail(
            "complete",
            f"{len(missing)} texts are missing, first {missing[0]!r}.",
            "Add them, or write `complete: false`.",
        )
    return found


def _known(body: Map, texts: Iterable[str], lines: dict[str, int], needed: set[str]) -> None:
    shared = {f"shared.{key.split('.', 1)[1]}" for key in needed if "." in key}
    for key in texts:
        if key not in needed and key not in shared:
            raise PolicyError(
                body.file, lines[key], f"Nothing in the pack is called {key!r}.", near(key, sorted(needed))
            )


def flatten(section: Map, prefix: str, texts: dict[str, str], lines: dict[str, int]) -> None:
    """`{cse: {minor: {is: …, help: …, known: …}}}` becomes `cse.minor`, `cse.minor.help`, `cse.minor.known`."""
    for key, value in section.items():
        name = prefix if key == "is" else f"{prefix}.{key}" if prefix else key
        if isinstance(value, Map):
            flatten(value, name, texts, lines)
            continue
        if not isinstance(value, str) or not value.strip():
            section.fail(key, f"The text of {name!r} is empty or not a text.", "Write it in quotes.")
        if name in texts:
            section.fail(key, f"The text of {name!r} is given twice.", f"The first is on line {lines[name]}.")
        for word in re.findall(r"\{(\w*)\}", value):
            one_of(section, key, word, CODE_WORDS, "placeholder")
        texts[name], lines[name] = " ".join(value.split()), section.lines[key]
