"""docs/integration.md says what is true: its programs run, its shapes decode, its tables are complete."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safehold.hosts import contract, events, keys
from safehold.hosts.contract import HostRefused, ItemStatus, NotFound, Unsupported
from safehold.hosts.webhook import ORDERS, WebhookContact
from safehold.subjects.models import Host
from tests.support.scripted_http import Asked, ScriptedServer, as_json, scripted_server

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "integration.md").read_text()
SECRET = keys.new_webhook_secret()


def block(mark: str) -> str:
    """The fenced block that stands after a mark."""
    found = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found, mark
    return found[1]


def run(mark: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(block(mark), f"integration.md {mark}", "exec"), names)  # noqa: S102
    return names


def types_of(heading: str, until: str) -> set[str]:
    part = TEXT.split(heading, 1)[1].split(until, 1)[0]
    return set(re.findall(r"^\| `([a-z.]+)` \|", part, re.MULTILINE))


@pytest.mark.parametrize("name", ["AccountFacts", "ItemFacts", "Found", "Context"])
def test_shapes_decode_and_name_every_field(name: str) -> None:
    shape = getattr(contract, name)
    text = block(f"shape: {name}")
    msgspec.json.decode(text, type=shape)
    told = json.loads(text)
    assert set(told) == set(shape.__struct_fields__)
    if shape is contract.Context:
        assert set(told["messages"][0]) == set(contract.ContextMessage.__struct_fields__)
        assert set(told["devices"][0]) == set(contract.DeviceUse.__struct_fields__)


def test_the_tables_name_every_message() -> None:
    questions, orders = types_of("### Questions", "### Orders"), types_of("### Orders", "### When you cannot")
    assert questions == {"ping", "find", "account.get", "item.get", "items.of", "item.open", "item.context"}
    assert len(orders) == len(ORDERS)
    desk = (ROOT / "examples" / "microblog" / "from_safehold.py").read_text()
    assert set(re.findall(r'^ {12}"([a-z.]+)": self\.', desk, re.MULTILINE)) == questions | orders
    assert types_of("**Events**", "```") == set(events.TYPES)


def test_every_refusal_of_events_is_listed() -> None:
    part = TEXT.split("**Events**", 1)[1]
    for kind in (events.BadSignature, events.TooOld, events.NoSuchHost, events.Replayed, events.MalformedEvent):
        assert re.search(rf"^\| {kind.status} \|.*`{kind.code}`", part, re.MULTILINE), kind


@pytest.fixture
def line(data: object) -> Iterator[tuple[WebhookContact, ScriptedServer]]:
    program = run("run: host")

    def answer(asked: Asked) -> Any:
        status, body = program["answer"](SECRET, asked.headers, asked.body)
        return as_json(body, status)

    with scripted_server(answer) as server:
        host = Host.objects.create(slug="blog", name="Blog", adapter="webhook", base_url=server.url)
        keys.set_secret(host, "webhook", SECRET, "staff:0000")
        yield WebhookContact(host), server


@pytest.mark.network
@pytest.mark.django_db
def test_the_host_in_one_screen_works(line: tuple[WebhookContact, ScriptedServer]) -> None:
    contact, server = line
    assert contact.ping() == "one-screen 1"
    for _ in range(2):
        contact.hide_item("p81", key="k")
    assert contact.item("p81").status is ItemStatus.HIDDEN
    contact.restore_item("p81", key="k")
    assert contact.item("p81").status is ItemStatus.VISIBLE
    with pytest.raises(NotFound):
        contact.item("p82")
    with pytest.raises(Unsupported):
        contact.purge_item("p81", key="k")
    hide = next(asked for asked in server.asked if b"item.hide" in asked.body)
    assert isinstance(reply := server.answer(hide), tuple)
    assert reply[0] == 409
    keys.set_secret(contact.host, "webhook", keys.new_webhook_secret(), "staff:0000")
    with pytest.raises(HostRefused, match="401"):
        contact.hide_item("p81", key="k")


@pytest.mark.django_db
def test_the_events_program_is_accepted(data: object) -> None:
    host = Host.objects.create(slug="blog", name="Blog", adapter="webhook", base_url="http://blog.test")
    keys.set_secret(host, "webhook", SECRET, "staff:0000")
    headers, body = run("run: event")["signed_event"](SECRET, "evt_1", "item.removed", item_id="p81", by="owner")
    assert events.receive("blog", headers, body.encode()).data == events.ItemRemoved("p81")
