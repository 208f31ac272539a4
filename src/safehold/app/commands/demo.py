"""`safehold demo`."""

import argparse


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    from safehold.app.demo.run import HOSTS

    demo = commands.add_parser(
        "demo",
        help="walk one case through everything, on real processes, then leave the console running",
        epilog="Example: safehold demo --host matrix --exit",
    )
    demo.add_argument("--host", choices=HOSTS, default="microblog", help="the service that the case is about")
    demo.add_argument(
        "--exit", action="store_true", help="end after the walk; exit code 0 where every step was confirmed"
    )
    demo.set_defaults(run=_demo, needs_django=False)


def _demo(arguments: argparse.Namespace) -> int:
    from safehold.app.demo.run import run

    return run(host=arguments.host, exit_after=arguments.exit)
