"""Deciding otherwise: who is offered it, what the page says, what the second person sees, how often it happens."""

import re

import pytest

from safehold.audit.models import FailedAttempt
from safehold.cases.models import Case, Decision, Override
from safehold.path import commands
from tests.console.conftest import Browser, SignIn
from tests.support import desk, memory_host

pytestmark = pytest.mark.django_db

REASON = "placeholder reason 1"
FORM = {"answer": "cse-suspend", "reason": REASON}


@pytest.fixture
def senior(sign_in: SignIn, case: Case) -> Browser:
    """A senior reviewer's browser that holds the case."""
    browser = sign_in("senior")
    browser.send(f"/console/cases/{case.pk}/take")
    return browser


@pytest.fixture
def lenient(case: Case, senior: Browser) -> Decision:
    """The milder path, computed from the senior reviewer's answers, not confirmed."""
    return computed(case, senior, desk.LENIENT)


def computed(case: Case, browser: Browser, answers: dict[str, object]) -> Decision:
    who = {"actor": browser.member.actor, "device": browser.session["device"]}
    subject = case.subjects.get()
    commands.answer(subject.pk, "cse", answers, **who)
    return commands.propose_decision(subject.pk, "cse", **who)


def otherwise(decision: Decision) -> str:
    return f"/console/decisions/{decision.pk}/otherwise"


def page(browser: Browser, address: str) -> str:
    return browser.get(address).content.decode()


def test_a_senior_reviewer_is_offered_it_on_the_computed_decision(lenient: Decision, senior: Browser) -> None:
    assert f'href="{otherwise(lenient)}"' in page(senior, f"/console/decisions/{lenient.pk}/")


def test_a_reviewer_is_not(case: Case, taken: Browser) -> None:
    decision = computed(case, taken, desk.LENIENT)
    text = page(taken, f"/console/decisions/{decision.pk}/")
    assert "Confirm" in text
    assert "otherwise" not in text
    for response in (taken.get(otherwise(decision)), taken.send(otherwise(decision), FORM)):
        assert response.status_code == 403
    assert FailedAttempt.objects.filter(act="console.opened", reason="override").count() == 2
    assert not Override.objects.exists()


def test_where_nothing_else_may_be_chosen_the_page_says_so(case: Case, senior: Browser) -> None:
    decision = computed(case, senior, desk.SUSPENDS)
    text = page(senior, f"/console/decisions/{decision.pk}/")
    assert "These facts leave no other outcome open." in text
    assert otherwise(decision) not in text
    assert 'name="answer"' not in page(senior, otherwise(decision))
    assert senior.send(otherwise(decision), {"answer": "cse-none", "reason": REASON}).status_code == 422


def test_the_page_says_what_would_differ(lenient: Decision, senior: Browser) -> None:
    text = page(senior, otherwise(lenient))
    assert re.findall(r'name="answer" value="([^"]+)"', text) == ["cse-suspend"]
    rows = re.findall(r'<th scope="row">([^<]+)</th>', text)
    assert rows == ["For the account"], "only what differs"
    assert "Suspend the account" in text or "suspend" in text.lower()


def test_chosen_it_waits_for_a_second_person(lenient: Decision, senior: Browser, sign_in: SignIn) -> None:
    response = senior.send(otherwise(lenient), FORM)
    held = Decision.objects.get(state="held")
    assert response["Location"].endswith(f"/decisions/{held.pk}/")
    text = page(senior, f"/console/decisions/{held.pk}/")
    assert "Decided otherwise than computed" in text
    assert REASON in text
    assert "stricter than computed" in text
    assert "withdrawn" in page(senior, f"/console/decisions/{lenient.pk}/").lower()
    senior.send(f"/console/cases/{lenient.subject.case_id}/release")
    # The second person sees both, side by side, and the reason.
    other = sign_in("senior", name="senior-2")
    assert [row.pk for row in other.get("/console/second/").context["page"]] == [held.pk]
    seen = other.get(f"/console/second/{held.pk}/")
    assert REASON in seen.content.decode()
    assert seen.context["computed"]["id"] == "cse-lenient"
    assert seen.context["outcome"]["id"] == "cse-suspend"
    other.send(f"/console/second/{held.pk}/", {"agree": "yes", "reason": "placeholder reason 2"})
    held.refresh_from_db()
    assert (held.state, held.second_by) == ("confirmed", other.member.actor)
    assert "1 override of the policy" in page(other, "/console/second/")


@pytest.mark.parametrize(
    "posted", [{}, {"answer": "cse-suspend"}, {"reason": REASON}, {"answer": "cse-none", "reason": REASON}]
)
def test_it_needs_an_outcome_that_is_offered_and_a_reason(
    posted: dict[str, str], lenient: Decision, senior: Browser
) -> None:
    assert senior.send(otherwise(lenient), posted).status_code == 422
    lenient.refresh_from_db()
    assert lenient.state == "proposed"
    assert not Override.objects.exists()


def test_it_needs_the_lease(lenient: Decision, senior: Browser) -> None:
    senior.send(f"/console/cases/{lenient.subject.case_id}/release")
    assert senior.get(otherwise(lenient)).status_code == 409
    assert senior.send(otherwise(lenient), FORM).status_code == 409
    assert not Override.objects.exists()


def test_a_confirmed_decision_is_not_overridden(lenient: Decision, senior: Browser) -> None:
    senior.send(f"/console/decisions/{lenient.pk}/confirm")
    assert senior.send(otherwise(lenient), FORM)["Location"].endswith(f"/decisions/{lenient.pk}/")
    assert not Override.objects.exists()


@pytest.mark.parametrize("role", ["reviewer", "custodian", "policy_owner", "auditor", "administrator"])
def test_nobody_else_is_asked_as_second_person(
    role: str, lenient: Decision, senior: Browser, sign_in: SignIn, world: memory_host.World
) -> None:
    senior.send(otherwise(lenient), FORM)
    held = Decision.objects.get(state="held")
    other = sign_in(role)
    response = other.send(f"/console/second/{held.pk}/", {"agree": "yes", "reason": "placeholder reason 2"})
    assert response.status_code == 403
    own = senior.send(f"/console/second/{held.pk}/", {"agree": "yes", "reason": "placeholder reason 3"})
    assert own.status_code == 403
    held.refresh_from_db()
    assert held.state == "held"


def test_the_open_clause_is_the_policy_owners_also_when_overridden(
    case: Case, senior: Browser, sign_in: SignIn
) -> None:
    answers = {
        "role": "uploader", "minor": "known", "form": ["other"], "other_reason": "grounds 1", "danger": "none_seen",
        "malice": "none_found", "report_choice": "file", "report_reason": "grounds 2",
    }  # fmt: skip
    decision = computed(case, senior, answers)
    senior.send(otherwise(decision), FORM)
    held = Decision.objects.get(state="held")
    assert held.second_needed == "policy_owner"
    agree = {"agree": "yes", "reason": "placeholder reason 2"}
    assert sign_in("senior", name="senior-2").send(f"/console/second/{held.pk}/", agree).status_code == 403
    assert sign_in("policy_owner").send(f"/console/second/{held.pk}/", agree).status_code == 302
    held.refresh_from_db()
    assert held.state == "confirmed"
