"""An operator's own folder: a version that changes another one (S1: stricter only, for child sexual exploitation),
a class of one's own, a policy of one's own, languages of one's own. What is refused is refused by name and place."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from safehold import policy
from safehold.policy import loader
from tests.policy.answer_sets import differences, named
from tests.policy.conftest import HEAD, Write
from tests.policy.test_overlay_strictness import TEXTS

OWN = Path(__file__).with_name("packs") / "glitter"


def _problems(folder: Path) -> list[str]:
    pack = policy.load_folder(folder)
    return [str(problem) for problem in policy.check(pack, policy.base_of(pack))]


def _decided(folder: Path, name: str, **changes: Any) -> policy.Outcome:
    one = next(one for one in named("2024-05") if one.id == name)
    return policy.decide(policy.load_folder(folder), one.class_id, {**one.answers, **changes}, one.history)


# --- stricter changes ------------------------------------------------------------------------------

STRICTER = """
cse:
  clauses:
    CSE-04: {lenient: false}
    CSE-20: {report: shall}
  exceptions:
    CSE-X2: {off: true}
  outcomes:
    cse-lenient: {sanctions: [lock_until_removed, {read_only: 30}]}
    cse-viewing: {duties: [preserve, notify_account_holder]}
"""


def test_stricter_changes_load_check_clean_and_decide(own: Write) -> None:
    folder = own(STRICTER)
    assert _problems(folder) == []
    filed = _decided(folder, "identification")
    assert "report_shall" in filed.duties
    assert [s.code for s in _decided(folder, "lenient").sanctions] == ["lock_until_removed", "read_only"]
    assert _decided(
        folder, "help-seeking-that-describes", malice="found", report_choice="file", report_reason="grounds 1"
    ).clauses == ("CSE-19",)
    pack = policy.load_folder(folder)
    about = {**next(one for one in named("2024-05") if one.id == "lenient-text[sexual_about]").answers}
    outcome = policy.decide(pack, "cse", about, policy.History())
    assert (outcome.outcome_id, outcome.unused) == ("cse-suspend", ("malice",)), "no longer asked"


def test_what_is_not_changed_decides_as_before(own: Write) -> None:
    pack = policy.load_folder(own("cse:\n  exceptions:\n    CSE-X2: {off: true}"))
    shipped = policy.load("child-safety", "2024-05")
    kept = [one for one in named("2024-05") if not differences(shipped, one)]
    changed = {one.id for one in kept if differences(pack, one)}
    assert changed == {one.id for one in kept if one.expect.get("exceptions") == ["CSE-X2"]} != set()


def test_a_new_clause_and_a_new_answer_may_be_added(own: Write) -> None:
    words = """
language: en
name: English
complete: false
terms:
  CSE-50: {is: "Coded sign", text: "A coded sign that the operator lists."}
questions:
  cse:
    text_does: {coded_sign: "Uses a listed coded sign"}
"""
    answers = TEXTS.format(more="coded_sign")
    changes = f"""
cse:
  questions:
    text_does: {{answers: {answers}}}
  clauses:
    CSE-50:
      serves: [S31]
      when: {{text_does: coded_sign}}
      report: person
      incident_type: child_pornography
      marks: [listed]
