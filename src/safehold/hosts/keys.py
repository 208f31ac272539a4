"""Keys that let others in, and the secrets that we share with hosts. Others may call:

`issue_key`, `revoke_key`, `authenticate` for a host's API keys (`shk_…`);
`issue_partner_key`, `rotate_partner_key`, `revoke_partner_key`, `authenticate_partner` for trusted
flaggers and authorities (`shp_…`);
`new_webhook_secret`, `set_secret`, `get_secret`, `webhook_secrets` for secrets shared with hosts.

A key is shown once, when it is issued. Every issue, revocation and setting is in the audit record.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from safehold.audit import service as audit
from safehold.hosts.models import HostKey, HostSecret, Key, PartnerKey, PartnerKind, Scope
from safehold.sealing import box
from safehold.subjects.models import Host

WEBHOOK = "webhook"  # the name of the secret that signs both directions
_USED_TO = timedelta(minutes=1)  # how exact last_used_at is: not a write for each request

AnyKey = TypeVar("AnyKey", bound=Key)


class UnknownScope(ValueError):
    """A scope that no route asks for; the text names the known ones."""


class BadSecret(ValueError):
    """A webhook secret that Standard Webhooks does not allow; the text says how one looks."""


class PartnerRevoked(ValueError):
    """The partner was revoked and does not come back under the same id; issue a new key."""


class NoSecret(LookupError):
    """The host has no secret of that name yet; the text says how it gets one."""


def issue_key(host: Host, scopes: Iterable[str], actor: str, label: str = "") -> tuple[HostKey, str]:
    """A new API key of `host` and its plain text, which nobody can read again. Raises UnknownScope."""
    wanted = sorted({str(scope) for scope in scopes})
    if not wanted or not set(wanted) <= set(Scope.values):
        raise UnknownScope(f"Scopes were {wanted}; a key needs at least one of: {', '.join(Scope.values)}.")
    prefix, secret = _random()
    with transaction.atomic():
        row = HostKey.objects.create(
            host=host, label=label, scopes=wanted, prefix=prefix, digest=_digest(secret), created_by=actor
        )
        audit.record("host_key.issued", actor=actor, about=row, host=host.slug, scopes=wanted, label=label)
    return row, f"shk_{prefix}_{secret}"


def revoke_key(key_id: UUID | str, actor: str) -> HostKey:
    """The key opens nothing from now on. Repeating changes nothing."""
    return _revoke(HostKey, key_id, actor, "host_key.revoked")


def authenticate(header: str | None) -> HostKey | None:
    """The host key in an `Authorization: Bearer shk_…` header's value; None for anything else."""
    row = _authenticate(HostKey, "shk", header)
    return row if row is not None and row.host.enabled else None


def issue_partner_key(name: str, kind: str, actor: str) -> tuple[PartnerKey, str]:
    """A new partner (kind `flagger` or `authority`) and the plain text of its key."""
    prefix, secret = _random()
    with transaction.atomic():
        row = PartnerKey.objects.create(
            name=name, kind=PartnerKind(kind), prefix=prefix, digest=_digest(secret), created_by=actor
        )
        audit.record("partner_key.issued", actor=actor, about=row, name=name, kind=str(row.kind))
    return row, f"shp_{prefix}_{secret}"


def rotate_partner_key(key_id: UUID | str, actor: str) -> tuple[PartnerKey, str]:
    """A new key for the same partner; the old one stops at once. Raises PartnerRevoked."""
    prefix, secret = _random()
    with transaction.atomic():
        row = PartnerKey.objects.select_for_update().get(pk=key_id)
        if row.revoked_at is not None:
            raise PartnerRevoked(f"{row.actor} was revoked on {row.revoked_at:%Y-%m-%d}. Issue a new key instead.")
        row.prefix, row.digest = prefix, _digest(secret)
        row.save(update_fields=["prefix", "digest"])
        audit.record("partner_key.rotated", actor=actor, about=row)
    return row, f"shp_{prefix}_{secret}"


