"""Reports and notices through the API: taken once, read by their sender alone, refused in words."""

from collections.abc import Callable
from typing import Any

import pytest

from safehold.audit.models import Entry, FailedAttempt
from safehold.hosts import keys
from safehold.intake import service as intake
from safehold.intake.models import Locator, Report, ReporterContact
from safehold.path import commands
from safehold.subjects.models import Host
from safehold.work.models import Job

pytestmark = pytest.mark.django_db
Call = Callable[..., Any]
WHOLE = {
    "once_key": "once-key-1",
    "account_id": "a7",
    "item_ids": ["p7", "p8"],
    "links": ["https://blog.example/p/9", "https://elsewhere.example/x", "http://[::1"],
    "reason": "placeholder message 3",
    "class": "cse",
    "reporter_account_id": "a1",
    "urgent": True,
    "language": "en",
}


def nothing_done() -> bool:
    return not (
        Report.objects.exists() or Locator.objects.exists() or Job.objects.exists() or ReporterContact.objects.exists()
    )


def test_a_report_gets_its_receipt(call: Call, key: str) -> None:
    response = call("POST", "/reports", WHOLE, key=key)
    assert response.status_code == 201
    answer = response.json()
    assert list(answer) == ["receipt", "state", "locators"]
    assert answer["state"] == "received"
    assert answer["locators"] == [
        {"raw": "https://blog.example/p/9", "state": "checking"},
        {"raw": "https://elsewhere.example/x", "state": "elsewhere"},
        {"raw": "http://[::1", "state": "not_found"},
        {"raw": "a7", "state": "checking"},
        {"raw": "p7", "state": "checking"},
        {"raw": "p8", "state": "checking"},
    ]
    report = Report.objects.get()
    assert (report.channel, report.host_id, report.class_id, report.urgent) == ("in_app", "blog", "cse", True)
    assert Job.objects.get(name="report.resolve").ids == {"report": str(report.pk)}


def test_a_resend_gets_the_same_receipt(call: Call, key: str) -> None:
    first = call("POST", "/reports", WHOLE, key=key)
    again = call("POST", "/reports", WHOLE, key=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert Report.objects.count() == Job.objects.filter(name="report.resolve").count() == 1


def test_the_least_that_can_be_sent(call: Call, key: str) -> None:
    response = call("POST", "/reports", {"once_key": "once-key-1"}, key=key)
    assert response.status_code == 201
    assert response.json()["locators"] == []


def test_two_hosts_may_use_the_same_once_key(call: Call, key: str, other_key: str) -> None:
    one = call("POST", "/reports", {"once_key": "once-key-1"}, key=key).json()["receipt"]
    two = call("POST", "/reports", {"once_key": "once-key-1"}, key=other_key)
    assert two.status_code == 201
    assert two.json()["receipt"] != one


def test_its_state_can_be_asked(call: Call, key: str) -> None:
    receipt = call("POST", "/reports", WHOLE, key=key).json()["receipt"]
    response = call("GET", f"/reports/{receipt.lower().replace('-', '')}", key=key)
    assert response.status_code == 200
    assert response.json()["receipt"] == receipt
    assert response.json()["locators"][1] == {"raw": "", "state": "elsewhere"}  # not kept readable


def test_nobody_reads_anothers_receipt(call: Call, key: str, other_key: str) -> None:
    from django.db import transaction

    mine = call("POST", "/reports", WHOLE, key=key).json()["receipt"]
    with transaction.atomic():
        by_form = intake.accept(intake.NewReport(channel="form", once_key="f", host="blog")).code
    _partner, partner_key = keys.issue_partner_key("Partner", "flagger", "staff:1")
    refusals = [
        call("GET", f"/reports/{code}", key=who)
        for code, who in (
            (mine, other_key), (mine, partner_key), (by_form, key),
            ("2222-2222-2222-2222", key), ("%00", key), ("x" * 500, key),
        )
    ]  # fmt: skip
    assert {one.status_code for one in refusals} == {404}
    assert {one.content for one in refusals} == {refusals[0].content}  # no telling which codes exist


@pytest.mark.parametrize(
    "header", ["", "Bearer ", "Bearer shk_0123456789ab_" + "0" * 64, "Basic abc", "Bearer shk_x", "é"]
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/reports"), ("GET", "/reports/x"), ("GET", "/me"), ("POST", "/flags")]
)
def test_without_a_key_nothing_is_answered(call: Call, blog: Host, method: str, path: str, header: str) -> None:
    response = call(method, path, WHOLE if method == "POST" else None, authorization=header)
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["error"] == "no_key"
    assert nothing_done()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/reports", WHOLE), ("GET", "/reports/x", None), ("POST", "/signup-checks", {"emails": []})],
)
def test_a_key_without_the_scope_is_refused_on_record(
    call: Call, blog: Host, method: str, path: str, body: Any
) -> None:
    key = keys.issue_key(blog, ["events"], "staff:1")[1]
    response = call(method, path, body, key=key)
    assert response.status_code == 403
    assert response.json()["error"] == "missing_scope"
    assert FailedAttempt.objects.get().act == "host_key.used"
    assert nothing_done()


