"""What the simulator shall do wrong, on request: `POST /faults` with a JSON object or a list of them, or `--fault`.

A fault is `{"kind": "status", "status": 503}`. Its fields: `kind` (see `KINDS`), `call` ("" = any, or one of `CALLS`),
`times` (null = until forgotten; 1), `skip` (calls that pass unharmed first; 0), and of some kinds `status` (503),
`seconds` (1) and `text` ("").
`{"clock": seconds}` moves the simulator's time forward. `DELETE /faults` forgets all; `GET` lists them.
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

CALLS = ("status", "members", "entries", "next", "reasons", "feedback", "categorizations", "fingerprints")
KINDS = {
    "status": "HTTP `status` with an empty body; nothing is done",
    "rate_limit": "HTTP 429 with `seconds`, or `text`, as Retry-After",
    "unauthorised": "HTTP 401",
    "slow": "waits `seconds`, then goes on",
    "drop": "cuts the connection without an answer",
    "drop_after": "does the work, then cuts the connection",
    "truncated": "promises a whole answer, sends half of it, then cuts the connection",
    "half": "a whole answer with half a document",
    "broken": "an answer that is no XML",
    "empty": "an empty body",
    "doctype": "the answer brings a document type with an entity",
    "wrong_charset": "the header says ISO-8859-1",
    "bad_bytes": "the document says UTF-8 and is not",
    "compressed": "the header says gzip",
    "other_root": "another document than the one asked for",
    "foreign_next": "`next` leads to another machine",
    "same_next": "`next` leads to the page itself",
    "count_off": "the page says that it has one record more than are there",
    "changes": "after the answer the first record of the page changes: it leaves the window",
    "next_expired": "HTTP 404 for a `next`",
    "redirect": "HTTP 302 to `text`",
    "long": "20 MiB of blanks after the document",
}


@dataclass
class Fault:
    """One fault that waits."""

    kind: str
    call: str = ""
    times: int | None = 1
    skip: int = 0
    status: int = 503
    seconds: float = 1
    text: str = ""

    def check(self) -> None:
        """Raises ValueError for what cannot be done."""
        if self.kind not in KINDS:
            raise ValueError(f"Unknown kind. Known: {', '.join(sorted(KINDS))}.")
        if self.call not in ("", *CALLS):
            raise ValueError(f"Unknown call. Known: {', '.join(CALLS)}; empty means any.")
        for name, least, most in (("times", 1, 10**6), ("skip", 0, 10**6), ("status", 200, 599)):
            value = getattr(self, name)
            if not (name == "times" and value is None) and (type(value) is not int or not least <= value <= most):
                raise ValueError(f"{name} must be a whole number from {least} to {most}.")
        self.seconds = _seconds(self.seconds)
        if type(self.text) is not str or not self.text.isascii() or not (self.text.isprintable()):
            raise ValueError("text must be printable ASCII.")


class Faults:
    """The faults that wait, each for its next calls."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def take_in(self, given: Any) -> float:
        """Take an order or a list of them, whole or not at all. Returns the seconds to move the clock. ValueError."""
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

    def take(self, call: str) -> Fault | None:
        """The fault for this call, used up by it."""
        for fault in self.waiting:
            if fault.call not in ("", call):
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
        """What waits, as it may be given back to `take_in`."""
        return [asdict(fault) for fault in self.waiting]


def from_words(words: list[str]) -> list[Any]:
    """The faults of a command line. Raises ValueError."""
    return [json.loads(word) for word in words]


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10**9:
        raise ValueError("Seconds must be a number that is not negative.")
    return float(value)
