"""Pages about lists: what they show, two people, rules, meanings, entries, private surfaces, why a case came."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from safehold.cases.models import Case, Decision
from safehold.path import automation, commands
from safehold.screening import service as screening
from safehold.screening.models import CategoryMapping, HashList, HitRecord, HitRule, ListEntry, Proposal, Surface
from safehold.subjects.models import Host
from safehold.work.models import Job, Task
from tests.console.conftest import Browser, SignIn
from tests.support import listed, memory_host
from tests.support.listed import MEANS, Listed

pytestmark = pytest.mark.django_db

LISTS, HOME = "/console/lists/", "/console/lists/of/source-1/"
WHY = {"reason": "placeholder reason 1"}


@pytest.fixture
def two(sign_in: SignIn) -> tuple[Browser, Browser]:
    return sign_in("policy_owner"), sign_in("policy_owner", name="policy-owner-2")


@pytest.fixture
def lists(world: memory_host.World, two: tuple[Browser, Browser], no_filing: None) -> Listed:
    one, other = two
    return listed.build(Host.objects.get(), one.member.actor, other.member.actor)


def text(browser: Browser, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, path
    return answer.content.decode()


def proposal_of(answer: Any) -> Proposal:
    """Where a form that was taken leads: to what waits now."""
    assert answer.status_code == 302, answer.content.decode()
    row = Proposal.objects.order_by("-asked_at")[0]
    assert answer["Location"].endswith(f"/console/lists/proposals/{row.pk}/")
    return row


def test_every_list_is_told_with_its_terms_and_state(two: tuple[Browser, Browser], lists: Listed) -> None:
    one, _other = two
    page = text(one, LISTS)
    assert "source-1" in page
    assert "Source 1" in page
    assert "1 held back" in page
    assert "words-1" in page
    page = text(one, HOME)
    for told in ("agreement 7", "stopping the sexual exploitation of children", "trusted", "none: imported by hand"):
        assert told in page
    assert text(one, f"{LISTS}of/nothing/", 404)


def test_what_waits_for_a_second_person_is_on_the_start_page(two: tuple[Browser, Browser], lists: Listed) -> None:
    """One's own wishes wait for somebody else: a proposal and a signature of each are there."""
    one, other = two
    assert "2 changes wait for you as the second person." in text(one, "/console/")
    assert "1 change waits for you as the second person." in text(other, "/console/")
    assert "What “A2” means" in text(one, LISTS)


def test_an_empty_installation_has_empty_pages(sign_in: SignIn) -> None:
    owner = sign_in("policy_owner")
    assert "There is no list yet" in text(owner, LISTS)
    assert "None." in text(owner, f"{LISTS}surfaces/")


def test_no_page_shows_a_digest(two: tuple[Browser, Browser], lists: Listed) -> None:
    """A hash on a screen is a hash in a photograph: ids are enough to work with."""
    one, _other = two
    row = ListEntry.objects.exclude(sha256="").order_by("pk")[0]
    for place in (LISTS, HOME, f"{HOME}?entry={row.pk}", f"{LISTS}entries/{row.pk}/withdraw"):
        page = text(one, place)
        assert not any(digest and digest in page for digest in (row.sha256, row.sha1, row.md5, row.pdq))


# --- two people ------------------------------------------------------------------------------------


def test_trust_is_asked_for_by_one_and_agreed_to_by_another(two: tuple[Browser, Browser], lists: Listed) -> None:
    one, other = two
    screening.set_trusted("source-1", trusted=False, because="x", actor="staff:x")
    row = proposal_of(one.send(f"{HOME}trust", WHY))
    assert not HashList.objects.get(pk="source-1").trusted
    place = f"{LISTS}proposals/{row.pk}/"
    assert "You asked for this" in text(one, place)
    assert one.send(f"{place}agree").status_code == 403
    assert not HashList.objects.get(pk="source-1").trusted
    assert "Agree, on record" in text(other, place)
    assert other.send(f"{place}agree").status_code == 302
    assert HashList.objects.get(pk="source-1").trusted
    assert other.send(f"{place}agree").status_code == 409, "settled"


