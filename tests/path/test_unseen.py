"""Deciding without a look: everything that must hold, what is filed then, the look back, the ways back."""

import itertools
from dataclasses import replace
from hashlib import md5, sha256
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import transaction

from safehold.audit.machine import IllegalMove
from safehold.audit.models import Entry
from safehold.cases.models import Case, Decision
from safehold.cybertip import inputs
from safehold.cybertip.document.build import build_file_details
from safehold.cybertip.models import Filing
from safehold.evidence import service as evidence
from safehold.hosts import contract
from safehold.intake.models import Report
from safehold.notices.models import Statement
from safehold.path import commands, hits, statements, unseen
from safehold.redress.models import Appeal
from safehold.screening import service as screening
from safehold.screening.models import CategoryMapping, HashList, HitRecord, HitRule, ListEntry
from safehold.subjects.models import Host
from safehold.work import service as work
from safehold.work.models import Task
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due
from tests.support.stage import FIRST, SECOND, THIRD

pytestmark = pytest.mark.django_db

OWNER, OTHER = "staff:owner-1", "staff:owner-2"
WHY = "placeholder reason 1"
BODY = b"not a picture, bytes of a test"
P1 = sha256(BODY).hexdigest()
TERMS = {"source": "source 1", "purpose": "prevent-exploitation", "licence": "agreement 7", "actor": OWNER}
MEANS = {"minor": "known", "form": ["photo_video"], "shows": "explicit", "danger": "none_seen", "malice": "found"}
HIDDEN, VISIBLE = contract.ItemStatus.HIDDEN, contract.ItemStatus.VISIBLE


@pytest.fixture(autouse=True)
def _no_look_back(settings: Any) -> None:
    share(settings, 0)


def share(settings: Any, percent: int) -> None:
    """How many unseen decisions are looked back at."""
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, look_back_percent=percent)


def entry(slug: str = "files-1", digest: str = P1, **more: Any) -> ListEntry:
    with transaction.atomic():
        return screening.add_entry(slug, digest, category="A1", **{**TERMS, **more})


def trust(slug: str = "files-1") -> None:
    screening.set_trusted(slug, trusted=True, because=WHY, actor=OWNER, approved_by=OTHER)


def mapping(
    answers: dict[str, Any] = MEANS, *, slug: str = "files-1", both: bool = True, **more: Any
) -> CategoryMapping:
    usual = {"category": "A1", "class_id": "cse", "version": "2024-05"}
    row = screening.sign_mapping(slug, answers=answers, because=WHY, actor=OWNER, **{**usual, **more})
    return screening.countersign_mapping(row.pk, actor=OTHER) if both else row


def rule(slug: str = "files-1") -> HitRule:
    return screening.set_rule(slug, "exact", "unseen", because=WHY, actor=OWNER, approved_by=OTHER)


def ready() -> ListEntry:
    """A list that may decide without a look."""
    row = entry()
    trust()
    mapping()
    rule()
    return row


def record(row: ListEntry, *, item: str = "p1", account: str = "user-17", run: bool = True, **more: Any) -> hits.Taken:
    home = HashList.objects.get(pk=row.list_id)
    held = ListEntry.objects.get(pk=row.pk).held_back_at is not None
    usual = {"exact": True, "trusted": home.trusted, "sha256": P1, "held_back": held}
    hit = screening.Hit(str(row.pk), home.pk, home.source, row.category, **{**usual, **more})
    taken = hits.record(
        Host.objects.get(), item_id=item, account_id=account, asked=screening.Asked(sha256=hit.sha256), hits=[hit],
        surface="public_uploads", jurisdiction="US",
    )  # fmt: skip
    if run:
        run_due()
    return taken


def doubts() -> list[str]:
    """Why a person must decide, as the record has it."""
    return [row.detail.body["because"] for row in Entry.objects.filter(act="unseen.left_to_a_person").order_by("pk")]


# --- the whole of it -------------------------------------------------------------------------------


