"""What the tests of the public pages share: a browser without scripts, a host in memory, letters."""

import re
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.test import Client

from safehold.cases.models import Case, Decision
from safehold.notices import service as notices
from safehold.notices.models import Statement
from safehold.path import commands, statements
from tests.support import desk, memory_host
from tests.support.jobs import run_due

FORM = "application/x-www-form-urlencoded"
DECIDER, AGREEING = desk.FIRST, desk.SECOND


def browser(**settings: Any) -> Client:
    """A client as strict as a browser: it carries no CSRF token unless a page gave it one."""
    return Client(enforce_csrf_checks=True, SERVER_NAME="localhost", **settings)


def post(client: Client, path: str, fields: dict[str, str], **headers: Any) -> HttpResponse:
    """Send a form as a browser without scripts does."""
    return client.post(path, urlencode(fields), content_type=FORM, **headers)  # type: ignore[return-value]


def hidden(page: HttpResponse, name: str) -> str:
    """The value of a hidden field in a page."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page.content.decode())
    assert found, f"the page has no hidden field {name}"
    return found[1]


def send(client: Client, **fields: str) -> HttpResponse:
    """Open the report form and send it with these fields."""
    return post(client, "/report", {"key": hidden(client.get("/report"), "key"), **fields})  # type: ignore[arg-type]


def code_of(response: HttpResponse) -> str:
    """The receipt code that a report was answered with."""
    assert response.status_code == 303, response.content.decode()[:2000]
    return response["Location"].removeprefix("/r/")


def world_with(*accounts: str) -> memory_host.World:
    """A host in memory whose accounts have one item each, `p-<account>`."""
    _host, world = memory_host.make()
    for name in accounts:
        world.add_account(name)
        world.add_item(f"p-{name}", name, body=b"bytes of a test")
    return world


def decided(account: str, answers: dict[str, Any], *, number: int = 1) -> Decision:
    """A confirmed decision about the account's item; a second person agrees where one is needed."""
    before = set(Case.objects.values_list("pk", flat=True))
    desk.report(account_name=account, locators=(f"https://memory.test/p-{account}",), number=number)
    decision = desk.decide(Case.objects.exclude(pk__in=before).get(), answers)
    if decision.state == Decision.State.HELD:
        decision = commands.second_opinion(decision.pk, agree=True, reason="Looked at it too.", actor=AGREEING)
        run_due()
    decision.refresh_from_db()
    return decision


def letter(decision: Decision) -> tuple[Statement, str]:
    """The statement of reasons of a decision, and the token that opens it."""
    statements.send_statement(str(decision.pk))
    statement = Statement.objects.get(decision=str(decision.pk))
    return statement, notices.token_of(statement)
