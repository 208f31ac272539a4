"""Texts that wait for the operator's model, after their answer went out. Inside the screening path only.

`waiting` picks the texts of a request that may be scored, `offer` has them scored by and by, `close` ends the threads.
The line is short and in memory alone: what does not fit, and what waits when the process ends, is dropped and counted.
No answer ever waits for a model, and none is asked unless the operator set its address (`SAFEHOLD_CLASSIFIER_URL`).
"""

import logging
import queue
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.conf import settings
from django.db import close_old_connections

from safehold.api.screen_answering import Circumstances, Subject
from safehold.api.screen_reading import PUBLIC
from safehold.path import scoring
from safehold.screening import metrics
from safehold.screening.classifier import LONGEST, FreshText, fresh
from safehold.screening.matching import Found
from safehold.subjects.models import Host

log = logging.getLogger(__name__)

WAITING = 500  # texts
THREADS = 2
PATIENCE = 1.0  # seconds that the end of the process waits for a text that is with the model


class Waiting(NamedTuple):
    """One text, and whose it is."""

    host: Host
    item_id: str
    account_id: str
    text: FreshText


def waiting(subjects: Sequence[Subject], found: Sequence[Found], about: Circumstances) -> list[Waiting]:
    """The texts that may be scored: recorded, public, of items of which nothing hit anything in the request."""
    if not settings.SAFEHOLD.classifier.url or not about.record or about.surface not in PUBLIC:
        return []
    pairs = list(zip(subjects, found, strict=True))
    hit = {one.item_id for one, seen in pairs if seen.any or seen.cut}
    return [
        Waiting(about.host, one.item_id, one.account_id, _fresh(one, seen, about))
        for one, seen in pairs
        if one.item_id and one.item_id not in hit and one.asked.text.strip()
    ]


def _fresh(one: Subject, seen: Found, about: Circumstances) -> FreshText:
    """More of a text than a model is shown need not wait: such a text counts as one without an answer."""
    return fresh(one.asked.text[: LONGEST + 1], about.surface, seen.files, seen.links, seen.words)


class _Line:
    """The texts that wait, and the threads that see to them, started with the first text."""

    def __init__(self) -> None:
        self.texts: queue.Queue[Waiting] = queue.Queue(WAITING)
        self.threads: list[threading.Thread] = []
        self.stopping = threading.Event()
        self.lock = threading.Lock()

    def start(self) -> None:
        with self.lock:
            if not self.threads:
                self.stopping = threading.Event()
                self.threads = [
                    threading.Thread(target=_work, args=(self.texts, self.stopping), name=f"scoring-{n}", daemon=True)
                    for n in range(THREADS)
                ]
                for thread in self.threads:
                    thread.start()


_line = _Line()


def offer(texts: Iterable[Waiting]) -> None:
    """Have these scored when their turn comes. Never waits: what finds no place is dropped, and counted."""
    for one in texts:
        _line.start()
        try:
            _line.texts.put_nowait(one)
        except queue.Full:
            metrics.classified("dropped")


def close() -> None:
    """End the threads. What still waits is dropped, and counted."""
    with _line.lock:
        threads, _line.threads = _line.threads, []
        _line.stopping.set()
    while True:
        try:
            _line.texts.get_nowait()
        except queue.Empty:
            break
        _line.texts.task_done()
        metrics.classified("dropped")
    for thread in threads:
        thread.join(PATIENCE)
    if threads:
        scoring.let_go()


def settle() -> None:
    """Wait until no text waits and none is with the model."""
    _line.texts.join()


def _work(texts: "queue.Queue[Waiting]", stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            one = texts.get(timeout=0.2)
        except queue.Empty:
            continue
        try:
            metrics.classified(_handled(one))
        finally:
            texts.task_done()


def _handled(one: Waiting) -> str:
    """What came of it; the thread must outlive whatever the database does."""
    close_old_connections()
    try:
        return scoring.handle(one.host, item_id=one.item_id, account_id=one.account_id, text=one.text)
    except Exception as error:  # noqa: BLE001
        log.error("%s while a text was scored", type(error).__name__)
        return "failed"
    finally:
        close_old_connections()
