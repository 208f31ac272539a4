"""How many patterns all lists may hold together. Inside this room only.

Every text is tried on every pattern, and the matcher refuses more than `patterns.MOST` of them altogether: one pattern
too many would leave every process without lists. So whoever writes patterns asks here before committing.
"""

from collections.abc import Iterable

from django.db.models import QuerySet

from safehold.screening.entries import Content
from safehold.screening.errors import TooManyPatterns
from safehold.screening.models import HashList, ListEntry
from safehold.screening.words.patterns import MOST

KIND = "pattern:"  # what the identity of a pattern begins with, see `hidden.words`


def is_pattern(content: Content) -> bool:
    """Whether an entry is a pattern."""
    return content.identity.startswith(KIND)


def check_room(written: Iterable[Content]) -> None:
    """Refuse what was written now, in the caller's transaction and turn, if there are too many patterns with it.

    Raises TooManyPatterns, which takes the transaction back.
    """
    if any(map(is_pattern, written)):
        refuse_more_than_fit(patterns().count(), "all lists together")


def refuse_more_than_fit(number: int, where: str) -> None:
    """Raise TooManyPatterns where so many cannot be matched."""
    if number > MOST:
        raise TooManyPatterns(
            f"There would be {number:,} patterns in {where}; {MOST:,} can be matched. These were not taken. Retract "
            "some, make one of several (one|other), or list plain words as terms: of those there may be many."
        )


def patterns() -> "QuerySet[ListEntry]":
    """Every live pattern of any list."""
    return ListEntry.objects.filter(list__kind=HashList.Kind.TERMS, identity__startswith=KIND, retracted_at=None)
