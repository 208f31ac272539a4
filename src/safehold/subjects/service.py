"""The public face of `subjects`: one row per host, account and item, however often it is named."""

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlsplit

from django.db import transaction

from safehold.audit import service as audit
from safehold.subjects.models import Account, Host, Item


def add_host(slug: str, *, name: str, adapter: str, base_url: str, origins: Iterable[str]) -> Host:
    """The row of a new host. The caller records the act and gives the host its secret (`hosts.connect`)."""
    address = base_url.rstrip("/")
    return Host.objects.create(slug=slug, name=name, adapter=adapter, base_url=address, origins=[*origins, address])


def account(host: Host, external_id: str, *, handle: str = "", url: str = "") -> Account:
    """The account's row, made or brought up to date. Empty values never overwrite known ones."""
    row, _made = Account.objects.get_or_create(host=host, external_id=external_id)
    changed = [name for name, value in (("handle", handle), ("url", url)) if value and getattr(row, name) != value]
    for name in changed:
        setattr(row, name, {"handle": handle, "url": url}[name])
    if changed:
        row.save(update_fields=changed)
    return row


def item(
    host: Host,
    external_id: str,
    *,
    kind: str,
    owner: Account | None = None,
    url: str = "",
    posted_at: datetime | None = None,
) -> Item:
    """The item's row, made or completed. The operator's purge rule is fixed when the row is made."""
    row, made = Item.objects.get_or_create(
        host=host,
        external_id=external_id,
        defaults={
            "kind": kind,
            "account": owner,
            "url": url,
            "posted_at": posted_at,
            "purge_after_receipt": host.purge_after_receipt,
        },
    )
    if not made and row.account_id is None and owner is not None:
        row.account = owner
        row.save(update_fields=["account"])
    return row


def set_purge_rule(row: Item, *, after_receipt: bool, actor: str) -> None:
    """The operator's rule for one item: purge right after the receipt, or when the appeal window ends."""
    with transaction.atomic():
        row.purge_after_receipt = after_receipt
        row.save(update_fields=["purge_after_receipt"])
        audit.record("item.purge_rule_set", actor=actor, about=row, after_receipt=after_receipt)


def set_host_purge_rule(row: Host, *, after_receipt: bool, actor: str) -> None:
    """The operator's rule for items that become known from now on."""
    with transaction.atomic():
        row.purge_after_receipt = after_receipt
        row.save(update_fields=["purge_after_receipt"])
        audit.record("host.purge_rule_set", actor=actor, about=row, after_receipt=after_receipt)


def host_of(url: str) -> Host | None:
    """The enabled host that a link belongs to, by its web origin; None for links elsewhere."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    for host in Host.objects.filter(enabled=True):
        if origin in [known.lower().rstrip("/") for known in [*host.origins, host.base_url]]:
            return host
    return None
