"""Fixtures of exchanges: a simulator of the run, and an exchange that leads to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from safehold.screening.exchanges import keeping
from safehold.screening.models import Exchange
from tests.screening.exchanges.exchange_simulator import PASSWORD, USERNAME, Simulator

ACTOR = "operator:test"


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[Simulator]:
    found = Simulator("--page-size", "10")
    yield found
    assert found.stop() == ""  # it never wrote an error


@pytest.fixture
def simulator(running_simulator: Simulator) -> Simulator:
    """The simulator, empty and without faults, with pages of ten (needs the mark `network`)."""
    running_simulator.ask("DELETE", "/faults")
    running_simulator.ask("DELETE", "/entries")
    return running_simulator


@pytest.fixture
def add(data: Any) -> Callable[..., Exchange]:
    """Adds an exchange that leads to a simulator or another address."""

    def added(url: str, slug: str = "ncmec", **more: Any) -> Exchange:
        given = {
            "list_slug": slug,
            "username": USERNAME,
            "password": PASSWORD,
            "licence": "agreement 7",
            "actor": ACTOR,
        }
        return keeping.add(slug, url=url, **{**given, **more})

    return added
