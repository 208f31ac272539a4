"""`safehold screening serve`, `safehold screening index build|status|verify`."""

import argparse
import sys


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("screening", help="processes that screen uploads, and their index").add_subparsers(
        required=True, metavar="VERB"
    )
    serve = group.add_parser(
        "serve",
        help="run processes that only screen (scaled shape)",
        epilog="Example: safehold screening serve --port 8001 --processes 4",
    )
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    serve.add_argument("--port", type=int, default=8001)
    serve.add_argument("--processes", type=int, default=1, help="they share one port and the index's files")
    serve.set_defaults(run=_serve)
    index = group.add_parser("index", help="the files of the index").add_subparsers(required=True, metavar="VERB")
    build = index.add_parser(
        "build",
        help="write new files from the lists (the worker does it by itself when many entries changed)",
        epilog="Example: safehold screening index build",
    )
    build.add_argument("--anew", action="store_true", help="drop the old files first: after a restore from a backup")
    build.set_defaults(run=_build)
    status = index.add_parser("status", help="what the files hold, and what came since")
    status.set_defaults(run=_status)
    verify = index.add_parser("verify", help="read every byte of the files against its checksum")
    verify.set_defaults(run=_verify)


def _serve(arguments: argparse.Namespace) -> int:
    from safehold.app.serve import serve_screening

    if arguments.processes < 1:
        print("safehold: --processes is 1 or more.", file=sys.stderr)
        return 2
    return serve_screening(arguments.host, arguments.port, arguments.processes)


def _build(arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening

    def told(done: int, of: int) -> None:
        print(f"\r{done} of {of} parts", end="\n" if done == of else "", file=sys.stderr, flush=True)

    try:
        made = screening.build_index(screening.index_folder(), told, anew=arguments.anew)
    except (screening.BuildRunning, screening.DamagedIndex, screening.NotReady, ValueError, OSError) as problem:
        print(f"safehold: {problem}", file=sys.stderr)
        return 1
    print(f"Generation {made.generation}: {made.entries} entries, all changes up to number {made.upto}.")
    return 0


def _status(_arguments: argparse.Namespace) -> int:
    from safehold.screening import live
    from safehold.screening import service as screening

    try:
        matcher = screening.matcher()
    except screening.NotReady as problem:
        print(f"safehold: {problem}", file=sys.stderr)
        return 1
    now, stats = live.state(), matcher.index.stats
    print(f"generation\t{stats.generation}\nentries in files\t{now.entries}\nage of files\t{now.age:.0f} s")
    print(f"changes since\t{now.delta}\nlinks\t{now.links}\nterms\t{now.words}\nchange number\t{matcher.upto}")
    return 0


def _verify(_arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening

    try:
        made = screening.verify_index(screening.index_folder())
    except (screening.DamagedIndex, screening.NotReady) as problem:
        print(f"safehold: {problem}", file=sys.stderr)
        return 1
    if made is None:
        print("Nothing is built yet: everything stands in memory. Next: safehold screening index build")
        return 0
    print(f"Generation {made.generation} is whole: {made.entries} entries, all changes up to number {made.upto}.")
    return 0
