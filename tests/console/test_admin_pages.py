"""Members of staff, hosts and keys: an administrator's acts, and what they must never do."""

import re

import pytest
from allauth.mfa.models import Authenticator

from safehold.audit.models import Detail, Entry
from safehold.hosts import keys
from safehold.hosts.models import HostKey
from safehold.staff import service as staff
from safehold.staff.models import Member
from safehold.subjects.models import Host
from tests.console.conftest import Browser, SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(sign_in: SignIn) -> Browser:
    return sign_in("administrator")


def secret_in(page: str) -> str:
    found = re.search(r"data-secret>([^<]+)<", page)
    assert found
    return found[1]


def test_a_new_member_gets_a_random_password_shown_once(admin: Browser) -> None:
    page = admin.send("/console/staff/new", {"username": "berta", "name": "Berta", "roles": ["reviewer", "custodian"]})
    member = Member.objects.get(username="berta")
    password = secret_in(page.content.decode())
    assert member.check_password(password)
    assert len(password) >= 20
    assert member.roles == ["custodian", "reviewer"]
    assert password not in admin.get(f"/console/staff/{member.pk}/").content.decode()
    entry = Entry.objects.get(act="staff.created")
    assert entry.actor == admin.member.actor
    assert password not in str(Detail.objects.get(entry=entry).body)


@pytest.mark.parametrize(
    "given",
    [
        {"username": "berta"},
        {"username": "B E", "roles": ["reviewer"]},
        {"username": "administrator", "roles": ["reviewer"]},
        {"username": "berta", "roles": ["king"]},
    ],
)
def test_a_member_that_cannot_be_is_not_made(given: dict[str, object], admin: Browser) -> None:
    before = Member.objects.count()
    assert admin.send("/console/staff/new", given).status_code == 422
    assert Member.objects.count() == before


def test_roles_are_set_and_recorded(admin: Browser, sign_in: SignIn) -> None:
    member = sign_in("reviewer").member
    admin.send(f"/console/staff/{member.pk}/roles", {"roles": ["senior"]})
    member.refresh_from_db()
    assert member.roles == ["senior"]
    assert Entry.objects.get(act="staff.roles_set").actor == admin.member.actor
    admin.send(f"/console/staff/{member.pk}/roles", {})
    member.refresh_from_db()
    assert member.roles == ["senior"], "no role at all is refused"


def test_the_last_administrator_stays(admin: Browser) -> None:
    own = admin.member
    page = admin.send(f"/console/staff/{own.pk}/roles", {"roles": ["reviewer"]}, follow=True).content.decode()
    assert "last administrator" in page
    admin.send(f"/console/staff/{own.pk}/deactivate", {"reason": "placeholder"})
    own.refresh_from_db()
    assert own.is_active
    assert own.roles == ["administrator"]


def test_deactivating_needs_a_reason_and_ends_access(admin: Browser, sign_in: SignIn) -> None:
    reviewer = sign_in("reviewer")
    admin.send(f"/console/staff/{reviewer.member.pk}/deactivate", {"reason": ""})
    assert reviewer.get("/console/").status_code == 200
    admin.send(f"/console/staff/{reviewer.member.pk}/deactivate", {"reason": "left the desk"})
    assert reviewer.get("/console/").status_code == 302
    admin.send(f"/console/staff/{reviewer.member.pk}/activate")
    assert reviewer.get("/console/").status_code == 200


def test_a_new_password_ends_open_sessions(admin: Browser) -> None:
    member, password = staff.create_member("carla", ["reviewer"], actor="system:test")
    browser = Browser()
    browser.send("/console/account/login/", {"login": "carla", "password": password})
    assert browser.get("/console/").status_code == 200
    new = secret_in(admin.send(f"/console/staff/{member.pk}/password").content.decode())
    member.refresh_from_db()
    assert member.check_password(new)
    assert browser.get("/console/").status_code == 302


def test_lost_second_factors_are_removed(admin: Browser, sign_in: SignIn) -> None:
    member = sign_in("reviewer").member
    Authenticator.objects.create(user=member, type="totp", data={"secret": "x"})
    admin.send(f"/console/staff/{member.pk}/second-factor")
    assert not Authenticator.objects.filter(user=member).exists()
    assert Entry.objects.get(act="staff.second_factor_reset").actor == admin.member.actor


def test_a_key_is_shown_once_works_and_stops_when_revoked(admin: Browser, world: object) -> None:
    page = admin.send("/console/hosts/memory/keys", {"label": "app", "scopes": ["reports", "screen"]}).content.decode()
    plain = secret_in(page)
    assert keys.authenticate(f"Bearer {plain}") is not None
    key = HostKey.objects.get()
    overview = admin.get("/console/hosts/memory/").content.decode()
    assert plain not in overview
    assert plain.rsplit("_", 1)[1] not in overview
    admin.send(f"/console/hosts/keys/{key.pk}/revoke")
    assert keys.authenticate(f"Bearer {plain}") is None
    assert "revoked" in admin.get("/console/hosts/memory/").content.decode()


def test_a_key_without_a_scope_is_not_issued(admin: Browser, world: object) -> None:
    assert admin.send("/console/hosts/memory/keys", {"label": "app"}).status_code == 422
    assert not HostKey.objects.exists()


def test_no_page_shows_a_stored_secret(admin: Browser, world: object) -> None:
    host = Host.objects.get()
    secret = keys.new_webhook_secret()
    keys.set_secret(host, "webhook", secret, admin.member.actor)
    text = admin.get("/console/hosts/memory/").content.decode()
    assert "webhook" in text
    assert secret not in text


def test_without_hosts_the_page_says_so(admin: Browser) -> None:
    assert "No host is set up yet." in admin.get("/console/hosts/").content.decode()
