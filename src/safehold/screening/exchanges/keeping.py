"""Which exchanges there are: adding, changing, switching off, and opening the line to one.

`path.exchanges` and the command line call `add`, `change`, `ask_again`, `due`, `standing` and `open_source`.
A password is sealed with the installation's key file, as hosts' secrets are.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from safehold.audit import service as audit
from safehold.screening.errors import ScreeningError
from safehold.screening.exchanges import client
from safehold.screening.exchanges.ncmec import Ncmec
from safehold.screening.lists import SLUG, next_version, the_list, turn
from safehold.screening.models import Exchange, Feedback, Purpose
from safehold.screening.taking import retract_all
from safehold.sealing import box
from safehold.work import service as work

LEAST_MINUTES = 10  # NCMEC's rules for polling, as the public client tells them: daily to every ten minutes
ADAPTERS: dict[Exchange.Adapter, type[Ncmec]] = {Exchange.Adapter.NCMEC: Ncmec}


class UnknownExchange(ScreeningError):
    """No exchange has this name."""


class CannotAsk(ScreeningError):
    """The exchange may not be asked as things stand. Nothing was sent."""


def add(
    slug: str,
    *,
    list_slug: str,
    url: str,
    username: str,
    password: str,
    licence: str,
    actor: str,
    members: Sequence[str] = (),
    every_minutes: int = 60,
) -> Exchange:
    """Fetch a list from NCMEC's hash sharing from now on. The list is made where it is missing, untrusted.

    Raises CannotAsk for an address that this installation may not ask, ListMismatch, ScreeningError.
    """
    url = url.rstrip("/")
    if problem := client.address_problem(url, settings.SAFEHOLD.environment):
        raise CannotAsk(f"{slug} is not added: {problem}.")
    if not SLUG.fullmatch(slug):  # it also names a file
        raise ScreeningError("An exchange's name is 1 to 60 letters, digits, '-' or '_'.")
    _check(username, password, every_minutes)
    with transaction.atomic():
        if Exchange.objects.filter(Q(pk=slug) | Q(list=list_slug)).exists():
            raise ScreeningError(f"There is an exchange {slug!r} already, or one that fills the list {list_slug!r}.")
        home = the_list(
            list_slug, source=f"NCMEC hash sharing, {client.place_of(url)[1]}", purpose=Purpose.PREVENT,
            licence=licence, actor=actor,
        )  # fmt: skip
        row = Exchange.objects.create(
            slug=slug, list=home, adapter=Exchange.Adapter.NCMEC, base_url=url, username=username,
            secret=box.seal(_key_file(), password.encode(), _place(slug)), members=sorted(set(members)),
            every_minutes=every_minutes, made_at=timezone.now(),
        )  # fmt: skip
        audit.record(
            "exchange.added", actor=actor, about=row, url=url, members=row.members, every_minutes=every_minutes
        )
    return row


def change(slug: str, *, actor: str, password: str = "", **fields: Any) -> Exchange:
    """Change what is set of an exchange: `username`, `members`, `every_minutes`, `feedback`, `reasons`, `enabled`.

    Any change lets it be asked again where credentials were refused. Other members: what members that are no longer
    wanted gave is retracted, and everything is read from the beginning, since what the new ones gave was passed over.
    Raises UnknownExchange, ScreeningError.
    """
    known = {"username", "members", "every_minutes", "feedback", "reasons", "enabled"}
    if unknown := fields.keys() - known:
        raise ScreeningError(f"Of an exchange nobody can change {', '.join(sorted(unknown))}.")
    with transaction.atomic():
        row = _locked(slug)
        _check(
            fields.get("username", row.username), password or "unchanged", fields.get("every_minutes", LEAST_MINUTES)
        )
        if "members" in fields:
            fields["members"] = sorted(set(fields["members"]))
            if fields["members"] != row.members:
                _other_members(row, fields["members"], actor)
        for name, value in fields.items():
            setattr(row, name, value)
        if password:
            row.secret = box.seal(_key_file(), password.encode(), _place(slug))
        row.refused_at = row.not_before = None
        row.failures = 0
        row.save()
        audit.record("exchange.changed", actor=actor, about=row, password=bool(password), **fields)
    return row


def switch_off(slug: str, *, actor: str) -> Exchange:
    """Ask it no more. Its entries stay as they are; nothing of what waits to be told to it is sent."""
    return change(slug, actor=actor, enabled=False)


def ask_again(slug: str, *, actor: str) -> Exchange:
    """A person wants it asked now, also where it refused us or is in a pause. Raises UnknownExchange."""
    with transaction.atomic():
        row = _locked(slug)
        if row.refused_at is not None or row.not_before is not None:
            row.refused_at = row.not_before = None
            row.failures = 0
            row.save(update_fields=["refused_at", "not_before", "failures"])
            audit.record("exchange.asked_again", actor=actor, about=row)
    return row


def refused(row: Exchange, problem: str) -> None:
    """Our credentials were refused: it is asked no more until a person has seen to it."""
    now = timezone.now()
    with transaction.atomic():
        if Exchange.objects.filter(pk=row.pk, refused_at=None).update(refused_at=now, problem=problem[:300]):
            audit.record("exchange.refused", actor="system:worker", about=row, problem=problem)
            work.raise_task(
                "exchange-refused", key=f"{row.pk}:{now.isoformat()}", about=audit.ref(row), role="administrator",
                note=problem,
            )  # fmt: skip


def due() -> list[Exchange]:
    """The exchanges whose interval is over, or that failed or left a window half read and may be asked again."""
    now = timezone.now()
    rows = Exchange.objects.filter(enabled=True, refused_at=None).exclude(not_before__gt=now).order_by("pk")
    return [row for row in rows if row.failures or "window" in row.checkpoint or _interval_is_over(row, now)]


def stale(row: Exchange) -> bool:
    """Whether nothing was read whole for longer than the operator's limit and three of its intervals."""
    limit = max(timedelta(hours=settings.SAFEHOLD.exchange_alarm_hours), timedelta(minutes=3 * row.every_minutes))
    return timezone.now() - (row.last_read_at or row.made_at) > limit


