"""What users wait for, measured on real processes: `safehold bench`.

`main` runs the benches by name. Each is a module with `run(stand, runs) -> Result`; `stand` starts the processes,
`figures` computes and prints. `policy`, `vault` and `lookup` need no process, `cybertip`, `hashing` and `screen` start
their own; each of these gives two results. Every figure stands beside what it is compared with, measured in the same
run. SQLite in a fresh folder; an empty PostgreSQL database where SAFEHOLD_BENCH_DATABASE_URL names one.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench import figures

NAMES = ("receipt", "suspend", "cybertip", "vault", "policy", "lookup", "hashing", "screen", "text", "lists")
APART = ("cybertip", "vault", "policy", "lookup", "hashing", "screen", "text", "lists")  # need no stand


def main(which: list[str], runs: int, as_json: bool) -> int:
    """Run the benches named (all where none is), print a table or JSON. Returns 0, or 2 for a wrong call."""
    wanted = which or list(NAMES)
    unknown = [name for name in wanted if name not in NAMES]
    if unknown or not 2 <= runs <= 500:
        what = f"there is no bench called {unknown[0]}" if unknown else f"--runs is {runs}"
        print(f"safehold: {what}; benches: {', '.join(NAMES)}; --runs from 2 to 500.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="safehold-bench-") as folder:
        _environment(Path(folder))
        from bench import cybertip, figures, hashing, lists, lookup, policy, screen, text, vault

        results = _on_processes([name for name in wanted if name not in APART], Path(folder), runs)
        apart = {
            "cybertip": lambda: cybertip.run(Path(folder), runs), "vault": lambda: vault.run(Path(folder), runs),
            "policy": lambda: policy.run(runs), "lookup": lambda: lookup.run(runs),
            "hashing": lambda: hashing.run(runs), "screen": lambda: screen.run(Path(folder), runs),
            "text": lambda: text.run(runs), "lists": lambda: lists.run(runs),
        }  # fmt: skip
        for name in APART:
            results += apart[name]() if name in wanted else []
        machine = figures.machine()
    if as_json:
        print(json.dumps({"machine": machine, "runs": runs, "benches": [one.as_dict() for one in results]}, indent=1))
    else:
        print("\n\n".join(one.as_text() for one in results))
        print(f"\n{machine}")
    return 0


def _on_processes(wanted: list[str], folder: Path, runs: int) -> "list[figures.Result]":
    """Those that measure real processes, which are started only where one is wanted."""
    if not wanted:
        return []
    from bench import receipt, stand, suspend

    modules = {"receipt": receipt, "suspend": suspend}
    with stand.Stand(folder) as standing:
        return [modules[name].run(standing, runs) for name in wanted]


def _environment(folder: Path) -> None:
    """The bench's own settings, in place of whatever the environment holds."""
    for name in [name for name in os.environ if re.match(r"SAFEHOLD_(?!BENCH_)", name)]:
        del os.environ[name]
    from safehold.app.serve import free_port

    database = os.environ.get("SAFEHOLD_BENCH_DATABASE_URL", f"sqlite:///{folder}/data/safehold.sqlite3")
    os.environ.update(
        DJANGO_SETTINGS_MODULE="safehold.app.settings",
        SAFEHOLD_DATA=str(folder / "data"),
        SAFEHOLD_DATABASE_URL=database,
        SAFEHOLD_BASE_URL=f"http://127.0.0.1:{free_port()}",
        SAFEHOLD_CYBERTIP_URL=f"http://127.0.0.1:{free_port()}/ispws",
        SAFEHOLD_CYBERTIP_USERNAME="practice",
        SAFEHOLD_CYBERTIP_PASSWORD="practice",  # noqa: S106 - of the simulator, on loopback, for this run alone
    )
