"""Which version judges conduct of a day (readings A01, A02)."""

from datetime import date

import pytest

from safehold.policy.versions import version_on, versions


@pytest.mark.parametrize("day", [date(2024, 5, 1), date(2026, 11, 22)])
def test_a_version_holds_from_its_first_day(day: date) -> None:
    assert version_on("child-safety", day) == "2024-05"


def test_before_the_first_version_the_first_one_holds() -> None:
    assert version_on("child-safety", date(2000, 1, 1)) == versions("child-safety")[0]
