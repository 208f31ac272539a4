"""`safehold lists import|trust|exact|allow|status`.

There is no command that gives entries out, and none will be added.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safehold.app.commands import lists_sync, lists_together

if TYPE_CHECKING:
    from safehold.screening.importing import ImportReport, Progress
    from safehold.screening.status import ListStatus

ACTOR = "operator:command-line"
BAR = 24  # characters


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("lists", help="lists of known files, links and terms").add_subparsers(
        required=True, metavar="VERB"
    )
    _add_import(group)
    _add_trust(group)
    _add_allow(group)
    status = group.add_parser(
        "status", help="lists, their terms and sizes, what they may do", epilog="Example: safehold lists status --json"
    )
    status.add_argument("--json", action="store_true", help="machine-readable answer")
    status.set_defaults(run=_status)
    lists_sync.add_to(group)
    lists_together.add_to(group, _owner)


def _add_import(group: Any) -> None:
    load = group.add_parser(
        "import",
        help="add the entries of a CSV, JSONL or plain file to a list",
        description="May be interrupted and run again: nothing is added twice. docs/lists.md tells the formats.",
        epilog="Example: safehold lists import digests.csv --list partner-a --source 'Partner A' --licence contract-17 "
        "--map sha256=FileHash --map ref=Case",
    )
    load.add_argument("file", type=Path)
    load.add_argument("--list", required=True, help="the list's short name")
    load.add_argument("--source", required=True, help="who gave the list")
    load.add_argument("--licence", required=True, help="the terms it was given under")
    load.add_argument("--purpose", default="prevent-exploitation", help="what it may be used for")
    load.add_argument("--category", default="", help="category of entries that name none")
    load.add_argument(
        "--kind", default="", help="files, sha256, sha1, md5, pdq, link, term or pattern, where the file does not tell"
    )
    load.add_argument("--scope", default="exact", help="of links that name none: exact, prefix, host or domain")
    load.add_argument(
        "--format", default="", choices=["", "csv", "jsonl", "plain"], help="where the file's name does not tell"
    )
    load.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help="the file's own name of a field; may be repeated",
    )
    load.add_argument("--map-file", type=Path, help="the same as a YAML or JSON file")
    load.add_argument(
        "--whole", action="store_true", help="this is the whole list: retract entries that it does not name"
    )
    load.add_argument(
        "--really", action="store_true", help="with --whole: also where that is more than a fifth of the list"
    )
    load.add_argument("--json", action="store_true", help="machine-readable report")
    load.set_defaults(run=_import)


def _add_trust(group: Any) -> None:
    trust = group.add_parser(
        "trust",
        help="let exact hits of a list hide at once (two policy owners)",
        epilog="Example: safehold lists trust bank --because 'reviewed sample of 200' --by anna --approved-by ben",
    )
    trust.add_argument("list")
    trust.add_argument("--because", required=True)
    trust.add_argument("--by", required=True, help="user name of a policy owner")
    trust.add_argument("--approved-by", default="", help="user name of another policy owner; not needed with --off")
    trust.add_argument("--off", action="store_true", help="take the trust back (one person is enough)")
    trust.set_defaults(run=_trust)
    exact = group.add_parser(
        "exact",
        help="which fingerprints alone count as the very file on a list (two policy owners for one more)",
        epilog="Example: safehold lists exact partner-a --accept md5 --because contract --by anna --approved-by ben",
    )
    exact.add_argument("list")
    exact.add_argument(
        "--accept", action="append", required=True, choices=["md5", "sha1", "pdq", "none"],
        help="all that shall count from now on, repeated; none takes all back",
    )  # fmt: skip
    exact.add_argument("--because", required=True)
    exact.add_argument("--by", required=True, help="user name of a policy owner")
    exact.add_argument("--approved-by", default="", help="user name of another policy owner; not needed for less")
    exact.set_defaults(run=_exact)


def _add_allow(group: Any) -> None:
    allow = group.add_parser(
        "allow",
        help="let a source bring back an entry that your own people retracted (two policy owners)",
        description="Nothing matches again at once: the entry comes back when its source names it, at the next import; "
        "an exchange is read from its beginning for it.",
        epilog="Example: safehold lists allow 01234567-89ab-cdef-0123-456789abcdef --because 'looked at it again' "
        "--by anna --approved-by ben",
    )
    allow.add_argument("entry", help="id of the retracted entry, as the console shows it")
    allow.add_argument("--because", required=True, help="goes on record")
    allow.add_argument("--by", required=True, help="user name of a policy owner")
    allow.add_argument("--approved-by", required=True, help="user name of another policy owner")
    allow.set_defaults(run=_allow)


# --- import ---


def _import(arguments: argparse.Namespace) -> int:
    from safehold.path import hits
    from safehold.screening import service as screening

    bar = None if arguments.json or not sys.stderr.isatty() else _Bar()
    try:
        report = screening.import_list(
            arguments.file, arguments.list, source=arguments.source, licence=arguments.licence,
            purpose=arguments.purpose, category=arguments.category, actor=ACTOR, kind=arguments.kind,
            columns=_columns(arguments), form=arguments.format, scope=arguments.scope, whole=arguments.whole,
            really=arguments.really, progress=bar, on_retracted=lambda ids: hits.entry_retracted(ids, actor=ACTOR),
        )  # fmt: skip
    except (screening.ScreeningError, OSError) as problem:
        print(f"safehold: {problem}", file=sys.stderr)
        return 2
    finally:
        if bar is not None:
            bar.end()
    print(json.dumps(_as_dict(report), indent=1) if arguments.json else _told(report))
    return 1 if report.malformed or report.degenerate or report.kept_because else 0


def _columns(arguments: argparse.Namespace) -> dict[str, str]:
    """The mapping of the file, and of the options, which win. Raises BadMapping, OSError."""
    from safehold.screening.service import BadMapping

    columns: dict[str, str] = {}
    if arguments.map_file:
        import yaml

        try:
            found = yaml.safe_load(arguments.map_file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise BadMapping(f"{arguments.map_file} cannot be read as YAML or JSON: {error}") from None
        if not isinstance(found, dict) or not all(isinstance(one, str) for pair in found.items() for one in pair):
            raise BadMapping(f"{arguments.map_file} must hold one mapping of fields to names of columns.")
        columns.update(found)
    for one in arguments.map:
        field, is_there, column = one.partition("=")
        if not is_there:
            raise BadMapping(f"{one!r} is no mapping: write FIELD=COLUMN.")
        columns[field.strip()] = column.strip()
    return columns


class _Bar:
    """How far, how fast and how much longer, on one line of standard error."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.wide = 0

    def __call__(self, done: "Progress") -> None:
        spent = max(time.monotonic() - self.began, 0.001)
        part = min(1.0, done.read / done.size) if done.size else 1.0
        left = spent / part - spent if part else 0.0
        full = "#" * int(part * BAR)
        text = f"[{full:.<{BAR}}] {done.lines:,} lines, {done.lines / spent:,.0f}/s, {left:.0f} s left"
        print(f"\r{text:<{self.wide}}", end="", file=sys.stderr, flush=True)
        self.wide = max(self.wide, len(text))

    def end(self) -> None:
        if self.wide:
            print(file=sys.stderr)


