"""The people of a report: reported, intended recipient, victim, and accounts associated with them.

The four look alike and differ in small ways; each is written out in its own schema order so that it
can be read beside the schema. Sources as in `common`.
"""

from datetime import date
from typing import Annotated, ClassVar

from safehold.cybertip.document import codes
from safehold.cybertip.document.common import (
    Address,
    DeviceId,
    Email,
    EstimatedLocation,
    IpCaptureEvent,
    PermanentlyDisabled,
    Person,
    Phone,
    TemporarilyDisabled,
)
from safehold.cybertip.document.element import Element, Nested, attribute, content, part
from safehold.cybertip.document.errors import DOCS, DocumentError
from safehold.cybertip.document.values import LONG_MAX, Bool, Choice, Day, Link, Text, Whole

REPORT_ID = Whole(1, LONG_MAX)


class AccountPlatform(Element, frozen=True, kw_only=True):
    """The platform of an associated account."""

    TYPE: ClassVar[str] = "platform"

    name: Annotated[str, content(Text(256))]
    third_party_user: Annotated[bool | None, attribute("thirdPartyUser", Bool())] = None


class AssociatedAccount(Element, frozen=True, kw_only=True):
    """Another account that belongs to the same person, or is linked to theirs."""

    TYPE: ClassVar[str] = "associatedAccount"

    type: Annotated[str, attribute("type", Choice(codes.ASSOCIATIONS), required=True)]
    platform: Annotated[AccountPlatform | None, part("platform", Nested(AccountPlatform))] = None
    first_name: Annotated[str | None, part("firstName", Text(256))] = None
    middle_name: Annotated[str | None, part("middleName", Text(256))] = None
    last_name: Annotated[str | None, part("lastName", Text(256))] = None
    approximate_age: Annotated[int | None, part("approximateAge", Whole(0, 150))] = None
    age_discrepancy: Annotated[bool | None, part("ageAssertionDiscrepancy", Bool(), newer=True)] = None
    date_of_birth: Annotated[date | None, part("dateOfBirth", Day())] = None
    phones: Annotated[tuple[Phone, ...], part("phone", Nested(Phone), many=True)] = ()
    emails: Annotated[tuple[Email, ...], part("email", Nested(Email), many=True)] = ()
    all_emails_reported: Annotated[bool | None, part("allEmailsReported", Bool())] = None
    addresses: Annotated[tuple[Address, ...], part("address", Nested(Address), many=True)] = ()
    esp_service: Annotated[str | None, part("espService", Text(256))] = None
    esp_identifier: Annotated[str | None, part("espIdentifier", Text(256))] = None
    profile_urls: Annotated[tuple[str, ...], part("profileUrl", Link(), many=True)] = ()
    screen_name: Annotated[str | None, part("screenName", Text(256))] = None
    display_names: Annotated[tuple[str, ...], part("displayName", Text(255), many=True)] = ()
    profile_bio: Annotated[str | None, part("profileBio", Text())] = None
    group_identifier: Annotated[str | None, part("groupIdentifier", Text(256))] = None
    compromised_account: Annotated[bool | None, part("compromisedAccount", Bool())] = None
    temporarily_disabled: Annotated[
        TemporarilyDisabled | None, part("accountTemporarilyDisabled", Nested(TemporarilyDisabled))
    ] = None
    permanently_disabled: Annotated[
        PermanentlyDisabled | None, part("accountPermanentlyDisabled", Nested(PermanentlyDisabled))
    ] = None
    ip_events: Annotated[tuple[IpCaptureEvent, ...], part("ipCaptureEvent", Nested(IpCaptureEvent), many=True)] = ()
    device_ids: Annotated[tuple[DeviceId, ...], part("deviceId", Nested(DeviceId), many=True)] = ()
    prior_reports: Annotated[tuple[int, ...], part("priorCTReport", REPORT_ID, many=True)] = ()
    additional_info: Annotated[str | None, part("additionalInfo", Text())] = None

    def rules(self) -> None:
        if self.approximate_age is not None and self.date_of_birth is not None:
            raise DocumentError(f"{self.TYPE}/approximateAge", "must not stand beside dateOfBirth", DOCS)


class ReportedUser(Element, frozen=True, kw_only=True):
    """`personOrUserReported`: shown to the analyst as the suspect. Never an apparent victim."""

    TYPE: ClassVar[str] = "personOrUserReported"

    person: Annotated[Person | None, part("personOrUserReportedPerson", Nested(Person))] = None
    vehicle_description: Annotated[str | None, part("vehicleDescription", Text(300))] = None
    esp_identifier: Annotated[str | None, part("espIdentifier", Text(255))] = None
    esp_service: Annotated[str | None, part("espService", Text(100))] = None
    compromised_account: Annotated[bool | None, part("compromisedAccount", Bool())] = None
    screen_name: Annotated[str | None, part("screenName", Text(256))] = None
    display_names: Annotated[tuple[str, ...], part("displayName", Text(255), many=True)] = ()
    profile_urls: Annotated[tuple[str, ...], part("profileUrl", Link(), many=True)] = ()
    profile_bio: Annotated[str | None, part("profileBio", Text())] = None
    ip_events: Annotated[tuple[IpCaptureEvent, ...], part("ipCaptureEvent", Nested(IpCaptureEvent), many=True)] = ()
    device_ids: Annotated[tuple[DeviceId, ...], part("deviceId", Nested(DeviceId), many=True)] = ()
    third_party_user: Annotated[bool | None, part("thirdPartyUserReported", Bool())] = None
    prior_reports: Annotated[tuple[int, ...], part("priorCTReports", REPORT_ID, many=True)] = ()
    group_identifier: Annotated[str | None, part("groupIdentifier", Text(255))] = None
    temporarily_disabled: Annotated[
        TemporarilyDisabled | None, part("accountTemporarilyDisabled", Nested(TemporarilyDisabled))
    ] = None
    permanently_disabled: Annotated[
        PermanentlyDisabled | None, part("accountPermanentlyDisabled", Nested(PermanentlyDisabled))
    ] = None
    estimated_location: Annotated[EstimatedLocation | None, part("estimatedLocation", Nested(EstimatedLocation))] = None
    all_emails_reported: Annotated[bool | None, part("allEmailsReported", Bool())] = None
    associated_accounts: Annotated[
        tuple[AssociatedAccount, ...], part("associatedAccount", Nested(AssociatedAccount), many=True)
    ] = ()
    additional_info: Annotated[str | None, part("additionalInfo", Text())] = None


