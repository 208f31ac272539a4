"""Loads a pack folder into a `Pack`. Others call `load`, `load_folder` and `use_folder` through `safehold.policy`.

The format is described in docs/policy-packs.md. Every refusal is a PolicyError with file, line and hint.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from safehold.policy import pack as p
from safehold.policy.glossary import glossary
from safehold.policy.languages import language, needed_texts
from safehold.policy.layering import layered
from safehold.policy.reading import Map, PolicyError, Seq, near, read
from safehold.policy.rulebook import parse_class

PACKS = Path(__file__).parent / "packs"
_HEAD = (
    "policy", "version", "effective", "languages", "complete_in", "classes", "sources", "shared", "documents", "rows",
    "extends", "changes",
)  # fmt: skip
_folders: list[Path] = []


def use_folder(folder: Path) -> None:
    """Take the operator's own policies and versions from `<folder>/<policy>/<version>/` as well.

    Called once by the app, before anything is loaded. What comes with Safehold cannot be replaced:
    a version of the same name is refused when it is loaded.
    """
    if folder not in _folders:
        _folders.append(folder)
        load.cache_clear()


def folders() -> list[Path]:
    """Where packs are looked for: those that come with Safehold first."""
    return [PACKS, *_folders]


def installed() -> list[tuple[str, str]]:
    """Every policy and version that can be loaded, as (policy, version), sorted."""
    return list(_installed(tuple(folders())))


@functools.cache
def _installed(roots: tuple[Path, ...]) -> tuple[tuple[str, str], ...]:
    """Looked up once for each set of folders: a version that is added needs a restart, as a change in one does."""
    packs = [at.parent for root in roots for at in root.glob("*/*/pack.yaml")]
    return tuple(sorted({(at.parent.name, at.name) for at in packs}))


@functools.cache
def load(policy: str, version: str) -> p.Pack:
    """An installed pack. Raises PolicyError where the version is unknown, faulty or there twice."""
    at = [root / policy / version for root in folders() if (root / policy / version / "pack.yaml").is_file()]
    if not at:
        known = [f"{name} {number}" for name, number in installed()]
        raise PolicyError(
            f"{policy}/{version}", 1, "There is no such policy version.", near(f"{policy} {version}", known)
        )
    if len(at) > 1:
        what = f"The version stands in {at[0].parent.parent} and in {at[1].parent.parent}."
        raise PolicyError(f"{policy}/{version}/pack.yaml", 1, what, "Give yours a version of its own.")
    return load_folder(at[0])


def load_folder(folder: Path) -> p.Pack:
    """A pack from a folder of one's own."""
    head = read(folder / "pack.yaml", f"{folder.parent.name}/{folder.name}/pack.yaml")
    head.only(_HEAD, "The pack")
    version, policy = head.take("version", str, "The pack"), head.take("policy", str, "The pack")
    base = _base(head, policy)
    sources = {**(base.sources if base else {}), **_sources(head)}
    classes = _classes(head, folder, base, frozenset(sources))
    _unique_ids(head, classes.values())
    languages = _languages(head, folder, classes, base)
    return p.Pack(
        policy=policy,
        version=version,
        effective=_effective(head),
        glossary=glossary(PACKS / "glossary"),
        classes=classes,
        languages=languages,
        sources=sources,
        documents=(base.documents if base else ()) + _documents(head),
        rows=_expanded(head, "rows", "The pack") or (base.rows if base else ()),
        complete_in=head.words("complete_in", "The pack", ("en",)),
        extends=base.version if base else "",
        folder=str(folder),
        files=("pack.yaml", *(f"{name}.yaml" for name in (*head.words("classes", "The pack", ()), *languages))),
    )


def base_of(pack: p.Pack) -> p.Pack | None:
    """The version that the pack extends, if any."""
    return load(pack.policy, pack.extends) if pack.extends else None


def _base(head: Map, policy: str) -> p.Pack | None:
    if "extends" not in head:
        if "changes" in head:
            head.fail("changes", "'changes' needs a version to change.", "Add `extends: <version>`.")
        return None
    name = head.take("extends", str, "The pack")
    base = load(policy, name)
    if base.extends:
        head.fail("extends", f"Version {name!r} extends another one itself.", f"Extend {base.extends!r}.")
    return base


