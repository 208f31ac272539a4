"""A copy of the pack that a test may break."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from safehold.policy.loader import PACKS

Edit = Callable[..., Path]


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """`edited("cse.yaml", old, new)` copies the pack, replaces one text, and gives the folder."""

    def edit(file: str, old: str, new: str) -> Path:
        folder = tmp_path / "child-safety" / "2024-05"
        if not folder.exists():
            shutil.copytree(PACKS / "child-safety" / "2024-05", folder)
        path = folder / file
        body = path.read_text(encoding="utf-8")
        assert body.count(old) >= 1, f"{file} does not hold {old!r}"
        path.write_text(body.replace(old, new, 1), encoding="utf-8")
        return folder

    return edit
