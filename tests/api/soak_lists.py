"""What changes lists while the soak runs: entries come and go, and the index is built anew. A process of its own.

`python -m tests.api.soak_lists FILE SECONDS` writes a line of JSON for each change after its commit: what it was, when,
and the entry's digest and hash.
"""

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

BATCH = 50  # entries of one commit
LIVE = 3000  # entries that are live at most: memory must not grow because lists do
BUILD_EVERY = 15.0  # seconds


def pdq(chance: random.Random) -> str:
    """A hash as real ones are: exactly half of its bits set."""
    bits = [1] * 128 + [0] * 128
    chance.shuffle(bits)
    return f"{int(''.join(map(str, bits)), 2):064x}"


def main() -> None:
    """Until the time is over."""
    import django

    django.setup()
    from django.db import transaction
    from django.utils import timezone

    from safehold.screening import building, lists, live
    from safehold.screening.models import HashList, ListEntry

    path, seconds = Path(sys.argv[1]), float(sys.argv[2])
    chance = random.Random(7)  # noqa: S311 - test values
    now = timezone.now()
    home, _made = HashList.objects.get_or_create(
        slug="soak", defaults={"source": "Soak", "licence": "own", "purpose": "prevent-exploitation", "made_at": now}
    )
    alive: list[Any] = []
    until, built = time.time() + seconds, time.time()
    with path.open("a") as lines:

        def tell(what: str, rows: list[Any]) -> None:
            for row in rows:
                lines.write(json.dumps({"what": what, "at": time.time(), "sha256": row.sha256, "pdq": row.pdq}) + "\n")
            lines.flush()

        while time.time() < until:
            with transaction.atomic():
                new = [
                    ListEntry(
                        list=home, sha256=(sha256 := chance.randbytes(32).hex()), identity=sha256, pdq=pdq(chance),
                        category="A1", first_seen=now, last_seen=now,
                    )
                    for _ in range(BATCH)
                ]  # fmt: skip
                version = lists.next_version()
                for row in new:
                    row.version = version
                ListEntry.objects.bulk_create(new)
            alive += new
            tell("added", new)
            if len(alive) > LIVE:
                gone, alive = alive[:BATCH], alive[BATCH:]
                tell("leaving", gone)
                with transaction.atomic():
                    for row in gone:
                        lists.retract_entry(row.pk, because="placeholder", actor="staff:1")
                tell("gone", gone)
            if time.time() - built > BUILD_EVERY:
                building.build_index(live.folder())
                built = time.time()
            time.sleep(0.3)


if __name__ == "__main__":
    main()
