"""`safehold lists sync`, `lists exchange add|set|ask|status|off`, `lists simulate`: lists fetched from others."""

import argparse
import sys
from pathlib import Path
from typing import Any

from safehold.screening import simulator

ACTOR = "operator:command-line"
FEEDS = ("industry", "industry-exp", "le", "npo", "npo-exp", "genai", "genai-exp")


def add_to(group: Any) -> None:
    """Register the commands under `safehold lists`."""
    sync = group.add_parser(
        "sync",
        help="read lists from their exchanges now; ends with 1 where one could not be read up to the present",
        description="The worker reads each exchange by itself when its interval is over. This reads now, also an "
        "exchange that refused us or is in a pause, and may be interrupted and run again.",
        epilog="Example: safehold lists sync ncmec",
    )
    sync.add_argument("slug", nargs="?", default="", help="one exchange; all that are switched on where left out")
    sync.set_defaults(run=_sync)
    exchange = group.add_parser("exchange", help="where lists are fetched from").add_subparsers(
        required=True, metavar="VERB"
    )
    _add_add(exchange)
    _add_set(exchange)
    status = exchange.add_parser(
        "status",
        help="how far each was read, what was not used, what feedback waits; ends with 1 where something is wrong",
        epilog="Example: safehold lists exchange status --json",
    )
    status.add_argument("slug", nargs="?", default="")
    status.add_argument("--json", action="store_true", help="the same for programs")
    status.set_defaults(run=_status)
    ask = exchange.add_parser(
        "ask",
        help="ask it who we are, who its members are, and which reasons a negative feedback may give",
        epilog="Example: safehold lists exchange ask ncmec",
    )
    ask.add_argument("slug")
    ask.set_defaults(run=_ask)
    off = exchange.add_parser(
        "off",
        help="ask it no more; its entries stay",
        epilog="Example: safehold lists exchange off ncmec",
    )
    off.add_argument("slug")
    off.set_defaults(run=_off)
    simulate = group.add_parser(
        "simulate",
        help="run a server that behaves like NCMEC's hash sharing, to practise and to test",
        epilog="Example: safehold lists simulate --port 8098 --username desk --password practice --entries 2500",
    )
    simulator.add_options(simulate)
    simulate.set_defaults(run=simulator.serve, needs_django=False)


def _add_add(exchange: Any) -> None:
    new = exchange.add_parser(
        "add",
        help="fetch a list of NCMEC's hash sharing from now on",
        description="Production is asked only where SAFEHOLD_ENVIRONMENT is production. The list is not trusted until "
        "two policy owners trust it.",
        epilog="Example: safehold lists exchange add ncmec --feed industry --environment test --username desk "
        "--password-file ./password --licence 'NCMEC agreement'",
    )
    new.add_argument("slug")
    new.add_argument("--feed", choices=FEEDS, help="which of NCMEC's lists")
    new.add_argument("--environment", choices=["test", "production"], default="test", help="of the feed (default test)")
    new.add_argument("--url", default="", help="instead of a feed: a simulator on this machine")
    new.add_argument("--username", required=True)
    new.add_argument("--password-file", default="-", help="its first line; - reads it from standard input (default)")
    new.add_argument("--list", default="", help="the list that is filled (default: the exchange's name)")
    new.add_argument("--licence", required=True, help="the terms that its entries are held under")
    new.add_argument("--member", action="append", default=[], help="take this member's entries alone; repeatable")
    new.add_argument("--every", type=int, default=60, metavar="MINUTES", help="at least 10 (default 60)")
    new.set_defaults(run=_add)


def _add_set(exchange: Any) -> None:
    change = exchange.add_parser(
        "set",
        help="change an exchange; lets one that refused us be asked again",
        description="Other members: what members no longer wanted gave is retracted, and everything is read from the "
        "beginning. Feedback tells NCMEC what your reviewers decided about files that agreed with its entries exactly.",
        epilog="Example: safehold lists exchange set ncmec --feedback on "
        "--reason MD5=01234567-89ab-cdef-0123-456789abcdef",
    )
    change.add_argument("slug")
    change.add_argument("--username")
    change.add_argument("--password-file", help="its first line; - reads it from standard input")
    change.add_argument("--member", action="append", help="take these members' entries alone; --member '' takes all")
    change.add_argument("--every", type=int, metavar="MINUTES")
    change.add_argument("--feedback", choices=["on", "off"])
    change.add_argument(
        "--reason", action="append", metavar="FINGERPRINT=ID", help="which reason a negative feedback gives; repeatable"
    )
    change.add_argument("--on", action="store_true", help="switch on what was switched off")
    change.set_defaults(run=_set)


