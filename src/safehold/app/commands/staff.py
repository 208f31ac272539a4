"""`safehold staff add|list`."""

import argparse


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("staff", help="members of staff").add_subparsers(required=True, metavar="VERB")
    new = group.add_parser(
        "add",
        help="make a member with a random password, shown once",
        epilog="Example: safehold staff add anna --role administrator",
    )
    new.add_argument("username")
    new.add_argument("--role", action="append", required=True, help="may be given several times")
    new.set_defaults(run=_add)
    every = group.add_parser("list", help="members and their roles", epilog="Example: safehold staff list")
    every.set_defaults(run=_list)


def _add(arguments: argparse.Namespace) -> int:
    from safehold.staff import service as staff

    try:
        member, password = staff.create_member(arguments.username, arguments.role, actor="operator:command-line")
    except staff.StaffError as error:
        print(f"safehold: {error}")
        return 2
    print(f"{member.username}\t{password}")
    return 0


def _list(_arguments: argparse.Namespace) -> int:
    from safehold.staff.models import Member

    for member in Member.objects.order_by("username"):
        print(f"{member.username}\t{', '.join(member.roles)}\t{'active' if member.is_active else 'off'}")
    return 0