def _told(report: "ImportReport") -> str:
    barred = f", {report.barred:,} retracted by your own people and not taken" if report.barred else ""
    taken = f"{report.added:,} added, {report.changed:,} changed, {report.duplicates:,} known already"
    not_taken = f"{report.degenerate:,} degenerate, {report.malformed:,} malformed{barred}"
    lines = [f"{report.lines:,} lines: {taken}, {not_taken}."]
    if report.set_aside:
        lines.append(f"What was not taken is in {report.set_aside}")
    if report.pdq_left_out:
        lines.append(f"{report.pdq_left_out:,} entries were taken without their PDQ, which says nothing.")
    if report.missing:
        lines.append(
            f"{report.missing:,} entries of the list are not in the file; {report.retracted:,} were retracted."
        )
    if report.kept_because:
        lines.append(f"They were kept: {report.kept_because}. Run again with --really if it is meant.")
    if report.to_correct:
        told = f"{len(report.to_correct):,} entries that were retracted, or mean another file now, had hits"
        lines.append(f"{told}: the decisions they led to are looked at again.")
    return "\n".join(lines)


def _as_dict(row: "ImportReport | ListStatus") -> Any:
    import msgspec

    return msgspec.to_builtins(row)


# --- what a list may do ---


def _owner(name: str) -> str:
    """The actor of a policy owner. Raises ValueError."""
    from safehold.staff.models import Member
    from safehold.staff.service import Right, may

    member = Member.objects.filter(username=name).first()
    if member is None or not may(member, Right.POLICY):
        raise ValueError(f"{name} is no policy owner of this installation.")
    return member.actor


