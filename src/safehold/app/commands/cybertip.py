"""`safehold cybertip simulate|status|by-hand`; the verbs about documents stand in `cybertip_documents`."""

import argparse
from typing import Any

from safehold.app.commands import cybertip_documents
from safehold.cybertip import simulator


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("cybertip", help="reports to NCMEC").add_subparsers(required=True, metavar="VERB")
    simulate = group.add_parser(
        "simulate",
        help="run a server that behaves like NCMEC's, to practise and to test",
        epilog="Example: safehold cybertip simulate --port 8090 --data ./simulator --username desk --password practice",
    )
    simulator.add_options(simulate)
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
    status = group.add_parser(
        "status",
        help="filings by state, what waits, whether our count equals the receipts; ends with 1 if anything is wrong",
        epilog="Example: safehold cybertip status --json",
    )
    status.add_argument("--json", action="store_true", help="the same for programs")
    status.set_defaults(run=_status)
    cybertip_documents.add(group)


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
    return simulator.serve(arguments)


def _status(arguments: argparse.Namespace) -> int:
    import json

    told = _standing()
    if arguments.json:
        print(json.dumps(told, indent=1))
    else:
        _print_standing(told)
    failed = sum(one["states"].get("failed", 0) for one in told["environments"])
    fine = told["agrees"] and not failed and not told["waiting"]["late"] and told["stands_still_since"] is None
    return 0 if fine else 1


def _standing() -> dict[str, Any]:
    """Everything that `status` tells."""
    import msgspec
    from django.conf import settings

    from safehold.cybertip import service as cybertip
    from safehold.path import clock, reconciling

    tip, count, waiting = settings.SAFEHOLD.cybertip, reconciling.compare(), clock.waiting()
    circuit = cybertip.circuit_of(tip.environment)
    return {
        "environment": tip.environment,
        "url": tip.url,
        "stands_still_since": None if circuit is None else circuit.opened_at.isoformat(timespec="seconds"),
        "environments": msgspec.to_builtins(count.counts),
        "agrees": count.agrees,
        "differences": msgspec.to_builtins(count.differences),
        "waiting": {
            "number": len(waiting),
            "late": sum(row.late for row in waiting),
            "limit_hours": settings.SAFEHOLD.report_alarm_hours,
            "oldest_since": waiting[0].since.isoformat(timespec="seconds") if waiting else None,
        },
    }


def _print_standing(told: dict[str, Any]) -> None:
    from safehold.cybertip.reconciling import CODES

    print(f"Environment: {told['environment']} ({told['url'] or 'no address set'})")
    if told["stands_still_since"]:
        print(f"Filing stands still since {told['stands_still_since']}: our credentials were refused.")
    for one in told["environments"]:
        beside = f"{one['receipts']} receipts, {one['by_hand']} numbers entered by hand, {one['holds']} holds"
        print(f"{one['environment']}: {one['filed']} filed; {beside}, {one['acts']} acts on record")
        for state, number in one["states"].items():
            print(f"  {state}\t{number}")
    for one in told["differences"]:
        print(f"DIFFERS {one['about']}: {CODES[one['code']]}")
    print("Our count equals the receipts." if told["agrees"] else f"{len(told['differences'])} difference(s).")
    waiting = told["waiting"]
    print(f"{waiting['number']} known and not filed or decided, {waiting['late']} of them for too long.")
