"""A decision is confirmed: from the reviewer's press to the suspension that the host, asked again, has confirmed.

The host's own time is measured at its door (`timed_host`) and shown apart: of the order to suspend and of the
question that follows it. What remains is Safehold's: the answer to the press, the commit, the outbox, the
worker, signing, the loopback, the second commit.
"""

import time
from typing import Any

from bench import timed_host
from bench.figures import Result, Row
from bench.stand import Stand
from safehold.app.demo.desk import SUSPENDS, Reviewer
from safehold.app.demo.person import Person

WARM = 1
POLL = 0.002  # seconds between looks at the ledger; a look is one small SELECT
TOTAL, PAGE, HOST, OURS = "confirmed to suspended", "answer to the press", "the host's own time", "Safehold's share"


def run(stand: Stand, runs: int) -> Result:
    """`runs` cases, one after another, each decided through the console's pages."""
    name, password = stand.staff()
    person = Person(stand.url)
    person.sign_in(name, password)
    reviewer = Reviewer(person, name)
    times: dict[str, list[float]] = {kind: [] for kind in (TOTAL, PAGE, HOST, OURS)}
    for number in range(WARM + runs):
        once = _one(stand, reviewer)
        if number >= WARM:
            for kind, took in once.items():
                times[kind].append(took)
    person.close()
    rows = [Row(kind, times[kind], part=kind != TOTAL) for kind in times]
    rows[-1].against = HOST
    notes = ["One case at a time; evidence was preserved before. The ledger is looked at every 2 ms."]
    return Result("suspend", "Decision confirmed to host-confirmed suspension", rows, notes, aim=1.0)


def _one(stand: Stand, reviewer: Reviewer) -> dict[str, float]:
    from safehold.cases.models import CaseSubject
    from safehold.intake.service import NewReport
    from safehold.path import commands

    side = stand.side
    member = side.join(stand.next_handle())
    item = side.post(member, 1)
    commands.receive_report(NewReport(channel="form", once_key=f"bench-{member.id}-{item.id}", locators=(item.link,)))
    stand.quiet()
    subject = CaseSubject.objects.select_related("case").get(account__external_id=member.id)
    reviewer.take(str(subject.case_id))
    decision = reviewer.assess(str(subject.pk), SUSPENDS)

    at, began = time.time(), time.perf_counter()
    reviewer.confirm(decision)
    page = time.perf_counter() - began
    _until_suspended(subject.pk)
    took = time.perf_counter() - began
    until = time.time()

    if side.may_sign_in(member):
        raise RuntimeError("The ledger says suspended, but the account can sign in.")
    calls = timed_host.calls(stand.calls, about=member.id, since=at, until=until)
    host = _own_time(calls)
    reviewer.give_back(str(subject.case_id))
    stand.quiet()
    return {TOTAL: took, PAGE: page, HOST: host, OURS: took - host}


def _until_suspended(subject: Any, seconds: float = 60) -> None:
    from safehold.enforcement.models import Action

    deadline = time.monotonic() + seconds
    while not Action.objects.filter(subject=subject, kind="suspend_account", state="confirmed").exists():
        if time.monotonic() > deadline:
            raise TimeoutError("The suspension was not confirmed; the worker's log is in the bench's folder.")
        time.sleep(POLL)


def _own_time(calls: list[dict[str, Any]]) -> float:
    """What the host spent on the order and on the first question after it."""
    order = next(call for call in calls if call["type"] == "account.suspend")
    asked = next(call for call in calls if call["type"] == "account.get" and call["at"] >= order["at"] + order["took"])
    return float(order["took"] + asked["took"])
