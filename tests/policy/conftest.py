"""A copy of the pack that a test may break."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from safehold.policy import loader
from safehold.policy.loader import PACKS

Edit = Callable[..., Path]
Write = Callable[..., Path]
# The head of an operator's version on top of a shipped one.
HEAD = "policy: child-safety\nversion: 2024-05-strict\neffective: 2025-01-01\nextends: 2024-05\n"


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


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Write]:
    """`own(changes)` writes the operator's version of child-safety with these changes, and gives its folder."""

    def write(
        changes: str, *, head: str = HEAD, more: dict[str, str] | None = None, version: str = "2024-05-strict"
    ) -> Path:
        folder = tmp_path / "child-safety" / version
        folder.mkdir(parents=True)
        indented = "".join(f"  {line}\n" for line in changes.strip("\n").splitlines())
        (folder / "pack.yaml").write_text(head + (f"changes:\n{indented}" if changes else ""), encoding="utf-8")
        for name, text in (more or {}).items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    before = list(loader._folders)
    yield write
    if loader._folders != before:
        loader._folders[:] = before
        loader.load.cache_clear()
