"""Where the versions of the policy, or two lines of one version, differ: C1 to C15, and how each is handled.

The table stands in docs/requirements.md, the readings in docs/policy-readings.md. What other rooms do is shown
against their own code, or by the test of theirs that shows it.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from safehold import policy
from safehold.intake import service as intake
from safehold.policy.grammar import reach
from tests.policy.answer_sets import VERSIONS, answer_set

ROOT = Path(__file__).parents[2]
PACKS = {version: policy.load("child-safety", version) for version in VERSIONS}
OLD, NEW = (PACKS[version].classes["cse"] for version in VERSIONS)
both = pytest.mark.parametrize("version", VERSIONS)


def _decided(version: str, name: str, **changes: Any) -> policy.Outcome:
    """The outcome of a named answer set, with some answers changed."""
    one = answer_set(version, name)
    return policy.decide(PACKS[version], one.class_id, {**one.answers, **changes}, one.history)


def _codes(outcome: policy.Outcome) -> set[str]:
    return {sanction.code for sanction in outcome.sanctions}


def _there_is_a_test(path: str) -> None:
    """The test of another room that shows its part: `tests/room/test_x.py::test_name`."""
    file, _, name = path.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^def {name}\(", text, re.MULTILINE), f"{file} has no test {name}"


def test_c01_one_class_then_three() -> None:
    assert list(PACKS["2020-10"].classes) == ["cse"]
    assert list(PACKS["2024-05"].classes) == ["cse", "physical-abuse", "altercation"]
    with pytest.raises(policy.BadAnswer, match="no class 'altercation'; it has cse"):
        policy.next_question(PACKS["2020-10"], "altercation", {})


def test_c02_art_news_and_science_in_the_older_version_alone() -> None:
    grounds = [answer_set("2020-10", f"nudity-on-a-ground[{one}]") for one in ("art", "news", "science_education")]
    for one in grounds:
        outcome = policy.decide(PACKS["2020-10"], "cse", one.answers, one.history)
        assert (outcome.exceptions, outcome.second_person, outcome.violation) == (("CSE-X5",), "nudity_ground", False)
    assert OLD.question("ground").answer_ids == ("none", "art", "news", "science_education"), "a closed list"
    assert not {"ground"} & {question.id for question in NEW.questions}
    assert not [e.id for e in NEW.exceptions.values() if "S35" in e.serves]
    later = _decided("2024-05", "nudity-not-sexualised")
    assert (later.outcome_id, later.exceptions, later.actions) == ("cse-hand-off", (), ("hand_off",))
    with pytest.raises(policy.BadAnswer, match="no question 'ground'"):
        _decided("2024-05", "nudity-not-sexualised", ground="art")


def test_c03_survivors_speak_by_an_exception_of_their_own_since_2024() -> None:
    assert [e.id for e in NEW.exceptions.values() if "L14" in e.serves] == ["CSE-X4"]
    assert "CSE-X4" not in OLD.exceptions
    assert _decided("2024-05", "own-account").exceptions == ("CSE-X4",)
    assert _decided("2020-10", "survivor").exceptions == ("CSE-X1",), "as anybody's discussion (A16)"
    for version, name in (("2020-10", "survivor-explicit-detail"), ("2024-05", "own-account-explicit-detail")):
        outcome = _decided(version, name)
        assert outcome.actions == ("hide_item",)
        assert not outcome.sanctions
        assert not outcome.strike
        assert outcome.filed_as != "suspect"


def test_c04_describing_engaging_and_requesting_are_named_since_2024() -> None:
    for name, clause in (("describing", "CSE-19"), ("engager", "CSE-09"), ("request", "CSE-08")):
        assert clause in _decided("2024-05", name).clauses
    assert not {"CSE-19", "CSE-09"} & set(OLD.clauses)
    for name in ("describing", "engager-found-to-exploit"):
        outcome = _decided("2020-10", name)
        assert "CSE-99" in outcome.clauses
        assert outcome.second_person == "policy_owner"
    assert _decided("2020-10", "describing-harmless").outcome_id == "cse-none"
    assert _decided("2020-10", "request").clauses == ("CSE-08",), "a stated wish for material, and more"


@both
def test_c04_a_repost_is_sharing_and_viewing_alone_no_offence(version: str) -> None:
    assert _decided(version, "picture", role="sharer").outcome_id == "cse-suspend"
    assert _decided(version, "viewer").outcome_id == "cse-viewing"
    assert not _decided(version, "viewer").strike


def test_c05_made_media_have_a_line_of_their_own_then_fall_under_the_definition() -> None:
    for form in ("generated", "drawing"):
        more = {"form": [form], "realistic": "realistic_child"}
        assert _decided("2020-10", "picture", **more).clauses == ("CSE-22",)
        assert _decided("2024-05", "picture", **more).clauses == ("CSE-01",)
    assert "CSE-22" not in NEW.clauses
    assert "C5" in OLD.clauses["CSE-22"].serves
    assert "edited or obscured" in PACKS["2024-05"].text("en", "CSE-01", "text"), "L2"
    assert _decided("2024-05", "drawing-suggestive").clauses == ("CSE-02",)
    assert _decided("2020-10", "drawing-suggestive-found-to-exploit").clauses == ("CSE-99",), "not listed: A13"


def test_c06_threats_to_share_and_bounties_are_named_since_2024() -> None:
    assert _decided("2024-05", "threat-alone").clauses == ("CSE-16",)
    assert _decided("2024-05", "bounty").clauses == ("CSE-17",)
    for tactic in ("threatens_to_share", "bounty"):
        outcome = _decided("2020-10", f"threat-or-bounty[{tactic}]")
        assert (outcome.clauses, outcome.second_person) == (("CSE-99",), "policy_owner")
    for version in VERSIONS:
        assert "CSE-15" in _decided(version, "blackmail").clauses


@both
def test_c07_content_and_account_are_reported_and_the_holder_is_told(version: str) -> None:
    """Cumulative: the report carries the item and the account; removal does not wait for a notice."""
    outcome = _decided(version, "picture")
    assert {"report_shall", "notify_account_holder"} <= set(outcome.duties)
    assert outcome.filed_as == "suspect"
    assert (outcome.actions, outcome.second_person) == (("hide_item",), ""), "at once, without further notice"
    for spec in PACKS[version].classes["cse"].outcomes.values():
        assert spec.result != "violation" or (spec.filed_as and "hide_item" in spec.actions), spec.id


@both
def test_c08_the_milder_path_in_both_versions(version: str) -> None:
    first, again = _decided(version, "lenient"), answer_set(version, "lenient-second-time")
    assert _codes(first) == {"lock_until_removed"}
    assert first.second_person == "lenient_path"
    second = policy.decide(PACKS[version], "cse", again.answers, again.history)
    assert _codes(second) == {"suspend_permanently", "ban_person"}, "a further violation suspends, in 2024 too (A08)"
    rule = next(rule for rule in PACKS[version].classes["cse"].rules if rule.then == "cse-lenient")
    assert {"S74", "S75", "S76"} <= set(rule.serves)
    assert ("A08" in rule.serves) == (version == "2024-05"), "in the later version it is marked as a reading"
    assert "| A08 |" in (ROOT / "docs" / "policy-readings.md").read_text(encoding="utf-8")


@both
def test_c09_the_ban_on_new_accounts_stays(version: str) -> None:
    assert _codes(_decided(version, "picture")) == {"suspend_permanently", "ban_person"}
    for name, cls in PACKS[version].classes.items():
        bans = [o.id for o in cls.outcomes.values() if "ban_person" in {s.code for s in o.sanctions}]
        assert bool(bans) == (name == "cse"), "sole-purpose accounts of the other classes lose the account only (A20)"


def test_c10_no_report_needs_a_locator_or_evidence() -> None:
    from safehold.public.report_form import Typed

    for word in ({"reason": "words 1"}, {"links": "user-17"}, {"account_name": "user-17"}):
        assert Typed(**word, key="key").problems() == {}, "prompted for, never blocking"
    assert list(Typed(key="key").problems()) == ["links"], "one word, in whichever field, is all that is asked"
    assert not re.search("evidence|file|upload|screenshot", " ".join(Typed.__dataclass_fields__))
    _there_is_a_test("tests/public/test_report.py::test_one_word_in_any_field_is_enough")
    _there_is_a_test("tests/intake/test_reports.py::test_an_empty_report_is_taken")


def test_c11_every_action_against_an_account_can_be_appealed() -> None:
    """Whoever is sanctioned, or whose item goes, gets a statement with the way to appeal, in both versions."""
    for pack in PACKS.values():
        for cls in pack.classes.values():
            for spec in cls.outcomes.values():
                theirs = spec.strike or spec.sanctions or spec.id.endswith("-protect")
                assert not theirs or "notify_account_holder" in spec.duties, spec.id
    _there_is_a_test("tests/path/test_appeal_matrix.py::test_granted")
    _there_is_a_test("tests/path/test_appeal_matrix.py::test_refused_changes_nothing")
    _there_is_a_test("tests/public/test_appeal.py::test_the_statement_is_read_while_suspended_and_logged_out")


def test_c12_all_four_routes_for_content_elsewhere_stay() -> None:
    for country in ("", "XX", "US", "FR"):
        shown = {one.id: one for one in intake.hotlines(country)}
        assert {"ncmec", "inhope"} <= set(shown), "the portal, and INHOPE"
        assert shown["ncmec"].url
        assert shown["ncmec"].phone, "the telephone"
    assert intake.emergency("US").numbers, "the local police"
    _there_is_a_test("tests/public/test_report.py::test_a_link_elsewhere_is_not_taken_in_and_leads_to_the_hotline")


@both
def test_c13_intent_decides_the_sanction_at_most(version: str) -> None:
    cls = PACKS[version].classes["cse"]
    assert not cls.question("malice").decides_violation
    for kind, names in (("clause", cls.clauses), ("exception", cls.exceptions)):
        for name in names:
            assert not reach(cls, kind, name) & {"malice", "claimed_context"}
    outcomes = [_decided(version, "picture", malice=found) for found in ("found", "none_found", "cannot_tell")]
    assert {(one.violation, one.clauses, one.duties) for one in outcomes} == {
        (True, ("CSE-01",), ("report_shall", "preserve", "notify_account_holder"))
    }
    assert [_codes(one) == {"lock_until_removed"} for one in outcomes] == [False, True, False]


def test_c13_context_decides_in_the_two_other_classes_alone() -> None:
    for pack in PACKS.values():
        for cls in pack.classes.values():
            asked = {question.id for question in cls.questions if question.needs != "record_only"}
            assert ("context" in asked) == (cls.id != "cse")
            assert cls.question("claimed_context").needs == "record_only"
    assert _decided("2024-05", "abuse-news").outcome_id == "pa-kept"
    assert _decided("2024-05", "abuse-news", context="abusive", sole_purpose="no").outcome_id == "pa-remove"
    assert _decided("2024-05", "fight-stranger-reports").outcome_id == "al-none"
    assert _decided("2024-05", "fight-stranger-reports", context="abusive").outcome_id == "al-hand-off"


def test_c14_identification_of_a_victim_beats_the_rescue_ground() -> None:
    for also in ("yes", "cannot_tell"):
        outcome = _decided("2024-05", "abuse-rescue", also_cse=also, clothing="nude")
        assert (outcome.outcome_id, outcome.exceptions) == ("pa-exploitation", ())
        assert (outcome.actions, outcome.second_person) == (("hand_off",), "decide_under_cse")
        assert "ground" in outcome.unused, "it is not even asked"
    assert _decided("2024-05", "abuse-rescue").exceptions == ("PA-X1",)
    for version in VERSIONS:
        assert "CSE-20" in _decided(version, "identification").clauses
        assert "CSE-20" in _decided(version, "discussion-names-a-victim").clauses
        for exception in PACKS[version].classes["cse"].exceptions.values():
            assert "CSE-20" not in exception.clears


def test_c15_what_the_chinese_copy_lacks_is_no_difference_of_policy() -> None:
    pack = PACKS["2020-10"]
    copies = {document.language: document for document in pack.documents}
    assert copies["en"].complete
    assert not copies["zh-hans"].complete
    assert {"S32", "S33", "S34", "S35", "S74", "S81"} <= set(copies["zh-hans"].lacks_rows)
    assert pack.languages["zh-hans"].complete
    assert set(pack.languages["zh-hans"].texts) == set(pack.languages["en"].texts)
    for name in (*OLD.exceptions, "cse-lenient"):
        assert re.search(r"[\u4e00-\u9fff]", pack.text("zh-hans", name)), name


def test_every_conflict_of_the_table_has_its_test() -> None:
    page = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    listed = {int(number) for number in re.findall(r"^\| C(\d+) \|", page, re.MULTILINE)}
    tested = {int(number) for name in globals() for number in re.findall(r"^test_c(\d\d)_", name)}
    assert listed == tested == set(range(1, 16))
