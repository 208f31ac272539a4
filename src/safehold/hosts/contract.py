"""The contract between Safehold and any host: what a host can be asked and told.

An adapter implements `Contact`. Every order is idempotent: repeating it changes nothing and succeeds.
An order returning normally means "the host took it", never "it is done": done is what
`account_state` / `item_state` answer when asked again (design: invariant 5).
Adapters hold no database rows and know no case.
"""

import enum
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

import msgspec


class HostError(Exception):
    """The host did not do or answer what was asked; `str()` says what, for an operator."""


class HostUnavailable(HostError):
    """Nothing is known of the outcome (refused connection, time-out, 5xx, 429). Ask again later."""


class HostRefused(HostError):
    """The host understood and declined (4xx). Repeating will not help: a person must look."""


class NotFound(HostError):
    """The host says that this account, item or link does not exist there (any more)."""


class Unsupported(HostError):
    """This adapter cannot do that for this object: a declared limit of the contract."""


class AccountStatus(enum.StrEnum):
    ACTIVE = "active"
    LOCKED = "locked"  # cannot post until it complies
    SUSPENDED = "suspended"
    GONE = "gone"


class ItemStatus(enum.StrEnum):
    VISIBLE = "visible"
    HIDDEN = "hidden"  # out of everybody's reach, can be brought back
    GONE = "gone"


class AddressUse(msgspec.Struct, frozen=True):
    """An address on the network, as the host logged it. Never decides about a person."""

    ip: str
    event: str  # Login | Registration | Purchase | Upload | Other | Unknown
    at: datetime | None = None
    port: int | None = None


class AccountFacts(msgspec.Struct, frozen=True):
    """What the host knows of an account. `id` is the host's own."""

    id: str
    handle: str
    status: AccountStatus
    url: str = ""
    display_name: str = ""
    emails: tuple[str, ...] = ()
    verified_emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()  # E.164 where the host has it
    addresses: tuple[AddressUse, ...] = ()
    registered_at: datetime | None = None
    language: str = ""


class ItemFacts(msgspec.Struct, frozen=True):
    """What the host knows of an item, without its content."""

    id: str
    kind: str  # "post" | "message" | "media"
    status: ItemStatus
    account_id: str = ""
    url: str = ""
    posted_at: datetime | None = None
    text: str = ""
    file_name: str = ""
    media_type: str = ""  # "" = the item has no file
    public: bool | None = None
    viewed_by_host_staff: bool | None = None  # None = the host does not say
    uploaded_from: AddressUse | None = None


class Found(msgspec.Struct, frozen=True):
    """What a link or a name leads to: an account alone, or an item and its account."""

    account: AccountFacts | None = None
    item: ItemFacts | None = None


class DeviceUse(msgspec.Struct, frozen=True):
    """A device's identifier as the host logged it: its kind (IMEI, ICCID, SSID, …), value, event and time."""

    type: str
    value: str
    event: str = ""  # as AddressUse.event; "" = the host does not say
    at: datetime | None = None


class ContextMessage(msgspec.Struct, frozen=True):
    """A message or post that stands around an item, or the item itself. Ids are the host's own."""

    id: str
    at: datetime | None = None
    sender: str = ""  # an account; "" = the host does not know (any more)
    recipients: tuple[str, ...] = ()  # accounts; empty where it went to everybody, or to too many to name
    text: str = ""
    attachments: tuple[str, ...] = ()  # items that hold its files, or the files' own ids
    reply_to: str = ""
    edited: bool = False
    edited_at: datetime | None = None
    deleted: bool = False
    deleted_at: datetime | None = None
    encrypted: bool = False  # the host cannot read its text


class Context(msgspec.Struct, frozen=True):
    """What gives an item its context: what was said around it, and from where its account was used then.

    Messages stand by time, oldest first. `about` is the one among them that is the item itself: its own id, or
    that of the message that carries it. Empty parts are what the host does not have.
    """

    messages: tuple[ContextMessage, ...] = ()
    about: str = ""
    thread: str = ""  # the host's id of the conversation
    title: str = ""
    complete: bool | None = None  # False = there are further messages that are not here; None = not known
    addresses: tuple[AddressUse, ...] = ()  # of the item's account
    devices: tuple[DeviceUse, ...] = ()  # of the item's account


class Abilities(msgspec.Struct, frozen=True):
    """What can be asked of this kind of host, and what cannot be undone there. Shown to operators."""

    orders: frozenset[str]
    context: bool = False  # whether this kind of host can be asked for what stands around an item
    without_undo: frozenset[str] = frozenset({"purge_item"})
    limits: tuple[str, ...] = ()


class Contact(Protocol):
    """A line to one host. Every method may raise HostError's kinds; all take the host's own ids.

    `key` on orders is the action's id: the host may use it to recognise a repetition.
    """

    abilities: Abilities

    def ping(self) -> str:
        """The host's software and version, proving that address and credentials work."""

    def find(self, link_or_name: str) -> Found:
        """What a link or account name leads to. NotFound where it leads nowhere."""

    def account(self, account_id: str) -> AccountFacts: ...

    def item(self, item_id: str) -> ItemFacts: ...

    def items_of(self, account_id: str, limit: int = 50) -> list[ItemFacts]: ...

    def open_item(self, item_id: str) -> AbstractContextManager[Iterator[bytes]]:
        """The item's file, streamed, also when hidden. NotFound where it has none."""

    def context(self, item_id: str, *, named_as: tuple[str, ...] = (), before: int = 20, after: int = 20) -> Context:
        """What stands around the item: at most so many messages before it and after it, also when it is hidden.

        `named_as` are links and ids by which reports named the item: a file can be found in a message by them.
        Whether a private conversation may be asked for is the caller's to know. Unsupported where the host has no
        such thing for this item; NotFound where the item is gone.
        """

    def hide_item(self, item_id: str, *, key: str) -> None: ...

    def restore_item(self, item_id: str, *, key: str) -> None: ...

    def purge_item(self, item_id: str, *, key: str) -> None:
        """Destroy the host's copy. No undo."""

    def suspend_account(self, account_id: str, *, key: str) -> None: ...

    def lock_account(self, account_id: str, *, key: str) -> None: ...

    def restore_account(self, account_id: str, *, key: str) -> None:
        """Lift a suspension or a lock."""

    def tell_account(self, account_id: str, *, subject: str, text: str, link: str, key: str) -> None:
        """Show the account holder a message, also while suspended. Unsupported where the host cannot."""


def window(context: Context, *, before: int, after: int) -> Context:
    """The context with no more than so many messages around the item; what is cut off makes it incomplete.

    Raises HostRefused where the messages do not hold the item exactly once: they would prove nothing about it.
    """
    places = [place for place, one in enumerate(context.messages) if one.id == context.about]
    if not context.messages:
        return context
    if len(places) != 1:
        raise HostRefused(f"The item stands {len(places)} times in the messages that the host gave around it.")
    kept = context.messages[max(places[0] - before, 0) : places[0] + after + 1]
    whole = context.complete if len(kept) == len(context.messages) else False
    return msgspec.structs.replace(context, messages=kept, complete=whole)
