"""`safehold transparency publish`."""

import argparse
import re
import sys
from datetime import date


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("transparency", help="the public figures").add_subparsers(required=True, metavar="VERB")
    publish = group.add_parser(
        "publish",
        help="freeze the figures of a quarter that is over",
        epilog="Example: safehold transparency publish 2026-Q3",
    )
    publish.add_argument("quarter", help="such as 2026-Q3")
    publish.add_argument("--note", default="", help="a sentence for readers, such as why there is a second edition")
    publish.set_defaults(run=_publish)


def _publish(arguments: argparse.Namespace) -> int:
    from safehold.transparency import service as transparency

    match = re.fullmatch(r"(\d{4})-Q([1-4])", arguments.quarter)
    if match is None:
        print(f"safehold: {arguments.quarter!r} is no quarter; write it as 2026-Q3.", file=sys.stderr)
        return 2
    year, quarter = int(match[1]), int(match[2])
    end = date(year + quarter // 4, quarter % 4 * 3 + 1, 1)
    try:
        row = transparency.publish(
            date(year, quarter * 3 - 2, 1), end, actor="operator:command-line", note=arguments.note
        )
    except transparency.NotOver as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 1
    print(f"Published {arguments.quarter}, edition {row.edition}.")
    return 0
