"""The filing machine against the simulator: the plain way, every fault, and what a person decides."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.models import FailedAttempt
from safehold.cybertip import service, settle, turns
from safehold.cybertip.client import Client
from safehold.cybertip.document import DocumentError
from safehold.cybertip.models import FILING, Circuit, Exchange, Filing, Submission
from safehold.cybertip.progress import Progress
from safehold.work.models import Task
from tests.cybertip import samples
from tests.cybertip.simulated import PASSWORD, USERNAME, Simulator

pytestmark = [pytest.mark.django_db, pytest.mark.network]

BODIES = {"sealed-1": b"gradient 1" * 1000, "sealed-2": b"gradient 2"}
refs = iter(range(1, 10_000))


def read(sealed_id: str) -> Iterator[bytes]:
    """The vault's seam: placeholder bytes in two chunks."""
    body = BODIES[sealed_id]
    yield body[:7]
    yield body[7:]


@pytest.fixture
def service_at(simulator: Simulator, settings: Any) -> Simulator:
    """Settings that lead to the simulator."""
    tip = msgspec.structs.replace(
        settings.SAFEHOLD.cybertip, url=simulator.url, username=USERNAME, password=PASSWORD, environment="practice"
    )
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, cybertip=tip)
    return simulator


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


def test_draft_stores_the_exact_document_once() -> None:
    record = samples.record(ref="subject:once", files=(samples.file_input(),))
    filing = service.draft(record)
    assert bytes(filing.document) == service.preview(record)
    assert filing.document_sha256 == hashlib.sha256(service.preview(record)).hexdigest()
    assert filing.environment == "practice"
    again = service.draft(msgspec.structs.replace(record, additional_info="changed"))
    assert again.pk == filing.pk
    assert bytes(again.document) == bytes(filing.document)
    assert [entry.act for entry in audit.history(filing)] == ["filing.drafted"]


def test_nothing_is_drafted_from_an_invalid_record() -> None:
    with pytest.raises(DocumentError):
        service.draft(samples.record(incident_type="other"))
    with pytest.raises(DocumentError, match="exifViewedByEsp"):
        service.draft(samples.record(files=(samples.file_input(viewed=False),)))
    with pytest.raises(DocumentError, match="as_of"):
        service.draft(samples.record(as_of=timezone.now() + timedelta(hours=1)))
    assert not Filing.objects.exists()


def test_the_plain_way(service_at: Simulator) -> None:
    filing, ended = a_filing(), Ended()
    calls = len(service_at.received()["calls"])
    steps = run(filing, ended)
    assert [step.kind for step in steps] == ["again"] * 5 + ["done"]
    assert len(service_at.received()["calls"]) - calls == len(steps)  # one call each
    one_finished(service_at, filing)
    assert filing.state == "finished"
    assert b"<reportDoneResponse>" in bytes(filing.receipt or b"")
    assert filing.receipt_request_id
    assert [done.pk for done in ended.filings] == [filing.pk]
    rows = Exchange.objects.filter(filing=filing).order_by("id")
    assert [row.endpoint for row in rows] == ["submit", "upload", "fileinfo", "upload", "fileinfo", "finish"]
    assert all(row.request_id and row.settled_at and row.http_status == 200 and row.code == 0 for row in rows)
    assert bytes(rows[0].request or b"") == bytes(filing.document)
    acts = [entry.act for entry in audit.history(filing)]
    assert acts == ["filing.drafted", "filing.open", "filing.upload", "filing.finish"]
    assert run(filing, ended) == [Progress("done")]
    assert len(ended.filings) == 1


def test_a_report_without_files(service_at: Simulator) -> None:
    filing = a_filing(files=0)
    run(filing, Ended())
    one_finished(service_at, filing)


ENDPOINTS = ["submit", "upload", "fileinfo", "finish"]
MISHAPS: list[dict[str, Any]] = [
    {"kind": "drop_before"}, {"kind": "drop_after"}, {"kind": "truncated"}, {"kind": "half_xml"},
    {"kind": "status", "status": 500}, {"kind": "status_after", "status": 502}, {"kind": "rate_limit"},
    {"kind": "code", "code": 1000}, {"kind": "code", "code": 1110}, {"kind": "too_long"}, {"kind": "doctype"},
    {"kind": "wrong_charset"}, {"kind": "other_root"}, {"kind": "code", "code": 9999}, {"kind": "compressed"},
]  # fmt: skip


