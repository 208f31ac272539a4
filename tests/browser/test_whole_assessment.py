"""An assessment from the queue to a decision in force, by keyboard alone, in two languages; an override by two people.

The pages met are looked at as in `test_walk`, whose desk these tests share.
"""

import re
from typing import Any

import pytest

from safehold.app.demo.desk import SUSPENDS
from tests.browser.conftest import Desk
from tests.browser.watch import Window, answer_by_keyboard, tab_to
from tests.support import browser

pytestmark = [pytest.mark.browser, pytest.mark.network]

LENIENT = {**SUSPENDS, "malice": "none_found"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def case_about(desk: Desk, account: str) -> str:
    """A case that waits in the queue. Returns its id."""
    post = desk.stack.site.member(account).post("placeholder message 9")
    return str(desk.stack.ask("waiting", link=post["url"])["case"])


def member(desk: Desk, name: str, role: str, locale: str) -> Window:
    """Somebody of the staff, signed in, in a window of their own."""
    password = desk.stack.ask("member", username=name, roles=[role])["password"]
    window = Window(desk.chromium.new_context(locale=locale), desk.stack.url, desk.shots)
    browser.sign_in(window.page, desk.stack.url, name, password)
    return window


def take_from_queue(window: Window, case: str) -> None:
    """Down the queue with j to the case, into it with Enter, taken with t."""
    page = window.go("/console/queue/")
    wanted = f"/console/cases/{case}/"
    for _ in range(20):
        page.keyboard.press("j")
        if page.evaluate("document.activeElement.getAttribute('href')") == wanted:
            break
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"{wanted}$"))
    page.keyboard.press("t")
    page.locator("#lease").wait_for()


def assess(window: Window) -> None:
    window.page.keyboard.press("a")
    window.page.wait_for_url(re.compile(r"/assess/cse/"))


@pytest.mark.parametrize(("locale", "account"), [("en", "user-31"), ("zh-CN", "user-32")])
def test_from_the_queue_to_a_confirmed_decision(desk: Desk, locale: str, account: str) -> None:
    case = case_about(desk, account)
    window = member(desk, f"reviewer-{locale.lower()}", "reviewer", locale)
    take_from_queue(window, case)
    assess(window)
    page = window.page
    first = {name: SUSPENDS[name] for name in ("role", "minor", "form")}
    answer_by_keyboard(window, first, "/assess/cse/shows")
    assert page.locator("nav.path-so-far li").count() == 4
    here = page.locator("nav.path-so-far [aria-current=step]")
    assert here.count() == 1
    assert here.locator(".asked").inner_text() == page.locator("form[data-answers] legend").inner_text()
    if locale != "en":  # the walk looks at the English pages
        window.look("question-zh")
    assert "CSE-" not in page.locator("main").inner_text(), "no clause and no outcome before the facts"

    page.close()  # the tab is closed; what was answered is kept
    window.reopen()
    page = window.go(f"/console/cases/{case}/")
    assess(window)
    assert page.url.endswith("/shows"), "goes on where the answers stop"
    answer_by_keyboard(window, SUSPENDS, "/assess/cse/answers")
    page.keyboard.press("n")
    page.wait_for_url(re.compile(r"/console/decisions/"))
    clause = page.locator(".clause").first
    assert clause.locator("code").inner_text() == "CSE-01"
    reasons = page.locator("ol.reasons li")
    assert reasons.count() > 5
    words = [clause.locator("p").inner_text(), *reasons.all_inner_texts(), page.locator(".verdict").inner_text()]
    assert all(bool(CHINESE.search(text)) == (locale != "en") for text in words), words
    if locale != "en":
        window.look("decision-zh")
    page.keyboard.press("n")
    page.locator(".banner-good").wait_for()
    page.keyboard.press("x")
    page.wait_for_url(re.compile(r"/console/queue/"))
    window.close()


def test_an_override_and_its_second_person(desk: Desk) -> None:
    case = case_about(desk, "user-33")
    first = member(desk, "senior-one", "senior", "en")
    second = member(desk, "senior-two", "senior", "zh-CN")
    take_from_queue(first, case)
    assess(first)
    page = first.page
    answer_by_keyboard(first, LENIENT, "/assess/cse/answers")
    page.keyboard.press("n")
    page.wait_for_url(re.compile(r"/console/decisions/[^/]+/$"))
    computed = page.url
    page.keyboard.press("o")
    page.wait_for_url(re.compile(r"/otherwise$"))
    first.look("override")
    page.keyboard.press("1")
    assert page.locator("input[value=cse-suspend]").is_checked()
    tab_to(page, "textarea[name=reason]")
    page.keyboard.type("Placeholder reason: CSE-01, chosen otherwise.")
    tab_to(page, "form[data-answers] button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "/console/decisions/" in address and "otherwise" not in address)
    assert page.url != computed, "a decision of its own"
    page.get_by_role("heading", name="Decided otherwise than computed").wait_for()
    first.look("decision-overridden")
    page.keyboard.press("x")
    page.wait_for_url(re.compile(r"/console/queue/"))

    agree(second)
    page.goto(computed)
    page.get_by_text("Withdrawn before it took effect.").wait_for()
    first.close()
    second.close()


def agree(window: Window) -> None:
    """The second person, by keyboard, from the list to the button."""
    page = window.go("/console/second/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/console/second/[^/]+/$"))
    compared: Any = page.locator("#override-title ~ .table-frame tbody tr")
    assert compared.count() >= 2, "computed and chosen side by side"
    window.look("second-overridden")
    tab_to(page, "textarea[name=reason]")
    page.keyboard.type("Placeholder reason: seen as well.")
    tab_to(page, "button[value=yes]")
    page.keyboard.press("Enter")
    page.locator(".banner-good").wait_for()
