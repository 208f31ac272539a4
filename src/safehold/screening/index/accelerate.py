"""Whether Numba is there. Others in the package call `kernels()` and `for_rows`; `warm` of the index is what others
may call.

Loading the compiled scans takes a second, compiling them for the first time many. An index of few rows is answered by
NumPy as soon, so a small installation never waits for them.
"""

import functools
import importlib
import logging
from typing import Any

FEW = 50_000  # rows; up to them NumPy does
_log = logging.getLogger(__name__)
_asked = False


@functools.cache
def kernels() -> Any | None:
    """The compiled scans (compiled or loaded at the first call), or None where the extra `fast` is not installed."""
    global _asked  # noqa: PLW0603 - whether this function ran; it runs once
    _asked = True
    try:
        return importlib.import_module("safehold.screening.index.kernels")
    except ImportError as error:
        _log.info("near-match runs in NumPy, without Numba: %s", error)
        return None


def loaded() -> bool:
    """Whether `kernels` was asked for before: then it answers at once."""
    return _asked


def for_rows(rows: int) -> Any | None:
    """The compiled scans for a search over so many rows; None where NumPy is to do it."""
    return kernels() if rows > FEW or loaded() else None
