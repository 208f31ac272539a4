"""The public pages in Chromium: scripts under the content policy, both colour schemes, telephones, Arabic, axe."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from safehold.intake.models import Report
from safehold.public import throttle
from tests.public.making import code_of, decided, letter, send, world_with
from tests.support import desk, parts
from tests.support.jobs import run_due

pytestmark = [
    pytest.mark.browser,
    pytest.mark.network,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("vault", "no_filing"),
]
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip

# What a finger hits is at least 44 pixels high.
TOO_SMALL = """[...document.querySelectorAll(
    `button, .button, input:not([type=hidden], [type=radio], [type=checkbox]), select, .choice, .masthead a`
)].filter(e => e.offsetParent && e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One Chromium for the module. Playwright's own loop must not make Django think it runs in one."""
    from playwright.sync_api import sync_playwright

    path = parts.chromium()
    if path is None:
        pytest.skip(parts.missing("browser"))
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield opened
        opened.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Visit:
    """A page that notes what goes wrong on it and what it asks of others."""

    def __init__(self, chromium: Any, base: str, **how: Any) -> None:
        self.context = chromium.new_context(**how)
        self.page = self.context.new_page()
        self.base = base
        self.problems: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda asked: None if asked.url.startswith(base) else self.foreign.append(asked.url))

    def go(self, path: str) -> Any:
        self.page.goto(self.base + path)
        return self.page

    def close(self) -> None:
        self.context.close()
        assert self.problems == []
        assert self.foreign == []


def test_a_report_from_a_telephone_with_scripts(chromium: Any, live_server: Any) -> None:
    from playwright.sync_api import expect

    world_with("user-17")
    visit = Visit(chromium, live_server.url, viewport={"width": 390, "height": 844}, locale="en")
    page = visit.go("/report")
    assert not page.get_by_role("button", name="Show the number").is_visible()
    page.get_by_label("Country you are in").select_option("DE")
    page.get_by_role("link", name="112").wait_for()
    assert not page.get_by_label("Only for a fight").is_visible()
    page.get_by_label("Media of young people in a fight").check()
    assert page.get_by_label("Only for a fight").is_visible()
    page.get_by_label("Child sexual exploitation").check()
    assert not page.get_by_label("Only for a fight").is_visible()
    page.get_by_label("Name of the account").fill("user-17")
    page.get_by_label("Links").fill("https://memory.test/p-user-17\nhttps://memory.test/none")
    # Not `wait_for_function`: it polls with eval, which the page's own policy forbids if the proof takes a moment.
    expect(page.locator("form [name=proof]").first).not_to_have_value("", timeout=30_000)
    page.get_by_role("button", name="Send the report").click()
    page.wait_for_url("**/r/*")
    assert Report.objects.get().country == "DE"
    assert page.locator("#receipt-code").inner_text() == page.url.rsplit("/", 1)[-1]
    assert page.get_by_text("being checked").count() == 3
    run_due()
    page.get_by_text("could not be found").wait_for(timeout=10_000)
    assert page.get_by_text("being checked").count() == 0
    assert visit.context.cookies() == []
    visit.close()


def test_a_report_without_scripts(chromium: Any, live_server: Any) -> None:
    visit = Visit(chromium, live_server.url, java_script_enabled=False, locale="en")
    page = visit.go("/report")
    page.get_by_label("Country you are in").select_option("DE")
    page.get_by_label("Why should we look at it?").fill("placeholder message 3")
    page.get_by_role("button", name="Show the number").click()
    page.get_by_role("link", name="112").wait_for()
    assert page.get_by_label("Why should we look at it?").input_value() == "placeholder message 3"
    page.get_by_role("button", name="Send the report").click()
    page.wait_for_url("**/r/*")
    assert not page.get_by_role("button", name="Copy the code").is_visible()
    visit.close()


def test_a_report_that_has_to_wait_can_be_sent_again(
    chromium: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "SHARED", 1)
    assert throttle.admit("127.0.0.1", once_key="another", proven=False) == 0
    visit = Visit(chromium, live_server.url, locale="en")
    page = visit.go("/report")
    page.get_by_label("Name of the account").fill("user-17")
    page.get_by_role("button", name="Send the report").click()
    page.get_by_text("Please wait, then send again").wait_for()
    assert page.get_by_label("Name of the account").input_value() == "user-17"
    monkeypatch.setattr(throttle, "SHARED", 5)
    page.get_by_role("button", name="Send the report").click()
    page.wait_for_url("**/r/*")
    visit.problems.clear()  # Chromium notes the answer 429 as an error
    visit.close()


def test_appealing_and_removing_in_a_browser(chromium: Any, live_server: Any) -> None:
    world_with("user-17", "user-18")
    _a, suspended = letter(decided("user-17", desk.SUSPENDS, number=1))
    _b, lenient = letter(decided("user-18", desk.LENIENT, number=2))
    visit = Visit(chromium, live_server.url, locale="en")
    page = visit.go(f"/appeal/{suspended}")
    page.get_by_label("What did we get wrong?").fill("placeholder message 5")
    page.get_by_role("button", name="Send the appeal").click()
    page.get_by_text("appeal received").wait_for()
    page = visit.go(f"/appeal/{lenient}")
    page.get_by_role("button", name="Remove the item").click()
    page.get_by_text("being removed", exact=True).wait_for()
    assert visit.context.cookies() == []
    visit.close()


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [("en", "light", 390), ("en", "light", 1280), ("en", "dark", 390), ("en", "dark", 1280), ("ar", "light", 390),
     ("ar", "dark", 1280), ("zh-CN", "light", 390)],
)  # fmt: skip
def test_axe_finds_nothing_and_nothing_overflows(
    chromium: Any, live_server: Any, language: str, scheme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from django.test import Client

    world_with("user-17", "user-18")
    sender = Client(SERVER_NAME="localhost")
    code = code_of(send(sender, account_name="user-404", links="https://x.example/a", country="DE"))
    _a, suspended = letter(decided("user-17", desk.SUSPENDS, number=1))
    _b, lenient = letter(decided("user-18", desk.LENIENT, number=2))
    visit = Visit(
        chromium, live_server.url, locale=language, color_scheme=scheme, viewport={"width": width, "height": 844}
    )
    for path in (
        "/", "/report?country=DE", "/r", f"/r/{code}", f"/appeal/{suspended}", f"/appeal/{lenient}", "/policy",
        "/transparency/",
    ):  # fmt: skip
        page = visit.go(path)
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["impact"], one["nodes"][0]["target"]) for one in found] == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
        small = page.evaluate(TOO_SMALL)
        assert small == [], path
    visit.close()
