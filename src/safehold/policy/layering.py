"""Puts an operator's version on top of the one it extends, before either is understood. For `loader` only.

A row with an id that the base has changes its keys; a row with a new id is added after the others; a setting
of the class is replaced. Nothing is taken away by leaving it out: an exception is switched off with
`off: true`. What may be changed how far is proven afterwards (see `overlay`).
"""

from safehold.policy.reading import Map, PolicyError, Seq, near

ROWS = ("questions", "clauses", "exceptions", "outcomes", "rules", "reports", "also")


def layered(base: Map, changes: Map) -> Map:
    """The class file `base` with `changes` applied. Raises PolicyError at the change that cannot be."""
    changes.only((*ROWS, *[key for key in base if key not in ROWS], "facts", "notices", "ladder"), "The changes")
    both = base.with_changes(changes)
    for section in ROWS:
        if section in changes:
            both[section] = _rows(base, changes, section)
            both.files.pop(section, None)
    if "facts" in changes:
        both["facts"] = base.take("facts", Map, "The class", Map(base.file, base.line)).with_changes(
            changes.take("facts", Map, "The changes")
        )
    return both


def _rows(base: Map, changes: Map, section: str) -> Seq:
    old = base.take(section, Seq, "The class", Seq(base.file, base.line))
    new = changes.take(section, Map, "The changes")
    rows = Seq(old.file, old.line)
    if section == "also":
        raise PolicyError(
            changes.files.get(section, changes.file), changes.lines[section],
            "Additions have no id, so they cannot be changed.", "Write an outcome or a rule instead.",
        )  # fmt: skip
    for index, row in enumerate(old):
        name = row.get("id") or row.get("use")
        rows.append(_changed(row, new, name) if name in new else row)
        rows.lines.append(old.lines[index])
    known = [row.get("id") or row.get("use") for row in old]
    for name in new:
        if name not in known:
            rows.append(_added(new, name, known))
            rows.lines.append(new.lines[name])
    return rows


def _changed(row: Map, new: Map, name: str) -> Map:
    """The row with its change: it stands where the change stands, what was not changed where it stood."""
    both = row.with_changes(new.take(name, Map, f"The change of {name!r}"))
    both.files = {**dict.fromkeys(row, row.file), **both.files}
    both.file, both.line = new.file, new.lines[name]
    return both


def _added(new: Map, name: str, known: list[str]) -> Map:
    row = new.take(name, Map, f"The new row {name!r}")
    if "when" not in row and "answers" not in row and "result" not in row:
        new.fail(name, f"There is no {name!r} to change, and this is no whole row.", near(name, known))
    whole = Map(row.file, new.lines[name])
    whole.update({"id": name, **row})
    whole.lines = {"id": new.lines[name], **row.lines}
    return whole
