"""Redacting one event on Synapse: taking it back for good, from outside the room where possible.

`hosts.matrix` alone calls `redact`.

Synapse has no administrator's route for one event. It has a task that redacts what somebody sent in a room
within a span of time, in that person's own name, without the administrator being there. Given the very
millisecond of an event, that is this event, unless the sender has another one in the same millisecond.
"""

from collections.abc import Callable

from safehold.hosts import matrix_ids as ids
from safehold.hosts.contract import HostRefused, HostUnavailable
from safehold.hosts.matrix_api import Json, Synapse
from safehold.hosts.matrix_facts import is_redacted

# What that task takes back. It takes joins too: they matter for telling events apart.
TAKEN = frozenset({"m.room.message", "m.room.encrypted"})
TAKEN_TOO = TAKEN | {"m.room.member"}
REASON = "Removed by the people who run this server"
LOOKS, PAUSE = 25, 0.1  # how often, and how many seconds apart, to look whether the task has ended


def redact(
    api: Synapse, place: ids.Event, event: Json, *, key: str, own_server: str, pause: Callable[[float], None]
) -> None:
    """Redact, unless it is already. Returning means taken: ask for the event again to see it done.

    Raises HostRefused, saying what would help, where neither the task nor our own account can.
    """
    if is_redacted(event):
        return
    sender = ids.parse_user(event["sender"])
    by_task = event["type"] in TAKEN and sender is not None and sender.server == own_server
    if not by_task or _has_twin(api, place, event) or not _run_task(api, place, event, pause):
        _redact_as_ourselves(api, place, key)


def _run_task(api: Synapse, place: ids.Event, event: Json, pause: Callable[[float], None]) -> bool:
    """Whether the task did it, or is still at it. Synapse 1.163 fails for suspended senders in rooms before v11."""
    try:
        task = api.start_redaction(event["sender"], place.room, event["origin_server_ts"], REASON)
    except HostRefused as problem:
        if "already in progress" in str(problem):
            raise HostUnavailable("Synapse is redacting other events of this account. Ask again later.") from None
        raise
    for _ in range(LOOKS):
        state = api.redaction_task(task)
        if state["status"] == "failed":
            return False
        if state["status"] == "complete":
            return place.event not in state["failed_redactions"]
        pause(PAUSE)
    return True


def _has_twin(api: Synapse, place: ids.Event, event: Json) -> bool:
    around = api.context(place.room, place.event, around=20)
    return any(
        other["sender"] == event["sender"] and other["origin_server_ts"] == event["origin_server_ts"]
        for other in (*around["events_before"], *around["events_after"])
        if other["type"] in TAKEN_TOO and not is_redacted(other)
    )


def _redact_as_ourselves(api: Synapse, place: ids.Event, key: str) -> None:
    try:
        api.redact_as_myself(place.room, place.event, key)
    except HostRefused as problem:
        raise HostRefused(
            "Synapse cannot redact this event in its sender's name. Invite Safehold's account into the room, "
            f"with the power to redact, and order again. {problem}"
        ) from problem
