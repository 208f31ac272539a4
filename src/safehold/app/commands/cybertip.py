"""`safehold cybertip simulate|status`."""

import argparse


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("cybertip", help="reports to NCMEC").add_subparsers(required=True, metavar="VERB")
    simulate = group.add_parser(
        "simulate",
        help="run a server that behaves like NCMEC's, to practise and to test",
        epilog="Example: safehold cybertip simulate --port 8090 --data ./simulator --username desk --password practice",
    )
    simulate.add_argument("rest", nargs=argparse.REMAINDER, help="see --help of the simulator")
    simulate.set_defaults(run=_simulate, needs_django=False)
    status = group.add_parser("status", help="filings by state, and whether NCMEC answers", epilog="Example: safehold cybertip status")
    status.set_defaults(run=_status)


def _simulate(arguments: argparse.Namespace) -> int:
    from safehold.cybertip import simulator

    return int(simulator.main(arguments.rest) or 0)


def _status(_arguments: argparse.Namespace) -> int:
    from django.conf import settings
    from django.db.models import Count

    from safehold.cybertip.models import Filing

    print(f"Environment: {settings.SAFEHOLD.cybertip.environment} ({settings.SAFEHOLD.cybertip.url or 'no address set'})")
    for row in Filing.objects.values("state").annotate(number=Count("pk")).order_by("state"):
        print(f"{row['state']}\t{row['number']}")
    failed = Filing.objects.filter(state="failed").count()
    return 1 if failed else 0
