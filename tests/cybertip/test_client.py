"""The protocol client against the simulator, over HTTP on loopback; and what it makes of any answer."""

import contextlib
import tracemalloc
from collections.abc import Iterator

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold.cybertip.client import RESPONSE_LIMIT, Answer, Client, Outcome, Unreadable, classify, parse
from tests.cybertip import samples
from tests.cybertip.simulated import PASSWORD, USERNAME, Simulator


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    with Client(simulator.url, USERNAME, PASSWORD, timeout=httpx2.Timeout(2)) as found:
        yield found


def upload(client: Client, number: int, body: bytes = b"gradient", **more: object) -> Answer:
    chunks = iter([body[:3], body[3:]])
    options = {"size": len(body), "alive": lambda: None, **more}
    return client.upload(number, "gradient 1.png", chunks, **options)  # type: ignore[arg-type]


def open_report(client: Client) -> int:
    answer = client.submit(samples.whole_report().to_bytes())
    assert answer.outcome is Outcome.OK, answer.description
    assert answer.report_id is not None
    return answer.report_id


@pytest.mark.network
def test_the_whole_protocol(client: Client, simulator: Simulator) -> None:
    assert client.status().description == f"Remote User : {USERNAME}, Remote Ip : 127.0.0.1"
    number = open_report(client)
    sent = upload(client, number)
    assert sent.hash == samples.md5(b"gradient") == sent.sent_md5
    assert len(sent.file_id) == 32
    described = client.fileinfo(samples.whole_file(report_id=number, file_id=sent.file_id).to_bytes())
    assert described.outcome is Outcome.OK
    finished = client.finish(number)
    assert (finished.outcome, finished.report_id, finished.files) == (Outcome.OK, number, (sent.file_id,))
    assert finished.raw.startswith(b"<?xml")
    assert b"reportDoneResponse" in finished.raw
    assert all(answer.request_id for answer in (sent, described, finished))
    report = next(one for one in simulator.received()["reports"] if one["id"] == number)
    assert (report["state"], report["files"][0]["size"]) == ("finished", 8)


@pytest.mark.network
def test_once_only_rules(client: Client) -> None:
    number = open_report(client)
    sent = upload(client, number)
    details = samples.whole_file(report_id=number, file_id=sent.file_id).to_bytes()
    assert client.fileinfo(details).code == 0
    assert client.fileinfo(details).code == 4000
    assert client.fileinfo(samples.whole_file(report_id=number, file_id="e" * 32).to_bytes()).code == 5002
    assert client.finish(number).code == 0
    for again in (client.finish(number), client.retract(number), upload(client, number)):
        assert (again.code, again.outcome) == (5102, Outcome.FINISHED)
    gone = open_report(client)
    assert client.retract(gone).code == 0
    for late in (client.finish(gone), client.retract(gone), upload(client, gone)):
        assert (late.code, late.outcome) == (5101, Outcome.GONE)
    assert client.finish(gone + 1000).code == 5001


@pytest.mark.network
def test_reports_expire_at_the_later_of_the_two_ends(client: Client, simulator: Simulator) -> None:
    quiet, busy = open_report(client), open_report(client)
    simulator.fault({"clock": 24 * 3600 - 60})
    assert upload(client, busy).code == 0  # prolongs it by an hour
    simulator.fault({"clock": 120})
    assert client.finish(quiet).code == 5001
    assert upload(client, busy).code == 0
    simulator.fault({"clock": 3700})
    assert client.finish(busy).code == 5001


@pytest.mark.network
def test_batched_reports_hold_one_marked_file(client: Client) -> None:
    answer = client.submit(samples.batched_report().to_bytes())
    number = answer.report_id or 0
    first = upload(client, number)
    unmarked = samples.whole_file(report_id=number, file_id=first.file_id).to_bytes()
    assert client.fileinfo(unmarked).code == 4100
    upload(client, number)
    refused = client.finish(number)
    assert (refused.http_status, refused.code, refused.outcome) == (400, 4100, Outcome.PERSON)


@pytest.mark.network
@pytest.mark.parametrize(
    ("document", "code"),
    [(b"<report>", 4110), (b"<report/>", 4100), (b"<!DOCTYPE report><report/>", 4110), (b"<fileDetails/>", 4100)],
)
def test_bad_documents_are_refused(client: Client, document: bytes, code: int) -> None:
    answer = client.submit(document)
    assert (answer.code, answer.outcome) == (code, Outcome.PERSON)


