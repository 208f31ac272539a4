"""Decoding pictures in a process of its own, because decoders are attacked. For this room's `veil` and `shown`.

The child gets a picture on standard input and gives one on standard output. It imports neither Django nor
any other room, has few file handles, and limits on memory, time and what it may write. Where bubblewrap
(`bwrap`) is installed and works, the child also sees neither network, nor processes, nor any file but
those of Python and the system's libraries.
"""

import functools
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

MAX_MEMORY = 1024 * 1024 * 1024  # bytes of the child's address space, where the system allows the limit
NOT_A_PICTURE = 3


class NoPicture(Exception):
    """The child gave no picture; the message says why, without content."""


def run(program: Path, chunks: Iterable[bytes], *arguments: str, most: int, seconds: float) -> bytes:
    """What the child makes of the picture in `chunks`. Raises NoPicture; the child never outlives the call."""
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > most:
            raise NoPicture("the file is too large")
    command = [sys.executable, "-I", str(program), *arguments]
    child = subprocess.Popen(
        [*walls(), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"LANG": "C.UTF-8"},
        cwd="/",
        close_fds=True,
    )
    with child:
        try:
            out, _none = child.communicate(bytes(data), timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            raise NoPicture("decoding took too long") from None
        except BaseException:
            child.kill()
            raise
    if child.returncode == NOT_A_PICTURE:
        raise NoPicture("it is not a picture of a known format")
    if child.returncode != 0:
        raise NoPicture("decoding failed")
    return out


@functools.cache
def walls() -> tuple[str, ...]:
    """The bubblewrap command that goes before the child's own; empty where there is none, or it does not work here."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return ()
    here = str(Path(__file__).resolve().parent)
    seen = {sys.prefix, sys.base_prefix, here, "/usr", "/lib", "/lib64", "/bin"}
    binds = [part for path in sorted(seen) if Path(path).exists() for part in ("--ro-bind", path, path)]
    command = (
        bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
        "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", *binds,  # noqa: S108 - the child's own, in memory
    )  # fmt: skip
    probe = f"import os, PIL.Image; os.stat({here!r})"
    try:
        subprocess.run(
            [*command, sys.executable, "-I", "-c", probe], check=True, timeout=20,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ()
    return command
