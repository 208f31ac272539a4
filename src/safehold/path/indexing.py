"""The index's files are built anew in the worker when many changes stand in memory on top of them.

Job: `index.look`, once a minute. It can be done by hand as well: `safehold screening index build`. The files lie in the
data folder: where screening runs on machines of its own, each needs its own.
"""

from django.conf import settings
from django.db import transaction

from safehold.screening import service as screening
from safehold.work import service as work

EVERY = 60.0  # seconds
ROLE = "administrator"


@work.job("index.look", attempts=1_000_000)
def look() -> work.Outcome:
    """Build where it is due. Safe to run twice: a build replaces what is there with the same or newer."""
    folder = screening.index_folder()
    try:
        if screening.index_due(folder, settings.SAFEHOLD.screening.index_changes):
            screening.build_index(folder)
    except screening.BuildRunning:
        pass  # somebody else is at it
    except (screening.DamagedIndex, screening.NotReady) as problem:
        with transaction.atomic():
            work.raise_task(
                "index-damaged", key=f"{folder.name}:{type(problem).__name__}", about="screening:index", role=ROLE,
                note="safehold screening index build --anew",
            )  # fmt: skip
    return work.Later(EVERY)
