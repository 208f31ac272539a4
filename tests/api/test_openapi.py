"""The description that hosts build on: valid, complete, and true under generated requests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck
from hypothesis import settings as limits

from safehold.api.routes import api
from safehold.app.wsgi import application
from safehold.hosts import keys
from safehold.hosts.models import Scope
from safehold.intake.models import Report
from safehold.subjects.models import Host

Call = Callable[..., Any]
DOCUMENT = json.loads(json.dumps(api.get_openapi_schema()))
described = schemathesis.openapi.from_dict(DOCUMENT)
described.app = application


@pytest.mark.django_db
def test_it_is_served(call: Call, blog: Host) -> None:
    response = call("GET", "/openapi.json")
    assert response.status_code == 200
    assert response.json()["openapi"].startswith("3.1")
    assert sorted(response.json()["paths"]) == [
        "/api/v1/events", "/api/v1/flags", "/api/v1/me", "/api/v1/reports", "/api/v1/reports/{receipt}",
        "/api/v1/signup-checks",
    ]  # fmt: skip


def test_every_operation_declares_its_refusals_and_takes_json_alone() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            assert "401" in operation["responses"], path
            for status, answer in operation["responses"].items():
                schema = answer["content"]["application/json"]["schema"]
                assert (schema.get("$ref") == "#/components/schemas/Problem") == (int(status) >= 400), (path, status)
            if method == "post":
                assert list(operation["requestBody"]["content"]) == ["application/json"]
                assert {"400", "413", "415", "422"} <= set(operation["responses"])


def test_no_field_could_hold_a_file() -> None:
    assert "binary" not in str(DOCUMENT)
    assert "byte" not in str(DOCUMENT)
    assert "multipart" not in str(DOCUMENT)


@pytest.fixture
def bearers(data: Path) -> dict[str, str]:
    """A key for each path that needs one of its own; "" for the others."""
    host = Host.objects.create(slug="blog", name="Blog", adapter="webhook", base_url="http://127.0.0.1:1")
    return {
        "": keys.issue_key(host, [scope.value for scope in Scope], "staff:1")[1],
        "/api/v1/flags": keys.issue_partner_key("Partner", "flagger", "staff:1")[1],
    }


@pytest.mark.django_db
@described.parametrize()
@limits(
    max_examples=8, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
def test_generated_requests_are_answered_as_described(case: schemathesis.Case, bearers: dict[str, str]) -> None:
    """No request makes a fault of ours, and every answer is one that the document declares.

    Before the API is reached, a multipart body is 415 in plain text (whatever the address), and another
    method than the address has is 405.
    """
    before = Report.objects.count()
    key = bearers.get(case.path, bearers[""])
    response = case.call(headers={"Authorization": f"Bearer {key}", "Host": "127.0.0.1"})
    if response.status_code == 405:
        assert "allow" in response.headers
        return
    if response.status_code == 415 and response.headers["content-type"][0].startswith("text/plain"):
        return
    case.validate_response(
        response,
        checks=[
            schemathesis.checks.not_a_server_error,
            schemathesis.specs.openapi.checks.status_code_conformance,
            schemathesis.specs.openapi.checks.content_type_conformance,
            schemathesis.specs.openapi.checks.response_schema_conformance,
        ],
    )
    if response.status_code >= 400:
        assert Report.objects.count() == before
