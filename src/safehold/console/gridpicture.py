"""Draws a decision grid (`policy.grid`) as SVG, for a desk and for a phone. Pure but for escaping.

`draw` is for the page of the policy owner. A cell is a bar whose parts are the outcomes' shares of the
cell's answer sets. Outcomes are told apart three times over: by tone (how much they weigh), by pattern
(within a tone) and by letter. Colours are classes of console.css, so that light, dark and printed pages
have their own; no style stands in the picture, which the content security policy would forbid.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

PATTERNS = ("plain", "diagonal", "dots", "cross", "lines")
_LEAST = 4.0  # how wide a part is at least, so that no outcome of a cell is invisible
_EM = 0.58  # how wide a Latin letter is on average, in parts of the font size


@dataclass(frozen=True)
class Look:
    """How an outcome is drawn: its letter, tone and pattern, and the words of its <title>."""

    letter: str
    tone: str
    pattern: str
    words: str


@dataclass(frozen=True)
class Drawing:
    """What is drawn: labels of rows and columns, and each cell's counts by outcome, in the order of `looks`."""

    name: str
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[dict[str, int]]]
    looks: dict[str, Look]
    mirrored: bool = False  # right to left


def draw(drawing: Drawing, *, narrow: bool = False) -> SafeString:
    """The picture; `narrow` puts each row's label above its bars and numbers the columns."""
    canvas = _Narrow(drawing) if narrow else _Wide(drawing)
    parts = "".join(canvas.parts())
    size = f'viewBox="0 0 {canvas.width:g} {canvas.height:g}" width="{canvas.width:g}" height="{canvas.height:g}"'
    label = escape(drawing.name)
    svg = f'<svg class="grid-picture" role="img" aria-label="{label}" {size}>{_defs(canvas.prefix)}{parts}</svg>'
    return mark_safe(svg)  # noqa: S308 (numbers and escaped words only)


def swatch(look: Look) -> SafeString:
    """The sign of one outcome for the legend."""
    prefix = f"key-{look.letter}"
    body = _part(look, prefix, 1, 1, 34, 22) + f'<text class="grid-letter" x="18" y="17">{escape(look.letter)}</text>'
    size = 'viewBox="0 0 36 24" width="36" height="24"'
    svg = f'<svg class="grid-key" aria-hidden="true" {size}>{_defs(prefix)}{body}</svg>'
    return mark_safe(svg)  # noqa: S308 (numbers and escaped words only)


def compact(number: int) -> str:
    """A count in little room: exact below a million, else two digits and a power of ten."""
    if number < 1_000_000:
        return f"{number:,}"
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa}×10" + str(int(exponent)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


class _Canvas:
    """What both layouts share."""

    prefix = ""
    width = 0.0
    height = 0.0

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing

    def parts(self) -> Iterator[str]:
        raise NotImplementedError

    def x(self, at: float, width: float = 0.0) -> float:
        """Where something begins, mirrored where the page reads from right to left."""
        return self.width - at - width if self.drawing.mirrored else at

    def text(self, at: float, y: float, words: str, style: str, *, middle: bool = False) -> str:
        anchor = ' text-anchor="middle"' if middle else ""
        return f'<text class="{style}" x="{self.x(at):g}" y="{y:g}"{anchor}>{escape(words)}</text>'

    def bar(self, at: float, y: float, width: float, height: float, row: int, column: int) -> Iterator[str]:
        """One cell's bar, with a <title> for each part."""
        counts = self.drawing.cells[row][column]
        shown = [(name, counts[name]) for name in self.drawing.looks if counts.get(name)]
        where = f"{self.drawing.rows[row]} · {self.drawing.columns[column]}"
        yield f'<rect class="grid-empty" x="{self.x(at, width):g}" y="{y:g}" width="{width:g}" height="{height:g}"/>'
        total = sum(number for _, number in shown)
        start = at
        for (name, number), size in zip(shown, _widths([number for _, number in shown], width), strict=True):
            look = self.drawing.looks[name]
            title = f"{where}\n{look.letter} {look.words}\n{number:,} / {total:,}"
            letter = ""
            if size >= 11:
                letter = self.text(start + size / 2, y + height / 2 + 4, look.letter, "grid-letter", middle=True)
            part = _part(look, self.prefix, self.x(start, size), y, size, height)
            yield f"<g><title>{escape(title)}</title>{part}{letter}</g>"
            start += size

    def total(self, row: int, column: int) -> int:
        return sum(self.drawing.cells[row][column].values())


