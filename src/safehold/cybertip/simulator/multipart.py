"""A streaming reader of multipart/form-data: fields are kept, the file is only measured.

`Form.feed` takes chunks as they arrive and holds back no more than a boundary's length.
"""

import hashlib
import re

HEADER_LIMIT = 16 * 1024
FIELD_LIMIT = 1024


class BadForm(ValueError):
    """What arrived is not a form."""


class Form:
    """The form so far. After `close`: `fields`, and of the file `has_file`, `size`, `md5`."""

    def __init__(self, content_type: str) -> None:
        found = re.search(r'boundary="?([^";]{1,200})"?', content_type)
        if not content_type.lower().startswith("multipart/form-data") or not found:
            raise BadForm("Content-Type is not multipart/form-data with a boundary.")
        self._mark = b"\r\n--" + found[1].encode()
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
        head = self._buffer[:at].decode("utf-8", "replace")
        name = re.search(r'name="([^"]*)"', head)
        if not name:
            raise BadForm("A part has no name.")
        self._name, self._is_file = name[1], "filename=" in head
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
        else:
            self._value += data
            if len(self._value) > FIELD_LIMIT:
                raise BadForm("A field is too long.")

    def _finish_part(self) -> None:
        if self._name is not None and not self._is_file:
            self.fields[self._name] = self._value.decode("utf-8", "replace")
        self._name = None
