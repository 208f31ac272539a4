"""The CyberTip documents: typed models in schema order, written with lxml.

Others may call, from `document.build`: `build_report(record)` and `build_file_details(record, ...)`,
both pure; and catch `DocumentError`. The models (`report.Report`, `file_details.FileDetails` and their
parts) cannot be made invalid: making one raises `DocumentError` with field, limit and source.
"""

from safehold.cybertip.document.errors import DocumentError

__all__ = ["DocumentError"]
