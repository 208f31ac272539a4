"""The evidence custodians' pages: holds, grants, two people, hand-over, what staff were shown, looking by grant."""

from datetime import timedelta
from typing import Any

import msgspec
import pyrage
import pytest
from django.utils import timezone

from safehold.audit.models import Entry
from safehold.cases.models import Case, Decision
from safehold.evidence import packages
from safehold.evidence import service as evidence
from safehold.evidence.models import Certificate, Grant, Hold, Look, Request, Sealed
from safehold.path import custody
from tests.console.conftest import Browser, SignIn
from tests.support import desk

pytestmark = pytest.mark.django_db

PAPER = {"authority": "Police of X", "document": "process:7", "verified": "called back", "reason": "placeholder reason"}
FAR = "2099-12-31"


@pytest.fixture
def two(sign_in: SignIn) -> tuple[Browser, Browser]:
    return sign_in("custodian"), sign_in("custodian", name="custodian-2")


@pytest.fixture
def cleared(case: Case, sign_in: SignIn) -> Case:
    """A case without violation: nothing of it is owed to anybody but its appeal window."""
    desk.decide(case, desk.CLEARED, actor=sign_in("reviewer").member.actor)
    return case


@pytest.fixture
def hold(case: Case) -> Hold:
    until = timezone.now() + timedelta(days=365)
    return evidence.place_hold(
        custody.sealed_of(case), until=until, basis="18 USC 2258A(h)(1)", ref="filing:1", actor="system:worker"
    )


