"""The settings of screening: what is taken, and that a wrong one stops the start and is named."""

from pathlib import Path

import pytest

from safehold.app.config import ConfigError, Screening, load


def read(tmp_path: Path, **given: str) -> Screening:
    return load({"SAFEHOLD_DATA": str(tmp_path), **given}).screening


def test_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path) == Screening()
    assert not read(tmp_path).fetch


def test_what_is_taken(tmp_path: Path) -> None:
    told = read(
        tmp_path, SAFEHOLD_FLOOD_ACCOUNTS="5", SAFEHOLD_SCREEN_FETCH="1", SAFEHOLD_SCREEN_NOT_SCREENED="review",
        SAFEHOLD_METRICS_TOKEN="placeholder",
    )  # fmt: skip
    assert (told.flood_accounts, told.fetch, told.not_screened, told.metrics_token) == (
        5,
        True,
        "review",
        "placeholder",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAFEHOLD_FLOOD_ACCOUNTS", "1"),
        ("SAFEHOLD_FLOOD_MINUTES", "0"),
        ("SAFEHOLD_SCREEN_FILE_BYTES", "-1"),
        ("SAFEHOLD_SCREEN_DECODERS", "x"),
        ("SAFEHOLD_SCREEN_NOT_SCREENED", "allow"),  # never silently clean
        ("SAFEHOLD_SCREEN_STALE_SECONDS", "1"),
        ("SAFEHOLD_SCREEN_INDEX_CHANGES", "0"),
    ],
)
def test_what_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        read(tmp_path, **{name: value})
