"""What import contracts do not show: foreign keys, migrations, and who writes whose tables."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.migrations.loader import MigrationLoader

from safehold.app import states

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "safehold"
FLOORS = (
    {"sealing", "client"},
    {"audit"},
    {"policy", "work", "subjects"},
    {"staff", "hosts", "evidence", "persons", "intake", "screening"},
    {"cases"},
    {"enforcement", "cybertip", "notices", "authorities", "removals"},
    {"redress"},
    {"path"},
    {"api", "public", "console", "transparency"},
    {"app"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Writing another room's tables, and why it is right there. Keep it as short as this.
WRITES_ELSEWHERE = {
    ("app/demo/bad_input.py", "Statement"): "the demo lets a link expire; the way there is half a year's wait",
}

# Who listens to a signal, and why that is right there.
SIGNALS = {
    "console/accounts.py": "the sign-in library tells of signing in, out and failing to by signals alone",
}

QUERYSET_WRITES = {
    "create", "update", "get_or_create", "update_or_create", "bulk_create", "bulk_update", "delete",
    "acreate", "aupdate", "aget_or_create", "aupdate_or_create", "abulk_create", "abulk_update", "adelete",
}  # fmt: skip
ROW_WRITES = {"save", "asave", "save_base", "delete", "adelete"}
RELATION_WRITES = {"set", "add", "remove", "clear", "create", "get_or_create", "update_or_create"}


def sources() -> list[Path]:
    """Every module of ours, migrations apart."""
    return [path for path in sorted(SOURCES.rglob("*.py")) if "migrations" not in path.parts]


def name_of(path: Path) -> str:
    return path.relative_to(SOURCES).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(SOURCES).parts[0].removesuffix(".py")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def our_models() -> Iterator[type[models.Model]]:
    for model in apps.get_models(include_auto_created=True):
        if model.__module__.startswith("safehold."):
            yield model


# --- rooms -----------------------------------------------------------------------------------------


def test_every_room_has_a_floor_and_every_app_is_a_room() -> None:
    rooms = {path.name for path in SOURCES.iterdir() if (path / "__init__.py").exists()}
    assert rooms == set(FLOOR)
    assert set(settings.ROOMS) <= rooms


def test_the_import_contract_has_the_same_floors() -> None:
    import tomllib

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert [{room.strip() for room in layer.split("|")} for layer in reversed(layers)] == [set(f) for f in FLOORS]


def test_foreign_keys_lead_downward() -> None:
    wrong = []
    for model in our_models():
        room = model._meta.app_label
        for one in model._meta.get_fields():
            target = getattr(one, "related_model", None)
            own = isinstance(one, models.ForeignKey | models.ManyToManyField)
            if not own or not isinstance(target, type) or not target.__module__.startswith("safehold."):
                continue
            other = target._meta.app_label
            if other != room and FLOOR[other] >= FLOOR[room]:
                wrong.append(f"{room}.{model.__name__}.{one.name} -> {other}")
    assert not wrong


def test_only_staff_and_the_sign_in_know_the_user_model() -> None:
    """Lower rooms name people as actors; a key to the user model would tie them to staff."""
    user = settings.AUTH_USER_MODEL
    holders = {
        m._meta.label
        for m in our_models()
        for f in m._meta.fields
        if f.related_model and f.related_model._meta.label == user
    }
    assert not holders


def test_migrations_depend_downward() -> None:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    ours = {app.label for app in apps.get_app_configs() if app.name.startswith("safehold.")}
    wrong = []
    for (room, name), migration in loader.disk_migrations.items():
        if room not in ours:
            continue
        for other, _which in [*migration.dependencies, *migration.run_before]:
            if other != room and other in ours and FLOOR[other] >= FLOOR[room]:
                wrong.append(f"{room}.{name} -> {other}")
    assert loader.disk_migrations
    assert not wrong


@pytest.mark.parametrize("word", ["get_model", "get_models"])
def test_no_model_is_found_by_name(word: str) -> None:
    """`apps.get_model("cases.Case")` would pass every import contract."""
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute | ast.Name) and word in (getattr(node, "attr", ""), getattr(node, "id", ""))
    ]
    assert not found


def test_no_signals_carry_control_around_the_path() -> None:
    """What follows from what stands in `path`, in order, where it can be read."""
    found = set()
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                words = {
                    *(getattr(node, "module", "") or "").split("."),
                    *(part for a in node.names for part in a.name.split(".")),
                }
                if words & {"signals", "receiver", "Signal"}:
                    found.add(name_of(path))
    assert found == set(SIGNALS)


# --- who writes whose tables -----------------------------------------------------------------------


@dataclass
class Names:
    """What the names of one module stand for."""

    room: str
    models: dict[str, str] = field(default_factory=dict)  # model name here -> room it belongs to
    modules: dict[str, str] = field(default_factory=dict)  # module alias here -> room it belongs to
    rows: dict[str, str] = field(default_factory=dict)  # variable -> model name, where it can be told

    def foreign(self, model: str) -> bool:
        return model in self.models and self.models[model] != self.room


def names_in(path: Path) -> Names:
    """Imports, annotated arguments, and variables that hold rows of another room's model."""
    names = Names(room_of(path))
    nodes = list(ast.walk(tree(path)))
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("safehold."):
            room, model_file = node.module.split(".")[1], node.module.endswith(".models")
            for alias in node.names:
                known = names.models if model_file and alias.name[0].isupper() else names.modules
                known[alias.asname or alias.name] = room
    for target, origin in [pair for node in nodes for pair in _bindings(node)]:
        _note(names, target, origin)
    return names


