"""What one call of `advance` came to."""

from typing import Literal

import msgspec


class Progress(msgspec.Struct, frozen=True):
    """`again`: the next step is due now. `later`: in `seconds`. `done`: ended. `person`: a task is raised."""

    kind: Literal["again", "later", "done", "person"]
    seconds: float = 0.0


AGAIN, DONE, PERSON = Progress("again"), Progress("done"), Progress("person")


def later(seconds: float) -> Progress:
    """Call again after that many seconds."""
    return Progress("later", seconds)