def text(browser: Browser, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, path
    return answer.content.decode()


def request_of(answer: Any) -> Request:
    """Where a form that was taken leads: to the request that now waits."""
    assert answer.status_code == 302, answer.content.decode()
    row = Request.objects.order_by("-asked_at")[0]
    assert answer["Location"].endswith(f"/console/custody/requests/{row.pk}/")
    return row


def test_a_hold_is_listed_extended_and_never_shortened(two: tuple[Browser, Browser], hold: Hold) -> None:
    one, _other = two
    assert "filing:1" in text(one, "/console/custody/")
    address = f"/console/custody/holds/{hold.pk}/"
    assert "18 USC 2258A(h)(1)" in text(one, address)
    assert one.send(f"{address}extend", {"until": FAR, "reason": "legal process 7"}).status_code == 302
    hold.refresh_from_db()
    assert hold.until.year == 2099
    for wrong in (
        {"until": FAR, "reason": ""},
        {"until": "2000-01-01", "reason": "x"},
        {"until": "2098-01-01", "reason": "x"},
    ):
        answer = one.send(f"{address}extend", wrong)
        assert answer.status_code == 422
        assert 'class="error"' in answer.content.decode() or "cannot end earlier" in answer.content.decode()
    hold.refresh_from_db()
    assert hold.until.year == 2099


def test_a_legal_hold_is_placed_from_the_case(two: tuple[Browser, Browser], case: Case) -> None:
    one, _other = two
    page = text(one, f"/console/custody/cases/{case.pk}/")
    assert "placeholder" not in page, "no content is shown to custodians"
    form = {"authority": "Court Y", "document": "process:8", "until": FAR}
    assert one.send(f"/console/custody/cases/{case.pk}/legal-hold", form).status_code == 302
    placed = Hold.objects.get()
    assert (placed.kind, placed.authority, placed.items.count()) == ("legal", "Court Y", Sealed.objects.count())
    page = text(one, f"/console/custody/holds/{placed.pk}/")
    assert "Court Y" in page
    assert f"/console/custody/cases/{case.pk}/" in page, "a hold leads back to the case that it keeps"


def test_a_hold_ends_early_when_the_second_custodian_agrees(two: tuple[Browser, Browser], hold: Hold) -> None:
    one, other = two
    row = request_of(one.send(f"/console/custody/holds/{hold.pk}/end", PAPER))
    page = f"/console/custody/requests/{row.pk}/"
    assert "Agree, on record" not in text(one, page)
    assert one.send(f"{page}approve").status_code == 403
    hold.refresh_from_db()
    assert hold.state == "in_force"
    assert "Agree, on record" in text(other, page)
    assert "Waits for a second custodian" in text(other, "/console/custody/")
    assert other.send(f"{page}approve").status_code == 302
    hold.refresh_from_db()
    assert hold.state == "ended"
    assert other.send(f"{page}approve").status_code == 409
    assert "Agree, on record" not in text(other, page)


def test_a_destruction_needs_two_and_leaves_certificates(
    two: tuple[Browser, Browser], cleared: Case, django_capture_on_commit_callbacks: Any
) -> None:
    one, other = two
    for missing in ("authority", "document", "verified", "reason"):
        answer = one.send(f"/console/custody/cases/{cleared.pk}/destroy", {**PAPER, missing: ""})
        assert answer.status_code == 422
    assert not Request.objects.exists()
    row = request_of(one.send(f"/console/custody/cases/{cleared.pk}/destroy", PAPER))
    assert not Certificate.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        assert other.send(f"/console/custody/requests/{row.pk}/approve").status_code == 302
    assert Certificate.objects.count() == Sealed.objects.count() > 0
    page = text(one, "/console/custody/")
    assert "Police of X: process:7" in page
    assert "all of it is destroyed" in text(one, f"/console/custody/cases/{cleared.pk}/")


def test_nothing_of_an_unsettled_case_is_destroyed(two: tuple[Browser, Browser], held: Decision) -> None:
    one, _other = two
    case = Case.objects.get()
    answer = one.send(f"/console/custody/cases/{case.pk}/destroy", PAPER)
    assert answer.status_code == 409
    assert "still needs its evidence" in answer.content.decode()
    assert not Request.objects.exists()


def test_refused_and_withdrawn_with_a_reason(two: tuple[Browser, Browser], hold: Hold) -> None:
    one, other = two
    for browser, verb, wrong in ((other, "refuse", one), (one, "withdraw", other)):
        row = request_of(one.send(f"/console/custody/holds/{hold.pk}/end", PAPER))
        address = f"/console/custody/requests/{row.pk}/{verb}"
        assert browser.send(address, {"reason": ""}).status_code == 422
        assert wrong.send(address, {"reason": "x"}).status_code in (403, 409)
        assert browser.send(address, {"reason": "not verified"}).status_code == 302
        row.refresh_from_db()
        assert row.settled_because == "not verified"
    hold.refresh_from_db()
    assert hold.state == "in_force"


def test_a_package_is_handed_over(two: tuple[Browser, Browser], case: Case, tmp_path: Any) -> None:
    one, other = two
    authority = pyrage.x25519.Identity.generate()
    address = f"/console/custody/cases/{case.pk}/hand-over"
    assert one.send(address, {**PAPER, "recipient": "age1nonsense"}).status_code == 422
    row = request_of(one.send(address, {**PAPER, "recipient": str(authority.to_public())}))
    page = f"/console/custody/requests/{row.pk}/"
    assert one.get(f"{page}package").status_code == 302, "nothing to take yet"
    other.send(f"{page}approve")
    assert "is being made" in text(one, page)
    custody.hand_over(str(row.pk))
    assert "Take the package" in text(one, page)
    answer = one.get(f"{page}package")
    body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert answer["Cache-Control"] == "no-store, private"
    assert answer["Content-Disposition"].startswith("attachment")
    (tmp_path / "package.age").write_bytes(body)
    assert not packages.verify(tmp_path / "package.age", str(authority)).problems
    assert Entry.objects.filter(act="evidence.handed_over", actor=one.member.actor).count() == 1


# --- looking by grant ---


def grant(custodian: Browser, case: Case, viewer: Browser, **more: Any) -> Any:
    form = {"member": viewer.member.actor, "hours": "4", "reason": "training 7", **more}
    return custodian.send(f"/console/custody/cases/{case.pk}/grant", form)


def test_a_member_looks_by_grant_without_a_lease(
    two: tuple[Browser, Browser], case: Case, sign_in: SignIn
) -> None:  # fmt: skip
    viewer = sign_in("senior", name="senior-2")
    item = case.items.get(item__external_id="picture-1")
    pages = (f"/console/items/{item.pk}/reveal", f"/console/evidence/{item.pk}/veiled")
    assert [viewer.get(page).status_code for page in pages] == [409, 409]
    assert "No custodian lets you look" in text(viewer, "/console/granted/")
    assert grant(two[0], case, viewer).status_code == 302
    assert [viewer.get(page).status_code for page in pages] == [200, 200]
    assert "picture-1" in text(viewer, "/console/granted/")
    viewer.send(f"/console/items/{item.pk}/reveal")
    assert viewer.get(f"/console/evidence/{item.pk}/original").status_code == 200
    assert viewer.send(f"/console/items/{item.pk}/cover")["Location"] == "/console/granted/"
    assert {look.grant_id for look in Look.objects.filter(actor=viewer.member.actor)} == {Grant.objects.get().pk}
    assert viewer.get(f"/console/cases/{case.pk}/").status_code == 200, "the case itself is not opened by it"
    two[1].send(f"/console/custody/grants/{Grant.objects.get().pk}/end")
    assert [viewer.get(page).status_code for page in pages] == [409, 409]


def test_only_those_whose_role_sees_evidence_can_be_let_look(
    two: tuple[Browser, Browser], case: Case, sign_in: SignIn
) -> None:  # fmt: skip
    for role in ("auditor", "administrator", "custodian", "policy_owner"):
        viewer = sign_in(role, name=f"{role}-9")
        assert grant(two[0], case, viewer).status_code == 422, role
    assert grant(two[0], case, two[0]).status_code == 422
    for wrong in ({"hours": "0"}, {"hours": "200"}, {"reason": ""}):
        assert grant(two[0], case, sign_in("reviewer", name="reviewer-9"), **wrong).status_code == 422
    assert not Grant.objects.exists()


def test_a_grant_does_not_give_the_right_to_look(
    two: tuple[Browser, Browser], case: Case, sign_in: SignIn
) -> None:  # fmt: skip
    """Whoever loses the role loses the look, whatever a grant says."""
    viewer = sign_in("senior", name="senior-2")
    grant(two[0], case, viewer)
    viewer.member.roles = ["policy_owner"]
    viewer.member.save()
    item = case.items.get(item__external_id="picture-1")
    assert viewer.get(f"/console/evidence/{item.pk}/veiled").status_code == 403


def test_where_two_must_agree_a_grant_waits(
    two: tuple[Browser, Browser], case: Case, sign_in: SignIn, settings: Any
) -> None:  # fmt: skip
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, two_people_look=True)
    viewer = sign_in("reviewer", name="reviewer-9")
    row = request_of(grant(two[0], case, viewer))
    assert not Grant.objects.exists()
    assert two[0].send(f"/console/custody/requests/{row.pk}/approve").status_code == 403
    assert two[1].send(f"/console/custody/requests/{row.pk}/approve").status_code == 302
    assert Grant.objects.get().approved_by == two[1].member.actor


