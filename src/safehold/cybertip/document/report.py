"""The `report` document. Order and types: NCMEC XSD of November 2025. Rules: ISPWS documentation of 2025-06-11."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar

from safehold.cybertip.document import codes
from safehold.cybertip.document.accounts import IntendedRecipient, ReportedUser, Victim
from safehold.cybertip.document.common import ContactPerson, Person
from safehold.cybertip.document.element import (
    Element,
    Nested,
    attribute,
    content,
    leaves,
    newer_in,
    part,
    parts_of,
    to_bytes,
)
from safehold.cybertip.document.errors import DOCS, LIVE, SERVICE, XSD, DocumentError
from safehold.cybertip.document.incidents import EmailMessage, InternetDetails, Newsgroup
from safehold.cybertip.document.values import Bool, Choice, Day, Flags, Link, Text, When


class Batched(Element, frozen=True, kw_only=True):
    """`batchedReport`: many accounts shared one widely spread file."""

    TYPE: ClassVar[str] = "batchedReport"

    reason: Annotated[str, attribute("reason", Choice(codes.BATCH_REASONS), required=True)] = codes.BATCH_REASONS[0]


class IncidentSummary(Element, frozen=True, kw_only=True):
    """What happened and when. `escalate` is a reason, and its presence alone raises the priority."""

    TYPE: ClassVar[str] = "incidentSummary"

    incident_type: Annotated[str, part("incidentType", Choice(tuple(codes.INCIDENT_TYPES.values())), required=True)]
    platform: Annotated[str | None, part("platform", Text(256))] = None
    escalate: Annotated[str | None, part("escalateToHighPriority", Text(3000, filled=True))] = None
    annotations: Annotated[
        tuple[str, ...] | None, part("reportAnnotations", Flags(codes.REPORT_ANNOTATIONS, codes.NEWER_ANNOTATIONS))
    ] = None
    incident_at: Annotated[datetime, part("incidentDateTime", When(), required=True)]
    description: Annotated[str | None, part("incidentDateTimeDescription", Text(3000))] = None


class LegalProcess(Element, frozen=True, kw_only=True):
    """`servedLegalProcessInternational`, with the agency's country."""

    TYPE: ClassVar[str] = "servedLegalProcessInternational"

    value: Annotated[bool, content(Bool())] = True
    flea_country: Annotated[str | None, attribute("fleaCountry", Choice(codes.COUNTRIES | {""}))] = None


class LawEnforcement(Element, frozen=True, kw_only=True):
    """An agency that is already involved."""

    TYPE: ClassVar[str] = "lawEnforcement"

    agency_name: Annotated[str, part("agencyName", Text(255), required=True)]
    case_number: Annotated[str | None, part("caseNumber", Text(100))] = None
    officer: Annotated[ContactPerson | None, part("officerContact", Nested(ContactPerson))] = None
    reported_to_le: Annotated[bool | None, part("reportedToLe", Bool())] = None
    served_domestic: Annotated[bool | None, part("servedLegalProcessDomestic", Bool())] = None
    served_international: Annotated[
        LegalProcess | None, part("servedLegalProcessInternational", Nested(LegalProcess))
    ] = None


class Reporter(Element, frozen=True, kw_only=True):
    """Who reports. The reporting person needs an e-mail address (documentation; the schema does not say so)."""

    TYPE: ClassVar[str] = "reporter"

    reporting_person: Annotated[Person, part("reportingPerson", Nested(Person), required=True)]
    contact_person: Annotated[ContactPerson | None, part("contactPerson", Nested(ContactPerson))] = None
    company_template: Annotated[str | None, part("companyTemplate", Text())] = None
    terms_of_service: Annotated[str | None, part("termsOfService", Text())] = None
    legal_url: Annotated[str | None, part("legalURL", Link())] = None

    def rules(self) -> None:
        if not self.reporting_person.emails:
            raise DocumentError("reporter/reportingPerson/email", "is required", DOCS)


