"""Parts of the input record: how to reach somebody, where something was seen, what happened where.

Others take these from `inputs`, which re-exports them.
"""

from datetime import date, datetime
from typing import Literal

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all input records: immutable, named arguments, JSON without surprises."""


class EmailInput(Record, frozen=True, kw_only=True):
    """An e-mail address. `verified_at` needs `verified`."""

    address: str
    type: str = ""  # Home | Work | Business | Recovery
    verified: bool | None = None
    verified_at: datetime | None = None


class PhoneInput(Record, frozen=True, kw_only=True):
    """A telephone number, in E.164 where known: the calling code is then written apart."""

    number: str
    type: str = ""  # Mobile | Home | Business | Work | Fax | Internet | Recovery
    verified: bool | None = None
    verified_at: datetime | None = None
    extension: str = ""


class AddressInput(Record, frozen=True, kw_only=True):
    """A postal address. `state` is a US state's code, `region` a state elsewhere, `country` a code."""

    type: str = ""  # Home | Business | Billing | Shipping | Technical
    street: str = ""
    city: str = ""
    zip_code: str = ""
    state: str = ""
    region: str = ""
    country: str = ""


class IpInput(Record, frozen=True, kw_only=True):
    """An address on the network as a host logged it."""

    ip: str
    event: str = "Unknown"  # Login | Registration | Purchase | Upload | Other | Unknown
    at: datetime | None = None
    port: int | None = None
    possible_proxy: bool | None = None


class DeviceInput(Record, frozen=True, kw_only=True):
    """A device's identifier as a host logged it: its kind (IMEI, ICCID, SSID, …), value, event and time."""

    type: str
    value: str
    event: str = ""
    at: datetime | None = None


class LocationInput(Record, frozen=True, kw_only=True):
    """Where an account seems to be. In the United States `region` is the state's code."""

    country: str
    city: str = ""
    region: str = ""
    verified: bool | None = None
    at: datetime | None = None


class DisabledInput(Record, frozen=True, kw_only=True):
    """The account was closed: for good or for a time, when, and whether its user was told.

    `still` is False where it is open again; `reenabled_at` is for a closing for a time alone.
    """

    kind: Literal["permanent", "temporary"]
    at: datetime | None = None
    user_notified: bool | None = None
    user_notified_at: datetime | None = None
    reenabled_at: datetime | None = None
    still: bool = True


class ContactInput(Record, frozen=True, kw_only=True):
    """Whom law enforcement should call, or an officer of theirs."""

    first_name: str = ""
    last_name: str = ""
    emails: tuple[EmailInput, ...] = ()
    phones: tuple[PhoneInput, ...] = ()
    addresses: tuple[AddressInput, ...] = ()


class AssociatedInput(Record, frozen=True, kw_only=True):
    """Another account that belongs to the same person, or is linked to theirs, as the host gives it."""

    type: Literal["Billing", "Linked", "Business", "Creator", "Parent/Guardian", "Other"]
    platform: str = ""
    third_party: bool | None = None  # of the platform: another company's
    first_name: str = ""
    middle_name: str = ""
    last_name: str = ""
    age: int | None = None  # left out beside a date of birth
    age_discrepancy: bool | None = None  # written only where the live schema declares it
    date_of_birth: date | None = None
    phones: tuple[PhoneInput, ...] = ()
    emails: tuple[EmailInput, ...] = ()
    all_emails: bool | None = None
    addresses: tuple[AddressInput, ...] = ()
    service: str = ""
    account_id: str = ""
    urls: tuple[str, ...] = ()
    handle: str = ""
    display_names: tuple[str, ...] = ()
    bio: str = ""
    group: str = ""
    compromised: bool | None = None
    disabled: tuple[DisabledInput, ...] = ()
    ip_events: tuple[IpInput, ...] = ()
    devices: tuple[DeviceInput, ...] = ()
    prior_report_ids: tuple[int, ...] = ()
    additional_info: str = ""


class ChatInput(Record, frozen=True, kw_only=True):
    """A chat in which it happened."""

    client: str = ""
    room: str = ""
    content: str = ""
    additional_info: str = ""


class WebIncident(Record, frozen=True, kw_only=True, tag_field="kind", tag="web"):
    """Links, with a text of their own."""

    urls: tuple[str, ...] = ()
    third_party_hosted: bool | None = None
    additional_info: str = ""


class EmailIncident(Record, frozen=True, kw_only=True, tag_field="kind", tag="email"):
    """E-mail. An address that belongs to no person of the report is told in `additionalInfo`."""

    addresses: tuple[str, ...] = ()
    content: str = ""  # headers, subject, body
    additional_info: str = ""


class NewsgroupIncident(Record, frozen=True, kw_only=True, tag_field="kind", tag="newsgroup"):
    """A newsgroup. Addresses as for e-mail."""

    name: str = ""
    addresses: tuple[str, ...] = ()
    content: str = ""
    additional_info: str = ""


class ChatIncident(ChatInput, frozen=True, kw_only=True, tag_field="kind", tag="chat"):
    """A further chat, beside `FilingInput.chat`."""


class GameIncident(Record, frozen=True, kw_only=True, tag_field="kind", tag="game"):
    """An online game."""

    name: str = ""
    console: str = ""
    content: str = ""
    additional_info: str = ""


class CellPhoneIncident(Record, frozen=True, kw_only=True, tag_field="kind", tag="cell_phone"):
    """A mobile telephone; coordinates in degrees."""

    phone: PhoneInput | None = None
    latitude: float | None = None
    longitude: float | None = None
    additional_info: str = ""


class OfflineIncident(Record, frozen=True, kw_only=True, tag_field="kind", tag="offline"):
    """Something that did not happen on the network."""

    location: str = ""
    addresses: tuple[AddressInput, ...] = ()
    additional_info: str = ""


class PeerIncident(Record, frozen=True, kw_only=True, tag_field="kind", tag="peer_to_peer"):
    """File sharing between peers."""

    client: str = ""
    ip_events: tuple[IpInput, ...] = ()
    file_names: str = ""
    additional_info: str = ""


Incident = (
    WebIncident
    | EmailIncident
    | NewsgroupIncident
    | ChatIncident
    | GameIncident
    | CellPhoneIncident
    | OfflineIncident
    | PeerIncident
)
