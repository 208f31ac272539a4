"""`safehold hosts add|key|rule|list|ping`."""

import argparse
import sys


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("hosts", help="the services the desk stands beside").add_subparsers(
        required=True, metavar="VERB"
    )
    new = group.add_parser(
        "add",
        help="connect a host",
        epilog="Example: safehold hosts add forum --name Forum --adapter webhook --base-url https://forum.example",
    )
    new.add_argument("slug")
    new.add_argument("--name", required=True)
    new.add_argument("--adapter", choices=["webhook", "matrix"], required=True)
    new.add_argument("--base-url", required=True)
    new.add_argument("--origin", action="append", default=[], help="web origin whose links belong to the host")
    new.add_argument("--secret", default="", help="webhook: whsec_… (made when left out); matrix: the admin token")
    new.set_defaults(run=_add)
    key = group.add_parser("key", help="issue an API key, shown once", epilog="Example: safehold hosts key forum")
    key.add_argument("slug")
    key.set_defaults(run=_key)
    rule = group.add_parser(
        "rule",
        help="when the host's copy of an item is destroyed",
        epilog="Example: safehold hosts rule forum --purge-after-receipt on",
    )
    rule.add_argument("slug")
    rule.add_argument(
        "--purge-after-receipt", choices=["on", "off"], required=True, help="off: when the appeal window ends"
    )
    rule.set_defaults(run=_rule)
    listed = group.add_parser("list", help="connected hosts", epilog="Example: safehold hosts list")
    listed.set_defaults(run=_list)
    ping = group.add_parser(
        "ping", help="ask the host whether address and secret work", epilog="Example: safehold hosts ping forum"
    )
    ping.add_argument("slug")
    ping.set_defaults(run=_ping)


def _add(arguments: argparse.Namespace) -> int:
    from safehold.hosts import service as hosts

    try:
        host, secret = hosts.connect(
            arguments.slug, name=arguments.name, adapter=arguments.adapter, base_url=arguments.base_url,
            origins=tuple(arguments.origin), secret=arguments.secret, actor="operator:command-line",
        )  # fmt: skip
    except ValueError as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    print(f"Connected {host.slug}." + (f" Its webhook secret, shown once: {secret}" if not arguments.secret else ""))
    return 0


def _key(arguments: argparse.Namespace) -> int:
    from safehold.hosts import keys
    from safehold.hosts.models import Scope
    from safehold.subjects.models import Host

    _row, plain = keys.issue_key(Host.objects.get(slug=arguments.slug), Scope.values, actor="operator:command-line")
    print(plain)
    return 0


def _rule(arguments: argparse.Namespace) -> int:
    from safehold.subjects import service as subjects
    from safehold.subjects.models import Host

    row = Host.objects.filter(slug=arguments.slug).first()
    if row is None:
        print(f"safehold: there is no host called {arguments.slug!r}.", file=sys.stderr)
        return 2
    after_receipt = arguments.purge_after_receipt == "on"
    subjects.set_host_purge_rule(row, after_receipt=after_receipt, actor="operator:command-line")
    when = "right after the receipt" if after_receipt else "when the appeal window ends"
    print(f"The host's copies of new items of {row.slug} are destroyed {when}.")
    return 0


def _list(_arguments: argparse.Namespace) -> int:
    from safehold.subjects.models import Host

    for row in Host.objects.order_by("slug"):
        rule = "purge after receipt" if row.purge_after_receipt else "purge after window"
        print(f"{row.slug}\t{row.adapter}\t{row.base_url}\t{rule}\t{'on' if row.enabled else 'off'}")
    return 0


def _ping(arguments: argparse.Namespace) -> int:
    from safehold.hosts.contract import HostError
    from safehold.hosts.service import contact
    from safehold.subjects.models import Host

    try:
        print(contact(Host.objects.get(slug=arguments.slug)).ping())
    except HostError as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 1
    return 0
