"""Recording and moving: only in a transaction, and never into a state that the machine does not lead to."""

import copy
import itertools
import uuid

import pytest
from django.db import connection, models, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from safehold.audit import machine as machines
from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove, Machine
from safehold.audit.models import Entry, FailedAttempt


@pytest.mark.django_db(transaction=True)
def test_recording_outside_a_transaction_raises_and_records_nothing() -> None:
    with pytest.raises(audit.NotInTransaction):
        audit.record("thing.done", actor="system:test", about="thing:1")
    assert Entry.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_an_act_goes_with_its_transaction() -> None:
    class Undo(Exception):
        pass

    def act() -> None:
        with transaction.atomic():
            audit.record("thing.done", actor="system:test", about="thing:1")
            raise Undo

    with pytest.raises(Undo):
        act()
    assert Entry.objects.count() == 0
    with transaction.atomic():
        audit.record("thing.done", actor="system:test", about="thing:1", why="placeholder message 3")
    entry = audit.history("thing:1").get()
    assert entry.detail.body == {"why": "placeholder message 3"}
    assert entry.digest == audit.digest_of(entry.detail.salt, entry.detail.body)


@pytest.mark.django_db
def test_details_that_are_no_json_are_refused() -> None:
    for bad in (object(), float("nan"), b"bytes"):
        with pytest.raises((TypeError, ValueError)), transaction.atomic():
            audit.record("thing.done", actor="system:test", about="thing:1", bad=bad)
    assert Entry.objects.count() == 0


@pytest.mark.django_db
def test_refusals_have_a_log_of_their_own() -> None:
    audit.refused("thing.do", actor="anonymous", about="thing:1", reason="x" * 500)
    row = FailedAttempt.objects.get()
    assert (row.act, len(row.reason)) == ("thing.do", 200)
    assert Entry.objects.count() == 0


# --- machines ---

STATES = ["a", "b", "c", "d"]
MOVES = st.dictionaries(
    st.sampled_from(["go", "back", "jump"]),
    st.dictionaries(st.sampled_from(STATES), st.sampled_from(STATES), min_size=1),
    min_size=1,
)


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "MACHINES", copy.copy(machines.MACHINES))


@pytest.fixture
def job(db: None) -> type[models.Model]:
    """A table with a state column that is already there: the outbox's tasks (`kind` is free text)."""
    from safehold.work.models import Task

    return Task


def row_of(job: type[models.Model], state: str) -> models.Model:
    return job._default_manager.create(kind=state, key=uuid.uuid4().hex, about="thing:1", role="nobody")


@hypothesis_settings(max_examples=60, deadline=None)
@given(moves=MOVES, start=st.sampled_from(STATES))
def test_a_machine_knows_its_states(moves: dict[str, dict[str, str]], start: str) -> None:
    found = Machine("test", start=start, moves=moves)
    named = {start} | {one for table in moves.values() for pair in table.items() for one in pair}
    assert set(found.states) == named
    assert len(found.states) == len(named)
    assert found.states[0] == start
    leaving = {before for table in moves.values() for before in table}
    assert found.final == named - leaving
    assert machines.MACHINES["test"] is found


@pytest.mark.django_db
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, start=st.sampled_from(STATES), walk=st.lists(st.sampled_from(["go", "back", "jump"]), max_size=8))
def test_a_walk_stays_on_the_machine_and_every_move_is_an_act(
    job: type[models.Model], moves: dict[str, dict[str, str]], start: str, walk: list[str]
) -> None:
    found = Machine("test", start=start, moves=moves, field="kind")
    row = row_of(job, start)
    state, moved = start, 0
    for verb in (verb for verb in walk if verb in moves):
        can = found.can(row, verb)
        assert can == (state in moves[verb])
        if can:
            with transaction.atomic():
                row = found.move(row, verb, actor="system:test", changes={"note": verb})
            state, moved = moves[verb][state], moved + 1
            assert (row.kind, row.note) == (state, verb)  # type: ignore[attr-defined]
        else:
            with pytest.raises(IllegalMove), transaction.atomic():
                found.move(row, verb, actor="system:test", changes={"note": "never"})
            row.refresh_from_db()
            assert row.kind == state  # type: ignore[attr-defined]
            assert row.note != "never"  # type: ignore[attr-defined]
    acts = list(audit.history(row))
    assert len(acts) == moved
    for before, after in itertools.pairwise(acts):
        assert before.detail.body["after"] == after.detail.body["before"]


@pytest.mark.django_db
def test_a_stale_row_moves_from_what_the_database_says(job: type[models.Model]) -> None:
    found = Machine("test", start="a", moves={"go": {"a": "b"}}, field="kind")
    stale = row_of(job, "a")
    with transaction.atomic():
        found.move(stale, "go", actor="system:test")
    with pytest.raises(IllegalMove), transaction.atomic():
        found.move(stale, "go", actor="system:test")
    assert audit.history(stale).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_move_outside_a_transaction_raises_and_changes_nothing(job: type[models.Model]) -> None:
    found = Machine("test", start="a", moves={"go": {"a": "b"}}, field="kind")
    row = row_of(job, "a")
    assert not connection.in_atomic_block
    with pytest.raises(audit.NotInTransaction):
        found.move(row, "go", actor="system:test")
    row.refresh_from_db()
    assert row.kind == "a"  # type: ignore[attr-defined]
