"""`SAFEHOLD_CLASSIFIER_*`: off by default, and what cannot be used is refused at start."""

from pathlib import Path

import pytest

from safehold.app import config
from safehold.app.config import Classifier, ConfigError

URL = {"SAFEHOLD_CLASSIFIER_URL": "http://127.0.0.1:8000/v1", "SAFEHOLD_CLASSIFIER_MODEL": "gpt-oss-safeguard:20b"}


def load(tmp_path: Path, **given: str) -> Classifier:
    return config.load({"SAFEHOLD_DATA": str(tmp_path), **given}).classifier


def test_it_is_off_and_opens_nothing_by_default(tmp_path: Path) -> None:
    assert load(tmp_path) == Classifier(url="", model="", api_key="", allowed_hosts=(), threshold=0.75, opens=False)


def test_what_is_set_is_taken(tmp_path: Path) -> None:
    more = {"API_KEY": "secret-17", "ALLOWED_HOSTS": "model.example, ,other.example", "THRESHOLD": "0.5", "OPENS": "1"}
    told = load(tmp_path, **URL, **{f"SAFEHOLD_CLASSIFIER_{name}": value for name, value in more.items()})
    assert told == Classifier(
        url="http://127.0.0.1:8000/v1", model="gpt-oss-safeguard:20b", api_key="secret-17",
        allowed_hosts=("model.example", "other.example"), threshold=0.5, opens=True,
    )  # fmt: skip


@pytest.mark.parametrize("threshold", ["0", "-1", "1.01", "nan", "inf", "high", ""])
def test_a_threshold_of_no_sense_is_refused(tmp_path: Path, threshold: str) -> None:
    with pytest.raises(ConfigError, match="SAFEHOLD_CLASSIFIER_THRESHOLD"):
        load(tmp_path, SAFEHOLD_CLASSIFIER_THRESHOLD=threshold)


def test_an_address_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="say which model"):
        load(tmp_path, SAFEHOLD_CLASSIFIER_URL=URL["SAFEHOLD_CLASSIFIER_URL"])
