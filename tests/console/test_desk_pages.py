"""Records, duties, appeals, tasks, bans, audit: what they show and what they change."""

import pytest
from django.db import transaction
from django.urls import reverse

from safehold.audit import chain
from safehold.cases.models import Case, Decision, Duty
from safehold.redress import service as redress
from safehold.redress.models import Appeal
from safehold.work import service as work
from safehold.work.models import Task
from tests.console.conftest import SignIn
from tests.support import desk
from tests.support.jobs import run_due

pytestmark = pytest.mark.django_db


@pytest.fixture
def appeal(decided: Decision) -> Appeal:
    with transaction.atomic():
        return redress.open_appeal(
            decided, text="placeholder message 4", language="en", statement=None, actor="account:user-17"
        )


@pytest.mark.parametrize("role", ["reviewer", "senior", "custodian", "auditor"])
def test_the_record_shows_states_and_no_content(role: str, decided: Decision, case: Case, sign_in: SignIn) -> None:
    text = sign_in(role, name=f"{role}-x").get(f"/console/cases/{case.pk}/record").content.decode()
    for wanted in (
        "suspend the account",
        "ban the person",
        "confirmed",
        "report to NCMEC (required)",
        *decided.clauses,
    ):
        assert wanted in text
    assert "decision.confirm" in text, "the acts are listed"
    for content in ("placeholder message", "/veiled", "/original"):
        assert content not in text


def test_cases_are_found_by_number_and_state(decided: Decision, case: Case, sign_in: SignIn) -> None:
    browser = sign_in("custodian")
    assert str(case) in browser.get(f"/console/cases/?number={case}").content.decode()
    assert str(case) in browser.get(f"/console/cases/?number={case.number}").content.decode()
    for nothing in ("number=99", "number=x'", "number=" + "9" * 30):
        assert "No case matches." in browser.get(f"/console/cases/?{nothing}").content.decode()
    assert not list(browser.get("/console/cases/?state=closed").context["page"])


def test_a_duty_is_waived_with_a_reason_by_custodian_or_senior(decided: Decision, sign_in: SignIn) -> None:
    duty = Duty.objects.get(decision=decided, kind="report_shall")
    page = f"/console/duties/{duty.pk}/waive"
    assert sign_in("reviewer").send(page, {"reason": "placeholder"}).status_code == 403
    custodian = sign_in("custodian")
    assert "18 USC 2258A" in custodian.get(page).content.decode()
    assert custodian.send(page, {"reason": "  "}).status_code == 422
    duty.refresh_from_db()
    assert duty.state == "open"
    assert custodian.send(page, {"reason": "placeholder legal reason 1"}).status_code == 302
    duty.refresh_from_db()
    assert (duty.state, duty.settled_by) == ("waived", custodian.member.actor)
    assert custodian.send(page, {"reason": "again"}).status_code == 409


def test_the_one_who_decided_cannot_touch_the_appeal(case: Case, sign_in: SignIn, no_filing: None) -> None:
    first = sign_in("senior")
    decision = desk.decide(case, desk.SUSPENDS, actor=first.member.actor)
    with transaction.atomic():
        appeal = redress.open_appeal(decision, text="x", language="en", statement=None, actor="account:user-17")
    page = first.get("/console/appeals/")
    assert appeal.pk in page.context["barred"]
    for response in (
        first.get(f"/console/appeals/{appeal.pk}/"),
        first.send(f"/console/appeals/{appeal.pk}/take"),
        first.send(f"/console/appeals/{appeal.pk}/decide", {"outcome": "grant", "reason": "placeholder"}),
        first.get(f"/console/appeals/{appeal.pk}/questions/minor"),
    ):
        assert response.status_code == 403
        assert "Somebody else must do this" in response.content.decode()
    appeal.refresh_from_db()
    assert appeal.state == "open"


