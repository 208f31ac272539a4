"""Who may look without a lease, what is on record of each look, and what a shown picture carries."""

import io
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.utils import timezone
from PIL import Image

from safehold.audit import service as audit
from safehold.audit.models import FailedAttempt
from safehold.evidence import looking, sandbox
from safehold.evidence import service as evidence
from safehold.evidence.models import Grant, Look, Sealed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

ONE, TWO, THREE, VIEWER = "staff:custodian-1", "staff:custodian-2", "staff:custodian-3", "staff:user-17"


def keep(content: bytes, media_type: str = "image/png") -> Sealed:
    return evidence.preserve([content], media_type=media_type, file_name="", about="item:1", actor="system:worker")


def gradient(size: tuple[int, int] = (640, 480), kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def soon(hours: float = 4) -> Any:
    return timezone.now() + timedelta(hours=hours)


def grant(row: Sealed, **given: Any) -> Grant:
    wanted: dict[str, Any] = {"about": "case:1", "because": "training 7", "until": soon(), "actor": ONE, **given}
    return evidence.grant(VIEWER, [row.pk], **wanted)


# --- grants ---


def test_a_grant_has_a_reason_an_end_and_objects_and_is_on_record() -> None:
    row, other = keep(gradient()), keep(gradient())
    made = grant(row)
    assert evidence.grant_for(row.pk, VIEWER) == made
    assert evidence.grant_for(other.pk, VIEWER) is None
    assert evidence.grant_for(row.pk, TWO) is None
    body = audit.history(made).get().detail.body
    assert (body["because"], body["member"], body["sealed"]) == ("training 7", VIEWER, [str(row.pk)])
    evidence.end_grant(made.pk, actor=TWO)
    assert evidence.grant_for(row.pk, VIEWER) is None
    evidence.end_grant(made.pk, actor=TWO)
    assert [entry.act for entry in audit.history(made)] == ["grant.made", "grant.ended"]


def test_a_grant_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    row = keep(gradient())
    grant(row, until=soon(1))
    later = timezone.now() + timedelta(hours=2)
    monkeypatch.setattr("safehold.evidence.grants.timezone.now", lambda: later)
    assert evidence.grant_for(row.pk, VIEWER) is None


@pytest.mark.parametrize("wrong", [{"because": " "}, {"until": soon(-1)}, {"until": soon(24 * 8)}])
def test_a_grant_without_reason_or_with_no_near_end_is_refused(wrong: dict[str, Any]) -> None:
    row = keep(gradient())
    with pytest.raises(ValueError, match=r"Say why|seven days"):
        grant(row, **wrong)
    assert Grant.objects.count() == 0


def test_nobody_lets_themselves_look() -> None:
    row = keep(gradient())
    for given in ({"actor": VIEWER}, {"actor": ONE, "approved_by": VIEWER}):
        with pytest.raises(evidence.NeedsSecondPerson):
            grant(row, **given)
    with pytest.raises(evidence.UnknownEvidence):
        evidence.grant(VIEWER, [], about="case:1", because="training 7", until=soon(), actor=ONE)
    assert FailedAttempt.objects.filter(reason="to oneself").count() == 2


def test_where_the_setting_asks_for_it_two_custodians_let_look(settings: Any) -> None:
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, two_people_look=True)
    row = keep(gradient())
    for approved_by in ("", ONE):
        with pytest.raises(evidence.NeedsSecondPerson):
            grant(row, approved_by=approved_by)
    asked = evidence.ask("look", actor=ONE, because="training 7", sealed_ids=[row.pk], member=VIEWER, until=soon())
    assert evidence.grant_for(row.pk, VIEWER) is None
    for same in (ONE, VIEWER):
        with pytest.raises(evidence.NeedsSecondPerson):
            evidence.approve(asked.pk, actor=same)
    evidence.approve(asked.pk, actor=TWO)
    made = evidence.grant_for(row.pk, VIEWER)
    assert made is not None
    assert (made.granted_by, made.approved_by) == (ONE, TWO)


# --- what a look records ---


