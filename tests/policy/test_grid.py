"""The decision grid: its counts are those of the checker and of the engine, whatever it is laid out by."""

from collections import Counter
from pathlib import Path

import pytest

from safehold import policy
from safehold.policy.grid import ANY_HISTORY, CLAUSES, Line, axes, histories, tone, weight
from tests.policy import enumerated, toy

PACKS = [policy.load("child-safety", version) for version in ("2020-10", "2024-05")]
NEW = PACKS[-1]
SMALL = ("physical-abuse", "altercation")


def added_up(found: policy.Grid) -> Counter[str]:
    """All cells together."""
    return sum((Counter(cell) for line in found.cells for cell in line), Counter())


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.version)
def test_the_cells_of_the_default_grid_are_every_answer_set_once(pack: policy.Pack) -> None:
    told = policy.totals(pack)
    for class_id in pack.classes:
        found = policy.grid(pack, class_id, history=ANY_HISTORY)
        assert (found.rows_by, found.columns_by) == (CLAUSES, "role")
        assert not found.overlaps
        assert found.sets == sum(told[class_id].values())
        assert found.totals == {name: number for name, number in told[class_id].items() if number}
        assert added_up(found) == Counter(found.totals)


@pytest.mark.parametrize("class_id", SMALL)
def test_every_pair_of_axes_adds_up(class_id: str) -> None:
    known = axes(NEW, class_id)
    for rows in known:
        for columns in known[:4]:
            if rows != columns:
                found = policy.grid(NEW, class_id, rows, columns)
                assert added_up(found) == Counter(found.totals), (rows, columns)


@pytest.mark.parametrize("class_id", ["cse", *SMALL])
def test_the_histories_part_all_sets(class_id: str) -> None:
    """None, and each threshold reached and no more, are together what `any` counts."""
    told = histories(NEW, class_id)
    assert told[0] == "none"
    assert told[-1] == ANY_HISTORY
    every = [policy.grid(NEW, class_id, "minor", "role", one).sets for one in told]
    assert sum(every[:-1]) == every[-1]


def test_it_is_what_the_engine_decides(tmp_path: Path) -> None:
    """Each cell of a small policy, counted by hand."""
    pack = toy.make(tmp_path, "2026-01")
    for history, name in ((policy.History(), "none"), (policy.History(same_class_12_months=1), f"{toy.COUNTER}-1")):
        by_hand: dict[tuple[str, str], Counter[str]] = {}
        for answers in enumerated.every((pack, "toy")):
            outcome = enumerated.decided(pack, "toy", answers, history)
            row = next((clause for clause in pack.classes["toy"].clauses if clause in outcome.clauses), "")
            by_hand.setdefault((row, answers["role"]), Counter())[outcome.outcome_id] += 1
        found = policy.grid(pack, "toy", history=name)
        for row, cells in zip(found.rows, found.cells, strict=True):
            for column, cell in zip(found.columns, cells, strict=True):
                assert cell == by_hand.pop((row.id, column.id), {}), (name, row, column)
        assert not by_hand


def test_a_question_of_several_answers_counts_a_set_at_each(tmp_path: Path) -> None:
    pack = toy.make(tmp_path, "2026-01")
    found = policy.grid(pack, "toy", "form", "role")
    assert found.overlaps
    sets = list(enumerated.every((pack, "toy")))
    counts = [sum(sum(cell.values()) for cell in cells) for cells in found.cells]
    by_form = dict(zip([line.id for line in found.rows], counts, strict=True))
    assert by_form == {name: sum(name in answers["form"] for answers in sets) for name in ("red", "blue", "none")}


def test_what_is_not_asked_has_a_line_of_its_own() -> None:
    found = policy.grid(NEW, "altercation", "proof", "minor")
    assert found.rows[-1] == Line("not_asked", "")
    adult = next(at for at, line in enumerate(found.columns) if line.id == "adult")
    assert [bool(cells[adult]) for cells in found.cells] == [False, False, False, True]


def test_outcomes_stand_from_what_allows_to_what_weighs_most() -> None:
    found = policy.grid(NEW, "altercation")
    specs = NEW.classes["altercation"].outcomes
    assert [weight(specs[name]) for name in found.outcomes] == sorted(weight(specs[name]) for name in found.outcomes)
    assert found.outcomes[0] == "al-none"
    assert found.outcomes[-1] == "al-suspend-third"
    tones = [tone(specs[name]) for name in found.outcomes]
    assert list(dict.fromkeys(tones)) == ["allowed", "open", "removed", "limited", "ended"]


def test_record_only_and_texts_are_no_axes() -> None:
    for pack in PACKS:
        for class_id in pack.classes:
            assert not {"claimed_context", "other_reason", "report_reason"} & set(axes(pack, class_id))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("claimed_context", "role", ""), "no 'claimed_context' to be laid out by; it has clauses, role,"),
        (("role", "role", ""), "Rows and columns are both 'role'"),
        (("role", "minor", "strikes-2"), "tells apart the histories none, strikes-1, any"),
    ],
)
def test_what_cannot_be_drawn_is_refused(asked: tuple[str, str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        policy.grid(NEW, "cse", *asked)


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(KeyError):
        policy.grid(NEW, "spam")
