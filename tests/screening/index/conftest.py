"""Both ways to scan, for every test that asks for `scan`."""

import pytest

from safehold.screening.index import accelerate


@pytest.fixture(params=["numba", "numpy"])
def scan(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test runs once compiled and once in NumPy alone."""
    if request.param == "numpy":
        monkeypatch.setattr(accelerate, "kernels", lambda: None)
    else:
        pytest.importorskip("numba")
        assert accelerate.kernels() is not None
    return request.param
