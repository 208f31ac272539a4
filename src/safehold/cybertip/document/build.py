"""From an input record to the documents. Pure: no clock, no database, no network; same record, same bytes.

Others may call `build_report` and `build_file_details`. One function serves preview, first filing,
retry and the manual packet. Values that a host logged and that their field cannot take become lines of
`additionalInfo` (`_Notes`); everything else that is invalid raises `DocumentError`.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import phonenumbers

from safehold.cybertip.document import codes
from safehold.cybertip.document.accounts import IntendedRecipient, ReportedUser, Victim
from safehold.cybertip.document.common import (
    ContactPerson,
    Email,
    IpCaptureEvent,
    PermanentlyDisabled,
    Person,
    Phone,
    TemporarilyDisabled,
)
from safehold.cybertip.document.errors import SERVICE, DocumentError
from safehold.cybertip.document.file_details import FileDetails, FileHash
from safehold.cybertip.document.incidents import Chat, InternetDetails, WebPage
from safehold.cybertip.document.report import IncidentSummary, Report, Reporter
from safehold.cybertip.document.values import Link, Text, When, clean
from safehold.cybertip.inputs import (
    AccountInput,
    ChatInput,
    DisabledInput,
    EmailInput,
    FileInput,
    FilingInput,
    IpInput,
    PhoneInput,
    ReporterInput,
)

# A clock of a host or of the service may run a little differently from ours: times up to TOLERANCE
# ahead are written as MARGIN before the record's own time, so that they lie in the past everywhere.
MARGIN = timedelta(seconds=5)
TOLERANCE = timedelta(minutes=5)

Made = TypeVar("Made")
Given = TypeVar("Given")


class _Notes:
    """Collects what could not stand in its own field, to be told in `additionalInfo`."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def attempt(self, label: str, told: str, make: Callable[[], Made]) -> Made | None:
        """What `make` returns, or None and a line "label: told" where it raises DocumentError."""
        try:
            return make()
        except DocumentError as error:
            self.lines.append(f"{label} as logged ({error.limit}): {clean(told)}")
            return None

    def each(
        self, label: str, values: Iterable[Given], told: Callable[[Given], str], make: Callable[[Given], Made | None]
    ) -> tuple[Made, ...]:
        """What `make` returns for every value that its field can take; a line for every other."""
        made = [self.attempt(label, told(value), partial(make, value)) for value in values]
        return tuple(one for one in made if one is not None)

    def below(self, text: str) -> str | None:
        """`text` with the lines below it."""
        return "\n".join([*([text] if text.strip() else []), *self.lines]) or None


def build_report(record: FilingInput) -> bytes:
    """The `report` document. Raises DocumentError naming field, limit and source."""
    notes = _Notes()
    subject, prior = record.subject, record.prior_report_ids
    _keep_victims_apart(record)
    if prior and subject is None:
        notes.lines.append("Earlier CyberTipline reports: " + ", ".join(map(str, prior)))
    details = _details(record, notes)
    return Report(
        as_of=record.as_of,
        summary=IncidentSummary(
            incident_type=codes.incident_label(record.incident_type),
            platform=record.platform,
            escalate=record.escalate,
            annotations=record.annotations,
            incident_at=past(record.incident_at, record.as_of, "incidentSummary/incidentDateTime"),
            description=record.incident_description,
        ),
        details=details,
        reporter=_reporter(record.reporter),
        reported=() if subject is None else (_account(ReportedUser, subject, record.as_of, prior),),
        recipients=tuple(_account(IntendedRecipient, one, record.as_of) for one in record.recipients),
        victims=tuple(_account(Victim, one, record.as_of) for one in record.victims),
        additional_info=notes.below(record.additional_info),
    ).to_bytes()


