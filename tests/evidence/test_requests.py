"""What takes two custodians, on an authority's verified word: ending a hold, destroying, handing over."""

import io
import json
import subprocess
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from safehold.app.cli import main
from safehold.audit import chain
from safehold.audit import service as audit
from safehold.audit.machine import IllegalMove
from safehold.audit.models import FailedAttempt
from safehold.evidence import handover, keystore, packages
from safehold.evidence import service as evidence
from safehold.evidence.models import Hold, Look, Package, Request, Sealed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

ONE, TWO = "staff:custodian-1", "staff:custodian-2"
YEAR = timedelta(days=365)
PAPER = {"authority": "Police of X", "document": "process:7", "verified": "called back on the number in the register"}


def keep(content: bytes = b"placeholder message 3") -> Sealed:
    return evidence.preserve(
        [content], media_type="text/plain", file_name="note 1.txt", about="item:1", actor="system:worker"
    )  # fmt: skip


def hold(*rows: Sealed, ref: str = "filing:1") -> Hold:
    until = timezone.now() + YEAR
    return evidence.place_hold([r.pk for r in rows], until=until, basis="test", ref=ref, actor="system:worker")


def ask(kind: str, **given: Any) -> Request:
    return evidence.ask(kind, actor=ONE, **{"because": "asked for", **PAPER, **given})


# --- legal holds ---


def test_a_legal_hold_stands_beside_the_other_one() -> None:
    row = keep()
    hold(row)
    until = timezone.now() + timedelta(days=30)
    legal = evidence.place_legal_hold([row.pk], until=until, authority="Court Y", document="process:8", actor=ONE)
    assert (legal.kind, legal.authority, legal.document) == ("legal", "Court Y", "process:8")
    assert evidence.holds_in_force(row.pk).count() == 2
    assert audit.history(legal).get().detail.body["document"] == "process:8"
    with pytest.raises(evidence.WouldShorten):
        evidence.extend_hold(legal.pk, until - timedelta(days=1), because="again", actor=ONE)
    for wrong in ({"authority": ""}, {"document": " "}, {"until": timezone.now()}):
        given: dict[str, Any] = {"until": until, "authority": "Court Y", "document": "process:8", **wrong}
        with pytest.raises(ValueError, match=r"authority|future"):
            evidence.place_legal_hold([row.pk], actor=ONE, **given)
    evidence.destroy(loose := keep().pk, actor="system:worker", because="cleared case:1")
    with pytest.raises(evidence.UnknownEvidence):
        evidence.place_legal_hold([loose], until=until, authority="Court Y", document="process:8", actor=ONE)


# --- two people ---


def test_a_hold_is_ended_early_by_two_on_an_authoritys_word() -> None:
    row = keep()
    held = hold(row)
    asked = ask("end_hold", hold=held)
    assert Hold.objects.get().state == "in_force"
    with pytest.raises(evidence.NeedsSecondPerson):
        evidence.approve(asked.pk, actor=ONE)
    assert FailedAttempt.objects.get().act == "request.approve"
    evidence.approve(asked.pk, actor=TWO)
    held.refresh_from_db()
    assert (held.state, held.ended_because) == ("ended", "Police of X: process:7")
    with pytest.raises(IllegalMove):
        evidence.approve(asked.pk, actor=TWO)
    assert list(evidence.unheld()) == [row]


def test_a_destruction_takes_one_object_out_of_its_holds_and_leaves_them(
    django_capture_on_commit_callbacks: Any,
) -> None:
    goes, stays = keep(), keep()
    held = hold(goes, stays)
    asked = ask("destroy", sealed_ids=[goes.pk])
    with django_capture_on_commit_callbacks(execute=True):
        evidence.approve(asked.pk, actor=TWO)
    paper = goes.certificate
    assert (paper.actor, paper.approved_by, paper.because) == (ONE, TWO, "Police of X: process:7")
    assert paper.key_gone_at is not None
    assert keystore.get(str(goes.pk)) is None
    assert Hold.objects.get().state == "in_force"
    assert list(evidence.holds_in_force(stays.pk)) == [held]
    assert not evidence.holds_in_force(goes.pk).exists()
    with pytest.raises(evidence.HoldInForce):
        evidence.destroy(stays.pk, actor="system:worker", because="tidy")
    acts = [entry.act for entry in audit.history(held)]
    assert acts == ["hold.placed", "hold.released_item"]


