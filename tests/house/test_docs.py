"""The documentation is true where a program can tell: links, settings, commands, dependencies, tests, keys, jobs."""

import argparse
import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]

# A program of ours reads these and no operator sets them; the page says what they are for all the same.
NO_DEFAULT = {"SAFEHOLD_CRASH_AT", "SAFEHOLD_CRASH_MARK"}


def prose(page: Path) -> str:
    """A page without its fenced programs."""
    return re.sub(r"^\s*```.*?^\s*```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as forges make them."""
    heads = re.findall(r"^#+ +(.+?) *$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower().replace("`", "")).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), f"{page.name}: {target}"
            continue
        path, _, anchor = target.partition("#")
        led = (page.parent / path).resolve() if path else page
        assert led.exists(), f"{page.name}: {target} leads nowhere"
        assert led.is_relative_to(ROOT), f"{page.name}: {target} leads out of the repository"
        if anchor:
            assert anchor in anchors(led), f"{page.name}: {target} names no heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    open_pages = [ROOT / "README.md"]
    while open_pages:
        page = open_pages.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)#:\s]+)", prose(page)):
            led = (page.parent / target).resolve()
            open_pages += [led] if led.is_file() else []
    docs = {page for page in PAGES if page.parent == ROOT / "docs"}
    assert docs <= seen, "no page leads to " + ", ".join(sorted(page.name for page in docs - seen))


# --- settings --------------------------------------------------------------------------------------


def settings_read() -> dict[str, str | None]:
    """Every SAFEHOLD_ variable that the program reads, with its default where that is a plain text."""
    found: dict[str, str | None] = {}
    for node in _nodes():
        if isinstance(node, ast.Constant) and re.fullmatch(r"SAFEHOLD_[A-Z_]*[A-Z]", str(node.value)):
            found.setdefault(str(node.value), None)
        if isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(node.args[0], ast.Constant):
            name, default = str(node.args[0].value), node.args[1]
            if name.startswith("SAFEHOLD_") and isinstance(default, ast.Constant):
                found[name] = str(default.value)
    return found


def _nodes() -> Iterator[ast.AST]:
    for file in (ROOT / "src").rglob("*.py"):
        yield from ast.walk(ast.parse(file.read_text(encoding="utf-8")))


def settings_told() -> dict[str, str]:
    """Each variable of the table in docs/operations.md, with what stands in its column of defaults."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `(SAFEHOLD_[A-Z_]+)` \| ([^|]*) \|", page, re.MULTILINE))


def test_the_search_for_settings_finds_them() -> None:
    assert {"SAFEHOLD_DATA", "SAFEHOLD_DATABASE_URL", "SAFEHOLD_WORKER", "SAFEHOLD_CRASH_AT"} <= set(settings_read())
    assert settings_read()["SAFEHOLD_ENVIRONMENT"] == "practice"


def test_every_setting_is_in_the_table_and_no_other() -> None:
    assert set(settings_told()) == set(settings_read()) - NO_DEFAULT
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in NO_DEFAULT)


def test_the_table_tells_the_defaults() -> None:
    for name, default in settings_read().items():
        if default is None or name in NO_DEFAULT:
            continue
        told = settings_told()[name]
        right = told.startswith("empty") if default == "" else f"`{default}`" in told
        assert right, f"{name}: {default!r}, told: {told}"


# --- commands --------------------------------------------------------------------------------------


Words = tuple[str, ...]


def commands() -> dict[Words, argparse.ArgumentParser]:
    """Every command and verb of the command line, with its parser."""
    from safehold.app.cli import parser

    def below(path: Words, one: argparse.ArgumentParser) -> Iterator[tuple[Words, argparse.ArgumentParser]]:
        yield path, one
        for action in one._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, child in action.choices.items():
                    yield from below((*path, name), child)

    return dict(below((), parser()))


def named_commands(page: Path) -> set[Words]:
    """The words of every command that a page names as `safehold …`, in its sentences and in its programs."""
    spans = re.findall(r"`(safehold [^`]+)`", prose(page))
    spans += re.findall(r"^ *(?:\$ )?(safehold .+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {tuple(re.split(r"\s#|\s*[;&|]", span)[0].split()[1:]) for span in spans}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_named_exists(page: Path) -> None:
    known = commands()
    for words in named_commands(page):
        depth = max(n for n in range(len(words) + 1) if words[:n] in known)
        command = known[words[:depth]]
        verbs = any(isinstance(action, argparse._SubParsersAction) for action in command._actions)
        assert not verbs or depth == len(words), f"{page.name}: safehold {' '.join(words)}: no such command"
        options = {option for action in command._actions for option in action.option_strings}
        for word in words[depth:]:
            if word.startswith("--"):
                assert word.partition("=")[0] in options, f"{page.name}: safehold {' '.join(words)}: no {word}"


def test_the_search_for_commands_finds_them() -> None:
    assert ("audit", "verify") in commands()
    assert ("doctor",) in named_commands(ROOT / "docs" / "operations.md")
    assert any(words[:2] == ("hosts", "add") for words in named_commands(ROOT / "docs" / "operations.md"))


def test_every_example_in_the_help_can_be_parsed() -> None:
    known = commands()
    seen = 0
    for path, command in known.items():
        for example in re.split(r" && |; ", (command.epilog or "").removeprefix("Example: ")):
            words = shlex.split(example)
            if "safehold" not in words:
                continue
            seen += 1
            try:
                known[()].parse_args(words[words.index("safehold") + 1 :])
            except SystemExit:
                pytest.fail(f"safehold {' '.join(path)}: its example {example!r} is refused")
    assert seen > 15


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert target in targets, f"{page.name}: make {target}"


# --- dependencies, tests, rooms, words -------------------------------------------------------------


def test_every_dependency_is_told() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = [line for lines in project["project"]["optional-dependencies"].values() for line in lines]
    wanted = [*project["project"]["dependencies"], *extras, *project["dependency-groups"]["dev"]]
    names = {match[0].lower() for line in wanted if (match := re.match(r"[A-Za-z0-9_.-]+", line))}
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-Za-z0-9_.-]+)[^|]*\| (\S+?), (\d{4}-\d{2}) \|", page, re.MULTILINE)
    told = {name.lower(): version for name, version, _month in rows}
    assert set(told) == names
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    locked: dict[str, list[str]] = {}  # a library that left an older Python behind has two versions
    for package in lock["package"]:
        locked.setdefault(package["name"], []).append(package.get("version", ""))
    for name, version in told.items():
        assert version in locked[name], f"docs/dependencies.md says {name} {version}, uv.lock {locked[name]}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_test_and_file_named_exists(page: Path) -> None:
    for name in re.findall(r"`((?:tests|src|docs|examples)/[\w/.-]+(?:::\w+)?)`", prose(page)):
        file, _, test = name.partition("::")
        assert (ROOT / file).exists(), f"{page.name}: {name}"
        if test:
            code = (ROOT / file).read_text(encoding="utf-8")
            assert re.search(rf"def {test}\(", code), f"{page.name}: {file} has no {test}"


def test_the_rooms_table_has_every_room_on_its_floor() -> None:
    from tests.house.test_structure import FLOOR

    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert {room: int(floor) for floor, room in re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE)} == FLOOR


def test_the_jobs_named_are_those_registered() -> None:
    import safehold.path.apps  # noqa: F401 - Django has called `ready`, which registers them
    from safehold.work import service as work

    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = re.search(r"^Jobs: (.+?)\.\n\n", page, re.MULTILINE | re.DOTALL)
    assert told
    ours = {name for name, one in work.REGISTRY.items() if one.handler.__module__.startswith("safehold.")}
    assert set(re.findall(r"`([\w.]+)`", told[1])) == ours


def test_every_key_file_is_told() -> None:
    """Key files as the code names them: a text that ends like one, anywhere in the sources."""
    keys = re.compile(r"[a-z-]+\.(?:key|pem|secret)|evidence-\w+\.json")
    named = {str(node.value) for node in _nodes() if isinstance(node, ast.Constant) and keys.fullmatch(str(node.value))}
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert len(named) >= 10
    assert {name for name in named if f"| `{name}` |" not in page} == set()


@pytest.mark.parametrize("page", [*PAGES, ROOT / "docs" / "images" / "path.svg"], ids=[*NAMES, "path.svg"])
def test_no_page_names_a_machine_or_how_it_was_written(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    # Parted, so that this file holds none of them.
    for word in ("/wo" + "rk", "/" + "shared", "/ho" + "me/", "/ro" + "ot", "/Us" + "ers/"):
        assert word not in text, f"{page.name} names {word}"
    written_by = "A" + "I|L" + "LM|chat" + "bot"
    assert not re.search(rf"\b(?:{written_by})\b", text), f"{page.name} names how it was written"


def test_the_readme_is_short_and_its_picture_has_words() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert "make demo" in text
    assert "make test" in text
    picture = (ROOT / "docs" / "images" / "path.svg").read_text(encoding="utf-8")
    assert "<title" in picture
    assert "<desc" in picture
    assert "prefers-color-scheme: dark" in picture


def test_the_licence_is_the_one_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
