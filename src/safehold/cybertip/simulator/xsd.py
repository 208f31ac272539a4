"""The simulator's grammar written as an XML Schema, for `GET /xsd`.

NCMEC's schema stands behind its credentials and is not copied. This one is generated when it is asked for, says in
its first lines that it is the simulator's, and takes and refuses the same documents as `structure`.
Others in this package call `schema(grammar)`.
"""

from lxml import etree
from lxml.builder import ElementMaker

from safehold.cybertip.simulator import simple
from safehold.cybertip.simulator.grammar import Child, Grammar
from safehold.cybertip.simulator.structure import ROOTS

_NAMESPACE = "http://www.w3.org/2001/XMLSchema"
_E = ElementMaker(namespace=_NAMESPACE, nsmap={"xs": _NAMESPACE})
_NOTE = (
    "Made by Safehold's practice server from its own description of the documents. This is not NCMEC's schema: "
    "where the two differ, NCMEC's is right. It holds order, types and value lists; lengths and rules between "
    "fields are documentation and are checked by the server beside it."
)
_RESPONSES = (
    ("reportResponse", ("responseCode:int", "responseDescription:string"),
     ("reportId:long", "fileId:token", "hash:token")),
    ("reportDoneResponse", ("responseCode:int", "reportId:long", "files"), ()),
)  # fmt: skip


def schema(grammar: Grammar) -> bytes:
    """The schema as a document in UTF-8."""
    root = _E.schema(_E.annotation(_E.documentation(_NOTE)), elementFormDefault="qualified")
    for name in ROOTS:
        root.append(_E.element(name=name, type=_type(name)))
    for name, must, may in _RESPONSES:
        root.append(_response(name, must, may))
    for name in grammar.complex_types():
        root.append(_complex(name, grammar))
    for name, (base, values, pattern) in simple.SIMPLE.items():
        narrowed = _E.restriction(*(_E.enumeration(value=value) for value in values), base=f"xs:{base}")
        if pattern:
            narrowed.append(_E.pattern(value=pattern))
        root.append(_E.simpleType(narrowed, name=_type(name)))
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _type(kind: str) -> str:
    """The name of a type in the schema."""
    return f"{simple.split(kind)[0].lower()}Value" if simple.is_simple(kind) else f"{kind}Type"


def _complex(name: str, grammar: Grammar) -> etree._Element:
    attributes = [
        _E.attribute(name=own, type=_type(kind), use="required" if must else "optional")
        for own, (kind, must) in grammar.attribute.get(name, {}).items()
    ]
    if name in grammar.text:
        inside = _E.simpleContent(_E.extension(*attributes, base=_type(grammar.text[name])))
        return _E.complexType(inside, name=_type(name))
    if name in grammar.flags:
        flags = (_E.element(name=flag, type="xs:boolean", fixed="true", minOccurs="0") for flag in grammar.flags[name])
        return _E.complexType(_E.all(*flags), *attributes, name=_type(name))
    places = grammar.sequence[name]
    content = [_E.sequence(*(_place(place) for place in places))] if places else []
    return _E.complexType(*content, *attributes, name=_type(name))


def _place(place: Child) -> etree._Element:
    """One element, or a choice of several, with how often."""
    often = {"minOccurs": str(place.least), "maxOccurs": "unbounded" if place.most is None else str(place.most)}
    elements = [_E.element(name=name, type=_type(kind)) for name, kind in place.names.items()]
    found = elements[0] if len(elements) == 1 else _E.choice(*elements)
    found.attrib.update(often)
    return found


def _response(name: str, must: tuple[str, ...], may: tuple[str, ...]) -> etree._Element:
    """One of the two answers."""
    inside = _E.sequence()
    for one in (*must, *may):
        own, _colon, base = one.partition(":")
        if base:
            inside.append(_E.element(name=own, type=f"xs:{base}", minOccurs="1" if one in must else "0"))
        else:
            listed = _E.element(name="fileId", type="xs:string", minOccurs="0", maxOccurs="unbounded")
            inside.append(_E.element(_E.complexType(_E.sequence(listed)), name=own))
    return _E.element(_E.complexType(inside), name=name)
