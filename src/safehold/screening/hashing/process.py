"""One child process that decodes: starting it inside its walls, asking it, and ending it. For `sandbox`.

The child gets each file as an open descriptor, so that no bytes pass through a pipe and a large file is never in
memory whole. Where bubblewrap (`bwrap`) is installed and works, the child sees neither network, nor other
processes, nor any file but those of Python, the system's libraries and this package; everywhere it has limits on
memory and processor time, few descriptors, and can write no file. It is started with `subprocess`, never by
forking the parent, whose secrets it therefore does not hold.
"""

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from safehold.screening.hashing.child import Answer, Job, receive, send
from safehold.screening.hashing.types import Limits

PROGRAM = Path(__file__).resolve().with_name("child.py")
START = 60.0  # seconds a child may take to load its libraries, on a busy machine too
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Gone(Exception):
    """The child ended without an answer, or gave none that can be read."""


class TooSlow(Exception):
    """The child had no answer in time."""


class Child:
    """A running decoder. Not for two threads at once. Raises Gone where it does not start."""

    def __init__(self, limits: Limits) -> None:
        self.files = 0
        self._answers = msgspec.msgpack.Decoder(Answer)
        self._line, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [*walls(), sys.executable, "-I", str(PROGRAM), str(limits.memory)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={"LANG": "C.UTF-8", **dict.fromkeys(_ONE_THREAD, "1")},
                    cwd="/",
                    close_fds=True,
                    start_new_session=True,
                )
        except BaseException:
            self._line.close()
            raise
        try:
            if self._hear(time.monotonic() + START) != b"ready":
                raise Gone("the decoder did not start")
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Of the decoder, or of the bubblewrap around it."""
        return self._process.pid

    def idle(self) -> bool:
        """Whether it is alive and silent, as it must be between two files."""
        try:
            self._line.setblocking(False)
            self._line.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False  # the end of the line, or words that nobody asked for

    def give(self, job: Job, descriptor: int) -> float:
        """Hand over one file. Returns until when (time.monotonic()) the answer must be there. Raises Gone."""
        self.files += 1
        try:
            self._line.settimeout(job.seconds)
            send(self._line, msgspec.msgpack.encode(job), descriptor)
        except OSError:
            raise Gone("the decoder is gone") from None
        return time.monotonic() + job.seconds

    def take(self, until: float) -> Answer:
        """The answer to what was given. Raises Gone or TooSlow; kill the child then."""
        try:
            return self._answers.decode(self._hear(max(until, time.monotonic() + 1)))
        except msgspec.MsgspecError:
            raise Gone("the decoder gave no answer that can be read") from None

    def kill(self) -> None:
        """End it, with all that belongs to it, and let go of it. For the thread that has the child."""
        self.strike()
        self._process.wait()
        self._line.close()

    def strike(self) -> None:
        """End it from another thread: the one that waits for its answer then gets Gone, and calls `kill`."""
        if self._process.returncode is None:  # not yet waited for, so the number is still its own
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def disown(self) -> None:
        """In a process forked from the one that started it: forget the child without harming it."""
        self._line.close()
        self._process.returncode = 0

    def _hear(self, until: float) -> bytes:
        try:
            message, descriptor = receive(self._line, until)
        except TimeoutError:
            raise TooSlow from None
        except OSError:
            raise Gone("the decoder is gone") from None
        if descriptor is not None:  # it has none to give
            os.close(descriptor)
        if not message:
            raise Gone("the decoder ended")
        return message


@functools.cache
def walls() -> tuple[str, ...]:
    """The bubblewrap command that goes before the child's own; empty where there is none, or it does not work here.

    Without `--die-with-parent`: that means the thread that starts it, and threads of a server come and go. A child
    whose parent is gone reads the end of its socket, and the limit on processor time ends one that does not.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return ()
    here = str(PROGRAM.parents[3])
    seen = {sys.prefix, sys.base_prefix, here, "/usr", "/lib", "/lib64", "/bin"}
    binds = [part for path in sorted(seen) if Path(path).exists() for part in ("--ro-bind", path, path)]
    command = (
        bwrap, "--unshare-all", "--cap-drop", "ALL",
        "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", *binds,  # noqa: S108 - the child's own, in memory
    )  # fmt: skip
    probe = f"import os, numpy, PIL.Image; os.stat({str(PROGRAM)!r})"
    try:
        subprocess.run(
            [*command, sys.executable, "-I", "-c", probe], check=True, timeout=20,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ()
    return command
