"""The whole walk in a real Chromium, on real processes: a stranger's report, a decision, a granted appeal.

On every page that is met: axe, both widths, both colour schemes. In every window: nothing goes wrong on the
console, nobody but the desk is asked for anything, and evidence is given with an order to keep none of it.
Set SAFEHOLD_SCREENSHOTS to a folder to look at the pages.
"""

import base64
import io
import random
import re
from typing import Any

import pytest
from PIL import Image

from safehold.app.demo.desk import CLEARED, SUSPENDS
from tests.browser.conftest import STAFF, Desk
from tests.browser.watch import Window, answer_by_keyboard, drawn, shade, tab_to, until
from tests.support.microblog import Member

pytestmark = [pytest.mark.browser, pytest.mark.network]


def noise(seed: int, size: int = 96) -> bytes:
    """Coloured noise as PNG: as sharp and as colourful as a picture can be, and of nothing."""
    drawn_by = random.Random(seed)  # noqa: S311 - no secret
    picture = Image.frombytes("RGB", (size, size), drawn_by.randbytes(size * size * 3))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def until_shown(window: Window, selector: str, count: int, seconds: float = 40) -> None:
    """Load the page again until it shows so many of these."""

    def shown() -> bool:
        if window.page.locator(selector).count() == count:
            return True
        window.page.reload()
        return window.page.locator(selector).count() == count

    until(shown, f"{count} × {selector} on {window.page.url}", seconds)


def test_the_whole_walk(desk: Desk) -> None:
    site = desk.stack.site
    member, witness = site.member("user-17"), site.member("user-18")
    bodies = [noise(1), noise(2)]
    posts = [member.post(f"placeholder message {n}", body) for n, body in enumerate(bodies, start=1)]

    report(desk, [post["url"] for post in posts])
    assert witness.report("user-17", [post["post_id"] for post in posts]).status_code == 201

    first, second = desk.kept_window(), desk.window()
    sign_in(first, desk, STAFF[0], look=True)
    sign_in(second, desk, STAFF[1])
    case = take(first, second)
    see_veiled(first)
    hide_both(first, witness, posts)
    reveal(first, bodies)
    decide(first)
    until(lambda: member.sign_in().status_code == 403, "the account holder can no longer sign in")

    notices = until(lambda: member.sign_in().json().get("notices"), "the letter reached the account holder")
    holder = appeal(desk, notices[0]["link"])
    refuse_first(first)
    nothing_is_kept(desk, first, case, bodies)

    grant(second, desk)
    until(lambda: member.sign_in().status_code == 200, "the account is back")
    until(lambda: witness.see(posts[0]["post_id"]) == 200, "the first item is back")
    holder.page.reload()
    holder.page.get_by_text("appeal granted").wait_for()
    holder.look("letter-granted")
    assert holder.context.cookies() == [], "a person with a letter is given no cookie"
    holder.close()
    second.close()
    figures(desk)


def report(desk: Desk, links: list[str]) -> None:
    """Somebody without an account reports, with scripts on."""
    visitor = desk.window()
    page = visitor.go("/")
    visitor.look("start")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Report", exact=True).click()
    visitor.look("report")
    assert page.locator("input[type=file]").count() == 0, "no evidence is asked for"
    page.get_by_label("Country you are in").select_option("DE")
    page.get_by_role("link", name="112").wait_for()
    page.get_by_label("Name of the account").fill("user-17")
    page.get_by_label("Links").fill("\n".join(links))
    page.get_by_label("Child sexual exploitation").check()
    until(lambda: page.locator("input[name=proof]").input_value(), "the browser has proven its work")
    visitor.look("report-filled")
    page.get_by_role("button", name="Send the report").click()
    page.wait_for_url(re.compile(r"/r/[^/]+$"))
    assert page.locator("#receipt-code").inner_text() == page.url.rsplit("/", 1)[-1]
    until(lambda: page.locator(".locator .tag-good").count() == 3, "the page asks again by itself")
    visitor.look("receipt")
    assert visitor.context.cookies() == [], "a reporter is given no cookie"
    visitor.close()


def sign_in(window: Window, desk: Desk, name: str, *, look: bool = False) -> None:
    page = window.page
    window.go("/console/")
    page.wait_for_url(re.compile(r"/login/"))
    if look:
        window.look("sign-in")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(desk.passwords[name])
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Hello").wait_for()
    if look:
        window.look("home")


