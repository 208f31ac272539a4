"""Parts that several elements share: person, telephone, e-mail, address, address on the network, device.

Order, types and attributes: NCMEC XSD of November 2025. Lengths and rules: ISPWS documentation of 2025-06-11.
"""

from datetime import date, datetime
from typing import Annotated, ClassVar

from safehold.cybertip.document import codes
from safehold.cybertip.document.element import Element, Nested, attribute, content, part
from safehold.cybertip.document.errors import DOCS, SERVICE, XSD, DocumentError
from safehold.cybertip.document.values import Bool, Choice, Day, Ip, Mail, Pattern, Text, When, Whole

EVENT = Choice(codes.EVENTS)


class Phone(Element, frozen=True, kw_only=True):
    """A telephone number. The number must not repeat the calling code."""

    TYPE: ClassVar[str] = "phone"

    number: Annotated[str, content(Text(50))]
    type: Annotated[str | None, attribute("type", Choice(codes.PHONE_TYPES))] = None
    verified: Annotated[bool | None, attribute("verified", Bool())] = None
    verification_date: Annotated[datetime | None, attribute("verificationDate", When())] = None
    country_calling_code: Annotated[
        str | None, attribute("countryCallingCode", Pattern(r"\+[0-9]{1,3}", "must be + and one to three digits"))
    ] = None
    extension: Annotated[str | None, attribute("extension", Pattern("[0-9]+", "must be digits", 10))] = None

    def rules(self) -> None:
        _verified_with_date(self)
        code = self.country_calling_code
        if not any(char.isdigit() for char in self.number):
            raise DocumentError("phone", "must hold a digit", SERVICE)
        if code and self.number.lstrip().startswith((code, code[1:])):
            raise DocumentError("phone", "must not start with its countryCallingCode", DOCS)


class Email(Element, frozen=True, kw_only=True):
    """An e-mail address."""

    TYPE: ClassVar[str] = "email"

    address: Annotated[str, content(Mail())]
    type: Annotated[str | None, attribute("type", Choice(codes.EMAIL_TYPES))] = None
    verified: Annotated[bool | None, attribute("verified", Bool())] = None
    verification_date: Annotated[datetime | None, attribute("verificationDate", When())] = None

    def rules(self) -> None:
        _verified_with_date(self)


class Address(Element, frozen=True, kw_only=True):
    """A postal address. A US state and a state elsewhere are different elements."""

    TYPE: ClassVar[str] = "address"

    type: Annotated[str | None, attribute("type", Choice(codes.ADDRESS_TYPES))] = None
    address: Annotated[str | None, part("address", Text(255))] = None
    city: Annotated[str | None, part("city", Text(100))] = None
    zip_code: Annotated[str | None, part("zipCode", Text(20))] = None
    state: Annotated[str | None, part("state", Choice(codes.STATES | {""}))] = None
    non_usa_state: Annotated[str | None, part("nonUsaState", Text(100))] = None
    country: Annotated[str | None, part("country", Choice(codes.COUNTRIES | {""}))] = None


class Person(Element, frozen=True, kw_only=True):
    """A person: telephones before e-mails before addresses."""

    TYPE: ClassVar[str] = "person"

    first_name: Annotated[str | None, part("firstName", Text(100))] = None
    last_name: Annotated[str | None, part("lastName", Text(100))] = None
    phones: Annotated[tuple[Phone, ...], part("phone", Nested(Phone), many=True)] = ()
    emails: Annotated[tuple[Email, ...], part("email", Nested(Email), many=True)] = ()
    addresses: Annotated[tuple[Address, ...], part("address", Nested(Address), many=True)] = ()
    age: Annotated[int | None, part("age", Whole(0, 150))] = None
    age_discrepancy: Annotated[bool | None, part("ageAssertionDiscrepancy", Bool(), newer=True)] = None
    date_of_birth: Annotated[date | None, part("dateOfBirth", Day())] = None


