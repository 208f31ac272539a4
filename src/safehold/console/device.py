"""Which device a member works on: a random id kept in the session, one per sign-in.

Two tabs of one browser are one device; a second browser is another and cannot use the first one's lease.
"""

import secrets

from django.http import HttpRequest


def device_of(request: HttpRequest) -> str:
    """The session's device id, made on first use."""
    known = request.session.get("device")
    if not isinstance(known, str):
        known = request.session["device"] = secrets.token_hex(16)
    return known
