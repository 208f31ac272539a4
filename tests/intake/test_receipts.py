"""Receipt codes: the same for the same key, readable however typed, useless to whoever reads the database."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from safehold.intake import receipts

same_folder = limits(suppress_health_check=[HealthCheck.function_scoped_fixture])


@same_folder
@given(st.text(min_size=1, max_size=50).filter(lambda text: text.isprintable()))
def test_codes_are_stable_and_well_formed(data: Path, once_key: str) -> None:
    code = receipts.code_for("form//", once_key)
    assert code == receipts.code_for("form//", once_key)
    assert [len(group) for group in code.split("-")] == [4, 4, 4, 4]
    assert set(code) - {"-"} <= set(receipts.ALPHABET)


@same_folder
@given(st.text(max_size=20), st.sampled_from(["", " ", "-", " - ", "\u2013"]), st.booleans())
def test_a_code_is_read_however_it_is_typed(data: Path, once_key: str, between: str, small: bool) -> None:
    code = receipts.code_for("form//", once_key or "x")
    typed = between.join(code.split("-"))
    assert receipts.read(f"  {typed.lower() if small else typed} ") == code


@given(st.text(max_size=200))
def test_anything_else_is_no_code(text: str) -> None:
    found = receipts.read(text)
    assert found is None or len(found) == 19


def test_no_lookalikes_and_no_vowels() -> None:
    assert not set("0O1IL8B5S2ZAEU") & set(receipts.ALPHABET) - set("258")  # of each pair at most one is used
    assert not {"0", "O", "1", "I", "L", "B", "S", "Z", "A", "E", "U"} & set(receipts.ALPHABET)


def test_scopes_keys_and_installations_part_codes(data: Path) -> None:
    code = receipts.code_for("in_app/one/", "key")
    assert code != receipts.code_for("in_app/two/", "key")
    assert code != receipts.code_for("in_app/one/", "other")
    (data / "keys" / "receipts.key").unlink()
    assert code != receipts.code_for("in_app/one/", "key")


def test_the_hash_is_not_the_code(data: Path) -> None:
    code = receipts.code_for("form//", "key")
    assert code.replace("-", "") not in receipts.hash_of(code).upper()
    another = "X" if code[0] != "X" else "Y"  # codes are random: one in thirty begins with any letter
    assert receipts.hash_of(code) != receipts.hash_of(another + code[1:])


def test_the_key_file_is_for_its_owner_only(data: Path) -> None:
    receipts.code_for("form//", "key")
    assert (data / "keys" / "receipts.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "AAAA-AAAA-AAAA-AAAA", "2222-2222-2222", "2222-2222-2222-22222", "X" * 10_000])
def test_wrong_codes(text: str) -> None:
    assert receipts.read(text) is None