def test_a_revoked_key_and_a_disabled_host(call: Call, blog: Host, key: str) -> None:
    row, plain = keys.issue_key(blog, ["reports"], "staff:1")
    keys.revoke_key(row.pk, "staff:1")
    assert call("POST", "/reports", WHOLE, key=plain).status_code == 401
    Host.objects.update(enabled=False)
    assert call("POST", "/reports", WHOLE, key=key).status_code == 401
    assert nothing_done()


@pytest.mark.parametrize(
    ("body", "status", "error", "field"),
    [
        (b"", 422, "missing_field", ""),
        (b"{", 400, "bad_json", ""),
        (b"\xff", 400, "bad_json", ""),
        (b'{"once_key": NaN}', 400, "bad_json", ""),
        (b'{"once_key": "\\ud800 a lone half"}', 400, "bad_json", ""),
        (b"[" * 100_000, 400, "bad_json", ""),
        (b"[]", 422, "wrong_type", ""),
        (b'"text"', 422, "wrong_type", ""),
        (b"null", 422, "wrong_type", ""),
        ({}, 422, "missing_field", "once_key"),
        (WHOLE | {"once_key": "short"}, 422, "too_short", "once_key"),
        (WHOLE | {"once_key": 12345678}, 422, "wrong_type", "once_key"),
        (WHOLE | {"item_ids": "p7"}, 422, "wrong_type", "item_ids"),
        (WHOLE | {"item_ids": ["p7", 8]}, 422, "wrong_type", "item_ids.1"),
        (WHOLE | {"item_ids": [""]}, 422, "too_short", "item_ids.0"),
        (WHOLE | {"links": ["https://blog.example/" + "x" * 2083]}, 422, "too_long", "links.0"),
        (WHOLE | {"links": [f"https://blog.example/{n}" for n in range(51)]}, 422, "too_long", "links"),
        (WHOLE | {"links": [f"https://blog.example/{n}" for n in range(50)]}, 422, "too_long", "locators"),
        (WHOLE | {"urgent": "yes"}, 422, "wrong_type", "urgent"),
        (WHOLE | {"urgent": 1}, 422, "wrong_type", "urgent"),
        (WHOLE | {"reason": None}, 422, "wrong_type", "reason"),
        (WHOLE | {"reason": "x" * 20_001}, 422, "too_long", "reason"),
        (WHOLE | {"class": "no-such"}, 422, "wrong_value", "class"),
        (WHOLE | {"item_id": "p7"}, 422, "unknown_field", "item_id"),
        (WHOLE | {"picture": "iVBORw0KGgo="}, 422, "unknown_field", "picture"),
        (WHOLE | {"reason": "x" * 1_000_000}, 413, "too_large", ""),
    ],
)
def test_wrong_input_is_named_and_nothing_is_done(
    call: Call, key: str, body: Any, status: int, error: str, field: str
) -> None:
    before = Entry.objects.count()
    response = call("POST", "/reports", body, key=key)
    answer = response.json()
    assert (response.status_code, answer["error"], answer["field"]) == (status, error, field)
    assert answer["message"]
    assert "xxxx" not in answer["message"]
    assert nothing_done()
    assert Entry.objects.count() == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/octet-stream"])
def test_other_content_types(call: Call, key: str, kind: str) -> None:
    response = call("POST", "/reports", WHOLE, key=key, kind=kind)
    assert (response.status_code, response.json()["error"]) == (415, "wrong_content_type")
    assert nothing_done()


