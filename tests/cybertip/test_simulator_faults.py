"""Faults on request, in process: what each does to the work and to the answer, and how they are ordered."""

import json
from pathlib import Path
from typing import Any

import pytest

from safehold.cybertip.simulator import answers
from safehold.cybertip.simulator.faults import AFTER, BEFORE, ENDPOINTS, KINDS, Faults, from_words
from tests.cybertip.specimens import FORM, InProcess, Reply, form


@pytest.fixture
def desk(tmp_path: Path) -> InProcess:
    return InProcess(tmp_path)


def state(desk: InProcess, number: int) -> str:
    return str(desk.report(number)["state"])


def finished(desk: InProcess, fault: dict[str, Any]) -> tuple[int, Reply]:
    """A report whose `finish` suffers a fault."""
    number = desk.opened()
    desk.order({"endpoint": "finish", **fault})
    return number, desk.end("finish", number)


@pytest.mark.parametrize("kind", sorted(BEFORE))
def test_before_the_work_nothing_is_done_but_by_a_delay(desk: InProcess, kind: str) -> None:
    number, answer = finished(desk, {"kind": kind, "bytes": 5})
    assert state(desk, number) == ("finished" if kind == "delay" else "open")
    assert answer.cut is kind.startswith("drop")
    assert desk.store.calls()[-1]["fault"] == kind
    assert desk.end("finish", number).code == (5102 if kind == "delay" else 0)  # the next call is well


@pytest.mark.parametrize("kind", sorted(AFTER))
def test_after_the_work_it_is_done(desk: InProcess, kind: str) -> None:
    number, answer = finished(desk, {"kind": kind})
    assert state(desk, number) == "finished"
    assert answer.cut is (kind in ("drop_after", "truncated"))
    assert desk.store.calls()[-1]["fault"] == kind
    assert desk.end("finish", number).code == 5102


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"drop_before", "drop_during", "drop_after"}))
def test_every_answer_of_a_fault_has_a_request_id(desk: InProcess, kind: str) -> None:
    answer = finished(desk, {"kind": kind})[1]
    assert answer.headers["request-id"] == desk.store.calls()[-1]["request_id"]


@pytest.mark.parametrize("kind", ["code", "code_after"])
def test_every_published_code_on_demand_at_every_endpoint(desk: InProcess, kind: str) -> None:
    for endpoint in ENDPOINTS:
        for code, description in answers.CODES.items():
            if code == 0:
                continue
            desk.order({"endpoint": endpoint, "kind": kind, "code": code})
            answer = desk.call("GET" if endpoint in ("status", "xsd") else "POST", endpoint)
            assert (answer.status, answer.code, answer.said) == (answers.http_of(code), code, description)
            assert answer.status >= 400
            assert desk.store.calls()[-1]["code"] == code


def test_codes_that_nobody_published(desk: InProcess) -> None:
    desk.order({"kind": "code", "code": 9999})
    assert (desk.call("GET", "status").code, desk.call("GET", "status").code) == (9999, 0)


def test_what_each_answer_looks_like(desk: InProcess) -> None:
    bare = finished(desk, {"kind": "unauthorised"})[1]
    assert (bare.status, bare.body) == (401, b"")
    limited = finished(desk, {"kind": "rate_limit", "seconds": 30})[1]
    assert (limited.status, limited.headers["retry-after"], limited.body) == (429, "30", b"")
    for kind in ("status", "status_after"):
        failed = finished(desk, {"kind": kind, "status": 502})[1]
        assert (failed.status, failed.body) == (502, b"")
    empty = finished(desk, {"kind": "empty"})[1]
    assert (empty.status, empty.body, empty.whole) == (200, b"", True)
    cut = finished(desk, {"kind": "truncated"})[1]
    assert (cut.cut, cut.whole) == (True, False)
    assert int(cut.headers["content-length"]) > len(cut.body) > 0
    half = finished(desk, {"kind": "half_xml"})[1]
    assert int(half.headers["content-length"]) == len(half.body)

    assert not half.body.endswith(b"</reportDoneResponse>")
    charset = finished(desk, {"kind": "wrong_charset"})[1]
    assert charset.headers["content-type"] == "application/xml;charset=ISO-8859-1"
    assert b'encoding="UTF-8"' in charset.body
    assert finished(desk, {"kind": "other_root"})[1].root.tag == "reportResponse"
    assert b"<!DOCTYPE" in finished(desk, {"kind": "doctype"})[1].body
    assert len(finished(desk, {"kind": "too_long"})[1].body) > 2 * 1024 * 1024
    assert finished(desk, {"kind": "compressed"})[1].headers["content-encoding"] == "gzip"


def test_delay_and_drip_wait_as_long_as_was_asked(desk: InProcess) -> None:
    assert finished(desk, {"kind": "delay", "seconds": 7})[1].code == 0
    assert desk.slept == [7]
    desk.slept.clear()
    dripped = finished(desk, {"kind": "drip", "seconds": 10})[1]
    assert (dripped.code, dripped.whole) == (0, True)
    assert sum(desk.slept) == pytest.approx(10, rel=0.1)


