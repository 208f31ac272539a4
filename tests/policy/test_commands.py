"""`safehold policy check|show|decide` as a person at the shell meets them: what they print, and how they end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safehold import policy
from safehold.app import setup
from safehold.app.cli import main
from safehold.app.config import ConfigError
from safehold.policy import loader
from safehold.policy.trace import stale
from safehold.policy.versions import FIRST, versions

Edit = Callable[..., Path]
ROOT = Path(__file__).parents[2]
GLITTER = Path(__file__).parent / "packs" / "glitter" / "2026-01"  # a small policy that takes no time to check


def test_check_counts_what_it_proves(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["policy", "check", "--policy", "child-safety"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "child-safety 2020-10: sound. For each of these answer sets exactly one outcome follows:"
    counted = {line.split()[0]: int(line.split()[1].replace(",", "")) for line in told if line.startswith("  ")}
    for class_id, counts in policy.totals(policy.load(FIRST, "2024-05")).items():
        assert counted[class_id] == sum(counts.values())
    assert counted["altercation"] < counted["physical-abuse"] < counted["cse"]


def test_check_of_a_folder_names_the_place_and_ends_with_1(edited: Edit, capsys: pytest.CaptureFixture[str]) -> None:
    folder = edited("cse.yaml", "    when: {toward_child: bounty}\n", "    when: {toward_child: bounty, form: none}\n")
    assert main(["policy", "check", "--folder", str(folder)]) == 1
    told = capsys.readouterr().out
    assert "child-safety/2024-05/cse.yaml:" in told
    assert "cse: CSE-17: The clause is unreachable" in told
    assert "hint: " in told
    assert main(["policy", "check", "--folder", str(edited("cse.yaml", "class: cse", "class: sce"))]) == 1
    assert "This file is cse.yaml, but says 'sce'." in capsys.readouterr().out


def test_check_of_a_version_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", "--version", "1999-01"]) == 2
    assert "there is no such policy version" in capsys.readouterr().err


def test_the_trace_is_current_and_an_old_one_is_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    packs = [policy.load(FIRST, version) for version in versions(FIRST)]
    written, page = ROOT / "docs" / "policy-trace.md", ROOT / "docs" / "requirements.md"
    assert not stale(written, page, packs), "run: safehold policy check --trace docs/policy-trace.md"
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "requirements.md").write_text(page.read_text())
    monkeypatch.chdir(tmp_path)
    assert main(["policy", "check", "--folder", str(GLITTER)]) == 1
    assert "docs/policy-trace.md is out of date" in capsys.readouterr().out
    assert main(["policy", "check", "--folder", str(GLITTER), "--trace", "docs/policy-trace.md"]) == 0
    assert (tmp_path / "docs" / "policy-trace.md").read_text() == written.read_text()


def test_every_row_that_a_version_has_to_serve_is_in_the_trace() -> None:
    """Between them the versions serve every line of the policy that is the policy's own."""
    own = {f"S{n}" for n in (1, 2, 3, *range(5, 48), 60, *range(66, 79))} | {f"L{n}" for n in range(1, 24)}
    assert own == {row for version in versions(FIRST) for row in policy.load(FIRST, version).rows}


def test_a_row_that_nothing_serves_is_a_fault(edited: Edit) -> None:
    pack = policy.load_folder(edited("cse.yaml", "serves: [S29, L6, A15]", "serves: [A15]"))
    pack = msgspec.structs.replace(pack, rows=("S29", "L6", "S85"))
    told = [str(problem) for problem in policy.check(pack) if problem.part == "rows"]
    assert [line.split("\n")[0] for line in told] == ["2024-05: rows: No part of the pack serves row S85."]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("version", ["2020-10", "2024-05"])
def test_show(version: str, language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "show", "--version", version, "--language", language]) == 0
    text = capsys.readouterr().out
    pack = policy.load(FIRST, version)
    assert text.startswith(f"# {pack.text(language, 'title')}")
    for term in pack.glossary.terms(language):
        assert term.text in text
    for document in pack.documents:
        assert pack.text(language, document.text_id, "text") in text


def test_show_takes_the_version_in_force_and_says_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == "2024-05"
    assert main(["policy", "show", "--language", "xx"]) == 2
    assert "has no language 'xx'; it has en, zh-hans." in capsys.readouterr().err
    assert main(["policy", "show", "--version", "2024-5"]) == 2
    assert "hint: Did you mean 'child-safety 2024-05'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file or directory"),
        ("{", "Expecting property name"),
        ('{"policy": "child-safety", "version": "2024-05", "class": "cse", "answers": {}}', "unanswered is role"),
        (
            '{"policy": "child-safety", "version": "1", "class": "cse", "answers": {}}',
            "There is no such policy version",
        ),
        ('{"policy": "child-safety", "version": "2020-10", "class": "altercation", "answers": {}}', "has no class"),
    ],
)
def test_decide_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, message: str
) -> None:
    file = tmp_path / "answers.json"
    if text is not None:
        file.write_text(text)
    assert main(["policy", "decide", str(file), "--json"]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.out == ""


def test_an_unsound_policy_of_ones_own_keeps_safehold_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any, edited: Edit
) -> None:
    folder = edited("cse.yaml", "class: cse", "class: sce")
    (folder / "pack.yaml").write_text((folder / "pack.yaml").read_text().replace("2024-05\n", "2024-06\n", 1))
    folder.rename(folder.parent / "2024-06")
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, policy_folder=tmp_path)
    monkeypatch.setattr(loader, "_folders", [])
    policy.use_folder(tmp_path)
    with pytest.raises(ConfigError, match=r"child-safety/2024-06/cse.yaml:1: This file is cse.yaml, but says 'sce'"):
        setup.check_policies()
    monkeypatch.undo()
    loader.load.cache_clear()


def test_without_policies_of_ones_own_nothing_is_checked_at_the_start(settings: Any) -> None:
    assert settings.SAFEHOLD.policy_folder is None
    setup.check_policies()
