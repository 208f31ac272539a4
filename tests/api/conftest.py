"""Two hosts with keys, a partner, and a caller that reads JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import signals
from django.db import close_old_connections
from django.test import Client

from safehold.hosts import keys
from safehold.hosts.models import Scope
from safehold.subjects.models import Host

SCOPES = [scope.value for scope in Scope]


@pytest.fixture(autouse=True)
def connection_stays() -> Iterator[None]:
    """A request that comes through WSGI itself must not close the test's own transaction; Client does the same."""
    around = (signals.request_started, signals.request_finished)
    for signal in around:
        signal.disconnect(close_old_connections)
    yield
    for signal in around:
        signal.connect(close_old_connections)


@pytest.fixture
def blog(data: Path) -> Host:
    return Host.objects.create(
        slug="blog", name="Blog", adapter="webhook", base_url="http://127.0.0.1:1", origins=["https://blog.example"]
    )


@pytest.fixture
def other(data: Path) -> Host:
    return Host.objects.create(slug="other", name="Other", adapter="webhook", base_url="http://127.0.0.1:2")


@pytest.fixture
def key(blog: Host) -> str:
    return keys.issue_key(blog, SCOPES, "staff:1")[1]


@pytest.fixture
def other_key(other: Host) -> str:
    return keys.issue_key(other, SCOPES, "staff:1")[1]


class Caller:
    """Calls the API as somebody with a key."""

    def __init__(self) -> None:
        self.client = Client()

    def __call__(
        self, method: str, path: str, body: Any = None, *, key: str = "", kind: str = "application/json", **headers: str
    ) -> Any:
        """The response; a body that is not bytes is sent as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["authorization"] = f"Bearer {key}"
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(method, f"/api/v1{path}", raw, content_type=kind, headers=sent)


@pytest.fixture
def call() -> Caller:
    return Caller()
