"""A server that behaves as NCMEC's reporting service is documented to: to practise, to demonstrate, to test.

Run it as `safehold cybertip simulate --port 0 --data DIR --username U --password P`, as
`python -m safehold.cybertip.simulator` with the same options, or call `main(argv)`. It needs no settings and no
Django, and shares no table and no check with the client: what it knows of the documents stands in `grammar`,
written from the published description on its own.

It keeps what it received in DIR (ids, times, states, documents; of files only size and MD5, and the bytes where
`--keep-files` asks for them), forgets nothing on restart, and answers on 127.0.0.1 alone:
- `/ispws/...`: the protocol, with HTTP Basic;
- `/`, `/reports/…` and `/received.json`: what it received;
- `/faults` and `/practice`: what it shall do wrong next (see `faults`), and its clock.
"""

import argparse
from collections.abc import Sequence


def add_options(parser: argparse.ArgumentParser) -> None:
    """The simulator's options, for its own command line and for Safehold's."""
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one (default)")
    parser.add_argument("--data", required=True, help="folder for what it receives")
    parser.add_argument("--username", required=True, help="the login that clients must use")
    parser.add_argument("--password", required=True, help="its password")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="ENDPOINT:KIND[:FIELD=VALUE,...]",
        help="what it shall do wrong, such as finish:drop_after or any:rate_limit:seconds=30,times=always; repeatable",
    )  # fmt: skip
    parser.add_argument("--ahead", type=float, default=0, metavar="HOURS", help="move its clock forward")
    parser.add_argument("--keep-files", action="store_true", help="keep the bytes of uploaded files in the data folder")
    parser.add_argument(
        "--newer", action="store_true", help="also take the elements that the documentation of 2026 is said to add"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted. Prints one line with the base address when it listens."""
    parser = argparse.ArgumentParser(
        prog="safehold cybertip simulate",
        description="A practice server that behaves as NCMEC's reporting service. Nothing sent to it reaches NCMEC.",
        epilog="Example: safehold cybertip simulate --port 8099 --data ./simulator --username desk --password practice",
    )
    add_options(parser)
    return serve(parser.parse_args(argv))


def serve(options: argparse.Namespace) -> int:
    """Serve with options that are parsed already. Returns an exit code."""
    from safehold.cybertip.simulator.running import run

    return run(options)
