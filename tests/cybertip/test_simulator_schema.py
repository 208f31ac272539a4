"""The simulator's checks and the schema that it writes: valid documents pass, spoilt ones are refused, both agree."""

import copy
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lxml import etree

from safehold.cybertip.simulator import checks, simple, structure, xsd
from safehold.cybertip.simulator.grammar import NEWER, PUBLISHED, Grammar
from safehold.cybertip.simulator.lists import LISTS
from tests.cybertip.specimens import NOW, document, serialised, sites

AT = datetime.fromtimestamp(NOW, UTC)
SCHEMAS = {name: etree.XMLSchema(etree.fromstring(xsd.schema(grammar)))
           for name, grammar in (("published", PUBLISHED), ("newer", NEWER))}  # fmt: skip
GRAMMARS = {"published": PUBLISHED, "newer": NEWER}
MANY = settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
chances = st.integers(0, 2**32).map(random.Random)
names = st.sampled_from(["report", "fileDetails"])


def structural(root: Any, grammar: Grammar = PUBLISHED) -> list[str]:
    """What the schema-level checks say of the document as it would arrive."""
    arrived = checks.parse(serialised(root))
    return [str(one) for one in structure.faults_of(arrived, str(arrived.tag), grammar)]


def agreed(root: Any, edition: str = "published") -> bool:
    """What both say, which must be the same."""
    schema = SCHEMAS[edition]
    found, valid = structural(root, GRAMMARS[edition]), schema.validate(checks.parse(serialised(root)))
    assert valid == (found == []), (found, [error.message for error in schema.error_log], serialised(root).decode())
    return bool(valid)


@pytest.mark.parametrize("edition", ["published", "newer"])
@pytest.mark.parametrize("name", ["report", "fileDetails"])
def test_a_document_of_everything_passes(name: str, edition: str) -> None:
    root = document(name, grammar=GRAMMARS[edition])
    assert agreed(root, edition)
    assert checks.problems(checks.parse(serialised(root)), name, AT, GRAMMARS[edition]) == []


@MANY
@given(names, chances)
def test_whatever_keeps_the_rules_passes(name: str, chance: random.Random) -> None:
    root = document(name, chance)
    assert checks.problems(checks.parse(serialised(root)), name, AT) == []
    assert agreed(root)


# --- one fault in a valid document ---------------------------------------------------------------------------


def moved(root: Any, name: str, chance: random.Random) -> str:
    """Two neighbours of a sequence change places."""
    pairs = [
        (node, at) for node, kind in sites(root, name) if kind in PUBLISHED.sequence
        for at in range(len(node) - 1) if node[at].tag != node[at + 1].tag
    ]  # fmt: skip
    assume(pairs)
    node, at = chance.choice(pairs)
    node.insert(at, node[at + 1])
    return "cvc-complex-type.2.4"


def dropped(root: Any, name: str, chance: random.Random) -> str:
    """An element that must be there is not."""
    found = [
        child for node, kind in sites(root, name) for place in PUBLISHED.sequence.get(kind, []) if place.least
        for child in node if child.tag in place.names and sum(one.tag in place.names for one in node) == 1
    ]  # fmt: skip
    child = chance.choice(found)
    child.getparent().remove(child)
    return "cvc-complex-type.2.4"


def doubled(root: Any, name: str, chance: random.Random) -> str:
    """An element stands twice where it may stand once."""
    found = [
        child for node, kind in sites(root, name) for place in PUBLISHED.sequence.get(kind, []) if place.most == 1
        for child in node if child.tag in place.names
    ]  # fmt: skip
    child = chance.choice(found)
    child.addnext(copy.deepcopy(child))
    return "cvc-complex-type.2.4"


def renamed(root: Any, name: str, chance: random.Random) -> str:
    """An element has a name that nobody knows."""
    found = [node for node, _kind in sites(root, name) if node is not root]
    chance.choice(found).tag = "unknownElement"
    return "cvc-complex-type.2.4"


def namespaced(root: Any, name: str, chance: random.Random) -> str:
    """An element comes from a namespace; the schema has none."""
    found = [node for node, _kind in sites(root, name) if node is not root]
    node = chance.choice(found)
    node.tag = "{https://example.test/ns}" + node.tag
    return "cvc-complex-type.2.4"


def without_attribute(root: Any, name: str, chance: random.Random) -> str:
    """A required attribute is gone."""
    found = [
        (node, own) for node, kind in sites(root, name)
        for own, (_kind, must) in PUBLISHED.attribute.get(kind, {}).items() if must
    ]  # fmt: skip
    assume(found)
    node, own = chance.choice(found)
    del node.attrib[own]
    return "cvc-complex-type.4"


def with_attribute(root: Any, name: str, chance: random.Random) -> str:
    """An attribute that nobody knows."""
    chance.choice([node for node, _kind in sites(root, name)]).set("unknown", "1")
    return "cvc-complex-type.3.2.2"