@pytest.mark.network
def test_a_wrong_login_stops_the_queue(simulator: Simulator) -> None:
    with Client(simulator.url, USERNAME, "wrong") as client:
        answer = client.status()
    assert (answer.http_status, answer.code, answer.outcome) == (401, 2000, Outcome.STOP)


@pytest.mark.network
def test_the_schema_that_is_published_there_is_its_own(simulator: Simulator) -> None:
    answer = httpx2.get(f"{simulator.url}/xsd", auth=(USERNAME, PASSWORD), trust_env=False)
    assert answer.status_code == 200
    assert "This is not NCMEC's schema" in answer.text


FAULTS = [
    ({"kind": "drop_before"}, Outcome.UNSURE),
    ({"kind": "drop_after"}, Outcome.UNSURE),
    ({"kind": "truncated"}, Outcome.UNSURE),
    ({"kind": "half_xml"}, Outcome.UNSURE),
    ({"kind": "doctype"}, Outcome.UNSURE),
    ({"kind": "too_long"}, Outcome.UNSURE),
    ({"kind": "compressed"}, Outcome.UNSURE),
    ({"kind": "status", "status": 503}, Outcome.UNSURE),
    ({"kind": "status_after", "status": 502}, Outcome.UNSURE),
    ({"kind": "status", "status": 404}, Outcome.UNKNOWN),
    ({"kind": "status", "status": 413}, Outcome.PERSON),
    ({"kind": "rate_limit", "seconds": 7}, Outcome.RETRY),
    ({"kind": "unauthorised"}, Outcome.STOP),
    ({"kind": "wrong_charset"}, Outcome.OK),
    ({"kind": "other_root"}, Outcome.OK),
    ({"kind": "code", "code": 1000}, Outcome.UNSURE),
    ({"kind": "code", "code": 3100}, Outcome.STOP),
    ({"kind": "code", "code": 1210}, Outcome.PERSON),
    ({"kind": "code", "code": 9999}, Outcome.UNKNOWN),
]


@pytest.mark.network
@pytest.mark.parametrize(("fault", "outcome"), FAULTS, ids=str)
def test_every_fault_has_one_meaning(
    client: Client, simulator: Simulator, fault: dict[str, object], outcome: Outcome
) -> None:
    simulator.fault({"endpoint": "status", **fault})
    answer = client.status()
    assert answer.outcome is outcome
    assert len(answer.raw) <= RESPONSE_LIMIT
    if fault["kind"] == "rate_limit":
        assert answer.retry_after == 7
    if fault["kind"] not in ("drop_before", "drop_after", "truncated"):
        assert answer.request_id
    assert client.status().outcome is Outcome.OK  # the line recovers


@pytest.mark.network
def test_a_service_that_does_not_answer_is_not_waited_for(client: Client, simulator: Simulator) -> None:
    simulator.fault({"endpoint": "status", "kind": "delay", "seconds": 3})
    assert client.status().outcome is Outcome.UNSURE


@pytest.mark.network
def test_a_closed_port_was_surely_not_reached() -> None:
    with Client("http://127.0.0.1:9/ispws", "u", "p") as client:
        assert client.finish(1).outcome is Outcome.RETRY


@pytest.mark.network
def test_success_in_the_body_alone_is_no_success(client: Client, simulator: Simulator) -> None:
    simulator.fault({"endpoint": "finish", "kind": "as_200"})
    answer = client.finish(5)
    assert (answer.http_status, answer.code, answer.outcome) == (200, 5001, Outcome.GONE)


