"""What every test has: a data folder of its own, no sockets, and the database the run asked for."""

import os
from pathlib import Path

import pytest
import pytest_socket
from django.test import TransactionTestCase


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the second run, on another database, only what asks for one: the rest would test the same once more."""
    if os.environ.get("SAFEHOLD_TEST_ONLY_DATABASE") != "1":
        return
    kept = [item for item in items if _asks_for_a_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def _asks_for_a_database(item: pytest.Item) -> bool:
    """By Django's marks and fixtures, or by the mark `databases`, for what makes databases of its own."""
    case = getattr(item, "cls", None)
    fixtures = {"db", "transactional_db", "django_db_setup"} & set(getattr(item, "fixturenames", ()))
    marked = any(item.get_closest_marker(name) for name in ("django_db", "databases", "postgres"))
    return bool(marked or fixtures or (case is not None and issubclass(case, TransactionTestCase)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Sockets are off, but for the database's; tests marked `network` may reach loopback."""
    if item.get_closest_marker("network"):
        pytest_socket.socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)
    elif "postgresql" in os.environ["SAFEHOLD_DATABASE_URL"]:
        pytest_socket.socket_allow_hosts(["127.0.0.1", "localhost"], allow_unix_socket=True)
    else:
        pytest_socket.disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown() -> None:
    pytest_socket.enable_socket()
    pytest_socket._remove_restrictions()


@pytest.fixture
def data(tmp_path: Path, settings: object) -> Path:
    """An empty data folder of the test's own, in place of the run's."""
    import msgspec

    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, data=tmp_path)  # type: ignore[attr-defined]
    return tmp_path


@pytest.fixture
def vault(db: None, data: Path) -> Path:
    """Keys of every room, made in the test's own data folder."""
    from safehold.app.setup import setup_keys

    setup_keys()
    return data


@pytest.fixture
def no_filing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service that takes filings cannot be reached: a filing waits, and the path stands there."""
    from safehold.cybertip import service as cybertip
    from safehold.cybertip.progress import later

    monkeypatch.setattr(cybertip, "advance", lambda *_args, **_kwargs: later(3600))
