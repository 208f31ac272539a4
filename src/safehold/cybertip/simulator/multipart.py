"""A streaming reader of multipart/form-data: fields are kept, the file is measured and passed on.

`Form.feed` takes chunks as they arrive and holds back no more than a boundary's length.
"""

import hashlib
import re
from collections.abc import Callable

HEADER_LIMIT = 16 * 1024
FIELD_LIMIT = 1024
_PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')


class BadForm(ValueError):
    """What arrived is not a form."""


class Form:
    """The form so far. After `close`: `fields`, and of the file `has_file`, `size`, `md5`.

    `write` is given the file's bytes as they arrive; what it raises comes through `feed`.
    """

    def __init__(self, content_type: str, write: Callable[[bytes], None] = lambda _chunk: None) -> None:
        found = re.search(r'boundary="?([^";]{1,200})"?', content_type)
        if not content_type.lower().startswith("multipart/form-data") or not found:
            raise BadForm("Content-Type is not multipart/form-data with a boundary.")
        self._mark = b"\r\n--" + found[1].encode("latin-1", "replace")
        self._write = write
        self._buffer = b"\r\n"  # the first boundary has no line end before it
        self._state = "data"  # data of a part (at first: what comes before the first part) | header | end
        self._name: str | None = None
        self._value = b""
        self._is_file = False
        self._digest = hashlib.md5(usedforsecurity=False)
        self.fields: dict[str, str] = {}
        self.order: list[str] = []
        self.has_file = False
        self.size = 0

    @property
    def md5(self) -> str:
        """Of the file's bytes."""
        return self._digest.hexdigest()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Raises BadForm."""
        self._buffer += chunk
        while self._state != "end" and (self._data() if self._state == "data" else self._header()):
            pass
        if self._state == "end":
            self._buffer = b""  # what follows the last boundary is nobody's

    def close(self) -> None:
        """The body ended. Raises BadForm where the form did not."""
        if self._state != "end":
            raise BadForm("The form breaks off.")

    def _data(self) -> bool:
        """Data up to the next boundary. Returns whether there is more to do."""
        at = self._buffer.find(self._mark)
        if at < 0:
            keep = len(self._mark)
            self._take(self._buffer[:-keep])
            self._buffer = self._buffer[-keep:]
            return False
        after = at + len(self._mark)
        if len(self._buffer) < after + 2:
            return False
        self._take(self._buffer[:at])
        self._finish_part()
        last, self._buffer = self._buffer[after : after + 2] == b"--", self._buffer[after:]
        self._state = "end" if last else "header"
        return not last

    def _header(self) -> bool:
        at = self._buffer.find(b"\r\n\r\n")
        if at < 0:
            if len(self._buffer) > HEADER_LIMIT:
                raise BadForm("A part's header is too long.")
            return False
        about = _disposition(self._buffer[:at].decode("utf-8", "replace"))
        self._name, self._is_file = about["name"], "filename" in about or "filename*" in about
        if self._name in self.order:
            raise BadForm(f"The form holds the field {self._name!r} twice.")
        self.order.append(self._name)
        self.has_file = self.has_file or self._is_file
        self._buffer, self._state, self._value = self._buffer[at + 4 :], "data", b""
        return True

    def _take(self, data: bytes) -> None:
        if self._name is None:
            return
        if self._is_file:
            self._digest.update(data)
            self.size += len(data)
            self._write(data)
        else:
            self._value += data
            if len(self._value) > FIELD_LIMIT:
                raise BadForm("A field is too long.")

    def _finish_part(self) -> None:
        if self._name is not None and not self._is_file:
            self.fields[self._name] = self._value.decode("utf-8", "replace")
        self._name = None


def _disposition(head: str) -> dict[str, str]:
    """The parameters of a part's Content-Disposition. Raises BadForm where it has no name."""
    for line in head.split("\r\n"):
        name, _colon, value = line.partition(":")
        if name.strip().lower() == "content-disposition" and value.strip().lower().startswith("form-data"):
            found = {match[1].lower(): match[2] or match[3] or "" for match in _PARAMETER.finditer(value)}
            if found.get("name"):
                return found
    raise BadForm("A part has no name.")
