"""Lists from files: every format, what is not taken and why, running again, whole lists, two databases."""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from safehold.audit import service as audit
from safehold.audit.models import Detail
from safehold.screening import importing, lists, reading, writing
from safehold.screening import service as screening
from safehold.screening.models import HashList, ListClock, ListEntry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

ACTOR = "staff:user-17"
TERMS = {"source": "partner", "purpose": "prevent-exploitation", "licence": "agreement 7", "actor": ACTOR}


def hexed(kind: str, word: object) -> str:
    return hashlib.new(kind, f"gradient {word}".encode()).hexdigest()


def sha(word: object) -> str:
    return hexed("sha256", word)


def pdq(word: object) -> str:
    bits = ["1"] * 128 + ["0"] * 128
    random.Random(str(word)).shuffle(bits)  # noqa: S311 - no secret
    return f"{int(''.join(bits), 2):064x}"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def import_(path: Path, slug: str = "partner", **more: Any) -> screening.ImportReport:
    return screening.import_list(path, slug, **{**TERMS, "category": "A1", **more})


def counted(report: screening.ImportReport) -> tuple[int, ...]:
    """added, changed, duplicates, degenerate, malformed; and what our own people retracted, where there was any"""
    parts = (report.added, report.changed, report.duplicates, report.degenerate, report.malformed)
    assert sum(parts) + report.barred == report.lines
    return (*parts, report.barred) if report.barred else parts


def aside(report: screening.ImportReport) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(report.set_aside).read_text().splitlines()]


def live(field: str = "identity", slug: str = "partner") -> set[Any]:
    return set(ListEntry.objects.filter(list=slug, retracted_at=None).values_list(field, flat=True))


# --- formats ---


def test_a_plain_list(tmp_path: Path) -> None:
    text = f"# gradients\n{sha('1')}\n\n{sha('2').upper()}  # two\r\n{sha('1')}\nnot a hash\n{sha('3')}"
    report = import_(write(tmp_path / "list.txt", text), kind="sha256")
    assert counted(report) == (3, 0, 1, 0, 1)
    (line,) = aside(report)
    assert line == {
        "line": 6,
        "why": "SHA-256 has 64 hexadecimal digits; this is something else.",
        "text": "not a hash",
    }
    assert Path(report.set_aside).stat().st_mode & 0o777 == 0o600
    assert set(ListEntry.objects.values_list("sha256", "category")) == {(sha(n), "A1") for n in "123"}


def test_a_plain_list_tells_md5_and_sha1_by_their_length_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path / "list.txt", f"{hexed('md5', 1)}\n{hexed('sha1', 1)}\n{sha(1)}\n{'z' * 32}\n")
    report = import_(path)
    assert counted(report) == (2, 0, 0, 0, 2)
    assert live() == {f"md5:{hexed('md5', 1)}", f"sha1:{hexed('sha1', 1)}"}
    for text in (sha(1), f"# comment\n\n{pdq(1)}\n{hexed('md5', 2)}"):
        with pytest.raises(screening.BadMapping, match="SHA-256 or a PDQ"):
            import_(write(tmp_path / "list.txt", text))
    assert len(live()) == 2
    assert counted(import_(write(tmp_path / "list.txt", pdq(1)), kind="pdq")) == (1, 0, 0, 0, 0)
    assert ListEntry.objects.get(pdq=pdq(1)).sha256 == ""


def test_a_pdq_is_never_taken_for_a_sha256_nor_the_other_way(tmp_path: Path) -> None:
    hashes = "\n".join(pdq(n) for n in range(importing.ENOUGH))
    digests = "\n".join(sha(n) for n in range(importing.ENOUGH))
    with pytest.raises(screening.ScreeningError, match="these are PDQ"):
        import_(write(tmp_path / "list.csv", f"sha256\n{hashes}"))
    with pytest.raises(screening.ScreeningError, match="no PDQ"):
        import_(write(tmp_path / "list.csv", f"pdq\n{digests}"))
    assert not HashList.objects.exists()
    assert import_(write(tmp_path / "list.csv", f"sha256\n{digests}")).added == importing.ENOUGH
    assert import_(write(tmp_path / "list.csv", f"pdq\n{hashes}")).added == importing.ENOUGH


