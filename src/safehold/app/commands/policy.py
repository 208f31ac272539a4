"""`safehold policy check|show|decide`; `diff`, `replay` and `prompt` stand in `policy_versions`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from safehold.app.commands import policy_versions


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("policy", help="the policy as data").add_subparsers(required=True, metavar="VERB")
    check = group.add_parser(
        "check",
        help="prove that every combination of answers has exactly one outcome",
        epilog="Example: safehold policy check; safehold policy check --folder my-policies/house-rules/2026-12",
    )
    check.add_argument("--policy", help="one policy (default: every installed one)")
    check.add_argument("--version", help="one version (default: every installed one)")
    check.add_argument("--folder", type=Path, help="a pack that is not installed, in a folder of its own")
    check.add_argument(
        "--trace", type=Path, metavar="FILE", help="write which part serves which row of the requirements"
    )
    check.set_defaults(run=_check, needs_django=False)
    show = group.add_parser(
        "show",
        help="a version as a document or as data",
        epilog="Example: safehold policy show --version 2024-05 --language zh-hans",
    )
    show.add_argument("--policy", default="child-safety")
    show.add_argument("--version", help="(default: the one in force today)")
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
    policy_versions.add(group)


def _own() -> None:
    """Take the operator's own policies in, for commands that run without Django."""
    from safehold import policy
    from safehold.app import config

    folder = config.load().policy_folder
    if folder is not None:
        policy.use_folder(folder)


def _check(arguments: argparse.Namespace) -> int:
    from safehold import policy
    from safehold.policy.reading import PolicyError

    _own()
    if arguments.folder is not None:
        try:
            pack = policy.load_folder(arguments.folder)
            faults = {(pack.policy, pack.version): [str(p) for p in policy.check(pack, policy.base_of(pack))]}
            packs = [pack]
        except PolicyError as error:
            faults, packs = {(arguments.folder.parent.name, arguments.folder.name): [str(error)]}, []
    else:
        from safehold.policy.versions import faults as all_faults

        faults = all_faults(arguments.policy, arguments.version)
        packs = [policy.load(*key) for key, told in faults.items() if not told]
    return _tell(arguments, faults, packs)


def _tell(arguments: argparse.Namespace, faults: "dict[tuple[str, str], list[str]]", packs: "list[Any]") -> int:
    from safehold import policy

    if not faults:
        print("safehold: there is no such policy version; see `safehold policy show`.", file=sys.stderr)
        return 2
    sound = {(pack.policy, pack.version): pack for pack in packs}
    for (name, version), told in faults.items():
        for line in told:
            print(line)
        if told:
            print(f"{name} {version}: {len(told)} problems.")
            continue
        print(f"{name} {version}: sound. For each of these answer sets exactly one outcome follows:")
        for class_id, counts in policy.totals(sound[name, version]).items():
            print(f"  {class_id:<16}{sum(counts.values()):>20,}  in {len(counts)} outcomes")
    wrong = sum(len(told) for told in faults.values())
    return 1 if wrong or _trace(arguments) else 0


TRACE, REQUIREMENTS = Path("docs/policy-trace.md"), Path("docs/requirements.md")


def _trace(arguments: argparse.Namespace) -> int:
    """Write the trace, or say that the one in this folder is out of date."""
    from safehold import policy
    from safehold.policy.trace import stale, trace
    from safehold.policy.versions import FIRST, versions

    if not REQUIREMENTS.is_file():
        if arguments.trace is not None:
            print(f"safehold: {REQUIREMENTS} is not here; run this in the project's folder.", file=sys.stderr)
        return int(arguments.trace is not None)
    packs = [pack for pack in (policy.load(FIRST, version) for version in versions(FIRST)) if not pack.extends]
    if arguments.trace is not None:
        arguments.trace.write_text(trace(REQUIREMENTS, packs), encoding="utf-8")
        print(f"{arguments.trace} is written.")
    elif stale(TRACE, REQUIREMENTS, packs):
        print(f"{TRACE} is out of date. Run: safehold policy check --trace {TRACE}")
        return 1
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from safehold import policy
    from safehold.policy.versions import version_on

    _own()
    try:
        today = datetime.now(UTC).date()
        pack = policy.load(arguments.policy, arguments.version or version_on(arguments.policy, today))
        if arguments.json:
            print(json.dumps(policy.show_json(pack), ensure_ascii=False, indent=2))
            return 0
        print(policy.document(pack, arguments.language))
    except policy.PolicyError as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    except KeyError:
        known = ", ".join(pack.languages)
        print(
            f"safehold: version {pack.version} has no language {arguments.language!r}; it has {known}.", file=sys.stderr
        )
        return 2
    return 0


def _decide(arguments: argparse.Namespace) -> int:
    from safehold import policy

    _own()
    try:
        text = sys.stdin.read() if arguments.file == "-" else Path(arguments.file).read_text(encoding="utf-8")
        outcome = policy.decide_json(json.loads(text))
    except (OSError, ValueError, policy.PolicyError) as error:  # JSON, Incomplete and BadAnswer are ValueErrors
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
