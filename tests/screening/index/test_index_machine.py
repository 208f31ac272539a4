"""Any order of changes, builds, refreshes and restarts: two processes' indexes answer what their changes say.

One takes every change as it comes; the other lags behind and hears of changes late, twice, or through the files alone.
"""

import shutil
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from safehold.screening.index import Change, Index, build, delta
from tests.screening.index import index_brute as brute
from tests.screening.index.index_brute import at_distance, entry, seeded

MIDDLES = [seeded(number).randbytes(32) for number in range(3)]
DIGESTS = [bytes([number]) for number in range(4)]
LENGTHS = {"sha256": 32, "sha1": 20, "md5": 16}


def digest(kind: str, first: bytes) -> bytes:
    """Of a few values that all begin alike but the last byte."""
    return bytes(LENGTHS[kind] - 1) + first


hashes = st.builds(
    lambda middle, bits, seed: at_distance(middle, bits, seeded(seed)),
    st.sampled_from(MIDDLES), st.integers(0, 40), st.integers(0, 5),
)  # fmt: skip
digests = st.sampled_from([b"", *DIGESTS])


class Indexes(RuleBasedStateMachine):
    """`history` is the database: every change with its number."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="safehold-index-"))
        self.history: list[Change] = []
        self.prompt, self.lagging = Index.open(self.folder), Index.open(self.folder)
        self.built = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def state(self, upto: int) -> list[Change]:
        return list({change.entry: change for change in self.history if change.version <= upto}.values())

    def commit(self, change: Change) -> None:
        self.history.append(change)
        self.prompt.apply([change])

    @rule(
        which=st.integers(1, 8), pdq=st.lists(hashes, max_size=3), sha256=digests, sha1=digests, md5=digests,
        skipped=st.integers(1, 3),
    )  # fmt: skip
    def put(self, which: int, pdq: list[bytes], sha256: bytes, sha1: bytes, md5: bytes, skipped: int) -> None:
        version = (self.history[-1].version if self.history else 0) + skipped
        held = {kind: digest(kind, one) if one else b"" for kind, one in zip(LENGTHS, (sha256, sha1, md5), strict=True)}
        self.commit(Change(entry(which), version, live=True, pdq=tuple(pdq), **held))

    @precondition(lambda self: self.history)
    @rule(which=st.integers(1, 8))
    def retract(self, which: int) -> None:
        self.commit(Change(entry(which), self.history[-1].version + 1, live=False))

    @precondition(lambda self: self.history)
    @rule(back=st.integers(1, 6))
    def say_again(self, back: int) -> None:
        self.prompt.apply(self.history[-back:])

    @rule(most=st.integers(1, 5), again=st.integers(0, 3))
    def catch_up(self, most: int, again: int) -> None:
        news = [change for change in self.history if change.version > self.lagging.upto][:most]
        known = [change for change in self.history if change.version <= self.lagging.upto]
        self.lagging.apply([*known[len(known) - again :], *news])

    @precondition(lambda self: self.history)
    @rule(behind=st.integers(0, 2), seed=st.integers(0, 5))
    def build(self, behind: int, seed: int) -> None:
        """Files that go up to the latest change or a little less far, from a stream in any order."""
        upto = max(self.built, self.history[max(0, len(self.history) - 1 - behind)].version)
        stream = self.state(upto)
        Random(seed).shuffle(stream)  # noqa: S311
        build(self.folder, stream, upto)
        self.built = upto

    @rule(which=st.sampled_from(["prompt", "lagging"]))
    def refresh(self, which: str) -> None:
        index: Index = getattr(self, which)
        newer = index.stats.generation != Index.open(self.folder).stats.generation
        assert index.refresh() is newer
        assert not index.refresh()

    @rule(which=st.sampled_from(["prompt", "lagging"]))
    def restart(self, which: str) -> None:
        index = Index.open(self.folder)
        assert index.upto == self.built
        setattr(self, which, index)
        if which == "prompt":
            index.apply([change for change in self.history if change.version > index.upto])

    @rule(query=hashes, radius=st.integers(0, 31))
    def ask_near(self, query: bytes, radius: int) -> None:
        for index in (self.prompt, self.lagging):
            assert index.near(query, radius) == brute.near(query, self.state(index.upto), radius)

    @rule(kind=st.sampled_from(list(LENGTHS)))
    def ask_exact(self, kind: str) -> None:
        asked = [digest(kind, one) for one in DIGESTS]
        for index in (self.prompt, self.lagging):
            found = [sorted(entries) for entries in index.exact_many(kind, asked)]  # type: ignore[arg-type]
            assert found == [brute.exact(kind, one, self.state(index.upto)) for one in asked]

    @invariant()
    def the_prompt_one_knows_everything(self) -> None:
        if getattr(self, "history", None):
            assert self.prompt.upto == self.history[-1].version


def test_any_order_of_changes_builds_and_refreshes(scan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta, "TAIL", 5)  # segments in memory come early
    run_state_machine_as_test(
        Indexes,
        settings=settings(
            max_examples=100, stateful_step_count=30, deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )  # fmt: skip
