"""How far an exchange was read: what `Exchange.checkpoint` holds, and when a window is too long or does not add up.

Others in this package use `Checkpoint` and `Open`. Pure. The checkpoint's `until` moves only when every page of a
window was read and committed: pages are not in the order of time, so the newest record of some of them says nothing.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from safehold.screening.exchanges.source import Read, Source, Window

SHORTEST = timedelta(minutes=1)  # no window is made shorter than this
TRIES = 3  # readings of one window before a shorter one is tried


class Open(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A window that is being read."""

    since: datetime
    until: datetime
    last: bool  # it reaches up to the present
    cursor: str = ""  # of the page that is read next; "" = the first
    cursor_at: datetime | None = None  # when the source gave it
    pages: int = 0  # that were read and committed
    there: int = 0  # records on them
    said: int = 0  # records that they say they have; -1 = one did not say
    most_said: int = 0
    total: int = 0  # records of the window, as its first page says; 0 = it does not
    moved: bool = False  # a later page said another total
    tries: int = 0  # earlier readings that did not add up
    before: tuple[int, int, int] | None = None  # there, said and total of the reading before

    @property
    def window(self) -> Window:
        """What a source is asked for."""
        return Window(self.since, self.until)

    def add(self, page: Read, now: datetime) -> None:
        """Note a page that was read; the next one is due."""
        self.moved = self.moved or (page.total > 0 and self.total > 0 and page.total != self.total)
        self.total = self.total or page.total
        self.pages += 1
        self.there += page.there
        self.said = -1 if page.said < 0 or self.said < 0 else self.said + page.said
        self.most_said = max(self.most_said, page.said)
        self.cursor, self.cursor_at = page.cursor, now if page.cursor else None

    def adds_up(self, offset: int) -> bool:
        """Whether as many records were there as the source says. `offset` is what its totals are known to be off by.

        A source that pages by numbers and changes meanwhile skips records: what left the window moves the rest forward.
        """
        whole = self.said < 0 or self.there in (self.said, self.most_said)  # of each page, or of the window
        return whole and not self.moved and (self.total in (0, self.there + offset))


class Checkpoint(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What is stored: read whole `until`, a window under way, and how long windows may be just now (seconds)."""

    until: datetime | None = None
    span: float | None = None
    window: Open | None = None
    offset: int = 0

    @classmethod
    def load(cls, stored: dict[str, Any]) -> "Checkpoint":
        """From `Exchange.checkpoint`."""
        return msgspec.convert(stored, cls)

    def dump(self) -> dict[str, Any]:
        """For `Exchange.checkpoint`."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def open(self, source: Source, now: datetime) -> Open | None:
        """The window to be read now: the one under way, begun anew where its cursor is too old, or the next one."""
        if self.window is not None:
            given = self.window.cursor_at
            if given is not None and now - given > source.cursor_life:
                self.restart()
            return self.window
        whole = source.window(self.until, now, None)
        if whole is None:
            return None
        span = None if self.span is None else timedelta(seconds=self.span)
        found = source.window(self.until, now, span) or whole
        self.window = Open(since=found.since, until=found.until, last=found.until >= whole.until)
        return self.window

    def restart(self) -> None:
        """Read the window under way from its first page again."""
        was = self._under_way()
        self.window = Open(since=was.since, until=was.until, last=was.last, tries=was.tries, before=was.before)

    def shorten(self) -> bool:
        """Give the window up for one of half its length. False, and nothing changed, where it is the shortest."""
        was = self._under_way()
        length = was.until - (self.until or was.since)
        if length <= SHORTEST:
            return False
        self.span, self.window = max(length / 2, SHORTEST).total_seconds(), None
        return True

    def finish(self, most: int) -> str:
        """All pages were read: move on, or begin again where they do not add up. Returns what is odd, "" = nothing.

        Two readings that are off by the same are the source's way of counting, not a change under way: that is noted
        once and taken from then on. What never adds up is read in the shortest windows, and then taken as odd.
        """
        was = self._under_way()
        odd = ""
        if not was.adds_up(self.offset):
            numbers = (was.there, was.said, was.total)
            if was.before == numbers:
                self.offset = was.total - was.there if was.total and not was.moved else self.offset
            elif was.tries + 1 < TRIES:
                was.tries, was.before = was.tries + 1, None if was.moved else numbers
                self.restart()
                return ""
            elif self.shorten():
                return ""
            odd = f"{was.there} records were there, the pages said {was.said}, the window {was.total}"
        self.until, self.window = was.until, None
        if was.last:
            self.span = None
        elif self.span is not None and was.there <= most // 4:
            self.span *= 2
        return odd

    def _under_way(self) -> Open:
        if self.window is None:
            raise ValueError("No window is under way.")
        return self.window
