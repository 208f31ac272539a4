"""Reads YAML so that an error can name file and line. For `loader` only.

`read(path)` gives a `Map`; `Map.take` and `Map.only` check shape and raise PolicyError.
Plain YAML 1.1 turns words such as `no` and dates into other types; here only whole numbers,
`true` and `false` are special, everything else stays the text that was written.
"""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import yaml


class PolicyError(Exception):
    """A pack that cannot be used: where (`file:line`), what is wrong, and what to do."""

    def __init__(self, file: str, line: int, what: str, hint: str = "") -> None:
        self.file, self.line, self.what, self.hint = file, line, what, hint
        super().__init__(f"{file}:{line}: {what}" + (f"\n  hint: {hint}" if hint else ""))


class Map(dict[str, Any]):
    """A YAML mapping that knows its file and the line of each key."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__()
        self.file, self.line = file, line
        self.lines: dict[str, int] = {}
        self.files: dict[str, str] = {}  # keys that another file has changed

    def fail(self, key: str | None, what: str, hint: str = "") -> NoReturn:
        """Raise PolicyError at `key` (or at the mapping itself)."""
        raise PolicyError(self.files.get(key or "", self.file), self.lines.get(key or "", self.line), what, hint)

    def with_changes(self, changes: "Map") -> "Map":
        """A copy in which the keys of `changes` win; faults in them name the file that they stand in."""
        both = Map(self.file, self.line)
        both.update({**self, **changes})
        both.lines = {**self.lines, **changes.lines}
        both.files = {**self.files, **dict.fromkeys(changes, changes.file)}
        return both

    def only(self, allowed: Iterable[str], thing: str) -> None:
        """Refuse keys that are not in `allowed`, suggesting the nearest."""
        names = sorted(allowed)
        for key in self:
            if key not in names:
                self.fail(key, f"{thing} has no setting {key!r}.", near(key, names))

    def take(self, key: str, kind: type, thing: str, default: Any = ...) -> Any:
        """The value of `key`, which must be of `kind`; without a default it must be there."""
        if key not in self:
            if default is ...:
                self.fail(None, f"{thing} lacks {key!r}.", f"Add `{key}:` here.")
            return default
        value = self[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail(key, f"{key!r} of {thing} is {_named(value)}; it must be {_KINDS[kind]}.")
        return value

    def words(self, key: str, thing: str, default: Any = ...) -> tuple[str, ...]:
        """A list of words under `key`; a single word counts as a list of one."""
        value = self.get(key)
        if isinstance(value, str):
            return (value,)
        value = self.take(key, Seq, thing, default)
        for index, word in enumerate(value):
            if not isinstance(word, str):
                raise PolicyError(
                    self.file,
                    value.lines[index],
                    f"{key!r} of {thing} holds {_named(word)}.",
                    "Only words may stand in this list.",
                )
        return tuple(value)


class Seq(list[Any]):
    """A YAML list that knows the line of each entry."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__()
        self.file, self.line = file, line
        self.lines: list[int] = []


_KINDS = {str: "a text", int: "a whole number", bool: "true or false", Map: "a mapping", Seq: "a list"}


def _named(value: object) -> str:
    return {
        str: f"the text {value!r}",
        int: f"the number {value}",
        bool: f"the switch {str(value).lower()}",
        Map: "a mapping",
        Seq: "a list",
    }[type(value)]


def near(word: str, names: Iterable[str]) -> str:
    """A hint that names the nearest of `names`, or all of them where none is near."""
    known = list(names)
    close = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known here: {', '.join(known) or 'nothing'}."


def read(path: Path, shown_as: str) -> Map:
    """The mapping in a YAML file. Raises PolicyError for a missing file, bad YAML, or a key given twice."""
    try:
        node = _composed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "Every file that pack.yaml names must be there."
        raise PolicyError(shown_as, 1, "The file is missing.", hint) from None
    except UnicodeDecodeError:
        raise PolicyError(shown_as, 1, "The file is not UTF-8 text.", "Save it as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        hint = "Check indentation, colons and quotes."
        raise PolicyError(shown_as, line, f"This is not YAML: {error.problem}.", hint) from None
    value = _plain(node, shown_as) if node is not None else None
    if not isinstance(value, Map):
        raise PolicyError(
            shown_as, 1, "The file must hold a mapping at its top.", "Start with a line such as `policy: …`."
        )
    return value


def _composed(text: str) -> yaml.Node | None:
    """The node tree, by the C parser where there is one; what is wrong is told by the other, alike everywhere."""
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.compose(text, Loader=fast)
    except yaml.MarkedYAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


def _plain(node: yaml.Node, file: str) -> Any:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        seq = Seq(file, line)
        for entry in node.value:
            seq.append(_plain(entry, file))
            seq.lines.append(entry.start_mark.line + 1)
        return seq
    if isinstance(node, yaml.MappingNode):
        found = Map(file, line)
        for key_node, value_node in node.value:
            key, at = str(key_node.value), key_node.start_mark.line + 1
            if key in found:
                raise PolicyError(file, at, f"{key!r} is given twice.", f"The first is on line {found.lines[key]}.")
            found[key], found.lines[key] = _plain(value_node, file), at
        return found
    return _scalar(node)


def _scalar(node: yaml.Node) -> str | int | bool:
    text: str = node.value
    if getattr(node, "style", None) in (None, "") and re.fullmatch(r"-?\d+|true|false", text):
        return text == "true" if text in ("true", "false") else int(text)
    return text
