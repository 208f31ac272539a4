"""Actions outside of cases come to an installation that has actions already: those stay as they are."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone


@pytest.mark.django_db(transaction=True)
def test_actions_of_cases_stay_and_others_may_stand_beside_them() -> None:
    before, after = [("enforcement", "0001_initial")], [("enforcement", "0002_outside_cases")]
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()  # also what rests on these tables
    try:
        old: Any = _migrate([*before, ("cases", "0003_context")])
        case_item, subject = _case(old)
        old.get_model("enforcement", "Action").objects.create(kind="hide_item", case_item=case_item, ordered_by="x")
        old.get_model("enforcement", "Action").objects.create(kind="ban_person", subject=subject, ordered_by="x")
        new: Any = _migrate([*after, ("cases", "0003_context")])
        actions = new.get_model("enforcement", "Action").objects
        assert sorted(actions.values_list("kind", "item", "cause")) == [
            ("ban_person", None, ""),
            ("hide_item", None, ""),
        ]
        item = new.get_model("subjects", "Item").objects.get()
        for cause in ("removal:1", "removal:2"):
            actions.create(kind="hide_item", item=item, cause=cause, ordered_by="x")
        for wrong in (
            {"kind": "hide_item", "item": item, "cause": "removal:1"},  # twice for one cause
            {"kind": "hide_item", "item": item, "cause": ""},
            {"kind": "hide_item"},
            {"kind": "ban_person", "item": item, "cause": "removal:3"},
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                actions.create(ordered_by="x", **wrong)
        assert actions.count() == 4
        actions.all().delete()
        for room, model in (("cases", "CaseItem"), ("cases", "CaseSubject"), ("cases", "Case"), ("subjects", "Item"),
                            ("subjects", "Host")):  # fmt: skip
            new.get_model(room, model).objects.all().delete()
    finally:
        _migrate(latest)


def _case(apps: Any) -> tuple[Any, Any]:
    host = apps.get_model("subjects", "Host").objects.create(
        slug="m1", name="M", adapter="x", base_url="https://m.test"
    )
    case = apps.get_model("cases", "Case").objects.create(
        number=1, knowledge_at=timezone.now(), knowledge_source="report"
    )
    item = apps.get_model("subjects", "Item").objects.create(host=host, external_id="p1", kind="post")
    subject = apps.get_model("cases", "CaseSubject").objects.create(case=case, role="uploader")
    return apps.get_model("cases", "CaseItem").objects.create(case=case, item=item), subject


def _migrate(target: list[tuple[str, str]]) -> Any:
    MigrationExecutor(connection).migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps
