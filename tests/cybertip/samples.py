"""Placeholder records and a whole document of every element, shared by this room's tests."""

import hashlib
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from safehold.cybertip.document import accounts, common, file_details, incidents, report
from safehold.cybertip.document.codes import FILE_ANNOTATIONS, INCIDENT_TYPES, REPORT_ANNOTATIONS
from safehold.cybertip.inputs import (
    AccountInput,
    ChatInput,
    ContactInput,
    DisabledInput,
    EmailInput,
    FileInput,
    FilingInput,
    IpInput,
    PhoneInput,
    ReporterInput,
)

AS_OF = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
EARLIER = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BEFORE = datetime(2025, 12, 1, tzinfo=UTC)

REPORTER = ReporterInput(
    first_name="Trust",
    last_name="Desk",
    email="safety@example.org",
    phone="+12025550100",
    company="Example Co. Placeholder text for legal process.",
    legal_url="https://example.org/legal",
)


def md5(body: bytes) -> str:
    """As the service answers it."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def record(**changes: Any) -> FilingInput:
    """A small valid record."""
    base = FilingInput(
        ref="subject:1", as_of=AS_OF, incident_type="online_enticement", incident_at=EARLIER, reporter=REPORTER
    )
    return msgspec.structs.replace(base, **changes)


def full_record() -> FilingInput:
    """A record that fills everything the input knows."""
    return record(
        platform="Example Chat",
        annotations=("spam", "sextortion"),
        escalate="Placeholder reason.",
        incident_description="Time of placeholder message 1.",
        reporter=msgspec.structs.replace(
            REPORTER,
            terms_of_service="Placeholder terms.",
            contact=ContactInput(
                first_name="Legal",
                last_name="Desk",
                emails=(EmailInput(address="legal@example.org"),),
                phones=(PhoneInput(number="+12025550101", type="Work"),),
            ),
        ),
        subject=AccountInput(
            role="uploader",
            account_id="u-17",
            service="Example Chat",
            handle="user-17",
            display_names=("User 17", "Seventeen"),
            urls=("https://chat.example.test/@user-17",),
            bio="Placeholder bio.",
            first_name="User",
            last_name="Seventeen",
            age=40,
            date_of_birth=date(1985, 1, 1),
            emails=(
                EmailInput(address="user-17@example.net", type="Home", verified=True, verified_at=BEFORE),
                EmailInput(address="not an address"),
            ),
            phones=(PhoneInput(number="+12025550117", type="Mobile", verified=True), PhoneInput(number="unknown")),
            ip_events=(
                IpInput(ip="192.0.2.10", event="Login", at=EARLIER, port=51544, possible_proxy=False),
                IpInput(ip="2001:db8::7", event="Upload", at=EARLIER),
                IpInput(ip="192.0.2.300", event="Login"),
            ),
            disabled=DisabledInput(kind="permanent", at=EARLIER, user_notified=False),
            compromised=False,
            additional_info="Placeholder about the account.",
        ),
        victims=(AccountInput(role="apparent_victim", account_id="u-18", service="Example Chat"),),
        recipients=(AccountInput(account_id="u-19", handle="user-19"),),
        urls=("https://chat.example.test/p/1", "example.test/no-scheme"),
        third_party_hosted=False,
        chat=ChatInput(client="Example Chat (web)", room="Room 1", content="placeholder message 1"),
        additional_info="Placeholder narrative.",
        prior_report_ids=(1234567, 1234568),
        files=(file_input(),),
    )


def file_input(**changes: Any) -> FileInput:
    """A file whose every field is filled."""
    base = FileInput(
        sealed_id="sealed-1",
        viewed=True,
        exif_viewed=True,
        file_name="gradient 1.png",
        uploaded_at=EARLIER,
        url="https://cdn.example.test/o/1",
        public=False,
        annotations=("generativeAi",),
        hashes=(("MD5", "d41d8cd98f00b204e9800998ecf8427e"), ("SHA256", "ab" * 32)),
        ip_event=IpInput(ip="192.0.2.10", event="Upload", at=EARLIER, port=51544),
        additional_info="Placeholder about the file.",
    )
    return msgspec.structs.replace(base, **changes)


def phone(**changes: Any) -> common.Phone:
    """A telephone with every attribute."""
    return common.Phone(
        **{
            "number": "2025550117", "type": "Mobile", "verified": True, "verification_date": BEFORE,
            "country_calling_code": "+1", "extension": "12", **changes,
        }
    )  # fmt: skip


def email(address: str = "user-17@example.net") -> common.Email:
    """An e-mail address with every attribute."""
    return common.Email(address=address, type="Home", verified=True, verification_date=BEFORE)


ADDRESS = common.Address(
    type="Home", address="1 Placeholder Street", city="Springfield", zip_code="00000", state="IL",
    non_usa_state="None", country="US",
)  # fmt: skip
IP_EVENT = common.IpCaptureEvent(
    ip_address="192.0.2.10", event_name="Login", date_time=EARLIER, possible_proxy=True, port=443
)
DEVICE = common.DeviceId(id_type="IMEI", id_value="placeholder", event_name="Other", date_time=EARLIER)
PLACE = common.EstimatedLocation(verified=False, timestamp=EARLIER, city="Springfield", region="IL", country_code="US")
PAUSED = common.TemporarilyDisabled(
    disabled_date=BEFORE, user_notified=True, user_notified_date=BEFORE, reenabled_date=EARLIER
)
CLOSED = common.PermanentlyDisabled(disabled_date=EARLIER, user_notified=True, user_notified_date=EARLIER)
PERSON = common.Person(
    first_name="User", last_name="Seventeen", phones=(phone(),), emails=(email(),), addresses=(ADDRESS,), age=40,
    date_of_birth=date(1985, 1, 1),
)  # fmt: skip
CONTACT = common.ContactPerson(
    first_name="Legal", last_name="Desk", phones=(phone(),), emails=(email("legal@example.org"),), addresses=(ADDRESS,)
)
ASSOCIATED = accounts.AssociatedAccount(
    type="Parent/Guardian",
    platform=accounts.AccountPlatform(name="Example Photos", third_party_user=True),
    first_name="User", middle_name="Placeholder", last_name="Twenty", date_of_birth=date(1980, 1, 1),
    phones=(phone(),), emails=(email("user-20@example.net"),), all_emails_reported=True, addresses=(ADDRESS,),
    esp_service="Example Photos", esp_identifier="u-20", profile_urls=("https://photos.example.test/u/20",),
    screen_name="user-20", display_names=("User 20",), profile_bio="Placeholder bio.", group_identifier="g-1",
    compromised_account=False, temporarily_disabled=PAUSED, permanently_disabled=CLOSED, ip_events=(IP_EVENT,),
    device_ids=(DEVICE,), prior_reports=(1234567,), additional_info="Placeholder.",
)  # fmt: skip


def _account(**more: Any) -> dict[str, Any]:
    """What reported, recipient and victim have in common."""
    return {
        "person": PERSON, "esp_identifier": "u-17", "esp_service": "Example Chat", "compromised_account": False,
        "screen_name": "user-17", "display_names": ("User 17",), "profile_urls": ("https://chat.example.test/u/17",),
        "profile_bio": "Placeholder bio.", "ip_events": (IP_EVENT,), "device_ids": (DEVICE,),
        "prior_reports": (1234567,),
        "temporarily_disabled": PAUSED, "permanently_disabled": CLOSED, "estimated_location": PLACE,
        "all_emails_reported": True, "additional_info": "Placeholder.", **more,
    }  # fmt: skip


REPORTED = accounts.ReportedUser(
    **_account(
        vehicle_description="Placeholder car", third_party_user=False, group_identifier="g-1",
        associated_accounts=(ASSOCIATED,),
    )
)  # fmt: skip
RECIPIENT = accounts.IntendedRecipient(
    **_account(esp_identifier="u-19", group_identifier="g-1", additional_info=("Placeholder.",))
)
VICTIM = accounts.Victim(
    **_account(esp_identifier="u-18", school_name="Placeholder School", associated_accounts=(ASSOCIATED,))
)

INCIDENTS: tuple[incidents.Incident, ...] = (
    incidents.WebPage(third_party_hosted=True, urls=("https://example.test/1",), additional_info="Placeholder."),
    incidents.EmailMessage(addresses=("user-17@example.net",), content="placeholder message 1", additional_info="P."),
    incidents.Newsgroup(name="example.group", addresses=("user-17@example.net",), content="P.", additional_info="P."),
    incidents.Chat(client="Example Chat", room="Room 1", content="placeholder message 2", additional_info="P."),
    incidents.Game(name="Example Game", console="Example", content="placeholder message 3", additional_info="P."),
    incidents.CellPhone(number=phone(), latitude=12.5, longitude=-100, additional_info="P."),
    incidents.NonInternet(location="Placeholder", addresses=(ADDRESS,), additional_info="P."),
    incidents.PeerToPeer(
        client="Example Share", ip_events=(IP_EVENT,), file_names="gradient 1.png", additional_info="P."
    ),
)

SUMMARY = report.IncidentSummary(
    incident_type=INCIDENT_TYPES["child_pornography"], platform="Example Chat", escalate="Placeholder reason.",
    annotations=REPORT_ANNOTATIONS, incident_at=EARLIER, description="Placeholder.",
)  # fmt: skip
REPORTING = report.Reporter(
    reporting_person=PERSON, contact_person=CONTACT, company_template="Example Co.", terms_of_service="Placeholder.",
    legal_url="https://example.org/legal",
)  # fmt: skip
POLICE = report.LawEnforcement(
    agency_name="Example Police", case_number="1", officer=CONTACT, reported_to_le=True, served_domestic=False,
    served_international=report.LegalProcess(value=True, flea_country="NZ"),
)  # fmt: skip


def whole_report(**changes: Any) -> report.Report:
    """A report with every element of the schema but `batchedReport`."""
    return report.Report(
        **{
            "as_of": AS_OF, "summary": SUMMARY, "details": tuple(one.in_details() for one in INCIDENTS),
            "law_enforcement": POLICE, "reporter": REPORTING, "reported": (REPORTED,), "recipients": (RECIPIENT,),
            "victims": (VICTIM,), "additional_info": "Placeholder narrative.", **changes,
        }
    )  # fmt: skip


def whole_file(**changes: Any) -> file_details.FileDetails:
    """File details with every element but the legacy `potentialMeme`."""
    return file_details.FileDetails(
        **{
            "as_of": AS_OF, "agreement": True, "report_id": 1234567, "file_id": "0" * 32,
            "original_name": "gradient 1.png",
            "uploaded_at": EARLIER, "location": "https://cdn.example.test/o/1", "viewed": True, "exif_viewed": False,
            "public": True, "relevance": "Reported", "annotations": FILE_ANNOTATIONS, "classification": "B2",
            "hashes": (file_details.FileHash(hash_type="MD5", value="0" * 32),), "ip_event": IP_EVENT,
            "device_ids": (DEVICE,), "details": (
                file_details.Details(type="EXIF", pairs=(file_details.NameValue(name="Make", value="Placeholder"),)),
            ), "additional_info": ("Placeholder.",), **changes,
        }
    )  # fmt: skip


def batched_report(**changes: Any) -> report.Report:
    """A batched report as the documentation allows it."""
    return report.Report(
        **{
            "as_of": AS_OF, "batched": report.Batched(),
            "summary": report.IncidentSummary(incident_type=INCIDENT_TYPES["child_pornography"], incident_at=EARLIER),
            "reporter": REPORTING,
            "reported": tuple(accounts.ReportedUser(esp_identifier=f"u-{n}") for n in range(3)), **changes,
        }
    )  # fmt: skip