def matrix() -> Iterator[Any]:
    """Every mishap at every step; each at one step, and a lost answer at all of them, in the ordinary run."""
    for row, fault in enumerate(MISHAPS):
        for column, endpoint in enumerate(ENDPOINTS):
            ordinary = row % len(ENDPOINTS) == column or fault["kind"] == "drop_after"
            name = "-".join([endpoint, *map(str, fault.values())])
            yield pytest.param(endpoint, fault, id=name, marks=[] if ordinary else [pytest.mark.slow])


@pytest.mark.parametrize(("endpoint", "fault"), list(matrix()))
def test_a_mishap_at_a_step_leaves_one_finished_report(
    service_at: Simulator, endpoint: str, fault: dict[str, Any]
) -> None:
    filing, ended = a_filing(files=1), Ended()
    service_at.fault({"endpoint": endpoint, **fault})
    run(filing, ended)
    one_finished(service_at, filing)
    assert len(ended.filings) == 1
    lost_after_finish = endpoint == "finish" and fault["kind"] in (
        "drop_after", "truncated", "half_xml", "status_after", "too_long", "doctype", "compressed",
    )  # fmt: skip
    assert filing.state == ("recovered" if lost_after_finish else "finished")
    if lost_after_finish:
        assert b"<responseCode>5102</responseCode>" in bytes(filing.receipt or b"")


@pytest.mark.parametrize("endpoint", ["upload", "fileinfo"])
def test_an_unsure_retract_is_called_again(service_at: Simulator, endpoint: str) -> None:
    filing = a_filing(files=1)
    service_at.fault({"endpoint": endpoint, "kind": "drop_after"}, {"endpoint": "retract", "kind": "drop_after"})
    run(filing, Ended())
    one_finished(service_at, filing)
    assert states(service_at, filing) == ["retracted", "finished"]


def test_another_md5_is_retracted_and_begun_again(service_at: Simulator) -> None:
    filing = a_filing()
    service_at.fault({"endpoint": "upload", "kind": "bad_md5"})
    run(filing, Ended())
    one_finished(service_at, filing)
    assert states(service_at, filing) == ["retracted", "finished"]
    assert filing.restarts == 1


def test_an_expired_report_is_begun_again(service_at: Simulator) -> None:
    filing = a_filing(files=1)
    service.advance(filing.pk, worker="test", on_finished=Ended(), read=read)
    service_at.fault({"clock": 25 * 3600})
    Submission.objects.filter(filing=filing).update(begun_at=timezone.now() - timedelta(hours=25))
    run(filing, Ended())
    assert states(service_at, filing) == ["expired", "finished"]


def test_a_report_that_the_service_lost_is_begun_again(service_at: Simulator) -> None:
    """Expired there, not yet here: 5001 decides, also at finish."""
    filing = a_filing(files=0)
    service.advance(filing.pk, worker="test", on_finished=Ended(), read=read)
    service_at.fault({"clock": 25 * 3600})
    run(filing, Ended())
    assert states(service_at, filing) == ["expired", "finished"]


def test_expiry_is_the_later_of_the_two_ends() -> None:
    begun = timezone.now()
    row = Submission(begun_at=begun)
    assert row.expires_at == begun + timedelta(hours=24)
    row.changed_at = begun + timedelta(hours=2)
    assert row.expires_at == begun + timedelta(hours=24)
    row.changed_at = begun + timedelta(hours=23, minutes=30)
    assert row.expires_at == begun + timedelta(hours=24, minutes=30)


@pytest.mark.parametrize(
    "fault", [{"kind": "unauthorised"}, {"kind": "code", "code": 2000}, {"kind": "code", "code": 3100}]
)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_refused_credentials_stop_the_queue_and_call_somebody(
    service_at: Simulator, endpoint: str, fault: dict[str, Any]
) -> None:
    filing, other, ended = a_filing(files=1), a_filing(files=0), Ended()
    service_at.fault({"endpoint": endpoint, **fault})
    step = Progress("again")
    while step.kind == "again":
        step = service.advance(filing.pk, worker="test", on_finished=ended, read=read)
    assert step.kind == "later"
    assert step.seconds > 60
    assert Task.objects.get(kind="filing-circuit").role == "administrator"
    calls = len(service_at.received()["calls"])
    assert service.advance(other.pk, worker="test", on_finished=ended, read=read).kind == "later"
    assert len(service_at.received()["calls"]) == calls  # the other one did not even try
    Circuit.objects.update(probe_at=timezone.now())
    assert service.advance(other.pk, worker="test", on_finished=ended, read=read) == Progress("again")
    assert service.circuit_of("practice") is None
    for one in (filing, other):
        run(one, ended)
        one_finished(service_at, one)