def _add(arguments: argparse.Namespace) -> int:
    from safehold.path import exchanges
    from safehold.screening import service as screening

    if bool(arguments.feed) == bool(arguments.url):
        return _wrong("name a --feed of NCMEC's, or the --url of a simulator on this machine.")
    try:
        row = exchanges.add(
            arguments.slug, list_slug=arguments.list or arguments.slug, url=_address(arguments),
            username=arguments.username, password=_password(arguments.password_file), licence=arguments.licence,
            members=arguments.member, every_minutes=arguments.every, actor=ACTOR,
        )  # fmt: skip
    except (screening.ScreeningError, OSError) as problem:
        return _wrong(str(problem))
    print(f"The worker reads {row.base_url} into the list {row.list_id} every {row.every_minutes} minutes.")
    print("Exact hits of that list go to a person first until two policy owners trust it.")
    return 0


def _address(arguments: argparse.Namespace) -> str:
    from safehold.screening.exchanges.client import FEEDS as KNOWN

    if arguments.url:
        return str(arguments.url)
    feed = next(one for one in KNOWN if one.code == arguments.feed)
    return feed.production if arguments.environment == "production" else feed.test


def _set(arguments: argparse.Namespace) -> int:
    from safehold.path import exchanges
    from safehold.screening import service as screening
    from safehold.screening.models import Exchange

    given = {"username": arguments.username, "every_minutes": arguments.every}
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if arguments.member is not None:
        fields["members"] = [one for one in arguments.member if one]
    if arguments.feedback:
        fields["feedback"] = arguments.feedback == "on"
    if arguments.on:
        fields["enabled"] = True
    pairs = [one.partition("=") for one in arguments.reason or ()]
    if not all(equals and reason for _name, equals, reason in pairs):
        return _wrong("write a reason as FINGERPRINT=ID, such as MD5=01234567-89ab-cdef-0123-456789abcdef.")
    try:
        if pairs:
            row = Exchange.objects.filter(pk=arguments.slug).first()
            fields["reasons"] = {**(row.reasons if row else {}), **{name.upper(): one for name, _equals, one in pairs}}
        password = _password(arguments.password_file) if arguments.password_file else ""
        row = exchanges.change(arguments.slug, actor=ACTOR, password=password, **fields)
    except (screening.ScreeningError, OSError) as problem:
        return _wrong(str(problem))
    print(
        f"Set. It is {'asked every' if row.enabled else 'switched off; else asked every'} {row.every_minutes} minutes."
    )
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    from safehold.screening.exchanges import keeping
    from safehold.screening.exchanges.reader import DIGESTS

    row = _named(arguments.slug).first()
    if row is None:
        return _wrong(f"there is no exchange {arguments.slug!r}.")
    try:
        source = keeping.open_source(row)
    except keeping.CannotAsk as problem:
        return _wrong(str(problem))
    told = []
    try:
        status, members = source.client.status(), source.client.members()
        if status.found is None or members.found is None:
            return _silent(row.slug, str(status if status.found is None else members))
        told.append(f"It takes us for {status.found.name} (member {status.found.member}).")
        told += [f"member\t{member}\t{name}" for member, name in members.found.items()]
        for kind in DIGESTS:
            reasons = source.client.reasons(kind)
            if reasons.found is None:
                return _silent(row.slug, str(reasons))
            told += [f"reason\t{kind}={one.guid}\t{one.name}" for one in reasons.found]
    finally:
        source.close()
    print("\n".join(told))
    return 0


def _silent(slug: str, answer: str) -> int:
    print(f"safehold: {slug} did not tell: {answer}.", file=sys.stderr)
    return 1


def _off(arguments: argparse.Namespace) -> int:
    from safehold.path import exchanges
    from safehold.screening import service as screening

    try:
        row = exchanges.change(arguments.slug, actor=ACTOR, enabled=False)
    except screening.ScreeningError as problem:
        return _wrong(str(problem))
    print(f"{row.slug} is asked no more. Its entries still match; retract what must not.")
    return 0


