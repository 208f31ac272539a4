"""What the NCA asks to be told of content found (SI 2026/268, Schedule 1), as two files of one record. Pure.

**Not verified against the NCA's own contract**: the contents follow a reference of the Schedule, the form is ours. A
person carries them over into the NCA's portal; both files say so. Others may call `build`, `encode`, `decode`.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgspec

from safehold.authorities.rules import RULES, STANDING, VERIFIED

FORM = "safehold-uk-nca/1"
WARNING = "NOT VERIFIED against the NCA's own contract. Check every field in the NCA's portal before you send it."
PRACTICE = "PRACTICE OR TEST: this must not be sent."
UNKNOWN = "not known"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the record's parts."""


class UkReporter(Part, frozen=True, kw_only=True):
    """Who reports, and under which registration with the NCA (reg. 4)."""

    name: str
    person: str
    email: str
    phone: str
    registration: str
    registered_on: date | None
    legal_url: str


class UkAddress(Part, frozen=True, kw_only=True):
    """An address on the network, with what was done from it, and when."""

    address: str
    event: str = ""
    at: datetime | None = None
    port: int | None = None


class UkAccount(Part, frozen=True, kw_only=True):
    """An account of the report. `role` is a subjects.Role value."""

    role: str
    service: str = ""
    id: str = ""
    handle: str = ""
    display_names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    emails: tuple[tuple[str, bool | None], ...] = ()  # the address, and whether the host verified it
    phones: tuple[str, ...] = ()
    addresses: tuple[UkAddress, ...] = ()
    billing: tuple[str, ...] = ()  # identifiers alone, never a means of payment


class UkFile(Part, frozen=True, kw_only=True):
    """A file of the report, as the vault holds it. `exif` is None where nobody read it."""

    sealed_id: str
    name: str = ""
    size: int | None = None
    hashes: tuple[tuple[str, str], ...] = ()
    url: str = ""
    uploaded_at: datetime | None = None
    uploaded_from: UkAddress | None = None
    exif: tuple[tuple[str, str], ...] | None = None
    viewed: bool


class ExportInput(Part, frozen=True, kw_only=True):
    """Everything that the two files say. Ids, times, addresses and links; of the content its hashes and its place."""

    case: str  # our number
    as_of: datetime
    test: bool
    priority: int
    priority_because: str
    link_because: str
    known_at: datetime
    detected_by: str  # cases.Case.Knowledge: how we came to know
    channels: tuple[str, ...]
    clauses: tuple[str, ...]
    incident_type: str
    platform: str
    reporter: UkReporter
    accounts: tuple[UkAccount, ...] = ()
    files: tuple[UkFile, ...] = ()
    urls: tuple[str, ...] = ()
    prior_report_ids: tuple[int, ...] = ()  # NCMEC's numbers of CyberTips about the same account or subject
    prior_references: tuple[str, ...] = ()  # the NCA's references of earlier reports about the same account
    declared_by: str  # the person who declares, by name
    additional: str = ""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """The two files. `sha256` is of the machine-readable one, and stands in the printable one."""

    machine: bytes
    printable: str
    sha256: str


def encode(record: ExportInput) -> bytes:
    """The record as it is stored."""
    return msgspec.json.encode(record)


def decode(stored: bytes) -> ExportInput:
    """A stored record. Raises msgspec.ValidationError where it is not one."""
    return msgspec.json.decode(stored, type=ExportInput)


