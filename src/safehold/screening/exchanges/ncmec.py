"""NCMEC's hash sharing as a source: its windows, its pages as our own values, and feedback.

Others in this package use `Ncmec` through `source.Source`. An entry is named by environment, member and the member's
own id, since ids alone are not unique.

Source: see `reader`. Windows are asked for in UTC, their end a few seconds ago; pages are not in the order of time.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from safehold.screening.exchanges import reader
from safehold.screening.exchanges.client import Client, place_of
from safehold.screening.exchanges.source import Answer, Change, Read, SetAside, Window

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAG: Final = timedelta(seconds=10)  # what is being written now may not be seen yet
OVERLAP: Final = timedelta(minutes=5)  # read once more: clocks differ, and whether ends belong to it is not published
_COLUMNS = {"md5": "MD5", "sha1": "SHA1", "pdq": "PDQ"}  # ours, and NCMEC's name


class Ncmec:
    """One of NCMEC's lists, over one login. `url` as `client.Client` takes it; raises ValueError as that does."""

    cursor_life = timedelta(hours=12)  # as the public client has it
    most = 400_000  # the same

    def __init__(self, url: str, username: str, password: str) -> None:
        self.client = Client(url, username, password)
        self.name = place_of(url)[1]

    def close(self) -> None:
        """Close the line."""
        self.client.__exit__()

    def window(self, read_until: datetime | None, now: datetime, span: timedelta | None) -> Window | None:
        """See `source.Source`."""
        began = BEGINNING if read_until is None else read_until
        until = _second(now - LAG)
        if until <= began:
            return None
        if span is not None:
            until = min(until, _second(began + max(span, timedelta(seconds=1))))
        return Window(began if read_until is None else began - OVERLAP, until)

    def read(self, window: Window, cursor: str) -> Answer[Read]:
        """See `source.Source`."""
        answer = self.client.page(cursor) if cursor else self.client.entries(*window)
        if answer.found is None:
            return Answer(
                outcome=answer.outcome, http_status=answer.http_status, retry_after=answer.retry_after,
                problem=answer.problem,
            )  # fmt: skip
        return Answer(outcome=answer.outcome, http_status=answer.http_status, found=self._read(answer.found))

    def _read(self, page: reader.Page) -> Read:
        latest: dict[str, reader.Record] = {}
        for record in page.records:
            ref = self.ref(record.member, record.id)
            if ref not in latest or record.at >= latest[ref].at:
                latest[ref] = record
        tallies = page.tallies.values()
        return Read(
            changes=tuple(_change(ref, record) for ref, record in latest.items()),
            aside=tuple(SetAside(one.why, self.ref(one.member, one.id)) for one in page.aside),
            cursor=page.next,
            there=sum(tally.there for tally in tallies),
            said=-1 if any(tally.said < 0 for tally in tallies) else sum(tally.said for tally in tallies),
            total=reader.total(page.next),
            unused=page.unused,
            unknown=page.unknown,
        )

    def ref(self, member: str, entry: str) -> str:
        """An entry's name with us: environment, member, and the member's own id."""
        return f"{self.name}:{member}:{entry}"

    @staticmethod
    def algorithms(how: str, digests: set[str]) -> tuple[str, ...]:
        """See `source.TakesFeedback`. A hit by a digest and a look together says which digest only if there is one."""
        if how in _COLUMNS:
            return (_COLUMNS[how],) if how in digests else ()
        if how != "together":  # by SHA-256, a link or a word: NCMEC gave none of these
            return ()
        whole = sorted(digests & {"md5", "sha1"})
        return tuple(_COLUMNS[one] for one in (*(whole if len(whole) == 1 else ()), "pdq"))

    def reasons(self, algorithm: str) -> Answer[dict[str, str]]:
        """See `source.TakesFeedback`."""
        answer = self.client.reasons(algorithm)
        found = None if answer.found is None else {one.guid: one.name for one in answer.found}
        return Answer(
            outcome=answer.outcome, http_status=answer.http_status, retry_after=answer.retry_after,
            problem=answer.problem, found=found,
        )  # fmt: skip

    def tell(self, ref: str, algorithm: str, *, affirmative: bool, reasons: tuple[str, ...]) -> Answer[bytes]:
        """See `source.TakesFeedback`. Raises ValueError for an entry of another environment."""
        name, member, entry = ref.split(":", 2)
        if name != self.name:
            raise ValueError(f"The entry is of {name}, this line leads to {self.name}.")
        return self.client.give_feedback(member, entry, algorithm, None if affirmative else reasons)


def _change(ref: str, record: reader.Record) -> Change:
    return Change(
        ref=ref,
        member=record.member,
        media=record.media,
        gone=record.gone,
        category=record.classification,
        digests={ours: record.digests[theirs] for ours, theirs in _COLUMNS.items() if theirs in record.digests},
    )


def _second(at: datetime) -> datetime:
    """Whole seconds: the service is asked in no finer ones."""
    return at.replace(microsecond=0)
