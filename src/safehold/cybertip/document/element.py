"""What every part of a document is made of: structs whose fields stand in schema order.

A field is declared as `name: Annotated[type, part("xmlName", kind)] = default`; the order of the
fields is the order of the elements. Values are checked and normalised when a struct is made, so a
struct that exists can be written. Others in this package use `Element`, `part`, `attribute` and
`content`; `leaves` finds every value of a kind in a finished tree, `newer_in` what not every schema declares.
"""

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, ClassVar, Protocol, get_args, get_origin, get_type_hints

import msgspec
from lxml import etree
from lxml.builder import E

from safehold.cybertip.document.errors import XSD, DocumentError


class Kind(Protocol):
    """The type of a value: `check` returns it normalised (None = absent) or raises; `write` and `read` text."""

    def check(self, value: Any, field: str) -> Any: ...

    def write(self, value: Any) -> str: ...

    def read(self, text: str, field: str) -> Any: ...


class Part(msgspec.Struct, frozen=True):
    """Where a field goes: the element or attribute name, the kind, and how often."""

    name: str
    kind: Any
    place: str = "element"  # element | attribute | content
    many: bool = False
    required: bool = False
    newer: bool = False


def part(name: str, kind: Any, *, many: bool = False, required: bool = False, newer: bool = False) -> Part:
    """A child element. `many`: the field is a tuple, one element for each value. `newer`: see `codes.NEWER`."""
    return Part(name, kind, "element", many, required, newer)


def attribute(name: str, kind: Any, *, required: bool = False) -> Part:
    """An XML attribute of the element itself."""
    return Part(name, kind, "attribute", False, required)


def content(kind: Any) -> Part:
    """The text of the element itself."""
    return Part("", kind, "content", False, True)


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """A complex element. Making one checks it; `rules` holds what one field says about another."""

    TYPE: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for field, spec in parts_of(type(self)):
            path = f"{self.TYPE}/{spec.name}".rstrip("/")
            value = _checked(getattr(self, field), spec, path)
            if spec.required and value in (None, ()):
                raise DocumentError(path, "is required", XSD)
            msgspec.structs.force_setattr(self, field, value)
        self.rules()

    def rules(self) -> None:
        """Checks between fields. Raises DocumentError."""

    def render(self, name: str) -> Any:
        """The lxml element called `name`, children in schema order."""
        node = E(name)
        for field, spec in parts_of(type(self)):
            value = getattr(self, field)
            if value is None:
                continue
            if spec.place == "attribute":
                node.set(spec.name, spec.kind.write(value))
            elif spec.place == "content":
                node.text = spec.kind.write(value)
            else:
                for one in value if spec.many else (value,):
                    node.append(_rendered(one, spec))
        return node


class Nested:
    """A child that is an element of its own, already checked when it was made."""

    def __init__(self, *types: type[Element]) -> None:
        self.types = types

    def check(self, value: Any, field: str) -> Any:
        """The element itself; its own fields were checked when it was made."""
        if value is not None and not isinstance(value, self.types):
            raise DocumentError(field, f"must be {' or '.join(t.__name__ for t in self.types)}", XSD)
        return value

    def write(self, value: Any) -> str:
        """Never called: nested elements are rendered, not written."""
        raise TypeError(f"{type(value).__name__} is a nested element, it has no text.")

    def read(self, text: str, field: str) -> Any:
        """Never called: nested elements are read by `read.element`."""
        raise TypeError(f"{field} is a nested element, it has no text ({len(text)} characters).")


def to_bytes(root: Any) -> bytes:
    """The finished document: XML declaration, UTF-8, indented."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


@cache
def parts_of(cls: type[Element]) -> tuple[tuple[str, Part], ...]:
    """Field name and part of every declared field, in schema order."""
    found = []
    for name, hint in get_type_hints(cls, include_extras=True).items():
        if get_origin(hint) is Annotated:
            found += [(name, meta) for meta in get_args(hint)[1:] if isinstance(meta, Part)]
    return tuple(found)


def leaves(element: Element, kind: type) -> Iterator[tuple[str, Any]]:
    """Path and value of every leaf of that kind in the tree."""
    for field, spec in parts_of(type(element)):
        value = getattr(element, field)
        for one in (value if spec.many else (value,)) if value is not None else ():
            if isinstance(one, Element):
                yield from leaves(one, kind)
            elif isinstance(spec.kind, kind):
                yield f"{element.TYPE}/{spec.name}".rstrip("/"), one


def newer_in(element: Element) -> Iterator[tuple[str, str]]:
    """Path, and name as in `codes.NEWER`, of everything in the tree that not every schema declares."""
    for field, spec in parts_of(type(element)):
        value = getattr(element, field)
        for one in (value if spec.many else (value,)) if value is not None else ():
            if isinstance(one, Element):
                yield from newer_in(one)
            elif spec.newer:
                yield f"{element.TYPE}/{spec.name}", f"{element.TYPE}/{spec.name}"
            for name in getattr(spec.kind, "newer", ()):
                if name in value:
                    yield f"{element.TYPE}/{spec.name}/{name}", f"{spec.name}/{name}"


def field_at(cls: type[Element], path: str) -> tuple[str, Part] | None:
    """Field and part that a DocumentError of `cls` names; None where it names none of its own."""
    own = {f"{cls.TYPE}/{spec.name}".rstrip("/"): (field, spec) for field, spec in parts_of(cls)}
    return own.get(path)


def _checked(value: Any, spec: Part, path: str) -> Any:
    if not spec.many:
        return None if value is None else spec.kind.check(value, path)
    if not isinstance(value, tuple | list | None):
        raise DocumentError(path, "must be a sequence: it may stand more than once", XSD)
    checked = [spec.kind.check(one, path) for one in value or ()]
    return tuple(one for one in checked if one is not None)


def _rendered(value: Any, spec: Part) -> Any:
    if isinstance(value, Element):
        return value.render(spec.name)
    if hasattr(spec.kind, "children"):
        return E(spec.name, *(E(child) for child in spec.kind.children(value)))
    return E(spec.name, spec.kind.write(value))
