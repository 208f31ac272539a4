"""Every address of the console against every role: who gets in, who is sent to sign in, who is refused."""

import uuid

import pytest
from django.urls import reverse

from safehold.audit.models import FailedAttempt
from safehold.console import routes
from safehold.staff import service as staff
from safehold.staff.models import StaffRole
from safehold.staff.service import Right
from tests.console.conftest import Browser, SignIn

ARGUMENTS = {
    "key-issue": ["memory"], "host": ["memory"], "assess": [uuid.uuid4(), "cse"], "answers": [uuid.uuid4(), "cse"],
    "question": [uuid.uuid4(), "cse", "minor"], "appeal-question": [uuid.uuid4(), "minor"],
    "policy-grid": ["2024-05", "altercation"], "list": ["source-1"], "list-trust": ["source-1"],
    "list-exact": ["source-1"], "list-rule": ["source-1", "exact"], "mapping-new": ["source-1"],
    "mapping-write": ["source-1", "2024-05", "cse"],
}  # fmt: skip
NO_ARGUMENT = {
    "home", "keys", "queue", "records", "second-list", "appeals", "tasks", "persons", "audit", "audit-refused",
    "audit-verify", "policies", "members", "member-new", "hosts", "custody", "exposure", "granted", "authorities",
    "filings", "process-new", "uk", "lists", "surfaces", "surface-new", "removals",
}  # fmt: skip


def address(name: str) -> str:
    """An address of the route, with ids of nothing where it takes ids."""
    short = name.removeprefix("console:")
    return reverse(name, args=[] if short in NO_ARGUMENT else ARGUMENTS.get(short, [uuid.uuid4()]))


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(routes.rights()))
def test_nobody_gets_in_without_signing_in(name: str) -> None:
    browser = Browser()
    method = routes.methods()[name][0]
    response = browser.get(address(name)) if method == "GET" else browser.send(address(name))
    assert response.status_code == 302
    assert response["Location"].startswith("/console/account/login/?next=/console/")


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(StaffRole))
def test_a_role_gets_in_where_it_holds_the_right_and_nowhere_else(role: str, sign_in: SignIn, vault: object) -> None:
    browser = sign_in(role)
    wrong = []
    for name, right in routes.rights().items():
        for method in routes.methods()[name]:
            response = browser.get(address(name)) if method == "GET" else browser.send(address(name))
            refused = response.status_code == 403
            if refused == staff.may(browser.member, right):
                wrong.append((name, method, response.status_code))
            assert response.status_code != 500
            assert response.status_code == 404 or "no-store" in response["Cache-Control"], name
    assert not wrong


@pytest.mark.django_db
def test_the_refusal_says_which_role_could_and_is_noted(sign_in: SignIn) -> None:
    response = sign_in("auditor").get("/console/queue/")
    assert response.status_code == 403
    text = response.content.decode()
    assert "reviewer" in text
    assert "senior reviewer" in text
    assert FailedAttempt.objects.filter(act="console.opened", reason="assess").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("other", ["reviewer", "senior", "custodian"])
@pytest.mark.parametrize("barred", ["auditor", "administrator"])
def test_no_second_role_brings_an_auditor_or_administrator_to_evidence(
    other: str, barred: str, sign_in: SignIn
) -> None:
    browser = sign_in(barred, other)
    for name, right in routes.rights().items():
        never = (Right.SEE_EVIDENCE, Right.ASSESS, Right.SECOND, Right.OVERRIDE, Right.APPEALS, Right.WAIVE)
        if right in (*never, Right.CUSTODY):
            method = routes.methods()[name][0]
            response = browser.get(address(name)) if method == "GET" else browser.send(address(name))
            assert response.status_code == 403, name


@pytest.mark.django_db
def test_a_deactivated_member_is_out_at_once(sign_in: SignIn) -> None:
    sign_in("administrator")
    browser = sign_in("reviewer")
    assert browser.get("/console/").status_code == 200
    staff.deactivate(browser.member.pk, because="test", actor="system:test")
    assert browser.get("/console/").status_code == 302
    assert staff.rights_of(type(browser.member).objects.get(pk=browser.member.pk)) == frozenset()


@pytest.mark.django_db
def test_a_wrong_method_is_refused(sign_in: SignIn) -> None:
    browser = sign_in("reviewer")
    assert browser.get(address("console:take")).status_code == 405
    assert browser.put("/console/queue/").status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name, methods in routes.methods().items() if "POST" in methods])
def test_a_form_without_its_token_is_refused(name: str, sign_in: SignIn) -> None:
    strict = Browser(enforce_csrf_checks=True)
    sign_in("senior", browser=strict)
    assert strict.send(address(name)).status_code == 403


@pytest.mark.django_db
def test_every_page_says_which_environment_it_is_and_forbids_foreign_scripts(sign_in: SignIn) -> None:
    for page in (
        Browser().get("/console/account/login/"),
        sign_in("senior").get("/console/"),
        sign_in("auditor").get("/console/queue/"),
    ):
        assert b"environment-practice" in page.content
        policy = page["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "style-src 'self'" in policy
        assert "unsafe" not in policy
        assert page["X-Content-Type-Options"] == "nosniff"
        assert page["X-Frame-Options"] == "DENY"
