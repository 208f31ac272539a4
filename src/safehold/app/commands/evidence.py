"""`safehold evidence keys|new-key|rotate|retire|keys-backup|keys-restore|unwrap|verify|package|verify-package`."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ACTOR = "operator:command-line"
Verbs = Any


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the commands."""
    group = commands.add_parser("evidence", help="the vault: its keys, its copies, its packages").add_subparsers(
        required=True, metavar="VERB"
    )
    keys = group.add_parser(
        "keys", help="the vault's key pairs and who needs them", epilog="Example: safehold evidence keys --json"
    )
    keys.add_argument("--json", action="store_true", help="machine-readable answer")
    keys.set_defaults(run=_guarded(_keys))
    new = group.add_parser(
        "new-key",
        help="make a key pair in two files, for a key service or a variable",
        epilog="Example: safehold evidence new-key --private vault-private.json --public vault-public.json",
    )
    new.add_argument("--private", required=True, type=Path, help="file that must not be there yet")
    new.add_argument("--public", required=True, type=Path, help="file that must not be there yet")
    new.set_defaults(run=_guarded(_new_key))
    rotate = group.add_parser(
        "rotate",
        help="wrap every key of an object to a new key of the vault; bodies stay as they are",
        description="May be interrupted and run again with --resume: what is done stays done.",
        epilog="Example: safehold evidence rotate",
    )
    rotate.add_argument("--public-key", type=Path, help="public half of the new pair, where keys are not in files here")
    rotate.add_argument("--resume", action="store_true", help="go on with the current key; make no new one")
    rotate.set_defaults(run=_guarded(_rotate))
    retire = group.add_parser(
        "retire",
        help="destroy a replaced private key that nothing needs any more",
        epilog="Example: safehold evidence retire 0b9c31d2a4f0e6aa",
    )
    retire.add_argument("key", help="its id, from `safehold evidence keys`")
    retire.add_argument("--now", action="store_true", help="although backups of the key store may still need it")
    retire.set_defaults(run=_guarded(_retire))
    _add_copies(group)
    _add_packages(group)


def _add_copies(group: Verbs) -> None:
    backup = group.add_parser(
        "keys-backup",
        help="copy the key store, and delete copies that are too old",
        epilog="Example: safehold evidence keys-backup",
    )
    backup.set_defaults(run=_guarded(_backup))
    restore = group.add_parser(
        "keys-restore",
        help="put back keys from a copy; destroyed ones stay destroyed",
        epilog="Example: safehold evidence keys-restore keystore-20261126T020000.000000Z.sqlite3",
    )
    restore.add_argument("file", type=Path)
    restore.set_defaults(run=_guarded(_restore))
    unwrap = group.add_parser(
        "unwrap",
        help="answer one question of a vault on standard input: the other side of a key service",
        epilog="Example: SAFEHOLD_EVIDENCE_PRIVATE_KEY='command:ssh keys safehold evidence unwrap --keys /srv/keys'",
    )
    unwrap.add_argument("--keys", required=True, type=Path, help="folder of evidence-private.json")
    unwrap.set_defaults(run=_guarded(_unwrap))
    verify = group.add_parser(
        "verify",
        help="read every object through and compare hashes; ends with 1 where one does not hold",
        epilog="Example: safehold evidence verify --json",
    )
    verify.add_argument("--json", action="store_true", help="machine-readable answer")
    verify.set_defaults(run=_guarded(_verify))


def _add_packages(group: Verbs) -> None:
    package = group.add_parser(
        "package",
        help="make the package of a hand-over that two custodians agreed to, and copy it out",
        epilog="Example: safehold evidence package 0b9c… --to /media/stick/package.tar.age --by dana",
    )
    package.add_argument("request", help="the request's id, from the custodians' pages")
    package.add_argument("--to", required=True, type=Path, help="file that must not be there yet")
    package.add_argument("--by", required=True, help="user name of the evidence custodian who takes it")
    package.set_defaults(run=_guarded(_package))
    check = group.add_parser(
        "verify-package",
        help="check a package's hashes and signature, offline, as the authority does",
        epilog="Example: safehold evidence verify-package package.tar.age --identity key.txt --key audit-verify.pem",
    )
    check.add_argument("file", type=Path)
    check.add_argument("--identity", required=True, type=Path, help="file with the line AGE-SECRET-KEY-1…")
    check.add_argument("--key", type=Path, help="the provider's audit-verify.pem, received by another way")
    check.add_argument("--json", action="store_true", help="machine-readable answer")
    check.set_defaults(run=_verify_package, needs_django=False)


def _package(arguments: argparse.Namespace) -> int:
    import shutil

    from safehold.path import custody
    from safehold.staff.models import Member
    from safehold.staff.service import Right, may

    member = Member.objects.filter(username=arguments.by).first()
    if member is None or not may(member, Right.CUSTODY):
        raise ValueError(f"{arguments.by} is no evidence custodian of this installation.")
    if arguments.to.exists():
        raise FileExistsError(f"{arguments.to} is there already: nothing is written over it.")
    custody.pack(arguments.request)
    shutil.copyfile(custody.fetch_package(arguments.request, actor=member.actor), arguments.to)
    print(arguments.to)
    return 0