def _trust(arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening

    try:
        screening.set_trusted(
            arguments.list, trusted=not arguments.off, because=arguments.because, actor=_owner(arguments.by),
            approved_by=_owner(arguments.approved_by) if arguments.approved_by else "",
        )  # fmt: skip
    except (screening.ScreeningError, ValueError) as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    print(f"Exact hits of {arguments.list} {'go to a person first' if arguments.off else 'hide at once'}.")
    return 0


def _exact(arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening

    kinds = set(arguments.accept) - {"none"}
    if "none" in arguments.accept and kinds:
        print("safehold: --accept none stands alone.", file=sys.stderr)
        return 2
    try:
        home = screening.set_exact_also(
            arguments.list, sorted(kinds), because=arguments.because, actor=_owner(arguments.by),
            approved_by=_owner(arguments.approved_by) if arguments.approved_by else "",
        )  # fmt: skip
    except (screening.ScreeningError, ValueError) as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    also = ", ".join(home.exact_also)
    print(f"On {home.pk} a SHA-256 is exact{', and alone also ' + also if also else ', and nothing else alone'}.")
    return 0


def _allow(arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening

    try:
        rows = screening.allow_entry(
            arguments.entry, because=arguments.because, actor=_owner(arguments.by),
            approved_by=_owner(arguments.approved_by),
        )  # fmt: skip
    except (screening.ScreeningError, ValueError) as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    print(f"The source of {rows[0].list_id} may bring it back. Entries retracted for that file: {len(rows)}.")
    return 0


# --- status ---


def _status(arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening

    rows = screening.status()
    if arguments.json:
        print(json.dumps([_as_dict(row) for row in rows], indent=1))
        return 0
    print("\n\n".join(_shown(row) for row in rows) or "There are no lists yet.")
    return 0


def _shown(row: "ListStatus") -> str:
    trusted, exact = "trusted" if row.trusted else "not trusted", ", ".join(["sha256", *row.exact_also])
    retracted = f"{row.retracted:,} retracted ({row.barred:,} by your own people)"
    lines = [
        f"{row.slug}: {row.kind}, {row.live:,} live, {retracted}, {row.held_back:,} held back",
        f"  from {row.source}, under {row.licence}, for {row.purpose}",
        f"  {trusted}; exact: {exact}; {row.hits:,} hits; change {row.version}",
    ]
    if row.first_seen and row.last_seen:
        lines.append(f"  first seen {row.first_seen:%Y-%m-%d}, last named {row.last_seen:%Y-%m-%d %H:%M} UTC")
    if one := row.exchange:
        read = f"{one.last_read_at:%Y-%m-%d %H:%M} UTC" if one.last_read_at else "never"
        state = one.problem or ("well" if one.enabled else "switched off")
        lines.append(f"  fetched through {one.slug} ({one.adapter}), last read {read}: {state}")
    return "\n".join(lines)