"""
    folder = own(changes, head=HEAD + "languages: [en]\n", more={"en.yaml": words})
    pack = policy.load_folder(folder)
    told = [problem for problem in policy.check(pack, policy.base_of(pack)) if problem.place not in pack.languages]
    assert told == []
    outcome = _decided(folder, "comment-about", text_does=["coded_sign"])
    assert (outcome.outcome_id, outcome.clauses) == ("cse-suspend", ("CSE-50",))
    assert pack.text("en", "CSE-50") == "Coded sign"
    assert pack.text("en", "CSE-01") == policy.load("child-safety", "2024-05").text("en", "CSE-01")


# --- other classes go both ways ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "outcomes:\n    pa-remove: {sanctions: [lock_until_removed, {read_only: 3}]}",
        ("outcomes:\n    pa-remove: {sanctions: [lock_until_removed, {read_only: 30}]}\n"
        "    pa-remove-again: {sanctions: [lock_until_removed, {read_only: 60}]}"),
        "outcomes:\n    pa-remove: {duties: [notify_account_holder, preserve]}",
        "strikes: {expire: 90}",
        "exceptions:\n    PA-X2: {off: true}",
    ],
)  # fmt: skip
def test_the_other_classes_may_go_both_ways(own: Write, change: str) -> None:
    told = _problems(own(f"physical-abuse:\n  {change}"))
    assert not [problem for problem in told if "stricter only" in problem]
    assert not [problem for problem in told if "milder" in problem]
    if "PA-X2" not in change:
        assert told == []


def test_an_altercation_may_be_kept_or_removed(own: Write) -> None:
    folder = own("altercation:\n  outcomes:\n    al-remove: {sanctions: [{read_only: 1}]}")
    assert _problems(folder) == []
    assert [(s.code, s.days) for s in _decided(folder, "fight-minor-reports").sanctions] == [("read_only", 1)]


# --- own class, own policy, own language -------------------------------------------------------------


def test_a_class_of_ones_own_stands_beside_the_others(own: Write) -> None:
    posts = (OWN / "2026-01" / "posts.yaml").read_text(encoding="utf-8")
    words = (OWN / "2026-01" / "en.yaml").read_text(encoding="utf-8").replace("complete: true", "complete: false")
    words = words.replace('  title: "Glitter policy"\n', "")
    folder = own("", head=HEAD + "languages: [en]\nclasses: [posts]\n", more={"posts.yaml": posts, "en.yaml": words})
    pack = policy.load_folder(folder)
    assert list(pack.classes) == ["cse", "physical-abuse", "altercation", "posts"]
    assert [p for p in policy.check(pack, policy.base_of(pack)) if p.place in pack.classes] == []
    gold = {"who": "poster", "sparkle": "much", "colours": ["gold"], "sorry": "no"}
    assert policy.decide(pack, "posts", gold, policy.History()).outcome_id == "gl-sweep"
    assert _decided(folder, "picture").outcome_id == "cse-suspend"


def test_a_policy_of_ones_own_checks_clean_and_decides(own: Write, tmp_path: Path) -> None:
    shutil.copytree(OWN, tmp_path / "glitter")
    loader.use_folder(tmp_path)
    assert ("glitter", "2026-01") in policy.installed()
    pack = policy.load("glitter", "2026-01")
    assert policy.check(pack, policy.base_of(pack)) == []
    assert pack.minor_age == policy.load("child-safety", "2024-05").minor_age, "the glossary is shared (S83)"
    silver = {"who": "poster", "sparkle": "much", "colours": ["silver"]}
    assert policy.decide(pack, "posts", silver, policy.History()).exceptions == ("GL-X1",)


def test_an_incomplete_language_falls_back_to_english() -> None:
    pack = policy.load_folder(OWN / "2026-01")
    assert pack.text("fr", "GL-01") == "Voyant"
    assert pack.text("fr", "GL-02") == "Gold"
    assert pack.text("fr", "posts.who") == "Qui est-ce ?"
    assert pack.text("fr", "posts.who.poster") == "The poster"
    told = policy.explain(
        pack, "fr", "posts", policy.decide(pack, "posts", {"who": "poster", "sparkle": "none"}, policy.History())
    )
    assert told[-1] == "Nothing to sweep."


def test_a_third_language_on_top_of_child_safety(own: Write) -> None:
    words = 'language: fr\nname: Français\ncomplete: false\nterms:\n  CSE-03: {is: "Lien"}\n'
    folder = own("", head=HEAD + "languages: [fr]\n", more={"fr.yaml": words})
    pack = policy.load_folder(folder)
    assert list(pack.languages) == ["en", "zh-hans", "fr"]
    assert policy.check(pack, policy.base_of(pack)) == []
    assert pack.text("fr", "CSE-03") == "Lien"
    assert pack.text("fr", "CSE-01") == pack.text("en", "CSE-01")
    assert pack.text("zh-hans", "CSE-03") != "Lien"


def test_a_changed_text_of_a_complete_language_keeps_the_rest(own: Write) -> None:
    words = 'language: zh-hans\nname: 中文\ncomplete: true\nterms:\n  cse-none: "无。"\n'
    pack = policy.load_folder(own("", head=HEAD + "languages: [zh-hans]\n", more={"zh-hans.yaml": words}))
    base = policy.load("child-safety", "2024-05")
    assert pack.text("zh-hans", "cse-none") == "无。"
    assert pack.text("zh-hans", "cse-suspend") == base.text("zh-hans", "cse-suspend")


# --- what cannot be read -------------------------------------------------------------------------------

STRICT = "child-safety/2024-05-strict/pack.yaml"
REFUSED: dict[str, tuple[str, str, str]] = {
    "an unknown clause": (
        HEAD, "cse:\n  clauses:\n    CSE-40: {lenient: false}",
        f"{STRICT}:8: There is no 'CSE-40' to change, and this is no whole row.\n  hint: Did you mean 'CSE-20'?",
    ),
    "an unknown class": (
        HEAD, "csee:\n  clauses: {}",
        f"{STRICT}:6: Version '2024-05' has no class 'csee'.\n  hint: Did you mean 'cse'?",
    ),
    "an unknown section": (
        HEAD, "cse:\n  clause:\n    CSE-04: {lenient: false}",
        f"{STRICT}:7: The changes has no setting 'clause'.\n  hint: Did you mean 'clauses'?",
    ),
    "an unknown setting": (
        HEAD, "cse:\n  clauses:\n    CSE-04: {leniant: false}",
        f"{STRICT}:8: Clause 'CSE-04' has no setting 'leniant'.\n  hint: Did you mean 'lenient'?",
    ),
    "a value of the wrong kind": (
        HEAD, "cse:\n  exceptions:\n    CSE-X2: {off: maybe}",
        f"{STRICT}:8: 'off' of Exception 'CSE-X2' is the text 'maybe'; it must be true or false.",
    ),
    "an unknown answer in a changed condition": (
        HEAD, "cse:\n  clauses:\n    CSE-03: {when: {link_leads: anywhere}}",
        (f"{STRICT}:8: There is no answer of 'link_leads' 'anywhere'.\n"
        "  hint: Known here: to_material, elsewhere, cannot_tell."),
    ),
    "a row that is no mapping": (
        HEAD, "cse:\n  clauses:\n    CSE-04: gone",
        f"{STRICT}:8: 'CSE-04' of The change of 'CSE-04' is the text 'gone'; it must be a mapping.",
    ),
    "an addition": (
        HEAD, "cse:\n  also:\n    one: {when: {danger: planned}}",
        f"{STRICT}:7: Additions have no id, so they cannot be changed.\n  hint: Write an outcome or a rule instead.",
    ),
    "changes of nothing": (
        HEAD.replace("extends: 2024-05\n", "classes: []\nlanguages: [en]\n"), "cse:\n  priority: normal",
        f"{STRICT}:6: 'changes' needs a version to change.\n  hint: Add `extends: <version>`.",
    ),
    "an unknown base": (
        HEAD.replace("extends: 2024-05", "extends: 2024-06"), "",
        "child-safety/2024-06:1: There is no such policy version.\n  hint: Did you mean 'child-safety 2024-05'?",
    ),
    "a class of the base again": (
        HEAD + "classes: [cse]\n", "",
        f"{STRICT}:5: The base has a class 'cse' already.\n  hint: Change it under `changes:`.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_read_is_named_with_file_line_and_hint(own: Write, fault: str) -> None:
    head, changes, golden = REFUSED[fault]
    with pytest.raises(policy.PolicyError) as caught:
        policy.load_folder(own(changes, head=head))
    assert str(caught.value) == golden


def test_a_version_that_exists_is_refused(own: Write) -> None:
    folder = own(
        "",
        head=HEAD.replace("2024-05-strict", "2024-05").replace("extends: 2024-05\n", "extends: 2020-10\n"),
        version="2024-05",
    )
    loader.use_folder(folder.parent.parent)
    with pytest.raises(policy.PolicyError, match=r"The version stands in .* and in ") as caught:
        policy.load("child-safety", "2024-05")
    assert caught.value.hint == "Give yours a version of its own."


def test_a_version_on_top_of_one_that_is_on_top_is_refused(own: Write, tmp_path: Path) -> None:
    own("")
    loader.use_folder(tmp_path)
    folder = own(
        "",
        head=HEAD.replace("2024-05-strict", "stricter").replace("extends: 2024-05\n", "extends: 2024-05-strict\n"),
        version="stricter",
    )
    with pytest.raises(policy.PolicyError) as caught:
        policy.load_folder(folder)
    assert str(caught.value) == (
        "child-safety/stricter/pack.yaml:4: Version '2024-05-strict' extends another one itself.\n"
        "  hint: Extend '2024-05'."
    )
