"""Decisions made before overrides were known stay as they are, and the new rules hold for them."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.support.parts import no_database, scratch_database

OVERRIDE = """
import django
django.setup()
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
call_command("migrate", "cases", "0001", verbosity=0)
old = MigrationExecutor(connection).loader.project_state([("cases", "0001_initial")]).apps
case = old.get_model("cases", "Case").objects.create(number=1, knowledge_at=timezone.now(), knowledge_source="report")
subject = old.get_model("cases", "CaseSubject").objects.create(case=case)
decisions = old.get_model("cases", "Decision")
for class_id, state, second in (("a", "confirmed", ""), ("b", "held", "lenient_path"), ("c", "withdrawn", "")):
    decisions.objects.create(
        subject=subject, class_id=class_id, policy="p", policy_version="1", answers=[], history={}, outcome={},
        violation=True, state=state, decided_by="staff:first", second_needed=second,
    )
call_command("migrate", verbosity=0)
from safehold.cases.models import Decision, Override
rows = {row.class_id: row for row in Decision.objects.all()}
assert {name: row.state for name, row in rows.items()} == {"a": "confirmed", "b": "held", "c": "withdrawn"}
assert not Override.objects.exists()
try:
    with transaction.atomic():
        Decision.objects.filter(class_id="a").update(cause="override")
except IntegrityError as error:
    assert "override_asks_for_a_second_person" in str(error)
    print("kept", len(rows))
"""


@pytest.mark.databases
def test_old_decisions_stay(tmp_path: Path) -> None:
    name = f"safehold_override_{os.getpid()}"
    place = scratch_database(name) if connection.vendor == "postgresql" else no_database()
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(place)
        env = {**os.environ, "SAFEHOLD_DATA": str(tmp_path), "SAFEHOLD_DATABASE_URL": url}
        if not url:
            del env["SAFEHOLD_DATABASE_URL"]
        command = [sys.executable, "-W", "error", "-c", OVERRIDE]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "kept 3"