@pytest.mark.network
@pytest.mark.parametrize("size", [True, False], ids=["length known", "in chunks"])
def test_a_large_upload_is_streamed(client: Client, size: bool) -> None:
    number, total, piece = open_report(client), 48, b"\x5a" * 1024 * 1024
    digest = samples.md5(piece * total)
    tracemalloc.start()
    length = total * len(piece) if size else None
    answer = client.upload(number, "gradient 2.bin", (piece for _ in range(total)), size=length, alive=lambda: None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.hash == digest
    assert peak < 8 * len(piece)


@pytest.mark.network
def test_a_wrong_length_is_never_taken_for_a_file(client: Client) -> None:
    number = open_report(client)
    for size in (7, 9, 0):
        answer = upload(client, number, size=size)
        assert (answer.outcome, answer.problem) == (Outcome.UNSURE, "file: wrong length")
    assert client.finish(number).files == ()


@pytest.mark.network
def test_an_error_of_the_file_comes_through(client: Client) -> None:
    def broken() -> Iterator[bytes]:
        yield b"gra"
        raise LookupError("no key")

    number = open_report(client)
    with pytest.raises(LookupError):
        client.upload(number, "x", broken(), size=8, alive=lambda: None)
    assert client.finish(number).files == ()


@pytest.mark.network
@pytest.mark.parametrize("name", ['a"b.png', "a\r\nContent-Type: x\r\n\r\nb", "名前.png", "", "x" * 400])
def test_file_names_cannot_break_the_form(client: Client, name: str) -> None:
    number = open_report(client)
    assert client.upload(number, name, iter([b"x"]), size=1, alive=lambda: None).outcome is Outcome.OK


@pytest.mark.network
@pytest.mark.parametrize("body", [b"", b"\r\n", b"--", b"\r\n--safehold-", b"x" * 70000 + b"\r\n--"])
def test_awkward_bytes_arrive_whole(client: Client, body: bytes) -> None:
    number = open_report(client)
    answer = upload(client, number, body)
    assert answer.hash == samples.md5(body)


@pytest.mark.parametrize("url", ["http://report.example.test/ispws", "ftp://127.0.0.1/ispws", "", "ispws"])
def test_only_https_leaves_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Client(url, "u", "p")


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (200, 0, Outcome.OK), (500, 0, Outcome.UNSURE), (400, 0, Outcome.UNSURE), (302, 0, Outcome.UNSURE),
        (200, 1000, Outcome.UNSURE), (200, 1111, Outcome.UNSURE), (500, 1300, Outcome.UNSURE),
        (200, 2000, Outcome.STOP), (200, 3000, Outcome.STOP), (403, 4100, Outcome.STOP), (401, None, Outcome.STOP),
        (200, 4000, Outcome.PERSON), (400, 4200, Outcome.PERSON), (200, 4999, Outcome.PERSON),
        (200, 5001, Outcome.GONE), (200, 5002, Outcome.GONE), (200, 5101, Outcome.GONE),
        (200, 5102, Outcome.FINISHED), (400, 5102, Outcome.FINISHED), (200, 5999, Outcome.UNKNOWN),
        (429, 4000, Outcome.RETRY), (408, None, Outcome.RETRY), (502, None, Outcome.UNSURE),
        (200, None, Outcome.UNSURE), (301, None, Outcome.UNKNOWN), (418, None, Outcome.UNKNOWN),
    ],
)  # fmt: skip
def test_status_and_code_together(status: int, code: int | None, outcome: Outcome) -> None:
    assert classify(status, code) is outcome


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"<html/>", b"<reportResponse/>", b"<reportResponse><responseCode>x</responseCode></reportResponse>",
        b"<reportResponse><responseCode>0</responseCode>", b'{"responseCode": 0}',
        b"<!DOCTYPE r><reportResponse><responseCode>0</responseCode></reportResponse>",
        b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///x">]><reportResponse><responseCode>&a;</responseCode></reportResponse>',
    ],
)  # fmt: skip
def test_bodies_that_are_no_answer(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(raw)


def test_the_declared_encoding_counts_not_the_header() -> None:
    raw = '<?xml version="1.0" encoding="UTF-8"?><reportResponse><responseCode>0</responseCode><responseDescription>é</responseDescription></reportResponse>'  # noqa: E501
    assert parse(raw.encode())[1]["description"] == "é"
    assert parse(raw.replace("UTF-8", "ISO-8859-1").encode("latin-1"))[1]["description"] == "é"


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_unreadable(raw: bytes) -> None:
    with contextlib.suppress(Unreadable):
        parse(raw)


@given(st.integers(0, 400), st.binary(max_size=6))
def test_a_damaged_answer_is_never_a_crash(place: int, noise: bytes) -> None:
    good = b"<reportResponse><responseCode>0</responseCode><responseDescription>Success</responseDescription><reportId>1234567</reportId></reportResponse>"  # noqa: E501
    try:
        code, fields = parse(good[:place] + noise + good[place + len(noise) :])
    except Unreadable:
        return
    assert code >= 0
    assert fields["report_id"] is None or isinstance(fields["report_id"], int)
