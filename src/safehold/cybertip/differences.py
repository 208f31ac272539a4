"""What a live schema declares and our models do not know, and the other way round, in words.

Pure. Others in this room use `differences(schema)` and `declared(schema)`. Only what could make a
document of ours invalid, or leave something unsaid, is a difference: that the schema allows an element more
often than we write it is none.
"""

from collections.abc import Iterator

from safehold.cybertip.document.codes import NEWER
from safehold.cybertip.document.outline import ROOTS, Attribute, Place, Shape, ours
from safehold.cybertip.xsd import LiveSchema


def differences(schema: LiveSchema) -> list[str]:
    """Sentences, each once, in the order of the documents. Empty = the models and the schema agree."""
    found: dict[str, None] = {}
    for root in ROOTS:
        live = schema.outline(root)
        if live is None:
            found[f"{root}: the live schema has no such root; no {root} can be sent."] = None
        else:
            found |= dict.fromkeys(_compare(root, ours(root), live))
    return list(found)


def declared(schema: LiveSchema) -> frozenset[str]:
    """What of `codes.NEWER` the schema declares, wherever our models could write it and in that order."""
    seen: dict[str, bool] = {}
    for root in ROOTS:
        live = schema.outline(root)
        if live is not None:
            for name, there in _newer(ours(root), live):
                seen[name] = seen.get(name, True) and there
    return frozenset(name for name, there in seen.items() if there) & NEWER


def _compare(path: str, mine: Shape, live: Shape) -> Iterator[str]:
    """Attributes, children, order and listed values of one element, then of those below it."""
    name = mine.type or path
    yield from _attributes(name, mine, live)
    yield from _values(name, mine.values, live.values)
    yield from _unknown(name, mine, live)
    for place in mine.children:
        other = live.child(place.name)
        if other is None:
            if not place.newer:
                yield f"{name}/{place.name}: the live schema does not declare it; a document that holds it is invalid."
            continue
        yield from _often(f"{name}/{place.name}", place, other)
        yield from _compare(f"{name}/{place.name}", place.shape, other.shape)
    if not _in_order(mine, live):
        wanted = " ".join(place.name for place in sorted(live.children, key=lambda one: one.rank))
        yield f"{name}: the live schema has another order: {wanted}."


def _unknown(name: str, mine: Shape, live: Shape) -> Iterator[str]:
    before = "at the beginning"
    for place in live.children:
        if mine.child(place.name) is None:
            must = "requires" if place.required else "declares"
            yield f"{name}/{place.name}: the live schema {must} it ({before}); our models do not know it."
        before = f"after {place.name}"


def _often(name: str, mine: Place, live: Place) -> Iterator[str]:
    if live.required and not mine.required:
        yield f"{name}: the live schema requires it; our models may leave it out."
    if mine.many and not live.many:
        yield f"{name}: the live schema allows it once; our models may write it more often."


def _attributes(name: str, mine: Shape, live: Shape) -> Iterator[str]:
    for own in mine.attributes:
        if own not in live.attributes:
            yield f"{name}@{own}: the live schema does not declare this attribute; our models may write it."
    for other, attribute in live.attributes.items():
        known = mine.attributes.get(other)
        if known is None:
            yield f"{name}@{other}: the live schema declares this attribute; our models do not know it."
            continue
        if attribute.required and not known.required:
            yield f"{name}@{other}: the live schema requires this attribute; our models may leave it out."
        yield from _listed(f"{name}@{other}", known, attribute)


def _listed(name: str, mine: Attribute, live: Attribute) -> Iterator[str]:
    yield from _values(name, mine.values, live.values)


def _values(name: str, mine: frozenset[str] | None, live: frozenset[str] | None) -> Iterator[str]:
    """Listed values; the empty one, which we never need, is passed over."""
    if mine is None and live is not None and live != frozenset(("true",)):
        yield f"{name}: the live schema lists {len(live)} values; our models take any."
    if mine is None or live is None:
        return
    if live - mine - {""}:
        yield f"{name}: values of the live schema alone: {', '.join(sorted(live - mine - {''}))}."
    if mine - live - {""}:
        yield f"{name}: values of our models alone: {', '.join(sorted(mine - live - {''}))}."


def _in_order(mine: Shape, live: Shape) -> bool:
    """Whether what we write in our order is in the live schema's."""
    places = [live.child(place.name) for place in mine.children]
    ranks = [place.rank for place in places if place is not None]
    return ranks == sorted(ranks)


def _newer(mine: Shape, live: Shape) -> Iterator[tuple[str, bool]]:
    """Every newer element at every place of ours that the live schema has."""
    for place in mine.children:
        other = live.child(place.name)
        if place.newer:
            yield f"{mine.type}/{place.name}", other is not None and _in_order(mine, live)
        elif other is not None:
            yield from _newer(place.shape, other.shape)
