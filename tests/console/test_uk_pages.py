"""The pages about reports to the NCA, from the finding to the reference; and who does not come in."""

import json
from typing import Any

import msgspec
import pytest
from django.test import Client

from safehold.app.config import Uk
from safehold.audit import service as audit
from safehold.audit.models import Entry
from safehold.authorities.models import UkMatter
from safehold.cases.models import Case, Decision
from safehold.evidence.models import Hold
from safehold.work.models import Task
from tests.console.conftest import Browser, SignIn

pytestmark = pytest.mark.django_db
LINK = {
    "linked": "yes", "because": "placeholder reason 1", "priority": "1", "priority_because": "placeholder reason 2",
}  # fmt: skip


def text(browser: Client, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, path
    return answer.content.decode()


@pytest.fixture
def custodian(sign_in: SignIn) -> Browser:
    return sign_in("custodian")


@pytest.fixture
def row(decided: Decision, custodian: Browser) -> UkMatter:
    """A matter of priority 1, found through the page."""
    assert custodian.send(f"/console/uk/subjects/{decided.subject_id}/", LINK).status_code == 302
    return UkMatter.objects.get()


def test_from_the_finding_to_the_reference(decided: Decision, custodian: Browser) -> None:
    finding = f"/console/uk/subjects/{decided.subject_id}/"
    assert finding in text(custodian, "/console/uk/"), "nobody has looked yet"
    for wrong in ({"linked": ""}, {"because": " "}, {"priority": ""}, {"priority": "4"}, {"priority_because": ""},
                  {"linked": "no"}):  # fmt: skip
        assert custodian.send(finding, {**LINK, **wrong}).status_code == 422, wrong
    assert not UkMatter.objects.exists()
    assert custodian.send(finding, LINK).status_code == 302
    row = UkMatter.objects.get()
    place = f"/console/uk/{row.pk}"
    assert finding not in text(custodian, "/console/uk/")
    assert "waited longer than its priority allows" in text(custodian, f"{place}/")
    task = Task.objects.get(kind="uk-late")
    assert f"{place}/" in text(custodian, f"/console/tasks/{task.pk}/")
    assert custodian.send(f"{place}/prepare").status_code == 302
    page = text(custodian, f"{place}/")
    assert "not verified against the NCA" in page
    answer = custodian.get(f"{place}/export")
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("application/json", "no-store, private")
    told = json.loads(answer.content)
    assert told["schedule_1"]["declaration"]["by"] == str(custodian.member)
    assert "NOT VERIFIED" in text(custodian, f"{place}/sheet")
    assert Entry.objects.filter(act="uk_matter.export_taken", actor=custodian.member.actor).count() == 2
    enter = f"{place}/reference"
    assert custodian.send(enter, {"reference": "NCA-17", "again": "NCA-18", "sure": "yes"}).status_code == 422
    twice = {"reference": "NCA-17", "again": "NCA-17"}
    assert "It is this reference" in custodian.send(enter, twice).content.decode()
    row.refresh_from_db()
    assert row.state == "prepared", "shown once more before it is kept"
    assert custodian.send(enter, {**twice, "sure": "yes"}).status_code == 302
    row.refresh_from_db()
    assert (row.state, row.reference, row.reported_by) == ("reported", "NCA-17", custodian.member.actor)
    assert Hold.objects.filter(ref=f"uk:{row.pk}", state="in_force").count() == 1
    page = text(custodian, f"{place}/")
    assert "NCA-17" in page
    assert "Make the export" not in page
    assert "NCA-17" in text(custodian, "/console/uk/")
    assert custodian.send(enter, {**twice, "sure": "yes"}).status_code == 409


def test_the_page_says_why_no_cybertip_covers_it(row: UkMatter, custodian: Browser) -> None:
    place = f"/console/uk/{row.pk}"
    page = text(custodian, f"{place}/")
    assert "No CyberTip about this subject is finished" in page
    assert f'action="{place}/covered"' not in page
    assert custodian.send(f"{place}/covered").status_code == 302
    row.refresh_from_db()
    assert row.state == "due"
    assert custodian.send(f"{place}/not-covered", {"reason": ""}).status_code == 422
    assert custodian.send(f"{place}/not-covered", {"reason": "no arrangement"}).status_code == 302
    assert "no arrangement" in text(custodian, f"{place}/")


def test_it_is_given_back_and_not_dropped_while_it_is_reported(row: UkMatter, custodian: Browser) -> None:
    place = f"/console/uk/{row.pk}"
    custodian.send(f"{place}/prepare")
    assert custodian.send(f"{place}/give-back", {"reason": "the portal was closed"}).status_code == 302
    assert "the portal was closed" in text(custodian, f"{place}/")
    assert custodian.send(f"{place}/drop", {"reason": "x"}).status_code == 422
    assert custodian.get(f"{place}/export").status_code == 409
    assert custodian.get(f"{place}/reference").status_code == 409
    row.refresh_from_db()
    assert (row.state, bytes(row.record)) == ("due", b"")


def test_without_a_registration_the_page_says_so(row: UkMatter, custodian: Browser, settings: Any) -> None:
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, uk=Uk())
    for page in ("/console/uk/", f"/console/uk/{row.pk}/"):
        assert "No registration with the NCA is set" in text(custodian, page)
    custodian.send(f"/console/uk/{row.pk}/prepare")
    row.refresh_from_db()
    assert row.state == "due"


