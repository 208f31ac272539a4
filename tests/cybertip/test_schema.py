"""The live schema: parsed safely, kept with hash and date, asked about every document, compared in words."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.utils import timezone
from lxml import etree

from safehold.audit.models import Entry
from safehold.cybertip import schema, service
from safehold.cybertip.client import Answer, Client, Outcome
from safehold.cybertip.differences import declared, differences
from safehold.cybertip.document import DocumentError
from safehold.cybertip.document.codes import NEWER
from safehold.cybertip.document.errors import LIVE
from safehold.cybertip.inputs import decode
from safehold.cybertip.models import ServiceSchema
from safehold.cybertip.simulator import xsd as practice
from safehold.cybertip.simulator.grammar import NEWER as NEWER_GRAMMAR
from safehold.cybertip.simulator.grammar import PUBLISHED
from safehold.cybertip.xsd import BadSchema, LiveSchema
from tests.cybertip import samples
from tests.cybertip.samples import record
from tests.cybertip.simulated import Simulator

RAW, NEWER_RAW = practice.schema(PUBLISHED), practice.schema(NEWER_GRAMMAR)
XS = "{http://www.w3.org/2001/XMLSchema}"
HEAD = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'


class Giving(Client):
    """A line on which the service answers `xsd` so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("https://service.example.test/ispws", "desk", "practice")
        self._answer = answer

    def xsd(self) -> Answer:
        return self._answer


def giving(raw: bytes) -> Giving:
    return Giving(Answer(outcome=Outcome.OK, http_status=200, raw=raw))


# --- the schema as bytes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no xml",
        b"<html/>",
        b"<reportResponse><responseCode>1210</responseCode></reportResponse>",
        b"<!DOCTYPE s [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>" + RAW.split(b"?>", 1)[1],
        f"{HEAD}<xs:include schemaLocation='file:///etc/hostname'/></xs:schema>".encode(),
        f"{HEAD}<xs:import namespace='urn:x' schemaLocation='http://example.test/x.xsd'/></xs:schema>".encode(),
        f"{HEAD}<xs:element name='report' type='absent'/></xs:schema>".encode(),
    ],
)
def test_what_is_no_schema_or_leads_elsewhere_is_refused(raw: bytes) -> None:
    with pytest.raises(BadSchema):
        LiveSchema(raw)


def test_a_schema_is_named_by_its_hash() -> None:
    assert LiveSchema(RAW).sha256 == samples.hashlib.sha256(RAW).hexdigest()


def test_a_document_is_asked_about_and_its_values_stay_out_of_the_answer() -> None:
    live, good = LiveSchema(RAW), samples.whole_report().to_bytes()
    assert live.problems(good) == []
    assert live.problems(samples.whole_file().to_bytes()) == []
    turned = good.replace(b"<allEmailsReported>true", b"<allEmailsReported>secret")
    (problem, *_more) = live.problems(turned)
    assert problem.field.endswith("allEmailsReported")
    assert problem.source == LIVE
    assert "secret" not in str(problem)
    moved = good.replace(b"<reporter>", b"<additionalInfo>secret</additionalInfo><reporter>")
    (problem,) = live.problems(moved)
    assert problem.field == "report/additionalInfo"
    assert "not expected" in problem.limit
    assert "secret" not in str(problem)
    assert live.problems(b"<report>")[0].field == "document"


# --- compared with our models ----------------------------------------------------------------------


def test_models_and_a_schema_written_apart_agree() -> None:
    assert differences(LiveSchema(RAW)) == []
    assert declared(LiveSchema(RAW)) == frozenset()
    assert differences(LiveSchema(NEWER_RAW)) == []
    assert declared(LiveSchema(NEWER_RAW)) == NEWER


def altered(change: Callable[[Any], None], raw: bytes = RAW) -> LiveSchema:
    root = etree.fromstring(raw)
    change(root)
    return LiveSchema(etree.tostring(root))


