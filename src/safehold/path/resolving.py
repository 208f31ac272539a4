"""What a locator leads to: the question to one host, and the rows of what it names. No rule of who may ask.

Others may call `ask` and `rows`. Hosts are asked outside transactions.
"""

from safehold.hosts import contract
from safehold.hosts.service import contact
from safehold.subjects import service as subjects
from safehold.subjects.models import Account, Host, Item


def ask(host: Host, raw: str, *, given_as: str, account: bool) -> contract.Found:
    """What a link, a name, or the host's own id of an account or item leads to. Raises the contract's errors."""
    line = contact(host)
    if given_as != "id":
        return line.find(raw)
    if account:
        return contract.Found(account=line.account(raw))
    item = line.item(raw)
    return contract.Found(item=item, account=line.account(item.account_id) if item.account_id else None)


def rows(host: Host, found: contract.Found) -> tuple[Account | None, Item | None]:
    """The rows of what a host named, made or brought up to date. In a transaction."""
    account = item = None
    if found.account is not None:
        account = subjects.account(host, found.account.id, handle=found.account.handle, url=found.account.url)
    if found.item is not None:
        if account is None and found.item.account_id:
            account = subjects.account(host, found.item.account_id)
        item = subjects.item(
            host, found.item.id, kind=found.item.kind, owner=account, url=found.item.url, posted_at=found.item.posted_at
        )
    return account, item