def test_an_appeal_is_answered_on_facts_given_anew(appeal: Appeal, decided: Decision, sign_in: SignIn) -> None:
    senior = sign_in("senior")
    page = f"/console/appeals/{appeal.pk}/"
    assert "placeholder message 4" in senior.get(page).content.decode()
    senior.send(page + "take")
    early = senior.send(page + "decide", {"outcome": "grant", "reason": "placeholder reason"})
    assert early.status_code == 422
    for name, answer in (("role", "uploader"), ("minor", "adult")):
        assert senior.send(f"{page}questions/{name}", {"answer": answer}).status_code == 302
    assert "No violation" in senior.get(page).content.decode()
    wrong = senior.send(page + "decide", {"outcome": "refuse", "reason": "placeholder reason"})
    assert wrong.status_code == 422
    assert senior.send(page + "decide", {"outcome": "grant", "reason": "placeholder reason"}).status_code == 302
    run_due()
    appeal.refresh_from_db()
    decided.refresh_from_db()
    assert (appeal.state, decided.state) == ("granted", "replaced")
    assert "The answer" in senior.get(page).content.decode()


def test_an_appeal_needs_a_reason_and_its_holder(appeal: Appeal, sign_in: SignIn) -> None:
    senior = sign_in("senior")
    page = f"/console/appeals/{appeal.pk}/"
    assert senior.send(f"{page}questions/minor", {"answer": "adult"}).status_code in (302, 409)
    senior.send(page + "take")
    assert senior.send(page + "decide", {"outcome": "refuse", "reason": ""}).status_code == 422
    assert senior.send(page + "decide", {"reason": "placeholder"}).status_code == 422
    other = sign_in("senior", name="senior-2")
    assert "Take over" in other.get(page).content.decode()
    appeal.refresh_from_db()
    assert appeal.state == "in_review"


def test_tasks_are_those_of_ones_roles_and_close_with_an_outcome(sign_in: SignIn) -> None:
    with transaction.atomic():
        task = work.raise_task("tell-ncmec", key="1", about="case:nothing", role="custodian", note="id 1")
    custodian, reviewer = sign_in("custodian"), sign_in("reviewer")
    assert "Tell NCMEC" in custodian.get("/console/tasks/").content.decode()
    assert "Nothing waits for you." in reviewer.get("/console/tasks/").content.decode()
    assert reviewer.get(f"/console/tasks/{task.pk}/").status_code == 404
    assert reviewer.send(f"/console/tasks/{task.pk}/", {"outcome": "x"}).status_code == 404
    assert custodian.send(f"/console/tasks/{task.pk}/", {"outcome": " "}).status_code == 422
    custodian.send(f"/console/tasks/{task.pk}/", {"outcome": "letter 5 sent"})
    task.refresh_from_db()
    assert (task.closed_by, task.outcome) == (custodian.member.actor, "letter 5 sent")
    custodian.send(f"/console/tasks/{task.pk}/", {"outcome": "something else"})
    assert Task.objects.get().outcome == "letter 5 sent"
    assert "letter 5 sent" in custodian.get("/console/tasks/?closed=1").content.decode()


def test_long_lists_come_in_pages(sign_in: SignIn) -> None:
    with transaction.atomic():
        for number in range(30):
            work.raise_task("tell-ncmec", key=str(number), about="case:nothing", role="custodian")
    browser = sign_in("custodian")
    first = browser.get("/console/tasks/")
    assert len(first.context["page"]) == 25
    assert "page=2" in first.content.decode()
    assert len(browser.get("/console/tasks/?page=2").context["page"]) == 5
    assert browser.get("/console/tasks/?page=nonsense").status_code == 200


def test_bans_lead_to_their_case(decided: Decision, case: Case, sign_in: SignIn) -> None:
    text = sign_in("custodian").get("/console/persons/").content.decode()
    assert str(case) in text
    assert "mail.example" not in text
    assert "+1202" not in text


def test_auditors_read_the_record_and_verify_the_chain(decided: Decision, sign_in: SignIn) -> None:
    auditor = sign_in("auditor")
    chain.checkpoint()
    page = auditor.get("/console/audit/?q=decision.")
    acts = {entry.act for entry in page.context["page"]}
    assert acts
    assert all(act.startswith("decision.") for act in acts)
    assert "placeholder message" not in page.content.decode()
    assert "The chain holds." in auditor.send("/console/audit/verify").content.decode()


