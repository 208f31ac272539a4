"""Removal requests (47 USC 223a): from the form to hidden and back, the clock, copies, child safety, objections."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from django.core import mail
from django.utils import timezone

from safehold.audit.machine import IllegalMove
from safehold.audit.models import Entry, FailedAttempt
from safehold.cases.models import Case
from safehold.enforcement.models import Action
from safehold.hosts import contract
from safehold.hosts.contract import ItemStatus
from safehold.intake import service as intake
from safehold.intake.models import Report
from safehold.notices import service as notices
from safehold.notices.models import Letter
from safehold.path import commands as path_commands
from safehold.path import housekeeping, removal_clock, removal_steps
from safehold.path import removals as commands
from safehold.removals import service as removals
from safehold.removals.models import (
    Removal,
    RemovalContact,
    RemovalItem,
    RemovalObjection,
    RemovalWords,
)
from safehold.screening import service as screening
from safehold.screening.models import ListEntry
from safehold.subjects.models import Host, Item
from safehold.work.models import Job, Task
from tests.support import desk, memory_host, removing, stage
from tests.support.jobs import run_due
from tests.support.removing import CHECKER, OTHER

pytestmark = pytest.mark.django_db
S = Removal.State
HIDDEN, VISIBLE = ItemStatus.HIDDEN, ItemStatus.VISIBLE


@pytest.fixture(autouse=True)
def _in_memory(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def at_once(settings: Any) -> None:
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, removal_hide_at_once=True)


def move_clock(row: Removal, **back: float) -> Removal:
    """As if it had come so long ago."""
    at = row.complete_at - timedelta(**back)
    Removal.objects.filter(pk=row.pk).update(complete_at=at, received_at=at, deadline=at + removals.DEADLINE)
    row.refresh_from_db()
    return row


def acts(about: Removal) -> list[str]:
    return list(Entry.objects.filter(about=f"removal:{about.pk}").order_by("id").values_list("act", flat=True))


def letters(kind: str) -> list[Letter]:
    return list(Letter.objects.filter(kind=kind).order_by("made_at"))


# --- the straight way ------------------------------------------------------------------------------


def test_from_the_request_to_removed(world: memory_host.World) -> None:
    row = removing.receive()
    assert (row.state, row.report) == (S.RECEIVED, None)
    assert world.items["p1"].status == VISIBLE, "a stranger's word alone hides nothing"
    assert row.deadline == row.complete_at + timedelta(hours=48)
    row = commands.find_valid(row.pk, checked=removals.ELEMENTS, actor=CHECKER)
    assert row.state == S.REMOVING
    run_due()
    row.refresh_from_db()
    assert row.state == S.REMOVED
    assert world.items["p1"].status == HIDDEN
    action = Action.objects.get()
    assert (action.kind, action.state, action.cause, action.case_item, action.subject) == (
        "hide_item", "confirmed", row.cause, None, None,
    )  # fmt: skip
    assert row.removed_at == action.confirmed_at
    assert [row.name for row in Job.objects.filter(state="failed")] == []
    assert not Report.objects.exists(), "no report to child safety"
    assert not Case.objects.exists()
    assert acts(row)[0] == "removal.received"
    assert {"removal.accept", "removal.begin", "removal.done"} <= set(acts(row))


def test_the_notifier_and_the_uploader_are_told(world: memory_host.World) -> None:
    row = removing.valid()
    to = {message.to[0]: message for message in mail.outbox}
    assert set(to) == {"user-40@mail.example", "user-17@mail.example"}
    answer, told = to["user-40@mail.example"], to["user-17@mail.example"]
    assert "out of everybody's reach" in answer.body
    assert "/removal/appeal/" in told.body
    for text in (told.subject, told.body):
        assert "User 40" not in text
        assert "user-40" not in text
        assert "placeholder" not in text
    assert [one.state for one in letters("removal_answer") + letters("removal_holder")] == ["sent", "sent"]
    run_due(until=stage.later(hours=1))
    with_row = stage.fresh(row)
    assert with_row.state == S.REMOVED
    assert len(mail.outbox) == 2, "told once"


def test_a_resend_is_one_request(world: memory_host.World) -> None:
    first = commands.receive_removal(removing.new())
    second = commands.receive_removal(removing.new())
    assert (first.code, first.removal.pk) == (second.code, second.removal.pk)
    assert (first.repeated, second.repeated) == (False, True)
    assert Removal.objects.count() == 1
    assert removals.by_code(first.code.lower().replace("-", " ")) == first.removal


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"signature": " "}, "signature"),
        ({"behalf": "authorised", "relationship": ""}, "signature"),
        ({"depiction": ""}, "identification"),
        ({"links": (), "place": ""}, "location"),
        ({"good_faith": False}, "statement"),
        ({"statement": "\n"}, "statement"),
        ({"email": "", "other_contact": ""}, "contact"),
    ],
)
@pytest.mark.parametrize("minor", ["no", "yes"])
def test_what_the_law_asks_for_is_named_and_nothing_is_saved(
    world: memory_host.World, given: dict[str, Any], missing: str, minor: str
) -> None:
    with pytest.raises(removals.Incomplete) as refused:
        commands.receive_removal(removing.new(minor=minor, **given))
    assert refused.value.missing == (missing,)
    assert not Removal.objects.exists()
    assert not Report.objects.exists()
    assert not Job.objects.exists()


def test_too_much_is_refused_by_name(world: memory_host.World) -> None:
    for given, field in (
        ({"statement": "x" * 5001}, "statement"),
        ({"links": ("https://memory.test/p1",) * 51}, "links"),
        ({"links": ("https://memory.test/" + "x" * 2083,)}, "links"),
        ({"signature": "x" * 201}, "signature"),
    ):
        with pytest.raises(removals.TooLong) as refused:
            commands.receive_removal(removing.new(**given))
        assert refused.value.field == field
    assert not Removal.objects.exists()


def test_every_part_must_be_checked(world: memory_host.World) -> None:
    row = removing.receive()
    for left in removals.ELEMENTS:
        with pytest.raises(ValueError, match=left):
            commands.find_valid(row.pk, checked=tuple(set(removals.ELEMENTS) - {left}), actor=CHECKER)
    assert stage.fresh(row).state == S.RECEIVED
    assert not Action.objects.exists()


# --- incomplete, refused, withdrawn, not found -----------------------------------------------------


def test_asked_for_more_completed_and_removed(world: memory_host.World) -> None:
    accepted = commands.receive_removal(removing.new(links=("https://memory.test/nothing",)))
    run_due()
    row = move_clock(accepted.removal, hours=40)
    with pytest.raises(ValueError, match="which"):
        commands.ask_for_more(row.pk, missing=(), answer="", actor=CHECKER)
    row = commands.ask_for_more(row.pk, missing=("location",), answer="placeholder answer 1", actor=CHECKER)
    assert row.state == S.INCOMPLETE
    assert removal_clock.waiting() == [], "the clock stands"
    run_due()
    assert "placeholder answer 1" in mail.outbox[0].body
    assert "where it is" in mail.outbox[0].body
    row = commands.complete_removal(accepted.code, removing.new())
    assert row.state == S.RECEIVED
    assert row.deadline > timezone.now() + timedelta(hours=47), "48 hours from the request that is whole"
    assert row.received_at < timezone.now() - timedelta(hours=39)
    run_due()
    commands.find_valid(row.pk, checked=removals.ELEMENTS, actor=CHECKER)
    run_due()
    assert stage.fresh(row).state == S.REMOVED
    with pytest.raises(IllegalMove):
        commands.complete_removal(accepted.code, removing.new())


def test_refused_with_a_reason(world: memory_host.World) -> None:
    row = removing.receive()
    for reason, answer in (("", "words"), ("made-up", "words"), ("consent", "  ")):
        with pytest.raises(ValueError, match="reason"):
            commands.refuse(row.pk, reason=reason, answer=answer, actor=CHECKER)
    row = commands.refuse(row.pk, reason="not_entitled", answer="placeholder answer 2", actor=CHECKER)
    run_due()
    assert world.items["p1"].status == VISIBLE
    assert not Action.objects.exists()
    assert "placeholder answer 2" in mail.outbox[0].body
    for verb in (
        lambda: commands.find_valid(row.pk, checked=removals.ELEMENTS, actor=CHECKER),
        lambda: commands.restore(row.pk, because="x", actor=CHECKER),
        lambda: commands.ask_for_more(row.pk, missing=("contact",), answer="", actor=CHECKER),
    ):
        with pytest.raises(IllegalMove):
            verb()


def test_withdrawn_before_it_is_done_and_not_after(world: memory_host.World) -> None:
    one = commands.receive_removal(removing.new(1))
    two = commands.receive_removal(removing.new(2, links=("https://memory.test/p3",)))
    run_due()
    assert commands.withdraw_removal(one.code).state == S.WITHDRAWN
    commands.find_valid(two.removal.pk, checked=removals.ELEMENTS, actor=CHECKER)
    run_due()
    with pytest.raises(IllegalMove):
        commands.withdraw_removal(two.code)
    assert (world.items["p1"].status, world.items["p3"].status) == (VISIBLE, HIDDEN)
    with pytest.raises(LookupError):
        commands.withdraw_removal("2222-2222-2222-2222")


def test_nothing_found_goes_to_a_person_who_finds_it(world: memory_host.World) -> None:
    row = removing.valid(links=(), place="placeholder place 1")
    assert row.state == S.NOT_FOUND
    task = Task.objects.get(kind="removal-not-found")
    assert (task.about, task.role) == (f"removal:{row.pk}", "reviewer")
    assert "found nothing there" in mail.outbox[0].body
    with pytest.raises(ValueError, match="no link"):
        commands.add_link(row.pk, "https://elsewhere.example/x", actor=CHECKER)
    commands.add_link(row.pk, "https://memory.test/p1", actor=CHECKER)
    run_due()
    assert stage.fresh(row).state == S.REMOVED
    assert world.items["p1"].status == HIDDEN


def test_a_link_to_an_account_is_no_depiction(world: memory_host.World) -> None:
    row = removing.receive(links=("https://memory.test/user-17", "https://memory.test/p1"))
    assert [one.state for one in row.locators.all()] == ["not_found", "found"]
    assert [one.item.external_id for one in row.items.all()] == ["p1"]


def test_links_elsewhere_are_kept_under_seal_alone(world: memory_host.World) -> None:
    row = removing.receive(links=("https://elsewhere.example/x?user-40", "https://memory.test/p1"))
    away = row.locators.get(position=0)
    assert (away.raw, away.state) == ("", "elsewhere")
    told = commands.open_words(row.pk, actor=CHECKER).words
    assert told is not None
    assert told.elsewhere == ("https://elsewhere.example/x?user-40",)


def test_a_host_that_is_away_is_waited_for(world: memory_host.World) -> None:
    world.broken = {"find": contract.HostUnavailable("503")}
    row = removing.receive()
    assert [one.state for one in row.locators.all()] == ["checking"]
    row = commands.find_valid(row.pk, checked=removals.ELEMENTS, actor=CHECKER)
    run_due()
    assert stage.fresh(row).state == S.VALID
    world.broken = {}
    stage.pass_time(hours=1)
    assert stage.fresh(row).state == S.REMOVED


def test_a_host_that_never_hides_leaves_it_open_with_a_task(world: memory_host.World) -> None:
    world.deaf = {"hide_item"}
    row = removing.valid()
    stage.give_up()
    assert stage.fresh(row).state == S.REMOVING
    action = Action.objects.get()
    assert action.state == "failed"
    assert Task.objects.filter(kind="job-failed").exists()
    housekeeping.removal_steps.keep_going()
    run_due()
    assert stage.fresh(action).state == "failed", "no loop of trying again without a person"
    world.deaf = set()
    path_commands.retry_action(action.pk, actor=CHECKER)
    run_due()
    assert stage.fresh(row).state == S.REMOVED


# --- hidden at once --------------------------------------------------------------------------------


@pytest.mark.parametrize("then", ["valid", "refused", "asked"])
def test_hidden_at_once_where_the_operator_wants_it(world: memory_host.World, settings: Any, then: str) -> None:
    at_once(settings)
    row = removing.receive()
    assert row.state == S.RECEIVED
    assert world.items["p1"].status == HIDDEN
    if then == "valid":
        commands.find_valid(row.pk, checked=removals.ELEMENTS, actor=CHECKER)
        run_due()
        assert stage.fresh(row).state == S.REMOVED
        assert Action.objects.count() == 1
        assert RemovalItem.objects.get().digest == "done"
    elif then == "refused":
        commands.refuse(row.pk, reason="consent", answer="placeholder answer 3", actor=CHECKER)
        run_due()
        assert world.items["p1"].status == VISIBLE
    else:
        commands.ask_for_more(row.pk, missing=("statement",), answer="", actor=CHECKER)
        run_due()
        assert world.items["p1"].status == VISIBLE
        code = commands.receive_removal(removing.new()).code
        commands.complete_removal(code, removing.new())
        run_due()
        assert world.items["p1"].status == HIDDEN, "whole again"


def test_a_private_message_is_not_hidden_at_once_nor_ever_read(world: memory_host.World, settings: Any) -> None:
    at_once(settings)
    world.items["p1"] = msgspec.structs.replace(world.items["p1"], public=False)
    world.broken = {"open_item": AssertionError("a private file was fetched")}
    row = removing.receive()
    assert world.items["p1"].status == VISIBLE
    commands.find_valid(row.pk, checked=removals.ELEMENTS, actor=CHECKER)
    run_due()
    assert world.items["p1"].status == HIDDEN
    assert (RemovalItem.objects.get().private, RemovalItem.objects.get().digest) == (True, "none")


# --- the clock -------------------------------------------------------------------------------------


def test_alarms_come_once_each_and_the_tightest_stands(world: memory_host.World) -> None:
    row = removing.receive()
    removal_clock.alarm()
    assert not Task.objects.filter(kind="removal-clock").exists()
    seen = []
    for hours, step, role in ((23.9, None, ""), (24.1, "24", "reviewer"), (36.1, "12", "reviewer"),
                              (44.1, "4", "senior"), (48.1, "overdue", "senior")):  # fmt: skip
        Removal.objects.filter(pk=row.pk).update(deadline=timezone.now() + timedelta(hours=48 - hours))
        for _twice in range(2):
            overdue = removal_clock.alarm()
        assert overdue == (step == "overdue")
        open_ones = Task.objects.filter(kind="removal-clock", closed_at=None)
        if step is None:
            assert not open_ones.exists()
            continue
        task = open_ones.get()
        assert task.key.endswith(f":{step}")
        assert task.role == role
        seen.append(task.key)
    assert Task.objects.filter(kind="removal-clock").count() == len(seen) == 4
    commands.find_valid(row.pk, checked=removals.ELEMENTS, actor=CHECKER)
    run_due()
    removal_clock.alarm()
    assert not Task.objects.filter(kind="removal-clock", closed_at=None).exists()
    assert stage.fresh(row).removed_at > stage.fresh(row).deadline, "late, and the record says so"


def test_the_schedule_raises_the_alarm(world: memory_host.World) -> None:
    row = removing.receive()
    move_clock(row, hours=47)
    housekeeping.look_over()
    assert Task.objects.get(kind="removal-clock").role == "senior"


@pytest.mark.parametrize("end", ["refuse", "ask", "withdraw"])
def test_an_alarm_ends_with_its_cause(world: memory_host.World, end: str) -> None:
    accepted = commands.receive_removal(removing.new())
    run_due()
    row = move_clock(accepted.removal, hours=47)
    removal_clock.alarm()
    if end == "refuse":
        commands.refuse(row.pk, reason="consent", answer="x", actor=CHECKER)
    elif end == "ask":
        commands.ask_for_more(row.pk, missing=("contact",), answer="", actor=CHECKER)
    else:
        commands.withdraw_removal(accepted.code)
    assert Task.objects.get(kind="removal-clock").closed_at is not None


# --- child safety ----------------------------------------------------------------------------------


@pytest.mark.parametrize("minor", ["yes", "not_sure", "no"])
@pytest.mark.parametrize("there", [True, False])
def test_routing(world: memory_host.World, minor: str, there: bool) -> None:
    place = "https://memory.test/" + ("p1" if there else "nothing")
    row = removing.receive(minor=minor, links=(place,))
    routed = minor != "no"
    assert Report.objects.count() == routed
    assert (row.report is not None, row.routed_by) == (routed, "notifier" if routed else "")
    assert Case.objects.count() == (routed and there)
    if routed:
        report = Report.objects.get(pk=row.report)
        assert (report.channel, report.class_id, report.locators.get().raw) == ("form", "cse", place)
        assert "placeholder statement 2" in intake.words_of(report.pk).reason
    assert world.items["p1"].status == VISIBLE, "the case preserves first; a person hides"
    assert [one.removal.pk for one in removal_clock.waiting()] == [row.pk], "the clock runs on"
    row = commands.find_valid(row.pk, checked=removals.ELEMENTS, actor=CHECKER)
    stage.pass_time(hours=1)
    assert stage.fresh(row).state == (S.REMOVED if there else S.NOT_FOUND)
    assert world.items["p1"].status == (HIDDEN if there else VISIBLE)
    if routed and there:
        item = Case.objects.get().items.get()
        assert item.preserve_state == "done"
        assert item.preserved_at < Action.objects.get().sent_at, "preserved before it was hidden"


@pytest.mark.parametrize("minor", ["yes", "not_sure"])
def test_no_request_about_a_minor_without_a_report(world: memory_host.World, minor: str) -> None:
    with pytest.raises(ValueError, match="child safety"):
        removals.accept(removing.new(minor=minor))


def test_a_reviewer_routes_it_later_and_there_is_no_way_back(world: memory_host.World) -> None:
    row = removing.receive()
    row = commands.route(row.pk, actor=CHECKER)
    again = commands.route(row.pk, actor=OTHER)
    assert (row.report, again.routed_by) == (again.report, CHECKER)
    run_due()
    assert Report.objects.get().pk == row.report
    assert Case.objects.get().items.get().item.external_id == "p1"
    commands.refuse(row.pk, reason="bad_faith", answer="x", actor=CHECKER)
    assert Report.objects.get().state != "finished", "child safety keeps its report"
    assert not [name for name in vars(commands) if "unroute" in name]


def test_a_minor_who_comes_to_light_when_it_is_completed(world: memory_host.World) -> None:
    accepted = commands.receive_removal(removing.new())
    run_due()
    commands.ask_for_more(accepted.removal.pk, missing=("statement",), answer="", actor=CHECKER)
    row = commands.complete_removal(accepted.code, removing.new(minor="yes"))
    assert row.report is not None
    run_due()
    assert Case.objects.count() == 1


def test_the_case_hides_it_first_and_the_clock_stops(world: memory_host.World) -> None:
    row = removing.receive(minor="yes")
    case = Case.objects.get()
    path_commands.lease_case(case.pk, actor=desk.FIRST, device=desk.DEVICE)
    path_commands.hide_item(case.items.get().pk, actor=desk.FIRST, device=desk.DEVICE)
    run_due()
    move_clock(row, hours=47)
    assert removal_clock.alarm() == 0
    assert not Task.objects.filter(kind="removal-clock").exists()
    hidden = Action.objects.get(case_item__isnull=False).confirmed_at
    commands.find_valid(row.pk, checked=removals.ELEMENTS, actor=CHECKER)
    run_due()
    assert stage.fresh(row).removed_at == hidden


def test_nobody_is_tipped_off_while_a_case_is_undecided_or_finds_a_violation(world: memory_host.World) -> None:
    row = removing.valid(minor="yes")
    stage.pass_time(hours=1)
    assert stage.fresh(row).state == S.REMOVED
    assert not letters("removal_holder")
    desk.decide(Case.objects.get(), desk.SUSPENDS)
    stage.pass_time(days=2)
    assert not letters("removal_holder"), "the case has a statement of reasons of its own"
    assert [m.to for m in mail.outbox if "objection" in m.subject] == []


def test_told_once_the_case_found_nothing(world: memory_host.World) -> None:
    row = removing.valid(minor="not_sure")
    stage.pass_time(hours=1)
    desk.decide(Case.objects.get(), desk.CLEARED)
    stage.pass_time(days=2)
    assert world.items["p1"].status == HIDDEN, "the removal wants it hidden still"
    assert [one.state for one in letters("removal_holder")] == ["sent"]
    assert stage.fresh(row).state == S.REMOVED


# --- copies ----------------------------------------------------------------------------------------


def digest_of(world: memory_host.World, item: str) -> str:
    return sha256(world.bodies[item]).hexdigest()


def test_the_digest_alone_is_kept(world: memory_host.World) -> None:
    from safehold.evidence.models import Sealed

    row = removing.valid()
    entry = ListEntry.objects.get()
    assert (entry.list.slug, entry.list.purpose, entry.ref) == ("take-it-down", "take-it-down", row.cause)
    assert entry.sha256 == RemovalItem.objects.get().sha256 == digest_of(world, "p1")
    assert not Sealed.objects.exists(), "no copy in the vault"


def test_copies_that_we_know_go_too(world: memory_host.World) -> None:
    world.add_item("copy-1", "user-18", body=world.bodies["p1"])
    world.add_item("other-1", "user-18", body=b"other bytes of a test 2")
    stage.case_of("copy-1", "other-1", number=7)
    row = removing.valid()
    assert world.items["copy-1"].status == HIDDEN
    assert world.items["other-1"].status == VISIBLE
    assert sorted(row.items.values_list("found", "item__external_id")) == [("copy", "copy-1"), ("named", "p1")]
    assert stage.fresh(row).state == S.REMOVED


def test_an_upload_of_the_same_bytes_is_hidden_without_a_report(world: memory_host.World) -> None:
    row = removing.valid()
    world.add_item("again-1", "user-18", body=world.bodies["p1"])
    host = Host.objects.get()
    sha = digest_of(world, "p1")
    hits = screening.match([sha])
    assert [hit.list for hit in hits] == ["take-it-down"]
    for _twice in range(2):
        took = path_commands.screening_hit(host, item_id="again-1", account_id="user-18", sha256=sha, hits=hits)
        assert took.report_ref == ""
    run_due()
    assert world.items["again-1"].status == HIDDEN
    assert not Report.objects.exists()
    assert Action.objects.filter(item__external_id="again-1").count() == 1
    copy = row.items.get(item__external_id="again-1")
    assert (copy.found, copy.sha256) == ("upload", sha)
    assert {m.to[0] for m in mail.outbox} >= {"user-18@mail.example"}, "who uploaded it again is told as well"


def test_a_hit_on_both_kinds_of_list_is_both(world: memory_host.World) -> None:
    row = removing.valid()
    sha = digest_of(world, "p1")
    screening.add_entry("bank-2", sha, source="tests", category="A1", purpose=screening.Purpose.PREVENT,
                        licence="own", actor="system:test")  # fmt: skip
    world.add_item("again-1", "user-18", body=world.bodies["p1"])
    took = path_commands.screening_hit(
        Host.objects.get(), item_id="again-1", account_id="user-18", sha256=sha, hits=screening.match([sha])
    )
    assert took.report_ref != ""
    assert Report.objects.get().channel == "screening"
    run_due()
    assert world.items["again-1"].status == HIDDEN
    assert row.items.filter(item__external_id="again-1").exists()


@pytest.mark.parametrize("over", ["restored", "refused"])
def test_a_request_that_is_over_hides_nothing_more(world: memory_host.World, settings: Any, over: str) -> None:
    row = removing.valid()
    sha = digest_of(world, "p1")
    entry = ListEntry.objects.get()
    hits = screening.match([sha])
    if over == "restored":
        commands.restore(row.pk, because="placeholder reason 1", actor=OTHER)
    else:
        Removal.objects.filter(pk=row.pk).update(state="refused", reason="consent", settled_by=OTHER)
    run_due()
    world.add_item("again-1", "user-18", body=world.bodies["p1"])
    path_commands.screening_hit(Host.objects.get(), item_id="again-1", account_id="user-18", sha256=sha, hits=hits)
    run_due()
    assert world.items["again-1"].status == VISIBLE
    if over == "restored":
        assert stage.fresh(entry).retracted_at is not None
        assert screening.match([sha]) == []


def test_two_requests_about_one_file(world: memory_host.World) -> None:
    """Taking one back leaves what the other wants, and its list entry."""
    one, two = removing.valid(1), removing.valid(2)
    sha = digest_of(world, "p1")
    world.add_item("again-1", "user-18", body=world.bodies["p1"])
    commands.copy_found(Host.objects.get(), item_id="again-1", account_id="user-18", sha256=sha, ref=one.cause)
    run_due()
    assert world.items["again-1"].status == HIDDEN
    commands.restore(one.pk, because="placeholder reason 1", actor=OTHER)
    run_due()
    assert stage.fresh(one).state == S.RESTORED
    assert (world.items["p1"].status, world.items["again-1"].status) == (HIDDEN, HIDDEN)
    assert [hit.list for hit in screening.match([sha])] == ["take-it-down"]
    commands.restore(two.pk, because="placeholder reason 1", actor=OTHER)
    run_due()
    assert (world.items["p1"].status, world.items["again-1"].status) == (VISIBLE, VISIBLE)


# --- a case and a removal want one item ------------------------------------------------------------


def _case_hides(world: memory_host.World) -> Callable[[], None]:
    case = stage.case_of("p1", number=5)
    path_commands.lease_case(case.pk, actor=desk.FIRST, device=desk.DEVICE)
    path_commands.hide_item(case.items.get().pk, actor=desk.FIRST, device=desk.DEVICE)
    run_due()

    def lift() -> None:
        path_commands.unhide_item(case.items.get().pk, actor=desk.FIRST, device=desk.DEVICE)
        run_due()

    return lift


def _case_decides(world: memory_host.World) -> Callable[[], None]:
    decision = desk.decide(stage.case_of("p1", number=5), desk.SUSPENDS)
    stage.pass_time(hours=1)

    def lift() -> None:
        stage.look_again(stage.appeal(decision), desk.CLEARED, grant=True, actor=desk.THIRD)

    return lift


def _removal_hides(number: int) -> Callable[[memory_host.World], Callable[[], None]]:
    def make(world: memory_host.World) -> Callable[[], None]:
        row = removing.valid(number)

        def lift() -> None:
            commands.restore(row.pk, because="placeholder reason 1", actor=OTHER)
            run_due()

        return lift

    return make


WAYS = {"reviewer": _case_hides, "decision": _case_decides, "removal": _removal_hides(1), "second": _removal_hides(2)}
PAIRS = [pair for pair in itertools.permutations(WAYS, 2) if not {"reviewer", "decision"} <= set(pair)]


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_lifting_one_never_brings_back_what_the_other_wants(
    world: memory_host.World, first: str, second: str, order: tuple[int, int]
) -> None:
    lifts = [WAYS[first](world), WAYS[second](world)]
    assert world.items["p1"].status == HIDDEN
    lifts[order[0]]()
    assert world.items["p1"].status == HIDDEN, "the other one wants it hidden still"
    stage.check_everywhere(world)
    lifts[order[1]]()
    assert world.items["p1"].status == VISIBLE
    assert {row.state for row in Action.objects.filter(kind="hide_item")} == {"reversed"}
    stage.check_everywhere(world)


def test_purged_by_a_case_while_a_removal_hides_it(world: memory_host.World) -> None:
    row = removing.valid()
    decision = desk.decide(stage.case_of("p1", number=5), desk.SUSPENDS)
    Item.objects.filter(external_id="p1").update(purge_after_receipt=True)
    from safehold.path import order

    order.advance(decision)
    stage.pass_time(hours=1)
    assert "p1" not in world.items
    commands.restore(row.pk, because="placeholder reason 1", actor=OTHER)
    run_due()
    assert stage.fresh(row).state == S.RESTORED
    assert Action.objects.get(cause=row.cause).state == "irreversible", "what is gone cannot come back, and says so"


# --- the way back ----------------------------------------------------------------------------------


def objection(row: Removal, item: str = "p1") -> RemovalObjection:
    letter = Letter.objects.get(kind="removal_holder", ref=f"removalitem:{row.items.get(item__external_id=item).pk}")
    return commands.object_to(notices.letter_token(letter), text="placeholder message 4", language="en")


def test_an_objection_is_answered_by_somebody_else(world: memory_host.World) -> None:
    row = removing.valid()
    one = objection(row)
    assert Task.objects.get(kind="removal-objection").role == "senior"
    with pytest.raises(removals.SamePerson):
        commands.answer_objection(one.pk, grant=True, reason="placeholder reason 1", actor=CHECKER)
    assert FailedAttempt.objects.filter(act="objection.answer", actor=CHECKER).count() == 1
    with pytest.raises(ValueError, match="reason"):
        commands.answer_objection(one.pk, grant=True, reason=" ", actor=OTHER)
    assert stage.fresh(one).state == "open"
    commands.answer_objection(one.pk, grant=True, reason="placeholder reason 1", actor=OTHER)
    run_due()
    assert world.items["p1"].status == VISIBLE
    assert stage.fresh(row).state == S.RESTORED
    assert Task.objects.get(kind="removal-objection").closed_at is not None
    assert screening.match([digest_of(world, "p1")]) == []
    back = [m for m in mail.outbox if m.to == ["user-17@mail.example"]][-1]
    assert "placeholder reason 1" in back.body
    assert "taken back" in back.body
    with pytest.raises(IllegalMove):
        commands.answer_objection(one.pk, grant=False, reason="x", actor=OTHER)


def test_an_objection_that_is_refused_changes_nothing(world: memory_host.World) -> None:
    row = removing.valid()
    one = objection(row)
    commands.answer_objection(one.pk, grant=False, reason="placeholder reason 2", actor=OTHER)
    run_due()
    assert world.items["p1"].status == HIDDEN
    assert stage.fresh(row).state == S.REMOVED
    told = [m for m in mail.outbox if m.to == ["user-17@mail.example"]][-1]
    assert "The removal stands" in told.body
    assert "placeholder reason 2" in told.body
    with pytest.raises(removals.AlreadyObjected):
        objection(row)


def test_granted_for_one_of_two_items(world: memory_host.World) -> None:
    row = removing.valid(links=("https://memory.test/p1", "https://memory.test/p3"))
    commands.answer_objection(objection(row, "p3").pk, grant=True, reason="x", actor=OTHER)
    run_due()
    assert (world.items["p1"].status, world.items["p3"].status) == (HIDDEN, VISIBLE)
    assert stage.fresh(row).state == S.REMOVED
    assert screening.match([digest_of(world, "p3")]) == []
    assert screening.match([digest_of(world, "p1")]) != []
    housekeeping.removal_steps.keep_going()
    commands.copy_found(
        Host.objects.get(), item_id="p3", account_id="user-17", sha256=digest_of(world, "p3"), ref=row.cause
    )
    run_due()
    assert world.items["p3"].status == VISIBLE, "what a person brought back is left alone"


def test_a_wrong_token_opens_nothing(world: memory_host.World) -> None:
    removing.valid()
    letter = Letter.objects.get(kind="removal_holder")
    good = notices.letter_token(letter)
    assert commands.holder_letter(good)[0] == letter
    answer = Letter.objects.get(kind="removal_answer")
    for bad in ("", "x" * 43, good[:-1], good[:-1] + ("A" if good[-1] != "A" else "B"), notices.letter_token(answer)):
        with pytest.raises(notices.UnknownToken):
            commands.holder_letter(bad)
    with pytest.raises(notices.UnknownToken):
        notices.by_token(good)


# --- the end ---------------------------------------------------------------------------------------


def test_the_hosts_copy_is_destroyed_when_the_time_to_object_is_over(world: memory_host.World) -> None:
    row = removing.valid()
    stage.pass_time(days=1)
    assert "p1" in world.items
    Removal.objects.filter(pk=row.pk).update(removed_at=timezone.now() - timedelta(days=185))
    Job.objects.filter(name="removal.purge").update(not_before=timezone.now())
    run_due()
    assert "p1" not in world.items
    assert Action.objects.get(kind="purge_item").cause == row.cause


@pytest.mark.parametrize("against", ["objection", "case", "restored"])
def test_nothing_is_destroyed_against_which_something_stands(world: memory_host.World, against: str) -> None:
    row = removing.valid()
    if against == "objection":
        objection(row)
    elif against == "case":
        stage.case_of("p1", number=5)
    else:
        commands.restore(row.pk, because="x", actor=OTHER)
    run_due()
    Removal.objects.filter(pk=row.pk).update(removed_at=timezone.now() - timedelta(days=185))
    Job.objects.filter(name="removal.purge").update(not_before=timezone.now(), state="waiting")
    run_due()
    assert "p1" in world.items
    assert not Action.objects.filter(kind="purge_item", cause=row.cause).exists()


def test_what_the_notifier_wrote_is_sealed_looked_at_on_record_and_erased(world: memory_host.World) -> None:
    row = removing.valid()
    for model in (RemovalContact, RemovalWords):
        stored = bytes(model.objects.get().sealed)
        assert b"User 40" not in stored
        assert b"placeholder" not in stored
    told = commands.open_words(row.pk, actor=CHECKER)
    assert told.contact is not None
    assert told.words is not None
    assert (told.contact.signature, told.words.depiction) == ("User 40", "placeholder description 1")
    assert Entry.objects.filter(act="removal_words.viewed", actor=CHECKER).count() == 1
    later = timezone.now() + timedelta(days=181)
    assert removals.erase_due(actor="system:test", now=later) == 1
    told = commands.open_words(row.pk, actor=CHECKER)
    assert told.contact is None
    assert told.words is not None
    assert removals.address(row.pk) == ""
    assert removals.erase_due(actor="system:test", now=later + timedelta(days=365)) == 1
    assert commands.open_words(row.pk, actor=CHECKER).words is None


def test_jobs_carry_ids_alone(world: memory_host.World) -> None:
    removing.valid()
    for job in Job.objects.filter(name__startswith="removal."):
        assert set(job.ids) <= {"removal", "removed", "outcome", "ref", "like", "item"}
        assert "user-40" not in str(job.ids)


def test_each_step_may_run_twice(world: memory_host.World) -> None:
    row = removing.valid()
    removed = RemovalItem.objects.get()
    before = (Action.objects.count(), Letter.objects.count(), ListEntry.objects.count(), len(mail.outbox))
    for step, ids in (
        (removal_steps.resolve, {"removal": str(row.pk)}), (removal_steps.look, {"removal": str(row.pk)}),
        (removal_steps.hash_item, {"removed": str(removed.pk)}),
    ):  # fmt: skip
        step(**ids)  # type: ignore[operator]
    run_due()
    assert (Action.objects.count(), Letter.objects.count(), ListEntry.objects.count(), len(mail.outbox)) == before
