"""What the matcher finds and what it makes of it, on real lists and a real index."""

import random
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from safehold.screening import building, company, following, lists
from safehold.screening.errors import NotReady
from safehold.screening.matching import PURPOSES, Asked, Matcher
from safehold.screening.models import HashList, ListClock, ListEntry, Purpose
from safehold.screening.weighing import Agreed, Weight, weigh

pytestmark = pytest.mark.django_db
RANDOM = random.Random(5)  # noqa: S311 - test values


def pdq() -> str:
    """A hash as real ones are: exactly half of its bits set."""
    bits = [1] * 128 + [0] * 128
    RANDOM.shuffle(bits)
    return f"{int(''.join(map(str, bits)), 2):064x}"


def off(hash_: str, bits: int) -> str:
    """The hash with so many other bits."""
    number = int(hash_, 16)
    for place in RANDOM.sample(range(256), bits):
        number ^= 1 << place
    return f"{number:064x}"


def digest(kind: str) -> str:
    return RANDOM.randbytes({"sha256": 32, "sha1": 20, "md5": 16}[kind]).hex()


def entry(home: str = "list-a", *, purpose: str = Purpose.PREVENT, trusted: bool = False, **fields: Any) -> ListEntry:
    """One entry of a list of files, committed with a number of its own."""
    now = timezone.now()
    with transaction.atomic():
        row, _made = HashList.objects.get_or_create(
            slug=home,
            defaults={
                "source": f"source of {home}", "licence": "own", "purpose": purpose, "trusted": trusted, "made_at": now,
            },
        )  # fmt: skip
        identity = next(fields[kind] for kind in ("sha256", "sha1", "md5", "pdq") if kind in fields)
        return ListEntry.objects.create(
            list=row,
            identity=identity,
            category="A1",
            first_seen=now,
            last_seen=now,
            version=lists.next_version(),
            **fields,
        )


@pytest.fixture
def matcher(data: Path) -> Matcher:
    return Matcher(data / "index")


def hows(matcher: Matcher, **asked: Any) -> list[tuple[str, str, bool, int | None]]:
    matcher.keep_up()
    given = Asked(**asked)
    one = matcher.match(given)
    assert matcher.match_many([given, Asked(), given]) == [one, [], one]
    return [(hit.list, hit.how, hit.exact, hit.distance) for hit in one]


def test_a_sha256_is_exact_and_tells_its_source(matcher: Matcher) -> None:
    row = entry(sha256=digest("sha256"), trusted=True)
    matcher.keep_up()
    (hit,) = matcher.match(Asked(sha256=row.sha256))
    assert (hit.entry_id, hit.list, hit.source, hit.category) == (str(row.pk), "list-a", "source of list-a", "A1")
    assert (hit.exact, hit.trusted, hit.how, hit.distance, hit.held_back) == (True, True, "sha256", None, False)
    assert matcher.match(Asked(sha256=digest("sha256"))) == []
    assert matcher.match(Asked()) == []


@pytest.mark.parametrize("kind", ["md5", "sha1"])
def test_a_weak_digest_is_exact_only_with_pdq_of_the_same_entry(matcher: Matcher, kind: str) -> None:
    row = entry(**{kind: digest(kind), "pdq": pdq()})
    other = entry("list-b", pdq=pdq())
    value = getattr(row, kind)
    assert hows(matcher, **{kind: value}) == [("list-a", kind, False, None)]
    for bits in (0, 31):
        assert hows(matcher, **{kind: value}, pdqs=(off(row.pdq, bits),)) == [("list-a", kind, True, bits)]
    assert hows(matcher, **{kind: value}, pdqs=(off(row.pdq, 32),)) == [("list-a", kind, False, None)]
    # The picture of another entry does not make the digest of this one any truer.
    both = hows(matcher, **{kind: value}, pdqs=(other.pdq,))
    assert sorted(both) == [("list-a", kind, False, None), ("list-b", "pdq", False, 0)]


