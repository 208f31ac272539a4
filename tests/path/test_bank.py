"""The installation's own list: what decisions of people put on it, and what takes it off again."""

import io
from typing import Any

import pytest
from PIL import Image

from safehold.cases.models import Case, CaseItem
from safehold.evidence.models import Look
from safehold.path import bank
from safehold.screening import service as screening
from safehold.screening.models import ListEntry
from safehold.work.models import Job
from tests.support import desk, memory_host, stage
from tests.support.jobs import run_due

pytestmark = pytest.mark.django_db


def noise(seed: int = 7) -> bytes:
    """A PNG of soft noise, which has a PDQ of high quality."""
    small = Image.effect_noise((16, 16), 90 + seed)
    out = io.BytesIO()
    small.resize((256, 256), Image.Resampling.BICUBIC).convert("RGB").save(out, "PNG")
    return out.getvalue()


def flat() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (256, 256), "#7f7f7f").save(out, "PNG")
    return out.getvalue()


def on_bank() -> list[ListEntry]:
    return list(ListEntry.objects.filter(list="bank", retracted_at=None).order_by("sha256"))


def picture(world: memory_host.World, body: bytes, name: str = "p9") -> Case:
    world.add_item(name, "user-17", body=body)
    return stage.case_of(name)


def test_a_picture_is_known_by_its_digests_and_its_pdq(world: memory_host.World) -> None:
    case = picture(world, noise())
    decision = desk.decide(case, desk.SUSPENDS)
    (row,) = on_bank()
    body = case.items.get().body
    assert body is not None
    assert (row.sha256, row.sha1, row.md5) == (body.sha256, body.sha1, body.md5)
    assert len(row.pdq) == 64
    assert (row.ref, row.category, row.media) == (f"decision:{decision.pk}", decision.clauses[0], "picture")
    (look,) = Look.objects.filter(sealed=body, kind=Look.Kind.VERIFY)
    assert look.actor == "system:worker", "on record, and nobody's reveal"
    assert not Look.objects.filter(sealed=body, kind=Look.Kind.WHOLE).exists()
    assert [hit.list for hit in screening.match([body.sha256])] == ["bank"]


@pytest.mark.parametrize("body", [b"not a picture, bytes of a test", flat()])
def test_what_has_no_pdq_is_known_by_its_digests_alone(world: memory_host.World, body: bytes) -> None:
    desk.decide(picture(world, body), desk.SUSPENDS)
    (row,) = on_bank()
    assert (row.pdq, len(row.sha256), len(row.md5), len(row.sha1)) == ("", 64, 32, 40)


def test_a_granted_appeal_takes_it_off_again(world: memory_host.World) -> None:
    decision = desk.decide(picture(world, noise()), desk.SUSPENDS)
    assert on_bank()
    stage.look_again(stage.appeal(decision), desk.CLEARED, grant=True)
    assert on_bank() == []
    assert ListEntry.objects.get(list="bank").retracted_because


def test_an_appeal_that_was_faster_than_the_job_leaves_nothing(world: memory_host.World) -> None:
    case = picture(world, noise())
    decision = desk.decide(case, desk.SUSPENDS)
    ListEntry.objects.filter(list="bank").delete()
    stage.look_again(stage.appeal(decision), desk.CLEARED, grant=True)
    bank.take(str(decision.pk))
    assert not ListEntry.objects.filter(list="bank").exists()


def test_it_may_run_twice(world: memory_host.World) -> None:
    decision = desk.decide(picture(world, noise()), desk.SUSPENDS)
    bank.take(str(decision.pk))
    assert len(on_bank()) == 1


@pytest.mark.parametrize("answers", [desk.CLEARED, "altercation", "text"])
def test_what_teaches_it_nothing(world: memory_host.World, answers: Any) -> None:
    """No violation, another class, an item without a file."""
    if answers == "text":
        desk.decide(stage.case_of("p2"), desk.SUSPENDS)
    elif answers == "altercation":
        case = picture(world, noise())
        decision = desk.decide(case, desk.CLEARED)
        type(decision).objects.filter(pk=decision.pk).update(class_id="altercation", violation=True)
        bank.learn(stage.fresh(decision))
        run_due()
    else:
        desk.decide(picture(world, noise()), answers)
    assert not ListEntry.objects.filter(list="bank").exists()


def test_an_item_that_is_not_in_the_vault_yet_is_waited_for(world: memory_host.World) -> None:
    decision = desk.decide(picture(world, noise()), desk.SUSPENDS)
    ListEntry.objects.filter(list="bank").delete()
    CaseItem.objects.update(preserve_state="due")
    assert bank.take(str(decision.pk)) is not None
    CaseItem.objects.update(preserve_state="done")
    assert bank.take(str(decision.pk)) is None
    assert len(on_bank()) == 1


def test_no_file_is_read_while_the_decision_is_made(world: memory_host.World) -> None:
    """Decoding is the worker's: the reviewer does not wait for it, and its failure undoes no decision."""
    case = picture(world, noise())
    who = {"actor": desk.FIRST, "device": desk.DEVICE}
    from safehold.path import commands

    commands.lease_case(case.pk, **who)
    commands.answer(case.subjects.get().pk, "cse", desk.SUSPENDS, **who)
    decision = commands.propose_decision(case.subjects.get().pk, "cse", **who)
    commands.confirm_decision(decision.pk, **who)
    assert not ListEntry.objects.filter(list="bank").exists()
    assert Job.objects.filter(name="bank.learn", state=Job.State.WAITING).exists()
    assert not Look.objects.filter(kind=Look.Kind.VERIFY).exists()