def test_a_drop_in_the_middle_of_an_upload_keeps_nothing(desk: InProcess) -> None:
    number = desk.opened()
    body = form(id=str(number), file=b"gradient" * 1000)
    desk.order({"endpoint": "upload", "kind": "drop_during", "bytes": 3000})
    pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
    assert desk.call("POST", "upload", pieces, content_type=FORM).cut
    assert desk.report(number)["files"] == []


def test_a_wrong_md5_is_an_answer_alone(desk: InProcess) -> None:
    number = desk.opened()
    desk.order({"endpoint": "upload", "kind": "bad_md5"})
    assert desk.upload(number).root.findtext("hash") == "0" * 32
    assert desk.report(number)["files"][0]["md5"] != "0" * 32


def test_refusals_as_they_were_in_2016(desk: InProcess) -> None:
    desk.order({"kind": "as_200", "times": 2})
    answer = desk.end("finish", 5)
    assert (answer.status, answer.code) == (200, 5001)
    assert desk.call("GET", "status", auth="").status == 200


# --- ordering them -------------------------------------------------------------------------------------------


def test_times_and_skip(desk: InProcess) -> None:
    desk.order({"endpoint": "status", "kind": "status", "times": 2, "skip": 1})
    assert [desk.call("GET", "status").status for _ in range(4)] == [200, 503, 503, 200]
    assert desk.call("GET", "xsd").status == 200
    desk.order({"kind": "status", "times": None})
    assert [desk.call("GET", "status").status for _ in range(5)] == [503] * 5
    assert desk.ask("DELETE", "/faults").body == b"[]"
    assert desk.call("GET", "status").status == 200


def test_faults_of_other_endpoints_wait(desk: InProcess) -> None:
    desk.order({"endpoint": "finish", "kind": "status"}, {"endpoint": "submit", "kind": "code", "code": 1100})
    assert desk.call("GET", "status").code == 0
    assert desk.submit().code == 1100
    assert [one["endpoint"] for one in desk.app.faults.listed()] == ["finish"]


def test_what_is_listed_can_be_ordered_again(desk: InProcess) -> None:
    desk.order({"endpoint": "finish", "kind": "delay", "seconds": 2.5, "times": None}, {"kind": "code", "code": 3100})
    listed = desk.ask("GET", "/faults")
    assert listed.headers["content-type"] == "application/json"
    other = Faults()
    assert other.add(listed.body) == 0
    assert other.listed() == json.loads(listed.body)


BAD = [
    (b"x", "Expecting value"), (b"[1]", "object"), (b"null", "object"), (b"{}", "Unknown kind"),
    (b'{"kind": "explode"}', "Unknown kind"), (b'{"kind": "delay", "endpoint": "report"}', "Unknown endpoint"),
    (b'{"kind": "delay", "secs": 1}', "Unknown fields: secs"), (b'{"kind": "delay", "seconds": -1}', "negative"),
    (b'{"kind": "delay", "seconds": "1"}', "number"), (b'{"kind": "status", "status": 99}', "status must be"),
    (b'{"kind": "status", "status": true}', "status must be"), (b'{"kind": "code", "code": 0}', "code must be"),
    (b'{"kind": "code", "times": 0}', "times must be"), (b'{"kind": "code", "skip": -1}', "skip must be"),
    (b'{"clock": -5}', "negative"), (b'{"clock": "x"}', "number"), (b'{"clock": NaN}', "negative"),
    (b'[{"clock": 60}, {"kind": "delay"}, {"kind": "explode"}]', "Unknown kind"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "says"), BAD, ids=[says for _body, says in BAD])
def test_an_order_that_cannot_be_taken_changes_nothing(desk: InProcess, body: bytes, says: str) -> None:
    before = desk.store.now()
    answer = desk.ask("POST", "/faults", body)
    assert answer.status == 400
    assert says in answer.body.decode()
    assert desk.app.faults.waiting == []
    assert desk.store.now() == before


def test_the_clock_moves_forward_for_good(desk: InProcess, tmp_path: Path) -> None:
    before = desk.store.now()
    assert desk.ask("POST", "/faults", b'[{"clock": 60}, {"clock": 1.5}]').status == 200
    assert desk.store.now() == before + 61.5
    desk.store.close()
    assert InProcess(tmp_path).store.now() == before + 61.5


def test_words_of_the_command_line() -> None:
    assert from_words(["finish:drop_after", "any:rate_limit:seconds=2.5,times=always", '{"kind": "doctype"}']) == [
        {"endpoint": "finish", "kind": "drop_after"},
        {"endpoint": "", "kind": "rate_limit", "seconds": 2.5, "times": None},
        {"kind": "doctype"},
    ]
    faults = Faults()
    faults.take_in(from_words(["upload:status:status=502,skip=2,times=3"]))
    assert faults.listed()[0]["status"] == 502


@pytest.mark.parametrize(
    "word", ["finish:delay:seconds", "finish:status:status=x", "{", "finish:explode", "finish", "x:delay"]
)
def test_words_that_cannot_be_used(word: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Faults().take_in(from_words([word]))
