"""What the public may read of the figures: numbers so small that they could point at a person are withheld.

`withhold(figures)` gives the public form. The rule, also explained on the page:

- a count of 1 to 4 is shown as "fewer than 5"; 0 is shown as 0;
- where a group's total is shown and a hidden part could be computed from it, the smallest other part is
  withheld too, or the total where there is none: else the hidden number were a subtraction away;
- a share or a median that rests on 1 to 4 cases, or whose part or rest are so few, is withheld, and a
  share that tells a count which is withheld.
"""

from typing import Any

SMALL = 5

Row = dict[str, Any]


def withhold(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures with every small number replaced by what the public may read."""
    return {
        **figures,
        "suppression": f"counts below {SMALL}",
        "sections": [{**section, "rows": _section(section["rows"])} for section in figures["sections"]],
    }


def _section(rows: list[Row]) -> list[Row]:
    public = [_row(row) for row in rows]
    by_id = {row["id"]: row for row in public}
    exact = {row["id"]: row["value"] for row in rows}
    for total in [row for row in public if row.get("parts")]:
        _guard(total, [by_id[part] for part in total["parts"]], exact)
    for row in public:  # a share of a count that is withheld would tell the count
        if row["shown"] == "value" and "tells" in row and by_id[row["tells"]]["shown"] != "value":
            row.update(value=None, shown="withheld")
    return public


def _row(row: Row) -> Row:
    public = {name: value for name, value in row.items() if name not in ("of", "part")}
    if row["value"] is None:
        return {**public, "shown": "none" if row.get("of") == 0 else "not_measured"}
    if any(0 < number < SMALL for number in _behind(row)):
        return {**public, "value": None, "shown": "few"}
    return {**public, "shown": "value"}


def _behind(row: Row) -> tuple[int, ...]:
    """The numbers of cases that the row's value would tell."""
    if row["unit"] == "share":
        return row["of"], row["part"], row["of"] - row["part"]
    return (row["of"],) if "of" in row else (row["value"],)


def _guard(total: Row, parts: list[Row], exact: dict[str, int]) -> None:
    """Withhold further numbers until no hidden part can be computed from the total and the parts shown."""
    while total["shown"] == "value":
        hidden = [part for part in parts if part["shown"] in ("few", "withheld")]
        if not hidden or not _computable(hidden, exact):
            return
        others = sorted(
            (part for part in parts if part["shown"] == "value" and part["value"]), key=lambda p: p["value"]
        )
        (others[0] if others else total).update(value=None, shown="withheld")


def _computable(hidden: list[Row], exact: dict[str, int]) -> bool:
    """Whether the sum of the hidden numbers leaves only one way to make it up."""
    if len(hidden) == 1:
        return True
    together = sum(exact[row["id"]] for row in hidden)
    least = sum(1 if row["shown"] == "few" else SMALL for row in hidden)
    most = sum(SMALL - 1 for row in hidden) if all(row["shown"] == "few" for row in hidden) else None
    return together in (least, most)