def named(root: Any, kind: str, name: str) -> Any:
    """The one declaration of that kind inside, with this name or the first such."""
    return next(node for node in root.iter(f"{XS}{kind}") if node.get("name") == name)


def sequence_of(root: Any, child: str) -> Any:
    return named(root, "element", child).getparent()


def add(child: str, after: str, **attributes: str) -> Callable[[Any], None]:
    def change(root: Any) -> None:
        new = etree.Element(f"{XS}element", {"name": child, "type": "xs:string", **attributes})
        named(root, "element", after).addnext(new)

    return change


def drop(kind: str, name: str) -> Callable[[Any], None]:
    def change(root: Any) -> None:
        for node in [one for one in root.iter(f"{XS}{kind}") if one.get("name") == name]:
            node.getparent().remove(node)

    return change


def set_on(kind: str, name: str, attribute: str, value: str) -> Callable[[Any], None]:
    return lambda root: named(root, kind, name).set(attribute, value)


def swap(first: str, second: str) -> Callable[[Any], None]:
    return lambda root: named(root, "element", second).addnext(named(root, "element", first))


def value(old: str, new: str | None) -> Callable[[Any], None]:
    def change(root: Any) -> None:
        for node in [one for one in root.iter(f"{XS}enumeration") if one.get("value") == old]:
            if new is None:
                node.getparent().remove(node)
            else:
                node.set("value", new)

    return change


IN_WORDS: list[tuple[Callable[[Any], None], list[str]]] = [
    (
        add("vessel", "vehicleDescription", minOccurs="0"),
        ["personOrUserReported/vessel: the live schema declares it (after vehicleDescription); our models do not know"],
    ),
    (
        add("vessel", "vehicleDescription"),
        ["personOrUserReported/vessel: the live schema requires it (after vehicleDescription); our models do not know"],
    ),
    (
        drop("element", "schoolName"),
        ["victim/schoolName: the live schema does not declare it; a document that holds it is invalid."],
    ),
    (
        set_on("element", "platform", "minOccurs", "1"),
        ["incidentSummary/platform: the live schema requires it; our models may leave it out."],
    ),
    (
        set_on("element", "internetDetails", "maxOccurs", "1"),
        ["report/internetDetails: the live schema allows it once; our models may write it more often."],
    ),
    (
        swap("vehicleDescription", "espIdentifier"),
        ["personOrUserReported: the live schema has another order: personOrUserReportedPerson espIdentifier vehicle"],
    ),
    (value("Purchase", None), ["ipCaptureEvent/eventName: values of our models alone: Purchase."]),
    (
        value("VIRAL_POTENTIAL_MEME", "VIRAL"),
        [
            "batchedReport@reason: values of the live schema alone: VIRAL.",
            "batchedReport@reason: values of our models alone: VIRAL_POTENTIAL_MEME.",
        ],
    ),
    (
        drop("attribute", "fleaCountry"),
        ["servedLegalProcessInternational@fleaCountry: the live schema does not declare this attribute"],
    ),
    (
        set_on("attribute", "thirdPartyHostedContent", "use", "required"),
        ["webPageIncident@thirdPartyHostedContent: the live schema requires this attribute; our models may leave it"],
    ),
    (
        set_on("attribute", "thirdPartyHostedContent", "name", "hostedElsewhere"),
        [
            "webPageIncident@thirdPartyHostedContent: the live schema does not declare this attribute",
            "webPageIncident@hostedElsewhere: the live schema declares this attribute; our models do not know it.",
        ],
    ),
    (
        set_on("element", "fileDetails", "name", "fileInformation"),
        ["fileDetails: the live schema has no such root; no fileDetails can be sent."],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), IN_WORDS, ids=[row[1][0][:50] for row in IN_WORDS])
