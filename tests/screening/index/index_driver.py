"""Processes that the crash tests start: `python -m tests.screening.index.index_driver MODE FOLDER`.

killed    build FOLDER again and again in children of its own, each killed with -9 at a later touch of the disk
build     build FOLDER for ever, each generation larger; prints what is complete
read      map FOLDER and ask for everything it must hold, again and again until the standard input ends
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from safehold.screening.index import Change, Index, build, verify
from tests.screening.index.index_brute import at_distance, entry, seeded

BEFORE, AFTER = 20, 30  # entries that the folder held, and those of the build that is killed
STEP = 4000  # entries by which each generation of `build` is larger


def change(version: int) -> Change:
    """The entry that came with this change number; the same in every process."""
    random = seeded(version)
    return Change(entry(version), version, live=True, pdq=(random.randbytes(32),), sha256=random.randbytes(32))


def changes(upto: int) -> list[Change]:
    return [change(version) for version in range(1, upto + 1)]


def missing(index: Index, versions: range) -> list[int]:
    """Change numbers up to `index.upto` that are not found by hash or by digest, and later ones that are."""
    wrong, upto = [], index.upto
    for version in versions:
        held = change(version)
        near = [one.entry for one in index.near(at_distance(held.pdq[0], 31, seeded(version)))]
        expected = [held.entry] if version <= upto else []
        if near != expected or index.exact("sha256", held.sha256) != expected:
            wrong.append(version)
    return wrong


def killed(folder: Path) -> None:
    """Prints, for each touch of the disk that was the last one, what the folder held afterwards."""
    touch, model = 0, folder.with_name("model")
    for upto in (BEFORE - 5, BEFORE):
        build(model, changes(upto), upto)
    while True:
        touch += 1
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(model, folder)
        child = os.fork()
        if child == 0:
            _kill_at(touch, folder)
            build(folder, changes(AFTER), AFTER)
            os._exit(0)
        _pid, status = os.waitpid(child, 0)
        died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        index = Index.open(folder)
        verify(folder)
        upto, wrong = index.upto, missing(index, range(1, AFTER + 1))
        build(folder, changes(AFTER), AFTER)
        again = Index.open(folder)
        left = [path.name for path in folder.iterdir() if path.name.startswith(("building-", "."))]
        told = {"died": died, "upto": upto, "wrong": wrong, "again": missing(again, range(1, AFTER + 1)), "left": left}
        print(json.dumps(told), flush=True)
        if not died:
            return


def _kill_at(touch: int, folder: Path) -> None:
    """Die before the numbered touch of anything in the folder: opening, renaming, removing, mapping, making."""
    count = 0

    def heard(event: str, args: tuple[object, ...]) -> None:
        nonlocal count
        if event == "mmap.__new__" or (
            event.startswith(("open", "os.", "shutil.")) and any(str(folder) in str(one) for one in args)
        ):
            count += 1
            if count == touch:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(heard)


def building(folder: Path) -> None:
    upto = Index.open(folder).upto
    while True:
        upto += STEP
        index = Index.open(folder)
        index.apply(changes(upto))
        build(folder, changes(upto), upto)
        index.refresh()
        print(index.upto, flush=True)


def read(folder: Path) -> None:
    index = Index.open(folder)
    os.set_blocking(0, False)
    ended = False
    while not ended:
        ended = _ended()  # asked before the last round, which therefore sees all that was built
        index.refresh()
        wrong = missing(index, range(1, 200, 7))
        print(json.dumps({"generation": index.stats.generation, "wrong": wrong}), flush=True)


def _ended() -> bool:
    try:
        return os.read(0, 1) == b""
    except BlockingIOError:
        return False


if __name__ == "__main__":
    {"killed": killed, "build": building, "read": read}[sys.argv[1]](Path(sys.argv[2]))
