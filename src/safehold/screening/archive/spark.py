"""The same lookup on Spark, for archives that outgrow one machine. Needs the extra `spark` and Java.

Others may call `rescreen`. Each executor makes the index of the new entries once; rows stay where they are.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa

from safehold.screening.archive.batch import Entries, found

if TYPE_CHECKING:
    from pyspark.broadcast import Broadcast
    from pyspark.sql import DataFrame, SparkSession

# FOUND in Spark's words.
SCHEMA = (
    "at timestamp, host string, item_id string, account_id string, surface string, jurisdiction string, film boolean, "
    "sha256 binary, sha1 binary, md5 binary, pdqs array<binary>, "
    "agrees array<struct<entry: binary, digests: array<string>, distance: smallint>>"
)


class NoSpark(Exception):
    """Spark is not installed."""


def session(app: str = "safehold-rescreen") -> "SparkSession":
    """The session that this process runs in, or a new one as Spark's own settings say. Raises NoSpark.

    Executors need Safehold too: they run this very Python unless PYSPARK_PYTHON names another.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise NoSpark("Install the extra: pip install 'safehold[spark]' (and a Java runtime).") from None
    return SparkSession.builder.appName(app).config("spark.sql.session.timeZone", "UTC").getOrCreate()


def rescreen(spark: "SparkSession", archive: str, entries: Entries) -> "DataFrame":
    """The archived rows that agree with entries, with the columns of FOUND. `archive` is a folder or an object store's
    address of the days (`…/day=*`)."""
    sent = spark.sparkContext.broadcast(entries.pack())
    rows = spark.read.parquet(archive).drop("day")
    return rows.mapInArrow(_look_up(sent), SCHEMA)


def _look_up(sent: "Broadcast[bytes]") -> "object":
    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        index = _unpacked(sent.value).index
        for batch in batches:
            yield found(batch, index)

    return run


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> Entries:
    """Once for each executor's process."""
    return Entries.unpack(packed)
