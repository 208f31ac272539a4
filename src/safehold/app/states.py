"""The tables in docs/states.md: every state machine of the records, written from the code.

`python -m safehold.app.states --write` writes the file, without `--write` it prints it. Others may call
`document` and `declared`, once Django is set up.
"""

import argparse
import ast
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safehold.audit.machine import Machine

SOURCES = Path(__file__).resolve().parents[1]
DOCUMENT = SOURCES.parents[1] / "docs" / "states.md"

HEAD = """# States of the records

Written from the code by `python -m safehold.app.states --write`; a test fails where this page is stale.

A record changes its state by a move of its machine, and in no other way. A move locks the row, is refused
where the table has no line for it, and stands in the audit record as `machine.move`.
"""


def declared() -> dict[str, str]:
    """{name of a machine: module that declares it}, read from the sources, so that none is missed."""
    found: dict[str, str] = {}
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Machine":
                name = ast.literal_eval(node.args[0])
                found[name] = ".".join(path.relative_to(SOURCES.parent).with_suffix("").parts)
    return found


def document() -> str:
    """The whole text of docs/states.md."""
    from safehold.audit.machine import MACHINES

    homes = declared()
    for module in homes.values():
        importlib.import_module(module)
    return HEAD + "".join(_section(MACHINES[name], home) for name, home in sorted(homes.items()))


def _section(machine: "Machine", home: str) -> str:
    place = {state: number for number, state in enumerate(machine.states)}
    moves = [(before, verb, after) for verb, table in machine.moves.items() for before, after in table.items()]
    lines = [f"| {before!s} | {verb} | {after!s} |" for before, verb, after in sorted(moves, key=lambda m: place[m[0]])]
    ends = ", ".join(f"`{state!s}`" for state in machine.states if state in machine.final)
    return (
        f"\n## {machine.name}\n\nDeclared in `{home}`. Begins as `{machine.start!s}`, ends as {ends or 'none'}.\n\n"
        "| from | move | to |\n|---|---|---|\n" + "\n".join(lines) + "\n"
    )


def main() -> int:
    """Write or print the document."""
    parser = argparse.ArgumentParser(
        prog="python -m safehold.app.states", description="The tables of docs/states.md, from the code."
    )
    parser.add_argument("--write", action="store_true", help="write the file in this checkout instead of printing")
    arguments = parser.parse_args()
    import django

    django.setup()
    if arguments.write:
        DOCUMENT.write_text(document(), encoding="utf-8")
    else:
        sys.stdout.write(document())
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safehold.app.settings")
    raise SystemExit(main())
