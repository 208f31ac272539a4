"""The SDK for hosts: ask Safehold before publishing, report, check sign-ups, read its orders, tell it events.

    from safehold.client import Item, Safehold

    with Safehold("https://safety.example", "shk_…") as safehold:
        verdict = safehold.screen_file(path, surface="public_uploads", jurisdiction="US")

`AsyncSafehold` has the same calls to be awaited; `Signer` verifies orders and signs events. Imports nothing else of
Safehold and no framework, so that a host's process stays as small as it was.
"""

from safehold.client.asynchronous import AsyncSafehold
from safehold.client.blocking import Safehold
from safehold.client.signing import Forged, Order, Signer
from safehold.client.types import (
    Hit,
    Item,
    Locator,
    NotScreened,
    Pdq,
    Receipt,
    Refused,
    SafeholdError,
    SignupAnswer,
    Unavailable,
    Verdict,
)

__all__ = [
    "AsyncSafehold",
    "Forged",
    "Hit",
    "Item",
    "Locator",
    "NotScreened",
    "Order",
    "Pdq",
    "Receipt",
    "Refused",
    "Safehold",
    "SafeholdError",
    "Signer",
    "SignupAnswer",
    "Unavailable",
    "Verdict",
]