def test_decided_filed_and_told_without_a_look(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    row = ready()
    record(row)
    decision = Decision.objects.get()
    in_force = HitRule.objects.get()
    assert (decision.state, decision.violation, decision.decided_by) == (
        "confirmed",
        True,
        f"system:rule:{in_force.pk}",
    )
    assert {one["origin"] for one in decision.answers} == {"list:source 1"}
    assert {one["question"]: one["answer"] for one in decision.answers} == {**MEANS, "role": "uploader"}
    assert world.items["p1"].status == HIDDEN
    assert world.accounts["user-17"].status == contract.AccountStatus.SUSPENDED
    assert len(ncmec.finished) == 1
    assert Statement.objects.get(decision=str(decision.pk)).sent_at is not None
    told = statements._input(decision, world.accounts["user-17"])
    assert (told.automated_detection, told.automated_decision) == (True, True), "DSA Art. 17(3)(c)"
    assert HitRecord.objects.get().agreed == "open", "a list's word come back is no agreement"
    assert not ListEntry.objects.filter(list="bank").exists(), "nobody saw what the bank would vouch for"
    assert not doubts()
    stage.check_everywhere(world)


def test_the_report_says_that_nobody_viewed_the_file(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    """Invariant 8, on the document that is filed."""
    record(ready())
    filing = Filing.objects.get()
    (file,) = inputs.decode(bytes(filing.record)).files
    assert file.viewed is False
    assert (
        file.additional_info
        == "Classified without a look: the file is on the hash list of source 1 (by SHA-256, category A1)."
    )
    document = build_file_details(inputs.decode(bytes(filing.record)), file, report_id=1001, file_id="file-1")
    assert b"<fileViewedByEsp>false</fileViewedByEsp>" in document
    assert not evidence.viewed_whole(file.sealed_id, before=stage.later(days=1))


def test_it_may_run_twice_and_beside_a_resend(world: memory_host.World, ncmec: stage.Ncmec) -> None:
    row = ready()
    taken = record(row)
    unseen.decide(taken.report_ref)
    record(row)
    assert Decision.objects.count() == 1
    assert len(ncmec.finished) == 1


def test_the_right_of_appeal_is_as_always(world: memory_host.World) -> None:
    record(ready())
    decision = Decision.objects.get()
    appeal = stage.look_again(stage.appeal(decision), desk.CLEARED, grant=True)
    assert appeal.state == "granted"
    assert world.items["p1"].status == VISIBLE
    assert world.accounts["user-17"].status == contract.AccountStatus.ACTIVE
    assert HitRecord.objects.get().agreed == "taken_back"
    assert HitRule.objects.get().ended_because.startswith("drift: "), "one wrong of the first ones ends it"
    assert Task.objects.filter(kind="automation-off", role="policy_owner").count() == 1


def test_a_refused_appeal_is_a_person_s_agreement(world: memory_host.World) -> None:
    record(ready())
    stage.look_again(stage.appeal(Decision.objects.get()), desk.SUSPENDS, grant=False)
    assert HitRecord.objects.get().agreed == "yes"
    assert HitRule.objects.get().ended_at is None


def test_a_withdrawn_entry_has_unseen_decisions_looked_at_again(world: memory_host.World) -> None:
    row = ready()
    record(row)
    decision = Decision.objects.get()
    (correction,) = commands.retract_entry(row.pk, because=WHY, actor=THIRD)
    assert (correction.decision, correction.kind) == (decision, "correction")
    stage.look_again(correction, desk.CLEARED, grant=True)
    assert world.items["p1"].status == VISIBLE
    assert HitRecord.objects.get().agreed == "taken_back"


# --- everything that must hold ---------------------------------------------------------------------

MAPPINGS = {
    "complete": mapping,
    "incomplete": lambda: mapping({"minor": "known", "form": ["photo_video"]}),
    "one signature": lambda: mapping(both=False),
    "second person": lambda: mapping({**MEANS, "malice": "none_found"}),
    "cannot tell": lambda: mapping(
        {"minor": "known", "form": ["photo_video"], "shows": "cannot_tell", "danger": "none_seen"}
    ),
    "other version": lambda: mapping({"minor": "known"}, version="2020-10"),
    "other category": lambda: mapping(category="A2"),
    "none": lambda: None,
}
WHOLE = itertools.product([True, False], ["exact", "near"], [True, False], MAPPINGS, ["live", "held back", "retracted"])
RIGHT = (True, "exact", True, "complete", "live")


def wrong(row: tuple[Any, ...]) -> int:
    """In how many things a row of the matrix is not as it must be."""
    return sum(one != other for one, other in zip(row, RIGHT, strict=True))


MATRIX = [pytest.param(*row, marks=[pytest.mark.slow] if wrong(row) > 1 else []) for row in WHOLE]


@pytest.mark.parametrize(("trusted", "how", "ruled", "means", "state"), MATRIX)
def test_one_thing_that_does_not_hold_leaves_it_to_a_person(
    world: memory_host.World, trusted: bool, how: str, ruled: bool, means: str, state: str
) -> None:
    """Every combination (those with more than one thing wrong are slow); retracted after the hit came."""
    row = entry()
    trust()
    MAPPINGS[means]()
    if ruled:
        rule()
    if not trusted:
        screening.set_trusted("files-1", trusted=False, because=WHY, actor=OWNER)
    if state == "held back":
        screening.hold_back(row.pk, because=WHY, actor=OWNER)
    more = {} if how == "exact" else {"exact": False, "how": "pdq", "distance": 20}
    record(row, run=False, **more)
    if state == "retracted":
        commands.retract_entry(row.pk, because=WHY, actor=THIRD)
    run_due()
    decided = trusted and how == "exact" and ruled and means == "complete" and state == "live"
    assert Decision.objects.exists() is decided
    hidden = trusted and how == "exact" and state == "live"
    assert (world.items["p1"].status == HIDDEN) is hidden
    case = Case.objects.get()
    assert (case.state == "open") is not decided, "a person's case in the queue"
    if not decided:
        assert world.accounts["user-17"].status == contract.AccountStatus.ACTIVE
        assert not Filing.objects.exists()


def _lease(_world: memory_host.World, _row: ListEntry) -> None:
    commands.lease_case(Case.objects.get().pk, actor=FIRST, device=desk.DEVICE)


def _end_rule(_world: memory_host.World, _row: ListEntry) -> None:
    screening.end_rule(HitRule.objects.get().pk, because=WHY, actor=OWNER)


def _end_mapping(_world: memory_host.World, _row: ListEntry) -> None:
    screening.end_mapping(CategoryMapping.objects.get().pk, because=WHY, actor=OWNER)


def _role(_world: memory_host.World, _row: ListEntry) -> None:
    who = {"actor": FIRST, "device": desk.DEVICE}
    commands.lease_case(Case.objects.get().pk, **who)
    commands.set_role(Case.objects.get().subjects.get().pk, "sharer", **who)
    commands.release_case(Case.objects.get().pk, **who)


def _reported_too(_world: memory_host.World, _row: ListEntry) -> None:
    desk.report(number=7, locators=("https://memory.test/p2",))


def _other_item(_world: memory_host.World, _row: ListEntry) -> None:
    record(entry("files-9", "c" * 64), item="p3", sha256="c" * 64)


def _distrust(_world: memory_host.World, _row: ListEntry) -> None:
    screening.set_trusted("files-1", trusted=False, because=WHY, actor=OWNER)


@pytest.mark.parametrize(("meanwhile", "why"), [
    (_lease, "a_person_works_on_it"), (_end_rule, "no_rule"), (_end_mapping, "no_mapping"), (_role, "role"),
    (_reported_too, "more_than_the_hit"), (_other_item, "no_rule"), (_distrust, "no_rule"),
])  # fmt: skip
def test_what_happens_in_between_is_respected(
    world: memory_host.World, monkeypatch: pytest.MonkeyPatch, meanwhile: Any, why: str
) -> None:
    """The job looks again at everything in the moment in which it would decide."""
    row = ready()
    with monkeypatch.context() as patch:
        job = work.REGISTRY["hit.unseen"]
        patch.setitem(work.REGISTRY, "hit.unseen", replace(job, handler=lambda **_ids: None))
        record(row)
    report = Report.objects.get()
    assert unseen.why_not(report) == ""
    meanwhile(world, row)
    assert unseen.why_not(report) == why
    unseen.decide(str(report.pk))
    assert not Decision.objects.exists()
    assert doubts() == [why]


def test_the_vault_must_hold_the_very_file_that_was_matched(world: memory_host.World) -> None:
    """A host names a hash, and gives a file later: only if the file has that hash may nobody look."""
    row = ready()
    world.bodies["p1"] = b"other bytes"
    record(row)
    assert doubts() == ["file_differs"]
    assert not Decision.objects.exists()
    assert Case.objects.get().state == "open"


def test_an_item_that_the_host_no_longer_has_goes_to_a_person(world: memory_host.World) -> None:
    row = ready()
    del world.bodies["p1"]
    record(row)
    assert doubts() == ["file_differs"]


@pytest.mark.parametrize(("given", "decided"), [(P1, True), ("", True), ("d" * 64, False)])
def test_by_md5_together_with_pdq_the_digest_is_compared(world: memory_host.World, given: str, decided: bool) -> None:
    digest = md5(BODY, usedforsecurity=False).hexdigest()
    row = entry(digest="", md5=digest)
    trust()
    mapping()
    rule()
    record(row, how="md5", distance=4, sha256=given)
    assert Decision.objects.exists() is decided


def test_an_account_that_nobody_knows_is_a_person_s_matter(world: memory_host.World) -> None:
    row = ready()
    world.items["p1"] = msgspec.structs.replace(world.items["p1"], account_id="")
    record(row, account="")
    assert doubts() == ["role"]


def test_items_of_different_meaning_go_to_a_person(world: memory_host.World) -> None:
    row = ready()
    other = entry("files-1", sha256(b"other bytes of a test").hexdigest())
    ListEntry.objects.filter(pk=other.pk).update(category="A2")
    mapping({**MEANS, "shows": "suggestive"}, category="A2")
    record(row, run=False)
    other.refresh_from_db()
    record(other, item="p3", sha256=other.sha256)
    stage.pass_time(minutes=2)
    assert doubts() == ["items_differ", "items_differ"]
    assert Case.objects.count() == 1


def test_two_uploads_of_one_meaning_are_one_decision(world: memory_host.World) -> None:
    row = ready()
    other = entry("files-1", sha256(b"other bytes of a test").hexdigest())
    record(row, run=False)
    record(other, item="p3", sha256=other.sha256)
    assert Decision.objects.get().covers.count() == 2


def test_a_strike_before_is_history_all_the_same(world: memory_host.World) -> None:
    desk.decide(stage.case_of("p2"), desk.SUSPENDS)
    record(ready())
    assert Decision.objects.get(decided_by__startswith="system:rule:").history["strikes"] == 1


# --- looking back ----------------------------------------------------------------------------------


@pytest.fixture
def looked_back(world: memory_host.World, settings: Any) -> Task:
    share(settings, 100)
    record(ready())
    return Task.objects.get(kind=unseen.LOOK_BACK)


def _reveal(actor: str) -> None:
    case = Case.objects.get()
    commands.lease_case(case.pk, actor=actor, device=desk.DEVICE)
    commands.reveal_item(case.items.get().pk, actor=actor, device=desk.DEVICE)


def test_nobody_says_yes_to_what_they_did_not_look_at(looked_back: Task) -> None:
    for agree in (True, False):
        with pytest.raises(unseen.NotLookedAt):
            unseen.look_back(looked_back.pk, agree=agree, reason=WHY, actor=FIRST)
    with pytest.raises(IllegalMove):
        commands.close_task(looked_back.pk, outcome="looked", actor=FIRST)
    assert HitRecord.objects.get().agreed == "open"
    _reveal(SECOND)
    with pytest.raises(unseen.NotLookedAt):
        unseen.look_back(looked_back.pk, agree=True, reason="", actor=FIRST)


def test_a_person_agrees_afterwards(looked_back: Task) -> None:
    _reveal(FIRST)
    for _twice in range(2):
        task = unseen.look_back(looked_back.pk, agree=True, reason="", actor=FIRST)
    assert (task.closed_by, task.outcome) == (FIRST, "agreed")
    assert HitRecord.objects.get().agreed == "yes"
    assert not Appeal.objects.exists()


def test_a_person_disagrees_afterwards(looked_back: Task) -> None:
    """Somebody else takes it back; the automation is off at once."""
    _reveal(FIRST)
    with pytest.raises(ValueError, match="Say in a sentence"):
        unseen.look_back(looked_back.pk, agree=False, reason=" ", actor=FIRST)
    unseen.look_back(looked_back.pk, agree=False, reason=WHY, actor=FIRST)
    assert HitRecord.objects.get().agreed == "no"
    assert HitRule.objects.get().ended_at is not None
    correction = Appeal.objects.get()
    assert (correction.kind, correction.because) == ("correction", f"task:{looked_back.pk}")
    assert Decision.objects.get().state == "confirmed", "nothing is undone before the second look"
    stage.look_again(correction, desk.CLEARED, grant=True)
    assert HitRecord.objects.get().agreed == "taken_back"


def test_the_share_is_drawn_by_the_decision_and_close_to_what_was_set(settings: Any) -> None:
    share(settings, 5)
    drawn = [unseen.chosen(UUID(int=number)) for number in range(4000)]
    assert 150 <= sum(drawn) <= 250, "five in a hundred of 4000"
    assert drawn == [unseen.chosen(UUID(int=number)) for number in range(4000)]
