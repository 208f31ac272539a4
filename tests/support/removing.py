"""Removal requests for tests: made with everything the law asks for, brought as far as a test wants.

`queue` is for whole desks: one to be checked, one that is done and objected to.
Texts are placeholders; what a request names are noise and text of a host in memory.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from safehold.hosts.service import contact
from safehold.notices import service as notices
from safehold.notices.models import Letter
from safehold.path import removals as commands
from safehold.removals import service as removals
from safehold.removals.models import Removal, RemovalObjection
from safehold.subjects.models import Host
from tests.support.jobs import run_due

CHECKER, OTHER = "staff:checker", "staff:other"
WHOLE = removals.NewRemoval(
    once_key="removal-once-key-1", signature="User 40", depiction="placeholder description 1",
    statement="placeholder statement 2", good_faith=True, links=("https://memory.test/p1",),
    email="user-40@mail.example", minor="no", host="memory",
)  # fmt: skip


def new(number: int = 1, **given: Any) -> removals.NewRemoval:
    """A request that lacks nothing, changed as given."""
    return msgspec.structs.replace(WHOLE, once_key=f"removal-once-key-{number}", **given)


def receive(number: int = 1, *, run: bool = True, **given: Any) -> Removal:
    """A request taken; its places are looked up."""
    row = commands.receive_removal(new(number, **given)).removal
    if run:
        run_due()
        row.refresh_from_db()
    return row


def valid(number: int = 1, *, run: bool = True, **given: Any) -> Removal:
    """A request that a person found valid, and what follows from that."""
    row = receive(number, **given)
    row = commands.find_valid(row.pk, checked=removals.ELEMENTS, actor=CHECKER)
    if run:
        run_due()
        row.refresh_from_db()
    return row


@dataclass
class Queue:
    """A request to be checked with its receipt, one that is done, and an objection to one of its two items."""

    received: Removal
    code: str
    removed: Removal
    objection: RemovalObjection
    letter_token: str  # opens the letter about the item that nobody objects to


def queue(host: Host) -> Queue:
    """Requests about three items of `user-25`, made anew on a host in memory."""
    outside = contact(host).world  # type: ignore[attr-defined]
    outside.add_account("user-25")
    for item in ("post-30", "post-31", "post-32"):
        outside.add_item(item, "user-25", body=item.encode())
    taken = commands.receive_removal(new(1, links=("https://memory.test/post-30",)))
    removed = valid(2, links=("https://memory.test/post-31", "https://memory.test/post-32"))
    objected, other = (_token(removed, item) for item in ("post-31", "post-32"))
    objection = commands.object_to(objected, text="placeholder message 9", language="en")
    return Queue(taken.removal, taken.code, removed, objection, other)


def _token(row: Removal, item: str) -> str:
    ref = f"removalitem:{row.items.get(item__external_id=item).pk}"
    return notices.letter_token(Letter.objects.get(kind="removal_holder", ref=ref))
