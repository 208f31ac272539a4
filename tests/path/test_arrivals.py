"""From reports to cases: joining, opening, following; hosts that are away; what is fetched and what is not."""

from typing import Any

import pytest

from safehold.cases.models import Case, Decision
from safehold.hosts import contract
from safehold.intake.models import Report
from safehold.intake.service import NewReport
from safehold.path import commands
from safehold.screening import service as screening
from safehold.subjects.models import Host, Item
from safehold.work.models import Task
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due
from tests.support.stage import FIRST, SECOND, THIRD

pytestmark = pytest.mark.django_db

LINK = "https://memory.test/"


def arrive(channel: str, number: int, **given: Any) -> Report:
    accepted = commands.receive_report(
        NewReport(channel=channel, once_key=f"once-key-{number:04d}-of-test", host="memory", **given)
    )
    run_due()
    return accepted.report


def test_reports_of_the_account_and_of_its_items_join(world: memory_host.World) -> None:
    arrive("form", 1, locators=(LINK + "p1",))
    arrive("form", 2, account_name="user-17")
    arrive("in_app", 3, item_ids=("p2",), reporter_ref="user-18")
    case = Case.objects.get()
    assert case.reports.count() == 3
    assert sorted(row.item.external_id for row in case.items.all()) == ["p1", "p2"]


def test_a_resend_is_one_report(world: memory_host.World) -> None:
    assert arrive("form", 1, locators=(LINK + "p1",)).pk == arrive("form", 1, locators=(LINK + "p1",)).pk
    assert Case.objects.get().reports.count() == 1


def test_others_open_a_case_of_their_own(world: memory_host.World) -> None:
    one, two = stage.case_of("p1", number=1), stage.case_of("q1", number=2)
    assert one.pk != two.pk
    assert two.follows is None


def test_after_a_decision_a_new_case_follows(world: memory_host.World) -> None:
    one = stage.case_of("p1", number=1)
    desk.decide(one, desk.SUSPENDS)
    two = stage.case_of("p2", number=2)
    assert two.follows == one
    assert stage.case_of("p1", number=3).pk == two.pk, "the same account, undecided again"


def test_something_new_about_somebody_decided_is_not_lost_in_an_open_case(world: memory_host.World) -> None:
    """Two people in one case, one decided: new material of that one must be looked at by somebody."""
    case = stage.case_of("p1", "q1", number=1)
    decided = case.subjects.get(account__external_id="user-17")
    desk.decide(case, desk.SUSPENDS, subject=decided)
    assert stage.fresh(case).state == "open"
    assert stage.case_of("p1", number=2).pk == case.pk, "nothing new: it joins"
    new = stage.case_of("p3", number=3)
    assert new.pk != case.pk
    assert new.follows == case
    assert list(new.subjects.values_list("account__external_id", flat=True)) == ["user-17"]


def test_something_new_while_a_second_person_is_awaited(world: memory_host.World) -> None:
    """The held decision covers what was there: what comes after has a case of its own."""
    case = stage.case_of("p1", number=1)
    held = desk.decide(case, desk.LENIENT)
    new = stage.case_of("p3", number=2)
    assert new.pk != case.pk
    commands.second_opinion(held.pk, agree=True, reason="Yes.", actor=SECOND)
    run_due()
    assert stage.fresh(new).state == "open"
    assert world.items["p3"].status == contract.ItemStatus.VISIBLE


