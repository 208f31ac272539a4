"""What the schema itself asks of a document: elements in order and number, attributes, types, value lists.

Others in this package use `faults_of(root, name, grammar)`, and `leaves(root, name, grammar)` for the values of a
document that has none. `xsd` writes the same rules as a schema; the two must agree, and tests hold them to it.
Each fault begins with the rule of W3C XML Schema 1.0 part 1 or 2 that is broken, as the service's answers do.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from safehold.cybertip.simulator import simple
from safehold.cybertip.simulator.grammar import Child, Grammar

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_HARMLESS = (_XSI + "noNamespaceSchemaLocation", _XSI + "schemaLocation")
ROOTS = ("report", "fileDetails")


class Fault(NamedTuple):
    """One thing that is wrong: the rule, where, and what in words. Values are never part of it."""

    rule: str
    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.path} (line {self.line}) {self.what}."


class Leaf(NamedTuple):
    """A value of a simple type: where it stands, its type, and itself."""

    node: Any
    attribute: str
    kind: str
    value: str


def path_of(node: Any, attribute: str = "") -> str:
    """Where an element stands, as an XPath."""
    return str(node.getroottree().getpath(node)) + (f"/@{attribute}" if attribute else "")


def fault(rule: str, node: Any, what: str, attribute: str = "") -> Fault:
    """A fault at an element or one of its attributes."""
    return Fault(rule, path_of(node, attribute), int(node.sourceline or 0), what)


def faults_of(root: Any, name: str, grammar: Grammar) -> list[Fault]:
    """Everything that the schema refuses in a document whose root should be `name`, in reading order."""
    if root.tag != name:
        return [fault("cvc-elt.1", root, f"is not {name!r}, the only root that is taken here")]
    return list(_Walk(grammar).complex(root, name))


def leaves(root: Any, name: str, grammar: Grammar) -> Iterator[Leaf]:
    """Every value of a document without faults, in reading order."""
    for own, value in root.attrib.items():
        if own in grammar.attribute.get(name, {}):
            yield Leaf(root, own, grammar.attribute[name][own][0], value)
    if name in grammar.text:
        yield Leaf(root, "", grammar.text[name], root.text or "")
    elif name in grammar.sequence:
        kinds = {tag: kind for place in grammar.sequence[name] for tag, kind in place.names.items()}
        for child in root:
            if simple.is_simple(kinds[child.tag]):
                yield Leaf(child, "", kinds[child.tag], child.text or "")
            else:
                yield from leaves(child, kinds[child.tag], grammar)


class _Walk:
    """One walk through a document."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar

    def complex(self, node: Any, kind: str) -> Iterator[Fault]:
        """One element of a complex type: attributes, then text or children."""
        yield from self._attributes(node, self.grammar.attribute.get(kind, {}))
        if kind in self.grammar.text:
            yield from self._text(node, self.grammar.text[kind])
        elif kind in self.grammar.flags:
            yield from self._flags(node, self.grammar.flags[kind])
        else:
            yield from self._children(node, self.grammar.sequence[kind])

    def _attributes(self, node: Any, known: dict[str, tuple[str, bool]]) -> Iterator[Fault]:
        for own, value in node.attrib.items():
            if own in _HARMLESS:
                continue
            if own not in known:
                yield fault("cvc-complex-type.3.2.2", node, "has an attribute that its type does not know", own)
            else:
                yield from self._value(node, known[own][0], value, own)
        for own, (_kind, must) in known.items():
            if must and own not in node.attrib:
                yield fault("cvc-complex-type.4", node, f"needs the attribute {own!r}")

    def _children(self, node: Any, places: list[Child]) -> Iterator[Fault]:
        """The children against the sequence. As in a schema's own checks, the first one out of place ends it."""
        if not places:
            if len(node) or node.text:
                yield fault("cvc-complex-type.2.1", node, "must be empty")
            return
        if _has_text(node):
            yield fault("cvc-complex-type.2.3", node, "holds elements alone, and text stands between them")
        at, count = 0, 0
        for child in node:
            came_from = at, count
            while at < len(places) and (child.tag not in places[at].names or count == places[at].most):
                if count < places[at].least:
                    break
                at, count = at + 1, 0
            if at == len(places) or child.tag not in places[at].names:
                yield _out_of_place(child, _expected(places, *came_from))
                return
            count += 1
            yield from self._element(child, places[at].names[child.tag])
        if any((0 if later else count) < place.least for later, place in enumerate(places[at:])):
            missing = _expected(places, at, count)
            yield fault("cvc-complex-type.2.4.b", node, f"ends too early: one of {_listed(missing)} is expected")

    def _element(self, node: Any, kind: str) -> Iterator[Fault]:
        if not simple.is_simple(kind):
            yield from self.complex(node, kind)
            return
        yield from self._attributes(node, {})
        yield from self._text(node, kind)

    def _text(self, node: Any, kind: str) -> Iterator[Fault]:
        if len(node):
            yield fault("cvc-complex-type.2.2", node, "holds text alone, and an element stands in it")
        else:
            yield from self._value(node, kind, node.text or "")

    def _value(self, node: Any, kind: str, value: str, attribute: str = "") -> Iterator[Fault]:
        if simple.fits_schema(kind, value):
            return
        base, values, pattern = simple.SIMPLE[simple.split(kind)[0]]
        if values:
            shown = f"is not one of {_listed(values)}" if len(values) < 12 else f"is not one of the {len(values)} codes"
            yield fault("cvc-enumeration-valid", node, shown, attribute)
        elif pattern:
            yield fault("cvc-pattern-valid", node, f"does not have the form {pattern}", attribute)
        else:
            yield fault("cvc-datatype-valid.1.2.1", node, f"is not a valid {base}", attribute)

    def _flags(self, node: Any, allowed: tuple[str, ...]) -> Iterator[Fault]:
        """Presence flags: any order, each once, empty or true."""
        if _has_text(node):
            yield fault("cvc-complex-type.2.3", node, "holds elements alone, and text stands between them")
        left = list(allowed)
        for child in node:
            if child.tag not in left:
                yield _out_of_place(child, left)
                return
            left.remove(child.tag)
            yield from self._attributes(child, {})
            if len(child):
                yield fault("cvc-complex-type.2.2", child, "holds text alone, and an element stands in it")
            elif child.text not in (None, "true"):
                yield fault("cvc-elt.5.2.2.2.2", child, "is fixed to true: leave it empty, or leave it out")


def _out_of_place(child: Any, expected: list[str]) -> Fault:
    if not expected:
        return fault("cvc-complex-type.2.4.d", child, "stands where no further element is expected")
    return fault("cvc-complex-type.2.4.a", child, f"stands where one of {_listed(expected)} is expected")


def _expected(places: list[Child], at: int, count: int) -> list[str]:
    """The elements that may come next."""
    found: list[str] = []
    for place in places[at:]:
        if count != place.most:
            found += place.names
        if count < place.least:
            break
        count = 0
    return found


def _has_text(node: Any) -> bool:
    """Whether text stands between the children."""
    return any((text or "").strip(" \t\r\n") for text in (node.text, *(child.tail for child in node)))


def _listed(names: Any) -> str:
    return "{" + ", ".join(names) + "}"
