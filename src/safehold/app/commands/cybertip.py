"""`safehold cybertip simulate|status|by-hand`."""

import argparse


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("cybertip", help="reports to NCMEC").add_subparsers(required=True, metavar="VERB")
    simulate = group.add_parser(
        "simulate",
        help="run a server that behaves like NCMEC's, to practise and to test",
        epilog="Example: safehold cybertip simulate --port 8090 --data ./simulator --username desk --password practice",
    )
    simulate.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one (default)")
    simulate.add_argument("--data", required=True, help="folder for what it receives")
    simulate.add_argument("--username", required=True, help="the login that clients must use")
    simulate.add_argument("--password", required=True, help="its password")
    simulate.set_defaults(run=_simulate, needs_django=False)
    by_hand = group.add_parser(
        "by-hand",
        help="record the number of a report that a custodian filed in NCMEC's web form",
        epilog="Example: safehold cybertip by-hand 0b9c… 1234567 --by chris",
    )
    by_hand.add_argument("decision", help="the decision's id, from the record of the case")
    by_hand.add_argument("report_id", type=int, help="NCMEC's number")
    by_hand.add_argument("--by", required=True, help="user name of an evidence custodian")
    by_hand.set_defaults(run=_by_hand)
    status = group.add_parser("status", help="filings by state", epilog="Example: safehold cybertip status")
    status.set_defaults(run=_status)


def _by_hand(arguments: argparse.Namespace) -> int:
    import sys

    from safehold.cases.models import Decision
    from safehold.cybertip import service as cybertip
    from safehold.path import commands
    from safehold.staff.models import Member
    from safehold.staff.service import Right, may

    member = Member.objects.filter(username=arguments.by).first()
    if member is None or not may(member, Right.CUSTODY):
        print(f"safehold: {arguments.by} is no evidence custodian of this installation.", file=sys.stderr)
        return 2
    decision = Decision.objects.filter(pk=arguments.decision, state=Decision.State.CONFIRMED).first()
    if decision is None:
        print("safehold: no decision in force has this id; it stands in the record of the case.", file=sys.stderr)
        return 2
    try:
        row = commands.file_by_hand(decision.pk, report_id=arguments.report_id, actor=member.actor)
    except (cybertip.NotNow, ValueError, LookupError) as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    print(f"Report {row.report_id} is on record as filed by hand; the hold runs from now.")
    return 0


def _simulate(arguments: argparse.Namespace) -> int:
    from safehold.cybertip import simulator

    return simulator.main(
        ["--port", str(arguments.port), "--data", arguments.data,
         "--username", arguments.username, "--password", arguments.password]
    )  # fmt: skip


def _status(_arguments: argparse.Namespace) -> int:
    from django.conf import settings
    from django.db.models import Count

    from safehold.cybertip.models import Filing

    print(
        f"Environment: {settings.SAFEHOLD.cybertip.environment} ({settings.SAFEHOLD.cybertip.url or 'no address set'})"
    )
    for row in Filing.objects.values("state").annotate(number=Count("pk")).order_by("state"):
        print(f"{row['state']}\t{row['number']}")
    failed = Filing.objects.filter(state="failed").count()
    return 1 if failed else 0
