"""Every call of the protocol and every rule of its life, in process: no socket, and a clock that the test moves."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from safehold.cybertip.simulator import protocol
from safehold.cybertip.simulator.grammar import NEWER
from tests.cybertip.specimens import FORM, XML, InProcess, batched, batched_file, document, form, serialised

HOUR = 3600
CALLS = [
    ("GET", "status"), ("GET", "xsd"), ("POST", "submit"), ("POST", "upload"), ("POST", "fileinfo"), ("POST", "finish"),
    ("POST", "retract"),
]  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> InProcess:
    return InProcess(tmp_path)


# --- logging in ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [None, "", "Basic", "Basic !!!", "Bearer x", "Basic " + base64.b64encode(b"desk:wrong").decode(),
     "Basic " + base64.b64encode(b"other:practice").decode(), "Basic " + base64.b64encode(b"desk").decode()],
)  # fmt: skip
def test_every_call_asks_for_the_login(desk: InProcess, header: str | None) -> None:
    more = {} if header is None else {"authorization": header}
    for method, endpoint in CALLS:
        answer = desk.call(method, endpoint, auth="", **more)
        assert (answer.status, answer.code, answer.said) == (401, 2000, "Authentication required")
        assert answer.headers["www-authenticate"].startswith('Basic realm="ispws"')
        assert answer.headers["request-id"]
    assert desk.store.received()["reports"] == []


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_right_login_is_taken(desk: InProcess, scheme: str) -> None:
    token = base64.b64encode(b"desk:practice").decode()
    answer = desk.call("GET", "status", auth="", authorization=f"{scheme} {token}")
    assert (answer.status, answer.code) == (200, 0)
    assert answer.said == "Remote User : desk, Remote Ip : 127.0.0.1"
    assert [child.tag for child in answer.root] == ["responseCode", "responseDescription"]


# --- the shape of every answer -------------------------------------------------------------------------------


def tags(node: Any) -> list[str]:
    return [child.tag for child in node]


def test_every_answer_has_its_documented_shape(desk: InProcess) -> None:
    opened = desk.submit()
    assert (opened.root.tag, tags(opened.root)) == (
        "reportResponse",
        ["responseCode", "responseDescription", "reportId"],
    )
    number = int(opened.root.findtext("reportId"))
    sent = desk.upload(number, b"gradient 1")
    assert tags(sent.root) == ["responseCode", "responseDescription", "reportId", "fileId", "hash"]
    assert sent.root.findtext("hash") == hashlib.md5(b"gradient 1").hexdigest()  # noqa: S324
    file = sent.root.findtext("fileId")
    assert len(bytes.fromhex(file)) == 16
    told = desk.fileinfo(number, file)
    assert tags(told.root) == ["responseCode", "responseDescription", "reportId"]
    done = desk.end("finish", number)
    assert (done.root.tag, tags(done.root)) == ("reportDoneResponse", ["responseCode", "reportId", "files"])
    assert [one.text for one in done.root.findall("files/fileId")] == [file]
    empty = desk.end("finish", desk.opened())
    assert empty.body.endswith(b"<files/></reportDoneResponse>")
    gone = desk.end("retract", desk.opened())
    assert (gone.root.tag, tags(gone.root)) == ("reportResponse", ["responseCode", "responseDescription", "reportId"])
    answers = [opened, sent, told, done, empty, gone]
    assert [answer.status for answer in answers] == [200] * 6
    assert len({answer.headers["request-id"] for answer in answers}) == 6
    assert {answer.headers["content-type"] for answer in answers} == {"application/xml;charset=UTF-8"}
    schema = etree.XMLSchema(etree.fromstring(desk.call("GET", "xsd").body))
    for answer in answers:
        schema.assertValid(answer.root)


def test_a_restart_forgets_nothing_and_numbers_go_on(desk: InProcess, tmp_path: Path) -> None:
    number = desk.opened()
    desk.uploaded(number)
    desk.store.close()
    again = InProcess(tmp_path)
    assert len(again.end("finish", number).root.findall("files/fileId")) == 1
    assert again.opened() == number + 1
    assert again.end("finish", number).code == 5102


def test_a_folder_of_an_older_simulator_is_opened(tmp_path: Path) -> None:
    import sqlite3

    from safehold.cybertip.simulator import store

    older = sqlite3.connect(tmp_path / "cybertip-simulator.sqlite3")
    older.executescript(store._TABLES)
    older.execute("INSERT INTO report (opened, batched, sha256, document) VALUES (1, 0, 'x', '<report/>')")
    older.commit()
    older.close()
    assert [one["escalated"] for one in InProcess(tmp_path).store.received()["reports"]] == [False]


@pytest.mark.parametrize(("method", "endpoint"), CALLS)
def test_other_methods_are_refused(desk: InProcess, method: str, endpoint: str) -> None:
    other = "POST" if method == "GET" else "GET"
    for wrong in (other, "PUT", "DELETE", "HEAD"):
        answer = desk.call(wrong, endpoint)
        assert (answer.status, answer.code, answer.headers["allow"]) == (405, 4000, method)
        assert answer.headers["request-id"]


@pytest.mark.parametrize("endpoint", ["", "nothing", "status/more", "reports"])
def test_other_addresses_are_not_found(desk: InProcess, endpoint: str) -> None:
    answer = desk.call("GET", endpoint)
    assert (answer.status, answer.code) == (404, 1210)
    assert answer.headers["request-id"]


# --- documents -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["submit", "fileinfo"])
@pytest.mark.parametrize(
    ("kind", "good"),
    [("text/xml; charset=utf-8", True), ("text/xml;charset=UTF-8", True), ('application/xml; charset="utf-8"', True),
     ("text/xml", False), ("text/xml; charset=iso-8859-1", False), ("text/plain; charset=utf-8", False), ("", False),
     ("application/x-www-form-urlencoded", False)],
)  # fmt: skip
def test_a_document_says_that_it_is_xml_in_utf_8(desk: InProcess, endpoint: str, kind: str, good: bool) -> None:
    answer = desk.call("POST", endpoint, b"<report>", content_type=kind)
    assert (answer.status, answer.code) == (400, 4110 if good else 4000)


@pytest.mark.parametrize("endpoint", ["submit", "fileinfo"])
@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", 4110), (b"<a", 4110), (b"<!DOCTYPE report><report/>", 4110), (b"<other/>", 4100), (b"<report/>", 4100),
     (b"<fileDetails/>", 4100)],
)  # fmt: skip
def test_bad_documents(desk: InProcess, endpoint: str, body: bytes, code: int) -> None:
    answer = desk.call("POST", endpoint, body, **XML)
    assert (answer.status, answer.code) == (400, code)
    assert desk.store.received()["reports"] == []
    assert desk.store.calls()[-1]["said"] == answer.said


def test_a_refusal_quotes_rule_path_and_what_was_expected(desk: InProcess) -> None:
    root = document("report")
    root.remove(root.find("incidentSummary"))
    answer = desk.submit(root)
    assert answer.code == 4100
    assert answer.said.startswith("cvc-complex-type.2.4.a: /report/internetDetails[1] (line 2) stands where")
    assert "{batchedReport, incidentSummary}" in answer.said


def test_a_document_that_is_too_long_is_refused(desk: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol.Call.body, "__defaults__", (1000,))
    assert desk.submit().code == 4000
    assert desk.store.received()["reports"] == []


def test_the_documents_are_kept_as_they_came(desk: InProcess) -> None:
    body = serialised(document("report"))
    number = desk.opened()
    row = desk.store.report(number)
    assert row is not None
    assert row["document"] == body
    assert desk.report(number)["sha256"] == hashlib.sha256(body).hexdigest()


def test_times_are_compared_with_the_simulators_clock(desk: InProcess) -> None:
    root = document("report")
    root.find("incidentSummary/incidentDateTime").text = "2026-01-02T13:00:00Z"
    assert desk.submit(root).code == 4100
    desk.store.move_clock(HOUR)
    assert desk.submit(root).code == 0


def test_newer_elements_are_taken_where_that_was_asked_for(desk: InProcess, tmp_path: Path) -> None:
    newer = document("report", grammar=NEWER)
    assert desk.submit(newer).code == 4100
    assert InProcess(tmp_path / "newer", grammar=NEWER).submit(newer).code == 0


# --- forms ---------------------------------------------------------------------------------------------------

BAD_UPLOADS = [
    (form(id="{}"), FORM), (form(file=b"x"), FORM), (form(file=b"x", id="{}"), FORM), (form(id="{}", file="no file"),
     FORM),
    (form(id="{}", file=b"x", more="1"), FORM), (form(id="{}", other=b"x"), FORM), (form(id=b"{}", file=b"x"), FORM),
    (form(id="{}", file=b"x")[:-12], FORM), (b"", FORM), (b"--bound--", FORM), (form(id="{}", file=b"x"), "text/plain"),
    (form(id="{}", file=b"x"), "multipart/form-data"), (b"id={}", "application/x-www-form-urlencoded"),
    (form(id="{}" + " " * 2000, file=b"x"), FORM), (form(id="{}", file=b"x").replace(b'name="file"', b""), FORM),
    (b"--bound\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n{}\r\n" * 2 + form(file=b"x"), FORM),
    (b"--bound\r\nX: " + b"x" * 20000, FORM),
]  # fmt: skip


@pytest.mark.parametrize(("body", "kind"), BAD_UPLOADS, ids=range(len(BAD_UPLOADS)))
def test_bad_uploads(desk: InProcess, body: bytes, kind: str) -> None:
    number = desk.opened()
    answer = desk.call("POST", "upload", body.replace(b"{}", str(number).encode()), content_type=kind)
    assert (answer.status, answer.code) == (400, 4200)
    assert desk.report(number)["files"] == []


def test_a_forms_part_may_name_its_file_first_and_without_quotes(desk: InProcess) -> None:
    number = desk.opened()
    body = form(id=str(number), file=b"x").replace(
        b'name="file"; filename="gradient 1.png"', b'filename="a;b\\".png"; name=file'
    )
    assert b"name=file" in body
    assert desk.call("POST", "upload", body, content_type=FORM).code == 0


@pytest.mark.parametrize("endpoint", ["finish", "retract"])
def test_both_kinds_of_form_end_a_report(desk: InProcess, endpoint: str) -> None:
    plain = {"content_type": "application/x-www-form-urlencoded"}
    assert desk.end(endpoint, desk.opened()).code == 0
    assert desk.call("POST", endpoint, f"id={desk.opened()}".encode(), **plain).code == 0
    charset = {"content_type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert desk.call("POST", endpoint, f"id=%20{desk.opened()}".encode(), **charset).code == 0


@pytest.mark.parametrize("endpoint", ["finish", "retract"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"", "application/x-www-form-urlencoded"), (b"id=", "application/x-www-form-urlencoded"),
     (b"id=1&id=2", "application/x-www-form-urlencoded"), (b"id=x", "application/x-www-form-urlencoded"),
     (b"id=-1", "application/x-www-form-urlencoded"), (b"id=%D9%A1", "application/x-www-form-urlencoded"),
     (b"id=" + b"1" * 19, "application/x-www-form-urlencoded"), (b"x" * 70000, "application/x-www-form-urlencoded"),
     (b"", FORM), (form(other="1"), FORM), (form(id="x"), FORM), (form(id="1", more="x" * 900) * 80, FORM),
     (b"1000001", "text/plain"), (b"", "")],
)  # fmt: skip
def test_a_form_without_a_number_ends_nothing(desk: InProcess, endpoint: str, body: bytes, kind: str) -> None:
    number = desk.opened()
    answer = desk.call("POST", endpoint, body, content_type=kind)
    assert (answer.status, answer.code) == (400, 4000)
    assert desk.report(number)["state"] == "open"


def test_a_client_that_goes_away_leaves_no_file(tmp_path: Path) -> None:
    desk = InProcess(tmp_path, keep=True)
    number = desk.opened()
    body = form(id=str(number), file=b"gradient" * 1000)
    answer = desk.ask("POST", "/ispws/upload", [body[:-4000]], leave=True, content_type=FORM)
    assert (answer.cut, answer.status) == (True, 0)
    assert desk.report(number)["files"] == []
    assert list((tmp_path / "files").iterdir()) == []


# --- once only, and nothing after the end --------------------------------------------------------------------


def late(desk: InProcess, number: int, file: str) -> list[int]:
    """The codes of every call about a report."""
    return [
        desk.upload(number).code, desk.fileinfo(number, file).code, desk.end("finish", number).code,
        desk.end("retract", number).code,
    ]  # fmt: skip


@pytest.mark.parametrize(("end", "code"), [("finish", 5102), ("retract", 5101)])
def test_nothing_after_the_end(desk: InProcess, end: str, code: int) -> None:
    number = desk.opened()
    file = desk.uploaded(number)
    assert desk.end(end, number).code == 0
    before = desk.report(number)
    assert late(desk, number, file) == [code] * 4
    assert desk.report(number) == before


def test_a_report_that_never_was(desk: InProcess) -> None:
    assert late(desk, 5, "0" * 32) == [5001] * 4


def test_details_once_for_each_file(desk: InProcess) -> None:
    number, other = desk.opened(), desk.opened()
    first, second = desk.uploaded(number), desk.uploaded(number)
    assert desk.fileinfo(number, first).code == 0
    again = desk.fileinfo(number, first)
    assert (again.status, again.code) == (400, 4000)
    assert desk.fileinfo(number, second).code == 0
    assert desk.fileinfo(number, "0" * 32).code == 5002
    assert desk.fileinfo(other, first).code == 5002  # another report's file
    assert len(desk.end("finish", number).root.findall("files/fileId")) == 2


def test_a_failed_fileinfo_may_be_repeated(desk: InProcess) -> None:
    number = desk.opened()
    file = desk.uploaded(number)
    root = document("fileDetails")
    root.find("fileRelevance").text = "reported"
    assert desk.fileinfo(number, file, root).code == 4100
    assert desk.fileinfo(number, file).code == 0


def test_the_same_bytes_twice_are_two_files(desk: InProcess) -> None:
    number = desk.opened()
    assert desk.uploaded(number) != desk.uploaded(number)


def test_files_may_come_without_details(desk: InProcess) -> None:
    number = desk.opened()
    desk.uploaded(number, b"")
    assert desk.end("finish", number).code == 0
    assert desk.report(number)["files"][0]["size"] == 0


# --- expiry --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "lives_until"),
    [((), 24), ((1,), 24), ((22.5,), 24), ((23.5,), 24.5), ((23.5, 24.25), 25.25), ((23.5, 24.4, 25.3), 26.3)],
)
@pytest.mark.parametrize("change", ["upload", "fileinfo"])
def test_a_report_lives_until_the_later_of_its_two_ends(
    desk: InProcess, change: str, changes: tuple[float, ...], lives_until: float
) -> None:
    number, began = desk.opened(), desk.at
    files = [desk.uploaded(number) for _ in changes]
    for hours in changes:
        desk.at = began + hours * HOUR
        done = desk.upload(number) if change == "upload" else desk.fileinfo(number, files.pop())
        assert done.code == 0
    assert desk.report(number)["expires"] == began + lives_until * HOUR
    desk.at = began + lives_until * HOUR
    assert desk.end("finish", number).code == 0
    other = desk.opened()
    desk.at += 24 * HOUR + 1
    assert late(desk, other, "0" * 32) == [5001] * 4
    report = desk.report(other)
    assert (report["state"], report["ended"]) == ("expired", report["opened"] + 24 * HOUR)


def test_what_is_no_change_does_not_prolong(desk: InProcess) -> None:
    number, began = desk.opened(), desk.at
    file = desk.uploaded(number)
    desk.at = began + 23.9 * HOUR
    desk.call("GET", "status")
    assert desk.fileinfo(number, "0" * 32).code == 5002
    assert desk.call("POST", "upload", form(id=str(number)), content_type=FORM).code == 4200
    desk.at = began + 24 * HOUR + 1
    assert late(desk, number, file) == [5001] * 4


def test_finished_and_retracted_reports_do_not_expire(desk: InProcess) -> None:
    done, gone = desk.opened(), desk.opened()
    desk.end("finish", done)
    desk.end("retract", gone)
    desk.at += 1000 * HOUR
    assert (desk.end("finish", done).code, desk.end("finish", gone).code) == (5102, 5101)
    assert [one["state"] for one in desk.store.received()["reports"]] == ["finished", "retracted"]


# --- batched reports -----------------------------------------------------------------------------------------


def test_a_batched_report_is_finished_with_one_marked_file(desk: InProcess) -> None:
    number = desk.opened(batched())
    file = desk.uploaded(number)
    unmarked = desk.fileinfo(number, file)
    assert (unmarked.status, unmarked.code) == (400, 4100)
    assert "/fileDetails/originalFileName" in unmarked.said
    assert desk.fileinfo(number, file, batched_file()).code == 0
    assert desk.end("finish", number).code == 0
    assert desk.report(number)["batched"] is True


def test_a_batched_report_with_two_files_is_not_finished(desk: InProcess) -> None:
    number = desk.opened(batched())
    desk.uploaded(number)
    desk.uploaded(number)
    refused = desk.end("finish", number)
    assert (refused.status, refused.code) == (400, 4100)
    assert desk.report(number)["state"] == "open"
    assert desk.end("retract", number).code == 0


# --- files on disk -------------------------------------------------------------------------------------------


def test_no_file_is_kept_unless_that_was_asked_for(desk: InProcess, tmp_path: Path) -> None:
    number = desk.opened()
    desk.uploaded(number, b"a gradient that must not be kept")
    desk.store.close()
    assert b"must not be kept" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_kept_files_are_those_that_arrived_and_go_with_their_report(tmp_path: Path) -> None:
    desk = InProcess(tmp_path, keep=True)
    done, gone, left = desk.opened(), desk.opened(), desk.opened()
    kept = desk.uploaded(done, b"gradient 1"), desk.uploaded(done, b"")
    desk.uploaded(gone)
    desk.uploaded(left)
    folder = tmp_path / "files"
    assert {name: (folder / name).read_bytes() for name in kept} == dict(zip(kept, (b"gradient 1", b""), strict=True))
    assert (folder / kept[0]).stat().st_mode & 0o077 == 0
    assert len(list(folder.iterdir())) == 4
    desk.end("finish", done)
    desk.end("retract", gone)
    assert len(list(folder.iterdir())) == 3
    desk.at += 24 * HOUR + 1
    desk.call("GET", "status")
    assert {path.name for path in folder.iterdir()} == set(kept)


def test_a_refused_upload_leaves_nothing_on_disk(tmp_path: Path) -> None:
    desk = InProcess(tmp_path, keep=True)
    assert desk.upload(5).code == 5001
    assert desk.call("POST", "upload", form(file=b"x"), content_type=FORM).code == 4200
    assert list((tmp_path / "files").iterdir()) == []


def test_a_full_disk_is_answered_and_not_taken_for_an_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safehold.cybertip.simulator.kept import Incoming

    def full(self: Incoming, chunk: bytes) -> None:
        raise OSError(28, "No space left on device")

    desk = InProcess(tmp_path, keep=True)
    number = desk.opened()
    monkeypatch.setattr(Incoming, "write", full)
    answer = desk.upload(number)
    assert (answer.status, answer.code) == (500, 1111)
    assert desk.report(number)["files"] == []


def test_what_a_crash_left_half_written_is_removed_at_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "incoming-0000").write_bytes(b"half")
    InProcess(tmp_path, keep=True)
    assert list(folder.iterdir()) == []


def test_an_upload_is_never_held_whole(tmp_path: Path) -> None:
    """What is waiting in the form's reader stays below a chunk and a boundary, however long the file."""
    import tracemalloc

    desk, piece = InProcess(tmp_path, keep=True), b"\x5a" * 65536
    number = desk.opened()
    head, tail = form(id=str(number), file=b"|").split(b"|")
    body = [head, *([piece] * 512), tail]
    tracemalloc.start()
    answer = desk.call("POST", "upload", body, content_type=FORM)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.root.findtext("hash") == hashlib.md5(piece * 512).hexdigest()  # noqa: S324
    assert peak < 1024 * 1024
