"""What stands around a reported item: asked for when we know, before hiding; held, destroyed and looked at with it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from safehold.audit.models import Detail
from safehold.cases.models import Case, CaseItem
from safehold.evidence import service as evidence
from safehold.evidence.models import Hold, Sealed
from safehold.hosts import contract
from safehold.intake.models import Report
from safehold.intake.service import NewReport
from safehold.path import commands, custody, reversal, snapshot
from safehold.subjects.models import Host
from safehold.work import service as work
from safehold.work.models import Job, Task
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due
from tests.support.memory_host import POSTED
from tests.support.stage import FIRST

pytestmark = pytest.mark.django_db

State = CaseItem.Context
TALKS: dict[str, Any] = {
    "role": "sender", "minor": "known", "form": ["conversation"], "toward_child": ["explicit_talk"],
    "danger": "none_seen",
}  # fmt: skip
USE = contract.AddressUse(ip="192.0.2.17", event="Login", at=POSTED, port=40117)


@pytest.fixture
def chat(world: memory_host.World) -> memory_host.World:
    """A private message among others, and a public post with a reply."""
    world.add_item("m1", "user-17", kind="message", public=False)
    world.add_thread("m1", said(2, "user-18"), said(3), recipients=("user-18",), thread="t1", title="room 1",
                     complete=False, addresses=(USE,))  # fmt: skip
    world.add_item("o1", "user-17", body=b"bytes of an open post", public=True)
    world.add_thread("o1", said(4, "user-18"), complete=True)
    return world


def said(number: int, sender: str = "user-17", **more: Any) -> contract.ContextMessage:
    at = POSTED + timedelta(minutes=number)
    return contract.ContextMessage(id=f"x{number}", at=at, sender=sender, text=f"placeholder message {number}", **more)


def arrive(channel: str, *items: str, number: int = 1, **given: Any) -> Case:
    """A report of these items through one of the channels; the newest case."""
    links = tuple(f"https://memory.test/{item}" for item in items)
    by_id = channel in ("in_app", "screening")
    named: dict[str, Any] = {"item_ids": items} if by_id else {"locators": links}
    commands.receive_report(
        NewReport(channel=channel, once_key=f"once-key-{number:04d}-of-test", host="memory", **named, **given)
    )
    run_due()
    return Case.objects.order_by("-number")[0]


def item(case: Case, name: str) -> CaseItem:
    return CaseItem.objects.select_related("context", "thread").get(case=case, item__external_id=name)


def words(row: Sealed | None) -> str:
    assert row is not None
    return b"".join(evidence.open_sealed(row.pk, actor="system:test", purpose="verify", about="test")).decode()


# --- who may bring what in ---------------------------------------------------------------------------

CHANNELS = ["form", "in_app", "flagger", "authority", "screening"]


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("public", [True, False, None])
def test_whose_word_brings_in_what_stands_around(world: memory_host.World, channel: str, public: bool | None) -> None:
    """Channel x visibility: open to everybody by anybody's report, anything else on the host's own word alone."""
    world.add_item("m1", "user-17", kind="message", public=public)
    world.add_thread("m1", said(2, "user-18"), recipients=("user-18",))
    case = arrive(channel, "m1", reporter_ref="entry:none" if channel == "screening" else "partner-1")
    own = channel in ("in_app", "screening")
    assert case.items.exists() is (own or public is not False), "a private message itself"
    assert world.asked == (["m1"] if own or public is True else [])
    if case.items.exists():
        wanted = State.DONE if own or public is True else State.WITHHELD
        assert case.items.get().context_state == wanted
        assert (case.items.get().thread is not None) is (wanted == State.DONE)
    assert not Sealed.objects.filter(about__contains=":thread").exists() or world.asked == ["m1"]


def test_an_account_reported_alone_brings_no_private_message(chat: memory_host.World) -> None:
    Host.objects.update(settings={"items_of_reported_account": 20})
    arrive("in_app", account_name="user-17")
    names = set(CaseItem.objects.values_list("item__external_id", flat=True))
    assert "o1" in names
    assert "m1" not in names


def test_a_participants_report_brings_in_what_a_strangers_did_not(world: memory_host.World) -> None:
    world.add_item("m1", "user-17", kind="message", public=None)
    world.add_thread("m1", said(2, "user-18"))
    case = arrive("form", "m1")
    assert item(case, "m1").context_state == State.WITHHELD
    assert world.asked == []
    arrive("form", "m1", number=2)
    assert world.asked == [], "another stranger changes nothing"
    assert arrive("in_app", "m1", number=3) == case
    assert item(case, "m1").context_state == State.DONE
    assert "placeholder message 2" in words(item(case, "m1").thread)


# --- what is kept ------------------------------------------------------------------------------------


def test_messages_and_addresses_are_sealed_with_the_item(chat: memory_host.World) -> None:
    row = item(arrive("in_app", "m1"), "m1")
    assert row.context_state == State.DONE
    text = words(row.thread)
    assert row.thread is not None
    assert row.thread.media_type.startswith("text/plain")
    assert "this message was reported" in text.split("message m1,")[1].split("message x2")[0]
    assert text.index("placeholder message m1") < text.index("placeholder message 2")
    assert "from the reported account" in text
    assert "further messages that are not here" in text
    facts = words(row.context)
    for told in ("192.0.2.17", "40117", "x2", "user-18", "asked_at", "room 1"):
        assert told in facts
    for detail in Detail.objects.all():
        assert "placeholder message" not in str(detail.body), "the record carries ids only"


def test_it_is_taken_before_the_item_is_hidden(chat: memory_host.World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trusted flagger's report hides at once: not before the context lies in the vault."""
    seen: list[str] = []
    ask = memory_host.Line.context

    def watched(self: memory_host.Line, item_id: str, **given: Any) -> contract.Context:
        seen.append(self.world.items[item_id].status)
        return ask(self, item_id, **given)

    monkeypatch.setattr(memory_host.Line, "context", watched)
    row = item(arrive("flagger", "o1", reporter_ref="flagger-1"), "o1")
    assert (seen, row.context_state) == (["visible"], State.DONE)
    assert chat.items["o1"].status == "hidden"


