"""Loads a pack folder into a `Pack`. Others call `load` and `load_folder` through `safehold.policy`.

The format is described in docs/policy-packs.md. Every refusal is a PolicyError with file, line and hint.
"""

import functools
import re
from collections.abc import Iterable
from pathlib import Path

from safehold.policy import pack as p
from safehold.policy.grammar import one_of
from safehold.policy.reading import Map, PolicyError, Seq, near, read
from safehold.policy.rulebook import parse_class

PACKS = Path(__file__).parent / "packs"
_CODE_WORDS = ("minor_age",)


@functools.cache
def load(policy: str, version: str) -> p.Pack:
    """A pack that comes with Safehold. Raises PolicyError where the version is unknown or faulty."""
    folder = PACKS / policy / version
    if not folder.is_dir():
        known = sorted(f"{f.parent.parent.name} {f.parent.name}" for f in PACKS.glob("*/*/pack.yaml"))
        raise PolicyError(
            f"{policy}/{version}", 1, "There is no such policy version.", near(f"{policy} {version}", known)
        )
    return load_folder(folder)


def load_folder(folder: Path) -> p.Pack:
    """A pack from a folder of one's own."""
    shown = f"{folder.parent.name}/{folder.name}"
    head = read(folder / "pack.yaml", f"{shown}/pack.yaml")
    head.only(("policy", "version", "effective", "minor_age", "languages", "classes", "sources", "shared"), "The pack")
    effective = head.take("effective", str, "The pack")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", effective):
        head.fail("effective", f"{effective!r} is not a date.", "Write it as YYYY-MM-DD, e.g. 2024-05-01.")
    sources = {key: head["sources"].take(key, str, "sources") for key in head.take("sources", Map, "The pack")}
    shared = head.take("shared", Seq, "The pack", Seq(head.file, head.line))
    classes: dict[str, p.Class] = {}
    files = ["pack.yaml"]
    for name in head.words("classes", "The pack"):
        body = read(folder / f"{name}.yaml", f"{shown}/{name}.yaml")
        classes[name] = parse_class(name, body, shared, frozenset(sources))
        files.append(f"{name}.yaml")
    _unique_ids(head, classes.values())
    languages: dict[str, p.Language] = {}
    for name in head.words("languages", "The pack"):
        languages[name] = _language(read(folder / f"{name}.yaml", f"{shown}/{name}.yaml"), name, classes)
        files.append(f"{name}.yaml")
    if "en" not in languages:
        head.fail("languages", "English is missing.", "Every pack has en.yaml; other languages fall back to it.")
    return p.Pack(
        policy=head.take("policy", str, "The pack"),
        version=head.take("version", str, "The pack"),
        effective=effective,
        minor_age=head.take("minor_age", int, "The pack"),
        classes=classes,
        languages=languages,
        sources=sources,
        files=tuple(files),
    )


def _unique_ids(head: Map, classes: Iterable[p.Class]) -> None:
    seen: dict[str, str] = {}
    for cls in classes:
        rules = [rule.id for rule in (*cls.rules, *cls.reports)]
        for name in (*cls.clauses, *cls.exceptions, *cls.outcomes, *rules):
            if name in seen:
                head.fail(
                    "classes",
                    f"The id {name!r} is used in {seen[name]!r} and in {cls.id!r}.",
                    "Ids are unique in a pack.",
                )
            seen[name] = cls.id


def needed_texts(classes: Iterable[p.Class]) -> set[str]:
    """The id of every text that a complete language has."""
    needed: set[str] = set()
    for cls in classes:
        needed |= {cls.id, f"{cls.id}.text"}
        for question in cls.questions:
            needed |= {question.text_id, f"{question.text_id}.help"}
            needed |= {f"{question.text_id}.{answer}" for answer in question.answer_ids}
        for name in (*cls.clauses, *cls.exceptions):
            needed |= {name, f"{name}.text"}
        needed |= {rule.id for rule in (*cls.rules, *cls.reports)} | set(cls.outcomes)
        needed |= {spec.second_person for spec in cls.outcomes.values()} - {""}
    for code in (*p.SANCTIONS, *p.ACTIONS, *p.DUTIES):
        needed |= {code, f"{code}.text"}
    return needed | set(p.INCIDENT_TYPES)


def _language(body: Map, name: str, classes: dict[str, p.Class]) -> p.Language:
    body.only(("language", "name", "complete", "terms", "questions", "rules"), "The language file")
    if body.take("language", str, "The language file") != name:
        body.fail("language", f"This file is {name}.yaml, but says {body['language']!r}.", f"Write `language: {name}`.")
    complete = body.take("complete", bool, "The language file")
    texts: dict[str, str] = {}
    lines: dict[str, int] = {}
    for section in ("terms", "questions", "rules"):
        _flatten(body.take(section, Map, "The language file"), "", texts, lines)
    needed = needed_texts(classes.values())
    shared = {f"shared.{key.split('.', 1)[1]}" for key in needed if "." in key}
    for key in texts:
        if key not in needed and key not in shared:
            raise PolicyError(
                body.file, lines[key], f"Nothing in the pack is called {key!r}.", near(key, sorted(needed))
            )
    language = p.Language(name, body.take("name", str, "The language file"), complete, texts)
    missing = sorted(missing_texts(language, needed))
    if complete and missing:
        body.fail(
            "complete",
            f"{len(missing)} texts are missing, first {missing[0]!r}.",
            "Add them, or write `complete: false`.",
        )
    return language


def missing_texts(language: p.Language, needed: Iterable[str]) -> list[str]:
    """Which needed texts the language lacks; `shared.x` serves `<class>.x`."""
    return [
        key
        for key in needed
        if key not in language.texts and ("." not in key or f"shared.{key.split('.', 1)[1]}" not in language.texts)
    ]


def _flatten(section: Map, prefix: str, texts: dict[str, str], lines: dict[str, int]) -> None:
    """`{cse: {minor: {is: …, help: …, known: …}}}` becomes `cse.minor`, `cse.minor.help`, `cse.minor.known`."""
    for key, value in section.items():
        name = prefix if key == "is" else f"{prefix}.{key}" if prefix else key
        if isinstance(value, Map):
            _flatten(value, name, texts, lines)
            continue
        if not isinstance(value, str) or not value.strip():
            section.fail(key, f"The text of {name!r} is empty or not a text.", "Write it in quotes.")
        if name in texts:
            section.fail(key, f"The text of {name!r} is given twice.", f"The first is on line {lines[name]}.")
        for word in re.findall(r"\{(\w*)\}", value):
            one_of(section, key, word, _CODE_WORDS, "placeholder")
        texts[name], lines[name] = " ".join(value.split()), section.lines[key]