def test_another_authoritys_legal_hold_stands_against_a_destruction() -> None:
    row, second = sorted((keep(), keep()), key=lambda one: one.pk)
    hold(row, second)
    evidence.place_legal_hold(
        [second.pk], until=timezone.now() + YEAR, authority="Court Y", document="process:8", actor=ONE
    )
    asked = ask("destroy", sealed_ids=[row.pk, second.pk])
    with pytest.raises(evidence.HoldInForce, match="another authority"):
        evidence.approve(asked.pk, actor=TWO)
    asked.refresh_from_db()
    assert asked.state == "asked"  # nothing of it happened
    assert Sealed.objects.filter(destroyed_at=None).count() == 2
    assert evidence.holds_in_force(row.pk).exists()


def test_refused_and_withdrawn_requests_do_nothing() -> None:
    held = hold(keep())
    for end, actor, other in ((evidence.refuse, TWO, ONE), (evidence.withdraw, ONE, TWO)):
        asked = ask("end_hold", hold=held)
        with pytest.raises((evidence.NeedsSecondPerson, IllegalMove)):
            end(asked.pk, because="no", actor=other)
        with pytest.raises(ValueError, match="why"):
            end(asked.pk, because=" ", actor=actor)
        end(asked.pk, because="not verified", actor=actor)
        with pytest.raises(IllegalMove):
            evidence.approve(asked.pk, actor=TWO)
    assert Hold.objects.get().state == "in_force"
    assert sorted(Request.objects.values_list("state", flat=True)) == ["refused", "withdrawn"]


@pytest.mark.parametrize("missing", ["authority", "document", "verified", "because"])
@pytest.mark.parametrize("kind", ["end_hold", "destroy", "hand_over"])
def test_nothing_is_asked_without_authority_document_verification_and_reason(kind: str, missing: str) -> None:
    row = keep()
    with pytest.raises(ValueError, match=r"Name the authority|Say why"):
        ask(kind, **{"sealed_ids": [row.pk], "hold": hold(row), missing: " "})
    assert Request.objects.count() == 0


def test_what_makes_no_sense_is_refused() -> None:
    row = keep()
    ended = hold(row)
    evidence.end_hold_early(ended.pk, authority="X", document="7", actor=ONE, approved_by=TWO)
    for kind, given in (
        ("end_hold", {}),
        ("end_hold", {"hold": ended}),
        ("hand_over", {"sealed_ids": [row.pk], "recipient": "age1nonsense"}),
        ("look", {"sealed_ids": [row.pk]}),
        ("something", {}),
    ):
        with pytest.raises(ValueError, match=r"hold|age|Say who|not a valid"):
            ask(kind, **given)
    with pytest.raises(evidence.UnknownEvidence):
        ask("destroy", sealed_ids=[])


def test_the_database_refuses_one_person_too() -> None:
    asked = ask("destroy", sealed_ids=[keep().pk])
    for settled_by in (ONE, ""):
        with pytest.raises(IntegrityError), transaction.atomic():
            Request.objects.filter(pk=asked.pk).update(state="approved", settled_by=settled_by)


# --- hand-over ---


@pytest.fixture
def authority() -> Any:
    return pyrage.x25519.Identity.generate()


def agreed(authority: Any, *rows: Sealed) -> Request:
    asked = ask("hand_over", sealed_ids=[row.pk for row in rows], recipient=str(authority.to_public()), about="case:1")
    return evidence.approve(asked.pk, actor=TWO)


def unsealed(path: Path, authority: Any) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(pyrage.decrypt(path.read_bytes(), [authority]))) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar.getmembers()}  # type: ignore[union-attr]