class _Wide(_Canvas):
    """Labels at the side and above, counts under the bars."""

    prefix = "wide"
    label, row_height, gap = 250.0, 46.0, 8.0

    def __init__(self, drawing: Drawing) -> None:
        super().__init__(drawing)
        self.cell = max(96.0, (1180.0 - self.label) / max(1, len(drawing.columns)))
        self.heads = [_wrapped(words, self.cell - 2 * self.gap, 13.8, 4) for words in drawing.columns]
        self.head = 16.0 * max(map(len, self.heads), default=1) + 10
        self.width = self.label + self.cell * len(drawing.columns)
        self.height = self.head + self.row_height * len(drawing.rows) + 4

    def parts(self) -> Iterator[str]:
        for column, lines in enumerate(self.heads):
            at = self.label + column * self.cell
            for number, line in enumerate(lines):
                y = self.head - 10 - 16 * (len(lines) - 1 - number)
                yield self.text(at, y, line, "grid-head")
        for row, words in enumerate(self.drawing.rows):
            top = self.head + row * self.row_height
            yield f'<path class="grid-line" d="M0 {top:g}H{self.width:g}"/>'
            for number, line in enumerate(_wrapped(words, self.label - 16, 13, 2)):
                yield self.text(0, top + 18 + 16 * number, line, "grid-label")
            for column in range(len(self.drawing.columns)):
                at = self.label + column * self.cell
                if self.total(row, column):
                    yield from self.bar(at, top + 7, self.cell - self.gap, 20, row, column)
                    yield self.text(at, top + 41, compact(self.total(row, column)), "grid-count")
                else:
                    yield self.text(at, top + 22, "–", "grid-count")


class _Narrow(_Canvas):
    """Each label above its bars, columns by number; counts stand in the titles and in the table."""

    prefix = "narrow"
    width = 344.0
    gap = 3.0

    def __init__(self, drawing: Drawing) -> None:
        super().__init__(drawing)
        self.cell = self.width / max(1, len(drawing.columns))
        self.labels = [_wrapped(words, self.width - 4, 14, 2) for words in drawing.rows]
        self.height = sum(18.0 * len(lines) + 52 for lines in self.labels) + 2

    def parts(self) -> Iterator[str]:
        top = 0.0
        for row, lines in enumerate(self.labels):
            yield f'<path class="grid-line" d="M0 {top + 1:g}H{self.width:g}"/>'
            for number, line in enumerate(lines):
                yield self.text(0, top + 19 + 18 * number, line, "grid-label grid-large")
            y = top + 18 * len(lines) + 9
            for column in range(len(self.drawing.columns)):
                at = column * self.cell
                if self.total(row, column):
                    yield from self.bar(at, y, self.cell - self.gap, 22, row, column)
                middle = at + (self.cell - self.gap) / 2
                yield self.text(middle, y + 35, str(column + 1), "grid-count", middle=True)
            top += 18 * len(lines) + 52


def _part(look: Look, prefix: str, x: float, y: float, width: float, height: float) -> str:
    box = f'x="{x:.2f}" y="{y:g}" width="{width:.2f}" height="{height:g}"'
    plain = f'<rect class="grid-part tone-{look.tone}" {box}/>'
    return plain if look.pattern == "plain" else f'{plain}<rect fill="url(#{prefix}-{look.pattern})" {box}/>'


def _defs(prefix: str) -> str:
    shapes = {
        "diagonal": '<path d="M-2 2L2-2M0 8L8 0M6 10L10 6"/>',
        "dots": '<circle cx="2" cy="2" r="1.1"/><circle cx="6" cy="6" r="1.1"/>',
        "cross": '<path d="M0 0L8 8M0 8L8 0"/>',
        "lines": '<path d="M0 2H8M0 6H8"/>',
    }
    size = 'width="8" height="8" patternUnits="userSpaceOnUse"'
    patterns = "".join(
        f'<pattern id="{prefix}-{name}" class="grid-pattern" {size}>{shape}</pattern>' for name, shape in shapes.items()
    )
    return f"<defs>{patterns}</defs>"


def _widths(counts: list[int], width: float) -> list[float]:
    """Shares of a width, none below `_LEAST` as long as there is room."""
    least = min(_LEAST, width / max(1, len(counts)))
    total = sum(counts)
    free = width - least * len(counts)
    return [least + free * number / total for number in counts]


def _wrapped(words: str, width: float, size: float, lines: int) -> list[str]:
    """Words in at most so many lines, by an estimate of their width; the rest is cut with a sign."""
    room = width / size
    found, line = [], ""
    for token in _tokens(words):
        if line and _ems((line + token).rstrip()) > room:
            found.append(line.rstrip())
            line = token.lstrip()
        else:
            line += token
    found.append(line.rstrip())
    if len(found) > lines:
        last = found[lines - 1]
        while last and _ems(last + "…") > room:
            last = last[:-1]
        found = [*found[: lines - 1], last.rstrip() + "…"]
    return found


def _tokens(words: str) -> Iterator[str]:
    """Where a line may break: after a space, and around each wide letter."""
    token = ""
    for letter in words:
        token += letter
        if letter == " " or _wide(letter):
            yield token
            token = ""
    if token:
        yield token


def _ems(words: str) -> float:
    return sum(1.0 if _wide(letter) else _EM for letter in words)


def _wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"
