"""The page of a list of terms tells with which lists its words count."""

from typing import Any

import pytest
from django.db import transaction

from safehold.screening import service as screening
from tests.console.conftest import SignIn

pytestmark = pytest.mark.django_db
TERMS: dict[str, Any] = {"source": "s", "category": "W", "purpose": "prevent-exploitation", "licence": "l"}


def test_the_rules_of_company_stand_on_the_page_of_each_list_they_name(sign_in: SignIn) -> None:
    owner = sign_in("policy_owner")
    actor = owner.member.actor
    with transaction.atomic():
        for name in "abc":
            screening.add_term(f"words-{name}", term=f"florbik{name}", actor=actor, **TERMS)
    screening.set_together(
        "pair", ["words-a", "words-b"], within=20, alone=["words-b"], because="placeholder reason 1", actor=actor
    )

    def page(name: str) -> str:
        answer = owner.get(f"/console/lists/of/words-{name}/")
        assert answer.status_code == 200
        return str(answer.content.decode())

    for name, alone in (("a", False), ("b", True)):
        assert "within 20 words" in page(name)
        assert "placeholder reason 1" in page(name)
        assert ("this list counts alone as well" in page(name)) == alone
        assert "florbik" not in page(name)
    assert "No rule: each of its words counts by itself." in page("c")
    screening.end_together("pair", because="placeholder reason 2", actor=actor)
    assert "within 20 words" not in page("a")
