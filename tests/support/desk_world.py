"""A desk with something on every page: members of each role, cases in every state. For page tests and screenshots.

`build` fills an empty, migrated installation whose keys exist; it runs the due jobs in this process. `beside` adds
what custodians and whoever files meet: holds, requests, grants, a package, reports in each state, notices; and
removal requests.
"""

import io
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pyrage
from django.db import transaction
from django.utils import timezone
from PIL import Image

from safehold.authorities import service as authorities
from safehold.authorities.models import Notice, Process
from safehold.cases import duties
from safehold.cases.models import Case, Decision, Duty
from safehold.cybertip import service as cybertip
from safehold.cybertip.models import FILING, Filing
from safehold.evidence.models import Hold, Request
from safehold.hosts import contract, keys
from safehold.path import authorities as path_authorities
from safehold.path import commands, custody, reversal, uk
from safehold.redress.models import Appeal
from safehold.staff import service as staff
from safehold.staff.models import Member, StaffRole
from safehold.subjects.models import Host
from safehold.work import service as work
from tests.support import desk, memory_host, removing
from tests.support.jobs import run_due


@dataclass
class DeskWorld:
    """Who and what was made."""

    host: Host
    passwords: dict[str, str] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    fresh: Case | None = None
    held: Decision | None = None
    decided: Decision | None = None
    appeal: Appeal | None = None


@dataclass
class Filings:
    """A report in somebody's hands, one that failed, one that was filed and was wrong."""

    in_hand: Filing
    failed: Filing
    wrong: Filing


@dataclass
class Register:
    """A request of an authority, and a duty to inform one with a notice that is drafted."""

    process: Process
    inform: Duty
    notice: Notice


def gradient(width: int = 320, height: int = 200) -> bytes:
    """A PNG of a gradient."""
    picture = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def members(world: DeskWorld) -> None:
    """One member for each role, and a second reviewer and a second senior."""
    for name, role in [
        *((role.value, role.value) for role in StaffRole),
        ("reviewer-2", "reviewer"),
        ("senior-2", "senior"),
        ("custodian-2", "custodian"),
    ]:
        member, password = staff.create_member(
            name.replace("_", "-"), [role], actor="system:test", name=name.replace("_", " ").capitalize()
        )
        world.members[name], world.passwords[name] = member, password


def build(later: Callable[..., Any] | None = None) -> DeskWorld:
    """Everything. `later` replaces one call of the filing protocol where no simulator runs."""
    if later is not None:
        cybertip.advance = later  # type: ignore[assignment]
    host, outside = memory_host.make()
    world = DeskWorld(host)
    members(world)
    for number in range(17, 23):
        outside.add_account(f"user-{number}", phones=(f"+120255501{number}",))
        outside.add_item(f"picture-{number}", f"user-{number}", body=gradient(), text=f"placeholder message {number}")
        outside.add_item(f"post-{number}", f"user-{number}", text=f"placeholder message {number}")
    for name, body in (("picture-22", gradient()), ("post-22", b"")):
        outside.add_item(name, "user-22", body=body, text="placeholder message 22", public=True)
    around = contract.ContextMessage(
        id="post-30", at=memory_host.POSTED, sender="user-18", text="placeholder message 30"
    )
    for name in ("picture-22", "post-22"):
        outside.add_thread(name, around, complete=True)
    _cases(world)
    keys.issue_key(host, ["reports", "screen"], world.members["administrator"].actor, "app server")
    with transaction.atomic():
        for role in ("reviewer", "custodian", "administrator", "senior"):
            work.raise_task(
                "host-refused",
                key=f"demo-{role}",
                about=f"case:{world.fresh.pk if world.fresh else ''}",
                role=role,
                note="id 17",
            )
    return world


def _cases(world: DeskWorld) -> None:
    reviewer, other = world.members["reviewer"].actor, world.members["reviewer-2"].actor
    world.decided = desk.decide(_case(1, 17), desk.SUSPENDS, actor=other)
    world.held = desk.decide(_case(2, 18), desk.LENIENT, actor=reviewer)
    desk.decide(_case(3, 19), desk.CLEARED, actor=other)
    with transaction.atomic():
        from safehold.redress import service as redress

        world.appeal = redress.open_appeal(
            world.decided, text="placeholder message 4", language="en", statement=None, actor="account:user-17"
        )
    _case(5, 20, urgent=True)
    _case(6, 21, class_id="altercation")
    world.fresh = _case(4, 22, reason="placeholder message 3")
    run_due()


def case_of(account: str) -> Case:
    """The case about an account."""
    return Case.objects.get(subjects__account__external_id=account)


