"""A restore on another machine, whole: database, key store, bodies and keys come from their backups; then verify,
pause, reconcile, go on. Each machine is a process of its own with its own data folder, on SQLite as embedded.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

FRAME = """
import json, sys
import django
django.setup()
from django.db import transaction
from safehold.app.setup import setup
from safehold.audit import chain
from safehold.evidence import service as evidence
from safehold.evidence.models import Sealed

def keep(text):
    return str(evidence.preserve([text], media_type="text/plain", file_name="", about="item:1", actor="system:w").pk)

def read(one):
    return b"".join(evidence.open_sealed(one, actor="staff:user-17", purpose="review", about="case:1")).decode()
"""
BEFORE = """
setup()
kept, goes = keep(b"placeholder message 1"), keep(b"placeholder message 2")
chain.checkpoint()
copy = evidence.backup_keys(actor="system:w")
chain.checkpoint()
print(json.dumps({"kept": kept, "goes": goes, "copy": str(copy)}))
"""
AFTER = """
ids = json.loads(sys.argv[1])
evidence.destroy(ids["goes"], actor="system:w", because="cleared case:1")
late = keep(b"placeholder message 3")
chain.checkpoint()
print(json.dumps({"late": late}))
"""
RESTORED = """
from pathlib import Path
from safehold.path import restore
from safehold.work import engine
from safehold.work import service as work
from safehold.work.models import Job
ids = json.loads(sys.argv[1])
setup()
found = {}
if sys.argv[2] == "lost":
    done = evidence.restore_keys(Path(ids["copy"]), actor="operator:test")
    found["put"] = done.put
found["paused"] = restore.notice() is not None
with transaction.atomic():
    work.enqueue("house.daily", key="only")
found["relayed"] = engine.relay()
found["lines"] = restore.to_reconcile()
found["read"], problems = evidence.verify_all(actor="operator:test")
found["problems"] = [one["object"] for one in problems]
found["kept"] = read(ids["kept"])
restore.resume(because="compared", actor="operator:test")
found["still_paused"] = restore.paused() is not None
found["sealed"] = Sealed.objects.count()
found["new"] = read(keep(b"placeholder message 4"))
print(json.dumps(found))
"""


def run(data: Path, program: str, *arguments: str) -> Any:
    """One process of the machine whose data folder that is."""
    env = {name: value for name, value in os.environ.items() if name != "SAFEHOLD_DATABASE_URL"}
    env["SAFEHOLD_DATA"] = str(data)
    command = [sys.executable, "-c", FRAME + program, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def moved(old: Path, new: Path, ids: dict[str, str], key_store: str) -> None:
    """What docs/operations.md says to put back: the backup of the day, the newest checkpoints."""
    new.mkdir()
    shutil.copy(old / "backup.sqlite3", new / "safehold.sqlite3")
    for folder in ("evidence", "keys", "audit", "key-backups"):
        shutil.copytree(old / folder, new / folder)
    if key_store == "kept":
        shutil.copy(old / "keystore.sqlite3", new / "keystore.sqlite3")
    ids["copy"] = str(new / "key-backups" / Path(ids["copy"]).name)


def restored(tmp_path: Path, key_store: str) -> tuple[dict[str, str], Any]:
    old, new = tmp_path / "old machine", tmp_path / "new machine"
    old.mkdir()
    ids = run(old, BEFORE)
    with sqlite3.connect(old / "safehold.sqlite3") as source, sqlite3.connect(old / "backup.sqlite3") as copy:
        source.backup(copy)
    source.close()
    copy.close()
    ids |= run(old, AFTER, json.dumps(ids))
    moved(old, new, ids, key_store)
    return ids, run(new, RESTORED, json.dumps(ids), key_store)


def test_the_key_store_is_still_there(tmp_path: Path) -> None:
    """It is newer than the database: what was destroyed stays so, what came later is told."""
    ids, found = restored(tmp_path, "kept")
    assert (found["paused"], found["relayed"], found["still_paused"]) == (True, 0, False)
    assert found["kept"] == "placeholder message 1"
    assert found["problems"] == [ids["goes"]], "destroyed after the backup, and no key brings it back"
    assert any("1 objects in the vault have a key and no record" in line for line in found["lines"])
    assert any(f"sealed:{ids['goes']}" in line for line in found["lines"])
    assert found["new"] == "placeholder message 4"


def test_the_key_store_is_lost_too(tmp_path: Path) -> None:
    """Its copy is from before the destruction: the key comes back, and the body, which was removed, does not."""
    ids, found = restored(tmp_path, "lost")
    assert found["put"] == 2
    assert (found["paused"], found["read"], found["sealed"]) == (True, 2, 2)
    assert found["kept"] == "placeholder message 1"
    assert found["problems"] == [ids["goes"]]
    assert found["new"] == "placeholder message 4"
