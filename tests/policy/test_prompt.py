"""A class as the instruction for a safety model: four parts, every rule, no more than a model follows."""

import re

import pytest

from safehold import policy
from safehold.policy.prompt import ENGINES, LEAST, MOST, TooLong, UnknownEngine, estimate
from tests.policy.answer_sets import VERSIONS
from tests.policy.conftest import Edit
from tests.policy.golden import FOLDER

PACKS = {version: policy.load("child-safety", version) for version in VERSIONS}
EVERY = [(version, class_id) for version, pack in PACKS.items() for class_id in pack.classes]
# Counted once with the model's own vocabulary (o200k); the golden file is the text that was counted.
REAL = {
    ("2020-10", "cse"): 580,
    ("2024-05", "cse"): 580,
    ("2024-05", "physical-abuse"): 555,
    ("2024-05", "altercation"): 553,
}


@pytest.mark.parametrize(("version", "class_id"), EVERY)
def test_it_is_the_golden_file(version: str, class_id: str) -> None:
    """`python -m tests.policy.golden` writes them anew; read every changed line, and count again (REAL)."""
    golden = (FOLDER / f"prompt.{version}.{class_id}.txt").read_text(encoding="utf-8")
    assert policy.prompt(PACKS[version], class_id) == golden


@pytest.mark.parametrize(("version", "class_id"), EVERY)
def test_it_has_four_parts_in_order_and_every_rule(version: str, class_id: str) -> None:
    text = policy.prompt(PACKS[version], class_id)
    assert re.findall(r"^# (.+)$", text, re.MULTILINE) == ["Instruction", "Definitions", "Criteria", "Output format"]
    criteria = text.split("# Criteria")[1].split("# Output format")[0]
    cls = PACKS[version].classes[class_id]
    assert re.findall(r"^- ([A-Z]+-X?\d+) ", criteria, re.MULTILINE) == [*cls.clauses, *cls.exceptions]
    for name in (*cls.clauses, *cls.exceptions):
        assert f"- {name} {PACKS[version].text('en', name)}" in criteria


@pytest.mark.parametrize(("version", "class_id"), EVERY)
def test_it_is_as_long_as_a_model_follows_well(version: str, class_id: str) -> None:
    assert LEAST <= estimate(policy.prompt(PACKS[version], class_id)) <= MOST


@pytest.mark.parametrize(("version", "class_id"), EVERY)
def test_the_estimate_is_conservative_and_near(version: str, class_id: str) -> None:
    """Never fewer tokens than the model counts, and at most a tenth more: so the bounds hold for real tokens."""
    golden = (FOLDER / f"prompt.{version}.{class_id}.txt").read_text(encoding="utf-8")
    real = REAL[version, class_id]
    assert 400 <= real <= 600
    assert real <= estimate(golden) <= real * 1.1
    assert LEAST / 1.1 >= 400
    assert MOST <= 600


@pytest.mark.parametrize(("version", "class_id"), EVERY)
def test_a_person_decides_and_not_telling_leads_to_one(version: str, class_id: str) -> None:
    text = policy.prompt(PACKS[version], class_id)
    assert "a person decides" in text
    assert '"violation": 0 or 1, "cannot_tell": true or false, "rule_ids": [], "rationale": ""' in text
    assert "cannot_tell is true" in text
    assert "under 18" in text
    assert "xample" not in text


def test_an_exception_that_is_off_is_not_told(edited: Edit) -> None:
    pack = policy.load_folder(edited("altercation.yaml", "    clears: []\n", "    clears: []\n    off: true\n"))
    text = policy.prompt(pack, "altercation")
    assert "AL-X1" not in text
    assert "No violation (0) where" not in text


def test_another_model_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownEngine, match=r"'llama-guard'; known are: gpt-oss-safeguard\."):
        policy.prompt(PACKS["2024-05"], "cse", "llama-guard")
    assert ENGINES == ("gpt-oss-safeguard",)


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(KeyError, match="has no class 'spam'; it has cse"):
        policy.prompt(PACKS["2024-05"], "spam")


def test_a_class_that_is_too_long_is_refused_and_not_cut(edited: Edit) -> None:
    for language in ("en.yaml", "zh-hans.yaml"):
        edited(language, "complete: true", "complete: false")
    rows = "".join(f"  - {{id: AL-9{n:02}, serves: [S42], when: {{news: yes}}}}\n" for n in range(90))
    folder = edited("altercation.yaml", "clauses:\n", f"clauses:\n{rows}")
    words = "".join(f'  AL-9{n:02}: {{is: "Title {n}", text: "Text {n}."}}\n' for n in range(90))
    edited("en.yaml", "terms:\n", f"terms:\n{words}")
    with pytest.raises(TooLong, match=r"takes \d+ tokens at least; 600 are followed"):
        policy.prompt(policy.load_folder(folder), "altercation")