def test_a_look_says_how_much_and_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    row = keep(gradient())
    made = grant(row)
    look = evidence.reveal(row.pk, actor=VIEWER, about="case:1")
    picture = evidence.shown(row.pk, actor=VIEWER, mark="user-17", about="case:1")
    now = look.at + timedelta(seconds=90)
    monkeypatch.setattr(looking.timezone, "now", lambda: now)
    assert evidence.cover(row.pk, actor=VIEWER) == 1
    assert evidence.cover(row.pk, actor=VIEWER) == 0
    look.refresh_from_db()
    assert (look.ended_at, look.grant) == (now, made)
    read = Look.objects.get(kind="read")
    assert read.sent == len(picture)
    ended = audit.history(row).last()
    assert ended is not None
    assert (ended.act, ended.actor) == ("evidence.look_ended", VIEWER)
    assert ended.detail.body["seconds"] == 90.0
    shown = audit.history(row).filter(act="evidence.looked").last()
    assert shown is not None
    assert shown.detail.body["bytes"] == len(picture)
    assert shown.detail.body["grant"] == str(made.pk)


def test_a_reader_who_goes_away_is_counted_for_what_they_got() -> None:
    row = keep(bytes(1024 * 1024), "video/mp4")
    evidence.reveal(row.pk, actor=VIEWER, about="case:1")
    chunks: Iterator[bytes] = evidence.open_sealed(row.pk, actor=VIEWER, purpose="review", about="case:1")
    got = len(next(chunks))
    chunks.close()  # type: ignore[attr-defined]
    look = Look.objects.get(kind="read")
    assert 0 < look.sent == got < row.size
    assert look.ended_at is not None


def test_what_nobody_covers_ends_after_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    row = keep(gradient())
    look = evidence.reveal(row.pk, actor=VIEWER, about="case:1")
    assert evidence.end_looks_due() == 0
    monkeypatch.setattr(looking.timezone, "now", lambda: look.at + timedelta(hours=5))
    assert evidence.end_looks_due() == 1
    assert evidence.end_looks_due() == 0
    look.refresh_from_db()
    assert look.ended_at == look.at + evidence.SHOWN_FOR


def test_exposure_is_counted_for_each_member_and_not_for_machines() -> None:
    row, text = keep(gradient()), keep(b"placeholder message 3", "text/plain")
    start = timezone.now()
    veiled = evidence.veiled(row.pk, actor=VIEWER, about="case:1")
    evidence.reveal(row.pk, actor=VIEWER, about="case:1")
    shown = evidence.shown(row.pk, actor=VIEWER, mark="user-17", about="case:1")
    evidence.cover(row.pk, actor=VIEWER)
    list(evidence.open_sealed(text.pk, actor=TWO, purpose="review", about="case:1"))
    evidence.verify_body(row.pk, actor="system:worker")
    list(evidence.open_sealed(row.pk, actor="system:worker", purpose="filing", about="filing:1"))
    found = evidence.exposure(since=start)
    assert set(found) == {VIEWER, TWO}
    assert (found[VIEWER].veiled, found[VIEWER].unblurred) == (1, 1)
    assert found[VIEWER].bytes == len(veiled) + len(shown)
    assert 0 <= found[VIEWER].seconds < 60
    assert (found[TWO].unblurred, found[TWO].bytes) == (0, 21)
    assert set(evidence.exposure(since=start, actor=TWO)) == {TWO}
    assert evidence.exposure(since=timezone.now()) == {}


# --- what is shown ---


def test_a_shown_picture_is_encoded_anew_marked_and_bare() -> None:
    camera = Image.Exif()
    camera[0x010E] = "placeholder message 3"  # a description, as cameras write it
    camera[0x8825] = {1: "N"}
    row = keep(gradient((3000, 1000), "JPEG", exif=camera, comment=b"placeholder message 3"), "image/jpeg")
    evidence.reveal(row.pk, actor=VIEWER, about="case:1")
    one = evidence.shown(row.pk, actor=VIEWER, mark="user-17", about="case:1")
    two = evidence.shown(row.pk, actor=VIEWER, mark="user-18", about="case:1")
    assert b"placeholder" not in one
    with Image.open(io.BytesIO(one)) as picture, Image.open(io.BytesIO(two)) as other:
        picture.load()
        assert picture.format == "WEBP"
        assert picture.size == (2048, 683)
        assert not picture.getexif()
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(picture.info)
        plain = Image.linear_gradient("L").resize(picture.size).convert("RGB")
        for half in ((0, 0, 1024, 683), (1024, 0, 2048, 683)):  # the mark is everywhere, and it is the viewer's
            assert _apart(picture.crop(half), plain.crop(half)) > 2_000
            assert _apart(picture.crop(half), other.crop(half)) > 200


def _apart(one: Image.Image, two: Image.Image) -> int:
    """How many pixels differ clearly."""
    from PIL import ImageChops

    difference = ImageChops.difference(one.convert("L"), two.convert("L"))
    return sum(difference.histogram()[24:])


