"""`safehold doctor`: what is missing or unwise in an installation, in plain words."""

import argparse


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    doctor = commands.add_parser(
        "doctor",
        help="check this installation",
        description=(
            "Looks at settings, keys, database, worker, hosts, NCMEC's address and the record."
            " Exit code 1 if something is wrong."
        ),
        epilog="Example: safehold doctor --json",
    )
    doctor.add_argument("--json", action="store_true")
    doctor.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    import json

    from safehold.app.doctor import examine

    findings = examine()
    if arguments.json:
        print(json.dumps([{"what": f.what, "state": f.state, "say": f.say} for f in findings], ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{finding.state:5} {finding.what}: {finding.say}")
    return 1 if any(finding.state == "wrong" for finding in findings) else 0
