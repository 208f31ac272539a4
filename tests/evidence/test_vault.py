"""The vault: what goes in comes out to whom may see it, on record, and nothing else does."""

import hashlib
import io
import os
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from safehold.audit import service as audit
from safehold.audit.models import Entry, FailedAttempt
from safehold.evidence import bodies, keys, keystore, looking
from safehold.evidence import service as evidence
from safehold.evidence.models import Look, Sealed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

ACTOR = "staff:user-17"


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311 - noise for a picture or a film


def keep(content: bytes = b"placeholder message 3", media_type: str = "text/plain", name: str = "note.txt") -> Sealed:
    return evidence.preserve([content], media_type=media_type, file_name=name, about="item:1", actor="system:worker")


def read(row: Sealed, purpose: str = "review", actor: str = ACTOR) -> bytes:
    return b"".join(evidence.open_sealed(row.pk, actor=actor, purpose=purpose, about="case:1"))


def gradient(size: tuple[int, int] = (640, 480), kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def files(data: Path) -> list[Path]:
    return sorted(path for path in (data / "evidence").rglob("*") if path.is_file())


def settings_with(settings: Any, **changes: Any) -> None:
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, **changes)


# --- keeping and reading ---


def test_what_goes_in_comes_out_and_the_record_says_what_it_was() -> None:
    content = noise(100_000)
    row = evidence.preserve(
        [content[:10], content[10:70_000], b"", content[70_000:]],
        media_type="application/json",
        file_name="item.json",
        about="item:1",
        actor="system:worker",
    )
    assert row.sha256 == hashlib.sha256(content).hexdigest()
    assert row.md5 == hashlib.md5(content).hexdigest()  # noqa: S324
    assert row.sha1 == hashlib.sha1(content).hexdigest()  # noqa: S324
    assert row.size == 100_000
    assert read(row) == content
    acts = audit.history(row)
    assert [entry.act for entry in acts] == ["evidence.preserved", "evidence.looked", "evidence.look_ended"]
    assert acts[2].detail.body["bytes"] == 100_000


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=st.lists(st.binary(max_size=300), max_size=8), part=st.integers(1, 400))
def test_any_chunks_and_any_size_of_parts(chunks: list[bytes], part: int) -> None:
    before, bodies.PART = bodies.PART, part
    try:
        row = evidence.preserve(iter(chunks), media_type="text/plain", file_name="", about="item:1", actor=ACTOR)
        assert read(row) == b"".join(chunks)
        assert row.parts >= 1
    finally:
        bodies.PART = before


def test_nothing_readable_lies_on_the_disk_or_in_the_table(data: Path) -> None:
    content = b"placeholder message 3 " * 5000
    row = keep(content)
    for path in data.rglob("*"):
        if path.is_file():
            assert b"placeholder message" not in path.read_bytes(), path
    assert keystore.get(str(row.pk)) is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM evidence_sealed")
        assert "placeholder" not in str(cursor.fetchall())


def test_names_in_the_store_tell_nothing_and_folders_are_closed(data: Path) -> None:
    row = keep(name="placeholder-name.png")
    (path,) = files(data)
    assert path.name == f"{row.pk}.00000"
    assert (data / "evidence").stat().st_mode & 0o777 == 0o700


def test_equal_content_makes_objects_of_their_own(data: Path) -> None:
    one, two = keep(), keep()
    assert one.pk != two.pk
    assert one.sha256 == two.sha256
    assert len({path.read_bytes() for path in files(data)}) == 2


def test_a_file_name_is_somebody_elses_text() -> None:
    row = keep(name="a\x00b\nc\u202e" + "d" * 400 + ".png")
    assert row.file_name.endswith("d.png")
    assert len(row.file_name) == 255
    assert row.file_name.isprintable()
    assert keep(media_type="").media_type == "application/octet-stream"


def test_a_part_is_written_once(data: Path) -> None:
    row = keep()
    writer = bodies.Writer(row.pk)
    writer.write(b"another body")
    with pytest.raises(Exception, match="exist"):
        writer.close()
    assert read(row) == b"placeholder message 3"


