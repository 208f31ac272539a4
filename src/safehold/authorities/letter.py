"""The letter that tells an authority of a threat to life or safety. Pure; in English; ids, times and numbers alone."""

from datetime import datetime

import msgspec


class NoticeInput(msgspec.Struct, frozen=True, kw_only=True):
    """What the letter says. Everything else that is relevant goes sealed, by the hand-over of a custodian."""

    company: str
    contact: str  # e-mail address and telephone number
    case: str  # our number
    authority: str
    known_at: datetime
    decided_at: datetime
    service: str  # the host, by name
    account: str  # the host's id of the account; "" = unknown
    items: tuple[str, ...]  # the host's ids
    clauses: tuple[str, ...]
    report_id: int | None  # NCMEC's number, where a CyberTip was filed
    test: bool


def render(given: NoticeInput) -> tuple[str, str]:
    """Title and text."""
    title = f"Information under Article 18 of Regulation (EU) 2022/2065, case {given.case}"
    lines = [
        *(["PRACTICE OR TEST: this letter must not be sent.", ""] if given.test else []),
        f"To: {given.authority}",
        f"From: {given.company}",
        "",
        "We have become aware of information that makes us suspect a criminal offence, committed, under way or likely,",
        "that threatens the life or safety of a person. Article 18(1) of Regulation (EU) 2022/2065 requires us to tell",
        "you of it.",
        "",
        f"Our case: {given.case}",
        f"Known to us since: {_time(given.known_at)}",
        f"Found by a member of staff: {_time(given.decided_at)}",
        f"Service: {given.service}",
        f"Account, by its id there: {given.account or 'unknown'}",
        f"Items, by their ids there: {', '.join(given.items) or 'none'}",
        f"Clauses of our policy: {', '.join(given.clauses) or 'none'}",
        f"CyberTipline report: {given.report_id or 'none yet'}",
        "",
        "What we hold of the items, of the account and of the messages is preserved. We hand it over encrypted to",
        "your public key (age). Please answer with that key, or with the channel that you prescribe, and say whether",
        "the account holder may be told of what was done.",
        "",
        f"Contact, at any hour: {given.contact}",
    ]
    return title, "\n".join(lines) + "\n"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
