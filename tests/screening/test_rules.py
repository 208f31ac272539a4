"""What a hit does: defaults, rules of one and of two people, trust that goes, private surfaces, categories."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from safehold import policy
from safehold.audit.machine import IllegalMove
from safehold.audit.models import Entry, FailedAttempt
from safehold.screening import mappings, proposals, rules
from safehold.screening import service as screening
from safehold.screening.models import CategoryMapping, HashList, HitRecord, HitRule, ListEntry, Proposal, Surface
from safehold.subjects.models import Host

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

FIRST, SECOND, THIRD = "staff:user-17", "staff:user-18", "staff:user-19"
WHY = "placeholder reason 1"
ANSWERS = {"minor": "known", "form": ["photo_video"], "shows": "explicit", "danger": "none_seen", "malice": "found"}
VERSION = "2024-05"
On, What = HitRule.On, HitRule.Does


@pytest.fixture
def files() -> HashList:
    return make("files-1")


def make(slug: str, *, kind: str = "files", trusted: bool = False, purpose: str = "prevent-exploitation") -> HashList:
    return HashList.objects.create(
        slug=slug, kind=kind, source="source 1", licence="agreement 7", purpose=purpose, trusted=trusted,
        trusted_at=timezone.now() if trusted else None, made_at=timezone.now(),
    )  # fmt: skip


def trust(home: HashList) -> HashList:
    return screening.set_trusted(home.pk, trusted=True, because=WHY, actor=FIRST, approved_by=SECOND)


def hit(home: HashList, **more: Any) -> screening.Hit:
    home.refresh_from_db()
    usual = {"exact": True, "trusted": home.trusted, "purpose": home.purpose}
    return screening.Hit(str(uuid4()), home.pk, home.source, "A1", **{**usual, **more})


# --- what happens without a rule -------------------------------------------------------------------

LIKE = {"exact": False, "how": "pdq", "distance": 20}
LINK = {"exact": False, "how": "link"}


@pytest.mark.parametrize(("trusted", "more", "wanted"), [
    (True, {}, "hide"), (False, {}, "review"),
    (True, LIKE, "review"), (False, LIKE, "review"),
    (True, {"exact": False, "how": "md5"}, "review"),
    (True, LINK, "hide"), (False, LINK, "review"),
    (True, {"exact": False, "how": "term"}, "order"), (False, {"exact": False, "how": "together"}, "order"),
    (True, {"held_back": True}, "review"), (True, {**LINK, "held_back": True}, "review"),
    (True, {"exact": False, "how": "term", "held_back": True}, "order"),
])  # fmt: skip
def test_the_defaults(files: HashList, trusted: bool, more: dict[str, Any], wanted: str) -> None:
    if trusted:
        trust(files)
    assert screening.does(hit(files, **more)) == screening.Does(wanted, "")


@pytest.mark.parametrize(("more", "wanted"), [({}, "hide"), (LIKE, "note"), ({"held_back": True}, "note")])
def test_a_list_of_removed_files_follows_its_requests_and_no_rule(more: dict[str, Any], wanted: str) -> None:
    home = make("removed", purpose="take-it-down")
    assert screening.does(hit(home, **more)).does == wanted
    with pytest.raises(screening.NotAllowed):
        screening.set_rule(home.pk, On.EXACT, What.REVIEW, because=WHY, actor=FIRST, approved_by=SECOND)


def test_one_query_for_all_hits_of_a_request(files: HashList, django_assert_num_queries: Any) -> None:
    rule = screening.set_rule(files.pk, On.NEAR, What.REVIEW, because=WHY, actor=FIRST)
    found = [hit(files), hit(files, **LIKE), hit(files, **LIKE)]
    with django_assert_num_queries(1):
        does = screening.does_many(found)
    assert [one.rule for one in does] == ["", str(rule.pk), str(rule.pk)]
    assert [(one.opens, one.hides) for one in does] == [(True, False)] * 3


# --- rules -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("trusted", "on", "does", "two"), [
    (False, "exact", "hide", True), (True, "exact", "hide", False), (True, "near", "hide", True),
    (False, "exact", "review", False), (True, "exact", "review", False), (True, "near", "review", False),
    (True, "exact", "unseen", True), (True, "exact", "note", True), (False, "near", "note", True),
    (False, "near", "order", True),
])  # fmt: skip
def test_which_rules_take_two_people(files: HashList, trusted: bool, on: str, does: str, two: bool) -> None:
    if trusted:
        trust(files)
    if two:
        for other in ("", FIRST):
            with pytest.raises(screening.NeedsSecondPerson):
                screening.set_rule(files.pk, on, does, because=WHY, actor=FIRST, approved_by=other)
        assert not HitRule.objects.exists()
    row = screening.set_rule(files.pk, on, does, because=WHY, actor=FIRST, approved_by=SECOND if two else "")
    assert screening.rule_in_force(files.pk, on) == row
    assert Entry.objects.filter(about=f"hitrule:{row.pk}").exists()


@pytest.mark.parametrize(("slug", "kind", "on", "does"), [
    ("f", "files", "near", "unseen"), ("f", "files", "exact", "unseen"), ("f", "files", "link", "hide"),
    ("f", "files", "words", "order"), ("l", "links", "link", "unseen"), ("l", "links", "exact", "hide"),
    ("w", "terms", "words", "hide"), ("w", "terms", "words", "unseen"), ("f", "files", "exact", "burn"),
    ("f", "files", "smell", "hide"),
])  # fmt: skip
def test_what_nobody_may_set(slug: str, kind: str, on: str, does: str) -> None:
    """Not even two people; of the first rows the list is not trusted."""
    make(slug, kind=kind)
    with pytest.raises(screening.NotAllowed):
        screening.set_rule(slug, on, does, because=WHY, actor=FIRST, approved_by=SECOND)
    assert not HitRule.objects.exists()


def test_the_database_refuses_an_unseen_rule_of_one_person_and_a_near_one(files: HashList) -> None:
    for on, approved in (("exact", ""), ("exact", FIRST), ("near", SECOND)):
        with pytest.raises(IntegrityError), transaction.atomic():
            HitRule.objects.create(
                list=files, on=on, does="unseen", because=WHY, set_by=FIRST, approved_by=approved, set_at=timezone.now()
            )


def test_a_new_rule_ends_the_one_before_and_ending_gives_back_the_default(files: HashList) -> None:
    trust(files)
    first = screening.set_rule(files.pk, On.EXACT, What.REVIEW, because=WHY, actor=FIRST)
    assert screening.does(hit(files)).does == "review"
    second = screening.set_rule(files.pk, On.EXACT, What.UNSEEN, because=WHY, actor=FIRST, approved_by=SECOND)
    first.refresh_from_db()
    assert (first.ended_because, first.ended_by) == ("replaced", FIRST)
    assert screening.does(hit(files)) == screening.Does("unseen", str(second.pk))
    for _twice in range(2):
        screening.end_rule(second.pk, because=WHY, actor=THIRD)
    second.refresh_from_db()
    assert (second.ended_by, second.ended_because) == (THIRD, WHY)
    assert screening.does(hit(files)).does == "hide"
    with pytest.raises(ValueError, match="Say why"):
        screening.set_rule(files.pk, On.EXACT, What.REVIEW, because=" ", actor=FIRST)


def test_what_rests_on_trust_ends_with_it(files: HashList) -> None:
    """An unseen rule, and a hiding rule that one person could set because the list was trusted."""
    trust(files)
    screening.set_rule(files.pk, On.EXACT, What.UNSEEN, because=WHY, actor=FIRST, approved_by=SECOND)
    screening.set_trusted(files.pk, trusted=False, because=WHY, actor=THIRD)
    assert screening.does(hit(files)).does == "review"
    trust(files)
    assert screening.does(hit(files)).does == "unseen"
    screening.set_rule(files.pk, On.EXACT, What.HIDE, because=WHY, actor=FIRST)
    screening.set_trusted(files.pk, trusted=False, because=WHY, actor=THIRD)
    assert screening.does(hit(files)).does == "review"
    screening.set_rule(files.pk, On.EXACT, What.HIDE, because=WHY, actor=FIRST, approved_by=SECOND)
    assert screening.does(hit(files)).does == "hide", "two people said so without trust"


@given(
    trusted=st.booleans(), held=st.booleans(), on=st.sampled_from(["exact", "near", "link", "words"]),
    does=st.sampled_from([*What.values, ""]), approved=st.booleans(),
)  # fmt: skip
def test_nothing_acts_at_once_without_trust_or_two_people(
    trusted: bool, held: bool, on: str, does: str, approved: bool
) -> None:
    rule = HitRule(on=on, does=does, set_by=FIRST, approved_by=SECOND if approved else "") if does else None
    got = rules._does(on, rule, "prevent-exploitation", trusted=trusted, held_back=held)
    if got.hides:
        assert not held
        assert trusted or approved
        assert on in ("exact", "link") or (approved and does in ("hide", "unseen"))
    if got.does == "unseen":
        assert trusted
        assert does == "unseen"


# --- asked again at the time of acting -------------------------------------------------------------


def entry(home: HashList, word: str = "1", **more: Any) -> ListEntry:
    sha256 = hashlib.sha256(f"gradient {word}".encode()).hexdigest()
    with transaction.atomic():
        return screening.add_entry(
            home.pk, sha256, source=home.source, category="A1", purpose=home.purpose, licence=home.licence,
            actor=FIRST, **more,
        )  # fmt: skip


def recorded(row: ListEntry, host: Host, **more: Any) -> HitRecord:
    usual = {"how": "sha256", "exact": True, "did": "hide", "at": timezone.now(), "surface": "public_uploads"}
    return HitRecord.objects.create(entry=row, host=host, item_id="p1", report=uuid4(), **{**usual, **more})


@pytest.fixture
def host() -> Host:
    return Host.objects.create(slug="blog", name="Blog", adapter="webhook", base_url="https://blog.test")


def _retract(row: ListEntry) -> None:
    screening.retract_entry(row.pk, because=WHY, actor=FIRST)


def _hold_back(row: ListEntry) -> None:
    screening.hold_back(row.pk, because=WHY, actor=FIRST)


def _distrust(row: ListEntry) -> None:
    screening.set_trusted(row.list_id, trusted=False, because=WHY, actor=FIRST)


def _milder(row: ListEntry) -> None:
    screening.set_rule(row.list_id, On.EXACT, What.REVIEW, because=WHY, actor=FIRST)


@pytest.mark.parametrize("meanwhile", [_retract, _hold_back, _distrust, _milder])
def test_what_changed_meanwhile_keeps_an_item_from_being_hidden(
    files: HashList, host: Host, meanwhile: Callable[[ListEntry], None]
) -> None:
    trust(files)
    row = entry(files)
    record = recorded(row, host)
    assert screening.hides_now(record.report, "")
    assert screening.hides_now(uuid4(), str(row.pk)), "a report from before hits were recorded names its entry alone"
    meanwhile(row)
    assert not screening.hides_now(record.report, "")
    assert not screening.hides_now(record.report, str(row.pk)), "the recorded hits count, not the first entry"
    assert not screening.hides_now(uuid4(), str(row.pk))


def test_one_hit_that_still_stands_is_enough(files: HashList, host: Host) -> None:
    trust(files)
    gone, there = entry(files), entry(files, "2")
    record = recorded(gone, host)
    HitRecord.objects.create(
        entry=there, host=host, item_id="p1", report=record.report, how="sha256", exact=True, did="hide",
        at=timezone.now(), surface="public_uploads",
    )  # fmt: skip
    _retract(gone)
    assert screening.hides_now(record.report, "")


def test_what_no_longer_counts_as_exact_hides_no_more(files: HashList, host: Host) -> None:
    trust(files)
    screening.set_exact_also(files.pk, ["md5"], because=WHY, actor=FIRST, approved_by=SECOND)
    row = entry(files)
    alone, both = recorded(row, host, how="md5"), recorded(row, host, how="sha1", distance=12)
    assert screening.hides_now(alone.report, "")
    screening.set_exact_also(files.pk, [], because=WHY, actor=THIRD)
    assert not screening.hides_now(alone.report, "")
    assert screening.hides_now(both.report, ""), "SHA-1 together with PDQ stays exact"


def test_garbage_in_place_of_an_entry_hides_nothing() -> None:
    for text in ("", "placeholder", str(uuid4())):
        assert not screening.hides_now(uuid4(), text)


# --- two people ------------------------------------------------------------------------------------


def test_nothing_happens_before_another_person_agrees(files: HashList) -> None:
    row = screening.ask("trust", because=WHY, actor=FIRST, list_slug=files.pk)
    files.refresh_from_db()
    assert not files.trusted
    with pytest.raises(screening.NeedsSecondPerson):
        screening.agree(row.pk, actor=FIRST)
    assert FailedAttempt.objects.filter(act="proposal.agree").count() == 1
    with pytest.raises(screening.NotAllowed, match="already"):
        screening.ask("trust", because=WHY, actor=THIRD, list_slug=files.pk)
    screening.agree(row.pk, actor=SECOND)
    files.refresh_from_db()
    assert files.trusted
    assert files.trusted_at is not None
    with pytest.raises(IllegalMove):
        screening.agree(row.pk, actor=THIRD)


def test_a_proposal_is_refused_by_another_and_withdrawn_by_oneself(files: HashList) -> None:
    one = screening.ask("rule", because=WHY, actor=FIRST, list_slug=files.pk, details={"on": "exact", "does": "hide"})
    with pytest.raises(screening.NeedsSecondPerson):
        screening.refuse(one.pk, because=WHY, actor=FIRST)
    with pytest.raises(ValueError, match="Say why"):
        screening.refuse(one.pk, because="", actor=SECOND)
    assert screening.refuse(one.pk, because=WHY, actor=SECOND).state == "refused"
    two = screening.ask("rule", because=WHY, actor=FIRST, list_slug=files.pk, details={"on": "exact", "does": "hide"})
    with pytest.raises(IllegalMove):
        screening.withdraw(two.pk, because=WHY, actor=SECOND)
    assert screening.withdraw(two.pk, because=WHY, actor=FIRST).state == "withdrawn"
    assert not HitRule.objects.exists()


def test_what_cannot_be_any_more_is_not_agreed_to(files: HashList) -> None:
    trust(files)
    row = screening.ask("rule", because=WHY, actor=FIRST, list_slug=files.pk, details={"on": "exact", "does": "unseen"})
    screening.set_trusted(files.pk, trusted=False, because=WHY, actor=THIRD)
    with pytest.raises(screening.NotAllowed):
        screening.agree(row.pk, actor=SECOND)
    row.refresh_from_db()
    assert row.state == "asked", "nothing half-done"


def test_the_database_refuses_a_proposal_agreed_to_by_oneself(files: HashList) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.create(
            kind="trust", about="x", list=files, because=WHY, asked_by=FIRST, asked_at=timezone.now(), state="agreed",
            settled_by=FIRST,
        )  # fmt: skip


def test_an_entry_of_a_trusted_list_is_let_go_by_two(files: HashList) -> None:
    trust(files)
    row = entry(files)
    with pytest.raises(screening.NotAllowed):
        screening.ask("let_go", because=WHY, actor=FIRST, list_slug=files.pk, details={"entry": str(row.pk)})
    _hold_back(row)
    asked = screening.ask("let_go", because=WHY, actor=FIRST, list_slug=files.pk, details={"entry": str(row.pk)})
    screening.agree(asked.pk, actor=SECOND)
    row.refresh_from_db()
    assert row.held_back_at is None


@pytest.mark.parametrize("details", [{"exact_also": ["md5"]}, {"exact_also": ["sha256"]}])
def test_what_counts_as_exact_is_asked_for(files: HashList, details: dict[str, Any]) -> None:
    if details["exact_also"] == ["sha256"]:
        with pytest.raises(screening.ScreeningError):
            screening.ask("exact", because=WHY, actor=FIRST, list_slug=files.pk, details=details)
        return
    row = proposals.ask("exact", because=WHY, actor=FIRST, list_slug=files.pk, details=details)
    screening.agree(row.pk, actor=SECOND)
    files.refresh_from_db()
    assert files.exact_also == ["md5"]


# --- private surfaces ------------------------------------------------------------------------------

NEXT_YEAR = timezone.now().date() + timedelta(days=365)


def enable(host: Host, place: str = "US", **more: Any) -> Surface:
    usual = {"basis": "placeholder law 1", "review_by": NEXT_YEAR, "actor": FIRST, "approved_by": SECOND}
    return screening.enable_surface(host.slug, "private_messages", place, **{**usual, **more})


def test_a_private_surface_is_refused_until_its_basis_is_recorded_by_two(host: Host) -> None:
    assert screening.surface_allowed("blog", "private_messages", "US") is None
    for other in ("", FIRST):
        with pytest.raises(screening.NeedsSecondPerson):
            enable(host, approved_by=other)
    row = enable(host)
    basis = screening.surface_allowed("blog", "private_messages", "US")
    assert basis == screening.Basis(str(row.pk), "placeholder law 1", NEXT_YEAR)
    for elsewhere in (
        ("blog", "private_messages", "DE"),
        ("blog", "private_messages", ""),
        ("other", "private_messages", "US"),
    ):
        assert screening.surface_allowed(*elsewhere) is None, "what is enabled for one place says nothing of another"


def test_a_basis_ends_by_itself_and_by_one_person(host: Host) -> None:
    row = enable(host)
    Surface.objects.filter(pk=row.pk).update(review_by=timezone.now().date() - timedelta(days=1))
    assert screening.surface_allowed("blog", "private_messages", "US") is None
    second = enable(host)
    row.refresh_from_db()
    assert row.ended_at is not None, "a new basis takes the place of the old one"
    for _twice in range(2):
        screening.end_surface(second.pk, because=WHY, actor=THIRD)
    assert screening.surface_allowed("blog", "private_messages", "US") is None


@pytest.mark.parametrize("wrong", [
    {"basis": " "}, {"review_by": timezone.now().date()}, {"place": "usa"}, {"place": "us"},
])  # fmt: skip
def test_a_surface_without_basis_day_or_place_is_refused(host: Host, wrong: dict[str, Any]) -> None:
    with pytest.raises(screening.NotAllowed):
        enable(host, **wrong)
    with pytest.raises(screening.NotAllowed):
        rules.check_surface("public_posts", "US", "placeholder law 1", NEXT_YEAR)
    assert not Surface.objects.exists()


# --- what categories mean --------------------------------------------------------------------------


def sign(home: HashList, answers: dict[str, Any] = ANSWERS, **more: Any) -> CategoryMapping:
    return screening.sign_mapping(home.pk, "A1", "cse", VERSION, answers, **{"because": WHY, "actor": FIRST, **more})


def test_a_mapping_counts_once_two_people_signed(files: HashList) -> None:
    row = sign(files)
    assert screening.mapping_for(files.pk, "A1", VERSION) is None
    with pytest.raises(screening.NeedsSecondPerson):
        screening.countersign_mapping(row.pk, actor=FIRST)
    screening.countersign_mapping(row.pk, actor=SECOND)
    assert screening.mapping_for(files.pk, "A1", VERSION) == row
    assert screening.mapping_for(files.pk, "A1", "2020-10") is None
    assert screening.mapping_for(files.pk, "A2", VERSION) is None
    with pytest.raises(IllegalMove):
        screening.countersign_mapping(row.pk, actor=THIRD)
    screening.end_mapping(row.pk, because=WHY, actor=THIRD)
    assert screening.mapping_for(files.pk, "A1", VERSION) is None


def test_signing_anew_ends_the_mapping_before(files: HashList) -> None:
    first = sign(files)
    screening.countersign_mapping(first.pk, actor=SECOND)
    sign(files)
    assert screening.mapping_for(files.pk, "A1", VERSION) is None, "a person answers until another has countersigned"


@pytest.mark.parametrize(("answers", "named"), [
    ({"colour": "red"}, "colour"), ({"minor": "perhaps"}, "perhaps"), ({"role": "uploader"}, "role"),
    ({"minor": "known", "other_reason": "placeholder"}, "other_reason"),
    ({"minor": "adult", "shows": "explicit"}, "shows"),
    ({"claimed_context": ["none"]}, "claimed_context"), ({"minor": ["known", "apparent"]}, "minor"),
])  # fmt: skip
def test_what_the_policy_does_not_ask_is_refused_by_name(files: HashList, answers: dict[str, Any], named: str) -> None:
    with pytest.raises(screening.NotAllowed, match=named):
        sign(files, answers)
    assert not CategoryMapping.objects.exists()


def test_an_unknown_class_or_version_is_refused(files: HashList) -> None:
    for class_id, version in (("nothing", VERSION), ("cse", "1999-01"), ("altercation", "2020-10")):
        with pytest.raises(screening.NotAllowed):
            screening.sign_mapping(files.pk, "A1", class_id, version, {}, because=WHY, actor=FIRST)


def test_the_class_of_a_category_is_its_mapping_s(files: HashList) -> None:
    assert screening.class_of(files.pk, "V") == "cse"
    row = screening.sign_mapping(files.pk, "V", "physical-abuse", VERSION, {"minor": "known"}, because=WHY, actor=FIRST)
    assert screening.class_of(files.pk, "V") == "cse", "one signature says nothing"
    screening.countersign_mapping(row.pk, actor=SECOND)
    assert screening.class_of(files.pk, "V") == "physical-abuse"


@pytest.mark.parametrize(("changed", "why"), [
    ({}, ""), ({"malice": None}, "unanswered:malice"), ({"minor": None}, "unanswered:minor"),
    ({"malice": "none_found"}, "second_person:"), ({"shows": "cannot_tell"}, "second_person|undecided"),
    ({"shows": "not_sexual", "malice": None}, "no_violation"),
    ({"danger": "immediate", "malice": None}, "inform_authority"),
    ({"shows": "attic"}, "answer:"),
])  # fmt: skip
def test_what_answers_lead_to_and_when_only_a_person_may_decide(changed: dict[str, Any], why: str) -> None:
    given = {k: v for k, v in {**ANSWERS, "role": "uploader", **changed}.items() if v is not None}
    pack = policy.load("child-safety", VERSION)
    lead = screening.leads_to(pack, "cse", given, policy.History())
    assert any(lead.why.startswith(part) for part in why.split("|")) if why else lead.why == ""
    if not why:
        assert lead.outcome is not None
        assert lead.outcome.duties


def test_a_clause_whose_report_is_a_person_s_choice_goes_to_a_person() -> None:
    pack = policy.load("child-safety", VERSION)
    given = {
        "role": "uploader", "minor": "known", "form": ["text"], "text_does": ["desire"], "danger": "none_seen",
        "malice": "found", "report_choice": "file", "report_reason": "placeholder reason 2",
    }  # fmt: skip
    assert screening.leads_to(pack, "cse", given, policy.History()).why.startswith("report_by_person:CSE-")


def test_the_usual_class_exists() -> None:
    assert mappings.USUAL_CLASS in policy.load("child-safety", VERSION).classes
