"""The pages of removal requests: the queue by time left, the check, the ways they end, objections; no media shown."""

from datetime import timedelta

import pytest
from django.utils import timezone

from safehold.audit.models import Entry, FailedAttempt
from safehold.enforcement.models import Action
from safehold.intake.models import Report
from safehold.notices import service as notices
from safehold.notices.models import Letter
from safehold.path import removal_clock
from safehold.path import removals as commands
from safehold.removals.models import ELEMENTS, Removal, RemovalObjection
from safehold.work.models import Task
from tests.console.conftest import Browser, SignIn
from tests.support import memory_host, removing
from tests.support.jobs import run_due

pytestmark = pytest.mark.django_db
PLACE = ("https://memory.test/picture-1",)
CHECKED = {"checked": list(ELEMENTS)}


def text(browser: Browser, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, path
    return answer.content.decode()


@pytest.fixture
def reviewer(sign_in: SignIn) -> Browser:
    return sign_in("reviewer")


@pytest.fixture
def row(world: memory_host.World) -> Removal:
    return removing.receive(links=PLACE)


def test_from_the_queue_to_removed(row: Removal, world: memory_host.World, reviewer: Browser) -> None:
    place = f"/console/removals/{row.pk}"
    assert f"{place}/" in text(reviewer, "/console/removals/")
    page = text(reviewer, f"{place}/")
    assert "placeholder statement 2" not in page, "what was written is opened by an act of its own"
    assert "user-40" not in page
    assert "<img" not in page, "no media"
    assert "/evidence/" not in page
    opened = reviewer.send(f"{place}/words").content.decode()
    for words in ("placeholder statement 2", "placeholder description 1", "User 40", "user-40@mail.example"):
        assert words in opened
    assert Entry.objects.filter(act="removal_words.viewed", actor=reviewer.member.actor).count() == 1
    for part in ELEMENTS:
        assert f'value="{part}"' in opened
        few = {"checked": [one for one in ELEMENTS if one != part]}
        assert reviewer.send(f"{place}/valid", few).status_code == 302
        row.refresh_from_db()
        assert row.state == "received", f"valid without {part}"
    assert reviewer.send(f"{place}/valid", CHECKED).status_code == 302
    run_due()
    row.refresh_from_db()
    assert (row.state, row.checked_by) == ("removed", reviewer.member.actor)
    assert world.items["picture-1"].status == "hidden"
    assert "restore_item" in text(reviewer, f"{place}/")
    assert reviewer.send(f"{place}/valid", CHECKED).status_code == 409


def test_the_queue_shows_the_least_time_first(world: memory_host.World, reviewer: Browser) -> None:
    rows = [removing.receive(number, links=PLACE) for number in (1, 2, 3)]
    for row, hours in zip(rows, (30, -1, 2), strict=True):
        Removal.objects.filter(pk=row.pk).update(deadline=timezone.now() + timedelta(hours=hours))
    page = text(reviewer, "/console/removals/")
    places = [page.index(f"/console/removals/{rows[number].pk}/") for number in (1, 2, 0)]
    assert places == sorted(places)
    assert "overdue" in page
    assert "Overdue since" in text(reviewer, f"/console/removals/{rows[1].pk}/")
    home = text(reviewer, "/console/")
    assert "3 requests wait" in home
    assert "2 have less than a day" in home
    removal_clock.alarm()
    task = Task.objects.filter(kind="removal-clock", role="reviewer").first()
    assert task is None, "4 hours and overdue are a senior's"
    task = Task.objects.filter(kind="removal-clock").first()
    assert task is not None


def test_a_task_leads_to_the_page(row: Removal, sign_in: SignIn) -> None:
    Removal.objects.filter(pk=row.pk).update(deadline=timezone.now())
    removal_clock.alarm()
    task = Task.objects.get(kind="removal-clock")
    assert f"/console/removals/{row.pk}/" in text(sign_in("senior"), f"/console/tasks/{task.pk}/")


def test_asked_refused_linked_and_restored(row: Removal, world: memory_host.World, reviewer: Browser) -> None:
    place = f"/console/removals/{row.pk}"
    assert reviewer.send(f"{place}/ask", {"answer": "x"}).status_code == 422
    assert reviewer.send(f"{place}/ask", {"missing": ["statement"], "answer": "placeholder 1"}).status_code == 302
    assert "a statement in good faith" in text(reviewer, f"{place}/")
    assert reviewer.send(f"{place}/refuse", {"reason": "consent", "answer": ""}).status_code == 422
    assert reviewer.send(f"{place}/refuse", {"reason": "consent", "answer": "placeholder 2"}).status_code == 302
    assert "it was published with consent" in text(reviewer, f"{place}/")
    other = removing.receive(2, links=(), place="placeholder place 1")
    place = f"/console/removals/{other.pk}"
    assert reviewer.send(f"{place}/link", {"link": "https://elsewhere.example/x"}).status_code == 422
    assert reviewer.send(f"{place}/link", {"link": "https://memory.test/post-2"}).status_code == 302
    run_due()
    reviewer.send(f"{place}/valid", CHECKED)
    run_due()
    assert world.items["post-2"].status == "hidden"
    assert reviewer.send(f"{place}/restore", {"reason": ""}).status_code == 422
    assert reviewer.send(f"{place}/restore", {"reason": "placeholder reason 1"}).status_code == 302
    run_due()
    assert world.items["post-2"].status == "visible"
    assert "placeholder reason 1" in text(reviewer, f"{place}/")


def test_routed_with_one_key(row: Removal, reviewer: Browser) -> None:
    place = f"/console/removals/{row.pk}"
    assert 'data-key="m"' in text(reviewer, f"{place}/")
    assert reviewer.send(f"{place}/route").status_code == 302
    run_due()
    case = Report.objects.get().cases.get()
    page = text(reviewer, f"{place}/")
    assert f"/console/cases/{case.pk}/record" in page
    assert 'data-key="m"' not in page
    assert reviewer.send(f"{place}/route").status_code == 302
    assert Report.objects.count() == 1


def test_an_objection_is_answered_by_another(row: Removal, world: memory_host.World, sign_in: SignIn) -> None:
    finder, other, reviewer = sign_in("senior"), sign_in("senior", name="senior-2"), sign_in("reviewer")
    finder.send(f"/console/removals/{row.pk}/valid", CHECKED)
    run_due()
    token = notices.letter_token(Letter.objects.get(kind="removal_holder"))
    objection = commands.object_to(token, text="placeholder message 4", language="en")
    place = f"/console/removals/objections/{objection.pk}/"
    assert place in text(other, "/console/removals/")
    assert place not in text(reviewer, "/console/removals/")
    text(reviewer, place, 403)
    answer = {"outcome": "grant", "reason": "placeholder reason 1"}
    assert finder.send(place, answer).status_code == 403
    assert FailedAttempt.objects.filter(act="objection.answer").count() == 1
    assert "placeholder message 4" in text(other, place)
    assert other.send(place, {**answer, "reason": ""}).status_code == 422
    assert other.send(place, answer).status_code == 302
    assert RemovalObjection.objects.get().state == "granted"
    assert other.send(place, answer).status_code == 409
    run_due()
    assert world.items["picture-1"].status == "visible"
    assert "placeholder reason 1" in text(other, place)


def test_a_failed_order_is_tried_again_from_the_page(row: Removal, world: memory_host.World, reviewer: Browser) -> None:
    from tests.support import stage

    world.deaf = {"hide_item"}
    reviewer.send(f"/console/removals/{row.pk}/valid", CHECKED)
    run_due()
    stage.give_up()
    action = Action.objects.get()
    assert f"/console/actions/{action.pk}/retry" in text(reviewer, f"/console/removals/{row.pk}/")
    world.deaf = set()
    answer = reviewer.send(f"/console/actions/{action.pk}/retry")
    assert answer["Location"] == f"/console/removals/{row.pk}/"
    run_due()
    row.refresh_from_db()
    assert row.state == "removed"


@pytest.mark.parametrize("role", ["custodian", "auditor", "administrator", "policy_owner"])
def test_who_does_not_come_in(row: Removal, sign_in: SignIn, role: str) -> None:
    browser = sign_in(role)
    for path in ("/console/removals/", f"/console/removals/{row.pk}/"):
        text(browser, path, 403)
    for verb in ("words", "valid", "route", "ask", "refuse", "link", "restore"):
        assert browser.send(f"/console/removals/{row.pk}/{verb}", CHECKED).status_code == 403
    row.refresh_from_db()
    assert (row.state, row.report) == ("received", None)
    assert not Entry.objects.filter(act="removal_words.viewed").exists()
