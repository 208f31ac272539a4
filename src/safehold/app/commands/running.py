"""`safehold setup`, `safehold serve`, `safehold worker`, `safehold pause`, `safehold resume`."""

import argparse


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    setup = commands.add_parser(
        "setup",
        help="create or bring up to date tables and keys",
        epilog="Example: SAFEHOLD_DATA=/srv/safehold safehold setup",
    )
    setup.set_defaults(run=_setup)
    serve = commands.add_parser(
        "serve", help="run web and worker together", epilog="Example: safehold serve --port 8000"
    )
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    serve.add_argument("--port", type=int, default=8000)
    serve.set_defaults(run=_serve)
    worker = commands.add_parser(
        "worker", help="run one more worker (scaled shape)", epilog="Example: SAFEHOLD_WORKER=worker-2 safehold worker"
    )
    worker.set_defaults(run=_worker, needs_django=False)
    pause = commands.add_parser(
        "pause", help="let outward work stand still", epilog="Example: safehold pause --because 'restoring a backup'"
    )
    pause.add_argument("--because", required=True, help="goes on record")
    pause.set_defaults(run=_pause)
    resume = commands.add_parser(
        "resume",
        help="after a restore: show what must be reconciled, and go on",
        epilog='Example: safehold resume; safehold resume --confirm --because "reconciled with NCMEC receipts"',
    )
    resume.add_argument("--confirm", action="store_true", help="a person has reconciled: let outward work go on")
    resume.add_argument("--because", default="", help="what was checked (goes on record; needed with --confirm)")
    resume.set_defaults(run=_resume)


def _setup(_arguments: argparse.Namespace) -> int:
    from safehold.app.setup import setup

    setup()
    print("Tables and keys are in place. Next: safehold staff add NAME --role administrator, then safehold serve.")
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    from safehold.app.serve import serve
    from safehold.app.setup import setup

    setup()
    return serve(arguments.host, arguments.port)


def _worker(_arguments: argparse.Namespace) -> int:
    from safehold.app.worker import main

    return main()


def _pause(arguments: argparse.Namespace) -> int:
    from safehold.work import service as work

    row = work.pause(arguments.because, actor="operator:command-line")
    print(f"Outward work stands still since {row.since:%Y-%m-%d %H:%M} UTC. Next: safehold resume")
    return 0


def _resume(arguments: argparse.Namespace) -> int:
    from safehold.path import restore

    pause = restore.paused()
    if pause is None:
        print("Outward work is not paused.")
        return 0
    print(f"Paused since {pause.since:%Y-%m-%d %H:%M} UTC: {pause.because}")
    for line in restore.to_reconcile():
        print(f"  - {line}")
    if not arguments.confirm:
        print("Check each line, then: safehold resume --confirm --because '…'")
        return 1
    if not arguments.because.strip():
        print("Say with --because what was checked: it goes on record.")
        return 2
    restore.resume(because=arguments.because, actor="operator:command-line")
    print("Outward work goes on.")
    return 0
