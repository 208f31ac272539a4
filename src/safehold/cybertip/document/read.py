"""From a document back to its models: the structural check of any `report` or `fileDetails`, ours or not.

Others may call `read_report(document, as_of)` and `read_file_details(document, as_of, ...)`: the models,
or DocumentError naming field, limit and source. Whatever these return is written again as an equal document.
"""

from datetime import datetime
from typing import Any, TypeVar

from lxml import etree

from safehold.cybertip.document.element import Element, Nested, Part, parts_of
from safehold.cybertip.document.errors import SERVICE, XSD, DocumentError
from safehold.cybertip.document.file_details import FileDetails
from safehold.cybertip.document.incidents import Incident, InternetDetails
from safehold.cybertip.document.report import Report
from safehold.cybertip.document.values import Flags

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
Made = TypeVar("Made", bound=Element)


def read_report(document: bytes, as_of: datetime, declared: frozenset[str] = frozenset()) -> Report:
    """The report that the document is. `as_of` and `declared` as in `Report`."""
    return element(Report, root_of(document, "report"), as_of=as_of, declared=declared)


def read_file_details(
    document: bytes, as_of: datetime, *, batched: bool = False, agreement: bool = False
) -> FileDetails:
    """The file details that the document is. `batched` and `agreement` as in `FileDetails`."""
    root = root_of(document, "fileDetails")
    return element(FileDetails, root, as_of=as_of, batched=batched, agreement=agreement)


def root_of(document: bytes, *names: str) -> Any:
    """The root element, parsed without network, entities or document type. Raises DocumentError."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise DocumentError("document", "is not well-formed XML", XSD) from None
    if root.getroottree().docinfo.doctype:
        raise DocumentError("document", "must not bring a document type", SERVICE)
    if root.tag not in names:
        raise DocumentError("document", f"must have the root {' or '.join(names)}", XSD)
    return root


def element(cls: type[Made], node: Any, **more: Any) -> Made:
    """An element of type `cls` with everything below it."""
    values, children = dict(more), list(node)
    _attributes(cls, node, values)
    for field, spec in parts_of(cls):
        if spec.place != "element":
            continue
        found: list[Any] = []
        while children and children[0].tag == spec.name and (spec.many or not found):
            found.append(_one(spec, children.pop(0), f"{cls.TYPE}/{spec.name}"))
        if found:
            values[field] = tuple(found) if spec.many else found[0]
        elif spec.required:
            raise DocumentError(f"{cls.TYPE}/{spec.name}", "is required", XSD)
    if children:
        raise DocumentError(
            f"{cls.TYPE}/{children[0].tag}", "is not expected here: unknown, out of order or too often", XSD
        )
    return cls(**values)


def _attributes(cls: type[Element], node: Any, values: dict[str, Any]) -> None:
    """The attributes and the text of the element itself, into `values`."""
    known = {spec.name: (field, spec) for field, spec in parts_of(cls) if spec.place == "attribute"}
    for name, text in node.attrib.items():
        if name.startswith(_XSI):
            continue
        if name not in known:
            raise DocumentError(f"{cls.TYPE}/{name}", "is no attribute of this element", XSD)
        field, spec = known[name]
        values[field] = spec.kind.read(text, f"{cls.TYPE}/{name}")
    for field, spec in parts_of(cls):
        if spec.place == "content":
            values[field] = spec.kind.read(node.text or "", cls.TYPE)
        elif spec.required and spec.place == "attribute" and field not in values:
            raise DocumentError(f"{cls.TYPE}/{spec.name}", "is required", XSD)
    if not any(spec.place == "content" for _field, spec in parts_of(cls)):
        _no_text(node, cls.TYPE)


def _one(spec: Part, node: Any, path: str) -> Any:
    """One child element as the value of its part."""
    if isinstance(spec.kind, Nested):
        cls = spec.kind.types[0]
        return _incident(node) if cls is InternetDetails else element(cls, node)
    if node.attrib:
        raise DocumentError(path, "has no attributes", XSD)
    if isinstance(spec.kind, Flags):
        return _flags(spec.kind, node, path)
    if len(node):
        raise DocumentError(path, "holds text alone", XSD)
    return spec.kind.read(node.text or "", path)


def _incident(node: Any) -> InternetDetails:
    kinds = {kind.NAME: kind for kind in Incident.__subclasses__()}
    _no_text(node, "internetDetails")
    if len(node) != 1 or node[0].tag not in kinds or node.attrib:
        raise DocumentError("internetDetails", "must hold exactly one kind of incident", XSD)
    return InternetDetails(incident=element(kinds[node[0].tag], node[0]))


def _flags(kind: Flags, node: Any, path: str) -> tuple[str, ...]:
    names: list[str] = []
    _no_text(node, path)
    for child in node:
        if child.tag not in kind.allowed:
            raise DocumentError(f"{path}/{child.tag}", "is not an annotation", XSD)
        if (child.text or "").strip() not in ("", "true") or len(child) or child.attrib:
            raise DocumentError(f"{path}/{child.tag}", "is fixed to true: to say no, leave it out", XSD)
        if child.tag in names:
            raise DocumentError(f"{path}/{child.tag}", "may stand once", XSD)
        names.append(child.tag)
    return tuple(names)


def _no_text(node: Any, path: str) -> None:
    if (node.text or "").strip() or any((child.tail or "").strip() for child in node):
        raise DocumentError(path, "holds elements, no text", XSD)
