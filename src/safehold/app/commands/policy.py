"""`safehold policy check|show|decide`."""

import argparse
import json
import sys
from pathlib import Path


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("policy", help="the policy as data").add_subparsers(required=True, metavar="VERB")
    check = group.add_parser(
        "check",
        help="prove that every combination of answers has exactly one outcome",
        epilog="Example: safehold policy check",
    )
    check.add_argument("--policy", default="child-safety")
    check.add_argument("--version", default="2024-05")
    check.set_defaults(run=_check, needs_django=False)
    show = group.add_parser(
        "show",
        help="a version as a document or as data",
        epilog="Example: safehold policy show --version 2024-05 --language zh-hans",
    )
    show.add_argument("--policy", default="child-safety")
    show.add_argument("--version", default="2024-05")
    show.add_argument("--language", default="en")
    show.add_argument("--json", action="store_true")
    show.set_defaults(run=_show, needs_django=False)
    decide = group.add_parser(
        "decide",
        help="compute the decision from answers in a JSON file",
        epilog="Example: safehold policy decide answers.json --json",
    )
    decide.add_argument("file", help='{"policy", "version", "class", "answers", "history"}; "-" reads standard input')
    decide.add_argument("--json", action="store_true")
    decide.set_defaults(run=_decide, needs_django=False)


def _check(arguments: argparse.Namespace) -> int:
    from safehold import policy

    problems = policy.check(policy.load(arguments.policy, arguments.version))
    for problem in problems:
        print(problem)
    print(f"{arguments.policy} {arguments.version}: {len(problems)} problems.")
    return 1 if problems else 0


def _show(arguments: argparse.Namespace) -> int:
    from safehold import policy

    pack = policy.load(arguments.policy, arguments.version)
    if arguments.json:
        print(json.dumps(policy.show_json(pack), ensure_ascii=False, indent=2))
    else:
        print(policy.document(pack, arguments.language))
    return 0


def _decide(arguments: argparse.Namespace) -> int:
    from safehold import policy

    text = sys.stdin.read() if arguments.file == "-" else Path(arguments.file).read_text(encoding="utf-8")
    try:
        outcome = policy.decide_json(json.loads(text))
    except (json.JSONDecodeError, policy.PolicyError, policy.Incomplete, policy.BadAnswer) as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(outcome, ensure_ascii=False))
        return 0
    print("violation" if outcome["violation"] else "no violation", *outcome["clauses"])
    for name in ("exceptions", "sanctions", "actions", "duties", "second_person"):
        print(f"{name}: {json.dumps(outcome[name], ensure_ascii=False)}")
    for step in outcome["because"]:
        print(f"  because {json.dumps(step, ensure_ascii=False)}")
    return 0