class IntendedRecipient(Element, frozen=True, kw_only=True):
    """`intendedRecipient`: to whom something was sent or offered. Has no associated accounts.

    `additionalInfo` may stand more than once in the schema, once in the documentation; `build` writes it once.
    """

    TYPE: ClassVar[str] = "intendedRecipient"

    person: Annotated[Person | None, part("intendedRecipientPerson", Nested(Person))] = None
    esp_identifier: Annotated[str | None, part("espIdentifier", Text(255))] = None
    esp_service: Annotated[str | None, part("espService", Text(100))] = None
    compromised_account: Annotated[bool | None, part("compromisedAccount", Bool())] = None
    screen_name: Annotated[str | None, part("screenName", Text(256))] = None
    display_names: Annotated[tuple[str, ...], part("displayName", Text(255), many=True)] = ()
    profile_urls: Annotated[tuple[str, ...], part("profileUrl", Link(), many=True)] = ()
    profile_bio: Annotated[str | None, part("profileBio", Text())] = None
    ip_events: Annotated[tuple[IpCaptureEvent, ...], part("ipCaptureEvent", Nested(IpCaptureEvent), many=True)] = ()
    device_ids: Annotated[tuple[DeviceId, ...], part("deviceId", Nested(DeviceId), many=True)] = ()
    prior_reports: Annotated[tuple[int, ...], part("priorCTReports", REPORT_ID, many=True)] = ()
    group_identifier: Annotated[str | None, part("groupIdentifier", Text(255))] = None
    temporarily_disabled: Annotated[
        TemporarilyDisabled | None, part("accountTemporarilyDisabled", Nested(TemporarilyDisabled))
    ] = None
    permanently_disabled: Annotated[
        PermanentlyDisabled | None, part("accountPermanentlyDisabled", Nested(PermanentlyDisabled))
    ] = None
    estimated_location: Annotated[EstimatedLocation | None, part("estimatedLocation", Nested(EstimatedLocation))] = None
    all_emails_reported: Annotated[bool | None, part("allEmailsReported", Bool())] = None
    additional_info: Annotated[tuple[str, ...], part("additionalInfo", Text(), many=True)] = ()


class Victim(Element, frozen=True, kw_only=True):
    """`victim`: an apparent victim. Has no group identifier; the person may be empty but must be there."""

    TYPE: ClassVar[str] = "victim"

    person: Annotated[Person, part("victimPerson", Nested(Person), required=True)]
    esp_identifier: Annotated[str | None, part("espIdentifier", Text(255))] = None
    esp_service: Annotated[str | None, part("espService", Text(100))] = None
    compromised_account: Annotated[bool | None, part("compromisedAccount", Bool())] = None
    screen_name: Annotated[str | None, part("screenName", Text(256))] = None
    display_names: Annotated[tuple[str, ...], part("displayName", Text(255), many=True)] = ()
    profile_urls: Annotated[tuple[str, ...], part("profileUrl", Link(), many=True)] = ()
    profile_bio: Annotated[str | None, part("profileBio", Text())] = None
    ip_events: Annotated[tuple[IpCaptureEvent, ...], part("ipCaptureEvent", Nested(IpCaptureEvent), many=True)] = ()
    device_ids: Annotated[tuple[DeviceId, ...], part("deviceId", Nested(DeviceId), many=True)] = ()
    school_name: Annotated[str | None, part("schoolName", Text(255))] = None
    prior_reports: Annotated[tuple[int, ...], part("priorCTReports", REPORT_ID, many=True)] = ()
    temporarily_disabled: Annotated[
        TemporarilyDisabled | None, part("accountTemporarilyDisabled", Nested(TemporarilyDisabled))
    ] = None
    permanently_disabled: Annotated[
        PermanentlyDisabled | None, part("accountPermanentlyDisabled", Nested(PermanentlyDisabled))
    ] = None
    estimated_location: Annotated[EstimatedLocation | None, part("estimatedLocation", Nested(EstimatedLocation))] = None
    all_emails_reported: Annotated[bool | None, part("allEmailsReported", Bool())] = None
    associated_accounts: Annotated[
        tuple[AssociatedAccount, ...], part("associatedAccount", Nested(AssociatedAccount), many=True)
    ] = ()
    additional_info: Annotated[str | None, part("additionalInfo", Text())] = None