def test_trust_is_taken_by_one_at_once(two: tuple[Browser, Browser], lists: Listed) -> None:
    one, _other = two
    assert one.send(f"{HOME}trust", {"reason": ""}).status_code == 422
    assert one.send(f"{HOME}trust", WHY).status_code == 302
    assert not HashList.objects.get(pk="source-1").trusted


def test_a_proposal_is_refused_or_withdrawn_with_a_reason(two: tuple[Browser, Browser], lists: Listed) -> None:
    one, other = two
    place, own = f"{LISTS}proposals/{lists.proposal.pk}/", f"{LISTS}proposals/{lists.mine.pk}/"
    assert one.send(f"{place}refuse", {"reason": ""}).status_code == 422
    assert other.send(f"{place}refuse", WHY).status_code == 403, "who asked withdraws"
    assert one.send(f"{place}withdraw", WHY).status_code == 409
    assert one.send(f"{place}refuse", WHY).status_code == 302
    assert one.send(f"{own}withdraw", WHY).status_code == 302
    assert set(Proposal.objects.values_list("state", flat=True)) == {"refused", "withdrawn"}
    assert "placeholder reason 1" in text(other, place)


def test_what_cannot_be_any_more_is_said_and_changes_nothing(two: tuple[Browser, Browser], lists: Listed) -> None:
    one, other = two
    HitRule.objects.update(ended_at=timezone.now())
    row = proposal_of(one.send(f"{HOME}rules/exact", {"does": "unseen", **WHY}))
    screening.set_trusted("source-1", trusted=False, because="x", actor="staff:x")
    answer = other.get(other.send(f"{LISTS}proposals/{row.pk}/agree")["Location"])
    assert "Only a trusted list" in answer.content.decode()
    row.refresh_from_db()
    assert row.state == "asked"


# --- rules and what is exact -----------------------------------------------------------------------


def test_a_rule_that_does_more_waits_one_that_does_less_holds(two: tuple[Browser, Browser], lists: Listed) -> None:
    one, other = two
    assert "Preserve, hide, decide and file without a look" in text(one, HOME)
    assert one.send(f"{HOME}rules/exact", {"does": "review", **WHY}).status_code == 302
    assert screening.rule_in_force("source-1", "exact").does == "review"  # type: ignore[union-attr]
    row = proposal_of(one.send(f"{HOME}rules/exact", {"does": "unseen", **WHY}))
    assert other.send(f"{LISTS}proposals/{row.pk}/agree").status_code == 302
    assert screening.rule_in_force("source-1", "exact").does == "unseen"  # type: ignore[union-attr]
    assert one.send(f"{HOME}rules/exact", {"does": "default", **WHY}).status_code == 302
    assert screening.rule_in_force("source-1", "exact") is None
    assert "The rule before ended on" in text(one, HOME)


@pytest.mark.parametrize(("on", "does", "status"), [
    ("exact", "burn", 422), ("exact", "", 422), ("near", "unseen", 422), ("link", "hide", 404), ("words", "order", 404),
    ("smell", "hide", 404),
])  # fmt: skip
def test_a_rule_that_is_none_is_refused(
    two: tuple[Browser, Browser], lists: Listed, on: str, does: str, status: int
) -> None:
    rules = HitRule.objects.count()
    assert two[0].send(f"{HOME}rules/{on}", {"does": does, **WHY}).status_code == status
    assert HitRule.objects.count() == rules


def test_the_same_wish_waits_once(two: tuple[Browser, Browser], lists: Listed) -> None:
    answer = two[0].send(f"{HOME}rules/near", {"does": "hide", **WHY})
    assert answer.status_code == 422
    assert "waits for a second person already" in answer.content.decode()


def test_what_counts_as_exact(two: tuple[Browser, Browser], lists: Listed) -> None:
    one, other = two
    row = proposal_of(one.send(f"{HOME}exact", {"also": ["md5"], **WHY}))
    assert other.send(f"{LISTS}proposals/{row.pk}/agree").status_code == 302
    assert HashList.objects.get(pk="source-1").exact_also == ["md5"]
    assert "MD5 alone" in text(one, HOME)
    assert one.send(f"{HOME}exact", {"also": [], **WHY}).status_code == 302
    assert HashList.objects.get(pk="source-1").exact_also == []


