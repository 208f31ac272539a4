"""Keys apart: where the private key may be, replacing the pair, copies of the key store with a bounded age."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.utils import timezone

from safehold.app.cli import main
from safehold.audit import service as audit
from safehold.audit.models import Entry
from safehold.evidence import keybackup, keys, keystore, opening, rotation
from safehold.evidence import service as evidence
from safehold.evidence.models import Sealed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

ACTOR = "operator:command-line"
TEXT = b"placeholder message 3"


def keep(content: bytes = TEXT) -> Sealed:
    return evidence.preserve([content], media_type="text/plain", file_name="n.txt", about="item:1", actor="system:w")


def read(row: Sealed) -> bytes:
    return b"".join(evidence.open_sealed(row.pk, actor="staff:user-17", purpose="review", about="case:1"))


def settings_with(settings: Any, **changes: Any) -> None:
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, **changes)


def rotate() -> rotation.Progress:
    evidence.begin_rotation(actor=ACTOR)
    return list(evidence.rewrap_all(actor=ACTOR))[-1]


@pytest.fixture(params=["file", "postgres"])
def store(request: pytest.FixtureRequest, settings: Any, data: Path) -> Iterator[str]:
    """The key store in its own file, or (where the run has PostgreSQL) in a schema of its own."""
    if request.param == "file":
        yield "file"
        return
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL")
    import psycopg

    given = connection.settings_dict
    place = f"{given['HOST']}:{given['PORT']}" if given["PORT"] else given["HOST"]
    schema = f"keys_{os.getpid()}"
    url = f"postgresql://{given['USER']}:{given['PASSWORD']}@{place}/{given['NAME']}"
    settings_with(settings, key_store=f"{url}?schema={schema}")
    yield "postgres"
    with psycopg.connect(url) as raw:
        raw.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


# --- the store ---


def test_the_store_keeps_wraps_anew_and_forgets(store: str, data: Path) -> None:
    one, two = keep(), keep(b"placeholder message 4")
    assert read(one) == TEXT
    assert keystore.count() == 2
    assert (data / keystore.FILE).exists() == (store == "file")
    row = keystore.get(str(one.pk))
    assert row is not None
    assert keystore.rewrap(row, b"another wrapping", "another key")
    assert not keystore.rewrap(row, b"a third", "another key")  # what was read is not there any more
    assert [key.rows for key in keystore.vault_keys()] == [1, 1]
    assert keystore.destroy(str(one.pk))
    assert not keystore.destroy(str(one.pk))
    assert keystore.get(str(one.pk)) is None
    assert keystore.gone([str(one.pk), str(two.pk)]) == {str(one.pk)}
    with pytest.raises(evidence.KeyStoreFailed):  # neither again nor over another's
        keystore.put(str(one.pk), b"wrapped", "a key")
    with pytest.raises(evidence.KeyStoreFailed):
        keystore.put(str(two.pk), b"wrapped", "a key")
    assert read(two) == b"placeholder message 4"


def test_no_wrapped_key_stands_in_the_main_database(data: Path) -> None:
    row = keep()
    wrapped = keystore.get(str(row.pk))
    assert wrapped is not None
    tables = connection.introspection.table_names()
    assert not [name for name in tables if "key" in name and name.startswith("evidence")]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert wrapped.wrapped not in connection.connection.serialize()
    assert (data / keystore.FILE).stat().st_mode & 0o777 == 0o600


def test_a_lost_key_store_is_found_and_nothing_is_served(data: Path) -> None:
    row = keep()
    (data / keystore.FILE).unlink()
    with pytest.raises(evidence.Corrupt, match="never destroyed"):
        read(row)
    (data / keystore.FILE).write_bytes(b"this is no database, placeholder" * 200)
    with pytest.raises(evidence.KeyStoreFailed):
        read(row)
    with pytest.raises(evidence.KeyStoreFailed):
        keep()
    assert [path.name for path in (data / "evidence").rglob("*.0000?")] == [f"{row.pk}.00000"]


def test_a_key_that_is_not_stored_is_no_evidence(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_args: object, **_more: object) -> None:
        raise evidence.KeyStoreFailed("test")

    monkeypatch.setattr(keystore, "put", failing)
    with pytest.raises(evidence.KeyStoreFailed):
        keep()
    assert Sealed.objects.count() == 0
    assert not [path for path in (data / "evidence").rglob("*") if path.is_file()]


# --- where the private key is ---


class _Keys(BaseHTTPRequestHandler):
    folder: Path
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        assert self.headers["authorization"] == "Bearer placeholder-token"
        answer = opening.answer(body, self.folder) if self.status == 200 else b"{}"
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_args: object) -> None:
        """Nothing on standard error."""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with the private key that is not the installation's own."""
    place = tmp_path / "another machine"
    place.mkdir()
    evidence.write_pair(place / keys.PRIVATE, tmp_path / "keys" / keys.PUBLIC)
    return place


