"""The questions, the computed outcome, confirming, and the second person."""

from typing import Any

import pytest

from safehold.cases.models import Case, CaseSubject, Decision, Draft
from tests.console.conftest import Browser, SignIn
from tests.support import desk
from tests.support.jobs import run_due

pytestmark = pytest.mark.django_db

BASE = "/console/subjects/{}/assess/cse/"


def start(browser: Browser, subject: CaseSubject) -> str:
    """Where the assessment begins or goes on."""
    return str(browser.get(BASE.format(subject.pk))["Location"])


def walk(browser: Browser, address: str, answers: dict[str, Any]) -> str:
    """Answer question after question until none is left; returns the address after the last one."""
    for _ in range(30):
        name = address.rsplit("/", 1)[-1]
        if name in ("answers", "") or name not in answers:
            return address
        response = browser.send(address, {"answer": answers[name]})
        assert response.status_code == 302, response.content.decode()
        address = response["Location"]
    raise AssertionError("The questions never end.")


def test_one_question_at_a_time_then_the_outcome_then_confirming(case: Case, taken: Browser, no_filing: None) -> None:
    subject = case.subjects.get()
    address = start(taken, subject)
    assert address.endswith("/role"), "what the person did comes first"
    page = taken.get(address)
    assert page.content.decode().count('type="radio"') == 8
    assert "Violation" not in page.content.decode()
    address = walk(taken, address, {**desk.SUSPENDS, "claimed_context": ""})
    assert address.endswith("/answers")
    read_back = taken.get(address).content.decode()
    assert "Compute the outcome" in read_back
    assert "CSE-" not in read_back, "no clause before the facts are complete"
    assert not Decision.objects.exists()
    response = taken.send(address, {"items": [str(item.pk) for item in case.items.all()]})
    decision = Decision.objects.get()
    assert decision.state == "proposed"
    assert decision.covers.count() == 2
    shown = taken.get(response["Location"]).content.decode()
    for clause in decision.clauses:
        assert clause in shown
    assert "Confirm" in shown
    taken.send(f"/console/decisions/{decision.pk}/confirm")
    decision.refresh_from_db()
    assert decision.state == "confirmed"
    run_due()
    assert "In force." in taken.get(f"/console/decisions/{decision.pk}/").content.decode()


def test_answers_survive_a_closed_tab(case: Case, taken: Browser) -> None:
    subject = case.subjects.get()
    walk(taken, start(taken, subject), {"role": "sharer", "minor": "apparent"})
    subject.refresh_from_db()
    assert subject.role == "sharer"
    assert Draft.objects.get().answers == {"minor": "apparent"}
    assert start(taken, subject).endswith("/form"), "goes on where the answers stop"


def test_going_back_and_changing_an_answer_drops_what_no_longer_applies(case: Case, taken: Browser) -> None:
    subject = case.subjects.get()
    walk(
        taken,
        start(taken, subject),
        {"role": "uploader", "minor": "apparent", "form": ["photo_video"], "shows": "explicit"},
    )
    base = BASE.format(subject.pk)
    back = taken.get(base + "shows").content.decode()
    assert f'href="{base}form"' in back
    taken.send(base + "minor", {"answer": "adult"})
    assert Draft.objects.get().answers == {"minor": "adult"}


@pytest.mark.parametrize("posted", [{}, {"answer": "no-such-answer"}, {"answer": ["known", "apparent"]}])
def test_what_is_no_answer_is_asked_again(posted: dict[str, Any], case: Case, taken: Browser) -> None:
    subject = case.subjects.get()
    walk(taken, start(taken, subject), {"role": "uploader"})
    response = taken.send(BASE.format(subject.pk) + "minor", posted)
    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()
    assert "minor" not in Draft.objects.get().answers


def test_an_answer_that_stands_alone_cannot_stand_beside_others(case: Case, taken: Browser) -> None:
    subject = case.subjects.get()
    walk(taken, start(taken, subject), {"role": "uploader", "minor": "apparent"})
    response = taken.send(BASE.format(subject.pk) + "form", {"answer": ["photo_video", "none"]})
    assert response.status_code == 422


