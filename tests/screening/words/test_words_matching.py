"""Terms, patterns and rules of company. All words here are invented."""

import random
import re
from collections.abc import Iterable
from itertools import pairwise, product

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from safehold.screening.words import patterns as patterns_module
from safehold.screening.words import terms as terms_module
from safehold.screening.words.folding import fold
from safehold.screening.words.patterns import BadPattern, Pattern, PatternMatcher, checked
from safehold.screening.words.reading import TextHits, TextMatcher
from safehold.screening.words.terms import BadTerm, Term, TermHit, TermMatcher
from safehold.screening.words.together import MOST_GROUPS, BadRule, Combined, Rule, combined


def entry(number: int) -> bytes:
    return number.to_bytes(16, "big")


def term(text: str, boundary: str = "word", name: str = "a", number: int = 1) -> Term:
    return Term(entry(number), name, text, boundary)  # type: ignore[arg-type]


def shown(text: str, hits: Iterable[TermHit]) -> list[str]:
    return [text[hit.start : hit.end] for hit in hits]


# --- terms ---


@pytest.mark.parametrize(
    ("boundary", "hit", "missed"),
    [
        ("word", "zorp,(Zorp)!,a zorp.,zorp-x,1 zorp,漢zorp字,x_zorp", "zorps,xzorp,zorp1,éZorp"),
        ("start", "zorp,zorpling,a-zorps", "xzorp,7zorp"),
        ("none", "zorp,xzorpx", "zo rp,z.orp"),
    ],
)  # fmt: skip
def test_what_may_stand_beside_a_term(boundary: str, hit: str, missed: str) -> None:
    matcher = TermMatcher([term("zorp", boundary)])
    assert [text for text in hit.split(",") if not matcher.match(text)] == []
    assert [text for text in missed.split(",") if matcher.match(text)] == []


def test_in_scripts_without_spaces_a_term_counts_anywhere() -> None:
    assert shown("甲乙丙丁", TermMatcher([term("乙丙")]).match("甲乙丙丁")) == ["乙丙"]
    assert shown("กขคง", TermMatcher([term("ขค")]).match("กขคง")) == ["ขค"]
    assert TermMatcher([term("어가")]).match("무어가나") == []


@pytest.mark.parametrize(
    "written",
    ["zorp quilm", "ZORP\n  quilm", "ｚｏｒｐ quílm", "zоrp\u00a0quilm", "z\u200borp\tq\u00aduilm", "𝔷𝔬𝔯𝔭 ⓠuilm"],
)
def test_a_disguised_term_is_found_where_it_stands(written: str) -> None:
    text = f"é placeholder {written}, message 3"
    (hit,) = TermMatcher([term("Zorp  Quilm", number=7, name="list-1")]).match(text)
    assert hit == TermHit(entry(7), "list-1", text.index(written), text.index(written) + len(written))


def test_terms_that_overlap_or_are_equal_are_all_told() -> None:
    text = "zorp quilm"
    matcher = TermMatcher(
        [
            term("zorp", number=1),
            term("zorp quilm", number=2),
            term("ZORP", name="b", number=3),
            term("quilm", number=4),
        ]
    )
    assert {(hit.entry, text[hit.start : hit.end]) for hit in matcher.match(text)} == {
        (entry(1), "zorp"),
        (entry(2), "zorp quilm"),
        (entry(3), "zorp"),
        (entry(4), "quilm"),
    }
    assert len(matcher) == 4


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (term(""), "is empty"),
        (term(" \u200b\u0301 "), "is empty, or holds nothing that is seen"),
        (term("x" * 201), "has 201 characters; at most 200"),
        (term("zorp", "page"), "has the boundary 'page'"),
        (Term(b"short", "a", "zorp"), "has an id of 5 bytes"),
    ],
)
def test_what_can_be_no_term(bad: Term, why: str) -> None:
    with pytest.raises(BadTerm, match=re.escape(why)) as refused:
        TermMatcher([term("quilm"), bad])
    assert "zorp" not in str(refused.value)


def test_no_terms_and_no_text() -> None:
    assert TermMatcher().match("zorp") == []
    assert TermMatcher([term("zorp")]).match("") == []


def test_terms_across_the_parts_of_a_long_text_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms_module, "CHUNK", 8)
    matcher = TermMatcher([term("zorp", number=1), term("zorp quilm", number=2), term("m", "none", number=3)])
    for shift in range(20):
        text = "-" * shift + "zorp quilm zorp"
        assert [(hit.entry[-1], hit.start - shift) for hit in sorted(matcher.match(text), key=lambda h: h[2:])] == [
            (1, 0),
            (2, 0),
            (3, 9),
            (1, 11),
        ]


