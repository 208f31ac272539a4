"""Building the index's files from the database, and telling whether files still belong to the database.

Others call, through `service`: `build_index`, `index_due`, `verify_index`. Readers go on meanwhile and take the new
files within a second. Memory: about 25 bytes an entry and 60 bytes a hash of one kind at a time (1 M entries: under
200 MB beside Python itself); disk: 144 bytes a PDQ hash and what its digests hold, twice while the old files stand.
"""

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import msgspec

from safehold.screening import following
from safehold.screening.errors import NotReady
from safehold.screening.index import DamagedIndex, Manifest, build, verify
from safehold.screening.index.files import read_manifest
from safehold.screening.models import HashList, ListEntry

MARKS = 16
ANEW = "Build it again: safehold screening index build --anew"


class History(msgspec.Struct, frozen=True):
    """The newest entries in the files, by which a database that was restored from a backup is told."""

    upto: int
    entries: dict[str, int]  # id -> number of its change


def build_index(folder: Path, progress: Callable[[int, int], None] | None = None, *, anew: bool = False) -> Manifest:
    """Write new files from all live entries and make them the current ones. `progress(done, of)` counts parts.

    `anew` drops what is there first: after a restore the files know changes that the database does not. Raises
    BuildRunning; ValueError where the files know more than the database (then it takes `anew`); OSError.
    """
    if anew and folder.exists():
        shutil.rmtree(folder)
    upto = following.clock()
    if not anew:
        with contextlib.suppress(DamagedIndex):  # what is built now replaces it
            check_history(folder)
    manifest = build(folder, following.live_files(upto), upto, progress)
    rows = ListEntry.objects.filter(version__lte=upto).order_by("-version", "pk").values_list("pk", "version")[:MARKS]
    marks = History(upto, {pk.hex: version for pk, version in rows})
    fresh = folder / "history.new"
    fresh.write_bytes(msgspec.json.encode(marks))
    fresh.replace(folder / "history.json")
    return manifest


def check_history(folder: Path) -> None:
    """Raise NotReady where the files were made of another past than this database's."""
    manifest = read_manifest(folder)
    try:
        marks = msgspec.json.decode((folder / "history.json").read_bytes(), type=History)
    except (FileNotFoundError, msgspec.DecodeError):
        return
    if manifest is None or marks.upto != manifest.upto:
        return
    rows = ListEntry.objects.filter(pk__in=[UUID(entry) for entry in marks.entries]).values_list("pk", "version")
    now = {pk.hex: version for pk, version in rows}
    if following.clock() < marks.upto or any(now.get(entry, -1) < version for entry, version in marks.entries.items()):
        raise NotReady("index_damaged", f"The index belongs to another past than the database (restored?). {ANEW}")


def index_due(folder: Path, changes: int) -> bool:
    """Whether so many changes of files, or more, stand in no file yet. Raises DamagedIndex."""
    manifest = read_manifest(folder)
    rows = ListEntry.objects.filter(version__gt=manifest.upto if manifest else 0, list__kind=HashList.Kind.FILES)
    return rows[:changes].count() >= changes


def verify_index(folder: Path) -> Manifest | None:
    """Read every byte of the files against its checksum; None where nothing is built. Raises DamagedIndex, NotReady."""
    manifest = verify(folder)
    check_history(folder)
    return manifest
