"""The public face of `hosts`: from a host's row to a line to it.

`contact(host)` gives the adapter; `register` is called by each adapter's module; `connect` makes a
host known.
"""

from collections.abc import Callable

from django.db import transaction

from safehold.audit import service as audit
from safehold.hosts import keys
from safehold.hosts.contract import Contact
from safehold.subjects import service as subjects
from safehold.subjects.models import Host

SECRET_NAMES = {"webhook": "webhook", "matrix": "admin_token"}
ADAPTERS: dict[str, Callable[[Host], Contact]] = {}


def register(name: str, make: Callable[[Host], Contact]) -> None:
    """Make an adapter known under the name that `Host.adapter` holds."""
    ADAPTERS[name] = make


def contact(host: Host) -> Contact:
    """The line to a host. Raises LookupError naming the known adapters."""
    if host.adapter not in ADAPTERS:
        raise LookupError(f"Host {host.slug} uses adapter {host.adapter!r}; known are: {', '.join(sorted(ADAPTERS))}.")
    return ADAPTERS[host.adapter](host)


def connect(
    slug: str, *, name: str, adapter: str, base_url: str, actor: str, secret: str = "", origins: tuple[str, ...] = ()
) -> tuple[Host, str]:
    """Make a host known, with the secret that its adapter needs. Returns the row and the secret.

    For a webhook host a secret is made where none is given. Raises ValueError for an unknown adapter,
    a name that is taken, or a secret of the wrong form.
    """
    if adapter not in ADAPTERS:
        raise ValueError(f"There is no adapter {adapter!r}; known are: {', '.join(sorted(ADAPTERS))}.")
    if Host.objects.filter(slug=slug).exists():
        raise ValueError(f"A host called {slug!r} is connected already.")
    if not secret and adapter != "webhook":
        raise ValueError("A Matrix host needs the token of an administrator's account as its secret.")
    with transaction.atomic():
        host = subjects.add_host(slug, name=name, adapter=adapter, base_url=base_url, origins=origins)
        audit.record("host.connected", actor=actor, about=host, adapter=adapter, base_url=base_url)
        secret = secret or keys.new_webhook_secret()
        keys.set_secret(host, SECRET_NAMES[adapter], secret, actor)
    return host, secret
