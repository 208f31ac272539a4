"""`safehold rescreen`: lists that grew against what was screened before."""

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safehold.screening import service as screening

ACTOR = "operator:command-line"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    top = commands.add_parser(
        "rescreen",
        help="look new list entries up among what was screened before",
        description="Runs every hour by itself. A run that was stopped goes on where it was.",
        epilog="Examples: safehold rescreen; safehold rescreen --status --json; "
        "safehold rescreen --erase user-17 --host blog",
    )
    top.add_argument("--status", action="store_true", help="what the archive holds and how the last run went")
    top.add_argument("--erase", metavar="ACCOUNT", help="remove what the archive keeps of an account (with --host)")
    top.add_argument("--host", default="", help="the host's short name")
    top.add_argument("--json", action="store_true", help="for programs")
    top.set_defaults(run=_rescreen)


def _rescreen(arguments: argparse.Namespace) -> int:
    if arguments.erase is not None:
        return _erase(arguments.host, arguments.erase)
    return _status(arguments.json) if arguments.status else _run(arguments.json)


def _run(as_json: bool) -> int:
    from safehold.path import rescreening
    from safehold.screening.archive.parts import DamagedPart

    begun = time.monotonic()

    def show(at: "screening.Progress") -> None:
        if not as_json and sys.stderr.isatty():
            rate = at.rows / max(time.monotonic() - begun, 0.001)
            told = f"{at.done} of {at.parts} files, {at.rows} items ({rate:,.0f}/s), {at.found} hits"
            print(f"\r{told} ", end="", file=sys.stderr)

    try:
        row = rescreening.rescreen(actor=ACTOR, progress=show)
    except DamagedPart as problem:
        print(f"safehold: {problem} The run stands where it was; move the file away to go on.", file=sys.stderr)
        return 2
    if not as_json and sys.stderr.isatty() and row is not None:
        print(file=sys.stderr)
    if as_json:
        print(json.dumps(_told(row) if row else {"due": False}))
    elif row is None:
        print("No list has grown since the last run.")
    else:
        print(f"{row.rows} items were looked up among {row.entries} new entries: {row.found} hits, each recorded.")
    return 0


def _status(as_json: bool) -> int:
    import pyarrow.parquet as pq
    from django.conf import settings

    from safehold.screening import service as screening
    from safehold.screening.archive import journal, parts
    from safehold.screening.models import Rescreen

    folder = screening.archive_folder()
    listed = parts.listed(folder)
    last = Rescreen.objects.order_by("-begun_at").first()
    told = {
        "days_kept": settings.SAFEHOLD.archive_days,
        "days": len({part.path.parent for part in listed}),
        "files": len(listed),
        "items": sum(pq.read_metadata(part.path).num_rows for part in listed),
        "bytes": sum(part.path.stat().st_size for part in listed),
        "journals": len(journal.every(parts.journals(folder))),
        "last_run": _told(last) if last else None,
    }
    if as_json:
        print(json.dumps(told))
        return 0
    print(f"{told['items']} items of {told['days']} days ({told['days_kept']} are kept), {told['bytes'] / 1e6:.1f} MB")
    print("No run yet." if last is None else f"Last run: {_told(last)}")
    return 0


def _told(row: object) -> dict[str, object]:
    names = ("after", "upto", "entries", "rows", "found")
    times = {name: (at.isoformat() if (at := getattr(row, name)) else None) for name in ("begun_at", "ended_at")}
    return {name: getattr(row, name) for name in names} | times


def _erase(host: str, account: str) -> int:
    from safehold.path import rescreening
    from safehold.subjects.models import Host

    if not Host.objects.filter(pk=host).exists():
        print(f"safehold: name the host with --host; there is none called {host!r}.", file=sys.stderr)
        return 2
    rescreening.erase_account(host, account)
    print("The worker erases it now, and once more when the last journals are packed (a quarter of an hour).")
    return 0