def build_file_details(record: FilingInput, file: FileInput, *, report_id: int, file_id: str) -> bytes:
    """The `fileDetails` document of one of the record's files, once the service has named it."""
    notes, as_of = _Notes(), record.as_of
    name = notes.attempt("File name", file.file_name, lambda: Text(2056).check(file.file_name, "originalFileName"))
    link = notes.attempt("Location", file.url, lambda: Link().check(file.url, "locationOfFile"))
    at = file.uploaded_at
    uploaded = None if at is None else notes.attempt("Uploaded", str(at), lambda: past(at, as_of, "uploadedToEsp"))
    event = file.ip_event
    return FileDetails(
        as_of=as_of,
        report_id=report_id,
        file_id=file_id,
        original_name=name,
        uploaded_at=uploaded,
        location=link,
        viewed=file.viewed,
        exif_viewed=file.exif_viewed,
        public=file.public,
        relevance="Reported" if file.relevance == "reported" else "Supplemental Reported",
        annotations=file.annotations,
        classification=file.classification or None,
        hashes=tuple(FileHash(hash_type=kind, value=value) for kind, value in file.hashes),
        ip_event=None if event is None else notes.attempt("Address", _told(event), lambda: _ip_event(event, as_of)),
        additional_info=tuple(filter(None, [notes.below(file.additional_info)])),
    ).to_bytes()


def past(at: datetime, as_of: datetime, field: str) -> datetime:
    """`at`, or a little before `as_of` where clocks differ slightly. Raises DocumentError for the future."""
    at = When().check(at, field)
    if at > as_of + TOLERANCE:
        raise DocumentError(field, "must lie in the past", SERVICE)
    return min(at, When().check(as_of - MARGIN, field))


def _keep_victims_apart(record: FilingInput) -> None:
    """Design, section 3: an apparent victim is only ever protected."""
    subject = record.subject
    if subject is None:
        return
    if subject.role == "apparent_victim":
        raise DocumentError("personOrUserReported", "must never be an apparent victim", SERVICE)
    for victim in record.victims:
        if victim.account_id and (victim.service, victim.account_id) == (subject.service, subject.account_id):
            raise DocumentError("personOrUserReported", "is also named as an apparent victim", SERVICE)


def _details(record: FilingInput, notes: _Notes) -> tuple[InternetDetails, ...]:
    found = []
    urls = notes.each("Link", record.urls, str, lambda url: Link().check(url, "url"))
    if urls:
        found.append(WebPage(urls=urls, third_party_hosted=record.third_party_hosted).in_details())
    if record.chat is not None:
        found.append(_chat(record.chat, notes))
    return tuple(found)


def _chat(chat: ChatInput, notes: _Notes) -> InternetDetails:
    return Chat(
        client=notes.attempt("Chat client", chat.client, lambda: Text(255).check(chat.client, "chatClient")),
        room=notes.attempt("Chat room", chat.room, lambda: Text(255).check(chat.room, "chatRoomName")),
        content=chat.content,
        additional_info=chat.additional_info,
    ).in_details()


def _reporter(profile: ReporterInput) -> Reporter:
    contact = profile.contact
    return Reporter(
        reporting_person=Person(
            first_name=profile.first_name,
            last_name=profile.last_name,
            phones=(_phone(PhoneInput(number=profile.phone, type="Business")),) if profile.phone else (),
            emails=(Email(address=profile.email, type="Business"),) if profile.email else (),
        ),
        contact_person=None
        if contact is None
        else ContactPerson(
            first_name=contact.first_name,
            last_name=contact.last_name,
            phones=tuple(map(_phone, contact.phones)),
            emails=tuple(_email(one) for one in contact.emails),
        ),
        company_template=profile.company,
        terms_of_service=profile.terms_of_service,
        legal_url=profile.legal_url,
    )


Someone = TypeVar("Someone", ReportedUser, IntendedRecipient, Victim)