def test_a_package_holds_what_was_agreed_to_and_verifies_offline(data: Path, authority: Any) -> None:
    chain.setup_keys()
    rows = [keep(b"placeholder message 3" * 9000), keep(b"placeholder message 4")]
    hold(*rows)
    request = agreed(authority, *rows)
    made = evidence.pack(request.pk, actor="system:worker")
    path = evidence.fetch_package(request.pk, actor=ONE)
    assert path.stat().st_size == made.size
    assert b"placeholder" not in path.read_bytes()
    found = packages.verify(path, str(authority), key=(data / "keys" / "audit-verify.pem").read_bytes())
    assert (found.problems, found.package, found.files, found.own_key) == ([], str(request.pk), 8, False)
    inside = unsealed(path, authority)
    assert inside[f"objects/{rows[1].pk}"] == b"placeholder message 4"
    manifest = json.loads(inside["manifest.json"])
    assert (manifest["authority"], manifest["document"]) == ("Police of X", "process:7")
    assert (manifest["asked_by"], manifest["approved_by"]) == (ONE, TWO)
    assert [row["sha256"] for row in manifest["objects"]] == [row.sha256 for row in rows]
    lines = [json.loads(line) for line in inside["audit.jsonl"].splitlines()]
    assert {"evidence.preserved", "evidence.looked", "request.asked", "request.approve"} <= {
        one["act"] for one in lines
    }
    for line in lines:  # each line can be checked against the chain's digest
        assert audit.digest_of(line["salt"], line["details"]) == line["digest"]
    assert "Police of X" in inside["statement.txt"].decode()
    assert Look.objects.filter(kind="hand_over").count() == 2
    assert [entry.act for entry in audit.history(request)][-2:] == ["evidence.packed", "evidence.handed_over"]


def test_the_plain_tools_of_the_statement_verify_it(tmp_path: Path, authority: Any) -> None:
    request = agreed(authority, keep())
    evidence.pack(request.pk, actor="system:worker")
    place = tmp_path / "opened"
    for name, content in unsealed(handover.path_of(request), authority).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    commands = [line.split() for line in (place / "statement.txt").read_text().splitlines() if line.startswith("    ")]
    assert [command[0] for command in commands] == ["sha256sum", "openssl"]
    for command in commands:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    (place / "manifest.json").write_text("{}")
    assert subprocess.run(commands[0], cwd=place, capture_output=True).returncode != 0


def test_a_package_is_made_once_and_only_of_what_was_agreed_to(authority: Any) -> None:
    row = keep()
    asked = ask("hand_over", sealed_ids=[row.pk], recipient=str(authority.to_public()))
    other = ask("destroy", sealed_ids=[row.pk])
    for wrong in (asked.pk, other.pk, "00000000-0000-4000-8000-000000000007"):
        with pytest.raises(evidence.NotAgreed):
            evidence.pack(wrong, actor="system:worker")
        with pytest.raises(evidence.NotAgreed):
            evidence.fetch_package(wrong, actor=ONE)
    evidence.approve(asked.pk, actor=TWO)
    assert evidence.wanted(row.pk)  # it is not destroyed while it is being packed
    first = evidence.pack(asked.pk, actor="system:worker")
    assert evidence.pack(asked.pk, actor="system:worker") == first
    assert Package.objects.count() == 1
    Package.objects.all().delete()  # as if it had been killed between the file and its record
    again = evidence.pack(asked.pk, actor="system:worker")
    assert not packages.verify(handover.path_of(asked), str(authority)).problems
    assert again.sha256 != first.sha256  # sealed anew


