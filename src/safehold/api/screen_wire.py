"""What the screening path takes and answers, on the wire. Inside the screening path only (docs/screening.md)."""

from typing import Annotated, Literal

import msgspec

LARGEST = 4 * 1024 * 1024  # bytes of a JSON body
TEXT = 1024 * 1024  # bytes of an item's text
HASHES = 10_000  # PDQ hashes of a whole request: a film of two hours has 7,200
FETCHES = 10  # addresses of a whole request that are fetched

Name = Annotated[str, msgspec.Meta(max_length=255)]
Link = Annotated[str, msgspec.Meta(min_length=1, max_length=65_536)]
Do = Literal["allow", "hide", "review", "not_screened"]


class PdqIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One perceptual hash that the host made, and its quality. Below 50 it says nothing and is not looked at."""

    hash: str
    quality: Annotated[int, msgspec.Meta(ge=0, le=100)]


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item: by its digests and hashes, its links, its text, or the address of its file. The ids are the host's."""

    sha256: str = ""
    sha1: str = ""
    md5: str = ""
    pdq: Annotated[tuple[PdqIn, ...], msgspec.Meta(max_length=7200)] = ()
    film: bool = False  # the hashes are of a film, one a second
    links: Annotated[tuple[Link, ...], msgspec.Meta(max_length=100)] = ()
    expanded: Annotated[dict[Link, Link], msgspec.Meta(max_length=100)] = {}  # where a short link leads
    text: Annotated[str, msgspec.Meta(max_length=TEXT)] = ""
    url: Annotated[str, msgspec.Meta(max_length=4096)] = ""  # of the file, to be fetched
    item_id: Name = ""
    account_id: Name = ""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of items from one surface of the host, under the law of one place."""

    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1, max_length=1000)]
    surface: str
    jurisdiction: str


class HitOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """One list entry that an item hit, and how."""

    list: str
    source: str
    category: str
    exact: bool  # the very file
    how: str  # sha256, sha1, md5, pdq, link, term, together
    distance: int | None = None  # of pdq: bits of 256 that differ
    link: str = ""  # the address that hit
    scope: str = ""  # how much of an address the entry means
    held_back: bool = False  # the entry itself is in doubt: it hides nothing


class NotScreened(msgspec.Struct, frozen=True):
    """Why an item, or a part of it, was not looked at. It does not mean clean."""

    reason: str
    why: str


class Answered(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to do with one item."""

    sha256: str
    hits: tuple[HitOut, ...]
    do: Do
    item_id: str = ""
    not_screened: NotScreened | None = None


class Answer(msgspec.Struct, frozen=True):
    """The items in the order in which they were asked."""

    items: tuple[Answered, ...]


class Refused(Exception):
    """Ends the request: status, code, message, field."""

    def __init__(self, status: int, error: str, message: str, field: str = "") -> None:
        self.status, self.error, self.message, self.field = status, error, message, field
        super().__init__(error)


class Gone(Exception):
    """The caller hung up before the body was whole."""
