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
    simulate.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one (default)")
    simulate.add_argument("--data", required=True, help="folder for what it receives")
    simulate.add_argument("--username", required=True, help="the login that clients must use")
    simulate.add_argument("--password", required=True, help="its password")
    simulate.set_defaults(run=_simulate, needs_django=False)
    status = group.add_parser(
        "status", help="filings by state, and whether NCMEC answers", epilog="Example: safehold cybertip status"
    )
    status.set_defaults(run=_status)


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
