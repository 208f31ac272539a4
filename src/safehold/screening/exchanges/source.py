"""What an adapter must be so that its lists can be read: another source of lists is one more file like `ncmec`.

`Source` is the seam; `Answer` and `Outcome` say what came of asking, `Read` is one page of a window as our own values.
Sources that publish no interface for reading (the IWF is one: its files come to members by contract) have no adapter:
their files are imported (`safehold lists import`).
"""

import enum
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

Found = TypeVar("Found")


class Outcome(enum.StrEnum):
    """What a response lets us conclude."""

    OK = "ok"
    RETRY = "retry"  # not answered, or asked to come later
    STOP = "stop"  # credentials or permission: asking on is of no use
    GONE = "gone"  # what was asked for is not there, such as a cursor that expired
    UNREADABLE = "unreadable"  # a success that is not the document, or an answer that nobody published


class Answer(msgspec.Struct, Generic[Found], frozen=True, kw_only=True):
    """One response. `found` is what the body says; None unless the outcome is OK."""

    outcome: Outcome
    found: Found | None = None
    http_status: int = 0  # 0 = no response
    retry_after: float = 0  # seconds, where the source asked for a pause
    problem: str = ""  # a code; never content

    def __str__(self) -> str:
        status = f"HTTP {self.http_status}" if self.http_status else "no answer"
        return f"{status}, {self.problem}" if self.problem else status


class Window(NamedTuple):
    """What changed from `since` to `until`, in UTC. Read whole, it moves the checkpoint to `until`."""

    since: datetime
    until: datetime

    @property
    def span(self) -> timedelta:
        """Its length."""
        return self.until - self.since


class Change(msgspec.Struct, frozen=True):
    """One entry as the source has it now, or (`gone`) that it has it no more."""

    ref: str  # the entry's name, the same in every reading
    member: str  # who among the source's members gave it; "" = it has none
    media: str  # picture, film, or ""
    gone: bool = False
    category: str = ""
    digests: dict[str, str] = {}  # sha256, sha1, md5, pdq, in lower-case hex; empty = nothing that we match by


class SetAside(msgspec.Struct, frozen=True):
    """A record that is none: why, and what it called itself."""

    why: str
    ref: str = ""


class Read(msgspec.Struct, frozen=True):
    """One page of a window. Each entry stands in it once, in its latest state."""

    changes: tuple[Change, ...] = ()
    aside: tuple[SetAside, ...] = ()
    cursor: str = ""  # of the next page; "" = this was the last
    there: int = 0  # records of the page, with those set aside
    said: int = 0  # records that the page says it has; -1 = it does not say
    total: int = 0  # records that the window has by what the page says; 0 = it does not say
    unused: dict[str, int] = {}  # fingerprints that we cannot match by
    unknown: dict[str, int] = {}  # what nobody published


class Source(Protocol):
    """A place that lists are fetched from."""

    name: str  # what entries' names begin with: one place, one name, for ever
    cursor_life: timedelta  # how old a window's cursors may become
    most: int  # records of a window; with more it is made shorter, where it can be

    def window(self, read_until: datetime | None, now: datetime, span: timedelta | None) -> Window | None:
        """The next window after `read_until` (None = from the beginning), of about `span` (None = all that there is).

        None where nothing new can have come. `until` lies after `read_until`.
        """

    def read(self, window: Window, cursor: str) -> Answer[Read]:
        """The page at `cursor` ("" = the first). Raises nothing for what the network or the source does."""

    def close(self) -> None:
        """Close the line."""


class TakesFeedback(Source, Protocol):
    """A source that wants to know what our people found about its entries."""

    @staticmethod
    def algorithms(how: str, digests: set[str]) -> tuple[str, ...]:
        """The source's names of the fingerprints that a hit `how` (`HitRecord.how`) agreed in."""

    def reasons(self, algorithm: str) -> Answer[dict[str, str]]:
        """What a negative feedback may give as its reason: names by the source's ids."""

    def tell(self, ref: str, algorithm: str, *, affirmative: bool, reasons: tuple[str, ...]) -> Answer[bytes]:
        """Say that the fingerprint of an entry is right or wrong, in place of what we said before."""
