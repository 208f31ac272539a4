"""Benign scenarios whose documents are golden files, made by the builder from input records, or by the models.

`python -m tests.cybertip.scenarios` writes the golden files anew; look at every changed byte before you keep it.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from safehold.cybertip.document.build import build_file_details, build_report
from safehold.cybertip.document.codes import FILE_ANNOTATIONS, NEWER, REPORT_ANNOTATIONS
from safehold.cybertip.inputs import (
    AccountInput,
    AddressInput,
    AssociatedInput,
    BatchInput,
    CellPhoneIncident,
    ChatIncident,
    ChatInput,
    ContactInput,
    DetailsInput,
    DeviceInput,
    DisabledInput,
    EmailIncident,
    EmailInput,
    FileInput,
    FilingInput,
    GameIncident,
    IpInput,
    LawEnforcementInput,
    LocationInput,
    NewsgroupIncident,
    OfflineIncident,
    PeerIncident,
    PhoneInput,
    WebIncident,
)
from tests.cybertip import samples
from tests.cybertip.samples import BEFORE, EARLIER, record

GOLDEN = Path(__file__).parent / "golden"
LATER = datetime(2026, 1, 2, 6, 0, tzinfo=UTC)
FUTURE = datetime(2027, 1, 1, tzinfo=UTC)

STREET = AddressInput(
    type="Home", street="1 Placeholder Street", city="Springfield", zip_code="00000", state="IL", country="US"
)
ABROAD = AddressInput(type="Billing", street="2 Placeholder Road", city="Example", region="Example", country="NZ")
LOGIN = IpInput(ip="192.0.2.10", event="Login", at=EARLIER, port=51544, possible_proxy=False)
MAPPED = IpInput(ip="::ffff:192.0.2.11", event="Registration", at=BEFORE)
PHONE = DeviceInput(type="IMEI", value="placeholder-imei", event="Registration", at=BEFORE)
NETWORK = DeviceInput(type="SSID", value="placeholder network")
SPRINGFIELD = LocationInput(country="US", city="Springfield", region="IL", verified=False, at=EARLIER)
PAUSED = DisabledInput(
    kind="temporary", at=BEFORE, user_notified=True, user_notified_at=BEFORE, reenabled_at=EARLIER, still=False
)
CLOSED = DisabledInput(kind="permanent", at=EARLIER, user_notified=True, user_notified_at=LATER)
PAID = AssociatedInput(
    type="Billing", platform="Example Pay", third_party=True, first_name="User", middle_name="Placeholder",
    last_name="Seventeen", age=40, phones=(PhoneInput(number="+12025550117"),),
    emails=(EmailInput(address="user-17@example.net"),), all_emails=True, addresses=(ABROAD,), service="Example Pay",
    account_id="p-17", urls=("https://pay.example.test/u/17",), handle="user-17", display_names=("User 17",),
    bio="Placeholder bio.", group="g-1", compromised=False, disabled=(PAUSED, CLOSED), ip_events=(LOGIN,),
    devices=(NETWORK,), prior_report_ids=(1234567,), additional_info="Placeholder.",
)  # fmt: skip
GUARDIAN = AssociatedInput(type="Parent/Guardian", account_id="u-21", date_of_birth=date(1980, 1, 1))
USER = AccountInput(role="uploader", account_id="u-17", service="Example Chat", handle="user-17")
KNOWN = AccountInput(
    role="uploader", account_id="u-17", service="Example Chat", handle="user-17", display_names=("User 17", "17"),
    urls=("https://chat.example.test/@user-17",), bio="Placeholder bio.", first_name="User", last_name="Seventeen",
    age=40, date_of_birth=date(1985, 1, 1), all_emails=True, compromised=False, group="g-1", vehicle="Placeholder car",
    third_party=False, addresses=(STREET, ABROAD), ip_events=(LOGIN, MAPPED), devices=(PHONE, NETWORK),
    emails=(EmailInput(address="user-17@example.net", type="Recovery", verified=True, verified_at=BEFORE),),
    phones=(PhoneInput(number="+12025550117", type="Mobile", verified=True, verified_at=BEFORE, extension="12"),),
    location=SPRINGFIELD, disabled=CLOSED, also_disabled=PAUSED, associated=(PAID, GUARDIAN),
    additional_info="Placeholder about the account.",
)  # fmt: skip
FRIEND = AccountInput(
    account_id="u-19", service="Example Chat", handle="user-19", display_names=("User 19",), bio="Placeholder bio.",
    urls=("https://chat.example.test/@user-19",), first_name="User",
    emails=(EmailInput(address="user-19@example.net"),),
    all_emails=False, ip_events=(LOGIN,), devices=(PHONE,), group="g-1", disabled=PAUSED, also_disabled=CLOSED,
    location=LocationInput(country="NZ"), compromised=True, prior_report_ids=(1234568,), additional_info="Placeholder.",
)  # fmt: skip
PUPIL = AccountInput(
    role="apparent_victim", account_id="u-18", service="Example Chat", handle="user-18", display_names=("User 18",),
    urls=("https://chat.example.test/@user-18",), bio="Placeholder bio.", age=0, all_emails=True, ip_events=(MAPPED,),
    emails=(EmailInput(address="user-18@example.net"),), devices=(NETWORK,), school="Placeholder School",
    prior_report_ids=(1234569,), disabled=CLOSED, also_disabled=PAUSED, location=SPRINGFIELD, compromised=False,
    associated=(GUARDIAN,), additional_info="Placeholder.",
)  # fmt: skip
OFFICER = ContactInput(
    first_name="Officer", last_name="Placeholder", emails=(EmailInput(address="desk@police.example", type="Work"),),
    phones=(PhoneInput(number="+12025550102", type="Work"),), addresses=(STREET,),
)  # fmt: skip
THREAD_FILE = samples.FileInput(
    sealed_id="sealed-thread", viewed=True, file_name="thread-t-1.txt", uploaded_at=EARLIER,
    hashes=(("SHA256", "cd" * 32),), additional_info="The messages, rendered as text by the service.",
)  # fmt: skip
PICTURE = samples.file_input()
BATCHED = record(
    incident_type="child_pornography", batch=BatchInput(account_ids=("u-1", "u-2", "u-3")),
    files=(samples.file_input(annotations=("viral", "potentialMeme")),),
)  # fmt: skip


def _reports() -> dict[str, Callable[[], FilingInput]]:
    """Scenarios of reports, by name."""
    return {
        "report-minimal": record,
        "report-full-input": samples.full_record,
        "report-text-only": lambda: record(
            subject=USER, recipients=(FRIEND,), files=(THREAD_FILE,),
            chat=ChatInput(client="Example Chat (web)", room="Room 1", content="placeholder message 1"),
        ),
        "report-trafficking": lambda: record(
            incident_type="child_sex_trafficking", subject=KNOWN, urls=("https://ads.example.test/1",)
        ),
        "report-tourism": lambda: record(
            incident_type="child_sex_tourism", subject=USER,
            incidents=(OfflineIncident(location="Placeholder hotel", addresses=(ABROAD,), additional_info="P."),),
        ),
        "report-molestation": lambda: record(
            incident_type="child_sexual_molestation", subject=USER, victims=(PUPIL,),
            incidents=(
                CellPhoneIncident(
                    phone=PhoneInput(number="+12025550117", type="Mobile", verified=True, verified_at=BEFORE),
                    latitude=12.5, longitude=-100.0, additional_info="P.",
                ),
            ),
        ),
        "report-domain-name": lambda: record(
            incident_type="misleading_domain_name",
            incidents=(
                WebIncident(urls=("https://a.example.test/",), third_party_hosted=True, additional_info="P."),
                WebIncident(urls=("https://b.example.test/",), third_party_hosted=False),
            ),
        ),
        "report-words-or-images": lambda: record(
            incident_type="misleading_words_or_images", urls=("https://a.example.test/ä?q=ö#ü",)
        ),
        "report-email": lambda: record(
            incident_type="obscene_material_to_child", subject=KNOWN, recipients=(FRIEND,), victims=(PUPIL,),
            incidents=(
                EmailIncident(
                    addresses=("user-17@example.net", "user-19@example.net", "nobody@example.net"),
                    content="Subject: placeholder message 1", additional_info="P.",
                ),
            ),
        ),
        "report-newsgroup": lambda: record(
            subject=KNOWN,
            incidents=(
                NewsgroupIncident(
                    name="example.group", addresses=("user-17@example.net",), content="P.", additional_info="P."
                ),
            ),
        ),
        "report-game": lambda: record(
            subject=USER,
            incidents=(GameIncident(name="Example Game", console="Example", content="P.", additional_info="P."),),
        ),
        "report-peer-to-peer": lambda: record(
            incident_type="child_pornography", subject=USER,
            incidents=(
                PeerIncident(
                    client="Example Share", ip_events=(LOGIN,), file_names="gradient 1.png", additional_info="P."
                ),
            ),
        ),
        "report-two-chats": lambda: record(
            subject=USER, chat=ChatInput(client="Example Chat"),
            incidents=(ChatIncident(client="Example Talk", room="Room 2", content="P.", additional_info="P."),),
        ),
        "report-police": lambda: record(
            subject=USER,
            law_enforcement=LawEnforcementInput(
                agency="Example Police", case_number="1", officer=OFFICER, reported=True, served_domestic=False,
                served_international=True, country="NZ",
            ),
        ),
        "report-victim-alone": lambda: record(victims=(PUPIL,)),
        "report-recipients": lambda: record(subject=USER, recipients=(FRIEND, AccountInput(handle="user-22"))),
        "report-follow-up": lambda: record(subject=USER, prior_report_ids=(1234567, 1234568)),
        "report-follow-up-nobody": lambda: record(prior_report_ids=(1234567,)),
        "report-imminent": lambda: record(subject=USER, escalate="Placeholder finding and its reason."),
        "report-annotations": lambda: record(subject=USER, annotations=REPORT_ANNOTATIONS),
        "report-newer-schema": lambda: record(
            subject=AccountInput(
                account_id="u-17", age=40, age_discrepancy=True,
                associated=(AssociatedInput(type="Linked", age=40, age_discrepancy=False),),
            ),
            annotations=("informational", "potentialAggravatingFactors", "instrumentalUse"),
            declared=tuple(sorted(NEWER)),
        ),
        "report-older-schema": lambda: record(
            subject=AccountInput(
                account_id="u-17", age=40, age_discrepancy=True,
                associated=(AssociatedInput(type="Linked", age=40, age_discrepancy=False),),
            ),
        ),
        "report-paused-account": lambda: record(
            subject=AccountInput(account_id="u-17", disabled=DisabledInput(kind="temporary", at=EARLIER))
        ),
        "report-wrongly-logged": lambda: record(
            subject=AccountInput(
                account_id="u" * 256, service="Example Chat", first_name="x" * 101, age=-1,
                date_of_birth=date(2026, 1, 2),
                emails=(EmailInput(address="a@b@c"), EmailInput(address="user-17@example.net", verified_at=BEFORE)),
                phones=(PhoneInput(number="555-0117", type="Satellite", extension="x1"),),
                addresses=(AddressInput(city="Springfield", state="Illinois"),),
                ip_events=(IpInput(ip="192.0.2.10", at=EARLIER, port=0), IpInput(ip="192.0.2.999")),
                devices=(DeviceInput(type="", value="x"), DeviceInput(type="IMEI", value="x", at=FUTURE)),
                location=LocationInput(country="US", city="Springfield"), urls=("chat.example.test/@user-17",),
                disabled=DisabledInput(kind="permanent", at=LATER, user_notified_at=EARLIER),
                school="Placeholder School",
                associated=(AssociatedInput(type="Other", middle_name="x" * 257, third_party=True),),
            ),
            recipients=(AccountInput(handle="user-19", vehicle="Placeholder car", associated=(GUARDIAN,)),),
            incidents=(CellPhoneIncident(phone=PhoneInput(number="none"), latitude=91.0),),
        ),
        "report-batched-input": lambda: BATCHED,
    }  # fmt: skip


def _files() -> dict[str, tuple[FilingInput, FileInput]]:
    """Scenarios of file details, by name."""
    full, agreed = samples.full_record(), record(industry_agreement=True)
    exif = (
        DetailsInput(type="EXIF", values=(("Make", "Placeholder"), ("Model", "P-1"), ("x" * 65, "too long"))),
        DetailsInput(type="HASH", values=(("SHA512", "ef" * 64),)),
        DetailsInput(values=(("Pages", "2"),)),
    )
    return {
        "file-full-input": (full, full.files[0]),
        "file-minimal": (full, FileInput(sealed_id="1", viewed=False)),
        "file-supplemental": (full, samples.file_input(relevance="supplemental", annotations=())),
        "file-thread": (full, THREAD_FILE),
        "file-annotations": (full, samples.file_input(annotations=FILE_ANNOTATIONS)),
        "file-classified": (agreed, samples.file_input(classification="A1")),
        "file-exif-and-devices": (full, samples.file_input(details=exif, devices=(PHONE, NETWORK))),
        "file-matched-not-viewed": (full, samples.file_input(viewed=False, exif_viewed=False, public=True)),
        "file-batched": (BATCHED, BATCHED.files[0]),
    }


def documents() -> dict[str, bytes]:
    """Name and content of every golden document."""
    found = {name: build_report(make()) for name, make in _reports().items()}
    for name, (given, file) in _files().items():
        found[name] = build_file_details(given, file, report_id=1234567, file_id="f" * 32)
    models: dict[str, Any] = {
        "report-every-element": samples.whole_report(),
        "report-batched": samples.batched_report(),
        "file-every-element": samples.whole_file(file_name="gradient 1.png"),
        "file-legacy-meme": samples.whole_file(annotations=None, potential_meme=True),
    }
    return found | {name: model.to_bytes() for name, model in models.items()}


if __name__ == "__main__":
    for name, document in documents().items():
        (GOLDEN / f"{name}.xml").write_bytes(document)