def _sync(arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening
    from safehold.screening.models import Exchange

    slugs = [arguments.slug] if arguments.slug else list(_named("").filter(enabled=True).values_list("pk", flat=True))
    if not slugs:
        return _wrong("no exchange is switched on; see safehold lists exchange add --help.")
    failed = False
    for slug in slugs:
        try:
            failed |= not _read(slug)
        except screening.ScreeningError as problem:
            failed = True
            _wrong(str(problem))
            if not Exchange.objects.filter(pk=slug).exists():
                return 2
    return 1 if failed else 0


def _read(slug: str) -> bool:
    """Read one exchange, showing how far it came. Whether it was read up to the present."""
    from safehold.path import exchanges
    from safehold.screening.exchanges.sync import Kind

    records = pages = 0
    step = None
    for step in exchanges.read_now(slug, actor=ACTOR):
        records, pages = records + step.there, pages + 1
        if sys.stderr.isatty():
            until = step.read_until.isoformat(timespec="minutes") if step.read_until else "the beginning"
            print(f"\r{slug}: {records} records on {pages} pages, whole until {until} ", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if step is None or step.kind is not Kind.DONE:
        wait = f" Not before {step.seconds:.0f} seconds." if step and step.kind is Kind.LATER else ""
        print(f"{slug}\tNOT read up to the present: {step.problem if step else 'nothing was asked'}.{wait}")
        return False
    print(f"{slug}\t{records} records read on {pages} pages, up to the present")
    return True


def _named(slug: str) -> Any:
    from safehold.screening.models import Exchange

    rows = Exchange.objects.select_related("list").order_by("pk")
    return rows.filter(pk=slug) if slug else rows


def _status(arguments: argparse.Namespace) -> int:
    import json

    from safehold.screening.exchanges import keeping

    rows = list(_named(arguments.slug))
    if arguments.slug and not rows:
        return _wrong(f"there is no exchange {arguments.slug!r}.")
    told = [keeping.standing(row) for row in rows]
    if arguments.json:
        print(json.dumps(told, indent=1))
    else:
        for one in told:
            _print(one)
    wrong = any((one["enabled"] and (one["problem"] or one["stale"])) or one["feedback"]["failed"] for one in told)
    return 1 if wrong else 0


def _print(one: dict[str, Any]) -> None:
    on = f"every {one['every_minutes']} minutes" if one["enabled"] else "switched off"
    print(f"{one['exchange']}\t{one['environment']}\t{one['url']}\t{on}\tlist {one['list']}")
    print(f"  read whole until {one['read_until'] or 'never'}, last at {one['last_read_at'] or 'never'}")
    if one["pages_of_the_open_window"] is not None:
        print(f"  a window is under way: {one['pages_of_the_open_window']} pages of it are taken")
    print(f"  {one['live_entries']} live entries; members: {', '.join(one['members']) or 'all'}")
    counts = ", ".join(f"{name} {number}" for name, number in one["counts"].items() if number)
    print(f"  of the records read (twice counts twice): {counts or 'none yet'}")
    for name, label in (("not_used", "fingerprints not used"), ("unknown", "UNKNOWN to this version")):
        if one[name]:
            print(f"  {label}: {', '.join(f'{kind} {number}' for kind, number in one[name].items())}")
    feedback = one["feedback"]
    sent = ", ".join(f"{name} {feedback[name]}" for name in ("due", "sent", "failed", "dropped") if feedback[name])
    print(f"  feedback {'on' if feedback['on'] else 'off'}{': ' + sent if sent else ''}")
    if one["refused_since"]:
        print(f"  REFUSED since {one['refused_since']}: {one['problem']}. See safehold lists exchange set --help.")
    elif one["problem"]:
        print(f"  PROBLEM: {one['problem']}; asked again after {one['not_before']}")
    if one["stale"]:
        print("  STALE: not read whole for too long")


def _password(where: str) -> str:
    """The first line of a file, or of standard input: never an argument, which other users of the machine see."""
    if where == "-":
        if sys.stdin.isatty():
            import getpass

            return getpass.getpass("Password: ")
        return sys.stdin.readline().rstrip("\r\n")
    return Path(where).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")


def _wrong(problem: str) -> int:
    print(f"safehold: {problem}", file=sys.stderr)
    return 2