def test_without_the_lease_no_question_is_shown_or_answered(case: Case, taken: Browser, sign_in: SignIn) -> None:
    subject = case.subjects.get()
    other = sign_in("senior")
    assert other.get(BASE.format(subject.pk) + "minor").status_code == 409
    assert other.send(BASE.format(subject.pk) + "minor", {"answer": "adult"}).status_code == 409
    assert not Draft.objects.exists()


def test_an_unknown_class_or_question(case: Case, taken: Browser) -> None:
    subject = case.subjects.get()
    assert taken.get(f"/console/subjects/{subject.pk}/assess/nonsense/").status_code == 404
    assert taken.get(BASE.format(subject.pk) + "nonsense").status_code == 302


def test_nothing_is_computed_while_a_question_is_open(case: Case, taken: Browser) -> None:
    subject = case.subjects.get()
    response = taken.send(BASE.format(subject.pk) + "answers", {})
    assert response.status_code == 302
    assert not Decision.objects.exists()


def test_only_the_one_who_answered_confirms(case: Case, taken: Browser, sign_in: SignIn) -> None:
    subject = case.subjects.get()
    walk(taken, start(taken, subject), desk.SUSPENDS)
    taken.send(BASE.format(subject.pk) + "answers", {})
    decision = Decision.objects.get()
    taken.send(f"/console/cases/{case.pk}/release")
    other = sign_in("reviewer", name="reviewer-2")
    other.send(f"/console/cases/{case.pk}/take")
    assert 'action="/console/decisions/' not in other.get(f"/console/decisions/{decision.pk}/").content.decode()
    assert other.send(f"/console/decisions/{decision.pk}/confirm").status_code == 403
    decision.refresh_from_db()
    assert decision.state == "proposed"


def test_a_lenient_decision_is_held_and_says_so(held: Decision, sign_in: SignIn) -> None:
    assert held.state == "held"
    assert "waits for a second person" in sign_in("reviewer").get(f"/console/decisions/{held.pk}/").content.decode()


def test_a_second_person_agrees(held: Decision, sign_in: SignIn) -> None:
    senior = sign_in("senior")
    assert held.pk in [row.pk for row in senior.get("/console/second/").context["page"]]
    page = senior.get(f"/console/second/{held.pk}/").content.decode()
    assert "I agree" in page
    senior.send(f"/console/second/{held.pk}/", {"agree": "yes", "reason": "placeholder reason 1"})
    held.refresh_from_db()
    assert (held.state, held.second_by) == ("confirmed", senior.member.actor)


def test_a_second_person_disagrees_and_the_default_stands(held: Decision, sign_in: SignIn) -> None:
    response = sign_in("senior").send(f"/console/second/{held.pk}/", {"agree": "no", "reason": "placeholder reason 2"})
    held.refresh_from_db()
    assert held.state == "withdrawn"
    after = Decision.objects.get(state="confirmed")
    assert response["Location"].endswith(f"/decisions/{after.pk}/")


@pytest.mark.parametrize(
    "posted", [{"agree": "yes"}, {"reason": "placeholder reason"}, {"agree": "maybe", "reason": "x"}]
)
def test_a_second_opinion_needs_a_reason_and_a_choice(posted: dict[str, str], held: Decision, sign_in: SignIn) -> None:
    assert sign_in("senior").send(f"/console/second/{held.pk}/", posted).status_code == 422
    held.refresh_from_db()
    assert held.state == "held"


def test_the_first_decider_is_refused_as_second_person(case: Case, sign_in: SignIn, no_filing: None) -> None:
    senior = sign_in("senior")
    held = desk.decide(case, desk.LENIENT, actor=senior.member.actor)
    assert held.pk not in [row.pk for row in senior.get("/console/second/").context["page"]]
    assert senior.get(f"/console/second/{held.pk}/").status_code == 403
    response = senior.send(f"/console/second/{held.pk}/", {"agree": "yes", "reason": "placeholder"})
    assert response.status_code == 403
    assert "took part" in response.content.decode()
    held.refresh_from_db()
    assert held.state == "held"