def test_a_changed_row_is_named(decided: Decision, sign_in: SignIn) -> None:
    from safehold.audit.models import Entry

    chain.checkpoint()
    entry = Entry.objects.order_by("id")[2]
    Entry.objects.filter(pk=entry.pk).update(actor="staff:somebody-else")
    text = sign_in("auditor").send("/console/audit/verify").content.decode()
    assert "The chain does not hold." in text
    assert f"entry {entry.pk}" in text


def test_refused_attempts_are_listed(sign_in: SignIn) -> None:
    sign_in("reviewer").get("/console/audit/")
    text = sign_in("auditor").get("/console/audit/refused/").content.decode()
    assert "console.opened" in text


def test_the_start_page_shows_each_role_its_own(decided: Decision, sign_in: SignIn) -> None:
    pages = {
        role: sign_in(role).get("/console/").content.decode()
        for role in ("reviewer", "senior", "custodian", "auditor", "administrator")
    }
    assert "Queue" in pages["reviewer"]
    assert "Second person" not in pages["reviewer"]
    assert "Second person" in pages["senior"]
    assert "/console/audit/" in pages["auditor"]
    assert "/console/queue/" not in pages["auditor"]
    assert "/console/staff/" in pages["administrator"]
    assert "/console/cases/" not in pages["administrator"]
    assert all("Only a password guards your sign-in." in text for text in pages.values())


def test_what_the_policy_does_not_list_waits_for_a_policy_owner(case: Case, sign_in: SignIn, no_filing: None) -> None:
    facts = {"role": "uploader", "minor": "apparent", "form": ["other"], "other_reason": "placeholder"}
    rest = {"danger": "none_seen", "malice": "found", "report_choice": "file", "report_reason": "placeholder"}
    answers = {**facts, **rest}
    held = desk.decide(case, answers)
    assert (held.state, held.second_needed) == ("held", "policy_owner")
    address = reverse("console:second", args=[held.pk])
    senior, owner = sign_in("senior"), sign_in("policy_owner")
    assert senior.get(address).status_code == 403
    assert str(held.pk) not in senior.get(reverse("console:second-list")).content.decode()
    assert str(held.pk) in owner.get(reverse("console:second-list")).content.decode()
    assert owner.send(address, {"agree": "yes", "reason": "placeholder reason"}).status_code == 302
    held.refresh_from_db()
    assert (held.state, held.second_by) == ("confirmed", owner.member.actor)


def test_the_lenient_path_waits_for_a_senior_reviewer(case: Case, sign_in: SignIn, no_filing: None) -> None:
    held = desk.decide(case, desk.LENIENT)
    address = reverse("console:second", args=[held.pk])
    assert sign_in("policy_owner").get(address).status_code == 403
    assert sign_in("senior").get(address).status_code == 200


def test_an_administrator_closes_no_task_of_a_role_that_they_may_not_use(sign_in: SignIn) -> None:
    with transaction.atomic():
        row = work.raise_task("tell-ncmec", key="1", about="filing:1", role="custodian")
    address = reverse("console:task", args=[row.pk])
    both = sign_in("administrator", "custodian")
    assert both.get(address).status_code == 404
    assert both.send(address, {"outcome": "placeholder"}).status_code == 404
    assert sign_in("custodian").get(address).status_code == 200
    row.refresh_from_db()
    assert row.closed_at is None


def test_who_decided_does_not_waive_the_report(case: Case, sign_in: SignIn, no_filing: None) -> None:
    senior = sign_in("senior")
    decided = desk.decide(case, desk.SUSPENDS, actor=senior.member.actor)
    address = reverse("console:waive", args=[decided.duties.get(kind="report_shall").pk])
    assert senior.send(address, {"reason": "placeholder reason"}).status_code == 403
    assert decided.duties.get(kind="report_shall").state == "open"
