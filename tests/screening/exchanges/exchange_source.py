"""A source in memory, which pages as hash sharing does and changes when it is told to, and how it is read."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from safehold.screening.exchanges import sync
from safehold.screening.exchanges.source import Answer, Change, Outcome, Read, Window
from safehold.screening.models import Exchange

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Memory:
    """`entries` by ref: when each changed last, and what it is. Pages of `size`, in the order of refs."""

    name = "memory"
    cursor_life = timedelta(hours=12)

    def __init__(self, size: int = 3, most: int = 1000) -> None:
        self.size, self.most = size, most
        self.entries: dict[str, tuple[datetime, Change]] = {}
        self.asked: list[tuple[Window, str]] = []
        self.closed = 0
        self.before: Callable[[int], Answer[Read] | None] = lambda _number: None  # may change things, or answer
        self.tells_total = True

    def put(self, name: str, at: datetime, *, gone: bool = False, digest: str = "") -> None:
        ref = f"memory:1:{name}"
        found = {} if gone else {"sha256": digest or name.encode().hex().rjust(64, "7")}
        self.entries[ref] = (at, Change(ref=ref, member="1", media="picture", gone=gone, category="A1", digests=found))

    def window(self, read_until: datetime | None, now: datetime, span: timedelta | None) -> Window | None:
        began = read_until or datetime(2020, 1, 1, tzinfo=UTC)
        until = now if span is None else min(now, began + span)
        return Window(began, until) if until > began else None

    def read(self, window: Window, cursor: str) -> Answer[Read]:
        self.asked.append((window, cursor))
        told = self.before(len(self.asked))
        if told is not None:
            return told
        mine = sorted(ref for ref, (at, _change) in self.entries.items() if window.since <= at <= window.until)
        start = int(cursor or 0)
        page = mine[start : start + self.size]
        more = start + self.size < len(mine)
        return Answer(
            outcome=Outcome.OK,
            http_status=200,
            found=Read(
                changes=tuple(self.entries[ref][1] for ref in page),
                cursor=str(start + self.size) if more else "",
                there=len(page),
                said=len(page),
                total=len(mine) if more and self.tells_total else 0,
            ),
        )

    def close(self) -> None:
        self.closed += 1


class Reading:
    """Steps of one exchange over a source of memory. `corrected` gathers what must be looked at again."""

    def __init__(self, row: Exchange, source: Memory) -> None:
        self.slug, self.source, self.corrected = row.pk, source, list[str]()

    def step(self) -> sync.Step:
        return sync.step(
            self.slug, actor="operator:test", on_retracted=self.corrected.extend, open_source=lambda _row: self.source
        )

    def all(self, most: int = 200) -> list[sync.Step]:
        """Until something other than the next page is due."""
        found = []
        for _ in range(most):
            found.append(self.step())
            if found[-1].kind is not sync.Kind.MORE:
                return found
        raise AssertionError("It never came to rest.")

    @property
    def row(self) -> Exchange:
        return Exchange.objects.get(pk=self.slug)

    @property
    def live(self) -> set[str]:
        rows = self.row.list.entries.filter(retracted_at=None)
        names = list(rows.values_list("ref", flat=True))
        assert len(names) == len(set(names))
        return {ref.rpartition(":")[2] for ref in names}