def filings(world: DeskWorld, holder: str) -> Filings:
    """Reports of other subjects like that of the decided one, which is drafted; `holder` files one by hand."""
    assert world.decided is not None
    drafted = Filing.objects.get(ref=f"subject:{world.decided.subject_id}")

    def another(user: int) -> Filing:
        row = Filing.objects.get(pk=drafted.pk)
        row.pk, row.ref = uuid.uuid4(), f"subject:{case_of(f'user-{user}').subjects.get().pk}"
        row._state.adding = True
        row.save()
        return row

    in_hand = cybertip.take_in_hand(another(19).pk, actor=holder)
    with transaction.atomic():
        failed = FILING.move(another(18), "fail", actor="system:test", changes={"because": "id 17"})
        wrong = another(20)
        cybertip.filed_by_hand(wrong.pk, report_id=77, actor="system:test", on_finished=reversal.tell_ncmec)
    return Filings(in_hand, failed, wrong)


def register(world: DeskWorld) -> Register:
    """What the register and the notices need."""
    assert world.decided is not None
    process = authorities.enter(
        kind="order", received_on=timezone.now().date(), asked="account 17", actor="system:test",
        authority="Authority 1", country="US", document="id 17", verified="called back",
    )  # fmt: skip
    inform = duties.open_duty(world.decided, Duty.Kind.INFORM)
    notice = path_authorities.draft_notice(
        inform.pk, addressee="europol", country="", authority="Europol", actor="system:test"
    )
    return Register(process, inform, notice)


def beside(world: DeskWorld) -> dict[str, Any]:
    """Something on the pages of custodians and of filing. Returns the ids that their addresses need."""
    one, two = world.members["custodian"].actor, world.members["custodian-2"].actor
    assert world.fresh is not None
    assert world.decided is not None
    decided, paper = world.decided.subject.case, {"authority": "Authority 1", "document": "id 17"}
    asked = {"verified": "called back on 555-0117", "because": "placeholder reason 3", **paper}
    month = timezone.now() + timedelta(days=30)
    hold: Hold = custody.legal_hold(world.fresh.pk, until=month, actor=two, **paper)
    waits = custody.ask("end_hold", actor=two, hold=hold, **asked)
    own = custody.ask("destroy", case_of("user-19").pk, actor=one, **asked)
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    handed: Request = custody.ask("hand_over", decided.pk, actor=one, recipient=recipient, **asked)
    custody.approve(handed.pk, actor=two)
    term = timezone.now() + timedelta(hours=4)
    for name in ("senior", "reviewer"):
        custody.grant(
            world.members[name].actor, decided.pk, because="placeholder reason 4", until=term, actor=one
        )  # fmt: skip
    _milder_computed(world)
    reports, papers = filings(world, one), register(world)
    matter = uk.find(
        world.decided.subject_id, linked=True, because="placeholder reason 5", priority=2,
        priority_because="placeholder reason 6", actor=world.members["senior"].actor,
    )  # fmt: skip
    removals = removing.queue(world.host)
    run_due()
    return {
        "removal": removals.received.pk, "removed": removals.removed.pk, "objection": removals.objection.pk,
        "removal_code": removals.code, "removal_letter": removals.letter_token,
        "hold": hold.pk, "waits": waits.pk, "own": own.pk, "handed": handed.pk, "decided_case": decided.pk,
        "milder": case_of("user-21").pk, "drafted": Filing.objects.get(ref=f"subject:{world.decided.subject_id}").pk,
        "in_hand": reports.in_hand.pk, "failed": reports.failed.pk, "wrong": reports.wrong.pk,
        "process": papers.process.pk, "inform": papers.inform.pk, "notice": papers.notice.pk,
        "uk_matter": matter.pk, "uk_subject": world.fresh.subjects.get().pk,
    }  # fmt: skip


def _milder_computed(world: DeskWorld) -> None:
    """The senior reviewer's answers to a case, complete: it may be decided otherwise than will be computed."""
    case, who = case_of("user-21"), {"actor": world.members["senior"].actor, "device": desk.DEVICE}
    commands.lease_case(case.pk, **who)
    commands.answer(case.subjects.get().pk, "cse", desk.LENIENT, **who)
    commands.release_case(case.pk, **who)


def _case(number: int, user: int, **more: Any) -> Case:
    desk.report(
        account_name=f"user-{user}", number=number,
        locators=(f"https://memory.test/picture-{user}", f"https://memory.test/post-{user}", "https://elsewhere.example/x"),
        **{"class_id": "cse", **more},
    )  # fmt: skip
    return Case.objects.order_by("-number")[0]