def test_a_text_of_nothing_but_hits_is_cut_and_says_so() -> None:
    matcher = TermMatcher([term("z" * length, "none", number=length) for length in range(1, 101)])
    finds = matcher.find(fold("z" * 50_000))
    assert len(finds.hits) == terms_module.MOST_HITS
    assert finds.cut
    assert TextMatcher([term("z", "none")]).match("z" * 20_000).cut
    assert not TextMatcher([term("z", "none")]).match("z" * 10_000).cut


@given(
    st.lists(st.text("abä ", min_size=1, max_size=4).filter(str.strip), min_size=1, max_size=6),
    st.text("abä ", max_size=40),
)
@settings(deadline=None, max_examples=200)
def test_terms_are_found_as_a_plain_search_finds_them(words: list[str], text: str) -> None:
    folded = fold(text).text
    wanted = set()
    for number, word in enumerate(words):
        want = fold(word).text.strip()
        wanted |= {
            (number, at.start())
            for at in re.finditer(f"(?<![a-z])(?={re.escape(want)}(?![a-z]))", folded)
        }  # fmt: skip
    matcher = TermMatcher([term(word, number=number) for number, word in enumerate(words)])
    found = {(hit.entry[-1], hit.start) for hit in matcher.find(fold(folded)).hits}
    assert found == wanted


# --- patterns ---


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(zorp", "A bracket is opened and not closed."),
        ("zorp)", "A bracket is closed that was not opened."),
        ("[zorp", "A set of characters is opened and not closed."),
        ("zorp(?=quilm)", "Looking ahead or behind is not possible here"),
        ("(?<!x)zorp", "Looking ahead or behind is not possible here"),
        (r"(z)\1", "Referring back to a group is not possible here"),
        ("(z{1000}){1000}", "may be of 1,000 at most"),
        ("z{1001}", "may be of 1,000 at most"),
        ("*z", "there is nothing to repeat"),
        ("z\\", "It ends with a single backslash."),
        (r"(\pL{500}x){2}\pL{900}\pN{900}", "It becomes too large"),
        ("", "It is found in an empty text"),
        ("z*", "It is found in an empty text"),
        ("zorp|", "It is found in an empty text"),
        ("^", "It is found in an empty text"),
        ("z" * 1001, "It has 1,001 characters; at most 1,000"),
        ("z\ud800", "half of a pair"),
    ],
)
def test_what_can_be_no_pattern(text: str, why: str) -> None:
    with pytest.raises(BadPattern, match=re.escape(why)):
        checked(text)
    with pytest.raises(
        BadPattern, match=f"The pattern {entry(5).hex()} of the list 'a' cannot be used. .*{re.escape(why)}"
    ):
        PatternMatcher([Pattern(entry(5), "a", text)])
    with pytest.raises(BadPattern):
        checked(Pattern(entry(5), "a", text))


def test_too_many_patterns_are_refused() -> None:
    with pytest.raises(BadPattern, match="There are 1,001 patterns; at most 1,000"):
        PatternMatcher([Pattern(entry(number), "a", f"zorp{number}") for number in range(1001)])
    with pytest.raises(BadPattern, match="has 3 bytes"):
        PatternMatcher([Pattern(b"abc", "a", "zorp")])


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"zorp\d{2}", "é ZORP17, zorp1", ["ZORP17"]),
        (r"zorp\d{2}", "ｚｏｒｐ１７", ["ｚｏｒｐ１７"]),
        (r"zo+rp", "zо\u200bооrp zrp", ["zо\u200bооrp"]),
        (r"\bzorp\b", "zorps (zorp)", ["zorp"]),
        (r"quïlm", "quïlm quilm", ["quïlm"]),
        (r"\p{Cyrillic}{3}", "abc где", ["где"]),
        (r"a.c", "a\nc abc", ["a\nc", "abc"]),
        (r"x*zorp|y*", "xxzorp", None),
    ],
)
def test_patterns_are_tried_on_the_text_as_written_and_folded(pattern: str, text: str, found: list[str] | None) -> None:
    if found is None:
        with pytest.raises(BadPattern):
            checked(pattern)
        return
    hits = PatternMatcher([Pattern(entry(1), "a", pattern)]).match(text)
    assert sorted(set(shown(text, hits))) == sorted(found)


