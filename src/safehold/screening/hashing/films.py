"""From the bytes of a film to one PDQ a second, and films matched as vPDQ does. Needs the extra `video` to decode.

`match_film` is for anybody. `hash_film` decodes, so it belongs in a child process (`child`).
"""

import time
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from safehold.screening.hashing.pdq import MIN_QUALITY, RADIUS, pdq
from safehold.screening.hashing.pixels import STORED
from safehold.screening.hashing.types import CannotScreen, FilmHashes, FrameHash, Limits, NotScreened

# Containers that films come in. Playlists, image sequences and text are left out: they open other files.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,asf,mpeg,mpegts,mpegvideo,ogg,rm,mxf,h264,hevc,ivf,m4v,dv"
MISSING = 2.0  # seconds that a film may end before the length it states
CHUNK = 1024  # frames compared at a time


class FilmMatch(NamedTuple):
    """Shares from 0 to 1 of the frames good enough to compare; 0 where there are none."""

    query: float  # of the query's frames, those that the entry has
    entry: float  # of the entry's frames, those that the query has


def match_film(
    query_frames: Sequence[FrameHash],
    entry_frames: Sequence[FrameHash],
    radius: int = RADIUS,
    quality: int = MIN_QUALITY,
) -> FilmMatch:
    """How much of each film is in the other. Frames under `quality` count on neither side.

    A frame that was hashed in several ways (`turned`) counts once, and matches where any of them does.
    """
    ours, ours_at = _bits(query_frames, quality)
    theirs, theirs_at = _bits(entry_frames, quality)
    if not len(ours) or not len(theirs):
        return FilmMatch(0.0, 0.0)
    found_ours = np.zeros(len(ours), bool)
    found_theirs = np.zeros(len(theirs), bool)
    for first in range(0, len(ours), CHUNK):
        apart = np.bitwise_count(ours[first : first + CHUNK, None] ^ theirs[None]).sum(axis=2, dtype=np.uint16)
        near = apart <= radius
        found_ours[first : first + CHUNK] = near.any(axis=1)
        found_theirs |= near.any(axis=0)
    return FilmMatch(_share(found_ours, ours_at), _share(found_theirs, theirs_at))