def take(first: Window, second: Window) -> str:
    """From the queue with one key. Somebody who comes later is refused. Returns the case's address."""
    page = first.page
    until_queue = first.go("/console/queue/")
    until(lambda: until_queue.locator("tbody tr").count() == 1 or until_queue.reload() is None, "the case waits")
    first.look("queue")
    other = second.go("/console/queue/")
    other.locator("tbody th a").click()
    other.get_by_role("heading", name="Nobody works on this case").wait_for()
    second.look("case-free")
    page.keyboard.press("t")
    page.wait_for_url(re.compile(r"/console/cases/[^/]+/$"))
    page.locator("#lease").wait_for()
    with second.refused(409):
        other.keyboard.press("t")
        other.get_by_role("heading", name="Somebody else works on this case").wait_for()
    second.look("refused-lease")
    return page.url


def see_veiled(window: Window) -> None:
    """Blurred and grey, in the bytes that the browser was given and on the screen."""
    until_shown(window, ".veil img", 2)
    window.look("case")
    for number in (0, 1):
        picture = window.page.locator(".veil img").nth(number)
        on_screen = shade(picture.screenshot())
        given = shade(drawn(window.page, f".item >> nth={number} >> .veil img"))
        for seen in (given, on_screen):
            assert seen.colour <= 3, f"not grey: {seen}"
            assert seen.edge < 4, f"not blurred: {seen}"
    assert shade(noise(1)).colour > 200, "the original is colourful"
    assert shade(noise(1)).edge > 60, "and sharp"


def hide_both(window: Window, witness: Member, posts: list[dict[str, Any]]) -> None:
    """The key h; j goes on to the next item."""
    page = window.page
    assert [witness.see(post["post_id"]) for post in posts] == [200, 200]
    page.keyboard.press("h")
    page.get_by_text("Hiding is ordered").wait_for()
    until_shown(window, ".item .tag:text('hide: confirmed')", 1)
    assert sorted(witness.see(post["post_id"]) for post in posts) == [200, 404], "one item, as asked"
    shown = page.locator(".item")
    to_hide = next(n for n in range(2) if shown.nth(n).locator("[data-key=h]").count())
    for _ in range(to_hide + 1):
        page.keyboard.press("j")
    page.keyboard.press("h")
    page.get_by_text("Hiding is ordered").wait_for()
    until_shown(window, ".item .tag:text('hide: confirmed')", 2)
    assert [witness.see(post["post_id"]) for post in posts] == [404, 404]


def reveal(window: Window, bodies: list[bytes]) -> None:
    """The key r, a page that asks, Enter. The original is there, and only then."""
    page = window.page
    assert all("/veiled" in address for address, _headers in window.evidence), "nothing but veiled pictures so far"
    page.keyboard.press("r")
    page.get_by_role("heading", name="Reveal this item?").wait_for()
    window.look("reveal-asks")
    page.get_by_role("button", name="Reveal, on record").focus()
    page.keyboard.press("Enter")
    page.locator(".revealed img").wait_for()
    seen = shade(drawn(page, ".revealed img"))
    assert seen.colour > 200
    assert seen.edge > 60
    box = page.locator(".revealed img").bounding_box()
    assert box is not None
    assert abs(box["width"] - box["height"]) < 2, "as high as it is wide, as the original: not stretched"
    assert shade(page.locator(".revealed img").screenshot()).colour > 200, "sharp and in colour on the screen"
    window.look("revealed")
    page.keyboard.press("b")
    page.locator(".veil img").first.wait_for()
    assert page.locator(".revealed").count() == 0


def decide(window: Window) -> None:
    """Answers by keyboard; the policy computes; confirmed with a key."""
    page = window.page
    page.keyboard.press("a")
    page.wait_for_url(re.compile(r"/assess/cse/"))
    assert answer_by_keyboard(window, SUSPENDS, "/assess/cse/answers", "question") >= 5
    window.look("answers")
    page.keyboard.press("n")
    page.wait_for_url(re.compile(r"/console/decisions/"))
    page.get_by_text("CSE-01").first.wait_for()
    window.look("decision-proposed")
    page.keyboard.press("n")
    page.get_by_text("In force.").wait_for()
    window.look("decision-in-force")
    page.get_by_role("link", name="Record of the case").click()
    until_shown(window, ".trail", 1)
    window.look("record")


def appeal(desk: Desk, link: str) -> Window:
    """The account holder, suspended, in a browser that has never been here."""
    holder = desk.window()
    page = holder.go(link)
    page.get_by_text("CSE-01").first.wait_for()
    assert page.locator("main img").count() == 0, "the item is named, never shown"
    holder.look("letter")
    page.get_by_label("What did we get wrong?").fill("placeholder message 4")
    page.get_by_role("button", name="Send the appeal").click()
    page.get_by_text("appeal received").wait_for()
    holder.look("letter-appealed")
    return holder


