"""What is kept of one screened item, as a record and as columns."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pyarrow as pa

FORMAT = b"1"  # of the columns below; a part says which it has

COLUMNS = pa.schema(
    [
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("host", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string(), nullable=False),  # "" = the host did not say
        pa.field("surface", pa.string(), nullable=False),
        pa.field("jurisdiction", pa.string(), nullable=False),
        pa.field("film", pa.bool_(), nullable=False),
        pa.field("sha256", pa.binary()),
        pa.field("sha1", pa.binary()),
        pa.field("md5", pa.binary()),
        pa.field("pdqs", pa.list_(pa.binary()), nullable=False),  # of quality 50 or more
    ],
    metadata={b"safehold.archive": FORMAT},
)


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One screened item. Digests are lower-case hexadecimal, "" where not known; `at` in microseconds since 1970."""

    at: int
    host: str
    item_id: str
    account_id: str
    surface: str
    jurisdiction: str
    film: bool
    sha256: str
    sha1: str
    md5: str
    pdqs: tuple[str, ...]

    @property
    def day(self) -> str:
        """The UTC day of its partition: 2026-01-31."""
        return datetime.fromtimestamp(self.at / 1_000_000, UTC).date().isoformat()


def table(rows: Sequence[Row]) -> pa.Table:
    """The rows as columns."""
    return pa.Table.from_arrays(
        [
            pa.array([row.at for row in rows], COLUMNS.field("at").type),
            *(
                pa.array([getattr(row, name) for row in rows], COLUMNS.field(name).type)
                for name in ("host", "item_id", "account_id", "surface", "jurisdiction", "film")
            ),
            *(
                pa.array([_bytes(getattr(row, name)) for row in rows], pa.binary())
                for name in ("sha256", "sha1", "md5")
            ),
            pa.array([[bytes.fromhex(pdq) for pdq in row.pdqs] for row in rows], COLUMNS.field("pdqs").type),
        ],
        schema=COLUMNS,
    )


def _bytes(text: str) -> bytes | None:
    return bytes.fromhex(text) if text else None
