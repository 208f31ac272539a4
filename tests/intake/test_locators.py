"""What a pasted line is, without asking anybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehold.intake import locators
from safehold.subjects.models import Host

BLOG = Host(slug="blog", base_url="https://blog.example", origins=["https://blog.example"])


def host_of(link: str) -> Host | None:
    """As subjects.host_of answers, for one host."""
    return BLOG if link.lower().startswith("https://blog.example") and link[20:21] in ("", "/") else None


@pytest.mark.parametrize(
    ("raw", "given_as", "kind", "state", "host"),
    [
        ("https://blog.example/p/1", "link", "item", "checking", BLOG),
        ("HTTPS://Blog.Example/p/1", "link", "item", "checking", BLOG),
        ("http://blog.example/p/1", "link", "item", "checking", BLOG),
        ("https://blog.example:443/p/1", "link", "item", "checking", BLOG),
        ("https://blog.example./p/1", "link", "item", "checking", BLOG),
        ("blog.example/p/1?x=1#y", "link", "item", "checking", BLOG),
        ("@user-17", "name", "account", "checking", None),
        ("user-17", "name", "account", "checking", None),
        ("@user-17:hs.test", "name", "account", "checking", None),
        ("@user-17@blog.example", "name", "account", "checking", None),
        ("https://elsewhere.example/p/1", "link", "elsewhere", "elsewhere", None),
        ("elsewhere.example/p/1", "link", "elsewhere", "elsewhere", None),
        ("https://blog.example.elsewhere.example/p", "link", "elsewhere", "elsewhere", None),
        ("https://blog.example:8443/p/1", "link", "elsewhere", "elsewhere", None),
        ("https://blog.example@elsewhere.example/p", "link", "elsewhere", "elsewhere", None),
        ("https://elsewhere.example#@blog.example/p", "link", "elsewhere", "elsewhere", None),
        ("ftp://blog.example/p", "link", "elsewhere", "elsewhere", None),
        ("http://[::1", "link", "item", "not_found", None),
        ("https://blog.example:99999/p", "link", "item", "not_found", None),
        ("https:///p", "link", "item", "not_found", None),
    ],
)
def test_each_kind_of_line(raw: str, given_as: str, kind: str, state: str, host: Host | None) -> None:
    assert locators.classify(raw, host_of) == locators.Classified(raw, given_as, kind, state, host)


def test_a_bare_name_belongs_to_the_host_that_was_named() -> None:
    assert locators.classify("@user-17", host_of, BLOG).host == BLOG
    assert locators.classify("https://elsewhere.example/x", host_of, BLOG).host is None


@given(st.text(max_size=200))
def test_any_text_is_understood_somehow(text: str) -> None:
    found = locators.classify(text, host_of)
    assert (found.given_as, found.kind, found.state) in {
        ("name", "account", "checking"),
        ("link", "item", "checking"),
        ("link", "item", "not_found"),
        ("link", "elsewhere", "elsewhere"),
    }
    assert (found.host is BLOG) == (found.given_as == "link" and found.state == "checking")


@given(st.from_regex(r"https://[a-z0-9.@:\[\]%-]{0,30}blog\.example[a-z0-9.@:%-]{0,10}(/[a-z]*)?", fullmatch=True))
def test_only_the_very_origin_is_ours(link: str) -> None:
    if locators.classify(link, host_of).host is BLOG:
        assert link.removeprefix("https://").split("/")[0] in {"blog.example", "blog.example:443", "blog.example.",
                                                              "blog.example.:443", "blog.example:"}  # fmt: skip


@given(st.text(alphabet=st.characters(codec=None), max_size=100))
def test_cleaned_text_can_be_stored(text: str) -> None:
    plain = locators.clean(text)
    plain.encode("utf-8")
    assert "\0" not in plain
    assert "\n" not in plain
    assert plain == locators.clean(plain)


def test_a_text_area_is_split_into_locators() -> None:
    text = (
        "https://blog.example/p/1\n\n  @user-17  \n"
        "https://blog.example/p/2, https://blog.example/p/3 @user-18\nUser Seventeen\n"
    )
    assert locators.split(text) == (
        "https://blog.example/p/1", "@user-17", "https://blog.example/p/2", "https://blog.example/p/3", "@user-18",
        "User Seventeen",
    )  # fmt: skip


@given(st.text(max_size=300))
def test_splitting_loses_no_word(text: str) -> None:
    def words(whole: str) -> list[str]:
        return whole.replace(",", " ").split()

    assert words(" ".join(locators.split(text))) == words(text)
