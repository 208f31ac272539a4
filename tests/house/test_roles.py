"""Every address against every role of the design, section 4. Default deny: a new address fails here until it is placed.

Each request is real (real ids, forms that would be taken) and is undone, so that a refusal that comes too
late would show as a changed table.
"""

import json
import logging
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyrage
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction
from django.test import Client, TestCase
from django.urls import URLPattern, get_resolver, reverse

from safehold.api import screen
from safehold.console import routes
from safehold.screening import service as screening
from safehold.staff.service import NEVER, RIGHTS, Right
from tests.house.role_world import KEYS, NOTES, ROLES, STAFF, Caller, Everything, Outcome, attempt, tables, undone

METHODS = ("GET", "POST", "DELETE")
Expected = int | dict[str, int]

# --- the tables: what each address answers to each role; "*" = everybody not named ------------------

PUBLIC: dict[str, dict[str, Expected]] = {
    "public:start": {"GET": 200, "POST": 405},
    "public:language": {"GET": 302, "POST": 405},
    "public:report": {"GET": 200, "POST": 303},
    "public:emergency": {"GET": 200, "POST": 405},
    "public:law-enforcement": {"GET": 200, "POST": 405},
    "public:lookup": {"GET": 200, "POST": {"reporter": 303, "*": 404}},
    "public:receipt": {"GET": {"reporter": 200, "*": 404}, "POST": 405},
    "public:receipt-locators": {"GET": {"reporter": 200, "*": 404}, "POST": 405},
    "public:appeal": {"GET": {"account_holder": 200, "*": 404}, "POST": {"account_holder": 303, "*": 404}},
    "public:removal": {"GET": 200, "POST": 303},
    "public:removal-receipt": {"GET": {"notifier": 200, "*": 404}, "POST": {"notifier": 303, "*": 404}},
    "public:removal-objection": {"GET": {"account_holder": 200, "*": 404}, "POST": {"account_holder": 303, "*": 404}},
    "public:policy-now": {"GET": 302, "POST": 405},
    "public:policy": {"GET": 200, "POST": 405},
    "public:policy-own-now": {"GET": 302, "POST": 405},
    "public:policy-own": {"GET": 200, "POST": 405},
    "public:healthz": {"GET": 200, "POST": 405},
    "public:readyz": {"GET": 200, "POST": 405},
    "transparency:index": {"GET": 200, "POST": 405},
    "transparency:download": {"GET": 200, "POST": 405},
}
_HOSTS = {"host": 201, "other_host": 201, "host_without_scopes": 403, "*": 401}
API: dict[str, dict[str, Expected]] = {
    "api/v1/": {"GET": 404, "POST": 404, "DELETE": 404},
    "api/v1/<path:rest>": {"GET": 404, "POST": 404, "DELETE": 404},
    "api:api-root": {"GET": 404, "POST": 404, "DELETE": 404},  # shadowed by the first
    "api:openapi-json": {"GET": 200, "POST": 200, "DELETE": 200},  # a document, however it is asked for
    "api:report": {"GET": 405, "POST": _HOSTS},
    "api:flag": {"GET": 405, "POST": {"flagger": 201, "authority": 201, "*": 401}},
    "api:status": {
        "GET": {"host": 200, "other_host": 404, "host_without_scopes": 403, "flagger": 404, "authority": 404, "*": 401},
        "POST": 405,
    },
    "api:signup_check": {"GET": 405, "POST": {**_HOSTS, "host": 200, "other_host": 200}},
    "api:event": {"GET": 405, "POST": {"host": 202, "*": 401}},  # signed with the caller's secret, if they have one
    "api:me": {"GET": {**dict.fromkeys(KEYS, 200), "*": 401}, "POST": 405},
}  # fmt: skip
SCREEN: dict[str, Expected] = {
    "/screen/v1/check": {"host": 200, "other_host": 200, "host_without_scopes": 403, "*": 401},
    "/screen/v1/record": {"host": 200, "other_host": 200, "host_without_scopes": 403, "*": 401},
    "/screen/v1/file": {"host": 422, "other_host": 422, "host_without_scopes": 403, "*": 401},  # no surface is named
    "/screen/v1/": 404,
    "/screen/": 404,
}
# The sign-in pages are a library's: open to everybody, or to whoever is signed in.
SIGN_IN_OPEN = {"account_login", "account_inactive", "mfa_login_webauthn", "mfa_authenticate"}
SIGN_IN_OWN = {
    "account_logout", "account_reauthenticate", "account_change_password", "mfa_index", "mfa_reauthenticate",
    "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn", "mfa_reauthenticate_webauthn",
    "mfa_remove_webauthn", "mfa_edit_webauthn",
}  # fmt: skip
CONSOLE: dict[Right, set[str]] = {
    Right.HOME: {"home", "keys"},
    Right.TASKS: {"tasks", "task"},
    Right.ASSESS: {
        "queue", "case", "take", "release", "hide", "unhide", "set-role", "assess", "answers", "question", "decision",
        "confirm", "file-report", "report-preview", "report-fetch", "retry", "removals", "removal", "removal-words",
        "removal-valid", "removal-ask", "removal-refuse", "removal-link", "removal-route", "removal-restore",
        "look-back",
    },
    Right.SEE_EVIDENCE: {
        "reveal", "revealed", "reveal-context", "revealed-context", "veiled", "original", "cover", "granted",
    },
    Right.CUSTODY: {
        "custody", "custody-case", "exposure", "hold", "hold-extend", "legal-hold", "ask-end-hold", "ask-destroy",
        "ask-hand-over", "grant", "grant-end", "request", "request-approve", "request-refuse", "request-withdraw",
        "package",
    },
    Right.RECORD: {"records", "record", "persons", "filings"},
    Right.FILING: {
        "filing", "filing-by-hand", "filing-packet", "filing-sheet", "filing-number", "filing-give-back",
        "filing-again", "filing-told", "authorities", "process-new", "process", "process-answer", "process-refuse",
        "inform", "notice", "notice-sent", "notice-drop", "uk", "uk-find", "uk-matter", "uk-cover", "uk-not-covered",
        "uk-prepare", "uk-export", "uk-sheet", "uk-reference", "uk-give-back", "uk-drop",
    },
    Right.SECOND: {"second-list", "second"},
    Right.OVERRIDE: {"override"},
    Right.APPEALS: {"appeals", "appeal", "appeal-take", "appeal-decide", "appeal-question", "objection"},
    Right.WAIVE: {"waive"},
    Right.POLICY: {
        "policies", "policy-grid", "lists", "list", "list-trust", "list-exact", "list-rule", "proposal",
        "proposal-agree", "proposal-refuse", "proposal-withdraw", "entry-let-go", "entry-retract", "mapping-new",
        "mapping-write", "mapping", "mapping-countersign", "mapping-end", "surfaces", "surface-new", "surface-end",
    },
    Right.AUDIT: {"audit", "audit-refused", "audit-verify"},
    Right.ADMINISTER: {
        "members", "member-new", "member", "member-roles", "member-deactivate", "member-activate", "member-password",
        "member-second-factor", "hosts", "host", "key-issue", "key-revoke",
    },
}  # fmt: skip
OF_AUTHORITY = {
    "authority": "Authority 1", "document": "id 17", "verified": "called back", "reason": "placeholder reason 6",
}  # fmt: skip
# Forms that would be taken, so that a missing check shows as a changed table.
FORMS: dict[str, dict[str, Any]] = {
    "public:report": {"account_name": "user-17", "reason": "placeholder message 7"},
    "public:appeal": {"do": "appeal", "text": "placeholder message 8"},
    "public:removal": {
        "links": "https://memory.test/post-30",
        "depiction": "placeholder description 1",
        "statement": "placeholder statement 2",
        "good_faith": "1",
        "minor": "no",
        "signature": "User 40",
        "email": "user-40@mail.example",
    },
    "public:removal-receipt": {"do": "withdraw"},
    "public:removal-objection": {"text": "placeholder message 9"},
    "console:removal-valid": {"checked": ["signature", "identification", "location", "statement", "contact"]},
    "console:removal-ask": {"missing": ["contact"], "answer": "placeholder answer 1"},
    "console:removal-refuse": {"reason": "consent", "answer": "placeholder answer 2"},
    "console:removal-link": {"link": "https://memory.test/post-31"},
    "console:removal-restore": {"reason": "placeholder reason 18"},
    "console:objection": {"outcome": "grant", "reason": "placeholder reason 19"},
    "console:set-role": {"role": "sharer"},
    "console:question": {"answer": "adult"},
    "console:second": {"agree": "yes", "reason": "placeholder reason 1"},
    "console:override": {"answer": "cse-suspend", "reason": "placeholder reason 5"},
    "console:waive": {"reason": "placeholder reason 2"},
    "console:appeal-question": {"answer": "apparent"},
    "console:appeal-decide": {"outcome": "grant", "reason": "placeholder reason 3"},
    "console:task": {"outcome": "done, id 17"},
    "console:look-back": {"answer": "yes"},
    "console:list-trust": {"reason": "placeholder reason 21"},
    "console:list-exact": {"also": ["md5"], "reason": "placeholder reason 22"},
    "console:list-rule": {"does": "review", "reason": "placeholder reason 23"},
    "console:proposal-refuse": {"reason": "placeholder reason 24"},
    "console:proposal-withdraw": {"reason": "placeholder reason 25"},
    "console:entry-let-go": {"reason": "placeholder reason 26"},
    "console:entry-retract": {"reason": "placeholder reason 27"},
    "console:mapping-new": {"category": "B1", "class_id": "cse", "version": "2024-05"},
    "console:mapping-write": {"category": "B1", "q-minor": "known", "sign": "1", "reason": "placeholder reason 28"},
    "console:mapping-end": {"reason": "placeholder reason 29"},
    "console:surface-new": {
        "host": "memory",
        "name": "private_messages",
        "jurisdiction": "US",
        "basis": "placeholder law 7",
        "review_by": "2099-12-31",
        "reason": "placeholder reason 30",
    },
    "console:surface-end": {"reason": "placeholder reason 31"},
    "console:member-new": {"username": "user-40", "name": "User 40", "roles": ["reviewer"]},
    "console:member-roles": {"roles": ["senior"]},
    "console:member-deactivate": {"reason": "placeholder reason 4"},
    "console:key-issue": {"label": "key 3", "scopes": ["reports"]},
    "console:hold-extend": {"until": "2099-12-31", "reason": "placeholder reason 5"},
    "console:legal-hold": {"authority": "Authority 1", "document": "id 17", "until": "2099-12-31"},
    "console:ask-end-hold": OF_AUTHORITY,
    "console:ask-destroy": OF_AUTHORITY,
    "console:ask-hand-over": {**OF_AUTHORITY, "recipient": str(pyrage.x25519.Identity.generate().to_public())},
    "console:grant": {"member": "", "hours": "4", "reason": "placeholder reason 7"},  # the member: see try_console
    "console:request-refuse": {"reason": "placeholder reason 8"},
    "console:request-withdraw": {"reason": "placeholder reason 9"},
    "console:process-new": {
        "kind": "order",
        "authority": "Authority 2",
        "country": "US",
        "document": "id 18",
        "received_on": "2026-01-02",
        "verified": "called back",
        "asked": "account 18",
    },
    "console:process-answer": {"answer": "package 1, channel 2"},
    "console:process-refuse": {"answer": "placeholder reason 11"},
    "console:inform": {"addressee": "europol", "country": "", "authority": "Europol"},
    "console:notice-sent": {"channel": "portal 1", "proof": "id 19"},
    "console:notice-drop": {"reason": "placeholder reason 12"},
    "console:uk-find": {
        "linked": "yes",
        "because": "placeholder reason 13",
        "priority": "1",
        "priority_because": "placeholder reason 14",
    },
    "console:uk-not-covered": {"reason": "placeholder reason 15"},
    "console:uk-give-back": {"reason": "placeholder reason 16"},
    "console:uk-drop": {"reason": "placeholder reason 17"},
    "console:uk-reference": {"reference": "NCA-18", "again": "NCA-18", "sure": "yes"},
    "console:filing-number": {"number": "4567", "again": "4567", "sure": "yes"},
    "console:filing-give-back": {"reason": "placeholder reason 10"},
    "console:filing-told": {"how": "placeholder channel 1"},
    "account_login": {"login": "senior", "password": "not the password"},
}
BODIES: dict[str, Any] = {
    "api:report": {"once_key": "once-key-of-role-1", "account_id": "user-17"},
    "api:flag": {"once_key": "once-key-of-role-2", "host": "memory", "account_id": "user-17"},
    "api:signup_check": {"emails": ["user-30@mail.example"]},
    "api:event": {"type": "item.removed", "data": {"item_id": "picture-22"}, "timestamp": "2026-11-01T12:00:00Z"},
}


