"""The account holder's page: it works while suspended, with nothing but the link."""

from datetime import timedelta

import pytest
from django.utils import timezone

from safehold.cases.models import Decision
from safehold.enforcement.models import Action
from safehold.hosts.contract import AccountStatus
from safehold.notices.models import Statement
from safehold.path import commands
from safehold.redress.models import Appeal
from tests.public.making import AGREEING, browser, decided, letter, post, world_with
from tests.support import desk
from tests.support.jobs import run_due

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault", "no_filing")]


def test_the_statement_is_read_while_suspended_and_logged_out() -> None:
    world = world_with("user-17")
    decision = decided("user-17", desk.SUSPENDS)
    assert world.accounts["user-17"].status == AccountStatus.SUSPENDED
    statement, token = letter(decision)
    page = browser().get(f"/appeal/{token}")
    text = page.content.decode()
    assert page.status_code == 200
    assert statement.title in text
    assert "CSE-01" in text
    assert "p-user-17" in text
    assert "Send the appeal" in text
    assert "Remove the item" not in text
    assert desk.FIRST not in text
    assert page["Cache-Control"] == "no-store"
    assert page["Referrer-Policy"] == "no-referrer"
    assert not page.cookies


def test_an_appeal_is_opened_once_and_its_state_shown() -> None:
    world_with("user-17")
    _statement, token = letter(decided("user-17", desk.SUSPENDS))
    client = browser()
    for _ in range(2):
        answer = post(client, f"/appeal/{token}", {"do": "appeal", "text": "placeholder message 5"})
        assert (answer.status_code, answer["Location"]) == (303, f"/appeal/{token}")
    appeal = Appeal.objects.get()
    assert appeal.text == "placeholder message 5"
    text = client.get(f"/appeal/{token}").content.decode()
    assert "appeal received" in text
    assert "Send the appeal" not in text
    commands.lease_appeal(appeal.pk, actor=AGREEING)
    assert "appeal in review" in client.get(f"/appeal/{token}").content.decode()
    commands.answer_appeal(appeal.pk, desk.CLEARED, actor=AGREEING)
    commands.decide_appeal(appeal.pk, grant=True, reason="placeholder reason 5", actor=AGREEING)
    text = client.get(f"/appeal/{token}").content.decode()
    assert "appeal granted" in text
    assert "placeholder reason 5" in text
    assert AGREEING not in text


def test_a_refused_appeal_says_so_and_cannot_be_repeated() -> None:
    world_with("user-17")
    _statement, token = letter(decided("user-17", desk.SUSPENDS))
    client = browser()
    post(client, f"/appeal/{token}", {"do": "appeal", "text": "placeholder message 5"})
    appeal = Appeal.objects.get()
    commands.lease_appeal(appeal.pk, actor=AGREEING)
    commands.decide_appeal(appeal.pk, grant=False, reason="placeholder reason 6", actor=AGREEING)
    text = client.get(f"/appeal/{token}").content.decode()
    assert "appeal refused" in text
    assert "placeholder reason 6" in text
    again = post(client, f"/appeal/{token}", {"do": "appeal", "text": "once more"})
    assert again.status_code == 409
    assert Appeal.objects.count() == 1


@pytest.mark.parametrize(("text", "status"), [("", 422), ("   ", 422), ("x" * 10_001, 422), ("x" * 300_000, 413)])
def test_what_cannot_be_taken_is_told_and_kept(text: str, status: int) -> None:
    world_with("user-17")
    _statement, token = letter(decided("user-17", desk.SUSPENDS))
    page = post(browser(), f"/appeal/{token}", {"do": "appeal", "text": text})
    assert page.status_code == status
    assert text.strip() in page.content.decode()
    assert not Appeal.objects.exists()


def test_the_longest_text_is_taken() -> None:
    world_with("user-17")
    _statement, token = letter(decided("user-17", desk.SUSPENDS))
    assert post(browser(), f"/appeal/{token}", {"do": "appeal", "text": "文" * 10_000}).status_code == 303


def test_the_lenient_path_names_the_item_and_a_button_removes_it() -> None:
    world = world_with("user-18")
    decision = decided("user-18", desk.LENIENT)
    assert world.accounts["user-18"].status == AccountStatus.LOCKED
    statement, token = letter(decision)
    client = browser()
    text = client.get(f"/appeal/{token}").content.decode()
    assert "Remove the item" in text
    assert "p-user-18" in text
    assert "placeholder message" not in text, "the item is named, never shown"
    assert "<img" not in text
    assert post(client, f"/appeal/{token}", {"do": "remove"}).status_code == 303
    purge = Action.objects.get(decision=decision, kind=Action.Kind.PURGE_ITEM)
    assert purge.ordered_by == f"account:{decision.subject.account_id}"
    text = client.get(f"/appeal/{token}").content.decode()
    assert "being removed" in text
    assert 'value="remove"' not in text
    Action.objects.filter(pk=purge.pk).update(state="confirmed")
    assert "Your account is being unlocked" in client.get(f"/appeal/{token}").content.decode()
    Action.objects.filter(decision=decision, kind=Action.Kind.LOCK).update(state="reversed")
    assert "your account is unlocked" in client.get(f"/appeal/{token}").content.decode()
    assert Statement.objects.get() == statement


def test_no_button_removes_what_need_not_be_removed() -> None:
    world = world_with("user-17")
    decision = decided("user-17", desk.SUSPENDS)
    _statement, token = letter(decision)
    before = Action.objects.count()
    assert post(browser(), f"/appeal/{token}", {"do": "remove"}).status_code == 409
    run_due()
    assert Action.objects.count() == before
    assert "p-user-17" in world.items


def test_reading_changes_nothing() -> None:
    world_with("user-18")
    decision = decided("user-18", desk.LENIENT)
    _statement, token = letter(decision)
    before = (Action.objects.count(), Decision.objects.count(), Appeal.objects.count())
    browser().get(f"/appeal/{token}?do=remove")
    assert (Action.objects.count(), Decision.objects.count(), Appeal.objects.count()) == before


def test_an_expired_link_is_410_and_takes_nothing() -> None:
    world_with("user-17")
    statement, token = letter(decided("user-17", desk.SUSPENDS))
    Statement.objects.filter(pk=statement.pk).update(appeal_until=timezone.now() - timedelta(seconds=1))
    page = browser().get(f"/appeal/{token}")
    assert page.status_code == 410
    assert "CSE-01" not in page.content.decode()
    assert post(browser(), f"/appeal/{token}", {"do": "appeal", "text": "late"}).status_code == 410
    assert not Appeal.objects.exists()


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 42 + "=", "%00", "é" * 43])
def test_an_unknown_link_is_404(token: str) -> None:
    assert browser().get(f"/appeal/{token}").status_code == 404
    assert post(browser(), f"/appeal/{token}", {"do": "appeal", "text": "x"}).status_code == 404


def test_an_appeal_takes_no_file() -> None:
    world_with("user-17")
    _statement, token = letter(decided("user-17", desk.SUSPENDS))
    assert browser().post(f"/appeal/{token}", b"x", content_type="multipart/form-data; boundary=x").status_code == 415
    assert browser().post(f"/appeal/{token}", b"x", content_type="application/json").status_code == 415