def test_a_csv_list(tmp_path: Path) -> None:
    rows = ["ref,SHA256,category", f"r1,{sha('1')},A2", f"r2,{sha('2')},", "r3", f"r4,{'z' * 64},A1"]
    text = "\n".join(
        [*rows, f'"r5",{sha("3")},{"x" * 99}', f"r6,{sha(4)},A1,more", f'r7,"{sha(5)},A1', f'"r,8",{sha(6)}\n']
    )
    report = import_(write(tmp_path / "list.csv", b"\xef\xbb\xbf" + text.encode()))
    assert counted(report) == (3, 0, 0, 0, 5)
    assert set(ListEntry.objects.values_list("ref", "category")) == {("r1", "A2"), ("r2", "A1"), ("r,8", "A1")}
    assert [line["line"] for line in aside(report)] == [4, 5, 6, 7, 8]
    with pytest.raises(screening.BadMapping, match="sha256"):
        import_(write(tmp_path / "list.csv", f"digest\n{sha('1')}\n"))
    with pytest.raises(screening.BadMapping, match="sha256"):
        import_(write(tmp_path / "list.csv", ""))
    assert len(live()) == 3


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters(tmp_path: Path, delimiter: str) -> None:
    rows = [["md5", "ref"], [hexed("md5", 1), "a,b"], [hexed("md5", 2), "c"]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    assert counted(import_(write(tmp_path / "list.csv", text))) == (2, 0, 0, 0, 0)
    assert live("ref") == {"a,b", "c"}


def test_a_json_lines_list(tmp_path: Path) -> None:
    lines = [
        json.dumps({"sha256": sha("1"), "category": "A2", "ref": "r1"}),
        json.dumps({"sha256": sha("2"), "md5": None, "other": {"a": []}}),
        json.dumps({"md5": "0" * 31}),
        json.dumps({"sha256": 7}),
        json.dumps([sha("3")]),
        "{broken",
        "",
        "[" * 100_000,
        json.dumps({"sha256": sha(4), "SHA-256": sha(5)}),
        json.dumps({"sha256": sha(4), "category": "\ud800"}),
        json.dumps({"sha256": sha(4), "category": "a\x00b"}),
        json.dumps({}),
    ]
    report = import_(write(tmp_path / "list.jsonl", "\n".join(lines).encode() + b"\n\xff\xfe\n"))
    assert counted(report) == (2, 0, 0, 0, 10)
    whys = [line["why"] for line in aside(report)]
    assert whys[1:6] == ["The sha256 is not text.", "Not an object.", "Not JSON.", "Not JSON.", "Two names for sha256."]


def test_one_line_may_carry_several_fingerprints_of_one_file(tmp_path: Path) -> None:
    entry = {
        "SHA_1": hexed("sha1", 1),
        "hash_md5": hexed("md5", 1),
        "PDQ": pdq(1).upper(),
        "pdq quality": 77,
        "media": "Film",
    }
    film = {"frames": [pdq(2), pdq(3)], "ref": "r2"}
    also = {"frames": f"{pdq(2)} {pdq(3)}", "ref": "r3"}
    weak = {"sha256": sha(4), "pdq": pdq(4), "quality": "49"}
    bad = [{"sha256": sha(5), "quality": value} for value in (101, "much", -1, [], "nan")]
    bad += [{"frames": ["00"]}, {"frames": [7]}, {"frames": 7}, {"sha256": sha(5), "media": "sound"}]
    lines = "\n".join(json.dumps(one) for one in [entry, film, also, weak, *bad])
    report = import_(write(tmp_path / "list.jsonl", lines))
    assert counted(report) == (4, 0, 0, 0, len(bad))
    assert report.pdq_left_out == 1
    row = ListEntry.objects.get(sha1=hexed("sha1", 1))
    assert (row.md5, row.pdq, row.media) == (hexed("md5", 1), pdq(1), "film")
    frames = [bytes(row.frames or b"") for row in ListEntry.objects.filter(ref__in=["r2", "r3"])]
    assert frames == [bytes.fromhex(pdq(2) + pdq(3))] * 2


def test_columns_are_mapped_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", f"id,hash,md5\n7,{sha(1)},nothing\n")
    columns = {"sha256": "hash", "ref": "id", "md5": ""}
    assert counted(import_(path, columns=columns)) == (1, 0, 0, 0, 0)
    assert live("ref") == {"7"}
    line = json.dumps({"id": "8", "hash": sha(2), "md5": 7})
    assert counted(import_(write(tmp_path / "l.ndjson", line), columns=columns)) == (1, 0, 0, 0, 0)
    for wrong, match in (
        ({"sha256": "Hash"}, "no column 'Hash'"),
        ({"sha512": "hash"}, "no field 'sha512'"),
    ):
        with pytest.raises(screening.BadMapping, match=match):
            import_(path, columns=wrong)
    with pytest.raises(screening.BadMapping, match="could both be"):
        import_(write(tmp_path / "two.csv", f"sha256,SHA-256\n{sha(1)},{sha(2)}"))
    with pytest.raises(screening.BadMapping, match="say its kind"):
        import_(write(tmp_path / "list.txt", sha(3)), columns={"sha256": "hash"})
    with pytest.raises(screening.BadMapping, match="kind of a file"):
        import_(path, kind="sha512")
    assert len(live()) == 2


def test_digests_of_no_bytes_and_flat_pictures_are_counted_and_set_aside(tmp_path: Path) -> None:
    flat, empty = "f" * 64, {kind: hashlib.new(kind, b"").hexdigest() for kind in ("md5", "sha1", "sha256")}
    rows = [["md5", "sha1", "sha256", "pdq", "quality"], *(["", "", "", flat, ""], ["", "", "", pdq(1), "10"])]
    rows += [
        [empty["md5"], "", "", "", ""],
        ["", empty["sha1"], sha(1), "", ""],
        ["", "", empty["sha256"], pdq(1), "99"],
    ]
    rows += [["", "", sha(2), flat, ""]]
    report = import_(write(tmp_path / "list.csv", "\n".join(map(",".join, rows))))
    assert counted(report) == (1, 0, 0, 5, 0)
    assert report.pdq_left_out == 1
    assert len(aside(report)) == 5
    assert list(ListEntry.objects.values_list("sha256", "pdq")) == [(sha(2), "")]


def test_a_file_that_is_none_of_ours_is_refused_whole(tmp_path: Path) -> None:
    for content, match in ((f"sha256\n{sha(1)}".encode("utf-16"), "UTF-16"),):
        with pytest.raises(screening.ScreeningError, match=match):
            import_(write(tmp_path / "list.csv", content))
    with pytest.raises(FileNotFoundError):
        import_(tmp_path / "nothing.txt")
    with pytest.raises(screening.BadMapping, match="side by side"):
        import_(write(tmp_path / "list.csv", f"sha256,url\n{sha(1)},http://a.test"))
    assert not HashList.objects.exists()
    assert import_(write(tmp_path / "list.csv", f"sha256,url\n{sha(1)},http://a.test"), kind="files").added == 1
    with pytest.raises(screening.BadMapping, match="must name its columns"):
        import_(write(tmp_path / "list.csv", f"sha256\n{sha(1)}"), "links", kind="link")


def test_a_line_without_an_end_is_one_malformed_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_LINE", 4096)
    path = write(tmp_path / "list.txt", "a" * 50_000 + f"\n{sha(1)}\n" + "b" * 4096 + f"\n{sha(2)}\n" + "c" * 9000)
    assert counted(import_(path, kind="sha256")) == (2, 0, 0, 0, 3)


# --- links and terms ---


def test_links_are_taken_and_never_written_anywhere(
    tmp_path: Path, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [
        "# comment",
        "http://a.test/secret?x=1#frag",
        "HTTP://A.test:80/secret?x=1",
        "http://",
        "ht tp://secret.test",
    ]
    report = import_(write(tmp_path / "urls.txt", "\n".join(lines)), "links", kind="link", scope="exact")
    assert counted(report) == (1, 0, 1, 0, 2)
    assert all(set(line) == {"line", "why"} for line in aside(report))
    text = "url,scope,ref\nsecret.test,domain,r1\nhttp://secret.test/x,prefix,r2\nb.test,host,http://secret.test\nsub.c.test,domain,\n"
    report = import_(write(tmp_path / "urls.csv", text), "links")
    assert counted(report) == (2, 0, 0, 0, 2)
    assert live("scope", "links") == {"exact", "domain", "prefix"}
    written = b"".join(path.read_bytes() for path in (data / "lists").iterdir())
    assert b"secret" not in written
    assert "secret" not in str(list(ListEntry.objects.values())) + str(list(Detail.objects.values())) + caplog.text
    assert counted(import_(write(tmp_path / "urls.csv", text), "links")) == (0, 0, 2, 0, 2)
    with pytest.raises(screening.ListMismatch, match="kind"):
        import_(write(tmp_path / "list.txt", sha(1)), "links", kind="sha256")


def test_terms_are_sealed_and_patterns_tried_before_they_are_taken(tmp_path: Path, data: Path) -> None:
    assert counted(import_(write(tmp_path / "t.txt", "zorblat\n#zorblat\nZORBLAT 7#\n"), "words", kind="term")) == (
        2,
        0,
        0,
        0,
        0,
    )
    text = '{"pattern": "zor+blat"}\n{"pattern": "zorblat("}\n{"term": "quendle"}\n{"term": ""}\n'
    report = import_(write(tmp_path / "t.jsonl", text), "words")
    assert counted(report) == (2, 0, 0, 0, 2)
    assert counted(import_(write(tmp_path / "t.jsonl", text), "words")) == (0, 0, 2, 0, 2)
    opened = [lists.open_term(bytes(sealed or b"")) for sealed in ListEntry.objects.values_list("sealed", flat=True)]
    assert sorted(map(str, opened)) == sorted(
        map(str, [{"term": "zorblat"}, {"term": "ZORBLAT 7#"}, {"pattern": "zor+blat"}, {"term": "quendle"}])
    )
    assert not any(b"zorblat" in path.read_bytes() for path in (data / "lists").iterdir())


# --- again, changed, missing ---


def test_importing_again_adds_nothing_and_a_retracted_entry_comes_back_as_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 10)
    path = write(tmp_path / "list.txt", "\n".join(sha(str(n)) for n in range(35)))
    told: list[importing.Progress] = []
    before = ListClock.objects.get().version
    assert counted(import_(path, kind="sha256", progress=told.append)) == (35, 0, 0, 0, 0)
    assert [one.lines for one in told] == [10, 20, 30, 35]
    assert told[-1].read == told[-1].size == path.stat().st_size
    assert ListClock.objects.get().version == before + 4  # one number for each batch
    first = ListEntry.objects.get(sha256=sha("7"))
    assert counted(import_(path, kind="sha256")) == (0, 0, 35, 0, 0)
    assert ListClock.objects.get().version == before + 4
    again = ListEntry.objects.get(sha256=sha("7"))
    assert again.first_seen == first.first_seen
    assert again.last_seen > first.last_seen
    screening.retract_entry(first.pk, because="wrong", actor=ACTOR)
    assert counted(import_(path, kind="sha256")) == (0, 0, 34, 0, 0, 1)
    ListEntry.objects.update(barred=False)
    assert import_(path, kind="sha256").added == 1
    acts = [entry.act for entry in audit.history(HashList.objects.get())]
    added, imported = "list.entries_added", "list.imported"
    assert acts == ["list.made", *[added] * 4, imported, imported, imported, added, imported]


def test_an_import_that_was_killed_is_finished_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 4)
    rows = [f"{sha(n)},r{n % 7},{hexed('md5', n)}" for n in range(21)]  # ids that several files share
    path = write(tmp_path / "list.csv", "\n".join(["sha256,ref,md5", *rows]))

    def stop(done: importing.Progress) -> None:
        if done.lines > 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_(path, progress=stop)
    assert len(live()) == 12
    assert counted(import_(path)) == (9, 0, 12, 0, 0)
    assert live() == {sha(n) for n in range(21)}
    assert counted(import_(path)) == (0, 0, 21, 0, 0)


