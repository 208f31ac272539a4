"""`safehold bench`."""

import argparse


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    bench = commands.add_parser(
        "bench",
        help="measure what users wait for",
        epilog="Examples: safehold bench receipt --runs 200; safehold bench vault policy",
    )
    bench.add_argument("which", nargs="*", help="names of benches; all by default")
    bench.add_argument("--runs", type=int, default=100)
    bench.add_argument("--json", action="store_true")
    bench.set_defaults(run=_bench, needs_django=False)


def _bench(arguments: argparse.Namespace) -> int:
    import importlib
    import sys
    from pathlib import Path

    root = Path(__file__).resolve().parents[4]
    if not (root / "bench").is_dir():
        print(
            "safehold: the benches are in the folder bench of a checkout; this installation has none.", file=sys.stderr
        )
        return 2
    sys.path.insert(0, str(root))
    bench = importlib.import_module("bench")  # of the checkout, not of the distribution
    return int(bench.main(arguments.which, runs=arguments.runs, as_json=arguments.json))