# --- what staff were shown ---


def test_exposure_is_shown_to_custodians_and_to_oneself(
    taken: Browser, case: Case, two: tuple[Browser, Browser]
) -> None:
    item = case.items.get(item__external_id="picture-1")
    assert "Nobody was shown anything" in text(two[0], "/console/custody/exposure/")
    taken.send(f"/console/items/{item.pk}/reveal")
    taken.get(f"/console/evidence/{item.pk}/original")
    taken.send(f"/console/items/{item.pk}/cover")
    page = text(two[0], "/console/custody/exposure/")
    assert "reviewer" in page
    assert "<td>1</td>" in page
    assert "1 file unblurred" in text(taken, "/console/")
    assert taken.get("/console/custody/exposure/").status_code == 403


@pytest.mark.parametrize("lang", ["zh-hans", "ar"])
def test_the_pages_stand_in_every_language(
    lang: str, two: tuple[Browser, Browser], case: Case, hold: Hold
) -> None:  # fmt: skip
    one, _other = two
    direction = "rtl" if lang == "ar" else "ltr"
    one.get(f"/language/{lang}?next=/console/")
    row = request_of(one.send(f"/console/custody/holds/{hold.pk}/end", PAPER))
    case_pages = [f"cases/{case.pk}/{page}" for page in ("", "legal-hold", "grant", "destroy", "hand-over")]
    pages = ["", "exposure/", *case_pages, f"holds/{hold.pk}/", f"holds/{hold.pk}/extend", f"requests/{row.pk}/"]
    for page in pages:
        words = text(one, f"/console/custody/{page}")
        assert f'lang="{lang}" dir="{direction}"' in words, page
        assert "Evidence" not in words.replace("Evidence of", ""), page
