"""Reads the one glossary that every policy shares (S83). For `loader` only.

`glossary.yaml` names the terms and holds the age of minority (S3), the one place where that number stands;
each language has a file of its own beside it, which also words the codes that every policy is written in.
"""

import functools
from pathlib import Path

from safehold.policy.languages import flatten
from safehold.policy.pack import Glossary, Term
from safehold.policy.reading import Map, near, read


@functools.cache
def glossary(folder: Path) -> Glossary:
    """The glossary in a folder. Raises PolicyError; every language must have every term."""
    head = read(folder / "glossary.yaml", "glossary/glossary.yaml")
    head.only(("minor_age", "terms", "languages"), "The glossary")
    age: int = head.take("minor_age", int, "The glossary")
    terms = head.words("terms", "The glossary")
    languages: dict[str, tuple[Term, ...]] = {}
    codes: dict[str, dict[str, str]] = {}
    for name in head.words("languages", "The glossary"):
        body = read(folder / f"{name}.yaml", f"glossary/{name}.yaml")
        body.only(("terms", "codes"), "The glossary")
        words = body.take("terms", Map, "The glossary")
        for key in words:
            if key not in terms:
                words.fail(key, f"The glossary has no term {key!r}.", near(key, terms))
        languages[name] = tuple(_term(words, term, age) for term in terms)
        codes[name] = {}
        flatten(body.take("codes", Map, "The glossary"), "", codes[name], {})
    if "en" not in languages:
        head.fail("languages", "English is missing.", "Other languages fall back to it.")
    return Glossary(age, languages, codes)


def _term(body: Map, name: str, age: int) -> Term:
    row = body.take(name, Map, "The glossary")
    row.only(("is", "also", "text"), f"Term {name!r}")
    text = row.take("text", str, f"Term {name!r}").replace("{minor_age}", str(age))
    return Term(name, row.take("is", str, f"Term {name!r}"), row.words("also", f"Term {name!r}", ()), text)