def test_pdq_alone_is_near_even_at_distance_nought(matcher: Matcher) -> None:
    row = entry(pdq=pdq(), trusted=True)
    for bits in (0, 2, 30, 31):
        assert hows(matcher, pdqs=(off(row.pdq, bits),)) == [("list-a", "pdq", False, bits)]
    assert hows(matcher, pdqs=(off(row.pdq, 32),)) == []
    assert hows(matcher, pdqs=(off(row.pdq, 20), off(row.pdq, 4), pdq())) == [("list-a", "pdq", False, 4)]


def test_two_people_can_accept_more_for_one_list(matcher: Matcher) -> None:
    row = entry(md5=digest("md5"), pdq=pdq())
    other = entry("list-b", md5=row.md5)
    HashList.objects.filter(pk="list-a").update(exact_also=["md5"])
    assert hows(matcher, md5=row.md5) == [("list-a", "md5", True, None), ("list-b", "md5", False, None)]
    HashList.objects.filter(pk="list-a").update(exact_also=["pdq"])
    assert hows(matcher, pdqs=(row.pdq,)) == [("list-a", "pdq", True, 0)]
    assert hows(matcher, pdqs=(off(row.pdq, 2),)) == [("list-a", "pdq", False, 2)]
    assert other.list_id == "list-b"


@pytest.mark.parametrize(
    ("agreed", "also", "weight"),
    [
        (Agreed(("sha256", "md5")), (), Weight("sha256", True)),
        (Agreed(("sha1", "md5")), (), Weight("sha1", False)),
        (Agreed(("sha1", "md5")), ("md5",), Weight("md5", True)),
        (Agreed(("sha1", "md5"), 31), (), Weight("sha1", True)),
        (Agreed(("md5",), 0), (), Weight("md5", True)),
        (Agreed((), 0), (), Weight("pdq", False)),
        (Agreed((), 0), ("md5", "sha1"), Weight("pdq", False)),
        (Agreed((), 0), ("pdq",), Weight("pdq", True)),
        (Agreed((), 1), ("pdq",), Weight("pdq", False)),
    ],
)
def test_what_an_agreement_amounts_to(agreed: Agreed, also: tuple[str, ...], weight: Weight) -> None:
    assert weigh(agreed, also) == weight


def test_no_agreement_is_no_weight() -> None:
    with pytest.raises(ValueError, match="Nothing agrees"):
        weigh(Agreed())


def test_trusted_lists_come_first_then_exact_then_near(matcher: Matcher) -> None:
    hash_, sha256 = pdq(), digest("sha256")
    entry("list-a", pdq=off(hash_, 4))
    entry("list-b", sha256=sha256)
    entry("list-c", pdq=off(hash_, 20), trusted=True)
    entry("list-d", pdq=off(hash_, 2))
    assert [one[0] for one in hows(matcher, sha256=sha256, pdqs=(hash_,))] == ["list-c", "list-b", "list-d", "list-a"]


def test_a_list_for_another_purpose_is_matched_with_nothing(matcher: Matcher) -> None:
    sha256 = digest("sha256")
    entry("removed", purpose=Purpose.REMOVAL, sha256=sha256)
    entry("stored", purpose="statistics", sha256=sha256)
    entry("list-a", sha256=sha256)
    matcher.keep_up()
    asked = Asked(sha256=sha256)
    assert {hit.list for hit in matcher.match(asked)} == {"removed", "list-a"}
    assert [hit.list for hit in matcher.match(asked, purposes=[Purpose.PREVENT])] == ["list-a"]
    assert [hit.list for hit in matcher.match(asked, purposes=[Purpose.REMOVAL])] == ["removed"]
    assert matcher.match(asked, purposes=["statistics"]) != []  # asked for by its name, and by nothing else
    assert matcher.match(asked, purposes=[]) == []
    assert "statistics" not in PURPOSES


