"""Floods slow down; nobody's first report ever waits (design: invariant 5.1).

`admit` answers how many seconds a report must wait, 0 for none. It counts by network prefix (IPv4 /24,
IPv6 /48), kept only as a keyed digest that changes daily. `forget` deletes what is older than an hour
and proofs that have expired; every report does so too.
"""

import hashlib
import ipaddress
import math
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from safehold.public.models import Arrival, SpentProof

WINDOW = timedelta(minutes=10)
PLAIN = 5  # reports in a window without a proof of work
PROVEN = 60  # and with one
SHARED = 600  # from an address that stands for many: a proxy of the operator's own
KEPT = timedelta(hours=1)  # a resend within this time is recognised and never waits

INNER = tuple(ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))


def admit(address: str, *, once_key: str, proven: bool) -> int:
    """Seconds to wait before this report is taken; 0 = now, and then it is counted."""
    now = timezone.now()
    network, once = _network(address, now), hashlib.sha256(once_key.encode()).hexdigest()
    with transaction.atomic():
        forget(now)
        if Arrival.objects.filter(once=once).exists():
            return 0
        recent = list(
            Arrival.objects.filter(network=network, at__gt=now - WINDOW).order_by("-at").values_list("at", flat=True)
        )
        most = SHARED if _stands_for_many(address) else PROVEN if proven else PLAIN
        if len(recent) >= most:
            return max(1, math.ceil((recent[most - 1] + WINDOW - now).total_seconds()))
        Arrival.objects.create(network=network, once=once, at=now)
    return 0


def forget(now: datetime | None = None) -> int:
    """Delete what has served its purpose. Returns how many rows went. May run as often as one likes."""
    now = now or timezone.now()
    old, _kinds = Arrival.objects.filter(at__lt=now - KEPT).delete()
    spent, _kinds = SpentProof.objects.filter(expires_at__lt=now).delete()
    return old + spent


def _stands_for_many(address: str) -> bool:
    """Addresses that are never a reporter's own: then everybody would wait for everybody."""
    try:
        ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return True
    return ip.is_loopback or ip.is_link_local or any(ip in inner for inner in INNER if inner.version == ip.version)


def _network(address: str, now: datetime) -> str:
    """A digest of the address's prefix that nobody can turn back, different every day."""
    try:
        ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
        mapped = getattr(ip, "ipv4_mapped", None)
        ip = mapped or ip
        prefix = str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))
    except ValueError:  # a socket without an address: all such share one count
        prefix = "unknown"
    return salted_hmac(f"safehold.public.throttle.{now:%Y-%m-%d}", prefix, algorithm="sha256").hexdigest()
