"""Links found in free text, plain or disguised, in work that grows with the text alone."""

import re
import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from safehold.screening.links import disguises, finding, shorteners
from safehold.screening.links.canonical import BadUrl, canonical
from safehold.screening.links.finding import LIMIT, LONGEST, FoundLink, find_links
from safehold.screening.links.shorteners import is_shortener, known


def urls(text: str) -> list[str]:
    return [link.url for link in find_links(text)]


PLAIN = [
    ("see http://host.test/x.", "http://host.test/x"),
    ("(http://host.test/x)", "http://host.test/x"),
    ("http://host.test/x_(1), really", "http://host.test/x_(1)"),
    ("[text](http://host.test/x)", "http://host.test/x"),
    ("**http://host.test/x**", "http://host.test/x"),
    ('<a href="http://host.test/x">text</a>', "http://host.test/x"),
    ("<http://host.test/x>", "http://host.test/x"),
    ("“http://host.test/x”", "http://host.test/x"),
    ("HTTPS://HOST.TEST/X", "https://HOST.TEST/X"),
    ("at host.test/x today", "http://host.test/x"),
    ("host.test", "http://host.test"),
    ("host.test:8080/x?y=1#z!", "http://host.test:8080/x?y=1#z"),
    ("host.test?x", "http://host.test?x"),
    ("bücher.test/x", "http://bücher.test/x"),
    ("http://xn--bcher-kva.test", "http://xn--bcher-kva.test"),
    ("192.0.2.7/x", "http://192.0.2.7/x"),
    ("http://[2001:db8::1]/x", "http://[2001:db8::1]/x"),
    ("wss://host.test/x", "wss://host.test/x"),
    ("ftp://host.test/x", "ftp://host.test/x"),
    ("看http://host.test/x。", "http://host.test/x"),
    ("http://host.test/x…", "http://host.test/x"),
]

DISGUISED = [
    ("hxxp://host.test/x", "http://host.test/x"),
    ("hXXps://host.test/x", "https://host.test/x"),
    ("h**p://host.test/x", "http://host.test/x"),
    ("htxp://host[.]test/x", "http://host.test/x"),
    ("http[:]//host.test/x", "http://host.test/x"),
    ("http[://]host.test/x", "http://host.test/x"),
    ("h t t p : / / host . test / x", "http://host.test/x"),
    ("meow://host[.]test/x", "http://host.test/x"),
    ("http:\\\\host.test\\x", "http://host.test\\x"),
    ("http:\\/\\/host.test\\/x", "http://host.test\\/x"),
    ("host[.]test/x", "http://host.test/x"),
    ("host(.)test/x", "http://host.test/x"),
    ("host{.}test/x", "http://host.test/x"),
    ("host[dot]test/x", "http://host.test/x"),
    ("host (dot) test/x", "http://host.test/x"),
    ("host DOT test", "http://host.test"),
    ("host-dot-test", "http://host.test"),
    ("host dot test slash x", "http://host.test/x"),
    ("host . test", "http://host.test"),
    ("host .test/x", "http://host.test/x"),
    ("host. test/x", "http://host.test/x"),
    ("host[.]test[/]x", "http://host.test/x"),
    ("host。test/x", "http://host.test/x"),
    ("host․test/x", "http://host.test/x"),
    ("host.test∕x", "http://host.test/x"),
    ("ｈｔｔｐ：／／ｈｏｓｔ．ｔｅｓｔ／ｘ", "http://host.test/x"),
    ("ⓗⓞⓢⓣ.test", "http://host.test"),
    ("ho\u200bst.te\u00adst/\u2060x", "http://host.test/x"),
    ("host&#46;test/x", "http://host.test/x"),
    ("host&#x2E;test&sol;x", "http://host.test/x"),
    ("host\\u002etest/x", "http://host.test/x"),
    ("https%3A%2F%2Fhost.test%2Fx", "https://host.test/x"),
    ("http%253A%252F%252Fhost.test%252Fx", "http://host.test/x"),
    ("http://%68ost.test/x", "http://%68ost.test/x"),
    ("http://3221225991/x", "http://3221225991/x"),
    ("http://0xC0.0.2.7/x", "http://0xC0.0.2.7/x"),
    ("http://[::ffff:192.0.2.7]/x", "http://[::ffff:192.0.2.7]/x"),
    ("http://known.example@host.test/x", "http://known.example@host.test/x"),
]


