"""Proof of work on the report form, made and checked here: no third party learns of a reporter.

`challenge()` goes into the form, the browser's script solves it, `check()` says whether the answer is
right and new. A report without one is taken too; it only gets the slower lane (see `throttle`).
"""

import base64
import binascii
import hashlib
import json
from datetime import UTC, datetime, timedelta

import altcha
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from safehold.public.models import SpentProof

ALGORITHM = "PBKDF2/SHA-256"
COST = 2000  # iterations of one try: about a millisecond in a browser
PREFIX = "00"  # one try in 256 succeeds: a quarter to one second of work
LIFE = timedelta(hours=2)
LONGEST = 4096  # characters of an answer


def _secret() -> str:
    return f"safehold.public.proof:{settings.SECRET_KEY}"


def challenge() -> str:
    """A fresh, signed challenge as JSON for the page's script."""
    made = altcha.create_challenge(
        ALGORITHM, COST, key_prefix=PREFIX, expires_at=timezone.now() + LIFE, hmac_secret=_secret()
    )
    return json.dumps(made.to_dict(), separators=(",", ":"))


def check(answer: str) -> bool:
    """Whether `answer` solves a challenge of ours that nobody used before. Uses it up."""
    if not answer or len(answer) > LONGEST:
        return False
    try:
        payload = altcha.Payload.from_base64(answer)
        if payload.challenge.parameters.cost != COST or payload.challenge.parameters.algorithm != ALGORITHM:
            return False
        right = altcha.verify_solution(payload, _secret()).verified
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError, binascii.Error):
        return False
    return right and _first_use(payload)


def _first_use(payload: altcha.Payload) -> bool:
    ends = payload.challenge.parameters.expires_at
    digest = hashlib.sha256((payload.challenge.signature or "").encode()).hexdigest()
    try:
        with transaction.atomic():
            SpentProof.objects.create(digest=digest, expires_at=datetime.fromtimestamp(ends or 0, UTC))
    except IntegrityError:
        return False
    return True


def solve(text: str) -> str:
    """The answer to `challenge()`: what the browser's script does. For clients in Python, and tests."""
    made = altcha.Challenge.from_dict(json.loads(text))
    found = altcha.solve_challenge(made)
    if found is None:
        raise ValueError("The challenge has no solution within the library's limits.")
    return base64.b64encode(json.dumps(altcha.Payload(made, found).to_dict()).encode()).decode()
