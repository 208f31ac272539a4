"""Reconciliation: our count of reports equals the receipts, always. Filings against receipts, holds, acts and duties.

Others may call `compare`; `check` compares and raises a custodian's task where something differs (every day,
`housekeeping`). Nothing is mended by itself: a difference means that a record cannot be relied on, and a person looks.
"""

from collections.abc import Iterator

import msgspec
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cases.models import Decision, Duty
from safehold.cybertip import service as cybertip
from safehold.cybertip.models import FILED, Filing
from safehold.cybertip.reconciling import Difference, Reconciliation
from safehold.path import order
from safehold.work import service as work


def compare() -> Reconciliation:
    """Everything that is counted, and everything that does not agree. Reads alone."""
    found = cybertip.reconcile()
    differences = tuple(sorted({*found.differences, *_of_duties()}))
    return msgspec.structs.replace(found, differences=differences)


def check() -> Reconciliation:
    """Compare, and tell a custodian where something differs. In the caller's transaction."""
    found = compare()
    if not found.agrees and not work.open_tasks("custodian").filter(kind="counts-differ").exists():
        codes = sorted({one.code for one in found.differences})
        work.raise_task(
            "counts-differ", key=timezone.now().isoformat(), about="filings:all", role="custodian",
            note=f"{len(found.differences)}: {', '.join(codes)}",
        )  # fmt: skip
    return found


def _of_duties() -> Iterator[Difference]:
    """Duties that filings met, and filings whose duty is still open."""
    filings = {audit.ref(row): row for row in Filing.objects.only("pk", "state", "environment", "ref").iterator()}
    met = Duty.objects.filter(kind__in=order.REPORTS, state=Duty.State.MET, receipt__startswith="filing:")
    for ref in met.values_list("receipt", flat=True).distinct().order_by("receipt"):
        row = filings.get(ref)
        if row is None or row.state not in FILED:
            yield Difference(row.environment if row else "", ref, "duty-without-filing")
    owed = Duty.objects.filter(
        kind=Duty.Kind.REPORT_SHALL, state=Duty.State.OPEN, decision__state=Decision.State.CONFIRMED
    )
    subjects = {f"subject:{pk}" for pk in owed.values_list("subject_id", flat=True)}
    for ref, row in filings.items():
        if row.state in FILED and row.ref in subjects:
            yield Difference(row.environment, ref, "filing-without-duty")
