"""The chain: what is sealed holds, and every kind of tampering is found and its place named."""

import json
import threading
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from safehold.audit import chain, checkpoints
from safehold.audit import service as audit
from safehold.audit.models import Detail, Entry, Seal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

SQLITE = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="writes raw bytes as the sqlite3 shell does")


def acts(count: int, **details: Any) -> list[Entry]:
    with transaction.atomic():
        return [
            audit.record("thing.done", actor="system:test", about=f"thing:{n}", number=n, **details)
            for n in range(count)
        ]


def raw(sql: str, *values: object) -> int:
    """Change tables behind the mapper's back, foreign keys and all."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.rowcount


def places(found: chain.Verification) -> list[str]:
    return [problem.place for problem in found.problems]


def lines(data: Path) -> list[bytes]:
    return (data / "audit" / "checkpoints.jsonl").read_bytes().splitlines(keepends=True)


def put_lines(data: Path, new: list[bytes]) -> None:
    (data / "audit" / "checkpoints.jsonl").write_bytes(b"".join(new))


def delete_tail(count: int) -> None:
    """Delete the last entries with everything that belongs to them."""
    last = list(Seal.objects.order_by("-position").values_list("position", "entry_id")[:count])
    for position, entry_id in last:
        raw("DELETE FROM audit_seal WHERE position = %s", position)
        raw("DELETE FROM audit_detail WHERE entry_id = %s", entry_id)
        raw("DELETE FROM audit_entry WHERE id = %s", entry_id)


def rewrite(start: int = 1) -> None:
    """Recompute every hash from `start` on, consistently, as somebody would who can run our code."""
    before = Seal.objects.filter(position=start - 1).values_list("hash", flat=True).first() or checkpoints.NO_HASH
    for seal in Seal.objects.filter(position__gte=start).select_related("entry").order_by("position"):
        e = seal.entry
        before = chain.link(before, seal.position, e.pk, e.at, e.act, e.actor, e.about, e.digest)
        Seal.objects.filter(pk=seal.pk).update(hash=before)


# --- what holds ---


def test_an_empty_record_holds() -> None:
    assert chain.seal_once() == 0
    found = chain.verify()
    assert found.ok
    assert (found.entries, found.checkpoints, found.unsealed) == (0, 0, 0)


def test_sealing_chains_every_act_in_order_and_signs(data: Path) -> None:
    made = acts(12)
    assert chain.seal_once() == 12
    assert list(Seal.objects.order_by("position").values_list("position", "entry_id")) == [
        (n, entry.pk) for n, entry in enumerate(made, 1)
    ]
    found = chain.verify()
    assert found.ok
    assert (found.entries, found.checkpoints, found.unsealed) == (12, 1, 0)
    assert chain.seal_once() == 0
    assert len(lines(data)) == 1  # nothing new, nothing signed again
    acts(1)
    assert chain.verify().unsealed == 1
    assert chain.seal_once() == 1
    assert chain.verify().checkpoints == 2


def test_sealing_goes_on_over_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BATCH", 4)
    acts(11)
    assert chain.seal_once() == 11
    found = chain.verify()
    assert found.ok
    assert found.checkpoints == 3  # one for each batch


def test_an_act_that_was_committed_late_is_sealed_by_the_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "LOOK_BACK", 2)
    made = acts(10)
    late = made[2]
    Detail.objects.filter(pk=late.pk).delete()
    values = (late.at, late.act, late.actor, late.about, late.digest)
    late.delete()
    chain.seal_once()
    audit.Entry.objects.create(
        id=made[2].pk or 3, at=values[0], act=values[1], actor=values[2], about=values[3], digest=values[4]
    )
    assert chain.seal_once() == 0  # further back than every second looks
    point = chain.checkpoint()
    assert point is not None
    assert point.position == 10


def test_keys_are_for_their_owner_only(data: Path) -> None:
    chain.setup_keys()
    assert (data / "keys" / "audit-signing.pem").stat().st_mode & 0o777 == 0o600
    before = (data / "keys" / "audit-signing.pem").read_bytes()
    chain.setup_keys()
    assert (data / "keys" / "audit-signing.pem").read_bytes() == before


def test_verification_writes_no_key_and_needs_no_private_one(data: Path) -> None:
    chain.verify()
    assert not (data / "keys").exists()
    acts(3)
    chain.checkpoint()
    (data / "keys" / "audit-signing.pem").unlink()
    assert chain.verify().ok


def test_a_lost_signing_key_is_not_replaced_in_silence(data: Path) -> None:
    acts(3)
    chain.checkpoint()
    (data / "keys" / "audit-signing.pem").unlink()
    acts(1)
    with pytest.raises(checkpoints.SigningKeyMissing):
        chain.seal_once()


def test_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from safehold.audit import verifying

    monkeypatch.setattr(verifying, "WINDOW", 5)
    acts(12)
    chain.checkpoint()
    told: list[tuple[int, int]] = []
    chain.verify(progress=lambda done, total: told.append((done, total)))
    assert told == [(5, 12), (10, 12), (12, 12)]


# --- what is found ---


@pytest.mark.parametrize("column", ["act", "actor", "about", "digest"])
def test_a_changed_entry_is_found(column: str) -> None:
    victim = acts(9)[4]
    chain.checkpoint()
    value = getattr(victim, column)
    changed = ("f" if value[0] != "f" else "e") + value[1:]
    assert Entry.objects.filter(pk=victim.pk).update(**{column: changed}) == 1
    found = chain.verify()
    assert not found.ok
    assert set(places(found)) == {f"position 5 (entry {victim.pk})"}


def test_a_changed_time_is_found() -> None:
    victim = acts(5)[1]
    chain.checkpoint()
    Entry.objects.filter(pk=victim.pk).update(at=victim.at.replace(microsecond=(victim.at.microsecond + 1) % 10**6))
    assert places(chain.verify()) == [f"position 2 (entry {victim.pk})"]


@SQLITE
@pytest.mark.parametrize("at", ["T", "x", "", "9999-99-99"])
def test_a_time_that_reads_the_same_or_not_at_all_is_found(at: str) -> None:
    victim = acts(3)[1]
    chain.checkpoint()
    if at == "T":
        raw("UPDATE audit_entry SET at = replace(at, ' ', 'T') WHERE id = %s", victim.pk)
    else:
        raw("UPDATE audit_entry SET at = %s WHERE id = %s", at, victim.pk)
    assert places(chain.verify()) == [f"position 2 (entry {victim.pk})"]


@SQLITE
def test_every_single_byte_of_an_entry_and_its_details_counts() -> None:
    victim = acts(3, note="placeholder message 3", share=0.25, deep={"a": [1, None, "é"]})[1]
    chain.checkpoint()
    for table, key, columns in (
        ("audit_entry", "id", ("at", "act", "actor", "about", "digest")),
        ("audit_detail", "entry_id", ("salt", "body")),
    ):
        for column in columns:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT {column} FROM {table} WHERE {key} = %s", [victim.pk])
                text = cursor.fetchone()[0]
            stored = str(text) if column == "at" else text
            for index in range(len(stored)):
                changed = stored[:index] + chr(ord(stored[index]) ^ 1) + stored[index + 1 :]
                with transaction.atomic():
                    raw("PRAGMA ignore_check_constraints = ON")
                    try:
                        raw(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", changed, victim.pk)
                    finally:  # the connection outlives this test
                        raw("PRAGMA ignore_check_constraints = OFF")
                assert not chain.verify().ok, (column, index, changed)
                raw(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", stored, victim.pk)
            assert chain.verify().ok


@SQLITE
def test_bytes_that_are_no_text_do_not_stop_the_reading() -> None:
    victim = acts(6)[2]
    chain.checkpoint()
    raw("UPDATE audit_entry SET actor = CAST(x'fffe41' AS TEXT) WHERE id = %s", victim.pk)
    found = chain.verify()
    assert places(found) == [f"position 3 (entry {victim.pk})"]
    assert found.entries == 6


def test_changed_details_are_found() -> None:
    victim = acts(6)[2]
    chain.checkpoint()
    Detail.objects.filter(pk=victim.pk).update(body={"number": 3})
    assert places(chain.verify()) == [f"position 3 (entry {victim.pk})"]


def test_missing_details_are_found() -> None:
    victim = acts(6)[2]
    chain.checkpoint()
    Detail.objects.filter(pk=victim.pk).delete()
    assert places(chain.verify()) == [f"position 3 (entry {victim.pk})"]


def test_a_changed_seal_is_found() -> None:
    acts(6)
    chain.checkpoint()
    Seal.objects.filter(position=3).update(hash="0" * 64)
    assert [place.split(" (")[0] for place in places(chain.verify())] == ["position 3", "position 4"]


def test_a_row_taken_from_the_middle_is_found() -> None:
    acts(6)
    chain.checkpoint()
    raw("DELETE FROM audit_seal WHERE position = 3")
    assert places(chain.verify())[0] == "positions 3 to 3"


@SQLITE
@pytest.mark.django_db(transaction=True)
def test_an_entry_taken_from_under_its_seal_is_found() -> None:
    victim = acts(6)[2]
    chain.checkpoint()
    raw("PRAGMA foreign_keys = OFF")
    raw("DELETE FROM audit_detail WHERE entry_id = %s", victim.pk)
    raw("DELETE FROM audit_entry WHERE id = %s", victim.pk)
    found = chain.verify()
    assert places(found) == ["position 3 (entry None)"]
    raw("DELETE FROM audit_seal")
    raw("PRAGMA foreign_keys = ON")


@pytest.mark.parametrize("points", [1, 3])
def test_missing_last_rows_are_found_and_stay_found(points: int) -> None:
    for _n in range(points):
        acts(20 // points)
        chain.seal_once()
    end = Seal.objects.count()
    delete_tail(10)
    found = chain.verify()
    assert f"positions {end - 9} to {end}" in places(found)
    assert "last 10 rows" in found.problems[-1].what
    acts(30)  # life goes on over the gap: the signed head is still not there
    chain.checkpoint()
    found = chain.verify()
    assert f"position {end}" in places(found)


def test_missing_last_seals_alone_are_found() -> None:
    acts(20)
    chain.checkpoint()
    raw("DELETE FROM audit_seal WHERE position > 10")
    assert "positions 11 to 20" in places(chain.verify())


def test_everything_gone_is_found() -> None:
    acts(5)
    chain.checkpoint()
    delete_tail(5)
    found = chain.verify()
    assert places(found) == ["positions 1 to 5"]


def test_a_chain_rewritten_from_the_start_is_found() -> None:
    first = acts(8)[0]
    chain.checkpoint()
    Entry.objects.filter(pk=first.pk).update(actor="staff:somebody-else")
    rewrite()
    found = chain.verify()
    assert places(found) == ["position 8"]
    assert "rewritten" in found.problems[0].what
    acts(3)
    chain.checkpoint()  # signing on does not heal it
    assert places(chain.verify()) == ["position 8"]


def test_a_rewrite_since_the_last_but_one_checkpoint_names_the_first_signed_place() -> None:
    for _n in range(3):
        acts(4)
        chain.seal_once()
    Entry.objects.filter(pk=Seal.objects.get(position=6).entry_id).update(act="thing.undone")
    rewrite(6)
    assert places(chain.verify()) == ["position 8", "position 12"]


def test_details_replaced_together_with_their_digest_are_found() -> None:
    victim = acts(4)[1]
    chain.checkpoint()
    Entry.objects.filter(pk=victim.pk).update(digest=audit.digest_of("00", {"number": 9}))
    Detail.objects.filter(pk=victim.pk).update(salt="00", body={"number": 9})
    assert places(chain.verify()) == [f"position 2 (entry {victim.pk})"]


def test_deleted_seals_and_checkpoints_leave_old_entries_unsealed(data: Path) -> None:
    made = acts(4)
    chain.checkpoint()
    raw("DELETE FROM audit_seal")
    (data / "audit" / "checkpoints.jsonl").unlink()
    Entry.objects.update(at=made[0].at - timedelta(hours=1))
    found = chain.verify()
    assert places(found) == [f"entry {made[0].pk}"]
    assert found.unsealed == 4


# --- the checkpoints' file ---


def test_a_missing_file_is_found(data: Path) -> None:
    acts(4)
    chain.checkpoint()
    (data / "audit" / "checkpoints.jsonl").unlink()
    assert places(chain.verify()) == ["positions 1 to 4"]


def test_a_missing_last_line_is_found(data: Path) -> None:
    for _n in range(3):
        acts(4)
        chain.seal_once()
    put_lines(data, lines(data)[:-1])
    assert places(chain.verify()) == ["positions 9 to 12"]


def test_a_missing_middle_or_first_line_is_found_once(data: Path) -> None:
    for _n in range(4):
        acts(2)
        chain.seal_once()
    whole = lines(data)
    put_lines(data, [whole[0], *whole[2:]])
    assert places(chain.verify()) == ["checkpoints.jsonl line 2"]
    put_lines(data, whole[1:])
    assert places(chain.verify()) == ["checkpoints.jsonl line 1"]
    put_lines(data, [whole[0], whole[2], whole[1], whole[3]])
    assert not chain.verify().ok


def test_a_forged_line_is_found(data: Path) -> None:
    first = acts(4)[0]
    chain.checkpoint()
    Entry.objects.filter(pk=first.pk).update(actor="staff:somebody-else")
    rewrite()
    line = json.loads(lines(data)[0])
    line["hash"] = Seal.objects.get(position=4).hash
    put_lines(data, [json.dumps(line).encode() + b"\n"])
    found = chain.verify()
    assert places(found) == ["checkpoints.jsonl line 1", "positions 1 to 4"]
    assert "forged" in found.problems[0].what


def test_a_line_signed_with_another_key_is_found(data: Path) -> None:
    acts(4)
    chain.checkpoint()
    public = (data / "keys" / "audit-verify.pem").read_bytes()
    for name in ("audit-signing.pem", "audit-verify.pem"):
        (data / "keys" / name).unlink()
    (data / "audit" / "checkpoints.jsonl").unlink()
    with checkpoints.lock():
        checkpoints.append(4, Seal.objects.get(position=4).hash)
    assert chain.verify().ok  # as the forger sees it
    (data / "keys" / "audit-verify.pem").write_bytes(public)
    assert not chain.verify().ok


@pytest.mark.parametrize("what", ["space", "extra", "empty", "garbage", "half", "latin"])
def test_every_change_of_a_line_is_found(data: Path, what: str) -> None:
    acts(2)
    chain.seal_once()
    acts(2)
    chain.seal_once()
    one, two = lines(data)
    changed = {
        "space": one.replace(b": ", b":  ", 1),
        "extra": one.replace(b"{", b'{"more": 1, ', 1),
        "empty": b"\n" + one,
        "garbage": b"placeholder message 3\n" + one,
        "half": one[: len(one) // 2],
        "latin": b"\xff\xfe\n" + one,
    }[what]
    put_lines(data, [changed, two])
    found = chain.verify()
    assert not found.ok
    assert "checkpoints.jsonl line 1" in places(found)


def test_a_torn_last_line_is_told_and_then_repaired(data: Path) -> None:
    acts(2)
    chain.seal_once()
    acts(2)
    chain.seal_once()
    one, two = lines(data)
    put_lines(data, [one, two[:40]])
    assert "checkpoints.jsonl line 2" in places(chain.verify())
    assert chain.seal_once() == 0
    assert chain.verify().ok
    assert len(lines(data)) == 2


def test_a_crash_between_sealing_and_signing_is_repaired(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acts(2)
    chain.seal_once()
    acts(2)

    def crash(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "append", crash)
        with pytest.raises(KeyboardInterrupt):
            chain.seal_once()
    assert Seal.objects.count() == 4
    assert places(chain.verify()) == ["positions 3 to 4"]
    assert chain.seal_once() == 0
    assert chain.verify().ok


# --- erasure ---


def test_erased_details_are_counted_and_the_chain_holds() -> None:
    victim = acts(4, note="placeholder message 3")[1]
    chain.checkpoint()
    with transaction.atomic():
        erasing = chain.erase(victim.pk, because="term ended", actor="system:test")
    chain.checkpoint()
    found = chain.verify()
    assert found.ok
    assert (found.erased, found.entries) == (1, 5)
    detail = Detail.objects.get(pk=victim.pk)
    assert (detail.salt, detail.body) == ("", {})
    assert Entry.objects.get(pk=victim.pk).digest == victim.digest
    assert list(audit.history(f"entry:{victim.pk}")) == [erasing]
    chain.erase(victim.pk, because="again", actor="system:test")
    assert audit.history(f"entry:{victim.pk}").count() == 1


def test_an_erasure_before_sealing_holds_too() -> None:
    victim = acts(2)[0]
    chain.erase(victim.pk, because="term ended", actor="system:test")
    chain.checkpoint()
    assert chain.verify().erased == 1


@pytest.mark.parametrize("change", ["no act", "other reason", "other time", "not empty"])
def test_an_erasure_that_no_act_records_is_found(change: str) -> None:
    from django.utils import timezone

    victim = acts(4)[1]
    if change != "no act":
        chain.erase(victim.pk, because="term ended", actor="system:test")
    chain.checkpoint()
    rows = Detail.objects.filter(pk=victim.pk)
    if change == "no act":
        rows.update(salt="", body={}, erased_at=timezone.now(), erased_because="term ended")
    elif change == "other reason":
        rows.update(erased_because="another")
    elif change == "other time":
        rows.update(erased_at=timezone.now())
    else:
        rows.update(body={"number": 1})
    assert places(chain.verify()) == [f"position 2 (entry {victim.pk})"]


# --- any details, any order ---

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcé", max_size=5), inner, max_size=4),
    max_leaves=12,
)


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(st.dictionaries(st.sampled_from(["a", "b", "word"]), JSON, max_size=3), max_size=4))
def test_whatever_is_recorded_verifies(bodies: list[dict[str, Any]]) -> None:
    with transaction.atomic():
        for body in bodies:
            audit.record("thing.done", actor="system:test", about="thing:1", **body)
    chain.seal_once()
    assert chain.verify().problems == []


@hypothesis_settings(max_examples=40, deadline=None)
@given(a=JSON, b=JSON)
def test_different_details_have_different_digests(a: Any, b: Any) -> None:
    same = json.dumps(audit._settled(a), sort_keys=True) == json.dumps(audit._settled(b), sort_keys=True)
    assert (audit.digest_of("s", {"v": a}) == audit.digest_of("s", {"v": b})) == same


# --- two at once, and many ---


def _seal_when_free() -> int:
    """Threads of a test share one SQLite database in memory, which answers "locked" at once instead of waiting."""
    while True:
        try:
            return chain.seal_once()
        except OperationalError as busy:
            if "locked" not in str(busy):
                raise


@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_do_not_fork_the_chain(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BATCH", 3)
    acts(60)
    start = threading.Barrier(3)
    sealed: list[int] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            start.wait()
            sealed.extend(_seal_when_free() for _n in range(4))
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(sealed) == 60
    found = chain.verify()
    assert found.ok, found.problems
    assert found.entries == 60


@pytest.mark.django_db(transaction=True)
def test_sealing_inside_somebody_elses_transaction_is_refused() -> None:
    acts(1)
    with pytest.raises(RuntimeError), transaction.atomic():
        chain.seal_once()
    assert Seal.objects.count() == 0


def test_a_long_chain_is_verified_in_flat_memory() -> None:
    body = {"text": "x" * 2000}
    entries = [
        Entry(
            at="2026-01-01T00:00:00+00:00",
            act="thing.done",
            actor="system:test",
            about="thing:1",
            digest=audit.digest_of("00", body),
        )
        for _n in range(4000)
    ]
    made = Entry.objects.bulk_create(entries, batch_size=1000)
    Detail.objects.bulk_create((Detail(entry=entry, salt="00", body=body) for entry in made), batch_size=1000)
    del entries, made
    chain.checkpoint()
    tracemalloc.start()
    found = chain.verify()
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.ok
    assert found.entries == 4000
    assert peak < 8 * 1024 * 1024  # the chain holds 9 MB of texts alone, a window a quarter of that
