"""A desk for page tests: members by role, a host in memory, cases at every stage."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client

from safehold.cases.models import Case, Decision
from safehold.staff.models import Member
from tests.support import desk, desk_world, memory_host

FORM = "application/x-www-form-urlencoded"


class Browser(Client):
    """A test client whose posts are ordinary forms: files and multipart are refused by the desk."""

    member: Member

    def send(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> HttpResponse:
        """Post a form."""
        return self.post(path, urlencode(data or {}, doseq=True), content_type=FORM, **more)


SignIn = Callable[..., Browser]


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """`sign_in("reviewer")` gives a browser signed in as the member of that role; `name` makes another person."""

    def give(*roles: str, name: str = "", browser: Browser | None = None) -> Browser:
        username = name or "-".join(roles)
        member = Member.objects.filter(username=username).first()
        if member is None:
            member = Member.objects.create(username=username, roles=list(roles), password="!")
        chosen = browser or Browser()
        chosen.force_login(member)
        chosen.member = member
        return chosen

    return give


@pytest.fixture
def world(vault: object) -> memory_host.World:
    """A host with one account, a picture and a text."""
    _host, outside = memory_host.make()
    outside.add_account("user-17", phones=("+12025550117",))
    outside.add_item("picture-1", "user-17", body=desk_world.gradient(64, 48), text="placeholder message 1")
    outside.add_item("post-2", "user-17", text="placeholder message 2")
    return outside


@pytest.fixture
def case(world: memory_host.World) -> Case:
    """One open case with both items, preserved."""
    desk.report(
        account_name="user-17", class_id="cse", reason="placeholder message 3",
        locators=("https://memory.test/picture-1", "https://memory.test/post-2", "https://elsewhere.example/x"),
    )  # fmt: skip
    return Case.objects.get()


@pytest.fixture
def taken(case: Case, sign_in: SignIn) -> Browser:
    """A reviewer's browser that holds the case."""
    browser = sign_in("reviewer")
    assert browser.send(f"/console/cases/{case.pk}/take").status_code == 302
    return browser


@pytest.fixture
def held(case: Case, sign_in: SignIn, no_filing: None) -> Decision:
    """A lenient decision by the reviewer that waits for a second person."""
    return desk.decide(case, desk.LENIENT, actor=sign_in("reviewer").member.actor)


@pytest.fixture
def decided(case: Case, sign_in: SignIn, no_filing: None) -> Decision:
    """A decision in force by the reviewer, everything done on the host."""
    return desk.decide(case, desk.SUSPENDS, actor=sign_in("reviewer").member.actor)
