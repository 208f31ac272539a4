"""A message thread as a plain text file: the evidence of a case that has no file of its own.

Pure. Others may call `render(thread)`: the same thread gives the same bytes, so that its hash proves it. The caller
seals them in the vault as `text/plain` and names the sealed file in `FilingInput.files`.

Every message has a line of ours (number, time, id, direction, who) and its text below, each line of it after
`| `, so that no text can pass for a line of ours. Characters that a reader could not see, or that would
move the text about, are written out as `<U+0000>`; tabs, and the joiners that scripts and emoji need, stay.
"""

import unicodedata
from datetime import UTC, datetime
from typing import Literal

from safehold.cybertip.document.errors import SERVICE, DocumentError
from safehold.cybertip.input_parts import Record

_KEPT = "\t\u200c\u200d"
Direction = Literal["from_reported", "to_reported", "other"]
_DIRECTIONS = {
    "from_reported": "from the reported account",
    "to_reported": "to the reported account",
    "other": "between others",
}


class MessageInput(Record, frozen=True, kw_only=True):
    """One message as the host gave it. `reported` = this message was itself reported."""

    id: str
    at: datetime | None
    direction: Direction
    sender: str  # the host's id of the account
    recipients: tuple[str, ...] = ()
    text: str = ""
    attachments: tuple[str, ...] = ()  # sealed ids, or the host's ids of what could not be fetched
    reply_to: str = ""
    edited: bool = False
    edited_at: datetime | None = None
    deleted: bool = False
    deleted_at: datetime | None = None
    encrypted: bool = False  # the service itself cannot read its text
    reported: bool = False


class ThreadInput(Record, frozen=True, kw_only=True):
    """A thread. `complete` is False where messages before, between or after exist that are not here."""

    id: str
    service: str
    reported_account: str
    messages: tuple[MessageInput, ...]
    title: str = ""
    fetched_at: datetime | None = None
    complete: bool | None = None


def render(thread: ThreadInput) -> bytes:
    """The file, UTF-8 with LF. Messages by time; those without one stand last, in the order given.

    Raises DocumentError for a thread without messages and for a time without its zone.
    """
    if not thread.messages:
        raise DocumentError("ThreadInput/messages", "must hold a message", SERVICE)
    order = sorted(thread.messages, key=lambda one: (one.at is None, _utc(one.at) or datetime.min.replace(tzinfo=UTC)))
    lines = [
        f"Thread {visible(thread.id)} of {visible(thread.service)}",
        *([f"Title: {visible(thread.title)}"] if thread.title else []),
        f"Reported account: {visible(thread.reported_account)}",
        f"Messages: {len(order)}. {_whole(thread.complete)}",
        *([f"Fetched from the service: {_time(thread.fetched_at)}"] if thread.fetched_at else []),
        "Times are UTC. Lines after a vertical bar are the messages' own text.",
    ]
    for number, message in enumerate(order, 1):
        lines += ["", *_message(number, message)]
    return ("\n".join(lines) + "\n").encode()


def visible(text: str) -> str:
    """Text on one line of which nothing is hidden: controls, separators, and marks of direction written out."""
    return "".join(_seen(char) for char in text)


def _message(number: int, message: MessageInput) -> list[str]:
    to = f" to {', '.join(map(visible, message.recipients))}" if message.recipients else ""
    notes = [
        *(["this message was reported"] if message.reported else []),
        *([f"in reply to {visible(message.reply_to)}"] if message.reply_to else []),
        *([f"edited {_time(message.edited_at)}"] if message.edited_at or message.edited else []),
        *([f"deleted {_time(message.deleted_at)}"] if message.deleted_at or message.deleted else []),
        *(["encrypted, its text is not known to the service"] if message.encrypted else []),
    ]
    return [
        f"[{number}] {_time(message.at)} message {visible(message.id)}, {_DIRECTIONS[message.direction]}",
        f"    {visible(message.sender)}{to}{''.join(f'; {note}' for note in notes)}",
        *(f"    attachment {visible(one)}" for one in message.attachments),
        *(f"    | {visible(line)}" for line in message.text.replace("\r\n", "\n").split("\n") if message.text),
    ]


def _whole(complete: bool | None) -> str:
    if complete is None:
        return "Whether this is the whole thread is not known."
    return "This is the whole thread." if complete else "The thread has further messages that are not here."


def _utc(at: datetime | None) -> datetime | None:
    if at is not None and at.utcoffset() is None:
        raise DocumentError("MessageInput/at", "must be a time with its zone", SERVICE)
    return None if at is None else at.astimezone(UTC)


def _time(at: datetime | None) -> str:
    moment = _utc(at)
    return "time not known" if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seen(char: str) -> str:
    hidden = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") and char not in _KEPT
    return f"<U+{ord(char):04X}>" if hidden else char