def test_the_key_may_be_in_another_folder(settings: Any, elsewhere: Path) -> None:
    settings_with(settings, private_key=f"file:{elsewhere}")
    evidence.setup_keys()
    assert read(keep()) == TEXT


def test_the_key_may_be_in_a_variable(settings: Any, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_with(settings, private_key="env:VAULT_KEY")
    row = keep()
    with pytest.raises(evidence.NoPrivateKey, match="VAULT_KEY"):
        read(row)
    monkeypatch.setenv("VAULT_KEY", (elsewhere / keys.PRIVATE).read_text().replace("\n", ""))
    assert read(row) == TEXT
    monkeypatch.setenv("VAULT_KEY", "no key")
    with pytest.raises(evidence.NoPrivateKey, match="cannot be read"):
        read(row)


def test_the_key_may_be_behind_a_program(settings: Any, elsewhere: Path, tmp_path: Path) -> None:
    log = tmp_path / "asked"
    program = tmp_path / "service.py"
    program.write_text(
        "import sys, pathlib\n"
        f"sys.path[:0] = {sys.path!r}\n"
        "from safehold.evidence import opening\n"
        "question = sys.stdin.buffer.read()\n"
        f"pathlib.Path({str(log)!r}).write_bytes(question)\n"
        f"sys.stdout.buffer.write(opening.answer(question, pathlib.Path({str(elsewhere)!r})))\n"
    )
    settings_with(settings, private_key=f"command:{sys.executable} {program}")
    row = keep()
    assert read(row) == TEXT
    asked = json.loads(log.read_text())
    assert (asked["operation"], asked["object"], asked["key"]) == ("unwrap", str(row.pk), keys.current_id())
    assert not (tmp_path / "keys" / keys.PRIVATE).exists()


@pytest.mark.parametrize("command", ["/no/such/program", "false", "echo {}", "echo no", 'echo {"plain":"!"}', ""])
def test_a_program_that_fails_opens_nothing(settings: Any, elsewhere: Path, command: str) -> None:
    settings_with(settings, private_key=f"command:{command}")
    row = keep()
    with pytest.raises(evidence.KeyServiceFailed):
        read(row)
    assert row.looks.count() == 0


def test_a_service_that_gives_a_wrong_key_serves_nothing(settings: Any, elsewhere: Path) -> None:
    settings_with(settings, private_key="""command:echo '{"plain": "AAAA"}'""")
    with pytest.raises(evidence.Corrupt):
        read(keep())


@pytest.mark.network
def test_the_key_may_be_behind_an_address(settings: Any, elsewhere: Path) -> None:
    kind = type("Keys", (_Keys,), {"folder": elsewhere})
    server = HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        settings_with(
            settings, private_key=f"http://127.0.0.1:{server.server_port}/unwrap", key_service_token="placeholder-token"
        )
        row = keep()
        assert read(row) == TEXT
        kind.status = 403
        with pytest.raises(evidence.KeyServiceFailed, match="403"):
            read(row)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    with pytest.raises(evidence.KeyServiceFailed, match="cannot be reached"):
        read(row)


def test_a_service_elsewhere_is_reached_by_https_alone(settings: Any, elsewhere: Path) -> None:
    settings_with(settings, private_key="http://keys.example/unwrap")
    with pytest.raises(evidence.KeyServiceFailed, match="https"):
        read(keep())


def test_a_setting_that_names_nothing_is_refused(settings: Any, elsewhere: Path) -> None:
    settings_with(settings, private_key="drawer:left")
    with pytest.raises(evidence.NoPrivateKey, match="drawer"):
        read(keep())


def test_without_files_here_the_public_key_must_be_given(settings: Any, data: Path) -> None:
    settings_with(settings, private_key="env:VAULT_KEY")
    with pytest.raises(evidence.NoPublicKey, match="new-key"):
        evidence.setup_keys()
    assert not (data / "keys").exists()


# --- rotation ---


def test_rotation_wraps_anew_and_touches_no_body(store: str, data: Path) -> None:
    rows = [keep(b"placeholder message %d" % number) for number in range(5)]
    old = keys.current_id()
    bodies = {path: path.read_bytes() for path in (data / "evidence").rglob("*") if path.is_file()}
    done = rotate()
    assert (done.done, done.total, done.failed) == (5, 5, ())
    assert keys.current_id() != old
    assert [read(row) for row in rows] == [b"placeholder message %d" % number for number in range(5)]
    assert {path: path.read_bytes() for path in (data / "evidence").rglob("*") if path.is_file()} == bodies
    assert {row.under for row in keystore.rows()} == {keys.current_id()}
    assert read(keep()) == TEXT
    assert list(evidence.rewrap_all(actor=ACTOR))[-1].done == 0  # again changes nothing
    assert Entry.objects.filter(act="vault.key_replaced").count() == 1


def test_half_a_rotation_reads_everything_and_goes_on() -> None:
    rows = [keep() for _ in range(6)]
    evidence.begin_rotation(actor=ACTOR)
    steps = evidence.rewrap_all(actor=ACTOR)
    assert [next(steps).done for _ in range(4)] == [0, 1, 2, 3]
    steps.close()
    assert evidence.rewrapping() == 3
    assert [read(row) for row in rows] == [TEXT] * 6
    assert list(evidence.rewrap_all(actor=ACTOR))[-1] == rotation.Progress(3, 3)
    assert evidence.rewrapping() == 0
    assert [read(row) for row in rows] == [TEXT] * 6


def test_an_old_key_goes_only_when_nothing_needs_it(data: Path, settings: Any) -> None:
    keep()
    old = keys.current_id()
    evidence.begin_rotation(actor=ACTOR)
    for now in (False, True):
        with pytest.raises(evidence.StillNeeded):  # an object needs it
            evidence.retire_key(old, actor=ACTOR, now=now)
    list(evidence.rewrap_all(actor=ACTOR))
    with pytest.raises(evidence.StillNeeded, match="Backups"):  # copies of the key store may
        evidence.retire_key(old, actor=ACTOR)
    for key in (keys.current_id(), "no such key"):
        with pytest.raises(evidence.StillNeeded):
            evidence.retire_key(key, actor=ACTOR, now=True)
    assert (data / "keys" / keys.PRIVATE).exists()
    assert evidence.retire_key(old, actor=ACTOR, now=True)
    assert not (data / "keys" / keys.PRIVATE).exists()
    assert read(keep()) == TEXT
    evidence.setup_keys()
    with pytest.raises(evidence.KeyRetired):  # a process that still has the old public key in hand
        keystore.put("00000000-0000-4000-8000-000000000007", b"wrapped", old)
    assert audit.history(f"vaultkey:{old}").get().act == "vault.key_retired"


def test_a_key_is_retired_after_the_last_copy_that_needs_it(settings: Any) -> None:
    keep()
    old = keys.current_id()
    rotate()
    until = evidence.needed_until(old)
    assert until is not None
    assert timedelta(days=6) < until - timezone.now() < timedelta(days=8)
    settings_with(settings, key_backup_days=-1)
    assert evidence.retire_key(old, actor=ACTOR)


def test_what_cannot_be_opened_is_named_and_keeps_the_old_key() -> None:
    good, bad = keep(), keep()
    row = keystore.get(str(bad.pk))
    assert row is not None
    keystore.rewrap(row, b"\x00" * 40, row.under)
    old = keys.current_id()
    assert rotate().failed == (str(bad.pk),)
    assert read(good) == TEXT
    with pytest.raises(evidence.StillNeeded):
        evidence.retire_key(old, actor=ACTOR, now=True)


def test_the_command_rotates_goes_on_and_retires(capsys: pytest.CaptureFixture[str]) -> None:
    keep(), keep()
    old = keys.current_id()
    evidence.begin_rotation(actor=ACTOR)
    assert main(["evidence", "rotate"]) == 2
    assert "--resume" in capsys.readouterr().err
    assert main(["evidence", "rotate", "--resume"]) == 0
    assert "2 of 2 keys" in capsys.readouterr().out
    assert main(["evidence", "retire", old]) == 2
    assert main(["evidence", "retire", old, "--now"]) == 0
    assert main(["evidence", "keys", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {row["id"]: row["objects"] for row in rows} == {old: 0, keys.current_id(): 2}
    assert main(["evidence", "verify"]) == 0


KILLED = """
import os, signal, sys
import django
django.setup()
from safehold.evidence import service as evidence
for step in evidence.rewrap_all(actor="operator:command-line"):
    print(step.done, flush=True)
    if step.done == 3:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_rotation_that_is_killed_goes_on(data: Path) -> None:
    """The key store alone is shared with the child; nothing of its work needs the main database before the end."""
    rows = [keep() for _ in range(6)]
    evidence.begin_rotation(actor=ACTOR)
    env = {**os.environ, "SAFEHOLD_DATA": str(data), "SAFEHOLD_DATABASE_URL": f"sqlite:///{data}/unused.sqlite3"}
    done = subprocess.run([sys.executable, "-c", KILLED], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert evidence.rewrapping() == 3
    assert [read(row) for row in rows] == [TEXT] * 6
    assert list(evidence.rewrap_all(actor=ACTOR))[-1].done == 3
    assert [read(row) for row in rows] == [TEXT] * 6


# --- copies ---


def test_a_lost_key_store_comes_back_from_its_copy(store: str, data: Path) -> None:
    rows = [keep() for _ in range(3)]
    copy = evidence.backup_keys(actor=ACTOR)
    assert copy.stat().st_mode & 0o777 == 0o600
    for row in keystore.rows():
        with keystore.connected() as raw:
            raw.run("DELETE FROM key_row WHERE object_id = ?", row.object_id)
    with pytest.raises(evidence.Corrupt):
        read(rows[0])
    assert evidence.restore_keys(copy, actor=ACTOR).put == 3
    assert [read(row) for row in rows] == [TEXT] * 3
    assert evidence.restore_keys(copy, actor=ACTOR).known == 3


def test_a_copy_brings_no_destroyed_key_back(data: Path, django_capture_on_commit_callbacks: Any) -> None:
    kept, gone, on_record = keep(), keep(), keep()
    copy = evidence.backup_keys(actor=ACTOR)
    with django_capture_on_commit_callbacks(execute=True):
        evidence.destroy(gone.pk, actor="system:worker", because="cleared case:1")
        evidence.destroy(on_record.pk, actor="system:worker", because="cleared case:1")
    (data / keystore.FILE).unlink()  # the store that remembers is lost too: the record still knows
    done = evidence.restore_keys(copy, actor=ACTOR)
    assert (done.put, done.destroyed) == (1, 2)
    assert [row.object_id for row in keystore.rows()] == [str(kept.pk)]


def test_no_copy_grows_older_than_the_setting(data: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keep()
    first = evidence.backup_keys(actor=ACTOR)
    now = timezone.now()
    monkeypatch.setattr(keybackup.timezone, "now", lambda: now + timedelta(days=6))
    second = evidence.backup_keys(actor=ACTOR)
    assert first.exists()
    monkeypatch.setattr(keybackup.timezone, "now", lambda: now + timedelta(days=8))
    third = evidence.backup_keys(actor=ACTOR)
    assert [path for _made, path in keybackup.copies()] == [second, third]
    assert not first.exists()


def test_the_certificate_names_when_the_last_copy_is_gone(
    settings: Any, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_with(settings, key_backup_days=3)
    row = keep()
    copy = evidence.backup_keys(actor=ACTOR)
    with django_capture_on_commit_callbacks(execute=True):
        paper = evidence.destroy(row.pk, actor="system:worker", because="cleared case:1")
    paper.refresh_from_db()
    assert paper.last_copy_until is not None
    assert paper.key_gone_at is not None
    assert paper.last_copy_until - paper.key_gone_at == timedelta(days=3)
    assert copy.exists()
    keybackup.prune(paper.last_copy_until)
    assert not copy.exists()  # what the certificate says is what happens


def test_a_damaged_copy_puts_nothing(tmp_path: Path, data: Path) -> None:
    keep()
    copy = evidence.backup_keys(actor=ACTOR)
    copy.write_bytes(copy.read_bytes()[:1000])
    (data / keystore.FILE).unlink()
    for path in (copy, tmp_path / "not there"):
        with pytest.raises(evidence.KeyStoreFailed):
            evidence.restore_keys(path, actor=ACTOR)
    assert keystore.count() == 0


def test_a_copy_of_a_full_disk_is_no_copy(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep()

    def full(_path: Path) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keybackup, "_copy", full)
    with pytest.raises(OSError, match="No space"):
        evidence.backup_keys(actor=ACTOR)
    assert list((data / "key-backups").iterdir()) == []


# --- the commands ---


def test_the_commands_copy_and_put_back(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = keep()
    assert main(["evidence", "keys-backup"]) == 0
    copy = capsys.readouterr().out.strip()
    (data / keystore.FILE).unlink()
    assert main(["evidence", "verify", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["objects"], found["problems"][0]["object"]) == (False, 1, str(row.pk))
    assert main(["evidence", "keys-restore", copy]) == 0
    assert "1 keys put back" in capsys.readouterr().out
    assert main(["evidence", "keys-restore", str(data / "not there")]) == 2
    assert main(["evidence", "verify"]) == 0


def test_the_command_makes_a_pair_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = ["--private", str(tmp_path / "a.json"), "--public", str(tmp_path / "b.json")]
    assert main(["evidence", "new-key", *pair]) == 0
    assert keys.id_of_public((tmp_path / "b.json").read_text()) in capsys.readouterr().out
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o600
    assert main(["evidence", "new-key", *pair]) == 2
    assert "nothing is written over it" in capsys.readouterr().err


def test_the_command_answers_as_a_key_service(settings: Any, elsewhere: Path) -> None:
    """The documented way: the same program, on the other side of `ssh`."""
    safehold = "from safehold.app.cli import main; import sys; sys.exit(main())"
    command = f"{sys.executable} -c '{safehold}' evidence unwrap --keys '{elsewhere}'"
    settings_with(settings, private_key=f"command:{command}")
    assert read(keep()) == TEXT


# --- the move out of the main database ---

MOVE = """
import sys, uuid
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
call_command("migrate", "evidence", "0001", verbosity=0)
from safehold.evidence import keys, keystore, service
from safehold.evidence.models import Sealed
service.setup_keys()
old = MigrationExecutor(connection).loader.project_state([("evidence", "0001_initial")]).apps
sealed, rows = old.get_model("evidence", "Sealed"), old.get_model("evidence", "KeyRow")
from django.utils import timezone
ids = [str(uuid.UUID(int=n)) for n in range(1, 4)]
wrapped = {}
for one in ids:
    row = sealed.objects.create(id=one, size=1, parts=1, media_type="a/b", about="item:1", made_at=timezone.now())
    wrapped[one] = keys.wrap(keys.new_object_key(), one)[0]
    rows.objects.create(sealed=row, wrapped=wrapped[one])
keystore.put(ids[0], wrapped[ids[0]], keys.current_id())  # an earlier run was cut off after the first row
if sys.argv[1:] == ["conflict"]:
    keystore.put(ids[1], b"the key of somebody else", keys.current_id())
    try:
        call_command("migrate", verbosity=0)
    except RuntimeError as error:
        print(error, rows.objects.count())
        sys.exit(0)
call_command("migrate", verbosity=0)
assert {row.object_id: row.wrapped for row in keystore.rows()} == wrapped
assert all(keys.unwrap(row) for row in keystore.rows())
assert "evidence_keyrow" not in connection.introspection.table_names()
print("moved", Sealed.objects.count())
"""


@pytest.mark.databases
@pytest.mark.parametrize("how", ["whole", "conflict"])
def test_key_rows_move_to_the_store_and_none_is_lost(tmp_path: Path, how: str) -> None:
    import contextlib

    from tests.support.parts import no_database, scratch_database

    name = f"safehold_move_{how}_{os.getpid()}"
    place = scratch_database(name) if connection.vendor == "postgresql" else no_database()
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(place)
        env = {**os.environ, "SAFEHOLD_DATA": str(tmp_path / "moving"), "SAFEHOLD_DATABASE_URL": url}
        (tmp_path / "moving").mkdir()
        if not url:
            del env["SAFEHOLD_DATABASE_URL"]
        command = [sys.executable, "-W", "error", "-c", MOVE, *([how] if how == "conflict" else [])]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said = done.stdout.strip()
    assert said == "moved 3" if how == "whole" else said.endswith("Nothing was removed. 3")
