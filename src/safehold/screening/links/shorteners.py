"""Addresses that only stand for other ones, by the public services that make them. Pure: nothing is fetched.

Others call `is_shortener`. The host may know what such an address leads to and hand that over as a link of its own;
where it does not, a person sees that the address is a shortened one. The hosts stand in `shorteners.txt`.
"""

from functools import cache
from importlib.resources import files

from safehold.screening.links.canonical import Canonical, canonical


def is_shortener(url: str | Canonical) -> bool:
    """Whether the address belongs to a known link-shortening service, and names more than its front page.

    Raises BadUrl.
    """
    one = canonical(url) if isinstance(url, str) else url
    return bool(one.path) and one.host.removeprefix("www.") in known()


@cache
def known() -> frozenset[str]:
    """The hosts, in canonical form."""
    lines = files("safehold.screening.links").joinpath("shorteners.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(host for line in lines if (host := line.partition("#")[0].strip()))
