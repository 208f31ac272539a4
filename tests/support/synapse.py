"""A real Matrix homeserver for the tests marked `matrix`: one for the session, started when first asked for.

A test module imports the fixtures that it takes: `synapse`, `member`. `missing()` says why there is none.
Its environment is kept between runs (see `examples/matrix/homeserver.py`), or lies where
SAFEHOLD_SYNAPSE_ENV says. Where it is not installed such tests are left out; with REQUIRE=all it is
installed, and a failure of that is theirs.
"""

import functools
import io
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from examples.matrix.client import Client
from examples.matrix.homeserver import (
    Homeserver,
    HomeserverError,
    default_env_dir,
    ensure_synapse,
    installed,
    start,
)


@functools.cache
def missing() -> str:
    """Why Synapse cannot be used, or the empty string. Installs it with REQUIRE=all."""
    env_dir = default_env_dir()
    if installed(env_dir):
        return ""
    if os.environ.get("REQUIRE") != "all":
        return "Synapse is not installed; run: python examples/matrix/homeserver.py --install"
    try:
        ensure_synapse(env_dir, quiet=True)
    except (HomeserverError, OSError) as problem:
        return f"Synapse could not be installed into {env_dir}: {problem}"
    return ""


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    """The running homeserver."""
    if reason := missing():
        (pytest.fail if os.environ.get("REQUIRE") == "all" else pytest.skip)(reason)
    with start(Path(tmp_path_factory.mktemp("synapse"))) as server:
        yield server


@pytest.fixture
def member(synapse: Homeserver) -> Iterator[object]:
    """Makes members: `member("user-17")` registers one under a name that no other test has."""
    made: list[Client] = []

    def make(name: str) -> Client:
        client = Client(synapse.base_url)
        made.append(client)
        client.register(f"{name}-{secrets.token_hex(4)}", PASSWORD)
        return client

    yield make
    for client in made:
        client.close()


PASSWORD = "placeholder password 1"


def gradient(width: int = 96, height: int = 64) -> bytes:
    """A PNG of a gradient; two calls never give the same bytes."""
    picture = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    picture.putpixel((0, 0), tuple(secrets.token_bytes(3)))
    picture.putpixel((1, 0), tuple(secrets.token_bytes(3)))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
