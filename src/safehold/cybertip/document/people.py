"""From the input record to the people of a report and to the parts that describe them.

Others in this package use `account`, `contact`, and the smaller `email`, `phone`, `address`, `ip_event`
and `device`. Each takes a `Notes`, in which a value that its field cannot take becomes a line.
"""

from datetime import UTC, date, datetime
from functools import partial
from typing import Any, TypeVar

import phonenumbers

from safehold.cybertip.document import codes
from safehold.cybertip.document.accounts import (
    AccountPlatform,
    AssociatedAccount,
    IntendedRecipient,
    ReportedUser,
    Victim,
)
from safehold.cybertip.document.common import (
    Address,
    ContactPerson,
    DeviceId,
    Email,
    EstimatedLocation,
    IpCaptureEvent,
    PermanentlyDisabled,
    Person,
    Phone,
    TemporarilyDisabled,
)
from safehold.cybertip.document.element import parts_of
from safehold.cybertip.document.errors import LIVE
from safehold.cybertip.document.notes import Notes, past
from safehold.cybertip.document.values import Link, Text, Whole
from safehold.cybertip.inputs import (
    AccountInput,
    AddressInput,
    AssociatedInput,
    ContactInput,
    DeviceInput,
    DisabledInput,
    EmailInput,
    IpInput,
    LocationInput,
    PhoneInput,
)

Someone = TypeVar("Someone", ReportedUser, IntendedRecipient, Victim)
_PORT = Whole(1, 65535)


def account(
    kind: type[Someone], given: AccountInput, as_of: datetime, declared: frozenset[str], prior: tuple[int, ...] = ()
) -> Someone:
    """One person of the report. What the host logged wrongly goes to their own `additionalInfo`."""
    notes = Notes()
    values: dict[str, Any] = {
        "person": person(given, as_of, declared, notes),
        "esp_identifier": given.account_id,
        "esp_service": given.service,
        "compromised_account": given.compromised,
        "screen_name": given.handle,
        "display_names": _names(given.display_names, notes),
        "profile_urls": _links(given.urls, notes),
        "profile_bio": given.bio,
        "ip_events": notes.each("Address", given.ip_events, lambda one: ip_event(one, as_of, notes)),
        "device_ids": notes.each("Device", given.devices, lambda one: device(one, as_of, notes)),
        "prior_reports": tuple(dict.fromkeys((*prior, *given.prior_report_ids))),
        "estimated_location": _location(given.location, as_of, notes),
        "all_emails_reported": given.all_emails,
        **_closed(tuple(one for one in (given.disabled, given.also_disabled) if one), as_of, notes),
    }
    if kind is not Victim and values["person"] == Person():
        values["person"] = None  # a victim's must be there, also empty
    known = {field: spec.name for field, spec in parts_of(kind)}
    rest = {
        "vehicle_description": given.vehicle,
        "third_party_user": given.third_party,
        "group_identifier": given.group,
        "school_name": given.school,
    }
    for field, value in rest.items():
        if field in known:
            values[field] = value
        elif value not in ("", None):
            notes.tell(field.replace("_", " ").capitalize(), value)
    if "associated_accounts" in known:
        make = partial(_associated, as_of=as_of, declared=declared)
        values["associated_accounts"] = notes.each("Associated account", given.associated, make)
    else:
        for one in given.associated:
            notes.tell("Associated account", one)
    values = notes.fit("Account", kind, values)
    more = notes.below(given.additional_info)
    values["additional_info"] = (more,) if more and kind is IntendedRecipient else more
    return kind(**values)


def person(given: AccountInput, as_of: datetime, declared: frozenset[str], notes: Notes) -> Person:
    """Names, ways to reach them, and age. Empty where the host knows none of it."""
    values = {
        "first_name": given.first_name,
        "last_name": given.last_name,
        "phones": notes.each("Telephone", given.phones, lambda one: phone(one, as_of, notes)),
        "emails": notes.each("E-mail", given.emails, lambda one: email(one, as_of, notes)),
        "addresses": notes.each("Postal address", given.addresses, lambda one: address(one, notes)),
        "age": given.age,
        "age_discrepancy": _if_declared("person", given.age_discrepancy, declared, notes),
        "date_of_birth": _born(given.date_of_birth, as_of, notes),
    }
    return notes.made("Person", Person, values)