def test_a_probe_that_fails_waits_longer(service_at: Simulator, settings: Any) -> None:
    tip = msgspec.structs.replace(settings.SAFEHOLD.cybertip, password="wrong")
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, cybertip=tip)
    filing = a_filing(files=0)
    first = service.advance(filing.pk, worker="test", on_finished=Ended(), read=read)
    Circuit.objects.update(probe_at=timezone.now())
    second = service.advance(filing.pk, worker="test", on_finished=Ended(), read=read)
    assert (first.kind, second.kind) == ("later", "later")
    assert second.seconds > first.seconds
    assert Task.objects.filter(kind="filing-circuit").count() == 1
    assert service.close_circuit("practice", actor="staff:1") is True
    assert service.close_circuit("practice", actor="staff:1") is False
    assert states(service_at, filing) == []


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_refused_payload_goes_to_a_person_and_on_from_there(service_at: Simulator, endpoint: str) -> None:
    filing, ended = a_filing(files=1), Ended()
    service_at.fault({"endpoint": endpoint, "kind": "code", "code": 4100})
    assert run(filing, ended)[-1].kind == "person"
    filing.refresh_from_db()
    assert (filing.state, bool(filing.because)) == ("failed", True)
    assert Task.objects.get(kind="filing-failed").role == "custodian"
    assert not ended.filings
    corrected = samples.record(
        ref=filing.ref, as_of=timezone.now(), files=(samples.file_input(),), additional_info=f"Corrected {filing.ref}."
    )
    service.retry(filing.pk, actor="staff:1", corrected=corrected)
    run(filing, ended)
    one_finished(service_at, filing)


def test_an_answer_that_nobody_published_goes_to_a_person_in_the_end(service_at: Simulator) -> None:
    filing = a_filing(files=0)
    service_at.fault({"endpoint": "submit", "kind": "code", "code": 9999, "times": 10})
    steps = run(filing, Ended())
    assert [step.kind for step in steps] == ["later"] * (settle.MAX_UNKNOWN - 1) + ["person"]


def test_a_finish_of_unknown_outcome_is_never_begun_again_elsewhere(service_at: Simulator) -> None:
    """While finish may have worked, nothing but the service's answer ends the report."""
    filing = a_filing(files=0)
    service_at.fault({"endpoint": "finish", "kind": "drop_after"}, {"endpoint": "finish", "kind": "status", "times": 6})
    for _ in range(8):
        service.advance(filing.pk, worker="test", on_finished=Ended(), read=read)
    assert states(service_at, filing) == ["finished"]
    for forbidden in (
        lambda: service.abandon(filing.pk, because="x", actor="staff:1"),
        lambda: service.not_reportable(filing.pk, because="x", actor="staff:1"),
        lambda: service.filed_by_hand(filing.pk, report_id=7, actor="staff:1", on_finished=Ended()),
    ):
        with pytest.raises(service.NotNow):
            forbidden()
    assert run(filing, Ended())[-1].kind == "done"
    filing.refresh_from_db()
    assert filing.state == "recovered"


def test_pauses_grow_and_delay_is_told(service_at: Simulator) -> None:
    filing = a_filing(files=0)
    service_at.fault({"endpoint": "submit", "kind": "status", "times": 6})
    pauses = [service.advance(filing.pk, worker="t", on_finished=Ended(), read=read).seconds for _ in range(5)]
    assert pauses == sorted(pauses)
    assert pauses[-1] > 10 * pauses[0]
    assert not Task.objects.filter(kind="filing-delayed").exists()
    Filing.objects.filter(pk=filing.pk).update(drafted_at=timezone.now() - timedelta(hours=7))
    service.advance(filing.pk, worker="t", on_finished=Ended(), read=read)
    assert Task.objects.filter(kind="filing-delayed").count() == 1
    run(filing, Ended())
    one_finished(service_at, filing)


