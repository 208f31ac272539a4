"""What must be refused or taken with grace, each with a clear answer and nothing half-done."""

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2
from standardwebhooks import Webhook

from safehold.app.demo.person import Person
from safehold.app.demo.steps import ensure, until
from safehold.app.demo.walk import World, report_by_form


def walk(world: World, *, key: str, secret: str) -> None:
    """Try each. `key` and `secret` are the host's."""
    from safehold.intake.models import Report
    from safehold.work.models import Job

    def counts() -> tuple[int, int]:
        return Report.objects.count(), Job.objects.count()

    steps = world.steps
    api = httpx2.Client(base_url=world.url, timeout=30, trust_env=False, headers={"Authorization": f"Bearer {key}"})
    _unresolved(world)
    with steps.step("a file is refused with 415 before its body is read", "S55 S56"):
        before = counts()
        answer = httpx2.post(f"{world.url}/report", files={"file": ("gradient.png", b"x" * 4096)}, trust_env=False)
        ensure(answer.status_code == 415, f"415, not {answer.status_code}")
        ensure(counts() == before, "nothing was stored")
    with steps.step("1 MB of text is refused with its limit", "S54"):
        _nothing_stored(
            counts,
            lambda: api.post("/api/v1/reports", json={"once_key": secrets.token_hex(8), "reason": "x" * 1_000_000}),
            {413, 422},
        )
    with steps.step("wrong types are refused with the field's name"):
        answer = _nothing_stored(
            counts, lambda: api.post("/api/v1/reports", json={"once_key": 7, "links": "no list"}), {422}
        )
        ensure("once_key" in answer.text, "the field is named")
    if world.side.adapter == "webhook":
        _signatures(world, secret)
    _sessions(world)


def _unresolved(world: World) -> None:
    with world.steps.step("unknown account, dead link: accepted, marked unresolved, the reporter told", "S52"):
        page, _code = report_by_form(world, account="nobody-99", links=[world.side.dead_link])

        def told() -> bool:
            return "not be found" in Person(world.url).open(page.url).text.lower().replace("not found", "not be found")

        until(told, "the receipt says that nothing was found there")
    with world.steps.step("an off-platform link: not ingested, the right hotline shown", "S62 S63"):
        page, _code = report_by_form(world, account="", links=["https://elsewhere.example/page-1"], country="DE")
        seen = until(lambda: "1-800-843-5678" in Person(world.url).open(page.url).text, "NCMEC's number is shown")
        ensure(seen, "the hotline router answers")
        from safehold.intake.models import Locator

        ensure(not Locator.objects.filter(raw__contains="elsewhere.example").exists(), "the link was not ingested")


def _nothing_stored(
    counts: Callable[[], tuple[int, int]], call: Callable[[], httpx2.Response], statuses: set[int]
) -> httpx2.Response:
    before = counts()
    answer = call()
    ensure(answer.status_code in statuses, f"one of {sorted(statuses)}, not {answer.status_code}: {answer.text[:200]}")
    ensure(counts() == before, "nothing was stored")
    return answer


def _signatures(world: World, secret: str) -> None:
    body = json.dumps({"type": "account.changed", "data": {"account_id": "1"}})
    now = datetime.now(UTC)

    def send(signature: str, message_id: str, at: datetime) -> httpx2.Response:
        headers = {
            "webhook-id": message_id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature,
            "safehold-host": world.side.slug, "content-type": "application/json",
        }  # fmt: skip
        return httpx2.post(f"{world.url}/api/v1/events", content=body, headers=headers, timeout=15, trust_env=False)

    with world.steps.step("a forged webhook signature is refused"):
        ensure(send("v1,Zm9yZ2Vk", "msg_forged", now).status_code == 401, "401")
    with world.steps.step("a replayed webhook is refused"):
        message_id = f"msg_{secrets.token_hex(8)}"
        signature = Webhook(secret).sign(message_id, now, body)
        first, second = send(signature, message_id, now), send(signature, message_id, now)
        ensure(first.status_code == 202, f"the first is taken, not {first.status_code}: {first.text[:200]}")
        ensure(second.status_code == 409, f"the replay is refused, not {second.status_code}")


def _sessions(world: World) -> None:
    from safehold.cases.models import Case
    from safehold.notices import service as notices
    from safehold.notices.models import Statement

    with world.steps.step("an expired appeal token answers 410", "DSA Art. 20"):
        statement = Statement.objects.order_by("-made_at").first()
        ensure(statement, "there is a statement")
        if statement is not None:
            until_then = statement.appeal_until
            Statement.objects.filter(pk=statement.pk).update(appeal_until=until_then - timedelta(days=400))
            try:
                page = Person(world.url).open(f"/appeal/{notices.token_of(statement)}")
                ensure(page.status == 410, f"410, not {page.status}")
            finally:
                Statement.objects.filter(pk=statement.pk).update(appeal_until=until_then)
    with world.steps.step("a second device of the same person cannot use the lease"):
        case = Case.objects.order_by("-number").first()
        ensure(case, "there is a case")
        one, other = Person(world.url), Person(world.url)
        for browser in (one, other):
            browser.sign_in(world.first.username, world.first_password)
        address = f"/console/cases/{case.pk}/"  # type: ignore[union-attr]
        taken = one.send(one.open(address), "/take")
        ensure(taken.status == 200, f"the first device takes it, not {taken.status}")
        token = other.client.cookies.get("csrftoken") or ""
        answer = other.client.post(f"{address}take", headers={"X-CSRFToken": token, "Referer": world.url + address})
        ensure(answer.status_code == 409, f"the second is refused with 409, not {answer.status_code}")
        one.send(one.open(address), "/release")
