"""The pages about CyberTips: count, clock, preview, one filing, filing by hand, telling NCMEC."""

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from safehold.audit.models import Entry, FailedAttempt
from safehold.cases.models import Case, Decision
from safehold.cybertip import service as cybertip
from safehold.cybertip.models import Circuit, Filing, FilingFile
from safehold.evidence.models import Hold
from safehold.path import reversal
from tests.console.conftest import Browser, SignIn
from tests.support import desk
from tests.support.jobs import run_due

pytestmark = pytest.mark.django_db


def text(browser: Browser, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, path
    return answer.content.decode()


@pytest.fixture
def filing(decided: Decision) -> Filing:
    return Filing.objects.get(ref=f"subject:{decided.subject_id}")


@pytest.fixture
def in_hand(filing: Filing) -> Filing:
    return cybertip.take_in_hand(filing.pk, actor="staff:somebody")


@pytest.fixture
def custodian(sign_in: SignIn) -> Browser:
    return sign_in("custodian")


def test_the_overview_counts_and_says_that_all_agrees(filing: Filing, custodian: Browser, sign_in: SignIn) -> None:
    page = text(custodian, "/console/filings/")
    assert "Nothing else has." in page
    assert "practice (simulator)" in page
    assert f"/console/filings/{filing.pk}/" in page
    assert "a report is due" in page
    auditor = text(sign_in("auditor"), "/console/filings/")
    assert f"/console/filings/{filing.pk}/" not in auditor, "no door that does not open"
    assert str(Case.objects.get()) in auditor


def test_the_overview_shows_differences_lateness_and_a_refused_login(filing: Filing, custodian: Browser) -> None:
    Filing.objects.filter(pk=filing.pk).update(report_id=5)
    Case.objects.update(knowledge_at=timezone.now() - timedelta(days=2))
    Circuit.objects.create(environment="practice", opened_at=timezone.now(), probe_at=timezone.now())
    page = text(custodian, "/console/filings/")
    assert "it has a receipt or a number, and is not filed" in page
    assert "too long" in page
    assert "NCMEC has refused our credentials" in page
    assert "Nothing else has." not in page


def test_a_filing_shows_its_document_to_custodians_and_seniors_alone(
    filing: Filing, custodian: Browser, sign_in: SignIn
) -> None:
    address = f"/console/filings/{filing.pk}/"
    for browser in (custodian, sign_in("senior")):
        page = text(browser, address)
        assert "&lt;espIdentifier&gt;user-17&lt;/espIdentifier&gt;" in page
        assert "Known since" in page
    for role in ("reviewer", "auditor", "administrator", "policy_owner"):
        assert "espIdentifier" not in text(sign_in(role), address, 403)


def test_a_filing_that_was_never_drafted_can_be_looked_at(decided: Decision, custodian: Browser) -> None:
    FilingFile.objects.all().delete()
    Filing.objects.all().delete()
    row = cybertip.never_reportable(f"subject:{decided.subject_id}", because="law 1", actor="staff:1")
    page = text(custodian, f"/console/filings/{row.pk}/")
    assert "law 1" in page
    assert "What is sent" not in page


def test_the_preview_needs_the_lease_or_the_right(taken: Browser, case: Case, sign_in: SignIn) -> None:
    subject = case.subjects.get()
    for question, value in desk.SUSPENDS.items():
        taken.send(f"/console/subjects/{subject.pk}/assess/cse/{question}", {"answer": value})
    device = taken.session["device"]
    from safehold.path import commands

    commands.answer(subject.pk, "cse", desk.SUSPENDS, actor=taken.member.actor, device=device)
    row = commands.propose_decision(subject.pk, "cse", actor=taken.member.actor, device=device)
    address = f"/console/decisions/{row.pk}/report"
    assert address in text(taken, f"/console/decisions/{row.pk}/")
    page = text(taken, address)
    for words in (
        "The law requires this report", "as soon as reasonably possible", "What is missing",
        "an address on the network that the reported person used", "the host may have it",
        "unknown whether a person saw it", "&lt;report&gt;", "Details of file 1",
    ):  # fmt: skip
        assert words in page, words
    assert "has not been fetched" in page
    assert Entry.objects.filter(act="filing.previewed", actor=taken.member.actor).count() == 1
    assert not Filing.objects.exists(), "nothing was stored"
    other = sign_in("reviewer", name="reviewer-2")
    assert "&lt;report&gt;" not in text(other, address, 409)
    assert address not in text(other, f"/console/decisions/{row.pk}/")
    assert "&lt;report&gt;" in text(sign_in("senior"), address)


def test_the_host_is_asked_again_by_whoever_holds_the_case(taken: Browser, case: Case, sign_in: SignIn) -> None:
    from safehold.cases.models import CaseSubject
    from safehold.path import commands

    subject, who = case.subjects.get(), {"actor": taken.member.actor, "device": taken.session["device"]}
    commands.answer(subject.pk, "cse", desk.SUSPENDS, **who)
    row = commands.propose_decision(subject.pk, "cse", **who)
    address, button = f"/console/decisions/{row.pk}/fetch", "Ask the host again"
    assert button not in text(taken, f"/console/decisions/{row.pk}/report"), "everything was given"
    assert taken.send(address).status_code == 409
    CaseSubject.objects.filter(pk=subject.pk).update(facts=None)
    assert button in text(taken, f"/console/decisions/{row.pk}/report")
    assert sign_in("reviewer", name="reviewer-2").send(address).status_code == 409, "without the lease"
    assert taken.send(address).status_code == 302
    assert Entry.objects.filter(act="filing.fetch_asked", actor=taken.member.actor).count() == 1


def test_the_preview_says_what_stops_a_report(decided: Decision, sign_in: SignIn, settings: Any) -> None:
    import msgspec

    tip = settings.SAFEHOLD.provider
    broken = msgspec.structs.replace(tip, legal_url="no address at all")
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, provider=broken)
    page = text(sign_in("senior"), f"/console/decisions/{decided.pk}/report")
    assert "No valid report can be built" in page
    assert "legalURL" in page
    assert "&lt;report&gt;" not in page


