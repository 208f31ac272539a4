"""What `safehold doctor` looks at. Others may call `examine`.

Each finding says what was looked at, how it is (ok, note, wrong) and what to do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `state`: ok, note (works, but know this), wrong."""

    what: str
    state: str
    say: str


def examine() -> list[Finding]:
    """Everything, in the order in which a person would mend it. A check that breaks is itself a finding."""
    found: list[Finding] = []
    for check in (
        _environment,
        _database,
        _folder,
        _keys,
        _staff,
        _hosts,
        _vault,
        _cybertip,
        _reports,
        _lists,
        _worker,
        _tasks,
        _record,
        _mail,
        _classifier,
    ):
        found += _guarded(check)
    return found


def _guarded(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except Exception as problem:  # noqa: BLE001 - the doctor reports what breaks, it does not break
        name = check.__name__.strip("_")
        return [Finding(name, "wrong", f"could not be examined ({type(problem).__name__}: {problem})")]


def _environment() -> Iterator[Finding]:
    config = settings.SAFEHOLD
    yield Finding("environment", "ok", f"{config.environment}; data in {config.data}")
    if config.debug:
        yield Finding("debug", "wrong", "SAFEHOLD_DEBUG=1 shows internals to everybody. Unset it.")
    if config.environment == "production" and not config.base_url.startswith("https://"):
        yield Finding("address", "wrong", "SAFEHOLD_BASE_URL is not https. Put a TLS proxy in front and set it.")
    if not config.provider.complete:
        yield Finding(
            "provider", "note", "The profile for CyberTips is incomplete: set SAFEHOLD_PROVIDER_* before production."
        )


def _database() -> Iterator[Finding]:
    try:
        call_command("migrate", check_unapplied=True, verbosity=0)
        yield Finding("tables", "ok", f"up to date ({connection.vendor})")
    except (CommandError, SystemExit):
        yield Finding("tables", "wrong", "not up to date. Run: safehold setup")
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode")
            mode = cursor.fetchone()[0]
        state = "ok" if mode == "wal" else "wrong"
        yield Finding("journal", state, f"SQLite's journal is {mode}; it must be wal on a local disk.")


def _folder() -> Iterator[Finding]:
    data = settings.SAFEHOLD.data
    if data.stat().st_mode & 0o077:
        yield Finding("folder", "wrong", f"others can look into {data}. Run: chmod 700 {data}")


def _keys() -> Iterator[Finding]:
    folder = settings.SAFEHOLD.keys
    files = [path for path in folder.glob("*") if path.is_file()]
    open_to_others = [path.name for path in files if path.stat().st_mode & 0o077 and "public" not in path.name]
    if not files:
        yield Finding("keys", "wrong", f"no key files in {folder}. Run: safehold setup")
    elif open_to_others:
        yield Finding("keys", "wrong", f"others can read {', '.join(sorted(open_to_others))}. Run: chmod 600 on them.")
    else:
        yield Finding("keys", "ok", f"{len(files)} files; back them up apart from the data (docs/operations.md)")


def _staff() -> Iterator[Finding]:
    from safehold.staff.models import Member
    from safehold.staff.service import Right, may

    members = list(Member.objects.filter(is_active=True))
    for right, least, why in (
        (Right.ADMINISTER, 1, "nobody can manage staff and hosts"),
        (Right.ASSESS, 1, "nobody can assess a case"),
        (Right.APPEALS, 2, "an appeal needs somebody who took no part in the decision"),
        (Right.CUSTODY, 2, "what ends evidence or gives it away needs two custodians"),
    ):
        number = sum(may(member, right) for member in members)
        if number < least:
            yield Finding("staff", "note", f"{number} of at least {least} may {right}: {why}. Run: safehold staff add")
    yield Finding("staff", "ok", f"{len(members)} active members")


def _hosts() -> Iterator[Finding]:
    from safehold.hosts.contract import HostError
    from safehold.hosts.service import contact
    from safehold.subjects.models import Host

    hosts = list(Host.objects.filter(enabled=True))
    if not hosts:
        yield Finding("hosts", "note", "no host is connected. Run: safehold hosts add")
    for host in hosts:
        try:
            yield Finding(f"host {host.slug}", "ok", contact(host).ping())
        except (HostError, LookupError) as problem:
            yield Finding(f"host {host.slug}", "wrong", str(problem))


def _vault() -> Iterator[Finding]:
    from safehold.evidence import service as evidence
    from safehold.evidence.models import Certificate

    now = timezone.now()
    late = Certificate.objects.filter(key_gone_at=None, at__lt=now - timedelta(days=2)).count()
    if late:
        yield Finding("vault", "wrong", f"{late} keys of destroyed objects are still there: does the daily job run?")
    if evidence.rewrapping():
        yield Finding("vault", "note", "a rotation is not finished. Run: safehold evidence rotate --resume")
    copies = evidence.key_copies()
    if not copies or copies[-1][0] < now - timedelta(days=2):
        since = f"since {copies[-1][0]:%Y-%m-%d}" if copies else "yet"
        yield Finding("vault", "note", f"no copy of the key store {since}. Run: safehold evidence keys-backup")
    else:
        yield Finding("vault", "ok", f"newest copy of the key store of {copies[-1][0]:%Y-%m-%d %H:%M}")


def _cybertip() -> Iterator[Finding]:
    from safehold.cybertip import service as cybertip

    tip = settings.SAFEHOLD.cybertip
    if not tip.url:
        yield Finding(
            "cybertip",
            "note",
            "no address is set: nothing can be filed. Set SAFEHOLD_CYBERTIP_URL, _USERNAME, _PASSWORD.",
        )
        return
    circuit = cybertip.circuit_of(tip.environment)
    if circuit is not None:
        yield Finding(
            "cybertip",
            "wrong",
            f"filing stands still since {circuit.opened_at:%Y-%m-%d %H:%M}: credentials were refused",
        )
    else:
        yield Finding("cybertip", "ok", f"{tip.environment}: {tip.url}")


def _reports() -> Iterator[Finding]:
    """Whether our count equals the receipts, and what is known for too long without a report."""
    from safehold.path import clock, reconciling

    count = reconciling.compare()
    if count.agrees:
        filed = sum(one.filed for one in count.counts)
        yield Finding("reports", "ok", f"{filed} filed, each with receipt or number, hold and act on record")
    else:
        first = count.differences[0]
        yield Finding(
            "reports",
            "wrong",
            f"our count and the receipts differ in {len(count.differences)} places; the first: {first.about} "
            f"{first.code}. Run: safehold cybertip status",
        )
    late = [row for row in clock.waiting() if row.late]
    if late:
        hours, limit = int(late[0].age.total_seconds() // 3600), int(clock.limit().total_seconds() // 3600)
        yield Finding(
            "clock",
            "wrong",
            f"{len(late)} cases are known for more than {limit} h and neither reported nor decided; the oldest, "
            f"{late[0].case}, for {hours} h",
        )
    uk_late = [row for row in clock.uk_waiting() if row.late]
    if uk_late:
        yield Finding(
            "NCA",
            "wrong",
            f"{len(uk_late)} reports to the United Kingdom's NCA wait longer than their priority allows; the first: "
            f"{uk_late[0].matter.subject.case}. See the console's page United Kingdom",
        )


def _lists() -> Iterator[Finding]:
    """Lists, where they are fetched from, and the index that uploads are compared with."""
    from safehold.screening import service as screening

    for found in screening.examine_lists():
        yield Finding(*found)


def _worker() -> Iterator[Finding]:
    from safehold.work.models import Pause, Worker

    newest = Worker.objects.order_by("-beat_at").first()
    if newest is None or newest.beat_at < timezone.now() - timedelta(minutes=1):
        yield Finding(
            "worker", "wrong", "no worker is running: nothing is fetched, hidden or filed. Run: safehold serve"
        )
    else:
        yield Finding("worker", "ok", f"{newest.executor}, seen {(timezone.now() - newest.beat_at).seconds} s ago")
    for pause in Pause.objects.filter(lifted_at=None):
        yield Finding("work", "wrong", f"paused: {pause.because} Run: safehold resume")


def _tasks() -> Iterator[Finding]:
    from safehold.work.models import Task

    waiting = Task.objects.filter(closed_at=None)
    oldest = waiting.order_by("opened_at").first()
    if oldest is None:
        yield Finding("tasks", "ok", "none waits for a person")
    else:
        days = (timezone.now() - oldest.opened_at).days
        yield Finding("tasks", "note", f"{waiting.count()} wait for a person, the oldest for {days} days")


def _record() -> Iterator[Finding]:
    from safehold.audit import chain

    found = chain.verify()
    if found.ok:
        yield Finding("record", "ok", f"{found.entries} entries, {found.checkpoints} signed checkpoints")
    for problem in found.problems[:5]:
        yield Finding("record", "wrong", f"{problem.place}: {problem.what}")


def _mail() -> Iterator[Finding]:
    if not settings.SAFEHOLD.email_url:
        yield Finding(
            "mail",
            "note",
            f"messages are written to {settings.SAFEHOLD.data / 'mail'}; set SAFEHOLD_EMAIL_URL to send them",
        )
    else:
        yield Finding("mail", "ok", "messages are sent by SMTP")


def _classifier() -> Iterator[Finding]:
    """Whether the operator's model, where there is one, is on a network of their own and answers as it should."""
    from safehold.path import scoring
    from safehold.screening.classifier import fresh

    config = settings.SAFEHOLD.classifier
    if not config.url:
        return
    try:
        score = scoring.scorer().score(fresh("This is a test. The weather is fine today.", "public_posts", ()))
    except scoring.NO_SCORER as problem:
        yield Finding("classifier", "wrong", f"no text is scored: {problem}")
        return
    if score.unparsable:
        said = f"{config.model} at {config.url} gives no usable answer to a harmless text: {score.reason}"
        yield Finding("classifier", "wrong", f"{said} Each text would be brought to a person.")
    else:
        opens = ", and may open cases" if config.opens else ""
        yield Finding("classifier", "ok", f"{config.model} at {config.url} answers; it orders the queue{opens}")
