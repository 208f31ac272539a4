"""`safehold lists`: what people type, what programs read, and what there is no command for."""

import argparse
import hashlib
import json
import re
from pathlib import Path

import pytest

from safehold.app import cli
from safehold.app.commands import lists as command
from safehold.screening import service as screening
from safehold.screening.models import HashList, ListEntry
from safehold.staff.models import Member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]


def sha(word: object) -> str:
    return hashlib.sha256(f"gradient {word}".encode()).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text("Case,FileHash\n" + "".join(f"r{n},{sha(n)}\n" for n in range(10)))
    return path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = cli.main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


def load(capsys: pytest.CaptureFixture[str], path: Path, *more: object) -> tuple[int, str, str]:
    words = ["lists", "import", path, "--list", "partner", "--source", "Partner A", "--licence", "contract 17"]
    return run(capsys, *words, *more)


def test_an_import_with_a_mapping(capsys: pytest.CaptureFixture[str], path: Path, tmp_path: Path) -> None:
    mapped = ["--map", "sha256=FileHash", "--map", "ref=Case"]
    code, out, err = load(capsys, path, *mapped)
    assert (code, err) == (0, ""), "no bar where nobody looks"
    assert out.startswith("10 lines: 10 added, 0 changed, 0 known already, 0 degenerate, 0 malformed.")
    (tmp_path / "columns.yaml").write_text("sha256: Nothing\nref: Case\n")
    assert load(capsys, path, "--map-file", tmp_path / "columns.yaml")[0] == 2
    code, out, _err = load(capsys, path, "--map-file", tmp_path / "columns.yaml", "--map", "sha256=FileHash", "--json")
    assert code == 0
    assert json.loads(out)["duplicates"] == 10
    assert set(ListEntry.objects.values_list("ref", flat=True)) == {f"r{n}" for n in range(10)}


def test_lines_that_are_not_taken_end_with_1_and_name_the_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"{sha(1)}\nnothing\n{hashlib.sha256(b'').hexdigest()}\n")
    code, out, _err = load(capsys, path, "--kind", "sha256")
    assert code == 1
    assert "1 added" in out
    assert "1 degenerate, 1 malformed" in out
    assert Path(re.findall(r"is in (\S+)", out)[0]).exists()


@pytest.mark.parametrize(
    "more",
    [
        [], ["--map", "FileHash"], ["--map", "sha512=FileHash"], ["--map", "sha256=Other"], ["--map-file", "nothing"],
        ["--map", "sha256=FileHash", "--purpose", "research"], ["--kind", "everything"],
    ],
)  # fmt: skip
def test_a_wrong_call_ends_with_2_and_changes_nothing(
    capsys: pytest.CaptureFixture[str], path: Path, more: list[str]
) -> None:
    code, out, err = load(capsys, path, *more)
    assert (code, out) == (2, "")
    assert err.startswith("safehold: ")
    assert not HashList.objects.exists()


@pytest.mark.parametrize("text", ["- a\n- b\n", "sha256: 7\n", "{", "sha256: [a]\n"])
def test_a_mapping_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], path: Path, tmp_path: Path, text: str
) -> None:
    (tmp_path / "columns.yaml").write_text(text)
    code, _out, err = load(capsys, path, "--map-file", tmp_path / "columns.yaml")
    assert code == 2
    assert "columns.yaml" in err


