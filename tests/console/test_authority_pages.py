"""The pages about authorities: the register, and notices under Art. 18; and what anybody may read."""

from typing import Any

import msgspec
import pytest
from django.test import Client

from safehold.audit.models import Entry
from safehold.authorities.models import Notice, Process
from safehold.cases.models import Case, Duty
from tests.console.conftest import Browser, SignIn
from tests.support import desk

pytestmark = pytest.mark.django_db
PAPER = {
    "kind": "warrant", "authority": "Court 1", "country": "us", "document": "id 17", "received_on": "2026-01-02",
    "due_on": "2026-02-01", "verified": "called back", "asked": "account 17: addresses", "case": "C-000001",
}  # fmt: skip


def text(browser: Client, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, path
    return answer.content.decode()


@pytest.fixture
def custodian(sign_in: SignIn) -> Browser:
    return sign_in("custodian")


def test_a_request_is_entered_found_and_answered(case: Case, custodian: Browser) -> None:
    assert "No authority has asked" in text(custodian, "/console/authorities/")
    answer = custodian.send("/console/authorities/new", PAPER)
    row = Process.objects.get()
    assert answer["Location"] == f"/console/authorities/process/{row.pk}/"
    assert (row.case, row.country, row.entered_by) == (case, "US", custodian.member.actor)
    assert "P-00001" in text(custodian, "/console/authorities/")
    page = text(custodian, f"/console/authorities/process/{row.pk}/")
    for words in ("search warrant", "Court 1 (US)", "2026-02-01", "called back", "account 17: addresses", str(case)):
        assert words in page, words
    assert custodian.send(f"/console/authorities/process/{row.pk}/answer", {"answer": ""}).status_code == 422
    assert custodian.send(f"/console/authorities/process/{row.pk}/answer", {"answer": "package 1"}).status_code == 302
    page = text(custodian, f"/console/authorities/process/{row.pk}/")
    assert "package 1" in page
    assert "Refuse the request" not in page
    assert custodian.send(f"/console/authorities/process/{row.pk}/refuse", {"answer": "no"}).status_code == 409
    row.refresh_from_db()
    assert (row.state, row.answer) == ("answered", "package 1")


@pytest.mark.parametrize(
    "change",
    [{"country": "USA"}, {"case": "C-999999"}, {"case": "x"}, {"received_on": "2999-01-01"}, {"kind": "chat"},
     {"due_on": "2025-01-01"}, {"asked": ""}],
)  # fmt: skip
def test_a_wrong_entry_is_told_so_and_nothing_is_kept(case: Case, custodian: Browser, change: dict[str, str]) -> None:
    answer = custodian.send("/console/authorities/new", {**PAPER, **change})
    assert answer.status_code == 422
    assert 'class="error"' in answer.content.decode() or 'role="alert"' in answer.content.decode()
    assert not Process.objects.exists()


def test_a_notice_from_the_duty_to_its_proof(case: Case, sign_in: SignIn, no_filing: None) -> None:
    desk.decide(case, {**desk.SUSPENDS, "danger": "immediate"}, actor=sign_in("reviewer").member.actor)
    duty, senior = Duty.objects.get(kind="inform_authority"), sign_in("senior")
    assert f"/console/authorities/inform/{duty.pk}/" in text(senior, "/console/authorities/")
    form = {"addressee": "concerned", "country": "FR", "authority": "Police 1"}
    address = f"/console/authorities/inform/{duty.pk}/"
    assert "Article 18" in text(senior, address)
    for wrong in ({"country": ""}, {"addressee": "europol"}, {"authority": ""}, {"country": "US"}):
        assert senior.send(address, {**form, **wrong}).status_code == 422
    assert senior.send(address, form).status_code == 302
    row = Notice.objects.get()
    page = text(senior, f"/console/authorities/notices/{row.pk}/")
    assert "France" in page
    assert "user-17" in page
    assert "placeholder message" not in page
    assert senior.send(f"/console/authorities/notices/{row.pk}/sent", {"channel": "portal"}).status_code == 422
    told = {"channel": "portal", "proof": "id 99"}
    assert senior.send(f"/console/authorities/notices/{row.pk}/sent", told).status_code == 302
    duty.refresh_from_db()
    assert (duty.state, duty.receipt) == ("met", f"notice:{row.pk}")
    assert "id 99" in text(senior, f"/console/authorities/notices/{row.pk}/")
    assert "Nothing waits." in text(senior, "/console/authorities/")
    assert Entry.objects.filter(act="notice.send", actor=senior.member.actor).count() == 1


def test_others_do_not_come_in(case: Case, sign_in: SignIn) -> None:
    for role in ("reviewer", "auditor", "administrator", "policy_owner"):
        browser = sign_in(role)
        text(browser, "/console/authorities/", 403)
        assert browser.send("/console/authorities/new", PAPER).status_code == 403
    assert not Process.objects.exists()


def test_the_page_for_law_enforcement_shows_what_the_profile_holds(settings: Any) -> None:
    bare = text(Client(), "/law-enforcement")
    assert settings.SAFEHOLD.mail_from in bare
    assert "Telephone" not in bare
    whole = msgspec.structs.replace(
        settings.SAFEHOLD.provider, name="Example", email="police@example.org", phone="+12025550100",
        company="Example Co. Placeholder.", legal_url="https://example.org/legal",
    )  # fmt: skip
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, provider=whole)
    page = text(Client(), "/law-enforcement")
    for words in (
        "police@example.org",
        'href="tel:+12025550100"',
        "Example Co. Placeholder.",
        'href="https://example.org/legal"',
    ):
        assert words in page, words
    settings.SAFEHOLD = msgspec.structs.replace(
        settings.SAFEHOLD, provider=msgspec.structs.replace(whole, legal_url="javascript:alert(1)")
    )
    assert "javascript:" not in text(Client(), "/law-enforcement")
    assert "执法机关专页" in text(Client(headers={"accept-language": "zh-hans"}), "/law-enforcement")
