"""A browser window under watch: what goes wrong on its pages, whom it calls, what it is given to keep.

`Window` wraps a Playwright context with one page. `look` takes a page as it stands through both widths and
both colour schemes: axe, overflow, screenshots. `shade` measures a picture: how grey and how soft it is.
"""

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from tests.support import browser as chromium

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Response

WIDTHS = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}
# A violation of the content policy is told to the console by the page itself, so that none is overlooked.
TELL = "addEventListener('securitypolicyviolation', e => console.error(`csp: ${e.violatedDirective} ${e.blockedURI}`))"
WIDE = """() => document.documentElement.scrollWidth > document.documentElement.clientWidth"""


class Window:
    """Somebody's window on the desk, with nothing of anybody else's in it."""

    def __init__(self, context: "BrowserContext", base: str, shots: Path) -> None:
        self.context, self.base, self.shots = context, base, shots
        self.problems: list[str] = []
        self.foreign: list[str] = []
        self.evidence: list[tuple[str, dict[str, str]]] = []
        self.looked: list[str] = []
        context.set_default_timeout(20_000)
        context.add_init_script(TELL)
        self.page: Page = context.pages[0] if context.pages else context.new_page()
        self._watch()

    def reopen(self) -> None:
        """Another tab of the same browser, after the first was closed."""
        self.page = self.context.new_page()
        self._watch()

    def _watch(self) -> None:
        base = self.base
        self.page.on(
            "console", lambda said: self.problems.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda asked: None if asked.url.startswith(base) else self.foreign.append(asked.url))
        self.page.on("response", self._answered)

    def _answered(self, response: "Response") -> None:
        if "/console/evidence/" in response.url:
            self.evidence.append((response.url, dict(response.headers)))

    def go(self, path: str) -> "Page":
        """Open an address of the desk; it must be answered with a page."""
        response = self.page.goto(path if path.startswith("http") else self.base + path)
        assert response is not None
        assert response.status == 200, (path, response.status)
        return self.page

    def look(self, name: str) -> None:
        """axe, overflow and pictures of the page as it stands; its window is left as it was."""
        if name in self.looked:
            return
        self.looked.append(name)
        found = []
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            for width, size in WIDTHS.items():
                self.page.set_viewport_size(size)  # type: ignore[arg-type]
                self.page.screenshot(path=self.shots / f"{name}-{width}-{scheme}.png", full_page=True)
                if self.page.evaluate(WIDE):
                    found.append(f"{name} {width}: wider than the window")
            found += [f"{name} {scheme}: {one}" for one in chromium.axe(self.page)]
        self.page.emulate_media(color_scheme="light")
        assert found == []

    @contextmanager
    def refused(self, status: int) -> Iterator[None]:
        """Something is refused meanwhile: Chromium notes that status as an error, and nothing else is noted."""
        self.calm()
        yield
        self.page.wait_for_load_state()
        assert self.problems, f"nothing was refused: {self.page.url}"
        assert all(f"status of {status} " in problem for problem in self.problems), self.problems
        self.problems.clear()

    def calm(self) -> None:
        """Nothing was complained of, and nobody else was asked for anything."""
        assert self.problems == []
        assert self.foreign == []

    def close(self) -> None:
        """End, and nothing went wrong."""
        self.context.close()
        self.calm()


def shots_folder(fallback: Path) -> Path:
    """Where screenshots go: `SAFEHOLD_SCREENSHOTS` where they are to be kept."""
    folder = Path(os.environ.get("SAFEHOLD_SCREENSHOTS") or fallback)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def tab_to(page: "Page", selector: str, most: int = 80) -> None:
    """Reach a control with the Tab key alone."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached with the Tab key on {page.url}")


def until(look: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not seen in {seconds:.0f} s: {what}"
        time.sleep(0.1)
    return seen


def answer_by_keyboard(window: Window, answers: dict[str, Any], last: str, look: str = "") -> int:
    """Numbers and Enter, question by question, until the address ends with `last`. Returns how many were asked."""
    page = window.page
    for asked in range(40):
        page.wait_for_load_state()
        if page.url.endswith(last):
            return asked
        question = page.url.rstrip("/").rsplit("/", 1)[-1]
        if look:
            window.look(f"{look}-{question}")
        given = answers.get(question, [])
        for value in given if isinstance(given, list) else [given]:
            choices = page.locator("[data-answers] input[name=answer]").evaluate_all("all => all.map(one => one.value)")
            page.keyboard.press(str(choices.index(value) + 1))
            assert page.locator(f"[data-answers] input[value='{value}']").is_checked()
        before = page.url
        page.keyboard.press("Enter")
        page.wait_for_url(lambda address, before=before: address != before)  # type: ignore[misc]
    raise AssertionError(f"the questions do not end: {page.url}")


class Shade(NamedTuple):
    """How colourful (0 = grey) and how sharp (0 = even) a picture is, in steps of 0 to 255."""

    colour: float
    edge: float


def shade(png: bytes) -> Shade:
    """The strongest colour, and the mean difference of neighbours, of a picture's inner part."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    width, height = picture.size
    picture = picture.crop((width // 8, height // 8, width * 7 // 8, height * 7 // 8))
    red, green, blue = (picture.getchannel(name).tobytes() for name in "RGB")
    across = picture.width
    edges = [abs(green[i] - green[i + 1]) for i in range(len(green) - 1) if (i + 1) % across]
    colours = [max(one) - min(one) for one in zip(red, green, blue, strict=True)]
    return Shade(max(colours), sum(edges) / len(edges))


# What the browser was really given, whatever a style sheet does with it: drawn on a canvas of its own size.
DRAWN = """async picture => {
  await picture.decode();
  const canvas = document.createElement('canvas');
  canvas.width = picture.naturalWidth; canvas.height = picture.naturalHeight;
  canvas.getContext('2d').drawImage(picture, 0, 0);
  return canvas.toDataURL('image/png');
}"""


def drawn(page: "Page", selector: str) -> bytes:
    """The picture's own pixels, as PNG."""
    import base64

    address: Any = page.locator(selector).first.evaluate(DRAWN)
    return base64.b64decode(address.partition(",")[2])