def test_deciding_twice_is_a_clear_409(decided: Decision, case: Case, sign_in: SignIn) -> None:
    browser = sign_in("reviewer")
    browser.send(f"/console/cases/{case.pk}/take")
    response = browser.send(BASE.format(decided.subject_id) + "answers", {})
    assert response.status_code == 409
    assert "decided already" in response.content.decode()


def test_the_path_so_far_stands_beside_the_question(case: Case, taken: Browser) -> None:
    subject = case.subjects.get()
    address = walk(taken, start(taken, subject), {"role": "uploader", "minor": "apparent", "form": ["photo_video"]})
    steps = taken.get(address).context["steps"]
    assert [step.current for step in steps] == [False, False, False, True]
    assert [bool(step.answers) for step in steps] == [True, True, True, False]
    text = taken.get(address).content.decode()
    assert text.count('aria-current="step"') == 1
    assert all(f'href="{step.address}"' in text for step in steps[:3])
    earlier = taken.get(steps[1].address).context["steps"]
    assert [step.current for step in earlier] == [False, True, False, False]
    assert "CSE-" not in text, "no clause before the facts are complete"


@pytest.mark.parametrize(("language", "said"), [("en", "Where it leads"), ("zh-hans", "接下来")])
def test_where_cannot_tell_leads_is_said_after_the_facts(language: str, said: str, case: Case, taken: Browser) -> None:
    taken.get(f"/language/{language}?next=/console/")
    subject = case.subjects.get()
    answers = {"role": "uploader", "minor": "cannot_tell", "danger": "none_seen", "claimed_context": ""}
    address = start(taken, subject)
    for name, answer in answers.items():
        assert said not in taken.get(address).content.decode(), name
        address = taken.send(address, {"answer": answer})["Location"]
    address = walk(taken, address, dict.fromkeys(["protect", "claimed_context"], ""))
    assert said not in taken.get(address).content.decode()
    shown = taken.get(taken.send(address, {})["Location"]).content.decode()
    assert Decision.objects.get().outcome["undecided"]
    assert said in shown


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_reasons_are_sentences_with_their_ids_beside_them(language: str, case: Case, taken: Browser) -> None:
    from safehold import policy
    from safehold.console import outcome as outcomes

    taken.get(f"/language/{language}?next=/console/")
    subject = case.subjects.get()
    walk(taken, start(taken, subject), desk.SUSPENDS)
    response = taken.get(taken.send(BASE.format(subject.pk) + "answers", {})["Location"])
    row, text = Decision.objects.get(), response.content.decode()
    pack = policy.load(row.policy, row.policy_version)
    for clause in row.clauses:
        assert pack.text(language, clause) in text
        assert pack.text(language, clause, "text") in text
    steps = response.context["outcome"]["because"]
    assert [step["id"] for step in steps] == [step["id"] for step in row.outcome["because"]]
    for step in steps:
        assert step["words"] != step["id"]
        assert step["id"] in text
    assert pack.text(language, "CSE-R07") in [step["words"] for step in steps]
    assert outcomes.differences(response.context["outcome"], response.context["outcome"]) == []


@pytest.mark.parametrize("known", [True, False])
def test_the_version_and_what_chose_it_are_said(known: bool, case: Case, taken: Browser) -> None:
    from datetime import UTC, datetime

    from safehold.subjects.models import Item

    posted = datetime(2024, 6, 3, 12, tzinfo=UTC) if known else None
    Item.objects.update(posted_at=posted)
    subject = case.subjects.get()
    said = "in force on the day of the conduct, 2024-06-03" if known else "when we came to know"
    address = start(taken, subject)
    assert f"2024-05 · {'' if not known else said}" in taken.get(address).content.decode()
    address = walk(taken, address, desk.SUSPENDS)
    assert said in taken.get(address).content.decode()
    assert said in taken.get(taken.send(address, {})["Location"]).content.decode()