def test_a_whole_list_has_a_guard(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    mapped = ["--map", "sha256=FileHash"]
    load(capsys, path, *mapped)
    path.write_text(f"FileHash\n{sha(1)}\n")
    code, out, _err = load(capsys, path, *mapped, "--whole")
    assert code == 1
    assert "9 entries of the list are not in the file; 0 were retracted." in out
    assert "--really" in out
    code, out, _err = load(capsys, path, *mapped, "--whole", "--really")
    assert (code, "9 were retracted" in out) == (0, True)


def test_decisions_that_rest_on_retracted_entries_are_looked_at_again(
    capsys: pytest.CaptureFixture[str], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safehold.path import hits

    told: list[str] = []
    monkeypatch.setattr(hits, "entry_retracted", lambda entries, **_actor: told.extend(map(str, entries)))
    load(capsys, path, "--map", "sha256=FileHash")
    screening.match([sha(9)])
    path.write_text("FileHash\n" + "".join(f"{sha(n)}\n" for n in range(9)))
    code, out, _err = load(capsys, path, "--map", "sha256=FileHash", "--whole")
    assert code == 0
    assert "1 entries that were retracted, or mean another file now, had hits" in out
    assert told == [str(ListEntry.objects.get(sha256=sha(9)).pk)]


def test_a_bar_for_people(capsys: pytest.CaptureFixture[str], path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    _code, out, err = load(capsys, path, "--map", "sha256=FileHash")
    assert re.search(r"\r\[#{24}\] 10 lines, [\d,]+/s, 0 s left", err)
    assert "[" not in out
    assert load(capsys, path, "--map", "sha256=FileHash", "--json")[2] == ""


# --- trust and what counts as exact ---


@pytest.fixture
def owners(db: None, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(capsys, path, "--map", "sha256=FileHash")
    for name in ("anna", "ben"):
        Member.objects.create_user(name, roles=["policy_owner"])
    Member.objects.create_user("carl", roles=["reviewer"])


@pytest.mark.usefixtures("owners")
def test_two_people_accept_a_fingerprint_as_exact_and_one_takes_it_back(capsys: pytest.CaptureFixture[str]) -> None:
    def exact(*words: str) -> int:
        return run(capsys, "lists", "exact", "partner", "--because", "contract 17", *words)[0]

    for alone in (
        ["--by", "anna"],
        ["--by", "anna", "--approved-by", "anna"],
        ["--by", "anna", "--approved-by", "carl"],
    ):
        assert exact("--accept", "md5", *alone) == 2
    assert HashList.objects.get().exact_also == []
    assert exact("--accept", "md5", "--accept", "sha1", "--by", "anna", "--approved-by", "ben") == 0
    assert HashList.objects.get().exact_also == ["md5", "sha1"]
    assert exact("--accept", "none", "--accept", "md5", "--by", "anna") == 2
    assert exact("--accept", "md5", "--by", "ben") == 0
    assert exact("--accept", "none", "--by", "ben") == 0
    assert HashList.objects.get().exact_also == []
    assert run(capsys, "lists", "exact", "other", "--accept", "md5", "--because", "x", "--by", "anna")[0] == 2


@pytest.mark.usefixtures("owners")
def test_two_people_trust_a_list_and_one_takes_it_back(capsys: pytest.CaptureFixture[str]) -> None:
    def trust(*words: str) -> int:
        return run(capsys, "lists", "trust", "partner", "--because", "sample of 200", *words)[0]

    assert trust("--by", "anna") == 2
    assert trust("--by", "anna", "--approved-by", "carl") == 2
    assert trust("--by", "anna", "--approved-by", "ben") == 0
    assert HashList.objects.get().trusted
    assert trust("--by", "carl", "--off") == 2
    assert trust("--by", "ben", "--off") == 0
    assert not HashList.objects.get().trusted


@pytest.mark.usefixtures("owners")
def test_two_people_let_a_source_bring_back_what_was_retracted(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    row = ListEntry.objects.get(sha256=sha(3))
    screening.retract_entry(row.pk, because="looked at it", actor="staff:anna")
    code, out, _err = load(capsys, path, "--map", "sha256=FileHash")
    assert (code, "0 malformed, 1 retracted by your own people and not taken." in out) == (0, True)
    assert "1 retracted (1 by your own people)" in run(capsys, "lists", "status")[1]

    def allow(entry: object, *words: str) -> tuple[int, str, str]:
        return run(capsys, "lists", "allow", entry, "--because", "looked again", *words)

    for refused in (["anna", "anna"], ["anna", "carl"], ["carl", "ben"]):
        assert allow(row.pk, "--by", refused[0], "--approved-by", refused[1])[0] == 2
    assert allow("no-id", "--by", "anna", "--approved-by", "ben")[0] == 2
    code, out, _err = allow(row.pk, "--by", "anna", "--approved-by", "ben")
    assert (code, out) == (0, "The source of partner may bring it back. Entries retracted for that file: 1.\n")
    assert "1 added" in load(capsys, path, "--map", "sha256=FileHash")[1]


# --- status, and no way out ---


def test_status_for_people_and_programs(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    assert run(capsys, "lists", "status") == (0, "There are no lists yet.\n", "")
    load(capsys, path, "--map", "sha256=FileHash")
    _code, out, _err = run(capsys, "lists", "status")
    assert "partner: files, 10 live, 0 retracted (0 by your own people), 0 held back" in out
    assert "from Partner A, under contract 17, for prevent-exploitation" in out
    (told,) = json.loads(run(capsys, "lists", "status", "--json")[1])
    assert (told["live"], told["licence"], told["trusted"], told["exchange"]) == (10, "contract 17", False, None)
    assert sha(1) not in out + json.dumps(told)


def test_no_command_gives_entries_out(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    """What a source gave for one purpose is not handed on (18 USC 2258C): no verb does it, and none prints an entry."""
    parser = cli.parser()
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    verbs = [action for action in groups[0].choices["lists"]._actions if isinstance(action, argparse._SubParsersAction)]
    for verb in verbs[0].choices:
        assert not re.search(r"export|dump|show|\bget|list|entries|download|copy", verb), verb
    options = [
        option for one in verbs[0].choices.values() for action in one._actions for option in action.option_strings
    ]
    assert not [option for option in options if re.search(r"out|export|dump|to$", option)]
    said = "".join(load(capsys, path, "--map", "sha256=FileHash", *more)[1] for more in ([], ["--json"], ["--whole"]))
    assert "10 added" in said
    assert not any(sha(n) in said for n in range(10))
    assert "no command" in (command.__doc__ or "")
