"""A live schema (`GET /xsd`) as bytes: parsed, hashed, outlined, and asked whether a document is valid.

Pure: no network, no entities, no other document that it may name. Others in this room use
`LiveSchema(raw)` and catch `BadSchema`. NCMEC's schema is not in this repository: an operator fetches it with
their own login (`schema.fetch`).
"""

import hashlib
import re
from functools import cached_property
from typing import Any

from lxml import etree

from safehold.cybertip.document.errors import LIVE, DocumentError
from safehold.cybertip.document.outline import Attribute, Place, Shape

_XS = "{http://www.w3.org/2001/XMLSchema}"
_ELSEWHERE = ("import", "include", "redefine", "override")
_DEPTH = 24  # of elements; the deepest known document has six


class BadSchema(ValueError):
    """The bytes are no schema that can be used; the message says why."""


class LiveSchema:
    """One schema. Raises BadSchema where the bytes are not one, or lead to other documents."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.sha256 = hashlib.sha256(raw).hexdigest()
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
        )
        try:
            self._root = etree.fromstring(raw, parser)
        except (etree.XMLSyntaxError, ValueError):
            raise BadSchema("The answer is no well-formed XML.") from None
        if self._root.getroottree().docinfo.doctype:
            raise BadSchema("The answer brings a document type, which no schema needs.")
        if self._root.tag != f"{_XS}schema":
            raise BadSchema("The answer is no XML Schema.")
        if any(self._root.find(f"{_XS}{name}") is not None for name in _ELSEWHERE):
            raise BadSchema("The schema takes in other documents; ask NCMEC for one that stands alone.")
        try:
            self._schema = etree.XMLSchema(self._root)
        except etree.XMLSchemaParseError as error:
            raise BadSchema(f"The answer is no valid XML Schema: {error}") from None

    def problems(self, document: bytes) -> list[DocumentError]:
        """What the schema finds wrong: element and rule, never the value. Empty = valid."""
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            root = etree.fromstring(document, parser)
        except (etree.XMLSyntaxError, ValueError):
            return [DocumentError("document", "is not well-formed XML", LIVE)]
        if self._schema.validate(root):
            return []
        return [DocumentError(_path(entry), _rule(entry), LIVE) for entry in self._schema.error_log]

    def outline(self, root: str) -> Shape | None:
        """What the schema declares for a root element; None where it has none of that name."""
        node = self._global("element").get(root)
        return None if node is None else _Reader(self).element(node, 0).shape

    def _global(self, kind: str) -> dict[str, Any]:
        return self._named[kind]

    @cached_property
    def _named(self) -> dict[str, dict[str, Any]]:
        kinds = ("element", "complexType", "simpleType", "group", "attributeGroup", "attribute")
        return {kind: {node.get("name", ""): node for node in self._root.findall(f"{_XS}{kind}")} for kind in kinds}


def _path(entry: Any) -> str:
    """The element's path without positions, such as `report/reporter`."""
    return re.sub(r"\[\d+\]", "", entry.path or "document").lstrip("/")


def _rule(entry: Any) -> str:
    """The broken rule. Messages about values repeat them, so only those about elements are told."""
    about_elements = ("SCHEMAV_ELEMENT_CONTENT", "SCHEMAV_CVC_ELT_1", "SCHEMAV_CVC_COMPLEX_TYPE")
    if entry.type_name.startswith(about_elements):
        return str(entry.message).rstrip(".")
    return f"breaks the schema's rule {entry.type_name.removeprefix('SCHEMAV_').lower().replace('_', '-')}"