def test_a_pause_that_the_service_asks_for_is_kept(service_at: Simulator) -> None:
    filing = a_filing(files=0)
    service_at.fault({"endpoint": "submit", "kind": "rate_limit", "seconds": 40})
    assert service.advance(filing.pk, worker="t", on_finished=Ended(), read=read).seconds == 40


def test_a_receipt_outlives_a_failing_end(service_at: Simulator) -> None:
    """`on_finished` fails: nothing is half stored, the receipt is kept, and no second finish is needed."""
    filing = a_filing(files=0)

    def failing(_filing: Filing) -> None:
        raise RuntimeError("no hold")

    service.advance(filing.pk, worker="t", on_finished=failing, read=read)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no hold"):
            service.advance(filing.pk, worker="t", on_finished=failing, read=read)
    filing.refresh_from_db()
    assert (filing.state, filing.receipt) == ("opened", None)
    calls, ended = len(service_at.received()["calls"]), Ended()
    assert service.advance(filing.pk, worker="t", on_finished=ended, read=read).kind == "done"
    assert len(service_at.received()["calls"]) == calls
    one_finished(service_at, filing)
    assert filing.state == "finished"
    assert b"reportDoneResponse" in bytes(filing.receipt or b"")


def test_a_worker_elsewhere_is_waited_for(service_at: Simulator) -> None:
    filing = a_filing(files=0)
    Filing.objects.filter(pk=filing.pk).update(
        worker="w@elsewhere:1", leased_until=timezone.now() + timedelta(seconds=90)
    )
    step = service.advance(filing.pk, worker="t", on_finished=Ended(), read=read)
    assert step.kind == "later"
    assert 60 < step.seconds <= 90
    Filing.objects.filter(pk=filing.pk).update(leased_until=timezone.now())
    run(filing, Ended())
    one_finished(service_at, filing)


def test_a_dead_process_of_this_machine_is_not_waited_for(service_at: Simulator) -> None:
    import socket
    import subprocess

    child = subprocess.Popen(["true"])
    child.wait()
    filing = a_filing(files=0)
    holder = f"w@{socket.gethostname()[:80]}:{child.pid}"
    Filing.objects.filter(pk=filing.pk).update(worker=holder, leased_until=timezone.now() + timedelta(hours=1))
    assert service.advance(filing.pk, worker="t", on_finished=Ended(), read=read).kind == "again"


def test_two_threads_of_a_process_do_not_move_it_together() -> None:
    filing = a_filing(files=0)
    with turns.alone(filing.pk) as free, turns.alone(filing.pk) as second:
        assert (free, second) == (True, False)
    with turns.alone(filing.pk) as free:
        assert free


def test_a_worker_that_was_overtaken_stores_nothing_but_its_answer(service_at: Simulator) -> None:
    filing = a_filing(files=1)
    service.advance(filing.pk, worker="t", on_finished=Ended(), read=read)

    def overtaken(sealed_id: str) -> Iterator[bytes]:
        yield b"gra"
        Filing.objects.filter(pk=filing.pk).update(fence=77)
        yield BODIES[sealed_id][3:]

    step = service.advance(filing.pk, worker="t", on_finished=Ended(), read=overtaken)
    assert step.kind == "later"
    row = Exchange.objects.get(filing=filing, endpoint="upload")
    assert row.settled_at is None or row.outcome
    assert filing.files.get().state == "due"
    run(filing, Ended())
    one_finished(service_at, filing)


def test_a_long_upload_notices_that_it_lost_its_turn(service_at: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "HEARTBEAT", timedelta(0))
    filing = a_filing(files=1)
    service.advance(filing.pk, worker="t", on_finished=Ended(), read=read)
    before = Filing.objects.get(pk=filing.pk).fence

    def overtaken(sealed_id: str) -> Iterator[bytes]:
        yield BODIES[sealed_id][:3]
        Filing.objects.filter(pk=filing.pk).update(fence=before + 9)
        yield BODIES[sealed_id][3:6]
        raise AssertionError("the upload went on")

    assert service.advance(filing.pk, worker="t", on_finished=Ended(), read=overtaken).kind == "later"
    run(filing, Ended())
    one_finished(service_at, filing)
    assert states(service_at, filing) == ["retracted", "finished"]