def out_of_list(root: Any, name: str, chance: random.Random) -> str:
    """A value that its list does not have."""
    found = [leaf for leaf in structure.leaves(root, name, PUBLISHED) if simple.split(leaf.kind)[0] in LISTS]
    assume(found)
    leaf = chance.choice(found)
    spoil(leaf, chance.choice(["Nothing", leaf.value.lower() + "x", f" {leaf.value}", "?"]))
    return "cvc-enumeration-valid"


def out_of_type(root: Any, name: str, chance: random.Random) -> str:
    """A value that its type does not have."""
    typed = ("boolean", "dateTime", "date", "double", "int", "long")
    found = [
        leaf for leaf in structure.leaves(root, name, PUBLISHED)
        if simple.SIMPLE[simple.split(leaf.kind)[0]].base in typed
    ]  # fmt: skip
    assume(found)
    spoil(chance.choice(found), chance.choice(["", "maybe", "2026-13-01T00:00:00Z", "12,5", "True"]))
    return "cvc-datatype-valid"


def with_text(root: Any, name: str, chance: random.Random) -> str:
    """Text between elements."""
    found = [node for node, kind in sites(root, name) if PUBLISHED.sequence.get(kind) and len(node)]
    node = chance.choice(found)
    chance.choice(list(node)).tail = "Placeholder"
    return "cvc-complex-type.2.3"


def with_child(root: Any, name: str, chance: random.Random) -> str:
    """An element inside a value."""
    found = [node for node, kind in sites(root, name) if kind in PUBLISHED.text or simple.is_simple(kind)]
    etree.SubElement(chance.choice(found), "b")
    return "cvc-complex-type.2.2"


def spoil(leaf: structure.Leaf, value: str) -> None:
    if leaf.attribute:
        leaf.node.set(leaf.attribute, value)
    else:
        leaf.node.text = value


SPOILT = [
    moved, dropped, doubled, renamed, namespaced, without_attribute, with_attribute, out_of_list, out_of_type,
    with_text,
    with_child,
]  # fmt: skip


@pytest.mark.parametrize("how", SPOILT, ids=lambda how: how.__name__)
@settings(MANY, max_examples=30)
@given(name=names, chance=chances)
def test_one_fault_in_a_valid_document_is_refused_by_both(how: Any, name: str, chance: random.Random) -> None:
    root = document(name, chance)
    assert agreed(root)
    rule = how(root, name, chance)
    assert not agreed(root)
    found = structural(root)
    assert any(one.startswith(rule) for one in found), (rule, found)
    assert checks.problems(checks.parse(serialised(root)), name, AT) == found


# --- any change at all: the two agree ------------------------------------------------------------------------

