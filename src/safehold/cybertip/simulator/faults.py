"""What the simulator shall do wrong, on request: `POST /faults` with a JSON list or object, `--fault`, or the page.

A fault is `{"endpoint": "upload", "kind": "drop_after"}`. Its fields: `endpoint` ("" = any), `kind`, `times` (null =
until forgotten; 1), `skip` (calls that pass unharmed first; 0), and of some kinds `seconds` (1), `status` (503),
`code` (1000) and `bytes` (65536). Kinds are in `BEFORE` and `AFTER`, each with what it does.
`{"clock": seconds}` moves the simulator's time forward. `DELETE /faults` forgets all; `GET` lists them.
On the command line a fault is `ENDPOINT:KIND[:FIELD=VALUE,...]` with `any` and `always`, or the JSON object.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

ENDPOINTS = ("status", "xsd", "submit", "upload", "fileinfo", "finish", "retract")
BEFORE = {
    "drop_before": "takes the request, then cuts the connection; nothing is done",
    "drop_during": "cuts the connection after `bytes` of the request; nothing is done",
    "delay": "waits `seconds`, then goes on",
    "status": "HTTP `status` with an empty body; nothing is done",
    "rate_limit": "HTTP 429 with `seconds` as Retry-After; nothing is done",
    "unauthorised": "HTTP 401 with an empty body; nothing is done",
    "code": "`code` in an ordinary answer; nothing is done",
}
AFTER = {
    "drop_after": "does the work, then cuts the connection",
    "truncated": "does the work, sends half of the answer, then cuts the connection",
    "half_xml": "does the work; a whole answer with half a document",
    "empty": "does the work; a success with an empty body",
    "status_after": "does the work; HTTP `status` with an empty body",
    "code_after": "does the work; answers `code`",
    "wrong_charset": "does the work; the header says ISO-8859-1",
    "other_root": "does the work; the answer to finish has the other root",
    "bad_md5": "does the work; the MD5 of an upload is another",
    "doctype": "does the work; the answer brings a document type",
    "too_long": "does the work; the answer is 2 MiB longer than it should be",
    "compressed": "does the work; the header says gzip",
    "drip": "does the work; the answer takes `seconds`",
    "as_200": "refusals come with HTTP 200, as they did in 2016",
}
KINDS = BEFORE | AFTER
# The field that a kind goes by, where it has one.
FIELDS = {
    **dict.fromkeys(("delay", "rate_limit", "drip"), ("seconds",)),
    **dict.fromkeys(("status", "status_after"), ("status",)),
    **dict.fromkeys(("code", "code_after"), ("code",)),
    "drop_during": ("bytes",),
}


@dataclass
class Fault:
    """One fault that waits. `times` None = until it is forgotten."""

    kind: str
    endpoint: str = ""
    times: int | None = 1
    skip: int = 0
    seconds: float = 1
    status: int = 503
    code: int = 1000
    bytes: int = 65536

    def check(self) -> None:
        """Raises ValueError for what cannot be done."""
        if self.kind not in KINDS:
            raise ValueError(f"Unknown kind. Known: {', '.join(sorted(KINDS))}.")
        if self.endpoint not in ("", *ENDPOINTS):
            raise ValueError(f"Unknown endpoint. Known: {', '.join(ENDPOINTS)}; empty means any.")
        limits = {
            "times": (1, 10**6),
            "skip": (0, 10**6),
            "status": (200, 599),
            "code": (1, 9999),
            "bytes": (0, 10**15),
        }
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if name == "times" and value is None:
                continue
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} must be a whole number from {least} to {most}.")
        self.seconds = _seconds(self.seconds)


class Faults:
    """The faults that wait, each for its next calls."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, body: bytes) -> float:
        """Take a request's JSON, whole or not at all. Returns the seconds to move the clock. Raises ValueError."""
        return self.take_in(json.loads(body))

    def take_in(self, given: Any) -> float:
        """Take one order or a list of them, as `add`."""
        clock, found = 0.0, []
        known = {field.name for field in fields(Fault)}
        for one in given if isinstance(given, list) else [given]:
            if not isinstance(one, dict):
                raise ValueError("A fault is an object.")
            if "clock" in one:
                clock += _seconds(one["clock"])
                continue
            if unknown := set(one) - known:
                raise ValueError(f"Unknown fields: {', '.join(sorted(map(str, unknown)))}. Known: {', '.join(known)}.")
            fault = Fault(**{"kind": "", **one})
            fault.check()
            found.append(fault)
        self.waiting += found
        return clock

    def take(self, endpoint: str) -> Fault | None:
        """The fault for this call, used up by it."""
        for fault in self.waiting:
            if fault.endpoint not in ("", endpoint):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
            return fault
        return None

    def listed(self) -> list[dict[str, Any]]:
        """What waits, as it may be given back to `add`."""
        return [asdict(fault) for fault in self.waiting]


def from_words(words: Iterable[str]) -> list[dict[str, Any]]:
    """The faults of a command line. Raises ValueError."""
    return [json.loads(word) if word.startswith("{") else _from_word(word) for word in words]


def _from_word(word: str) -> dict[str, Any]:
    endpoint, _colon, rest = word.partition(":")
    kind, _colon, pairs = rest.partition(":")
    found: dict[str, Any] = {"endpoint": "" if endpoint == "any" else endpoint, "kind": kind}
    for pair in pairs.split(",") if pairs else ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair!r} is not FIELD=VALUE.")
        if value == "always":
            found[name] = None
        else:
            found[name] = float(value) if name == "seconds" else int(value)
    return found


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10**9:
        raise ValueError("Seconds must be a number that is not negative.")
    return float(value)