def test_a_held_back_entry_says_so_and_a_retracted_one_is_gone(matcher: Matcher) -> None:
    row = entry(sha256=digest("sha256"), trusted=True)
    matcher.keep_up()
    assert not matcher.match(Asked(sha256=row.sha256))[0].held_back
    with transaction.atomic():
        lists.hold_back(row.pk, because="placeholder", actor="staff:1")
    assert matcher.keep_up() == 1
    assert matcher.match(Asked(sha256=row.sha256))[0].held_back
    with transaction.atomic():
        lists.retract_entry(row.pk, because="placeholder", actor="staff:1")
    assert matcher.keep_up() == 1
    assert matcher.match(Asked(sha256=row.sha256)) == []
    assert matcher.keep_up() == 0


def test_a_retraction_holds_even_before_it_was_taken_over(matcher: Matcher) -> None:
    row = entry(sha256=digest("sha256"))
    matcher.keep_up()
    with transaction.atomic():
        lists.retract_entry(row.pk, because="placeholder", actor="staff:1")
    assert matcher.match(Asked(sha256=row.sha256)) == []  # nobody asked about it before: the database is asked now


def test_trust_and_terms_of_lists_follow_without_a_change_of_entries(matcher: Matcher) -> None:
    row = entry(sha256=digest("sha256"))
    matcher.keep_up()
    assert not matcher.match(Asked(sha256=row.sha256))[0].trusted
    HashList.objects.update(trusted=True)
    assert matcher.keep_up() == 0
    assert matcher.match(Asked(sha256=row.sha256))[0].trusted


def test_a_film_needs_a_share_of_its_seconds(matcher: Matcher) -> None:
    frames = [pdq() for _ in range(10)]
    row = entry(sha256=digest("sha256"), frames=b"".join(bytes.fromhex(one) for one in frames), media="film")
    strange = [pdq() for _ in range(10)]
    assert hows(matcher, film=True, pdqs=tuple(frames)) == [("list-a", "pdq", False, 0)]
    assert hows(matcher, film=True, pdqs=tuple(frames[4:7])) == [("list-a", "pdq", False, 0)]  # a cutting
    assert hows(matcher, film=True, pdqs=(*strange, *frames[:1])) == []  # one second in common is a logo
    assert hows(matcher, pdqs=(frames[3],)) == [("list-a", "pdq", False, 0)]  # a picture taken from it
    both = hows(matcher, film=True, sha256=row.sha256, pdqs=(*strange, *frames[:1]))
    assert both == [("list-a", "sha256", True, None)]


def test_files_and_what_came_since_answer_as_one(data: Path) -> None:
    first, second = entry(sha256=digest("sha256"), pdq=pdq()), entry(sha256=digest("sha256"))
    building.build_index(data / "index")
    third = entry(sha256=digest("sha256"))
    matcher = Matcher(data / "index")
    assert matcher.keep_up() == 1
    for row in (first, second, third):
        assert matcher.match(Asked(sha256=row.sha256))[0].entry_id == str(row.pk)
    with transaction.atomic():
        lists.retract_entry(first.pk, because="placeholder", actor="staff:1")
    matcher.keep_up()
    building.build_index(data / "index")
    matcher.keep_up()
    assert (matcher.index.stats.entries, matcher.index.stats.delta) == (2, 0)
    assert matcher.match(Asked(sha256=first.sha256, pdqs=(first.pdq,))) == []
    assert matcher.match(Asked(sha256=third.sha256)) != []


def test_an_index_of_another_past_is_refused(data: Path) -> None:
    row = entry(sha256=digest("sha256"))
    entry(sha256=digest("sha256"))
    building.build_index(data / "index")
    # The database as it was restored from a backup: the last entry never was, and others came in its place.
    ListEntry.objects.exclude(pk=row.pk).delete()
    for clock in (1, 2, 5):
        ListClock.objects.update(version=clock)
        with pytest.raises(NotReady) as refused:
            Matcher(data / "index").keep_up()
        assert refused.value.code == "index_damaged"
    ListClock.objects.update(version=2)
    with pytest.raises(NotReady):
        building.build_index(data / "index")
    building.build_index(data / "index", anew=True)
    matcher = Matcher(data / "index")
    matcher.keep_up()
    assert matcher.match(Asked(sha256=row.sha256)) != []


