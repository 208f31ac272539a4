"""The table of schemas comes to an installation that has filings already, and loses none of them."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone


@pytest.mark.django_db(transaction=True)
def test_the_schemas_table_is_added_beside_the_filings() -> None:
    before, after = [("cybertip", "0001_initial")], [("cybertip", "0002_service_schema")]
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes("cybertip")
    try:
        old: Any = _migrate(before)
        kept = old.get_model("cybertip", "Filing").objects.create(
            ref="subject:m1", environment="practice", record=b"{}", document=b"<report/>", document_sha256="0" * 64
        )
        new: Any = _migrate(after)
        assert bytes(new.get_model("cybertip", "Filing").objects.get(pk=kept.pk).document) == b"<report/>"
        now = timezone.now()
        new.get_model("cybertip", "ServiceSchema").objects.create(
            environment="practice", sha256="0" * 64, body=b"<x/>", first_seen=now, last_seen=now
        )
        new.get_model("cybertip", "Filing").objects.all().delete()
    finally:
        _migrate(latest)


def _migrate(target: list[tuple[str, str]]) -> Any:
    MigrationExecutor(connection).migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps


@pytest.mark.django_db(transaction=True)
def test_filings_of_before_are_in_nobodys_hands() -> None:
    before, after = [("cybertip", "0002_service_schema")], [("cybertip", "0003_in_hand")]
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes("cybertip")
    try:
        old: Any = _migrate(before)
        kept = old.get_model("cybertip", "Filing").objects.create(
            ref="subject:m2", environment="practice", record=b"{}", document=b"<report/>", document_sha256="0" * 64,
            state="by_hand", report_id=7,
        )  # fmt: skip
        new: Any = _migrate(after)
        row = new.get_model("cybertip", "Filing").objects.get(pk=kept.pk)
        assert (row.state, row.report_id, row.in_hand_by, row.in_hand_at) == ("by_hand", 7, "", None)
        new.get_model("cybertip", "Filing").objects.all().delete()
    finally:
        _migrate(latest)
