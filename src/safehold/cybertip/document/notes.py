"""What a host logged and its field cannot take: told in `additionalInfo` instead, so that it stops no filing.

Others in this package use `Notes` (or `Notes(strict=True)` for the operator's own words, where every
error comes through), `past` for times, and `told` for a record in words.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import msgspec

from safehold.cybertip.document.element import Element, field_at, parts_of
from safehold.cybertip.document.errors import DOCS, DocumentError
from safehold.cybertip.document.values import When, clean

# A clock of a host or of the service may run a little differently from ours: times up to TOLERANCE
# ahead are written as MARGIN before the record's own time, so that they lie in the past everywhere.
MARGIN = timedelta(seconds=5)
TOLERANCE = timedelta(minutes=5)

Made = TypeVar("Made")
MadeElement = TypeVar("MadeElement", bound=Element)
Given = TypeVar("Given")


class Notes:
    """Collects what could not stand in its own field. `strict`: nothing is collected, errors come through."""

    def __init__(self, *, strict: bool = False) -> None:
        self.lines: list[str] = []
        self.strict = strict

    def attempt(self, label: str, value: object, make: Callable[[], Made]) -> Made | None:
        """What `make` returns, or None and a line "label: value" where it raises DocumentError."""
        try:
            return make()
        except DocumentError as error:
            if self.strict:
                raise
            self.tell(f"{label} as logged ({error.limit})", value)
            return None

    def each(self, label: str, values: Iterable[Given], make: Callable[[Given], Made | None]) -> tuple[Made, ...]:
        """What `make` returns for every value that its field can take; a line for every other."""
        made = [self.attempt(label, value, partial(make, value)) for value in values]
        return tuple(one for one in made if one is not None)

    def fit(self, label: str, kind: type[MadeElement], values: dict[str, Any]) -> dict[str, Any]:
        """`values` without the optional ones that `kind` cannot take: each is told. Raises for the others."""
        must = {name for name, spec in parts_of(kind) if spec.required}
        fitting = {name: value for name, value in values.items() if name in must or value not in ("", None)}
        while True:
            try:
                kind(**fitting)
            except DocumentError as error:
                found = field_at(kind, error.field)
                if self.strict or found is None or found[1].required or found[0] not in fitting:
                    raise
                self.tell(f"{label}, {found[1].name} as logged ({error.limit})", fitting.pop(found[0]))
            else:
                return fitting

    def made(self, label: str, kind: type[MadeElement], values: dict[str, Any]) -> MadeElement:
        """`kind` of the values that it can take, see `fit`."""
        return kind(**self.fit(label, kind, values))

    def when(self, label: str, at: datetime | None, as_of: datetime) -> datetime | None:
        """A time as the document writes it, None where there is none or it lies in the future."""
        return None if at is None else self.attempt(label, at, lambda: past(at, as_of, label))

    def tell(self, label: str, value: object) -> None:
        """A line of its own."""
        self.lines.append(f"{label}: {clean(told(value))}")

    def below(self, text: str) -> str | None:
        """`text` with the lines below it."""
        return "\n".join([*([text] if text.strip() else []), *self.lines]) or None


def past(at: datetime, as_of: datetime, field: str) -> datetime:
    """`at`, or a little before `as_of` where clocks differ slightly. Raises DocumentError for the future."""
    at = When().check(at, field)
    if at > as_of + TOLERANCE:
        raise DocumentError(field, "must lie in the past", DOCS)
    return min(at, When().check(as_of - MARGIN, field))


def told(value: object) -> str:
    """A value of the input record in words: what of it is known, in the record's order."""
    if isinstance(value, msgspec.Struct):
        known = [(name, getattr(value, name)) for name in value.__struct_fields__]
        words = [(name, told(one)) for name, one in known if one not in ("", None, ())]
        return ", ".join(word if name == known[0][0] else f"{name} {word}" for name, word in words)
    if isinstance(value, tuple):
        return "; ".join(told(one) for one in value)
    return str(value)