@pytest.mark.parametrize(("text", "url"), PLAIN)
def test_plain_links(text: str, url: str) -> None:
    (link,) = find_links(text)
    assert (link.url, link.obfuscated) == (url, False)
    assert text[link.at : link.at + len(link.raw)] == link.raw


@pytest.mark.parametrize(("text", "url"), DISGUISED)
def test_disguised_links(text: str, url: str) -> None:
    around = f"placeholder message 3: {text} and more"
    (link,) = find_links(around)
    assert (link.url, link.raw, link.obfuscated) == (url, text, True)
    assert around[link.at : link.at + len(link.raw)] == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "placeholder message 3",
        "The end. Another begins.",
        "version 1.2.3, at 10.30 or 3.14",
        "299.0.2.7",
        "user-17@host.test",
        "mailto:user-17@host.test",
        "e.g. this, i.e. that...",
        "http://",
        "http://host..test",
        "http: nothing",
        "hxxp",
        "co.uk",
        "name.unknownsuffix",
        "a / b . ",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_link(text: str) -> None:
    assert find_links(text) == []


def test_a_bare_name_needs_a_known_suffix(monkeypatch: pytest.MonkeyPatch) -> None:
    own = PublicSuffixList(["made-up", "pages.made-up"], accept_unknown=False)
    assert find_links("host.made-up and pages.made-up") == []
    monkeypatch.setattr(finding, "suffixes", lambda: own)
    assert urls("host.made-up/x and pages.made-up and user-17.pages.made-up") == [
        "http://host.made-up/x",
        "http://user-17.pages.made-up",
    ]


def test_links_within_links_are_found() -> None:
    assert urls("http://web.test/save/http://host.test/x") == [
        "http://web.test/save/http://host.test/x",
        "http://web.test/save/",
        "http://host.test/x",
    ]
    assert urls("http://web.test/?u=https%3A%2F%2Fhost.test%2Fx&z=1")[1] == "https://host.test/x"
    assert urls("http://one.test,http://two.test") == ["http://one.test", "http://two.test"]
    assert urls("http://one.testhttp://two.test") == ["http://one.test", "http://two.test"]


@pytest.mark.parametrize(
    ("text", "as_written", "undone"),
    [
        ("http://host.test/ﬁ", "http://host.test/ﬁ", "http://host.test/fi"),
        ("http://host.test/?a=1&copy;=2", "http://host.test/?a=1&copy;=2", "http://host.test/?a=1©=2"),
        ('<a href="http://host.test/?a=1&amp;b=2">', "http://host.test/?a=1&amp;b=2", "http://host.test/?a=1&b=2"),
        ("http://host.test/a-dot-b", "http://host.test/a-dot-b", "http://host.test/a.b"),
    ],
)
def test_a_whole_link_also_counts_as_it_stands(text: str, as_written: str, undone: str) -> None:
    found = {link.url: link.obfuscated for link in find_links(text)}
    assert found == {as_written: False, undone: "&amp;" not in text}


def test_each_address_is_given_once_where_it_first_stands() -> None:
    text = "http://host.test/x https://host.test/x host.test/x hxxp://host.test/x"
    assert find_links(text) == [FoundLink("http://host.test/x", "http://host.test/x", 0, False)]


def test_at_most_so_many_links_are_given() -> None:
    text = " ".join(f"host-{number}.test" for number in range(LIMIT + 50))
    assert len(find_links(text)) == LIMIT
    assert urls(text)[:2] == ["http://host-0.test", "http://host-1.test"]
    assert len(find_links(text, limit=3)) == 3
    assert find_links(text, limit=0) == []


def test_an_endless_link_is_cut_and_its_host_still_found() -> None:
    (link,) = find_links("http://host.test/" + "a" * 100_000)
    assert len(link.url) == LONGEST
    assert canonical(link.url).host == "host.test"