def test_an_entry_that_the_database_does_not_have_is_never_passed_over(matcher: Matcher) -> None:
    row = entry(sha256=digest("sha256"))
    matcher.keep_up()
    ListEntry.objects.all().delete()
    with pytest.raises(NotReady, match="another one"):
        matcher.match(Asked(sha256=row.sha256))


def test_links_and_words_are_matched_and_never_exact(matcher: Matcher) -> None:
    with transaction.atomic():
        for name, url, scope in (("l-1", "https://a.example/x", "exact"), ("l-2", "https://bad.test/", "domain")):
            lists.add_link(
                name,
                url,
                scope=scope,
                source="tests",
                category="A1",
                purpose=Purpose.PREVENT,
                licence="own",
                actor="staff:1",
            )
        lists.add_term(
            "words",
            term="florbik",
            source="tests",
            category="",
            purpose=Purpose.PREVENT,
            licence="own",
            actor="staff:1",
        )
    matcher.keep_up()
    (hit,) = matcher.match(Asked(links=("HTTP://A.example:80/x",)))
    assert (hit.how, hit.scope, hit.link, hit.exact) == ("link", "exact", "HTTP://A.example:80/x", False)
    (hit,) = matcher.match(Asked(text="see www.sub.bad.test/path now"))
    assert (hit.list, hit.how, hit.scope) == ("l-2", "link", "domain")
    (hit,) = matcher.match(Asked(text="some Flörbik there"))
    assert (hit.list, hit.how, hit.exact) == ("words", "term", False)
    assert matcher.match(Asked(links=("https://a.example/y",), text="florbiks and nothing else")) == []
    assert matcher.look(Asked(links=("https://a.example/y", "no such thing://"))).unread == ("no such thing://",)
    with transaction.atomic():
        for row in ListEntry.objects.all():
            lists.retract_entry(row.pk, because="placeholder", actor="staff:1")
    matcher.keep_up()
    assert matcher.match(Asked(links=("https://a.example/x",), text="florbik www.sub.bad.test")) == []


def test_links_and_words_are_read_at_the_opening_too(data: Path) -> None:
    with transaction.atomic():
        lists.add_link(
            "l-1", "https://a.example/x", scope="exact", source="tests", category="A1", purpose=Purpose.PREVENT,
            licence="own", actor="staff:1",
        )  # fmt: skip
    entry(sha256=digest("sha256"))
    building.build_index(data / "index")  # whose number is above the link's
    matcher = Matcher(data / "index")
    matcher.keep_up()
    assert len(matcher.match(Asked(links=("https://a.example/x",)))) == 1


def test_portions_lose_nothing(matcher: Matcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "AT_ONCE", 3)
    rows = [entry(sha256=digest("sha256")) for _ in range(10)]
    ListEntry.objects.filter(pk__in=[row.pk for row in rows[2:9]]).update(version=4)  # one import, one number
    assert matcher.keep_up() == 10
    assert all(matcher.match(Asked(sha256=row.sha256)) for row in rows)


def test_lists_of_words_can_count_in_company_alone(data: Path) -> None:
    with transaction.atomic():
        for name, term in (("words-a", "florbik"), ("words-b", "zemdug")):
            lists.add_term(
                name, term=term, source="tests", category="", purpose=Purpose.PREVENT, licence="own", actor="staff:1"
            )
        company.set_together("pair", ["words-a", "words-b"], within=5, because="reason 1", actor="staff:1")
    matcher = Matcher(data / "index")
    matcher.keep_up()
    assert matcher.match(Asked(text="florbik here")) == []
    assert matcher.match(Asked(text=f"florbik {'and ' * 9} zemdug")) == []
    hits = matcher.match(Asked(text="florbik and zemdug"))
    assert sorted((hit.list, hit.how) for hit in hits) == [("words-a", "together"), ("words-b", "together")]
