"""The record under attack: verification of a copy passes, then names the place of each change.

The copies are made and thrown away; the demo's own record is never touched.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from safehold.app.demo.steps import Steps, ensure


def walk(steps: Steps, data: Path) -> None:
    """Verify the whole walk, then a changed byte, missing last rows, a rewritten chain."""
    with steps.step("safehold audit verify passes over the whole walk"):
        ok, said = _verify(data)
        ensure(ok, said)
    for what, attack in (
        ("one byte changed with the sqlite3 shell: found and named", _one_byte),
        ("the last ten rows deleted: found and named", _last_ten),
        ("the chain rewritten from the start: found and named", _rewritten),
    ):
        with steps.step(what), tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "data"
            _copy(data, copy)
            place = attack(copy / "safehold.sqlite3")
            ok, said = _verify(copy)
            ensure(not ok, "verify does not pass")
            ensure(place in said, f"it names {place!r}; it said: {said[:400]}")


def _verify(data: Path) -> tuple[bool, str]:
    database = data / "safehold.sqlite3"
    env = {**os.environ, "SAFEHOLD_DATA": str(data), "SAFEHOLD_DATABASE_URL": f"sqlite:///{database}"}
    done = subprocess.run(
        [sys.executable, "-m", "safehold.app.cli", "audit", "verify"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout + done.stderr


def _copy(data: Path, copy: Path) -> None:
    """The database through SQLite's own backup, and what lies outside it as files."""
    copy.mkdir()
    for name in ("keys", "audit"):
        shutil.copytree(data / name, copy / name)
    source, target = sqlite3.connect(data / "safehold.sqlite3"), sqlite3.connect(copy / "safehold.sqlite3")
    with target:
        source.backup(target)
    source.close()
    target.close()


def _shell(database: Path, statement: str) -> None:
    """The sqlite3 shell where it is installed, the same library otherwise."""
    shell = shutil.which("sqlite3")
    if shell:
        subprocess.run([shell, str(database), statement], check=True, capture_output=True)
        return
    with sqlite3.connect(database) as line:
        line.executescript(statement)


def _one_byte(database: Path) -> str:
    _shell(database, "UPDATE audit_entry SET act = 'X' || substr(act, 2) WHERE id = 7;")
    with sqlite3.connect(database) as line:
        position = line.execute("SELECT position FROM audit_seal WHERE entry_id = 7").fetchone()[0]
    return f"position {position}"


def _last_ten(database: Path) -> str:
    with sqlite3.connect(database) as line:
        last = line.execute("SELECT max(position) FROM audit_seal").fetchone()[0]
    gone = f"FROM audit_seal WHERE position > {int(last) - 10}"
    _shell(
        database,
        f"CREATE TEMP TABLE gone AS SELECT entry_id {gone}; DELETE {gone};"  # noqa: S608 - a number alone is put in
        "DELETE FROM audit_detail WHERE entry_id IN gone; DELETE FROM audit_entry WHERE id IN gone;",
    )
    return f"{last - 9} to {last}"


def _rewritten(database: Path) -> str:
    """Change the first entry and compute every hash anew, as somebody who knows the code would."""
    import django

    django.setup()
    from safehold.audit.checkpoints import NO_HASH
    from safehold.audit.verifying import link

    with sqlite3.connect(database) as line:
        line.execute("UPDATE audit_entry SET actor = 'nobody' WHERE id = (SELECT min(id) FROM audit_entry)")
        previous = NO_HASH
        rows = line.execute(
            "SELECT s.position, e.id, e.at, e.act, e.actor, e.about, e.digest FROM audit_seal s "
            "JOIN audit_entry e ON e.id = s.entry_id ORDER BY s.position"
        ).fetchall()
        for position, entry_id, at, act, actor, about, digest in rows:
            moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
            previous = link(previous, position, entry_id, moment, act, actor, about, digest)
            line.execute("UPDATE audit_seal SET hash = ? WHERE position = ?", (previous, position))
    return f"position {rows[-1][0]}"  # the first signed head that no longer fits is at the latest the last one