ODD = {
    "string": ["", " ", "x" * 5000, "é", "\t"],
    "token": ["", " a  b ", "x"],
    "boolean": ["true", "false", "1", "0", "", "TRUE", " true ", "yes", "2"],
    "dateTime": [
        "2026-01-02T03:04:05", "2026-01-02T24:00:00Z", "2026-01-02T24:00:01Z", "2026-02-29T00:00:00Z",
        "2024-02-29T00:00:00+14:00", "2026-01-02T03:04:05-14:01", "2026-01-02T03:04:60Z", "0000-01-01T00:00:00Z",
        "-2026-01-02T03:04:05Z", "12026-01-02T03:04:05Z", "02026-01-02T03:04:05Z", "2026-01-02 03:04:05Z", "2026-01-02",
        "2026-1-2T03:04:05Z", "2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.", "1900-02-29T00:00:00Z",
        "2000-02-29T00:00:00Z", "2026-00-10T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-02T25:00:00Z", "",
    ],
    "date": ["2026-01-02Z", "2026-01-02+01:00", "2026-02-30", "2024-02-29", "26-01-02", "", "2026-01-02T00:00:00",
    "-0001-01-01"],
    "double": ["INF", "-INF", "NaN", "+INF", "1.", ".5", ".", "1e5", "-1E-5", "0x1", "1,5", "", " 5 ", "--1"],
    "int": ["2147483647", "2147483648", "-2147483648", "-2147483649", "+5", "0005", "", "5.0", "x"],
    "long": ["9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "+1", ""],
}  # fmt: skip


def change(root: Any, name: str, chance: random.Random) -> None:
    """Any one change."""
    node, _kind = chance.choice(list(sites(root, name)))
    others = [one.tag for one, _kind in sites(root, name)] + ["spam", "generativeAi", "unknownElement"]
    match chance.randrange(9):
        case 0 if node is not root:
            node.getparent().remove(node)
        case 1 if node is not root:
            node.addnext(copy.deepcopy(node))
        case 2 if node is not root:
            parent = node.getparent()
            parent.insert(chance.randrange(len(parent)), node)
        case 3 if node is not root:
            node.tag = chance.choice(others)
        case 4:
            node.insert(chance.randint(0, len(node)), etree.Element(chance.choice(others)))
        case 5:
            node.set(
                chance.choice(["type", "verified", "reason", "accountType", "fleaCountry"]), chance.choice(["true", ""])
            )
        case 6 if node.attrib:
            del node.attrib[chance.choice(list(node.attrib))]
        case 7:
            node.text = chance.choice(["", " ", "true", "x"])
        case _:
            leaves = list(structure.leaves(root, name, PUBLISHED))
            leaf = chance.choice(leaves)
            base, values, pattern = simple.SIMPLE[simple.split(leaf.kind)[0]]
            pool = [*ODD[base], *values] if not pattern else ["+1", "+", "+1234", "12", "1a", "", "1", "+12"]
            spoil(leaf, chance.choice(pool))


@settings(MANY, max_examples=200)
@given(names, chances, st.integers(1, 3))
def test_the_schema_agrees_with_the_checks_on_any_document(name: str, chance: random.Random, times: int) -> None:
    root = document(name, chance)
    for time in range(times):
        if time == 0 or structural(root) == []:
            change(root, name, chance)
    agreed(root)


@pytest.mark.parametrize("base", list(ODD))
def test_the_schema_agrees_on_every_odd_value(base: str) -> None:
    kind = next(kind for kind, one in simple.SIMPLE.items() if one.base == base and not one.values and not one.pattern)
    for name in ("report", "fileDetails"):
        leaves = list(structure.leaves(document(name), name, PUBLISHED))
        position = next((at for at, leaf in enumerate(leaves) if simple.split(leaf.kind)[0] == kind), None)
        for value in ODD[base] if position is not None else ():
            root = document(name)
            spoil(list(structure.leaves(root, name, PUBLISHED))[position or 0], value)
            agreed(root)


FLAGS = [("", True), ("true", True), ("false", False), ("1", False), (" true ", False), (" ", False)]


@pytest.mark.parametrize(("text", "good"), FLAGS)
def test_a_flag_is_empty_or_true(text: str, good: bool) -> None:
    root = document("report")
    root.find("incidentSummary/reportAnnotations/spam").text = text
    assert agreed(root) is good


@pytest.mark.parametrize(("text", "good"), [(None, True), (" ", False), ("x", False)])
def test_batched_report_is_empty(text: str | None, good: bool) -> None:
    root = document("report")
    node = etree.Element("batchedReport", reason="VIRAL_POTENTIAL_MEME")
    node.text = text
    root.insert(0, node)
    assert agreed(root) is good


def test_flags_stand_in_any_order() -> None:
    root = document("report")
    marks = root.find("incidentSummary/reportAnnotations")
    marks[:] = list(marks)[::-1]
    assert agreed(root)
    marks.append(etree.Element("spam"))
    assert not agreed(root)


# --- the schema itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("grammar", [PUBLISHED, NEWER], ids=["published", "newer"])
def test_the_schema_says_whose_it_is_and_vendors_nothing(grammar: Grammar) -> None:
    root = etree.fromstring(xsd.schema(grammar))
    said = root[0][0].text
    assert "practice server" in said
    assert "This is not NCMEC's schema" in said
    assert root.get("targetNamespace") is None


@pytest.mark.parametrize(
    ("element", "name"),
    [("informational", "report"), ("potentialAggravatingFactors", "report"), ("ageAssertionDiscrepancy", "report")],
)
def test_newer_elements_are_taken_by_the_newer_edition_alone(element: str, name: str) -> None:
    root = document(name, grammar=NEWER)
    assert next(root.iter(element), None) is not None
    assert agreed(root, "newer")
    assert not agreed(root, "published")


def test_both_answers_fit_the_schema() -> None:
    from safehold.cybertip.simulator import answers

    for body in (
        answers.response(0, reportId=1, fileId="0" * 32, hash="0" * 32), answers.response(4100, "é <b>"),
        answers.done(1, []), answers.done(1, ["0" * 32, "1" * 32]),
    ):  # fmt: skip
        SCHEMAS["published"].assertValid(etree.fromstring(body))


def test_the_grammar_uses_every_type_that_is_defined() -> None:
    used = {"report", "fileDetails"}
    used |= {kind for places in PUBLISHED.sequence.values() for place in places for kind in place.names.values()}
    used |= {kind for own in PUBLISHED.attribute.values() for kind, _must in own.values()} | set(
        PUBLISHED.text.values()
    )
    assert {simple.split(kind)[0] for kind in used if simple.is_simple(kind)} == set(simple.SIMPLE)
    assert {kind for kind in used if not simple.is_simple(kind)} == set(PUBLISHED.complex_types())
