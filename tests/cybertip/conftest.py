"""Fixtures of this room: one simulator for the whole run, without faults at the start of each test."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.cybertip.simulated import PASSWORD, USERNAME, Simulator


@pytest.fixture(scope="session")
def running_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    simulator = Simulator(tmp_path_factory.mktemp("simulator"))
    yield simulator
    assert simulator.stop() == ""  # it never wrote an error


@pytest.fixture
def simulator(running_simulator: Simulator) -> Iterator[Simulator]:
    """The simulator, reachable (needs the mark `network`)."""
    running_simulator.forget_faults()
    yield running_simulator
    running_simulator.forget_faults()


@pytest.fixture
def service_at(simulator: Simulator, settings: Any) -> Simulator:
    """Settings that lead to the simulator."""
    tip = msgspec.structs.replace(
        settings.SAFEHOLD.cybertip, url=simulator.url, username=USERNAME, password=PASSWORD, environment="practice"
    )
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, cybertip=tip)
    return simulator