def test_a_source_that_breaks_leaves_nothing(data: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield noise(3 * 1024 * 1024)
        raise ConnectionError("the host hung up")

    with pytest.raises(ConnectionError):
        evidence.preserve(broken(), media_type="image/png", file_name="", about="item:1", actor=ACTOR)
    assert Sealed.objects.count() == keystore.count() == Entry.objects.count() == 0
    assert files(data) == []


def test_a_database_that_fails_leaves_nothing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_args: object, **_details: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(evidence.audit, "record", failing)
    with pytest.raises(OSError, match="no space"), transaction.atomic():
        keep()
    assert Sealed.objects.count() == 0
    assert files(data) == []


def test_a_big_object_never_sits_in_memory(data: Path) -> None:
    """64 MB of noise in and out in a process of its own; its peak stays far below the object's size."""
    program = """
import os, random, resource, sys, hashlib
import django
django.setup()
from django.core.management import call_command
for room in ("audit", "evidence"):
    call_command("migrate", room, verbosity=0)
from safehold.evidence import service as evidence
from safehold.evidence import models

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

def chunks():
    for n in range(64):
        yield random.Random(n).randbytes(1024 * 1024)

small = evidence.preserve([b"x" * 1024], media_type="text/plain", file_name="", about="item:1", actor="system:test")
list(evidence.open_sealed(small.pk, actor="system:test", purpose="verify", about=""))
before = peak()
row = evidence.preserve(chunks(), media_type="video/mp4", file_name="", about="item:1", actor="system:test")
digest, most = hashlib.sha256(), 0
for chunk in evidence.open_sealed(row.pk, actor="system:test", purpose="verify", about=""):
    digest.update(chunk)
    most = max(most, len(chunk))
assert digest.hexdigest() == row.sha256 and row.size == 64 * 1024 * 1024 and row.parts > 7, row.parts
assert most <= 1024 * 1024, most
print(peak() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "SAFEHOLD_DATA": str(data),
            "SAFEHOLD_DATABASE_URL": f"sqlite:///{data}/own.sqlite3",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 48 * 1024 * 1024


# --- the looks ---


def test_a_look_is_on_record_before_the_first_byte() -> None:
    row = keep()
    stream = evidence.open_sealed(row.pk, actor=ACTOR, purpose="filing", about="filing:1")
    look = Look.objects.get()
    assert (look.kind, look.purpose, look.actor, look.about) == ("filing", "filing", ACTOR, "filing:1")
    assert audit.history(row).last().act == "evidence.looked"  # type: ignore[union-attr]
    assert next(iter(stream)) == b"placeholder message 3"


@pytest.mark.django_db(transaction=True)
def test_looking_inside_a_transaction_that_may_roll_back_is_refused() -> None:
    row = keep()
    with pytest.raises(RuntimeError), transaction.atomic():
        evidence.open_sealed(row.pk, actor=ACTOR, purpose="review", about="case:1")
    with pytest.raises(RuntimeError), transaction.atomic():
        evidence.veiled(keep(gradient(), "image/png").pk, actor=ACTOR, about="case:1")
    assert Look.objects.count() == 0


def test_media_is_shown_only_after_a_reveal_of_ones_own() -> None:
    row = keep(gradient(), "image/png")
    with pytest.raises(evidence.NotRevealed):
        evidence.open_sealed(row.pk, actor=ACTOR, purpose="review", about="case:1")
    evidence.reveal(row.pk, actor="staff:user-18", about="case:1")
    with pytest.raises(evidence.NotRevealed):
        evidence.open_sealed(row.pk, actor=ACTOR, purpose="review", about="case:1")
    assert FailedAttempt.objects.filter(act="evidence.review", reason="not revealed").count() == 2
    evidence.reveal(row.pk, actor=ACTOR, about="case:1")
    assert read(row) == gradient()
    assert read(row, "filing", "system:worker") == gradient()  # filing shows it to nobody here


def test_only_a_reveal_counts_as_viewed_whole() -> None:
    row = keep(gradient(), "image/png")
    start = timezone.now()
    evidence.veiled(row.pk, actor=ACTOR, about="case:1")
    read(row, "filing")
    read(row, "hand_over")
    evidence.verify_body(row.pk, actor="system:worker")
    assert not evidence.viewed_whole(row.pk, before=timezone.now())
    look = evidence.reveal(row.pk, actor=ACTOR, about="case:1")
    assert look.kind == "whole"
    assert evidence.viewed_whole(row.pk, before=timezone.now())
    assert not evidence.viewed_whole(row.pk, before=start)
    assert not evidence.viewed_whole(row.pk, before=look.at)  # not before itself
    assert not evidence.viewed_whole(keep().pk, before=timezone.now())
    assert sorted(Look.objects.filter(sealed=row).values_list("kind", flat=True)) == [
        "filing", "hand_over", "veiled", "verify", "whole",
    ]  # fmt: skip


def test_a_text_read_does_not_claim_a_reveal() -> None:
    row = keep()
    read(row)
    assert Look.objects.get().kind == "read"
    assert not evidence.viewed_whole(row.pk, before=timezone.now())


def test_an_unknown_purpose_or_object_is_refused() -> None:
    row = keep()
    with pytest.raises(ValueError, match="curiosity"):
        read(row, "curiosity")
    with pytest.raises(evidence.UnknownEvidence):
        evidence.open_sealed("00000000-0000-4000-8000-000000000000", actor=ACTOR, purpose="review", about="case:1")
    assert Look.objects.count() == 0


# --- keys ---


def test_a_process_that_only_writes_cannot_read(settings: Any) -> None:
    evidence.setup_keys()
    settings_with(settings, read_private_key=False)
    row = keep(gradient(), "image/png")
    for attempt in (
        lambda: evidence.open_sealed(row.pk, actor=ACTOR, purpose="filing", about="filing:1"),
        lambda: evidence.veiled(row.pk, actor=ACTOR, about="case:1"),
        lambda: evidence.reveal(row.pk, actor=ACTOR, about="case:1"),
    ):
        with pytest.raises(evidence.NoPrivateKey):
            attempt()
    assert Look.objects.count() == 0
    assert FailedAttempt.objects.filter(reason="NoPrivateKey").count() == 3


def test_a_process_that_only_writes_never_opens_the_private_key(settings: Any, data: Path) -> None:
    evidence.setup_keys()
    (data / "keys" / keys.PRIVATE).unlink()
    settings_with(settings, read_private_key=False)
    evidence.setup_keys()
    assert keep().size == 21
    assert not (data / "keys" / keys.PRIVATE).exists()


def test_a_process_that_only_writes_makes_no_keys(settings: Any, data: Path) -> None:
    settings_with(settings, read_private_key=False)
    with pytest.raises(evidence.NoPublicKey):
        evidence.setup_keys()
    with pytest.raises(evidence.NoPublicKey):
        keep()
    assert not (data / "keys").exists()
    assert files(data) == []


def test_a_lost_private_key_is_never_replaced(data: Path) -> None:
    row = keep()
    (data / "keys" / keys.PRIVATE).unlink()
    with pytest.raises(evidence.NoPrivateKey):
        evidence.setup_keys()
    with pytest.raises(evidence.NoPrivateKey):
        read(row)


def test_key_files_are_made_once_for_their_owner_only(data: Path) -> None:
    evidence.setup_keys()
    first = (data / "keys" / keys.PRIVATE).read_bytes()
    assert (data / "keys" / keys.PRIVATE).stat().st_mode & 0o777 == 0o600
    (data / "keys" / keys.PUBLIC).unlink()
    evidence.setup_keys()
    assert (data / "keys" / keys.PRIVATE).read_bytes() == first
    assert b"PrivateKey" not in (data / "keys" / keys.PUBLIC).read_bytes()
    assert sorted(path.name for path in (data / "keys").iterdir()) == [keys.PRIVATE, keys.PUBLIC]


def test_a_key_of_another_object_does_not_open(data: Path) -> None:
    one, two = keep(b"placeholder message 1"), keep(b"placeholder message 2")
    other, mine = keystore.get(str(two.pk)), keystore.get(str(one.pk))
    assert other is not None
    assert mine is not None
    assert keystore.rewrap(mine, other.wrapped, other.under)
    with pytest.raises(evidence.Corrupt):
        evidence.open_sealed(one.pk, actor=ACTOR, purpose="review", about="case:1")
    assert Look.objects.count() == 0


# --- damage ---


@pytest.mark.parametrize("where", ["start", "middle", "end", "short", "long", "gone", "swapped"])
def test_a_changed_body_is_found_on_reading(where: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PART", 700_000)
    row = keep(noise(1_500_000), "video/mp4")
    paths = files(data)
    assert len(paths) == row.parts == 3
    body = bytearray(paths[1].read_bytes())
    if where == "gone":
        paths[2].unlink()
    elif where == "swapped":
        first = paths[0].read_bytes()
        paths[0].write_bytes(bytes(body))
        paths[1].write_bytes(first)
    elif where == "short":
        paths[2].write_bytes(paths[2].read_bytes()[:-1])
    elif where == "long":
        paths[2].write_bytes(paths[2].read_bytes() + b"\x00")
    else:
        path = {"start": paths[0], "middle": paths[1], "end": paths[2]}[where]
        body = bytearray(path.read_bytes())
        body[{"start": 0, "middle": len(body) // 2, "end": -1}[where]] ^= 1
        path.write_bytes(bytes(body))
    with pytest.raises(evidence.Corrupt):
        evidence.verify_body(row.pk, actor="system:worker")
    assert FailedAttempt.objects.filter(act="evidence.verify", reason="corrupt").count() == 1


def test_a_changed_record_is_found_on_reading() -> None:
    row = keep()
    Sealed.objects.filter(pk=row.pk).update(sha256="0" * 64)
    with pytest.raises(evidence.Corrupt):
        read(row)


def test_no_reveal_is_recorded_of_what_cannot_be_shown(data: Path) -> None:
    row = keep(gradient(), "image/png")
    files(data)[0].unlink()
    with pytest.raises(evidence.Corrupt):
        evidence.reveal(row.pk, actor=ACTOR, about="case:1")
    assert not evidence.viewed_whole(row.pk, before=timezone.now())


# --- the veiled picture ---


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_veiled_picture_is_small_grey_still_and_blurred(kind: str) -> None:
    board = Image.new("RGB", (1600, 900), "white")
    for x in range(0, 1600, 20):
        for y in range(0, 900, 20):
            if (x + y) % 40:
                board.paste((200, 30, 30), (x, y, x + 20, y + 20))
    out = io.BytesIO()
    board.save(out, kind)
    row = keep(out.getvalue(), f"image/{kind.lower()}")
    shown = evidence.veiled(row.pk, actor=ACTOR, about="case:1")
    with Image.open(io.BytesIO(shown)) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert picture.mode == "L"
        assert max(picture.size) == 320
        assert picture.info == {}
        low, high = picture.getextrema()
        assert high - low < 60  # type: ignore[operator]  # the board of squares is gone
    assert Look.objects.get().kind == "veiled"


def test_a_moving_picture_is_shown_still_and_without_metadata() -> None:
    frames = [Image.new("L", (100, 100), shade) for shade in (0, 255)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=50, comment=b"placeholder message 3")
    shown = evidence.veiled(keep(out.getvalue(), "image/gif").pk, actor=ACTOR, about="case:1")
    assert b"placeholder" not in shown
    with Image.open(io.BytesIO(shown)) as picture:
        assert getattr(picture, "n_frames", 1) == 1
        assert picture.getextrema() == (0, 0)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"placeholder message 3", "text/plain"),
        (b"", "image/png"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(400), "video/mp4"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "image/png"),
    ],
)
def test_what_is_no_picture_is_not_shown(content: bytes, media_type: str) -> None:
    row = keep(content, media_type)
    with pytest.raises(evidence.NotAPicture):
        evidence.veiled(row.pk, actor=ACTOR, about="case:1")
    assert Look.objects.count() == 0  # nothing was shown


def test_a_picture_that_would_fill_the_memory_is_not_decoded() -> None:
    bomb = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 1024 * 1024
    with pytest.raises(evidence.NotAPicture):
        evidence.veiled(keep(bomb.getvalue(), "image/png").pk, actor=ACTOR, about="case:1")


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "MAX_BYTES", 100)
    with pytest.raises(evidence.NotAPicture, match="too large"):
        evidence.veiled(keep(gradient(), "image/png").pk, actor=ACTOR, about="case:1")


def test_a_decoder_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    from safehold.evidence import sandbox, veil

    started: list[subprocess.Popen[bytes]] = []

    class Hanging(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, command: list[str], **options: Any) -> None:
            super().__init__([command[0], "-c", "import time; time.sleep(60)"], **options)
            started.append(self)

    monkeypatch.setattr(sandbox.subprocess, "Popen", Hanging)
    monkeypatch.setattr(sandbox, "walls", tuple)
    monkeypatch.setattr(veil, "SECONDS", 0.5)
    with pytest.raises(evidence.NotAPicture, match="too long"):
        evidence.veiled(keep(gradient(), "image/png").pk, actor=ACTOR, about="case:1")
    assert started[0].returncode is not None
    assert started[0].returncode < 0


def test_the_decoder_imports_nothing_of_ours_and_has_limits() -> None:
    from safehold.evidence import veil

    program = (
        "import runpy, sys, io, resource\n"
        "class Out:\n    buffer = io.BytesIO()\n"
        "class In:\n    buffer = io.BytesIO(open(sys.argv[1], 'rb').read())\n"
        "real, sys.stdout, sys.stdin = sys.stdout, Out, In\n"
        "try:\n    runpy.run_path(sys.argv[2], run_name='__main__')\n"
        "except SystemExit as stop:\n    code = stop.code\n"
        "sys.stdout = real\n"
        "names = [n for n in sys.modules if n.split('.')[0] in ('django', 'safehold', 'tink', 'obstore', 'socket')]\n"
        "print(code, names, resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_FSIZE)[0])\n"
    )
    source = Path(os.environ["SAFEHOLD_DATA"]) / "gradient 1.png"
    source.write_bytes(gradient())
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(source), veil.__file__], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    code, names, memory, size = done.stdout.replace("[]", "none").split()
    assert (code, names, size) == ("0", "none", "0")
    if sys.platform == "linux":
        assert int(memory) == veil.MAX_MEMORY != resource.RLIM_INFINITY
