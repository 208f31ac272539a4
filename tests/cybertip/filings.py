"""Drafting placeholder filings and running them against the simulator, shared by the tests of the machine."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection
from django.utils import timezone

from safehold.cybertip import service
from safehold.cybertip.models import Filing
from safehold.cybertip.progress import Progress
from tests.cybertip import samples
from tests.cybertip.simulated import Simulator

BODIES = {"sealed-1": b"gradient 1" * 1000, "sealed-2": b"gradient 2"}
refs = iter(range(1, 10_000))


def read(sealed_id: str) -> Iterator[bytes]:
    """The vault's seam: placeholder bytes in two chunks."""
    body = BODIES[sealed_id]
    yield body[:7]
    yield body[7:]


def a_filing(files: int = 2, **changes: Any) -> Filing:
    """A drafted filing with files of its own document (the ref makes each document one of its kind)."""
    ref = f"subject:{next(refs)}"
    given = tuple(
        samples.file_input(sealed_id=f"sealed-{n + 1}", size=len(BODIES[f"sealed-{n + 1}"])) for n in range(files)
    )
    return service.draft(
        samples.record(ref=ref, as_of=timezone.now(), files=given, additional_info=f"Placeholder {ref}.", **changes)
    )


class Ended:
    """Counts `on_finished` and checks where it runs."""

    def __init__(self) -> None:
        self.filings: list[Filing] = []

    def __call__(self, filing: Filing) -> None:
        assert connection.in_atomic_block
        assert filing.state in ("finished", "recovered")
        assert filing.receipt
        self.filings.append(filing)


def run(filing: Filing, ended: Callable[[Filing], None], *, most: int = 80) -> list[Progress]:
    """Advance without waiting until nothing more is due."""
    steps: list[Progress] = []
    for _ in range(most):
        steps.append(service.advance(filing.pk, worker="test", on_finished=ended, read=read))
        if steps[-1].kind in ("done", "person"):
            return steps
    raise AssertionError([step.kind for step in steps])


def states(simulator: Simulator, filing: Filing) -> list[str]:
    filing.refresh_from_db()
    return simulator.states(filing.document_sha256)


def one_finished(simulator: Simulator, filing: Filing) -> None:
    """The promise: one finished report, the one that we say; every other retracted, or open to expire."""
    filing.refresh_from_db()
    reports = simulator.reports(filing.document_sha256)
    finished = [report for report in reports if report["state"] == "finished"]
    assert [report["id"] for report in finished] == [filing.report_id]
    assert [(file["md5"], file["described"] is not None) for file in finished[0]["files"]] == [
        (samples.md5(BODIES[file.sealed_id]), True) for file in filing.files.order_by("position")
    ]
    left = set(filing.submissions.filter(state="left").values_list("report_id", flat=True))
    for report in reports:
        assert report["state"] in ("finished", "retracted") or report["id"] in left or None in left