def test_what_a_source_says_anew_changes_its_entry(tmp_path: Path) -> None:
    def line(**said: str) -> str:
        return json.dumps(said)

    import_(
        write(tmp_path / "a.jsonl", "\n".join([line(md5=hexed("md5", 1), ref="r1"), line(sha256=sha(2), ref="r2")]))
    )
    rows = {row.ref: row.pk for row in ListEntry.objects.all()}
    fuller = line(md5=hexed("md5", 1), sha256=sha(1), ref="r1")  # the same file, and more of it
    other = line(sha1=hexed("sha1", 3), ref="r2")  # another file under that id
    report = import_(write(tmp_path / "b.jsonl", f"{fuller}\n{other}\n{line(sha256=sha(4), ref='r4', category='B2')}"))
    assert counted(report) == (1, 2, 0, 0, 0)
    one, two = ListEntry.objects.get(ref="r1"), ListEntry.objects.get(ref="r2")
    assert (one.pk, one.identity, one.sha256, one.md5) == (rows["r1"], sha(1), sha(1), hexed("md5", 1))
    assert (two.pk, two.identity, two.sha256) == (rows["r2"], f"sha1:{hexed('sha1', 3)}", "")
    assert two.version == ListClock.objects.get().version
    less = import_(
        write(tmp_path / "c.jsonl", line(md5=hexed("md5", 1), ref="r1"))
    )  # less than is known: nothing is lost
    assert counted(less) == (0, 0, 1, 0, 0)
    assert ListEntry.objects.get(ref="r1").sha256 == sha(1)
    assert counted(import_(write(tmp_path / "d.jsonl", line(sha256=sha(4), ref="r4", category="A2")))) == (
        0,
        1,
        0,
        0,
        0,
    )
    assert counted(import_(write(tmp_path / "b.jsonl", f"{fuller}\n{other}"))) == (0, 0, 2, 0, 0)
    assert ListEntry.objects.count() == 3


