"""Which part of which version serves each row of the requirements: docs/policy-trace.md, written and never edited.

Others may call `trace` (the page) and `stale` (whether a page is another than what would be written).
"""

from collections.abc import Sequence
from pathlib import Path

from safehold.policy import requirements
from safehold.policy.check import served
from safehold.policy.pack import Pack

HEAD = """# Where each line of the policy is served

Written by `safehold policy check --trace docs/policy-trace.md` from the packs and from
[requirements.md](requirements.md); `make check` fails where it is out of date. A row is served by the clauses,
exceptions, questions and rules that name it; `works`, `planned` and `not ours` say how far the whole of
Safehold does what the row asks for.
"""


def trace(page: Path, packs: Sequence[Pack]) -> str:
    """The page, from the table of requirements at `page` and the packs in order."""
    versions = [pack.version for pack in packs]
    parts = [_parts(pack) for pack in packs]
    rows = requirements.rows(page)
    lines = [HEAD, f"{len(rows)} rows: {_counted(page)}.", ""]
    lines += [f"| id | asked for | {' | '.join(versions)} | state |", "|---" * (len(versions) + 3) + "|"]
    for row in rows:
        cells = [", ".join(f"`{part}`" for part in found.get(row.id, ())) or "–" for found in parts]
        lines.append(f"| {row.id} | {row.text} | {' | '.join(cells)} | {_state(row)} |")
    return "\n".join(lines) + "\n"


def stale(written: Path, page: Path, packs: Sequence[Pack]) -> bool:
    """Whether the page is missing or is not what would be written now."""
    return not written.is_file() or written.read_text(encoding="utf-8") != trace(page, packs)


def _parts(pack: Pack) -> dict[str, list[str]]:
    """For each row the parts of the version that serve it, clauses before rules before questions."""
    found: dict[str, list[str]] = {}
    for cls in pack.classes.values():
        weight = dict.fromkeys((*cls.clauses, *cls.exceptions), 0) | {rule.id: 1 for rule in (*cls.rules, *cls.reports)}
        for row, part in sorted(served(cls), key=lambda pair: weight.get(pair[1], 2)):
            name = part if part in weight else cls.id if part == cls.id else f"{cls.id}.{part}"
            if name not in found.setdefault(row, []):
                found[row].append(name)
    return found


def _state(row: requirements.Row) -> str:
    return row.state if row.state == "works" else f"{row.state} ({row.where})"


def _counted(page: Path) -> str:
    return ", ".join(f"{number} {state}" for state, number in requirements.counts(page).items())