def open_source(row: Exchange) -> Ncmec:
    """The line to an exchange. The interlock stands here: what must not be asked is not. Raises CannotAsk."""
    if problem := client.address_problem(row.base_url, settings.SAFEHOLD.environment):
        raise CannotAsk(f"The exchange {row.pk} is not asked: {problem}.")
    if row.secret is None:
        raise CannotAsk(f"The exchange {row.pk} has no password. Set one: safehold lists exchange add {row.pk}.")
    try:
        password = box.unseal(_key_file(), bytes(row.secret), _place(row.pk)).decode()
    except box.CannotUnseal as problem:
        raise CannotAsk(str(problem)) from None
    return ADAPTERS[Exchange.Adapter(row.adapter)](row.base_url, row.username, password)


def standing(row: Exchange) -> dict[str, Any]:
    """Everything that `status` tells of one exchange. No secret, no digest."""
    told, window = row.told, row.checkpoint.get("window")
    feedback = Feedback.objects.filter(entry__list=row.list_id)
    return {
        "exchange": row.pk,
        "list": row.list_id,
        "url": row.base_url,
        "environment": client.place_of(row.base_url)[0],
        "enabled": row.enabled,
        "every_minutes": row.every_minutes,
        "members": row.members,
        "read_until": row.checkpoint.get("until"),
        "pages_of_the_open_window": window.get("pages", 0) if window else None,
        "last_tried_at": _iso(row.last_tried_at),
        "last_read_at": _iso(row.last_read_at),
        "stale": row.enabled and stale(row),
        "problem": row.problem,
        "refused_since": _iso(row.refused_at),
        "not_before": _iso(row.not_before),
        "live_entries": row.list.entries.filter(retracted_at=None).count(),
        "counts": told.get("counts", {}),
        "not_used": told.get("unused", {}),
        "unknown": told.get("unknown", {}),
        "feedback": {
            "on": row.feedback,
            "reasons": row.reasons,
            **{state: feedback.filter(state=state).count() for state in Feedback.State.values},
        },
    }


def _interval_is_over(row: Exchange, now: Any) -> bool:
    last = row.last_tried_at
    return last is None or now - last >= timedelta(minutes=row.every_minutes)


def _other_members(row: Exchange, members: list[str], actor: str) -> None:
    """Begin again, and take out of matching what members gave that are not wanted any more."""
    row.checkpoint = {}
    if not members:
        return
    name = client.place_of(row.base_url)[1]
    kept = Q(pk__in=[])
    for member in members:
        kept |= Q(ref__startswith=f"{name}:{member}:")
    turn()
    rows = row.list.entries.filter(retracted_at=None).exclude(kept).values_list("pk", flat=True)
    because = dict.fromkeys(rows, "its member is not taken any more")
    if because:  # what they led to stands: the operator's choice says nothing about these entries
        retract_all(row.list, because, now=timezone.now(), version=next_version(), actor=actor)


def _locked(slug: str) -> Exchange:
    row = Exchange.objects.select_for_update(of=("self",)).select_related("list").filter(pk=slug).first()
    if row is None:
        raise UnknownExchange(f"There is no exchange {slug!r}; see safehold lists exchange status.")
    return row


def _check(username: str, password: str, every_minutes: int) -> None:
    if not username or ":" in username or not password:
        raise ScreeningError("An exchange needs a user name (without a colon) and a password.")
    if every_minutes < LEAST_MINUTES:
        raise ScreeningError(f"An exchange is asked no more often than every {LEAST_MINUTES} minutes.")


def _key_file() -> Path:
    folder: Path = settings.SAFEHOLD.keys
    return folder / "secrets.key"


def _place(slug: str) -> str:
    return f"exchange:{slug}/password"


def _iso(at: Any) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
