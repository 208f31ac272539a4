"""The two upload endpoints of the examples: nothing becomes visible before it is clear."""

import io
from collections.abc import Callable
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory

from safehold.client import AsyncSafehold, Safehold

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "uploads"
PICTURE = b"gradient 1, as bytes"
HIT = {"list": "test-list", "source": "tests", "category": "A1", "exact": True}
ANSWERS: list[tuple[int, dict[str, Any], int]] = [
    (200, {"items": [{"do": "allow"}]}, 200),
    (200, {"items": [{"do": "hide", "hits": [HIT]}]}, 422),
    (200, {"items": [{"do": "review", "hits": [HIT]}]}, 422),
    (200, {"items": [{"do": "not_screened", "not_screened": {"reason": "damaged", "why": ""}}]}, 422),
    (200, {"items": [{"do": "allow", "not_screened": {"reason": "damaged", "why": ""}}]}, 422),
    (503, {"error": "screening_stale", "message": "", "field": ""}, 503),
]


def loaded(name: str) -> ModuleType:
    spec = util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answering(
    status: int, body: dict[str, Any], seen: list[httpx2.Request]
) -> Callable[[httpx2.Request], httpx2.Response]:
    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(status, json=body)

    return handler


def files(folder: Path) -> dict[str, list[bytes]]:
    return {kind: [path.read_bytes() for path in (folder / kind).glob("*")] for kind in ("hidden", "public")}


def expected(status: int) -> dict[str, list[bytes]]:
    return {"hidden": [] if status == 503 else [PICTURE], "public": [PICTURE] if status == 200 else []}


@pytest.mark.parametrize(("status", "body", "told"), ANSWERS)
def test_django(status: int, body: dict[str, Any], told: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, seen = loaded("django_upload"), []
    transport = httpx2.MockTransport(answering(status, body, seen))
    monkeypatch.setattr(module, "safehold", Safehold("https://safety.test", "shk_1", attempts=1, transport=transport))
    monkeypatch.setattr(module, "default_storage", FileSystemStorage(tmp_path))
    request = RequestFactory().post("/upload", {"file": SimpleUploadedFile("gradient-1.png", PICTURE)})
    request.user = AnonymousUser()
    answer = module.upload(request)
    assert answer.status_code == told
    assert files(tmp_path) == expected(told)
    assert seen[0].read() == PICTURE
    assert seen[0].url.params["record"] == "1"


@pytest.mark.network
@pytest.mark.parametrize(("status", "body", "told"), ANSWERS)
def test_fastapi(status: int, body: dict[str, Any], told: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    module, seen = loaded("fastapi_upload"), []
    transport = httpx2.MockTransport(answering(status, body, seen))
    monkeypatch.setattr(
        module, "safehold", AsyncSafehold("https://safety.test", "shk_1", attempts=1, transport=transport)
    )
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    for kind in ("hidden", "public"):
        (tmp_path / kind).mkdir()

    async def post() -> httpx2.Response:
        inside = httpx2.ASGITransport(app=module.app)
        async with httpx2.AsyncClient(transport=inside, base_url="https://host.test") as client:
            given = {"file": ("gradient-1.png", io.BytesIO(PICTURE))}
            return await client.post("/upload", params={"member": "user-17"}, files=given)

    answer = asyncio.run(post())
    assert answer.status_code == told
    assert files(tmp_path) == expected(told)
    assert seen[0].url.params["account_id"] == "user-17"
