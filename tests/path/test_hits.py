"""From a hit to what people see: one report, hidden by rule, the queue, links in the report, the guard, corrections."""

from hashlib import md5, sha256
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from safehold.audit.models import Entry
from safehold.cases.models import Case, Decision
from safehold.cybertip import inputs
from safehold.cybertip.models import Filing
from safehold.enforcement.models import Action
from safehold.hosts import contract
from safehold.intake.models import Report
from safehold.path import commands, hits
from safehold.redress.models import Appeal
from safehold.screening import service as screening
from safehold.screening.models import HashList, HitRecord, ListEntry
from safehold.subjects.models import Host
from safehold.work.models import Job, Task
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due
from tests.support.stage import FIRST, SECOND, THIRD

pytestmark = pytest.mark.django_db

OWNER, OTHER = "staff:owner-1", "staff:owner-2"
WHY = "placeholder reason 1"
P1 = sha256(b"not a picture, bytes of a test").hexdigest()
HIDDEN, VISIBLE = contract.ItemStatus.HIDDEN, contract.ItemStatus.VISIBLE
TERMS = {"source": "source 1", "purpose": "prevent-exploitation", "licence": "agreement 7", "actor": OWNER}


def entry(slug: str = "files-1", digest: str = P1, **more: Any) -> ListEntry:
    with transaction.atomic():
        return screening.add_entry(slug, digest, category="A1", **{**TERMS, **more})


def trust(slug: str = "files-1") -> None:
    screening.set_trusted(slug, trusted=True, because=WHY, actor=OWNER, approved_by=OTHER)


def hit_of(row: ListEntry, **more: Any) -> screening.Hit:
    home = HashList.objects.get(pk=row.list_id)
    usual = {"exact": True, "trusted": home.trusted, "sha256": P1, "purpose": home.purpose}
    return screening.Hit(str(row.pk), home.pk, home.source, row.category, **{**usual, **more})


def record(
    *found: screening.Hit, item: str = "p1", account: str = "user-17", run: bool = True, **asked: Any
) -> hits.Taken:
    taken = hits.record(
        Host.objects.get(), item_id=item, account_id=account, asked=screening.Asked(**{"sha256": P1, **asked}),
        hits=list(found), surface="public_uploads", jurisdiction="US",
    )  # fmt: skip
    if run:
        run_due()
    return taken


LIKE = {"exact": False, "how": "pdq", "distance": 20}


# --- one report ------------------------------------------------------------------------------------


def test_an_item_with_many_hits_is_one_report_with_a_row_for_each(world: memory_host.World) -> None:
    near, exact = entry("files-1"), entry("files-2", md5="b" * 32, source="source 2")
    trust("files-2")
    taken = record(hit_of(near, **LIKE), hit_of(exact))
    report = Report.objects.get()
    assert taken == hits.Taken(str(report.pk), "hide")
    assert report.partner == f"entry:{exact.pk}", "named for the surest hit"
    assert report.class_id == "cse"
    rows = {row.how: row for row in HitRecord.objects.all()}
    assert {row.report for row in rows.values()} == {report.pk}
    assert (rows["pdq"].distance, rows["pdq"].did, rows["sha256"].did) == (20, "review", "hide")
    assert (rows["sha256"].surface, rows["sha256"].jurisdiction, rows["sha256"].account_id) == (
        "public_uploads", "US", "user-17",
    )  # fmt: skip
    assert world.items["p1"].status == HIDDEN


def test_a_resend_changes_nothing(world: memory_host.World) -> None:
    row = entry()
    first = record(hit_of(row))
    entries = Entry.objects.count()
    assert record(hit_of(row)) == first
    assert (Report.objects.count(), HitRecord.objects.count(), Case.objects.count()) == (1, 1, 1)
    assert Entry.objects.count() == entries


