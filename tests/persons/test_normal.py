"""Normal forms: the same mailbox or number has one form, two different ones never share it."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from safehold.persons import normal

LOCAL = st.text("abcdefgXYZ0123456789._-+é ß", min_size=1, max_size=12)
DOMAIN = st.sampled_from(
    ["host.example", "HOST.Example", "mail.host.test", "münchen.example", "gmail.com", "GoogleMail.com", "outlook.com"]
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" User-17@Host.Example ", "user-17@host.example"),
        ("user-17@münchen.example", "user-17@xn--mnchen-3ya.example"),
        ("user-17@XN--MNCHEN-3YA.example", "user-17@xn--mnchen-3ya.example"),
        ("user-17@host.example.", "user-17@host.example"),
        ("us.er.17+list@gmail.com", "user17@gmail.com"),
        ("US.ER17@googlemail.com", "user17@gmail.com"),
        ("user.17+list@outlook.com", "user.17@outlook.com"),
        ("user.17+list@host.example", "user.17+list@host.example"),
        ("user.17@mail.gmail.com", "user.17@mail.gmail.com"),
    ],
)
def test_email(text: str, expected: str) -> None:
    assert normal.email(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "user-17",
        "@host.example",
        "user-17@",
        "us er@host.example",
        "+tag@gmail.com",
        "...@gmail.com",
        "user-17@-.example",
        "user-17@a..b",
        "user\x00@host.example",
        "u" * 400 + "@host.example",
        "user@" + "a" * 64 + ".test",
    ],
)
def test_no_email(text: str) -> None:
    with pytest.raises(normal.BadIdentifier) as error:
        normal.email(text)
    assert not text.strip() or text.strip() not in str(error.value)  # never repeated into a log


@hypothesis_settings(max_examples=300, deadline=None)
@given(local=LOCAL, domain=DOMAIN)
def test_an_email_in_normal_form_stays_as_it_is(local: str, domain: str) -> None:
    try:
        once = normal.email(f"{local}@{domain}")
    except normal.BadIdentifier:
        return
    assert normal.email(once) == once
    assert once == once.lower()
    assert normal.email(f"  {local.swapcase()}@{domain.swapcase()} ") == normal.email(f"{local.swapcase()}@{domain}")


@hypothesis_settings(max_examples=200, deadline=None)
@given(a=st.text("ab.+1", min_size=1, max_size=8), b=st.text("ab.+1", min_size=1, max_size=8))
def test_elsewhere_dots_and_tags_tell_people_apart(a: str, b: str) -> None:
    same = normal.email(f"{a}@host.example") == normal.email(f"{b}@host.example")
    assert same == (a == b)


@hypothesis_settings(max_examples=500, deadline=None)
@given(text=st.text(max_size=40) | st.builds("{}@{}".format, st.text(max_size=10), st.text(max_size=15)))
def test_any_text_has_a_stable_form_or_none(text: str) -> None:
    for form in (normal.email, normal.phone):
        try:
            once = form(text)
        except normal.BadIdentifier:
            continue
        assert form(once) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+1 (202) 555-0123", "+12025550123"),
        ("+1.202.555.0123", "+12025550123"),
        ("tel:+1-202-555-0123", "+12025550123"),
        ("+44 1632 960123", "+441632960123"),
        ("+44 (0)1632 960123", "+441632960123"),
        ("\uff0b1 202 555 0123", "+12025550123"),
        ("+1 202 555 0123 ext. 7", "+12025550123"),
    ],
)
def test_phone(text: str, expected: str) -> None:
    assert normal.phone(text) == expected


@pytest.mark.parametrize(
    "text", ["", "555-0123", "2025550123", "+", "+1", "+999 12345678", "+1202555012345678", "words"]
)
def test_no_phone(text: str) -> None:
    with pytest.raises(normal.BadIdentifier):
        normal.phone(text)


@hypothesis_settings(max_examples=100, deadline=None)
@given(number=st.integers(0, 9999), spaces=st.lists(st.sampled_from([" ", "-", ".", "", "("]), min_size=3, max_size=3))
def test_however_a_phone_is_written_it_is_one_number(number: int, spaces: list[str]) -> None:
    one, two, three = spaces
    assert normal.phone(f"+1{one}202{two}555{three}{number:04d}") == f"+1202555{number:04d}"
