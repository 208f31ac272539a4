"""`safehold policy diff|prompt` as a person at the shell meets them; `replay` is tested in tests/cases."""

import json

import pytest

from safehold import policy
from safehold.app.cli import main

OLD, NEW = (policy.load("child-safety", version) for version in ("2020-10", "2024-05"))


def test_diff_tells_one_class_in_a_language(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "diff", "2020-10", "2024-05", "--class", "altercation", "--language", "zh-hans"]) == 0
    assert capsys.readouterr().out == policy.tell(policy.compare(OLD, NEW, "altercation"), "zh-hans")


def test_diff_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "diff", "2024-05", "2024-05", "--class", "altercation", "--json"]) == 0
    told = policy.difference_json(policy.compare(NEW, NEW, "altercation"))
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(told))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["diff", "2020-10", "2024-50"], "There is no such policy version"),
        (["diff", "2020-10", "2024-05", "--class", "spam"], "Neither version has a class 'spam'; there are cse,"),
        (
            ["diff", "2024-05", "2024-05", "--class", "altercation", "--language", "tlh"],
            "There is no language 'tlh'; there are en, zh-hans.",
        ),
        (["prompt", "cse", "--for", "llama-guard"], "known are: gpt-oss-safeguard."),
        (["prompt", "spam", "--for", "gpt-oss-safeguard"], "has no class 'spam'; it has cse"),
        (["prompt", "altercation", "--for", "gpt-oss-safeguard", "--version", "2020-10"], "has no class 'altercation'"),
        (["prompt", "cse", "--for", "gpt-oss-safeguard", "--version", "1999-01"], "There is no such policy version"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", *arguments]) == 2
    out, problem = capsys.readouterr()
    assert says in problem
    assert problem.startswith("safehold: ")
    assert out == ""


@pytest.mark.parametrize("version", ["2020-10", "2024-05", ""])
def test_prompt_prints_the_instruction_alone(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["--version", version] if version else []
    assert main(["policy", "prompt", "cse", "--for", "gpt-oss-safeguard", *chosen]) == 0
    assert capsys.readouterr().out == policy.prompt(policy.load("child-safety", version or "2024-05"), "cse")
