"""What a process holds: the files, mapped, and what changed since they were built. Safe in any number of threads.

Reading takes no lock: each question is answered from one `View`, as of one moment. `apply` and `refresh` exclude each
other and put a new view in place of the old.

Others may call `Index`.
"""

import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from safehold.screening.index import accelerate
from safehold.screening.index.base import Base
from safehold.screening.index.delta import Delta, View, checked
from safehold.screening.index.near import Segment, as_words, budgets
from safehold.screening.index.types import DIGEST_BYTES, ENTRY_BYTES, MAX_RADIUS, Change, Kind, Near, Stats


class Index:
    """The live index of one folder, in one process."""

    def __init__(self, folder: Path, base: Base | None) -> None:
        """Use `open`."""
        self.folder = folder
        self._writing = threading.Lock()
        self._warm = self._loaded = False
        self._view = View.of(base, Delta(), base.manifest.upto if base else 0)

    @classmethod
    def open(cls, folder: Path) -> "Index":
        """The index of `folder`, empty where nothing is built yet. Raises DamagedIndex."""
        return cls(folder, Base.current(folder))

    @property
    def upto(self) -> int:
        """The highest change number that it knows, from files or `apply`. Ask the database for what follows."""
        return self._view.upto

    @property
    def stats(self) -> Stats:
        view = self._view
        if view.base is None:
            return Stats(0, view.changes, 0, 0, 0.0)
        manifest = view.base.manifest
        age = max(0.0, time.time() - manifest.built)
        return Stats(manifest.entries, view.changes, view.base.mapped, manifest.generation, age)

    def apply(self, changes: Iterable[Change]) -> None:
        """Take changes in: what they say holds for every question asked after this returns.

        A change that is known already, or older than what is known of its entry, does nothing, so that a batch may
        come again. Raises ValueError, with none of the batch taken in, where a field has a wrong length.
        """
        news = checked(changes)
        if not news:
            return
        with self._writing:
            view = self._view
            view.delta.add(news, view.base.manifest.upto if view.base else 0)
            new = View.of(view.base, view.delta, max(view.upto, *(change.version for change in news)))
            self._prepare(new)
            self._view = new

    def near(self, pdq: bytes, radius: int = MAX_RADIUS) -> list[Near]:
        """Every hash of a live entry within `radius` bits (0 to 31), nearest first. Raises ValueError, DamagedIndex."""
        return self.near_many([pdq], radius)[0]

    def near_many(self, pdqs: Sequence[bytes], radius: int = MAX_RADIUS) -> list[list[Near]]:
        """`near` for each hash, all answered as of the same moment."""
        budgets(radius)  # a bad radius is refused by an empty index as well
        return self._view.near(as_words(pdqs), radius)

    def exact(self, kind: Kind, digest: bytes) -> list[bytes]:
        """The live entries that hold the digest. Raises ValueError for an unknown kind or a wrong length."""
        return self.exact_many(kind, [digest])[0]

    def exact_many(self, kind: Kind, digests: Sequence[bytes]) -> list[list[bytes]]:
        """`exact` for each digest, all answered as of the same moment."""
        length = DIGEST_BYTES.get(kind)
        if length is None:
            raise ValueError(f"There are no digests of kind {kind!r}: {', '.join(DIGEST_BYTES)}.")
        for digest in digests:
            if len(digest) != length:
                raise ValueError(f"A {kind} has {length} bytes; this one has {len(digest)}.")
        return self._view.exact(kind, digests)

    def refresh(self) -> bool:
        """Map the folder's generation where it is another one than this process has; True where it did.

        Changes that the new files hold leave memory. Files begun anew in an emptied folder (after a restore of the
        database) take everything back to theirs: feed it from `upto` again. Raises DamagedIndex, and goes on
        answering from what it had.
        """
        known = self._view.base
        base = Base.current(self.folder, known.manifest if known else None)
        if base is None:
            return False
        if self._warm:
            base.read_ahead()
        with self._writing:
            view = self._view
            if view.base is not known:
                return False  # another thread was faster; a still newer one is for the next call
            new = self._over(base, view)
            self._prepare(new)
            self._view = new
        return True

    def warm(self) -> None:
        """Make the first questions as fast as the rest, now and after each change: once a process.

        Files are read into memory; of an index of more than a few rows the scans are compiled or loaded, which takes
        seconds, before what needs them is put in place.
        """
        self._warm = True
        self._prepare(self._view)
        if self._view.base:
            self._view.base.read_ahead()

    def _prepare(self, view: View) -> None:
        """Load the compiled scans where this view is large enough to need them."""
        rows = view.rows + (view.base.near.count if view.base else 0)
        if not self._warm or rows <= accelerate.FEW or self._loaded:
            return
        one = np.zeros(4, np.uint64)
        tiny = Delta()
        tiny.add([Change(bytes(ENTRY_BYTES), 1, live=True, pdq=(one.tobytes(),))], 0)
        accelerate.kernels()
        View.of(None, tiny, 0).near(one, 0)  # what is compiled is made ready by its first call
        Segment.of(one).search(one, 0)
        self._loaded = True

    def _over(self, base: Base, view: View) -> View:
        """What the view knows and the new files do not, on top of them."""
        old = view.base.manifest if view.base else None
        begun_anew = old is not None and (base.manifest.upto < old.upto or base.manifest.generation <= old.generation)
        delta, upto = Delta(), base.manifest.upto
        if not begun_anew:
            delta.add(view.delta.latest(upto), upto)
            upto = max(upto, view.upto)
        return View.of(base, delta, upto)
