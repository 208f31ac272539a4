"""Whatever changes at the source while it is read, wherever reading breaks off: in the end the list is the source."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any
from unittest import mock

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from safehold.screening.exchanges import keeping
from safehold.screening.exchanges.source import Answer, Outcome
from safehold.screening.exchanges.sync import Kind
from safehold.screening.models import Exchange
from safehold.work import service as work
from tests.screening.exchanges.exchange_source import Memory, Reading

pytestmark = pytest.mark.django_db

NAMES = st.sampled_from([f"e{number}" for number in range(12)])
ACTS = st.one_of(
    st.tuples(st.just("put"), NAMES, st.integers(0, 3)),
    st.tuples(st.just("remove"), NAMES, st.just(0)),
    st.tuples(st.just("step"), st.just(""), st.just(0)),
    st.tuples(st.just("step while it changes"), NAMES, st.integers(0, 3)),
    st.tuples(
        st.just("no answer"), st.sampled_from(list(Outcome)).filter(lambda one: one is not Outcome.OK), st.just(0)
    ),
    st.tuples(st.just("killed"), st.sampled_from(["read", "taken", "committed"]), st.just(0)),
    st.tuples(st.just("wait"), st.just(""), st.integers(1, 13)),
)
numbers = count()


class Killed(BaseException):
    """Stands for the end of the process."""


def act(reading: Reading, what: str, name: str, number: int) -> None:
    source = reading.source
    match what:
        case "put":
            source.put(name, timezone.now(), digest=f"{number:064x}" if number else "")
        case "remove" if f"memory:1:{name}" in source.entries:
            source.put(name, timezone.now(), gone=True)
        case "step":
            reading.step()
        case "step while it changes":
            reading.step()
            source.put(name, timezone.now(), digest=f"{number:064x}" if number else "")
            reading.step()
        case "no answer":
            source.before = lambda _number: Answer(outcome=Outcome(name))
            reading.step()
            source.before = lambda _number: None
        case "killed":
            dies = mock.Mock(side_effect=lambda at: _die() if at == f"exchange.page.{name}" else None)
            with mock.patch.object(work, "boundary", dies), contextlib.suppress(Killed):
                reading.step()
        case "wait":
            window = reading.row.checkpoint.get("window")
            if window and "cursor_at" in window:
                given_at = timezone.now() - timedelta(hours=number)
                stored = {**reading.row.checkpoint, "window": {**window, "cursor_at": given_at.isoformat()}}
                Exchange.objects.filter(pk=reading.slug).update(checkpoint=stored)
    keeping.ask_again(reading.slug, actor="operator:test")


def _die() -> None:
    raise Killed


@pytest.mark.usefixtures("data")
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTS, max_size=25), st.integers(1, 4))
def test_in_the_end_the_list_is_the_source(add: Callable[..., Exchange], acts: list[Any], size: int) -> None:
    slug = f"x{next(numbers)}"
    reading = Reading(add("http://127.0.0.1:8098/hashsharing", slug), Memory(size))
    for number in range(7):
        reading.source.put(f"e{number}", timezone.now() - timedelta(hours=1))
    for what, name, number in acts:
        act(reading, what, name, number)
    for _ in range(2):  # the first may end a window that was opened before the last change
        assert reading.all(300)[-1].kind is Kind.DONE
    wanted = {ref: change.digests["sha256"] for ref, (_at, change) in reading.source.entries.items() if not change.gone}
    rows = reading.row.list.entries.filter(retracted_at=None)
    assert sorted(rows.values_list("ref", "sha256")) == sorted(wanted.items())
