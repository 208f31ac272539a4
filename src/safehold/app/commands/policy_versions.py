"""`safehold policy diff|replay|prompt`: what versions make of answers, of past decisions, and for a model."""

import argparse
import json
import sys
from collections import Counter
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safehold.cases.replaying import Replayed, Side

ACTOR = "operator:command-line"
_EVERY = 1000  # decisions between two signs of life


def add(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the verbs under `safehold policy`."""
    diff = group.add_parser(
        "diff",
        help="what changed between two versions, for which answers",
        epilog="Example: safehold policy diff 2020-10 2024-05 --language zh-hans",
    )
    diff.add_argument("before")
    diff.add_argument("after")
    diff.add_argument("--policy", default="child-safety")
    diff.add_argument("--class", dest="class_id", default="", help="one class only")
    diff.add_argument("--language", default="en")
    diff.add_argument("--all", action="store_true", help="tell every group of answer sets, also the small ones")
    diff.add_argument("--json", action="store_true", help="machine-readable answer, with every group")
    diff.set_defaults(run=_diff, needs_django=False)
    replay = group.add_parser(
        "replay",
        help="what decisions in force would be under another version",
        description="Changes nothing. That it was run is recorded, since it reads every decision.",
        epilog="Example: safehold policy replay --version 2020-10 --since 2026-01-01 --json",
    )
    replay.add_argument("--policy", default="child-safety")
    replay.add_argument("--version", required=True)
    replay.add_argument("--since", default="", help="the first day of confirmation, such as 2026-01-01 (UTC)")
    replay.add_argument("--limit", type=int, default=50, help="how many decisions are listed (default: 50)")
    replay.add_argument("--json", action="store_true", help="machine-readable answer")
    replay.set_defaults(run=_replay)
    prompt = group.add_parser(
        "prompt",
        help="a class as the instruction for a safety model",
        epilog="Example: safehold policy prompt cse --for gpt-oss-safeguard",
    )
    prompt.add_argument("class_id", metavar="CLASS")
    prompt.add_argument("--for", dest="engine", required=True, metavar="MODEL")
    prompt.add_argument("--policy", default="child-safety")
    prompt.add_argument("--version", help="(default: the one in force today)")
    prompt.set_defaults(run=_prompt, needs_django=False)


def _diff(arguments: argparse.Namespace) -> int:
    from safehold import policy
    from safehold.app.commands.policy import _own

    _own()
    try:
        before = policy.load(arguments.policy, arguments.before)
        after = policy.load(arguments.policy, arguments.after)
        difference = policy.compare(before, after, arguments.class_id)
    except (policy.PolicyError, ValueError) as error:
        return _refuse(error)
    if arguments.json:
        print(json.dumps(policy.difference_json(difference), ensure_ascii=False, indent=2))
        return 0
    known = sorted({*before.languages, *after.languages})
    if arguments.language not in known:
        return _refuse(f"There is no language {arguments.language!r}; there are {', '.join(known)}.")
    shown = {"shown": sys.maxsize} if arguments.all else {}
    print(policy.tell(difference, arguments.language, **shown), end="")
    return 0


def _prompt(arguments: argparse.Namespace) -> int:
    from safehold import policy
    from safehold.app.commands.policy import _own
    from safehold.policy.versions import version_on

    _own()
    try:
        version = arguments.version or version_on(arguments.policy, datetime.now(UTC).date())
        print(policy.prompt(policy.load(arguments.policy, version), arguments.class_id, arguments.engine), end="")
    except (policy.PolicyError, ValueError) as error:
        return _refuse(error)
    except KeyError as error:
        return _refuse(error.args[0])
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    from safehold import policy
    from safehold.cases import replaying

    try:
        since = _since(arguments.since)
        rows = replaying.replay(arguments.version, since, name=arguments.policy)
    except (policy.PolicyError, ValueError) as error:
        return _refuse(error)
    replaying.record_replay(arguments.version, since, name=arguments.policy, actor=ACTOR)
    counts: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    listed: list[Replayed] = []
    for number, row in enumerate(rows, 1):
        counts[row.kind] += 1
        if row.question:
            asked[row.question] += 1
        if row.kind != "same" and len(listed) < arguments.limit:
            listed.append(row)
        if number % _EVERY == 0:
            print(f"… {number:,} decisions", file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps(_replay_json(arguments, counts, asked, listed), indent=2))
    else:
        _tell_replay(arguments, counts, asked, listed)
    return 0


def _since(text: str) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no day; write it as 2026-01-01.") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _replay_json(
    arguments: argparse.Namespace, counts: Counter[str], asked: Counter[str], listed: "list[Replayed]"
) -> dict[str, Any]:
    import msgspec

    from safehold.cases.replaying import KINDS

    return {
        "policy": arguments.policy,
        "version": arguments.version,
        "since": arguments.since,
        "decisions": counts.total(),
        "counts": {kind: counts[kind] for kind in KINDS},
        "questions": dict(sorted(asked.items())),
        "changed": msgspec.to_builtins(listed),
        "left_off": counts.total() - counts["same"] - len(listed),
    }


# What each kind of result is, for the operator who reads the answer.
_SAID = {
    "same": "decided alike",
    "appears": "a violation appears",
    "disappears": "a violation disappears",
    "undecided": "no decision on one side",
    "other_sanction": "another sanction",
    "otherwise": "the same sanctions, with other clauses, actions or duties",
    "needs_answer": "needs an answer that was never given",
    "no_class": "the version lacks the class",
    "override": "a person chose the outcome",
}


def _tell_replay(
    arguments: argparse.Namespace, counts: Counter[str], asked: Counter[str], listed: "list[Replayed]"
) -> None:
    from safehold.cases.replaying import KINDS

    since = f" confirmed since {arguments.since}" if arguments.since else ""
    print(f"{counts.total():,} decisions in force{since}, under {arguments.policy} {arguments.version}:")
    for kind in KINDS:
        if counts[kind]:
            print(f"{counts[kind]:>12,}  {_SAID[kind]}")
    for question, number in sorted(asked.items()):
        print(f"{number:>12,}    of them the question {question!r}")
    for row in listed:
        after = _side(row.after) if row.after else _SAID[row.kind] + (f": {row.question}" if row.question else "")
        print(f"{row.decision}  {row.version} {row.class_id}  {row.kind}  {_side(row.before)} -> {after}")
    rest = counts.total() - counts["same"] - len(listed)
    if rest:
        print(f"{rest:,} more are not listed; see --limit.")


def _side(side: "Side") -> str:
    return " ".join([side.outcome, *side.clauses])


def _refuse(problem: object) -> int:
    print(f"safehold: {problem}", file=sys.stderr)
    return 2