def test_a_damaged_object_or_a_full_disk_makes_no_package(
    data: Path, authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = keep(b"placeholder message 3" * 90_000)
    request = agreed(authority, row)

    with monkeypatch.context() as patched:
        patched.setattr(handover.pyrage, "encrypt_io", _full_disk)
        with pytest.raises(OSError, match="No space"):
            evidence.pack(request.pk, actor="system:worker")
    assert list((data / "handover").iterdir()) == []
    part = next((data / "evidence").rglob("*.00000"))
    body = bytearray(part.read_bytes())
    body[len(body) // 2] ^= 1
    part.write_bytes(bytes(body))
    with pytest.raises(evidence.Corrupt):
        evidence.pack(request.pk, actor="system:worker")
    assert list((data / "handover").iterdir()) == []
    assert Package.objects.count() == 0


def _full_disk(source: Any, _out: Any, _recipients: Any) -> None:
    source.read(1000)
    raise OSError(28, "No space left on device")


def test_what_was_destroyed_meanwhile_is_named_and_missing(authority: Any) -> None:
    kept, gone = keep(), keep()
    request = agreed(authority, kept, gone)
    evidence.destroy(gone.pk, actor="system:worker", because="test")
    evidence.pack(request.pk, actor="system:worker")
    objects = json.loads(unsealed(handover.path_of(request), authority)["manifest.json"])["objects"]
    assert [(one["id"], one["file"] is None) for one in objects] == [(str(kept.pk), False), (str(gone.pk), True)]
    assert not packages.verify(handover.path_of(request), str(authority)).problems


def rebuilt(path: Path, authority: Any, change: Any) -> Path:
    """The package with its files changed, sealed again to the same key: what somebody between could do."""
    files = unsealed(path, authority)
    change(files)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    forged = path.with_name("forged.age")
    forged.write_bytes(pyrage.encrypt(out.getvalue(), [authority.to_public()]))
    return forged


def test_every_change_of_a_package_is_found(data: Path, authority: Any) -> None:
    row = keep()
    request = agreed(authority, row)
    evidence.pack(request.pk, actor="system:worker")
    path, name = handover.path_of(request), f"objects/{row.pk}"
    key = (data / "keys" / "audit-verify.pem").read_bytes()

    def swapped(files: dict[str, bytes]) -> None:
        import hashlib

        old = hashlib.sha256(files[name]).hexdigest()
        files[name] = b"placeholder message 9"
        new = hashlib.sha256(files[name]).hexdigest()
        for listed in ("SHA256SUMS", "manifest.json"):
            files[listed] = files[listed].replace(old.encode(), new.encode())

    for change, said in (
        (lambda f: f.update({name: b"placeholder message 9"}), "is not what"),
        (lambda f: f.pop(name), "is missing"),
        (lambda f: f.update(extra=b"x"), "in no list"),
        (lambda f: f.update({"SHA256SUMS.sig": bytes(64)}), "signature"),
        (lambda f: f.pop("SHA256SUMS"), "missing or empty"),
        (swapped, "signature"),
    ):
        problems = packages.verify(rebuilt(path, authority, change), str(authority), key=key).problems
        assert any(said in problem for problem in problems), (said, problems)
    assert packages.verify(rebuilt(path, authority, lambda _files: None), str(authority), key=key).problems == []
    for broken in (path.read_bytes()[:-200], b"", path.read_bytes()[:400] + b"\x00" * 9 + path.read_bytes()[409:]):
        path.with_name("broken.age").write_bytes(broken)
        assert packages.verify(path.with_name("broken.age"), str(authority), key=key).problems
    stranger = pyrage.x25519.Identity.generate()
    assert packages.verify(path, str(stranger), key=key).problems
    with pytest.raises(ValueError, match="AGE-SECRET-KEY"):
        packages.verify(path, "nonsense", key=key)


def test_the_command_checks_a_package(
    tmp_path: Path, authority: Any, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    request = agreed(authority, keep())
    evidence.pack(request.pk, actor="system:worker")
    path, identity = handover.path_of(request), tmp_path / "identity.txt"
    identity.write_text(f"# a comment\n{authority}\n")
    assert main(["evidence", "verify-package", str(path), "--identity", str(identity), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["own_key"]) == (True, True)
    path.write_bytes(path.read_bytes()[:-50])
    assert main(["evidence", "verify-package", str(path), "--identity", str(identity)]) == 1
    assert main(["evidence", "verify-package", str(path), "--identity", str(tmp_path / "none")]) == 2


def test_the_command_copies_a_package_out_for_a_custodian_alone(
    tmp_path: Path, authority: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from safehold.staff import service as staff

    for name, role in (("dana", "custodian"), ("ben", "reviewer")):
        staff.create_member(name, [role], actor="system:test")
    request = agreed(authority, keep())
    out = tmp_path / "package.tar.age"
    command = ["evidence", "package", str(request.pk), "--to", str(out), "--by"]
    assert main([*command, "ben"]) == 2
    assert not out.exists()
    assert main([*command, "dana"]) == 0
    assert not packages.verify(out, str(authority)).problems
    assert main([*command, "dana"]) == 2  # nothing is written over
    assert "already" in capsys.readouterr().err


def test_a_packages_file_goes_after_thirty_days(authority: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    request = agreed(authority, keep())
    evidence.pack(request.pk, actor="system:worker")
    assert evidence.remove_old_packages(actor="system:worker") == 0
    later = timezone.now() + timedelta(days=31)
    monkeypatch.setattr(handover.timezone, "now", lambda: later)
    assert evidence.remove_old_packages(actor="system:worker") == 1
    assert not handover.path_of(request).exists()
    with pytest.raises(FileNotFoundError):
        evidence.fetch_package(request.pk, actor=ONE)