class _Reader:
    """Walks the declarations of one schema into shapes."""

    def __init__(self, schema: LiveSchema) -> None:
        self.named = schema._named

    def element(self, node: Any, rank: int, *, least: int = 1, many: bool = False, depth: int = 0) -> Place:
        """An element where it stands. `least` and `many` come from the groups around it."""
        if depth > _DEPTH:
            raise BadSchema("The schema nests elements without end.")
        required = least > 0 and node.get("minOccurs", "1") != "0"
        repeated = many or node.get("maxOccurs", "1") not in ("0", "1")
        if node.get("ref"):
            node = self._named("element", node.get("ref"))
        shape = self._typed(node, depth)
        return Place(name=node.get("name"), rank=rank, shape=shape, required=required, many=repeated)

    def _named(self, kind: str, name: str) -> Any:
        found = self.named[kind].get(name.rpartition(":")[2])
        if found is None:
            raise BadSchema(f"The schema names a {kind} that it does not declare.")
        return found

    def _typed(self, node: Any, depth: int) -> Shape:
        inside = node.find(f"{_XS}complexType")
        name = (node.get("type") or "").rpartition(":")[2]
        if inside is None and name in self.named["complexType"]:
            inside = self.named["complexType"][name]
        return Shape(values=self.values(node)) if inside is None else self._complex(inside, depth)

    def _complex(self, node: Any, depth: int) -> Shape:
        children: list[Place] = []
        attributes: dict[str, Attribute] = {}
        values = None
        for part in node:
            kind = str(part.tag).removeprefix(_XS)
            if kind in ("simpleContent", "complexContent"):
                derived = part.find(f"{_XS}extension")
                derived = part.find(f"{_XS}restriction") if derived is None else derived
                base = self._base(derived, depth)
                own = self._complex(derived, depth)
                extends = derived.tag == f"{_XS}extension"
                shift = 1 + max((place.rank for place in base.children), default=0)
                moved = [_moved(place, shift) for place in own.children]
                children += [*base.children, *moved] if extends else own.children
                attributes |= {**base.attributes, **own.attributes}
                values = own.values if own.values is not None else base.values
            elif kind in ("sequence", "choice", "all", "group"):
                children += self._particles(part, [0], 1, many=False, depth=depth)
            elif kind == "attribute":
                attributes |= self._attribute(part)
            elif kind == "attributeGroup":
                for one in self._named("attributeGroup", part.get("ref")).findall(f"{_XS}attribute"):
                    attributes |= self._attribute(one)
        listed = frozenset(one.get("value") for one in node.findall(f"{_XS}enumeration"))
        return Shape(children=tuple(children), attributes=attributes, values=listed or values)

    def _base(self, derived: Any, depth: int) -> Shape:
        name = derived.get("base", "").rpartition(":")[2]
        if depth > _DEPTH:
            raise BadSchema("The schema derives types without end.")
        if name in self.named["complexType"]:
            return self._complex(self.named["complexType"][name], depth + 1)
        return Shape(values=self._simple(self.named["simpleType"].get(name)))

    def _particles(self, node: Any, counter: list[int], least: int, *, many: bool, depth: int) -> list[Place]:
        """The elements of a group. Those of a choice, of `all`, and of a repeated group share a rank."""
        kind = str(node.tag).removeprefix(_XS)
        least = 0 if kind == "choice" or node.get("minOccurs") == "0" else least
        many = many or node.get("maxOccurs", "1") not in ("0", "1")
        if kind == "group" and node.get("ref"):
            return self._particles(self._named("group", node.get("ref")), counter, least, many=many, depth=depth)
        together = many or kind in ("choice", "all")
        found: list[Place] = []
        for child in node:
            name = str(child.tag).removeprefix(_XS)
            inner = [counter[0]] if together else counter
            if name == "element":
                found.append(self.element(child, inner[0], least=least, many=many, depth=depth + 1))
            elif name in ("sequence", "choice", "all", "group"):
                found += self._particles(child, inner, least, many=many, depth=depth + 1)
            if not together:
                counter[0] += 1
        counter[0] = max([counter[0], *(place.rank for place in found)])
        return found

    def _attribute(self, node: Any) -> dict[str, Attribute]:
        required, node = (
            node.get("use") == "required",
            self._named("attribute", node.get("ref")) if node.get("ref") else node,
        )
        return {node.get("name"): Attribute(required=required, values=self.values(node))}

    def values(self, node: Any) -> frozenset[str] | None:
        """The listed values of an element's or attribute's simple type."""
        inside = node.find(f"{_XS}simpleType")
        name = (node.get("type") or "").rpartition(":")[2]
        return self._simple(self.named["simpleType"].get(name) if inside is None else inside)

    def _simple(self, node: Any, depth: int = 0) -> frozenset[str] | None:
        if node is None or depth > _DEPTH:
            return None
        union = node.find(f"{_XS}union")
        if union is not None:
            names = [name.rpartition(":")[2] for name in union.get("memberTypes", "").split()]
            members = [*(self.named["simpleType"].get(name) for name in names), *union.findall(f"{_XS}simpleType")]
            listed = [self._simple(one, depth + 1) for one in members]
            known = [one for one in listed if one is not None]
            return frozenset().union(*known) if known and len(known) == len(listed) else None
        narrowed = node.find(f"{_XS}restriction")
        if narrowed is None:
            return None
        own = frozenset(one.get("value") for one in narrowed.findall(f"{_XS}enumeration"))
        base = narrowed.get("base", "").rpartition(":")[2]
        return own or self._simple(self.named["simpleType"].get(base), depth + 1)


def _moved(place: Place, by: int) -> Place:
    return Place(name=place.name, rank=place.rank + by, shape=place.shape, required=place.required, many=place.many)