def _bits(frames: Sequence[FrameHash], quality: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    good = [frame for frame in frames if frame.quality >= quality]
    words = np.frombuffer(bytes.fromhex("".join(frame.pdq for frame in good)), np.uint64).reshape(len(good), 4)
    return words, np.array([frame.at for frame in good], np.int64)


def _share(found: npt.NDArray[np.bool_], at: npt.NDArray[np.int64]) -> float:
    return len(np.unique(at[found])) / len(np.unique(at))


def hash_film(file: BinaryIO, limits: Limits, *, dihedral: bool = False, deadline: float | None = None) -> FilmHashes:
    """The first frame of each second, with the time it is shown at.

    A film that its metadata turns is hashed as shown and as stored. `dihedral` and `deadline` as in
    `pictures.hash_picture`. Raises CannotScreen where nothing can be hashed.
    """
    try:
        import av
    except ImportError:
        why = "films need the extra `video` (PyAV), which is not installed"
        raise CannotScreen(NotScreened.NEEDS_EXTRA_VIDEO, why) from None
    ends = time.monotonic() + limits.film_time if deadline is None else deadline
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none", "probesize": "5000000"}
    file.seek(0)
    try:
        with av.open(file, "r", container_options=options, metadata_errors="ignore") as container:
            return _Film(container, limits, dihedral, ends).hashes()
    except MemoryError:
        raise CannotScreen(NotScreened.BOMB, "the film needs more memory than the limit") from None
    except av.error.InvalidDataError:
        raise CannotScreen(NotScreened.NOT_MEDIA, "no decoder of films knows this file") from None
    except (av.error.FFmpegError, OSError, ValueError, LookupError, TypeError, ArithmeticError, RuntimeError):
        raise CannotScreen(NotScreened.DAMAGED, "the film cannot be decoded") from None


class _Film:
    """One open film on its way to hashes."""

    def __init__(self, container: Any, limits: Limits, dihedral: bool, ends: float) -> None:
        self.container, self.limits, self.dihedral, self.ends = container, limits, dihedral, ends
        self.frames: list[FrameHash] = []
        self.truncated: NotScreened | None = None
        self.why = ""
        self._next = 0  # the second whose first frame is wanted

    def hashes(self) -> FilmHashes:
        stream = self._stream()
        context = stream.codec_context
        if context.width * context.height > self.limits.pixels:
            raise CannotScreen(NotScreened.BOMB, f"the film has more than {self.limits.pixels} pixels a frame")
        stream.thread_count = 1
        last = self._walk(stream)
        if not self.frames:
            reason = self.truncated or NotScreened.DAMAGED
            raise CannotScreen(reason, self.why or "no frame of the film can be decoded")
        if self.truncated is None and last + MISSING < self._stated(stream):
            self._stop(NotScreened.TRUNCATED, f"the film ends after {last:.0f} seconds, before the length it states")
        return FilmHashes(
            tuple(self.frames), context.width, context.height, self.container.format.name, last,
            self.truncated, self.why,
        )  # fmt: skip

    def _stream(self) -> Any:
        """The first that is no cover picture of a sound file."""
        for stream in self.container.streams.video:
            if "attached_pic" not in str(stream.disposition):
                return stream
        raise CannotScreen(NotScreened.UNSUPPORTED_TYPE, "the file has sound and no moving picture")

    def _stated(self, stream: Any) -> float:
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        return (self.container.duration or 0) / 1_000_000

    def _walk(self, stream: Any) -> float:
        """Through all frames. Returns the time of the last one, in seconds from the first."""
        from av.error import FFmpegError

        last, start = 0.0, None
        try:
            for frame in self.container.decode(stream):
                now = float(frame.time if frame.time is not None else last)
                start = now if start is None else start
                last = max(last, now - start)
                if last > self.limits.film_seconds:
                    self._stop(NotScreened.TOO_LONG, f"the first {self.limits.film_seconds} seconds are hashed")
                    break
                if time.monotonic() > self.ends:
                    self._stop(NotScreened.TIMEOUT, f"the first {last:.0f} seconds are hashed; then time was up")
                    break
                if last >= self._next:
                    self._keep(frame, round(last * 1000))
                    self._next = int(last) + 1
        except (FFmpegError, ValueError, RuntimeError):
            self._stop(NotScreened.TRUNCATED, f"the film is damaged after {last:.0f} seconds; those before are hashed")
        return last

    def _keep(self, frame: Any, at: int) -> None:
        from safehold.screening.hashing.pdq import SMALLEST, TURNS
        from safehold.screening.hashing.pdq import dihedral as eight

        if frame.width * frame.height > self.limits.pixels:
            self._stop(NotScreened.BOMB, f"a frame has more than {self.limits.pixels} pixels")
            return
        if min(frame.width, frame.height) < SMALLEST:
            raise CannotScreen(NotScreened.TOO_SMALL, f"the film has under {SMALLEST} pixels on a side")
        stored = frame.to_ndarray(format="rgb24")
        quarters = round(frame.rotation / 90) % 4
        ways = {"": np.rot90(stored, quarters), STORED: stored} if quarters else {"": stored}
        for turned, image in ways.items():
            found = eight(image) if self.dihedral else {TURNS[0]: pdq(image)}
            for name, one in found.items():
                parts = [part for part in (turned, "" if name == TURNS[0] else name) if part]
                self.frames.append(FrameHash(at, one.hex, one.quality, "+".join(parts)))

    def _stop(self, reason: NotScreened, why: str) -> None:
        if self.truncated is None:
            self.truncated, self.why = reason, why
