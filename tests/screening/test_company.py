"""Rules of company: who may set what, and how soon the matcher goes by it. Words are invented."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from safehold.api.screen_wire import LARGEST
from safehold.app import cli
from safehold.audit.models import Entry
from safehold.screening import company, lists
from safehold.screening import service as screening
from safehold.screening.links.finding import LIMIT
from safehold.screening.matching import Asked, Matcher
from safehold.screening.models import Purpose, WordsTogether
from safehold.screening.words.terms import MOST_HITS
from safehold.staff.models import Member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]
WHY = {"because": "placeholder reason 1", "actor": "staff:owner-1"}


def term(home: str, word: str, *, purpose: str = Purpose.PREVENT) -> str:
    with transaction.atomic():
        row = lists.add_term(
            home, term=word, source="tests", category="W", purpose=purpose, licence="own", actor="staff:1"
        )
    return str(row.pk)


@pytest.fixture
def words(data: Path) -> dict[str, str]:
    return {"florbik": term("a", "florbik"), "tweedap": term("b", "tweedap"), "moglen": term("c", "moglen")}


@pytest.fixture
def matcher(words: dict[str, str], data: Path) -> Matcher:
    made = Matcher(data / "index")
    made.keep_up()
    return made


def told(matcher: Matcher, text: str) -> dict[str, str]:
    """{list: how} of a text, by the rules as they stand now."""
    matcher.keep_up()
    return {hit.list: hit.how for hit in matcher.match(Asked(text=text))}


def test_words_count_in_company_from_the_next_look_on_and_alone_again_when_the_rule_ends(matcher: Matcher) -> None:
    assert told(matcher, "florbik") == {"a": "term"}
    screening.set_together("pair", ["a", "b"], within=4, **WHY)
    assert told(matcher, "florbik") == {}
    assert told(matcher, "tweedap") == {}
    assert told(matcher, "moglen") == {"c": "term"}, "no rule names this list"
    assert told(matcher, "tweedap one two florbik") == {"a": "together", "b": "together"}
    assert told(matcher, "tweedap one two three florbik") == {}
    screening.end_together("pair", **WHY)
    assert told(matcher, "florbik") == {"a": "term"}


def test_a_list_counts_alone_as_well_where_the_rule_says_so(matcher: Matcher) -> None:
    screening.set_together("pair", ["a", "b"], within=4, alone=["b"], **WHY)
    assert told(matcher, "florbik") == {}
    assert told(matcher, "tweedap") == {"b": "term"}
    assert told(matcher, "tweedap florbik") == {"a": "together", "b": "together"}
    screening.set_together("other", ["a", "c"], within=4, alone=["a"], **WHY)
    assert told(matcher, "florbik") == {"a": "term"}, "another rule says that it counts alone"


def test_a_window_may_count_characters_and_a_rule_of_the_same_name_takes_the_place_of_the_first(
    matcher: Matcher,
) -> None:
    first = screening.set_together("pair", ["a", "b"], within=16, unit="characters", **WHY)
    assert told(matcher, "florbik  tweedap") == {"a": "together", "b": "together"}
    assert told(matcher, "florbik   tweedap") == {}
    second = screening.set_together("pair", ["a", "b", "c"], within=10, **WHY)
    assert told(matcher, "florbik tweedap") == {}
    assert set(told(matcher, "florbik tweedap moglen").values()) == {"together"}
    first.refresh_from_db()
    assert (first.ended_because, first.ended_by) == ("replaced", WHY["actor"])
    assert list(screening.together_in_force()) == [second]
    acts = Entry.objects.filter(about__startswith="wordstogether:").order_by("pk").values_list("act", flat=True)
    assert list(acts) == ["together.set", "together.ended", "together.set"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lists": ["a"]}, "2 to 4"), ({"lists": ["a", "a"]}, "2 to 4"), ({"lists": list("abcde")}, "2 to 4"),
        ({"within": 1}, "window"), ({"within": 10_001}, "window"), ({"unit": "lines"}, "counts words or characters"),
        ({"alone": ["c"]}, "does not name"), ({"name": "two words"}, "name of"), ({"name": ""}, "name of"),
        ({"lists": ["a", "nothing"]}, "no list 'nothing'"), ({"lists": ["a", "files"]}, "holds no terms"),
        ({"lists": ["a", "removed"]}, "different purposes"), ({"because": " "}, "Say why"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(words: dict[str, str], change: dict[str, Any], says: str) -> None:
    term("removed", "vantik", purpose=Purpose.REMOVAL)
    with transaction.atomic():
        lists.add_entry(
            "files", "a" * 64, source="tests", category="A", purpose=Purpose.PREVENT, licence="own", actor="staff:1"
        )
    given = {"name": "pair", "lists": ["a", "b"], "within": 4, **WHY, **change}
    with pytest.raises((screening.ScreeningError, ValueError), match=says):
        screening.set_together(given.pop("name"), given.pop("lists"), **given)
    assert not WordsTogether.objects.exists()
    with pytest.raises(screening.NotAllowed):
        screening.end_together("pair", **WHY)


def test_there_are_not_more_rules_than_a_text_can_be_tried_on(
    words: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company, "MOST", 1)
    screening.set_together("pair", ["a", "b"], within=4, **WHY)
    with pytest.raises(screening.NotAllowed, match="end one first"):
        screening.set_together("other", ["a", "b"], within=4, **WHY)
    screening.set_together("pair", ["a", "b"], within=5, **WHY)  # takes the other's place


# --- what is more than can be told -----------------------------------------------------------------


def test_a_text_with_more_listed_words_than_are_told_is_marked(matcher: Matcher) -> None:
    found = matcher.look(Asked(text="florbik " * (MOST_HITS + 1)))
    assert (found.cut, set(found.words.values())) == (True, {"term"})
    assert not matcher.look(Asked(text="florbik " * 10)).cut
    screening.set_together("pair", ["a", "b"], within=4, **WHY)
    matcher.keep_up()
    found = matcher.look(Asked(text="florbik " * (MOST_HITS + 1)))
    assert (found.any, found.cut) == (False, True), "the company may stand where nobody looked any more"
    assert matcher.look(Asked(text="florbik tweedap " * 1200)).cut, "more groups than are told"


def test_a_text_with_more_links_than_are_looked_up_is_marked_where_links_are_listed(matcher: Matcher) -> None:
    text = " ".join(f"https://a.example/{number}" for number in range(LIMIT))
    assert not matcher.look(Asked(text=text)).cut, "no link is listed: there was nothing to look up"
    with transaction.atomic():
        lists.add_link(
            "links", "https://b.example/x", source="tests", category="A", purpose=Purpose.PREVENT, licence="own",
            actor="staff:1",
        )  # fmt: skip
    matcher.keep_up()
    assert matcher.look(Asked(text=text)).cut
    assert not matcher.look(Asked(text=text.rpartition(" ")[0])).cut
    assert len(text) < LARGEST


# --- the command line ------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *more: object) -> tuple[int, str, str]:
    code = cli.main(["lists", "together", *map(str, more)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_policy_owner_adds_and_ends_a_rule(
    words: dict[str, str], settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    Member.objects.create_user("anna", roles=["policy_owner"])
    Member.objects.create_user("carl", roles=["reviewer"])
    which = ["--list", "a", "--list", "b", "--within", 20, "--alone", "b"]
    asked = ["add", "pair", *which, "--because", "reason 2", "--by"]
    code, out, err = run(capsys, *asked, "carl")
    assert (code, out) == (2, "")
    assert "no policy owner" in err
    assert run(capsys, "status")[1] == "Every list of terms counts by itself.\n"
    code, out, _err = run(capsys, *asked, "anna")
    assert (code, out) == (
        0,
        "In force from now on: pair: a and b within 20 words; by themselves as well: b (reason 2)\n",
    )
    (told_row,) = json.loads(run(capsys, "status", "--json")[1])
    assert (told_row["lists"], told_row["within"], told_row["unit"]) == (["a", "b"], 20, "words")
    assert not any(word in run(capsys, "status", *more)[1] for word in words for more in ([], ["--json"]))
    assert run(capsys, "end", "other", "--because", "reason 3", "--by", "anna")[0] == 2
    code, out, _err = run(capsys, "end", "pair", "--because", "reason 3", "--by", "anna")
    assert code == 0
    assert "The rule pair has ended" in out
    assert run(capsys, "status", "--json")[1] == "[]\n"