@pytest.mark.parametrize("path", ["/reports", "/flags", "/signup-checks", "/events", "/nowhere"])
def test_a_file_is_refused_before_it_is_read(key: str, path: str) -> None:
    """415 by content type alone: the body's stream is never touched, whoever asks."""
    from django.test import RequestFactory

    from safehold.app.wsgi import application

    class Untouchable:
        def read(self, *_args: object) -> bytes:
            raise AssertionError("the body was read")

        readline = readlines = __iter__ = read

    environ = RequestFactory().post(f"/api/v1{path}").environ | {
        "wsgi.input": Untouchable(),
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
        "CONTENT_LENGTH": "99999999",
        "HTTP_HOST": "127.0.0.1",
    }
    seen: list[str] = []
    response = application(environ, lambda status, _headers: seen.append(status))
    response.close()
    assert seen == ["415 Unsupported Media Type"]
    assert nothing_done()


def test_a_fault_of_ours_is_json_and_leaves_nothing(
    call: Call, key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_args: object, **_more: object) -> None:
        raise RuntimeError("placeholder message 3")

    monkeypatch.setattr(commands.work, "enqueue", fails)
    response = call("POST", "/reports", WHOLE, key=key)
    assert (response.status_code, response.json()["error"]) == (500, "internal")
    assert "placeholder" not in caplog.text + response.content.decode()
    assert nothing_done()


def test_a_partner_flags(call: Call, blog: Host) -> None:
    partner, plain = keys.issue_partner_key("Partner", "flagger", "staff:1")
    body = {
        "once_key": "once-key-1",
        "host": "blog",
        "item_ids": ["p7"],
        "links": ["https://blog.example/p/9"],
        "class": "cse",
    }
    response = call("POST", "/flags", body, key=plain)
    assert response.status_code == 201
    report = Report.objects.get()
    assert (report.channel, report.partner, report.host_id) == ("flagger", str(partner.pk), "blog")
    assert Entry.objects.get(act="report.received").actor == partner.actor
    assert call("GET", f"/reports/{response.json()['receipt']}", key=plain).status_code == 200
    assert call("POST", "/flags", body, key=plain).status_code == 200
    assert not ReporterContact.objects.exists()


def test_partners_do_not_read_each_others(call: Call, blog: Host) -> None:
    _one, one = keys.issue_partner_key("One", "flagger", "staff:1")
    _two, two = keys.issue_partner_key("Two", "flagger", "staff:1")
    _police, police = keys.issue_partner_key("Three", "authority", "staff:1")
    receipt = call("POST", "/flags", {"once_key": "once-key-1"}, key=one).json()["receipt"]
    assert call("GET", f"/reports/{receipt}", key=two).status_code == 404
    assert call("GET", f"/reports/{receipt}", key=police).status_code == 404
    assert call("POST", "/flags", {"once_key": "once-key-1"}, key=two).json()["receipt"] != receipt
    call("POST", "/flags", {"once_key": "once-key-1"}, key=police)
    assert sorted(Report.objects.values_list("channel", flat=True)) == ["authority", "flagger", "flagger"]


@pytest.mark.parametrize("host", ["", "nowhere"])
def test_ids_need_their_host(call: Call, blog: Host, host: str) -> None:
    _partner, plain = keys.issue_partner_key("Partner", "flagger", "staff:1")
    response = call("POST", "/flags", {"once_key": "once-key-1", "host": host, "item_ids": ["p7"]}, key=plain)
    assert (response.status_code, response.json()["error"], response.json()["field"]) == (422, "unknown_host", "host")
    assert nothing_done()


def test_a_hosts_key_is_no_partners_and_the_other_way(call: Call, key: str) -> None:
    _partner, plain = keys.issue_partner_key("Partner", "flagger", "staff:1")
    assert call("POST", "/flags", {"once_key": "once-key-1"}, key=key).status_code == 401
    assert call("POST", "/reports", {"once_key": "once-key-1"}, key=plain).status_code == 401
    assert nothing_done()


def test_me(call: Call, blog: Host, key: str) -> None:
    assert call("GET", "/me", key=key).json() == {
        "kind": "host", "id": "blog", "name": "Blog", "scopes": ["events", "flags", "reports", "screen", "signup"],
    }  # fmt: skip
    partner, plain = keys.issue_partner_key("Partner", "authority", "staff:1")
    assert call("GET", "/me", key=plain).json() == {
        "kind": "authority", "id": str(partner.pk), "name": "Partner", "scopes": ["flags"],
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/", "/nothing", "/reports/", "/reports/a/b"])
def test_addresses_that_are_none(call: Call, blog: Host, path: str) -> None:
    for method in ("GET", "POST"):
        response = call(method, path)
        assert (response.status_code, response.json()["error"]) == (404, "not_found")
