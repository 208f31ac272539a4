"""Keyed lists of addresses: nothing readable is kept, every change matches at once, the newest one holds."""

import pickle
import threading
import uuid
from hashlib import blake2b

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from safehold.screening.links import matching
from safehold.screening.links.canonical import SCOPES, BadUrl, Form, entry_form, forms_of
from safehold.screening.links.keyed import SIZE, BadKey, Keyed, keyed
from safehold.screening.links.matching import LinkChange, LinkHit, LinkMatcher
from safehold.screening.links.table import Columns, Table

KEY = b"k" * 32
DIGEST = Keyed(KEY)


def entry(number: int) -> bytes:
    return uuid.UUID(int=number).bytes


def listed(number: int, url: str, scope: str = "exact") -> tuple[bytes, str, bytes]:
    return entry(number), scope, DIGEST.of_entry(url, scope)


def change(number: int, version: int, url: str, scope: str = "exact", live: bool = True) -> LinkChange:
    return LinkChange(entry(number), version, live, scope, DIGEST.of_entry(url, scope))


# --- digests ---


def test_a_digest_needs_the_key_and_tells_scopes_apart() -> None:
    form = Form("exact", "host.test/")
    digest = keyed(KEY, form)
    assert len(digest) == SIZE
    assert digest == keyed(KEY, Form("exact", "host.test/"))
    assert digest == blake2b(b"host.test/", digest_size=16, key=KEY, person=b"link:exact").digest()
    others = [keyed(KEY, Form(scope, "host.test/")) for scope in SCOPES[1:]]
    others += [keyed(b"l" * 32, form), keyed(KEY, Form("exact", "host.test/a"))]
    assert len({digest, *others}) == 6


@pytest.mark.parametrize("length", [0, 16, 31, 65])
def test_a_key_that_keeps_no_secret_is_refused(length: int) -> None:
    with pytest.raises(BadKey, match=f"has {length} bytes; it needs 32 to 64"):
        keyed(b"k" * length, Form("host", "host.test"))
    with pytest.raises(BadKey):
        LinkMatcher(b"k" * length)


def test_nothing_that_a_matcher_keeps_can_be_read() -> None:
    matcher = LinkMatcher(KEY, [listed(1, "secret-name.test/secret-path")])
    matcher.add(*listed(2, "other-name.test", "host"))
    table, apart, by_digest = matcher._state
    kept = pickle.dumps((tuple(table.rows), apart, by_digest))
    assert matcher.match("secret-name.test/secret-path")
    assert b"secret" not in kept
    assert b"name" not in kept


# --- matching ---


def test_every_scope_answers_exact_ones_first() -> None:
    matcher = LinkMatcher(KEY, [listed(4, "host.test", "domain"), listed(3, "a.host.test", "host")])
    matcher.add(*listed(2, "a.host.test/x", "prefix"))
    matcher.add(*listed(1, "a.host.test/x/y?z=1"))
    assert matcher.match("HTTPS://A.host.test/x/y?z=1") == [
        LinkHit(entry(1), "exact"),
        LinkHit(entry(2), "prefix"),
        LinkHit(entry(3), "host"),
        LinkHit(entry(4), "domain"),
    ]
    assert matcher.match("a.host.test/") == [LinkHit(entry(3), "host"), LinkHit(entry(4), "domain")]
    assert matcher.match("b.host.test/x") == [LinkHit(entry(4), "domain")]
    assert matcher.match("other.test") == []
    with pytest.raises(BadUrl):
        matcher.match("mailto:user-17@host.test")


def test_two_lists_may_hold_one_address_in_the_table_and_apart() -> None:
    matcher = LinkMatcher(KEY, [listed(1, "host.test"), listed(2, "host.test")])
    matcher.add(*listed(3, "host.test"))
    assert {hit.entry for hit in matcher.match("host.test")} == {entry(1), entry(2), entry(3)}
    assert matcher.remove(entry(2))
    assert {hit.entry for hit in matcher.match("host.test")} == {entry(1), entry(3)}
    assert matcher.remove(entry(3))
    assert {hit.entry for hit in matcher.match("host.test")} == {entry(1)}
    assert not matcher.remove(entry(3))
    assert not matcher.remove(entry(9))
    assert len(matcher) == 1


def test_the_newest_version_holds_in_whatever_order_changes_come() -> None:
    matcher = LinkMatcher(KEY)
    assert matcher.apply([change(1, 5, "new.test"), change(1, 3, "old.test"), change(2, 1, "two.test")]) == 2
    assert matcher.match("old.test") == []
    assert len(matcher.match("new.test")) == 1
    assert matcher.apply([change(1, 5, "other.test")]) == 0
    assert matcher.match("other.test") == []
    assert matcher.apply([change(1, 6, "new.test", live=False)]) == 1
    assert matcher.match("new.test") == []
    assert matcher.apply([change(1, 5, "new.test"), change(1, 6, "new.test")]) == 0
    assert matcher.match("new.test") == []
    assert len(matcher) == 1


