"""A server that behaves as NCMEC's hash sharing (v2) is known to: to practise, to demonstrate, to test.

Run it as `safehold lists simulate --port 0 --username U --password P`, as `python -m safehold.screening.simulator` with
the same options, or call `main(argv)`. It needs no settings and no Django, and shares no code with the client: what it
knows of the documents stands in `documents`, written on its own. It answers on 127.0.0.1 alone:
- `/hashsharing/v2/...`: the protocol, with HTTP Basic;
- `/` and `/received.json`: its entries, the calls, and the feedback that it received;
- `/entries` (POST, DELETE): adds, changes and removes entries (see `server`);
- `/faults` (GET, POST, DELETE): what it shall do wrong next (see `faults`).

Its entries are digests of pictures that it draws itself, and are kept in memory, or in `--data DIR` over a restart.
"""

import argparse
from collections.abc import Sequence


def add_options(parser: argparse.ArgumentParser) -> None:
    """The simulator's options, for its own command line and for Safehold's."""
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one (default)")
    parser.add_argument(
        "--data", default="", help="folder that keeps its entries; without it they end with the process"
    )
    parser.add_argument("--username", required=True, help="the login that clients must use")
    parser.add_argument("--password", required=True, help="its password")
    parser.add_argument("--entries", type=int, default=0, metavar="N", help="begin with so many entries (default 0)")
    parser.add_argument("--page-size", type=int, default=1000, metavar="N", help="records of a page (default 1000)")
    parser.add_argument(
        "--form", choices=["default", "prefixed", "none"], default="default",
        help="how documents name their namespace: as the default one, under a prefix, not at all",
    )  # fmt: skip
    parser.add_argument(
        "--fault", action="append", default=[], metavar="JSON",
        help="what it shall do wrong, as a JSON object such as {\"kind\": \"status\", \"status\": 503}; repeatable",
    )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted. Prints one line with the base address when it listens."""
    parser = argparse.ArgumentParser(
        prog="safehold lists simulate",
        description="A practice server that behaves as NCMEC's hash sharing. Nothing sent to it reaches NCMEC.",
        epilog="Example: safehold lists simulate --port 8098 --username desk --password practice --entries 2500",
    )
    add_options(parser)
    return serve(parser.parse_args(argv))


def serve(options: argparse.Namespace) -> int:
    """Serve with options that are parsed already. Returns an exit code."""
    from safehold.screening.simulator.running import run

    return run(options)
