"""What stands around a message of a Matrix room, in the words of the contract.

`hosts.matrix` alone calls `around(api, event, ...)` and `event_of_file(api, file, named_as)`.
"""

from safehold.hosts import matrix_facts as facts
from safehold.hosts import matrix_ids as ids
from safehold.hosts.contract import Context, ContextMessage, NotFound, Unsupported, window
from safehold.hosts.matrix_api import Json, Synapse

MESSAGES = ("m.room.message", "m.room.encrypted", "m.sticker")  # the events that say something
ASKED = (*MESSAGES, "m.room.member", "m.room.name")  # Synapse's filter holds for the state beside them too
NAMED = 10  # members of a room who are named as recipients; what is said in larger ones goes to a crowd


def around(api: Synapse, event: ids.Event, *, before: int, after: int) -> tuple[Context, str]:
    """The messages around an event, and who sent it. Whether they are all is never known: see the adapter's limits."""
    limit = 2 * (max(before, after) + 1)  # one more than wanted on each side: then there are further ones
    given = api.context(event.room, event.event, limit, ASKED)
    state = list(given.get("state") or ())
    members = _members_in(state)
    earlier, later = (
        [one for one in given[side] if one["type"] in MESSAGES] for side in ("events_before", "events_after")
    )
    events = [*reversed(earlier), given["event"], *later]
    found = Context(
        messages=tuple(_message(event.room, one, members) for one in events),
        about=event.id,
        thread=event.room,
        title=_name_in(state),
    )
    return window(found, before=before, after=after), given["event"]["sender"]


def event_of_file(api: Synapse, file: ids.Media, named_as: tuple[str, ...]) -> ids.Event:
    """The event by which a report named the file. Synapse does not say where a file is shown."""
    for name in named_as:
        event = ids.parse(name)
        if not isinstance(event, ids.Event):
            continue
        try:
            if event.room.startswith("#"):
                event = ids.Event(api.room_of_alias(event.room), event.event)
            if file in facts.files_in(dict(api.context(event.room, event.event)["event"])["content"]):
                return event
        except NotFound:
            continue
    raise Unsupported("No report named the message that shows this file, and Synapse cannot find it.")


def _message(room: str, event: Json, members: tuple[str, ...]) -> ContextMessage:
    """An event as one of the messages around an item. Of a redacted one only that, by whom and when is left."""
    content, relations = event.get("content") or {}, (event.get("unsigned") or {}).get("m.relations") or {}
    edit, taken_back = relations.get("m.replace") or {}, _redaction(event)
    relation = content.get("m.relates_to") or {}
    answers = relation.get("m.in_reply_to") or {} if isinstance(relation, dict) else {}
    replied = str(answers.get("event_id") or "") if isinstance(answers, dict) else ""
    return ContextMessage(
        id=ids.Event(room, event["event_id"]).id,
        at=facts.moment(event.get("origin_server_ts")),
        sender=event["sender"],
        recipients=tuple(one for one in members if one != event["sender"]) if len(members) <= NAMED else (),
        text=facts.words(content),
        attachments=tuple(file.id for file in facts.files_in(content)),
        reply_to=ids.Event(room, replied).id if replied else "",
        edited=bool(edit),
        edited_at=facts.moment(edit.get("origin_server_ts")),
        deleted=facts.is_redacted(event),
        deleted_at=facts.moment(taken_back.get("origin_server_ts")),
        encrypted=event.get("type") == "m.room.encrypted" and not facts.is_redacted(event),
    )


def _members_in(state: list[Json]) -> tuple[str, ...]:
    """Who is in the room, by its state."""
    joined = (row for row in state if row.get("type") == "m.room.member")
    return tuple(sorted(row["state_key"] for row in joined if (row.get("content") or {}).get("membership") == "join"))


def _name_in(state: list[Json]) -> str:
    """The room's name, by its state; "" where it has none."""
    names = [row.get("content") or {} for row in state if row.get("type") == "m.room.name"]
    return str(names[0].get("name") or "") if names else ""


def _redaction(event: Json) -> Json:
    """The event that took this one back, where the server gives it; Synapse may give its id alone."""
    found = (event.get("unsigned") or {}).get("redacted_because") or event.get("redacted_because")
    return found if isinstance(found, dict) else {}
