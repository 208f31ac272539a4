"""Reads and checks docs/requirements.md, the table that says what each line of the policy calls for and where it works.

Others may call `rows` and `check`; `python -m safehold.policy.requirements [FILE]` prints counts and faults
and ends with 1 where there is a fault.
"""

import re
import sys
from collections import Counter
from pathlib import Path

from msgspec import Struct

STATES = ("works", "planned", "not ours")
ROOMS = (
    "api", "app", "audit", "cases", "console", "cybertip", "enforcement", "evidence", "hosts", "intake", "notices",
    "path", "persons", "policy", "public", "redress", "screening", "staff", "subjects", "transparency", "work",
)  # fmt: skip
EXPECTED = tuple(
    f"{letter}{number}" for letter, last in (("S", 85), ("L", 24), ("C", 15)) for number in range(1, last + 1)
)
_ROW = re.compile(r"^\|\s*([SLC]\d+)\s*\|(.*)\|(.*)\|(.*)\|\s*$")


class Row(Struct, frozen=True):
    """One row: `where` is tests (works), a room (planned), or a reason (not ours)."""

    id: str
    text: str
    state: str
    where: str
    line: int


def rows(path: Path) -> list[Row]:
    """Every row of the tables, in the order of the page."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = _ROW.match(line)
        if match:
            name, text, state, where = (cell.strip() for cell in match.groups())
            found.append(Row(name, text, state, where, number))
    return found


def check(path: Path) -> list[str]:
    """Faults, each with its line: ids missing or given twice, unknown states, tests and rooms that do not exist.

    Tests are looked up beside the folder that holds the page: `tests/x.py` or `tests/x.py::test_name`.
    """
    found = rows(path)
    counts = Counter(row.id for row in found)
    faults = [f"{path.name}: row {name} is missing." for name in EXPECTED if name not in counts]
    for row in found:
        problem = _fault(row, path.resolve().parent.parent)
        if row.id not in EXPECTED:
            problem = "there is no such row."
        elif counts[row.id] > 1:
            problem = "the row stands more than once."
        if problem:
            faults.append(f"{path.name}:{row.line}: {row.id}: {problem}")
    return faults


def counts(path: Path) -> dict[str, int]:
    """How many rows are in each state."""
    seen = Counter(row.state for row in rows(path))
    return {state: seen[state] for state in STATES}


def _fault(row: Row, root: Path) -> str:
    if not row.text:
        return "it does not say what is asked for."
    if row.state not in STATES:
        return f"the state {row.state!r} is not one of {', '.join(STATES)}."
    if row.state == "planned":
        unknown = [room for room in re.split(r"[,\s]+", row.where) if room not in ROOMS]
        return f"planned in {row.where!r}, which is no room." if unknown else ""
    if row.state == "not ours":
        return "" if row.where else "the reason is missing."
    return _test_fault(row.where, root)


def _test_fault(where: str, root: Path) -> str:
    tests = re.split(r"[,\s]+", where)
    for test in tests:
        file, _, name = test.partition("::")
        if not re.fullmatch(r"tests/[\w/]+\.py", file):
            return f"it works, but {test!r} names no test file."
        if not (root / file).is_file():
            return f"the test file {file} does not exist."
        if name and not re.search(
            rf"^\s*(async )?def {re.escape(name)}\(", (root / file).read_text("utf-8"), re.MULTILINE
        ):
            return f"{file} has no test {name}."
    return ""


def main(arguments: list[str]) -> int:
    """Print counts and faults."""
    path = Path(arguments[0]) if arguments else Path("docs/requirements.md")
    if not path.is_file():
        sys.stderr.write(f"There is no file {path}. Run this in the project's folder, or name the file.\n")
        return 2
    faults = check(path)
    total = ", ".join(f"{number} {state}" for state, number in counts(path).items())
    sys.stdout.write("\n".join([*faults, f"{len(rows(path))} rows: {total}."]) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
