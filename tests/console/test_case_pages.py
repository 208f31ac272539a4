"""Queue, lease, case page and evidence: what the holder of a case sees, and what nobody else does."""

import io
from datetime import timedelta

import pytest
from django.utils import timezone
from PIL import Image

from safehold.audit.models import Entry
from safehold.cases.models import Case, CaseItem, Lease
from safehold.enforcement.models import Action
from safehold.evidence import service as evidence
from safehold.evidence.models import Look
from safehold.hosts import contract
from tests.console.conftest import Browser, SignIn
from tests.support import desk_world, memory_host
from tests.support.jobs import run_due

pytestmark = pytest.mark.django_db


def picture(case: Case) -> CaseItem:
    return case.items.get(item__external_id="picture-1")


def post(case: Case) -> CaseItem:
    return case.items.get(item__external_id="post-2")


def test_the_queue_shows_urgent_cases_first_and_hides_those_in_hand(
    world: memory_host.World, case: Case, sign_in: SignIn
) -> None:
    from tests.support import desk

    world.add_account("user-18")
    desk.report(account_name="user-18", urgent=True, number=2)
    browser = sign_in("reviewer")
    text = browser.get("/console/queue/").content.decode()
    urgent = Case.objects.get(priority=0)
    assert text.index(str(urgent)) < text.index(f">{case}<")
    browser.send(f"/console/cases/{urgent.pk}/take")
    page = browser.get("/console/queue/")
    assert urgent.pk not in [row.pk for row in page.context["page"]]
    assert [lease.case_id for lease in page.context["held"]] == [urgent.pk]


def test_an_empty_queue_says_so(sign_in: SignIn) -> None:
    assert "Nothing waits." in sign_in("reviewer").get("/console/queue/").content.decode()


def test_without_the_lease_nothing_of_the_contents_is_shown(case: Case, sign_in: SignIn) -> None:
    text = sign_in("reviewer").get(f"/console/cases/{case.pk}/").content.decode()
    assert "Take this case" in text
    for secret in ("placeholder message", "picture-1", "user-17", "/veiled"):
        assert secret not in text


def test_the_holder_sees_reports_items_and_persons_but_no_media(case: Case, taken: Browser) -> None:
    text = taken.get(f"/console/cases/{case.pk}/").content.decode()
    assert "placeholder message 3" in text, "the reporter's words, as alleged"
    assert "user-17" in text
    assert f"/console/evidence/{picture(case).pk}/veiled" in text
    assert "/original" not in text
    assert "placeholder message 2" not in text, "an item's own text is veiled too"
    assert not Look.objects.exclude(kind="veiled").exists()


def test_a_second_person_and_a_second_device_get_a_clear_409(case: Case, taken: Browser, sign_in: SignIn) -> None:
    other = sign_in("reviewer", name="reviewer-2")
    response = other.send(f"/console/cases/{case.pk}/take")
    assert response.status_code == 409
    assert "Somebody else works on this case" in response.content.decode()
    again = sign_in("reviewer")  # the same person, another browser
    response = again.send(f"/console/cases/{case.pk}/take")
    assert response.status_code == 409
    assert "another device" in response.content.decode()
    assert Lease.objects.get(case=case).holder == taken.member.actor
    for path in (
        f"evidence/{picture(case).pk}/veiled",
        f"items/{picture(case).pk}/reveal",
        f"evidence/{picture(case).pk}/original",
    ):
        assert other.get(f"/console/{path}").status_code == 409
        assert again.get(f"/console/{path}").status_code == 409
    assert other.send(f"/console/items/{picture(case).pk}/hide").status_code == 409
    assert again.send(f"/console/items/{picture(case).pk}/reveal").status_code == 409
    assert not Look.objects.exists()
    assert not Action.objects.exists()


def test_a_lease_that_ran_out_stops_every_act(case: Case, taken: Browser) -> None:
    Lease.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert taken.get(f"/console/evidence/{picture(case).pk}/veiled").status_code == 409
    response = taken.send(f"/console/items/{picture(case).pk}/hide")
    assert response.status_code == 409
    assert "You do not hold this case" in response.content.decode()
    assert not Action.objects.exists()


