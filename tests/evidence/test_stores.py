"""Folder and S3 alike: what is kept comes back, and whatever the store does wrong is found. Nothing wrong is served."""

import errno
import hashlib
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest
from django.db import transaction
from obstore.exceptions import AlreadyExistsError

from safehold.audit.models import Entry
from safehold.evidence import bodies, keystore
from safehold.evidence import service as evidence
from safehold.evidence.models import Certificate, Sealed
from tests.evidence.conftest import Objects

pytestmark = [pytest.mark.django_db]

ACTOR = "system:worker"


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311 - noise for a film


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PART", 300_000)


def keep(content: bytes | None = None) -> Sealed:
    chunks = [content if content is not None else noise(700_000)]
    return evidence.preserve(chunks, media_type="video/mp4", file_name="", about="item:1", actor=ACTOR)


def read(row: Sealed) -> bytes:
    return b"".join(evidence.open_sealed(row.pk, actor=ACTOR, purpose="filing", about="filing:1"))


# --- what a store must do ---


def test_what_is_kept_comes_back(objects: Objects) -> None:
    small, large, empty = keep(b"placeholder message 3"), keep(), keep(b"")
    assert read(large) == noise(700_000)
    assert read(small) == b"placeholder message 3"
    assert read(empty) == b""
    assert len(objects.names()) == large.parts + small.parts + empty.parts
    assert large.parts == 3
    assert b"placeholder" not in b"".join(objects.read(name) for name in objects.names())


def test_nothing_is_written_over(objects: Objects) -> None:
    row = keep()
    name = bodies.part_name(row.pk, 0)
    with pytest.raises(AlreadyExistsError):
        obstore.put(bodies.store(), name, b"other", mode="create", use_multipart=False)
    assert read(row) == noise(700_000)


def test_a_destroyed_body_leaves_the_store(objects: Objects, django_capture_on_commit_callbacks: Any) -> None:
    gone, kept = keep(), keep(b"placeholder message 3")
    with django_capture_on_commit_callbacks(execute=True):
        evidence.destroy(gone.pk, actor=ACTOR, because="cleared case:1")
    assert objects.names() == [bodies.part_name(kept.pk, 0)]
    assert Certificate.objects.get().body_gone_at is not None
    assert read(kept) == b"placeholder message 3"


def test_what_a_crash_left_is_swept(objects: Objects) -> None:
    kept = keep(b"placeholder message 3")
    writer = bodies.Writer(orphan := Sealed._meta.pk.default())  # type: ignore[union-attr]
    writer.write(noise(400_000))
    assert evidence.sweep(actor=ACTOR) == 0  # it may be on its way in
    assert evidence.sweep(actor=ACTOR, older_than=timedelta(seconds=-2)) == 1
    assert objects.names() == [bodies.part_name(kept.pk, 0)]
    assert str(orphan) in Entry.objects.get(act="evidence.swept").detail.body["objects"]


def test_a_source_that_breaks_leaves_nothing(objects: Objects) -> None:
    def broken() -> Iterator[bytes]:
        yield noise(700_000)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        evidence.preserve(broken(), media_type="video/mp4", file_name="", about="item:1", actor=ACTOR)
    assert objects.names() == []
    assert keystore.count() == Sealed.objects.count() == 0


# --- what a store may do wrong ---


def flipped(objects: Objects, name: str, where: float) -> None:
    body = bytearray(objects.read(name))
    body[int(where * (len(body) - 1))] ^= 1 << (len(body) % 8)
    objects.write(name, bytes(body))


def swapped(objects: Objects, one: str, two: str) -> None:
    first, second = objects.read(one), objects.read(two)
    objects.write(one, second)
    objects.write(two, first)


def replaced(objects: Objects, row: Sealed, other: Sealed) -> None:
    """Another whole object of the same vault in its place."""
    for number in range(row.parts):
        objects.write(bodies.part_name(row.pk, number), objects.read(bodies.part_name(other.pk, number)))


