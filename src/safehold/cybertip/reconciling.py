"""Whether our count equals the receipts: every filed report against its receipt, its hold and its act on record.

Others reach `reconcile` through `service`. It reads and changes nothing; each difference is a `Difference` that names
the filing by its id. What rests on cases (duties met by a filing) is compared in `path.reconciling`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from safehold.audit import service as audit
from safehold.audit.models import Entry
from safehold.cybertip.client import Unreadable, parse
from safehold.cybertip.models import FILED, Exchange, Filing, Submission
from safehold.evidence.models import Hold

ENDS = ("filing.finish", "filing.recover", "filing.file_by_hand")  # acts with which a filing is filed
YEAR = timedelta(days=365)


class Difference(msgspec.Struct, frozen=True, order=True):
    """One thing that does not agree. `code` is a key of `CODES`."""

    environment: str
    about: str  # audit ref
    code: str


# What each difference means, for the command line; the console has its own words for the codes.
CODES = {
    "no-number": "filed, but NCMEC's number is missing",
    "no-receipt": "filed, but there is no receipt",
    "receipt-unreadable": "the receipt is not an answer of the service",
    "receipt-says-no": "the receipt does not say that the report is finished",
    "receipt-other-report": "the receipt names another report than the filing",
    "receipt-not-answered": "no stored answer of the service equals the receipt",
    "not-finished-once": "not exactly one report that was opened for it is finished, with its number",
    "no-hold": "filed, but nothing is held for it",
    "hold-too-short": "its hold ends earlier than a year after it was filed",
    "act-missing": "filed, but the record has no act that filed it, or several",
    "act-without-filing": "the record says that it was filed, and it is not",
    "hold-without-filing": "something is held for it as filed, and it is not",
    "receipt-without-filing": "it has a receipt or a number, and is not filed",
    "finished-without-filing": "a report of it is finished at the service, and it is not filed",
    "number-twice": "two filings have the same number at NCMEC",
    "duty-without-filing": "a duty to report was met by it, and it is not filed",
    "filing-without-duty": "filed, but a duty to report of its decision in force is still open",
}


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many of one environment: filings by state, and what stands beside the filed ones."""

    environment: str
    states: dict[str, int]
    filed: int
    receipts: int  # of filings that the service answered for
    by_hand: int  # numbers that a person entered
    holds: int
    acts: int


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of every environment, and everything that differs."""

    counts: tuple[Count, ...]
    differences: tuple[Difference, ...]

    @property
    def agrees(self) -> bool:
        """Whether our count equals the receipts."""
        return not self.differences


class _Beside:
    """What stands beside the filings, read once: holds, acts, finished reports, stored answers."""

    def __init__(self) -> None:
        holds = Hold.objects.filter(ref__startswith="filing:", kind=Hold.Kind.PRESERVATION)
        self.holds = {row.ref: row for row in holds}
        self.acts = Counter(Entry.objects.filter(act__in=ENDS).values_list("about", flat=True))
        self.finished: dict[object, list[int | None]] = {}
        done = Submission.objects.filter(state=Submission.State.FINISHED)
        for filing_id, report_id in done.values_list("filing_id", "report_id"):
            self.finished.setdefault(filing_id, []).append(report_id)
        told = Exchange.objects.filter(endpoint__in=("finish", "retract")).exclude(response=None)
        answers = told.values_list("filing_id", "submission__report_id", "response")
        self.answers = {(filing_id, number, _digest(raw)) for filing_id, number, raw in answers.iterator() if raw}


def reconcile() -> Reconciliation:
    """Compare everything. Every filing is looked at; the work grows with their number (10 000: a second)."""
    beside, found, numbers = _Beside(), [], Counter[tuple[str, int]]()
    counts: dict[str, Counter[str]] = {}
    receipts, holds, acts = Counter[str](), Counter[str](), Counter[str]()
    rows = list(Filing.objects.defer("record", "document").order_by("drafted_at", "pk").iterator())
    for filing in rows:
        ref = audit.ref(filing)
        counts.setdefault(filing.environment, Counter())[filing.state] += 1
        if filing.report_id is not None:
            numbers[filing.environment, filing.report_id] += 1
        if filing.state in FILED:
            receipts[filing.environment] += bool(filing.receipt)
            holds[filing.environment] += ref in beside.holds
            acts[filing.environment] += beside.acts[ref]
        codes = _of_filed(filing, ref, beside) if filing.state in FILED else _of_unfiled(filing, ref, beside)
        found += [Difference(filing.environment, ref, code) for code in codes]
    twice = {pair for pair, times in numbers.items() if times > 1}
    found += [
        Difference(f.environment, audit.ref(f), "number-twice") for f in rows if (f.environment, f.report_id) in twice
    ]
    known = {audit.ref(filing) for filing in rows}
    found += [Difference("", ref, "act-without-filing") for ref in beside.acts if ref not in known]
    found += [Difference("", ref, "hold-without-filing") for ref in beside.holds if ref not in known]
    told = tuple(
        Count(
            environment=name,
            states=dict(sorted(states.items())),
            filed=sum(states[state] for state in FILED),
            receipts=receipts[name],
            by_hand=states["by_hand"],
            holds=holds[name],
            acts=acts[name],
        )
        for name, states in sorted(counts.items())
    )
    return Reconciliation(counts=told, differences=tuple(sorted(found)))


def _of_filed(filing: Filing, ref: str, beside: _Beside) -> Iterator[str]:
    """What a filed one lacks."""
    if filing.report_id is None:
        yield "no-number"
    if filing.state != Filing.State.BY_HAND:
        yield from _of_receipt(filing, beside)
        if beside.finished.get(filing.pk) != [filing.report_id]:
            yield "not-finished-once"
    elif any(number != filing.report_id for number in beside.finished.get(filing.pk, [])):
        yield "not-finished-once"
    hold = beside.holds.get(ref)
    if hold is None:
        yield "no-hold"
    elif filing.ended_at is not None and hold.until < _a_year_after(filing.ended_at):
        yield "hold-too-short"
    if beside.acts[ref] != 1:
        yield "act-missing"


def _of_receipt(filing: Filing, beside: _Beside) -> Iterator[str]:
    """Whether the stored bytes prove it: the service's own answer, to a call of ours, about this report."""
    receipt = bytes(filing.receipt or b"")
    if not receipt:
        yield "no-receipt"
        return
    if (filing.pk, filing.report_id, _digest(receipt)) not in beside.answers:
        yield "receipt-not-answered"
    try:
        code, fields = parse(receipt)
    except Unreadable:
        yield "receipt-unreadable"
        return
    if code != (0 if filing.state == Filing.State.FINISHED else 5102):
        yield "receipt-says-no"
    if fields["report_id"] not in (None, filing.report_id):
        yield "receipt-other-report"


def _of_unfiled(filing: Filing, ref: str, beside: _Beside) -> Iterator[str]:
    """What only a filed one may have."""
    if filing.receipt or filing.report_id is not None:
        yield "receipt-without-filing"
    if filing.pk in beside.finished:
        yield "finished-without-filing"
    if beside.acts[ref]:
        yield "act-without-filing"
    if ref in beside.holds:
        yield "hold-without-filing"


def _digest(raw: bytes | memoryview) -> bytes:
    return hashlib.sha256(bytes(raw)).digest()


def _a_year_after(moment: datetime) -> datetime:
    """365 days: the calendar year that `path.filing` counts is never shorter."""
    return moment + YEAR
