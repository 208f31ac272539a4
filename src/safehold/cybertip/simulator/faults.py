"""What the simulator shall do wrong, on request: `POST /faults` with a JSON list or object.

A fault is `{"endpoint": "upload", "kind": "drop_after", "times": 1}`; endpoint "" means any. Kinds:
- before the work: `drop_before` (reads the request, then cuts the connection), `delay` (`seconds`),
  `status` (`status`, empty body), `rate_limit` (429, `seconds` as Retry-After), `unauthorised` (401, empty
  body), `code` (`code` with its HTTP status);
- after the work: `drop_after`, `truncated` (half the answer, then cut), `half_xml` (a whole answer of half
  a document), `wrong_charset`, `status_after` (`status`, empty body), `bad_md5` (upload), `doctype`,
  `too_long` (2 MiB), `other_root`, `compressed`;
- `as_200`: refusals come with HTTP 200, as they did in 2016.
`{"clock": seconds}` moves the simulator's time forward. `DELETE /faults` forgets all; `GET` lists them.
"""

import json
from typing import Any

BEFORE = frozenset({"drop_before", "delay", "status", "rate_limit", "unauthorised", "code"})
_AFTER = """drop_after truncated half_xml wrong_charset status_after bad_md5 doctype too_long other_root compressed
    as_200"""
AFTER = frozenset(_AFTER.split())


class Faults:
    """The faults that wait, each for its next calls."""

    def __init__(self) -> None:
        self.waiting: list[dict[str, Any]] = []

    def add(self, body: bytes) -> float:
        """Take a request's JSON. Returns the seconds to move the clock. Raises ValueError."""
        given = json.loads(body)
        clock = 0.0
        for one in given if isinstance(given, list) else [given]:
            if not isinstance(one, dict):
                raise ValueError("A fault is an object.")
            if "clock" in one:
                clock += float(one["clock"])
                continue
            if one.get("kind") not in BEFORE | AFTER:
                raise ValueError(f"Unknown kind. Known: {', '.join(sorted(BEFORE | AFTER))}.")
            self.waiting.append({"endpoint": "", "times": 1, "seconds": 1, "status": 503, "code": 1000, **one})
        return clock

    def take(self, endpoint: str) -> dict[str, Any] | None:
        """The fault for this call, used up by it."""
        for fault in self.waiting:
            if fault["endpoint"] in ("", endpoint):
                fault["times"] -= 1
                if fault["times"] <= 0:
                    self.waiting.remove(fault)
                return fault
        return None
