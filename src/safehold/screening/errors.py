"""What screening refuses, and why. Re-exported by `service`."""


class ScreeningError(Exception):
    """Screening did not do what was asked; the message says why."""


class BadEntry(ScreeningError, ValueError):
    """What was given cannot stand on a list; the message never repeats a link or a term."""


class BadHash(BadEntry):
    """The text is no digest of the kind it was given as."""


class Degenerate(BadEntry):
    """The fingerprint says nothing about a file: it is that of no bytes at all, or of a flat picture."""


class TooManyPatterns(ScreeningError):
    """All lists together would hold more patterns than can be matched."""


class UnknownList(ScreeningError):
    """No list has this name."""


class UnknownEntry(ScreeningError):
    """No live entry has this id."""


class Barred(ScreeningError):
    """Our own people retracted this: it comes onto the list again only when two of them allow it."""


class ListMismatch(ScreeningError):
    """The list exists with another source, purpose or licence: entries never change what they may be used for."""


class BadMapping(ScreeningError):
    """The columns of a file cannot be told apart, or are not those that were named."""


class NeedsSecondPerson(ScreeningError):
    """A person alone may not let a list act at once."""


class NotAllowed(ScreeningError, ValueError):
    """No number of people may set this so; the message says why."""


class NotReady(ScreeningError):
    """This process cannot answer now whether something is known material: nothing may be taken for clean.

    `code` is one of `screening_starting`, `screening_stale`, `index_damaged`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