def test_another_entry_later_joins_while_undecided_and_opens_a_case_after(world: memory_host.World) -> None:
    row, second, third = entry(), entry("files-2"), entry("files-3")
    record(hit_of(row))
    record(hit_of(row), hit_of(second))
    case = Case.objects.get()
    desk.decide(case, desk.CLEARED)
    assert record(hit_of(row), hit_of(second)).report_ref, "nothing new was hit: nothing opens"
    assert Case.objects.count() == 1
    record(hit_of(row), hit_of(second), hit_of(third))
    newest = Case.objects.order_by("-number")[0]
    assert newest.follows == case
    assert HitRecord.objects.get(entry=third).report in newest.reports.values_list("pk", flat=True)


def test_what_was_only_noted_opens_a_report_once_the_rule_says_so(world: memory_host.World) -> None:
    row = entry()
    rule = screening.set_rule("files-1", "exact", "note", because=WHY, actor=OWNER, approved_by=OTHER)
    assert record(hit_of(row)) == hits.Taken("", "note")
    noted = HitRecord.objects.get()
    assert (noted.report, noted.did, noted.rule) == (None, "note", rule)
    assert not Report.objects.exists()
    screening.end_rule(rule.pk, because=WHY, actor=OWNER)
    assert record(hit_of(row)).did == "review"
    noted.refresh_from_db()
    assert (noted.did, noted.rule) == ("review", None)
    assert Case.objects.get().reports.get().pk == noted.report


def test_nothing_of_a_request_that_fails_is_kept(world: memory_host.World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: Any, **_more: Any) -> None:
        raise RuntimeError("placeholder")

    monkeypatch.setattr(screening, "attach_report", fails)
    with pytest.raises(RuntimeError):
        record(hit_of(entry()))
    assert (Report.objects.count(), HitRecord.objects.count(), Job.objects.count()) == (0, 0, 0)


# --- what each hit does ----------------------------------------------------------------------------


@pytest.mark.parametrize(("trusted", "more", "status", "place"), [
    (True, {}, HIDDEN, 1), (False, {}, VISIBLE, 2), (True, LIKE, VISIBLE, 2), (False, LIKE, VISIBLE, 2),
    (True, {"how": "link", "exact": False}, HIDDEN, 2), (False, {"how": "link", "exact": False}, VISIBLE, 2),
    (True, {"held_back": True}, VISIBLE, 1),
])  # fmt: skip
def test_by_default(world: memory_host.World, trusted: bool, more: dict[str, Any], status: Any, place: int) -> None:
    row = entry()
    if trusted:
        trust()
    if more.get("held_back"):
        screening.hold_back(row.pk, because=WHY, actor=OWNER)
    record(hit_of(row, **more))
    case = Case.objects.get()
    assert world.items["p1"].status == status
    assert case.priority == place
    assert (case.state, case.knowledge_source) == ("open", "match")
    assert case.items.get().preserve_state == "done", "evidence first, whatever the rule"
    assert world.accounts["user-17"].status == contract.AccountStatus.ACTIVE
    assert not Decision.objects.exists(), "a person decides"


@pytest.mark.parametrize("meanwhile", ["retracted", "held back", "trust gone", "rule"])
def test_what_changed_before_hiding_leaves_the_item_to_a_person(world: memory_host.World, meanwhile: str) -> None:
    row = entry()
    trust()
    record(hit_of(row), run=False)
    if meanwhile == "retracted":
        commands.retract_entry(row.pk, because=WHY, actor=THIRD)
    elif meanwhile == "held back":
        screening.hold_back(row.pk, because=WHY, actor=OWNER)
    elif meanwhile == "trust gone":
        screening.set_trusted("files-1", trusted=False, because=WHY, actor=OWNER)
    else:
        screening.set_rule("files-1", "exact", "review", because=WHY, actor=OWNER)
    run_due()
    assert world.items["p1"].status == VISIBLE
    assert Case.objects.get().state == "open"
    assert not Action.objects.exists()


