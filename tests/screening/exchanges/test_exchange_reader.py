"""What hash sharing answers: every form of a document, every trap in one, and any bytes at all."""

import re
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from safehold.screening.exchanges import reader
from safehold.screening.exchanges.reader import NAMESPACE, Record, Unreadable

MD5, SHA1, PDQ = "0a" * 16, "0b" * 20, "0c" * 32
AT = "2026-01-02T03:04:05Z"
NEXT = "/v2/entries?from=2026-01-01T00%3A00%3A00.000Z&to=2026-01-03T00%3A00%3A00.000Z&start=1001&size=1000&max=2500"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def entry(tag: str = "image", *, member: str = "42", name: str = "image1", at: str = AT, more: str = "") -> str:
    prints = more or f"<fingerprints><md5>{MD5}</md5><sha1>{SHA1}</sha1><pdq>{PDQ}</pdq></fingerprints>"
    return (
        f'<{tag}><member id="{member}">Member A</member><timestamp>{at}</timestamp><id>{name}</id>'
        f"<classification>A1</classification>{prints}<feedback/></{tag}>"
    )


def deleted(tag: str = "deletedImage", name: str = "image4") -> str:
    return f'<{tag}><member id="43">Member B</member><id>{name}</id><timestamp>{AT}</timestamp></{tag}>'


def document(body: str, root: str = "queryResult", space: str = f' xmlns="{NAMESPACE}"') -> bytes:
    return f"{HEAD}<{root}{space}>{body}</{root}>".encode()


def images(*records: str, count: int | None = None) -> str:
    said = len(records) if count is None else count
    return f'<images count="{said}" maxTimestamp="{AT}">{"".join(records)}</images>'


def prefixed(raw: bytes) -> bytes:
    """The same document with every element under a prefix."""
    text = raw.decode().replace(f' xmlns="{NAMESPACE}"', "")
    text = re.sub(r"<(/?)([A-Za-z])", r"<\1h:\2", text)
    return text.replace("<h:queryResult>", f'<h:queryResult xmlns:h="{NAMESPACE}">').encode()


WHOLE = document(
    images(entry(), deleted())
    + f'<videos count="1" maxTimestamp="{AT}">{entry("video", name="video1")}</videos>'
    + f"<paging><next>{NEXT.replace('&', '&amp;')}</next></paging>"
)
FORMS = [WHOLE, WHOLE.replace(f' xmlns="{NAMESPACE}"'.encode(), b""), prefixed(WHOLE)]


@pytest.mark.parametrize("raw", FORMS, ids=["default", "none", "prefixed"])
def test_a_page_in_every_form_of_its_namespace(raw: bytes) -> None:
    page = reader.entries(raw)
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    digests = {"MD5": MD5, "SHA1": SHA1, "PDQ": PDQ}
    assert page.records == (
        Record("picture", "42", "image1", at, classification="A1", digests=digests),
        Record("picture", "43", "image4", at, gone=True),
        Record("film", "42", "video1", at, classification="A1", digests=digests),
    )
    assert page.next == NEXT
    assert page.tallies == {"images": reader.Tally(2, 2), "videos": reader.Tally(1, 1)}
    assert (page.aside, page.unused, page.unknown) == ((), {}, {})


def test_digests_of_pictures_are_kept_whatever_else_stands_beside_them() -> None:
    """The public client drops MD5 and SHA-1 of images."""
    prints = (
        f"<md5>{MD5.upper()}</md5><pdna>AAAA</pdna><netclean>x</netclean><sha1> {SHA1} </sha1>"
        '<tmk-pdqf rel="self" href="/v2/entries/1/fingerprints/TMK_PDQF"/><videntifier rel="self" href="/v2/x"/>'
        '<ssvh-safer-hash rel="self" href="/v2/x"/><tmk-safer-hash rel="self" href="/v2/x"/><newhash>1</newhash>'
    )
    page = reader.entries(document(images(entry(more=f"<fingerprints>{prints}</fingerprints>"))))
    assert page.records[0].digests == {"MD5": MD5, "SHA1": SHA1}
    assert page.unused == {"PDNA": 1, "NETCLEAN": 1, "TMK_PDQF": 1, "VIDENTIFIER": 1, "SSVH_SAFER_HASH": 2}
    assert page.unknown == {"NEWHASH": 1}


