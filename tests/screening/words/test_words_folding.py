"""Folding: every disguise of letters comes to the plain ones, and every position leads back."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from safehold.screening.words.characters import tables
from safehold.screening.words.folding import fold, spaced, without_hidden
from safehold.screening.words.mapped import Mapped

TEXTS = st.text(max_size=40) | st.text(
    st.sampled_from("aZ 1é\u0301ß\u200b\u00adﬁｶﾞか\u3099각\u1100\u1161\u11a8ÅⅷᴀЖжб\ud800\U000e0041\t\n漢\u00a0"),
    max_size=20,
)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("ZoRp", "zorp"),
        ("ＺＯＲＰ　７", "zorp 7"),
        ("źórp", "zorp"),
        ("z\u0301o\u0308rp", "zorp"),
        ("zørp đł", "zorp dl"),
        ("zогр ΖΟRP", "zorp zorp"),
        ("ТЕЅТ тест", "test tect"),
        ("𝔷𝔬𝔯𝔭 𝓏ℴ ⓩ 🅩 🅾 🇿", "zorp zo z z o z"),
        ("ᴢᴏʀᴘ", "zorp"),
        ("zo\u200brp zo\u00adrp z\u2060o\ufeffr\u202ep", "zorp zorp zorp"),
        ("zo\U000e0041rp\ufe0f", "zorp"),
        ("zo\t\r\n rp", "zo rp"),
        ("zo\u00a0\u2003rp", "zo rp"),
        ("ﬁn ß STRAẞE ㎏ ⅷ", "fin ss strasse kg viii"),
        ("İıI", "iii"),
        ("ｶﾞｷﾞ ﾊﾟ", "ガギ パ"),
        ("か\u3099 カ\u200b\u0301\u3099", "が ガ"),
        ("\uac00\u11a8", "각"),
        ("\u1112\u1161\u11ab", "한"),
        ("١٢۳ १२", "123 12"),
        ("كَتَبَ كـــتب", "كتب كتب"),
        ("z0rp z1", "z0rp z1"),
        ("z.o.r.p", "z.o.r.p"),
        ("हिन्दी", "हिन्दी"),
        ("x\ud800", "x\ufffd"),
    ],
)
def test_disguises_fold_away(written: str, folded: str) -> None:
    assert fold(written).text == folded


def test_a_letter_and_its_capital_always_fold_alike() -> None:
    letters = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    pairs = [(one.lower(), one.upper()) for one in letters if one.lower() != one.upper()]
    pairs = [(small, large) for small, large in pairs if large.lower() == small and small.upper() == large]
    assert len(pairs) > 2000
    small, large = ("é\n".join(side) for side in zip(*pairs, strict=True))
    assert fold(small).text == fold(large).text


@given(TEXTS)
@example("\u30ab\u0300\u3099")
@example("\u1112\u200b\u1161\u0301\u11ab")
@example("ㅎㅏ\uac00\u11a8")
@settings(deadline=None)
def test_folding_again_changes_nothing(text: str) -> None:
    once = fold(text).text
    assert fold(once).text == once


@given(TEXTS)
@settings(deadline=None)
def test_every_form_of_a_text_folds_alike(text: str) -> None:
    plain = text.encode("utf-8", "replace").decode()
    letters = "".join(one for one in plain if unicodedata.category(one)[0] == "L")
    assert fold(unicodedata.normalize("NFC", letters)).text == fold(unicodedata.normalize("NFKC", letters)).text


@given(TEXTS)
@settings(deadline=None)
def test_positions_lead_back(text: str) -> None:
    for mapped in (fold(text), without_hidden(text)):
        assert mapped.original == text
        assert mapped.span(0, len(mapped.text))[1] <= len(text)
        last = 0
        for at in range(len(mapped.text)):
            start, end = mapped.span(at, at + 1)
            assert last <= start < end <= len(text)
            last = start
            again = fold if mapped.text == fold(text).text else without_hidden
            assert mapped.text[at] in again(text[start:end]).text or mapped.text[at] in " \ufffd"


@given(TEXTS)
@settings(deadline=None)
def test_what_is_in_ascii_folds_as_the_tables_say(text: str) -> None:
    plain = text.encode("ascii", "ignore").decode()
    assert fold(plain).text == fold(plain + "漢").text[:-1]


def test_positions_within_and_around_replacements() -> None:
    mapped = fold("a\u200bßb  c")
    assert mapped.text == "assb c"
    assert [mapped.span(at, at + 1) for at in range(6)] == [(0, 1), (2, 3), (2, 3), (3, 4), (4, 6), (6, 7)]
    assert mapped.span(0, 3) == (0, 3)
    assert mapped.span(0, 1) == (0, 1)


def test_a_text_that_stays_is_not_copied() -> None:
    mapped = Mapped("zorp")
    assert mapped.same_length("zorp") is mapped
    assert mapped.replaced(tables().formed, lambda _found: "x") is mapped


def test_letters_of_scripts_with_spaces_between_words() -> None:
    assert spaced("a1 _-") == bytes((1, 1, 0, 0, 0))
    assert spaced("жا漢ทか!한") == bytes((1, 1, 0, 0, 0, 0, 1))
    assert spaced("\U00020000\U00030000\U0010ffff") == bytes(3)