# --- what there is ---------------------------------------------------------------------------------


@cache
def addresses() -> dict[str, list[str]]:
    """{full name of every address of the web process, or its pattern where it has none: its arguments}."""

    def walk(resolver: Any, before: str, space: str, known: list[str]) -> Iterator[tuple[str, list[str]]]:
        for one in resolver.url_patterns:
            arguments = [*known, *one.pattern.converters]
            if isinstance(one, URLPattern):
                yield (f"{space}{one.name}" if one.name else f"{before}{one.pattern}"), arguments
            else:
                inner = space + (f"{one.namespace}:" if one.namespace else "")
                yield from walk(one, f"{before}{one.pattern}", inner, arguments)

    found = list(walk(get_resolver(), "", "", []))
    assert len({name for name, _arguments in found}) == len(found), "two addresses have one name"
    return dict(found)


def console() -> dict[str, Right]:
    return {f"console:{name}": right for right, names in CONSOLE.items() for name in names}


def rights_of(role: str) -> frozenset[Right]:
    """What the tables of `staff` give to a role of the matrix."""
    if role not in STAFF or role == "deactivated":
        return frozenset()
    roles = role.split("_") if role == "administrator_reviewer" else [role]
    held = frozenset[Right]().union(*(RIGHTS[one] for one in roles))
    return held.difference(*(NEVER.get(one, frozenset()) for one in roles))


