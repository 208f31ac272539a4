"""The command line `safehold`. Each command stands in a module of `commands`.

Exit codes: 0 done; 1 the answer is no (a check found something); 2 the command was used wrongly or a
setting cannot be used.
"""

import argparse
import os
import sys

from safehold.app.config import ConfigError


def parser() -> argparse.ArgumentParser:
    """The whole command line, built from the modules of `commands`."""
    from safehold.app.commands import (
        audit,
        bench,
        cybertip,
        demo,
        doctor,
        evidence,
        hosts,
        lists,
        partners,
        policy,
        rescreen,
        running,
        screen,
        screening,
        staff,
        transparency,
    )

    top = argparse.ArgumentParser(
        prog="safehold",
        description="The child-safety desk of an online service.",
        epilog="Example: safehold setup && safehold serve --port 8000",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (
        running, doctor, staff, hosts, partners, policy, lists, screening, screen, rescreen, cybertip, evidence, audit,
        transparency, demo, bench,
    ):  # fmt: skip
        module.add(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns the exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safehold.app.settings")
    arguments = parser().parse_args(argv)
    try:
        if getattr(arguments, "needs_django", True):
            import django

            django.setup()
        return int(arguments.run(arguments) or 0)
    except ConfigError as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
