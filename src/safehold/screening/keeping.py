"""This process's journal of what it screened, for the archive. Others call `keep` through `service`.

Nothing is kept of private surfaces, of items that the host gave no id for (they could not be found again), or at all
where the operator keeps an archive for 0 days.
"""

import contextlib
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from safehold.screening.archive import parts
from safehold.screening.archive.journal import Journal
from safehold.screening.archive.schema import Row
from safehold.screening.matching import Asked

PUBLIC = frozenset({"public_posts", "public_profiles", "public_uploads"})

_lock = threading.Lock()
_journals: dict[Path, Journal] = {}  # by data folder


def folder() -> Path:
    """Where the archive lies."""
    return Path(settings.SAFEHOLD.data) / "archive"


def row(
    asked: Asked, *, host: str, item_id: str, account_id: str, surface: str, jurisdiction: str, at: float | None = None
) -> Row | None:
    """The line to keep of one screened item, or None where none is kept."""
    has_hash = asked.sha256 or asked.sha1 or asked.md5 or asked.pdqs
    if not item_id or not has_hash or surface not in PUBLIC:
        return None
    return Row(
        int((time.time() if at is None else at) * 1_000_000), host, item_id, account_id, surface, jurisdiction,
        asked.film, asked.sha256, asked.sha1, asked.md5, asked.pdqs,
    )  # fmt: skip


def keep(rows: Iterable[Row | None]) -> int:
    """Write down what was screened; returns how many. Takes microseconds, no database. Raises OSError (a full disk)."""
    if not settings.SAFEHOLD.archive_days:
        return 0
    return _journal().keep([one for one in rows if one is not None])


def close() -> None:
    """Let this process's journal go, so that it can be packed at once."""
    with _lock:
        for one in _journals.values():
            one.close()


def _journal() -> Journal:
    """This process's, by the data folder: asked for each request, so without putting a path together."""
    data = settings.SAFEHOLD.data
    if (known := _journals.get(data)) is not None:
        return known
    with _lock:
        if data not in _journals:
            _journals[data] = Journal(parts.journals(folder()))
            threading.Thread(target=_settle, args=(_journals[data],), name="archive", daemon=True).start()
        return _journals[data]


def _settle(one: Journal) -> None:
    """About once a second, for as long as the process lives."""
    while True:
        time.sleep(1)
        with contextlib.suppress(OSError):  # the next `keep` fails as well, and tells its caller
            one.settle()
