"""Keeps the secret parts of addresses out of the logs: receipt codes and letter tokens are keys.

Django logs the path of every refused or broken request. `HideSecrets` is attached to its loggers when
the room is ready; the web server's own access log is off (see `safehold serve`).
"""

import logging
import re

_SECRET = re.compile(r"(/(?:r|appeal)/)[^/\s?#]+", re.IGNORECASE)
LOGGERS = ("django.request", "django.security.csrf", "django.security.SuspiciousOperation", "django.server")


class HideSecrets(logging.Filter):
    """Replaces what follows /r/ and /appeal/ by three dots. Lets every record through."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's arguments in place."""
        if isinstance(record.args, tuple):
            record.args = tuple(_hidden(arg) if isinstance(arg, str) else arg for arg in record.args)
        if isinstance(record.msg, str):
            record.msg = _hidden(record.msg)
        return True


def _hidden(text: str) -> str:
    return _SECRET.sub(r"\1…", text)


def attach() -> None:
    """Attach the filter, once."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, HideSecrets) for one in logger.filters):
            logger.addFilter(HideSecrets())
