"""Lists in processes of their own: rows from before the migration, and an import killed in the middle."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.support.parts import no_database, scratch_database

FROM_BEFORE = """
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

call_command("migrate", "screening", "0001", verbosity=0)
old = MigrationExecutor(connection).loader.project_state([("screening", "0001_initial")]).apps
now = timezone.now()
List, Entry = old.get_model("screening", "HashList"), old.get_model("screening", "ListEntry")
bank = List.objects.create(slug="bank", source="decision", licence="own", purpose="exact match", made_at=now)
partner = List.objects.create(slug="partner", source="p", licence="l", purpose="research", trusted=True, made_at=now)
digests = [f"{n:064x}" for n in range(1, 4)]
same = {"category": "A1", "first_seen": now, "last_seen": now}
for home in (bank, partner):
    Entry.objects.create(list=home, sha256=digests[0], ref="decision:1", hits=3, **same)
    Entry.objects.create(list=home, sha256=digests[1], **same)
    Entry.objects.create(list=home, sha256=digests[1], retracted_at=now, retracted_because="appeal:1", **same)
    Entry.objects.create(list=home, sha256=digests[2], ref="decision:2", retracted_at=now, **same)

call_command("migrate", verbosity=0)
from safehold.screening import service as screening
from safehold.screening.models import HashList, ListClock, ListEntry
for row in ListEntry.objects.all():
    assert row.identity == row.sha256, row.identity
    assert row.version == 1
    assert (row.sha1, row.md5, row.pdq, row.frames, row.held_back_at) == ("", "", "", None, None)
assert ListEntry.objects.count() == 8
assert ListEntry.objects.filter(retracted_at=None).count() == 4
assert ListEntry.objects.filter(hits=3).count() == 2
assert ListEntry.objects.filter(retracted_because="appeal:1").count() == 2
lists = {row.pk: row for row in HashList.objects.all()}
assert lists["bank"].purpose == "prevent-exploitation"
assert lists["partner"].purpose == "research", "what another list may be used for is not for us to change"
assert lists["partner"].trusted and lists["partner"].exact_also == [] and lists["partner"].kind == "files"
assert ListClock.objects.get().version == 1
terms = dict(source="decision", purpose="prevent-exploitation", licence="own", category="A1", actor="system:test")
known = screening.add_entry("bank", digests[0], ref="decision:1", **terms)
assert ListEntry.objects.count() == 8, "known again by its identity"
assert known.version == 1
assert screening.add_entry("bank", digests[2], ref="decision:2", **terms).version == 2
print("well")
"""

IMPORT = """
import os, signal, sys
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from safehold.screening import importing, taking
from safehold.screening.models import ListClock, ListEntry
importing.BATCH = 50
path, kill_at = sys.argv[1], int(sys.argv[2])
calls = 0
record = taking.record
def killed(*given, **more):
    global calls
    calls += 1
    if calls == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)  # its rows are written, and not committed
    record(*given, **more)
taking.record = killed
report = importing.import_list(path, "partner", source="p", licence="l", purpose="prevent-exploitation", category="",
                               actor="system:test")
live = ListEntry.objects.filter(retracted_at=None)
print(report.added, report.changed, report.duplicates, live.count(), live.values("identity").distinct().count(),
      ListClock.objects.get().version)
"""


@pytest.fixture
def run(tmp_path: Path, db: None) -> Iterator["Run"]:
    """Run a program on an empty database of the run's kind."""
    place = no_database()
    if connection.vendor == "postgresql":
        place = scratch_database(f"safehold_lists_{os.getpid()}")
    with contextlib.ExitStack() as stack:
        yield Run(tmp_path, stack.enter_context(place))


class Run:
    """One database and data folder for several programs."""

    def __init__(self, folder: Path, url: str) -> None:
        self.env = {**os.environ, "SAFEHOLD_DATA": str(folder / "data"), "SAFEHOLD_DATABASE_URL": url}
        if not url:
            del self.env["SAFEHOLD_DATABASE_URL"]
        (folder / "data").mkdir()

    def __call__(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-c", program, *words]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=120)


def test_entries_from_before_are_known_again_and_followed(run: Run) -> None:
    done = run(FROM_BEFORE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["well"]


@pytest.mark.slow
def test_an_import_killed_between_writing_and_committing_is_finished_by_another(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    digests = [hashlib.sha256(f"gradient {n}".encode()).hexdigest() for n in range(230)]
    path.write_text("\n".join(["sha256", *digests]))
    assert run(IMPORT, str(path), "3").returncode == -signal.SIGKILL
    done = run(IMPORT, str(path), "0")
    assert done.returncode == 0, done.stderr
    added, changed, duplicates, live, distinct, version = map(int, done.stdout.split())
    assert (added, changed, duplicates) == (130, 0, 100)
    assert (live, distinct) == (230, 230)
    assert version == 1 + 5, "one number for each batch that was committed, none for the one that was not"
