"""Chromium for tests and screenshots: finding it, starting it without any traffic of its own, signing in.

`launch` is a context manager that gives a Playwright browser; `sign_in` fills the staff's form; `axe`
gives the serious findings on a page.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-dev-shm-usage", "--force-color-profile=srgb",
]  # fmt: skip
SERIOUS = ("serious", "critical")


def executable() -> str | None:
    """Where Chromium is; None where there is none."""
    named = os.environ.get("SAFEHOLD_CHROMIUM", "")
    return named or next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


@contextmanager
def launch() -> "Iterator[Browser]":
    """A headless Chromium. Raises LookupError where none is installed."""
    from playwright.sync_api import sync_playwright

    path = executable()
    if path is None:
        raise LookupError("Chromium is not installed; set SAFEHOLD_CHROMIUM to its program file.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        try:
            yield browser
        finally:
            browser.close()


def sign_in(page: "Page", base: str, username: str, password: str) -> None:
    """Sign a member of staff in through the form, as they would."""
    page.goto(f"{base}/console/account/login/")
    page.fill("#id_login", username)
    page.fill("#id_password", password)
    page.click("main form button[type=submit]")
    page.wait_for_url(f"{base}/console/**")


def axe(page: "Page") -> list[dict[str, Any]]:
    """What axe finds serious or critical on the page as it is now: rule, impact, and where."""
    from axe_playwright_python.sync_playwright import Axe

    results = Axe().run(page)
    return [
        {"rule": found["id"], "impact": found["impact"], "where": [node["html"][:160] for node in found["nodes"][:3]]}
        for found in results.response["violations"]
        if found["impact"] in SERIOUS
    ]
