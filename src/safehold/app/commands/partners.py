"""`safehold partners add|revoke|list`: trusted flaggers and authorities."""

import argparse
import sys

ACTOR = "operator:command-line"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("partners", help="trusted flaggers and authorities").add_subparsers(
        required=True, metavar="VERB"
    )
    new = group.add_parser(
        "add",
        help="give a partner a key to the channel /api/v1/flags, shown once",
        epilog="Example: safehold partners add 'Partner A' --kind flagger",
    )
    new.add_argument("name")
    new.add_argument("--kind", choices=["flagger", "authority"], required=True)
    new.set_defaults(run=_add)
    revoke = group.add_parser("revoke", help="take a partner's key back", epilog="Example: safehold partners revoke ID")
    revoke.add_argument("id")
    revoke.set_defaults(run=_revoke)
    listed = group.add_parser("list", help="partners and their ids", epilog="Example: safehold partners list")
    listed.set_defaults(run=_list)


def _add(arguments: argparse.Namespace) -> int:
    from safehold.hosts import keys

    _row, plain = keys.issue_partner_key(arguments.name, arguments.kind, ACTOR)
    print(plain)
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    from django.core.exceptions import ValidationError

    from safehold.hosts import keys
    from safehold.hosts.models import PartnerKey

    try:
        keys.revoke_partner_key(arguments.id, ACTOR)
    except (PartnerKey.DoesNotExist, ValidationError):
        print(f"safehold: there is no partner {arguments.id!r}; see safehold partners list.", file=sys.stderr)
        return 2
    print("The key opens nothing any more.")
    return 0


def _list(_arguments: argparse.Namespace) -> int:
    from safehold.hosts.models import PartnerKey

    for row in PartnerKey.objects.order_by("name"):
        print(f"{row.pk}\t{row.kind}\t{row.name}\t{'revoked' if row.revoked_at else 'in force'}")
    return 0