def contact(given: ContactInput, as_of: datetime) -> ContactPerson:
    """Somebody whom the operator names: every value must be valid."""
    strict = Notes(strict=True)
    return ContactPerson(
        first_name=given.first_name,
        last_name=given.last_name,
        phones=tuple(phone(one, as_of, strict) for one in given.phones),
        emails=tuple(email(one, as_of, strict) for one in given.emails),
        addresses=tuple(address(one, strict) for one in given.addresses),
    )


def email(given: EmailInput, as_of: datetime, notes: Notes) -> Email:
    """Raises DocumentError where the address itself is not one."""
    values = {"address": given.address, "type": given.type, "verified": given.verified}
    return notes.made("E-mail", Email, values | _verified(given, as_of, notes))


def phone(given: PhoneInput, as_of: datetime, notes: Notes) -> Phone:
    """The number, with its calling code apart where it is in E.164 and the parts cannot be confused."""
    number, code = given.number, None
    if number.startswith("+"):
        try:
            parsed = phonenumbers.parse(number)
        except phonenumbers.NumberParseException:
            parsed = None
        if parsed is not None:
            national = phonenumbers.national_significant_number(parsed)
            if not national.startswith(str(parsed.country_code)):
                number, code = national, f"+{parsed.country_code}"
    values = {
        "number": number,
        "type": given.type,
        "verified": given.verified,
        "country_calling_code": code,
        "extension": given.extension,
    }
    return notes.made("Telephone", Phone, values | _verified(given, as_of, notes))


def address(given: AddressInput, notes: Notes) -> Address:
    """A postal address."""
    values = {
        "type": given.type,
        "address": given.street,
        "city": given.city,
        "zip_code": given.zip_code,
        "state": given.state,
        "non_usa_state": given.region,
        "country": given.country,
    }
    return notes.made("Postal address", Address, values)


def ip_event(given: IpInput, as_of: datetime, notes: Notes) -> IpCaptureEvent:
    """Raises DocumentError where address or time cannot stand: one without the other says little."""
    port = given.port
    return IpCaptureEvent(
        ip_address=given.ip,
        event_name=_event(given.event),
        date_time=None if given.at is None else past(given.at, as_of, "ipCaptureEvent/dateTime"),
        possible_proxy=given.possible_proxy,
        port=None if port is None else notes.attempt(f"Port of {given.ip}", port, lambda: _PORT.check(port, "port")),
    )


def device(given: DeviceInput, as_of: datetime, notes: Notes) -> DeviceId:
    """Raises DocumentError where kind or value cannot stand."""
    values = {
        "id_type": given.type,
        "id_value": given.value,
        "event_name": _event(given.event) if given.event else None,
        "date_time": notes.when("Device seen", given.at, as_of),
    }
    return notes.made("Device", DeviceId, values)


def _event(name: str) -> str:
    return name if name in codes.EVENTS else "Other"


def _names(names: tuple[str, ...], notes: Notes) -> tuple[str, ...]:
    return notes.each("Display name", names, lambda one: Text(255).check(one, "displayName"))


def _links(links: tuple[str, ...], notes: Notes) -> tuple[str, ...]:
    return notes.each("Profile", links, lambda one: Link().check(one, "profileUrl"))


def _verified(given: EmailInput | PhoneInput, as_of: datetime, notes: Notes) -> dict[str, datetime | None]:
    """When it was verified: only of something that is."""
    at = notes.when("Verified", given.verified_at, as_of)
    if at is not None and given.verified is not True and not notes.strict:
        notes.tell("Verified by what was logged, though not marked so", at)
        at = None
    return {"verification_date": at}