DAMAGE: dict[str, Callable[[Objects, Sealed, Sealed], None]] = {
    "a bit of the first part": lambda s, r, _o: flipped(s, bodies.part_name(r.pk, 0), 0.0),
    "a bit in the middle": lambda s, r, _o: flipped(s, bodies.part_name(r.pk, 1), 0.5),
    "the last bit": lambda s, r, _o: flipped(s, bodies.part_name(r.pk, 2), 1.0),
    "a byte short": lambda s, r, _o: s.write(bodies.part_name(r.pk, 2), s.read(bodies.part_name(r.pk, 2))[:-1]),
    "half of a part": lambda s, r, _o: s.write(bodies.part_name(r.pk, 1), s.read(bodies.part_name(r.pk, 1))[:150_000]),
    "a byte long": lambda s, r, _o: s.write(bodies.part_name(r.pk, 2), s.read(bodies.part_name(r.pk, 2)) + b"\0"),
    "an empty part": lambda s, r, _o: s.write(bodies.part_name(r.pk, 2), b""),
    "a part gone": lambda s, r, _o: s.delete(bodies.part_name(r.pk, 1)),
    "the last part gone": lambda s, r, _o: s.delete(bodies.part_name(r.pk, 2)),
    "parts swapped": lambda s, r, _o: swapped(s, bodies.part_name(r.pk, 0), bodies.part_name(r.pk, 1)),
    "a part of another object": lambda s, r, o: s.write(bodies.part_name(r.pk, 1), s.read(bodies.part_name(o.pk, 1))),
    "another object": replaced,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_nothing_wrong_is_served(objects: Objects, damage: str) -> None:
    row, other = keep(), keep(noise(700_000, seed=2))
    DAMAGE[damage](objects, row, other)
    given = b""
    with pytest.raises(evidence.Corrupt):  # noqa: PT012 - what was given before the damage counts too
        for chunk in evidence.open_sealed(row.pk, actor=ACTOR, purpose="filing", about="filing:1"):
            given += chunk
    assert noise(700_000).startswith(given), "what came before the damage was right, byte for byte"
    assert read(other) == noise(700_000, seed=2)
    found, problems = evidence.verify_all(actor=ACTOR)
    assert (found, [one["object"] for one in problems]) == (2, [str(row.pk)])


def test_objects_whose_keys_are_swapped_open_neither(objects: Objects) -> None:
    one, two = keep(b"placeholder message 1"), keep(b"placeholder message 2")
    rows = keystore.get(str(one.pk)), keystore.get(str(two.pk))
    assert rows[0] is not None
    assert rows[1] is not None
    assert keystore.rewrap(rows[0], rows[1].wrapped, rows[1].under)
    assert keystore.rewrap(rows[1], rows[0].wrapped, rows[0].under)
    for row in (one, two):
        with pytest.raises(evidence.Corrupt):
            read(row)


def test_a_key_of_another_vault_opens_nothing(objects: Objects, data: Path) -> None:
    row = keep()
    for name in ("evidence-private.json", "evidence-public.json"):
        (data / "keys" / name).unlink()
    evidence.setup_keys()  # another pair: as if keys of another installation had been restored here
    with pytest.raises(evidence.NoPrivateKey):
        read(row)


# --- a full disk, a store that fails, a store that forgets ---


def test_a_full_disk_keeps_nothing_and_says_so(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    before = keep(b"placeholder message 3")
    real, calls = obstore.put, []

    def full(store: Any, name: str, data: bytes, **how: Any) -> Any:
        calls.append(name)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(store, name, data, **how)

    with monkeypatch.context() as patched:
        patched.setattr(bodies.obstore, "put", full)
        with pytest.raises(OSError, match="No space"):
            keep()
    assert objects.names() == [bodies.part_name(before.pk, 0)]
    assert Sealed.objects.count() == keystore.count() == 1
    assert read(before) == b"placeholder message 3"


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/proc/mounts").exists(), reason="mounting needs root on Linux")
def test_a_really_full_disk_keeps_nothing_and_says_so(data: Path) -> None:
    place = data / "evidence"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("this machine lets nobody mount")
    try:
        before = keep(b"placeholder message 3")
        with pytest.raises(Exception, match=r"(?i)no space|os error 28"):
            keep(noise(3_000_000))
        assert [path.name for path in place.rglob("*") if path.is_file()] == [f"{before.pk}.00000"]
        assert Sealed.objects.count() == keystore.count() == 1
        assert read(before) == b"placeholder message 3"
        assert read(keep(noise(400_000))) == noise(400_000)  # there is room again
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_store_that_cannot_be_reached_is_no_damage(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    row = keep()

    def away(*_args: object, **_how: object) -> None:
        raise ConnectionError("away")

    with monkeypatch.context() as patched:
        patched.setattr(bodies.obstore, "get", away)
        with pytest.raises(ConnectionError):
            read(row)
        with pytest.raises(ConnectionError):
            evidence.verify_all(actor=ACTOR)
        patched.setattr(bodies.obstore, "put", away)
        with pytest.raises(ConnectionError):
            keep()
    assert read(row) == noise(700_000)


class Forgetful:
    """A store that loses, at the power cut, what was not synced: fsync is what keeps a file and its name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.synced: set[str] = set()
        self.root = root
        real = os.fsync

        def fsync(handle: int) -> None:
            real(handle)
            self.synced.add(str(Path(f"/proc/self/fd/{handle}").readlink()))

        monkeypatch.setattr(os, "fsync", fsync)

    def power_cut(self) -> None:
        """Every file goes that was not synced itself, or whose folder was not synced after it."""
        for path in sorted(self.root.rglob("*"), key=lambda one: len(one.parts), reverse=True):
            if path.is_file() and not {str(path), str(path.parent)} <= self.synced:
                path.unlink()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at open files as Linux shows them")
def test_what_was_promised_survives_a_power_cut(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Forgetful(monkeypatch, data / "evidence")
    row = keep()
    store.power_cut()
    assert read(row) == noise(700_000)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at open files as Linux shows them")
def test_without_syncing_the_power_cut_is_found(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrapper can lose: where the vault did not sync, the loss is seen, and nothing wrong is served."""
    store = Forgetful(monkeypatch, data / "evidence")
    with monkeypatch.context() as patched:
        patched.setattr(bodies, "_make_durable", lambda _path: None)
        row = keep()
    store.power_cut()
    with pytest.raises(evidence.Corrupt, match="missing"):
        read(row)
    assert evidence.verify_all(actor=ACTOR)[1][0]["object"] == str(row.pk)


def test_a_row_that_is_rolled_back_leaves_no_promise(objects: Objects) -> None:
    """The caller's transaction fails after the vault kept the object: no record, and the sweep takes key and body."""

    class Undo(Exception):
        pass

    def undone() -> None:
        with transaction.atomic():
            keep()
            raise Undo

    with pytest.raises(Undo):
        undone()
    assert Sealed.objects.count() == 0
    assert keystore.count() == 1
    evidence.sweep(actor=ACTOR, older_than=timedelta(seconds=-2))
    assert keystore.count() == 0
    assert objects.names() == []


def test_the_hash_on_record_is_of_the_content(objects: Objects) -> None:
    assert keep().sha256 == hashlib.sha256(noise(700_000)).hexdigest()