def test_figures_and_drift_are_shown(two: tuple[Browser, Browser], lists: Listed) -> None:
    HitRecord.objects.filter(how="pdq").update(agreed="yes", agreed_at=timezone.now())
    page = text(two[0], HOME)
    assert "People agreed with 1 of the newest 1 (100.0 %)." in page
    assert "between 20.7 % and 100.0 %" in page
    rule = HitRule.objects.get(ended_at=None)
    screening.end_rule(rule.pk, because="drift: people agreed with 3 of the newest 9", actor="system:guard")
    assert "drift: people agreed with 3 of the newest 9" in text(two[0], HOME)


def test_a_list_of_removed_files_has_no_rules(two: tuple[Browser, Browser]) -> None:
    HashList.objects.create(
        slug="removed", source="requests", licence="own", purpose="take-it-down", made_at=timezone.now()
    )
    page = text(two[0], f"{LISTS}of/removed/")
    assert "follows from its requests" in page
    assert "rules/exact" not in page
    assert two[0].send(f"{LISTS}of/removed/rules/exact", {"does": "review", **WHY}).status_code == 422


# --- what categories mean --------------------------------------------------------------------------


def form_of(answers: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"category": "B1", **{f"q-{name}": value for name, value in answers.items()}, **more}


def test_a_category_is_mapped_question_by_question_and_signed_twice(
    two: tuple[Browser, Browser], lists: Listed
) -> None:
    one, other = two
    answer = one.send(f"{HOME}mappings/new", {"category": "B1", "class_id": "cse", "version": "2024-05"})
    place = answer["Location"]
    assert place.endswith("/mappings/2024-05/cse?category=B1")
    first = text(one, place)
    assert 'name="q-minor"' in first
    assert 'name="q-shows"' not in first, "asked once it is known that there is a picture"
    assert 'name="q-role"' not in first
    write = place.partition("?")[0]
    partly = one.send(write, form_of({"minor": "known", "form": ["photo_video"]}, look="1")).content.decode()
    assert 'name="q-shows"' in partly
    assert "A question is open" in partly
    whole = one.send(write, form_of(MEANS, look="1")).content.decode()
    assert "decided without a look" in whole
    assert CategoryMapping.objects.filter(category="B1").count() == 0
    assert one.send(write, form_of(MEANS, sign="1", reason="")).status_code == 422
    signed = one.send(write, form_of(MEANS, sign="1", **WHY))
    row = CategoryMapping.objects.get(category="B1")
    assert (row.answers, row.signed_by) == (MEANS, one.member.actor)
    assert signed["Location"].endswith(f"/mappings/{row.pk}/")
    sign = f"{LISTS}mappings/{row.pk}/countersign"
    assert "Another policy owner must sign too" in text(one, signed["Location"])
    assert one.send(sign).status_code == 403
    assert other.send(sign).status_code == 302
    assert other.send(sign).status_code == 409
    assert screening.mapping_for("source-1", "B1", "2024-05") == row
    assert "signed by two people" in text(one, signed["Location"])
    assert one.send(f"{LISTS}mappings/{row.pk}/end", WHY).status_code == 302
    assert screening.mapping_for("source-1", "B1", "2024-05") is None


def test_an_answer_that_is_asked_no_more_is_left_out(two: tuple[Browser, Browser], lists: Listed) -> None:
    """Somebody answered five questions and then changed the first."""
    two[0].send(f"{HOME}mappings/2024-05/cse", form_of({**MEANS, "minor": "adult"}, sign="1", **WHY))
    assert CategoryMapping.objects.get(category="B1").answers == {"minor": "adult"}


@pytest.mark.parametrize("place", [
    "mappings/2024-05/nothing", "mappings/1999-01/cse", "mappings/2020-10/altercation", "mappings/2024-05/cse",
])  # fmt: skip
def test_no_mapping_without_class_version_and_category(two: tuple[Browser, Browser], lists: Listed, place: str) -> None:
    query = "" if place.endswith("2024-05/cse") else "?category=B1"
    assert two[0].get(f"{HOME}{place}{query}").status_code == 404