SIGNS = [".", " ", "/", "[", "]", "(", ")", "dot", "@", "%", "&", "http://", "a", "é", "\u200b", "\ud800", "：", "\\"]
PIECES = st.sampled_from([*(text for text, _ in PLAIN + DISGUISED), *SIGNS])


HOSTILE = [
    "http://",
    "http://a.test/",
    "http://a.test/http://",
    "a.",
    ".",
    "a.a.test/",
    "host.test ",
    "(",
    ")",
    "a.test/)",
    "._",
    "@a.test",
    "a@",
    "%3a",
    "http%3a%2f%2f",
    "%25",
    "[.]",
    " . ",
    " dot ",
    "hxxp:",
    "h t t p",
    "&#46;",
    "&amp;",
    "\u200b",
    "．",
    "ｈ",
    "\\u002e",
    "/",
    "a/ ",
    "[::1]",
    ":80",
]


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=80))
@settings(deadline=None, max_examples=300)
@example("http%3a%2f%2fhost.test/\ud800 \ud800%41.test")
def test_any_text_gives_links_that_stand_in_it_and_can_be_read(text: str) -> None:
    links = find_links(text)
    assert [link.at for link in links] == sorted(link.at for link in links)
    for link in links:
        assert text[link.at : link.at + len(link.raw)] == link.raw != ""
        canonical(link.url)


@given(st.lists(st.sampled_from(HOSTILE) | PIECES, max_size=12).map("".join))
@settings(deadline=None, max_examples=300)
@example("http://(\\ http:////)a.test http:// a.test")
def test_the_short_way_for_texts_without_disguise_misses_none(text: str) -> None:
    reached = disguises.plain(text).text
    kept, disguises._hinted = disguises._hinted, lambda _hint, _text: True
    try:
        assert disguises.plain(text).text == reached
    finally:
        disguises._hinted = kept


def steps(text: str) -> int:
    """How many calls of functions, Python's and C's, and how many characters handed on reading a text takes."""
    count = 0

    def counted(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    lengths: list[int] = []

    def read(url: str) -> Any:
        lengths.append(len(url))
        return canonical(url)

    finding.canonical, kept = read, finding.canonical  # type: ignore[assignment]
    sys.setprofile(counted)
    try:
        find_links(text, limit=10**9)
    finally:
        sys.setprofile(None)
        finding.canonical = kept
    return count + sum(lengths)


@given(st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=3).map("".join))
@settings(max_examples=80, deadline=None)
def test_the_work_grows_with_the_text_alone(piece: str) -> None:
    times = max(1, 1200 // len(piece))
    find_links(piece)  # tables and caches are made before counting
    small, large = steps(piece * times), steps(piece * times * 4)
    assert large <= 4.4 * small + 2000


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_expression_goes_back_over_a_long_text(piece: str) -> None:
    """Takes hours where one did: 200,000 characters looked at once for each of them."""
    assert isinstance(find_links(piece * (200_000 // len(piece)), limit=50), list)


# --- shorteners ---


def test_known_shorteners_are_flagged_but_not_their_front_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shorteners, "known", lambda: frozenset({"short.test"}))
    assert is_shortener("https://short.test/abc")
    assert is_shortener("www.SHORT.test/abc?x=1")
    assert is_shortener(canonical("short.test/abc"))
    assert not is_shortener("https://short.test/")
    assert not is_shortener("https://a.short.test/abc")
    assert not is_shortener("https://host.test/short.test/abc")
    with pytest.raises(BadUrl):
        is_shortener("mailto:user-17@short.test")


def test_the_shorteners_are_hosts_in_canonical_form_and_order() -> None:
    lines = [line for line in _lines() if line and not line.startswith("#")]
    assert lines == sorted(set(lines))
    assert set(lines) == known()
    assert len(lines) > 50
    for host in lines:
        assert re.fullmatch(r"[a-z0-9.\-]+", host)
        assert canonical(host).host == host


def _lines() -> list[str]:
    from importlib.resources import files

    return files("safehold.screening.links").joinpath("shorteners.txt").read_text(encoding="utf-8").splitlines()
