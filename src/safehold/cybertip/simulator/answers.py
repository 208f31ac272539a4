"""The answers of the service: its published codes, the HTTP status of each, and the two documents that carry them.

Others in this package use `CODES`, `http_of` and `response`. Source: ISPWS documentation of 2025-06-11; which HTTP
status goes with a code is documented for a refused `finish` alone (400 with 4100), the others follow its manner.
"""

from xml.sax.saxutils import escape

CODES = {
    0: "Success",
    1000: "Server error",
    1100: "Save failed",
    1110: "Upload failed",
    1111: "File upload failed",
    1210: "Resource not found",
    1300: "Update failed",
    2000: "Authentication required",
    3000: "Not authorized for this action",
    3100: "No authorization to make submissions",
    3300: "No authorization to make updates",
    4000: "Invalid request",
    4100: "Validation failed",
    4110: "Malformed XML submittal",
    4200: "Malformed file submittal",
    5001: "Report does not exist",
    5002: "File does not exist",
    5101: "Report already retracted",
    5102: "Report already finished",
}


def http_of(code: int) -> int:
    """The HTTP status that goes with a code."""
    if code in (0, 1210):
        return 404 if code else 200
    return {1: 500, 2: 401, 3: 403}.get(code // 1000, 400)


def response(code: int, description: str = "", **fields: object) -> bytes:
    """A `reportResponse`. Without a description it carries the published one."""
    told = description or CODES.get(code, "Refused")
    parts = [("responseCode", code), ("responseDescription", told), *fields.items()]
    return _document("reportResponse", "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in parts))


def done(report: int, files: list[str]) -> bytes:
    """The `reportDoneResponse` of a finished report: it has no description, and lists the files."""
    listed = "".join(f"<fileId>{escape(one)}</fileId>" for one in files)
    inside = f"<responseCode>0</responseCode><reportId>{report}</reportId>"
    return _document("reportDoneResponse", f"{inside}<files>{listed}</files>" if listed else f"{inside}<files/>")


def _document(root: str, inside: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{root}>{inside}</{root}>'.encode()