def test_renewing_and_giving_back(case: Case, taken: Browser) -> None:
    Lease.objects.update(until=timezone.now() + timedelta(minutes=1))
    fragment = taken.send(f"/console/cases/{case.pk}/take", headers={"HX-Request": "true"})
    assert fragment.status_code == 200
    assert b'id="lease"' in fragment.content
    assert Lease.objects.get().until > timezone.now() + timedelta(minutes=15)
    assert taken.send(f"/console/cases/{case.pk}/release").status_code == 302
    assert Lease.objects.get().until <= timezone.now()
    assert taken.send(f"/console/cases/{case.pk}/release").status_code == 409


def test_a_part_of_a_page_that_is_refused_renews_the_whole_page(case: Case, taken: Browser, sign_in: SignIn) -> None:
    other = sign_in("reviewer", name="reviewer-2")
    refused = other.send(f"/console/cases/{case.pk}/take", headers={"HX-Request": "true"})
    assert (refused.status_code, refused["HX-Refresh"]) == (409, "true")
    stranger = Browser().get(f"/console/cases/{case.pk}/record", headers={"HX-Request": "true"})
    assert stranger.status_code == 401
    assert stranger["HX-Redirect"].startswith("/console/account/login/")


def test_the_veiled_picture_is_small_grey_and_never_kept(case: Case, taken: Browser) -> None:
    response = taken.get(f"/console/evidence/{picture(case).pk}/veiled")
    assert response.status_code == 200
    assert response["Content-Type"] == "image/png"
    assert response["Cache-Control"] == "no-store, private"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "sandbox" in response["Content-Security-Policy"]
    assert response.content != desk_world.gradient(64, 48)
    assert Look.objects.get().kind == "veiled"


def test_a_text_has_no_veiled_picture(case: Case, taken: Browser) -> None:
    assert taken.get(f"/console/evidence/{post(case).pk}/veiled").status_code == 404


def test_hiding_is_one_post_and_done_when_the_host_says_so(
    case: Case, taken: Browser, world: memory_host.World
) -> None:
    assert taken.send(f"/console/items/{picture(case).pk}/hide").status_code == 302
    run_due()
    assert world.items["picture-1"].status == "hidden"
    assert Action.objects.get().state == "confirmed"
    assert "Bring back" in taken.get(f"/console/cases/{case.pk}/").content.decode()
    taken.send(f"/console/items/{picture(case).pk}/unhide")
    run_due()
    assert world.items["picture-1"].status == "visible"


def test_the_original_is_given_only_after_a_recorded_reveal(case: Case, taken: Browser) -> None:
    item = picture(case)
    assert taken.get(f"/console/evidence/{item.pk}/original").status_code == 403
    assert taken.get(f"/console/items/{item.pk}/revealed").status_code == 302
    asked = taken.get(f"/console/items/{item.pk}/reveal")
    assert asked.status_code == 200
    assert not Look.objects.exists(), "asking shows and records nothing"
    assert taken.send(f"/console/items/{item.pk}/reveal")["Location"].endswith(f"/items/{item.pk}/revealed")
    assert Look.objects.get().kind == "whole"
    shown = taken.get(f"/console/items/{item.pk}/revealed")
    assert f"/console/evidence/{item.pk}/original" in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    response = taken.get(f"/console/evidence/{item.pk}/original")
    with Image.open(io.BytesIO(response.content)) as shown_picture:  # the picture, with the viewer's mark over it
        assert shown_picture.size == (64, 48)
    assert response.content != desk_world.gradient(64, 48)
    assert response["Content-Type"] == "image/png"
    assert response["Content-Disposition"] == "inline"
    assert response["Cache-Control"] == "no-store, private"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert Entry.objects.filter(act="evidence.looked", actor=taken.member.actor).count() >= 2


def test_a_reveal_in_one_session_opens_nothing_in_another(case: Case, taken: Browser, sign_in: SignIn) -> None:
    item = picture(case)
    taken.send(f"/console/items/{item.pk}/reveal")
    taken.send(f"/console/cases/{case.pk}/release")
    other = sign_in("reviewer", name="reviewer-2")
    other.send(f"/console/cases/{case.pk}/take")
    assert other.get(f"/console/evidence/{item.pk}/original").status_code == 403
    assert taken.get(f"/console/evidence/{item.pk}/original").status_code == 409


