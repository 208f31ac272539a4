"""Every single-field violation is refused by name: of every field of every model, and of every place in a document."""

import copy
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from safehold.cybertip.document import DocumentError
from safehold.cybertip.document import values as v
from safehold.cybertip.document.element import Element, Nested, Part, parts_of
from safehold.cybertip.document.errors import DOCS, LIVE, SERVICE, XSD
from safehold.cybertip.document.read import read_file_details, read_report
from safehold.cybertip.simulator import checks
from tests.cybertip import samples, schema_table
from tests.cybertip.samples import AS_OF

WHOLE: dict[str, bytes] = {
    "report": samples.whole_report(
        reported=(samples.REPORTED,), victims=(samples.VICTIM, samples.VICTIM), recipients=(samples.RECIPIENT,) * 2
    ).to_bytes(),
    "fileDetails": samples.whole_file(file_name="gradient 1.png").to_bytes(),
}
LONG_LINK = "https://a.example.test/" + "x" * 2083


def read(document: bytes) -> Element:
    """The models of either document."""
    if b"<fileDetails" in document:
        return read_file_details(document, AS_OF, agreement=True)
    return read_report(document, AS_OF)


# --- every field of every model --------------------------------------------------------------------


def one_of_each(*roots: Element) -> dict[type[Element], Element]:
    """An instance of every type that occurs in the trees."""
    found: dict[type[Element], Element] = {}

    def below(element: Element) -> None:
        found.setdefault(type(element), element)
        for field, spec in parts_of(type(element)):
            value = getattr(element, field)
            for one in (value or ()) if spec.many else (value,):
                if isinstance(one, Element):
                    below(one)

    for root in roots:
        below(root)
    return found


MODELS = one_of_each(samples.whole_report(), samples.whole_file(), samples.batched_report())


def bad(spec: Part) -> Iterator[tuple[str, Any]]:  # noqa: C901 - one case for each kind
    """What no such field can take, and what it is called."""
    kind = spec.kind
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - that is what is refused
    match kind:
        case v.Link():
            yield from (
                ("link", one) for one in ("example.test", "ftp://example.test/1", "https://", LONG_LINK, "https://a b/")
            )
        case v.Mail():
            yield from (
                ("mail", one) for one in ("user-17", "a b@example.test", "x" * 65 + "@example.test", "u@localhost")
            )
        case v.Ip():
            yield from (("address", one) for one in ("192.0.2.256", "example.test", "fe80::1%eth0"))
        case v.Pattern():
            yield "form", "? ?"
        case v.Choice():
            yield from (("choice", one) for one in ("Nothing of the kind", 1))
        case v.Flags():
            yield "flag", ("unknown",)
        case v.Bool():
            yield from (("boolean", one) for one in ("true", 1))
        case v.Whole():
            yield from (("number", one) for one in (kind.least - 1, kind.most + 1, str(kind.least), True, 1.5))
        case v.Degrees():
            yield from (("degrees", one) for one in (kind.most + 1, -kind.most - 1, float("nan"), "1"))
        case v.When():
            yield from (("time", one) for one in (naive, "2026-01-01T00:00:00Z", datetime(1899, 1, 1, tzinfo=UTC)))
        case v.Day():
            yield from (("day", one) for one in ("2026-01-01", datetime(2020, 1, 1, tzinfo=UTC)))
        case Nested():
            yield from (("nested", one) for one in ("text", samples.PLACE if spec.name != "estimatedLocation" else 1))
    if isinstance(kind, v.Text):
        yield "text", 17
        if kind.limit:
            yield "length", "1" * (kind.limit + 1)
    if spec.required and not spec.many:
        yield "absent", None


CASES = {
    model: [(field, spec, called, value) for field, spec in parts_of(model) for called, value in bad(spec)]
    for model in MODELS
}


def test_every_model_and_every_kind_is_among_the_cases() -> None:
    assert len(MODELS) >= 30
    assert sum(map(len, CASES.values())) > 500
    assert {cls.TYPE for cls in MODELS} >= {"victim", "associatedAccount", "nameValuePair", "batchedReport", "report"}
    assert all(CASES.values())


def values_of(model: type[Any]) -> dict[str, Any]:
    """A valid instance's fields; that they are valid is proved by making it again."""
    whole = MODELS[model]
    values = {name: getattr(whole, name) for name in whole.__struct_fields__}
    assert model(**values) == whole
    return values


