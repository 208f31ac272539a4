"""The shipped pack is proven sound, and each kind of planted fault is found and shown by an example."""

from collections.abc import Callable
from pathlib import Path

import pytest

from safehold import policy

Edit = Callable[..., Path]

PLANTED = {
    "a gap": (
        "cse.yaml",
        "  - id: CSE-R09\n    when:\n      fact: lenient\n",
        "  - id: CSE-R09\n    when:\n      fact: lenient\n      role: uploader\n",
        "cse: rules: There is a gap: no rule holds.",
    ),
    "an overlap": (
        "cse.yaml",
        "[protected, onlooker, lenient, unlisted_only]",
        "[protected, onlooker, unlisted_only]",
        "cse: CSE-R09: The rule overlaps CSE-R07: both hold.",
    ),
    "a dead rule": (
        "cse.yaml",
        "    when: {clause: any, fact: onlooker}\n",
        "    when: {clause: any, fact: onlooker, minor: adult}\n",
        "cse: CSE-R06: The rule is dead: no answers lead to it.",
    ),
    "an unreachable clause": (
        "cse.yaml",
        "    when: {toward_child: bounty}\n",
        "    when: {toward_child: bounty, form: none}\n",
        "cse: CSE-17: The clause is unreachable: no answers make it stand.",
    ),
    "an exception without effect": (
        "cse.yaml",
        "    clears: [CSE-19]\n",
        "    clears: [CSE-19, CSE-20]\n",
        "cse: CSE-X1: The exception never meets CSE-20, which it clears.",
    ),
    "a question never asked": (
        "cse.yaml",
        "    when: {form: conversation}\n",
        "    when: {form: conversation, minor: adult}\n",
        "cse: toward_child: The question is never asked.",
    ),
    "intent in a clause": (
        "altercation.yaml",
        "    when: {proof: verified}\n",
        "    when: {proof: verified, claimed_context: outrage}\n",
        "altercation: AL-01: The clause looks at 'claimed_context', which may never decide a violation.",
    ),
    "a claim in a rule": (
        "physical-abuse.yaml",
        "      not: {any: [{clause: PA-03}, {fact: repeated}]}\n",
        "      not: {any: [{clause: PA-03}, {fact: repeated}, {claimed_context: news}]}\n",
        "physical-abuse: PA-R08: A record-only answer changes the outcome.",
    ),
    "a victim sanctioned": (
        "cse.yaml",
        "  - id: cse-protect\n    result: violation\n",
        "  - id: cse-protect\n    result: violation\n    sanctions: [ban_person]\n",
        "cse: CSE-R05: Outcome cse-protect would punish an apparent victim.",
    ),
    "a victim filed as suspect": (
        "cse.yaml",
        "filed_as: victim",
        "filed_as: suspect",
        "cse: CSE-R05: Outcome cse-protect would punish an apparent victim.",
    ),
    "a victim sanctioned on refusal": (
        "physical-abuse.yaml",
        "    second_person: rescue_ground\n",
        "    second_person: rescue_ground\n    if_refused: pa-remove\n",
        "physical-abuse: PA-R05: Outcome pa-remove would punish an apparent victim.",
    ),
    "a victim sanctioned by an addition": (
        "cse.yaml",
        "    sanctions: [suspend_protectively]\n",
        "    sanctions: [ban_person]\n",
        "cse: also 5: An addition would punish an apparent victim.",
    ),
    "leniency after a strike": (
        "cse.yaml",
        "    not: {history: {strikes: 1}}\n",
        "    not: {history: {strikes: 2}}\n",
        "cse: CSE-R09: An earlier strike does not lead to suspension.",
    ),
    "a violation without a clause": (
        "cse.yaml",
        "  - id: cse-undecided\n    result: undecided\n",
        "  - id: cse-undecided\n    result: violation\n",
        "cse: CSE-R04: The rule gives 'violation' without any clause.",
    ),
    "a clause without a violation": (
        "cse.yaml",
        "  - id: cse-viewing\n    result: violation\n",
        "  - id: cse-viewing\n    result: no_violation\n",
        "cse: CSE-R06: The rule gives 'no_violation' although a clause stands.",
    ),
    "an answer without consequence": (
        "cse.yaml",
        "explicit_talk, obtains, entices, blackmail, threatens_to_share, bounty, none, cannot_tell]\n    alone",
        "explicit_talk, obtains, entices, blackmail, threatens_to_share, bounty, waves, none, cannot_tell]\n    alone",
        "cse: toward_child.waves: The answer never matters: no rule, clause or question looks at it.",
    ),
    "a claim that opens a question": (
        "altercation.yaml",
        "  - use: claimed_context\n",
        "  - use: claimed_context\n  - {id: more, kind: one, answers: [this, that], when: {claimed_context: news}}\n",
        "altercation: more: A record-only answer changes the outcome.",
    ),
    "repetition that is rewarded": (
        "physical-abuse.yaml",
        "    then: pa-suspend-third\n",
        "    then: pa-remove\n",
        "physical-abuse: ladder: With one violation more, pa-remove-again becomes pa-remove, which stands lower.",
    ),
    "a ladder upside down": (
        "altercation.yaml",
        "ladder: [al-remove, al-remove-again, al-suspend-third]",
        "ladder: [al-remove-again, al-remove, al-suspend-third]",
        "altercation: ladder: al-remove is milder than al-remove-again, which stands below it.",
    ),
    "a report rule missing": (
        "cse.yaml",
        "  - id: CSE-P07\n    when: {report_choice: do_not_file}\n",
        "  - id: CSE-P07\n    when: {report_choice: do_not_file, role: sender}\n",
        "cse: reports: There is a gap: no rule holds.",
    ),
    "an outcome that nothing leads to": (
        "altercation.yaml",
        "    if_refused: al-kept-news\n",
        "",
        "altercation: al-kept-news: No rule leads to this outcome.",
    ),
}


def _planted(edited: Edit, file: str, old: str, new: str) -> policy.Pack:
    """The pack with the fault; new parts of it need no words here."""
    for language in ("en.yaml", "zh-hans.yaml"):
        edited(language, "complete: true", "complete: false")
    return policy.load_folder(edited(file, old, new))


@pytest.mark.parametrize("version", ["2020-10", "2024-05"])
def test_the_shipped_packs_are_sound(version: str) -> None:
    assert policy.check(policy.load("child-safety", version)) == []


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_and_shown_where_it_stands(edited: Edit, fault: str) -> None:
    """Named, with the file and line of the part that it is in, or of its table."""
    file, old, new, expected = PLANTED[fault]
    problems = policy.check(_planted(edited, file, old, new))
    problem = next((p for p in problems if f": {expected}" in str(p)), None)
    assert problem is not None, [str(p) for p in problems]
    assert problem.at is not None
    assert problem.at.file.endswith(f"/{file}")
    lines = (edited("pack.yaml", "policy", "policy") / file).read_text(encoding="utf-8").splitlines()
    name = problem.part.split(".")[0]
    shown = lines[problem.at.line - 1].strip()
    assert shown.startswith((f"- id: {name}", f"- {{id: {name}", f"{name}:", "- when:", f"- use: {name}")), shown


def test_an_example_shows_the_fault(edited: Edit) -> None:
    file, old, new, _ = PLANTED["a gap"]
    pack = policy.load_folder(edited(file, old, new))
    gap = next(problem for problem in policy.check(pack) if problem.part == "rules")
    assert "malice=none_found" in gap.example
    assert "role=uploader" not in gap.example