def revoke_partner_key(key_id: UUID | str, actor: str) -> PartnerKey:
    """The partner's key opens nothing from now on. Repeating changes nothing."""
    return _revoke(PartnerKey, key_id, actor, "partner_key.revoked")


def authenticate_partner(header: str | None) -> PartnerKey | None:
    """The partner's key in an `Authorization: Bearer shp_…` header's value; None for anything else."""
    return _authenticate(PartnerKey, "shp", header)


def new_webhook_secret() -> str:
    """A secret for signing webhooks, as Standard Webhooks writes it: `whsec_` and 32 bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def set_secret(host: Host, name: str, value: str, actor: str) -> None:
    """Seal and store a secret of a host, in place of what was there.

    The secret `webhook` may hold several secrets parted by spaces while one replaces another: we
    sign with each of them and accept each of them. Raises BadSecret.
    """
    if name == WEBHOOK:
        _check_webhook_secret(value)
    with transaction.atomic():
        _row, made = HostSecret.objects.update_or_create(
            host=host, name=name, defaults={"sealed": box.seal(_key_file(), value.encode(), f"{host.slug}/{name}")}
        )
        audit.record("host_secret.set", actor=actor, about=f"host:{host.slug}", name=name, replaced=not made)


def get_secret(host: Host, name: str) -> str:
    """The plain secret. Raises NoSecret, or box.CannotUnseal when the key file is not the right one."""
    row = HostSecret.objects.filter(host=host, name=name).first()
    if row is None:
        raise NoSecret(f"Host {host.slug} has no secret {name!r} yet. Set it before Safehold talks with the host.")
    return box.unseal(_key_file(), bytes(row.sealed), f"{host.slug}/{name}").decode()


def webhook_secrets(host: Host) -> list[str]:
    """The secrets that sign webhooks of this host, the newest first as the operator wrote them."""
    return get_secret(host, WEBHOOK).split()


def _key_file() -> Path:
    folder: Path = settings.SAFEHOLD.keys
    return folder / "secrets.key"


def _random() -> tuple[str, str]:
    return secrets.token_hex(6), secrets.token_hex(32)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _revoke(model: type[AnyKey], key_id: UUID | str, actor: str, act: str) -> AnyKey:
    rows: models.Manager[AnyKey] = model._default_manager
    with transaction.atomic():
        row = rows.select_for_update().get(pk=key_id)
        if row.revoked_at is None:
            row.revoked_at = timezone.now()
            row.save(update_fields=["revoked_at"])
            audit.record(act, actor=actor, about=row)
    return row


def _authenticate(model: type[AnyKey], kind: str, header: str | None) -> AnyKey | None:
    """Look the key up by its prefix, compare its digest in constant time, note the use."""
    scheme, _, text = (header or "").partition(" ")
    parts = text.strip().split("_")
    if scheme.lower() != "bearer" or len(parts) != 3 or parts[0] != kind or not (text.isascii() and parts[1]):
        return None
    rows: models.Manager[AnyKey] = model._default_manager
    row = rows.filter(prefix=parts[1]).first()
    same = hmac.compare_digest(_digest(parts[2]), row.digest if row else _digest(""))
    if row is None:
        return None
    if not same or row.revoked_at is not None:
        reason = "revoked key" if same else "wrong secret"
        act = "host_key.used" if kind == "shk" else "partner_key.used"
        audit.refused(act, actor="anonymous", about=row, reason=reason)
        return None
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at > _USED_TO:
        rows.filter(pk=row.pk).update(last_used_at=now)
    return row


def _check_webhook_secret(value: str) -> None:
    shape = "A webhook secret is `whsec_` followed by 24 to 64 random bytes in base64."
    if not value.split():
        raise BadSecret(f"The webhook secret is empty. {shape}")
    for number, secret in enumerate(value.split(), start=1):
        try:
            size = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
        except ValueError:  # not base64, or not ASCII
            size = 0
        if not secret.startswith("whsec_") or not 24 <= size <= 64:
            raise BadSecret(f"Webhook secret number {number} cannot be used. {shape}")