def expected(table: Expected, role: str) -> int:
    return table if isinstance(table, int) else table.get(role, table["*"])


def test_every_address_is_placed() -> None:
    placed = [*PUBLIC, *API, *SIGN_IN_OPEN, *SIGN_IN_OWN, *console()]
    assert len(placed) == len(set(placed))
    assert set(addresses()) == set(placed), "place the new address in a table of this test: who may, and who may not"


def test_every_address_of_the_console_asks_for_the_right_it_is_placed_under() -> None:
    assert routes.rights() == console()


def test_every_screening_address_is_placed() -> None:
    source = Path(screen.__file__).read_text(encoding="utf-8")
    known = set(re.findall(r'"(/screen/[\w/]+)"', source))
    assert known
    assert known <= set(SCREEN)


# --- everybody at every door -----------------------------------------------------------------------


class Matrix(TestCase):
    """One desk for all; each request is undone."""

    all: Everything

    @classmethod
    def setUpTestData(cls) -> None:
        cls.all = Everything()

    def setUp(self) -> None:
        logging.disable(logging.ERROR)  # two thousand refusals need no line each
        self.addCleanup(logging.disable, logging.NOTSET)

    def try_console(self, caller: Caller, name: str, method: str) -> Outcome:
        wanted = addresses()[name]
        address = reverse(name, kwargs=self.all.arguments(name, wanted))
        form = dict(FORMS.get(name, {}))
        if name == "console:grant":
            form["member"] = self.all.world.members["reviewer-2"].actor
        return attempt(caller, method, address, form if method == "POST" else None)

    def try_public(self, caller: Caller, name: str, method: str) -> Outcome:
        kwargs = {
            "code": caller.code,
            "token": caller.token,
            "version": "2024-05",
            "lang": "en",
            "name": "child-safety",
        }
        if name == "public:language":
            kwargs["code"] = "ar"
        if name.startswith("public:removal"):
            kwargs |= {"code": caller.removal_code, "token": caller.letter_token}
        wanted = {argument: kwargs[argument] for argument in addresses()[name]}
        form = {"code": caller.code} if name == "public:lookup" else FORMS.get(name, {})
        return attempt(caller, method, reverse(name, kwargs=wanted), form if method == "POST" else None)

    def try_api(self, caller: Caller, name: str, method: str) -> Outcome:
        fixed = {"api/v1/": "/api/v1/", "api/v1/<path:rest>": "/api/v1/nothing/here", "api:api-root": "/api/v1/"}
        kwargs = {"receipt": self.all.in_app_receipt} if name == "api:status" else {}
        address = fixed.get(name) or reverse(name, kwargs=kwargs)
        body = BODIES.get(name, {}) if method == "POST" else None
        signed = self.all.signed(caller, body) if name == "api:event" and method == "POST" else {}
        return attempt(caller, method, address, body, **signed)

    def test_console(self) -> None:
        wrong, before = [], tables()
        for role in ROLES:
            caller, held = self.all.caller(role), rights_of(role)
            inside = role in STAFF and role != "deactivated"
            for name, right in console().items():
                own = routes.methods()[name]
                for method in (*own, next(m for m in METHODS if m not in own)) if inside else own:
                    got = self.try_console(caller, name, method)
                    if not inside:
                        fine = got.to_sign_in and not got.changed
                    elif right not in held:
                        fine = got.status == 403 and got.refused and not got.changed
                    elif method not in own:
                        fine = got.status == 405 and not got.changed
                    else:
                        fine = got.status not in (401, 405, 500) and not got.refused and not got.to_sign_in
                    if not fine:
                        wrong.append((role, name, method, got.status, sorted(got.changed)))
        assert not wrong
        assert tables() == before

    def test_the_forms_would_have_been_taken(self) -> None:
        """Else a refusal would prove nothing. Each form changes something in the hands of who may send it."""
        senders = {Right.APPEALS: "senior", Right.SECOND: "senior", Right.OVERRIDE: "senior",
                   Right.WAIVE: "custodian", Right.CUSTODY: "custodian", Right.FILING: "custodian",
                   Right.AUDIT: "auditor", Right.ADMINISTER: "administrator", Right.POLICY: "policy_owner"}  # fmt: skip
        idle = []
        for name, right in console().items():
            if "POST" in routes.methods()[name]:
                got = self.try_console(self.all.caller(senders.get(right, "reviewer")), name, "POST")
                if not got.changed or got.status >= 400:
                    idle.append((name, got.status, sorted(got.wrote)))
        # One reads the chain, the other leads to the form that signs: they change nothing.
        assert {row[0] for row in idle} == {"console:audit-verify", "console:mapping-new"}, idle

    def test_public_pages(self) -> None:
        wrong, before = [], tables()
        for role in ROLES:
            caller = self.all.caller(role)
            for name, table in PUBLIC.items():
                for method in METHODS:
                    wanted = expected(table.get(method, 405), role)
                    got = self.try_public(caller, name, method)
                    if got.status != wanted or (wanted >= 400 and got.changed):
                        wrong.append((role, name, method, wanted, got.status, sorted(got.changed)))
        assert not wrong
        assert tables() == before

    def test_api(self) -> None:
        """A staff session opens no operation: the API knows keys alone."""
        wrong, before = [], tables()
        for role in ROLES:
            caller = self.all.caller(role)
            for name, table in API.items():
                for method in METHODS:
                    wanted = expected(table.get(method, 405), role)
                    got = self.try_api(caller, name, method)
                    if got.status != wanted or (wanted >= 400 and got.changed):
                        wrong.append((role, name, method, wanted, got.status, sorted(got.changed)))
        assert not wrong
        assert tables() == before

    def test_screening(self) -> None:
        with transaction.atomic():
            screening.add_entry(
                "test-list",
                "0" * 64,
                source="tests",
                category="A1",
                purpose="prevent-exploitation",
                licence="own",
                actor="system:test",
            )
        wrong, before = [], tables()
        for role in ROLES:
            caller = self.all.caller(role)
            for path, table in SCREEN.items():
                for method in ("POST", "GET"):
                    wanted = 405 if method == "GET" and table != 404 else expected(table, role)
                    status, wrote = _ask(caller, method, path)
                    if status != wanted or (wanted >= 400 and wrote - NOTES):
                        wrong.append((role, path, method, wanted, status, sorted(wrote)))
        assert not wrong
        assert tables() == before

    def test_sign_in_pages(self) -> None:
        wrong = []
        for role in ROLES:
            caller = self.all.caller(role)
            inside = role in STAFF and role != "deactivated"
            for name in SIGN_IN_OPEN | SIGN_IN_OWN:
                kwargs = {"pk": self.all.key_of_another.pk} if "pk" in addresses()[name] else {}
                for method in ("GET", "POST"):
                    body = FORMS.get(name, {}) if method == "POST" else None
                    got = attempt(caller, method, reverse(name, kwargs=kwargs), body)
                    if name in SIGN_IN_OWN and not inside:
                        fine = got.status == 302 and not got.changed
                    elif kwargs:  # somebody else's security key: as if it were not there, or after the password
                        fine = (got.status == 404 or "/reauthenticate/" in got.location) and not got.changed
                    else:
                        fine = got.status in (200, 302, 404, 405, 429)  # 429: the library slows guessing
                    if not fine or any(table.startswith("staff_") for table in got.changed):
                        wrong.append((role, name, method, got.status, got.location, sorted(got.changed)))
        assert not wrong

    def test_a_file_is_refused_at_every_address(self) -> None:
        """Invariant 2: 415 before the body is read, whoever sends it and wherever."""
        client = Client(raise_request_exception=False)
        for name, wanted in addresses().items():
            if name in API and not name.startswith("api:"):
                continue
            address = _any_address(self.all, name, wanted)
            answer = client.generic("POST", address, b"--x", content_type="multipart/form-data; boundary=x")
            assert answer.status_code == 415, name

    def test_evidence_opens_for_the_holder_of_the_lease_alone(self) -> None:
        """The right alone is not enough: the case must be held, on this device, and the item revealed."""
        for role in STAFF:
            for name in ("console:veiled", "console:original", "console:revealed"):
                got = self.try_console(self.all.caller(role), name, "GET")
                may = role == "reviewer" and name == "console:veiled"
                assert (got.status == 200) == may, (role, name, got.status)
                assert may or b"PNG" not in got.body[:8]
        elsewhere = Client(raise_request_exception=False)
        elsewhere.force_login(self.all.members["reviewer"])
        second_device = Caller("reviewer", elsewhere)
        assert self.try_console(second_device, "console:veiled", "GET").status == 409
        assert self.try_console(second_device, "console:reveal", "POST").status == 409

    def test_a_partner_sees_its_own_reports_and_no_others(self) -> None:
        flagger, authority = self.all.caller("flagger"), self.all.caller("authority")
        with undone():
            answer = flagger.client.generic(
                "POST",
                "/api/v1/flags",
                json.dumps(BODIES["api:flag"]),
                content_type="application/json",
                headers=flagger.headers,
            )
            assert answer.status_code == 201
            address = f"/api/v1/reports/{answer.json()['receipt']}"
            assert attempt(flagger, "GET", address).status == 200
            for role in ("authority", "host", "other_host"):
                assert attempt(self.all.caller(role), "GET", address).status == 404
            assert attempt(self.all.caller("anonymous"), "GET", address).status == 401
        assert attempt(authority, "GET", f"/api/v1/reports/{self.all.receipt}").status == 404

    def test_a_revoked_key_and_a_disabled_host_open_nothing(self) -> None:
        from safehold.hosts import keys

        caller = self.all.caller("host")
        with undone():
            keys.revoke_key(self.all.key.pk, "system:test")
            assert attempt(caller, "GET", "/api/v1/me").status == 401
            assert attempt(caller, "POST", "/api/v1/reports", BODIES["api:report"]).status == 401
        with undone():
            self.all.world.host.enabled = False
            self.all.world.host.save()
            assert attempt(caller, "GET", "/api/v1/me").status == 401


def _any_address(everything: Everything, name: str, wanted: list[str]) -> str:
    if name.startswith("console:"):
        return reverse(name, kwargs=everything.arguments(name, wanted))
    values = {"pk": 1, "version": "2024-05", "lang": "en"}
    return reverse(name, kwargs={argument: values.get(argument, "x") for argument in wanted})


def _ask(caller: Caller, method: str, path: str) -> tuple[int, set[str]]:
    """The raw ASGI path, its database work on this thread's connection, undone."""
    item = {"sha256": "0" * 64, "item_id": "picture-22", "account_id": "user-22"}
    raw = json.dumps({"items": [item], "surface": "public_posts", "jurisdiction": "US"}).encode()
    headers = [(b"content-type", b"application/json")]
    headers += [(name.encode(), value.encode()) for name, value in caller.headers.items()]
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in caller.client.cookies.items())
    headers += [(b"cookie", cookie.encode())] if cookie else []
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    with pytest.MonkeyPatch.context() as patch, undone() as wrote:
        patch.setattr(screen, "_in_thread", lambda work: sync_to_async(work)())
        async_to_sync(screen.app)(scope, receive, send)
    return sent[0]["status"], wrote
