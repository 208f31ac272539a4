"""What hosts send to screening and get back, and what can go wrong. All of it is re-exported by `safehold.client`."""

from collections.abc import Mapping

import msgspec


class Pdq(msgspec.Struct, frozen=True):
    """A PDQ hash of a picture that the host computed itself: 64 hexadecimal digits, and its quality (0 to 100)."""

    hash: str
    quality: int


class Item(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One item to be screened, by whatever is known of it. The ids are the host's own; `record` needs `item_id`."""

    item_id: str = ""
    account_id: str = ""
    sha256: str = ""
    sha1: str = ""
    md5: str = ""
    pdq: tuple[Pdq, ...] = ()
    film: bool = False
    links: tuple[str, ...] = ()
    expanded: Mapping[str, str] = {}  # where a shortened link leads, if the host knows
    text: str = ""
    url: str = ""  # of the file, where the operator lets Safehold fetch it


class Hit(msgspec.Struct, frozen=True):
    """One list entry that the item hit. `distance` counts differing bits of a PDQ hash; None for anything else."""

    list: str
    source: str
    category: str
    exact: bool
    how: str = "sha256"
    distance: int | None = None
    link: str = ""  # the address that hit
    scope: str = ""  # how much of an address the entry means
    held_back: bool = False  # the entry itself is in doubt


class NotScreened(msgspec.Struct, frozen=True):
    """Why an item, or a part of it, was not looked at: a code, and a sentence. It does not mean clean."""

    reason: str
    why: str


class Verdict(msgspec.Struct, frozen=True):
    """What to do with an item, and why.

    `do` is `allow` (publish), `hide` (do not publish; keep it hidden under an id of its own, for it must be preserved),
    `review` (publish as your own rules say; a person of Safehold looks once it is recorded) or `not_screened`
    (something of it could not be looked at: decide as your operator told you, never silently).
    """

    do: str
    hits: tuple[Hit, ...] = ()
    sha256: str = ""
    item_id: str = ""
    not_screened: NotScreened | None = None

    @property
    def clear(self) -> bool:
        """Screened, and nothing found. An answer that this version does not know is never clear."""
        return self.do == "allow" and self.not_screened is None

    @property
    def blocked(self) -> bool:
        """Known material: it must not be published."""
        return self.do == "hide"


class Locator(msgspec.Struct, frozen=True):
    """One thing that a report names, and whether Safehold found it: checking, found, not_found, elsewhere."""

    raw: str
    state: str


class Receipt(msgspec.Struct, frozen=True):
    """What the sender of a report is told: its code, and received, in_review or finished."""

    receipt: str
    state: str
    locators: tuple[Locator, ...] = ()


class SignupAnswer(msgspec.Struct, frozen=True):
    """Whether a banned person is at the door, and by which kind of identifier they were known."""

    refused: bool
    by: str = ""


class SafeholdError(Exception):
    """Safehold did not do what was asked. The message is for the host's developer."""


class Unavailable(SafeholdError):
    """No usable answer in spite of repeating. Nothing is known: never take it for "nothing found"."""


class Refused(SafeholdError):
    """Safehold understood and said no: asking again unchanged gives the same answer.

    `status` is that of HTTP, `error` a stable code, `field` where the request is wrong ("" = not one field).
    """

    def __init__(self, status: int, error: str, message: str, field: str = "") -> None:
        self.status, self.error, self.field = status, error, field
        super().__init__(f"{status} {error}{f' at {field}' if field else ''}: {message}")