def test_versions_of_removed_entries_outlive_a_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "SMALLEST_MERGE", 0)
    matcher = LinkMatcher(KEY, [listed(1, "one.test")])
    matcher.apply([change(1, 4, "one.test", live=False)])
    assert matcher._state.apart == {}
    assert matcher.apply([change(1, 2, "one.test")]) == 0
    assert matcher.match("one.test") == []
    matcher.add(*listed(1, "one.test"))
    assert matcher.match("one.test") == [LinkHit(entry(1), "exact")]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (LinkChange(b"short", 1, True, "exact", bytes(16)), "An entry's id has 16 bytes, not 5"),
        (LinkChange(bytes(16), 1, True, "exact", bytes(15)), "has 15 bytes, not 16"),
        (LinkChange(bytes(16), 1, True, "page", bytes(16)), "has the scope 'page'"),  # type: ignore[arg-type]
        (LinkChange(bytes(16), -1, True, "exact", bytes(16)), "is -1"),
        (LinkChange(bytes(16), 2**63, True, "exact", bytes(16)), "from 0 to"),
    ],
)
def test_a_malformed_change_changes_nothing(bad: LinkChange, why: str) -> None:
    matcher = LinkMatcher(KEY)
    with pytest.raises(ValueError, match=why):
        matcher.apply([change(1, 1, "host.test"), bad])
    assert matcher.match("host.test") == []
    assert len(matcher) == 0


def test_an_entry_that_comes_twice_is_named() -> None:
    with pytest.raises(ValueError, match=f"Entry {entry(7).hex()} came twice"):
        LinkMatcher(KEY, [listed(7, "a.test"), listed(8, "b.test"), listed(7, "c.test")])


def test_digests_and_ids_that_share_their_first_words_are_told_apart() -> None:
    same, low = b"\x07" * 8, [number.to_bytes(8, "big") for number in range(5)]
    rows = [LinkChange(same + low[number], number, number != 3, "host", same + low[-1 - number]) for number in range(5)]
    table = Table(Columns.of(rows))
    for number, one in enumerate(rows):
        assert table.change(table.row(one.entry)) == one
        assert table.found([one.digest]) == ([(0, one.entry)] if number != 3 else [])
    assert table.row(same + b"\xff" * 8) == -1
    assert table.row(b"\xff" * 16) == -1
    assert table.found([same + b"\xff" * 8, b"\xff" * 16, bytes(16)]) == []
    assert Table(Columns.of([])).found([same * 2]) == []


def test_readers_see_a_batch_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "SMALLEST_MERGE", 50)
    matcher = LinkMatcher(KEY, [listed(number, f"host-{number}.test", "host") for number in range(200)])
    forms = [form for number in range(20) for form in forms_of(f"pair-{number}.test")]
    torn, stop = [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen = {hit.entry for hit in matcher.match_forms(forms)}
            if len(seen) not in (0, 20):
                torn.append(len(seen))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for version in range(60):
        matcher.apply([change(1000 + n, version, f"pair-{n}.test", "host", version % 2 == 0) for n in range(20)])
    stop.set()
    for reader in readers:
        reader.join()
    assert torn == []


def test_threads_that_write_lose_nothing() -> None:
    matcher = LinkMatcher(KEY)

    def write(first: int) -> None:
        for number in range(first, first + 100):
            matcher.add(*listed(number, f"host-{number}.test", "host"))

    writers = [threading.Thread(target=write, args=(first,)) for first in range(0, 400, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(matcher) == 400


def test_a_large_table_takes_46_bytes_an_entry() -> None:
    matcher = LinkMatcher(KEY, [listed(number, f"host-{number}.test", "host") for number in range(1000)])
    assert matcher._state.table.size == 46 * 1000


class ListsUnderWay(RuleBasedStateMachine):
    """Changes in any order, merged at any time, against a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.matcher = LinkMatcher(KEY, [listed(0, "host-0.test", "host")])
        self.model = {entry(0): change(0, 0, "host-0.test", "host")}

    CHANGES = st.lists(
        st.builds(
            change,
            st.integers(0, 6),
            st.integers(0, 8),
            st.sampled_from(["host-0.test", "host-1.test", "host-2.test"]),
            st.sampled_from(SCOPES),
            st.booleans(),
        ),
        max_size=6,
    )

    @rule(changes=CHANGES)
    def apply(self, changes: list[LinkChange]) -> None:
        new = 0
        for one in changes:
            known = self.model.get(one.entry)
            if known is None or one.version > known.version:
                self.model[one.entry] = one
                new += 1
        assert self.matcher.apply(changes) == new

    @rule(number=st.integers(0, 6))
    def remove(self, number: int) -> None:
        known = self.model.get(entry(number))
        live = known is not None and known.live
        assert self.matcher.remove(entry(number)) == live
        if live:
            self.model[entry(number)] = known._replace(version=known.version + 1, live=False)

    @rule()
    def merge(self) -> None:
        table, apart, _ = self.matcher._state
        self.matcher._state = matching._State(table.with_changes(apart), {}, {})

    @invariant()
    def answers_as_the_model(self) -> None:
        assert len(self.matcher) == sum(one.live for one in self.model.values())
        for number in range(3):
            digests = {DIGEST(form): form.scope for form in forms_of(f"host-{number}.test")}
            wanted = {
                (one.entry, digests[one.digest]) for one in self.model.values() if one.live and one.digest in digests
            }
            assert set(self.matcher.match(f"host-{number}.test")) == wanted


TestListsUnderWay = ListsUnderWay.TestCase
TestListsUnderWay.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


@given(st.lists(st.sampled_from(["a", "b", "%41", "Z~"]), max_size=5), st.sampled_from(SCOPES))
@settings(deadline=None)
def test_an_entry_is_hit_by_its_own_address(path: list[str], scope: str) -> None:
    url = "host.test" + "".join(f"/{piece}" for piece in path)
    matcher = LinkMatcher(KEY, [(entry(1), scope, DIGEST(entry_form(url, scope)))])
    assert matcher.match(f"https://{url}") == [LinkHit(entry(1), scope)]