def build(given: ExportInput) -> Export:
    """Both files. The same record gives the same bytes. Raises ValueError for a priority that the law does not know."""
    told = {
        "form": FORM,
        "verification": {"warning": WARNING, "verified_on": VERIFIED.isoformat(), "standing": STANDING},
        "practice_or_test": given.test,
        "schedule_1": _contents(given),
    }
    machine = (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()
    digest = hashlib.sha256(machine).hexdigest()
    return Export(machine=machine, printable=_page(given, told["schedule_1"], digest), sha256=digest)


def _contents(given: ExportInput) -> dict[str, Any]:
    """The Schedule's contents in its order; what is not known is null, never left out."""
    rule = RULES.get(f"uk-priority-{given.priority}")
    if rule is None:
        raise ValueError(f"{given.priority} is no priority of SI 2026/268; it is 1, 2 or 3.")
    who = given.reporter
    return {
        "reporter": {
            "company": who.name,
            "person": who.person or None,
            "email": who.email,
            "phone": who.phone or None,
            "nca_registration": who.registration or None,
            "registered_on": who.registered_on.isoformat() if who.registered_on else None,
            "legal_process": who.legal_url or None,
        },
        "priority": {"level": given.priority, "meaning": rule.says, "reason": given.priority_because},
        "uk_link": given.link_because,
        "content_and_detection": {
            "our_case": given.case,
            "kind": given.incident_type,
            "clauses_of_policy": list(given.clauses),
            "known_since": _time(given.known_at),
            "detected_by": given.detected_by,
            "channels": list(given.channels),
            "further": given.additional or None,
        },
        "platform": given.platform,
        "prior_reports": {"cybertipline": list(given.prior_report_ids), "nca": list(given.prior_references)},
        "links": list(given.urls),
        "content": [_file(one) for one in given.files],
        "accounts": [_account(one) for one in given.accounts],
        "declaration": {
            "by": given.declared_by,
            "at": _time(given.as_of),
            "says": "To the best of my knowledge this is what the reporter holds of the content named here.",
        },
    }


def _file(one: UkFile) -> dict[str, Any]:
    return {
        "name": one.name or None,
        "bytes": one.size,
        "hashes": dict(one.hashes),
        "url": one.url or None,
        "uploaded_at": _time(one.uploaded_at),
        "uploaded_from": _address(one.uploaded_from) if one.uploaded_from else None,
        "exif": None if one.exif is None else dict(one.exif),
        "seen_whole_by_a_person": one.viewed,
        "preserved_as": one.sealed_id,
    }


def _account(one: UkAccount) -> dict[str, Any]:
    return {
        "role": one.role,
        "service": one.service or None,
        "id": one.id or None,
        "handle": one.handle or None,
        "names": list(one.display_names),
        "profiles": list(one.urls),
        "emails": [{"address": address, "verified": verified} for address, verified in one.emails],
        "phones": list(one.phones),
        "logins_and_other_addresses": [_address(use) for use in one.addresses],
        "billing_identifiers": list(one.billing) or None,
    }


def _address(one: UkAddress) -> dict[str, Any]:
    return {"address": one.address, "port": one.port, "event": one.event or None, "at": _time(one.at)}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _page(given: ExportInput, told: Any, digest: str) -> str:
    """The same contents as lines to print."""
    head = [
        "Report to the National Crime Agency (Online Safety Act 2023 s. 66; SI 2026/268, Schedule 1)",
        "",
        WARNING,
        *([PRACTICE] if given.test else []),
        f"Read from a reference as of {VERIFIED.isoformat()} ({STANDING}).",
        f"SHA-256 of the machine-readable file: {digest}",
        "",
    ]
    return "\n".join([*head, *_lines(told, "")]) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:
    """One line for each value, indented under its name; what is empty or unknown is said to be so."""
    for name, one in value.items() if isinstance(value, dict) else enumerate(value, start=1):
        words = _word(name).replace("_", " ")
        if isinstance(one, dict | list) and one:
            yield f"{indent}{words}:"
            yield from _lines(one, indent + "  ")
        else:
            yield f"{indent}{words}: {_word(one)}"


def _word(one: Any) -> str:
    if one is None:
        return UNKNOWN
    if isinstance(one, bool):
        return "yes" if one else "no"
    if isinstance(one, dict | list):  # an empty one: the others have lines of their own
        return "none known"
    # One line for each value: what a host logged must not look like a line of ours.
    return " ".join(str(one).split()) or UNKNOWN
