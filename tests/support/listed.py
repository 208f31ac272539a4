"""Lists, hits and what waits for a second person, for page tests, the role matrix and pictures.

`build` works on a desk with the accounts `user-17` … `user-22` (`desk_world`). Hashes are those of gradients.
"""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha1, sha256
from typing import Any
from unittest import mock

from django.db import transaction
from django.utils import timezone

from safehold.cases.models import Case
from safehold.hosts.service import contact
from safehold.path import automation, commands, hits, unseen
from safehold.screening import service as screening
from safehold.screening.models import CategoryMapping, HashList, ListEntry, Proposal, Surface
from safehold.subjects.models import Host
from safehold.work.models import Task
from tests.support import desk_world
from tests.support.jobs import run_due

TERMS = {"source": "Source 1", "purpose": "prevent-exploitation", "licence": "agreement 7", "actor": "system:test"}
MEANS: dict[str, Any] = {
    "minor": "known", "form": ["photo_video"], "shows": "explicit", "danger": "none_seen", "malice": "found",
}  # fmt: skip
WHY = "placeholder reason 20"
BODIES = {"listed-1": desk_world.gradient(300, 180), "listed-2": desk_world.gradient(280, 160)}


@dataclass
class Listed:
    """What was made. `mine` were asked for or signed by the owner that was given, the others by somebody else."""

    home: HashList
    entry: ListEntry
    held_back: ListEntry
    proposal: Proposal
    mine: Proposal
    mapping: CategoryMapping
    waiting_mapping: CategoryMapping
    surface: Surface
    case: Case
    look_back: Task

    @property
    def ids(self) -> dict[str, Any]:
        """For addresses."""
        return {
            "list": self.home.pk, "listed_entry": self.entry.pk, "held_entry": self.held_back.pk,
            "proposal": self.proposal.pk, "own_proposal": self.mine.pk, "mapping": self.mapping.pk,
            "waiting_mapping": self.waiting_mapping.pk, "surface": self.surface.pk, "hit_case": self.case.pk,
            "look_back": self.look_back.pk,
        }  # fmt: skip


def build(host: Host, owner: str, other: str) -> Listed:
    """A trusted list with rules, meanings and figures; near, exact and unseen hits; a private surface."""
    outside = contact(host).world  # type: ignore[attr-defined]
    with transaction.atomic():
        entry = screening.add_entry("source-1", "", sha1=_sha1("listed-1"), category="A1", ref="S-1", **TERMS)
        exact = screening.add_entry("source-1", _sha256("listed-2"), category="A1", ref="S-2", **TERMS)
        held = screening.add_entry("source-1", "c" * 64, category="A2", ref="S-3", **TERMS)
        screening.add_term("words-1", term="blorft", category="W", **TERMS)
    screening.set_trusted("source-1", trusted=True, because=WHY, actor=owner, approved_by=other)
    screening.set_rule("source-1", "exact", "unseen", because=WHY, actor=owner, approved_by=other)
    mapping = _mapping("A1", owner)
    screening.countersign_mapping(mapping.pk, actor=other)
    waiting_mapping = _mapping("A2", other)
    screening.hold_back(held.pk, because="40 different accounts in 10 minutes", actor="system:flood-guard")
    for number, (name, body) in enumerate(BODIES.items()):
        outside.add_account(f"user-{50 + number}")
        outside.add_item(name, f"user-{50 + number}", body=body)
    near = screening.Hit(
        str(entry.pk), "source-1", "Source 1", "A1", False, True, _sha256("listed-1"), how="pdq", distance=18
    )
    _record(host, "listed-1", "user-50", near)
    sure = screening.Hit(str(exact.pk), "source-1", "Source 1", "A1", True, True, _sha256("listed-2"))
    with mock.patch.object(unseen, "chosen", lambda _decision: True):
        _record(host, "listed-2", "user-51", sure)
    surface = screening.enable_surface(
        host.slug, "private_messages", "DE", basis="placeholder law 3, article 4", actor=owner, approved_by=other,
        review_by=timezone.now().date() + timedelta(days=300),
    )  # fmt: skip
    proposal = screening.ask(
        "rule", because=WHY, actor=other, list_slug="source-1", details={"on": "near", "does": "hide"}
    )
    mine = automation.set_trust("words-1", trusted=True, because=WHY, actor=owner)
    assert isinstance(mine, Proposal)
    return Listed(
        HashList.objects.get(pk="source-1"), entry, held, proposal, mine, mapping, waiting_mapping, surface,
        Case.objects.get(subjects__account__external_id="user-50"), Task.objects.get(kind=unseen.LOOK_BACK),
    )  # fmt: skip


def withdraw(row: ListEntry) -> None:
    """The entry was wrong."""
    commands.retract_entry(row.pk, because="wrong picture", actor="staff:somebody")
    run_due()


def _mapping(category: str, actor: str) -> CategoryMapping:
    return screening.sign_mapping("source-1", category, "cse", "2024-05", MEANS, because=WHY, actor=actor)


def _record(host: Host, item: str, account: str, hit: screening.Hit) -> None:
    hits.record(
        host, item_id=item, account_id=account, asked=screening.Asked(sha256=hit.sha256), hits=[hit],
        surface="public_uploads", jurisdiction="US",
    )  # fmt: skip
    run_due()


def _sha256(name: str) -> str:
    return sha256(BODIES[name]).hexdigest()


def _sha1(name: str) -> str:
    return sha1(BODIES[name], usedforsecurity=False).hexdigest()
