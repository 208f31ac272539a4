"""`/metrics`: what is counted, who may read it, and that nobody can be told from it."""

import asyncio
import re
from typing import Any

import msgspec
import pytest
from django.db import connections

from safehold.api import screen
from tests.api.asking import CHECK, RECORD, ask
from tests.screening.test_matching import digest, entry, pdq

pytestmark = pytest.mark.django_db(transaction=True)
PLACE = {"surface": "public_posts", "jurisdiction": "US"}


@pytest.fixture(autouse=True)
def threads_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "close_old_connections", connections.close_all)


def scrape(client: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": "/metrics", "method": "GET", "headers": given, "client": (client, 1)}
    asyncio.run(screen.metrics_app(scope, receive, send))
    return sent[0]["status"], sent[1]["body"].decode()


def figure(name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", scrape()[1], re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_what_is_counted(key: str) -> None:
    row = entry("counted", sha256=digest("sha256"), pdq=pdq())
    names = [
        'safehold_screened_total{kind="hash"}', 'safehold_not_screened_total{reason="low_quality"}',
        'safehold_screening_hits_total{how="sha256",list="counted"}',
        'safehold_screening_refused_total{code="wrong_value"}',
        'safehold_screening_seconds_count{call="check"}',
    ]  # fmt: skip
    before = [figure(name) for name in names]
    ask(CHECK, PLACE | {"items": [{"sha256": row.sha256}, {"sha256": digest("sha256")}]}, key)
    ask(CHECK, PLACE | {"items": [{"pdq": [{"hash": row.pdq, "quality": 3}]}]}, key)
    ask(CHECK, PLACE | {"items": [{"sha256": "x"}]}, key)
    assert [figure(name) - old for name, old in zip(names, before, strict=True)] == [2, 1, 1, 1, 2]
    assert figure("safehold_index_delta") == 1
    assert figure("safehold_screening_ready") == 1
    assert 0 <= figure("safehold_lists_lag_seconds") < 15


def test_neither_ids_nor_hashes_are_told(key: str) -> None:
    row = entry("counted", sha256=digest("sha256"))
    ask(RECORD, PLACE | {"items": [{"sha256": row.sha256, "item_id": "picture-22", "account_id": "user-17"}]}, key)
    text = scrape()[1]
    for secret in (row.sha256, str(row.pk), "picture-22", "user-17", "blog", key):
        assert secret not in text
    assert not re.search(r"(?<![.0-9])[0-9a-f]{16}", text)  # figures have many digits behind their point


def test_who_may_read_it(settings: Any) -> None:
    assert scrape()[0] == 200
    assert scrape("::1")[0] == 200
    assert scrape("192.0.2.7")[0] == 403
    assert scrape("")[0] == 403
    for header in ("x_forwarded_for", "forwarded", "x_real_ip", "via"):
        assert scrape(**{header: "192.0.2.7"})[0] == 403  # a proxy on this machine speaks for somebody else
    with_token = msgspec.structs.replace(settings.SAFEHOLD.screening, metrics_token="placeholder")
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, screening=with_token)
    assert scrape()[0] == 403
    assert scrape("192.0.2.7", authorization="Bearer placeholder")[0] == 200
    assert scrape("192.0.2.7", authorization="Bearer other")[0] == 403
