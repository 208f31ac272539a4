"""One form for the many spellings of an address, and the forms it is looked up under."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from safehold.screening.links import canonical as module
from safehold.screening.links.canonical import (
    DEEPEST,
    LONGEST,
    SCOPES,
    BadUrl,
    Form,
    Scope,
    canonical,
    entry_form,
    forms_of,
)
from tests.screening.links.odd_urls import ODD

PAGE = Path(__file__).resolve().parents[3] / "docs" / "screening-links.md"
SPELLED = st.text(st.characters(codec="utf-8"), max_size=60)


def shown(url: str) -> str:
    """An address as the page shows it: escapes as in JSON, where characters are not seen."""
    return "".join(json.dumps(one)[1:-1] if not one.isprintable() else one.replace("\\", "\\\\") for one in url)


@pytest.mark.parametrize(("written", "wanted", "why"), ODD, ids=range(len(ODD)))
def test_odd_addresses(written: str, wanted: str, why: str) -> None:
    if wanted:
        assert canonical(written).exact == wanted
    else:
        with pytest.raises(BadUrl) as refused:
            canonical(written)
        assert str(refused.value) == why


def test_the_page_shows_what_odd_addresses_get() -> None:
    rows = re.findall(r"^\| `(.*)` \| (?:`(.*)`|refused) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = [row for row in rows if row[0] not in SCOPES]
    assert told == [(shown(written), wanted, why) for written, wanted, why in ODD]


def test_an_endless_address_is_refused() -> None:
    start = "http://host.test/"
    assert canonical(start + "a" * (LONGEST - len(start))).path.endswith("aaa")
    with pytest.raises(BadUrl, match=r"has 65,537 characters; at most 65,536"):
        canonical(start + "a" * (LONGEST + 1 - len(start)))
    with pytest.raises(BadUrl, match="too long"):
        canonical(f"http://{'a' * 64}.test/")
    with pytest.raises(BadUrl, match="too long"):
        canonical(f"http://{'a.' * 130}test/")


@given(st.sampled_from([row[0] for row in ODD if row[1]]), SPELLED)
@settings(deadline=None)
def test_a_canonical_address_is_its_own_canonical_form(written: str, more: str) -> None:
    try:
        one = canonical(written + more)
    except BadUrl:
        return
    again = canonical(one.exact if one.ftp else f"http://{one.exact}")
    assert again.exact == one.exact
    assert again.domain == one.domain


@given(SPELLED)
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"http://host.test/{text}"):
        try:
            forms = forms_of(url)
        except BadUrl:
            continue
        assert len(forms) == len(set(forms)) <= DEEPEST + 6
        assert all(form.text.isascii() for form in forms)


# --- scopes ---


def test_the_forms_of_an_address() -> None:
    assert forms_of("https://a.b.host.test:8080/x/y?q=1") == [
        Form("exact", "a.b.host.test:8080/x/y?q=1"),
        Form("prefix", "a.b.host.test:8080"),
        Form("prefix", "a.b.host.test:8080/x"),
        Form("prefix", "a.b.host.test:8080/x/y"),
        Form("host", "a.b.host.test"),
        Form("domain", "host.test"),
    ]


@pytest.mark.parametrize(
    ("scope", "entry", "hit", "missed"),
    [
        (
            "exact",
            "host.test/a?x=1",
            "http://host.test/a?x=1 host.test/a/?utm_id=3&x=1#z",
            "host.test/a host.test/a?x=2 host.test/A?x=1 host.test/a/b?x=1 a.host.test/a?x=1 host.test:81/a?x=1",
        ),
        (
            "exact",
            "host.test/",
            "host.test http://host.test/#top host.test/#!room",
            "host.test/a host.test/?a",
        ),
        (
            "exact",
            "host.test/#!room",
            "https://host.test/#!room",
            "host.test host.test/#!other host.test/#room",
        ),
        (
            "exact",
            "host.test/#/room/1",
            "https://host.test/#/room/1",
            "host.test host.test/#/room",
        ),
        (
            "prefix",
            "host.test/a",
            "host.test/a host.test/a/ host.test/a?x=1 host.test/a/b/c",
            "host.test/ab host.test/ host.test/A host.test:81/a",
        ),
        (
            "prefix",
            "host.test",
            "host.test host.test/a/b",
            "a.host.test host.test:81",
        ),
        (
            "host",
            "a.host.test/ignored",
            "a.host.test a.host.test:81/x?y ftp://a.host.test/",
            "host.test b.a.host.test",
        ),
        (
            "host",
            "192.0.2.7",
            "http://0xc0.0.2.7/x",
            "192.0.2.8",
        ),
        (
            "domain",
            "host.test",
            "host.test a.b.host.test:81/x",
            "nothost.test host.test.example",
        ),
        (
            "domain",
            "user-17.pages.example",
            "user-17.pages.example/x a.user-17.pages.example",
            "user-18.pages.example pages.example example",
        ),
    ],
)
def test_what_an_entry_matches(
    scope: Scope, entry: str, hit: str, missed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_pages = PublicSuffixList(["pages.example"])
    monkeypatch.setattr(module, "suffixes", lambda: own_pages)
    form = entry_form(entry, scope)
    assert [url for url in hit.split() if form not in forms_of(url)] == []
    assert [url for url in missed.split() if form in forms_of(url)] == []


@pytest.mark.parametrize(
    ("scope", "entry", "why"),
    [
        ("domain", "a.host.test", "lies below the domain host.test"),
        ("domain", "co.uk", "no domain that belongs to somebody alone"),
        ("domain", "github.io", "no domain that belongs to somebody alone"),
        ("domain", "192.0.2.7", "no domain that belongs to somebody alone"),
        ("domain", "[2001:db8::1]", "no domain that belongs to somebody alone"),
        ("domain", "localhost", "no domain that belongs to somebody alone"),
        ("prefix", "host.test/a?x=1", "A prefix ends with the path"),
        ("prefix", "host.test/a#!x", "A prefix ends with the path"),
        ("prefix", "host.test" + "/a" * (DEEPEST + 1), "The path has 33 segments; a prefix has at most 32"),
        ("page", "host.test", "There is no scope 'page'"),
        ("exact", "", "empty"),
    ],
)
def test_what_can_be_no_entry(scope: Scope, entry: str, why: str) -> None:
    with pytest.raises(BadUrl, match=re.escape(why)):
        entry_form(entry, scope)


def test_a_path_of_many_segments_stays_bounded_and_is_found_by_every_prefix_that_can_be_listed() -> None:
    deep = "host.test" + "/a" * 500
    forms = forms_of(deep)
    assert len(forms) == DEEPEST + 4
    for segments in range(DEEPEST + 1):
        assert entry_form("host.test" + "/a" * segments, "prefix") in forms
    assert entry_form(deep, "exact") in forms
