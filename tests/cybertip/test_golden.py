"""Golden files: what goes out, byte for byte; together they hold every element and attribute of the schema."""

from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree

from safehold.cybertip.document import outline
from safehold.cybertip.document.codes import NEWER
from safehold.cybertip.document.read import read_file_details, read_report
from safehold.cybertip.simulator import checks, xsd
from safehold.cybertip.simulator.grammar import NEWER as NEWER_GRAMMAR
from safehold.cybertip.simulator.grammar import PUBLISHED
from tests.cybertip import scenarios, schema_table
from tests.cybertip.samples import AS_OF

NAMES = sorted(scenarios.documents())
NEWEST = "report-newer-schema"
GRAMMAR = {name: NEWER_GRAMMAR if name == NEWEST else PUBLISHED for name in NAMES}
OLDER, NEWER_SCHEMA = (etree.XMLSchema(etree.fromstring(xsd.schema(one))) for one in (PUBLISHED, NEWER_GRAMMAR))


@pytest.fixture(scope="module")
def documents() -> dict[str, bytes]:
    return scenarios.documents()


def root_name(name: str) -> str:
    return "report" if name.startswith("report") else "fileDetails"


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_its_golden_file(documents: dict[str, bytes], name: str) -> None:
    """A change of one byte must be looked at."""
    assert documents[name] == (scenarios.GOLDEN / f"{name}.xml").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_document_is_accepted(documents: dict[str, bytes], name: str) -> None:
    """By the simulator's checks and by its schema, neither of which knows our models."""
    root = checks.parse(documents[name])
    assert checks.problems(root, root_name(name), AS_OF, GRAMMAR[name]) == []
    if "batched" in name and root.tag == "fileDetails":
        assert checks.batch_file(root) == []
    (NEWER_SCHEMA if name == NEWEST else OLDER).assertValid(root)
    assert name != NEWEST or not OLDER.validate(root)


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_document_is_read_back_the_same(documents: dict[str, bytes], name: str) -> None:
    document = documents[name]
    if root_name(name) == "report":
        assert read_report(document, AS_OF, NEWER).to_bytes() == document
    else:
        read = read_file_details(document, AS_OF, batched=name == "file-batched", agreement=True)
        assert read.to_bytes() == document


def test_there_is_no_golden_file_that_nothing_makes() -> None:
    assert sorted(path.stem for path in scenarios.GOLDEN.glob("*.xml")) == NAMES
    assert len(NAMES) >= 25


def paths(document: bytes) -> Iterator[tuple[str, Any]]:
    """Path and node of every element, flags and incidents at their places."""

    def below(path: str, node: Any) -> Iterator[tuple[str, Any]]:
        yield path, node
        for child in node:
            yield from below(f"{path}/{child.tag}", child)

    root = etree.fromstring(document)
    yield from below(root.tag, root)


def test_every_element_of_the_table_stands_in_a_golden_file(documents: dict[str, bytes]) -> None:
    """Every place of section by section, not only every name: `victim/deviceId/idType` and `…/ipCaptureEvent/port`."""
    written = {path for document in documents.values() for path, _node in paths(document)}
    known = {path for root in ("report", "fileDetails") for path, _kind in schema_table.places(root)}
    assert {path.rpartition("/")[2] for path in known} <= {path.rpartition("/")[2] for path in written}
    types = {kind for root in ("report", "fileDetails") for _path, kind in schema_table.places(root)}
    for kind in types - {"-"}:  # of each type, all children at one place or another
        at = {path for root in ("report", "fileDetails") for path, one in schema_table.places(root) if one == kind}
        for child, _type, _often in schema_table.CHILDREN[kind]:
            assert any(f"{path}/{child}" in written for path in at), f"{kind}/{child}"
    beyond = {path for path in written - known if not path.endswith("ageAssertionDiscrepancy")}
    assert {path.rpartition("/")[2] for path in beyond} == {name.rpartition("/")[2] for name in schema_table.NEWER[:3]}


def test_every_attribute_of_the_table_stands_in_a_golden_file(documents: dict[str, bytes]) -> None:
    kinds = {path: kind for root in ("report", "fileDetails") for path, kind in schema_table.places(root)}
    seen: dict[str, set[str]] = {}
    for document in documents.values():
        for path, node in paths(document):
            if path in kinds:
                seen.setdefault(kinds[path], set()).update(node.attrib)
    for kind, attributes in schema_table.ATTRIBUTES.items():
        assert seen[kind] == set(attributes), kind


def _compare(shape: outline.Shape, kind: str) -> None:
    """Order, cardinality and attributes of our models against the table."""
    wanted = schema_table.CHILDREN.get(kind, [])
    ours = [place for place in shape.children if not place.newer]
    assert [place.name for place in ours] == [name for name, _type, _often in wanted], kind
    for place, (name, child, often) in zip(ours, wanted, strict=True):
        assert (place.required, place.many) == (often in "!+", often in "*+"), f"{kind}/{name}"
        if child != "-":
            _compare(place.shape, child)
    assert {name: one.required for name, one in shape.attributes.items()} == schema_table.ATTRIBUTES.get(kind, {}), kind
    for place in shape.children:
        if place.newer:
            assert f"{shape.type}/{place.name}" in schema_table.NEWER


@pytest.mark.parametrize("root", ["report", "fileDetails"])
def test_the_models_are_the_table(root: str) -> None:
    _compare(outline.ours(root), root)


def test_the_newer_elements_are_those_of_the_table() -> None:
    assert set(schema_table.NEWER) == NEWER