@pytest.mark.parametrize("model", CASES, ids=lambda model: model.__name__)
def test_a_field_that_is_wrong_is_refused_by_name(model: type[Any]) -> None:
    good = values_of(model)
    for field, spec, called, value in CASES[model]:
        about = (model.__name__, spec.name, called, value)
        with pytest.raises(DocumentError) as caught:
            pytest.fail(f"taken: {about}, {model(**good | {field: (value,) if spec.many else value})}")
        path = f"{model.TYPE}/{spec.name}".rstrip("/")
        assert caught.value.field == (f"{path}/unknown" if isinstance(spec.kind, v.Flags) else path), about
        assert caught.value.limit, about
        assert caught.value.source in (DOCS, XSD, SERVICE, LIVE), about


def test_a_text_at_its_limit_is_taken() -> None:
    of_a_form = {("EstimatedLocation", "region"), ("FileDetails", "fileId")}
    taken = 0
    for model in MODELS:
        good = values_of(model)
        for field, spec in parts_of(model):
            if type(spec.kind) is v.Text and spec.kind.limit and (model.__name__, spec.name) not in of_a_form:
                full = "2" * spec.kind.limit
                made = model(**good | {field: (full,) if spec.many else full})
                assert getattr(made, field) in (full, (full,)), (model.__name__, spec.name)
                taken += 1
    assert taken > 50


# --- every place of a document ---------------------------------------------------------------------


def nodes(name: str) -> list[tuple[str, str]]:
    """XPath and type of an element for every place of every type: of a type that occurs often, the first."""
    root = etree.fromstring(WHOLE[name])
    kinds = dict(schema_table.places(name))
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for node in root.iter():
        above = "/".join(one.tag for one in reversed(list(node.iterancestors())))
        kind = kinds[f"{above}/{node.tag}".lstrip("/")]
        seen.setdefault((kinds.get(above, ""), node.tag), (root.getroottree().getpath(node), kind))
    return list(seen.values())


def changed(name: str, path: str, change: Any) -> bytes:
    root = etree.fromstring(WHOLE[name])
    (node,) = root.xpath(path)
    change(node)
    return bytes(etree.tostring(root))


PLACES = {name: nodes(name) for name in WHOLE}


def refused(document: bytes, tag: str, *, simulated: bool = True) -> None:
    """By us, naming the element, and by the simulator, which was written apart."""
    with pytest.raises(DocumentError) as caught:
        read(document)
    assert tag in caught.value.field
    root = checks.parse(document)
    assert bool(checks.problems(root, root.tag, AS_OF)) or not simulated, tag


@pytest.mark.parametrize("name", WHOLE)
def test_every_place_refuses_what_does_not_belong(name: str) -> None:
    """An unknown attribute, an unknown child; text where elements stand, elements where text stands."""
    for path, kind in PLACES[name]:
        _refuses_what_does_not_belong(name, path, kind)


def _refuses_what_does_not_belong(name: str, path: str, kind: str) -> None:
    with pytest.raises(DocumentError):
        read(changed(name, path, lambda node: node.set("unknown", "1")))
    root = checks.parse(changed(name, path, lambda node: node.set("unknown", "1")))
    assert checks.problems(root, name, AS_OF)
    refused(
        changed(name, path, lambda node: node.append(etree.Element("unknown"))),
        "unknown" if kind not in ("-", "details") else "",
    )
    if kind != "-" and schema_table.CHILDREN[kind]:
        with pytest.raises(DocumentError):
            read(changed(name, path, lambda node: setattr(node, "text", "text")))


@pytest.mark.parametrize("name", WHOLE)
def test_every_place_keeps_its_number_and_its_order(name: str) -> None:
    """What may stand once is refused twice; what must stand is missed; what stands too early is refused."""
    for path, _kind in PLACES[name]:
        if path.count("/") > 1:
            _keeps_its_number_and_its_order(name, path)