def test_a_hit_that_both_forms_hold_is_told_once() -> None:
    text = "é zorp"
    assert PatternMatcher([Pattern(entry(1), "a", "zorp")]).match(text) == [TermHit(entry(1), "a", 2, 6)]
    assert PatternMatcher().match("zorp") == []
    assert PatternMatcher([Pattern(entry(1), "a", "zorp")]).match("") == []


def test_only_so_many_hits_of_a_pattern_are_told() -> None:
    matcher = PatternMatcher([Pattern(entry(1), "a", "z"), Pattern(entry(2), "a", "q")])
    finds = matcher.find(fold("zq" * 200))
    assert finds.cut
    assert len(finds.hits) == 2 * patterns_module.MOST_HITS
    assert not matcher.find(fold("zq" * 100)).cut


class Silent:
    """A set that answers nothing, as RE2's does where its memory does not reach."""

    asked = 0

    def Match(self, _text: bytes) -> None:  # noqa: N802
        self.asked += 1


def test_a_set_without_memory_loses_no_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [Pattern(entry(number), "a", f"zorp{number}[a-z]+") for number in range(50)]
    whole, text = PatternMatcher(listed), "zorp3abc zorp49x zorp7"
    assert shown(text, whole.match(text)) == ["zorp3abc", "zorp49x"]
    assert sorted(whole._set.Match(text.encode())) == [3, 49, 50]
    without = PatternMatcher(listed, memory_of_set=1000)
    assert without._set is None
    assert without.match(text) == whole.match(text)
    silent = whole._set = Silent()
    assert shown(text, whole.match(text)) == ["zorp3abc", "zorp49x"]
    assert silent.asked == 1


def test_the_set_is_asked_so_that_few_patterns_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    matcher = PatternMatcher([Pattern(entry(number), "a", f"zorp{number}x") for number in range(100)])
    assert matcher._present(b"a zorp3x and zorp70x") == [3, 70]
    assert matcher._present(b"placeholder message 3") == []


@given(st.text("zq\n é1", max_size=40))
@settings(deadline=None)
def test_patterns_are_found_as_re2_finds_them(text: str) -> None:
    texts = ["z+q", "q\\d", "(?:z|é)1", "[^z]z$"]
    matcher = PatternMatcher([Pattern(entry(number), "a", one) for number, one in enumerate(texts)])
    wanted = {
        (number, found.start(), found.end())
        for number, one in enumerate(texts)
        for found in re2.finditer(f"(?i){one}", text)
    }
    found = {(hit.entry[-1], hit.start, hit.end) for hit in matcher.match(text)}
    assert wanted <= found


# --- company ---

BOTH = Rule("both", ("a", "b"), 5)
COMPANY = TextMatcher([term("zorp", name="a"), term("quilm veb", name="b", number=2)], rules=[BOTH])


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("zorp", []),
        ("quilm veb", []),
        ("zorp zorp zorp", []),
        ("zorp quilm veb", ["zorp quilm veb"]),
        ("quilm veb, and a Zorp.", ["quilm veb, and a Zorp"]),
        ("zorp one two quilm veb", ["zorp one two quilm veb"]),
        ("zorp one two three quilm veb", []),
        ("zorp o\u200bn\u200be tw\u00ado quilm veb", ["zorp o\u200bn\u200be tw\u00ado quilm veb"]),
        ("zorp - , ... ! quilm veb", ["zorp - , ... ! quilm veb"]),
        ("zorp 甲乙 quilm veb", ["zorp 甲乙 quilm veb"]),
        ("zorp 甲乙丙 quilm veb", []),
        ("zorp zorp quilm veb", ["zorp quilm veb"]),
        ("zorp quilm veb zorp", ["zorp quilm veb", "quilm veb zorp"]),
    ],
)
def test_words_count_in_each_others_company_alone(text: str, groups: list[str]) -> None:
    hits = COMPANY.match(text)
    assert hits.hits == ()
    assert [text[group.start : group.end] for group in hits.combined] == groups
    assert bool(hits) == bool(groups)
    assert len(hits) == len(groups)


def test_a_list_may_count_alone_as_well() -> None:
    words = [term("zorp", name="a"), term("quilm", name="b", number=2), term("veb", name="c", number=3)]
    text = "zorp quilm veb"
    found = TextMatcher(words, rules=[BOTH], alone=["b"]).match(text)
    assert shown(text, found.hits) == ["quilm", "veb"]
    assert [group.rule for group in found.combined] == ["both"]
    assert shown(text, TextMatcher(words).match(text).hits) == ["zorp", "quilm", "veb"]


