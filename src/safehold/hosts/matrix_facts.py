"""What Synapse's answers say, in the words of the contract. Pure: no network.

`hosts.matrix` and `hosts.matrix_context` call this.
"""

from datetime import UTC, datetime
from typing import Any

from safehold.hosts import matrix_ids as ids
from safehold.hosts.contract import AccountFacts, AccountStatus, AddressUse, ItemFacts, ItemStatus
from safehold.hosts.matrix_api import Json


def file_facts(base_url: str, place: ids.Media, info: Json) -> ItemFacts:
    """A file, from the media repository's row of it."""
    return ItemFacts(
        id=place.id,
        kind="media",
        status=ItemStatus.HIDDEN if info.get("quarantined_by") else ItemStatus.VISIBLE,
        account_id=info.get("user_id") or "",
        url=f"{base_url}/_matrix/client/v1/media/download/{place.server}/{place.media}",
        posted_at=moment(info.get("created_ts")),
        file_name=info.get("upload_name") or "",
        media_type=info.get("media_type") or "",
    )


def event_facts(place: ids.Event, event: Json, *, status: ItemStatus, is_open: bool) -> ItemFacts:
    """A message or another event, as its room's members see it."""
    content = event["content"]
    shows_file = bool(files_in(content))
    info = content.get("info")
    kind = info.get("mimetype") if isinstance(info, dict) else None
    return ItemFacts(
        id=place.id,
        kind="message",
        status=status,
        account_id=event["sender"],
        url=f"https://matrix.to/#/{place.id}",
        posted_at=moment(event.get("origin_server_ts")),
        text=words(content),
        file_name=str(content.get("filename") or content.get("body") or "") if shows_file else "",
        media_type=(kind if isinstance(kind, str) and kind else "application/octet-stream") if shows_file else "",
        public=is_open,
    )


def account_facts(user: Json, connections: list[Json]) -> AccountFacts:
    """An account, and the network addresses that it was used from."""
    addresses = {_kind(row, "email"): row for row in user["threepids"]}
    addresses.pop("", None)
    return AccountFacts(
        id=user["name"],
        handle=user["name"],
        status=_status(user),
        url=f"https://matrix.to/#/{user['name']}",
        display_name=user.get("displayname") or "",
        emails=tuple(addresses),
        verified_emails=tuple(address for address, row in addresses.items() if row.get("validated_at")),
        phones=tuple(f"+{phone}" for row in user["threepids"] if (phone := _kind(row, "msisdn").lstrip("+"))),
        addresses=tuple(
            # Synapse logs when an address was last used, not for what.
            AddressUse(ip=row["ip"], event="Other", at=moment(row.get("last_seen")))
            for row in connections
            if row.get("ip") and row["ip"] != "-"
        ),
        registered_at=moment(user["creation_ts"] * 1000),  # this route alone counts in seconds
    )


def _status(user: Json) -> AccountStatus:
    """Only both flags together are a suspension: one alone leaves a way in, or was set half-way."""
    if user["deactivated"]:
        return AccountStatus.GONE
    if user["suspended"] and user["locked"]:
        return AccountStatus.SUSPENDED
    return AccountStatus.LOCKED if user["suspended"] or user["locked"] else AccountStatus.ACTIVE


def _kind(threepid: Json, medium: str) -> str:
    return str(threepid["address"]) if threepid["medium"] == medium else ""


def is_redacted(event: Json) -> bool:
    """Whether members see that the event was taken back."""
    return "redacted_because" in (event.get("unsigned") or {}) or "redacted_because" in event


def files_in(content: Json) -> list[ids.Media]:
    """Every file that an event's content shows: file, thumbnail, gallery. Not what its words mention."""
    found: dict[ids.Media, None] = {}

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name not in ("body", "formatted_body"):
                    walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
        elif isinstance(value, str) and (file := ids.parse_media(value)):
            found[file] = None

    walk(content)
    return list(found)


def words(content: Json) -> str:
    """What an event says in words. A file's body is its name, unless the name stands apart."""
    for name in ("body", "topic", "name"):
        words = content.get(name)
        if isinstance(words, str) and words:
            return "" if name == "body" and files_in(content) and content.get("filename") in (None, words) else words
    return ""


def moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