def test_a_copy_of_a_removed_file_is_no_report(world: memory_host.World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where another list knows it: that hit is a report, this one is not."""
    copies: list[tuple[str, str]] = []
    monkeypatch.setattr(
        hits.removals, "copy_found", lambda _host, *, item_id, ref, **_more: copies.append((item_id, ref))
    )
    removed = entry("removed", purpose="take-it-down", ref="removal:1")
    assert record(hit_of(removed)) == hits.Taken("", "hide")
    assert copies == [("p1", "removal:1")]
    assert not Report.objects.exists()
    record(hit_of(removed), hit_of(entry()))
    assert Report.objects.get().partner != f"entry:{removed.pk}"
    assert HitRecord.objects.get(entry=removed).report is None


@pytest.mark.parametrize("more", [LIKE, {"held_back": True}])
def test_what_only_resembles_a_removed_file_is_left_alone(
    world: memory_host.World, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    monkeypatch.setattr(hits.removals, "copy_found", lambda *_args, **_more: pytest.fail("no copy was found"))
    assert record(hit_of(entry("removed", purpose="take-it-down", ref="removal:1"), **more)).did == "note"
    assert not Report.objects.exists()


# --- words order the queue -------------------------------------------------------------------------


def word(slug: str = "words-1", term: str = "blorft") -> screening.Hit:
    with transaction.atomic():
        row = screening.add_term(slug, term=term, category="W", **TERMS)
    return hit_of(row, exact=False, how="term", sha256="")


def test_a_word_opens_nothing(world: memory_host.World) -> None:
    assert record(word(), sha256="", text="placeholder message 3") == hits.Taken("", "order")
    assert (Report.objects.count(), Case.objects.count(), Action.objects.count()) == (0, 0, 0)
    assert HitRecord.objects.get().did == "order"


def test_a_word_brings_an_undecided_case_of_the_item_or_account_forward_once(world: memory_host.World) -> None:
    case = stage.case_of("p1", class_id="altercation")
    before = case.priority
    found = word()
    for _twice in range(2):
        record(found, sha256="")
    assert stage.fresh(case).priority == before - 1
    record(found, item="p2", sha256="")
    assert stage.fresh(case).priority == before - 2, "another item of the same account"
    record(found, item="q1", account="user-18", sha256="")
    assert stage.fresh(case).priority == before - 2


def test_words_bring_nothing_before_what_somebody_vouches_for(world: memory_host.World) -> None:
    case = stage.case_of("p1")
    for number in range(6):
        record(word(term=f"blorft{number}"), sha256="", run=False)
    assert stage.fresh(case).priority == 2


def test_a_word_that_was_found_before_counts_when_a_report_comes(world: memory_host.World) -> None:
    plain = stage.case_of("q1", number=1, class_id="altercation").priority
    record(word(), sha256="")
    assert stage.case_of("p1", number=2, class_id="altercation").priority == plain - 1


def test_a_word_brings_a_person_where_the_rule_says_so(world: memory_host.World) -> None:
    found = word()
    screening.set_rule("words-1", "words", "review", because=WHY, actor=OWNER)
    record(found, sha256="")
    case = Case.objects.get()
    assert (case.priority, world.items["p1"].status) == (3, VISIBLE)


# --- links -----------------------------------------------------------------------------------------


def test_a_link_takes_the_item_away_and_stands_in_the_report(world: memory_host.World) -> None:
    """As the item has it, not as the list does: the list keeps no link."""
    text = "placeholder message 9 https://other.test/ and hxxps://pages[.]listed[.]test/a/b?x=1"
    world.items["p2"] = contract.ItemFacts(
        id="p2", account_id="user-17", kind="post", status=VISIBLE, text=text, posted_at=memory_host.POSTED
    )
    with transaction.atomic():
        row = screening.add_link("links-1", "https://listed.test/", scope="domain", category="L", **TERMS)
    trust("links-1")
    record(hit_of(row, exact=False, how="link", sha256=""), item="p2", sha256="")
    assert world.items["p2"].status == HIDDEN
    answers = {"role": "linker", "minor": "known", "form": ["link"], "link_leads": "to_material", "danger": "none_seen",
               "malice": "found"}  # fmt: skip
    decision = desk.decide(Case.objects.get(), answers)
    assert decision.violation
    filed = inputs.decode(bytes(Filing.objects.get().record))
    assert [url for url in filed.urls if "listed" in url] == ["https://pages.listed.test/a/b?x=1"]
    assert not [url for url in filed.urls if "other.test" in url]


# --- what people found -----------------------------------------------------------------------------


def test_people_s_decisions_tell_the_guard_and_the_source(
    world: memory_host.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safehold.path import exchanges

    told: list[tuple[str, str, bool]] = []
    monkeypatch.setattr(
        exchanges,
        "tell_source",
        lambda entry_id, how, *, affirmative, **_more: told.append((entry_id, how, affirmative)),
    )
    row = entry()
    record(hit_of(row))
    decision = desk.decide(Case.objects.get(), desk.SUSPENDS)
    found = HitRecord.objects.get()
    assert (found.agreed, found.agreed_ref) == ("yes", f"decision:{decision.pk}")
    assert told == [(str(row.pk), "sha256", True)]
    again = stage.look_again(stage.appeal(decision), desk.CLEARED, grant=True)
    found.refresh_from_db()
    assert found.agreed == "no", "a person had looked the first time"
    assert found.agreed_ref != f"decision:{decision.pk}"
    assert again.state == "granted"
    assert told[1:] == [(str(row.pk), "sha256", False)]


def test_an_item_is_a_violation_where_any_decision_says_so(world: memory_host.World) -> None:
    record(hit_of(entry()))
    case, who = Case.objects.get(), {"actor": FIRST, "device": desk.DEVICE}
    subject = case.subjects.get()
    desk.decide(case, desk.SUSPENDS)
    commands.lease_case(case.pk, **who)
    commands.answer(subject.pk, "altercation", {"minor": "adult"}, **who)
    decision = commands.propose_decision(subject.pk, "altercation", **who)
    assert not commands.confirm_decision(decision.pk, **who).violation
    assert HitRecord.objects.get().agreed == "yes"


def test_disagreement_turns_hiding_off_and_a_policy_owner_hears_of_it(world: memory_host.World) -> None:
    row = entry()
    trust()
    record(hit_of(row))
    assert world.items["p1"].status == HIDDEN
    desk.decide(Case.objects.get(), desk.CLEARED)
    assert not HashList.objects.get().trusted
    task = Task.objects.get(kind="automation-off")
    assert (task.role, task.about) == ("policy_owner", "hashlist:files-1")
    assert "drift" in task.note
    world.add_item("p9", "user-17", body=b"not a picture, bytes of a test")
    record(hit_of(row), item="p9")
    assert world.items["p9"].status == VISIBLE
    assert world.items["p1"].status == VISIBLE, "cleared"


@pytest.mark.parametrize(
    ("slug", "alike", "outcome", "asked"),
    [
        ("files-1", False, desk.CLEARED, True),
        ("files-1", False, desk.SUSPENDS, False),
        ("files-1", True, desk.CLEARED, False),  # what looks alike need not be the same
        (screening.BANK, False, desk.CLEARED, False),  # our own: it goes with the decision it came from
    ],
)
def test_an_entry_whose_very_file_is_cleared_is_looked_at(
    world: memory_host.World, slug: str, alike: bool, outcome: Any, asked: bool
) -> None:
    row = entry(slug)
    record(hit_of(row, **(LIKE if alike else {})))
    desk.decide(Case.objects.get(), outcome)
    tasks = Task.objects.filter(kind="entry-disputed")
    assert [(task.about, task.role) for task in tasks] == ([(f"listentry:{row.pk}", "policy_owner")] if asked else [])


# --- an entry was wrong ----------------------------------------------------------------------------


def decided(world: memory_host.World, row: ListEntry, items: int) -> list[Decision]:
    """So many accounts that uploaded the file and were decided about."""
    made = []
    for number in range(items):
        who = f"user-{30 + number}"
        world.add_account(who)
        world.add_item(f"r{number}", who, body=b"not a picture, bytes of a test")
        record(hit_of(row), item=f"r{number}", account=who)
        made.append(desk.decide(Case.objects.order_by("-number")[0], desk.SUSPENDS))
    return made


def test_everything_that_rests_on_an_entry_is_looked_at_again_in_steps(
    world: memory_host.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hits.correct, "__kwdefaults__", {"at_most": 2})
    row, sure = entry(), entry("files-2")
    made = decided(world, row, 3)
    record(hit_of(sure), item="q1", account="user-18")
    other = desk.decide(Case.objects.get(subjects__account__external_id="user-18"), desk.SUSPENDS)
    opened = commands.retract_entry(row.pk, because=WHY, actor=THIRD)
    assert len(opened) == 2
    assert hits.rests_on(row.pk) == (3, 2)
    run_due()
    assert hits.rests_on(row.pk) == (3, 3)
    assert {one.decision_id for one in Appeal.objects.all()} == {one.pk for one in made}
    assert not other.appeals.exists(), "its entry stands"
    for _again in range(2):
        assert commands.retract_entry(row.pk, because=WHY, actor=THIRD) == []
        run_due()
    assert Appeal.objects.count() == 3


def test_the_weaker_of_two_hits_is_rested_on_too(world: memory_host.World) -> None:
    """The report names the surest entry alone; the other one led to it as well."""
    near, exact = entry("files-1"), entry("files-2")
    record(hit_of(near, **LIKE), hit_of(exact))
    decision = desk.decide(Case.objects.get(), desk.SUSPENDS)
    assert [one.decision for one in commands.retract_entry(near.pk, because=WHY, actor=THIRD)] == [decision]


def test_a_withdrawal_by_the_source_asks_again_through_a_job(world: memory_host.World) -> None:
    row = entry()
    (decision,) = decided(world, row, 1)
    with transaction.atomic():
        screening.retract_entry(row.pk, because="withdrawn by source", actor="system:worker")
        hits.entry_retracted([row.pk])
    assert not Appeal.objects.exists()
    run_due()
    assert Appeal.objects.get().decision == decision
    with transaction.atomic():
        hits.entry_retracted([row.pk])
    run_due()
    assert Appeal.objects.count() == 1


def test_an_open_appeal_is_the_second_look_already(world: memory_host.World) -> None:
    row = entry()
    (decision,) = decided(world, row, 1)
    appeal = stage.appeal(decision)
    assert commands.retract_entry(row.pk, because=WHY, actor=THIRD) == []
    run_due()
    assert [one.pk for one in Appeal.objects.all()] == [appeal.pk]


def test_a_decision_about_other_items_of_the_case_does_not_rest_on_the_entry(world: memory_host.World) -> None:
    row = entry()
    record(hit_of(row))
    case = stage.case_of("p2", number=7)
    subject, who = case.subjects.get(), {"actor": FIRST, "device": desk.DEVICE}
    commands.lease_case(case.pk, **who)
    commands.answer(subject.pk, "cse", desk.SUSPENDS, **who)
    other = case.items.get(item__external_id="p2")
    decision = commands.propose_decision(subject.pk, "cse", item_ids=[str(other.pk)], **who)
    commands.confirm_decision(decision.pk, **who)
    assert commands.retract_entry(row.pk, because=WHY, actor=THIRD) == []


def test_reports_from_before_hits_were_recorded_are_rested_on(world: memory_host.World) -> None:
    row = entry()
    record(hit_of(row))
    decision = desk.decide(Case.objects.get(), desk.SUSPENDS)
    HitRecord.objects.all().delete()
    assert [one.decision for one in commands.retract_entry(row.pk, because=WHY, actor=THIRD)] == [decision]
    assert hits.rests_on(uuid4()) == (0, 0)


def test_md5_alone_is_a_person_s_matter(world: memory_host.World) -> None:
    """An exact answer of the matcher counts, not the kind of digest."""
    digest = md5(b"not a picture, bytes of a test", usedforsecurity=False).hexdigest()
    row = entry(md5=digest)
    trust()
    record(hit_of(row, exact=False, how="md5"), md5=digest)
    assert world.items["p1"].status == VISIBLE
    assert SECOND not in Entry.objects.values_list("actor", flat=True)
