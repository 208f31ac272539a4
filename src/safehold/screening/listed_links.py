"""The entries of all link lists as one process holds them. Inside this room only; `links` does the matching."""

from collections.abc import Iterable, Sequence

from safehold.screening import hidden
from safehold.screening.links.canonical import BadUrl, canonical
from safehold.screening.links.finding import LIMIT, find_links
from safehold.screening.links.matching import LinkChange, LinkHit, LinkMatcher


class ListedLinks:
    """Made on the first entry: most installations list no links, and then no key is needed."""

    def __init__(self) -> None:
        self._matcher: LinkMatcher | None = None

    def __len__(self) -> int:
        return len(self._matcher) if self._matcher else 0

    def apply(self, changes: Sequence[LinkChange]) -> None:
        """From now on these hold."""
        if changes and self._matcher is None:
            self._matcher = LinkMatcher(hidden.link_key())
        if changes and self._matcher is not None:
            self._matcher.apply(changes)

    def look(self, links: Iterable[str], text: str) -> tuple[dict[bytes, tuple[str, str]], tuple[str, ...], bool]:
        """The entries that the links, and those found in the text, fall under (address and scope of each); which of
        the links given are none; and whether the text may hold more links than were looked up."""
        found: dict[bytes, tuple[str, str]] = {}
        unread = []
        for link in dict.fromkeys(links):
            try:
                hits = self._match(link)
            except BadUrl:
                unread.append(link)
                continue
            for hit in hits:
                found.setdefault(hit.entry, (link, hit.scope))
        more, cut = self._in_text(text, found)
        return found | more, tuple(unread), cut

    def _match(self, link: str) -> list[LinkHit]:
        if self._matcher is None:
            canonical(link)
            return []
        return self._matcher.match(link)

    def _in_text(self, text: str, found: dict[bytes, tuple[str, str]]) -> tuple[dict[bytes, tuple[str, str]], bool]:
        """Entries that only the text's own links hit; whether there may be more. What looks like a link and is none is
        no link."""
        more: dict[bytes, tuple[str, str]] = {}
        if self._matcher is None or not text:
            return more, False
        links = find_links(text)
        for link in links:
            try:
                hits = self._matcher.match(link.url)
            except BadUrl:
                continue
            for hit in hits:
                if hit.entry not in found:
                    more.setdefault(hit.entry, (link.url, hit.scope))
        return more, len(links) >= LIMIT
