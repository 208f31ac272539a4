"""The worker is killed with -9 at each step boundary and restarted: every effect is there exactly once.

Runs on the database of the run. A pairwise selection is the default, the whole matrix is slow.
"""

import os
from collections.abc import Iterator

import pytest

from tests.crash.stack import Stack
from tests.support import parts

pytestmark = [pytest.mark.crash, pytest.mark.network]

BOUNDARIES = [
    "relay.claimed",
    "report.resolve.settled",
    "item.preserve.sealed",
    "action.hide_item.before",
    "action.hide_item.sent",
    "action.hide_item.seen",
    "action.hide_item.confirmed",
    "action.suspend_account.before",
    "action.suspend_account.sent",
    "action.suspend_account.seen",
    "action.suspend_account.confirmed",
    "action.ban_person.before",
    "action.ban_person.confirmed",
    "filing.drafted",
    "filing.submit.before",
    "filing.submit.sent",
    "filing.submit.stored",
    "filing.upload.before",
    "filing.upload.sent",
    "filing.upload.stored",
    "filing.fileinfo.before",
    "filing.fileinfo.sent",
    "filing.fileinfo.stored",
    "filing.finish.before",
    "filing.finish.sent",
    "filing.finish.stored",
    "statement.delivered",
    "action.purge_item.before",
    "action.purge_item.sent",
    "action.purge_item.seen",
    "item.preserve.begin",
    "item.context.thread",
    "item.preserve.context",
    "filing.file.returned",
]
# Where a removal (47 USC 223a) is killed: it shares the boundaries of hiding with a case.
REMOVAL = [
    "removal.resolve.settled",
    "action.hide_item.before",
    "action.hide_item.sent",
    "action.hide_item.seen",
    "action.hide_item.confirmed",
    "removal.hash.read",
    "removal.hash.kept",
    "removal.told",
    "removal.holder_told",
]
REMOVAL_ON_SQLITE, REMOVAL_ON_POSTGRES = {"removal.resolve.settled", "removal.hash.read"}, {"action.hide_item.sent"}
# What the two databases run by default: together they cover every kind of boundary (before, sent, stored)
# of every kind of step (host, register of persons, filing), and each half covers every kind of boundary.
ON_SQLITE = {
    "item.preserve.sealed",
    "item.context.thread",
    "action.suspend_account.sent",
    "filing.submit.sent",
    "filing.upload.sent",
    "filing.finish.sent",
    "relay.claimed",
}
ON_POSTGRES = {
    "item.preserve.context",
    "action.hide_item.seen",
    "action.ban_person.before",
    "filing.submit.stored",
    "filing.fileinfo.sent",
    "filing.finish.stored",
    "statement.delivered",
}

# What the service does wrong at the same time (all of its faults: tests/cybertip/test_crash.py).
FAULTS = [("upload", "bad_md5"), ("fileinfo", "drop_after"), ("finish", "drop_after"), ("finish", "half_xml")]
POSTGRES = "postgresql" in os.environ.get("SAFEHOLD_TEST_DATABASE_URL", "")
SELECTED = ON_POSTGRES if POSTGRES else ON_SQLITE
REMOVAL_SELECTED = REMOVAL_ON_POSTGRES if POSTGRES else REMOVAL_ON_SQLITE


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    database = parts.scratch_database("safehold_crash") if POSTGRES else parts.no_database()
    with database as url, Stack(tmp_path_factory.mktemp("crash"), url) as running:
        yield running


@pytest.mark.parametrize(
    "boundary", [pytest.param(name, marks=() if name in SELECTED else pytest.mark.slow) for name in BOUNDARIES]
)
def test_killed_at(stack: Stack, boundary: str) -> None:
    _killed_at(stack, boundary, f"user-{100 + BOUNDARIES.index(boundary)}")


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids="-".join)
@pytest.mark.parametrize("boundary", [name for name in BOUNDARIES if name.startswith("filing.")])
def test_killed_at_while_the_service_fails_too(stack: Stack, boundary: str, fault: tuple[str, str]) -> None:
    number = 1000 + 100 * FAULTS.index(fault) + BOUNDARIES.index(boundary)
    stack.fault(*fault)
    _killed_at(stack, boundary, f"user-{number}")


def _killed_at(stack: Stack, boundary: str, account: str) -> None:
    number = len(list(stack.folder.glob("mark-*")))
    filed_before = set(stack.finished_reports())
    member = stack.site.member(account)
    post = member.post(f"placeholder message {number}", _picture(number))
    worker = stack.worker(boundary, number)
    try:
        case = stack.ask("case", link=post["url"], account=member.account_id)
        state = stack.until_settled(case["decision"])
    finally:
        worker.stop()
    assert worker.kills == 1, f"the worker was to be killed once at {boundary}"
    assert dict(state["actions"]) == {
        "ban_person": "confirmed", "hide_item": "confirmed", "purge_item": "confirmed", "suspend_account": "confirmed",
    }  # fmt: skip
    assert len(state["actions"]) == 4
    assert [row[0] for row in state["filings"]] in (["finished"], ["recovered"])
    assert set(stack.finished_reports()) - filed_before == {state["filings"][0][1]}, "one finished report, ours"
    once = ("holds", "statements", "bans", "strikes", "bodies", "contexts", "threads", "cases")
    assert {name: state[name] for name in once} == dict.fromkeys(once, 1)
    assert state["differences"] == [], "our count equals the receipts"
    assert state["open_duties"] == 0
    assert state["failed_jobs"] == 0
    assert member.see(post["post_id"]) == 404
    assert member.sign_in().status_code == 403


@pytest.mark.parametrize(
    "boundary", [pytest.param(name, marks=() if name in REMOVAL_SELECTED else pytest.mark.slow) for name in REMOVAL]
)
def test_a_removal_killed_at(stack: Stack, boundary: str) -> None:
    """From the place that a request names to hidden, hashed and told: each exactly once."""
    number = len(list(stack.folder.glob("mark-*")))
    member = stack.site.member(f"user-{5000 + REMOVAL.index(boundary)}")
    post = member.post(f"placeholder message {number}", _picture(number))
    worker = stack.worker(boundary, number)
    try:
        removal = stack.ask("removal", link=post["url"])["removal"]
        state = stack.until_at_rest("removal_state", removal=removal)
    finally:
        worker.stop()
    assert worker.kills == 1, f"the worker was to be killed once at {boundary}"
    assert state["state"] == "removed"
    assert state["actions"] == [["hide_item", "confirmed"]]
    once = ("items", "entries", "answers", "told")
    assert {name: state[name] for name in once} == dict.fromkeys(once, 1)
    assert state["failed_jobs"] == 0
    assert member.see(post["post_id"]) == 404


def _picture(number: int) -> bytes:
    from safehold.app.demo.sides import gradient

    return gradient(number + 50, size=48)
