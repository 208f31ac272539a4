"""`safehold audit verify`."""

import argparse
import json


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("audit", help="the record of every act").add_subparsers(required=True, metavar="VERB")
    verify = group.add_parser(
        "verify",
        help="check the chain against its checkpoints",
        description=(
            "Finds a changed byte, missing last rows and a rewritten chain, and names the place. Exit code 1 if so."
        ),
        epilog="Example: safehold audit verify --json",
    )
    verify.add_argument("--json", action="store_true", help="machine-readable answer")
    verify.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    from safehold.audit import chain

    found = chain.verify()
    if arguments.json:
        print(
            json.dumps(
                {
                    "ok": found.ok,
                    "entries": found.entries,
                    "checkpoints": found.checkpoints,
                    "problems": [{"place": p.place, "what": p.what} for p in found.problems],
                }
            )
        )
    else:
        for problem in found.problems:
            print(f"{problem.place}: {problem.what}")
        verdict = "whole" if found.ok else "NOT whole"
        print(f"The record is {verdict}: {found.entries} entries, {found.checkpoints} signed checkpoints.")
    return 0 if found.ok else 1
