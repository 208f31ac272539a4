"""The input record of a filing: everything that a CyberTip is made from, filled by the caller.

The room knows no case: `path` fills a `FilingInput` and gives it to `service.draft`. The record is
stored as JSON with the filing, so that every document of it can be built again, byte for byte.

Two kinds of content are treated differently (see `document.build`): what the operator or the decision
says (incident, reporter, annotations, role, verdict on a file) must be valid, or no document is built;
what a host logged (addresses, links, names, telephone numbers) never stops a filing: a value that its
field cannot take is written as a line of `additionalInfo` instead.
"""

from datetime import date, datetime
from typing import Literal

import msgspec


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all input records: immutable, named arguments, JSON without surprises."""


class EmailInput(_Record, frozen=True, kw_only=True):
    """An e-mail address. `verified_at` needs `verified`."""

    address: str
    type: str = ""  # Home | Work | Business | Recovery
    verified: bool | None = None
    verified_at: datetime | None = None


class PhoneInput(_Record, frozen=True, kw_only=True):
    """A telephone number, in E.164 where known: the calling code is then written apart."""

    number: str
    type: str = ""  # Mobile | Home | Business | Work | Fax | Internet | Recovery
    verified: bool | None = None


class IpInput(_Record, frozen=True, kw_only=True):
    """An address on the network as a host logged it."""

    ip: str
    event: str = "Unknown"  # Login | Registration | Purchase | Upload | Other | Unknown
    at: datetime | None = None
    port: int | None = None
    possible_proxy: bool | None = None


class DisabledInput(_Record, frozen=True, kw_only=True):
    """The account was closed: for good or for a time, when, and whether its user was told."""

    kind: Literal["permanent", "temporary"]
    at: datetime | None = None
    user_notified: bool | None = None
    user_notified_at: datetime | None = None


class AccountInput(_Record, frozen=True, kw_only=True):
    """A person of the report, as an account of a host. All text as the host gives it."""

    role: str = ""  # a subjects.Role value; "apparent_victim" is refused as the reported person
    account_id: str = ""  # espIdentifier: the host's own id
    service: str = ""  # espService: the host's name
    handle: str = ""  # screenName
    display_names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    bio: str = ""
    first_name: str = ""
    last_name: str = ""
    age: int | None = None
    date_of_birth: date | None = None
    emails: tuple[EmailInput, ...] = ()
    phones: tuple[PhoneInput, ...] = ()
    ip_events: tuple[IpInput, ...] = ()
    disabled: DisabledInput | None = None
    prior_report_ids: tuple[int, ...] = ()
    compromised: bool | None = None
    additional_info: str = ""


class ContactInput(_Record, frozen=True, kw_only=True):
    """Whom law enforcement should call."""

    first_name: str = ""
    last_name: str = ""
    emails: tuple[EmailInput, ...] = ()
    phones: tuple[PhoneInput, ...] = ()


class ReporterInput(_Record, frozen=True, kw_only=True):
    """The operator's profile. An e-mail address is required."""

    first_name: str = ""
    last_name: str = ""
    email: str
    phone: str = ""
    company: str = ""  # companyTemplate: who we are, how to serve legal process, how long data is kept
    terms_of_service: str = ""
    legal_url: str = ""
    contact: ContactInput | None = None


class ChatInput(_Record, frozen=True, kw_only=True):
    """A chat in which it happened."""

    client: str = ""
    room: str = ""
    content: str = ""
    additional_info: str = ""


class FileInput(_Record, frozen=True, kw_only=True):
    """A file of the vault that goes with the report.

    `viewed` says that staff saw the whole file before this filing (exposure log or the host's word),
    False where that is not so; the caller shows "unknown" to the reviewer first. `size` in bytes lets
    the upload announce its length.
    """

    sealed_id: str
    viewed: bool
    exif_viewed: bool = False
    file_name: str = ""
    size: int | None = None
    uploaded_at: datetime | None = None
    url: str = ""
    public: bool | None = None
    annotations: tuple[str, ...] = ()  # fileAnnotations, by element name
    hashes: tuple[tuple[str, str], ...] = ()  # (algorithm, value) of the original: ("SHA256", "…")
    relevance: Literal["reported", "supplemental"] = "reported"
    classification: str = ""  # A1 | A2 | B1 | B2, only under NCMEC's agreement
    ip_event: IpInput | None = None
    additional_info: str = ""


class FilingInput(_Record, frozen=True, kw_only=True):
    """One CyberTip: one incident, one reported person at most.

    `ref` is the caller's name for it, one filing per ref. `as_of` is when the record was made (now):
    nothing in it may lie later. `incident_type` is a code of `document.codes.INCIDENT_TYPES` or
    NCMEC's exact label.
    """

    ref: str
    as_of: datetime
    incident_type: str
    incident_at: datetime
    reporter: ReporterInput
    incident_description: str = ""
    platform: str = ""
    annotations: tuple[str, ...] = ()  # reportAnnotations, by element name
    escalate: str = ""  # the reason of an explicit finding of imminent danger; "" = no escalation
    subject: AccountInput | None = None  # personOrUserReported
    victims: tuple[AccountInput, ...] = ()
    recipients: tuple[AccountInput, ...] = ()
    urls: tuple[str, ...] = ()  # links of the incident (webPageIncident)
    third_party_hosted: bool | None = None
    chat: ChatInput | None = None
    additional_info: str = ""
    prior_report_ids: tuple[int, ...] = ()  # earlier CyberTips on the same incident
    files: tuple[FileInput, ...] = ()


def encode(record: FilingInput) -> bytes:
    """The record as it is stored."""
    return msgspec.json.encode(record)


def decode(stored: bytes) -> FilingInput:
    """A stored record. Raises msgspec.ValidationError where it is not one."""
    return msgspec.json.decode(stored, type=FilingInput)
