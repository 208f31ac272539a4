"""The one function that looks archived rows up: complete, and the same embedded and on Spark."""

import random
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehold.screening.archive import parts, spark
from safehold.screening.archive.batch import FOUND, Entries, found
from safehold.screening.archive.journal import Journal
from safehold.screening.archive.schema import COLUMNS, Row, table
from safehold.screening.index import Change

CHANCE = random.Random(17)  # noqa: S311


def row(number: int, **more: object) -> Row:
    given = {
        "at": 1_767_225_600_000_000 + number, "host": "blog", "item_id": f"p{number}", "account_id": "user-17",
        "surface": "public_uploads", "jurisdiction": "US", "film": False, "sha256": "", "sha1": "", "md5": "",
        "pdqs": (),
    } | more  # fmt: skip
    return Row(**given)  # type: ignore[arg-type]


def entry(number: int, **more: object) -> Change:
    return Change(number.to_bytes(16, "big"), number, True, **more)  # type: ignore[arg-type]


def off_by(pdq: bytes, bits: int, chance: random.Random = CHANCE) -> bytes:
    """The same hash with so many bits changed."""
    number = int.from_bytes(pdq, "big")
    for at in chance.sample(range(256), bits):
        number ^= 1 << at
    return number.to_bytes(32, "big")


def agreed(answer: pa.RecordBatch) -> dict[str, list[tuple[int, list[str], int | None]]]:
    return {
        one["item_id"]: sorted((int.from_bytes(a["entry"], "big"), a["digests"], a["distance"]) for a in one["agrees"])
        for one in answer.to_pylist()
    }


def test_each_way_to_agree_is_told() -> None:
    pdq = CHANCE.randbytes(32)
    entries = Entries(
        [
            entry(1, sha256=b"\1" * 32),
            entry(2, sha1=b"\2" * 20, md5=b"\3" * 16, pdq=(pdq,)),
            entry(3, pdq=(off_by(pdq, 31),)),
            Change((4).to_bytes(16, "big"), 4, False, sha256=b"\4" * 32),
        ]
    )
    rows = [
        row(1, sha256="01" * 32),
        row(2, sha1="02" * 20, md5="03" * 16, pdqs=(pdq.hex(), off_by(pdq, 2).hex())),
        row(3, sha256="04" * 32),
        row(4),
        row(5, md5="03" * 16),
    ]
    (portion,) = table(rows).to_batches()
    answer = found(portion, entries.index)
    assert answer.schema == FOUND
    assert agreed(answer) == {
        "p1": [(1, ["sha256"], None)],
        "p2": [(2, ["sha1", "md5"], 0), (3, [], 31)],
        "p5": [(2, ["md5"], None)],
    }


def test_nothing_found_is_an_empty_answer_of_the_same_shape() -> None:
    (portion,) = table([row(1, sha256="01" * 32)]).to_batches()
    assert found(portion, Entries([]).index).num_rows == 0
    assert found(portion.slice(0, 0), Entries([entry(1, md5=b"\1" * 16)]).index).schema == FOUND


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_near_matches_equal_brute_force(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    known = [chance.randbytes(32) for _ in range(20)]
    asked = [off_by(chance.choice(known), chance.randrange(0, 40), chance) for _ in range(30)]
    entries = Entries([entry(at, pdq=(pdq,)) for at, pdq in enumerate(known, 1)])
    (portion,) = table([row(at, pdqs=(pdq.hex(),)) for at, pdq in enumerate(asked)]).to_batches()
    expected = {
        f"p{at}": near
        for at, pdq in enumerate(asked)
        if (near := sorted((n, [], d) for n, k in enumerate(known, 1) if (d := _distance(pdq, k)) <= 31))
    }
    assert agreed(found(portion, entries.index)) == expected


def _distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def test_entries_travel() -> None:
    entries = Entries([entry(1, sha256=b"\1" * 32, pdq=(b"\2" * 32,)), entry(2, md5=b"\3" * 16)])
    again = Entries.unpack(entries.pack())
    assert again.changes == entries.changes
    assert len(again) == 2


def test_digests_of_a_wrong_length_equal_nothing() -> None:
    (portion,) = table([row(1, sha256="01" * 32, pdqs=("02" * 32,))]).to_batches()
    spoilt = portion.set_column(
        COLUMNS.get_field_index("sha256"), COLUMNS.field("sha256"), pa.array([b"\1" * 31], pa.binary())
    ).set_column(
        COLUMNS.get_field_index("pdqs"), COLUMNS.field("pdqs"), pa.array([[b"\2", None]], pa.list_(pa.binary()))
    )
    assert found(spoilt, Entries([entry(1, sha256=b"\1" * 32)]).index).num_rows == 0


def test_fixed_length_columns_are_taken_too() -> None:
    (portion,) = table([row(1, sha256="01" * 32)]).to_batches()
    fixed = portion.set_column(
        COLUMNS.get_field_index("sha256"),
        pa.field("sha256", pa.binary(32)),
        portion.column("sha256").cast(pa.binary(32)),
    )
    assert agreed(found(fixed, Entries([entry(1, sha256=b"\1" * 32)]).index)) == {"p1": [(1, ["sha256"], None)]}


def test_without_spark_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)
    with pytest.raises(spark.NoSpark, match=r"safehold\[spark\]"):
        spark.session()


def test_the_schemas_for_spark_and_arrow_agree() -> None:
    assert [
        part.split(" ")[0] for part in spark.SCHEMA.split(", ") if not part.startswith(("digests", "distance"))
    ] == [field.name for field in FOUND]


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
def test_spark_finds_the_same(tmp_path: Path) -> None:
    """In local mode, with two processes, against the embedded loop."""
    pytest.importorskip("pyspark", reason="the extra spark is not installed")
    known = [CHANCE.randbytes(32) for _ in range(50)]
    rows = [row(at, sha256=f"{at:064x}", pdqs=(off_by(CHANCE.choice(known), at % 40).hex(),)) for at in range(500)]
    one = Journal(parts.journals(tmp_path))
    one.keep(rows)
    one.close()
    parts.pack(tmp_path)
    entries = Entries(
        [entry(at, pdq=(pdq,)) for at, pdq in enumerate(known, 1)] + [entry(99, sha256=(7).to_bytes(32, "big"))]
    )
    embedded: dict[str, list[tuple[int, list[str], int | None]]] = {}
    for part in parts.listed(tmp_path):
        for portion in parts.batches(part):
            embedded |= agreed(found(portion, entries.index))
    session = spark.session("safehold-test")
    try:
        answer = spark.rescreen(session, f"{tmp_path}/day=*", entries).toArrow()
    finally:
        session.stop()
    assert agreed(answer) == embedded
    assert len(embedded) > 300