def test_a_class_that_a_version_lacks_is_said_at_once(two: tuple[Browser, Browser], lists: Listed) -> None:
    answer = two[0].send(f"{HOME}mappings/new", {"category": "B1", "class_id": "altercation", "version": "2020-10"})
    assert answer.status_code == 422


# --- entries ---------------------------------------------------------------------------------------


def test_an_entry_held_back_is_let_go_by_two(two: tuple[Browser, Browser], lists: Listed) -> None:
    one, other = two
    place = f"{LISTS}entries/{lists.held_back.pk}/let-go"
    assert str(lists.held_back.pk) in text(one, HOME)
    row = proposal_of(one.send(place, WHY))
    assert other.send(f"{LISTS}proposals/{row.pk}/agree").status_code == 302
    lists.held_back.refresh_from_db()
    assert lists.held_back.held_back_at is None


def test_an_entry_is_found_and_withdrawn(two: tuple[Browser, Browser], lists: Listed) -> None:
    one, _other = two
    row = ListEntry.objects.get(ref="S-2")
    assert str(row.pk) in text(one, f"{HOME}?entry=S-2")
    assert str(row.pk) in text(one, f"{HOME}?entry={row.pk}")
    assert "No entry of this list has that id" in text(one, f"{HOME}?entry=S-99")
    assert one.send(f"{LISTS}entries/{row.pk}/withdraw", {"reason": ""}).status_code == 422
    assert one.send(f"{LISTS}entries/{row.pk}/withdraw", WHY).status_code == 302
    row.refresh_from_db()
    assert row.retracted_because == "placeholder reason 1"
    decision = Decision.objects.get(decided_by__startswith="system:rule:")
    assert decision.appeals.get().because == f"entry:{row.pk}"
    page = text(one, HOME)
    assert "Withdrawn after they were hit" in page
    assert '<td data-label="Looked at again">1</td>' in page


# --- private surfaces ------------------------------------------------------------------------------


def test_a_surface_is_screened_once_two_people_recorded_its_basis(two: tuple[Browser, Browser], lists: Listed) -> None:
    one, other = two
    until = (timezone.now().date() + timedelta(days=200)).isoformat()
    asked = {"host": "memory", "name": "private_messages", "jurisdiction": "us", "basis": "placeholder law 5",
             "review_by": until, **WHY}  # fmt: skip
    row = proposal_of(one.send(f"{LISTS}surfaces/new", asked))
    assert screening.surface_allowed("memory", "private_messages", "US") is None
    assert "placeholder law 5" in text(other, f"{LISTS}proposals/{row.pk}/")
    assert other.send(f"{LISTS}proposals/{row.pk}/agree").status_code == 302
    assert screening.surface_allowed("memory", "private_messages", "US") is not None
    assert "placeholder law 5" in text(one, f"{LISTS}surfaces/")
    surface = Surface.objects.get(jurisdiction="US")
    assert one.send(f"{LISTS}surfaces/{surface.pk}/end", WHY).status_code == 302
    assert screening.surface_allowed("memory", "private_messages", "US") is None


@pytest.mark.parametrize(
    "wrong", [{"basis": ""}, {"review_by": "2000-01-01"}, {"host": "nobody"}, {"jurisdiction": "1"}]
)
def test_a_surface_without_basis_is_refused(two: tuple[Browser, Browser], lists: Listed, wrong: dict[str, str]) -> None:
    asked = {"host": "memory", "name": "private_messages", "jurisdiction": "US", "basis": "placeholder law 5",
             "review_by": "2099-01-01", **WHY}  # fmt: skip
    assert two[0].send(f"{LISTS}surfaces/new", {**asked, **wrong}).status_code == 422
    assert not Proposal.objects.filter(kind="surface").exists()


