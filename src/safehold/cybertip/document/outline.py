"""What our models know of the schema, as plain data: elements in order, how often, attributes, listed values.

Others in this room use `ours(root)` and compare it with a live schema's (`xsd.LiveSchema.outline`).
"""

from functools import cache
from typing import Any

import msgspec

from safehold.cybertip.document.element import Element, Nested, Part, parts_of
from safehold.cybertip.document.file_details import FileDetails
from safehold.cybertip.document.incidents import Incident, InternetDetails
from safehold.cybertip.document.report import Report
from safehold.cybertip.document.values import Choice, Flags

ROOTS: dict[str, type[Element]] = {"report": Report, "fileDetails": FileDetails}


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute; `values` where the schema lists them."""

    required: bool = False
    values: frozenset[str] | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A child element. Children of one `rank` may stand in any order, or exclude one another."""

    name: str
    rank: int
    shape: "Shape"
    required: bool = False
    many: bool = False
    newer: bool = False


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """An element's content. `type` is our name for it, "" in a live schema; `values` are those of its text."""

    type: str = ""
    children: tuple[Place, ...] = ()
    attributes: dict[str, Attribute] = {}
    values: frozenset[str] | None = None

    def child(self, name: str) -> Place | None:
        """The child of that name."""
        return next((place for place in self.children if place.name == name), None)


def ours(root: str) -> Shape:
    """The outline of `report` or `fileDetails`."""
    return _element(ROOTS[root])


@cache
def _element(cls: type[Element]) -> Shape:
    if cls is InternetDetails:
        kinds = tuple(Place(name=one.NAME, rank=0, shape=_element(one)) for one in Incident.__subclasses__())
        return Shape(type=cls.TYPE, children=kinds)
    children, attributes, values = [], {}, None
    for rank, (_field, spec) in enumerate(parts_of(cls)):
        listed = _listed(spec.kind)
        if spec.place == "attribute":
            attributes[spec.name] = Attribute(required=spec.required, values=listed)
        elif spec.place == "content":
            values = listed
        else:
            children.append(_child(spec, rank, listed))
    return Shape(type=cls.TYPE, children=tuple(children), attributes=attributes, values=values)


def _child(spec: Part, rank: int, listed: frozenset[str] | None) -> Place:
    shape = Shape(values=listed)
    if isinstance(spec.kind, Nested):
        shape = _element(spec.kind.types[0])
    elif isinstance(spec.kind, Flags):
        newer = spec.kind.newer
        flags = tuple(Place(name=one, rank=0, shape=Shape(), newer=one in newer) for one in spec.kind.allowed)
        shape = Shape(type=spec.name, children=flags)
    return Place(name=spec.name, rank=rank, shape=shape, required=spec.required, many=spec.many, newer=spec.newer)


def _listed(kind: Any) -> frozenset[str] | None:
    return kind.allowed if isinstance(kind, Choice) else None
