"""`safehold lists together add|end|status`: lists of terms whose words count only near each other's."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safehold.screening.models import WordsTogether


def add_to(group: Any, owner: Callable[[str], str]) -> None:
    """Register the commands below `safehold lists`. `owner` gives the actor of a policy owner, or raises ValueError."""
    verbs = group.add_parser(
        "together", help="lists of terms whose words count only near each other's"
    ).add_subparsers(required=True, metavar="VERB")  # fmt: skip
    _add_add(verbs, owner)
    end = verbs.add_parser(
        "end",
        help="end a rule: its lists count by themselves again (a policy owner)",
        epilog="Example: safehold lists together end offers --because 'too much is missed' --by anna",
    )
    end.add_argument("name")
    end.add_argument("--because", required=True, help="goes on record")
    end.add_argument("--by", required=True, help="user name of a policy owner")
    end.set_defaults(run=_end, owner=owner)
    status = verbs.add_parser(
        "status", help="the rules in force", epilog="Example: safehold lists together status --json"
    )
    status.add_argument("--json", action="store_true", help="machine-readable answer")
    status.set_defaults(run=_status)


def _add_add(verbs: Any, owner: Callable[[str], str]) -> None:
    add = verbs.add_parser(
        "add",
        help="words of these lists count only where one of each stands within a window (a policy owner)",
        description="A rule of that name ends. From then on the lists count by themselves no more, but for --alone.",
        epilog="Example: safehold lists together add offers --list words-a --list words-b --within 20 "
        "--because 'words-a alone is mostly harmless' --by anna",
    )
    add.add_argument("name", help="what the rule is called")
    add.add_argument("--list", action="append", required=True, help="a list of terms; two to four of them")
    add.add_argument("--within", type=int, required=True, help="how many words the window has, 2 to 10,000")
    add.add_argument("--unit", default="words", choices=["words", "characters"], help="what the window counts")
    add.add_argument(
        "--alone", action="append", default=[], metavar="LIST", help="of these, one that counts by itself as well"
    )
    add.add_argument("--because", required=True, help="goes on record")
    add.add_argument("--by", required=True, help="user name of a policy owner")
    add.set_defaults(run=_add, owner=owner)


def _add(arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening

    try:
        row = screening.set_together(
            arguments.name, arguments.list, within=arguments.within, unit=arguments.unit, alone=arguments.alone,
            because=arguments.because, actor=arguments.owner(arguments.by),
        )  # fmt: skip
    except (screening.ScreeningError, ValueError) as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    print(f"In force from now on: {_told(row)}")
    return 0


def _end(arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening

    try:
        row = screening.end_together(arguments.name, because=arguments.because, actor=arguments.owner(arguments.by))
    except (screening.ScreeningError, ValueError) as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    print(f"The rule {row.name} has ended: {' and '.join(row.lists)} count by themselves, but for other rules.")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening

    rows = list(screening.together_in_force())
    if arguments.json:
        named = ("name", "lists", "alone", "within", "unit", "because", "set_by")
        told = [{name: getattr(row, name) for name in named} | {"set_at": row.set_at.isoformat()} for row in rows]
        print(json.dumps(told, indent=1))
        return 0
    print("\n".join(map(_told, rows)) or "Every list of terms counts by itself.")
    return 0


def _told(row: "WordsTogether") -> str:
    alone = f"; by themselves as well: {', '.join(row.alone)}" if row.alone else ""
    return f"{row.name}: {' and '.join(row.lists)} within {row.within:,} {row.unit}{alone} ({row.because})"