def test_an_id_that_several_files_share_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)

    def case(*words: int) -> Path:
        return write(tmp_path / "list.csv", "\n".join(["sha256,ref", *(f"{sha(n)},case" for n in words)]))

    assert counted(import_(case(1, 2, 3))) == (3, 0, 0, 0, 0)
    assert counted(import_(case(5, 4, 1, 2, 3))) == (2, 0, 3, 0, 0)
    assert counted(import_(case(6))) == (1, 0, 0, 0, 0)
    assert live() == {sha(n) for n in range(1, 7)}


def test_the_first_line_about_an_entry_counts_and_later_ones_only_add(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    monkeypatch.setattr(importing, "AHEAD", 2)  # batches in the order of the file
    rows = [
        f"{sha(1)},A1,,",
        f"{sha(1)},B2,{hexed('md5', 1)},",
        f"{sha(2)},A1,,",
        f"{sha(1)},,{hexed('md5', 2)},{pdq(1)}",
    ]
    path = write(tmp_path / "list.csv", "\n".join(["sha256,category,md5,pdq", *rows]))
    assert counted(import_(path)) == (2, 1, 1, 0, 0)
    row = ListEntry.objects.get(sha256=sha(1))
    assert (row.category, row.md5, row.pdq) == ("A1", hexed("md5", 1), pdq(1))
    assert counted(import_(path)) == (0, 0, 4, 0, 0)


def test_a_whole_list_retracts_what_it_does_not_name(tmp_path: Path) -> None:
    def names(*words: object) -> Path:
        return write(tmp_path / "list.csv", "\n".join(["sha256", *(sha(one) for one in words)]))

    assert import_(names(*range(20))).added == 20
    screening.match([sha(19)])
    told: list[str] = []
    report = import_(names(*range(17), 99), whole=True, on_retracted=told.extend)
    assert (counted(report), report.missing, report.retracted, report.kept_because) == ((1, 0, 17, 0, 0), 3, 3, "")
    hit = ListEntry.objects.get(sha256=sha(19))
    assert report.to_correct == (str(hit.pk),)
    assert told == [str(hit.pk)]
    assert hit.retracted_because == "no longer on the whole list"
    assert hit.version == ListClock.objects.get().version
    assert live() == {sha(n) for n in [*range(17), 99]}
    few = names(*range(10))
    report = import_(few, whole=True)
    assert (report.missing, report.retracted) == (8, 0)
    assert "8 of 18" in report.kept_because
    assert len(live()) == 18
    assert import_(few, whole=True, really=True).retracted == 8
    assert live() == {sha(n) for n in range(10)}
    one_unread = write(tmp_path / "list.csv", "\n".join(["sha256", *(sha(n) for n in range(9)), "?"]))
    report = import_(one_unread, whole=True)
    assert (report.malformed, report.missing, report.retracted) == (1, 1, 0)
    assert "could not be read" in report.kept_because
    assert import_(few).missing == 0  # not said to be the whole list


def test_what_another_import_named_meanwhile_is_not_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    mine = write(tmp_path / "mine.csv", "\n".join(["sha256", *(sha(n) for n in range(6))]))
    import_(mine)

    def meanwhile(done: importing.Progress) -> None:
        if done.lines == 2:
            import_(write(tmp_path / "other.csv", f"sha256\n{sha(9)}\n{sha(5)}"))

    report = import_(
        write(tmp_path / "mine.csv", "\n".join(["sha256", *(sha(n) for n in range(5))])), whole=True, progress=meanwhile
    )
    assert (report.missing, report.retracted) == (0, 0)
    assert live() == {sha(n) for n in [*range(6), 9]}


def test_an_import_that_may_not_be_leaves_nothing(tmp_path: Path) -> None:
    import_(write(tmp_path / "list.txt", sha("1")), kind="sha256")
    with pytest.raises(screening.ListMismatch), transaction.atomic():
        import_(write(tmp_path / "list.txt", sha("2")), kind="sha256", licence="other")
    with pytest.raises(screening.ListMismatch, match="purpose"):
        import_(write(tmp_path / "list.txt", sha("2")), "new", kind="sha256", purpose="research")
    with pytest.raises(screening.BadEntry):
        import_(write(tmp_path / "list.txt", sha("2")), "new", kind="sha256", category="x" * 61)
    assert live() == {sha(1)}
    assert HashList.objects.count() == 1


def test_a_large_batch_is_read_back_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """COPY and prepared statements keep what the model layer would: bytes, times, empty values."""
    monkeypatch.setattr(writing, "AT_ONCE", 3)
    said = [
        {"sha256": sha(n), "ref": f"a\\b\t{n}".replace("\t", " "), "frames": [pdq(n)] if n % 2 else None}
        for n in range(10)
    ]
    path = write(tmp_path / "l.jsonl", "\n".join(map(json.dumps, said)))
    assert import_(path).added == 10
    for n, row in enumerate(sorted(ListEntry.objects.all(), key=lambda row: row.ref)):
        assert (row.sha256, row.ref) == (sha(n), f"a\\b {n}")
        assert row.frames is None or bytes(row.frames) == bytes.fromhex(pdq(n))
        assert (row.frames is None) == (n % 2 == 0)
        assert (row.link, row.sealed, row.hits, row.last_hit, row.retracted_at) == (None, None, 0, None, None)
        assert row.first_seen == row.last_seen
        assert row.id.version == 7
    assert counted(import_(path)) == (0, 0, 10, 0, 0)
    with transaction.atomic():
        row.delete()


# --- any file ---

VALUES = st.sampled_from(
    [sha(1), sha(2), hexed("md5", 1), pdq(1), "0" * 64, "x", "", '"', "r1", "http://a.test/", "(", "99"]
)
JSON = st.recursive(
    VALUES | st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*reading.FIELDS, "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200)
    | st.lists(JSON, max_size=8).map(lambda found: "\n".join(map(json.dumps, found)).encode("utf-8", "replace"))
    | st.lists(st.lists(VALUES | st.sampled_from([*reading.FIELDS, "\n"]), max_size=5).map(",".join), max_size=8).map(
        lambda rows: "\n".join(rows).encode()
    ),
    suffix=st.sampled_from(["txt", "csv", "jsonl"]),
    kind=st.sampled_from(["", *reading.KINDS]),
)
def test_any_file_is_imported_counted_or_refused(content: bytes, suffix: str, kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"list.{suffix}", content)
    slug = f"{suffix}-{kind or 'none'}"
    before = ListEntry.objects.filter(retracted_at=None).count()
    try:
        report = import_(path, slug, kind=kind)
    except screening.ScreeningError:
        assert ListEntry.objects.filter(retracted_at=None).count() == before
        return
    counted(report)
    assert ListEntry.objects.filter(retracted_at=None).count() == before + report.added
    assert bool(report.malformed + report.degenerate) == bool(report.set_aside)
    again = import_(path, slug, kind=kind)
    assert (again.added, again.changed) == (0, 0)
    assert (again.lines, again.malformed, again.degenerate) == (report.lines, report.malformed, report.degenerate)
    for row in ListEntry.objects.filter(list=slug):
        for field in ("sha256", "sha1", "md5", "pdq"):
            assert not getattr(row, field) or importing.entries.HEX[field].fullmatch(getattr(row, field))
