"""The same request twice, recorded once: `Idempotency-Key`. Inside the screening path only.

The answer is kept with what was recorded, in one transaction, for a day. A resend gets it again, word for word; the
same key with another question is refused with 409.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from safehold.api.models import GivenAnswer
from safehold.api.screen_wire import Refused
from safehold.subjects.models import Host

KEPT_FOR = timedelta(hours=24)
FORGET_AT_ONCE = 500


def digest(path: str, query: bytes, body: bytes) -> str:
    """What a key stands for: the address and the body (of an upload, its SHA-256)."""
    return hashlib.sha256(b"\n".join((path.encode(), query, body))).hexdigest()


def answer(host: Host, key: str, asked: str, work: Callable[[], bytes]) -> bytes:
    """What was answered to this key before; or else what `work` answers now, kept with all that it records.

    Raises Refused where the key was used for another question; whatever `work` raises leaves nothing behind.
    """
    try:
        with transaction.atomic():
            return _given(host, key, asked) or _now(host, key, asked, work)
    except IntegrityError:
        # Another process answered it meanwhile. If it was something else that failed, it is raised from here.
        with transaction.atomic():
            return _given(host, key, asked) or _now(host, key, asked, work)


def forget() -> int:
    """Delete what is older than a day, a part at a time; returns how many."""
    old = list(
        GivenAnswer.objects.filter(at__lt=timezone.now() - KEPT_FOR).values_list("pk", flat=True)[:FORGET_AT_ONCE]
    )
    GivenAnswer.objects.filter(pk__in=old).delete()
    return len(old)


def _given(host: Host, key: str, asked: str) -> bytes | None:
    row = GivenAnswer.objects.filter(host=host, key=key).first()
    if row is None:
        return None
    if row.at < timezone.now() - KEPT_FOR:
        row.delete()
        return None
    if row.digest != asked:
        raise Refused(
            409, "key_used", "This Idempotency-Key was sent with another question. Use a new one for each question.",
            "Idempotency-Key",
        )  # fmt: skip
    return bytes(row.answer)


def _now(host: Host, key: str, asked: str, work: Callable[[], bytes]) -> bytes:
    """The row comes first: whoever asks the same meanwhile waits for it."""
    row = GivenAnswer.objects.create(host=host, key=key, digest=asked, answer=b"", at=timezone.now())
    row.answer = work()
    row.save(update_fields=["answer"])
    return bytes(row.answer)