def test_by_hand_from_the_record_to_the_number(
    decided: Decision, filing: Filing, custodian: Browser, case: Case
) -> None:
    record = text(custodian, f"/console/cases/{case.pk}/record")
    start = f"/console/decisions/{decided.pk}/by-hand"
    assert start in record
    assert "Knowledge clock" in record
    assert "two steps" in text(custodian, start)
    filing.refresh_from_db()
    assert filing.state == "drafted", "looking takes nothing"
    assert custodian.send(start)["Location"] == f"/console/filings/{filing.pk}/"
    page = text(custodian, f"/console/filings/{filing.pk}/")
    assert "This report is in your hands" in page
    assert start not in text(custodian, f"/console/cases/{case.pk}/record")
    packet = custodian.get(f"/console/filings/{filing.pk}/packet")
    assert packet["Content-Type"] == "application/zip"
    assert "no-store" in packet["Cache-Control"]
    assert "report.xml" in zipfile.ZipFile(io.BytesIO(packet.content)).namelist()
    assert "Made for practice or test" in text(custodian, f"/console/filings/{filing.pk}/sheet")
    number = f"/console/filings/{filing.pk}/number"
    for wrong in ({}, {"number": "12", "again": "13"}, {"number": "0", "again": "0"}, {"number": "x", "again": "x"}):
        assert custodian.send(number, {**wrong, "sure": "yes"}).status_code == 422
    asked = custodian.send(number, {"number": "1234567", "again": "1234567"})
    assert asked.status_code == 200
    assert "It is this number; keep it" in asked.content.decode()
    filing.refresh_from_db()
    assert filing.state == "in_hand", "the number is kept only when it was looked at once more"
    kept = custodian.send(number, {"number": "1234567", "again": "1234567", "sure": "yes"})
    assert kept.status_code == 302
    filing.refresh_from_db()
    assert (filing.state, filing.report_id, filing.in_hand_by) == ("by_hand", 1234567, custodian.member.actor)
    assert Hold.objects.filter(ref=f"filing:{filing.pk}").count() == 1
    assert custodian.send(number, {"number": "7", "again": "7", "sure": "yes"}).status_code == 422
    assert "1234567" in text(custodian, f"/console/filings/{filing.pk}/")
    assert "Nothing else has." in text(custodian, "/console/filings/")


