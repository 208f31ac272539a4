"""A desk with something on every page: members of each role, cases in every state. For page tests and screenshots.

`build` fills an empty, migrated installation whose keys exist; it runs the due jobs in this process.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from PIL import Image

from safehold.cases.models import Case, Decision
from safehold.cybertip import service as cybertip
from safehold.hosts import contract, keys
from safehold.redress.models import Appeal
from safehold.staff import service as staff
from safehold.staff.models import Member, StaffRole
from safehold.subjects.models import Host
from safehold.work import service as work
from tests.support import desk, memory_host
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
    ]:
        member, password = staff.create_member(
            name.replace("_", "-"), [role], actor="system:test", name=name.capitalize()
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


def _case(number: int, user: int, **more: Any) -> Case:
    desk.report(
        account_name=f"user-{user}", number=number,
        locators=(f"https://memory.test/picture-{user}", f"https://memory.test/post-{user}", "https://elsewhere.example/x"),
        **{"class_id": "cse", **more},
    )  # fmt: skip
    return Case.objects.order_by("-number")[0]