def test_a_case_that_is_not_decided_is_found_by_its_number(case: Case, custodian: Browser) -> None:
    finding = f"/console/uk/subjects/{case.subjects.get().pk}/"
    assert finding not in text(custodian, "/console/uk/")
    for number in (str(case), "c-1", " 1 "):
        assert finding in text(custodian, f"/console/uk/?case={number}"), number
    for number in ("C-999999", "x", "٣", "9" * 40, ""):
        assert finding not in text(custodian, f"/console/uk/?case={number}")
    custodian.send(finding, {"linked": "no", "because": "placeholder reason 3"})
    assert f"/console/uk/{UkMatter.objects.get().pk}/" in text(custodian, f"/console/uk/?case={case}")


def test_the_record_of_the_case_shows_it(decided: Decision, case: Case, custodian: Browser, sign_in: SignIn) -> None:
    finding, record = f"/console/uk/subjects/{decided.subject_id}/", f"/console/cases/{case.pk}/record"
    assert finding in text(custodian, record)
    assert finding not in text(sign_in("auditor"), record)
    custodian.send(finding, LINK)
    page = text(custodian, record)
    assert f"/console/uk/{UkMatter.objects.get().pk}/" in page
    assert "uk_matter.found" in page
    page = text(sign_in("auditor"), record)
    assert "to be reported to the NCA" in page
    assert "/console/uk/" not in page


def test_every_term_stands_with_its_source_and_day(case: Case, custodian: Browser) -> None:
    from safehold.authorities.rules import RULES

    page = text(custodian, "/console/uk/")
    assert page.count("2026-11-26 (reference, not law text)") == len(RULES)
    assert page.count("SI 2026/268 (UK)") >= 5


def test_others_do_not_come_in(row: UkMatter, sign_in: SignIn) -> None:
    for role in ("reviewer", "auditor", "administrator", "policy_owner"):
        browser = sign_in(role)
        for page in ("/console/uk/", f"/console/uk/{row.pk}/", f"/console/uk/{row.pk}/export"):
            text(browser, page, 403)
        assert browser.send(f"/console/uk/{row.pk}/covered").status_code == 403
    row.refresh_from_db()
    assert row.state == "due"
    assert audit.ref(row).startswith("ukmatter:")


def test_the_pages_speak_chinese(row: UkMatter, custodian: Browser) -> None:
    custodian.get("/language/zh-hans?next=/console/")
    page = text(custodian, f"/console/uk/{row.pk}/")
    for words in ("与英国的关联", "待向 NCA 报告", "1：危及儿童生命"):
        assert words in page, words