def _verify_package(arguments: argparse.Namespace) -> int:
    import msgspec

    from safehold.evidence import packages

    try:
        lines = arguments.identity.read_text().splitlines()
        identity = next((line for line in lines if line.startswith("AGE-SECRET-KEY-")), "")
        key = arguments.key.read_bytes() if arguments.key else None
        found = packages.verify(arguments.file, identity, key=key)
    except (OSError, ValueError) as error:
        print(f"safehold: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps({"ok": not found.problems, **msgspec.to_builtins(found)}))
    else:
        for problem in found.problems:
            print(problem)
        print(f"Package {found.package}: {found.files} files; {'does NOT hold' if found.problems else 'whole'}.")
        if found.own_key:
            print(
                f"The signature was checked with the key in the package. Compare its fingerprint: {found.fingerprint}"
            )
    return 1 if found.problems else 0


def _guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Say what the vault refuses as a sentence, with exit code 2."""

    def guarded(arguments: argparse.Namespace) -> int:
        from safehold.evidence import service as evidence

        try:
            return run(arguments)
        except (evidence.EvidenceError, OSError, ValueError) as error:
            print(f"safehold: {error}", file=sys.stderr)
            return 2

    return guarded


def _keys(arguments: argparse.Namespace) -> int:
    from safehold.evidence import service as evidence

    current = evidence.current_key()
    rows = [
        {
            "id": key.id,
            "current": key.id == current,
            "objects": key.rows,
            "replaced_at": key.replaced_at,
            "retired_at": key.retired_at,
            "needed_until": until.isoformat() if (until := evidence.needed_until(key.id)) else None,
        }
        for key in evidence.vault_keys()
    ]
    if arguments.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        state = "current" if row["current"] else f"retired {row['retired_at']}" if row["retired_at"] else "replaced"
        print(f"{row['id']}\t{row['objects']} objects\t{state}")
    if not rows:
        print(f"{current}\t0 objects\tcurrent")
    return 0


def _new_key(arguments: argparse.Namespace) -> int:
    from safehold.evidence import service as evidence

    key = evidence.write_pair(arguments.private, arguments.public)
    print(f"{key}\nKeep {arguments.private} where only what reads evidence can reach it.")
    return 0


def _rotate(arguments: argparse.Namespace) -> int:
    from safehold.evidence import service as evidence

    if not arguments.resume:
        if evidence.rewrapping():
            print(
                "safehold: a rotation is not finished. Go on with: safehold evidence rotate --resume", file=sys.stderr
            )
            return 2
        public = arguments.public_key.read_text() if arguments.public_key else ""
        print(f"New objects are wrapped to the key {evidence.begin_rotation(actor=ACTOR, public=public)}.")
    last = None
    for last in evidence.rewrap_all(actor=ACTOR):
        if last.done % 100 == 0 or last.done == last.total:
            print(f"\r{last.done} of {last.total} keys", end="", flush=True)
    print()
    if last and last.failed:
        print(
            f"safehold: {len(last.failed)} keys could not be opened, the first of sealed:{last.failed[0]}.",
            file=sys.stderr,
        )
        return 1
    print("Back up the key store now: safehold evidence keys-backup")
    for key in evidence.vault_keys():
        until = evidence.needed_until(key.id)
        if until is not None and not key.retired_at:
            print(f"The key {key.id} may be retired from {until:%Y-%m-%d}: safehold evidence retire {key.id}")
    return 0


def _retire(arguments: argparse.Namespace) -> int:
    from safehold.evidence import service as evidence

    here = evidence.retire_key(arguments.key, actor=ACTOR, now=arguments.now)
    end = "its file was destroyed." if here else "take it out of the variable or the key service."
    print(f"The key {arguments.key} is retired: {end} Destroy its backups too.")
    return 0


def _backup(_arguments: argparse.Namespace) -> int:
    from safehold.evidence import service as evidence

    print(evidence.backup_keys(actor=ACTOR))
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    from safehold.evidence import service as evidence

    done = evidence.restore_keys(arguments.file, actor=ACTOR)
    print(f"{done.put} keys put back, {done.known} were there, {done.destroyed} were destroyed and stay so.")
    return 0


def _unwrap(arguments: argparse.Namespace) -> int:
    from safehold.evidence import service as evidence

    sys.stdout.write(evidence.answer_unwrap(sys.stdin.buffer.read(1 << 20), arguments.keys).decode())
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from safehold.evidence import service as evidence

    read, wrong = evidence.verify_all(actor=ACTOR)
    if arguments.json:
        print(json.dumps({"ok": not wrong, "objects": read, "problems": wrong}))
    else:
        for one in wrong:
            print(f"sealed:{one['object']}: {one['what']}")
        print(f"{read} objects read, {len(wrong)} do not hold.")
    return 1 if wrong else 0
