"""Somebody at a browser, as far as a walk needs one: pages, links, forms as they stand, cookies.

Others may call `Person` and `Page`. Nothing is posted that the page before did not offer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import httpx2
from lxml import html


class NotOffered(AssertionError):
    """The page does not offer what the walk wants to press or fill in."""


@dataclass
class Page:
    """One answer: its status, address, and the parsed document."""

    response: httpx2.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def url(self) -> str:
        return str(self.response.url)

    @property
    def document(self) -> html.HtmlElement:
        return html.fromstring(self.response.content, base_url=self.url)

    @property
    def text(self) -> str:
        """All visible words, with single spaces."""
        return " ".join(self.document.text_content().split())

    def form(self, part: str, names: Iterable[str] = ()) -> html.FormElement:
        """The form whose address holds `part` and that has all the fields (or buttons) `names`."""
        forms = [form for form in self.document.forms if form.method == "POST"]
        fitting = [form for form in forms if part in (form.get("action") or self.url) and set(names) <= _names(form)]
        if not fitting:
            offered = [(form.get("action"), sorted(_names(form))) for form in forms]
            raise NotOffered(
                f"{self.url} ({self.status}) offers no form for {part!r} with {sorted(names)}; it offers {offered}. "
                f"It says: {self.text[:200]}"
            )
        return fitting[-1]

    def links(self, part: str) -> list[str]:
        """Addresses of links that hold `part`, absolute, in order, once each."""
        found = [urljoin(self.url, a.get("href", "")) for a in self.document.iter("a")]
        return list(dict.fromkeys(address for address in found if part in address))


def _names(form: html.FormElement) -> set[str]:
    """Names of everything in a form that can be filled in or pressed."""
    return {str(name) for name in form.xpath(".//@name")}


class Person:
    """A browser of somebody's own: cookies stay, forms are sent as the page made them."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.client = httpx2.Client(base_url=base_url, follow_redirects=True, timeout=30, trust_env=False)

    def open(self, address: str) -> Page:
        """Go to an address."""
        return Page(self.client.get(address))

    def send(self, page: Page, part: str = "", **filled: Any) -> Page:
        """Fill in and send a form of the page. A list as value checks several boxes."""
        form = page.form(part, filled)
        fields: dict[str, Any] = {}
        for name, value in form.form_values():
            fields.setdefault(name, []).append(value)
        for name, value in filled.items():
            fields[name] = value if isinstance(value, list) else [value]
        address = urljoin(page.url, form.get("action") or page.url)
        headers = {"Referer": page.url, "Origin": self.base_url}
        return Page(self.client.post(address, data=fields, headers=headers))

    def sign_in(self, username: str, password: str) -> Page:
        """Sign in at the console."""
        page = self.send(self.open("/console/"), "", login=username, password=password)
        if "/console/" not in page.url or "login" in page.url:
            raise NotOffered(f"{username} could not sign in: {page.text[:200]}")
        return page

    def close(self) -> None:
        self.client.close()
