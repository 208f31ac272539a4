"""Matrix identifiers: what people paste, and the ids that the adapter gives to items.

Others may call: `parse(text)` for anything pasted, `parse_item(id)` for the adapter's own item ids.
Grammar: Matrix specification, appendices "Identifier Grammar", "matrix.to navigation", "matrix: URI scheme",
and for media the client-server chapter "Content repository". Pure: no network.
"""

import re
from urllib.parse import unquote, urlsplit

import msgspec

_SERVER = r"[A-Za-z0-9.\-\[\]:]{1,230}"
_USER = re.compile(rf"@(?P<name>[\x21-\x39\x3b-\x7e]+):(?P<server>{_SERVER})")
_NAME = re.compile(r"@?(?P<name>[A-Za-z0-9._=/+\-]+)")
_MXC = re.compile(rf"mxc://(?P<server>{_SERVER})/(?P<media>[A-Za-z0-9_\-]+)")
# Rooms of version 12 and later have no server in their id.
_ROOM = re.compile(rf"[!][A-Za-z0-9_.~+\-]+(:{_SERVER})?|#[^\s/?:]+:{_SERVER}")
_EVENT = re.compile(rf"\$[A-Za-z0-9_.~+/=\-]+(:{_SERVER})?")
_MEDIA_PATH = re.compile(
    r"/_matrix/(?:client/v1/media|media/(?:r0|v1|v3))/(?:download|thumbnail)"
    rf"/(?P<server>{_SERVER})/(?P<media>[A-Za-z0-9_\-]+)(?:/[^/]*)?"
)
LONGEST = 255  # of an id, by the specification; also of what a row of `subjects` can hold


class User(msgspec.Struct, frozen=True):
    """An account. `server` is empty where only a name was pasted."""

    name: str
    server: str

    @property
    def id(self) -> str:
        """The full id, @name:server."""
        return f"@{self.name}:{self.server}"


class Media(msgspec.Struct, frozen=True):
    """A file in the media repository of `server`."""

    server: str
    media: str

    @property
    def id(self) -> str:
        """The item's id: its mxc:// address."""
        return f"mxc://{self.server}/{self.media}"


class Event(msgspec.Struct, frozen=True):
    """A message or another event. `room` may be an alias (#name:server) in what people paste."""

    room: str
    event: str

    @property
    def id(self) -> str:
        """The item's id: room and event, joined by a slash."""
        return f"{self.room}/{self.event}"


class Room(msgspec.Struct, frozen=True):
    """A room as a whole: neither an account nor an item."""

    room: str


Place = User | Media | Event | Room


def parse(text: str) -> Place | None:
    """What a pasted link, address or name means, or None where it is none of Matrix's."""
    text = text.strip().strip("<>")
    if not text or len(text) > 2083:
        return None
    if text.startswith("mxc://"):
        return parse_media(text)
    if text.startswith("matrix:"):
        return _matrix_uri(text)
    if text.startswith(("http://", "https://")):
        return _web_link(text)
    return _plain(text)


def parse_item(item_id: str) -> Media | Event | None:
    """An item's id as the adapter gave it out."""
    if item_id.startswith("mxc://"):
        return parse_media(item_id)
    place = _plain(item_id)
    return place if isinstance(place, Event) else None


def parse_user(account_id: str) -> User | None:
    """A full account id."""
    found = _USER.fullmatch(account_id) if len(account_id) <= LONGEST else None
    return User(found["name"], found["server"]) if found else None


def parse_media(text: str) -> Media | None:
    """An mxc:// address."""
    found = _MXC.fullmatch(text) if len(text) <= LONGEST else None
    return Media(found["server"], found["media"]) if found else None


def _plain(text: str) -> Place | None:
    """@user:server, a bare name, !room:server/$event, #alias:server/$event, or a room alone."""
    if text[:1] in "!#":
        room, slash, event = text.partition("/")
        return _event(room, event) if slash else _room(room)
    if text.startswith("@") and ":" in text:
        return parse_user(text)
    found = _NAME.fullmatch(text) if len(text) <= LONGEST else None
    return User(found["name"], "") if found else None


def _room(room: str) -> Room | None:
    return Room(room) if len(room) <= LONGEST and _ROOM.fullmatch(room) else None


def _event(room: str, event: str) -> Event | None:
    if len(event) > LONGEST or not _room(room) or not _EVENT.fullmatch(event):
        return None
    return Event(room, event)


def _matrix_uri(text: str) -> Place | None:
    """matrix:u/name:server, matrix:roomid/id:server/e/event, matrix:r/alias:server/e/event."""
    parts = [unquote(part) for part in text.removeprefix("matrix:").partition("?")[0].split("/")]
    sigils = {"u": "@", "user": "@", "r": "#", "room": "#", "roomid": "!"}
    if len(parts) < 2 or parts[0] not in sigils:
        return None
    whole = sigils[parts[0]] + parts[1]
    if len(parts) >= 4 and parts[2] in ("e", "event"):
        return _event(whole, "$" + "/".join(parts[3:]))
    return _plain(whole) if len(parts) == 2 else None


def _web_link(text: str) -> Place | None:
    """A media address of a homeserver, or a link into a web client (matrix.to and those like it)."""
    try:
        link = urlsplit(text)
    except ValueError:
        return None
    if found := _MEDIA_PATH.fullmatch(unquote(link.path)):
        return Media(found["server"], found["media"])
    steps = link.fragment.partition("?")[0].strip("/").split("/")
    if steps[0] in ("room", "user"):  # Element and clients like it put the kind before the id
        steps = steps[1:]
    if not steps or unquote(steps[0])[:1] not in ("@", "!", "#"):
        return None
    return _plain(unquote("/".join(steps)))