def test_every_kind_of_difference_is_told_in_words(change: Callable[[Any], None], words: list[str]) -> None:
    found = differences(altered(change))
    for line in words:
        assert any(one.startswith(line) for one in found), found
    assert all(one.endswith(".") for one in found)


def test_a_newer_element_at_another_place_is_not_declared() -> None:
    """We would write it where it is not expected."""
    elsewhere = altered(add("ageAssertionDiscrepancy", "firstName", minOccurs="0"))
    assert declared(elsewhere) == frozenset()
    one_flag = altered(add("informational", "spam", minOccurs="0"))
    assert declared(one_flag) == {"reportAnnotations/informational"}


def test_other_ways_of_writing_a_schema_are_read_the_same() -> None:
    """References, groups, attribute groups, derived types, unions, types without a name."""
    raw = f"""{HEAD}
    <xs:element name="report"><xs:complexType><xs:complexContent><xs:extension base="Base">
      <xs:sequence><xs:group ref="Rest" minOccurs="0"/>
        <xs:element ref="extra" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
      <xs:attributeGroup ref="More"/></xs:extension></xs:complexContent></xs:complexType></xs:element>
    <xs:complexType name="Base"><xs:sequence><xs:element name="first" type="Both"/></xs:sequence>
      <xs:attribute ref="kept"/></xs:complexType>
    <xs:attribute name="kept" type="xs:string"/>
    <xs:group name="Rest"><xs:sequence><xs:element name="second"><xs:complexType><xs:simpleContent>
      <xs:restriction base="Text"><xs:enumeration value="a"/></xs:restriction></xs:simpleContent></xs:complexType>
      </xs:element>
      <xs:choice><xs:element name="left" type="xs:int"/><xs:element name="right" type="xs:int"/></xs:choice>
      <xs:any namespace="##other" minOccurs="0" processContents="lax"/></xs:sequence></xs:group>
    <xs:attributeGroup name="More"><xs:attribute name="kind" type="One" use="required"/></xs:attributeGroup>
    <xs:complexType name="Text"><xs:simpleContent><xs:extension base="xs:string"/></xs:simpleContent></xs:complexType>
    <xs:element name="extra"><xs:simpleType><xs:restriction base="xs:token"><xs:maxLength value="5"/></xs:restriction>
      </xs:simpleType></xs:element>
    <xs:simpleType name="One"><xs:restriction base="xs:string"><xs:enumeration value="x"/></xs:restriction>
      </xs:simpleType>
    <xs:simpleType name="Two"><xs:restriction base="One"/></xs:simpleType>
    <xs:simpleType name="Both"><xs:union memberTypes="One Two"><xs:simpleType><xs:restriction base="xs:string">
      <xs:enumeration value="y"/></xs:restriction></xs:simpleType></xs:union></xs:simpleType></xs:schema>"""
    root = LiveSchema(raw.encode()).outline("report")
    assert root is not None
    told = [(place.name, place.required, place.many, place.shape.values) for place in root.children]
    assert told == [
        ("first", True, False, {"x", "y"}),
        ("second", False, False, {"a"}),
        ("left", False, False, None),
        ("right", False, False, None),
        ("extra", False, True, None),
    ]
    ranks = [place.rank for place in root.children]
    assert ranks[0] < ranks[1] < ranks[2] == ranks[3] < ranks[4]
    assert {name: (one.required, one.values) for name, one in root.attributes.items()} == {
        "kept": (False, None),
        "kind": (True, {"x"}),
    }
    assert LiveSchema(raw.encode()).outline("fileDetails") is None


def test_a_schema_that_nests_without_end_is_refused() -> None:
    raw = f"""{HEAD}<xs:element name="report" type="T"/><xs:complexType name="T"><xs:sequence>
    <xs:element name="again" type="T" minOccurs="0"/></xs:sequence></xs:complexType></xs:schema>"""
    with pytest.raises(BadSchema, match="without end"):
        LiveSchema(raw.encode()).outline("report")


# --- kept and used ---------------------------------------------------------------------------------


