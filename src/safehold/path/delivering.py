"""Bringing a message to somebody: to an account holder through the host and by e-mail, to others by e-mail alone.

Others may call `facts_of`, `deliver` and `mail`. Nothing is recorded here: the caller marks what was sent, and how.
"""

from django.conf import settings
from django.core.mail import send_mail

from safehold.hosts import contract
from safehold.hosts.service import contact
from safehold.subjects.models import Account


def facts_of(account: Account) -> contract.AccountFacts:
    """The account as the host knows it now; where it is gone, what is needed to address it."""
    try:
        return contact(account.host).account(account.external_id)
    except contract.NotFound:
        return contract.AccountFacts(id=account.external_id, handle=account.handle, status=contract.AccountStatus.GONE)


def deliver(account: Account, facts: contract.AccountFacts, *, title: str, text: str, link: str, key: str) -> list[str]:
    """Bring a message to the account holder. Returns the channels that took it.

    A host that cannot be reached is tried again later, unless an e-mail went out already.
    """
    channels: list[str] = []
    addresses = facts.verified_emails or facts.emails
    if addresses:
        mail(addresses[0], title=title, text=text)
        channels.append("email")
    try:
        contact(account.host).tell_account(account.external_id, subject=title, text=text, link=link, key=key)
        channels.append("host")
    except (contract.Unsupported, contract.NotFound, contract.HostRefused):
        pass  # recorded by its absence from the channels; nothing delivered at all raises a task
    except contract.HostUnavailable:
        if not channels:
            raise
    return channels


def mail(address: str, *, title: str, text: str) -> None:
    """One message to one address."""
    send_mail(title, text, settings.SAFEHOLD.mail_from, [address])