def test_covering_ends_the_look_and_nothing_is_given_again(case: Case, taken: Browser) -> None:
    item = picture(case)
    taken.send(f"/console/items/{item.pk}/reveal")
    assert taken.get(f"/console/evidence/{item.pk}/original").status_code == 200
    answer = taken.send(f"/console/items/{item.pk}/cover")
    assert answer["Location"].endswith(f"/console/cases/{case.pk}/#item-{item.pk}")
    assert Look.objects.get(kind="whole").ended_at is not None
    assert taken.get(f"/console/evidence/{item.pk}/original").status_code == 403
    assert Entry.objects.filter(act="evidence.look_ended", actor=taken.member.actor).exists()


def test_a_text_is_shown_only_after_its_reveal(case: Case, taken: Browser) -> None:
    item = post(case)
    taken.send(f"/console/items/{item.pk}/reveal")
    assert "placeholder message 2" in taken.get(f"/console/items/{item.pk}/revealed").content.decode()
    assert taken.get(f"/console/evidence/{item.pk}/original").status_code == 415


def talked(world: memory_host.World, sign_in: SignIn) -> tuple[CaseItem, Browser]:
    """A text that stands among others, and a browser that holds its case."""
    from tests.support import desk

    use = contract.AddressUse(ip="192.0.2.17", event="Login", at=memory_host.POSTED)
    world.add_item("post-6", "user-17", text="placeholder message 6", public=True)
    other = contract.ContextMessage(id="post-7", at=memory_host.POSTED, sender="user-18", text="placeholder <b>7</b>")
    world.add_thread(
        "post-6", other, addresses=(use,), devices=(contract.DeviceUse(type="IMEI", value="placeholder-1"),)
    )
    desk.report(locators=("https://memory.test/post-6",), number=10)
    case = Case.objects.get()
    browser = sign_in("reviewer")
    browser.send(f"/console/cases/{case.pk}/take")
    return case.items.get(), browser


def test_what_stood_around_is_shown_only_after_its_own_reveal(world: memory_host.World, sign_in: SignIn) -> None:
    item, browser = talked(world, sign_in)
    page = browser.get(f"/console/cases/{item.case_id}/").content.decode()
    assert f"/console/items/{item.pk}/context" in page
    for secret in ("placeholder message 6", "placeholder &lt;b&gt;7", "192.0.2.17", "post-7"):
        assert secret not in page
    browser.send(f"/console/items/{item.pk}/reveal")
    assert browser.get(f"/console/items/{item.pk}/context/revealed").status_code == 302, "the item's reveal is not its"
    asked = browser.get(f"/console/items/{item.pk}/context")
    assert "Reveal what stood around this item?" in asked.content.decode()
    assert not evidence.viewed_whole(item.thread_id, before=timezone.now())
    assert browser.send(f"/console/items/{item.pk}/context")["Location"].endswith(f"/items/{item.pk}/context/revealed")
    assert Look.objects.filter(kind="whole", sealed=item.thread_id).count() == 1
    shown = browser.get(f"/console/items/{item.pk}/context/revealed")
    text = shown.content.decode()
    for told in ("placeholder message 6", "placeholder &lt;b&gt;7&lt;/b&gt;", "192.0.2.17", "IMEI placeholder-1"):
        assert told in text
    assert "no-store" in shown["Cache-Control"]
    assert evidence.viewed_whole(item.thread_id, before=timezone.now())
    browser.send(f"/console/items/{item.pk}/cover")
    assert browser.get(f"/console/items/{item.pk}/context/revealed").status_code == 302
    assert Look.objects.get(kind="whole", sealed=item.thread_id).ended_at is not None


def test_what_stood_around_is_the_leases_too(world: memory_host.World, sign_in: SignIn) -> None:
    item, browser = talked(world, sign_in)
    other = sign_in("reviewer", name="reviewer-2")
    for path in (f"/console/items/{item.pk}/context", f"/console/items/{item.pk}/context/revealed"):
        assert other.get(path).status_code == 409
    assert other.send(f"/console/items/{item.pk}/context").status_code == 409
    browser.send(f"/console/cases/{item.case_id}/release")
    assert browser.send(f"/console/items/{item.pk}/context").status_code == 409
    assert not Look.objects.filter(kind="whole").exists()


