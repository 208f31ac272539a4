"""What is sent and how answers are read, for the sync and the async client alike. Does no input or output itself."""

import json
import random
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypedDict, TypeVar

import httpx2
import msgspec

from safehold.client.types import Item, Receipt, Refused, SafeholdError, SignupAnswer, Unavailable, Verdict

Answer = TypeVar("Answer")


def only(answer: "Verdicts") -> Verdict:
    """The verdict on the one file that was asked about. Raises Unavailable."""
    if len(answer.items) != 1:
        raise Unavailable("Safehold answered about something else than the one file.")
    return answer.items[0]


# Statuses that say nothing about the request: the same call may go well later. All calls here may be repeated.
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class Call(msgspec.Struct, Generic[Answer], frozen=True):
    """One request, the same bytes for every attempt, and the type of its answer."""

    method: str
    path: str
    answer: type[Answer]
    content: bytes = b""
    headers: Mapping[str, str] = {}
    params: Mapping[str, str] = {}


class ReportFields(TypedDict, total=False):
    """What a report from inside the host's app may say. One of account_id, item_ids and links is needed."""

    account_id: str
    item_ids: list[str]
    links: list[str]
    reason: str
    class_id: str  # cse, physical-abuse, altercation; "" = the reporter did not say
    reporter_account_id: str
    urgent: bool
    language: str  # BCP 47


class Verdicts(msgspec.Struct, frozen=True):
    """The items in the order in which they were asked."""

    items: tuple[Verdict, ...]


class Taken(msgspec.Struct, frozen=True):
    """An event was taken; `repeated`: it had been before."""

    id: str
    type: str = ""
    repeated: bool = False


def opening(key: str) -> dict[str, str]:
    """The header that every call carries. Raises SafeholdError for what is no key."""
    if not key.isascii() or not key.isprintable() or " " in key or not key:
        raise SafeholdError("That is no API key: it begins with shk_ and has letters, digits and underscores alone.")
    return {"authorization": f"Bearer {key}"}


def screen(items: Sequence[Item], *, surface: str, jurisdiction: str, record: bool, key: str = "") -> Call[Verdicts]:
    """`/screen/v1/check`, or `record` under an idempotency key (a new one where none is given)."""
    body = {"items": list(items), "surface": surface, "jurisdiction": jurisdiction}
    headers = {"content-type": "application/json"}
    if record:
        headers["idempotency-key"] = key or secrets.token_urlsafe(24)
    path = "/screen/v1/record" if record else "/screen/v1/check"
    return Call("POST", path, Verdicts, msgspec.json.encode(body), headers)


def screen_file(
    *, surface: str, jurisdiction: str, item_id: str, account_id: str, record: bool, key: str = ""
) -> Call[Verdicts]:
    """`/screen/v1/file`; the file's bytes are the body and are given to each attempt by the caller."""
    if record and not item_id:
        raise SafeholdError("To record a hit, Safehold must know the item: give item_id.")
    named = {"surface": surface, "jurisdiction": jurisdiction, "item_id": item_id, "account_id": account_id}
    params = {name: value for name, value in named.items() if value or name in ("surface", "jurisdiction")}
    headers = {"content-type": "application/octet-stream"}
    if record:
        params["record"] = "1"
        headers["idempotency-key"] = key or secrets.token_urlsafe(24)
    return Call("POST", "/screen/v1/file", Verdicts, b"", headers, params)


def signup(emails: Sequence[str], phones: Sequence[str], ip: str) -> Call[SignupAnswer]:
    """`/api/v1/signup-checks`."""
    return _json("/api/v1/signup-checks", SignupAnswer, {"emails": list(emails), "phones": list(phones), "ip": ip})


def report(once_key: str, given: ReportFields) -> Call[Receipt]:
    """`/api/v1/reports`: a resend with the same `once_key` gives the same receipt."""
    fields = {"class" if name == "class_id" else name: value for name, value in given.items()}
    return _json("/api/v1/reports", Receipt, {"once_key": once_key, **fields})


def report_state(receipt: str) -> Call[Receipt]:
    """`/api/v1/reports/{receipt}`."""
    if not receipt.replace("-", "").isalnum():
        raise SafeholdError("A receipt consists of letters, digits and hyphens.")
    return Call("GET", f"/api/v1/reports/{receipt}", Receipt)


def event(content: bytes, headers: Mapping[str, str]) -> Call[Taken]:
    """`/api/v1/events`, signed by the caller (`signing.Signer`)."""
    return Call("POST", "/api/v1/events", Taken, content, {"content-type": "application/json", **headers})


def _json(path: str, answer: type[Answer], body: Mapping[str, Any]) -> Call[Answer]:
    return Call("POST", path, answer, json.dumps(body).encode(), {"content-type": "application/json"})


def read(call: Call[Answer], status: int, body: bytes) -> Answer:
    """The answer, typed. Raises Refused for what Safehold declined, Unavailable for what is no answer of Safehold."""
    if 200 <= status < 300:
        try:
            return msgspec.json.decode(body, type=call.answer)
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise Unavailable(f"{call.path} answered {status} with something else than expected: {problem}") from None
    if 400 <= status < 500 and status not in AGAIN:
        try:
            said = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = {}
        texts = [str(said.get(name, "")) for name in ("error", "message", "field")]
        raise Refused(status, texts[0] or "refused", texts[1] or "Safehold declined without a reason.", texts[2])
    raise Unavailable(f"{call.path} answered {status}.")


class Patience:
    """How often and how long to go on trying: at most `attempts`, none begun after `seconds` in all."""

    def __init__(self, attempts: int, seconds: float) -> None:
        if attempts < 1 or seconds <= 0:
            raise SafeholdError("Give at least one attempt and more than no time.")
        self.attempts, self.left, self.made = attempts, seconds, 0

    def pause(self, spent: float, retry_after: str = "") -> float | None:
        """Seconds to wait before the next attempt, after one that took `spent`; None = give up.

        Pauses double from a fifth of a second, with chance in them so that many hosts do not come back at once.
        """
        self.made += 1
        self.left -= spent
        wait = float(retry_after) if retry_after.isdigit() else 0.2 * 2 ** (self.made - 1) * random.uniform(0.5, 1.5)  # noqa: S311
        if self.made >= self.attempts or wait >= self.left:
            return None
        self.left -= wait
        return wait


def again(response: httpx2.Response) -> bool:
    """Whether the answer says nothing about the request."""
    return response.status_code in AGAIN