def test_an_entry_without_any_digest_of_ours_is_an_entry_all_the_same() -> None:
    page = reader.entries(document(images(entry(more="<fingerprints><pdna>AAAA</pdna></fingerprints>"))))
    assert page.records[0].digests == {}
    assert page.unused == {"PDNA": 1}
    assert reader.entries(document(images(entry(more=" ")))).records[0].digests == {}


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (entry(member=""), "no member or no id"),
        (entry(member="4 2"), "no member or no id"),
        (entry(name=""), "no member or no id"),
        (entry(name=".."), "no member or no id"),
        (entry(name="a b"), "no member or no id"),
        (entry(name="x" * 71), "no member or no id"),
        (entry(at="2026-01-02 03:04:05"), "no time"),
        (entry(at="2026-01-02T03:04:05"), "no time"),
        (entry(at="2026-13-02T03:04:05Z"), "no time"),
        (entry(more=f"<fingerprints><md5>{MD5[:-1]}</md5></fingerprints>"), "a MD5 that is none"),
        (entry(more=f"<fingerprints><md5>{MD5[:-1]}g</md5></fingerprints>"), "a MD5 that is none"),
        (entry(more=f"<fingerprints><md5>{MD5}</md5><md5>{MD5}</md5></fingerprints>"), "a MD5 that is none"),
        (entry(more=f"<fingerprints><sha1><b/>{SHA1}</sha1></fingerprints>"), "more than text"),
        (entry(more="<fingerprints/><fingerprints/>"), "fingerprints twice"),
        (entry(more="<id>other</id>"), "id twice"),
        (entry().replace("A1", "x" * 61), "a classification that is none"),
        (entry("text"), "no image, no video and no deletion of one"),
        (deleted("deletedText"), "no image, no video and no deletion of one"),
        ("<image/>", "no member or no id"),
        ('<image xmlns="urn:other"/>', "no image, no video and no deletion of one"),
    ],
)
def test_a_malformed_record_is_set_aside_and_the_others_are_taken(record: str, why: str) -> None:
    page = reader.entries(document(images(record, entry(name="good"))))
    assert [one.id for one in page.records] == ["good"]
    assert [one.why for one in page.aside] == [why]
    assert page.tallies["images"].there == 2


def test_what_was_set_aside_is_named_where_it_can_be() -> None:
    page = reader.entries(document(images(entry(name="image9", at="soon"))))
    assert page.aside == (reader.Aside("no time", "42", "image9"),)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "malformed"),
        (b"<queryResult>", "malformed"),
        (b"{}", "malformed"),
        (WHOLE[: len(WHOLE) // 2], "malformed"),
        (WHOLE.replace(b"Member A", b"Memb\xe9r A"), "malformed"),  # says UTF-8, and is not
        (WHOLE.replace(b"Member A", b"&e;"), "malformed"),
        (WHOLE.replace(b"?>\n", b'?>\n<!DOCTYPE x [<!ENTITY e "A">]>').replace(b"Member A", b"&e;"), "doctype"),
        (WHOLE.replace(b"?>\n", b'?>\n<!DOCTYPE x SYSTEM "http://collector.example/x">'), "doctype"),
        (document("", root="status"), "root"),
        (document("", space=' xmlns="https://hashsharing.ncmec.org/hashsharing/v3"'), "root"),
        (document(images() + images()), "section-twice"),
        (document("<paging><next>https://collector.example/v2/entries?x</next></paging>"), "next-leads-elsewhere"),
        (document("<paging><next>//collector.example/v2/entries?x</next></paging>"), "next-leads-elsewhere"),
        (document("<paging><next>/v2/entries/../status?x</next></paging>"), "next-leads-elsewhere"),
        (document("<paging><next>/v2/status</next></paging>"), "next-leads-elsewhere"),
        (document("<paging><next>/v2/entries?a#b</next></paging>"), "next-leads-elsewhere"),
        (document(f"<paging><next>/v2/entries?{'x' * 2000}</next></paging>"), "next-leads-elsewhere"),
        (document("<paging><next>/v2/entries?a=1</next><next>/v2/entries?a=2</next></paging>"), "next twice"),
        (document("<paging><next>/v2/entries?a=1</next></paging><paging/>"), "paging twice"),
        (document("<paging><next>/v2/ent<!-- -->ries?a=1</next></paging>"), "more than text"),
    ],
)
def test_what_is_no_page_is_none(raw: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=f"^{why}$"):
        reader.entries(raw)


def test_nothing_changed_is_an_answer() -> None:
    assert reader.entries(document("")) == reader.Page()
    assert reader.entries(document("<paging/>")).next == ""


def test_a_section_nobody_published_is_named() -> None:
    page = reader.entries(document(images(entry()) + "<texts><text/></texts>"))
    assert page.unknown == {"section texts": 1}
    assert len(page.records) == 1


def test_a_next_that_was_escaped_twice() -> None:
    twice = NEXT.replace("&", "&amp;amp;")
    assert reader.entries(document(f"<paging><next>{twice}</next></paging>")).next == NEXT


def test_a_page_cut_short_anywhere_is_never_a_shorter_page() -> None:
    for end in range(len(WHOLE)):
        with pytest.raises(Unreadable):
            reader.entries(WHOLE[:end])


@given(st.binary(max_size=300))
@example(b'<?xml version="1.0" encoding="UTF-7"?><queryResult/>')
@example("<queryResult/>".encode("utf-16"))
@example(b"<queryResult>" * 300)
def test_any_bytes_are_a_page_or_a_clear_error(raw: bytes) -> None:
    told = ""
    try:
        reader.entries(raw)
    except Unreadable as problem:
        told = str(problem)
    assert re.fullmatch("[a-z -]*", told)


