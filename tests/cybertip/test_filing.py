"""The filing machine against the simulator: the plain way, every fault, and what a person decides."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from safehold.audit import service as audit
from safehold.cybertip import service, settle
from safehold.cybertip.client import Client
from safehold.cybertip.document import DocumentError
from safehold.cybertip.models import Circuit, Exchange, Filing, Submission
from safehold.cybertip.progress import Progress
from safehold.work.models import Task
from tests.cybertip import samples
from tests.cybertip.filings import BODIES, Ended, a_filing, one_finished, read, run, states
from tests.cybertip.simulated import PASSWORD, USERNAME, Simulator

pytestmark = [pytest.mark.django_db, pytest.mark.network]


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


@pytest.mark.parametrize("endpoint", ["upload", "fileinfo"])
def test_credentials_refused_in_mid_report_send_no_file_twice(service_at: Simulator, endpoint: str) -> None:
    """A service that did the work and refused all the same: the report is retracted, and begun anew."""
    filing, ended = a_filing(files=2), Ended()
    service_at.fault({"endpoint": endpoint, "kind": "code_after", "code": 3300})
    for _ in range(60):
        progress = service.advance(filing.pk, worker="t", on_finished=ended, read=read)
        service.close_circuit("practice", actor="staff:1")
        if progress.kind == "done":
            break
    one_finished(service_at, filing)
    assert states(service_at, filing) == ["retracted", "finished"]


def test_patience_lasts_for_days_and_ends() -> None:
    least = sum(settle.pause(count) / 1.2 * 0.8 for count in range(1, settle.MAX_RESTARTS + 1))
    assert 2 * 24 * 3600 < least < 7 * 24 * 3600
    assert settle.pause(1) < 1
    assert settle.pause(10_000) <= 1.2 * settle.LONGEST_PAUSE


def test_restarts_have_an_end(service_at: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "MAX_RESTARTS", 20)
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


@pytest.mark.usefixtures("service_at")
def test_the_line_uses_the_settings() -> None:
    assert service.check_credentials().code == 0
