"""Bars as SVG, made on the server: no script, no style of its own. The tables beside say the same.

A number that is withheld gets a short dashed bar: a reader sees that something is there, not how much.
"""

from xml.sax.saxutils import escape, quoteattr

from django.utils.safestring import SafeString, mark_safe

WIDTH, ROW, VALUE, HIDDEN = 400, 54, 120, 14  # units of the picture; on a telephone about one pixel each


def bars(rows: list[tuple[str, float | None, str]], *, title: str, rtl: bool = False) -> SafeString:
    """One bar for each (label, value or None, value in words), its label above it. Colours are in the style sheet."""
    most = max((value for _label, value, _words in rows if value is not None), default=0) or 1
    words = "; ".join(f"{label}: {shown}" for label, _value, shown in rows)
    told = quoteattr(f"{title}. {words}")
    lines = [f'<svg class="bars" viewBox="0 0 {WIDTH} {ROW * len(rows)}" role="img" aria-label={told}>']
    for place, (label, value, shown) in enumerate(rows):
        long = HIDDEN if value is None else max(2.0, (WIDTH - VALUE) * value / most)
        lines.append(_row(label, shown, place * ROW, long, hidden=value is None, rtl=rtl))
    lines.append("</svg>")
    return mark_safe("\n".join(lines))  # noqa: S308  every text went through escape() or quoteattr()


def _row(label: str, shown: str, top: int, long: float, *, hidden: bool, rtl: bool) -> str:
    edge, begin, after = (WIDTH, WIDTH - long, WIDTH - long - 8) if rtl else (0, 0, long + 8)
    way = ' direction="rtl"' if rtl else ""
    kind = "bar-hidden" if hidden else "bar"
    return (
        f'<text class="bar-label" x="{edge}" y="{top + 18}"{way}>{escape(label)}</text>'
        f'<rect class="{kind}" x="{begin:.1f}" y="{top + 26}" width="{long:.1f}" height="16"/>'
        f'<text class="bar-value" x="{after:.1f}" y="{top + 39}"{way}>{escape(shown)}</text>'
    )
