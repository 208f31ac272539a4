"""Why a document cannot be built. Others may catch `DocumentError` and use the names of sources."""

XSD = "NCMEC XSD of November 2025"
DOCS = "NCMEC ISPWS documentation of 2025-06-11"
SERVICE = "Safehold's own rule"
LIVE = "the live schema that the operator fetched from NCMEC"


class DocumentError(ValueError):
    """A value that no valid document can carry.

    `field` is the element's path below its own type, `limit` the rule that it breaks, `source` where
    that rule is written. The value itself is never part of the error: errors reach logs.
    """

    def __init__(self, field: str, limit: str, source: str) -> None:
        super().__init__(f"{field}: {limit} ({source}).")
        self.field = field
        self.limit = limit
        self.source = source
