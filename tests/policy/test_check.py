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
        "cse: also: An addition would punish an apparent victim.",
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


def test_the_shipped_pack_is_sound() -> None:
    assert policy.check(policy.load("child-safety", "2024-05")) == []


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(edited: Edit, fault: str) -> None:
    file, old, new, expected = PLANTED[fault]
    problems = [str(problem) for problem in policy.check(policy.load_folder(edited(file, old, new)))]
    assert any(problem.startswith(expected) for problem in problems), problems


def test_an_example_shows_the_fault(edited: Edit) -> None:
    file, old, new, _ = PLANTED["a gap"]
    pack = policy.load_folder(edited(file, old, new))
    gap = next(problem for problem in policy.check(pack) if problem.part == "rules")
    assert "malice=none_found" in gap.example
    assert "role=uploader" not in gap.example
