"""The adapter for Matrix homeservers that run Synapse, over its admin API.

Others may call: `hosts.service.contact(host)`, which finds `make` here under "matrix"; tests make a `MatrixContact`.

Items are files (`mxc://server/id`) and events (`!room/$event`); accounts are `@name:server`. What an order does:

| order | on Synapse | undone by |
|---|---|---|
| hide, restore | quarantine and unquarantine the file (of an event: all its files) | each other |
| purge | delete the file; of an event: delete its files, then redact it | nothing |
| suspend | suspend, then lock: nothing can be sent, uploaded or read, logging in is refused | restore |
| lock | lock: the same for the account holder; reads back as locked, not as suspended | restore |
| restore | unlock, then lift the suspension | |
| tell | a server notice; not for accounts that are locked, for they cannot read one | |

Accounts are never deactivated: that makes them leave their rooms and cannot be taken back.
Suspension alone is not enough: a suspended account can still log in and upload files.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import msgspec

from safehold.hosts import keys, service
from safehold.hosts import matrix_facts as facts
from safehold.hosts import matrix_ids as ids
from safehold.hosts.contract import (
    Abilities,
    AccountFacts,
    Context,
    Found,
    HostRefused,
    ItemFacts,
    ItemStatus,
    NotFound,
    Unsupported,
)
from safehold.hosts.matrix_api import Json, Synapse
from safehold.hosts.matrix_context import around, event_of_file
from safehold.hosts.matrix_limits import LIMITS, ORDERS
from safehold.hosts.matrix_redaction import redact
from safehold.sealing import box
from safehold.subjects.models import Host


def make(host: Host) -> "MatrixContact":
    """The line to a host's row.

    Its secret `admin_token` is the access token of a server administrator's account, best one of
    Safehold's own. `host.settings["server_name"]` spares a question where it is known.
    """
    return MatrixContact(
        host.base_url, lambda: _admin_token(host), server_name=str(host.settings.get("server_name", ""))
    )


def _admin_token(host: Host) -> str:
    try:
        return keys.get_secret(host, "admin_token")
    except (keys.NoSecret, box.CannotUnseal) as problem:
        raise HostRefused(str(problem)) from None


class MatrixContact:
    """`hosts.contract.Contact` for one Synapse. Holds no rows and knows no case."""

    abilities = Abilities(orders=ORDERS, context=True, limits=LIMITS)

    def __init__(
        self,
        base_url: str,
        token: str | Callable[[], str],
        *,
        server_name: str = "",
        transport: httpx2.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.api = Synapse(base_url, token, transport=transport)
        self._server_name = server_name
        self._pause = pause

    @property
    def server_name(self) -> str:
        """The name in this server's ids; asked once where the host's settings do not say."""
        if not self._server_name:
            self._server_name = self.api.whoami().partition(":")[2]
        return self._server_name

    def ping(self) -> str:
        """Software and version. Raises HostRefused where the token's account is no server administrator."""
        me = self.api.whoami()
        if not self.api.user(me).get("admin"):
            raise HostRefused(f"{me} is not a server administrator of this homeserver.")
        if me.partition(":")[2] != self.server_name:
            raise HostRefused(f"The host's settings name the server {self.server_name}, but its token is of {me}.")
        return f"Synapse {self.api.version()}"

    # Asking

    def find(self, link_or_name: str) -> Found:
        """Accounts (also bare names), files, and links to messages, as Matrix clients write them.

        Words of a message in a room that is not open to everybody are left out: a stranger's link
        must not bring them in. `item()` gives them, for a participant's or the host's report.
        """
        place = ids.parse(link_or_name)
        if isinstance(place, ids.User):
            return Found(account=self._find_user(place))
        if isinstance(place, ids.Media):
            item = self._media_facts(place)
            return Found(account=self._account_if_own(item.account_id), item=item)
        if isinstance(place, ids.Event):
            return self._find_event(place)
        if isinstance(place, ids.Room):
            raise Unsupported("This leads to a room. Name the message or the account that it is about.")
        raise NotFound("This is no Matrix link, address or name.")

    def account(self, account_id: str) -> AccountFacts:
        """An account of this server, with its addresses of the last weeks as Synapse logged them."""
        user = self._user(account_id)
        return facts.account_facts(user, self.api.whois(user["name"]))

    def item(self, item_id: str) -> ItemFacts:
        """A file or an event. A purged file is NotFound, a redacted event is GONE.

        An event that `find` would give as its file is given as that file here too, under the file's id.
        """
        place = _item(item_id)
        if isinstance(place, ids.Media):
            return self._media_facts(place)
        return self._event_item(place, self._event(place))

    def items_of(self, account_id: str, limit: int = 50) -> list[ItemFacts]:
        """The files that an account uploaded, newest first. Synapse keeps no list of messages by sender."""
        user = self._own_user(account_id)
        return [
            facts.file_facts(self.api.base_url, ids.Media(self.server_name, row["media_id"]), row)
            for row in self.api.media_of(user.id, limit)
        ]

    @contextmanager
    def open_item(self, item_id: str) -> Iterator[Iterator[bytes]]:
        """The file, or the file that an event shows, also while quarantined."""
        place = _item(item_id)
        if isinstance(place, ids.Event):
            place = self._shown_file(place)
        self._must_be_own(place.server, "file")
        info = self.api.media(place.server, place.media)
        with self.api.open_media(place.server, place.media, info.get("sha256")) as pieces:
            yield pieces

    def context(self, item_id: str, *, named_as: tuple[str, ...] = (), before: int = 20, after: int = 20) -> Context:
        """The messages around an event, or around the one that shows a file where a report named that event."""
        place = _item(item_id)
        event = place if isinstance(place, ids.Event) else event_of_file(self.api, place, named_as)
        found, sender = around(self.api, event, before=before, after=after)
        account = self._account_if_own(sender)
        return msgspec.structs.replace(found, addresses=account.addresses if account else ())

    # Orders on items

    def hide_item(self, item_id: str, *, key: str) -> None:  # noqa: ARG002 - quarantine is idempotent by itself
        """Quarantine. Raises Unsupported for what has no file, HostRefused for files that the host protects."""
        files = self._files_to_act_on(item_id, "hidden")
        infos = [(file, self.api.media(file.server, file.media)) for file in files]
        for file, info in infos:
            if info.get("safe_from_quarantine"):
                raise HostRefused(
                    f"{file.id} is protected from quarantine on the homeserver. An administrator must unprotect it "
                    f"(POST /_synapse/admin/v1/media/unprotect/{file.media}), then order again."
                )
        for file, info in infos:
            if not info.get("quarantined_by"):
                self.api.quarantine(file.server, file.media)

    def restore_item(self, item_id: str, *, key: str) -> None:  # noqa: ARG002
        """Lift the quarantine. Raises NotFound once the file is purged."""
        for file in self._files_to_act_on(item_id, "restored"):
            if self.api.media(file.server, file.media).get("quarantined_by"):
                self.api.unquarantine(file.server, file.media)

    def purge_item(self, item_id: str, *, key: str) -> None:
        """Delete the file, or an event's files, and redact the event. No undo."""
        place = _item(item_id)
        if isinstance(place, ids.Media):
            self._must_be_own(place.server, "file")
            self._delete(place)
            return
        event = self._event(place)
        for file in facts.files_in(event["content"] or self._content_as_sent(place)):
            if file.server == self.server_name and self._uploaded_by(file) == event["sender"]:
                self._delete(file)
        redact(self.api, place, event, key=key, own_server=self.server_name, pause=self._pause)

    # Orders on accounts

    def suspend_account(self, account_id: str, *, key: str) -> None:  # noqa: ARG002
        """Suspend and lock. Writing ends first, then everything else."""
        user = self._user_to_act_on(account_id)
        if not user["suspended"]:
            self.api.set_suspended(user["name"], True)
        if not user["locked"]:
            self.api.set_locked(user["name"], True)

    def lock_account(self, account_id: str, *, key: str) -> None:  # noqa: ARG002
        """Lock. An account that is suspended as well stays so."""
        user = self._user_to_act_on(account_id)
        if not user["locked"]:
            self.api.set_locked(user["name"], True)

    def restore_account(self, account_id: str, *, key: str) -> None:  # noqa: ARG002
        """Lift lock and suspension, whoever set them."""
        user = self._user_to_act_on(account_id)
        if user["locked"]:
            self.api.set_locked(user["name"], False)
        if user["suspended"]:
            self.api.set_suspended(user["name"], False)

    def tell_account(self, account_id: str, *, subject: str, text: str, link: str, key: str) -> None:
        """A server notice. Unsupported where notices are off, or where the account could not read it."""
        user = self._user_to_act_on(account_id)
        if user["locked"] or user["suspended"]:
            raise Unsupported(f"{user['name']} is locked or suspended and cannot read a notice: write an e-mail.")
        try:
            self.api.send_notice(user["name"], "\n\n".join(part for part in (subject, text, link) if part), key)
        except HostRefused as problem:
            if "not enabled" in str(problem):
                raise Unsupported("Server notices are off on this homeserver (its setting `server_notices`).") from None
            raise

    # Accounts, underneath

    def _own_user(self, account_id: str) -> ids.User:
        user = ids.parse_user(account_id)
        if user is None:
            raise NotFound(f"{account_id!r} is no Matrix account id; they look like @name:server.")
        self._must_be_own(user.server, "account")
        return user

    def _user(self, account_id: str) -> Json:
        """An own account's row. The flags are required: without them nothing could be read back."""
        user = self.api.user(self._own_user(account_id).id)
        if not isinstance(user.get("suspended"), bool) or not isinstance(user.get("locked"), bool):
            raise HostRefused("This Synapse does not say whether an account is suspended or locked: update it.")
        return user

    def _user_to_act_on(self, account_id: str) -> Json:
        user = self._user(account_id)
        if user["deactivated"]:
            raise NotFound(f"{user['name']} is deactivated: there is no account left to act on.")
        if user.get("admin") and user["name"] == self.api.whoami():
            raise HostRefused(
                f"{user['name']} is the account that Safehold itself uses; locking it would end the line."
            )
        return user

    def _find_user(self, place: ids.User) -> AccountFacts:
        """Names are lower case since 2018, older ones may not be: what was pasted comes first."""
        server = place.server or self.server_name
        try:
            return self.account(ids.User(place.name, server).id)
        except NotFound:
            if place.name == place.name.lower():
                raise
        return self.account(ids.User(place.name.lower(), server).id)

    def _account_if_own(self, account_id: str) -> AccountFacts | None:
        user = ids.parse_user(account_id)
        return self.account(account_id) if user and user.server == self.server_name else None

    def _must_be_own(self, server: str, what: str) -> None:
        if server != self.server_name:
            raise Unsupported(
                f"This {what} belongs to the homeserver {server}; only those of {self.server_name} can be acted on."
            )

    # Files, underneath

    def _media_facts(self, place: ids.Media) -> ItemFacts:
        self._must_be_own(place.server, "file")
        return facts.file_facts(self.api.base_url, place, self.api.media(place.server, place.media))

    def _files_to_act_on(self, item_id: str, done: str) -> list[ids.Media]:
        """The item's files, all of this server. Raises Unsupported, before anything is done, where one is not."""
        place = _item(item_id)
        if isinstance(place, ids.Media):
            self._must_be_own(place.server, "file")
            return [place]
        event = self._event(place)
        if event["type"] == "m.room.encrypted":
            raise Unsupported(f"An encrypted message cannot be {done}: its files are unknown here. It can be purged.")
        files = facts.files_in(event["content"] or self._content_as_sent(place))
        if not files:
            raise Unsupported(f"A message without a file cannot be {done} on Matrix. It can be purged, without undo.")
        for file in files:
            self._must_be_own(file.server, "file")
        return files

    def _uploaded_by(self, file: ids.Media) -> str:
        """Who uploaded a file; "" where it is not there (any more)."""
        try:
            return self.api.media(file.server, file.media).get("user_id") or ""
        except NotFound:
            return ""

    def _delete(self, file: ids.Media) -> None:
        try:
            self.api.delete_media(file.server, file.media)
        except NotFound:
            return  # it is gone already: the order is idempotent

    # Events, underneath

    def _event(self, place: ids.Event) -> Json:
        """An event as members see it; an alias in `place` must be resolved before."""
        return dict(self.api.context(place.room, place.event)["event"])

    def _content_as_sent(self, place: ids.Event) -> Json:
        return dict(self.api.event_as_sent(place.event).get("content") or {})

    def _is_open(self, room: str) -> bool:
        """Whether anybody may come in or read."""
        settings = self.api.room(room)
        return settings.get("join_rules") == "public" or settings.get("history_visibility") == "world_readable"

    def _find_event(self, place: ids.Event) -> Found:
        if place.room.startswith("#"):
            place = ids.Event(self.api.room_of_alias(place.room), place.event)
        event = self._event(place)
        item = self._event_item(place, event)
        return Found(account=self._account_if_own(event["sender"]), item=item if item.public else _without_words(item))

    def _event_item(self, place: ids.Event, event: Json) -> ItemFacts:
        """The event's only file where its sender uploaded it, so that reports of either meet; else the event."""
        is_open = self._is_open(place.room)
        files = facts.files_in(event["content"])
        if len(files) == 1 and files[0].server == self.server_name and self._uploaded_by(files[0]) == event["sender"]:
            return msgspec.structs.replace(self._media_facts(files[0]), public=is_open)
        return facts.event_facts(place, event, status=self._event_status(event, files), is_open=is_open)

    def _event_status(self, event: Json, files: list[ids.Media]) -> ItemStatus:
        """Redacted: gone. All its files out of reach: hidden."""
        if facts.is_redacted(event):
            return ItemStatus.GONE
        return ItemStatus.HIDDEN if files and all(map(self._out_of_reach, files)) else ItemStatus.VISIBLE

    def _out_of_reach(self, file: ids.Media) -> bool:
        if file.server != self.server_name:
            return False
        try:
            return bool(self.api.media(file.server, file.media).get("quarantined_by"))
        except NotFound:
            return True

    def _shown_file(self, place: ids.Event) -> ids.Media:
        """The file that a message is about, rather than its thumbnail."""
        content = self._event(place)["content"] or self._content_as_sent(place)
        files = facts.files_in(content)
        if not files:
            raise NotFound("This message has no file.")
        named = ids.parse_media(str(content.get("url", "")))
        return named if named in files else files[0]


def _without_words(item: ItemFacts) -> ItemFacts:
    """The item without what its sender wrote: the file's name may be a message as well."""
    return msgspec.structs.replace(item, text="", file_name="")


def _item(item_id: str) -> ids.Media | ids.Event:
    place = ids.parse_item(item_id)
    if place is None or (isinstance(place, ids.Event) and not place.room.startswith("!")):
        raise NotFound(f"{item_id!r} is no item id of a Matrix host; they look like mxc://server/id or !room/$event.")
    return place


service.register("matrix", make)