class ContactPerson(Element, frozen=True, kw_only=True):
    """Somebody to call: a person without age and date of birth."""

    TYPE: ClassVar[str] = "contactPerson"

    first_name: Annotated[str | None, part("firstName", Text(100))] = None
    last_name: Annotated[str | None, part("lastName", Text(100))] = None
    phones: Annotated[tuple[Phone, ...], part("phone", Nested(Phone), many=True)] = ()
    emails: Annotated[tuple[Email, ...], part("email", Nested(Email), many=True)] = ()
    addresses: Annotated[tuple[Address, ...], part("address", Nested(Address), many=True)] = ()


class IpCaptureEvent(Element, frozen=True, kw_only=True):
    """An address on the network, when and at what event it was seen."""

    TYPE: ClassVar[str] = "ipCaptureEvent"

    ip_address: Annotated[str, part("ipAddress", Ip(), required=True)]
    event_name: Annotated[str | None, part("eventName", EVENT)] = None
    date_time: Annotated[datetime | None, part("dateTime", When())] = None
    possible_proxy: Annotated[bool | None, part("possibleProxy", Bool())] = None
    port: Annotated[int | None, part("port", Whole(1, 65535))] = None


class DeviceId(Element, frozen=True, kw_only=True):
    """A device's identifier, such as an IMEI."""

    TYPE: ClassVar[str] = "deviceId"

    id_type: Annotated[str, part("idType", Text(255), required=True)]
    id_value: Annotated[str, part("idValue", Text(2083), required=True)]
    event_name: Annotated[str | None, part("eventName", EVENT)] = None
    date_time: Annotated[datetime | None, part("dateTime", When())] = None


class EstimatedLocation(Element, frozen=True, kw_only=True):
    """Where an account seems to be. The country must be given; in the US a city needs its state."""

    TYPE: ClassVar[str] = "estimatedLocation"

    verified: Annotated[bool | None, attribute("verified", Bool())] = None
    timestamp: Annotated[datetime | None, attribute("timestamp", When())] = None
    city: Annotated[str | None, part("city", Text(255))] = None
    region: Annotated[str | None, part("region", Text(255))] = None
    country_code: Annotated[str | None, part("countryCode", Choice(codes.COUNTRIES))] = None

    def rules(self) -> None:
        if self.country_code is None:
            raise DocumentError("estimatedLocation/countryCode", "is required", DOCS)
        if self.country_code == "US":
            if self.region is not None and self.region not in codes.STATES:
                raise DocumentError("estimatedLocation/region", "must be a US state code where the country is US", DOCS)
            if self.city is not None and self.region is None:
                raise DocumentError("estimatedLocation/region", "is required beside a city in the US", DOCS)


class PermanentlyDisabled(Element, frozen=True, kw_only=True):
    """Whether the account is closed for good, since when, and whether its user was told."""

    TYPE: ClassVar[str] = "accountPermanentlyDisabled"

    value: Annotated[bool, content(Bool())] = True
    disabled_date: Annotated[datetime | None, attribute("disabledDate", When())] = None
    user_notified: Annotated[bool | None, attribute("userNotified", Bool())] = None
    user_notified_date: Annotated[datetime | None, attribute("userNotifiedDate", When())] = None

    def rules(self) -> None:
        since, told = self.disabled_date, self.user_notified_date
        if since is not None and told is not None and told < since:
            raise DocumentError(f"{self.TYPE}/userNotifiedDate", "must not lie before disabledDate", DOCS)


class TemporarilyDisabled(PermanentlyDisabled, frozen=True, kw_only=True):
    """Whether the account is closed for a time."""

    TYPE: ClassVar[str] = "accountTemporarilyDisabled"

    reenabled_date: Annotated[datetime | None, attribute("reenabledDate", When())] = None

    def rules(self) -> None:
        super().rules()
        since, until = self.disabled_date, self.reenabled_date
        if since is not None and until is not None and until <= since:
            raise DocumentError(f"{self.TYPE}/reenabledDate", "must lie after disabledDate", DOCS)


def _verified_with_date(contact: Phone | Email) -> None:
    if contact.verification_date is not None and contact.verified is not True:
        raise DocumentError(f"{contact.TYPE}/verified", "must be true where verificationDate is given", DOCS)


def never_together(type_name: str, first: str, second: str) -> DocumentError:
    """The error for two elements that exclude one another."""
    return DocumentError(f"{type_name}/{first}", f"must not stand beside {second}", XSD)
