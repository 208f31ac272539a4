"""Two steps of one case end at the same moment, in two threads: the path still goes on.

Each must see what the other did, or neither makes the next step due and nothing ever is (design: invariant 13).
On PostgreSQL alone: SQLite has one writer at a time.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from safehold.cases.models import Case, CaseItem, CaseSubject
from safehold.enforcement.models import Action
from safehold.path import actions, arrivals, commands, order
from safehold.work.models import Job
from tests.support import desk, memory_host
from tests.support.jobs import run_due

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("vault", "no_filing")]

WHO = {"actor": desk.FIRST, "device": desk.DEVICE}


@pytest.fixture
def case() -> Case:
    """A case under lease, its item not preserved yet."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    _host, world = memory_host.make()
    world.add_account("user-17", phones=("+12025550117",))
    world.add_item("p1", "user-17", body=b"bytes of a test")
    desk.report(account_name="user-17", locators=("https://memory.test/p1",))
    CaseItem.objects.update(preserve_state=CaseItem.Preserve.DUE, body=None, facts=None, preserved_at=None)
    row = Case.objects.get()
    commands.lease_case(row.pk, **WHO)
    return row


def proposed(subject: CaseSubject) -> Any:
    commands.answer(subject.pk, "cse", desk.SUSPENDS, **WHO)
    return commands.propose_decision(subject.pk, "cse", **WHO)


def at_once(
    monkeypatch: pytest.MonkeyPatch, looks: tuple[str, str], one: Callable[[], Any], other: Callable[[], Any]
) -> None:
    """Run both in threads. Each, having looked at what is next (`looks` of `order`), waits for the other to have
    looked before it commits, for a while: whoever waits for a lock of the other looks later."""
    looked = threading.Barrier(2)
    problems: list[BaseException] = []

    def waiting(plain: Callable[..., Any]) -> Callable[..., Any]:
        def look(*given: Any, **named: Any) -> Any:
            seen = plain(*given, **named)
            with suppress(threading.BrokenBarrierError):
                looked.wait(1.5)
            return seen

        return look

    def run(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as problem:  # noqa: BLE001 - a thread's own exception would be lost
            problems.append(problem)
        finally:
            connection.close()

    with monkeypatch.context() as patched:
        for name in set(looks):
            patched.setattr(order, name, waiting(getattr(order, name)))
        threads = [threading.Thread(target=run, args=(work,)) for work in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert problems == []


def test_the_last_two_sanctions_are_confirmed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals.preserve_item(str(case.items.get().pk))
    commands.hide_item(case.items.get().pk, **WHO)
    run_due()
    decision = proposed(case.subjects.get())
    commands.confirm_decision(decision.pk, **WHO)
    assert not Job.objects.filter(name="filing.file").exists(), "the sanctions come first"
    last = [str(row.pk) for row in Action.objects.filter(decision=decision, state="planned").exclude(kind="purge_item")]
    assert len(last) == 2
    looks = ("advance", "advance")
    at_once(monkeypatch, looks, lambda: actions.carry_out(last[0]), lambda: actions.carry_out(last[1]))
    assert set(Action.objects.filter(pk__in=last).values_list("state", flat=True)) == {"confirmed"}
    assert Job.objects.filter(name="filing.file", state="waiting").count() == 1, "now the report is due"


def test_an_item_is_preserved_while_it_is_ordered_hidden(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    item = str(case.items.get().pk)
    looks = ("after_preserving", "hide")
    at_once(monkeypatch, looks, lambda: arrivals.preserve_item(item), lambda: commands.hide_item(item, **WHO))
    assert case.items.get().preserve_state == CaseItem.Preserve.DONE
    assert Job.objects.filter(name="action.carry_out", state="waiting").count() == 1, "now it can be hidden"


def test_an_item_is_preserved_while_the_decision_is_confirmed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    item, decision = str(case.items.get().pk), proposed(case.subjects.get())
    looks = ("after_preserving", "plan")
    at_once(
        monkeypatch, looks, lambda: arrivals.preserve_item(item), lambda: commands.confirm_decision(decision.pk, **WHO)
    )
    hide = Action.objects.get(decision=decision, kind="hide_item")
    assert Job.objects.filter(name="action.carry_out", ids__action=str(hide.pk), state="waiting").exists()