def test_a_file_that_cannot_be_read_costs_no_call_and_ends_with_a_person(service_at: Simulator) -> None:
    filing = a_filing(files=1)

    def broken(_sealed_id: str) -> Iterator[bytes]:
        raise PermissionError("no private key")
        yield b""

    service.advance(filing.pk, worker="t", on_finished=Ended(), read=broken)
    calls, steps = len(service_at.received()["calls"]), []
    while not steps or steps[-1] == "later":
        steps.append(service.advance(filing.pk, worker="t", on_finished=Ended(), read=broken).kind)
    assert steps == ["later"] * 5 + ["person"]
    assert len(service_at.received()["calls"]) == calls
    filing.refresh_from_db()
    assert filing.because == "file: PermissionError"
    service.retry(filing.pk, actor="staff:1")
    run(filing, Ended())
    one_finished(service_at, filing)


def test_a_file_that_breaks_off_is_retracted(service_at: Simulator) -> None:
    filing = a_filing(files=1)

    def breaks(sealed_id: str) -> Iterator[bytes]:
        yield BODIES[sealed_id][:5]
        raise OSError("disk")

    service.advance(filing.pk, worker="t", on_finished=Ended(), read=read)
    assert service.advance(filing.pk, worker="t", on_finished=Ended(), read=breaks).kind == "later"
    run(filing, Ended())
    one_finished(service_at, filing)
    assert states(service_at, filing) == ["retracted", "finished"]


def test_restarts_have_an_end(service_at: Simulator) -> None:
    filing = a_filing(files=1)
    service_at.fault({"endpoint": "upload", "kind": "bad_md5", "times": 100})
    assert run(filing, Ended(), most=100)[-1].kind == "person"
    filing.refresh_from_db()
    assert filing.restarts == settle.MAX_RESTARTS + 1
    assert set(states(service_at, filing)) == {"retracted"}
    service_at.forget_faults()
    service.retry(filing.pk, actor="staff:1")
    run(filing, Ended())
    one_finished(service_at, filing)


def test_a_report_that_somebody_finished_is_recovered_and_told(service_at: Simulator) -> None:
    filing = a_filing(files=1)
    service.advance(filing.pk, worker="t", on_finished=Ended(), read=read)
    number = filing.submissions.get().report_id or 0
    with Client(service_at.url, USERNAME, PASSWORD) as client:
        client.finish(number)
    run(filing, Ended())
    filing.refresh_from_db()
    assert (filing.state, filing.report_id) == ("recovered", number)
    assert states(service_at, filing) == ["finished"]
    assert Task.objects.get(kind="filing-finished-early").role == "custodian"


class TestInterlock:
    """What was made for one environment never reaches another."""

    @pytest.mark.parametrize(
        ("drafted", "installation", "changes"),
        [
            ("practice", "practice", {"environment": "test", "url": "https://exttest.cybertip.org/ispws"}),
            ("test", "production", {"environment": "production", "url": "https://report.cybertip.org/ispws"}),
            ("production", "practice", {"environment": "production", "url": "https://report.cybertip.org/ispws"}),
            ("production", "test", {"environment": "production", "url": "https://report.cybertip.org/ispws"}),
            ("production", "production", {"environment": "production", "url": "https://exttest.cybertip.org/ispws"}),
            ("production", "production", {"environment": "production", "url": "https://report.example.test/ispws"}),
            ("test", "test", {"environment": "test", "url": "https://report.cybertip.org/ispws"}),
            ("practice", "practice", {"environment": "practice", "url": "https://exttest.cybertip.org/ispws"}),
            ("practice", "practice", {"environment": "practice", "url": "https://REPORT.cybertip.org/ispws"}),
            ("practice", "practice", {"environment": "practice", "url": "https://report.cybertip.org./ispws"}),
            ("practice", "practice", {"environment": "practice", "url": ""}),
        ],
    )  # fmt: skip
    def test_refused(self, settings: Any, drafted: str, installation: str, changes: dict[str, str]) -> None:
        filing = a_filing(files=0)
        Filing.objects.filter(pk=filing.pk).update(environment=drafted)
        tip = msgspec.structs.replace(settings.SAFEHOLD.cybertip, **changes)
        settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, cybertip=tip, environment=installation)

        def never() -> Client:
            raise AssertionError("a line was opened")

        with pytest.raises(service.WrongEnvironment):
            service.advance(filing.pk, worker="t", on_finished=Ended(), read=read, line=never)
        assert FailedAttempt.objects.filter(about=audit.ref(filing)).count() == 1
        assert not Exchange.objects.exists()

    def test_production_where_everything_agrees(self, settings: Any) -> None:
        filing = a_filing(files=0)
        Filing.objects.filter(pk=filing.pk).update(environment="production")
        filing.refresh_from_db()
        tip = msgspec.structs.replace(
            settings.SAFEHOLD.cybertip, environment="production", url="https://report.cybertip.org/ispws"
        )
        settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, cybertip=tip, environment="production")
        service.check_environment(filing)