def test_an_item_without_anything_around_says_why(case: Case, taken: Browser) -> None:
    page = taken.get(f"/console/cases/{case.pk}/").content.decode()
    assert "private: only a participant or the host can bring it in" in page
    assert "Reveal what stood around it" not in page
    assert taken.get(f"/console/items/{post(case).pk}/context").status_code == 302
    assert taken.send(f"/console/items/{post(case).pk}/context").status_code == 302
    assert not Look.objects.filter(kind="whole").exists()


def test_what_a_browser_could_run_is_never_given_to_it(world: memory_host.World, sign_in: SignIn) -> None:
    from tests.support import desk

    world.add_item(
        "drawing-3", "user-17", body=b"<svg xmlns='http://www.w3.org/2000/svg'/>", media_type="image/svg+xml"
    )
    desk.report(locators=("https://memory.test/drawing-3",), number=7)
    case = Case.objects.get()
    item = case.items.get()
    browser = sign_in("reviewer")
    browser.send(f"/console/cases/{case.pk}/take")
    browser.send(f"/console/items/{item.pk}/reveal")
    assert "is not given to a browser" in browser.get(f"/console/items/{item.pk}/revealed").content.decode()
    assert browser.get(f"/console/evidence/{item.pk}/original").status_code == 415
    assert not evidence.viewed_whole(item.body_id, before=timezone.now()), "what nobody was shown, nobody viewed"


def test_a_picture_that_cannot_be_rendered_was_viewed_by_nobody(world: memory_host.World, sign_in: SignIn) -> None:
    from tests.support import desk

    world.add_item("picture-5", "user-17", body=b"bytes of a test", media_type="image/png", file_name="picture-5.png")
    desk.report(locators=("https://memory.test/picture-5",), number=9)
    case = Case.objects.get()
    item = case.items.get()
    browser = sign_in("reviewer")
    browser.send(f"/console/cases/{case.pk}/take")
    browser.send(f"/console/items/{item.pk}/reveal")
    assert browser.get(f"/console/evidence/{item.pk}/original").status_code == 415
    assert not evidence.viewed_whole(item.body_id, before=timezone.now())


def test_a_film_is_streamed_muted_and_waits_for_its_button(world: memory_host.World, sign_in: SignIn) -> None:
    from tests.support import desk

    world.add_item("film-4", "user-17", body=b"noise of a test", media_type="video/mp4", file_name="film-4.mp4")
    desk.report(locators=("https://memory.test/film-4",), number=8)
    case = Case.objects.get()
    item = case.items.get()
    browser = sign_in("reviewer")
    browser.send(f"/console/cases/{case.pk}/take")
    assert "<video" not in browser.get(f"/console/cases/{case.pk}/").content.decode()
    browser.send(f"/console/items/{item.pk}/reveal")
    page = browser.get(f"/console/items/{item.pk}/revealed")
    assert "media-src 'self'" in page["Content-Security-Policy"]
    text = page.content.decode()
    assert "muted" in text
    assert 'preload="none"' in text
    assert "autoplay" not in text
    response = browser.get(f"/console/evidence/{item.pk}/original")
    assert b"".join(response.streaming_content) == b"noise of a test"


def test_an_unknown_case_or_item_is_a_404(sign_in: SignIn) -> None:
    browser = sign_in("reviewer")
    unknown = "00000000-0000-4000-8000-000000000000"
    assert browser.get(f"/console/cases/{unknown}/").status_code == 404
    assert browser.send(f"/console/items/{unknown}/hide").status_code == 404
    assert browser.get(f"/console/evidence/{unknown}/original").status_code == 404


def test_a_role_can_be_set_by_the_holder_alone(case: Case, taken: Browser, sign_in: SignIn) -> None:
    subject = case.subjects.get()
    assert (
        sign_in("reviewer", name="reviewer-2")
        .send(f"/console/subjects/{subject.pk}/role", {"role": "viewer"})
        .status_code
        == 409
    )
    taken.send(f"/console/subjects/{subject.pk}/role", {"role": "nonsense"})
    subject.refresh_from_db()
    assert subject.role == "uploader"
    taken.send(f"/console/subjects/{subject.pk}/role", {"role": "apparent_victim"})
    subject.refresh_from_db()
    assert subject.role == "apparent_victim"
