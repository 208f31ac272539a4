"""The archive of what was screened: kept in order, and run against lists that grew.

Jobs: `archive.tend` packs journals, merges days that are over and ends terms, every ten minutes; `rescreen.run` looks
once an hour whether lists grew; `archive.erase` removes one account. Others may call `rescreen` (with progress, for
the command line) and `erase_account`.
"""

from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.path import hits
from safehold.screening import service as screening
from safehold.screening.archive import parts
from safehold.screening.archive.journal import PERIOD
from safehold.screening.models import Rescreen
from safehold.subjects.models import Host
from safehold.work import service as work

ACTOR = "system:worker"
TEN_MINUTES = 600
HOUR = 3600
SHARE = 10  # a run takes one part of so many of the time


@work.job("archive.tend", attempts=1_000_000, role="administrator")
def tend() -> work.Outcome:
    """Pack what is closed, merge the days that are over, remove those past their term.

    A journal with lines that cannot be read is kept aside and becomes an administrator's task: those items would not
    be found again.
    """
    folder = screening.archive_folder()
    packed = parts.pack(folder)
    parts.merge(folder)
    parts.expire(folder, settings.SAFEHOLD.archive_days or -1)  # kept for 0 days: not even today's
    if packed.unreadable:
        with transaction.atomic():
            work.raise_task(
                "archive-unreadable", key=str(timezone.now().date()), about="archive", role="administrator",
                note=f"{packed.unreadable} lines",
            )  # fmt: skip
    return work.Later(TEN_MINUTES)


@work.job("rescreen.run", attempts=1_000_000, role="administrator")
def run_due() -> work.Outcome:
    """New entries against all that was screened before; of a large archive not so often as to do nothing else."""
    rest = _rest()
    if rest <= 0:
        rescreen(actor=ACTOR)
    return work.Later(max(rest, HOUR))


def _rest() -> float:
    """Seconds until the next run, so that runs take a tenth of the time at most."""
    last = Rescreen.objects.exclude(ended_at=None).order_by("-ended_at").first()
    if last is None or last.ended_at is None:
        return 0.0
    took = (last.ended_at - last.begun_at).total_seconds()
    return took * (SHARE - 1) - (timezone.now() - last.ended_at).total_seconds()


def rescreen(*, actor: str, progress: Callable[[screening.Progress], None] | None = None) -> Rescreen | None:
    """Run what is due, to its end; None where no list grew. May be stopped and called again.

    What is found counts as any hit does: a report, a case, and what the list's rule says.
    """
    row = screening.begin_rescreen(actor=actor)
    if row is None:
        return None
    return screening.run_rescreen(row, _take, actor=actor, progress=progress)


def _take(matches: list[screening.Match]) -> None:
    """Record what a portion found. A host that was removed meanwhile has nothing to be asked of."""
    hosts = {host.slug: host for host in Host.objects.filter(slug__in={one.host for one in matches})}
    with transaction.atomic():
        for one in matches:
            if host := hosts.get(one.host):
                hits.record(
                    host, item_id=one.item_id, account_id=one.account_id, asked=one.asked, hits=one.hits,
                    surface=one.surface, jurisdiction=one.jurisdiction,
                )  # fmt: skip


def erase_account(host: str, account_id: str) -> None:
    """Remove what the archive keeps of an account, and what comes into it until the last journals are packed."""
    with transaction.atomic():
        until = int(timezone.now().timestamp() + 3 * PERIOD)
        work.enqueue(
            "archive.erase", key=f"{host}:{account_id}"[:200], again=True, host=host, account=account_id, until=until
        )


@work.job("archive.erase", attempts=60, role="administrator")
def erase(host: str, account: str, until: str) -> work.Outcome:
    """Pack what is closed, then erase. On record with the number of rows, never with what they were."""
    folder = screening.archive_folder()
    last = timezone.now().timestamp() >= int(until)  # before packing: what is closed by then is all there was
    parts.pack(folder)
    gone = parts.erase(folder, host, account)
    with transaction.atomic():
        if gone or last:
            audit.record("archive.erased", actor=ACTOR, about=f"account:{host}/{account}"[:200], rows=gone)
    return None if last else work.Later(PERIOD)
