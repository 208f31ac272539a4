"""The receipt: what it shows, and what it never shows."""

import re

import pytest
from django.db import transaction
from django.http import HttpResponse

from safehold.intake import service as intake
from safehold.intake.models import Report
from tests.public.making import browser, code_of, decided, post, send, world_with
from tests.support import desk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault")]


def _without_way_back(page: HttpResponse) -> str:
    """A page without the address that its language links come back to."""
    return re.sub(r"\?next=[^\"]*", "", page.content.decode())


def _stage(page: str) -> str:
    """The stage marked as the present one."""
    return page.split('aria-current="step">', 1)[1].split("<", 1)[0]


def test_the_three_stages_and_nothing_more() -> None:
    client = browser()
    code = code_of(send(client, account_name="user-17"))
    report = Report.objects.get()
    assert _stage(client.get(f"/r/{code}").content.decode()) == "Received"
    with transaction.atomic():
        intake.begin_review(report.pk, "staff:1")
    assert _stage(client.get(f"/r/{code}").content.decode()) == "In review"
    with transaction.atomic():
        intake.finish(report.pk, "staff:1")
    page = client.get(f"/r/{code}").content.decode()
    assert _stage(page) == "Finished"
    assert "staff:" not in page


@pytest.mark.parametrize("answers", [desk.SUSPENDS, desk.CLEARED], ids=["violation", "cleared"])
def test_the_outcome_does_not_show(answers: dict[str, object], no_filing: None) -> None:
    world_with("user-17")
    client = browser()
    code = code_of(send(client, account_name="user-17", host="memory"))
    decided("user-17", answers)
    page = client.get(f"/r/{code}").content.decode()
    assert _stage(page) == "Finished"
    for word in ("suspend", "CSE-", "violation", "banned", "C-0000", "NCMEC report"):
        assert word not in page.replace("also while your account is suspended", "")


def test_the_code_in_any_spelling() -> None:
    client = browser()
    code = code_of(send(client, account_name="user-17"))
    typed = code.lower().replace("-", " ")
    answer = post(client, "/r", {"code": f" {typed} "})
    assert answer.status_code == 303
    page = client.get(answer["Location"])
    assert page.status_code == 200
    assert code in page.content.decode()
    assert post(client, "/r", {"code": f"https://desk.test/r/{code}"})["Location"].endswith(code)


def test_the_address_of_a_letter_leads_to_the_letter() -> None:
    assert post(browser(), "/r", {"code": "https://desk.test/appeal/abc_D-1?x=1"})["Location"] == "/appeal/abc_D-1"


@pytest.mark.parametrize("code", ["2222-2222-2222-2222", "x", "%00", "..", "ABCD-EFGH-JKLM-NPQR", "y" * 3000])
def test_an_unknown_code_is_the_same_page_as_any_other(code: str) -> None:
    known = browser().get("/nothing")
    page = browser().get(f"/r/{code}")
    assert page.status_code == known.status_code == 404
    assert _without_way_back(page) == _without_way_back(known)
    assert browser().get(f"/r/{code}/links").status_code == 404


def test_a_wrong_code_in_the_field_is_told_and_kept() -> None:
    page = post(browser(), "/r", {"code": "2222-2222"})
    assert page.status_code == 404
    assert 'value="2222-2222"' in page.content.decode()
    assert post(browser(), "/r", {"code": ""}).status_code == 404


def test_the_page_asks_again_only_while_something_is_being_checked() -> None:
    client = browser()
    code = code_of(send(client, account_name="user-17"))
    piece = client.get(f"/r/{code}/links").content.decode()
    assert f'hx-get="/r/{code}/links"' in piece
    assert "<html" not in piece
    from tests.support.jobs import run_due

    run_due()
    assert "hx-get" not in client.get(f"/r/{code}/links").content.decode()


def test_the_hotlines_follow_the_country_chosen() -> None:
    client = browser()
    code = code_of(send(client, account_name="user-17", country="DE"))
    own = {line.url for line in intake.hotlines("DE", "en")} - {line.url for line in intake.hotlines("", "en")}
    assert own
    assert all(url in client.get(f"/r/{code}").content.decode() for url in own)
    elsewhere = client.get(f"/r/{code}?country=GB").content.decode()
    assert not any(url in elsewhere for url in own)
    assert all(line.url in elsewhere for line in intake.hotlines("GB", "en"))
