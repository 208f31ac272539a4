"""`safehold lists import|trust|status`."""

import argparse
import sys
from pathlib import Path

ACTOR = "operator:command-line"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("lists", help="lists of known material, as digests").add_subparsers(
        required=True, metavar="VERB"
    )
    load = group.add_parser(
        "import",
        help="add SHA-256 digests from a CSV, JSONL or plain file",
        epilog="Example: safehold lists import digests.csv --list partner-a --source 'Partner A' --licence contract-17",
    )
    load.add_argument("file", type=Path)
    load.add_argument("--list", required=True, help="the list's short name")
    load.add_argument("--source", required=True, help="who gave the list")
    load.add_argument("--licence", required=True, help="the terms it was given under")
    load.add_argument("--purpose", default="prevent-exploitation", help="what it may be used for")
    load.add_argument("--category", default="", help="category of entries that name none")
    load.set_defaults(run=_import)
    trust = group.add_parser(
        "trust",
        help="let exact hits of a list hide at once (two policy owners)",
        epilog="Example: safehold lists trust bank --because 'reviewed sample of 200' --by anna --approved-by ben",
    )
    trust.add_argument("list")
    trust.add_argument("--because", required=True)
    trust.add_argument("--by", required=True, help="user name of a policy owner")
    trust.add_argument("--approved-by", required=True, help="user name of another policy owner")
    trust.add_argument("--off", action="store_true", help="take the trust back (one person is enough, named twice)")
    trust.set_defaults(run=_trust)
    status = group.add_parser("status", help="lists and their sizes", epilog="Example: safehold lists status")
    status.set_defaults(run=_status)


def _import(arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening

    try:
        report = screening.import_list(
            arguments.file, arguments.list, source=arguments.source, licence=arguments.licence,
            purpose=arguments.purpose, category=arguments.category, actor=ACTOR,
        )  # fmt: skip
    except (screening.ScreeningError, FileNotFoundError) as problem:
        print(f"safehold: {problem}", file=sys.stderr)
        return 2
    print(f"{report.added} added, {report.duplicates} known already, {report.malformed} set aside as malformed.")
    return 1 if report.malformed else 0


def _trust(arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening
    from safehold.staff.models import Member
    from safehold.staff.service import Right, may

    actors = []
    for name in (arguments.by, arguments.approved_by):
        member = Member.objects.filter(username=name).first()
        if member is None or not may(member, Right.POLICY):
            print(f"safehold: {name} is no policy owner of this installation.")
            return 2
        actors.append(member.actor)
    try:
        screening.set_trusted(
            arguments.list, trusted=not arguments.off, because=arguments.because, actor=actors[0], approved_by=actors[1]
        )
    except (screening.UnknownList, screening.NeedsSecondPerson) as error:
        print(f"safehold: {error}")
        return 2
    print(f"Exact hits of {arguments.list} {'go to a person first' if arguments.off else 'hide at once'}.")
    return 0


def _status(_arguments: argparse.Namespace) -> int:
    from django.db.models import Count, Q

    from safehold.screening.models import HashList

    for row in HashList.objects.annotate(size=Count("entries", filter=Q(entries__retracted_at=None))).order_by("slug"):
        print(f"{row.slug}\t{row.size} entries\t{row.source}\t{'trusted' if row.trusted else 'not trusted'}")
    return 0
