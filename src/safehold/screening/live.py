"""This process's matcher: opened on first use, kept up with the database, refused when it may lack something.

Others may call, through `service`:

    matcher() -> Matcher      opened, and not older than the staleness limit; raises NotReady
    at_hand() -> Matcher      the same without the database, for an event loop; raises NotReady
    keep() / let_go()         start and end the threads that keep it up and write the counters
    state() -> State          for metrics and `safehold screening index status`

A server starts the threads (`keep`): changes are read every quarter of a second, so that what was committed matches,
or matches no more, within a second. Without them each call of `matcher` reads the changes itself.

An answer from lists that may be out of date would pass known material as clean. So when the database could not be
asked for some seconds (`SAFEHOLD_SCREEN_STALE_SECONDS`), or the index's files are damaged, every question is refused
until that is over.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import close_old_connections

from safehold.screening import flood, metrics
from safehold.screening.errors import NotReady
from safehold.screening.index.types import DamagedIndex
from safehold.screening.matching import Matcher

log = logging.getLogger(__name__)

LOOK_EVERY = 0.25  # seconds between two looks for changes
WRITE_EVERY = 1.0  # seconds between two writings of the counters
AGAIN_AFTER = 2.0  # seconds before a damaged index is opened again


class State(NamedTuple):
    """What a monitoring system wants to know of this process's lists."""

    ready: bool
    code: str  # why not: screening_starting, screening_stale, index_damaged; "" where ready
    lag: float  # seconds since it was last known that no change is missing; infinite before the first time
    entries: int  # in the index's files
    delta: int  # changes held in memory on top of them
    age: float  # seconds since the files were built
    links: int
    words: int


class _Held:
    """The one matcher of this process and who keeps it up."""

    def __init__(self) -> None:
        self.matcher: Matcher | None = None
        self.folder: Path | None = None
        self.problem: NotReady | None = None
        self.tried_at = 0.0
        self.opening = threading.Lock()
        self.threads: list[threading.Thread] = []
        self.stopping = threading.Event()


_held = _Held()


def folder() -> Path:
    """Where the index's files stand."""
    data: Path = settings.SAFEHOLD.data
    return data / "index"


def _stale_after() -> int:
    return int(settings.SAFEHOLD.screening.stale_seconds)


def matcher() -> Matcher:
    """The matcher, opened and kept up. Needs the database where no thread keeps it up. Raises NotReady."""
    if not _held.threads:
        _catch_up()
    return at_hand()


def at_hand() -> Matcher:
    """The matcher as the threads keep it. Raises NotReady where nothing may be answered now."""
    held = _held.matcher
    if _held.problem is not None:
        raise _held.problem
    if held is None or held.kept_up_at == 0.0:
        raise NotReady("screening_starting", "Screening is starting: the lists are not loaded yet. Ask again shortly.")
    if time.monotonic() - held.kept_up_at > _stale_after():
        raise NotReady(
            "screening_stale",
            f"The lists could not be compared with the database for {_stale_after()} seconds. Ask again shortly.",
        )
    return held


def kept() -> bool:
    """Whether threads keep the matcher up in this process."""
    return bool(_held.threads)


def keep() -> None:
    """Keep the matcher up and the counters written, until `let_go`. Returns at once."""
    if _held.threads:
        return
    _held.stopping.clear()
    metrics.began()
    _held.threads = [
        threading.Thread(target=_every, args=(pause, work), name=name, daemon=True)
        for name, pause, work in (("lists", LOOK_EVERY, _catch_up), ("counters", WRITE_EVERY, _write))
    ]
    for thread in _held.threads:
        thread.start()


def wait_until_ready(seconds: float) -> bool:
    """Whether questions can be answered, after so many seconds at most or once it is known why not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            at_hand()
        except NotReady as problem:
            if problem.code == "index_damaged":
                return False
            time.sleep(0.02)
        else:
            return True
    return False


def let_go() -> None:
    """End the threads, write the counters, forget the matcher."""
    threads, _held.threads = _held.threads, []
    _held.stopping.set()
    for thread in threads:
        thread.join()
    if threads:
        flood.write()
        metrics.ended()
    _held.matcher, _held.folder, _held.problem = None, None, None


def state() -> State:
    """How this process stands."""
    held = _held.matcher
    code = ""
    try:
        at_hand()
    except NotReady as problem:
        code = problem.code
    if held is None:
        return State(False, code, float("inf"), 0, 0, 0.0, 0, 0)
    lag = time.monotonic() - held.kept_up_at if held.kept_up_at else float("inf")
    stats = held.index.stats
    return State(not code, code, lag, stats.entries, stats.delta, stats.age, len(held.links), len(held.words))


def damaged(problem: Exception) -> NotReady:
    """A question showed that the files are damaged: nothing is answered until they are opened anew."""
    _held.problem = NotReady("index_damaged", str(problem))
    _held.matcher = None
    return _held.problem


def _catch_up() -> None:
    """Open the matcher where it is not, and read what changed. NotReady is kept for whoever asks."""
    with _held.opening:
        if _held.problem is not None and time.monotonic() - _held.tried_at < AGAIN_AFTER and _held.threads:
            return
        held_before = _held.matcher
        _held.tried_at = time.monotonic()
        try:
            try:
                _opened().keep_up()
            except NotReady:
                if held_before is None:
                    raise
                # The database, or the index, was put back to an earlier state: what is in memory is of no use.
                _held.matcher = None
                _opened().keep_up()
        except (DamagedIndex, NotReady) as problem:
            _held.matcher = None
            _held.problem = problem if isinstance(problem, NotReady) else NotReady("index_damaged", str(problem))
            raise _held.problem from problem
        _held.problem = None


def _write() -> None:
    """Once a second: the counters into the database, the state of the lists to whoever monitors it."""
    now = state()
    metrics.tell(ready=now.ready, lag=now.lag, entries=now.entries, delta=now.delta, age=now.age)
    flood.write()


def _opened() -> Matcher:
    """The matcher of the present data folder, its first queries as fast as the rest."""
    if _held.matcher is None or _held.folder != folder():
        _held.folder, _held.problem = folder(), None
        made = Matcher(folder())
        made.index.warm()
        _held.matcher = made
    return _held.matcher


def _every(pause: float, work: Callable[[], object]) -> None:
    """Do something again and again. What goes wrong is logged once for each kind in a row, and tried again."""
    last = ""
    while not _held.stopping.is_set():
        try:
            work()
            last = ""
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever the database does
            kind = type(error).__name__
            if kind != last:
                log.error("%s while keeping the lists up (%s); trying again", kind, threading.current_thread().name)
            last = kind
            close_old_connections()
        _held.stopping.wait(pause)
    close_old_connections()
