"""Signing in: password, second factor, recovery code; no sign-up; every sign-in on the record."""

import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, hotp_value
from django.core.cache import cache
from django.urls import NoReverseMatch, reverse

from safehold.audit.models import Entry, FailedAttempt
from safehold.staff import service as staff
from safehold.staff.models import Member
from tests.console.conftest import Browser

pytestmark = pytest.mark.django_db

LOGIN = "/console/account/login/"
FACTOR = "/console/account/second-factor/"


@pytest.fixture
def somebody() -> tuple[Member, str]:
    cache.clear()  # of attempts that other tests made
    return staff.create_member("anna", ["reviewer"], actor="system:test")


def sign_in(browser: Browser, password: str, **more: str) -> str:
    response = browser.send(LOGIN, {"login": "anna", "password": password, **more})
    return str(response.headers.get("Location", response.status_code))


def show_again(browser: Browser, password: str) -> None:
    """What changes how somebody signs in asks for the password once more."""
    assert browser.send("/console/account/reauthenticate/", {"password": password}).status_code == 302


def code_of(secret: str) -> str:
    """The six digits that an authenticator app shows now."""
    return f"{hotp_value(secret, int(time.time()) // 30) % 10**6:06d}"


def test_signing_in_leads_on_and_is_recorded(somebody: tuple[Member, str]) -> None:
    member, password = somebody
    browser = Browser()
    assert browser.get("/console/queue/")["Location"] == f"{LOGIN}?next=/console/queue/"
    assert sign_in(browser, password, next="/console/queue/") == "/console/queue/"
    assert browser.get("/console/queue/").status_code == 200
    assert Entry.objects.filter(act="staff.signed_in", actor=member.actor).count() == 1
    assert browser.get("/console/account/logout/").status_code == 200, "a link alone signs nobody out"
    assert browser.get("/console/").status_code == 200
    browser.send("/console/account/logout/")
    assert browser.get("/console/").status_code == 302
    assert Entry.objects.filter(act="staff.signed_out").count() == 1


def test_a_wrong_password_is_refused_and_noted_without_what_was_typed(somebody: tuple[Member, str]) -> None:
    browser = Browser()
    response = browser.send(LOGIN, {"login": "anna", "password": "not the password"})
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    attempt = FailedAttempt.objects.get(act="staff.signed_in")
    assert "anna" not in (attempt.reason + attempt.about + attempt.actor)
    assert browser.get("/console/").status_code == 302


def test_signing_in_never_leads_to_another_site(somebody: tuple[Member, str]) -> None:
    assert sign_in(Browser(), somebody[1], next="https://evil.example/") == "/console/"


def test_a_deactivated_member_cannot_sign_in(somebody: tuple[Member, str]) -> None:
    member, password = somebody
    staff.deactivate(member.pk, because="test", actor="system:test")
    browser = Browser()
    sign_in(browser, password)
    assert browser.get("/console/").status_code == 302


@pytest.mark.parametrize("name", ["account_signup", "account_reset_password", "account_email", "mfa_signup_webauthn"])
def test_there_is_no_sign_up_and_no_reset_by_mail(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)
    assert Browser().get("/console/account/signup/").status_code == 404


def test_a_second_factor_is_asked_for_once_it_is_set_up(
    somebody: tuple[Member, str], django_capture_on_commit_callbacks: Any
) -> None:
    member, password = somebody
    browser = Browser()
    sign_in(browser, password)
    assert "/reauthenticate/" in browser.get(f"{FACTOR}totp/activate/")["Location"]
    show_again(browser, password)
    page = browser.get(f"{FACTOR}totp/activate/").content.decode()
    assert "<svg" in page
    assert "data:image" not in page, "the content security policy forbids it"
    secret = re.search(r'<code class="secret">([A-Z2-7]+)</code>', page)[1]  # type: ignore[index]
    assert browser.send(f"{FACTOR}totp/activate/", {"code": "000000"}).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        assert browser.send(f"{FACTOR}totp/activate/", {"code": code_of(secret)}).status_code == 302
    assert Entry.objects.filter(act="staff.second_factor_added", actor=member.actor).count() == 2, "app and codes"
    stored = Authenticator.objects.get(user=member, type="totp")
    assert secret not in str(stored.data), "sealed with a key outside the database"
    assert isinstance(stored.wrap(), TOTP)

    other = Browser()
    assert sign_in(other, password) == f"{FACTOR}authenticate/"
    assert other.get("/console/").status_code == 302, "half signed in is not signed in"
    assert other.send(f"{FACTOR}authenticate/", {"code": "000000"}).status_code == 200
    assert FailedAttempt.objects.filter(actor=member.actor, reason="wrong second factor").count() == 1
    codes = browser.get(f"{FACTOR}recovery-codes/").content.decode()
    recovery = re.search(r"<li><code>(\w+)</code>", codes)[1]  # type: ignore[index]
    assert other.send(f"{FACTOR}authenticate/", {"code": recovery}).status_code == 302
    assert other.get("/console/").status_code == 200
    third = Browser()
    sign_in(third, password)
    assert third.send(f"{FACTOR}authenticate/", {"code": recovery}).status_code == 200, "a recovery code works once"
    assert third.get("/console/").status_code == 302


def test_every_security_page_opens(somebody: tuple[Member, str]) -> None:
    browser = Browser()
    sign_in(browser, somebody[1])
    assert browser.get("/console/account/reauthenticate/").status_code == 200
    show_again(browser, somebody[1])
    for page in ("", "totp/activate/", "webauthn/", "webauthn/add/", "recovery-codes/generate/"):
        response = browser.get(FACTOR + page)
        assert response.status_code == 200, page
        assert b"environment-practice" in response.content
    assert browser.get("/console/account/password/change/").status_code == 200
    assert Browser().get(FACTOR).status_code == 302


def test_the_password_can_be_changed_and_that_is_recorded(somebody: tuple[Member, str]) -> None:
    member, password = somebody
    browser = Browser()
    sign_in(browser, password)
    new = {"oldpassword": password, "password1": "placeholder words 17", "password2": "placeholder words 17"}
    weak = {**new, "password1": "short", "password2": "short"}
    assert browser.send("/console/account/password/change/", weak).status_code == 200
    assert browser.send("/console/account/password/change/", new).status_code == 302
    member.refresh_from_db()
    assert member.check_password("placeholder words 17")
    assert Entry.objects.filter(act="staff.password_changed", actor=member.actor).count() == 1


def test_a_multipart_form_is_refused_before_it_is_read() -> None:
    assert Browser().post(LOGIN, {"login": "anna", "password": "x"}).status_code == 415
