"""Any record: whatever a host logged is built and accepted; what is within the limits stands in its own field."""

import ipaddress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from safehold.cybertip import inputs
from safehold.cybertip.completeness import Ability, completeness
from safehold.cybertip.document import codes
from safehold.cybertip.document.build import build_file_details, build_report
from safehold.cybertip.document.read import read_file_details, read_report
from safehold.cybertip.simulator import checks, xsd
from safehold.cybertip.simulator.grammar import NEWER, PUBLISHED
from tests.cybertip import samples
from tests.cybertip.samples import AS_OF

FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
SCHEMAS = {
    name: etree.XMLSchema(etree.fromstring(xsd.schema(one))) for name, one in (("", PUBLISHED), ("newer", NEWER))
}

letters = st.characters(exclude_categories=("Cs", "Cc", "Cn"), max_codepoint=0xFFFD)
chars = st.characters(exclude_categories=("Cs",))
bools = st.none() | st.booleans()


def word(most: int) -> st.SearchStrategy[str]:
    """Text within a limit, or none."""
    return st.just("") | st.text(letters, min_size=1, max_size=12).filter(str.strip).map(lambda one: one[:most])


class World:
    """Strategies for one kind of record: `tame` = within every documented limit."""

    def __init__(self, *, tame: bool) -> None:
        self.tame = tame
        wild = st.text(chars, max_size=40).map(lambda one: one * 30) | st.text(chars, max_size=40)
        self.text = word(20) if tame else wild
        past = st.datetimes(datetime(1950, 1, 1), datetime(2026, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001
        any_time = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
        self.time = past if tame else any_time
        self.when = st.none() | self.time
        self.link = st.from_regex(r"https?://[a-z]{1,9}\.test/[a-z0-9?=&#/]{0,9}", fullmatch=True)
        self.mail = st.from_regex(r"[a-z0-9]{1,9}(\.[a-z0-9]{1,3})?@[a-z0-9]{1,9}\.test", fullmatch=True)
        self.ip = st.ip_addresses().filter(lambda one: not getattr(one, "scope_id", None)).map(str)
        self.number = st.from_regex(r"[0-9]{4,12}", fullmatch=True)
        self.age = st.none() | st.integers(0, 150)
        self.born = st.none() | st.dates(date(1900, 1, 1), date(2026, 1, 1))
        if not tame:
            self.link, self.mail = self.link | wild, self.mail | wild
            self.ip, self.number = self.ip | wild, self.number | wild | st.from_regex(r"\+[0-9]{3,14}")
            self.age, self.born = st.none() | st.integers(-9, 200), st.none() | st.dates()

    def choice(self, allowed: Any) -> st.SearchStrategy[str]:
        known = st.just("") | st.sampled_from(sorted(allowed))
        return known if self.tame else known | self.text

    def many(self, one: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[Any]:
        return st.lists(one, max_size=most).map(tuple)

    def verified(self, kind: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        made = st.builds(kind, verified=bools, verified_at=self.when, **fields)
        return made.map(_date_only_where_verified) if self.tame else made

    def email(self) -> st.SearchStrategy[Any]:
        return self.verified(inputs.EmailInput, address=self.mail, type=self.choice(codes.EMAIL_TYPES))

    def phone(self) -> st.SearchStrategy[Any]:
        digits = st.just("") | st.from_regex(r"[0-9]{1,10}", fullmatch=True)
        extension = digits if self.tame else digits | self.text
        kinds = self.choice(codes.PHONE_TYPES)
        return self.verified(inputs.PhoneInput, number=self.number, type=kinds, extension=extension)

    def address(self) -> st.SearchStrategy[Any]:
        return st.builds(
            inputs.AddressInput, type=self.choice(codes.ADDRESS_TYPES), street=self.text, city=self.text,
            zip_code=self.text, state=self.choice(codes.STATES), region=self.text, country=self.choice(codes.COUNTRIES),
        )  # fmt: skip

    def ip_event(self) -> st.SearchStrategy[Any]:
        port = st.integers(1, 65535) if self.tame else st.integers(-5, 70000)
        event = st.sampled_from(codes.EVENTS) if self.tame else self.text
        return st.builds(
            inputs.IpInput, ip=self.ip, event=event, at=self.when, port=st.none() | port, possible_proxy=bools
        )

    def device(self) -> st.SearchStrategy[Any]:
        filled = self.text.filter(str.strip) if self.tame else self.text
        return st.builds(inputs.DeviceInput, type=filled, value=filled, event=self.choice(codes.EVENTS), at=self.when)

    def disabled(self) -> st.SearchStrategy[Any]:
        if self.tame:
            return st.builds(
                inputs.DisabledInput, kind=st.sampled_from(["permanent", "temporary"]), at=self.when,
                user_notified=bools, still=st.booleans(),
            )  # fmt: skip
        return st.builds(
            inputs.DisabledInput, kind=st.sampled_from(["permanent", "temporary"]), at=self.when, user_notified=bools,
            user_notified_at=self.when, reenabled_at=self.when, still=st.booleans(),
        )  # fmt: skip

    def location(self) -> st.SearchStrategy[Any]:
        country = st.sampled_from(sorted(codes.COUNTRIES - {"US"})) if self.tame else self.choice(codes.COUNTRIES)
        return st.builds(
            inputs.LocationInput, country=country, city=self.text, region=self.text, verified=bools, at=self.when
        )

    def associated(self) -> st.SearchStrategy[Any]:
        return st.builds(
            inputs.AssociatedInput, type=st.sampled_from(codes.ASSOCIATIONS), platform=self.text, first_name=self.text,
            middle_name=self.text, last_name=self.text, age=self.age, age_discrepancy=bools, date_of_birth=self.born,
            phones=self.many(self.phone(), 1), emails=self.many(self.email(), 1), all_emails=bools,
            addresses=self.many(self.address(), 1), service=self.text, account_id=self.text,
            urls=self.many(self.link, 1), handle=self.text, display_names=self.many(self.text, 1), bio=self.text,
            group=self.text, compromised=bools, disabled=self.many(self.disabled(), 1),
            ip_events=self.many(self.ip_event(), 1), devices=self.many(self.device(), 1), additional_info=self.text,
        )  # fmt: skip

    def account(self, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.builds(
            inputs.AccountInput, role=st.just("uploader"), account_id=self.text, service=self.text, handle=self.text,
            display_names=self.many(self.text), urls=self.many(self.link), bio=self.text, first_name=self.text,
            last_name=self.text, age=self.age, age_discrepancy=bools, date_of_birth=self.born, all_emails=bools,
            emails=self.many(self.email()), phones=self.many(self.phone()), addresses=self.many(self.address()),
            ip_events=self.many(self.ip_event()), devices=self.many(self.device()),
            location=st.none() | self.location(), disabled=st.none() | self.disabled(), compromised=bools,
            additional_info=self.text, **more,
        )  # fmt: skip

    def subject(self) -> st.SearchStrategy[Any]:
        return self.account(
            group=self.text, vehicle=self.text, third_party=bools, associated=self.many(self.associated(), 1)
        )

    def incident(self) -> st.SearchStrategy[Any]:
        info, degrees = self.text, st.none() | (st.floats(-90, 90) if self.tame else st.floats())
        texts = {"content": self.text, "additional_info": info}
        mails = self.many(self.mail, 0 if self.tame else 2)
        return st.one_of(
            st.builds(inputs.WebIncident, urls=self.many(self.link), third_party_hosted=bools, additional_info=info),
            st.builds(inputs.EmailIncident, addresses=mails, **texts),
            st.builds(inputs.NewsgroupIncident, name=self.text, addresses=mails, **texts),
            st.builds(inputs.ChatIncident, client=self.text, room=self.text, **texts),
            st.builds(inputs.GameIncident, name=self.text, console=self.text, **texts),
            st.builds(
                inputs.CellPhoneIncident, phone=st.none() | self.phone(), latitude=degrees, longitude=degrees,
                additional_info=info,
            ),
            st.builds(
                inputs.OfflineIncident, location=self.text, addresses=self.many(self.address()), additional_info=info
            ),
            st.builds(
                inputs.PeerIncident, client=self.text, ip_events=self.many(self.ip_event()), file_names=self.text,
                additional_info=info,
            ),
        )  # fmt: skip

    def record(self) -> st.SearchStrategy[inputs.FilingInput]:
        other = {"group": self.text, "associated": st.just(())}
        victim = {"school": self.text, "associated": self.many(self.associated(), 1)}
        return st.builds(
            inputs.FilingInput, ref=st.just("subject:1"), as_of=st.just(AS_OF), incident_at=st.just(samples.EARLIER),
            incident_type=st.sampled_from(sorted(codes.INCIDENT_TYPES)), reporter=st.just(samples.REPORTER),
            annotations=self.many(st.sampled_from(codes.REPORT_ANNOTATIONS)), subject=st.none() | self.subject(),
            victims=self.many(self.account(**victim), 1), recipients=self.many(self.account(**other), 1),
            urls=self.many(self.link), chat=st.none() | st.builds(inputs.ChatInput, client=self.text, room=self.text),
            incidents=self.many(self.incident()), additional_info=self.text, files=self.many(self.file(), 1),
            declared=st.sampled_from([(), tuple(sorted(codes.NEWER))]),
        ).filter(_victims_are_others)  # fmt: skip

    def file(self) -> st.SearchStrategy[inputs.FileInput]:
        pairs = (
            st.tuples(self.text.filter(str.strip), self.text.filter(str.strip))
            if self.tame
            else st.tuples(self.text, self.text)
        )
        details = st.builds(
            inputs.DetailsInput, type=st.sampled_from(["EXIF", "HASH", ""]),
            values=st.lists(pairs, min_size=1, max_size=2).map(tuple),
        )  # fmt: skip
        return st.builds(
            inputs.FileInput, sealed_id=st.just("1"), viewed=st.booleans(), exif_viewed=st.just(False),
            file_name=self.text, size=st.none(), uploaded_at=self.when, url=st.just("") | self.link, public=bools,
            annotations=self.many(st.sampled_from(sorted(set(codes.FILE_ANNOTATIONS) - {"potentialMeme"}))),
            hashes=st.just((("MD5", "0" * 32),)), relevance=st.sampled_from(["reported", "supplemental"]),
            classification=st.just(""), ip_event=st.none() | self.ip_event(), devices=self.many(self.device()),
            details=self.many(details, 1), additional_info=self.text,
        )  # fmt: skip


def _date_only_where_verified(contact: Any) -> Any:
    return contact if contact.verified else msgspec.structs.replace(contact, verified_at=None)


def _victims_are_others(record: inputs.FilingInput) -> bool:
    subject = record.subject
    return subject is None or all(
        (one.service, one.account_id) != (subject.service, subject.account_id) for one in record.victims
    )


def accepted(record: inputs.FilingInput) -> list[bytes]:
    """Every document of the record, taken by the simulator, by its schema, and read back the same by our models."""
    report = build_report(record)
    grammar, schema = (NEWER, SCHEMAS["newer"]) if record.declared else (PUBLISHED, SCHEMAS[""])
    root = checks.parse(report)
    assert checks.problems(root, "report", AS_OF, grammar) == []
    schema.assertValid(root)
    assert read_report(report, AS_OF, frozenset(record.declared)).to_bytes() == report
    found = [report]
    for file in record.files:
        details = build_file_details(record, file, report_id=1234567, file_id="0" * 32)
        root = checks.parse(details)
        assert checks.problems(root, "fileDetails", AS_OF) == []
        schema.assertValid(root)
        assert read_file_details(details, AS_OF).to_bytes() == details
        found.append(details)
    return found


@FEW
@given(World(tame=False).record())
def test_whatever_a_host_logged_every_document_is_built_and_accepted(record: inputs.FilingInput) -> None:
    documents = accepted(record)
    assert accepted(inputs.decode(inputs.encode(record))) == documents
    score = completeness(record, frozenset(Ability)).score
    assert 0 <= score <= 100


@FEW
@given(World(tame=True).record())
def test_what_is_within_the_limits_stands_in_its_own_field(record: inputs.FilingInput) -> None:
    """No line "as logged": nothing was put aside."""
    report, *details = accepted(record)
    for document in (report, *details):
        assert b" as logged (" not in document
    root = etree.fromstring(report)
    if record.subject is not None:
        user = root.find("personOrUserReported")
        assert user is not None
        written = [event.findtext("ipAddress") for event in user.findall("ipCaptureEvent")]
        assert written == [event.ip for event in record.subject.ip_events]
        assert all(ipaddress.ip_address(one or "") for one in written)
        assert len(user.findall("deviceId")) == len(record.subject.devices)
        assert len(user.findall("associatedAccount")) == len(record.subject.associated)
        mails = [one.text for one in user.findall("personOrUserReportedPerson/email")]
        assert mails == [one.address for one in record.subject.emails]
    assert len(root.findall("internetDetails")) == len(record.incidents) + bool(record.urls) + (record.chat is not None)


@FEW
@given(World(tame=True).record(), st.timedeltas(timedelta(minutes=6), timedelta(days=300)))
def test_the_same_record_made_later_differs_by_nothing(record: inputs.FilingInput, later: timedelta) -> None:
    """`as_of` bounds times and is not written: a retry sends the same bytes."""
    again = msgspec.structs.replace(record, as_of=AS_OF + later)
    assert build_report(again) == build_report(record)