class Report(Element, frozen=True, kw_only=True):
    """The whole report. `as_of` is the moment it is made: nothing in it may lie later.

    `declared` names what of `codes.NEWER` the operator's live schema declares; neither is written.
    """

    TYPE: ClassVar[str] = "report"

    as_of: datetime
    declared: frozenset[str] = frozenset()
    batched: Annotated[Batched | None, part("batchedReport", Nested(Batched))] = None
    summary: Annotated[IncidentSummary, part("incidentSummary", Nested(IncidentSummary), required=True)]
    details: Annotated[tuple[InternetDetails, ...], part("internetDetails", Nested(InternetDetails), many=True)] = ()
    law_enforcement: Annotated[LawEnforcement | None, part("lawEnforcement", Nested(LawEnforcement))] = None
    reporter: Annotated[Reporter, part("reporter", Nested(Reporter), required=True)]
    reported: Annotated[tuple[ReportedUser, ...], part("personOrUserReported", Nested(ReportedUser), many=True)] = ()
    recipients: Annotated[
        tuple[IntendedRecipient, ...], part("intendedRecipient", Nested(IntendedRecipient), many=True)
    ] = ()
    victims: Annotated[tuple[Victim, ...], part("victim", Nested(Victim), many=True)] = ()
    additional_info: Annotated[str | None, part("additionalInfo", Text())] = None

    def rules(self) -> None:
        check_past(self, self.as_of)
        for path, name in newer_in(self):
            if name not in self.declared:
                raise DocumentError(path, "is written only where the live schema declares it", LIVE)
        if self.batched is not None:
            self._only_what_a_batch_may_hold()
        elif len(self.reported) > 1:
            raise DocumentError("report/personOrUserReported", "may stand once in a report that is not batched", DOCS)
        self._addresses_belong_to_people()
        self._victims_are_not_reported()

    def to_bytes(self) -> bytes:
        """The document as it is sent."""
        return to_bytes(self.render("report"))

    def _only_what_a_batch_may_hold(self) -> None:
        absent = {
            "incidentSummary/escalateToHighPriority": self.summary.escalate,
            "internetDetails": self.details,
            "lawEnforcement": self.law_enforcement,
            "intendedRecipient": self.recipients,
            "victim": self.victims,
            "additionalInfo": self.additional_info,
        }
        for name, value in absent.items():
            if value:
                raise DocumentError(f"report/{name}", "is not allowed in a batched report", DOCS)
        for user in self.reported:
            for field, spec in parts_of(ReportedUser):
                if field != "esp_identifier" and getattr(user, field) not in (None, ()):
                    raise DocumentError(f"personOrUserReported/{spec.name}", "is not allowed in a batched report", DOCS)

    def _addresses_belong_to_people(self) -> None:
        people = [*(one.person for one in self.reported), *(one.person for one in self.recipients)]
        people += [one.person for one in self.victims]
        known = {email.address for person in people if person is not None for email in person.emails}
        for detail in self.details:
            if isinstance(detail.incident, EmailMessage | Newsgroup):
                for address in detail.incident.addresses:
                    if address not in known:
                        raise DocumentError(
                            f"{detail.incident.NAME}/emailAddress",
                            "must also stand on the reported person, a recipient or a victim",
                            DOCS,
                        )

    def _victims_are_not_reported(self) -> None:
        reported = {(one.esp_service, one.esp_identifier) for one in self.reported if one.esp_identifier}
        for victim in self.victims:
            if (victim.esp_service, victim.esp_identifier) in reported:
                raise DocumentError(
                    "victim/espIdentifier", "is also the reported person: an apparent victim is never reported", SERVICE
                )


def check_past(element: Element, as_of: datetime) -> None:
    """Refuse any time or day of the tree that lies after `as_of`."""
    if as_of.utcoffset() is None:
        raise DocumentError(f"{element.TYPE}/as_of", "must be a time with its zone", XSD)
    for path, value in leaves(element, When):
        if value > as_of:
            raise DocumentError(path, "must lie in the past", DOCS)
    for path, value in leaves(element, Day):
        if value >= as_of.astimezone(UTC).date():
            raise DocumentError(path, "must lie in the past", DOCS)
