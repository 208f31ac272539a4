"""The public face of `hosts`: from a host's row to a line to it.

`contact(host)` gives the adapter; `register` is called by each adapter's module.
"""

from collections.abc import Callable

from safehold.hosts.contract import Contact
from safehold.subjects.models import Host

ADAPTERS: dict[str, Callable[[Host], Contact]] = {}


def register(name: str, make: Callable[[Host], Contact]) -> None:
    """Make an adapter known under the name that `Host.adapter` holds."""
    ADAPTERS[name] = make


def contact(host: Host) -> Contact:
    """The line to a host. Raises LookupError naming the known adapters."""
    if host.adapter not in ADAPTERS:
        raise LookupError(f"Host {host.slug} uses adapter {host.adapter!r}; known are: {', '.join(sorted(ADAPTERS))}.")
    return ADAPTERS[host.adapter](host)
