"""A faulty pack is refused with file, line, what is wrong, and a hint; the texts are golden."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from safehold import policy
from safehold.policy.loader import PACKS

Edit = Callable[..., Path]
WHERE = "child-safety/2024-05"

FAULTS = {
    "unknown question": (
        "cse.yaml",
        "    when: {form: link}\n",
        "    when: {from: link}\n",
        "cse.yaml:{line}: There is no question or condition word 'from'.\n  hint: Did you mean 'form'?",
    ),
    "unknown answer": (
        "cse.yaml",
        "link_leads: to_material\n",
        "link_leads: to_materail\n",
        "cse.yaml:{line}: There is no answer of 'link_leads' 'to_materail'.\n  hint: Did you mean 'to_material'?",
    ),
    "unknown sanction": (
        "cse.yaml",
        "sanctions: [suspend_permanently, ban_person]",
        "sanctions: [suspend_forever]",
        "cse.yaml:{line}: There is no sanction 'suspend_forever'.\n  hint: Did you mean 'suspend_protectively'?",
    ),
    "unknown outcome": (
        "cse.yaml",
        "then: cse-suspend",
        "then: cse-suspended",
        "cse.yaml:{line}: There is no outcome 'cse-suspended'.\n  hint: Did you mean 'cse-suspend'?",
    ),
    "report without incident type": (
        "cse.yaml",
        "    incident_type: child_sex_trafficking\n",
        "",
        (
            "cse.yaml:{line}: Clause 'CSE-11' has report 'shall' and incident type ''.\n"
            "  hint: A clause that may be reported names a CyberTip incident type; others name none."
        ),
    ),
    "unknown source": (
        "cse.yaml",
        "sources: [us-2258A, us-1591]",
        "sources: [us-2258A, us-1592]",
        "cse.yaml:{line}: There is no source 'us-1592'.\n  hint: Did you mean 'us-1591'?",
    ),
    "asked too early": (
        "cse.yaml",
        "    when: {minor: [known, apparent, self]}\n",
        "    when: {malice: found}\n",
        (
            "cse.yaml:{line}: Question 'form' depends on 'malice', which is asked later.\n"
            "  hint: Move it up, or change `when`."
        ),
    ),
    "a circle": (
        "cse.yaml",
        "  in_danger: {danger: [planned, immediate]}",
        "  in_danger: {fact: unsettled}",
        (
            "cse.yaml:{line}: These conditions go in a circle: in_danger > unsettled > in_danger.\n"
            "  hint: Break it at one of them."
        ),
    ),
    "a setting misspelt": (
        "cse.yaml",
        "    lenient: false",
        "    leniant: false",
        "cse.yaml:{line}: Clause 'CSE-11' has no setting 'leniant'.\n  hint: Did you mean 'lenient'?",
    ),
    "a number for a switch": (
        "cse.yaml",
        "suspend: true",
        "suspend: 1",
        "cse.yaml:{line}: 'suspend' of strikes is the number 1; it must be true or false.",
    ),
    "the same id twice": (
        "cse.yaml",
        "  - id: CSE-10\n",
        "  - id: CSE-11\n",
        "cse.yaml:{line}: 'CSE-11' stands twice in 'clauses'.\n  hint: The first is on line {first}.",
    ),
    "the same key twice": (
        "cse.yaml",
        "priority: top",
        "class: cse\npriority: top",
        "cse.yaml:{line}: 'class' is given twice.\n  hint: The first is on line 1.",
    ),
    "no YAML": (
        "cse.yaml",
        "serves: [S1,",
        "serves: [S1: [,",
        (
            "cse.yaml:{line}: This is not YAML: expected the node content, but found ','.\n"
            "  hint: Check indentation, colons and quotes."
        ),
    ),
    "read-only for no days": (
        "physical-abuse.yaml",
        "{read_only: 7}",
        "{read_only: 0}",
        "physical-abuse.yaml:{line}: 'read_only' lasts 0 days.\n  hint: Write a whole number of days, at least 1.",
    ),
    "no date": (
        "pack.yaml",
        "effective: 2024-05-01",
        "effective: May 2024",
        "pack.yaml:{line}: 'May 2024' is not a date.\n  hint: Write it as YYYY-MM-DD, e.g. 2024-05-01.",
    ),
    "a missing class file": (
        "pack.yaml",
        "classes: [cse,",
        "classes: [cse, spam,",
        "spam.yaml:1: The file is missing.\n  hint: Every file that pack.yaml names must be there.",
    ),
    "a missing text": (
        "zh-hans.yaml",
        '  cse-none: "未违反本类别。"\n',
        "",
        "zh-hans.yaml:3: 1 texts are missing, first 'cse-none'.\n  hint: Add them, or write `complete: false`.",
    ),
    "a text for nothing": (
        "en.yaml",
        "  cse-none: ",
        "  cse-nought: ",
        "en.yaml:{line}: Nothing in the pack is called 'cse-nought'.\n  hint: Did you mean 'cse-none'?",
    ),
    "a text that is a number": (
        "en.yaml",
        '  cse-none: "No violation of this class."',
        "  cse-none: 7",
        "en.yaml:{line}: The text of 'cse-none' is empty or not a text.\n  hint: Write it in quotes.",
    ),
    "an unknown placeholder": (
        "en.yaml",
        "under {minor_age} is allowed",
        "under {age} is allowed",
        "en.yaml:{line}: There is no placeholder 'age'.\n  hint: Known here: minor_age.",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_is_named_with_file_line_and_hint(edited: Edit, fault: str) -> None:
    file, old, new, expected = FAULTS[fault]
    folder = edited(file, old, new)
    with pytest.raises(policy.PolicyError) as caught:
        policy.load_folder(folder)
    first = (folder / file).read_text(encoding="utf-8").split("  - id: CSE-11\n")[0].count("\n") + 1
    golden = expected.replace("{line}", str(caught.value.line)).replace("{first}", str(first))
    assert str(caught.value) == f"{WHERE}/{golden}"


@pytest.mark.parametrize(
    ("fault", "marker"),
    [
        ("unknown question", "from: link"),
        ("unknown answer", "to_materail"),
        ("unknown sanction", "suspend_forever"),
        ("a setting misspelt", "leniant"),
        ("read-only for no days", "read_only: 0"),
        ("a text for nothing", "cse-nought"),
        ("an unknown placeholder", "{age}"),
    ],
)
def test_the_line_is_the_faulty_line(edited: Edit, fault: str, marker: str) -> None:
    file, old, new, _ = FAULTS[fault]
    folder = edited(file, old, new)
    with pytest.raises(policy.PolicyError) as caught:
        policy.load_folder(folder)
    assert marker in (folder / file).read_text().splitlines()[caught.value.line - 1]


def test_an_unknown_version_names_those_there_are() -> None:
    with pytest.raises(policy.PolicyError, match="There is no such policy version") as caught:
        policy.load("child-safety", "2024-06")
    assert "child-safety 2024-05" in caught.value.hint


def test_an_incomplete_language_falls_back_to_english(edited: Edit) -> None:
    edited("zh-hans.yaml", '  cse-none: "未违反本类别。"\n', "")
    pack = policy.load_folder(edited("zh-hans.yaml", "complete: true", "complete: false"))
    assert pack.text("zh-hans", "cse-none") == "No violation of this class."
    assert pack.text("zh-hans", "cse-suspend").startswith("隐藏")
    assert [(p.place, p.part) for p in policy.check(pack)] == [("zh-hans", "cse-none")]


def test_complete_languages_never_fall_back() -> None:
    pack = policy.load("child-safety", "2024-05")
    with pytest.raises(KeyError, match="no text 'cse-nought' in 'zh-hans'"):
        pack.text("zh-hans", "cse-nought")
    with pytest.raises(KeyError, match="no language 'fr'"):
        pack.text("fr", "cse")


@pytest.mark.parametrize("version", ["2020-10", "2024-05"])
def test_the_age_of_minority_stands_once(version: str) -> None:
    """S3: one number, in the glossary that every policy shares, and nowhere else."""
    pack = policy.load("child-safety", version)
    assert pack.minor_age == pack.glossary.minor_age == 18
    written = [
        line for path in PACKS.rglob("*.yaml") for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\bunder 18\b|\b18 (years|周岁)|minor_age: \d", line)
    ]  # fmt: skip
    assert written == ["minor_age: 18   # S3: the one place where this number stands"]
    assert policy.text(pack, "en", "cse.minor") == "Is the person concerned under 18?"
    assert policy.text(pack, "zh-hans", "cse.minor") == "所涉之人是否未满 18 周岁？"


def test_the_glossary_has_the_synonyms_of_a_minor_in_every_language() -> None:
    """S4, S83: child and minor mean the same, in whatever policy."""
    shared = policy.load("child-safety", "2020-10").glossary
    assert shared == policy.load("child-safety", "2024-05").glossary
    for language, word in (("en", "child"), ("zh-hans", "儿童")):
        minor = next(term for term in shared.terms(language) if term.id == "minor")
        assert word in minor.also
        assert "18" in minor.text
    assert {len(terms) for terms in shared.languages.values()} == {len(shared.terms("en"))}


@pytest.mark.parametrize(
    ("old", "new"), [("rows: [S1-S3,", "rows: [S1-L3,"), ("lacks_rows: [L1-L24]", "lacks_rows: [line 24]")]
)
def test_a_row_that_is_none_is_named_where_it_stands(edited: Edit, old: str, new: str) -> None:
    folder = edited("pack.yaml", old, new)
    lines = (folder / "pack.yaml").read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if new in text)
    with pytest.raises(policy.PolicyError, match=rf"pack\.yaml:{line}: .* is no row\.\n  hint: Write S18"):
        policy.load_folder(folder)