def test_windows_of_characters() -> None:
    words = [term("zorp", name="a"), term("quilm", name="b", number=2)]
    for within, found in ((11, 0), (12, 1)):
        matcher = TextMatcher(words, rules=[Rule("near", ("a", "b"), within, "characters")])
        assert len(matcher.match("é zorp , quilm").combined) == found


def test_patterns_and_terms_keep_company() -> None:
    matcher = TextMatcher([term("zorp", name="a")], [Pattern(entry(2), "b", r"\d{4}")], [BOTH])
    assert matcher.match("1234 zorp").combined == (
        Combined("both", (TermHit(entry(2), "b", 0, 4), TermHit(entry(1), "a", 5, 9))),
    )
    assert matcher.match("123 zorp") == TextHits()


def test_one_word_on_two_lists_keeps_itself_no_company() -> None:
    matcher = TextMatcher([term("zorp", name="a"), term("zorp", name="b", number=2)], rules=[BOTH])
    assert not matcher.match("zorp")
    assert [len(group.hits) for group in matcher.match("zorp zorp").combined] == [2, 2]


def test_three_lists_in_any_order() -> None:
    words = [term("zorp", name="a"), term("quilm", name="b", number=2), term("veb", name="c", number=3)]
    matcher = TextMatcher(words, rules=[Rule("three", ("a", "b", "c"), 4)])
    for text in ("zorp quilm veb", "veb zorp x quilm", "quilm veb zorp"):
        (group,) = matcher.match(text).combined
        assert (group.start, group.end) == (0, len(text))
    assert not matcher.match("zorp quilm quilm zorp")
    assert not matcher.match("zorp quilm x y veb")


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule("r", ("a",), 5), "must name 2 to 4 different lists"),
        (Rule("r", ("a", "a"), 5), "must name 2 to 4 different lists"),
        (Rule("r", tuple("abcde"), 5), "must name 2 to 4 different lists"),
        (Rule("r", ("a", "b"), 1), "has a window of 1"),
        (Rule("r", ("a", "b"), 10_001), "has a window of 10001"),
        (Rule("r", ("a", "b"), 5, "lines"), "counts 'lines'"),  # type: ignore[arg-type]
    ],
)
def test_what_can_be_no_rule(rule: Rule, why: str) -> None:
    with pytest.raises(BadRule, match=re.escape(why)):
        TextMatcher(rules=[rule])


PLACES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(1, 4)), max_size=9, unique=True)


@given(PLACES, st.sampled_from([("a", "b"), ("a", "b", "c")]), st.integers(2, 20))
@settings(deadline=None, max_examples=300)
def test_groups_are_those_that_trying_every_choice_finds(
    places: list[tuple[str, int, int]], names: tuple[str, ...], within: int
) -> None:
    hits = [TermHit(entry(number), name, at, at + length) for number, (name, at, length) in enumerate(places)]
    found = combined([Rule("r", names, within, "characters")], hits, fold("x" * 40))
    wanted = _every_end(hits, names, within)
    assert {group.hits[-1]: group.start for group in found} == wanted
    for group in found:
        assert sorted(hit.list for hit in group.hits) == sorted(names)
        assert all(left.end <= right.start for left, right in pairwise(group.hits))


def _every_end(hits: list[TermHit], names: tuple[str, ...], within: int) -> dict[TermHit, int]:
    """For each hit that ends a group, where its narrowest group begins."""
    best: dict[TermHit, int] = {}
    for choice in product(*([hit for hit in hits if hit.list == name] for name in names)):
        ordered = sorted(choice, key=lambda hit: (hit.start, hit.end))
        apart = all(left.end <= right.start for left, right in pairwise(ordered))
        if apart and ordered[-1].end - ordered[0].start <= within:
            best[ordered[-1]] = max(best.get(ordered[-1], -1), ordered[0].start)
    return best


def test_groups_are_bounded() -> None:
    assert len(COMPANY.match("zorp quilm veb " * 2000).combined) == MOST_GROUPS


def test_any_text_is_read() -> None:
    chance = random.Random(17)  # noqa: S311 - no secret
    matcher = TextMatcher([term("zorp", name="a"), term("q", "none", "b", 2)], [Pattern(entry(3), "c", "z.q")], [BOTH])
    for _ in range(300):
        text = "".join(chr(chance.choice((chance.randrange(0x110000), chance.randrange(128)))) for _ in range(30))
        found = matcher.match(text + " zorp q")
        assert len(found.combined) >= 1
