"""The legal parameters of what is told to authorities beside NCMEC: number, meaning, source, day of verification.

What counts hours or years for these duties reads it here. (The year of 18 USC 2258A(h) is counted in `path.filing`,
the window for appeals is a setting.) The sources were read as a reference of the law, not as its text: counsel
confirms them before anybody relies on them. Where the law names no number (`own`), ours is meant to be strict, and
only raises an alarm. Others may import `RULES`, `Rule`, `years_after`.
"""

from datetime import date, datetime
from typing import Literal

import msgspec

VERIFIED = date(2026, 11, 26)
STANDING = "reference, not law text"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter. `value` counts `unit`; `own`: the law gives words and no number, and the number is ours."""

    value: int
    unit: Literal["hours", "years"]
    says: str
    source: str
    own: bool = False
    verified: date = VERIFIED
    standing: str = STANDING


RULES: dict[str, Rule] = {
    "uk-priority-1": Rule(
        value=0,
        unit="hours",
        says="threat to a child's life or of serious harm: immediately",
        source="SI 2026/268 (UK)",
        own=True,
    ),
    "uk-priority-2": Rule(
        value=12, unit="hours", says="as soon as reasonably practicable", source="SI 2026/268 (UK)", own=True
    ),
    "uk-priority-3": Rule(value=24, unit="hours", says="without undue delay", source="SI 2026/268 (UK)", own=True),
    "uk-keep-evidence": Rule(
        value=1,
        unit="years",
        says="content, what was submitted, and relevant user data are kept",
        source="SI 2026/268 (UK) reg. 8",
    ),
    "uk-keep-reference": Rule(
        value=5, unit="years", says="the agency's unique reference is kept", source="SI 2026/268 (UK) reg. 8"
    ),
}


def years_after(moment: datetime, rule: str) -> datetime:
    """The end of a term of calendar years; from 29 February it ends on 1 March (never shorter)."""
    years = RULES[rule].value
    if RULES[rule].unit != "years":
        raise ValueError(f"{rule} is not counted in years.")
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, month=3, day=1)