def test_a_task_comes_two_weeks_before_the_basis_ends(two: tuple[Browser, Browser], lists: Listed) -> None:
    one, other = two
    ends = timezone.now().date() + timedelta(days=30)
    row = automation.enable_surface(
        "memory", "private_messages", "FR", basis="placeholder law 6", because="x", actor=one.member.actor,
        review_by=ends,
    )  # fmt: skip
    automation.agree(row.pk, actor=other.member.actor)
    job = Job.objects.get(name="surface.review")
    assert job.not_before.date() == ends - timedelta(days=14)
    for _twice in range(2):
        automation.review(job.ids["surface"])
    task = Task.objects.get(kind="surface-basis-ends")
    assert task.role == "policy_owner"
    assert "/console/lists/surfaces/" in text(one, f"/console/tasks/{task.pk}/")
    screening.end_surface(job.ids["surface"], because="x", actor=one.member.actor)
    Task.objects.all().delete()
    automation.review(job.ids["surface"])
    assert not Task.objects.filter(kind="surface-basis-ends").exists(), "nobody is asked about what has ended"


# --- why a case came, and looking back -------------------------------------------------------------


def test_the_case_says_why_it_came(sign_in: SignIn, lists: Listed) -> None:
    reviewer = sign_in("reviewer")
    place = f"/console/cases/{lists.case.pk}/"
    assert "Why this came" not in text(reviewer, place), "shown to who holds it"
    reviewer.send(f"{place}take")
    page = text(reviewer, place)
    for told in ("Why this came", "source-1", "Source 1", "A1", "looks alike (PDQ)", "distance 18 of 256 bits"):
        assert told in page
    listed.withdraw(lists.entry)
    assert "the entry was withdrawn" in text(reviewer, place)


def test_a_case_of_a_report_says_nothing_of_lists(taken: Browser, case: Case) -> None:
    assert "Why this came" not in text(taken, f"/console/cases/{case.pk}/")


def test_a_case_left_to_a_person_says_why(sign_in: SignIn, lists: Listed) -> None:
    HitRecord.objects.filter(how="pdq").update(did="unseen")
    reviewer = sign_in("reviewer")
    reviewer.send(f"/console/cases/{lists.case.pk}/take")
    assert "Somebody works on the case." in text(reviewer, f"/console/cases/{lists.case.pk}/")


def test_looking_back_needs_a_look(sign_in: SignIn, lists: Listed) -> None:
    reviewer = sign_in("reviewer")
    place = f"/console/tasks/{lists.look_back.pk}/"
    assert "Look back" in text(reviewer, place)
    assert reviewer.send(place, {"outcome": "fine"}).status_code == 409, "no way around the look"
    back = f"{place}look-back"
    assert "Was the decision right?" in text(reviewer, back)
    assert reviewer.send(back, {"answer": "yes"}).status_code == 409
    decision = Decision.objects.get(decided_by__startswith="system:rule:")
    reviewer.send(f"/console/cases/{decision.subject.case_id}/take")
    item = decision.covers.get()
    assert reviewer.send(f"/console/items/{item.pk}/reveal").status_code in (200, 302)
    assert reviewer.send(back, {"reason": ""}).status_code == 422
    assert reviewer.send(back, {"answer": "no"}).status_code == 422, "why?"
    assert reviewer.send(back, {"answer": "yes"}).status_code == 302
    lists.look_back.refresh_from_db()
    assert lists.look_back.closed_by == reviewer.member.actor
    assert HitRecord.objects.get(how="sha256").agreed == "yes"


def test_a_policy_owner_follows_a_task_to_its_list(two: tuple[Browser, Browser], lists: Listed) -> None:
    from django.db import transaction

    from safehold.work import service as work

    rule = HitRule.objects.get(ended_at=None)
    for about, leads in (
        (f"hitrule:{rule.pk}", HOME),
        (f"listentry:{lists.entry.pk}", HOME),
        ("hashlist:source-1", HOME),
    ):
        with transaction.atomic():
            task = work.raise_task("automation-off", key=about, about=about, role="policy_owner")
        assert f'href="{leads}"' in text(two[0], f"/console/tasks/{task.pk}/")
    assert commands.retract_entry(lists.entry.pk, because="x", actor="staff:x") == []