def _keeps_its_number_and_its_order(name: str, path: str) -> None:
    root = etree.fromstring(WHOLE[name])
    (node,) = root.xpath(path)
    above = re.sub(r"\[\d+\]", "", root.getroottree().getpath(node.getparent())).lstrip("/")
    parent = dict(schema_table.places(name))[above]
    often = {child: times for child, _type, times in schema_table.CHILDREN[parent]}[node.tag]
    if often in "!?":
        refused(changed(name, path, lambda one: one.addnext(copy.deepcopy(one))), "")
    if often in "!+":
        refused(changed(name, path, lambda one: one.getparent().remove(one)), node.tag)
    after = [one for one in node.itersiblings() if one.tag != node.tag]
    if after and parent not in ("flags", "marks"):
        place = root.getroottree().getpath(after[-1])
        refused(changed(name, path, lambda one: one.getroottree().xpath(place)[0].addnext(one)), "")


@pytest.mark.parametrize("name", WHOLE)
def test_times_to_come_and_without_zone_are_refused_everywhere(name: str) -> None:
    wrong = {"dateOfBirth": ("2026-01-03", "2026-01-02"), "": ("2026-01-02T12:00:01Z", "2026-01-01T12:00:01")}
    tried = 0
    for path, kind in PLACES[name]:
        tag = path.rpartition("/")[2]
        if kind == "-" and tag in ("dateOfBirth", "dateTime", "incidentDateTime", "uploadedToEspTimestamp"):
            for text in wrong.get(tag, wrong[""]):
                document = changed(name, path, lambda node, text=text: setattr(node, "text", text))
                refused(document, tag, simulated=text != "2026-01-02")  # born today: we alone say no
                tried += 1
    assert tried >= 6


@pytest.mark.parametrize("name", WHOLE)
def test_every_attribute_refuses_what_it_cannot_take(name: str) -> None:
    for path, _kind in PLACES[name]:
        for attribute in etree.fromstring(WHOLE[name]).xpath(path)[0].attrib:
            texts = ("no such value", "2026-01-02T12:00:01Z", "2026-01-01T12:00:01")
            for text in ("x" * 65,) if attribute == "hashType" else texts:

                def alone(node: Any, attribute: str = attribute, text: str = text) -> None:
                    """Without its companions, which would be judged beside it."""
                    for other in ("userNotifiedDate", "reenabledDate"):
                        node.attrib.pop(other, None)
                    node.set(attribute, text)

                refused(changed(name, path, alone), attribute)


def test_what_was_tested_on_the_published_schema() -> None:
    """Seen by others with the schema itself: what it takes and what it refuses."""
    small = samples.batched_report(batched=None, reported=()).to_bytes().decode()
    flags = "<reportAnnotations><spam>{}</spam></reportAnnotations><incidentDateTime>"
    spam = small.replace("<incidentDateTime>", flags)
    assert read(spam.format("true").encode()) == read(spam.format("").encode())
    for text in ("false", "1", "yes"):
        with pytest.raises(DocumentError, match="spam"):
            read(spam.format(text).encode())
    twice = "<internetDetails><webPageIncident/></internetDetails>" * 2
    assert read(small.replace("<reporter>", f"{twice}<reporter>").encode())
    for wrong in ("<internetDetails/>", "<internetDetails><webPageIncident/><chatImIncident/></internetDetails>"):
        with pytest.raises(DocumentError, match="internetDetails"):
            read(small.replace("<reporter>", f"{wrong}<reporter>").encode())
    assert read(small.replace("</reporter>", "</reporter><victim><victimPerson/></victim>").encode())
    assert read(small.replace("<report>", "<!-- a comment --><report>").encode())


@pytest.mark.parametrize(
    ("document", "limit"),
    [
        (b"", "is not well-formed XML"),
        (b"<report>", "is not well-formed XML"),
        (b"<other/>", "must have the root report"),
        (b'<!DOCTYPE report [<!ENTITY a "b">]><report/>', "must not bring a document type"),
        (b"<report xmlns='urn:x'/>", "must have the root report"),
    ],
)
def test_what_is_no_report_at_all(document: bytes, limit: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_report(document, AS_OF)
    assert (caught.value.field, caught.value.limit) == ("document", limit)


def test_a_reason_that_escalates_must_not_be_blank() -> None:
    """Its presence alone raises the priority: a blank one says nothing and does much."""
    document = changed(
        "report", "/report/incidentSummary/escalateToHighPriority", lambda one: setattr(one, "text", " ")
    )
    refused(document, "escalateToHighPriority")
