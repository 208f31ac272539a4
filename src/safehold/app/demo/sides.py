"""The host's side of a walk: its members, their items, and what an ordinary client sees of them.

`Side` is what `walk` needs of a host; `microblog` and `matrix` fill it. Also here: the pictures of the
demo, which are gradients.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image


@dataclass
class Item:
    """An item as its poster knows it."""

    id: str  # the host's own
    link: str  # what a reporter would paste


@dataclass
class Member:
    """A member of the host and how they are known there."""

    id: str
    handle: str
    email: str
    phone: str = ""


class Side(Protocol):
    """One host during a walk."""

    slug: str
    adapter: str
    url: str
    dead_link: str  # of the form of an item's link, leading nowhere

    def join(self, handle: str) -> Member:
        """A newcomer signs up."""

    def post(self, member: Member, number: int) -> Item:
        """The member posts gradient `number` as others would."""

    def upload_refused(self, member: Member, number: int) -> bool:
        """Whether the host, which asks Safehold first, keeps gradient `number` from being published."""

    def reachable(self, item: Item) -> bool:
        """Whether an ordinary member gets the item's picture."""

    def may_post(self, member: Member) -> bool: ...

    def may_sign_in(self, member: Member) -> bool: ...

    def sign_up_refused(self, *, email: str, phone: str = "", ip: str = "") -> bool:
        """Whether the host's sign-up turns this newcomer away (it asks Safehold)."""

    def report(self, reporter: Member, against: Member, items: list[Item]) -> str:
        """The host's own report button. Returns the receipt code that Safehold gave."""

    def notices(self, member: Member) -> list[str]:
        """Links that reached the member, by the host or by e-mail, the newest last."""

    def stop(self) -> None: ...


def gradient(number: int, size: int = 96) -> bytes:
    """Gradient `number` as PNG bytes: a slope of two colours, nothing else."""
    picture = Image.new("RGB", (size, size))
    shift = (37 * number) % 200
    picture.putdata(
        [((x * 2 + shift) % 256, (y * 2) % 256, (x + y + 3 * shift) % 256) for y in range(size) for x in range(size)]
    )
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def examples() -> Path:
    """The folder `examples` of the checkout. Raises FileNotFoundError where Safehold was installed without it."""
    folder = Path(__file__).resolve().parents[4] / "examples"
    if not (folder / "microblog").is_dir():
        raise FileNotFoundError(
            f"{folder} is not there: the demo runs from a checkout of the repository (git clone, then make demo)."
        )
    return folder