@pytest.mark.django_db
class TestKept:
    def test_a_schema_is_kept_with_hash_and_dates(self) -> None:
        first = schema.fetch(giving(RAW), actor="system:test")
        assert (first.changed, first.differences) == (True, [])
        again = schema.fetch(giving(RAW), actor="system:test")
        assert not again.changed
        assert again.row.first_seen == first.row.first_seen
        assert again.row.last_seen > first.row.last_seen
        assert bytes(ServiceSchema.objects.get().body) == RAW
        entries = Entry.objects.filter(act="schema.fetched")
        assert entries.count() == 2

    def test_the_schema_last_seen_is_in_force_also_an_older_one(self) -> None:
        for raw, changed in ((RAW, True), (NEWER_RAW, True), (RAW, True)):
            fetched = schema.fetch(giving(raw), actor="system:test")
            assert fetched.changed == changed
            row = service.current_schema()
            assert row is not None
            assert bytes(row.body) == raw
        assert ServiceSchema.objects.count() == 2

    def test_each_environment_has_its_own(self, settings: Any) -> None:
        schema.fetch(giving(RAW), actor="system:test")
        tip = msgspec.structs.replace(settings.SAFEHOLD.cybertip, environment="test")
        settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, cybertip=tip)
        assert service.current_schema() is None

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(outcome=Outcome.STOP, http_status=401),
            Answer(outcome=Outcome.RETRY, problem="ConnectError"),
            Answer(outcome=Outcome.PERSON, http_status=404, code=1210),
        ],
    )
    def test_no_schema_is_an_error_and_the_old_one_stays(self, answer: Answer) -> None:
        schema.fetch(giving(RAW), actor="system:test")
        with pytest.raises(schema.NoSchema):
            schema.fetch(Giving(answer), actor="system:test")
        with pytest.raises(BadSchema):
            schema.fetch(giving(b"<html/>"), actor="system:test")
        row = service.current_schema()
        assert row is not None
        assert bytes(row.body) == RAW

    def test_newer_elements_are_written_where_the_schema_in_force_declares_them(self) -> None:
        made = record(ref="subject:s1", annotations=("informational",), as_of=timezone.now())
        with pytest.raises(DocumentError):
            service.draft(made)
        schema.fetch(giving(RAW), actor="system:test")
        with pytest.raises(DocumentError):
            service.preview(
                msgspec.structs.replace(made, declared=tuple(NEWER))
            )  # the record's own word does not count
        schema.fetch(giving(NEWER_RAW), actor="system:test")
        row = service.draft(made)
        assert b"<informational/>" in bytes(row.document)
        assert set(decode(bytes(row.record)).declared) == NEWER
        assert service.preview(made) == bytes(row.document)

    def test_a_document_that_the_schema_in_force_refuses_is_not_drafted(self) -> None:
        """Report and file details alike: the service would refuse them."""
        strict = etree.tostring(altered(set_on("element", "platform", "minOccurs", "1"))._root)
        schema.fetch(giving(strict), actor="system:test")
        with pytest.raises(DocumentError) as caught:
            service.draft(record(ref="subject:s2", as_of=timezone.now()))
        assert caught.value.source == LIVE
        assert service.draft(record(ref="subject:s2", as_of=timezone.now(), platform="Example Chat")).pk
        dropped = etree.tostring(altered(drop("element", "publiclyAvailable"))._root)
        schema.fetch(giving(dropped), actor="system:test")
        with pytest.raises(DocumentError, match="publiclyAvailable"):
            service.draft(record(ref="subject:s3", as_of=timezone.now(), files=(samples.file_input(),)))


@pytest.mark.django_db
@pytest.mark.network
def test_fetched_from_a_running_service(service_at: Simulator) -> None:
    fetched = service.fetch_schema(actor="system:test")
    assert fetched.differences == []
    assert service.current_schema() == fetched.row
