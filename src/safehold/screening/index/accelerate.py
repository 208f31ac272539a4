"""Whether Numba is there. Others in the package call `kernels()`; `warm` of the index is what others may call."""

import functools
import importlib
import logging
from typing import Any

_log = logging.getLogger(__name__)


@functools.cache
def kernels() -> Any | None:
    """The compiled scans (compiled or loaded at the first call), or None where the extra `fast` is not installed."""
    try:
        return importlib.import_module("safehold.screening.index.kernels")
    except ImportError as error:
        _log.info("near-match runs in NumPy, without Numba: %s", error)
        return None
