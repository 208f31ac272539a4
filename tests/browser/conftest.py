"""One desk for all tests of the browser: real processes, a Chromium, and staff with passwords."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browser.watch import Window, shots_folder
from tests.crash.stack import Stack
from tests.support import browser, parts

STAFF = ("first-reviewer", "second-reviewer")


@dataclass
class Desk:
    """What the tests meet."""

    stack: Stack
    chromium: Any  # a running browser
    playwright: Any
    shots: Path
    passwords: dict[str, str]
    profile: Path  # of the first reviewer's browser, on disk

    def window(self, **how: Any) -> Window:
        """A window of somebody new."""
        return Window(self.chromium.new_context(locale="en", **how), self.stack.url, self.shots)

    def kept_window(self) -> Window:
        """A window whose browser keeps on disk whatever it may keep."""
        context = self.playwright.chromium.launch_persistent_context(
            str(self.profile), executable_path=browser.executable(), args=browser.ARGS, locale="en"
        )
        return Window(context, self.stack.url, self.shots)


# Not for the whole session: Playwright must be ended before another folder's tests begin one of their own.
@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    from playwright.sync_api import sync_playwright

    if parts.chromium() is None:
        pytest.skip(parts.missing("browser"))
    folder = tmp_path_factory.mktemp("browser")
    shots = shots_folder(folder / "shots")
    with Stack(folder / "stack", "") as stack, sync_playwright() as playwright:
        passwords = {n: stack.ask("member", username=n, roles=["reviewer", "senior"])["password"] for n in STAFF}
        worker = stack.worker("", 0)
        opened = playwright.chromium.launch(executable_path=browser.executable(), args=browser.ARGS)
        yield Desk(stack, opened, playwright, shots, passwords, folder / "profile")
        opened.close()
        worker.stop()