def refuse_first(window: Window) -> None:
    """Whoever decided does not answer the appeal, not even by address."""
    page = window.go("/console/appeals/")
    page.get_by_text("you took part: somebody else answers").wait_for()
    assert page.locator("tbody th a").count() == 0
    window.look("appeals-barred")


def nothing_is_kept(desk: Desk, window: Window, case: str, bodies: list[bytes]) -> None:
    """After signing out, neither Back nor the browser's folder holds any evidence."""
    page = window.go(case)
    page.keyboard.press("r")
    page.get_by_role("button", name="Reveal, on record").click()
    page.locator(".revealed img").wait_for()
    veiled = page.evaluate(
        FETCH, f"{desk.stack.url}{page.locator('.revealed img').get_attribute('src')}".replace("original", "veiled")
    )
    page.get_by_role("link", name="Sign out").click()
    window.look("sign-out")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{desk.stack.url}/")
    asked_to_sign_in = 0
    for _ in range(4):
        page.go_back(wait_until="load")
        page.wait_for_timeout(200)  # a page out of the browser's memory would be there at once
        assert page.locator(".veil, .revealed").count() == 0, f"Back shows evidence: {page.url}"
        asked_to_sign_in += "/login/" in page.url
        assert "/login/" in page.url or page.url == f"{desk.stack.url}/", page.url
    assert asked_to_sign_in >= 2
    assert len(window.evidence) >= 5
    for address, headers in window.evidence:
        assert "no-store" in headers["cache-control"], address
        assert "sandbox" in headers["content-security-policy"], address
        assert headers["x-content-type-options"] == "nosniff"
    window.close()
    kept = [path.read_bytes() for path in desk.profile.rglob("*") if path.is_file()]
    assert any(b"Components are classes: card grid" in file for file in kept), "the browser does keep what it may keep"
    for secret in [*(body[-600:-500] for body in bodies), base64.b64decode(veiled)[-300:-200]]:
        assert len(secret) == 100
        assert not any(secret in file for file in kept), "the browser kept evidence on disk"


FETCH = """async address => {
  const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
  return btoa(Array.from(bytes, one => String.fromCharCode(one)).join(''));
}"""


def grant(window: Window, desk: Desk) -> None:
    """The second reviewer answers anew, by keyboard alone, from the list to the button."""
    page = window.go("/console/appeals/")
    window.look("appeals")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/console/appeals/[^/]+/$"))
    page.keyboard.press("t")
    page.get_by_role("heading", name="Your own answers").wait_for()
    window.look("appeal-taken")
    address = page.url.removeprefix(desk.stack.url)
    page.keyboard.press("a")
    page.wait_for_url(re.compile(r"/questions/"))
    answer_by_keyboard(window, CLEARED, address, "appeal-question")
    window.look("appeal-answered")
    tab_to(page, "textarea[name=reason]")
    page.keyboard.type("Placeholder reason: looked at again.")
    tab_to(page, "button[value=grant]")
    page.keyboard.press("Enter")
    page.get_by_text("The appeal is answered.").wait_for()
    window.look("appeal-granted")


def figures(desk: Desk) -> None:
    visitor = desk.window()
    page = visitor.go("/transparency/")
    visitor.look("transparency")
    assert page.locator("table.figures-table tbody tr").count() > 10
    assert visitor.context.cookies() == []
    visitor.close()


@pytest.mark.parametrize("path", ["/", "/report", "/r", "/policy", "/transparency/", "/console/account/login/"])
def test_in_arabic_everything_runs_from_the_right(desk: Desk, path: str) -> None:
    visitor = Window(desk.chromium.new_context(locale="ar"), desk.stack.url, desk.shots)
    page = visitor.go(path)
    assert page.locator("html").get_attribute("dir") == "rtl"
    assert page.evaluate("getComputedStyle(document.body).direction") == "rtl"
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        mark, heading = page.locator(".brand").bounding_box(), page.locator("h1").first.evaluate(TEXT_BOX)
        assert mark is not None
        assert mark["x"] + mark["width"] / 2 > width / 2, "the name of the desk stands on the right"
        main = page.locator("main").bounding_box()
        assert main is not None
        assert main["x"] + main["width"] - heading["right"] < heading["left"] - main["x"] + 1, (
            "headings begin on the right"
        )
    visitor.look("ar" + path.rstrip("/").replace("/", "-"))
    visitor.close()


# Where the words of an element stand, not the element's box.
TEXT_BOX = """element => {
  const range = document.createRange();
  range.selectNodeContents(element);
  const box = range.getBoundingClientRect();
  return { left: box.left, right: box.right };
}"""
