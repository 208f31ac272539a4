"""From an input record to the documents. Pure: no clock, no database, no network; same record, same bytes.

Others may call `build_report` and `build_file_details`. One function serves preview, first filing,
retry and the manual packet. Values that a host logged and that their field cannot take become lines of
`additionalInfo` (`notes`); everything else that is invalid raises `DocumentError`.
"""

from safehold.cybertip.document import codes, people
from safehold.cybertip.document.accounts import IntendedRecipient, ReportedUser, Victim
from safehold.cybertip.document.common import Person
from safehold.cybertip.document.errors import DOCS, SERVICE, DocumentError
from safehold.cybertip.document.file_details import Details, FileDetails, FileHash, NameValue
from safehold.cybertip.document.notes import MARGIN, TOLERANCE, Notes, past
from safehold.cybertip.document.places import details
from safehold.cybertip.document.report import Batched, IncidentSummary, LawEnforcement, LegalProcess, Report, Reporter
from safehold.cybertip.document.values import Link, Text
from safehold.cybertip.inputs import (
    DetailsInput,
    EmailInput,
    FileInput,
    FilingInput,
    LawEnforcementInput,
    PhoneInput,
    ReporterInput,
)

__all__ = ["MARGIN", "TOLERANCE", "build_file_details", "build_report"]


def build_report(record: FilingInput) -> bytes:
    """The `report` document. Raises DocumentError naming field, limit and source."""
    _check(record)
    notes, declared, prior = Notes(), frozenset(record.declared), record.prior_report_ids
    if prior and record.subject is None:
        notes.lines.append("Earlier CyberTipline reports: " + ", ".join(map(str, prior)))
    reported = _reported(record, declared)
    recipients = tuple(people.account(IntendedRecipient, one, record.as_of, declared) for one in record.recipients)
    victims = tuple(people.account(Victim, one, record.as_of, declared) for one in record.victims)
    persons = [one.person for one in reported if one.person] + [one.person for one in recipients if one.person]
    persons += [one.person for one in victims]
    known = frozenset(email.address for person in persons for email in person.emails)
    return Report(
        as_of=record.as_of,
        declared=declared,
        batched=None if record.batch is None else Batched(reason=record.batch.reason),
        summary=IncidentSummary(
            incident_type=codes.incident_label(record.incident_type),
            platform=record.platform,
            escalate=record.escalate,
            annotations=record.annotations,
            incident_at=past(record.incident_at, record.as_of, "incidentSummary/incidentDateTime"),
            description=record.incident_description,
        ),
        details=details(record, known, notes),
        law_enforcement=None if record.law_enforcement is None else _agency(record.law_enforcement, record),
        reporter=_reporter(record.reporter, record),
        reported=reported,
        recipients=recipients,
        victims=victims,
        additional_info=notes.below(record.additional_info),
    ).to_bytes()


def build_file_details(record: FilingInput, file: FileInput, *, report_id: int, file_id: str) -> bytes:
    """The `fileDetails` document of one of the record's files, once the service has named it."""
    return FileDetails(
        as_of=record.as_of,
        batched=record.batch is not None,
        agreement=record.industry_agreement,
        report_id=report_id,
        file_id=file_id,
        viewed=file.viewed,
        exif_viewed=file.exif_viewed,
        public=file.public,
        relevance="Reported" if file.relevance == "reported" else "Supplemental Reported",
        annotations=file.annotations,
        classification=file.classification or None,
        **(_of_a_batch if record.batch is not None else _origin)(record, file),  # type: ignore[arg-type]
    ).to_bytes()


def _check(record: FilingInput) -> None:
    """What only the record can tell. Design, section 3: an apparent victim is only ever protected."""
    subject = record.subject
    if record.batch is not None and len(record.files) > 1:
        raise DocumentError("FilingInput/files", "may hold one file in a batched report", DOCS)
    if subject is None:
        return
    if subject.role == "apparent_victim":
        raise DocumentError("personOrUserReported", "must never be an apparent victim", SERVICE)
    for victim in record.victims:
        if victim.account_id and (victim.service, victim.account_id) == (subject.service, subject.account_id):
            raise DocumentError("personOrUserReported", "is also named as an apparent victim", SERVICE)


def _reported(record: FilingInput, declared: frozenset[str]) -> tuple[ReportedUser, ...]:
    """The reported person, or those of a batch by their ids alone."""
    one, batch = record.subject, record.batch
    named = () if one is None else (people.account(ReportedUser, one, record.as_of, declared, record.prior_report_ids),)
    return named + tuple(ReportedUser(esp_identifier=name) for name in (batch.account_ids if batch else ()))


def _origin(record: FilingInput, file: FileInput) -> dict[str, object]:
    """Where a file came from and what else is known of it."""
    notes, as_of, event = Notes(), record.as_of, file.ip_event
    found = {
        "original_name": notes.attempt(
            "File name", file.file_name, lambda: Text(2056).check(file.file_name, "originalFileName")
        ),
        "uploaded_at": notes.when("Uploaded", file.uploaded_at, as_of),
        "location": notes.attempt("Location", file.url, lambda: Link().check(file.url, "locationOfFile")),
        "hashes": tuple(FileHash(hash_type=kind, value=value) for kind, value in file.hashes),
        "ip_event": None
        if event is None
        else notes.attempt("Address", event, lambda: people.ip_event(event, as_of, notes)),
        "device_ids": notes.each("Device", file.devices, lambda one: people.device(one, as_of, notes)),
        "details": notes.each("Details", file.details, lambda one: _named_values(one, notes)),
    }
    return found | {"additional_info": tuple(filter(None, [notes.below(file.additional_info)]))}


def _of_a_batch(record: FilingInput, file: FileInput) -> dict[str, object]:
    """All that the documentation lets the one file of a batched report tell."""
    return {"uploaded_at": Notes().when("Uploaded", file.uploaded_at, record.as_of)}


def _named_values(given: DetailsInput, notes: Notes) -> Details | None:
    pairs = notes.each("Detail", given.values, lambda pair: NameValue(name=pair[0], value=pair[1]))
    return Details(type=given.type or None, pairs=pairs) if pairs else None


def _reporter(profile: ReporterInput, record: FilingInput) -> Reporter:
    strict, as_of, contact = Notes(strict=True), record.as_of, profile.contact
    phone, email = PhoneInput(number=profile.phone, type="Business"), EmailInput(address=profile.email, type="Business")
    return Reporter(
        reporting_person=Person(
            first_name=profile.first_name,
            last_name=profile.last_name,
            phones=(people.phone(phone, as_of, strict),) if profile.phone else (),
            emails=(people.email(email, as_of, strict),) if profile.email else (),
            addresses=tuple(people.address(one, strict) for one in profile.addresses),
        ),
        contact_person=None if contact is None else people.contact(contact, as_of),
        company_template=profile.company,
        terms_of_service=profile.terms_of_service,
        legal_url=profile.legal_url,
    )


def _agency(given: LawEnforcementInput, record: FilingInput) -> LawEnforcement:
    abroad, country = given.served_international, given.country or None
    if abroad is None and country is not None:
        raise DocumentError("lawEnforcement/fleaCountry", "may stand only on servedLegalProcessInternational", DOCS)
    return LawEnforcement(
        agency_name=given.agency,
        case_number=given.case_number,
        officer=None if given.officer is None else people.contact(given.officer, record.as_of),
        reported_to_le=given.reported,
        served_domestic=given.served_domestic,
        served_international=None if abroad is None else LegalProcess(value=abroad, flea_country=country),
    )