def _account(kind: type[Someone], account: AccountInput, as_of: datetime, prior: tuple[int, ...] = ()) -> Someone:
    """One person of the report. What the host logged wrongly goes to their own `additionalInfo`."""
    notes = _Notes()

    def text(label: str, value: str, limit: int) -> str | None:
        return notes.attempt(label, value, lambda: Text(limit).check(value, label))

    disabled = _disabled(account.disabled, as_of, notes)
    for_a_time = isinstance(disabled, TemporarilyDisabled)
    person: Person | None = _person(account, as_of, notes)
    if kind is not Victim and person == Person():
        person = None  # a victim's must be there, also empty
    return kind(
        person=person,  # type: ignore[arg-type]
        esp_identifier=text("Account id", account.account_id, 255),
        esp_service=text("Service", account.service, 100),
        compromised_account=account.compromised,
        screen_name=text("Screen name", account.handle, 256),
        display_names=notes.each("Display name", account.display_names, str, lambda one: Text(255).check(one, "name")),
        profile_urls=notes.each("Profile", account.urls, str, lambda one: Link().check(one, "profileUrl")),
        profile_bio=account.bio,
        ip_events=notes.each("Address", account.ip_events, _told, lambda one: _ip_event(one, as_of)),
        prior_reports=tuple(dict.fromkeys((*prior, *account.prior_report_ids))),
        temporarily_disabled=disabled if for_a_time else None,  # type: ignore[arg-type]
        permanently_disabled=None if for_a_time else disabled,
        additional_info=notes.below(account.additional_info),
    )


def _person(account: AccountInput, as_of: datetime, notes: _Notes) -> Person:
    first, last, born = account.first_name, account.last_name, account.date_of_birth
    if born is not None and born > as_of.date():
        notes.lines.append(f"Date of birth as logged (must lie in the past): {born}")
        born = None
    return Person(
        first_name=notes.attempt("First name", first, lambda: Text(100).check(first, "firstName")),
        last_name=notes.attempt("Last name", last, lambda: Text(100).check(last, "lastName")),
        phones=notes.each("Telephone", account.phones, lambda one: one.number, _phone),
        emails=notes.each("E-mail", account.emails, lambda one: one.address, lambda one: _email(one, as_of)),
        age=account.age,
        date_of_birth=born,
    )


def _email(email: EmailInput, as_of: datetime | None = None) -> Email:
    at = email.verified_at
    return Email(
        address=email.address,
        type=email.type or None,
        verified=email.verified,
        verification_date=at if at is None or as_of is None else past(at, as_of, "email/verificationDate"),
    )


def _phone(phone: PhoneInput) -> Phone:
    """The number, with its calling code apart where it is in E.164 and the parts cannot be confused."""
    number, code = phone.number, None
    if number.startswith("+"):
        try:
            parsed = phonenumbers.parse(number)
        except phonenumbers.NumberParseException:
            parsed = None
        if parsed is not None:
            national = phonenumbers.national_significant_number(parsed)
            if not national.startswith(str(parsed.country_code)):
                number, code = national, f"+{parsed.country_code}"
    return Phone(number=number, type=phone.type or None, verified=phone.verified, country_calling_code=code)


def _ip_event(event: IpInput, as_of: datetime) -> IpCaptureEvent:
    return IpCaptureEvent(
        ip_address=event.ip,
        event_name=event.event if event.event in codes.EVENTS else "Other",
        date_time=None if event.at is None else past(event.at, as_of, "ipCaptureEvent/dateTime"),
        possible_proxy=event.possible_proxy,
        port=event.port,
    )


def _told(event: IpInput) -> str:
    return " ".join(str(part) for part in (event.ip, event.event, event.at, event.port) if part is not None)


def _disabled(given: DisabledInput | None, as_of: datetime, notes: _Notes) -> PermanentlyDisabled | None:
    if given is None:
        return None
    kind = PermanentlyDisabled if given.kind == "permanent" else TemporarilyDisabled
    told = f"{given.kind}, {given.at}, user told {given.user_notified_at}"

    def when(at: datetime | None) -> datetime | None:
        return None if at is None else past(at, as_of, f"{kind.TYPE}/disabledDate")

    return notes.attempt(
        "Account closed",
        told,
        lambda: kind(
            disabled_date=when(given.at),
            user_notified=given.user_notified,
            user_notified_date=when(given.user_notified_at),
        ),
    )
