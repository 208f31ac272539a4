"""The peer of `lookup`, run by an interpreter that has `threatexchange` and nothing of ours.

Reads hashes and queries from the folder named, builds, then answers lines of query numbers with times and rows.
"""

import importlib.metadata
import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
from threatexchange.signal_type.pdq.pdq_index import PDQIndex


def main(folder: Path) -> None:
    hashes, queries = np.load(folder / "hashes.npy"), np.load(folder / "queries.npy")
    before = _memory()
    entries = [(row.tobytes().hex(), number) for number, row in enumerate(hashes)]
    began = time.perf_counter()
    index = PDQIndex(entries)
    built = time.perf_counter() - began
    del entries
    version = importlib.metadata.version("threatexchange")
    _say({"built": built, "memory": _memory() - before, "version": version})
    asked = [row.tobytes().hex() for row in queries]
    for line in sys.stdin:
        times, found = [], []
        for number in json.loads(line):
            query = asked[number]
            began = time.perf_counter()
            matches = index.query(query)
            times.append(time.perf_counter() - began)
            found.append([match.metadata for match in matches])
        _say({"times": times, "found": found})


def _memory() -> int:
    """Resident bytes now (the most so far where the system does not tell)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _say(what: dict) -> None:
    print(json.dumps(what), flush=True)


main(Path(sys.argv[1]))
