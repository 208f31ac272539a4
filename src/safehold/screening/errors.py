"""What screening refuses, and why. Re-exported by `service`."""


class ScreeningError(Exception):
    """Screening did not do what was asked; the message says why."""


class BadHash(ScreeningError, ValueError):
    """The text is no SHA-256 (64 hexadecimal digits)."""


class UnknownList(ScreeningError):
    """No list has this name."""


class ListMismatch(ScreeningError):
    """The list exists with another source, purpose or licence: entries never change what they may be used for."""


class NeedsSecondPerson(ScreeningError):
    """A person alone may not let a list act at once."""


class NotBuilt(ScreeningError, NotImplementedError):
    """The kind of matching is not built yet."""