@given(st.data())
def test_a_page_with_one_byte_changed_keeps_every_record_in_sight(data: st.DataObject) -> None:
    """A changed byte makes the page unreadable, or every record is still there: taken, or set aside and counted."""
    raw = bytearray(WHOLE)
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        page = reader.entries(bytes(raw))
    except Unreadable:
        return
    there = sum(tally.there for tally in page.tallies.values())
    assert len(page.records) + len(page.aside) == there
    hidden = [name for name in page.unknown if name.startswith("section")]
    commented = bytes(raw).count(b"<!") + bytes(raw).count(b"<?") > 1
    assert there == 3 or hidden or commented


names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=70).filter(
    lambda name: name.strip(".") != ""
)
digests = st.fixed_dictionaries(
    {},
    optional={key: st.text("0123456789abcdef", min_size=size, max_size=size) for key, size in reader.DIGESTS.items()},
)


@given(st.lists(st.tuples(st.booleans(), names, digests), max_size=8), st.booleans())
def test_what_is_written_is_what_is_read(given_: list[tuple[bool, str, dict[str, str]]], prefix: bool) -> None:
    root = etree.Element(f"{{{NAMESPACE}}}queryResult", nsmap={"p" if prefix else None: NAMESPACE})
    section = etree.SubElement(root, f"{{{NAMESPACE}}}images", count=str(len(given_)))
    for gone, name, prints in given_:
        record = etree.SubElement(section, f"{{{NAMESPACE}}}{'deletedImage' if gone else 'image'}")
        etree.SubElement(record, f"{{{NAMESPACE}}}member", id="42")
        for tag, text in (("id", name), ("timestamp", AT)):
            etree.SubElement(record, f"{{{NAMESPACE}}}{tag}").text = text
        home = etree.SubElement(record, f"{{{NAMESPACE}}}fingerprints")
        for key, text in prints.items():
            etree.SubElement(home, f"{{{NAMESPACE}}}{key.lower()}").text = text
    page = reader.entries(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
    assert page.aside == ()
    assert [(one.gone, one.id, one.digests) for one in page.records] == [
        (gone, name, {} if gone else prints) for gone, name, prints in given_
    ]


@pytest.mark.parametrize(
    ("path", "total"),
    [
        (NEXT, 2500),
        ("/v2/entries?start=1001&size=1000&max=1001", 1001),
        ("/v2/entries?start=2001&size=1000&max=3000", 0),  # the sample's: the number of the page's last record
        ("/v2/entries?start=1001&size=1000", 0),
        ("/v2/entries?cursor=abc", 0),
        ("", 0),
    ],
)
def test_the_total_of_a_window_is_a_hint(path: str, total: int) -> None:
    assert reader.total(path) == total


def test_the_other_documents() -> None:
    body = '<ipAddress>192.0.2.1</ipAddress><username>user-17</username><member id="1">Member A</member>'
    assert reader.status(document(body, root="status")) == reader.Status("1", "Member A", "user-17")
    members = document('<member id="42">A</member><member id="43">B</member>', root="members")
    assert reader.members(members) == {"42": "A", "43": "B"}
    body = '<reason guid="01234567-abcd" name="Placeholder" type="Sha1"/>'
    assert reader.reasons(document(body, root="availableFeedbackReasons")) == (
        reader.Reason("01234567-abcd", "Placeholder", "SHA1"),
    )
    body = '<group name="g" allowMultiple="true"><categorization guid="1-2" name="c"/></group>'
    assert reader.categorizations(document(body, root="availableCategorizations")) == (
        reader.Categorization("g", "1-2", "c"),
    )


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        (reader.status, document("<username>x</username>", root="status")),
        (reader.members, document("<other/>", root="members")),
        (reader.reasons, document('<reason name="x"/>', root="availableFeedbackReasons")),
        (reader.reasons, document("", root="queryResult")),
        (reader.categorizations, document("<group><x/></group>", root="availableCategorizations")),
    ],
)
def test_the_other_documents_where_they_are_none(read: object, raw: bytes) -> None:
    with pytest.raises(Unreadable):
        read(raw)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "key"), [("Md5", "MD5"), ("tmk-pdqf", "TMK_PDQF"), ("TMK_SAFER_HASH", "SSVH_SAFER_HASH")]
)
def test_names_of_fingerprints(name: str, key: str) -> None:
    assert reader.key_of(name) == key


def test_times_are_utc_or_none() -> None:
    assert reader.moment("2026-01-02T03:04:05.123Z") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    spoilt = ["2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05z", " 2026-01-02T03:04:05Z", "2026-02-30T00:00:00Z", ""]
    assert [reader.moment(text) for text in spoilt] == [None] * 5
    times = [reader.moment(f"2026-01-02T03:04:{second:02}Z") for second in range(60)]
    assert all(a and b and a < b for a, b in pairwise(times))