def test_it_is_given_back_with_a_reason(in_hand: Filing, custodian: Browser) -> None:
    address = f"/console/filings/{in_hand.pk}/give-back"
    assert "in the hands of" in text(custodian, f"/console/filings/{in_hand.pk}/")
    assert custodian.send(address, {"reason": ""}).status_code == 422
    assert custodian.send(address, {"reason": "the form was never sent"}).status_code == 302
    in_hand.refresh_from_db()
    assert in_hand.state == "drafted"
    assert custodian.send(address, {"reason": "again"}).status_code == 422


def test_a_packet_is_refused_for_what_the_worker_files(filing: Filing, custodian: Browser) -> None:
    for part in ("packet", "sheet"):
        assert "espIdentifier" not in text(custodian, f"/console/filings/{filing.pk}/{part}", 409)
    assert not Entry.objects.filter(act="filing.packet_taken").exists()


def test_a_failed_one_offers_what_can_be_done(filing: Filing, custodian: Browser) -> None:
    Filing.objects.filter(pk=filing.pk).update(state="failed", because="submit: HTTP 400, code 4100")
    page = text(custodian, f"/console/filings/{filing.pk}/")
    assert "submit: HTTP 400, code 4100" in page
    again = f"/console/filings/{filing.pk}/again"
    assert again in page
    assert custodian.send(again, {"anew": "yes"}).status_code == 302
    filing.refresh_from_db()
    assert filing.state == "drafted"
    assert "Nothing was changed" in custodian.send(again, follow=True).content.decode()


def test_telling_ncmec_shows_the_letter_and_closes_the_task(filing: Filing, custodian: Browser) -> None:
    cybertip.filed_by_hand(filing.pk, report_id=4567, actor="staff:1", on_finished=reversal.tell_ncmec)
    task = Entry.objects.filter(act="task.opened").latest("id").about.removeprefix("task:")
    address = f"/console/filings/{filing.pk}/"
    assert address in text(custodian, f"/console/tasks/{task}/"), "the task leads to the letter"
    page = text(custodian, address)
    assert "4567" in page
    assert f"{address}told" in page
    assert custodian.send(f"{address}told", {"how": ""}).status_code == 422
    assert custodian.send(f"{address}told", {"how": "by mail, day 1"}).status_code == 302
    run_due()
    assert f"{address}told" not in text(custodian, address)
    assert "by mail, day 1" in text(custodian, f"/console/tasks/{task}/")


def test_nobody_else_comes_in(in_hand: Filing, decided: Decision, sign_in: SignIn) -> None:
    reviewer = sign_in("reviewer")
    before = Filing.objects.get(pk=in_hand.pk)
    for part in ("number", "give-back", "again", "told"):
        form = {"number": "7", "again": "7", "sure": "yes", "reason": "x", "how": "x"}
        assert reviewer.send(f"/console/filings/{in_hand.pk}/{part}", form).status_code == 403
    assert reviewer.send(f"/console/decisions/{decided.pk}/by-hand").status_code == 403
    assert FailedAttempt.objects.filter(act="console.opened").count() == 5
    assert Filing.objects.get(pk=in_hand.pk).state == before.state


def test_the_start_page_says_what_waits_too_long(filing: Filing, custodian: Browser, sign_in: SignIn) -> None:
    assert "for too long" not in text(custodian, "/console/")
    Case.objects.update(knowledge_at=timezone.now() - timedelta(days=2))
    assert "1 for too long" in text(custodian, "/console/")
    assert "for too long" not in text(sign_in("auditor"), "/console/")