def _bindings(node: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
    """(what gets a value, where the value or its type is written) of one node."""
    if isinstance(node, ast.arg) and node.annotation is not None:
        return [(ast.Name(node.arg), node.annotation)]
    if isinstance(node, ast.AnnAssign):
        return [(node.target, node.annotation)]
    if isinstance(node, ast.Assign):
        return [(target, node.value) for target in node.targets]
    if isinstance(node, ast.For | ast.comprehension):
        return [(node.target, node.iter)]
    return [(node.target, node.value)] if isinstance(node, ast.NamedExpr) else []


def _note(names: Names, target: ast.AST, origin: ast.AST) -> None:
    """`row: Action`, `row = Action.objects.get(…)`, `for row in Action.objects.filter(…)`, `new = old`."""
    if not isinstance(target, ast.Name):
        return
    found = {node.id for node in ast.walk(origin) if isinstance(node, ast.Name)}
    if isinstance(origin, ast.Constant) and isinstance(origin.value, str):
        found |= set(re.findall(r"\w+", origin.value))
    root = _root(origin)
    for model in found:
        if names.foreign(model) and (root is None or root == model or not isinstance(origin, ast.Call)):
            names.rows[target.id] = model
    if root in names.rows:
        names.rows[target.id] = names.rows[root]


def _root(node: ast.AST) -> str | None:
    """`Action` of `Action.objects.filter(…).first()`."""
    while True:
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return node.id if isinstance(node, ast.Name) else None


@cache
def relations() -> dict[str, set[str]]:
    """{accessor: rooms whose table it writes} for every many-to-many field and reverse relation of ours."""
    found: dict[str, set[str]] = {}
    for model in our_models():
        for one in model._meta.get_fields(include_hidden=False):
            if one.many_to_many or one.one_to_many:
                name = one.get_accessor_name() if one.auto_created else one.name  # type: ignore[union-attr]
                home = one.related_model if one.auto_created and one.one_to_many else one.model
                if one.auto_created and one.many_to_many:
                    home = one.field.model  # type: ignore[union-attr]
                if name:
                    found.setdefault(name, set()).add(home._meta.app_label)  # type: ignore[union-attr]
    return found


def writes_elsewhere(path: Path) -> Iterator[tuple[str, int]]:
    """(model or relation, line) of each write to a table of another room, as far as the source shows it."""
    names, accessors = names_in(path), relations()
    has_tables = names.room in {model._meta.app_label for model in our_models()}
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        verb, receiver = node.func.attr, node.func.value
        root = _root(receiver)
        model = names.rows.get(root or "", root if root and names.foreign(root) else None)
        if model and verb in QUERYSET_WRITES | ROW_WRITES:
            yield model, node.lineno
        elif verb in ROW_WRITES - {"delete"} and not has_tables and _looks_like_a_row(node):
            yield ast.unparse(receiver), node.lineno
        elif verb in RELATION_WRITES and isinstance(receiver, ast.Attribute):
            homes = accessors.get(receiver.attr, set())
            if homes and names.room not in homes:
                yield receiver.attr, node.lineno
        elif verb == "move" and isinstance(receiver, ast.Attribute | ast.Name):
            home = names.modules.get(root or "")
            if home is not None and home != names.room and ast.unparse(receiver).rsplit(".", 1)[-1].isupper():
                yield ast.unparse(receiver), node.lineno


def _looks_like_a_row(call: ast.Call) -> bool:
    """`row.save()` or `row.save(update_fields=…)`, and not `picture.save(file, "PNG")`."""
    return not call.args


def test_only_a_room_s_own_code_writes_its_tables() -> None:
    found = [(name_of(path), what, line) for path in sources() for what, line in writes_elsewhere(path)]
    assert not [place for place in found if place[:2] not in WRITES_ELSEWHERE]
    assert set(WRITES_ELSEWHERE) <= {place[:2] for place in found}, "an exception is no longer needed: remove it"


def test_the_search_for_foreign_writes_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that finds nothing anywhere would pass too."""
    home = tmp_path / "path"
    home.mkdir()
    probe = home / "probe.py"
    probe.write_text(
        "from safehold.cases import service as cases\n"
        "from safehold.cases.models import Case, Decision\n"
        "from safehold.enforcement import service as enforcement\n"
        "def one(pk): Case.objects.filter(pk=pk).update(priority=1)\n"
        "def two(case: Case): case.save()\n"
        "def three(pk):\n    row = Decision.objects.get(pk=pk)\n    row.delete()\n"
        "def four():\n    for row in Case.objects.all():\n        row.save(update_fields=['priority'])\n"
        "def five(new): new.covers.set([])\n"
        "def six(row): enforcement.ACTION.move(row, 'drop', actor='x')\n"
        "def seven(case: 'Case | None'): case.subjects.create(role='x')\n"
        "def fine(pk): return Case.objects.filter(pk=pk).first(), cases.queue()\n"
    )
    monkeypatch.setattr(f"{__name__}.SOURCES", tmp_path)
    lines = {line for _what, line in writes_elsewhere(probe)}
    assert lines == {4, 5, 8, 11, 12, 13, 14}


def test_no_statement_that_writes_stands_in_plain_sql() -> None:
    """SQL passes by every machine and every audit entry. The demo's attack on the record is meant to."""
    words = re.compile(
        r"\s*(INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|DROP\s+TABLE|ALTER\s+TABLE)\b", re.IGNORECASE
    )
    found = {
        name_of(path)
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and words.match(node.value)
    }
    own = {  # databases of their own
        "cybertip/simulator/store.py", "evidence/keystore.py", "evidence/keybackup.py", "screening/simulator/store.py",
    }  # fmt: skip
    # Entries of lists by the million, for which the model layer is too slow: inside `taking`'s transaction, which takes
    # the number of the change and records how many it was. The table has no machine.
    many = {"screening/writing.py"}
    allowed = {"app/demo/tamper.py", *own, *many}
    assert found <= allowed


# --- the state of the house ------------------------------------------------------------------------


def test_the_page_of_states_is_not_stale() -> None:
    assert states.DOCUMENT.read_text(encoding="utf-8") == states.document(), (
        "docs/states.md is stale: run `python -m safehold.app.states --write`."
    )


def test_every_machine_is_on_the_page_of_states() -> None:
    from safehold.audit.machine import MACHINES

    states.document()
    ours = {name for name, machine in MACHINES.items() if machine.states}
    assert ours == set(states.declared())
    page = states.DOCUMENT.read_text(encoding="utf-8")
    assert all(f"\n## {name}\n" in page for name in ours)


def test_every_state_column_has_exactly_the_states_of_its_machine() -> None:
    """A choice that no move reaches, or a state that the column does not know, is a mistake in one of them."""
    from safehold.audit.machine import MACHINES

    states.document()
    wrong = []
    for name, machine in MACHINES.items():
        fields = [
            m._meta.get_field(machine.field) for m in our_models()
            if m._meta.model_name == name and any(f.name == machine.field for f in m._meta.fields)
        ]  # fmt: skip
        for one in fields:
            choices = {str(value) for value, _label in one.choices or []}
            if choices and choices != {str(state) for state in machine.states}:
                wrong.append((name, choices ^ {str(state) for state in machine.states}))
    assert not wrong


def test_a_module_says_what_it_is_for() -> None:
    silent = [name_of(path) for path in sources() if ast.get_docstring(tree(path)) is None]
    assert [name for name in silent if not name.endswith("templatetags/__init__.py")] == []


def test_a_module_has_one_subject() -> None:
    """Over 500 lines it has more than one."""
    assert [name_of(path) for path in sources() if len(path.read_text(encoding="utf-8").splitlines()) > 500] == []


def tracked() -> list[Path]:
    """Every text file that is part of the repository, this one apart."""
    kinds = {".py", ".md", ".html", ".txt", ".toml", ".yaml", ".yml", ".po", ".js", ".css", ".json", ".csv", ""}
    skip = {
        ".git",
        ".venv",
        ".run",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        "__pycache__",
        "node_modules",
        "data",
    }
    return [
        path for path in sorted(ROOT.rglob("*"))
        if path.is_file() and path.suffix in kinds and path != Path(__file__).resolve()
        and not skip & set(path.relative_to(ROOT).parts)
    ]  # fmt: skip


def test_nothing_names_the_machine_it_was_written_on() -> None:
    local = re.compile(r"(?<![\w.])/(?:work|home/\w+|Users/\w+|root)/|\.\./shared|\.library/|/tmp/build")
    found = []
    for path in tracked():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if local.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert not found
