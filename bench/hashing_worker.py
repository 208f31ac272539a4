"""One way of hashing JPEG files, in a process of its own with one thread: `hashing_worker.py ours | decode | peer`.

Reads one path a line, answers with one line of JSON: seconds from the bytes of the file to its hash, hash, quality.
`peer` is run by an interpreter that has `threatexchange`; `ours` and `decode` (Pillow alone) by this one.
"""

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

Hashed = tuple[str, int]


def ours() -> Callable[[bytes], Hashed]:
    from safehold.screening.hashing.pictures import hash_picture
    from safehold.screening.hashing.types import Limits

    limits = Limits()

    def work(data: bytes) -> Hashed:
        (frame,) = hash_picture(io.BytesIO(data), limits).frames
        return frame.pdq, frame.quality

    return work


def decode() -> Callable[[bytes], Hashed]:
    from PIL import Image

    def work(data: bytes) -> Hashed:
        Image.open(io.BytesIO(data)).load()
        return "", 0

    return work


def peer() -> Callable[[bytes], Hashed]:
    from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_bytes

    return pdq_from_bytes


def main() -> None:
    work = {"ours": ours, "decode": decode, "peer": peer}[sys.argv[1]]()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        data = Path(line.rstrip("\n")).read_bytes()
        began = time.perf_counter()
        hashed, quality = work(data)
        seconds = time.perf_counter() - began
        print(json.dumps({"seconds": seconds, "hash": hashed, "quality": quality}), flush=True)


if __name__ == "__main__":
    main()
