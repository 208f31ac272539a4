"""docs/requirements.md is whole and true, and its checker finds each kind of fault."""

from collections.abc import Callable
from pathlib import Path

import pytest

from safehold import policy
from safehold.policy import requirements

PAGE = Path(__file__).parents[2] / "docs" / "requirements.md"


def test_the_page_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert requirements.check(PAGE) == []
    assert requirements.main([str(PAGE)]) == 0
    assert capsys.readouterr().out.startswith("124 rows: ")
    assert sum(requirements.counts(PAGE).values()) == 124


def test_a_row_served_by_the_pack_is_not_called_foreign() -> None:
    pack = policy.load("child-safety", "2024-05")
    served = {
        row
        for cls in pack.classes.values()
        for part in (cls, *cls.questions, *cls.clauses.values(), *cls.exceptions.values(), *cls.rules, *cls.reports)
        for row in part.serves
    }
    foreign = {row.id for row in requirements.rows(PAGE) if row.state == "not ours"}
    assert not served & foreign


@pytest.fixture
def page(tmp_path: Path) -> Callable[[str, str], Path]:
    """`page(id, line)` writes a sound page of its own and puts another line in place of that row's."""

    def write(name: str, line: str) -> Path:
        (tmp_path / "docs").mkdir()
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "test_one.py").write_text("def test_that_is_there() -> None: ...\n")
        table = {row: f"| {row} | function {row} | planned | policy |" for row in requirements.EXPECTED}
        table["S1"] = "| S1 | function 1 | works | tests/test_one.py::test_that_is_there |"
        table["S2"] = "| S2 | function 2 | not ours | the operator does it |"
        path = tmp_path / "docs" / "requirements.md"
        path.write_text("\n".join({**table, name: line}.values()), encoding="utf-8")
        return path

    return write


def test_a_sound_page_has_no_faults(page: Callable[[str, str], Path]) -> None:
    path = page("S3", "| S3 | function 3 | works | tests/test_one.py, tests/test_one.py::test_that_is_there |")
    assert requirements.check(path) == []
    assert requirements.counts(path) == {"works": 2, "planned": 121, "not ours": 1}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("", "requirements.md: row L24 is missing."),
        ("| L25 | function | planned | policy |", "L25: there is no such row."),
        ("| L23 | function | planned | policy |", "L23: the row stands more than once."),
        (
            "| L24 | function | done | policy |",
            "requirements.md:109: L24: the state 'done' is not one of works, planned",
        ),
        ("| L24 | | planned | policy |", "L24: it does not say what is asked for."),
        ("| L24 | function | works | tests/test_two.py |", "L24: the test file tests/test_two.py does not exist."),
        ("| L24 | function | works | tests/test_one.py::test_x |", "L24: tests/test_one.py has no test test_x."),
        ("| L24 | function | works | by hand |", "L24: it works, but 'by' names no test file."),
        ("| L24 | function | planned | cellar |", "L24: planned in 'cellar', which is no room."),
        ("| L24 | function | not ours | |", "L24: the reason is missing."),
    ],
)
def test_a_fault_of_the_page_is_found(page: Callable[[str, str], Path], line: str, fault: str) -> None:
    faults = requirements.check(page("L24", line))
    assert any(fault in found for found in faults), faults


def test_a_missing_page_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert requirements.main(["docs/nothing.md"]) == 2
    assert "There is no file" in capsys.readouterr().err
