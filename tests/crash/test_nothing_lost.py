"""Reports are sent while the web process is killed with -9: each is kept and answered, or its sender can tell.

Three fates are allowed: a receipt (then it is in the database), an answer that says what is wrong (then
nothing is), or a line that breaks. Whoever's line broke sends again with the same one-time key and gets
the one receipt of that report, whether or not the first try had been committed.
"""

import os
import time
from collections.abc import Callable, Iterator

import pytest

from safehold.app.serve import wait_until_up, web_command
from tests.crash.senders import ACKNOWLEDGED, ANSWERED, CUT_OFF, Senders, Sent
from tests.crash.stack import Stack
from tests.support import parts

pytestmark = [pytest.mark.crash, pytest.mark.network]

POSTGRES = "postgresql" in os.environ.get("SAFEHOLD_TEST_DATABASE_URL", "")
EACH_ROUND = 10  # receipts between two kills
COMMITTED = "command.receive_report.committed"  # the report is in the database, its sender not yet answered


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    database = parts.scratch_database("safehold_lost") if POSTGRES else parts.no_database()
    with database as url, Stack(tmp_path_factory.mktemp("lost"), url) as running:
        yield running


def test_no_report_is_lost_and_none_is_twice(stack: Stack) -> None:
    member = stack.site.member("user-17")
    post = member.post("placeholder message 1")
    worker = stack.worker("", 0)
    senders = Senders(stack.url, stack.key, post["url"])
    senders.start()
    try:
        for round_number, at in enumerate(["", COMMITTED, "", COMMITTED]):
            enough = senders.count(ACKNOWLEDGED) + EACH_ROUND
            _until(lambda enough=enough: senders.count(ACKNOWLEDGED) >= enough, "more receipts")  # type: ignore[misc]
            _kill(stack)
            if at:
                _start(stack, at, round_number)
                _until(lambda: stack.processes.ended() == "web", "the web process dies after a commit")
            _start(stack)
    finally:
        senders.stop()
    assert senders.problems == []
    try:
        _reconcile(stack, senders)
    finally:
        worker.stop()
    assert worker.kills == 0


def _kill(stack: Stack) -> None:
    child = stack.processes.children["web"]
    child.kill()
    assert child.wait(10) == -9


def _start(stack: Stack, crash_at: str = "", number: int = 0) -> None:
    """The web process again, as a supervisor starts it; it may be about to die at a boundary."""
    env = {**stack.env}
    if crash_at:
        env |= {"SAFEHOLD_CRASH_AT": crash_at, "SAFEHOLD_CRASH_MARK": str(stack.folder / f"web-mark-{number}")}
    command = web_command("127.0.0.1", stack.web_port)
    stack.processes.start("web", command, env, log=str(stack.folder / "web.log"))
    if not crash_at:
        wait_until_up(f"{stack.url}/healthz", stack.processes)


def _reconcile(stack: Stack, senders: Senders) -> None:
    """Every sender's story against the database."""
    sent = list(senders.sent)
    cut = [one for one in sent if one.fate == CUT_OFF]
    refused = [one for one in sent if one.fate == ANSWERED]
    told = [one for one in sent if one.fate == ACKNOWLEDGED]
    assert {one.way for one in told} == {"form", "api"}
    assert len(told) >= 4 * EACH_ROUND, "most were acknowledged"
    assert {one.status for one in refused} == {422}, "the errors were the sender's own: too long"
    before = stack.ask("reports", codes=[one.receipt for one in told])
    assert before["found"] == len(told), "whoever has a receipt has a report"
    assert before["rows"] >= len(told) + 2, "at least the two that were killed between commit and answer are there too"
    assert before["rows"] <= len(told) + len(cut)

    for one in cut:
        _send_again(senders, one)
    kept = [one for one in sent if one.receipt]
    assert len(kept) == len(told) + sum(one.fate == ACKNOWLEDGED for one in cut)
    repeated = [one for one in cut if one.way == "api" and one.status == 200]
    after = stack.ask("reports", codes=[one.receipt for one in kept])
    assert after["rows"] == after["found"] == len(kept) == len({one.receipt for one in kept})
    assert after["rows"] - before["rows"] == len(cut) - (before["rows"] - len(told)) - _too_long(cut)
    assert len(repeated) <= before["rows"] - len(told)

    for one in told[:5]:  # and whoever has a receipt gets the same one again
        first = one.receipt
        senders.send(one)
        assert (one.fate, one.receipt) == (ACKNOWLEDGED, first)
    _until(lambda: stack.ask("reports", codes=[])["jobs_open"] == 0, "the worker did every report's job")
    done = stack.ask("reports", codes=[])
    assert (done["rows"], done["jobs_done"], done["without_job"], done["failed_jobs"]) == (len(kept), len(kept), 0, 0)
    assert done["cases"] == 1, "those that name the item joined one case"
    assert done["in_cases"] == sum(bool(one.fields["links"]) for one in kept)


def _send_again(senders: Senders, one: Sent) -> None:
    """The same form, the same key, twice: one receipt."""
    senders.send(one)
    first = one.receipt
    if len(str(one.fields["reason"])) > 20_000:
        assert (one.fate, one.status) == (ANSWERED, 422)
        return
    assert one.fate == ACKNOWLEDGED, one
    assert first
    status = one.status
    senders.send(one)
    assert (one.fate, one.receipt) == (ACKNOWLEDGED, first)
    one.status = status


def _too_long(rows: list[Sent]) -> int:
    return sum(one.fate == ANSWERED for one in rows)


def _until(look: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, f"not seen in {seconds:.0f} s: {what}"
        time.sleep(0.05)
