"""The input record of a filing: everything that a CyberTip is made from, filled by the caller.

The room knows no case: `path` fills a `FilingInput` and gives it to `service.draft`. The record is
stored as JSON with the filing, so that every document of it can be built again, byte for byte. It can
say everything that the schema can, but for the legacy `potentialMeme` and `fileName` of a file.

Two kinds of content are treated differently (see `document.build`): what the operator or the decision
says (incident, reporter, annotations, role, verdict on a file, law enforcement, batch) must be valid, or no
document is built; what a host logged (addresses, links, names, telephone numbers) never stops a filing: a
value that its field cannot take is written as a line of `additionalInfo` instead.
"""

from datetime import date, datetime
from typing import Literal

import msgspec

from safehold.cybertip.input_parts import (
    AddressInput,
    AssociatedInput,
    CellPhoneIncident,
    ChatIncident,
    ChatInput,
    ContactInput,
    DeviceInput,
    DisabledInput,
    EmailIncident,
    EmailInput,
    GameIncident,
    Incident,
    IpInput,
    LocationInput,
    NewsgroupIncident,
    OfflineIncident,
    PeerIncident,
    PhoneInput,
    Record,
    WebIncident,
)

__all__ = [
    "AccountInput",
    "AddressInput",
    "AssociatedInput",
    "BatchInput",
    "CellPhoneIncident",
    "ChatIncident",
    "ChatInput",
    "ContactInput",
    "DetailsInput",
    "DeviceInput",
    "DisabledInput",
    "EmailIncident",
    "EmailInput",
    "FileInput",
    "FilingInput",
    "GameIncident",
    "Incident",
    "IpInput",
    "LawEnforcementInput",
    "LocationInput",
    "NewsgroupIncident",
    "OfflineIncident",
    "PeerIncident",
    "PhoneInput",
    "ReporterInput",
    "WebIncident",
    "decode",
    "encode",
]


class AccountInput(Record, frozen=True, kw_only=True):
    """A person of the report, as an account of a host. All text as the host gives it.

    The schema gives a vehicle and `third_party` to the reported person alone, a school to a victim alone,
    a group to no victim, associated accounts to no recipient; what has no place is told in `additionalInfo`.
    """

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
    age_discrepancy: bool | None = None  # written only where the live schema declares it
    date_of_birth: date | None = None
    emails: tuple[EmailInput, ...] = ()
    all_emails: bool | None = None  # whether these are all that the host has
    phones: tuple[PhoneInput, ...] = ()
    addresses: tuple[AddressInput, ...] = ()
    ip_events: tuple[IpInput, ...] = ()
    devices: tuple[DeviceInput, ...] = ()
    location: LocationInput | None = None
    disabled: DisabledInput | None = None
    also_disabled: DisabledInput | None = None  # of the other kind
    associated: tuple[AssociatedInput, ...] = ()
    prior_report_ids: tuple[int, ...] = ()
    compromised: bool | None = None
    group: str = ""
    vehicle: str = ""
    third_party: bool | None = None
    school: str = ""
    additional_info: str = ""


class ReporterInput(Record, frozen=True, kw_only=True):
    """The operator's profile. An e-mail address is required."""

    first_name: str = ""
    last_name: str = ""
    email: str
    phone: str = ""
    addresses: tuple[AddressInput, ...] = ()
    company: str = ""  # companyTemplate: who we are, how to serve legal process, how long data is kept
    terms_of_service: str = ""
    legal_url: str = ""
    contact: ContactInput | None = None


class LawEnforcementInput(Record, frozen=True, kw_only=True):
    """An agency that is already involved. `country` is that of an agency abroad which served legal process."""

    agency: str
    case_number: str = ""
    officer: ContactInput | None = None
    reported: bool | None = None
    served_domestic: bool | None = None
    served_international: bool | None = None
    country: str = ""


class BatchInput(Record, frozen=True, kw_only=True):
    """One widely spread file, shared by many accounts: the mode "viral/potential meme" (documentation, appendix E).

    The report may hold nothing but type, time, reporter and these ids; one file at most, marked `viral`,
    `potentialMeme` or both, of which name, link, hashes, addresses, devices and text are left out.
    """

    account_ids: tuple[str, ...]
    reason: Literal["VIRAL_POTENTIAL_MEME"] = "VIRAL_POTENTIAL_MEME"


class DetailsInput(Record, frozen=True, kw_only=True):
    """Named values of a file: of its EXIF data, or further hashes."""

    type: Literal["EXIF", "HASH", ""] = ""
    values: tuple[tuple[str, str], ...]


class FileInput(Record, frozen=True, kw_only=True):
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
    classification: str = ""  # A1 | A2 | B1 | B2, refused without FilingInput.industry_agreement
    ip_event: IpInput | None = None
    devices: tuple[DeviceInput, ...] = ()
    details: tuple[DetailsInput, ...] = ()
    additional_info: str = ""


class FilingInput(Record, frozen=True, kw_only=True):
    """One CyberTip: one incident, one reported person at most, or a batch.

    `ref` is the caller's name for it, one filing per ref. `as_of` is when the record was made (now):
    nothing in it may lie later. `incident_type` is a code of `document.codes.INCIDENT_TYPES` or
    NCMEC's exact label. `declared` is filled by `service`: what of `document.codes.NEWER` the live
    schema declared when the record was drafted, so that the same record gives the same bytes later.
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
    incidents: tuple[Incident, ...] = ()  # further internetDetails, of any kind
    law_enforcement: LawEnforcementInput | None = None
    additional_info: str = ""
    prior_report_ids: tuple[int, ...] = ()  # earlier CyberTips on the same incident
    files: tuple[FileInput, ...] = ()
    batch: BatchInput | None = None
    industry_agreement: bool = False  # the operator has executed the Industry Hash Sharing Platform's agreement
    declared: tuple[str, ...] = ()


def encode(record: FilingInput) -> bytes:
    """The record as it is stored."""
    return msgspec.json.encode(record)


def decode(stored: bytes) -> FilingInput:
    """A stored record. Raises msgspec.ValidationError where it is not one."""
    return msgspec.json.decode(stored, type=FilingInput)