def test_a_moving_picture_is_shown_whole() -> None:
    frames = [Image.new("RGB", (120, 90), (shade, shade, 90)) for shade in (0, 90, 180)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=[40, 80, 120])
    row = keep(out.getvalue(), "image/gif")
    evidence.reveal(row.pk, actor=VIEWER, about="case:1")
    with Image.open(io.BytesIO(evidence.shown(row.pk, actor=VIEWER, mark="m", about="case:1"))) as picture:
        assert picture.n_frames == 3  # type: ignore[attr-defined]


def test_nothing_is_shown_unblurred_before_a_reveal_of_ones_own() -> None:
    row = keep(gradient())
    evidence.reveal(row.pk, actor=TWO, about="case:1")
    with pytest.raises(evidence.NotRevealed):
        evidence.shown(row.pk, actor=VIEWER, mark="user-17", about="case:1")
    assert not Look.objects.filter(actor=VIEWER).exists()


@pytest.mark.parametrize("content", [b"this is no picture", b"\x89PNG\r\n\x1a\n" + b"\x00" * 50])
def test_a_reveal_that_shows_nothing_is_no_view(content: bytes) -> None:
    row = keep(content)
    evidence.reveal(row.pk, actor=VIEWER, about="case:1")
    assert evidence.viewed_whole(row.pk, before=timezone.now())
    with pytest.raises(evidence.NotAPicture):
        evidence.shown(row.pk, actor=VIEWER, mark="user-17", about="case:1")
    assert not evidence.viewed_whole(row.pk, before=timezone.now())
    assert audit.history(row).last().act == "evidence.look_failed"  # type: ignore[union-attr]


def test_a_bomb_is_not_decoded() -> None:
    out = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(out, "PNG")
    row = keep(out.getvalue())
    evidence.reveal(row.pk, actor=VIEWER, about="case:1")
    with pytest.raises(evidence.NotAPicture):
        evidence.shown(row.pk, actor=VIEWER, mark="user-17", about="case:1")


# --- the walls around the child ---


def test_where_bubblewrap_is_not_there_or_does_not_work_the_limits_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda _name: None)
    assert sandbox.walls.__wrapped__() == ()
    monkeypatch.setattr(sandbox.shutil, "which", lambda _name: "/bin/false")
    assert sandbox.walls.__wrapped__() == ()


def test_where_bubblewrap_works_it_goes_before_the_child(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, settings: Any
) -> None:
    """A stand-in that runs what it is given: what the walls are made of, and that no folder of data is in them."""
    stand_in = tmp_path / "bwrap"
    stand_in.write_text(
        '#!/bin/sh\nwhile [ "${1#/}" = "$1" ] || [ ! -x "$1" ] || [ -d "$1" ]; do shift; done\nexec "$@"\n'
    )
    stand_in.chmod(0o700)
    monkeypatch.setattr(sandbox.shutil, "which", lambda _name: str(stand_in))
    walls = sandbox.walls.__wrapped__()
    assert walls[0] == str(stand_in)
    assert {"--unshare-all", "--die-with-parent"} <= set(walls)
    assert str(settings.SAFEHOLD.data) not in walls
    monkeypatch.setattr(sandbox, "walls", lambda: walls)
    assert evidence.veiled(keep(gradient()).pk, actor=VIEWER, about="case:1")


LOOKS_AROUND = """
import os, socket, sys
there = [path for path in sys.argv[1:] if os.path.exists(path)]
try:
    socket.create_connection(("192.0.2.1", 9), 1)
    network = True
except OSError as error:
    network = error.errno not in (101, 100)  # unreachable, down: there is no network to be seen
processes = [name for name in os.listdir("/proc") if name.isdigit()]
sys.stdout.write(f"{there} {network} {len(processes)}")
"""


@pytest.mark.skipif(not sandbox.walls(), reason="bubblewrap is not installed, or does not work here")
def test_inside_the_walls_there_is_neither_data_nor_network(data: Path) -> None:
    keep(gradient())
    program = Path(sandbox.__file__).with_name("shown.py")
    around = [str(data / "keys"), str(data / "evidence"), "/etc/passwd", str(Path(__file__))]
    command = [*sandbox.walls(), sys.executable, "-I", "-c", LOOKS_AROUND, *around, str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.stdout.startswith(f"{[str(program)]} False "), done.stdout + done.stderr
    assert int(done.stdout.rsplit(" ", 1)[1]) <= 2  # bubblewrap's own process and the child