def test_a_host_that_has_none_is_recorded_and_blocks_nothing(
    world: memory_host.World, ncmec: stage.Ncmec, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_item("o1", "user-17", body=b"bytes of an open post", public=True)
    row = item(arrive("flagger", "o1", reporter_ref="flagger-1"), "o1")
    assert (row.context_state, row.preserve_state) == (State.UNSUPPORTED, "done")
    assert world.items["o1"].status == "hidden"
    assert not Task.objects.exists()
    without = contract.Abilities(orders=frozenset())
    monkeypatch.setattr(memory_host.Line, "abilities", without)
    world.add_item("o2", "user-18", public=True)
    asked = list(world.asked)
    assert item(arrive("form", "o2", number=2), "o2").context_state == State.UNSUPPORTED
    assert world.asked == asked, "a kind of host that cannot is not asked"


def test_a_host_that_has_addresses_alone_gives_no_thread(chat: memory_host.World) -> None:
    chat.contexts["o1"] = contract.Context(addresses=(USE,))
    row = item(arrive("form", "o1"), "o1")
    assert (row.context_state, row.thread) == (State.DONE, None)
    chat.add_item("o2", "user-18", public=True)
    chat.contexts["o2"] = contract.Context()
    assert item(arrive("form", "o2", number=2), "o2").context_state == State.UNSUPPORTED


def test_an_item_that_is_gone_has_no_context(chat: memory_host.World) -> None:
    chat.broken = {"open_item": contract.NotFound("gone")}
    row = item(arrive("form", "o1"), "o1")
    assert (row.preserve_state, row.context_state) == ("unavailable", State.UNAVAILABLE)


# --- hosts that fail ---------------------------------------------------------------------------------


def test_hiding_waits_ten_minutes_for_a_host_that_is_away_and_no_longer(
    chat: memory_host.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.broken = {"context": contract.HostUnavailable("away")}
    case = arrive("flagger", "o1", reporter_ref="flagger-1")
    assert item(case, "o1").preserve_state == "due"
    assert chat.items["o1"].status == "visible"
    Case.objects.update(knowledge_at=timezone.now() - snapshot.PATIENCE)
    stage.pass_time(hours=1)
    assert (item(case, "o1").preserve_state, item(case, "o1").context_state) == ("done", State.DUE)
    assert chat.items["o1"].status == "hidden"
    assert Sealed.objects.filter(about=f"caseitem:{item(case, 'o1').pk}").count() == 1, "asked often, sealed once"
    chat.broken = {}
    stage.pass_time(hours=24)
    assert item(case, "o1").context_state == State.DONE
    assert not Task.objects.exists()


def test_an_answer_that_cannot_be_used_is_a_task_for_a_person(chat: memory_host.World) -> None:
    chat.broken = {"context": contract.HostRefused("a shape we do not know")}
    row = item(arrive("form", "o1"), "o1")
    assert row.preserve_state == "done"
    assert row.context_state == State.UNAVAILABLE
    assert Task.objects.get().kind == "job-failed"


@pytest.mark.parametrize("at", ["item.preserve.sealed", "item.context.thread", "item.preserve.context"])
def test_killed_in_between_everything_is_there_once(
    chat: memory_host.World, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    class Killed(BaseException):
        pass

    def boundary(name: str) -> None:
        if name == at and not died:
            died.append(name)
            raise Killed

    died: list[str] = []
    monkeypatch.setattr(work, "boundary", boundary)
    with pytest.raises(Killed):
        arrive("form", "o1")
    chat.add_thread("o1", said(4, "user-18"), said(5), complete=True)  # meanwhile somebody went on talking
    Job.objects.filter(state="running").update(state="waiting")
    run_due()
    row = CaseItem.objects.get(item__external_id="o1")
    about = f"caseitem:{row.pk}"
    kept = {
        name: Sealed.objects.filter(about=f"{about}{name}").count() for name in ("", ":facts", ":context", ":thread")
    }
    assert set(kept.values()) == {1}, kept
    assert row.context_state == State.DONE
    assert ("placeholder message 5" in words(row.thread)) is (at == "item.preserve.sealed"), "the earlier thread stays"


def test_a_context_that_comes_when_all_is_over_is_not_fetched(chat: memory_host.World) -> None:
    chat.broken = {"context": contract.HostUnavailable("away")}
    commands.receive_report(
        NewReport(channel="form", once_key="once-key-0001-of-test", host="memory", locators=("https://memory.test/o1",))
    )
    Report.objects.update(received_at=timezone.now() - timedelta(hours=1))
    run_due()
    case = Case.objects.get()
    assert item(case, "o1").context_state == State.DUE
    desk.decide(case, desk.CLEARED)
    chat.broken = {}
    stage.pass_time(hours=24)
    assert item(case, "o1").context_state == State.UNAVAILABLE
    assert not Sealed.objects.filter(about__endswith=":context").exists()


# --- holds, grants, destruction ----------------------------------------------------------------------


def sealed_of(case: Case) -> set[Any]:
    row = case.items.get()
    assert len(row.sealed_ids) == 4 - (row.body_id is None)
    return set(row.sealed_ids)


def held(hold: Hold) -> set[Any]:
    return set(hold.items.values_list("pk", flat=True))


def test_the_hold_of_a_filing_covers_it(chat: memory_host.World, ncmec: stage.Ncmec) -> None:
    case = arrive("form", "o1")
    desk.decide(case, desk.SUSPENDS)
    stage.pass_time(hours=1)
    assert sealed_of(case) <= held(Hold.objects.get())


def test_a_context_that_comes_after_the_filing_comes_under_its_hold(
    chat: memory_host.World, ncmec: stage.Ncmec
) -> None:
    chat.broken = {"context": contract.HostUnavailable("away")}
    commands.receive_report(
        NewReport(channel="form", once_key="once-key-0001-of-test", host="memory", locators=("https://memory.test/o1",))
    )
    Report.objects.update(received_at=timezone.now() - timedelta(hours=1))
    run_due()
    case = Case.objects.get()
    desk.decide(case, desk.SUSPENDS)
    stage.pass_time(minutes=1)
    legal = custody.legal_hold(
        case.pk, until=timezone.now() + timedelta(days=30), authority="Police of X", document="process:7", actor=FIRST
    )
    until = Hold.objects.exclude(pk=legal.pk).get().until
    assert item(case, "o1").context_state == State.DUE
    chat.broken = {}
    stage.pass_time(hours=24)
    filing = Hold.objects.exclude(pk=legal.pk).get()
    assert sealed_of(case) <= held(filing)
    assert sealed_of(case) <= held(legal)
    assert filing.until == until


def test_what_custodians_do_is_about_all_of_it(chat: memory_host.World) -> None:
    case = arrive("in_app", "m1")
    assert sealed_of(case) <= set(custody.sealed_of(case))
    for one in sealed_of(case):
        assert custody.cases_of([one]) == [case]


def test_a_cleared_case_loses_it_with_the_rest(chat: memory_host.World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = arrive("in_app", "m1")
    mine = sealed_of(case)
    desk.decide(case, desk.CLEARED)
    real = timezone.now
    monkeypatch.setattr("safehold.path.reversal.timezone.now", lambda: real() + timedelta(days=400))
    reversal.clear(str(case.pk))
    assert not Sealed.objects.filter(pk__in=mine, destroyed_at=None).exists()


def test_it_stays_while_another_case_rests_on_it(chat: memory_host.World) -> None:
    one, two = arrive("in_app", "m1"), arrive("form", "q1", number=2)
    other = two.items.get()
    CaseItem.objects.filter(pk=other.pk).update(thread=one.items.get().thread)
    thread = one.items.get().thread
    assert thread is not None
    assert reversal._wanted_elsewhere(one, thread.pk)
    assert not reversal._wanted_elsewhere(one, one.items.get().context_id)  # type: ignore[arg-type]


def test_the_window_is_bounded(chat: memory_host.World) -> None:
    chat.add_thread("o1", *(said(n) for n in range(2, 60)), complete=True)
    text = words(item(arrive("form", "o1"), "o1").thread)
    assert text.count("this message was reported") == 1
    assert f"Messages: {snapshot.AROUND + 1}." in text
    assert "further messages that are not here" in text
