"""`safehold cybertip validate|preview|schema`: what they say and with what they end."""

from pathlib import Path

import pytest

from safehold.app.cli import parser
from safehold.cybertip import inputs, schema
from tests.cybertip import samples
from tests.cybertip.samples import record
from tests.cybertip.test_schema import NEWER_RAW, RAW, giving

pytestmark = pytest.mark.django_db


def run(*words: str | Path) -> int:
    arguments = parser().parse_args(["cybertip", *map(str, words)])
    return int(arguments.run(arguments))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "report.xml").write_bytes(samples.whole_report().to_bytes())
    (tmp_path / "file.xml").write_bytes(samples.whole_file().to_bytes())
    (tmp_path / "record.json").write_bytes(inputs.encode(samples.full_record()))
    (tmp_path / "wrong.json").write_bytes(inputs.encode(record(platform="x" * 257)))
    (tmp_path / "newer.json").write_bytes(inputs.encode(record(annotations=("informational",))))
    (tmp_path / "broken.json").write_bytes(b'{"ref": 1}')
    (tmp_path / "wrong.xml").write_bytes(samples.whole_report().to_bytes().replace(b"<age>40", b"<age>400"))
    (tmp_path / "newer.xsd").write_bytes(NEWER_RAW)
    (tmp_path / "no.xsd").write_bytes(b"<html/>")
    (tmp_path / "note.txt").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["report.xml"], 0, "Valid; no live schema was asked."),
        (["record.json"], 0, "Valid; no live schema was asked."),
        (["file.xml"], 1, "fileDetails/industryClassification: is only for operators"),
        (["file.xml", "--agreement"], 0, "Valid"),
        (["file.xml", "--agreement", "--batched"], 1, "fileDetails/fileAnnotations: must be viral"),
        (["wrong.xml"], 1, "person/age: must lie between 0 and 150"),
        (["wrong.json"], 1, "incidentSummary/platform: is longer than 256 characters"),
        (["broken.json"], 1, "The record is not one"),
        (["newer.json"], 1, "incidentSummary/reportAnnotations/informational"),
        (["newer.json", "--schema", "newer.xsd"], 0, "Valid, also by the schema"),
        (["report.xml", "--schema", "newer.xsd"], 0, "Valid, also by the schema"),
        (["report.xml", "--schema", "no.xsd"], 2, ""),
        (["absent.xml"], 2, ""),
        (["note.txt"], 2, ""),
    ],
)
def test_validate(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    says: str,
) -> None:
    monkeypatch.chdir(folder)
    assert run("validate", *words) == code
    out, err = capsys.readouterr()
    assert says in out
    assert bool(err) == (code == 2)


def test_validate_asks_the_schema_in_force(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema.fetch(giving(NEWER_RAW), actor="system:test")
    assert run("validate", folder / "newer.json") == 0
    schema.fetch(giving(RAW), actor="system:test")
    assert run("validate", folder / "newer.json") == 1
    assert run("validate", folder / "report.xml") == 0
    assert "also by the schema" in capsys.readouterr().out


def test_preview_shows_the_document_and_beside_it_the_two_figures(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("preview", folder / "record.json") == 0
    out, err = capsys.readouterr()
    assert out.encode() == (Path(__file__).parent / "golden" / "report-full-input.xml").read_bytes()
    assert "Completeness: " in err
    assert "missing: the time of every such address" in err
    assert "Urgency: imminent. Finding: Placeholder reason." in err
    assert run("preview", folder / "record.json", "--details", "1") == 0
    assert "<fileId>not-uploaded</fileId>" in capsys.readouterr().out


def test_preview_of_what_cannot_be_built(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("preview", folder / "wrong.json") == 1
    assert "incidentSummary/platform" in capsys.readouterr().err
    assert run("preview", folder / "broken.json") == 2
    for number in ("0", "2"):
        assert run("preview", folder / "record.json", "--details", number) == 2


def test_schema_show(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", "show") == 1
    assert "No schema is stored" in capsys.readouterr().out
    schema.fetch(giving(NEWER_RAW), actor="system:test")
    assert run("schema", "show", "--save", folder / "saved.xsd") == 0
    out = capsys.readouterr().out
    assert "person/ageAssertionDiscrepancy" in out
    assert "It agrees with the built-in models." in out
    assert (folder / "saved.xsd").read_bytes() == NEWER_RAW
    schema.fetch(giving(RAW.replace(b'value="Purchase"', b'value="Sale"')), actor="system:test")
    assert run("schema", "show") == 1
    assert "- ipCaptureEvent/eventName: values of the live schema alone: Sale." in capsys.readouterr().out


@pytest.mark.network
@pytest.mark.usefixtures("service_at")
def test_schema_fetch(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", "fetch") == 0
    assert "A new schema: " in capsys.readouterr().out
    assert run("schema", "fetch") == 0
    assert "The same schema as before: " in capsys.readouterr().out


def test_schema_fetch_without_a_service(capsys: pytest.CaptureFixture[str], settings: object) -> None:
    assert run("schema", "fetch") == 2
    assert "safehold: " in capsys.readouterr().err