def test_one_report_naming_several_accounts(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    """Each person is decided for themselves; the case closes with the last."""
    case = stage.case_of("p1", "q1")
    one, two = case.subjects.order_by("account__external_id")
    desk.decide(case, desk.SUSPENDS, subject=one)
    stage.pass_time(days=1)
    assert stage.fresh(case).state == "open"
    assert case.reports.get().state != "finished"
    desk.decide(case, desk.CLEARED, subject=two)
    stage.pass_time(days=1)
    assert stage.fresh(case).state == "closed"
    assert case.reports.get().state == "finished"
    assert len(ncmec.finished) == 1
    assert world.accounts["user-18"].status == contract.AccountStatus.ACTIVE
    assert world.items["q1"].status == contract.ItemStatus.VISIBLE
    stage.check_everywhere(world)


def test_nothing_found_is_a_task_and_ends(world: memory_host.World) -> None:
    report = arrive("form", 1, locators=(LINK + "nobody",), contact_email="someone@mail.example")
    assert not Case.objects.exists()
    task = Task.objects.get(kind="report-unresolved")
    commands.close_task(task.pk, outcome="Looked: nothing there.", actor=FIRST)
    assert stage.fresh(report).state == "finished", "the terms of the reporter's data begin"


def test_links_elsewhere_end_at_once(world: memory_host.World) -> None:
    report = arrive("form", 1, locators=("https://elsewhere.example/x",))
    assert stage.fresh(report).state == "finished"
    assert not Case.objects.exists()
    assert not Task.objects.exists()


def test_the_host_is_away_while_resolving(world: memory_host.World) -> None:
    """For a day: the report waits for it, and is resolved when it is back."""
    world.broken = {"find": contract.HostUnavailable("away"), "account": contract.HostUnavailable("away")}
    report = arrive("form", 1, locators=(LINK + "p1",))
    for _ in range(10):
        stage.pass_time(hours=24)
    assert not Case.objects.exists()
    assert not Task.objects.exists(), "an absence is not a finding"
    world.broken = {}
    stage.pass_time(hours=24)
    assert Case.objects.get().reports.get() == report


def test_the_host_is_away_while_preserving(world: memory_host.World) -> None:
    """Hours without the host: the item is still due, and preserved when it is back."""
    world.broken = {"open_item": contract.HostUnavailable("away")}
    case = stage.case_of("p1")
    for _ in range(10):
        stage.pass_time(hours=24)
    assert case.items.get().preserve_state == "due"
    world.broken = {}
    stage.pass_time(hours=24)
    assert case.items.get().preserve_state == "done"


@pytest.mark.parametrize(("channel", "fetched"), [("form", False), ("flagger", False), ("in_app", True)])
def test_private_messages(world: memory_host.World, channel: str, fetched: bool) -> None:
    """Fetched on the host's own word alone; a stranger's report counts as one of the account."""
    world.add_item("m1", "user-17", kind="message", public=False)
    named: dict[str, Any] = {"item_ids": ("m1",)} if channel == "in_app" else {"locators": (LINK + "m1",)}
    arrive(channel, 1, **named)
    case = Case.objects.get()
    assert [row.account and row.account.external_id for row in case.subjects.all()] == ["user-17"]
    assert case.items.exists() is fetched
    assert Item.objects.filter(external_id="m1").exists() is fetched


@pytest.mark.parametrize(("channel", "trusted", "hidden"), [
    ("form", False, False), ("in_app", False, False), ("authority", False, False), ("flagger", False, True),
    ("screening", True, True), ("screening", False, False),
])  # fmt: skip
def test_whose_word_hides_at_once(world: memory_host.World, channel: str, trusted: bool, hidden: bool) -> None:
    named: dict[str, Any] = {"item_ids": ("p1",)}
    if channel == "screening":
        named["reporter_ref"] = f"entry:{entry(trusted).pk}"
    elif channel != "in_app":
        named = {"locators": (LINK + "p1",), "reporter_ref": "flagger-1"}
    arrive(channel, 1, **named)
    case = Case.objects.get()
    assert case.items.get().preserve_state == "done"
    assert (world.items["p1"].status == contract.ItemStatus.HIDDEN) is hidden
    assert world.accounts["user-17"].status == contract.AccountStatus.ACTIVE
    stage.check_everywhere(world)


def entry(trusted: bool) -> Any:
    row = screening.add_entry(
        "known", "a" * 64, source="practice", category="a1", purpose="prevent-exploitation", licence="own", actor=FIRST
    )
    if trusted:
        screening.set_trusted("known", trusted=True, because="a test", actor=FIRST, approved_by=SECOND)
    return row


def test_a_retracted_entry_has_its_decisions_looked_at_again(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    from safehold.notices.models import Letter
    from safehold.redress import service as redress

    row = entry(True)
    arrive("screening", 1, item_ids=("p1",), reporter_ref=f"entry:{row.pk}")
    decision = desk.decide(Case.objects.get(), desk.SUSPENDS)
    corrections = commands.retract_entry(row.pk, because="wrong picture", actor=THIRD)
    assert [one.decision for one in corrections] == [decision]
    with pytest.raises(redress.TookPart):
        commands.lease_appeal(corrections[0].pk, actor=FIRST)
    assert stage.refusals("appeal.taken") == 1
    stage.look_again(corrections[0], desk.CLEARED, grant=True, actor=SECOND)
    assert world.accounts["user-17"].status == contract.AccountStatus.ACTIVE
    assert Decision.objects.get(replaces=decision).cause == "correction"
    letter = Letter.objects.get(kind="ncmec_correction")
    assert "list entry that led to the report was found wrong" in letter.body
    assert "on appeal" not in letter.body
    assert Task.objects.filter(kind="tell-ncmec", role="custodian", closed_at=None).count() == 1
    assert list(Letter.objects.exclude(kind="ncmec_correction").values_list("kind", flat=True)) == ["reversal"]
    stage.check_everywhere(world)


def test_a_refused_correction_says_nothing_and_takes_no_appeal_away(
    world: memory_host.World, ncmec: stage.Ncmec
) -> None:
    from safehold.notices.models import Letter

    row = entry(True)
    arrive("screening", 1, item_ids=("p1",), reporter_ref=f"entry:{row.pk}")
    decision = desk.decide(Case.objects.get(), desk.SUSPENDS)
    (correction,) = commands.retract_entry(row.pk, because="wrong picture", actor=THIRD)
    stage.look_again(correction, desk.SUSPENDS, grant=False, actor=SECOND)
    assert not Letter.objects.exists(), "they never asked"
    appeal = stage.appeal(decision)
    assert appeal.pk != correction.pk
    assert appeal.text


def test_an_appeal_while_a_correction_is_open_keeps_its_text(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    from safehold.notices.models import Letter

    row = entry(True)
    arrive("screening", 1, item_ids=("p1",), reporter_ref=f"entry:{row.pk}")
    decision = desk.decide(Case.objects.get(), desk.SUSPENDS)
    (correction,) = commands.retract_entry(row.pk, because="wrong picture", actor=THIRD)
    appeal = stage.appeal(decision, text="placeholder message 9")
    assert (appeal.pk, appeal.text, appeal.kind) == (correction.pk, "placeholder message 9", "appeal")
    stage.look_again(appeal, desk.SUSPENDS, grant=False, actor=SECOND)
    assert [letter.kind for letter in Letter.objects.all()] == ["appeal_refused"]


def test_items_of_an_account_reported_alone(world: memory_host.World) -> None:
    """As many as the operator's rule says; none of them is hidden or covered by itself."""
    Host.objects.update(settings={"items_of_reported_account": 2})
    arrive("form", 1, account_name="user-17")
    case = Case.objects.get()
    assert case.items.count() == 2
    assert not case.items.filter(reported=True).exists()
    assert world.orders == []