def _effective(head: Map) -> str:
    effective: str = head.take("effective", str, "The pack")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", effective):
        head.fail("effective", f"{effective!r} is not a date.", "Write it as YYYY-MM-DD, e.g. 2024-05-01.")
    return effective


def _sources(head: Map) -> dict[str, str]:
    rows = head.take("sources", Map, "The pack", Map(head.file, head.line))
    return {key: rows.take(key, str, "sources") for key in rows}


def _classes(head: Map, folder: Path, base: p.Pack | None, sources: frozenset[str]) -> dict[str, p.Class]:
    shown = f"{folder.parent.name}/{folder.name}"
    shared = head.take("shared", Seq, "The pack", Seq(head.file, head.line))
    classes = _changed(head, base, sources) if base else {}
    for name in head.words("classes", "The pack", () if base else ...):
        if name in classes:
            head.fail("classes", f"The base has a class {name!r} already.", "Change it under `changes:`.")
        body = read(folder / f"{name}.yaml", f"{shown}/{name}.yaml")
        classes[name] = parse_class(name, body, shared, sources)
    return classes


def _changed(head: Map, base: p.Pack, sources: frozenset[str]) -> dict[str, p.Class]:
    """The classes of the base, with what the pack changes in them."""
    folder = Path(base.folder)
    shown = f"{folder.parent.name}/{folder.name}"
    changes = head.take("changes", Map, "The pack", Map(head.file, head.line))
    for name in changes:
        if name not in base.classes:
            changes.fail(name, f"Version {base.version!r} has no class {name!r}.", near(name, base.classes))
    shared = read(folder / "pack.yaml", f"{shown}/pack.yaml").take("shared", Seq, "The pack", Seq(shown, 1))
    classes = dict(base.classes)
    for name in changes:
        body = read(folder / f"{name}.yaml", f"{shown}/{name}.yaml")
        classes[name] = parse_class(name, layered(body, changes.take(name, Map, "changes")), shared, sources)
    return classes


def _documents(head: Map) -> tuple[p.Document, ...]:
    rows = head.take("documents", Seq, "The pack", Seq(head.file, head.line))
    found = []
    for row in rows:
        row.only(("id", "language", "dated", "complete", "sha256", "lacks_rows"), "A document")
        found.append(
            p.Document(
                id=row.take("id", str, "A document"),
                language=row.take("language", str, "A document"),
                dated=row.take("dated", str, "A document"),
                complete=row.take("complete", bool, "A document"),
                sha256=row.take("sha256", str, "A document", ""),
                lacks_rows=_expanded(row, "lacks_rows", "A document"),
            )
        )
    return tuple(found)


def _expanded(row: Map, key: str, thing: str) -> tuple[str, ...]:
    """Row ids under `key`; `S18-S31` stands for each of them."""
    found: list[str] = []
    for word in row.words(key, thing, ()):
        ends = re.fullmatch(r"([SLCA])(\d+)(?:-\1(\d+))?", word)
        if ends is None:
            row.fail(key, f"{word!r} is no row.", "Write S18, or S18-S31 for a range.")
        letter, first, last = ends.groups()
        found += [f"{letter}{number}" for number in range(int(first), int(last or first) + 1)]
    return tuple(found)


def _languages(head: Map, folder: Path, classes: Mapping[str, p.Class], base: p.Pack | None) -> dict[str, p.Language]:
    """The languages of the pack, on top of the words of the codes, or of those of the base where there is one."""
    shown = f"{folder.parent.name}/{folder.name}"
    needed = needed_texts(classes.values(), _documents(head) + (base.documents if base else ()))
    found: dict[str, p.Language] = dict(base.languages) if base else {}
    for name in head.words("languages", "The pack", () if base else ...):
        body = read(folder / f"{name}.yaml", f"{shown}/{name}.yaml")
        below = found[name].texts if name in found else glossary(PACKS / "glossary").codes.get(name, {})
        found[name] = language(body, name, needed, below)
    if "en" not in found:
        head.fail("languages", "English is missing.", "Every pack has en.yaml; other languages fall back to it.")
    return found


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
