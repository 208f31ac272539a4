"""What stands around items comes to an installation that has cases already: nothing is asked for afterwards."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone


@pytest.mark.django_db(transaction=True)
def test_what_was_preserved_before_was_never_asked_for() -> None:
    before, after = [("cases", "0002_override")], [("cases", "0003_context")]
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()  # also what rests on these tables
    try:
        old: Any = _migrate(before)
        host = old.get_model("subjects", "Host").objects.create(
            slug="m1", name="M", adapter="x", base_url="https://m.test"
        )
        case = old.get_model("cases", "Case").objects.create(
            number=1, knowledge_at=timezone.now(), knowledge_source="report"
        )
        for name in ("due", "done", "unavailable"):
            item = old.get_model("subjects", "Item").objects.create(host=host, external_id=name, kind="post")
            old.get_model("cases", "CaseItem").objects.create(case=case, item=item, preserve_state=name)
        new: Any = _migrate(after)
        rows = new.get_model("cases", "CaseItem").objects
        assert dict(rows.values_list("preserve_state", "context_state")) == {
            "due": "due", "done": "not_asked", "unavailable": "not_asked",
        }  # fmt: skip
        assert not rows.exclude(context=None).exists()
        for room, model in (("cases", "CaseItem"), ("cases", "Case"), ("subjects", "Item"), ("subjects", "Host")):
            new.get_model(room, model).objects.all().delete()
    finally:
        _migrate(latest)


def _migrate(target: list[tuple[str, str]]) -> Any:
    MigrationExecutor(connection).migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps
