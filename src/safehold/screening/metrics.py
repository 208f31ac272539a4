"""What a monitoring system reads of screening, in Prometheus' format. Neither ids nor hashes are ever a label.

Others may call `screened`, `not_screened`, `hit`, `refused`, `took`, `tell` and `text`. Where several processes listen
on one port, PROMETHEUS_MULTIPROC_DIR names a folder that they share (`safehold screening serve` sets it), and the
answer is about all of them: counters are summed, gauges show the worst process.
"""

import os
import shutil
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_registry = CollectorRegistry()
_SCREENED = Counter("safehold_screened", "Items looked at, by what was known of them", ["kind"], registry=_registry)
_NOT_SCREENED = Counter("safehold_not_screened", "Items not, or not wholly, looked at", ["reason"], registry=_registry)
_HITS = Counter("safehold_screening_hits", "Hits, by list and by what agreed", ["list", "how"], registry=_registry)
_REFUSED = Counter("safehold_screening_refused", "Requests that got no verdict", ["code"], registry=_registry)
_UNKEPT = Counter("safehold_screening_archive_failed", "Writings of the archive that failed", registry=_registry)
_CLASSIFIED = Counter(
    "safehold_classifier_texts", "Texts for the operator's model, by what came of them", ["outcome"], registry=_registry
)
_UNPARSABLE = Counter(
    "safehold_classifier_unparsable", "Texts that the model gave no usable answer to", registry=_registry
)
_SECONDS = Histogram(
    "safehold_screening_seconds", "From a request's head to its answer", ["call"], buckets=SECONDS, registry=_registry
)


def _gauge(name: str, what: str, mode: str = "livemax") -> Gauge:
    return Gauge(name, what, registry=_registry, multiprocess_mode=mode)  # type: ignore[arg-type]


_READY = _gauge("safehold_screening_ready", "1 where verdicts are given, else 0", "livemin")
_LAG = _gauge("safehold_lists_lag_seconds", "Since it was last known that no change of a list is missing")
_ENTRIES = _gauge("safehold_index_entries", "Entries in the index's files")
_DELTA = _gauge("safehold_index_delta", "Changes held in memory on top of the files")
_AGE = _gauge("safehold_index_age_seconds", "Since the index's files were built")


def screened(kind: str) -> None:
    """One item was looked at: kind is file, hash, link or text, the first of these that it has."""
    _SCREENED.labels(kind).inc()


def not_screened(reason: str) -> None:
    """One item was not, or not wholly, looked at."""
    _NOT_SCREENED.labels(reason).inc()


def hit(list_slug: str, how: str) -> None:
    """One hit."""
    _HITS.labels(list_slug, how).inc()


def refused(code: str) -> None:
    """One request got no verdict: the code of its answer."""
    _REFUSED.labels(code).inc()


def archive_failed() -> None:
    """What was screened could not be written down for later."""
    _UNKEPT.inc()


def classified(outcome: str) -> None:
    """One text was for the operator's model: dropped (no place), failed, or what `path.scoring.handle` returns."""
    _CLASSIFIED.labels(outcome).inc()


def unparsable() -> None:
    """The model gave an answer that says nothing, or none in time."""
    _UNPARSABLE.inc()


def took(call: str, seconds: float) -> None:
    """One request was answered: check, record or file."""
    _SECONDS.labels(call).observe(seconds)


def tell(*, ready: bool, lag: float, entries: int, delta: int, age: float) -> None:
    """How this process's lists stand now."""
    _READY.set(1 if ready else 0)
    _LAG.set(lag)
    _ENTRIES.set(entries)
    _DELTA.set(delta)
    _AGE.set(age)


def text() -> bytes:
    """All of it, as it is answered to a scrape."""
    if FOLDER not in os.environ:
        return generate_latest(_registry)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together)


def share(folder: Path) -> None:
    """Have the processes started from here on count together, from nought. Before any of them is started."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[FOLDER] = str(folder)


def began() -> None:
    """This process starts: what killed ones left of their gauges counts no more."""
    if FOLDER not in os.environ:
        return
    for file in Path(os.environ[FOLDER]).glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]
        except PermissionError:
            continue  # another user's process has that number now


def ended() -> None:
    """This process ends: its gauges count no more."""
    if FOLDER in os.environ:
        mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]
