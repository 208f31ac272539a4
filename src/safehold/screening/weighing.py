"""What an agreement between a file and a list entry amounts to: how they agree, and whether it is the very file.

Pure. Exact is SHA-256; or MD5 or SHA-1 together with PDQ within 31 of the same entry; or what two people accepted
for one list (`HashList.exact_also`: "md5", "sha1", "pdq", the last at distance 0 alone). MD5 and SHA-1 alone can be
made to collide in order to frame somebody, and pictures with equal PDQ need not be the same: those are near.
"""

from collections.abc import Collection
from typing import NamedTuple

from safehold.screening.index.types import Kind

DIGESTS: tuple[Kind, ...] = ("sha256", "sha1", "md5")  # the strongest first


class Agreed(NamedTuple):
    """One entry that something of a file agrees with: by which digests, and how far off by PDQ."""

    digests: tuple[Kind, ...] = ()
    distance: int | None = None


class Weight(NamedTuple):
    """How a file and an entry agree (`Hit.how`), and whether it is the very file."""

    how: str
    exact: bool


def weigh(agreed: Agreed, exact_also: Collection[str] = ()) -> Weight:
    """The strongest that can be said of an agreement. Raises ValueError where nothing agrees."""
    if "sha256" in agreed.digests:
        return Weight("sha256", True)
    if agreed.digests:
        accepted = [digest for digest in agreed.digests if agreed.distance is not None or digest in exact_also]
        return Weight(min(accepted or agreed.digests, key=DIGESTS.index), bool(accepted))
    if agreed.distance is None:
        raise ValueError("Nothing agrees.")
    return Weight("pdq", agreed.distance == 0 and "pdq" in exact_also)