def _born(born: date | None, as_of: datetime, notes: Notes) -> date | None:
    if born is not None and born >= as_of.astimezone(UTC).date():
        notes.tell("Date of birth as logged (must lie in the past)", born)
        return None
    return born


def _if_declared(place: str, value: bool | None, declared: frozenset[str], notes: Notes) -> bool | None:
    """`ageAssertionDiscrepancy`, where the service's schema has it yet."""
    if value is not None and f"{place}/ageAssertionDiscrepancy" not in declared:
        notes.tell(f"Age asserted differs from the age apparent ({LIVE} has no element for it)", value)
        return None
    return value


def _location(given: LocationInput | None, as_of: datetime, notes: Notes) -> EstimatedLocation | None:
    if given is None:
        return None
    at = notes.when("Located", given.at, as_of)
    return notes.attempt(
        "Location",
        given,
        lambda: EstimatedLocation(
            verified=given.verified,
            timestamp=at,
            city=given.city,
            region=given.region,
            country_code=given.country or None,
        ),
    )


def _closed(given: tuple[DisabledInput, ...], as_of: datetime, notes: Notes) -> dict[str, PermanentlyDisabled]:
    """The fields of closings, one of each kind."""
    found: dict[str, PermanentlyDisabled] = {}
    for one in given:
        kind = PermanentlyDisabled if one.kind == "permanent" else TemporarilyDisabled
        field = "permanently_disabled" if one.kind == "permanent" else "temporarily_disabled"
        if field in found or (one.reenabled_at and one.kind == "permanent"):
            notes.tell("Account closed", one)
            continue
        values: dict[str, Any] = {
            "value": one.still,
            "disabled_date": notes.when("Account closed", one.at, as_of),
            "user_notified": one.user_notified,
            "user_notified_date": notes.when("User told", one.user_notified_at, as_of),
        }
        if one.kind == "temporary":
            values["reenabled_date"] = notes.when("Account opened again", one.reenabled_at, as_of)
        found[field] = notes.made("Account closed", kind, values)
    return found


def _associated(given: AssociatedInput, *, as_of: datetime, declared: frozenset[str]) -> AssociatedAccount:
    notes = Notes()
    name = notes.attempt("Platform", given.platform, lambda: Text(256).check(given.platform, "platform"))
    born = _born(given.date_of_birth, as_of, notes)
    if given.third_party is not None and not name:
        notes.tell("Of another company", given.third_party)
    values: dict[str, Any] = {
        "type": given.type,
        "platform": AccountPlatform(name=name, third_party_user=given.third_party) if name else None,
        "first_name": given.first_name,
        "middle_name": given.middle_name,
        "last_name": given.last_name,
        "approximate_age": given.age if born is None else None,
        "age_discrepancy": _if_declared("associatedAccount", given.age_discrepancy, declared, notes),
        "date_of_birth": born,
        "phones": notes.each("Telephone", given.phones, lambda one: phone(one, as_of, notes)),
        "emails": notes.each("E-mail", given.emails, lambda one: email(one, as_of, notes)),
        "all_emails_reported": given.all_emails,
        "addresses": notes.each("Postal address", given.addresses, lambda one: address(one, notes)),
        "esp_service": given.service,
        "esp_identifier": given.account_id,
        "profile_urls": _links(given.urls, notes),
        "screen_name": given.handle,
        "display_names": _names(given.display_names, notes),
        "profile_bio": given.bio,
        "group_identifier": given.group,
        "compromised_account": given.compromised,
        **_closed(given.disabled, as_of, notes),
        "ip_events": notes.each("Address", given.ip_events, lambda one: ip_event(one, as_of, notes)),
        "device_ids": notes.each("Device", given.devices, lambda one: device(one, as_of, notes)),
        "prior_reports": given.prior_report_ids,
    }
    values = notes.fit("Associated account", AssociatedAccount, values)
    return AssociatedAccount(**values, additional_info=notes.below(given.additional_info))
