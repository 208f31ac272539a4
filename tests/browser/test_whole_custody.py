"""Evidence custodians at work, by keyboard alone: a legal hold, a hand-over that one asks for and another agrees to.

The desk is that of `test_walk`, which wants it empty and comes first; the worker makes the package.
"""

import re

import pyrage
import pytest

from tests.browser.conftest import Desk
from tests.browser.test_whole_assessment import case_about, member
from tests.browser.watch import Window, tab_to, until

pytestmark = [pytest.mark.browser, pytest.mark.network]

PAPER = {"authority": "Authority 1", "document": "id 17"}
VERIFIED = {"verified": "Called back on 555-0117.", "reason": "Placeholder reason: id 17."}


def press(window: Window, selector: str, leads_to: str) -> None:
    """Reach a link or a button with Tab and press it; it leads there."""
    tab_to(window.page, selector)
    window.page.keyboard.press("Enter")
    window.page.wait_for_url(re.compile(leads_to))


def fill(window: Window, values: dict[str, str], leads_to: str) -> None:
    """From field to field with Tab, then the button."""
    for name, value in values.items():
        tab_to(window.page, f"main [name={name}]")
        window.page.keyboard.type(value)
    press(window, "main form button[type=submit]", leads_to)


def test_a_legal_hold_and_a_hand_over_by_two(desk: Desk) -> None:
    case = case_about(desk, "user-34")
    first = member(desk, "custodian-one", "custodian", "en")
    second = member(desk, "custodian-two", "custodian", "en")
    evidence = f"/console/custody/cases/{case}/"
    page = first.go("/console/cases/")
    press(first, f"a[href='/console/cases/{case}/record']", r"/record$")
    press(first, f"main a[href='{evidence}']", f"{evidence}$")

    press(first, f"a[href='{evidence}legal-hold']", r"/legal-hold$")
    fill(first, {**PAPER, "until": "12312099"}, r"/console/custody/holds/[^/]+/$")
    page.locator(".banner.success").wait_for()
    page.get_by_text("2099-12-31").wait_for()
    held = page.locator("main h2 ~ ul li").count()
    assert held >= 2, "what the host says of the item, and of the account"
    first.look("hold")

    press(first, f"main a[href='{evidence}']", f"{evidence}$")
    assert page.locator("tbody a[href*='/custody/holds/']").count() == held, "each object names its hold"
    press(first, f"a[href='{evidence}hand-over']", r"/hand-over$")
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    fill(first, {**PAPER, "recipient": recipient, **VERIFIED}, r"/console/custody/requests/[^/]+/$")
    assert page.locator("form[action$='/approve']").count() == 0, "nobody agrees to what they asked for"
    address = page.url

    other = second.go("/console/custody/")
    other.keyboard.press("j")
    other.keyboard.press("Enter")
    other.wait_for_url(address)
    second.look("request-to-agree")
    tab_to(other, "form[action$='/approve'] button")
    other.keyboard.press("Enter")
    other.locator(".banner.success").wait_for()

    def made() -> int:
        page.goto(address)
        return page.locator("a[href$='/package']").count()

    until(made, "the worker has made the package")
    with page.expect_download() as given:
        tab_to(page, "a[href$='/package']")
        page.keyboard.press("Enter")
    assert given.value.path().read_bytes().startswith(b"age-encryption.org/v1")
    first.close()
    second.close()