class TestDecisions:
    """What a person decides about a filing."""

    def test_not_reportable_before_any_draft(self) -> None:
        row = service.never_reportable("subject:none", because="law 1", actor="staff:1")
        assert (row.state, row.because) == ("not_reportable", "law 1")
        assert service.never_reportable("subject:none", because="law 1", actor="staff:1").pk == row.pk
        assert service.advance(row.pk, worker="t", on_finished=Ended(), read=read).kind == "done"

    @pytest.mark.usefixtures("service_at")
    def test_ruled_out_then_considered_anew(self) -> None:
        service.never_reportable("subject:anew", because="law 1", actor="staff:1")
        filing = service.draft(samples.record(ref="subject:anew", as_of=timezone.now()))
        assert filing.state == "drafted"
        assert run(filing, Ended())[-1].kind == "done"
        filing.refresh_from_db()
        assert filing.state == "finished"
        with pytest.raises(service.NotNow):
            service.never_reportable("subject:anew", because="law 1", actor="staff:1")

    def test_ruled_out_while_open_is_left_to_expire(self, service_at: Simulator) -> None:
        filing = a_filing(files=1)
        service.advance(filing.pk, worker="t", on_finished=Ended(), read=read)
        service.not_reportable(filing.pk, because="law 1", actor="staff:1")
        assert run(filing, Ended()) == [Progress("done")]
        assert states(service_at, filing) == ["open"]
        assert filing.submissions.get().state == "left"

    def test_abandoned_is_retracted(self, service_at: Simulator) -> None:
        filing, ended = a_filing(files=1), Ended()
        service.advance(filing.pk, worker="t", on_finished=ended, read=read)
        service.abandon(filing.pk, because="double", actor="staff:1")
        assert run(filing, ended) == [Progress("done")]
        assert states(service_at, filing) == ["retracted"]
        assert (filing.state, ended.filings) == ("retracted", [])
        unopened = a_filing(files=0)
        service.abandon(unopened.pk, because="double", actor="staff:1")
        assert run(unopened, ended) == [Progress("done")]
        assert states(service_at, unopened) == []

    def test_filed_by_hand_ends_it_with_its_number(self, service_at: Simulator) -> None:
        filing = a_filing(files=0)
        seen: list[Filing] = []
        service.filed_by_hand(filing.pk, report_id=987, actor="staff:1", on_finished=seen.append)
        filing.refresh_from_db()
        assert (filing.state, filing.report_id, len(seen)) == ("by_hand", 987, 1)
        assert run(filing, Ended()) == [Progress("done")]
        assert states(service_at, filing) == []
        with pytest.raises(ValueError, match="number"):
            service.filed_by_hand(filing.pk, report_id=0, actor="staff:1", on_finished=seen.append)
        with pytest.raises(service.NotNow):
            service.filed_by_hand(filing.pk, report_id=1, actor="staff:1", on_finished=seen.append)

    def test_only_a_failed_filing_is_tried_again(self) -> None:
        with pytest.raises(service.NotNow):
            service.retry(a_filing(files=0).pk, actor="staff:1")

    def test_the_machine_has_no_silent_end(self) -> None:
        assert FILING.final == {"finished", "recovered", "retracted", "by_hand"}
        assert set(FILING.states) == set(Filing.State.values)


@pytest.mark.usefixtures("service_at")
def test_the_line_uses_the_settings() -> None:
    assert service.check_credentials().code == 0
