"""Which real parts are at hand: PostgreSQL, a browser, a Matrix homeserver. Looked up, never assumed."""

import contextlib
import functools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

CANDIDATES = (
    "postgresql:///postgres",  # the socket, as the user who runs the tests
    "postgresql://postgres@127.0.0.1:5432/postgres",
)


def missing(part: str) -> str:
    """Why a part cannot be used, or the empty string."""
    if part == "postgres":
        return "" if postgres() else "no PostgreSQL server answers; set SAFEHOLD_TEST_POSTGRES to its address"
    if part == "browser":
        return "" if chromium() else "no Chromium; install the package chromium"
    if part == "matrix":
        from tests.support import synapse

        return synapse.missing()
    return ""


@functools.cache
def postgres() -> str | None:
    """Address of a server on which test databases can be made, or None."""
    import psycopg

    given = os.environ.get("SAFEHOLD_TEST_POSTGRES")
    for url in [given] if given else CANDIDATES:
        try:
            with psycopg.connect(url, connect_timeout=3) as line:
                asked = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
                row = line.execute(asked).fetchone()
            if row and row[0]:
                return url
        except psycopg.Error:
            continue
    return None


@functools.cache
def chromium() -> str | None:
    """Path of a Chromium-like browser, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    given = os.environ.get("SAFEHOLD_CHROMIUM")
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    return given or found or (str(mac) if mac.exists() else None)


@contextlib.contextmanager
def no_database() -> Iterator[str]:
    """The embedded default: a file in the data folder."""
    yield ""


@contextlib.contextmanager
def scratch_database(name: str) -> Iterator[str]:
    """An empty PostgreSQL database of that name, dropped afterwards. Gives its address."""
    import psycopg

    server = postgres()
    assert server is not None, missing("postgres")
    with psycopg.connect(server, autocommit=True) as line:
        line.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        line.execute(f'CREATE DATABASE "{name}"')
    try:
        yield server.rsplit("/", 1)[0] + f"/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as line:
            line.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
