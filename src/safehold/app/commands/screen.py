"""`safehold screen`: look the files of folders up among the lists of this installation."""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safehold.screening.hashing.sandbox import Decoders
    from safehold.screening.hashing.types import FileHashes

WAITING = 4  # files in line for each decoder


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    top = commands.add_parser(
        "screen",
        help="hash files and look them up among the lists",
        description="Records nothing and opens no case. Exit code: 0 all screened and nothing found, 1 something was "
        "found or could not be screened, 2 used wrongly.",
        epilog="Examples: safehold screen uploads/; safehold screen --json one.png two.gif > report.json",
    )
    top.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files and folders; links are not followed")
    top.add_argument("--json", action="store_true", help="one JSON object a line: each file, then the summary")
    top.add_argument("--turned", action="store_true", help="also look for pictures that were turned or mirrored")
    top.add_argument("--decoders", type=int, default=os.cpu_count() or 1, help="child processes that decode")
    top.set_defaults(run=_screen)


def _screen(arguments: argparse.Namespace) -> int:
    from safehold.screening import service as screening
    from safehold.screening.hashing.sandbox import Decoders

    if missing := [path for path in arguments.paths if not path.exists()]:
        print(f"safehold: there is no {missing[0]}.", file=sys.stderr)
        return 2
    try:
        matcher = screening.matcher()
    except screening.NotReady as problem:
        print(f"safehold: {problem}", file=sys.stderr)
        return 2
    report = Report(as_json=arguments.json)
    with Decoders(children=arguments.decoders) as decoders:
        for path, hashes in _hashed(decoders, _files(arguments.paths), arguments.decoders, arguments.turned):
            asked = screening.asked_of(hashes) if not isinstance(hashes, OSError) else None
            report.take(path, hashes, matcher.match(asked) if asked is not None else [])
    report.close()
    return 1 if report.found or report.not_screened else 0


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Every regular file below the paths, in the order of their names."""
    for path in paths:
        if path.is_dir():
            for folder, folders, names in os.walk(path):
                folders.sort()
                for name in sorted(names):
                    one = Path(folder, name)
                    if one.is_file() and not one.is_symlink():
                        yield one
        else:
            yield path


def _hashed(
    decoders: "Decoders", files: Iterator[Path], children: int, turned: bool
) -> Iterator[tuple[Path, "FileHashes | OSError"]]:
    """Each file with its hashes, in order, some files ahead."""
    with ThreadPoolExecutor(children) as threads:
        waiting: list[tuple[Path, Future[Any]]] = []
        while True:
            ahead = children * WAITING - len(waiting)
            waiting += [(path, threads.submit(_hash, decoders, path, turned)) for path in islice(files, ahead)]
            if not waiting:
                return
            path, future = waiting.pop(0)
            yield path, future.result()


def _hash(decoders: "Decoders", path: Path, turned: bool) -> "FileHashes | OSError":
    try:
        return decoders.hash_file(path, dihedral=turned)
    except OSError as problem:  # no permission, or gone meanwhile: this file was not screened, the others are
        return problem


class Report:
    """Prints each file that matters as it comes, a bar meanwhile, and the summary at the end."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.begun = time.monotonic()
        self.files = self.bytes = self.found = self.not_screened = 0
        self.reasons: Counter[str] = Counter()
        self.lists: Counter[str] = Counter()
        self.bar = sys.stderr.isatty() and not as_json

    def take(self, path: Path, hashes: "FileHashes | OSError", hits: list[Any]) -> None:
        """One file's hashes and hits."""
        self.files += 1
        told: dict[str, Any] = {"path": str(path), "hits": []}
        if isinstance(hashes, OSError):
            told |= {"not_screened": "unreadable", "why": hashes.strerror or type(hashes).__name__}
        else:
            self.bytes += hashes.digests.size
            frames = [
                {"at": one.at, "pdq": one.pdq, "quality": one.quality, "turned": one.turned} for one in hashes.frames
            ]
            digests = {name: getattr(hashes.digests, name) for name in ("size", "sha256", "sha1", "md5")}
            told |= {"kind": hashes.kind, **digests, "frames": frames}
            if hashes.not_screened is not None:
                told |= {"not_screened": hashes.not_screened.value, "why": hashes.why}
        for hit in hits:
            self.lists[hit.list] += 1
            names = ("list", "source", "category", "how", "exact", "distance", "trusted", "held_back")
            told["hits"].append({name: getattr(hit, name) for name in names})
        if reason := told.get("not_screened"):
            self.not_screened += 1
            self.reasons[reason] += 1
        self.found += bool(hits)
        self._print(told)

    def _print(self, told: dict[str, Any]) -> None:
        if self.as_json:
            print(json.dumps(told))
            return
        self._clear()
        for hit in told["hits"]:
            how = hit["how"] if hit["distance"] is None else f"{hit['how']}, {hit['distance']} bits off"
            print(f"HIT  {told['path']}  {hit['list']} ({how}){'  exact' if hit['exact'] else ''}")
        if "not_screened" in told:
            print(f"NOT SCREENED  {told['path']}  {told['not_screened']}: {told['why']}")
        if self.bar:
            rate = self.files / max(time.monotonic() - self.begun, 0.001)
            found = f"{self.found} found, {self.not_screened} not screened"
            print(f"{self.files} files, {found}, {rate:,.0f}/s ", end="", file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self.bar:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """The summary."""
        seconds = time.monotonic() - self.begun
        if self.as_json:
            names = ("files", "bytes", "found", "not_screened")
            counts = {"reasons": dict(self.reasons), "lists": dict(self.lists), "seconds": round(seconds, 3)}
            print(json.dumps({"summary": {name: getattr(self, name) for name in names} | counts}))
            return
        self._clear()
        print(f"{self.files} files, {self.bytes / 1e6:,.1f} MB in {seconds:,.1f} s: {self.found} with hits.")
        for name, count in self.lists.most_common():
            print(f"  {count} hits on {name}")
        for reason, count in self.reasons.most_common():
            print(f"  {count} not screened: {reason}")
