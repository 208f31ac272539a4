"""State machines of the records: one transition function each, under a row lock, every move an act.

A room declares `MACHINE = Machine(...)` beside its model and calls `MACHINE.move(row, "verb", ...)`.
The tables in docs/states.md are generated from `MACHINES`.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import connection, models

from safehold.audit import service as audit

Row = TypeVar("Row", bound=models.Model)

MACHINES: dict[str, "Machine"] = {}


class IllegalMove(Exception):
    """The verb does not lead anywhere from the row's present state. Nothing was changed."""


class Machine:
    """States and moves of one kind of record.

    `moves` maps a verb to {state before: state after}. `field` is the column that holds the state.
    """

    def __init__(self, name: str, *, start: str, moves: Mapping[str, Mapping[str, str]], field: str = "state") -> None:
        self.name = name
        self.start = start
        self.moves = moves
        self.field = field
        MACHINES[name] = self

    @property
    def states(self) -> list[str]:
        """Every state, in the order the declaration names them."""
        seen = {self.start: None}
        for table in self.moves.values():
            for before, after in table.items():
                seen[before] = seen[after] = None
        return list(seen)

    @property
    def final(self) -> set[str]:
        """States that no verb leaves."""
        return set(self.states) - {before for table in self.moves.values() for before in table}

    def can(self, row: models.Model, verb: str) -> bool:
        """Whether `verb` is possible from the state that `row` was read with."""
        return getattr(row, self.field) in self.moves[verb]

    def move(self, row: Row, verb: str, *, actor: str, changes: Mapping[str, Any] | None = None, **details: Any) -> Row:
        """Lock the row, check the move, set state and `changes`, record the act. Returns the fresh row.

        Must run inside a transaction. Raises IllegalMove where the state does not allow the verb.
        """
        if not connection.in_atomic_block:
            raise audit.NotInTransaction(f"{self.name}.{verb} was called outside a transaction.")
        fresh = type(row)._default_manager.select_for_update(of=("self",)).get(pk=row.pk)
        before = getattr(fresh, self.field)
        after = self.moves[verb].get(before)
        if after is None:
            raise IllegalMove(
                f"{audit.ref(row)} is {before!r}; {verb!r} is possible only from {sorted(self.moves[verb])}."
            )
        for name, value in {**(changes or {}), self.field: after}.items():
            setattr(fresh, name, value)
        fresh.save(update_fields=[*(changes or {}), self.field])
        audit.record(f"{self.name}.{verb}", actor=actor, about=fresh, before=before, after=after, **details)
        return fresh
