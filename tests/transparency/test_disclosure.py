"""Small numbers are withheld, and cannot be computed from what is shown."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehold.transparency.disclosure import SMALL, withhold

NUMBERS = st.integers(0, 12)


def _figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"sections": [{"id": "x", "rows": rows}]}


def _public(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in withhold(_figures(rows))["sections"][0]["rows"]}


def _count(name: str, value: int, **more: Any) -> dict[str, Any]:
    return {"id": name, "value": value, "unit": "count", **more}


def _group(*parts: int) -> list[dict[str, Any]]:
    names = [f"p{number}" for number in range(len(parts))]
    return [_count("all", sum(parts), parts=names), *(_count(n, v) for n, v in zip(names, parts, strict=True))]


@pytest.mark.parametrize(("value", "shown"), [(0, "value"), (1, "few"), (4, "few"), (5, "value"), (500, "value")])
def test_a_count_of_one_to_four_is_withheld(value: int, shown: str) -> None:
    row = _public([_count("a", value)])["a"]
    assert row["shown"] == shown
    assert row["value"] == (value if shown == "value" else None)


def test_a_number_that_a_subtraction_would_tell_is_withheld_too() -> None:
    public = _public(_group(20, 2, 7, 0))
    assert [public[f"p{number}"]["shown"] for number in range(4)] == ["value", "few", "withheld", "value"]
    assert public["all"]["shown"] == "value"
    assert public["p2"]["value"] is None


def test_the_total_is_withheld_where_there_is_no_other_part() -> None:
    public = _public([*_group(3, 0)])
    assert public["all"]["shown"] == "few"
    public = _public([_count("all", 9, parts=["a"]), _count("a", 3)])
    assert public["all"]["shown"] == "withheld"


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=4))
def test_no_hidden_part_can_be_computed(parts: list[int]) -> None:
    """Whatever is shown, every withheld part of 1 to 4 could have another value."""
    public = _public(_group(*parts))
    total, names = public["all"], [f"p{number}" for number in range(len(parts))]
    if total["shown"] != "value":
        return
    hidden = [name for name in names if public[name]["shown"] != "value"]
    rest = total["value"] - sum(public[name]["value"] for name in names if name not in hidden)
    few, withheld = range(1, SMALL), range(SMALL, max(SMALL, rest) + 1)
    ranges = [few if public[name]["shown"] == "few" else withheld for name in hidden]
    ways = [way for way in itertools.product(*ranges) if sum(way) == rest] if hidden else []
    for place, name in enumerate(hidden):
        if public[name]["shown"] == "few":
            assert len({way[place] for way in ways}) > 1, (parts, name)


@settings(deadline=None)
@given(part=NUMBERS, rest=NUMBERS)
def test_a_share_of_few_is_withheld(part: int, rest: int) -> None:
    whole = part + rest
    row = {"id": "s", "value": part / whole if whole else None, "unit": "share", "of": whole, "part": part}
    public = _public([row])["s"]
    few = any(0 < number < SMALL for number in (part, rest, whole))
    assert public["shown"] == ("none" if not whole else "few" if few else "value")
    assert "of" not in public
    assert "part" not in public


@pytest.mark.parametrize(("of", "shown"), [(0, "none"), (1, "few"), (4, "few"), (5, "value")])
def test_a_median_of_few_is_withheld(of: int, shown: str) -> None:
    row = {"id": "t", "value": 60 if of else None, "unit": "seconds", "of": of}
    assert _public([row])["t"]["shown"] == shown


def test_a_share_does_not_tell_a_count_that_is_withheld() -> None:
    parts = [{"id": "b", "value": 4, "unit": "count"}, {"id": "c", "value": 4, "unit": "count"}]
    total = {"id": "a", "value": 8, "unit": "count", "parts": ["b", "c"]}
    share = {"id": "d", "value": 0.4, "unit": "share", "of": 20, "part": 8, "tells": "a"}
    public = _public([total, *parts, share])
    assert public["a"]["shown"] == "withheld"
    assert (public["d"]["shown"], public["d"]["value"]) == ("withheld", None)
    free = [{**row, "value": 9} for row in parts]
    public = _public([{**total, "value": 18}, *free, {**share, "of": 40, "part": 18}])
    assert public["d"]["value"] == 0.4


def test_not_measured_is_neither_none_nor_zero() -> None:
    public = _public([{"id": "a", "value": None, "unit": "count", "why": "no record"}, _count("b", 0)])
    assert (public["a"]["shown"], public["a"]["why"]) == ("not_measured", "no record")
    assert (public["b"]["shown"], public["b"]["value"]) == ("value", 0)


def test_the_exact_figures_stay_as_they_were() -> None:
    rows = _group(20, 2, 7)
    before = [dict(row) for row in rows]
    _public(rows)
    assert rows == before
